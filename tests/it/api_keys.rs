//! API keys: made, used, refused, revoked and kept, in the real binary; and what is posted with one in GitHub's place.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{PATIENCE, run};
use crate::support::api::http_client;
use crate::support::server::{Server, ServerPlan};
use crate::support::until;

/// GitHub sends no body that is longer, in bytes.
const MOST_BYTES: usize = 25 * 1024 * 1024;
/// Stands in every body, and may stand in no log.
const MARK: &str = "zebra-crossing-4711";

/// A bot without any platform.
pub(crate) struct Bot {
    pub(crate) folder: TempDir,
    pub(crate) plan: ServerPlan,
    pub(crate) server: Server,
}

impl Bot {
    pub(crate) async fn set(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let plan = ServerPlan::new(&folder.path().join("data"));
        let plan = variables.iter().fold(plan, |plan, (name, value)| plan.with(name, value));
        let server = plan.start().await?;
        Ok(Self { folder, plan, server })
    }

    async fn killed(self) -> anyhow::Result<Self> {
        let Self { folder, plan, server } = self;
        server.kill();
        let server = plan.start().await?;
        Ok(Self { folder, plan, server })
    }

    /// A key of `ai-crm keys create`, and its id.
    pub(crate) async fn key(&self, more: &[&str]) -> anyhow::Result<(String, String)> {
        let words = [&["keys", "create", "--scope", "events:github", "--json"], more].concat();
        let made = run(&self.plan, &words, "").await?.json()?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).with_context(|| format!("{name}: {made}"));
        Ok((text("key")?, text("id")?))
    }

    /// The keys, as they are listed.
    async fn keys(&self) -> anyhow::Result<Vec<Value>> {
        let listed = run(&self.plan, &["keys", "list", "--json"], "").await?.json()?;
        listed["keys"].as_array().cloned().with_context(|| format!("{listed}"))
    }

    async fn post(&self, key: &str, delivery: &str, payload: &Value) -> anyhow::Result<(StatusCode, Value)> {
        self.send(
            "/events/github",
            key,
            &[("x-github-event", "issues"), ("x-github-delivery", delivery)],
            payload.to_string(),
        )
        .await
    }

    async fn send(
        &self,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let request = http_client()?.post(format!("{}/api/v1{path}", self.server.base_url())).bearer_auth(key);
        let request = request.header("content-type", "application/json").body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await?;
        Ok((answer.status(), serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
    }

    /// Waits until an event has ended; as the API shows it.
    pub(crate) async fn ended(&self, event: &str) -> anyhow::Result<Value> {
        until(PATIENCE, "the event has ended", || async {
            let shown = self.server.api().get(&format!("/events/{event}")).await?;
            Ok((!shown["story"].is_null()).then_some(shown))
        })
        .await
    }

    pub(crate) async fn tasks(&self) -> anyhow::Result<Vec<Value>> {
        let listed = self.server.api().post("/tools/task.list", &json!({})).await?;
        listed["result"]["tasks"].as_array().cloned().with_context(|| format!("{listed}"))
    }

    /// Whether requests were refused so often for this reason.
    async fn refused(&self, reason: &str) -> anyhow::Result<u64> {
        let page = http_client()?.get(format!("{}/metrics", self.server.base_url())).send().await?.text().await?;
        let line = format!("ai_crm_requests_unauthentic_total{{channel=\"api\",reason=\"{reason}\"}} ");
        let count = page.lines().find_map(|found| found.strip_prefix(&line)).unwrap_or("0");
        Ok(count.parse()?)
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        ensure!(!self.plan.log().contains(MARK), "{}", self.plan.log());
        ensure!(self.server.stop().await?.success());
        Ok(())
    }
}

/// An issue of a repository of this account.
pub(crate) fn opened(account: &str, number: u64) -> Value {
    json!({
        "action": "opened",
        "issue": {"id": 100 + number, "number": number, "title": format!("It breaks {MARK}"), "labels": [], "assignee": null,
            "body": "/ai-crm task create now\n\nThe Python backend leaks its database connections; audit the security of the API.", "html_url": format!("https://github.com/{account}/shop/issues/{number}"),
            "user": {"id": 7, "login": "ann"}},
        "repository": {"id": 5, "full_name": format!("{account}/shop"), "private": true, "owner": {"id": 1, "login": account}},
        "sender": {"id": 7, "login": "ann", "type": "User"},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_posts_events_once_and_does_nothing_else() -> anyhow::Result<()> {
    let bot = Bot::set(&[]).await?;
    let (key, id) = bot.key(&["--name", "the shop's actions", "--expires", "30d"]).await?;
    ensure!(key.starts_with("aicrm_") && key.len() == 49, "it is known by its form");
    let (status, first) = bot.post(&key, "run-1", &opened("acme", 1)).await?;
    ensure!(status == StatusCode::OK && first["known"] == false, "{first}");
    let (status, again) = bot.post(&key, "RUN-1", &opened("acme", 1)).await?;
    ensure!(status == StatusCode::OK && again["known"] == true && again["event"] == first["event"], "{again}");
    // Another key has deliveries of its own, and cannot take those of this one.
    let (other, _) = bot.key(&[]).await?;
    ensure!(bot.post(&other, "run-1", &opened("acme", 1)).await?.1["known"] == false);

    let event = first["event"].as_str().context("a number")?;
    let shown = bot.ended(event).await?;
    ensure!(shown["event"]["proof"] == format!("posted by api key {id}"), "{shown}");
    ensure!(shown["story"]["end"] == "ignored" && shown["event"]["reply"].is_null(), "{shown}");
    let events = bot.server.api().events(None).await?;
    ensure!(events.len() == 2, "the command in its text is none: {events:?}");

    let admin = "/tools/task.list";
    for path in [admin, "/keys", "/keys/rotate", "/backup", "/events/e-1/replay", "/events/github/", "/nowhere"] {
        let (status, said) = bot.send(path, &key, &[], "{}").await?;
        ensure!(
            status == StatusCode::FORBIDDEN || path.contains("nowhere") || path.ends_with('/'),
            "{path}: {status} {said}"
        );
        ensure!(!status.is_success(), "{path}: {status} {said}");
    }
    let page = http_client()?.get(format!("{}/api/v1/events", bot.server.base_url())).bearer_auth(&key).send().await?;
    ensure!(page.status() == StatusCode::FORBIDDEN, "nothing is read by it");
    ensure!(bot.refused("key without the scope").await? >= 6);

    let rows = bot.server.api().lines("/audit/export").await?;
    let acts: Vec<_> =
        rows.iter().map(|row| (row["entry"]["action"].as_str(), row["entry"]["actor"].as_str())).collect();
    let by = format!("api key {id}");
    ensure!(acts.iter().filter(|act| **act == (Some("events.post"), Some(by.as_str()))).count() == 1, "{acts:?}");
    ensure!(acts.iter().filter(|act| **act == (Some("keys.create"), Some("operator"))).count() == 2, "{acts:?}");
    ensure!(!bot.plan.log().contains(&key[6..]) && !rows.iter().any(|row| row.to_string().contains(&key[6..])));
    bot.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_counts_no_longer_is_refused_with_its_reason() -> anyhow::Result<()> {
    let bot = Bot::set(&[]).await?;
    let (key, id) = bot.key(&["--name", "old"]).await?;
    let (short, _) = bot.key(&["--expires", "1s"]).await?;
    ensure!(bot.post(&key, "a-1", &opened("acme", 1)).await?.0 == StatusCode::OK);
    let revoked = run(&bot.plan, &["keys", "revoke", &id], "").await?;
    ensure!(revoked.code() == Some(0) && revoked.out.contains(&id), "{revoked:?}");
    let (status, said) = bot.post(&key, "a-2", &opened("acme", 1)).await?;
    let detail = said["detail"].as_str().unwrap_or_default();
    ensure!(status == StatusCode::UNAUTHORIZED && detail.contains("was revoked") && detail.contains(&id), "{said}");
    until(PATIENCE, "the short key has ended", || async {
        let (status, said) = bot.post(&short, "a-3", &opened("acme", 1)).await?;
        let has_ended = said["detail"].as_str().is_some_and(|detail| detail.contains("has expired"));
        Ok((status == StatusCode::UNAUTHORIZED && has_ended).then_some(()))
    })
    .await?;
    let unknown = format!("aicrm_{}", "A".repeat(43));
    for odd in [unknown.as_str(), "aicrm_", "x", &key[..48], &key.to_uppercase()] {
        let (status, said) = bot.post(odd, "a-4", &opened("acme", 1)).await?;
        ensure!(status == StatusCode::UNAUTHORIZED && said["detail"] == "not authentic", "{odd}: {said}");
    }
    for (reason, least) in [("revoked key", 1), ("expired key", 1), ("unknown key", 1), ("wrong token", 2)] {
        ensure!(bot.refused(reason).await? >= least, "{reason}");
    }
    let keys = bot.keys().await?;
    let states: Vec<_> = keys.iter().map(|key| key["state"].as_str().unwrap_or_default()).collect();
    ensure!(keys.len() == 2 && states.contains(&"revoked") && states.contains(&"expired"), "{keys:?}");
    ensure!(keys.iter().any(|it| it["name"] == "old" && !it["last_used"].is_null()), "{keys:?}");
    ensure!(!json!(keys).to_string().contains(&key[6..]), "{keys:?}");
    let listed = run(&bot.plan, &["keys", "list"], "").await?;
    ensure!(
        listed.out.contains(&id) && listed.out.contains("events:github") && !listed.out.contains("aicrm_"),
        "{listed:?}"
    );
    let again = run(&bot.plan, &["keys", "revoke", &id], "").await?;
    ensure!(again.code() == Some(0), "{again:?}");
    let nobody = run(&bot.plan, &["keys", "revoke", "k-none/../x"], "").await?;
    ensure!(nobody.code() == Some(1) && nobody.err.contains("keys list"), "{nobody:?}");
    for words in [&["--scope", "everything"][..], &["--scope", "events:github", "--expires", "366d"], &[]] {
        let refused = run(&bot.plan, &[&["keys", "create"], words].concat(), "").await?;
        ensure!(refused.code() != Some(0) && !refused.err.is_empty(), "{refused:?}");
    }
    bot.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_outlive_a_kill_and_a_backup_by_their_digests_alone() -> anyhow::Result<()> {
    let bot = Bot::set(&[]).await?;
    let (key, _) = bot.key(&[]).await?;
    let (gone, id) = bot.key(&[]).await?;
    let event = bot.post(&key, "b-1", &opened("acme", 1)).await?.1["event"].clone();
    ensure!(run(&bot.plan, &["keys", "revoke", &id], "").await?.code() == Some(0));
    let bot = bot.killed().await?;
    let (status, again) = bot.post(&key, "b-1", &opened("acme", 1)).await?;
    ensure!(status == StatusCode::OK && again["event"] == event && again["known"] == true, "{again}");
    ensure!(bot.post(&gone, "b-2", &opened("acme", 1)).await?.0 == StatusCode::UNAUTHORIZED);

    let file = bot.folder.path().join("bot.backup").display().to_string();
    ensure!(run(&bot.plan, &["backup", &file], "").await?.code() == Some(0));
    let plan = ServerPlan::new(&bot.folder.path().join("restored"));
    std::fs::create_dir(plan.data())?;
    std::fs::copy(bot.plan.data().join("master.key"), plan.data().join("master.key"))?;
    let restored = run(&plan, &["restore", &file], "").await?;
    ensure!(restored.code() == Some(0), "{restored:?}");
    ensure!(bot.server.stop().await?.success());
    let server = plan.start().await?;
    let bot = Bot { folder: bot.folder, plan, server };
    let (status, again) = bot.post(&key, "b-1", &opened("acme", 1)).await?;
    ensure!(status == StatusCode::OK && again["event"] == event, "{again}");
    ensure!(bot.post(&gone, "b-2", &opened("acme", 1)).await?.0 == StatusCode::UNAUTHORIZED);
    let listed = run(&bot.plan, &["keys", "list", "--json"], "").await?.json()?;
    ensure!(listed["keys"].as_array().is_some_and(|keys| keys.len() == 2), "{listed}");
    bot.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_of_github_is_refused_and_kept_nowhere() -> anyhow::Result<()> {
    let bot = Bot::set(&[("AI_CRM__CHANNELS__GITHUB__ACCOUNTS", "acme, shop")]).await?;
    let (key, _) = bot.key(&[]).await?;
    let payload = opened("acme", 1).to_string();
    let known = [("x-github-event", "issues"), ("x-github-delivery", "c-1")];
    let longest = |length: usize| {
        let mut body = format!("{{\"mark\":\"{MARK}\",\"body\":\"").into_bytes();
        body.resize(length - 2, b'x');
        [&body[..], b"\"}"].concat()
    };
    type Posted<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<u8>, u16);
    let table: Vec<Posted<'_>> = vec![
        ("", &known[..1], payload.clone().into(), 400),
        ("", &known[1..], payload.clone().into(), 400),
        ("", &[("x-github-event", "issues"), ("x-github-delivery", "a b")], payload.clone().into(), 400),
        ("", &[("x-github-event", "issues"), ("idempotency-key", "a\"b")], payload.clone().into(), 400),
        ("", &[("x-github-event", "Issues!"), ("x-github-delivery", "c-1")], payload.clone().into(), 400),
        ("", &known, format!("{{\"mark\":\"{MARK}\"").into(), 400),
        ("", &known, b"[]".to_vec(), 400),
        ("", &known, b"{\"action\":\"\xff\"}".to_vec(), 400),
        ("", &known, longest(MOST_BYTES + 1), 413),
        ("?pm_analysis=maybe", &known, payload.clone().into(), 400),
        ("?tenant=other", &known, payload.clone().into(), 400),
        ("", &known, opened("stranger", 1).to_string().into(), 403),
    ];
    for (number, (query, headers, body, expected)) in table.into_iter().enumerate() {
        let answered = bot.send(&format!("/events/github{query}"), &key, headers, body).await;
        // A body that is too long may be refused before it was sent.
        let Ok((status, said)) = answered else {
            ensure!(expected == 413, "row {number}: {answered:?}");
            continue;
        };
        ensure!(status.as_u16() == expected && !said.to_string().contains(MARK), "row {number}: {status} {said}");
    }
    let plain = http_client()?.post(format!("{}/api/v1/events/github", bot.server.base_url())).bearer_auth(&key);
    ensure!(plain.body(payload.clone()).send().await?.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let injected = reqwest::header::HeaderValue::from_bytes(b"c-1\r\nx-other: 1");
    ensure!(injected.is_err(), "no client sends it; what comes in spite of that is no header");
    ensure!(bot.server.api().events(None).await?.is_empty());
    let unclaimed = bot.server.api().get("/events?tenant=_unclaimed").await;
    ensure!(unclaimed.is_err() || unclaimed?["events"].as_array().is_some_and(Vec::is_empty));

    let largest = json!({"repository": opened("shop", 1)["repository"], "more": "x".repeat(2 << 20)});
    let (status, said) = bot.post(&key, "c-2", &largest).await?;
    ensure!(status == StatusCode::OK, "what is longer than other bodies is taken: {said}");
    let by_key = [("x-github-event", "issues"), ("idempotency-key", "c-3")];
    let (status, said) = bot.send("/events/github", &key, &by_key, payload).await?;
    ensure!(status == StatusCode::OK && said["known"] == false, "{said}");
    let token = std::fs::read_to_string(bot.plan.data().join("admin.token"))?;
    let once = [("idempotency-key", "make-1")];
    let (status, said) = bot.send("/keys", token.trim(), &once, r#"{"scopes":["events:github"]}"#).await?;
    ensure!(status == StatusCode::BAD_REQUEST, "what is shown once is kept under no key: {said}");
    bot.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_task_gets_one_for_an_issue_and_a_rule_reads_what_was_asked() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let rules = r#"
workflows:
  asked:
    trigger: { platform: github, event: issues.opened, conditions: [{ event.inputs.auto_assign: true }] }
    actions:
      - action: create_ai_crm_task
        params: { title: "asked {event.delivery_id}" }
      - action: github_comment
        params: { message: "nobody reads this" }
"#;
    std::fs::write(folder.path().join("rules.yml"), rules)?;
    let rules = folder.path().to_str().context("UTF-8")?;
    let bot = Bot::set(&[("AI_CRM__WORKFLOWS__FOLDER", rules)]).await?;
    let (key, _) = bot.key(&[]).await?;
    let headers = |delivery| [("x-github-event", "issues"), ("x-github-delivery", delivery)];
    for (delivery, options, issue) in [
        ("d-1", "?pm_analysis=true&auto_assign=false", 1),
        ("d-2", "?pm_analysis=true&auto_assign=true", 2),
        ("d-3", "?pm_analysis=true", 1),
        ("d-4", "?pm_analysis=false&auto_assign=false", 3),
        ("d-5", "", 4),
    ] {
        let path = format!("/events/github{options}");
        let (status, said) = bot.send(&path, &key, &headers(delivery), opened("acme", issue).to_string()).await?;
        ensure!(status == StatusCode::OK, "{delivery}: {said}");
    }
    let count = until(PATIENCE, "three tasks are made", || async {
        let tasks = bot.tasks().await?;
        Ok((tasks.len() >= 3).then_some(tasks))
    });
    let tasks = count.await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(bot.tasks().await?.len() == 3, "one issue is one task: {:?}", bot.tasks().await?);
    let titled = |title: &str| {
        tasks.iter().filter(|task| task["title"].as_str().is_some_and(|it| it.starts_with(title))).count()
    };
    ensure!(titled("GitHub: It breaks") == 2 && titled("asked d-2") == 1, "{tasks:?}");
    ensure!(tasks.iter().filter(|task| !task["assignee"].is_null()).count() == 1, "{tasks:?}");
    bot.stop().await
}
