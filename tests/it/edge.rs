//! The edge from outside: who is let in, what is refused and how, and that a refusal leaves nothing behind.
//!
//! What an event means once it is in stands in the other modules.

use ai_crm::sim::slack::Variant;
use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::signature::sign;
use anyhow::{Context, ensure};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{ADA, DEV, GRACE, GUEST, PATIENCE, STRANGER, Stage, words};
use crate::support::api::http_client;
use crate::support::server::{BOT_TOKEN, SIGNING_SECRET};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Stands in every body that is refused, and may stand in no log.
const MARK: &str = "zebra-crossing-4711";

/// An answer of the edge.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    /// Whether it is a problem as RFC 9457 has it.
    fn is_problem(&self) -> bool {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        self.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json")
            && body["status"] == self.status
            && body["title"].is_string()
            && body["detail"].is_string()
    }
}

/// Sends bytes as they are, with a signature of this moment.
async fn signed(stage: &Stage, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> anyhow::Result<Answered> {
    let body = body.into();
    let at = stage.world().now().as_seconds();
    let headers = [
        ("content-type", kind.to_owned()),
        ("x-slack-request-timestamp", at.to_string()),
        ("x-slack-signature", sign(SIGNING_SECRET, at, &body)),
    ];
    post(stage, path, &headers, body).await
}

async fn post(stage: &Stage, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> anyhow::Result<Answered> {
    let mut request = http_client()?.post(format!("{}{path}", stage.server.base_url())).body(body);
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes())?);
    }
    answered(request).await
}

async fn answered(request: reqwest::RequestBuilder) -> anyhow::Result<Answered> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answered { status, headers, body: response.text().await? })
}

/// Sends what is left of a request to `/slack/events`, byte for byte, and reads the head of the answer; the body may
/// still be on its way.
async fn raw(stage: &Stage, rest: Vec<u8>) -> anyhow::Result<String> {
    let address = stage.server.base_url().trim_start_matches("http://");
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let writing = tokio::spawn(async move {
        let head = b"POST /slack/events HTTP/1.1\r\nhost: bot\r\ncontent-type: application/json\r\n";
        // The server may hang up on what it will not read.
        let _ = writer.write_all(head).await;
        let _ = writer.write_all(&rest).await;
        writer
    });
    let mut head = vec![0; 512];
    let length = tokio::time::timeout(PATIENCE, reader.read(&mut head)).await??;
    writing.abort();
    Ok(String::from_utf8_lossy(&head[..length]).into_owned())
}

async fn count(stage: &Stage) -> anyhow::Result<usize> {
    Ok(stage.api().events(None).await?.len())
}

/// The value of one line of the page of figures.
async fn figure(stage: &Stage, line: &str) -> anyhow::Result<u64> {
    let page = http_client()?.get(format!("{}/metrics", stage.server.base_url())).send().await?.text().await?;
    let found = page.lines().find_map(|it| it.strip_prefix(line));
    found.map_or(Ok(0), |value| value.trim().parse().with_context(|| format!("{line}{value}")))
}

fn slash(stage: &Stage, user: &str, text: &str) -> anyhow::Result<Request> {
    Ok(stage.sender.prepare_slash(user, DEV, "/ai-crm", text)?.request)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_authentic_is_refused_counted_and_forgotten() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("AI_CRM__LOG__FILTER", "debug")]).await?;
    let request = slash(&stage, ADA, &format!("task create {MARK}"))?;
    for variant in [Variant::WrongSignature, Variant::Stale, Variant::FromTheFuture, Variant::Unsigned] {
        let answer = stage.sender.send(&stage.sender.sign(&request, variant)).await;
        assert_eq!(answer.status, Some(401), "{variant:?}: {}", answer.body);
        assert_eq!(answer.content_type, "application/problem+json");
        assert!(!answer.body.contains("stale") && !answer.body.contains("signature"), "no detail: {}", answer.body);
    }
    let verification = json!({"type": "url_verification", "challenge": MARK}).to_string();
    let unsigned = post(&stage, "/slack/events", &[("content-type", JSON.to_owned())], verification.into()).await?;
    assert_eq!((unsigned.status, unsigned.body.contains(MARK)), (401, false));

    let at = stage.world().now().as_seconds().to_string();
    let good = sign(SIGNING_SECRET, at.parse()?, request.body.as_bytes());
    let odd = [
        ("", good.clone()),
        (at.as_str(), String::new()),
        ("0", good.clone()),
        ("-1", good.clone()),
        ("1e9", good.clone()),
        ("99999999999999999999999", good.clone()),
        (at.as_str(), "v0=".to_owned()),
        (at.as_str(), good.replace("v0=", "v1=")),
        (at.as_str(), format!("{good}00")),
        (at.as_str(), "v0=\u{fc}\u{df}".to_owned()),
        (at.as_str(), "x".repeat(6000)),
    ];
    for (timestamp, signature) in odd {
        let headers = [
            ("content-type", FORM.to_owned()),
            ("x-slack-request-timestamp", timestamp.to_owned()),
            ("x-slack-signature", signature.clone()),
        ];
        let answer = post(&stage, "/slack/commands", &headers, request.body.clone().into()).await?;
        assert_eq!(answer.status, 401, "{timestamp} {signature}");
    }
    assert_eq!(count(&stage).await?, 0, "nothing of it is kept");
    let page = http_client()?.get(format!("{}/metrics", stage.server.base_url())).send().await?.text().await?;
    let lines = page.lines().filter(|line| line.contains("requests_unauthentic_total{channel=\"slack\""));
    let counted: u64 = lines.clone().filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(counted, 16, "{page}");
    assert!(lines.count() >= 3, "the reasons are told apart: {page}");

    quiet_log(&stage, &[MARK, &good])?;
    stage.end().await
}

/// No log line holds what nobody may read there.
fn quiet_log(stage: &Stage, more: &[&str]) -> anyhow::Result<()> {
    let log = stage.plan.log();
    let token = std::fs::read_to_string(stage.plan.data().join("admin.token"))?;
    let key = std::fs::read_to_string(stage.plan.data().join("master.key"))?;
    for secret in [SIGNING_SECRET, BOT_TOKEN, token.trim(), key.trim()].iter().chain(more) {
        ensure!(!log.contains(secret), "`{secret}` is in the log");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_by_its_kind() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("AI_CRM__LOG__FILTER", "debug")]).await?;
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let event =
        |inner: &str| format!(r#"{{"type":"event_callback","event_id":"Ev1","event":{inner},"mark":"{MARK}"}}"#);
    let deep_form = format!("payload={}", "%7B%22a%22%3A".repeat(20_000));
    let mut broken = format!("command=/ai-crm&user_id=U1&text={MARK}").into_bytes();
    broken.extend([0xff, 0xfe]);
    let mut broken_json = event("{}").into_bytes();
    broken_json.insert(40, 0xc3);
    let table: Vec<(&str, Vec<u8>, u16)> = vec![
        (FORM, broken, 400),
        (FORM, format!("command=/ai-crm&user_id=U1&text=%ff%fe{MARK}").into(), 400),
        (FORM, format!("command=/ai-crm&user_id=U1&user_id=U2&text={MARK}").into(), 400),
        (FORM, Vec::new(), 400),
        (FORM, format!("payload={MARK}").into(), 400),
        (FORM, deep_form.into(), 400),
        (JSON, broken_json, 400),
        (JSON, Vec::new(), 400),
        (JSON, format!("{{\"type\":\"{MARK}").into(), 400),
        (JSON, event(&deep).into(), 400),
        (JSON, deep.clone().into(), 400),
        (JSON, b"null".to_vec(), 400),
        (JSON, br#"{"type":"event_callback"}"#.to_vec(), 400),
        ("text/xml", MARK.into(), 415),
        ("multipart/form-data; boundary=x", MARK.into(), 415),
        ("", MARK.into(), 415),
    ];
    for (kind, body, status) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = signed(&stage, "/slack/events", kind, body).await?;
        assert_eq!(answer.status, status, "{kind} {shown}: {}", answer.body);
        assert!(answer.is_problem(), "{kind} {shown}: {}", answer.body);
        assert!(!answer.body.contains(MARK), "it is not echoed: {}", answer.body);
    }
    let stated = raw(&stage, format!("content-length: {}\r\n\r\n", 2 << 20).into_bytes()).await?;
    assert!(stated.starts_with("HTTP/1.1 413"), "by its stated length, before it is read: {stated}");
    let mut chunks = b"transfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..17 {
        chunks.extend(b"10000\r\n");
        chunks.extend(vec![b'x'; 0x10000]);
        chunks.extend(b"\r\n");
    }
    let grown = raw(&stage, chunks).await?;
    assert!(grown.starts_with("HTTP/1.1 413"), "by what has come, where no length is stated: {grown}");
    assert_eq!(count(&stage).await?, 0, "nothing of it is kept");

    let client = http_client()?;
    let base = stage.server.base_url();
    for (request, status) in [
        (client.get(format!("{base}/nowhere")), 404),
        (client.post(format!("{base}/api/webhooks/unheard-of")), 404),
        (client.get(format!("{base}/slack/events")), 405),
        (client.delete(format!("{base}/healthz")), 405),
        (client.get(format!("{base}/slack/elsewhere")), 404),
    ] {
        let answer = answered(request).await?;
        assert_eq!((answer.status, answer.is_problem()), (status, true), "{}", answer.body);
    }
    quiet_log(&stage, &[MARK])?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_genuine_comes_in_once_by_whichever_path_and_secret() -> anyhow::Result<()> {
    let both = format!("newer-secret-of-the-app,{SIGNING_SECRET}");
    let stage = Stage::set_with(&[("SLACK_SIGNING_SECRET", &both)]).await?;
    let challenge = stage.sender.verify_url("echo-me").await;
    assert_eq!((challenge.status, challenge.body.as_str()), (Some(200), "echo-me"));
    assert_eq!(signed(&stage, "/slack/commands", FORM, "ssl_check=1&token=x").await?.status, 200);
    let unsigned = |body: &'static str| {
        let request = reqwest::Client::new().post(format!("{}/slack/commands", stage.server.base_url()));
        request.header("content-type", FORM).body(body).send()
    };
    assert_eq!(unsigned("ssl_check=1&token=x").await?.status(), 200, "Slack does not sign its look at the certificate");
    assert_eq!(unsigned("ssl_check=1&command=%2Fai-crm&user_id=U1&team_id=T1&text=help").await?.status(), 401);
    assert_eq!(count(&stage).await?, 0, "none is an event");

    let command = slash(&stage, ADA, "task create Counted once")?;
    let genuine = stage.sender.sign(&command, Variant::Genuine);
    let (first, second) = (stage.sender.send(&genuine).await, stage.sender.send(&genuine).await);
    assert_eq!((first.status, second.status), (Some(200), Some(200)));
    assert!(first.body.contains("Counted once"), "{}", first.body);
    assert_eq!(second.body, "", "what is known is taken and not answered again");
    assert_eq!(count(&stage).await?, 1);
    let why = stage.api().get("/why/e-1").await?;
    assert_eq!(why["story"]["came_again"].as_array().map_or(0, Vec::len), 1, "{why}");
    assert!(why["story"]["proof"].as_str().is_some_and(|proof| proof.contains("secret 2")), "{why}");

    let said = stage.sender.say(GRACE, "D0GRACE01", "task create By mail of the platform", None)?;
    for variant in [Variant::Genuine, Variant::Retry(1, "http_timeout"), Variant::Retry(2, "http_error")] {
        assert_eq!(stage.sender.send(&stage.sender.sign(&said.events[0], variant)).await.status, Some(200));
    }
    assert_eq!(count(&stage).await?, 2, "a repeat is no second event");

    let before = count(&stage).await?;
    for path in ["/slack/events", "/slack/commands", "/slack/interactions", "/slack/options"] {
        let slash = slash(&stage, ADA, "team status")?;
        let said = stage.sender.say(ADA, "D0ADA0001", "team status", None)?.events.remove(0);
        for request in [slash, said] {
            let answer = signed(&stage, path, request.content_type, request.body).await?;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        }
        let press = json!({"type": "block_actions", "user": {"id": ADA, "team_id": "T0SIM0001"},
            "team": {"id": "T0SIM0001"}, "trigger_id": format!("1.2.{path}"), "actions": []});
        let press: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &press.to_string()).finish();
        assert_eq!(signed(&stage, path, FORM, press).await?.status, 200, "{path}");
    }
    assert_eq!(count(&stage).await?, before + 12);
    assert_eq!(figure(&stage, "ai_crm_events_accepted_total{channel=\"slack\",kind=\"known\"}").await?, 3);
    stage.rest().await?;
    let tasks = stage.api().post("/tools/task.list", &json!({})).await?;
    assert_eq!(tasks["result"]["tasks"].as_array().map_or(0, Vec::len), 2, "{tasks}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_workspace_a_guest_and_a_stranger_are_refused_politely() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let mut elsewhere = slash(&stage, ADA, "task create From elsewhere")?;
    elsewhere.body = elsewhere.body.replace("team_id=T0SIM0001", "team_id=T0NOWHERE");
    let answer = stage.sender.deliver(&elsewhere).await;
    assert_eq!(answer.status, Some(200), "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).with_context(|| answer.body.clone())?;
    assert_eq!(body["response_type"], "ephemeral");
    assert!(answer.body.contains("You may not do this here"), "{body}");
    assert!(!answer.body.contains("T0SIM0001") && !answer.body.contains("default"), "no other tenant is named: {body}");
    assert_eq!(count(&stage).await?, 0, "it is not among the events of the workspace that is here");
    let kept = stage.api().get("/events?tenant=_unclaimed").await?;
    assert_eq!(kept["events"][0]["state"], "denied", "{kept}");
    let id = kept["events"][0]["id"].as_str().context("an id")?.to_owned();
    let why = stage.api().get(&format!("/why/{id}")).await?;
    assert!(why["story"]["cause"].as_str().is_some_and(|cause| cause.starts_with("it was denied by ")), "{why}");

    for user in [GUEST, STRANGER] {
        let message = stage.answer(user, "task create Not by me").await?;
        assert_eq!(message.ephemeral_to.as_deref(), Some(user), "told to the asker alone");
        let said = words(&message);
        assert!(said.contains("You may not do this here") && said.contains("What would permit it"), "{said}");
        let newest = stage.newest().await?;
        assert_eq!(newest["state"], "denied");
        // What a person was denied is explained to that person.
        let own = stage.slash(user, "why").await?.message.context("an answer to why")?;
        assert!(words(&own).contains("it was denied by "), "{}", words(&own));
        let others = stage.answer(user, &format!("why {id}")).await?;
        assert!(words(&others).contains("that you may see"), "{}", words(&others));
    }
    let tasks = stage.api().post("/tools/task.list", &json!({})).await?;
    assert_eq!(tasks["result"]["tasks"], json!([]));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_is_for_the_bearer_of_the_token() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let client = http_client()?;
    let url = format!("{}/api/v1/actors", stage.server.base_url());
    for request in [
        client.get(&url),
        client.get(&url).bearer_auth("wrong"),
        client.get(&url).bearer_auth(""),
        client.get(&url).header("authorization", "Basic YWRtaW46YWRtaW4="),
        client.post(format!("{}/api/v1/chat", stage.server.base_url())).body("{}"),
    ] {
        let answer = answered(request).await?;
        assert_eq!((answer.status, answer.is_problem()), (401, true), "{}", answer.body);
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!(figure(&stage, "ai_crm_requests_unauthentic_total{channel=\"api\",reason=\"no token\"}").await?, 2);
    let api = stage.api();
    assert_eq!(api.get("/openapi.json").await?["openapi"], "3.1.0");
    for (method, path, body, status) in [
        (Method::GET, "/api/v1/nowhere", None, StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/events/e-99", None, StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/events/nonsense", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/events?state=odd", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/events?limit=many", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/events?before=yesterday", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/events?tenant=Not%20One", None, StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/tools/nothing", Some(json!({})), StatusCode::NOT_FOUND),
        (Method::POST, "/api/v1/tools/task.show", Some(json!({"odd": 1})), StatusCode::UNPROCESSABLE_ENTITY),
        (
            Method::POST,
            "/api/v1/chat",
            Some(json!({"user": "a b", "delivery": "1", "line": "x"})),
            StatusCode::BAD_REQUEST,
        ),
        (Method::POST, "/api/v1/chat", Some(json!({"user": "ada", "delivery": "1"})), StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/chat", Some(json!({"user": 7})), StatusCode::UNPROCESSABLE_ENTITY),
        (Method::POST, "/api/v1/policy/explain", Some(json!({"action": 7})), StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/backup", Some(json!({"file": "relative"})), StatusCode::BAD_REQUEST),
        (Method::PUT, "/api/v1/events", None, StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer = api.send(method.clone(), path, body.as_ref()).await?;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{method} {path}: {}", answer.body);
    }
    let token = std::fs::read_to_string(stage.plan.data().join("admin.token"))?;
    let call = || {
        let url = format!("{}/api/v1/tools/task.create", stage.server.base_url());
        let request = client.post(url).bearer_auth(token.trim()).header("idempotency-key", "once-1");
        answered(request.json(&json!({"title": "Made by a program"})))
    };
    let (first, second) = (call().await?, call().await?);
    assert_eq!((first.status, &first.body), (200, &second.body), "the same key, the same answer");
    assert_eq!(api.post("/tools/task.list", &json!({})).await?["result"]["tasks"].as_array().map_or(0, Vec::len), 1);
    stage.end().await
}
