//! Teams from outside: the real binary with the stand-in for Teams, and what people there see.
//!
//! A test says who does what and what is seen. What must be true at the end of every test stands in [`Team::end`].

use std::collections::VecDeque;
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::sim::fault::{Fate, Faults};
use ai_crm::sim::teams::press::{Press, Shown};
use ai_crm::sim::teams::seed::{APP_ID, APP_PASSWORD, DEV, GROUP, MEETING, OTHER_TENANT, TENANT};
use ai_crm::sim::teams::{App, Manner, Message, Sender, SenderConfig, TeamsSim, TeamsWorld, Variant};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::PATIENCE;
use crate::support::api::{Api, http_client};
use crate::support::server::{Server, ServerPlan};
use crate::support::until;

/// A bot, and a tenant of Teams in which it is installed.
pub(crate) struct Team {
    pub(crate) _folder: TempDir,
    pub(crate) plan: ServerPlan,
    pub(crate) sim: TeamsSim,
    pub(crate) sender: Sender,
    pub(crate) server: Server,
}

impl Team {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        Self::set_with(&[]).await
    }

    pub(crate) async fn set_with(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        http_client()?;
        let sim = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock::system())).await?;
        let mut plan = ServerPlan::new(&folder.path().join("data"))
            .with("MICROSOFT_APP_ID", APP_ID)
            .with("MICROSOFT_APP_PASSWORD", APP_PASSWORD)
            .with("MICROSOFT_APP_TENANT_ID", TENANT)
            .with("MICROSOFT_LOGIN_URL", &sim.login_url())
            .with("MICROSOFT_OPENID_METADATA_URL", &sim.metadata_url())
            .with("MICROSOFT_SERVICE_HOSTS", &sim.service_host())
            .with("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "0");
        for (name, value) in variables {
            plan = plan.with(name, value);
        }
        let server = plan.start().await?;
        let sender = Sender::new(sim.world().clone(), SenderConfig::new(server.base_url()))?;
        Ok(Self { _folder: folder, plan, sim, sender, server })
    }

    pub(crate) fn api(&self) -> &Api {
        self.server.api()
    }

    /// Somebody says something, and the bot takes it.
    pub(crate) async fn say(&self, who: &str, place: &str, text: &str) -> anyhow::Result<Message> {
        let (message, answer) = self.sender.say_and_deliver(who, place, text, None).await?;
        let answer = answer.context("the bot is told nothing of it")?;
        ensure!(answer.accepted(), "`{text}`: {answer:?}");
        Ok(message)
    }

    /// The first message of the bot in a place that contains some words, as this person sees it.
    pub(crate) async fn sees(&self, who: &str, place: &str, words: &str) -> anyhow::Result<Message> {
        let user = self.sim.world().user(who).context("nobody of that name")?;
        let (place, wanted) = (self.place(place)?, words.to_owned());
        let found = self.sim.world().wait_for(PATIENCE, |world| {
            let said = world.messages(&place).into_iter().filter(|message| message.is_by_bot());
            said.filter(|message| message.is_seen_by(&user.id)).find(|message| shown(message).contains(&wanted))
        });
        let log = || format!("nobody sees `{words}`: {:#?}\n{}", self.sim.world().messages(&place), self.plan.log());
        found.await.with_context(log)
    }

    pub(crate) fn place(&self, name: &str) -> anyhow::Result<String> {
        Ok(self.sim.world().conversation(name).with_context(|| format!("no place {name}"))?.id)
    }

    /// Sends an activity as it is; gives the status.
    async fn status(&self, activity: &Value) -> Option<u16> {
        self.sender.deliver(activity).await.status
    }

    pub(crate) async fn rest(&self) -> anyhow::Result<()> {
        until(PATIENCE, "every event has ended and nothing is owed", || async {
            let mut left = 0;
            for (path, list) in [("/events?state=waiting", "events"), ("/effects?state=owed", "effects")] {
                left += self.api().get(path).await?[list].as_array().map_or(0, Vec::len);
            }
            Ok((left == 0).then_some(()))
        })
        .await
    }

    /// Killed, where what is under way is none of the test's.
    pub(crate) fn killed_for_good(self) {
        self.server.kill();
    }

    /// Killed and started again, with everything well around it.
    pub(crate) async fn killed(self) -> anyhow::Result<Self> {
        let Self { _folder, plan, sim, server, .. } = self;
        server.kill();
        sim.world().set_faults(Faults::default());
        let server = plan.start().await?;
        let sender = Sender::new(sim.world().clone(), SenderConfig::new(server.base_url()))?;
        Ok(Self { _folder, plan, sim, sender, server })
    }

    /// The end of every test: nothing waits, nothing was given up, Teams refused nothing, the chain is whole.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.end_but_for(0, &[]).await
    }

    /// The end of a test in which so many effects are given up, and Teams refuses some calls.
    pub(crate) async fn end_but_for(self, dead: usize, refusals: &[&str]) -> anyhow::Result<()> {
        self.rest().await?;
        let given_up = self.api().get("/effects?state=dead").await?;
        ensure!(given_up["effects"].as_array().map_or(0, Vec::len) == dead, "given up: {given_up}");
        let mut refused = self.sim.world().violations();
        refused.retain(|violation| !refusals.contains(&violation.error.as_str()));
        ensure!(refused.is_empty(), "Teams refused: {refused:#?}");
        ensure!(self.api().get("/audit/verify").await?["valid"] == true, "the audit chain is broken");
        ensure!(self.server.stop().await?.success(), "the server did not end well: {}", self.plan.log());
        let log = self.plan.log();
        let faults: Vec<&str> = log.lines().filter(|line| line.contains("\"ERROR\"")).collect();
        ensure!(faults.is_empty(), "faults were logged: {faults:#?}");
        self.sim.stop().await;
        Ok(())
    }
}

/// The words of a card, as they stand in it.
pub(crate) fn shown(message: &Message) -> String {
    let mut words = Vec::new();
    message.cards().for_each(|card| collect(card, &mut words));
    words.join("\n")
}

fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields.iter().filter(|(name, _)| !matches!(name.as_str(), "fallback" | "fallbackText"))
            {
                match (name.as_str(), inner) {
                    ("text" | "title" | "value", Value::String(text)) => words.push(text.clone()),
                    // The runs of one line stand side by side.
                    ("inlines", Value::Array(runs)) => {
                        let text = |run: &Value| run.as_str().or(run["text"].as_str()).map(str::to_owned);
                        words.push(runs.iter().filter_map(text).collect());
                    }
                    _ => collect(inner, words),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_is_answered_in_its_thread_and_a_chat_without_one() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let asked = team.say("ada", DEV, "@AI-CRM task create \"Implement user auth\" --agent security-auditor").await?;
    let card = team.sees("grace", DEV, "Implement user auth").await?;
    assert_eq!(card.root.as_deref(), Some(asked.id.as_str()), "it stands in the thread of who asked");
    assert!(shown(&card).contains("T-1") && shown(&card).contains("security-auditor"), "{}", shown(&card));
    team.say("ada", "personal-ada", "task list").await?;
    let list = team.sees("ada", "personal-ada", "Implement user auth").await?;
    assert_eq!(list.only_for, None, "in a chat of two nobody else reads along");
    team.say("grace", GROUP, "@AI-CRM: create task “Say hello” –-priority high").await?;
    let second = team.sees("linus", GROUP, "Say hello").await?;
    assert!(shown(&second).contains("high"), "{}", shown(&second));
    // Talk among people is none of the bot's business.
    let (_, told) = team.sender.say_and_deliver("ada", DEV, "lunch?", None).await?;
    assert!(told.is_none());
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_changes_the_card_for_all_and_is_answered_at_once() -> anyhow::Result<()> {
    let team = Team::set().await?;
    team.say("ada", DEV, "@AI-CRM task create \"Press me\"").await?;
    let card = team.sees("ada", DEV, "Press me").await?;
    let press = |label| Press { label, message: Some(&card.id), ..Press::default() };
    let (answers, seen) = team.sender.press("grace", DEV, &press("Done")).await?;
    assert!(matches!(&seen, Shown::Card { card } if card.to_string().contains("Press me")), "{answers:?} {seen:?}");
    let dev = team.place(DEV)?;
    let edited =
        team.sim.world().wait_for(PATIENCE, |world| world.message(&dev, &card.id).filter(|message| message.edits > 0));
    let edited = edited.await.context("the card did not change")?;
    assert!(shown(&edited).to_lowercase().contains("done") && shown(&edited).contains("Reopen"), "{}", shown(&edited));
    // An old client sends the same press as a message without words.
    let reopen = Press { label: "Reopen", message: Some(&card.id), submit: true, ..Press::default() };
    team.sender.press("ada", DEV, &reopen).await?;
    let again =
        team.sim.world().wait_for(PATIENCE, |world| world.message(&dev, &card.id).filter(|message| message.edits > 1));
    assert!(shown(&again.await.context("the card did not change again")?).contains("Start"));
    let said = team.sim.world().messages(&dev).into_iter().filter(Message::is_by_bot).count();
    assert_eq!(said, 1, "one card, changed in place");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_tokens_are_refused_counted_and_forgotten() -> anyhow::Result<()> {
    let team = Team::set_with(&[("AI_CRM__LOG__FILTER", "debug")]).await?;
    let said = team.sender.say("ada", "personal-ada", "task create zebra-4711", None)?;
    let activity = said.activity.context("nothing to send")?;
    for variant in Variant::WRONG {
        let answer = team.sender.send(&team.sender.sign(&activity, variant)).await;
        assert_eq!(answer.status, Some(401), "{variant:?}: {}", answer.body);
    }
    assert!(team.api().events(None).await?.is_empty());
    assert!(!team.plan.log().contains("zebra-4711"));
    let page = http_client()?.get(format!("{}/metrics", team.server.base_url())).send().await?.text().await?;
    for reason in ["wrong signature", "expired", "not yet valid", "no token", "wrong audience", "wrong issuer"] {
        let line = format!("ai_crm_requests_unauthentic_total{{channel=\"teams\",reason=\"{reason}\"}} ");
        let count = page.lines().find_map(|it| it.strip_prefix(&line)).with_context(|| format!("no {line}: {page}"))?;
        assert!(count.parse::<u64>()? >= 1, "{line}{count}");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_new_is_fetched_when_it_is_first_named() -> anyhow::Result<()> {
    let team = Team::set().await?;
    team.say("ada", "personal-ada", "task create \"By the old key\"").await?;
    team.sim.world().rotate_keys();
    team.say("ada", "personal-ada", "task create \"By the new key\"").await?;
    team.sees("ada", "personal-ada", "By the new key").await?;
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_misaddressed_malformed_or_of_another_company_is_refused() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let good = team.sender.say("ada", "personal-ada", "task list", None)?.activity.context("nothing to send")?;
    let changed = |pointer: &str, value: Value| {
        let mut activity = good.clone();
        if let Some(field) = activity.pointer_mut(pointer) {
            *field = value;
        }
        activity
    };
    let mut foreign = changed("/conversation/tenantId", json!(OTHER_TENANT));
    foreign["channelData"]["tenant"]["id"] = json!(OTHER_TENANT);
    let table = [
        (changed("/serviceUrl", json!("https://evil.example/")), 401),
        (changed("/channelId", json!("brandnew")), 403),
        (foreign, 403),
        (changed("/channelData/tenant/id", json!(OTHER_TENANT)), 403),
        (json!([]), 400),
    ];
    for (activity, status) in table {
        assert_eq!(team.status(&activity).await, Some(status), "{activity}");
    }
    for (name, value) in [("task/fetch", json!({})), ("brand/new", json!({})), ("adaptiveCard/action", json!({}))] {
        let invoke = team.sender.invoke("ada", "personal-ada", name, &value)?;
        assert_eq!(team.status(&invoke).await, Some(501), "{name}");
    }
    let url = format!("{}/api/messages", team.server.base_url());
    let signed = team.sender.sign(&good, Variant::Genuine);
    let bearer = signed.authorization.clone().unwrap_or_default();
    let send = |kind: &'static str, body: Vec<u8>| {
        let request = http_client().map(|client| client.post(&url).header("content-type", kind));
        let bearer = bearer.clone();
        async move { Ok::<_, anyhow::Error>(request?.header("authorization", bearer).body(body).send().await?.status()) }
    };
    assert_eq!(send("text/plain", signed.body.clone().into()).await?, 415);
    assert_eq!(announced(&team, &bearer, 2 << 20).await?, 413);
    assert_eq!(send("application/json", b"{\"type\":\"message\",\"text\":\"\xff\"}".to_vec()).await?, 400);
    assert_eq!(http_client()?.get(&url).send().await?.status(), 405);
    team.end().await
}

/// The status by which a body is answered that is announced and never sent: it is refused by its length alone.
async fn announced(team: &Team, bearer: &str, length: usize) -> anyhow::Result<u16> {
    let address = team.server.base_url().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let head = format!(
        "POST /api/messages HTTP/1.1\r\nhost: bot\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await??;
    Ok(std::str::from_utf8(&answer[9..])?.parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_often_it_comes_it_is_done_once() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let said = team.sender.say("ada", DEV, "@AI-CRM task create Once", None)?;
    let activity = said.activity.context("nothing to send")?;
    for answer in team.sender.deliver_as(&activity, Manner::Twice).await {
        assert_eq!(answer.status, Some(200));
    }
    let card = team.sees("ada", DEV, "Once").await?;
    let press = Press { label: "Start", message: Some(&card.id), ..Press::default() };
    let (answers, _) = team.sender.press_as("ada", DEV, &press, Manner::Twice).await?;
    assert!(answers.iter().all(|answer| answer.status == Some(200)), "{answers:?}");
    team.rest().await?;
    let made: Vec<Value> = team.api().events(None).await?;
    assert_eq!(made.len(), 2, "{made:#?}");
    assert!(team.sim.world().duplicates().is_empty());
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_installs_it_is_greeted_once() -> anyhow::Result<()> {
    let team = Team::set().await?;
    for place in [GROUP, "personal-ada", GROUP] {
        for activity in team.sender.install("ada", place)? {
            assert_eq!(team.status(&activity).await, Some(200), "{activity}");
        }
        team.sees("ada", place, "What you may ask here").await?;
    }
    for activity in team.sender.uninstall("ada", GROUP)? {
        assert_eq!(team.status(&activity).await, Some(200), "{activity}");
    }
    team.rest().await?;
    for place in [GROUP, "personal-ada"] {
        let said = team.sim.world().messages(&team.place(place)?);
        assert_eq!(said.iter().filter(|message| message.is_by_bot()).count(), 1, "{place}: {said:#?}");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_and_refusals_are_for_the_eyes_of_who_asked() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let ada = team.sim.world().user("ada").context("no ada")?.id;
    team.say("ada", DEV, "@AI-CRM task crate x").await?;
    let mistake = team.sees("ada", DEV, "task create").await?;
    assert_eq!(mistake.only_for.as_deref(), Some(ada.as_str()));
    team.say("guest", GROUP, "@AI-CRM task create \"Not for guests\"").await?;
    let guest = team.sim.world().user("guest").context("no guest")?.id;
    let refusal = team.sees("guest", GROUP, "may not").await?;
    assert_eq!(refusal.only_for.as_deref(), Some(guest.as_str()));
    team.say("stranger", MEETING, "@AI-CRM task list").await?;
    let stranger = team.sim.world().user("stranger").context("no stranger")?.id;
    let refusal = team.sees("stranger", MEETING, "may not").await?;
    assert_eq!(refusal.only_for.as_deref(), Some(stranger.as_str()));
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_teams_has_no_room_for_comes_later_and_a_lost_answer_is_not_repeated() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let fates = |fates: &[Fate]| {
        let script = VecDeque::from(fates.to_vec());
        team.sim.world().set_faults(Faults { script, methods: vec!["send".to_owned()], ..Faults::default() });
    };
    fates(&[Fate::ServerError, Fate::RateLimited]);
    team.say("ada", "personal-ada", "task create \"After the storm\"").await?;
    team.sees("ada", "personal-ada", "After the storm").await?;
    team.rest().await?;
    fates(&[Fate::LostAnswer]);
    team.say("ada", "personal-ada", "task create \"Told nobody\"").await?;
    team.sees("ada", "personal-ada", "Told nobody").await?;
    team.rest().await?;
    let chat = team.place("personal-ada")?;
    let cards = team.sim.world().messages(&chat).into_iter().filter(|message| shown(message).contains("Told nobody"));
    assert_eq!(cards.count(), 1, "it is not posted again");
    let dead = team.api().get("/effects?state=dead").await?;
    let reason = dead["effects"][0].to_string();
    assert!(reason.contains("may have arrived"), "the owner is told: {reason}");
    // A token that ends early is asked for anew.
    team.sim.world().set_faults(Faults::default());
    team.sim.world().expire_tokens();
    team.say("ada", "personal-ada", "task create \"With a fresh token\"").await?;
    team.sees("ada", "personal-ada", "With a fresh token").await?;
    team.end_but_for(1, &["Unauthorized"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_before_a_kill_is_answered_after_it() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let methods = ["send", "members", "token"].map(str::to_owned).to_vec();
    team.sim.world().set_faults(Faults { refused: 1.0, methods, ..Faults::default() });
    team.say("ada", DEV, "@AI-CRM task create \"Survives\"").await?;
    let team = team.killed().await?;
    team.sees("ada", DEV, "Survives").await?;
    team.rest().await?;
    assert!(team.sim.world().duplicates().is_empty());
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_platform_delays_no_acknowledgement() -> anyhow::Result<()> {
    let team = Team::set().await?;
    team.say("ada", "personal-ada", "task create \"Known by now\"").await?;
    let card = team.sees("ada", "personal-ada", "Known by now").await?;
    let methods = ["send", "update", "members", "token"].map(str::to_owned).to_vec();
    team.sim.world().set_faults(Faults { stall: 1.0, stall_ms: 20_000, methods, ..Faults::default() });
    let press = Press { label: "Done", message: Some(&card.id), ..Press::default() };
    let (answers, seen) = team.sender.press("ada", "personal-ada", &press).await?;
    assert!(answers.iter().all(|answer| answer.elapsed < Duration::from_secs(1)), "{answers:?}");
    assert!(matches!(seen, Shown::Card { .. }), "the card needs no call: {seen:?}");
    let (_, answer) = team.sender.say_and_deliver("ada", DEV, "@AI-CRM task list", None).await?;
    assert!(answer.is_some_and(|answer| answer.accepted() && answer.elapsed < Duration::from_secs(1)));
    team.sim.world().set_faults(Faults::default());
    team.server.kill();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_see_nothing_of_each_other() -> anyhow::Result<()> {
    let team = Team::set_with(&[("AI_CRM__CHANNELS__TEAMS__TENANTS", OTHER_TENANT)]).await?;
    team.say("ada", "personal-ada", "task create \"Ours alone\"").await?;
    team.sees("ada", "personal-ada", "Ours alone").await?;
    let mut theirs = team
        .sender
        .say("stranger", "personal-stranger", "task list", None)?
        .activity
        .context("the bot is told nothing")?;
    theirs["conversation"]["tenantId"] = json!(OTHER_TENANT);
    theirs["channelData"]["tenant"]["id"] = json!(OTHER_TENANT);
    assert_eq!(team.status(&theirs).await, Some(200));
    let other = format!("teams-{OTHER_TENANT}");
    until(PATIENCE, "the other tenant's event has ended", || async {
        let page = team.api().get(&format!("/events?tenant={other}")).await?;
        let ended = page["events"][0]["state"].as_str().is_some_and(|state| state != "waiting");
        Ok(ended.then_some(()))
    })
    .await?;
    let chat = team.place("personal-stranger")?;
    let seen = team
        .sim
        .world()
        .wait_for(PATIENCE, |world| world.messages(&chat).into_iter().find(|message| message.is_by_bot()));
    let seen = seen.await.context("no answer to the other tenant")?;
    assert!(!shown(&seen).contains("Ours alone"), "{}", shown(&seen));
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_proves_the_token_and_the_keys() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let found = team.api().get("/doctor").await?;
    let of_teams: Vec<&Value> = found["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|finding| ["teams", "teams keys"].iter().any(|what| finding["what"] == *what))
        .collect();
    assert!(of_teams.len() == 2 && of_teams.iter().all(|finding| finding["state"] == "good"), "{found}");
    team.end().await
}
