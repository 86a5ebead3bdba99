//! What workflows in the shadow would have done: their runs, counted.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::store::keyspace::run as runs;
use crate::store::{StoreError, View};
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;
use crate::workflow::run::{Run, State as StepState};

/// The newest runs, of whichever workflow, that are looked at.
const MOST_RUNS: usize = 10_000;

/// The runs of one workflow in the shadow.
#[derive(Debug, Default, Serialize)]
struct Held {
    runs: usize,
    /// How they stand, and how many do.
    by_status: BTreeMap<&'static str, usize>,
    /// Steps that were held back, and in how many runs.
    held_back: BTreeMap<String, usize>,
    /// Why runs have failed, the newest first.
    failures: Vec<String>,
}

/// Failures that are named of one workflow.
const MOST_FAILURES: usize = 5;

impl Held {
    fn count(&mut self, run: &Run) {
        self.runs += 1;
        *self.by_status.entry(run.status.word()).or_default() += 1;
        let held = run.steps.iter().filter(|(_, step)| step.is_simulated && step.state == StepState::Done);
        held.for_each(|(path, _)| *self.held_back.entry(path.clone()).or_default() += 1);
        if let Some(failure) = run.failure.as_ref().filter(|_| self.failures.len() < MOST_FAILURES) {
            self.failures.push(format!("{} at {}: {}", run.id, failure.step, failure.message));
        }
    }
}

/// Each workflow in the shadow, by its name.
pub(super) async fn report(State(state): State<Shared>, Tenant(tenant): Tenant) -> Result<Json<Value>, Problem> {
    let view = state.inbox.store().view(&tenant);
    let counted = tokio::task::spawn_blocking(move || count(&view)).await;
    let (workflows, is_whole) = counted.map_err(|error| StoreError::Unusable(error.to_string()))??;
    Ok(Json(json!({ "workflows": workflows, "is_whole": is_whole })))
}

/// Counts; says whether all runs were looked at. Blocking.
fn count(view: &View) -> Result<(BTreeMap<String, Held>, bool), StoreError> {
    let mut workflows: BTreeMap<String, Held> = BTreeMap::new();
    for (looked_at, run) in runs::newest::<Run>(view, None).enumerate() {
        if looked_at == MOST_RUNS {
            return Ok((workflows, false));
        }
        let run = run?;
        if run.shadow {
            workflows.entry(run.workflow.clone()).or_default().count(&run);
        }
    }
    Ok((workflows, true))
}
