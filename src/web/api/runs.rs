//! Runs of workflows: listed, shown, ended, set going again.
//!
//! To end one or to set it going again is a ring for it, in one commit with its row of the audit chain: what then becomes of
//! the run is decided where all of its happenings are, in its own lane.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::{IdText, LARGEST_PAGE, PAGE};
use crate::domain::ids::{RunId, TenantId};
use crate::ledger::operate::{self, OPERATOR};
use crate::store::keyspace::run as runs;
use crate::store::keyspace::timer::{self, Timer};
use crate::store::{Batch, StoreError, View};
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;
use crate::workflow::run::{Run, Status};

/// Runs that one look for a workflow or a status passes over.
const MOST_LOOKED_AT: usize = 5_000;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    workflow: Option<String>,
    status: Option<String>,
    limit: Option<usize>,
    before: Option<IdText<RunId>>,
    /// Read by [`Tenant`].
    #[serde(rename = "tenant")]
    _tenant: Option<String>,
}

/// What can be asked for.
pub(crate) fn statuses() -> [&'static str; 8] {
    Status::ALL.map(Status::word)
}

/// Runs, the newest first.
pub(super) async fn list(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    if let Some(wanted) = query.status.as_deref().filter(|wanted| !statuses().contains(wanted)) {
        return Err(Problem::malformed(format!("status: `{wanted}` is none of {}", statuses().join(", "))));
    }
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let view = state.inbox.store().view(&tenant);
    let listed = tokio::task::spawn_blocking(move || page(&view, &query, limit)).await;
    let (rows, next) = listed.map_err(|error| StoreError::Unusable(error.to_string()))??;
    Ok(Json(json!({ "runs": rows, "next": next })))
}

/// Rows of one page, and where the next begins. Blocking.
fn page(view: &View, query: &ListQuery, limit: usize) -> Result<(Vec<Value>, Option<String>), StoreError> {
    let mut rows = Vec::new();
    let before = query.before.as_ref().map(|before| before.0);
    for (looked, run) in runs::newest::<Run>(view, before).enumerate() {
        let run = run?;
        let fits = query.workflow.as_ref().is_none_or(|wanted| *wanted == run.workflow)
            && query.status.as_ref().is_none_or(|wanted| wanted == run.status.word());
        if fits && rows.len() == limit || looked == MOST_LOOKED_AT {
            let next = RunId(run.id.0 + 1);
            return Ok((rows, Some(next.to_string())));
        }
        if fits {
            rows.push(row(&run));
        }
    }
    Ok((rows, None))
}

fn row(run: &Run) -> Value {
    json!({
        "id": run.id.to_string(), "workflow": run.workflow, "repository": run.repository, "shadow": run.shadow,
        "status": run.status, "event": run.event.to_string(),
        "created": run.created.to_string(), "ended": run.ended.map(|at| at.to_string()),
        "failure": run.failure.as_ref().map(|failure| format!("{}: {}", failure.step, failure.message)),
    })
}

/// One run with its steps and its story.
pub(super) async fn show(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let run = read(&state, &tenant, &id)?;
    let mut shown = row(&run);
    shown["version"] = run.version.clone().into();
    shown["key"] = run.key.clone().into();
    shown["attempt"] = run.attempt.into();
    shown["requester"] = json!(run.requester);
    // In the order in which they began: their names say nothing of it.
    let mut steps: Vec<_> = run.steps.iter().collect();
    steps.sort_by_key(|(_, step)| step.began);
    let steps = steps.into_iter().map(|(path, step)| {
        json!({
            "step": path, "state": step.state.as_str(), "attempts": step.attempts, "key": step.key,
            "began": step.began.to_string(), "ended": step.ended.map(|at| at.to_string()),
            "output": step.output, "error": step.error, "remarks": step.remarks,
            "approved": step.approved, "by": step.by,
        })
    });
    shown["steps"] = steps.collect();
    let lines = run.history.iter().map(|line| json!({ "at": line.at.to_string(), "what": line.what }));
    shown["history"] = lines.collect();
    Ok(Json(shown))
}

fn read(state: &Shared, tenant: &TenantId, id: &str) -> Result<Run, Problem> {
    let id: RunId = id.parse().map_err(|error| Problem::malformed(format!("{error}")))?;
    let run = runs::read::<Run>(&state.inbox.store().view(tenant), id)?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("{id} is not known in tenant {tenant}"));
    run.map(|run| run.value).ok_or_else(missing)
}

/// Ends a run that is not over.
pub(super) async fn cancel(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let run = read(&state, &tenant, &id)?;
    if run.status.is_over() {
        return Err(Problem::new(StatusCode::CONFLICT, format!("{} is over: {}", run.id, run.status.as_str())));
    }
    ring(&state, &tenant, &run, "cancel", json!({ "by": OPERATOR, "name": OPERATOR })).await?;
    Ok(Json(json!({ "cancelling": run.id.to_string() })))
}

/// From where a run is set going again, as a JSON Schema.
pub(super) fn retry_schema() -> Value {
    let from = json!({ "type": "string", "description": "the step; the first that is not done, where none is given" });
    json!({ "type": "object", "additionalProperties": false, "properties": { "from": from } })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryFrom {
    from: Option<String>,
}

/// Sets a run going again that is over. What was done is not repeated.
pub(super) async fn retry(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(id): Path<String>,
    Json(asked): Json<RetryFrom>,
) -> Result<Json<Value>, Problem> {
    let run = read(&state, &tenant, &id)?;
    if let Some(why) = run.cannot_go_again() {
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    // A version that is not at hand is looked at when the run goes on, and says then what does not fit.
    let workflow = state.workflows.known(&run.workflow, &run.version);
    let steps = workflow.as_ref().map(|workflow| workflow.actions.iter().map(|step| step.id.as_str()));
    let steps: Vec<&str> = steps.into_iter().flatten().collect();
    if let Some(from) = asked.from.as_ref().filter(|from| workflow.is_some() && !steps.contains(&from.as_str())) {
        let what = format!("{} has no step `{from}`; it has {}", run.id, steps.join(", "));
        return Err(Problem::new(StatusCode::CONFLICT, what));
    }
    let payload = json!({ "by": OPERATOR, "name": OPERATOR, "from": asked.from, "after": run.attempt });
    ring(&state, &tenant, &run, "retry", payload).await?;
    Ok(Json(json!({ "retrying": run.id.to_string() })))
}

/// Rings for a run.
async fn ring(state: &Shared, tenant: &TenantId, run: &Run, what: &str, payload: Value) -> Result<(), Problem> {
    let store = state.inbox.store();
    let at = state.inbox.clock().now();
    let set = timer::set(&store.view(tenant), &Timer { name: format!("run/{}/{what}", run.id), at, payload })?;
    let mut batch = Batch::new();
    batch.writes(tenant, set);
    batch.audit(tenant, operate::entry(&format!("run.{what}"), OPERATOR, run.id.to_string(), None));
    store.commit(batch).await?;
    Ok(())
}
