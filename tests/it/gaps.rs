//! What people say while the bot is down is fetched after the start and answered once; what could not be fetched is
//! said.

use std::collections::BTreeMap;

use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::rates::RateLimits;
use ai_crm::sim::slack::sender::Sender;
use anyhow::{Context, ensure};
use serde_json::Value;

use crate::stage::{ADA, DEV, Expected, GENERAL, GRACE, LINUS, PATIENCE, SHARED, STRANGER, Stage, words};
use crate::support::api::http_client;
use crate::support::until;

/// The mention of the bot.
const BOT: &str = "<@U0BOT0001>";
/// Conversations of the bot with one person.
const WITH_ADA: &str = "D0ADA0001";
const WITH_GRACE: &str = "D0GRACE01";
/// A private channel in which the bot is.
const LEADS: &str = "G0PRIVATE";
/// Nothing has to leave room for others here.
pub(crate) const AT_ONCE: (&str, &str) = ("AI_CRM__CHANNELS__SLACK__LOOK_BACK_PACE_MS", "0");

/// What the look of this workspace shows at `/api/v1/actors`, where there is one.
pub(crate) async fn shown(stage: &Stage) -> anyhow::Result<Option<Value>> {
    let actors = stage.api().get("/actors").await?;
    let actors = actors.get("actors").unwrap_or(&actors);
    Ok(actors.get("slack gap of T0SIM0001").map(|shown| shown["state"].clone()))
}

/// Waits until the workspace was looked through.
pub(crate) async fn looked(stage: &Stage) -> anyhow::Result<Value> {
    let what = format!("the workspace was looked through\n{}", stage.plan.log());
    until(PATIENCE, &what, || async { Ok(shown(stage).await?.filter(|shown| shown["looking"] == false)) }).await
}

/// A stage whose first start is noted, so that what comes after it can be missed.
pub(crate) async fn known(variables: &[(&str, &str)]) -> anyhow::Result<Stage> {
    let mut all = vec![AT_ONCE];
    all.extend_from_slice(variables);
    let stage = Stage::set_with(&all).await?;
    looked(&stage).await?;
    Ok(stage)
}

/// Says something of which nobody is told.
pub(crate) fn unheard(
    sender: &Sender,
    user: &str,
    channel: &str,
    text: &str,
    thread: Option<&str>,
) -> anyhow::Result<Vec<Request>> {
    Ok(sender.say(user, channel, text, thread)?.events)
}

/// How often each call of a method has ended how.
fn calls(stage: &Stage, method: &str) -> BTreeMap<String, u64> {
    stage.world().calls().remove(method).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_while_it_is_down_is_answered_once() -> anyhow::Result<()> {
    let stage = known(&[]).await?;
    let earlier = stage.sender.say_and_deliver(LINUS, GENERAL, &format!("{BOT} help"), None).await?.0.ts;
    stage.rest().await?;
    let (stage, ()) = stage
        .killed_while(async |sender| {
            unheard(sender, LINUS, GENERAL, &format!("{BOT} task create In an old thread"), Some(&earlier))?;
            unheard(sender, ADA, WITH_ADA, "task create Said to nobody", None)?;
            let mention = sender.say(GRACE, DEV, &format!("{BOT} task create Called in vain"), None)?.message;
            unheard(sender, GRACE, DEV, "nobody answers me", Some(&mention.ts))?;
            unheard(sender, ADA, DEV, &format!("{BOT} task create Asked in the thread"), Some(&mention.ts))?;
            unheard(sender, GRACE, GENERAL, "nothing for the bot", None)?;
            unheard(sender, STRANGER, SHARED, &format!("{BOT} task list"), None)?;
            Ok(())
        })
        .await?;
    let state = looked(&stage).await?;
    stage.rest().await?;
    ensure!(state["taken_in"] == 5 && state["known"] == 1, "{state}");
    ensure!(state["not_read"] == serde_json::json!({}) && state["left_out"] == 0, "{state}");
    let direct = stage.said(WITH_ADA);
    assert_eq!(direct.len(), 1, "{direct:#?}");
    assert!(words(&direct[0]).contains("Said to nobody"), "{}", words(&direct[0]));
    let called: Vec<String> = stage.said(DEV).iter().map(words).collect();
    let about = |title: &str| called.iter().filter(|said| said.contains(title)).count();
    assert_eq!((about("Called in vain"), about("Asked in the thread"), called.len()), (1, 1, 2), "{called:#?}");
    let old: Vec<String> = stage.said(GENERAL).iter().map(words).collect();
    assert_eq!(old.len(), 2, "what is not for the bot is nothing: {old:#?}");
    assert!(old[1].contains("In an old thread"), "{old:#?}");

    let events = stage.api().events(None).await?;
    let event = events.iter().find(|event| event["place"] == WITH_ADA).or(events.first()).context("no event")?;
    let id = event["id"].as_str().context("no id")?;
    let story = stage.api().get(&format!("/events/{id}")).await?;
    assert!(story.to_string().contains("read from conversations.history"), "{story}");
    let denied = events.iter().filter(|event| event["state"] == "denied").count();
    assert_eq!(denied, 1, "whoever is of another workspace stays a stranger: {events:#?}");

    let doctor = stage.run(&["doctor", "--json"]).await?.json()?;
    assert!(doctor.to_string().contains("T0SIM0001: 5 messages that were missed were taken in"), "{doctor}");
    let page = http_client()?.get(format!("{}/metrics", stage.server.base_url())).send().await?.text().await?;
    assert!(page.contains("ai_crm_gap_messages_total{kind=\"taken_in\"} 5"), "{page}");

    // A further start finds the same messages, and knows them.
    let (stage, ()) = stage.killed_while(async |_| Ok(())).await?;
    let state = looked(&stage).await?;
    ensure!(state["taken_in"] == 0 && state["known"] == 6, "{state}");
    stage.rest().await?;
    assert_eq!((stage.said(WITH_ADA).len(), stage.said(DEV).len()), (1, 2));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slack_tells_late_as_well_is_answered_once() -> anyhow::Result<()> {
    let stage = known(&[]).await?;
    let (stage, events) = stage
        .killed_while(async |sender| {
            let mut events = unheard(sender, ADA, WITH_ADA, "task create Told late", None)?;
            for number in 0..10 {
                let text = format!("{BOT} task create Late {number}");
                events.extend(unheard(sender, GRACE, DEV, &text, None)?);
            }
            Ok(events)
        })
        .await?;
    // At the same moment as it is looked for, and again when it was found.
    for _ in 0..2 {
        for event in &events {
            let answer = stage.sender.deliver(event).await;
            assert_eq!(answer.status, Some(200), "{answer:?}");
        }
        looked(&stage).await?;
    }
    stage.rest().await?;
    assert_eq!(stage.said(WITH_ADA).len(), 1);
    let told: Vec<String> = stage.said(DEV).iter().map(words).collect();
    for number in 0..10 {
        let title = format!("Late {number}");
        assert_eq!(told.iter().filter(|said| said.contains(&title)).count(), 1, "{title}: {told:#?}");
    }
    let board = stage.answer(ADA, "status dashboard").await?;
    assert!(words(&board).contains("11 tasks"), "{}", words(&board));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_token_may_not_read_is_said_and_the_rest_is_fetched() -> anyhow::Result<()> {
    let stage = known(&[]).await?;
    stage.world().set_scope("im:read", false);
    stage.world().set_scope("groups:history", false);
    let (stage, ()) = stage
        .killed_while(async |sender| {
            unheard(sender, ADA, WITH_ADA, "task create Not to be found", None)?;
            unheard(sender, ADA, LEADS, &format!("{BOT} task create Nor this"), None)?;
            unheard(sender, GRACE, DEV, &format!("{BOT} task create Found"), None)?;
            Ok(())
        })
        .await?;
    let state = looked(&stage).await?;
    stage.rest().await?;
    ensure!(state["taken_in"] == 1, "{state}");
    let why = |place: &str| state["not_read"][place].as_str().unwrap_or_default().to_owned();
    assert!(why("all of im").contains("im:read") && why(LEADS).contains("groups:history"), "{state}");
    assert_eq!((stage.said(DEV).len(), stage.said(WITH_ADA).len(), stage.said(LEADS).len()), (1, 0, 0));
    let doctor = stage.run(&["doctor", "--json"]).await?.json()?;
    assert!(doctor.to_string().contains("missing_scope (the token needs im:read)"), "{doctor}");
    let log = stage.plan.log();
    assert!(log.contains("could not be looked for everywhere") && !log.contains("Not to be found"), "{log}");
    stage.end_but_for(Expected { refusals: &["missing_scope"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_reads_as_slowly_as_slack_asks_for() -> anyhow::Result<()> {
    let stage = known(&[]).await?;
    for channel in [GENERAL, SHARED, LEADS, "D0LINUS01", "D0GUEST01"] {
        stage.world().remove_bot(channel);
    }
    let limits = RateLimits { history_interval_ms: 1000, history_most: 2, ..RateLimits::default() };
    stage.world().set_rate_limits(limits);
    let (stage, ()) = stage
        .killed_while(async |sender| {
            for number in 0..3 {
                unheard(sender, GRACE, WITH_GRACE, &format!("task create Slow {number}"), None)?;
            }
            unheard(sender, GRACE, DEV, &format!("{BOT} task create Slower"), None)?;
            Ok(())
        })
        .await?;
    // It holds nothing up meanwhile.
    let answer = stage.answer(ADA, "task create Meanwhile").await?;
    assert!(words(&answer).contains("Meanwhile"));
    let state = looked(&stage).await?;
    stage.rest().await?;
    ensure!(state["taken_in"] == 4, "{state}");
    let slow: Vec<String> = stage.said(WITH_GRACE).iter().map(words).collect();
    let order: Vec<bool> = (0..3).map(|number| slow[number].contains(&format!("Slow {number}"))).collect();
    assert_eq!(order, [true; 3], "in the order in which it was said: {slow:#?}");
    let ends = calls(&stage, "conversations.history");
    // Two pages of one conversation, one of another, one of a channel; whoever does not wait is refused more often.
    assert!(ends["ok"] >= 4 && ends.get("ratelimited").is_some_and(|refused| *refused <= 2), "{ends:?}");
    stage.end_but_for(Expected { refusals: &["ratelimited"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_not_answered_as_if_it_were_fresh() -> anyhow::Result<()> {
    let stage = known(&[("AI_CRM__LEDGER__REPLY_SHELF_LIFE_S", "1")]).await?;
    let world = stage.world().clone();
    let (stage, ()) = stage
        .killed_while(async |sender| {
            for number in 0..3 {
                unheard(sender, ADA, WITH_ADA, &format!("task create Long ago {number}"), None)?;
            }
            let said = world.now();
            until(PATIENCE, "it is past its shelf life", || async {
                Ok((world.now().since(said) > std::time::Duration::from_millis(1100)).then_some(()))
            })
            .await
        })
        .await?;
    let state = looked(&stage).await?;
    stage.rest().await?;
    ensure!(state["taken_in"] == 3, "{state}");
    let said = stage.said(WITH_ADA);
    assert_eq!(said.len(), 1, "one digest tells of all: {said:#?}");
    assert!(words(&said[0]).contains("3 answers that could not be delivered in time"), "{}", words(&said[0]));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_looks_for_nothing() -> anyhow::Result<()> {
    let stage = known(&[]).await?;
    assert!(calls(&stage, "users.conversations").is_empty() && calls(&stage, "conversations.history").is_empty());
    let state = shown(&stage).await?.context("nothing is shown")?;
    ensure!(state["taken_in"] == 0 && state["read"] == 0, "{state}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_with_the_calls_that_it_may_make() -> anyhow::Result<()> {
    let stage = known(&[("AI_CRM__CHANNELS__SLACK__LOOK_BACK_CALLS", "2")]).await?;
    let (stage, ()) = stage
        .killed_while(async |sender| unheard(sender, ADA, WITH_ADA, "task create Within them", None).map(drop))
        .await?;
    let state = looked(&stage).await?;
    stage.rest().await?;
    // Of four people the first is read; the lists of group chats and of channels of either kind are not.
    ensure!(state["taken_in"] == 1 && state["calls"] == 2 && state["left_out"] == 6, "{state}");
    let doctor = stage.run(&["doctor", "--json"]).await?.json()?;
    assert!(doctor.to_string().contains("6 were left out"), "{doctor}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_can_be_turned_off() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("AI_CRM__CHANNELS__SLACK__LOOK_BACK_HOURS", "0")]).await?;
    let (stage, ()) =
        stage.killed_while(async |sender| unheard(sender, ADA, WITH_ADA, "task create Never", None).map(drop)).await?;
    stage.answer(ADA, "help").await?;
    assert_eq!(shown(&stage).await?, None);
    assert!(calls(&stage, "users.conversations").is_empty());
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_the_bot_has_left_is_said_and_the_rest_is_fetched() -> anyhow::Result<()> {
    let stage = known(&[("AI_CRM__CHANNELS__SLACK__LOOK_BACK_PACE_MS", "500")]).await?;
    let (stage, ()) = stage
        .killed_while(async |sender| {
            unheard(sender, GRACE, DEV, &format!("{BOT} task create Found"), None)?;
            unheard(sender, GRACE, SHARED, &format!("{BOT} task create Behind it"), None)?;
            Ok(())
        })
        .await?;
    // Its public channels are listed, and the last of them is read two pauses later.
    stage
        .sees("the channels are listed", |world| {
            (world.calls().get("users.conversations")?.get("ok")? == &3).then_some(())
        })
        .await?;
    stage.world().remove_bot(SHARED);
    let state = looked(&stage).await?;
    stage.rest().await?;
    ensure!(state["taken_in"] == 1, "{state}");
    assert_eq!(state["not_read"][SHARED], "not_in_channel", "{state}");
    assert_eq!((stage.said(DEV).len(), stage.said(SHARED).len()), (1, 0));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_socket_it_is_looked_for_once_slack_can_reach_it() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[AT_ONCE]).await?;
    looked(&stage).await?;
    let (stage, ()) = stage
        .killed_while(async |sender| unheard(sender, ADA, WITH_ADA, "task create By no socket", None).map(drop))
        .await?;
    let state = looked(&stage).await?;
    stage.rest().await?;
    ensure!(state["taken_in"] == 1, "{state}");
    assert_eq!(stage.said(WITH_ADA).len(), 1);
    stage.end().await
}
