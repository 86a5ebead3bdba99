//! Calls of other services, by which workflows begin: `POST /api/webhooks/{service}`.
//!
//! Owns which services there are: those that a workflow in use names by its trigger `webhook`. Whoever calls bears an API
//! key with the scope `webhooks`, or an admin token. What the body says is the workflow's to read. A start by hand
//! (`api/workflows.rs`) is an event of the same form.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::domain::api_key::{Posted, Scope};
use crate::domain::event::{Asked, ChannelName, EventKind, Incoming};
use crate::domain::ids::{LaneKey, TenantId};
use crate::web::api::once;
use crate::web::auth::Caller;
use crate::web::github::is_json;
use crate::web::problem::Problem;
use crate::web::{Shared, auth, edge};
use crate::workflow::context::WEBHOOK;

/// Where services call.
pub const PATH: &str = "/api/webhooks/{service}";

/// A call. With an `Idempotency-Key` one that is sent again is known.
///
/// # Errors
/// As the contract says: 400, 401, 403, 404, 413, 415, 429, 503.
pub async fn receive(
    State(state): State<Shared>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    if !state.workflows.current().concerns(WEBHOOK, &service, false) {
        let what = format!("no workflow begins by calls of `{service}`: give one the trigger `webhook: {{ id: … }}`");
        return Err(Problem::not_found(what));
    }
    let caller = auth::caller(&state, &headers, Some(Scope::Webhooks)).await?;
    is_json(&headers, "post it with the content type application/json")?;
    let raw = edge::body(&headers, body, state.max_body, state.body_patience).await?;
    let read: Result<IgnoredAny, _> = serde_json::from_slice(&raw);
    read.map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    let id = state.inbox.next_id().await?;
    let delivery = once::key_of(&headers)?.map_or_else(|| id.to_string(), |key| format!("key:{key}"));
    let key = format!("{service}:{}:{delivery}", caller.id);
    let incoming = happening((WEBHOOK, &service), &key, &caller, Map::new(), raw);
    state.intake.accept(TenantId::default_tenant(), id, incoming).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What happens at our own door, by which workflows may begin: of this kind (`webhook`, `manual`) and name, known again by
/// the key, of which others of that kind and name have another. Those of one name are one lane.
pub(super) fn happening(
    (kind, name): (&str, &str),
    key: &str,
    by: &Caller,
    inputs: Map<String, Value>,
    raw: Bytes,
) -> Incoming {
    Incoming {
        channel: ChannelName::Api,
        installation: "local".to_owned(),
        organisation: None,
        dedupe: vec![format!("{kind}:{key}")],
        lane: LaneKey(format!("{kind}/{name}").into()),
        from: None,
        place: None,
        reply: None,
        kind: EventKind::Platform {
            name: format!("{kind}.{name}"),
            ignore: None,
            asked: Asked::default(),
            own: false,
            posted: Some(Posted { by: by.name.clone(), inputs }),
            overheard: false,
        },
        proof: format!("posted by {}", by.name),
        reach: None,
        happened: None,
        raw,
    }
}
