//! The Web API and the response URLs over HTTP: reading requests, letting applications in, faults, pace.
//!
//! What a method does stands in `methods/`. Every error is HTTP 200 with `ok: false`, but for
//! 429 and the faults.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use serde_json::{Map, Value, json};

use super::super::interference::{self, Refusals};
use super::app;
use super::methods::{self, Answer, ApiError, Arguments};
use super::world::SharedWorld;
use super::{hooks, link, oauth, state};
use crate::domain::time::Timestamp;

/// The routes that an application calls.
pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/oauth/v2/authorize", get(oauth::authorize))
        .route("/api/oauth.v2.access", post(oauth::access))
        .route("/api/{method}", any(call))
        .route("/response/{id}", post(respond))
        .route("/link/", get(link::open))
}

/// A request as far as it could be read.
struct Call {
    arguments: Arguments,
    token: Option<String>,
    /// Whether it stands where every method takes it.
    token_in_header: bool,
    missing_charset: bool,
}

async fn call(
    State(world): State<SharedWorld>,
    Path(method): Path<String>,
    verb: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let read = read(&verb, &method, query.as_deref(), &headers, &body);
    let teams = (method == "auth.teams.list")
        .then(|| world.teams_of(read.as_ref().ok().and_then(|call| call.token.as_deref())));
    let world = match &read {
        Ok(call) => world.serving(call.token.as_deref(), &call.arguments),
        Err(_) => world,
    };
    let plan = world.roll(&method);
    if let Some(response) = interference::before(&world, &method, &REFUSALS, plan).await {
        return response;
    }
    let channel = read.as_ref().ok().and_then(|call| call.arguments.text("channel"));
    if let Err(after) = world.change(|state, now| state.gate.admit(&method, channel.as_deref(), now)) {
        world.change(|state, now| {
            state.records.count(&method, "ratelimited");
            state.records.violate(
                now,
                &method,
                "ratelimited",
                format!("in {}", channel.as_deref().unwrap_or("the workspace")),
            );
        });
        return rate_limited(after);
    }
    let missing_charset = read.as_ref().is_ok_and(|call| call.missing_charset);
    let told = interference::is_told(plan);
    let opened = read.as_ref().ok().and_then(|call| of_the_app(&world, &method, call));
    let answer = world.change(|state, now| {
        let answer = read.and_then(|call| {
            if let Some(opened) = opened {
                return opened;
            }
            let_in(state, &method, call.token.as_deref(), now)?;
            app::permits(state, &method, &call.arguments)?;
            if let Some(teams) = teams {
                return Ok(teams);
            }
            methods::perform(state, &method, &call.arguments, now)
        });
        record(state, &method, &answer, told, now);
        answer
    });
    interference::after(plan, to_response(&method, answer, missing_charset)).await
}

async fn respond(State(world): State<SharedWorld>, Path(id): Path<String>, body: Bytes) -> Response {
    let world = world.answering(&id);
    let post = |told| {
        let result = world.change(|state, now| {
            let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let result = hooks::post(state, &id, &body, now);
            match &result {
                Ok(()) => state.records.count_done("response_url", told),
                Err(refusal) => {
                    state.records.count("response_url", refusal.error);
                    state.records.violate(now, "response_url", refusal.error, refusal.detail.join("; "));
                }
            }
            result
        });
        match result {
            Ok(()) => Json(json!({ "ok": true })).into_response(),
            Err(refusal) => {
                let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
                (status, Json(json!({ "ok": false, "error": refusal.error }))).into_response()
            }
        }
    };
    interference::perform(&world, "response_url", &REFUSALS, post).await
}

/// How Slack refuses what a fault keeps it from doing.
const REFUSALS: Refusals = Refusals { rate_limited, unavailable: || StatusCode::SERVICE_UNAVAILABLE.into_response() };

fn rate_limited(after: u64) -> Response {
    let headers = [(header::RETRY_AFTER, after.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, headers, Json(json!({ "ok": false, "error": "ratelimited" }))).into_response()
}

/// The answer where the method or the token is the app's own and not the bot's.
fn of_the_app(world: &SharedWorld, method: &str, call: &Call) -> Option<Answer> {
    let token = call.token.as_deref();
    if method == "apps.connections.open" {
        let is_bot = token.is_some_and(|token| world.state().tokens.contains_key(token));
        return Some(world.open_connection(token.filter(|_| call.token_in_header), is_bot));
    }
    world.is_app_token(token).then(|| Err(ApiError::new("not_allowed_token_type")))
}

/// Checks the token, as Slack does before it looks at anything else.
fn let_in(state: &state::State, method: &str, token: Option<&str>, now: Timestamp) -> Result<(), ApiError> {
    if !methods::exists(method) {
        return Err(ApiError::new("unknown_method"));
    }
    if method == "api.test" {
        return Ok(());
    }
    match token.map(|token| state.tokens.get(token)) {
        None => Err(ApiError::new("not_authed")),
        Some(None) => Err(ApiError::new("invalid_auth")),
        Some(Some(false)) => Err(ApiError::new("token_revoked")),
        Some(Some(true)) => match token.and_then(|token| state.expiries.get(token)) {
            Some(until) if now >= *until => Err(ApiError::new("token_expired")),
            _ => Ok(()),
        },
    }
}

fn record(state: &mut state::State, method: &str, answer: &Answer, told: bool, now: Timestamp) {
    match answer {
        Ok(_) => {
            state.records.count_done(method, told);
            if matches!(method, "chat.postMessage" | "chat.stopStream")
                && let Some(post) = state.posts.last_mut()
            {
                post.answered = told;
            }
        }
        Err(error) => {
            state.records.count(method, &error.code);
            if error.is_violation() {
                state.records.violate(now, method, &error.code, error.messages.join("; "));
            }
        }
    }
}

fn to_response(method: &str, answer: Answer, missing_charset: bool) -> Response {
    let mut shown = match answer {
        Ok(value) => methods::ok(value),
        Err(error) => {
            let mut shown = json!({ "ok": false, "error": error.code });
            if error.code == "unknown_method" {
                shown["req_method"] = json!(method);
            }
            if let Some(scope) = error.needed {
                shown["needed"] = json!(scope);
            }
            if !error.messages.is_empty() {
                let plain = error.messages.iter().map(|line| line.trim_start_matches("[ERROR] "));
                shown["errors"] = plain.map(Value::from).collect();
                shown["response_metadata"] = json!({ "messages": error.messages });
            }
            shown
        }
    };
    if missing_charset && shown.get("warning").is_none() {
        shown["warning"] = json!("missing_charset");
        shown["response_metadata"]["warnings"] = json!(["missing_charset"]);
    }
    Json(shown).into_response()
}

/// Reads query, form or JSON, and the token, which JSON callers must put into the header.
fn read(verb: &Method, method: &str, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Call, ApiError> {
    let mut arguments = Map::new();
    let mut missing_charset = false;
    let mut take = |pairs: &[u8]| {
        for (name, value) in url::form_urlencoded::parse(pairs) {
            arguments.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    };
    take(query.unwrap_or_default().as_bytes());
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if *verb == Method::POST && !body.is_empty() {
        match kind.split(';').next().unwrap_or_default().trim() {
            "application/x-www-form-urlencoded" => take(body),
            "application/json" => {
                missing_charset = !kind.contains("charset");
                let value: Value = serde_json::from_slice(body).map_err(|_| ApiError::new("invalid_json"))?;
                let Value::Object(fields) = value else {
                    return Err(ApiError::new("json_not_object"));
                };
                if methods::takes_json(method) {
                    arguments.extend(fields.into_iter().filter(|(name, _)| name != "token"));
                }
            }
            "" => return Err(ApiError::new("missing_post_type")),
            _ => return Err(ApiError::new("invalid_post_type")),
        }
    }
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).map(|token| token.trim().to_owned());
    let inside = arguments.remove("token").and_then(|token| token.as_str().map(str::to_owned));
    Ok(Call {
        arguments: Arguments(arguments),
        token_in_header: bearer.is_some(),
        token: bearer.or(inside).filter(|token| !token.is_empty()),
        missing_charset,
    })
}
