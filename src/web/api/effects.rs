//! Effects that are owed or were given up, listed.

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::{IdText, LARGEST_PAGE, PAGE};
use crate::domain::effect::Effect;
use crate::domain::ids::{EffectId, EventId};
use crate::store::keyspace::effect;
use crate::store::{StoreError, View};
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;

/// What can be asked for.
pub(super) const STATES: [&str; 2] = ["owed", "dead"];

#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
    limit: Option<usize>,
    before: Option<IdText<EffectId>>,
    /// Read by [`Tenant`].
    #[serde(rename = "tenant")]
    _tenant: Option<String>,
}

/// Effects that are owed or dead, those of the newest events first.
pub(super) async fn list(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    if let Some(wanted) = query.state.as_deref().filter(|wanted| !STATES.contains(wanted)) {
        return Err(Problem::malformed(format!("state: `{wanted}` is none of {}", STATES.join(", "))));
    }
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let view = state.inbox.store().view(&tenant);
    let newest = EffectId { event: EventId(u64::MAX), index: u32::MAX };
    let before = query.before.map_or(newest, |before| before.0);
    let listed = tokio::task::spawn_blocking(move || page(&view, query.state.as_deref(), before, limit)).await;
    let (rows, next) = listed.map_err(|error| StoreError::Unusable(error.to_string()))??;
    Ok(Json(json!({ "effects": rows, "next": next })))
}

/// Rows of one page, and where the next begins. Blocking.
fn page(
    view: &View,
    state: Option<&str>,
    before: EffectId,
    limit: usize,
) -> Result<(Vec<Value>, Option<String>), StoreError> {
    let wants = |word: &str| state.is_none_or(|state| state == word);
    let mut found: Vec<(Effect, &str)> = Vec::new();
    if wants("owed") {
        for owed in effect::owed_before(view, before).take(limit + 1) {
            found.push((owed?, "owed"));
        }
    }
    if wants("dead") {
        for dead in effect::dead_before(view, before).take(limit + 1) {
            found.push((dead?, "dead"));
        }
    }
    found.sort_by_key(|(effect, _)| std::cmp::Reverse(effect.id));
    let is_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_more).map(|(last, _)| last.id.to_string());
    Ok((found.iter().map(|(effect, state)| row(effect, state)).collect(), next))
}

fn row(effect: &Effect, state: &str) -> Value {
    json!({
        "id": effect.id.to_string(), "state": state, "created": effect.created.to_string(),
        "to": effect.address().conversation(), "attempts": effect.attempts, "last_error": effect.last_error,
    })
}
