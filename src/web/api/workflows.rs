//! Workflows: started by hand; and what a changed set of them would have done with the events that are kept.
//!
//! Owns which workflow may be started and with which inputs. What a start becomes is `web/webhook.rs`, what it begins
//! `actors/runs/begin.rs`; their runs are `runs.rs`, those in the shadow `shadow.rs`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::domain::api_key::Posted;
use crate::domain::event::EventKind;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::store::keyspace::event;
use crate::store::{StoreError, View};
use crate::tools;
use crate::web::Shared;
use crate::web::auth::{Caller, Tenant};
use crate::web::problem::Problem;
use crate::web::webhook::happening;
use crate::workflow::begin::{self, By, Happening};
use crate::workflow::context::{MANUAL, Told, named};
use crate::workflow::known::{self, Known, PLATFORMS};
use crate::workflow::set::Set;
use crate::workflow::trigger::Begins;
use crate::workflow::what_if::Difference;

/// As many events are looked at, of whichever kind: most are passed over by their names.
const MOST_EVENTS: usize = 100_000;

/// Files and from when on, as a JSON Schema.
pub(super) fn what_if_schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let file = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "text"],
        "properties": { "name": text("the file\'s name"), "text": text("its text") },
    });
    json!({
        "type": "object", "additionalProperties": false, "required": ["files", "since_ms"],
        "properties": {
            "files": { "type": "array", "items": file, "description": "all files of the changed set" },
            "since_ms": { "type": "integer", "description": "events from this time on, in ms since 1970" },
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    files: Vec<File>,
    since_ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    text: String,
}

/// What a workflow asks for, as a JSON Schema.
pub(super) fn start_schema() -> Value {
    let inputs = json!({ "type": "object", "description": "what its trigger `manual` asks for, by name" });
    json!({ "type": "object", "additionalProperties": false, "properties": { "inputs": inputs } })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    #[serde(default)]
    inputs: Map<String, Value>,
}

/// Starts a workflow of which a trigger is `manual`. Its file is the operator's, so its runs are the default tenant's.
pub(super) async fn start(
    State(state): State<Shared>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(asked): Json<Start>,
) -> Result<Json<Value>, Problem> {
    let set = state.workflows.current();
    let Some((_, workflow)) = set.find(&name) else {
        return Err(Problem::not_found(format!("no workflow is called `{name}`: see `ai-crm workflow check`")));
    };
    let manual = workflow.triggers.iter().find_map(|trigger| match &trigger.begins {
        Begins::Manual(inputs) => Some(inputs),
        _ => None,
    });
    let conflict = |what: String| Problem::new(StatusCode::CONFLICT, what);
    let wanted = manual
        .filter(|_| workflow.enabled)
        .ok_or_else(|| conflict(format!("nobody starts `{name}` by hand: it is off, or has no trigger `manual`")))?;
    let inputs = begin::inputs(wanted, &asked.inputs).map_err(|why| Problem::malformed(format!("inputs: {why}")))?;
    let id = state.inbox.next_id().await?;
    let incoming = happening((MANUAL, &name), &id.to_string(), &caller, inputs, Bytes::new());
    state.intake.accept(TenantId::default_tenant(), id, incoming).await?;
    Ok(Json(json!({ "event": id.to_string(), "workflow": name })))
}

/// The changed set and the one in use, over the events since a time.
pub(super) async fn what_if(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, Problem> {
    let actions = known::names(&tools::known_tools());
    let files = asked.files.into_iter().map(|file| (file.name, file.text)).collect();
    let after = Set::read_with_built_in(files, &Known { actions: &actions, platforms: PLATFORMS });
    let after = after.map_err(|wrong| {
        let lines = wrong.iter().flat_map(|it| it.mistakes.iter().map(move |mistake| (it, mistake)));
        let words: Vec<String> = lines
            .map(|(it, mistake)| format!("{}:{}:{}: {}", it.file, mistake.at.line, mistake.at.column, mistake.what))
            .collect();
        Problem::malformed(words.join("; "))
    })?;
    let before = state.workflows.current();
    let (view, now) = (state.inbox.store().view(&tenant), state.inbox.clock().now());
    let looked = tokio::task::spawn_blocking(move || look(&view, &before, &after, Timestamp(asked.since_ms), now));
    let (difference, is_whole) = looked.await.map_err(|error| StoreError::Unusable(error.to_string()))??;
    Ok(Json(json!({ "difference": difference, "text": difference.text(), "is_whole": is_whole })))
}

/// Goes through the events; says whether all were looked at. Blocking.
fn look(
    view: &View,
    before: &Set,
    after: &Set,
    since: Timestamp,
    now: Timestamp,
) -> Result<(Difference, bool), StoreError> {
    let mut difference = Difference::default();
    for (looked_at, id) in event::ids_from(view, event::first_since(view, since)?).enumerate() {
        if looked_at == MOST_EVENTS {
            return Ok((difference, false));
        }
        let it = match event::read(view, id?) {
            Ok(Some(it)) => it,
            // One that cannot be read hides no other.
            Ok(None) | Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        let EventKind::Platform { own: false, posted, .. } = &it.what.kind else { continue };
        let Some((platform, name)) = named(&it) else { continue };
        let asks = posted.as_ref().is_some_and(Posted::asks_for_a_task);
        if !before.concerns(platform, name, asks) && !after.concerns(platform, name, asks) {
            difference.events += 1;
            continue;
        }
        let told = Told::of(&it, platform, name);
        let key = it.what.dedupe.first().cloned().unwrap_or_default();
        let happening = Happening { id: it.id, by: By::of(platform, name), told, key, requester: None, cause: None };
        difference.take(before, after, &happening, now);
    }
    Ok((difference, true))
}
