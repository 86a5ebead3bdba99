//! Microsoft's endpoints over HTTP: the published keys, Entra's tokens, and the connector with its doors, faults and pace.
//!
//! What a call does stands in `login.rs`, `connector.rs` and `roster.rs`. A further call is a route, a handler of a few
//! lines and a name for [`super::super::fault`].

use std::collections::HashMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::super::fault::{Fate, Plan};
use super::super::serving;
use super::connector::{self, Address, Done};
use super::login;
use super::rates::Counted;
use super::refusal::Refusal;
use super::roster;
use super::state;
use super::world::SharedWorld;
use crate::domain::time::Timestamp;

/// The routes that an application calls.
pub(super) fn routes() -> Router<SharedWorld> {
    let conversation = "/{realm}/v3/conversations/{conversation}";
    Router::new()
        .route("/v1/.well-known/openidconfiguration", get(metadata))
        .route("/v1/.well-known/keys", get(keys))
        .route("/{realm}/oauth2/v2.0/token", post(token))
        .route("/{realm}/v3/conversations", post(create))
        .route(&format!("{conversation}/activities"), post(send))
        .route(&format!("{conversation}/activities/{{activity}}"), put(update).post(reply).delete(delete))
        .route(&format!("{conversation}/members/{{member}}"), get(member))
        .route(&format!("{conversation}/pagedmembers"), get(members))
        .route("/{realm}/v3/teams/{team}", get(team))
        .route("/{realm}/v3/teams/{team}/conversations", get(channels))
}

type Queries = Query<HashMap<String, String>>;

async fn metadata(State(world): State<SharedWorld>) -> Response {
    let plan = world.roll("metadata");
    let answer = || Json(login::metadata(&world.state())).into_response();
    open(&world, "metadata", plan, answer).await
}

async fn keys(State(world): State<SharedWorld>) -> Response {
    let plan = world.roll("keys");
    let answer = || Json(login::published(&world.state())).into_response();
    open(&world, "keys", plan, answer).await
}

/// What everybody may ask.
async fn open(world: &SharedWorld, method: &str, plan: Plan, answer: impl FnOnce() -> Response) -> Response {
    if let Some(response) = before(world, method, plan).await {
        return response;
    }
    world.change(|state, _| state.count(method, "ok"));
    after(plan, answer()).await
}

async fn token(
    State(world): State<SharedWorld>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let plan = world.roll("token");
    if let Some(response) = before(&world, "token", plan).await {
        return response;
    }
    let form = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Entra reads nothing but forms; of anything else it finds no parameter.
    let body = if form.starts_with("application/x-www-form-urlencoded") { body } else { Bytes::new() };
    let response = world.change(|state, now| match login::token(state, &tenant, &body, now) {
        Ok(token) => {
            state.count("token", if plan.fate == Fate::LostAnswer { "answer_lost" } else { "ok" });
            Json(token).into_response()
        }
        Err(error) => {
            state.count("token", error.error);
            state.violate(now, "token", error.error, error.code());
            (status(error.status), Json(error.body(now))).into_response()
        }
    });
    after(plan, response).await
}

async fn send(
    State(world): State<SharedWorld>,
    Path((_, conversation)): Path<(String, String)>,
    Query(query): Queries,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call { method: "send", counted: Counted::Sending, place: &conversation };
    call.perform(&world, &headers, |state, now| {
        let address = Address { conversation: &conversation, activity: None, targeted: targeted(&query) };
        connector::send(state, &address, text(&body)?, now)
    })
    .await
}

async fn reply(
    State(world): State<SharedWorld>,
    Path((_, conversation, activity)): Path<(String, String, String)>,
    Query(query): Queries,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call { method: "reply", counted: Counted::Sending, place: &conversation };
    call.perform(&world, &headers, |state, now| {
        let address = Address { conversation: &conversation, activity: Some(&activity), targeted: targeted(&query) };
        connector::send(state, &address, text(&body)?, now)
    })
    .await
}

async fn update(
    State(world): State<SharedWorld>,
    Path((_, conversation, activity)): Path<(String, String, String)>,
    Query(query): Queries,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call { method: "update", counted: Counted::Sending, place: &conversation };
    call.perform(&world, &headers, |state, now| {
        let address = Address { conversation: &conversation, activity: Some(&activity), targeted: targeted(&query) };
        connector::update(state, &address, text(&body)?, now)
    })
    .await
}

async fn delete(
    State(world): State<SharedWorld>,
    Path((_, conversation, activity)): Path<(String, String, String)>,
    Query(query): Queries,
    headers: HeaderMap,
) -> Response {
    let call = Call { method: "delete", counted: Counted::Sending, place: &conversation };
    call.perform(&world, &headers, |state, _| {
        let address = Address { conversation: &conversation, activity: Some(&activity), targeted: targeted(&query) };
        connector::delete(state, &address)
    })
    .await
}

async fn create(State(world): State<SharedWorld>, headers: HeaderMap, body: Bytes) -> Response {
    let call = Call { method: "create", counted: Counted::Creating, place: "" };
    call.perform(&world, &headers, |state, now| connector::create(state, text(&body)?, now)).await
}

async fn member(
    State(world): State<SharedWorld>,
    Path((_, conversation, member)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let call = Call { method: "members", counted: Counted::Reading, place: &conversation };
    call.perform(&world, &headers, |state, _| roster::member(state, &conversation, &member)).await
}

async fn members(
    State(world): State<SharedWorld>,
    Path((_, conversation)): Path<(String, String)>,
    Query(query): Queries,
    headers: HeaderMap,
) -> Response {
    let call = Call { method: "members", counted: Counted::Reading, place: &conversation };
    let size = query.get("pageSize").and_then(|size| size.parse().ok());
    let from = query.get("continuationToken").map(String::as_str).filter(|token| !token.is_empty());
    call.perform(&world, &headers, |state, _| roster::members(state, &conversation, size, from)).await
}

async fn team(
    State(world): State<SharedWorld>,
    Path((_, team)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let call = Call { method: "team", counted: Counted::Reading, place: &team };
    call.perform(&world, &headers, |state, _| roster::team(state, &team)).await
}

async fn channels(
    State(world): State<SharedWorld>,
    Path((_, team)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let call = Call { method: "team", counted: Counted::Reading, place: &team };
    call.perform(&world, &headers, |state, _| roster::channels(state, &team)).await
}

/// A call of the connector.
struct Call<'a> {
    method: &'static str,
    counted: Counted,
    place: &'a str,
}

impl Call<'_> {
    /// Faults, doors and pace around what is done.
    async fn perform(
        &self,
        world: &SharedWorld,
        headers: &HeaderMap,
        how: impl FnOnce(&mut state::State, Timestamp) -> Done,
    ) -> Response {
        let plan = world.roll(self.method);
        if let Some(response) = before(world, self.method, plan).await {
            return response;
        }
        let told = plan.fate != Fate::LostAnswer;
        let done = world.change(|state, now| {
            let posts = state.posts.len();
            let done = let_in(state, headers, now).and_then(|()| self.admit(state, now)).and_then(|()| how(state, now));
            for post in &mut state.posts[posts..] {
                post.answered = told;
            }
            match &done {
                Ok(_) => state.count(self.method, if told { "ok" } else { "answer_lost" }),
                Err(refusal) => {
                    state.count(self.method, refusal.code);
                    state.violate(now, self.method, refusal.code, format!("{} ({})", refusal.message, self.place));
                }
            }
            done
        });
        let response = match done {
            Ok((code, body)) => (status(code), Json(body)).into_response(),
            Err(refusal) => refused(&refusal),
        };
        after(plan, response).await
    }

    fn admit(&self, state: &mut state::State, now: Timestamp) -> Result<(), Refusal> {
        let conversation = self.place.split(";messageid=").next().unwrap_or_default();
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

fn targeted(query: &HashMap<String, String>) -> bool {
    query.get("isTargetedActivity").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn text(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|_| Refusal::bad("The body is not UTF-8."))
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn refused(refusal: &Refusal) -> Response {
    let mut response = (status(refusal.status), Json(refusal.body())).into_response();
    if let Some(after) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, after.into());
    }
    response
}

/// What goes wrong before anything is done.
async fn before(world: &SharedWorld, method: &str, plan: Plan) -> Option<Response> {
    tokio::time::sleep(plan.delay).await;
    let (name, response) = match plan.fate {
        Fate::Refused => ("refused", serving::close()),
        Fate::RateLimited => ("fault_429", refused(&Refusal::throttled(plan.retry_after_s))),
        Fate::ServerError => ("fault_503", unavailable()),
        Fate::Pass | Fate::LostAnswer | Fate::Stall => return None,
    };
    world.change(|state, _| state.count(method, name));
    Some(response)
}

fn unavailable() -> Response {
    let body: Value = json!({ "error": { "code": "ServiceError", "message": "Service is unavailable." } });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// What goes wrong after everything is done.
async fn after(plan: Plan, response: Response) -> Response {
    match plan.fate {
        Fate::LostAnswer => serving::close(),
        Fate::Stall => {
            tokio::time::sleep(plan.stall).await;
            response
        }
        _ => response,
    }
}
