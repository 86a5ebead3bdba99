//! Slack stalls for 20 s, and nobody who types, clicks or sends a form is kept waiting for it: each gesture is
//! acknowledged within a second, its modal opens, and its answer comes after the stall, once.
//!
//! It stalls in two ways, by both roads: calls that are held before Slack does them, and calls that Slack does and
//! answers 20 s later. Teams in the same weather is `stalled_teams.rs`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ai_crm::sim::slack::message::Message;
use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::state::OpenView;
use ai_crm::sim::slack::{Answer, Faults};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, GENERAL, GRACE, LINUS, Stage, controls, controls_of, words, words_of};

/// The promise: whatever is done is acknowledged within this time.
pub(crate) const ACKNOWLEDGED: Duration = Duration::from_secs(1);
/// How long the platform stalls.
pub(crate) const STALL: Duration = Duration::from_secs(20);
/// How long what opens a form lives.
const TRIGGER_LIFE: Duration = Duration::from_secs(3);
/// Every call that the bot makes but the one that opens a modal, which is in vain after that life.
const STALLED: [&str; 14] = [
    "auth.test",
    "users.info",
    "users.conversations",
    "views.update",
    "views.publish",
    "chat.postMessage",
    "chat.postEphemeral",
    "chat.update",
    "chat.delete",
    "conversations.info",
    "conversations.open",
    "conversations.history",
    "conversations.replies",
    "response_url",
];

/// How long each acknowledgement took, by what was done.
#[derive(Default)]
pub(crate) struct Acknowledged(Vec<(&'static str, Duration)>);

impl Acknowledged {
    pub(crate) fn note(&mut self, gesture: &'static str, took: Duration) {
        self.0.push((gesture, took));
    }

    /// Slack took it as done.
    fn by(&mut self, gesture: &'static str, answer: &Answer) -> anyhow::Result<()> {
        ensure!(answer.accepted(), "{gesture}: {answer:?}");
        self.note(gesture, answer.elapsed);
        Ok(())
    }

    /// Each was in time.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let late: Vec<_> = self.0.iter().filter(|(_, took)| *took >= ACKNOWLEDGED).collect();
        ensure!(late.is_empty(), "not within {ACKNOWLEDGED:?}: {late:?} of {:?}", self.0);
        Ok(())
    }
}

/// What is done while it stalls.
struct Gestures<'a> {
    stage: &'a Stage,
    took: Acknowledged,
}

impl Gestures<'_> {
    async fn slash(&mut self, gesture: &'static str, user: &str, text: &str) -> anyhow::Result<()> {
        let result = self.stage.slash(user, text).await?;
        ensure!(result.error.is_none() && result.status == Some(200), "{gesture}: {result:?}");
        self.took.note(gesture, result.elapsed);
        Ok(())
    }

    async fn say(&mut self, gesture: &'static str, user: &str, place: &str, text: &str) -> anyhow::Result<()> {
        let (_, answers) = self.stage.sender.say_and_deliver(user, place, text, None).await?;
        answers.iter().try_for_each(|answer| self.took.by(gesture, answer))
    }

    async fn send(&mut self, gesture: &'static str, request: &Request) -> anyhow::Result<()> {
        let answer = self.stage.sender.deliver(request).await;
        self.took.by(gesture, &answer)
    }

    async fn press(&mut self, gesture: &'static str, user: &str, card: &Message, button: &str) -> anyhow::Result<()> {
        let shown = controls(card);
        let id = shown.get(button).with_context(|| format!("no `{button}` in {shown:?}"))?;
        let (_, answer) = self.stage.sender.click(user, DEV, &card.ts, id, None).await?;
        self.took.by(gesture, &answer)
    }

    /// The modal that opens for who asked since then; it is filled in and sent.
    async fn fill_in(&mut self, gesture: &'static str, user: &str, since: Instant, title: &str) -> anyhow::Result<()> {
        let is_theirs = |open: &OpenView| open.user == user;
        let open = self.stage.sees(gesture, |world| world.views().into_iter().find(is_theirs)).await?;
        ensure!(since.elapsed() < TRIGGER_LIFE, "{gesture}: the modal opened after {:?}", since.elapsed());
        let filled = BTreeMap::from([("title".to_owned(), title.to_owned())]);
        let filled = self.stage.sender.fill_in(&open.id, &filled)?;
        let sent = self.stage.sender.submit_view(&open.id, &filled).await?;
        ensure!(sent.answer.body.is_empty() && sent.response_action.is_none(), "{gesture}: {sent:?}");
        self.took.by(gesture, &sent.answer)
    }
}

/// The cards in the channel before it stalls.
struct Before {
    button: Message,
    menu: Message,
    of_nobody_known: Message,
    choice: String,
    /// The menu of a task in the Home of Ada.
    in_home: String,
}

/// Two people are known and there is something to press.
async fn before(stage: &Stage) -> anyhow::Result<Before> {
    stage.answer(GRACE, "help").await?;
    let button = stage.answer(ADA, "task create \"Pressed by who is known\"").await?;
    let menu = stage.answer(ADA, "task create \"Tune the indexes of the shop\"").await?;
    let of_nobody_known = stage.answer(ADA, "task create \"Pressed by who is not known\"").await?;
    let actions = menu.blocks.iter().filter(|block| block["type"] == "actions");
    let mut offered = actions.flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let choice = offered.find_map(|it| it["options"][0]["value"].as_str()).context("an agent")?.to_owned();
    stage.answer(ADA, "task create \"Chosen at home\" --to me").await?;
    ensure!(stage.sender.deliver(&stage.sender.open_tab(ADA, "home")?).await.accepted());
    stage.rest().await?;
    let in_home = controls_of(&home_of(stage, ADA)?).remove("T-4 Chosen at home").context("a menu in the Home")?;
    Ok(Before { button, menu, of_nobody_known, choice, in_home })
}

/// What the Home of a person shows.
fn home_of(stage: &Stage, person: &str) -> anyhow::Result<Vec<Value>> {
    let home = stage.world().home(person).with_context(|| format!("{person} has no Home"))?;
    Ok(home.view["blocks"].as_array().cloned().unwrap_or_default())
}

/// Everything that people do on Slack, one after the other. Of Linus the bot knows nothing yet.
async fn do_everything(stage: &Stage, before: &Before) -> anyhow::Result<Acknowledged> {
    let mut all = Gestures { stage, took: Acknowledged::default() };
    all.slash("a command of who is known", ADA, "task create \"Typed by Ada\"").await?;
    all.slash("a command of who is not known", LINUS, "task create \"Typed by Linus\"").await?;
    all.slash("a command behind one that waits", ADA, "task create \"Typed behind\"").await?;
    all.say("a mention", ADA, GENERAL, "<@U0BOT0001> task create \"Said by Ada\"").await?;
    all.say("a question for the asker alone", ADA, GENERAL, "<@U0BOT0001> whoami").await?;
    all.say("a mention by who is not known", LINUS, GENERAL, "<@U0BOT0001> task create \"Said by Linus\"").await?;
    all.say("a direct message", GRACE, "D0GRACE01", "task create \"Said in person\"").await?;
    all.press("a click", ADA, &before.button, "Start").await?;
    all.press("a click by who is not known", LINUS, &before.of_nobody_known, "Block").await?;
    let menu = controls(&before.menu).get("Assign agent").cloned().context("a menu")?;
    let chosen = stage.sender.prepare_click(ADA, DEV, &before.menu.ts, &menu, Some(&before.choice))?;
    all.send("a choice from a menu", &chosen.request).await?;
    let chosen = stage.sender.prepare_click_at_home(ADA, &before.in_home, Some("in-progress"))?;
    all.send("a choice in the Home", &chosen).await?;
    all.send("the Home opened", &stage.sender.open_tab(GRACE, "home")?).await?;

    let since = Instant::now();
    all.send("a shortcut", &stage.sender.prepare_shortcut(ADA, "task_create")?).await?;
    all.fill_in("a form of a shortcut", ADA, since, "Filled in by Ada").await?;
    let said = stage.sender.say(LINUS, DEV, "Of a message", None)?.message;
    let since = Instant::now();
    let chosen = stage.sender.prepare_message_action(LINUS, DEV, &said.ts, "task_from_message")?;
    all.send("a shortcut of a message", &chosen).await?;
    all.fill_in("a form of a message", LINUS, since, "Filled in by Linus").await?;
    let since = Instant::now();
    all.slash("the bare command", GRACE, "task create").await?;
    all.fill_in("a form of a command", GRACE, since, "Filled in by Grace").await?;
    Ok(all.took)
}

/// How often the bot says something, anywhere.
fn times_said(stage: &Stage, part: &str) -> Vec<String> {
    let places = [GENERAL, DEV, "D0ADA0001", "D0GRACE01", "D0LINUS01"];
    let said = places.into_iter().flat_map(|place| stage.said(place));
    said.filter(|message| words(message).contains(part)).map(|it| format!("{}: {}", it.channel, words(&it))).collect()
}

/// Every answer is there, once.
async fn everything_is_answered(stage: &Stage, before: &Before) -> anyhow::Result<()> {
    let answers = [
        "Typed by Ada",
        "Typed by Linus",
        "Typed behind",
        "Said by Ada",
        "Said by Linus",
        "Said in person",
        "Filled in by Ada",
        "Filled in by Linus",
        "Filled in by Grace",
    ];
    let asked = times_said(stage, "You are ada");
    ensure!(asked.len() == 1, "{asked:#?}");
    for answer in answers {
        let said = times_said(stage, answer);
        ensure!(said.len() == 1, "`{answer}` is said {} times: {said:#?}", said.len());
    }
    for (card, part) in
        [(&before.button, "in-progress"), (&before.menu, &*before.choice), (&before.of_nobody_known, "blocked")]
    {
        let shown = stage.world().message(DEV, &card.ts).context("the card is there")?;
        ensure!(words(&shown).contains(part), "`{part}` is not in {}", words(&shown));
    }
    for (title, times) in [("Pressed by who is known", 1), ("Tune the indexes", 1), ("Pressed by who is not known", 2)]
    {
        // Ada made the task that Linus has blocked, and is told in person.
        let said = times_said(stage, title);
        ensure!(said.len() == times, "`{title}` is said {} times: {said:#?}", said.len());
    }
    for (person, part) in [(GRACE, "You have no open tasks"), (ADA, "T-4 Chosen at home (in-progress")] {
        let read = words_of(&home_of(stage, person)?);
        ensure!(read.contains(part), "`{part}` is not in {read}");
    }
    ensure!(stage.world().duplicates().is_empty(), "{:?}", stage.world().duplicates());

    let listed = stage.api().post("/tools/task.list", &json!({"limit": 100})).await?;
    let tasks = listed["result"]["tasks"].as_array().context("tasks")?;
    let mut titles: Vec<&str> = tasks.iter().filter_map(|task| task["title"].as_str()).collect();
    titles.retain(|title| answers.contains(title));
    ensure!(titles.len() == answers.len(), "{titles:?}");
    let ended: Vec<Value> = stage.api().events(None).await?;
    let broken: Vec<&Value> =
        ended.iter().filter(|it| !["done", "ignored"].iter().any(|end| it["state"] == *end)).collect();
    ensure!(broken.is_empty(), "{broken:#?}");
    Ok(())
}

/// A workspace stalls while everything is done there, and goes on after 20 s.
async fn everything_while_it_stalls(stage: Stage, faults: Faults) -> anyhow::Result<()> {
    let cards = before(&stage).await?;
    let began = Instant::now();
    stage.world().set_faults(Faults { methods: STALLED.map(ToOwned::to_owned).to_vec(), ..faults });
    let took = do_everything(&stage, &cards).await?;
    let done_after = began.elapsed();
    took.check()?;
    ensure!(done_after < STALL, "it did not stall for all of it, which took {done_after:?}");
    // What is tested is a stall of so long; there is no condition to wait for.
    tokio::time::sleep(STALL.saturating_sub(done_after)).await;
    stage.world().set_faults(Faults::default());
    stage.rest().await.with_context(|| stage.plan.log())?;
    everything_is_answered(&stage, &cards).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_slack_does_nothing_for_20_s_all_is_acknowledged_in_1_s_and_then_answered_once() -> anyhow::Result<()> {
    let stalls = Faults { latency_ms: 20_000, ..Faults::default() };
    everything_while_it_stalls(Stage::set().await?, stalls).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_slack_says_nothing_for_20_s_all_is_acknowledged_in_1_s_and_then_answered_once() -> anyhow::Result<()> {
    let stalls = Faults { stall: 1.0, stall_ms: 20_000, ..Faults::default() };
    everything_while_it_stalls(Stage::by_socket(&[]).await?, stalls).await
}
