//! Teams stalls for 20 s, and nobody who writes, presses or sends a form is kept waiting for it: each gesture is
//! acknowledged within a second, its dialog opens, and its answer comes after the stall, once.
//!
//! It stalls in two ways: calls that are held before Teams does them, and calls that Teams does and answers 20 s later.
//! Slack in the same weather is `stalled.rs`.

use std::time::Instant;

use ai_crm::sim::fault::Faults;
use ai_crm::sim::teams::press::{Press, Shown};
use ai_crm::sim::teams::search::Search;
use ai_crm::sim::teams::seed::{DEV, GENERAL, GROUP};
use ai_crm::sim::teams::{Answer, Message};
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::stalled::{Acknowledged, STALL};
use crate::teams::{Team, shown};

/// Every call that the bot makes.
const STALLED: [&str; 10] =
    ["metadata", "keys", "token", "create", "send", "reply", "update", "delete", "members", "team"];

/// What is done while it stalls.
struct Gestures<'a> {
    team: &'a Team,
    took: Acknowledged,
}

impl Gestures<'_> {
    fn by(&mut self, gesture: &'static str, answer: &Answer) -> anyhow::Result<()> {
        ensure!(answer.accepted(), "{gesture}: {answer:?}");
        self.took.note(gesture, answer.elapsed);
        Ok(())
    }

    async fn say(&mut self, gesture: &'static str, who: &str, place: &str, text: &str) -> anyhow::Result<()> {
        let (_, answer) = self.team.sender.say_and_deliver(who, place, text, None).await?;
        self.by(gesture, &answer.context("the bot is told nothing of it")?)
    }

    async fn press(
        &mut self,
        gesture: &'static str,
        who: &str,
        place: &str,
        press: Press<'_>,
    ) -> anyhow::Result<Shown> {
        let (answers, seen) = self.team.sender.press(who, place, &press).await?;
        answers.iter().try_for_each(|answer| self.by(gesture, answer))?;
        Ok(seen)
    }

    /// Opens a dialog, and sends what is filled in.
    async fn form(
        &mut self,
        (opened, sent): (&'static str, &'static str),
        (who, place): (&str, &str),
        fetch: Value,
        title: &str,
    ) -> anyhow::Result<()> {
        let sender = &self.team.sender;
        let answer = sender.deliver(&fetch).await;
        self.by(opened, &answer)?;
        let Shown::Dialog { task } = sender.see_dialog(&answer) else { bail!("{opened}: {answer:?}") };
        let extension = fetch["value"]["commandId"].as_str();
        let submit = sender.prepare_submit(who, place, &task, &[format!("title={title}")], extension)?;
        let answer = sender.deliver(&submit).await;
        self.by(sent, &answer)?;
        let seen = sender.see_dialog(&answer);
        ensure!(matches!(&seen, Shown::Text { text } if text.starts_with("Taken.")), "{sent}: {seen:?}");
        Ok(())
    }
}

/// The cards that are there before it stalls.
struct Before {
    known: Message,
    not_known: Message,
    old_client: Message,
}

/// Two people are known and there is something to press.
async fn before(team: &Team) -> anyhow::Result<Before> {
    team.say("grace", "personal-grace", "help").await?;
    let mut cards = Vec::new();
    for (place, title) in
        [(DEV, "Pressed by who is known"), (GROUP, "Pressed by who is not known"), (DEV, "Pressed in an old client")]
    {
        team.say("ada", place, &format!("@AI-CRM task create \"{title}\"")).await?;
        cards.push(team.sees("ada", place, title).await?);
    }
    team.rest().await?;
    let [known, not_known, old_client] = <[Message; 3]>::try_from(cards).map_err(|_| anyhow::anyhow!("three cards"))?;
    Ok(Before { known, not_known, old_client })
}

fn press<'a>(label: &'a str, card: &'a Message) -> Press<'a> {
    Press { label, message: Some(&card.id), ..Press::default() }
}

/// Everything that people do in Teams, one after the other. Of Linus the bot knows nothing yet.
async fn do_everything(team: &Team, before: &Before) -> anyhow::Result<Acknowledged> {
    let mut all = Gestures { team, took: Acknowledged::default() };
    all.say("a mention", "ada", DEV, "@AI-CRM task create \"Said by Ada\"").await?;
    all.say("a mention by who is not known", "linus", GROUP, "@AI-CRM task create \"Said by Linus\"").await?;
    all.say("a mention behind one that waits", "ada", GROUP, "@AI-CRM task create \"Said behind\"").await?;
    all.say("a personal message", "grace", "personal-grace", "task create \"Said in person\"").await?;

    let seen = all.press("a press", "ada", DEV, press("Done", &before.known)).await?;
    ensure!(matches!(&seen, Shown::Card { .. }), "the card needs no call: {seen:?}");
    let seen = all.press("a press by who is not known", "linus", GROUP, press("Block", &before.not_known)).await?;
    ensure!(matches!(&seen, Shown::Text { text } if text.starts_with("Taken.")), "{seen:?}");
    let old = Press { submit: true, ..press("Start", &before.old_client) };
    all.press("a press in an old client", "ada", DEV, old).await?;

    let value = json!({"data": {"ai-crm": {"form": "task.create"}}, "context": {"theme": "default"}});
    for (who, place, title) in [("ada", DEV, "Filled in by Ada"), ("linus", GENERAL, "Filled in by Linus")] {
        let fetch = team.sender.invoke(who, place, "task/fetch", &value)?;
        all.form(("a dialog opened", "a dialog sent"), (who, place), fetch, title).await?;
    }
    let value = json!({"commandId": "task_from_message", "commandContext": "message",
        "messagePayload": {"body": {"contentType": "text", "content": "Of a message"}}});
    let fetch = team.sender.invoke("grace", GENERAL, "composeExtension/fetchTask", &value)?;
    let named = ("an action on a message", "a dialog of it sent");
    all.form(named, ("grace", GENERAL), fetch, "Filled in by Grace").await?;

    let query = Search { command: "task_search", parameter: "words", words: "pressed", skip: 0 };
    let (answer, seen) = team.sender.search("ada", DEV, query).await?;
    all.by("a search", &answer)?;
    let Shown::Results { results } = seen else { bail!("a search: {answer:?}") };
    ensure!(results.as_array().map(Vec::len) == Some(3), "it finds without a call: {results}");
    Ok(all.took)
}

/// The messages of the bot that say something, anywhere.
fn said(team: &Team, part: &str) -> anyhow::Result<Vec<Message>> {
    let mut found = Vec::new();
    for place in [DEV, GENERAL, GROUP, "personal-ada", "personal-grace", "personal-linus"] {
        let all = team.sim.world().messages(&team.place(place)?);
        found.extend(all.into_iter().filter(|message| message.is_by_bot() && shown(message).contains(part)));
    }
    Ok(found)
}

/// Every answer is there, once.
async fn everything_is_answered(team: &Team, before: &Before) -> anyhow::Result<()> {
    let answers = [
        "Said by Ada",
        "Said by Linus",
        "Said behind",
        "Said in person",
        "Filled in by Ada",
        "Filled in by Linus",
        "Filled in by Grace",
    ];
    for answer in answers {
        let found = said(team, answer)?;
        ensure!(found.len() == 1, "`{answer}` is said {} times: {found:#?}", found.len());
    }
    for (card, part, times) in [
        (&before.known, "done", 1),
        // Ada made the task that Linus has blocked, and is told in person.
        (&before.not_known, "blocked", 2),
        (&before.old_client, "in-progress", 1),
    ] {
        let now = team.sim.world().message(&card.conversation, &card.id).context("the card is there")?;
        ensure!(shown(&now).contains(part), "`{part}` is not in {}", shown(&now));
        let title = shown(card).lines().find(|line| line.contains("Pressed")).context("a title")?.to_owned();
        let title = title.trim_start_matches(|it: char| !it.is_whitespace()).trim();
        let found = said(team, title)?;
        ensure!(found.len() == times, "`{title}` is said {} times: {found:#?}", found.len());
    }
    ensure!(team.sim.world().duplicates().is_empty(), "{:?}", team.sim.world().duplicates());
    let listed = team.api().post("/tools/task.list", &json!({"limit": 100})).await?;
    let tasks = listed["result"]["tasks"].as_array().context("tasks")?;
    let mut titles: Vec<&str> = tasks.iter().filter_map(|task| task["title"].as_str()).collect();
    titles.retain(|title| answers.contains(title));
    ensure!(titles.len() == answers.len(), "{titles:?}");
    Ok(())
}

/// Teams stalls while everything is done there, and goes on after 20 s.
async fn everything_while_it_stalls(faults: Faults) -> anyhow::Result<()> {
    let team = Team::set().await?;
    let cards = before(&team).await?;
    let began = Instant::now();
    team.sim.world().set_faults(Faults { methods: STALLED.map(ToOwned::to_owned).to_vec(), ..faults });
    let took = do_everything(&team, &cards).await?;
    let done_after = began.elapsed();
    took.check()?;
    ensure!(done_after < STALL, "it did not stall for all of it, which took {done_after:?}");
    // What is tested is a stall of so long; there is no condition to wait for.
    tokio::time::sleep(STALL.saturating_sub(done_after)).await;
    team.sim.world().set_faults(Faults::default());
    team.rest().await?;
    everything_is_answered(&team, &cards).await?;
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_teams_does_nothing_for_20_s_all_is_acknowledged_in_1_s_and_then_answered_once() -> anyhow::Result<()> {
    everything_while_it_stalls(Faults { latency_ms: 20_000, ..Faults::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_teams_says_nothing_for_20_s_all_is_acknowledged_in_1_s_and_then_answered_once() -> anyhow::Result<()> {
    everything_while_it_stalls(Faults { stall: 1.0, stall_ms: 20_000, ..Faults::default() }).await
}
