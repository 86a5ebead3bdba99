//! Every event of a mixed run has a cause that can be told, silences included.
//!
//! The run holds everything that reaches a bot on an ordinary day, in a fixed mixture; what each thing means is tested
//! elsewhere.

use std::collections::BTreeMap;

use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::sender::SendError;
use anyhow::{Context, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, GENERAL, GRACE, GUEST, LINUS, SHARED, STRANGER, Stage, controls};

/// Events of the run; repeats of deliveries come on top.
const EVENTS: usize = 1000;
/// Requests under way at one time.
const AT_ONCE: usize = 16;

/// How each event of the run ends, as told by people who know the rules.
const KINDS: [(&str, &str); 20] = [
    ("command", "done"),
    ("nonsense", "refused"),
    ("a task that is not there", "refused"),
    ("guest", "denied"),
    ("stranger", "denied"),
    ("switched off", "denied"),
    ("help for a guest", "done"),
    ("unaddressed", "ignored"),
    ("mention", "done"),
    ("direct", "done"),
    ("bot", "ignored"),
    ("edit", "ignored"),
    ("join", "ignored"),
    ("own", "ignored"),
    ("unheard-of event", "ignored"),
    ("press", "done"),
    ("forged press", "refused"),
    ("modal", "ignored"),
    ("unknown workspace", "denied"),
    ("twice", "done"),
];

/// What is sent for one event of a kind.
fn requests(stage: &Stage, kind: &str, number: usize, card: &str, press: &str) -> Result<Vec<Request>, SendError> {
    let slash = |user, text: &str| Ok(vec![stage.sender.prepare_slash(user, DEV, "/ai-crm", text)?.request]);
    let say = |user, channel, text: &str| Ok(stage.sender.say(user, channel, text, None)?.events);
    let event = |event: Value| Ok(vec![stage.sender.event(&event)]);
    let ts = format!("16{number:08}.000100");
    match kind {
        "command" => slash(ADA, &format!("task create Number {number} --priority high")),
        "nonsense" => slash(GRACE, &format!("tusk crate number {number}")),
        "a task that is not there" => slash(GRACE, "task show T-99999"),
        "guest" => slash(GUEST, "task create Mine"),
        "stranger" => say(STRANGER, SHARED, "<@U0BOT0001> task list"),
        "switched off" => slash("U0GONE001", "task list"),
        "help for a guest" => slash(GUEST, "help"),
        "unaddressed" => say(GRACE, GENERAL, &format!("lunch number {number}?")),
        "mention" => say(LINUS, GENERAL, "<@U0BOT0001> team status"),
        "direct" => say(GRACE, "D0GRACE01", "my tasks"),
        "bot" => {
            event(json!({"type": "message", "subtype": "bot_message", "bot_id": "B0OTHER", "text": "<@U0BOT0001> hi",
            "ts": ts, "channel": GENERAL, "channel_type": "channel"}))
        }
        "edit" => {
            let said = stage.sender.say(GRACE, GENERAL, "task lsit", None)?;
            Ok(vec![stage.sender.edit(GRACE, GENERAL, &said.message.ts, "<@U0BOT0001> task list")?])
        }
        "join" => event(json!({"type": "member_joined_channel", "user": GRACE, "channel": DEV})),
        "own" => Ok(vec![stage.sender.echo(DEV, card)?]),
        "unheard-of event" => event(json!({"type": "weather_changed", "channel": DEV, "deep": {"er": [1, 2, number]}})),
        "press" => Ok(vec![stage.sender.prepare_click(ADA, DEV, card, press, None)?.request]),
        "forged press" => {
            let mut request = stage.sender.prepare_click(GRACE, DEV, card, press, None)?.request;
            request.body = request.body.replace("%22value%22%3A%22", "%22value%22%3A%22x");
            Ok(vec![request])
        }
        "modal" => {
            let payload = json!({"type": "view_submission", "team": {"id": "T0SIM0001"},
                "user": {"id": ADA, "team_id": "T0SIM0001"}, "trigger_id": format!("v.{number}"), "view": {}});
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            let body = form.append_pair("payload", &payload.to_string()).finish();
            Ok(vec![Request { path: "/slack/interactions", content_type: "application/x-www-form-urlencoded", body }])
        }
        "unknown workspace" => {
            let mut request = stage.sender.prepare_slash(ADA, DEV, "/ai-crm", "task list")?.request;
            request.body = request.body.replace("team_id=T0SIM0001", "team_id=T0NOWHERE");
            Ok(vec![request])
        }
        _ => {
            let request = stage.sender.prepare_slash(LINUS, DEV, "/ai-crm", "status")?.request;
            Ok(vec![request.clone(), request])
        }
    }
}

/// Sends one event, as Slack does: what tells of the same thing goes out together.
async fn send(stage: &Stage, number: usize, card: &str, press: &str) -> anyhow::Result<()> {
    let (kind, _) = KINDS[number % KINDS.len()];
    let mut requests = requests(stage, kind, number, card, press)?;
    if kind == "unaddressed" {
        requests.truncate(1);
    }
    let answers = futures_util::future::join_all(requests.iter().map(|request| stage.sender.deliver(request))).await;
    ensure!(answers.iter().all(|answer| answer.status == Some(200)), "{kind}: {answers:?}");
    Ok(())
}

async fn events(stage: &Stage, tenant: &str) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    let mut before = String::new();
    loop {
        let page = stage.api().get(&format!("/events?limit=300&tenant={tenant}{before}")).await?;
        events.extend(page["events"].as_array().into_iter().flatten().cloned());
        let Some(next) = page["next"].as_str() else { return Ok(events) };
        before = format!("&before={next}");
    }
}

/// The end of an event in words, for each way to end.
fn opening(state: &str) -> &'static str {
    match state {
        "done" => "it was done: ",
        "denied" => "it was denied by ",
        "refused" => "it could not be done as it was asked: ",
        "ignored" => "it asks nothing of this bot: ",
        _ => "no terminal state",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_a_mixed_run_has_a_cause() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let card = stage.answer(ADA, "task create Pressed by many").await?;
    let press = controls(&card)["Start"].clone();
    let run = stream::iter(0..EVENTS).map(|number| send(&stage, number, &card.ts, &press));
    run.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    stage.rest().await?;

    let mut all = events(&stage, "default").await?;
    let unclaimed = events(&stage, "_unclaimed").await?;
    all.extend(unclaimed.iter().cloned());
    assert_eq!(all.len(), EVENTS + 1, "each thing that happened is one event, and the first card is one");

    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let api = stage.api();
    let told = stream::iter(&all).map(|event| async move {
        let id = event["id"].as_str().context("an id")?;
        anyhow::Ok((event, api.get(&format!("/why/{id}")).await?))
    });
    let told: Vec<(&Value, Value)> = told.buffer_unordered(AT_ONCE).try_collect().await?;
    for (event, why) in &told {
        let (state, story) = (event["state"].as_str().unwrap_or_default(), &why["story"]);
        let cause = story["cause"].as_str().unwrap_or_default();
        assert!(cause.starts_with(opening(state)) && cause.len() > opening(state).len(), "{event} {story}");
        assert!(!cause.contains("did not arrive"), "{story}");
        assert_eq!(story["state"], state);
        assert_eq!(why["lines"].as_array().and_then(|lines| lines.last()), Some(&story["cause"]));
        *states.entry(state.to_owned()).or_default() += 1;
    }
    let each = EVENTS / KINDS.len();
    let expected = |state: &str| KINDS.iter().filter(|(_, ends)| *ends == state).count() * each;
    assert_eq!(states["denied"], expected("denied"), "{states:?}");
    assert_eq!(states["refused"], expected("refused"), "{states:?}");
    assert_eq!(states["ignored"], expected("ignored"), "{states:?}");
    assert_eq!(states["done"], expected("done") + 1, "{states:?}");
    assert_eq!(unclaimed.len(), each);
    let again = told.iter().filter(|(_, why)| why["story"]["came_again"] != json!([])).count();
    assert_eq!(again, 3 * each, "mentions of a member and a stranger, and what was sent twice, came again");

    for state in ["done", "denied", "refused", "ignored"] {
        let event = all.iter().find(|event| event["state"] == state).context(state)?;
        let id = event["id"].as_str().context("an id")?;
        let printed = stage.run(&["why", id]).await?;
        assert_eq!(printed.code(), Some(0), "{printed:?}");
        let lines: Vec<&str> = printed.out.lines().collect();
        assert!(lines[0].starts_with(&format!("{id} is a ")) && lines[1].starts_with("proof: slack v0"), "{lines:#?}");
        assert!(lines.last().is_some_and(|cause| cause.starts_with(opening(state))), "{lines:#?}");
        let as_json = stage.run(&["why", id, "--json"]).await?.json()?;
        assert_eq!((&as_json["event"], &as_json["state"]), (&json!(id), &json!(state)));
    }
    let task = stage.run(&["why", "T-1"]).await?;
    assert!(task.out.contains("it was done: created T-1"), "{task:?}");
    let effect = stage.run(&["why", "e-1.0"]).await?;
    assert!(effect.out.contains("it was done: created T-1"), "{effect:?}");
    for (odd, code) in [("e-999999", 1), ("T-999999", 1), ("nonsense", 1)] {
        let printed = stage.run(&["why", odd]).await?;
        assert_eq!(printed.code(), Some(code), "{printed:?}");
        assert!(printed.err.contains(odd), "{printed:?}");
    }
    stage.end().await
}
