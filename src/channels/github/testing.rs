//! What the tests of this folder call instead of GitHub: it keeps comments and issues, gives tokens, shows what it was
//! asked, and answers oddly where a test says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::Url;

use super::accounts::Accounts;
use super::client::Client;
use super::deliver::GitHubChannel;
use super::key::AppKey;
use crate::channels::{Call, Delivery};
use crate::domain::card::{Audience, Card};
use crate::domain::event::{Address, ChannelName};
use crate::domain::secret::Secret;
use crate::domain::time::testing::Still;
use crate::domain::time::{Clock, Timestamp};

/// The moment at which the tests are.
pub(super) const NOW: Timestamp = Timestamp(1_531_420_618_000);
/// The number of the App.
pub(super) const APP: u64 = 123_456;

/// What a call does instead of what it should.
#[derive(Debug, Clone)]
pub(super) enum Odd {
    /// Answers with this, and does nothing.
    Answers(u16, Vec<(&'static str, String)>, String),
    /// Does what it should, and breaks the connection.
    Loses,
}

/// A call as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) call: String,
    pub(super) query: String,
    pub(super) bearer: String,
    pub(super) body: Value,
}

/// GitHub.
#[derive(Default)]
pub(super) struct Hub {
    pub(super) seen: Mutex<Vec<Seen>>,
    /// By the beginning of a call, `POST /repos/`, and how many of such come first; each is taken once, in order.
    pub(super) odd: Mutex<Vec<(String, usize, Odd)>>,
    /// What other calls are answered, by the whole of them.
    pub(super) answers: Mutex<BTreeMap<String, Value>>,
    pub(super) comments: Mutex<Vec<Value>>,
    pub(super) issues: Mutex<Vec<Value>>,
}

impl Hub {
    pub(super) fn answers(&self, call: &str, answer: Value) {
        self.answers.lock().unwrap().insert(call.to_owned(), answer);
    }

    pub(super) fn oddly(&self, call: &str, odd: Odd) {
        self.oddly_after(0, call, odd);
    }

    pub(super) fn oddly_after(&self, calls: usize, call: &str, odd: Odd) {
        self.odd.lock().unwrap().push((call.to_owned(), calls, odd));
    }

    pub(super) fn refuses(&self, call: &str, status: u16, message: &str) {
        self.oddly(call, Odd::Answers(status, vec![], json!({ "message": message }).to_string()));
    }

    /// Calls but those that the client makes for itself.
    pub(super) fn calls(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let calls = seen.iter().map(|seen| seen.call.clone());
        calls.filter(|call| !call.ends_with("/access_tokens") && call != "GET /app").collect()
    }

    pub(super) fn all(&self, call: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.call == call).cloned().collect()
    }

    pub(super) fn body(&self, call: &str) -> Value {
        self.all(call).last().unwrap().body.clone()
    }

    fn page(all: &[Value], query: &BTreeMap<String, String>) -> Value {
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
        let (page, size) = (number("page"), number("per_page"));
        all.iter().skip((page - 1) * size).take(size).cloned().collect()
    }

    fn write(all: &Mutex<Vec<Value>>, body: &Value) -> Value {
        let mut all = all.lock().unwrap();
        let last = all.iter().filter_map(|it| it["id"].as_u64()).filter(|id| *id >= 1000).max();
        let id = last.map_or(1000, |last| last + 1);
        let mut made = json!({ "id": id, "number": id, "html_url": format!("https://github.example/{id}") });
        made["body"] = body["body"].clone();
        made["user"] = json!({ "login": "ai-crm[bot]", "type": "Bot" });
        made["performed_via_github_app"] = json!({ "id": APP });
        all.push(made.clone());
        made
    }

    fn answer(&self, method: &Method, path: &str, query: &BTreeMap<String, String>, body: &Value) -> (u16, Value) {
        let known = self.answers.lock().unwrap().get(&format!("{method} {path}")).cloned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (method.as_str(), &parts[..]) {
            (_, _) if known.is_some() => (200, known.unwrap()),
            ("POST", ["app", "installations", _, "access_tokens"]) => {
                let number = self.all(&format!("{method} {path}")).len();
                (
                    201,
                    json!({ "token": format!("ghs_{number}"), "expires_at": NOW.after(Duration::from_secs(3600)).to_string() }),
                )
            }
            ("GET", ["app"]) => (200, json!({ "id": APP, "slug": "ai-crm", "owner": { "login": "Acme" } })),
            ("GET", ["repos", _, _, "installation"]) => (200, json!({ "id": 77 })),
            ("GET", ["repos", _, _, "issues"]) => (200, Self::page(&self.issues.lock().unwrap(), query)),
            ("POST", ["repos", _, _, "issues"]) => (201, Self::write(&self.issues, body)),
            ("GET", ["repos", _, _, "issues", _, "comments"]) => {
                (200, Self::page(&self.comments.lock().unwrap(), query))
            }
            ("POST", ["repos", _, _, "issues", _, "comments"]) => (201, Self::write(&self.comments, body)),
            ("PATCH", ["repos", _, _, "issues", "comments", id]) => {
                let mut comments = self.comments.lock().unwrap();
                match comments.iter_mut().find(|comment| comment["id"].as_u64() == id.parse().ok()) {
                    Some(comment) => {
                        comment["body"] = body["body"].clone();
                        (200, comment.clone())
                    }
                    None => (404, json!({ "message": "Not Found" })),
                }
            }
            ("GET", ["repos", _, _, "issues", "comments", id]) => {
                let comments = self.comments.lock().unwrap();
                match comments.iter().find(|comment| comment["id"].as_u64() == id.parse().ok()) {
                    Some(comment) => (200, comment.clone()),
                    None => (404, json!({ "message": "Not Found" })),
                }
            }
            ("DELETE", ["repos", _, _, "issues", "comments", id]) => {
                let mut comments = self.comments.lock().unwrap();
                let before = comments.len();
                comments.retain(|comment| comment["id"].as_u64() != id.parse().ok());
                if comments.len() < before { (204, Value::Null) } else { (404, json!({ "message": "Not Found" })) }
            }
            ("GET", _) => (404, json!({ "message": "Not Found" })),
            ("DELETE", _) => (204, Value::Null),
            _ => (201, json!({ "id": 5, "html_url": "https://github.example/5" })),
        }
    }
}

async fn respond(
    State(hub): State<Arc<Hub>>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(path) = uri.path().strip_prefix("/api/v3") else { return StatusCode::NOT_ACCEPTABLE.into_response() };
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let call = format!("{method} {path}");
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let query_text = uri.query().unwrap_or_default().to_owned();
    hub.seen.lock().unwrap().push(Seen { call: call.clone(), query: query_text, bearer, body: body.clone() });
    let odd = {
        let mut odd = hub.odd.lock().unwrap();
        let position = odd.iter().position(|(beginning, _, _)| call.starts_with(beginning));
        match position.map(|position| (position, &mut odd[position].1)) {
            Some((_, first)) if *first > 0 => {
                *first -= 1;
                None
            }
            Some((position, _)) => Some(odd.remove(position).2),
            None => None,
        }
    };
    if let Some(Odd::Answers(status, headers, body)) = odd {
        let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        return response;
    }
    let (status, answer) = hub.answer(&method, path, &query, &body);
    assert!(!matches!(odd, Some(Odd::Loses)), "the connection breaks");
    let date = [("date", jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now()).unwrap())];
    (StatusCode::from_u16(status).unwrap(), date, answer.to_string()).into_response()
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(NOW.0).unwrap()
}

/// GitHub, and its address.
pub(super) async fn start() -> (Arc<Hub>, Url) {
    let hub = Arc::new(Hub::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v3", listener.local_addr().unwrap());
    let app = Router::new().fallback(respond).with_state(Arc::clone(&hub));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (hub, Url::parse(&url).unwrap())
}

/// A client of it, at whose clock it is this time.
pub(super) fn client_at(url: &Url, clock: Arc<dyn Clock>) -> Client {
    let key = AppKey::read(&Secret::new(include_str!("../../../tests/data/github-app-key.pem"))).unwrap();
    Client::new(url, &APP.to_string(), key, clock).unwrap()
}

/// GitHub, and a client of it.
pub(super) async fn with_client() -> (Arc<Hub>, Client) {
    let (hub, url) = start().await;
    (hub, client_at(&url, Arc::new(Still(NOW))))
}

/// A clock that a test sets.
pub(super) struct Ticking(Mutex<Timestamp>);

impl Ticking {
    pub(super) fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    pub(super) fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A channel of GitHub, as a process that has just begun has it.
pub(super) fn channel(url: &Url) -> GitHubChannel {
    channel_at(url, Arc::new(Still(NOW)))
}

/// The same, with a clock.
pub(super) fn channel_at(url: &Url, clock: Arc<dyn Clock>) -> GitHubChannel {
    let client = client_at(url, clock);
    GitHubChannel::new(Arc::new(client), Arc::new(Accounts::new(&[])), Duration::ZERO)
}

/// Issue 7 of Acme/Shop.
pub(super) fn address() -> Address {
    let thread = Some("7".to_owned());
    Address { thread, ..Address::at(ChannelName::GitHub, "77", "Acme/Shop") }
}

/// A card for it.
pub(super) fn delivery(card: Card) -> Delivery {
    Delivery {
        idempotency_key: "default/e-17.0@1".to_owned(),
        to: address(),
        card,
        audience: Audience::Everyone,
        replaces: None,
        topic: None,
        answers: None,
        since: NOW,
    }
}

/// A call for it.
pub(super) fn call(operation: &str, args: Value) -> Call {
    Call {
        idempotency_key: "default/e-17.1@1".to_owned(),
        to: address(),
        operation: operation.to_owned(),
        args,
        since: NOW,
    }
}
