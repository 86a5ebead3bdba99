//! The ledger, read and operated: events, effects, their stories.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{EffectId, EventId, TaskId, TenantId};
use crate::domain::time::Timestamp;
use crate::ledger::operate::{self, OPERATOR, Replayed};
use crate::store::keyspace::{effect, event};
use crate::store::{StoreError, View};
use crate::tools::why as tell;
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;

/// Events of one page, where the caller does not say.
const PAGE: usize = 50;
/// The largest page.
const LARGEST_PAGE: usize = 1000;
/// Events that one look for a state passes over; the cursor goes on from there.
const MOST_LOOKED_AT: usize = 20_000;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
    limit: Option<usize>,
    before: Option<EventIdText>,
    /// Read by [`Tenant`].
    #[serde(rename = "tenant")]
    _tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct EventIdText(EventId);

impl TryFrom<String> for EventIdText {
    type Error = crate::domain::ids::NotAnId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// An event in a list.
#[derive(Serialize)]
struct Row {
    id: String,
    at: Timestamp,
    time: String,
    channel: String,
    kind: &'static str,
    lane: String,
    state: String,
    summary: String,
    attempts: u32,
}

fn row(view: &View, id: EventId) -> Result<Option<Row>, StoreError> {
    let Some(it) = event::read(view, id)? else { return Ok(None) };
    let (state, summary, attempts) = match (event::ready(view, id)?, event::story(view, id)?) {
        (Some(ready), _) => {
            let ready = ready.value;
            ("waiting".to_owned(), ready.last_error.unwrap_or_else(|| "in line".to_owned()), ready.attempts)
        }
        (None, Some(story)) => (story.end.as_str().to_owned(), story.summary, story.attempts),
        (None, None) => return Ok(None),
    };
    Ok(Some(Row {
        id: id.to_string(),
        at: it.at,
        time: it.at.to_string(),
        channel: it.what.channel.to_string(),
        kind: it.what.kind.name(),
        lane: it.what.lane.to_string(),
        state,
        summary,
        attempts,
    }))
}

const STATES: [&str; 7] = ["waiting", "done", "denied", "refused", "ignored", "dead", "dropped"];

/// Events, the newest first.
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
    let before = query.before.map_or(EventId(u64::MAX), |before| before.0);
    let listed = tokio::task::spawn_blocking(move || page(&view, query.state.as_deref(), before, limit)).await;
    let (rows, next) = listed.map_err(|error| StoreError::Unusable(error.to_string()))??;
    Ok(Json(json!({ "events": rows, "next": next })))
}

type Ids<'a> = Box<dyn Iterator<Item = Result<EventId, StoreError>> + 'a>;

/// Rows of one page, and where the next begins. Blocking.
fn page(
    view: &View,
    state: Option<&str>,
    before: EventId,
    limit: usize,
) -> Result<(Vec<Row>, Option<String>), StoreError> {
    let ids: Ids<'_> = match state {
        // The few that wait or are dead have their own keys.
        Some("waiting") => Box::new(event::ready_before(view, before)),
        Some("dead") => Box::new(event::dead_before(view, before)),
        _ => Box::new(event::ids_before(view, before)),
    };
    let mut rows = Vec::new();
    for (looked_at, id) in ids.enumerate() {
        let id = id?;
        if rows.len() == limit || looked_at == MOST_LOOKED_AT {
            return Ok((rows, Some(EventId(id.0 + 1).to_string())));
        }
        if let Some(row) = row(view, id)?.filter(|row| state.is_none_or(|state| state == row.state)) {
            rows.push(row);
        }
    }
    Ok((rows, None))
}

fn known(view: &View, id: EventId) -> Result<Event, Problem> {
    event::read(view, id)?.ok_or_else(|| Problem::not_found(format!("{id} is not known in tenant {}", view.tenant())))
}

fn parse<T: std::str::FromStr<Err = crate::domain::ids::NotAnId>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: crate::domain::ids::NotAnId| Problem::malformed(error.to_string()))
}

/// One event: what came, and its story.
pub(super) async fn show(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let view = state.inbox.store().view(&tenant);
    let id = parse(&id)?;
    let it = known(&view, id)?;
    let story = event::story(&view, id)?;
    let ready = event::ready(&view, id)?.map(|ready| ready.value);
    let raw = String::from_utf8_lossy(&it.what.raw).into_owned();
    Ok(Json(
        json!({ "event": it, "raw": raw, "ready": ready, "story": story, "receipts": effect::receipts(&view, id)? }),
    ))
}

/// Handles a dead event again, or owes its dead effects again.
pub(super) async fn replay(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = match id.parse::<EffectId>() {
        Ok(effect) => effect.event,
        Err(_) => parse(&id)?,
    };
    known(&state.inbox.store().view(&tenant), id)?;
    let did = match operate::replay(state.inbox.store(), &tenant, id, OPERATOR).await? {
        Replayed::Event { lane, id } => {
            state.inside.handle(lane, id);
            json!({ "replayed": "event", "id": id.to_string() })
        }
        Replayed::Effects(effects) => {
            let ids: Vec<String> = effects.iter().map(|effect| effect.id.to_string()).collect();
            state.inside.owed(effects);
            json!({ "replayed": "effects", "effects": ids })
        }
        Replayed::Nothing(why) => json!({ "replayed": "nothing", "why": why }),
    };
    Ok(Json(did))
}

/// Takes an event or an effect off.
pub(super) async fn drop_one(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (store, now) = (state.inbox.store(), state.inbox.clock().now());
    let nothing =
        |id: &str| Problem::new(axum::http::StatusCode::CONFLICT, format!("{id} has ended: there is nothing to drop"));
    if let Ok(effect) = id.parse::<EffectId>() {
        let dropped = operate::drop_effect(store, &tenant, effect, OPERATOR, now).await?;
        let dropped = dropped.ok_or_else(|| nothing(&id))?;
        state.inside.dropped_effect(&dropped);
    } else {
        let event: EventId = parse(&id)?;
        known(&store.view(&tenant), event)?;
        if !operate::drop_event(store, &tenant, event, OPERATOR, now).await? {
            return Err(nothing(&id));
        }
        state.inside.dropped_event(event);
    }
    Ok(Json(json!({ "dropped": id })))
}

#[derive(Deserialize)]
pub(super) struct EffectsQuery {
    state: Option<String>,
    /// Read by [`Tenant`].
    #[serde(rename = "tenant")]
    _tenant: Option<String>,
}

/// Effects that are owed or dead.
pub(super) async fn effects(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Query(query): Query<EffectsQuery>,
) -> Result<Json<Value>, Problem> {
    let view = state.inbox.store().view(&tenant);
    let shown = |effect: Effect, state: &str| {
        json!({
            "id": effect.id.to_string(), "state": state, "created": effect.created.to_string(),
            "to": effect.address().conversation(), "attempts": effect.attempts, "last_error": effect.last_error,
        })
    };
    let mut effects = Vec::new();
    let wants = |word: &str| query.state.as_deref().is_none_or(|state| state == word);
    if wants("owed") {
        for owed in effect::all_owed(&view).take(LARGEST_PAGE) {
            effects.push(shown(owed?, "owed"));
        }
    }
    if wants("dead") {
        for dead in effect::all_dead(&view).take(LARGEST_PAGE) {
            effects.push(shown(dead?, "dead"));
        }
    }
    Ok(Json(json!({ "effects": effects })))
}

/// The whole story of an event, an effect or a task.
pub(super) async fn why(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let unknown = || Problem::not_found(format!("{id} is not known in tenant {tenant}"));
    let view = state.inbox.store().view(&tenant);
    let event = event_behind(&view, &id)?.ok_or_else(unknown)?;
    let found = match tell::story(&view, event)? {
        Some(story) => Some(story),
        // What nobody's tenant claims is kept apart, and an operator may see it.
        None => tell::story(&state.inbox.store().view(&TenantId::unclaimed()), event)?,
    };
    let story = found.ok_or_else(unknown)?;
    let lines = story.lines();
    Ok(Json(json!({ "story": story, "lines": lines })))
}

fn event_behind(view: &View, id: &str) -> Result<Option<EventId>, Problem> {
    if let Ok(effect) = id.parse::<EffectId>() {
        return Ok(Some(effect.event));
    }
    if let Ok(event) = id.parse::<EventId>() {
        return Ok(Some(event));
    }
    let task: TaskId = id.parse().map_err(|_| {
        Problem::malformed(format!("`{id}` is neither an event (e-17), an effect (e-17.0) nor a task (T-12)"))
    })?;
    Ok(crate::store::keyspace::task::read(view, task)?.map(|task| task.value.origin.event))
}
