//! Events of the ledger, listed, shown and operated.

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::event::Event;
use crate::domain::ids::{EffectId, EventId, NotAnId};
use crate::domain::time::Timestamp;
use crate::ledger::operate::{self, OPERATOR, Replayed};
use crate::store::keyspace::{effect, event};
use crate::store::{StoreError, View};
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;

/// Rows of one page, where the caller does not say.
pub(super) const PAGE: usize = 50;
/// The largest page.
pub(super) const LARGEST_PAGE: usize = 1000;
/// Events that one look for a state passes over; the cursor goes on from there.
const MOST_LOOKED_AT: usize = 20_000;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
    limit: Option<usize>,
    before: Option<IdText<EventId>>,
    /// Read by [`Tenant`].
    #[serde(rename = "tenant")]
    _tenant: Option<String>,
}

/// An id as a parameter, in the form in which it prints.
#[derive(Deserialize)]
#[serde(try_from = "String", bound = "T: FromStr<Err = NotAnId>")]
pub(super) struct IdText<T: FromStr<Err = NotAnId>>(pub(super) T);

impl<T: FromStr<Err = NotAnId>> TryFrom<String> for IdText<T> {
    type Error = NotAnId;
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

fn row(view: &View, id: EventId, running: &[EventId]) -> Result<Option<Row>, StoreError> {
    let Some(it) = event::read(view, id)? else { return Ok(None) };
    let (state, summary, attempts) = match (event::ready(view, id)?, event::story(view, id)?) {
        (Some(ready), _) => {
            let ready = ready.value;
            let (state, how) =
                if running.contains(&id) { ("running", "being handled") } else { ("accepted", "in line") };
            (state.to_owned(), ready.last_error.unwrap_or_else(|| how.to_owned()), ready.attempts)
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

/// What can be asked for. What runs is accepted too, so that who waits until nothing is accepted waits for all;
/// `waiting` is another word for it.
pub(super) const STATES: [&str; 10] =
    ["accepted", "waiting", "running", "done", "denied", "asked", "refused", "ignored", "dead", "dropped"];

fn fits(wanted: &str, state: &str) -> bool {
    match wanted {
        "accepted" | "waiting" => matches!(state, "accepted" | "running"),
        wanted => wanted == state,
    }
}

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
    let running = state.inside.running().await;
    let listed = move || page(&view, query.state.as_deref(), before, limit, &running);
    let listed = tokio::task::spawn_blocking(listed).await;
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
    running: &[EventId],
) -> Result<(Vec<Row>, Option<String>), StoreError> {
    let ids: Ids<'_> = match state {
        // The few that wait or are dead have their own keys.
        Some("accepted" | "waiting") => Box::new(event::ready_before(view, before)),
        Some("dead") => Box::new(event::dead_before(view, before)),
        Some("running") => {
            let mut ids: Vec<EventId> = running.iter().copied().filter(|id| *id < before).collect();
            ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
            Box::new(ids.into_iter().map(Ok))
        }
        _ => Box::new(event::ids_before(view, before)),
    };
    let mut rows = Vec::new();
    for (looked_at, id) in ids.enumerate() {
        let id = id?;
        if rows.len() == limit || looked_at == MOST_LOOKED_AT {
            return Ok((rows, Some(EventId(id.0 + 1).to_string())));
        }
        if let Some(row) = row(view, id, running)?.filter(|row| state.is_none_or(|wanted| fits(wanted, &row.state))) {
            rows.push(row);
        }
    }
    Ok((rows, None))
}

fn known(view: &View, id: EventId) -> Result<Event, Problem> {
    event::read(view, id)?.ok_or_else(|| Problem::not_found(format!("{id} is not known in tenant {}", view.tenant())))
}

fn parse<T: FromStr<Err = NotAnId>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: NotAnId| Problem::malformed(error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_accepted_and_waiting_is_another_word_for_it() {
        for (wanted, state, expected) in [
            ("accepted", "accepted", true),
            ("waiting", "accepted", true),
            ("accepted", "running", true),
            ("running", "accepted", false),
            ("running", "running", true),
            ("done", "running", false),
        ] {
            assert_eq!(fits(wanted, state), expected, "{wanted} {state}");
        }
    }
}
