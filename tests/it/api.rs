//! What programs rely on at `/api/v1`: a POST that is done once, pages, states, a description that says what is taken.
//! Who may call it stands in `edge.rs`.

use ai_crm::sim::slack::Faults;
use anyhow::{Context, ensure};
use futures_util::future::{join_all, try_join_all};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, GENERAL, GRACE, PATIENCE, Stage};
use crate::support::api::http_client;
use crate::support::until;

/// A POST with an `Idempotency-Key`.
async fn post(stage: &Stage, path: &str, key: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
    let token = std::fs::read_to_string(stage.plan.data().join("admin.token"))?;
    let url = format!("{}/api/v1{path}", stage.server.base_url());
    let request = http_client()?.post(url).bearer_auth(token.trim()).header("Idempotency-Key", key);
    let answer = request.json(body).send().await?;
    Ok((answer.status(), serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
}

/// How often the audit chain tells of an act.
async fn acts(stage: &Stage, action: &str) -> anyhow::Result<usize> {
    let rows = stage.api().lines("/audit/export").await?;
    Ok(rows.iter().filter(|row| row["entry"]["action"] == action).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_with_a_key_is_done_once() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let first = post(&stage, "/keys/rotate", "rotate-1", &json!({})).await?;
    assert_eq!(first.0, StatusCode::OK, "{first:?}");
    assert_eq!(post(&stage, "/keys/rotate", "rotate-1", &json!({})).await?, first, "the same answer");
    assert_eq!(acts(&stage, "keys.rotate").await?, 1, "and nothing done");
    assert_ne!(post(&stage, "/keys/rotate", "rotate-2", &json!({})).await?.1, first.1);
    let file = |name: &str| json!({ "file": stage.folder().join(name) });
    for (path, key, body) in [
        ("/backup", "rotate-1", file("a.backup")),
        ("/keys/rotate", "rotate-1", json!({"other": 1})),
        ("/chat", "rotate-1", json!({"user": "ada", "line": "help"})),
    ] {
        let refused = post(&stage, path, key, &body).await?;
        assert_eq!(refused.0, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
        assert!(refused.1["detail"].as_str().is_some_and(|said| said.contains("another call")), "{refused:?}");
    }
    let odd = post(&stage, "/keys/rotate", "", &json!({})).await?;
    assert_eq!(odd.0, StatusCode::BAD_REQUEST, "{odd:?}");

    // Of those that come at one time one does it; the others are told, or come late enough for its answer.
    let to = file("b.backup");
    let many = try_join_all((0..16).map(|_| post(&stage, "/backup", "backup-1", &to))).await?;
    let statuses: Vec<u16> = many.iter().map(|(status, _)| status.as_u16()).collect();
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    assert_eq!(acts(&stage, "backup").await?, 1);

    // What was refused was not done: the key is free for a better try.
    assert_eq!(post(&stage, "/events/e-99/drop", "drop-1", &json!({})).await?.0, StatusCode::NOT_FOUND);
    let question = json!({"action": "task.create"});
    let explained = post(&stage, "/policy/explain", "drop-1", &question).await?;
    assert_eq!(explained.0, StatusCode::OK, "{explained:?}");
    assert_eq!(post(&stage, "/policy/explain", "drop-1", &question).await?, explained);

    let line = json!({"user": "ada", "line": "task create Said once"});
    let said = post(&stage, "/chat", "chat-1", &line).await?;
    assert_eq!(said.0, StatusCode::OK, "{said:?}");
    assert_eq!(post(&stage, "/chat", "chat-1", &line).await?, said, "the cards too");
    let unnamed = stage.api().send(Method::POST, "/api/v1/chat", Some(&line)).await?;
    assert_eq!(unnamed.status, StatusCode::BAD_REQUEST, "{unnamed:?}");
    let tasks = stage.api().post("/tools/task.list", &json!({})).await?;
    assert_eq!(tasks["result"]["tasks"].as_array().map_or(0, Vec::len), 1, "{tasks}");

    // The answers outlive a restart.
    let stage = stage.restart().await?;
    assert_eq!(post(&stage, "/keys/rotate", "rotate-1", &json!({})).await?, first);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_runs_or_is_owed_is_listed_by_pages() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("AI_CRM__LEDGER__BACKOFF_MOST_S", "1")]).await?;
    let api = stage.api();
    for state in ["accepted", "waiting", "running"] {
        assert_eq!(api.events(Some(state)).await?, Vec::<Value>::new(), "nothing is {state}");
    }
    // Slack takes its time to say who Grace is.
    stage.world().set_faults(Faults { latency_ms: 1500, methods: vec!["users.info".into()], ..Faults::default() });
    stage.sender.say_and_deliver(GRACE, DEV, "<@U0BOT0001> task create Slowly", None).await?;
    let running =
        until(PATIENCE, "the event runs", || async { Ok(api.events(Some("running")).await?.first().cloned()) }).await?;
    assert_eq!(running["state"], "running");
    let printed = stage.run(&["events", "list", "--state", "accepted", "--json"]).await?;
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    assert_eq!(stage.newest().await?["state"], "done");

    stage.world().set_faults(Faults { outage: true, ..Faults::default() });
    let lines = (0..3).map(|number| format!("<@U0BOT0001> task create Owed {number}"));
    join_all(lines.map(|line| {
        let stage = &stage;
        async move { stage.sender.say_and_deliver(GRACE, GENERAL, &line, None).await.map(drop) }
    }))
    .await
    .into_iter()
    .collect::<Result<Vec<()>, _>>()?;
    until(PATIENCE, "three answers are owed", || async {
        let owed = api.get("/effects?state=owed").await?;
        Ok((owed["effects"].as_array().map_or(0, Vec::len) == 3).then_some(()))
    })
    .await?;
    let (mut ids, mut before) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/effects?limit=1{before}")).await?;
        ensure!(page["effects"].as_array().map_or(0, Vec::len) == 1, "{page}");
        ids.push(page["effects"][0]["id"].as_str().context("an id")?.to_owned());
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    let all = stage.run(&["events", "effects", "--json"]).await?.json()?;
    let all: Vec<&str> = all["effects"].as_array().into_iter().flatten().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids, all, "the newest first, none left out");
    let two = stage.run(&["events", "effects", "--limit", "2"]).await?;
    assert!(two.out.lines().count() == 3 && two.err.contains("--before"), "{two:?}");
    let odd = api.send(Method::GET, "/api/v1/effects?state=odd", None).await?;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    assert!(odd.body["detail"].as_str().is_some_and(|said| said.contains("owed, dead")), "{}", odd.body);
    stage.world().set_faults(Faults::default());
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_told_by_its_place_and_its_time() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (asked, _) = stage.sender.say_and_deliver(ADA, DEV, "<@U0BOT0001> task create Asked here", None).await?;
    let (silent, _) = stage.sender.say_and_deliver(GRACE, DEV, "lunch?", None).await?;
    stage.rest().await?;
    for (ts, cause) in [(&asked.ts, "it was done: created T-1"), (&silent.ts, "it asks nothing of this bot: ")] {
        for name in [format!("{DEV}:{ts}"), format!("{DEV}/{ts}")] {
            let told = stage.run(&["why", &name]).await?;
            assert_eq!(told.code(), Some(0), "{told:?}");
            assert!(told.out.lines().last().is_some_and(|last| last.starts_with(cause)), "{told:?}");
            let why = stage.api().get(&format!("/why/{name}")).await?;
            assert!(why["story"]["cause"].as_str().is_some_and(|said| said.starts_with(cause)), "{why}");
        }
    }
    let missing = stage.run(&["why", &format!("{GENERAL}:{}", asked.ts)]).await?;
    assert!(missing.code() == Some(1) && missing.err.contains("is not known"), "{missing:?}");

    stage.answer(GRACE, "task done T-1").await?;
    let task = stage.run(&["why", "T-1"]).await?;
    for part in ["T-1 was made by e-", "it was done: created T-1", "so it is done since"] {
        assert!(task.out.contains(part), "the history is told: {task:?}");
    }
    let task = stage.run(&["why", "T-1", "--json"]).await?.json()?;
    assert_eq!(task["task"]["history"].as_array().map_or(0, Vec::len), 2, "{task}");
    stage.end().await
}
