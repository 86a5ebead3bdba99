//! Answers that unfold: `pm analyze` in the chat that somebody has with the bot alone grows before their eyes, and ends as
//! one whole message whose buttons work, whatever the platform does in between and wherever the process dies.
//!
//! How a message grows on each platform stands in the unit tests of the channels.

use ai_crm::sim::fault::{Fate, Faults};
use ai_crm::sim::slack::message::{Message, Via};
use ai_crm::sim::slack::seed::BOT_USER;
use ai_crm::sim::slack::{Answer, Sender, SenderConfig, SlackWorld};
use ai_crm::sim::teams::press::Press;
use ai_crm::sim::teams::seed::DEV as TEAMS_DEV;
use ai_crm::sim::teams::{Message as TeamsMessage, TeamsWorld};
use anyhow::{Context, ensure};
use serde_json::json;

use crate::stage::{ADA, DEV, Expected, PATIENCE, Stage, controls, run, words};
use crate::support::server::SIGNING_SECRET;
use crate::teams::{Team, shown};

/// The direct messages of Ada with the bot.
const WITH_ADA: &str = "D0ADA0001";
/// The same in Teams.
const PERSONAL: &str = "personal-ada";
/// What every analysis ends with.
const LAST: &str = "no model was asked";
/// The three methods that stream.
const STREAM: [&str; 3] = ["chat.startStream", "chat.appendStream", "chat.stopStream"];

fn on(methods: &[&str], faults: Faults) -> Faults {
    Faults { methods: methods.iter().map(|method| (*method).to_owned()).collect(), ..faults }
}

fn script(methods: &[&str], fates: &[Fate]) -> Faults {
    on(methods, Faults { script: fates.iter().copied().collect(), ..Faults::default() })
}

/// The bot's messages about a piece of work.
fn about(world: &SlackWorld, place: &str, work: &str) -> Vec<Message> {
    let said = world.messages(place).into_iter().filter(|message| message.bot_id.is_some());
    said.filter(|message| words(message).contains(work)).collect()
}

/// Ada asks for an analysis in her own chat.
async fn analyse(stage: &Stage, work: &str) -> anyhow::Result<Message> {
    let (asked, answers) = stage.sender.say_and_deliver(ADA, WITH_ADA, &format!("pm analyze \"{work}\""), None).await?;
    ensure!(answers.iter().all(Answer::accepted), "{answers:?}");
    Ok(asked)
}

/// The answer, which is there once and whole.
async fn whole(stage: &Stage, work: &str) -> anyhow::Result<Message> {
    stage.rest().await?;
    let said = about(stage.world(), WITH_ADA, work);
    let [message] = &said[..] else { anyhow::bail!("{} messages about `{work}`: {said:#?}", said.len()) };
    let is_whole =
        words(message).contains(LAST) && controls(message).keys().any(|name| name.starts_with("Create task"));
    ensure!(is_whole && !message.streaming && message.metadata.is_some(), "not whole: {message:#?}");
    Ok(message.clone())
}

fn calls(stage: &Stage, method: &str) -> u64 {
    stage.world().calls().get(method).map_or(0, |results| results.values().sum())
}

/// What `why` says of the newest event.
async fn why(stage: &Stage) -> anyhow::Result<String> {
    let newest = stage.newest().await?;
    let id = newest["id"].as_str().with_context(|| format!("an event without an id: {newest}"))?.to_owned();
    Ok(stage.run(&["why", &id]).await?.out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analysis_unfolds_in_direct_messages_and_its_button_works() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let asked = analyse(&stage, "Build recommendation engine with ML").await?;
    let answer = whole(&stage, "Build recommendation engine").await?;
    ensure!(answer.via == Via::Stream && answer.thread_ts.as_deref() == Some(asked.ts.as_str()), "{answer:#?}");
    ensure!(STREAM.map(|method| calls(&stage, method)) == [1, 2, 1], "{:?}", stage.world().calls());
    ensure!(calls(&stage, "chat.postMessage") == 0);
    let told = why(&stage).await?;
    ensure!(told.contains("chat.stopStream"), "{told}");
    let (_, button) =
        controls(&answer).into_iter().find(|(name, _)| name.starts_with("Create task")).context("none")?;
    stage.sender.click(ADA, WITH_ADA, &answer.ts, &button, None).await?;
    stage.rest().await?;
    let task = stage.api().post("/tools/task.show", &json!({"task": "T-1"})).await?;
    ensure!(task.to_string().contains("Build recommendation engine"), "{task}");
    // Who tries it in a terminal is shown what it has come to.
    stage.world().set_faults(on(&STREAM, Faults { latency_ms: 500, ..Faults::default() }));
    let line = "pm analyze \"Tried in a terminal\"";
    let tried = stage.run(&["sim", "slack", "--channel", WITH_ADA, line]).await?;
    ensure!(tried.out.contains(LAST) && !tried.out.contains("is writing"), "{tried:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elsewhere_an_analysis_is_one_message_and_other_answers_are_too() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let inline = stage.answer(ADA, "pm analyze \"By a command\"").await?;
    ensure!(words(&inline).contains(LAST));
    stage.sender.slash(ADA, WITH_ADA, "/ai-crm", "pm analyze \"By a command of my own\"").await?;
    stage.sender.say_and_deliver(ADA, DEV, &format!("<@{BOT_USER}> pm analyze \"By a mention\""), None).await?;
    stage.sender.say_and_deliver(ADA, WITH_ADA, "task create \"No analysis\"", None).await?;
    stage.rest().await?;
    for (place, work) in [(WITH_ADA, "By a command of my own"), (DEV, "By a mention"), (WITH_ADA, "No analysis")] {
        ensure!(about(stage.world(), place, work).len() == 1, "{work}");
    }
    ensure!(STREAM.iter().all(|method| calls(&stage, method) == 0) && calls(&stage, "chat.update") == 0);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_slack_does_not_stream_the_answer_is_edited_once_and_else_is_one_message() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.world().set_refusal("chat.startStream", Some("unknown_method"));
    for work in ["The first one", "The second one"] {
        analyse(&stage, work).await?;
        let answer = whole(&stage, work).await?;
        ensure!(answer.via == Via::PostMessage && answer.thread_ts.is_none(), "{answer:#?}");
    }
    let counts = ["chat.startStream", "chat.postMessage", "chat.update"].map(|method| calls(&stage, method));
    // Each is made whole by one edit.
    ensure!(counts == [1, 2, 2], "Slack is asked once: {:?}", stage.world().calls());
    ensure!(why(&stage).await?.contains("chat.update"));

    stage.world().set_refusal("chat.update", Some("cant_update_message"));
    for (work, posted) in [("The third one", 2), ("The fourth one", 1)] {
        let before = calls(&stage, "chat.postMessage");
        analyse(&stage, work).await?;
        whole(&stage, work).await?;
        ensure!(calls(&stage, "chat.postMessage") - before == posted, "{work}: {:?}", stage.world().calls());
    }
    stage.end_but_for(Expected { refusals: &["unknown_method", "cant_update_message"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_with_a_step_the_answer_is_there_once() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    // The edit by which a stream is mended may be lost as well.
    for method in ["chat.update", "conversations.replies"] {
        let work = format!("An append and then {method}");
        stage.world().set_faults(script(&["chat.appendStream", method], &[Fate::LostAnswer, Fate::LostAnswer]));
        analyse(&stage, &work).await?;
        whole(&stage, &work).await.with_context(|| work.clone())?;
        ensure!(stage.world().faults().script.is_empty(), "{work}: it did not come to that");
    }
    // Who was asked to wait begins no stream for a while, so that comes last.
    for fate in [Fate::LostAnswer, Fate::Refused, Fate::ServerError, Fate::RateLimited] {
        for method in STREAM.iter().rev() {
            let work = format!("{fate:?} of {method}");
            stage.world().set_faults(script(&[*method], &[fate]));
            analyse(&stage, &work).await?;
            whole(&stage, &work).await.with_context(|| work.clone())?;
            ensure!(stage.world().faults().script.is_empty(), "{work}: it did not come to that");
        }
    }
    let doubled = stage.world().duplicates();
    ensure!(doubled.is_empty(), "{doubled:?}");
    stage.end().await
}

/// Where the process dies: what the platform does until then, and how many blocks the message has by then.
const DEATHS: [(&str, &str, bool); 4] = [
    ("as it begins", "chat.startStream", true),
    ("before it grows", "chat.appendStream", false),
    ("as it grows", "chat.appendStream", true),
    ("as it ends", "chat.stopStream", true),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_kill_falls_in_a_stream_the_answer_is_there_once() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    for (when, method, is_done) in DEATHS {
        let work = format!("Killed {when}");
        let stall = Faults { stall: 1.0, stall_ms: 60_000, ..Faults::default() };
        let late = Faults { latency_ms: 60_000, ..Faults::default() };
        stage.world().set_faults(on(&[method], if is_done { stall } else { late }));
        analyse(&stage, &work).await?;
        let (there, last) = (work.clone(), method == "chat.stopStream");
        stage
            .sees("the message as far as it comes", move |world| {
                let said = about(world, WITH_ADA, &there).pop()?;
                let grown = method != "chat.appendStream" || !is_done || words(&said).contains("Who should do it");
                (grown && said.streaming != last).then_some(())
            })
            .await?;
        stage = stage.killed().await?;
        stage.world().set_faults(Faults::default());
        stage.sender = Sender::new(stage.world().clone(), SenderConfig::new(stage.server.base_url(), SIGNING_SECRET))?;
        whole(&stage, &work).await.with_context(|| work.clone())?;
    }
    // In a message that is edited the same, of which Slack knows no state.
    stage.world().set_refusal("chat.startStream", Some("unknown_method"));
    stage.world().set_faults(on(&["chat.update"], Faults { latency_ms: 60_000, ..Faults::default() }));
    analyse(&stage, "Killed before the edit").await?;
    let begun = |world: &SlackWorld| about(world, WITH_ADA, "Killed before the edit").pop();
    stage.sees("its beginning", begun).await?;
    stage = stage.killed().await?;
    stage.world().set_faults(Faults::default());
    whole(&stage, "Killed before the edit").await?;
    let doubled = stage.world().duplicates();
    ensure!(doubled.is_empty(), "{doubled:?}");
    stage.end_but_for(Expected { refusals: &["unknown_method"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_a_stream_of_slack_is_told_no_more() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.world().set_faults(on(&["chat.appendStream"], Faults { latency_ms: 1_000, ..Faults::default() }));
    analyse(&stage, "Enough of it").await?;
    let streaming = |world: &SlackWorld| about(world, WITH_ADA, "Enough of it").pop().filter(|said| said.streaming);
    let begun = stage.sees("it has begun", streaming).await?;
    ensure!(stage.world().stop_stream(WITH_ADA, &begun.ts));
    stage.rest().await?;
    let said = about(stage.world(), WITH_ADA, "Enough of it");
    ensure!(said.len() == 1 && !words(&said[0]).contains(LAST), "{said:#?}");
    ensure!(why(&stage).await?.contains("stopped by the person"));
    stage.end().await
}

/// The bot's messages about a piece of work in Ada's chat, but for streams that did not end.
fn said_of(world: &TeamsWorld, place: &str, work: &str) -> Vec<TeamsMessage> {
    let said = world.messages(place).into_iter().filter(|message| message.is_by_bot() && !message.streaming);
    said.filter(|message| shown(message).contains(work) || message.text().contains(work)).collect()
}

/// The stream that runs.
async fn running(team: &Team, work: &str) -> anyhow::Result<TeamsMessage> {
    let work = work.to_owned();
    let runs = |message: &TeamsMessage| message.streaming && message.text().contains(&work);
    let look = |world: &TeamsWorld| world.messages(PERSONAL).into_iter().find(runs);
    team.sim.world().wait_for(PATIENCE, look).await.context("no stream has begun")
}

async fn whole_in_teams(team: &Team, work: &str) -> anyhow::Result<TeamsMessage> {
    team.rest().await?;
    let said = said_of(team.sim.world(), PERSONAL, work);
    let [message] = &said[..] else { anyhow::bail!("{} messages about `{work}`: {said:#?}", said.len()) };
    let all = shown(message);
    ensure!(all.contains(work) && all.contains(LAST) && all.contains("Create task"), "not whole: {message:#?}");
    Ok(message.clone())
}

async fn analyse_in_teams(team: &Team, work: &str) -> anyhow::Result<()> {
    team.say("ada", PERSONAL, &format!("pm analyze \"{work}\"")).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analysis_unfolds_in_a_personal_chat_and_its_button_works() -> anyhow::Result<()> {
    let team = Team::set().await?;
    analyse_in_teams(&team, "Build recommendation engine with ML").await?;
    let begun = running(&team, "Build recommendation engine").await?;
    ensure!(begun.text().contains("Hours") && begun.cards().next().is_none(), "{begun:#?}");
    let answer = whole_in_teams(&team, "Build recommendation engine").await?;
    ensure!(answer.id == begun.id && answer.text() == begun.text(), "{answer:#?}");
    let all = shown(&answer);
    let button = all.lines().find(|line| line.starts_with("Create task")).context("no button")?;
    let press = Press { label: button, message: Some(&answer.id), ..Press::default() };
    team.sender.press("ada", PERSONAL, &press).await?;
    team.rest().await?;
    let task = team.api().post("/tools/task.show", &json!({"task": "T-1"})).await?;
    ensure!(task.to_string().contains("Build recommendation engine"), "{task}");

    let tried = ["sim", "teams", "--channel", PERSONAL, "pm analyze \"Tried in a terminal\""];
    let tried = run(&team.plan, &tried, "").await?;
    ensure!(tried.out.contains(LAST) && !tried.out.contains("is writing"), "{tried:?}");

    team.say("ada", TEAMS_DEV, "@AI-CRM pm analyze \"In a channel\"").await?;
    let said = team.sees("ada", TEAMS_DEV, "In a channel").await?;
    ensure!(said.text().is_empty(), "{said:#?}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_stream_does_not_come_to_its_end_the_answer_is_one_message() -> anyhow::Result<()> {
    let team = Team::set().await?;
    for (work, fates) in [
        ("The end is put off", &[Fate::Pass, Fate::RateLimited][..]),
        ("The end is taken later", &[Fate::Pass, Fate::ServerError]),
        ("The beginning is put off", &[Fate::RateLimited]),
        ("The beginning is lost", &[Fate::LostAnswer]),
    ] {
        team.sim.world().set_faults(script(&["send"], fates));
        analyse_in_teams(&team, work).await?;
        let answer = whole_in_teams(&team, work).await.with_context(|| work.to_owned())?;
        ensure!(answer.text().is_empty() == work.starts_with("The beginning"), "{work}: {answer:#?}");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_teams_does_not_stream_the_answer_is_one_message_and_teams_is_not_asked_again() -> anyhow::Result<()> {
    let team = Team::set().await?;
    team.sim.world().set_streaming(false);
    for work in ["The first one", "The second one"] {
        analyse_in_teams(&team, work).await?;
        ensure!(whole_in_teams(&team, work).await?.text().is_empty());
    }
    let refused = team.sim.world().calls()["send"].get("ContentStreamNotAllowed").copied();
    ensure!(refused == Some(1), "{:?}", team.sim.world().calls());
    team.end_but_for(0, &["ContentStreamNotAllowed"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_a_stream_of_teams_is_told_no_more() -> anyhow::Result<()> {
    let team = Team::set().await?;
    analyse_in_teams(&team, "Enough of it").await?;
    let begun = running(&team, "Enough of it").await?;
    ensure!(team.sim.world().stop_stream(&begun.id));
    team.rest().await?;
    let said = said_of(team.sim.world(), PERSONAL, "Enough of it");
    ensure!(said.len() == 1 && said[0].cards().next().is_none(), "{said:#?}");
    team.end_but_for(0, &["ContentStreamNotAllowed"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_end_is_not_repeated_and_a_kill_before_it_ends_in_one_message() -> anyhow::Result<()> {
    let team = Team::set().await?;
    analyse_in_teams(&team, "Killed in between").await?;
    running(&team, "Killed in between").await?;
    let team = team.killed().await?;
    whole_in_teams(&team, "Killed in between").await?;

    team.sim.world().set_streaming(true);
    let grace = "personal-grace";
    team.sim.world().set_faults(script(&["send"], &[Fate::Pass, Fate::LostAnswer]));
    team.say("grace", grace, "pm analyze \"The end is lost\"").await?;
    team.rest().await?;
    let said = said_of(team.sim.world(), grace, "The end is lost");
    ensure!(said.len() == 1 && shown(&said[0]).contains(LAST), "{said:#?}");
    let dead = team.api().get("/effects?state=dead").await?;
    ensure!(dead.to_string().contains("it may have arrived"), "{dead}");
    team.end_but_for(1, &["ContentStreamNotAllowed"]).await
}
