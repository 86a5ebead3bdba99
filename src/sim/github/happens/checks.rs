//! What happens to check runs, statuses of commits and workflows.

use serde_json::{Value, json};

use super::super::repository::{CheckRun, Dispatch, Status};
use super::super::shape;
use super::super::state::State;
use super::{Scene, tell};

/// Tells of a check run: `created`, `completed`, `rerequested`, `requested_action`.
pub(in super::super) fn tell_run(state: &mut State, scene: Scene, id: u64, action: &str, more: Value) {
    let Some(repository) = state.repositories.get(&scene.repository) else { return };
    let Some(run) = repository.check_runs.get(&id) else { return };
    let mut fields = json!({ "check_run": shape::check_run(state, repository, run) });
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    tell(state, scene, "check_run", Some(action), fields);
}

/// Makes or replaces a check run.
pub(in super::super) fn put_run(state: &mut State, scene: Scene, run: CheckRun) {
    let (id, is_completed) = (run.id, run.status == "completed");
    let Some(repository) = state.repositories.get_mut(&scene.repository) else { return };
    let before = repository.check_runs.insert(id, run);
    if before.is_none() {
        tell_run(state, scene, id, "created", json!({}));
    }
    if is_completed && before.is_none_or(|before| before.status != "completed") {
        tell_run(state, scene, id, "completed", json!({}));
    }
}

/// Sets a status of a commit.
pub(in super::super) fn set_status(state: &mut State, scene: Scene, status: Status) {
    let Some(repository) = state.repositories.get_mut(&scene.repository) else { return };
    repository.statuses.push_back(status.clone());
    let Some(repository) = state.repositories.get(&scene.repository) else { return };
    let mut fields = shape::status(state, repository, &status);
    fields["sha"] = json!(status.sha);
    fields["name"] = json!(repository.full_name);
    fields["commit"] = json!({ "sha": status.sha });
    let at_it = repository.branches.iter().filter(|(_, sha)| **sha == status.sha);
    fields["branches"] = at_it.map(|(name, sha)| json!({ "name": name, "commit": { "sha": sha } })).collect();
    tell(state, scene, "status", None, fields);
}

/// Starts a workflow, which is to say: it is on record, and the App is told of its run.
pub(in super::super) fn dispatch(state: &mut State, scene: Scene, file: &str, branch: &str, inputs: Value) {
    let id = state.new_id();
    let Some(repository) = state.repositories.get(&scene.repository) else { return };
    let head = repository.commit(branch).map(|(sha, _)| sha.to_owned());
    let workflow = repository.workflows.iter().find(|workflow| workflow.file == file).map(|workflow| workflow.id);
    let run = json!({
        "id": id, "name": file, "path": format!(".github/workflows/{file}"), "head_branch": branch, "head_sha": head,
        "event": "workflow_dispatch", "status": "queued", "conclusion": null, "workflow_id": workflow, "run_number": 1,
        "url": format!("{}/repos/{}/actions/runs/{id}", state.base_url, repository.full_name),
        "html_url": format!("{}/{}/actions/runs/{id}", state.base_url, repository.full_name),
    });
    let dispatched = Dispatch {
        at: scene.now,
        repository: repository.full_name.clone(),
        workflow: file.to_owned(),
        branch: branch.to_owned(),
        inputs,
    };
    state.dispatches.push(dispatched);
    tell(state, scene, "workflow_run", Some("requested"), json!({ "workflow_run": run }));
}
