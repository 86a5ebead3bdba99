//! Microsoft's endpoints over HTTP: the published keys, Entra's tokens, and the connector with its doors, faults and pace.
//!
//! What a call does stands in `login.rs`, `connector.rs` and `roster.rs`. A further call of the connector is a line in
//! [`CALLS`].

use std::collections::HashMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use serde_json::{Value, json};

use super::super::interference::{self, Refusals};
use super::connector::{self, Address, Done};
use super::rates::Counted;
use super::refusal::Refusal;
use super::world::SharedWorld;
use super::{login, roster, state};
use crate::domain::time::Timestamp;

/// A call of the connector.
struct Call {
    verb: MethodFilter,
    /// Behind `v3/`.
    path: &'static str,
    /// By which faults and records know it.
    name: &'static str,
    counted: Counted,
    how: fn(&mut state::State, &Asked, Timestamp) -> Done,
}

const CHAT: &str = "conversations/{conversation}/activities";
const MESSAGE: &str = "conversations/{conversation}/activities/{activity}";

/// Every call of the connector.
const CALLS: &[Call] = &[
    Call { verb: MethodFilter::POST, path: CHAT, name: "send", counted: Counted::Sending, how: send },
    Call { verb: MethodFilter::POST, path: MESSAGE, name: "reply", counted: Counted::Sending, how: send },
    Call {
        verb: MethodFilter::PUT,
        path: MESSAGE,
        name: "update",
        counted: Counted::Sending,
        how: |state, asked, now| connector::update(state, &asked.address(), asked.text()?, now),
    },
    Call {
        verb: MethodFilter::DELETE,
        path: MESSAGE,
        name: "delete",
        counted: Counted::Sending,
        how: |state, asked, _| connector::delete(state, &asked.address()),
    },
    Call {
        verb: MethodFilter::POST,
        path: "conversations",
        name: "create",
        counted: Counted::Creating,
        how: |state, asked, now| connector::create(state, asked.text()?, now),
    },
    Call {
        verb: MethodFilter::GET,
        path: "conversations/{conversation}/members/{member}",
        name: "members",
        counted: Counted::Reading,
        how: |state, asked, _| roster::member(state, asked.place(), asked.named("member")),
    },
    Call {
        verb: MethodFilter::GET,
        path: "conversations/{conversation}/pagedmembers",
        name: "members",
        counted: Counted::Reading,
        how: |state, asked, _| {
            let size = asked.option("pageSize").and_then(|size| size.parse().ok());
            roster::members(state, asked.place(), size, asked.option("continuationToken"))
        },
    },
    Call {
        verb: MethodFilter::GET,
        path: "teams/{team}",
        name: "team",
        counted: Counted::Reading,
        how: |state, asked, _| roster::team(state, asked.place()),
    },
    Call {
        verb: MethodFilter::GET,
        path: "teams/{team}/conversations",
        name: "team",
        counted: Counted::Reading,
        how: |state, asked, _| roster::channels(state, asked.place()),
    },
];

/// The routes that an application calls.
pub(super) fn routes() -> Router<SharedWorld> {
    let published = Router::new()
        .route("/v1/.well-known/openidconfiguration", open("metadata", login::metadata))
        .route("/v1/.well-known/keys", open("keys", login::published))
        .route("/{realm}/oauth2/v2.0/token", post(token));
    CALLS.iter().fold(published, |router, call| router.route(&format!("/{{realm}}/v3/{}", call.path), call.handler()))
}

/// What everybody may ask.
fn open(name: &'static str, shown: fn(&state::State) -> Value) -> MethodRouter<SharedWorld> {
    get(async move |State(world): State<SharedWorld>| {
        let show = |told| {
            let shown = world.change(|state, _| {
                state.records.count_done(name, told);
                shown(state)
            });
            Json(shown).into_response()
        };
        interference::perform(&world, name, &REFUSALS, show).await
    })
}

async fn token(
    State(world): State<SharedWorld>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Entra reads nothing but forms; of anything else it finds no parameter.
    let body = if form.starts_with("application/x-www-form-urlencoded") { body } else { Bytes::new() };
    let give = |told| {
        world.change(|state, now| match login::token(state, &tenant, &body, now) {
            Ok(token) => {
                state.records.count_done("token", told);
                Json(token).into_response()
            }
            Err(error) => {
                state.records.count("token", error.error);
                state.records.violate(now, "token", error.error, error.code());
                (status(error.status), Json(error.body(now))).into_response()
            }
        })
    };
    interference::perform(&world, "token", &REFUSALS, give).await
}

fn send(state: &mut state::State, asked: &Asked, now: Timestamp) -> Done {
    connector::send(state, &asked.address(), asked.text()?, now)
}

/// What an application asks of the connector.
struct Asked {
    path: HashMap<String, String>,
    query: HashMap<String, String>,
    body: Bytes,
}

impl Asked {
    /// A part of the path, by its name there.
    fn named(&self, part: &str) -> &str {
        self.path.get(part).map(String::as_str).unwrap_or_default()
    }

    /// The conversation or team of the path, where it has one.
    fn place(&self) -> &str {
        self.path.get("conversation").or(self.path.get("team")).map(String::as_str).unwrap_or_default()
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn address(&self) -> Address<'_> {
        Address {
            conversation: self.place(),
            activity: self.path.get("activity").map(String::as_str),
            targeted: self.option("isTargetedActivity").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        }
    }

    fn text(&self) -> Result<&str, Refusal> {
        std::str::from_utf8(&self.body).map_err(|_| Refusal::bad("The body is not UTF-8."))
    }
}

impl Call {
    fn handler(&'static self) -> MethodRouter<SharedWorld> {
        on(
            self.verb,
            async move |State(world): State<SharedWorld>,
                        Path(path): Path<HashMap<String, String>>,
                        Query(query): Query<HashMap<String, String>>,
                        headers: HeaderMap,
                        body: Bytes| {
                let asked = Asked { path, query, body };
                let perform = |told| self.perform(&world, &headers, &asked, told);
                interference::perform(&world, self.name, &REFUSALS, perform).await
            },
        )
    }

    /// Doors and pace before what is done, and the records of it.
    fn perform(&self, world: &SharedWorld, headers: &HeaderMap, asked: &Asked, told: bool) -> Response {
        let done = world.change(|state, now| {
            let posts = state.posts.len();
            let done = let_in(state, headers, now)
                .and_then(|()| self.admit(state, asked.place(), now))
                .and_then(|()| is_here(state, asked))
                .and_then(|()| (self.how)(state, asked, now));
            for post in &mut state.posts[posts..] {
                post.answered = told;
            }
            match &done {
                Ok(_) => state.records.count_done(self.name, told),
                Err(refusal) => {
                    let detail = format!("{} ({})", refusal.message, asked.place());
                    state.records.count(self.name, refusal.code);
                    state.records.violate(now, self.name, refusal.code, detail);
                }
            }
            done
        });
        match done {
            Ok((code, body)) => (status(code), Json(body)).into_response(),
            Err(refusal) => refused(&refusal),
        }
    }

    fn admit(&self, state: &mut state::State, place: &str, now: Timestamp) -> Result<(), Refusal> {
        let conversation = place.split(";messageid=").next().unwrap_or_default();
        state.gate.admit(self.counted, conversation, now).map_err(Refusal::throttled)
    }
}

/// Checks the token before anything else.
fn let_in(state: &state::State, headers: &HeaderMap, now: Timestamp) -> Result<(), Refusal> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let until = header.and_then(|header| header.strip_prefix("Bearer ")).and_then(|token| state.tokens.get(token));
    if until.is_some_and(|until| *until > now) {
        return Ok(());
    }
    Err(Refusal::new(401, "Unauthorized", "Authorization has been denied for this request."))
}

/// Whether the connector that is called is that of the conversation.
fn is_here(state: &state::State, asked: &Asked) -> Result<(), Refusal> {
    match asked.place() {
        // It is about no conversation that there is.
        "" => Ok(()),
        place if state.region_of(place) == asked.named("realm") => Ok(()),
        _ => Err(Refusal::no_conversation()),
    }
}

/// How Microsoft refuses what a fault keeps it from doing.
const REFUSALS: Refusals = Refusals { rate_limited: |after| refused(&Refusal::throttled(after)), unavailable };

fn unavailable() -> Response {
    let body = json!({ "error": { "code": "ServiceError", "message": "Service is unavailable." } });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let mut response = (status(refusal.status), Json(refusal.body())).into_response();
    if let Some(after) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, after.into());
    }
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
