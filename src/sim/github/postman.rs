//! Sends what is on its way to the App's webhook, each once, and keeps what came of it.
//!
//! GitHub repeats nothing by itself: what fails stays on record as failed until somebody asks for it once more
//! (docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries). Deliveries suffer from faults where these
//! name the method [`METHOD`], and in an outage. The words of a failed delivery are those of GitHub's pages; its numbers
//! where nobody answered are those of a gateway.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use tokio::task::JoinSet;

use super::super::delivery::{self, Manner, Received, Silence, is_taken};
use super::super::fault::Fate;
use super::super::world::locked;
use super::hook::{Delivery, Hook, Outgoing, Way};
use super::keys;
use super::seed;
use super::world::{GitHubWorld, SharedWorld};

/// By which faults know deliveries.
pub(super) const METHOD: &str = "webhook";
/// How long to sleep before looking whether there is anything to send, where nothing changes.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
/// Who sends, as GitHub says it.
const USER_AGENT: &str = "GitHub-Hookshot/5a1m0de";

/// Begins to send in the background, until [`stop`].
///
/// # Errors
/// When the HTTP client cannot be built.
pub(super) fn start(world: &SharedWorld) -> io::Result<()> {
    let client = delivery::client(LOOK_AGAIN, Policy::none()).map_err(io::Error::other)?;
    let task = tokio::spawn(run(world.clone(), client));
    *locked(&world.beside.postman) = Some(task.abort_handle());
    Ok(())
}

/// Sends nothing any more.
pub(super) fn stop(world: &GitHubWorld) {
    if let Some(task) = locked(&world.beside.postman).take() {
        task.abort();
    }
}

async fn run(world: SharedWorld, client: Client) {
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() >= world.hook().at_once.max(1) {
            under_way.join_next().await;
        }
        let next = world.wait_for(LOOK_AGAIN, |world| world.state().outgoing.pop_front()).await;
        while under_way.try_join_next().is_some() {}
        if let Some(outgoing) = next {
            under_way.spawn(deliver(world.clone(), client.clone(), outgoing));
        }
    }
}

async fn deliver(world: SharedWorld, client: Client, outgoing: Outgoing) {
    let times = if outgoing.manner == Manner::Twice { 2 } else { 1 };
    for _ in 0..times {
        let hook = world.hook();
        let Some(url) = hook.url.clone() else { return };
        let headers = headers(&world, &outgoing);
        let began = world.now();
        let (outcome, duration) = reach(&world, &client, &hook, &url, &headers, &outgoing).await;
        world.change(|state, _| {
            let id = state.new_id();
            let delivery = Delivery {
                id,
                guid: outgoing.guid.clone(),
                delivered_at: began,
                redelivery: outgoing.redelivery,
                duration: (duration.as_secs_f64() * 100.0).round() / 100.0,
                status: outcome.status,
                status_code: outcome.code,
                event: outgoing.event.clone(),
                action: outgoing.action.clone(),
                installation: outgoing.installation,
                repository: outgoing.repository,
                url,
                request_headers: headers,
                payload: outgoing.payload.clone(),
                response_headers: outcome.headers,
                response: outcome.body,
            };
            state.deliveries.insert(id, delivery);
        });
    }
}

/// What goes on record of an answer.
struct Outcome {
    status: String,
    code: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Outcome {
    fn answered(received: Received) -> Self {
        let code = received.status;
        let status = if is_taken(Some(code)) { "OK".to_owned() } else { format!("Invalid HTTP Response: {code}") };
        Self { status, code, headers: texts(&received.headers), body: received.body }
    }

    fn failed(status: &str, code: u16) -> Self {
        Self { status: status.to_owned(), code, headers: BTreeMap::new(), body: String::new() }
    }

    fn not_reached() -> Self {
        Self::failed("failed to connect to host", 502)
    }

    fn timed_out() -> Self {
        Self::failed("timed out", 504)
    }

    /// Something before the application has answered.
    fn between(code: u16) -> Self {
        let received = Received { status: code, headers: HeaderMap::new(), body: String::new() };
        Self::answered(received)
    }
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// Reaches the application, or not, as the way and the faults are.
async fn reach(
    world: &GitHubWorld,
    client: &Client,
    hook: &Hook,
    url: &str,
    headers: &BTreeMap<String, String>,
    outgoing: &Outgoing,
) -> (Outcome, Duration) {
    let at_once = |outcome| (outcome, Duration::ZERO);
    match hook.way {
        Way::Dropped => return at_once(Outcome::not_reached()),
        Way::Swallowed => return at_once(Outcome::between(200)),
        Way::Open => {}
    }
    let faults = world.faults();
    let suffers = faults.outage || faults.methods.iter().any(|method| method == METHOD);
    let plan = suffers.then(|| world.roll(METHOD));
    if let Some(plan) = plan {
        tokio::time::sleep(plan.delay).await;
    }
    let fate = plan.map_or(Fate::Pass, |plan| plan.fate);
    match fate {
        Fate::Refused => return at_once(Outcome::not_reached()),
        Fate::RateLimited => return at_once(Outcome::between(429)),
        Fate::ServerError => return at_once(Outcome::between(503)),
        Fate::Pass | Fate::LostAnswer | Fate::Stall => {}
    }
    let request = headers.iter().fold(client.post(url), |request, (name, value)| request.header(name, value));
    let request: RequestBuilder = request.timeout(hook.deadline).body(outgoing.payload.as_bytes().to_vec());
    let (received, elapsed) = delivery::exchange(request).await;
    let outcome = match received {
        _ if matches!(fate, Fate::LostAnswer | Fate::Stall) => Outcome::timed_out(),
        Ok(received) => Outcome::answered(received),
        Err(Silence::Timeout) => Outcome::timed_out(),
        Err(Silence::ConnectionFailed) => Outcome::not_reached(),
    };
    (outcome, elapsed)
}

/// The headers of a delivery (docs.github.com/webhooks/webhook-events-and-payloads, "Delivery headers").
fn headers(world: &GitHubWorld, outgoing: &Outgoing) -> BTreeMap<String, String> {
    let state = world.state();
    let secret = match outgoing.manner {
        Manner::WrongSignature => "another secret",
        _ => &state.app.webhook_secret,
    };
    let signature = keys::signature(secret, outgoing.payload.as_bytes());
    let headers = [
        ("Accept", "*/*".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", USER_AGENT.to_owned()),
        ("X-GitHub-Delivery", outgoing.guid.clone()),
        ("X-GitHub-Event", outgoing.event.clone()),
        ("X-GitHub-Hook-ID", seed::HOOK_ID.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", state.app.id.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
        ("X-Hub-Signature-256", signature),
    ];
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
