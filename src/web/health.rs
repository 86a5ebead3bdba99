//! Whether the process lives, and whether it can take work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::Health;
use crate::web::Shared;

/// Says which process answers.
pub const INSTANCE_HEADER: &str = "x-ai-crm-instance";

/// Alive: the process answers, and says which one it is.
pub async fn alive(State(state): State<Shared>) -> Response {
    ([(INSTANCE_HEADER, state.instance.clone())], "ok\n").into_response()
}

/// Ready: it can store. A channel whose platform does not answer is named, but does not make it unready:
/// what comes in is taken, and what is owed waits.
pub async fn ready(State(state): State<Shared>) -> Response {
    let health = state.inbox.store().health().borrow().clone();
    let store = match &health {
        Health::Writable => json!("writable"),
        Health::Full(why) => json!({ "full": why }),
        Health::Broken(_) => json!("broken: see the log"),
    };
    let degraded: Vec<String> = state.inside.troubles().into_iter().map(|(name, _)| name).collect();
    let body = Json(json!({ "ready": health == Health::Writable, "store": store, "degraded": degraded }));
    let status = if health == Health::Writable { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, body).into_response()
}
