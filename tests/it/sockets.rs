//! Socket Mode: Slack sends over web sockets that the bot has opened. What comes is on disk before it is acknowledged,
//! is handled once whichever way it comes and however often, and a socket that goes or dies is replaced in time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ai_crm::sim::slack::delivery::Answer;
use ai_crm::sim::slack::message::Message;
use ai_crm::sim::slack::sockets::Extras;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, Expected, PATIENCE, Stage, controls, words};
use crate::support::server::BOT_TOKEN;
use crate::support::until;

/// The mention of the bot.
const BOT: &str = "<@U0BOT0001>";
/// The promise: a dead socket is replaced within this time.
const REPLACED: Duration = Duration::from_secs(30);

/// What the sockets show at `/api/v1/actors`, by their names.
async fn shown(stage: &Stage) -> anyhow::Result<BTreeMap<String, Value>> {
    let actors = stage.api().get("/actors").await?;
    let actors = actors.get("actors").unwrap_or(&actors).as_object().context("no actors")?.clone();
    Ok(actors.into_iter().filter(|(name, _)| name.starts_with("slack socket")).collect())
}

/// Waits until so many sockets are shown as connected.
async fn connected(stage: &Stage, wanted: usize) -> anyhow::Result<()> {
    until(PATIENCE, "the sockets are connected", || async {
        let all = shown(stage).await?;
        let connected = all.values().filter(|it| it["state"]["connected"] == true && it["condition"] == "running");
        Ok((connected.count() == wanted && stage.world().sockets().len() == wanted).then_some(()))
    })
    .await
}

/// The titles of all tasks.
async fn titles(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let listed = stage.api().post("/tools/task.list", &json!({"limit": 100})).await?;
    let tasks = listed["result"]["tasks"].as_array().with_context(|| format!("no tasks in {listed}"))?;
    Ok(tasks.iter().filter_map(|task| task["title"].as_str()).map(ToOwned::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_mentions_and_buttons_come_by_socket_alone() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[]).await?;
    connected(&stage, 2).await?;

    let card = stage.answer(ADA, "task create \"Reached by socket é\"").await?;
    ensure!(words(&card).contains("Reached by socket é"), "{card:?}");
    let event = stage.newest().await?;
    let id = event["id"].as_str().context("no event")?.to_owned();
    let event = stage.api().get(&format!("/events/{id}")).await?;
    let proof = event["event"]["proof"].as_str().unwrap_or_default();
    ensure!(proof.starts_with("slack socket, connection "), "{event}");

    let (_, answers) = stage.sender.say_and_deliver(ADA, DEV, &format!("{BOT} task list"), None).await?;
    ensure!(answers.iter().all(Answer::accepted), "{answers:?}");
    stage
        .sees("the answer to the mention", |world| {
            let answers = |it: &&Message| it.bot_id.is_some() && words(it).contains("Open tasks");
            world.messages(DEV).iter().find(answers).map(drop)
        })
        .await?;

    let controls = controls(&card);
    let action = controls.get("Start").with_context(|| format!("no such button: {controls:?}"))?;
    let (press, answer) = stage.sender.click(ADA, DEV, &card.ts, action, None).await?;
    ensure!(answer.accepted(), "{answer:?}");
    stage
        .sees("the answer to the press", |world| world.response_url(&press.response_url_id).filter(|url| url.uses > 0))
        .await?;

    let http = reqwest::Client::builder().no_proxy().build()?;
    let refused = http.post(format!("{}/slack/events", stage.server.base_url())).body("{}").send().await?;
    ensure!(refused.status() == 503, "{refused:?}");
    ensure!(refused.text().await?.contains("slack comes by socket; set SLACK_SIGNING_SECRET"));
    let doctor = stage.run(&["doctor"]).await?;
    ensure!(doctor.code() == Some(0) && doctor.out.contains("2 of 2 are open"), "{doctor:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_by_request_and_by_socket_is_one_event() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("SLACK_APP_TOKEN", "xapp-sim")]).await?;
    connected(&stage, 2).await?;
    let by_socket = stage.sender_by_socket(|_| ())?;
    let said = stage.sender.say(ADA, DEV, &format!("{BOT} task create \"Told twice\""), None)?;
    let command = stage.sender.prepare_slash(ADA, DEV, "/ai-crm", "task create \"Typed once\"")?;
    for request in said.events.iter().chain([&command.request]) {
        let answers = tokio::join!(stage.sender.deliver(request), by_socket.deliver(request));
        ensure!(answers.0.accepted() && answers.1.accepted(), "{answers:?}");
    }
    stage.rest().await?;
    let mut found = titles(&stage).await?;
    found.sort();
    ensure!(found == ["Told twice", "Typed once"], "{found:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_not_lost_with_the_socket_by_which_its_command_came() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[("AI_CRM__CHANNELS__SLACK__SOCKETS", "1")]).await?;
    connected(&stage, 1).await?;
    stage.answer(ADA, "help").await?;
    let world = stage.world().clone();
    let command = stage.sender.prepare_slash(ADA, DEV, "/ai-crm", "task create \"Kept\"")?;
    let socket = world.sockets()[0];
    // It dies behind the command, before Slack reads anything more.
    let dies = async { world.silence(socket) };
    let (heard, ()) = tokio::join!(biased; stage.sender.deliver(&command.request), dies);
    ensure!(!heard.accepted(), "nothing is heard of a dead socket: {heard:?}");
    let is_it = |message: &Message| message.bot_id.is_some() && words(message).contains("Kept");
    stage.sees("Kept", |world| world.messages(DEV).into_iter().find(is_it)).await?;
    // Slack sends again what was not acknowledged.
    until(PATIENCE, "another socket is open", || async {
        Ok(stage.sender.deliver(&command.request).await.accepted().then_some(()))
    })
    .await?;
    stage.rest().await?;
    ensure!(world.messages(DEV).iter().filter(|message| is_it(message)).count() == 1, "{:?}", world.messages(DEV));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_acknowledged_and_harms_nothing() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[("AI_CRM__CHANNELS__SLACK__SOCKETS", "1")]).await?;
    connected(&stage, 1).await?;
    let world = stage.world().clone();
    let socket = world.sockets()[0];
    let extras = Extras { accepts_answer: true, retry: None };
    for (kind, payload) in [
        ("workflow_steps", json!({"a": 1})),
        ("events_api", json!({"type": "event_callback"})),
        ("events_api", Value::Null),
        ("slash_commands", json!([])),
        ("interactive", json!("text")),
        ("", json!({})),
    ] {
        let acknowledged = world.send_envelope(kind, &payload, extras, PATIENCE).await;
        let acknowledged = acknowledged.map_err(|why| anyhow::anyhow!("{kind} {payload}: {why}"))?;
        ensure!(acknowledged.as_object().is_some_and(|fields| fields.len() == 1), "{acknowledged}");
    }
    for frame in ["", "no json", "[]", "{\"type\":\"brand_new\"}", "{\"type\":\"hello\"}"] {
        world.push(socket, frame);
    }
    stage.answer(ADA, "task list").await?;
    ensure!(world.sockets() == [socket], "the socket did not survive it");
    ensure!(shown(&stage).await?["slack socket 1"]["state"]["opened"] == 1);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_renewed_before_the_old_one_goes() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[]).await?;
    connected(&stage, 2).await?;
    let old = stage.world().sockets();
    let mut wanted = Vec::new();
    for (round, reason) in ["warning", "refresh_requested"].iter().enumerate() {
        stage.world().ask_to_leave(old[round], reason);
        for number in 0..10 {
            let title = format!("Said in round {round}, number {number}");
            let text = format!("{BOT} task create \"{title}\"");
            let (_, answers) = stage.sender.say_and_deliver(ADA, DEV, &text, None).await?;
            ensure!(answers.iter().all(Answer::accepted), "{title}: {answers:?}");
            ensure!(stage.world().sockets().len() >= 2, "there was a moment without the second socket");
            wanted.push(title);
        }
    }
    stage
        .sees("both sockets are new", |world| {
            let now = world.sockets();
            (now.len() == 2 && now.iter().all(|socket| !old.contains(socket))).then_some(())
        })
        .await?;
    connected(&stage, 2).await?;
    stage.rest().await?;
    let mut found = titles(&stage).await?;
    found.sort();
    ensure!(found == wanted, "{found:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_socket_is_replaced_and_what_it_held_is_done_once() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[("AI_CRM__CHANNELS__SLACK__SOCKETS", "1")]).await?;
    connected(&stage, 1).await?;
    let dead = stage.world().sockets()[0];
    stage.world().silence(dead);
    let began = Instant::now();
    let sender = stage.sender_by_socket(|config| config.retry_pauses = [Duration::from_secs(9); 3])?;
    let said = sender.say(ADA, DEV, &format!("{BOT} task create \"Held by the dead\""), None)?;
    let delivered = async {
        let answers = sender.deliver_event(&said.events[0]).await;
        ensure!(answers.last().is_some_and(Answer::accepted), "{answers:?}");
        Ok(answers.len())
    };
    let replaced = async {
        let found =
            stage.world().wait_for(REPLACED, |world| world.sockets().iter().any(|it| *it != dead).then_some(()));
        found.await.context("no other socket within 30 s")?;
        // Slack gives a socket up by which nobody answers.
        stage.world().cut(dead);
        anyhow::Ok(began.elapsed())
    };
    let (took, tries) = tokio::try_join!(replaced, delivered)?;
    ensure!(took < REPLACED && tries > 1, "it took {took:?} and {tries} tries");
    stage.rest().await?;
    ensure!(titles(&stage).await? == ["Held by the dead"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_kill_leaves_unacknowledged_comes_again_and_is_done_once() -> anyhow::Result<()> {
    let mut stage = Stage::by_socket(&[]).await?;
    let mut wanted = Vec::new();
    for round in 0..6_u64 {
        connected(&stage, 2).await?;
        let sender = stage.sender_by_socket(|config| config.retry_pauses = [Duration::from_secs(4); 3])?;
        let title = format!("Before kill {round}");
        let said = sender.say(ADA, DEV, &format!("{BOT} task create \"{title}\""), None)?;
        let delivering = tokio::spawn(async move { sender.deliver_event(&said.events[0]).await });
        // What is tested is a kill at any moment of the way to the disk; there is no condition to wait for.
        tokio::time::sleep(Duration::from_millis(round * 2)).await;
        stage = stage.killed().await?;
        let answers = delivering.await?;
        ensure!(answers.last().is_some_and(Answer::accepted), "{title}: {answers:?}");
        wanted.push(title);
    }
    stage.rest().await?;
    let mut found = titles(&stage).await?;
    found.sort();
    ensure!(found == wanted, "{found:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_slack_refuses_is_shown_with_its_mend() -> anyhow::Result<()> {
    let stage = Stage::by_socket(&[]).await?;
    connected(&stage, 2).await?;
    stage.world().refuse_sockets(Some("link_disabled"));
    for socket in stage.world().sockets() {
        stage.world().ask_to_leave(socket, "link_disabled");
    }
    let is_shown = |all: &BTreeMap<String, Value>| {
        all.values().all(|it| {
            let error = it["last_error"].as_str().unwrap_or_default();
            it["condition"] == "degraded" && error.contains("link_disabled: switch Socket Mode on")
        })
    };
    until(PATIENCE, "both sockets are shown as refused", || async {
        Ok(is_shown(&shown(&stage).await?).then_some(()))
    })
    .await?;
    let doctor = stage.run(&["doctor"]).await?;
    ensure!(doctor.code() == Some(1), "{doctor:?}");
    for part in ["0 of 2 are open", "link_disabled: switch Socket Mode on", "tried again by itself"] {
        ensure!(doctor.out.contains(part), "{part}: {doctor:?}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_wrong_kind_is_named() -> anyhow::Result<()> {
    for (token, part) in [(BOT_TOKEN, "it begins with xapp-"), ("xapp-unknown", "invalid_auth: check SLACK_APP_TOKEN")]
    {
        let variables = [("SLACK_APP_TOKEN", token), ("SLACK_SIGNING_SECRET", "")];
        let stage = Stage::set_with(&variables).await?;
        until(PATIENCE, "the token is named", || async {
            let all = shown(&stage).await?;
            let named = |it: &Value| it["last_error"].as_str().is_some_and(|error| error.contains(part));
            Ok(all.values().all(named).then_some(()))
        })
        .await?;
        let refusals = ["not_allowed_token_type", "invalid_auth"];
        stage.end_but_for(Expected { refusals: &refusals, ..Expected::default() }).await?;
    }
    Ok(())
}
