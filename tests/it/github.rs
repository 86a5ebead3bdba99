//! GitHub's webhook over HTTP to the real binary: real payloads of every kind are taken in and kept, each once, and what
//! GitHub did not sign leaves nothing behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use axum::routing::get;
use axum::{Json, Router};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::github_sim::told;
use crate::stage::{PATIENCE, run};
use crate::support::api::http_client;
use crate::support::done::all_is_handled;
use crate::support::judge::root;
use crate::support::server::{Server, ServerPlan};

/// How to get what this test needs.
const INSTALL: &str = "npm install --prefix target/node @octokit/webhooks-examples@7.6.1 (or set \
                       AI_CRM_TEST_NODE_MODULES to a node_modules that has it)";
/// The new secret and the old.
const SECRETS: [&str; 2] = ["the new webhook secret", "the old webhook secret"];
const JSON: &str = "application/json";
/// GitHub sends no body that is longer, in bytes.
const MOST_BYTES: usize = 25 * 1024 * 1024;
/// Stands in every body that is refused, and may stand in no log.
const MARK: &str = "zebra-crossing-4712";

/// A server with GitHub on.
struct Hub {
    _folder: TempDir,
    plan: ServerPlan,
    server: Server,
}

/// What is sent.
#[derive(Clone)]
struct Sent {
    event: Option<String>,
    delivery: Option<String>,
    signature: Option<String>,
    kind: &'static str,
    body: Vec<u8>,
}

impl Sent {
    fn new(event: &str, delivery: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let (event, delivery) = (Some(event.to_owned()), Some(delivery.to_owned()));
        Self { event, delivery, signature: Some(sign(SECRETS[0], &body)), kind: JSON, body }
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("invariant: HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

/// GitHub's API as far as a server asks it unasked: what it says of the App, at this address from now on.
async fn api(owner: Value) -> anyhow::Result<String> {
    let app = json!({ "id": 123_456, "slug": "acme-crm", "owner": owner });
    let routes = Router::new().route("/app", get(move || async move { Json(app) }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}

impl Hub {
    async fn set(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        // An App of an enterprise says of no account that it is the owner.
        let api = api(json!({ "slug": "acme-inc" })).await?;
        let variables = [&[("GITHUB_API_URL", api.as_str())], variables].concat();
        let folder = tempfile::tempdir()?;
        let key = std::fs::read_to_string(root().join("tests/data/github-app-key.pem"))?;
        let plan = ServerPlan::new(&folder.path().join("data"))
            .with("GITHUB_APP_ID", "123456")
            .with("GITHUB_PRIVATE_KEY", &key)
            .with("GITHUB_WEBHOOK_SECRET", &SECRETS.join(","));
        let plan = variables.iter().fold(plan, |plan, (name, value)| plan.with(name, value));
        let server = plan.start().await?;
        Ok(Self { _folder: folder, plan, server })
    }

    /// The status, and the answer.
    async fn send(&self, sent: &Sent) -> anyhow::Result<(u16, String)> {
        let mut request = http_client()?.post(format!("{}/api/github/webhooks", self.server.base_url()));
        let headers = [
            ("x-github-event", &sent.event),
            ("x-github-delivery", &sent.delivery),
            ("x-hub-signature-256", &sent.signature),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let response = request.header(CONTENT_TYPE, sent.kind).body(sent.body.clone()).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// What the server says to a body of which only the length has come.
    async fn answer_to_length(&self, length: usize) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.server.base_url().trim_start_matches("http://")).await?;
        let signature = sign("any secret", b"");
        let head = format!(
            "POST /api/github/webhooks HTTP/1.1\r\nhost: bot\r\nx-hub-signature-256: {signature}\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = vec![0; 512];
        let read = stream.read(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
    }

    /// How often requests were not believed, by the reason.
    async fn disbelieved(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let page = http_client()?.get(format!("{}/metrics", self.server.base_url())).send().await?.text().await?;
        let lines = page.lines().filter_map(|line| {
            let line = line.strip_prefix("ai_crm_requests_unauthentic_total{channel=\"github\",reason=\"")?;
            line.split_once("\"} ")
        });
        lines.map(|(reason, count)| Ok((reason.to_owned(), count.parse()?))).collect()
    }
}

/// Payloads that GitHub has sent, by the kind of their event.
fn examples() -> anyhow::Result<Vec<(String, Value)>> {
    let modules = std::env::var_os("AI_CRM_TEST_NODE_MODULES")
        .map_or_else(|| root().join("target/node/node_modules"), PathBuf::from);
    let folder = modules.join("@octokit/webhooks-examples");
    let mut examples = Vec::new();
    for of in ["api.github.com", "ghes-35"] {
        let text = std::fs::read_to_string(folder.join(of).join("index.json"));
        let text = text.with_context(|| format!("no examples in {}; run: {INSTALL}", folder.display()))?;
        let kinds: Vec<Value> = serde_json::from_str(&text)?;
        for kind in &kinds {
            let name = kind["name"].as_str().context("a name")?;
            let of_it = kind["examples"].as_array().context("examples")?;
            examples.extend(of_it.iter().map(|payload| (name.to_owned(), payload.clone())));
        }
    }
    Ok(examples)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_payload_that_github_has_sent_is_kept_once() -> anyhow::Result<()> {
    let hub = Hub::set(&[]).await?;
    let examples = examples()?;
    ensure!(examples.len() > 400, "only {} examples", examples.len());
    for (number, (event, payload)) in examples.iter().enumerate() {
        let sent = Sent::new(event, &format!("00000000-0000-0000-0000-{number:012}"), payload.to_string());
        // A redelivery has the id of the delivery that it repeats.
        for time in ["first", "again"] {
            let (status, answer) = hub.send(&sent).await?;
            ensure!(status == 200, "{event} {number} {time}: {status} {answer}");
        }
    }
    all_is_handled(hub.server.api(), PATIENCE).await?;
    let events = told(&hub.server).await?;
    ensure!(events.len() == examples.len(), "{} events of {} payloads", events.len(), examples.len());
    for (event, (kind, payload)) in events.iter().rev().zip(&examples) {
        ensure!(event["state"] == "ignored" || event["state"] == "done", "{event}");
        let action = payload["action"].as_str().map(|action| format!(".{action}")).unwrap_or_default();
        let outcome = event["summary"].as_str().unwrap_or_default();
        ensure!(outcome.contains(&format!("`{kind}{action}`")), "{kind}{action}: {event}");
    }
    let newest = events[0]["id"].as_str().context("an id")?;
    let why = run(&hub.plan, &["why", newest], "").await?;
    for part in ["github sha256 signature, secret 1", "nobody asked to act on `", "it came again once"] {
        ensure!(why.out.contains(part), "`{part}` is not in {why:?}");
    }
    let doctor = run(&hub.plan, &["doctor"], "").await?;
    ensure!(doctor.code() == Some(0) && doctor.out.contains("GitHub believes the App @acme-crm"), "{doctor:?}");
    ensure!(doctor.out.contains("list this team's organisations in channels.github.accounts"), "{doctor:?}");
    ensure!(hub.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_did_not_sign_or_write_is_refused_and_kept_nowhere() -> anyhow::Result<()> {
    let hub = Hub::set(&[]).await?;
    let good = Sent::new("issues", "1-a", json!({ "action": "opened", "title": MARK }).to_string());
    let with = |change: &dyn Fn(&mut Sent)| {
        let mut sent = good.clone();
        change(&mut sent);
        sent
    };
    let resigned = |body: &[u8]| {
        let body = body.to_vec();
        with(&|sent| (sent.signature, sent.body) = (Some(sign(SECRETS[0], &body)), body.clone()))
    };
    let missing = "the signature is missing; has the webhook a secret?";
    let (malformed, mismatch) = ("the signature is malformed", "no configured webhook secret made this signature");
    let table = [
        (with(&|sent| sent.signature = None), 401, missing),
        (with(&|sent| sent.signature = Some("sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59".into())), 401, malformed),
        (with(&|sent| sent.signature = Some(sign("another secret", &sent.body))), 401, mismatch),
        (with(&|sent| sent.signature = Some(sign("", &sent.body))), 401, mismatch),
        (with(&|sent| sent.body.push(b' ')), 401, mismatch),
        (with(&|sent| sent.kind = "application/x-www-form-urlencoded"), 415, ""),
        (with(&|sent| sent.event = None), 400, ""),
        (with(&|sent| sent.event = Some("Issues!".into())), 400, ""),
        (with(&|sent| sent.delivery = None), 400, ""),
        (with(&|sent| sent.delivery = Some("a b".into())), 400, ""),
        (resigned(b"[]"), 400, ""),
        (resigned(b"{\"action\":\"\xff\"}"), 400, ""),
    ];
    for (number, (sent, expected, reason)) in table.iter().enumerate() {
        let mut figures = hub.disbelieved().await?;
        let (status, answer) = hub.send(sent).await?;
        ensure!(status == *expected, "row {number}: {status} {answer}");
        ensure!(!answer.contains(MARK) && answer.contains("\"detail\""), "row {number}: {answer}");
        if !reason.is_empty() {
            *figures.entry((*reason).to_owned()).or_default() += 1;
        }
        ensure!(hub.disbelieved().await? == figures, "row {number}: {:?}", hub.disbelieved().await?);
    }
    let head = hub.answer_to_length(MOST_BYTES + 1).await?;
    ensure!(head.starts_with("HTTP/1.1 413 "), "{head}");
    ensure!(told(&hub.server).await?.is_empty());

    let old = with(&|sent| sent.signature = Some(sign(SECRETS[1], &sent.body)));
    ensure!(hub.send(&old).await?.0 == 200, "the old secret counts while it is replaced");
    let mut longest = b"{\"action\":\"opened\",\"body\":\"".to_vec();
    longest.resize(MOST_BYTES - 2, b'x');
    longest.extend_from_slice(b"\"}");
    let longest = Sent::new("issues", "2-b", longest);
    ensure!(hub.send(&longest).await?.0 == 200, "the longest body that GitHub sends is taken");
    ensure!(told(&hub.server).await?.len() == 2);
    ensure!(!hub.plan.log().contains(MARK), "{}", hub.plan.log());
    ensure!(hub.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_not_listed_is_kept_apart() -> anyhow::Result<()> {
    let hub = Hub::set(&[("AI_CRM__CHANNELS__GITHUB__ACCOUNTS", "acme, shop")]).await?;
    for (number, owner) in ["Acme", "stranger", "shop"].iter().enumerate() {
        let repository = json!({ "id": number, "full_name": "x/y", "private": true, "owner": { "login": owner } });
        let sent = Sent::new("push", &format!("3-{number}"), json!({ "repository": repository }).to_string());
        ensure!(hub.send(&sent).await?.0 == 200, "{owner}");
    }
    let unclaimed = hub.server.api().get("/events?tenant=_unclaimed").await?;
    ensure!(unclaimed["events"].as_array().is_some_and(|events| events.len() == 1), "{unclaimed}");
    ensure!(told(&hub.server).await?.len() == 2);
    ensure!(hub.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_account_is_listed_the_one_that_owns_the_app_is_the_only_one() -> anyhow::Result<()> {
    let api = api(json!({ "login": "Acme" })).await?;
    let hub = Hub::set(&[("GITHUB_API_URL", &api)]).await?;
    for (number, owner) in ["acme", "stranger"].iter().enumerate() {
        let repository = json!({ "id": number, "full_name": "x/y", "private": true, "owner": { "login": owner } });
        let sent = Sent::new("push", &format!("4-{number}"), json!({ "repository": repository }).to_string());
        ensure!(hub.send(&sent).await?.0 == 200, "{owner}");
    }
    let unclaimed = hub.server.api().get("/events?tenant=_unclaimed").await?;
    ensure!(unclaimed["events"].as_array().is_some_and(|events| events.len() == 1), "{unclaimed}");
    ensure!(told(&hub.server).await?.len() == 1);
    let doctor = run(&hub.plan, &["doctor"], "").await?;
    let known = "GitHub believes the App @acme-crm of Acme; what it does is done by acme-crm[bot]";
    ensure!(doctor.code() == Some(0) && doctor.out.contains(known), "{doctor:?}");
    ensure!(hub.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_github_is_away_what_it_sends_is_taken_in() -> anyhow::Result<()> {
    let hub = Hub::set(&[("GITHUB_API_URL", "http://127.0.0.1:1/")]).await?;
    let repository = json!({ "id": 1, "full_name": "x/y", "private": true, "owner": { "login": "acme" } });
    let sent = Sent::new("push", "5-1", json!({ "repository": repository }).to_string());
    ensure!(hub.send(&sent).await?.0 == 200);
    ensure!(told(&hub.server).await?.len() == 1);
    let doctor = run(&hub.plan, &["doctor"], "").await?;
    ensure!(doctor.code() != Some(0) && doctor.out.contains("GITHUB_API_URL can be reached"), "{doctor:?}");
    ensure!(hub.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_off_the_answer_says_how_it_is_turned_on() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let server = plan.start().await?;
    let said = server.greeting().await?;
    ensure!(said.contains("off github") && said.contains("GITHUB_WEBHOOK_SECRET"), "{said}");
    let hub = Hub { _folder: folder, plan, server };
    let (status, answer) = hub.send(&Sent::new("ping", "1", "{}")).await?;
    ensure!(status == 503 && answer.contains("GITHUB_APP_ID"), "{status} {answer}");
    ensure!(hub.server.stop().await?.success());
    Ok(())
}
