//! GitHub's REST API over HTTP: doors, pace, faults and records around the calls, and the headers of every answer.
//!
//! What a call does stands in [`super::calls`], whose tables say which calls there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{MethodRouter, on};
use serde_json::{Value, json};

use super::super::interference::{self, Refusals};
use super::asked::{self, Asked};
use super::calls::{self, Answer, Call};
use super::rates::{Counted, Window};
use super::refusal::Refusal;
use super::world::SharedWorld;
use super::{doors, keys, page, state};
use crate::domain::time::Timestamp;

/// The routes that an App calls.
pub(super) fn routes() -> Router<SharedWorld> {
    calls::all().fold(Router::new(), |router, call| router.route(call.path, call.handler()))
}

/// What is answered where there is no such call.
pub(super) async fn unknown() -> Response {
    refused(&Refusal::not_found(), "rest")
}

/// A request as it came.
struct Request {
    path: HashMap<String, String>,
    query: HashMap<String, String>,
    /// The path of the address.
    at: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The repository that the path names.
    fn full_name(&self) -> Option<String> {
        Some(format!("{}/{}", self.path.get("owner")?, self.path.get("repo")?))
    }
}

/// A call that is being answered; it counts for as long as it is there.
struct UnderWay {
    world: SharedWorld,
    at_once: usize,
}

impl UnderWay {
    fn begin(world: &SharedWorld) -> Self {
        let before = world.beside.calls.fetch_add(1, Ordering::SeqCst);
        Self { world: Arc::clone(world), at_once: before + 1 }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.world.beside.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Call {
    fn handler(&'static self) -> MethodRouter<SharedWorld> {
        on(
            self.verb,
            async move |State(world): State<SharedWorld>,
                        Path(path): Path<HashMap<String, String>>,
                        Query(query): Query<HashMap<String, String>>,
                        uri: Uri,
                        headers: HeaderMap,
                        body: Bytes| {
                let under_way = UnderWay::begin(&world);
                let request = Request { path, query, at: uri.path().to_owned(), headers, body };
                let perform = |told| self.perform(&world, &request, under_way.at_once, told);
                interference::perform(&world, self.name, &REFUSALS, perform).await
            },
        )
    }

    /// Doors and pace before what is done, and the records of it.
    fn perform(&self, world: &SharedWorld, request: &Request, at_once: usize, told: bool) -> Response {
        let (done, who) = world.change(|state, now| {
            let caller = doors::let_in(state, self.door, &request.headers, now);
            let who = caller.as_ref().ok().map(doors::Caller::id);
            let done = caller.and_then(|caller| {
                state.gate.admit(caller.id(), self.counted, at_once, now)?;
                let mut asked = self.asked(request, caller)?;
                if let Some(full_name) = request.full_name() {
                    asked.repository = doors::repository(state, &asked.caller, &full_name, self.needs, self.counted)?;
                } else if asked.caller.token().is_some_and(|token| !token.allows(self.needs)) {
                    return Err(Refusal::not_accessible());
                }
                (self.how)(state, &asked, now)
            });
            self.record(state, request, done.as_ref().err(), told, now);
            (done, who)
        });
        let base = world.base_url();
        let mut response = match done {
            Ok(answer) => self.answered(answer, &format!("{base}{}", request.at), request),
            Err(refusal) => refused(&refusal, self.documents),
        };
        if let Some(who) = who {
            // What is unchanged costs nothing.
            let is_unchanged = response.status() == StatusCode::NOT_MODIFIED;
            let window = world.change(|state, now| {
                let window = state.gate.window(who, now);
                window.used = window.used.saturating_sub(u64::from(is_unchanged));
                *window
            });
            tell_window(response.headers_mut(), window);
        }
        put(response.headers_mut(), "date", &http_date(world.now()));
        response
    }

    fn asked(&self, request: &Request, caller: doors::Caller) -> Result<Asked, Refusal> {
        let body = if self.counted == Counted::Reading { json!({}) } else { asked::json(&request.body)? };
        let (path, query) = (request.path.clone(), request.query.clone());
        let accept = request.header(header::ACCEPT).to_owned();
        Ok(Asked { path, query, body, accept, caller, repository: 0 })
    }

    fn record(
        &self,
        state: &mut state::State,
        request: &Request,
        refusal: Option<&Refusal>,
        told: bool,
        now: Timestamp,
    ) {
        let Some(refusal) = refusal else { return state.records.count_done(self.name, told) };
        state.records.count(self.name, refusal.word);
        if refusal.breach {
            let reasons: Vec<String> = refusal.errors.iter().map(Value::to_string).collect();
            let detail = format!("{} {} ({})", refusal.message, reasons.join(" "), request.at);
            state.records.violate(now, self.name, refusal.word, detail);
        }
    }

    /// The answer with its headers; 304 where the caller has it already.
    fn answered(&self, answer: Answer, address: &str, request: &Request) -> Response {
        let (status, body, link) = match answer {
            Answer::Of(status, body) => (status, body, None),
            Answer::Nothing => return StatusCode::NO_CONTENT.into_response(),
            Answer::Raw(content) => {
                let kind = [(header::CONTENT_TYPE, "application/vnd.github.raw+json; charset=utf-8")];
                return (kind, content).into_response();
            }
            Answer::List(all) => {
                let (entries, link) = page::cut(all, address, &request.query);
                (200, json!(entries), link)
            }
            Answer::Within(name, more, all) => {
                let count = all.len();
                let (entries, link) = page::cut(all, address, &request.query);
                let mut body = json!({ "total_count": count });
                body[name] = json!(entries);
                if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
                    body.extend(more);
                }
                (200, body, link)
            }
            Answer::From(entries, next) => {
                let next = next.map(|cursor| page::lead(address, &request.query, "cursor", &cursor, "next"));
                (200, json!(entries), next)
            }
        };
        let text = body.to_string();
        let tag = keys::etag(text.as_bytes());
        let known = request.header(header::IF_NONE_MATCH);
        let is_known = self.counted == Counted::Reading && known.split(',').any(|one| one.trim() == tag);
        let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => (code(status), kind, text).into_response(),
        };
        let headers = response.headers_mut();
        put(headers, "link", link.as_deref().unwrap_or_default());
        if self.counted == Counted::Reading {
            put(headers, "etag", &tag);
        }
        response
    }
}

/// Adds a header that has something to say.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

/// A moment as HTTP writes it (RFC 9110, 5.6.7).
fn http_date(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// What is left of the primary limit.
fn tell_window(headers: &mut HeaderMap, window: Window) {
    let used = window.used.min(window.limit);
    let reset = window.reset.as_seconds();
    for (name, value) in [
        ("x-ratelimit-limit", window.limit.to_string()),
        ("x-ratelimit-remaining", (window.limit - used).to_string()),
        ("x-ratelimit-used", used.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ] {
        put(headers, name, &value);
    }
}

/// How GitHub refuses what a fault keeps it from doing.
const REFUSALS: Refusals = Refusals {
    rate_limited: |after| {
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        refused(&Refusal::too_fast(429, "secondary_rate_limit", message, Some(after)), "rest")
    },
    unavailable: || refused(&Refusal::new(503, "unavailable", "Service unavailable"), "rest"),
};

fn refused(refusal: &Refusal, documents: &str) -> Response {
    let mut response = (code(refusal.status), Json(refusal.body(documents))).into_response();
    let after = refusal.retry_after.map(|after| after.to_string());
    put(response.headers_mut(), "retry-after", after.as_deref().unwrap_or_default());
    response
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
