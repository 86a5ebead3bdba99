//! The whole story of what an operator names: an event, an effect, a task, an approval, or a message of Slack.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::channels::slack::decode as slack;
use crate::domain::event::ChannelName;
use crate::domain::ids::{ApprovalId, EffectId, EventId, TaskId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::keyspace::{approval, dedupe, event, setting, task};
use crate::store::{StoreError, View};
use crate::tools::why as tell;
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;

/// Events that are looked through for a message, from its time on.
const MOST_LOOKED_AT: usize = 5000;
/// A platform's clock may be ahead of ours by so much.
const CLOCKS_APART: std::time::Duration = std::time::Duration::from_secs(60);

/// What an id names.
enum Named {
    Event(EventId),
    Task(TaskId),
    Approval(ApprovalId),
    Message { place: String, ts: String },
}

fn read(id: &str) -> Result<Named, Problem> {
    if let Ok(effect) = id.parse::<EffectId>() {
        return Ok(Named::Event(effect.event));
    }
    if let Ok(event) = id.parse() {
        return Ok(Named::Event(event));
    }
    if let Ok(task) = id.parse() {
        return Ok(Named::Task(task));
    }
    if let Ok(approval) = id.parse() {
        return Ok(Named::Approval(approval));
    }
    match id.split_once([':', '/']) {
        Some((place, ts)) if !place.is_empty() && slack::time_of(ts).is_some() => {
            Ok(Named::Message { place: place.to_owned(), ts: ts.to_owned() })
        }
        _ => Err(Problem::malformed(format!(
            "`{id}` is neither an event (e-17), an effect (e-17.0), a task (T-12), an approval (A-3) nor a \
             message of Slack (C0123:1700000000.000100)"
        ))),
    }
}

/// The whole story of an event, an effect, a task, an approval or a message.
pub(super) async fn why(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let named = read(&id)?;
    // What nobody's tenant claims is kept apart, and an operator may see it.
    let views = [tenant.clone(), TenantId::unclaimed()].map(|tenant| state.inbox.store().view(&tenant));
    let found = tokio::task::spawn_blocking(move || story(&views, &named)).await;
    let found = found.map_err(|error| StoreError::Unusable(error.to_string()))??;
    found.map(Json).ok_or_else(|| Problem::not_found(format!("{id} is not known in tenant {tenant}")))
}

/// The story, in the first view that knows of it. Blocking.
fn story(views: &[View; 2], named: &Named) -> Result<Option<Value>, StoreError> {
    for view in views {
        let event = match named {
            Named::Task(id) => {
                // Tasks are a tenant's own.
                let Some(task) = task::read(&views[0], *id)? else { return Ok(None) };
                let made = tell::story(&views[0], task.value.origin.event)?;
                let told = tell::task_story(&task.value, made);
                return Ok(Some(json!({ "story": told.json, "lines": told.lines })));
            }
            Named::Approval(id) => approval::read(view, *id)?.map(|approval| approval.value.event),
            Named::Event(id) => Some(*id),
            Named::Message { place, ts } => message(view, place, ts)?,
        };
        let told = event.map(|event| tell::story(view, event)).transpose()?.flatten();
        if let Some(told) = told {
            let lines = told.lines();
            return Ok(Some(json!({ "story": told, "lines": lines })));
        }
    }
    Ok(None)
}

/// The event that a message became.
fn message(view: &View, place: &str, ts: &str) -> Result<Option<EventId>, StoreError> {
    for workspace in setting::installations(view)? {
        if workspace.channel == ChannelName::Slack
            && let Some(owner) = dedupe::owner(view, &slack::message_key(&workspace.id, place, ts))?
        {
            return Ok(Some(owner));
        }
    }
    // One that asked nothing of the bot has no key of its own; it came about when it was said.
    let since = slack::time_of(ts).unwrap_or(Timestamp(0)).before(CLOCKS_APART);
    for id in event::ids_from(view, event::first_since(view, since)?).take(MOST_LOOKED_AT) {
        let id = id?;
        let it = match event::read(view, id) {
            Ok(Some(it)) => it,
            Ok(None) | Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        let is_there = it.what.place.as_ref().is_some_and(|there| there.id == place);
        if it.what.channel == ChannelName::Slack && is_there && slack::tells_of(&it.what.raw, ts) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_names() {
        assert!(matches!(read("e-17"), Ok(Named::Event(EventId(17)))));
        assert!(matches!(read("e-17.2"), Ok(Named::Event(EventId(17)))));
        assert!(matches!(read("T-12"), Ok(Named::Task(TaskId(12)))));
        assert!(matches!(read("A-3"), Ok(Named::Approval(ApprovalId(3)))));
        for text in ["C0123:1700000000.000100", "C0123/1700000000.000100"] {
            let read = read(text);
            assert!(matches!(read, Ok(Named::Message { place, ts }) if place == "C0123" && ts == "1700000000.000100"));
        }
        for odd in ["soup", "C0123", "C0123:", ":1700000000.000100", "C0123:yesterday", "C0123:17.1:2", "e-x"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
