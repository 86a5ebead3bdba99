//! The routes under `/_sim/` that every stand-in has: what was done wrong, what goes wrong, the pace, a new beginning.
//!
//! `ai-crm sim` and scripts use them; no application does, and they are never slowed or broken by faults. A route of one
//! platform stands in its folder.

use std::fmt::Display;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Json, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::fault::Faults;
use super::world::{PlatformState, World};

type Served<State, Beside> = Shared<Arc<World<State, Beside>>>;

/// The routes of any stand-in.
pub(super) fn routes<State: PlatformState, Beside: Send + Sync + 'static>() -> Router<Arc<World<State, Beside>>> {
    Router::new()
        .route("/_sim/violations", get(violations::<State, Beside>))
        .route("/_sim/faults", get(faults::<State, Beside>).post(set_faults::<State, Beside>))
        .route("/_sim/limits", post(set_limits::<State, Beside>))
        .route("/_sim/reset", post(reset::<State, Beside>))
}

async fn violations<State: PlatformState, Beside>(Shared(world): Served<State, Beside>) -> Json<Value> {
    Json(json!({ "violations": world.violations() }))
}

async fn faults<State: PlatformState, Beside>(Shared(world): Served<State, Beside>) -> Json<Faults> {
    Json(world.faults())
}

async fn set_faults<State: PlatformState, Beside>(
    Shared(world): Served<State, Beside>,
    Json(faults): Json<Faults>,
) -> Json<Faults> {
    world.set_faults(faults);
    Json(world.faults())
}

async fn set_limits<State: PlatformState, Beside>(
    Shared(world): Served<State, Beside>,
    Json(limits): Json<State::RateLimits>,
) -> Json<State::RateLimits> {
    world.set_rate_limits(limits);
    Json(limits)
}

async fn reset<State: PlatformState, Beside>(Shared(world): Served<State, Beside>) -> Json<Value> {
    world.reset();
    Json(json!({ "ok": true }))
}

/// The answer where what was asked for cannot be done.
pub(super) fn refused(status: StatusCode, why: &impl Display) -> Response {
    (status, Json(json!({ "error": why.to_string() }))).into_response()
}

/// The answer to what a person was to do: what came of it, or why they cannot.
pub(super) fn acted(done: Result<Value, impl Display>) -> Response {
    match done {
        Ok(outcome) => Json(outcome).into_response(),
        Err(error) => refused(StatusCode::UNPROCESSABLE_ENTITY, &error),
    }
}
