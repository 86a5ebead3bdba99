//! Check runs, statuses of commits, and workflows that are dispatched.
//!
//! docs.github.com/rest/checks/runs, …/commits/statuses, …/actions/workflows.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::super::app::Level;
use super::super::asked::Asked;
use super::super::happens::checks;
use super::super::refusal::Refusal;
use super::super::repository::{CheckRun, Repository, Status};
use super::super::state::State;
use super::super::{seed, shape};
use super::{Answer, Call, Done, repository};
use crate::domain::time::Timestamp;

/// Annotations of one call.
const MOST_ANNOTATIONS: usize = 50;
/// Longest summary and text of a check run, in characters.
const LONGEST_SUMMARY: usize = 65_535;
/// Longest description of a status, in characters.
const LONGEST_DESCRIPTION: usize = 140;
/// Inputs of a workflow.
const MOST_INPUTS: usize = 25;

const STATUSES: [&str; 3] = ["queued", "in_progress", "completed"];
const CONCLUSIONS: [&str; 7] =
    ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];
const LEVELS: [&str; 3] = ["notice", "warning", "failure"];

const READS: &[(&str, Level)] = &[("checks", Level::Read)];
const WRITES: &[(&str, Level)] = &[("checks", Level::Write)];
const RUNS: &str = "rest/checks/runs";
const OF_COMMITS: &str = "rest/commits/statuses";

pub(super) const CALLS: &[Call] = &[
    Call::change(MethodFilter::POST, "/repos/{owner}/{repo}/check-runs", "checks/create", RUNS).by(WRITES, create),
    Call::get("/repos/{owner}/{repo}/check-runs/{id}", "checks/get", RUNS).by(READS, |state, asked, _| {
        let (of, run) = run(state, asked)?;
        Ok(Answer::Of(200, shape::check_run(state, of, run)))
    }),
    Call::change(MethodFilter::PATCH, "/repos/{owner}/{repo}/check-runs/{id}", "checks/update", RUNS)
        .by(WRITES, update),
    Call::get("/repos/{owner}/{repo}/check-runs/{id}/annotations", "checks/list-annotations", RUNS)
        .by(READS, |state, asked, _| Ok(Answer::List(run(state, asked)?.1.annotations.clone()))),
    Call::get("/repos/{owner}/{repo}/commits/{sha}/check-runs", "checks/list-for-ref", RUNS).by(READS, list),
    Call::change(MethodFilter::POST, "/repos/{owner}/{repo}/statuses/{sha}", "repos/create-commit-status", OF_COMMITS)
        .by(&[("statuses", Level::Write)], set_status),
    Call::get("/repos/{owner}/{repo}/commits/{sha}/statuses", "repos/list-commit-statuses-for-ref", OF_COMMITS).by(
        &[("statuses", Level::Read)],
        |state, asked, _| {
            let of = repository(state, asked)?;
            let (sha, _) = of.commit(asked.named("sha")).ok_or_else(Refusal::not_found)?;
            let of_it = of.statuses.iter().rev().filter(|status| status.sha == sha);
            Ok(Answer::List(of_it.map(|status| shape::status(state, of, status)).collect()))
        },
    ),
    Call::change(
        MethodFilter::POST,
        "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches",
        "actions/create-workflow-dispatch",
        "rest/actions/workflows#create-a-workflow-dispatch-event",
    )
    .by(&[("actions", Level::Write)], dispatch),
];

fn run<'a>(state: &'a State, asked: &Asked) -> Result<(&'a Repository, &'a CheckRun), Refusal> {
    let (of, id) = (repository(state, asked)?, asked.number("id")?);
    Ok((of, of.check_runs.get(&id).ok_or_else(Refusal::not_found)?))
}

fn known_commit(of: &Repository, sha: &str) -> Result<(), Refusal> {
    let message = || format!("No commit found for SHA: {sha}");
    of.commits.contains_key(sha).then_some(()).ok_or_else(|| Refusal::unprocessable(message()))
}

fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let (name, head_sha) = (asked.needed("name")?, asked.needed("head_sha")?);
    known_commit(repository(state, asked)?, &head_sha)?;
    let id = state.new_id();
    let begun = CheckRun {
        id,
        name,
        head_sha,
        status: "queued".to_owned(),
        conclusion: None,
        external_id: None,
        details_url: None,
        started_at: Some(shape::time(now)),
        completed_at: None,
        output: json!({}),
        annotations: Vec::new(),
    };
    let made = changed(begun, asked, now)?;
    checks::put_run(state, asked.scene(now), made.clone());
    Ok(Answer::Of(201, shape::check_run(state, repository(state, asked)?, &made)))
}

fn update(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let mut run = run(state, asked)?.1.clone();
    if let Some(name) = asked.text("name")? {
        run.name = name;
    }
    let made = changed(run, asked, now)?;
    checks::put_run(state, asked.scene(now), made.clone());
    Ok(Answer::Of(200, shape::check_run(state, repository(state, asked)?, &made)))
}

/// A check run with what is asked for. Who gives a conclusion says by that that it is completed; annotations are added to
/// those that are there.
fn changed(mut run: CheckRun, asked: &Asked, now: Timestamp) -> Result<CheckRun, Refusal> {
    if let Some(status) = asked.word("CheckRun", "status", &STATUSES)? {
        run.status = status;
    }
    if let Some(conclusion) = asked.word("CheckRun", "conclusion", &CONCLUSIONS)? {
        run.conclusion = Some(conclusion);
        "completed".clone_into(&mut run.status);
    }
    if run.status == "completed" {
        if run.conclusion.is_none() {
            return Err(Refusal::unprocessable(
                "Invalid request.\n\nFor 'allOf/0', the conclusion is needed where the status is completed.",
            ));
        }
        let at = asked.text("completed_at")?.unwrap_or_else(|| shape::time(now));
        run.completed_at.get_or_insert(at);
    } else {
        (run.conclusion, run.completed_at) = (None, None);
    }
    if let Some(begun) = asked.text("started_at")? {
        run.started_at = Some(begun);
    }
    run.external_id = asked.text("external_id")?.or(run.external_id);
    run.details_url = asked.text("details_url")?.or(run.details_url);
    if let Value::Object(output) = &asked.body["output"] {
        for field in ["title", "summary"] {
            if !output.get(field).is_some_and(Value::is_string) && run.output[field].is_null() {
                return Err(Refusal::unprocessable(format!("Invalid request.\n\n\"{field}\" wasn't supplied.")));
            }
        }
        for field in ["title", "summary", "text"] {
            if let Some(text) = output.get(field).and_then(Value::as_str) {
                if text.chars().count() > LONGEST_SUMMARY {
                    return Err(Refusal::custom("CheckRun", field, "Only 65535 characters are allowed"));
                }
                run.output[field] = json!(text);
            }
        }
        run.annotations.extend(annotations(output.get("annotations"))?);
    }
    Ok(run)
}

fn annotations(given: Option<&Value>) -> Result<Vec<Value>, Refusal> {
    let given = given.and_then(Value::as_array).cloned().unwrap_or_default();
    if given.len() > MOST_ANNOTATIONS {
        let count = given.len();
        let message =
            format!("Invalid request.\n\nNo more than {MOST_ANNOTATIONS} items are allowed; {count} were supplied.");
        return Err(Refusal::unprocessable(message));
    }
    for one in &given {
        let lines = one["start_line"].as_u64().zip(one["end_line"].as_u64());
        let is_whole = one["path"].is_string()
            && one["message"].is_string()
            && lines.is_some_and(|(start, end)| start <= end)
            && one["annotation_level"].as_str().is_some_and(|level| LEVELS.contains(&level));
        let has_columns = !one["start_column"].is_null() || !one["end_column"].is_null();
        if !is_whole {
            return Err(Refusal::invalid("CheckAnnotation", "annotations", "invalid"));
        }
        // Columns are for what begins and ends on one line.
        if has_columns && one["start_line"] != one["end_line"] {
            return Err(Refusal::invalid("CheckAnnotation", "start_column", "invalid"));
        }
    }
    Ok(given)
}

fn list(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let of = repository(state, asked)?;
    let no_commit = || Refusal::unprocessable(format!("No commit found for SHA: {}", asked.named("sha")));
    let (sha, _) = of.commit(asked.named("sha")).ok_or_else(no_commit)?;
    let fits = |run: &&CheckRun| {
        run.head_sha == sha
            && asked.option("check_name").is_none_or(|name| run.name == name)
            && asked.option("status").is_none_or(|status| run.status == status)
    };
    let found = of.check_runs.values().rev().filter(fits).map(|run| shape::check_run(state, of, run));
    Ok(Answer::Within("check_runs", json!({}), found.collect()))
}

fn set_status(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let sha = asked.named("sha").to_owned();
    known_commit(repository(state, asked)?, &sha)?;
    asked.needed("state")?;
    let word = asked.word("Status", "state", &["error", "failure", "pending", "success"])?.unwrap_or_default();
    let description = asked.text("description")?;
    if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        let message = format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)");
        return Err(Refusal::custom("Status", "description", &message));
    }
    let status = Status {
        id: state.new_id(),
        sha,
        state: word,
        context: asked.text("context")?.unwrap_or_else(|| "default".to_owned()),
        description,
        target_url: asked.text("target_url")?,
        creator: seed::BOT,
        created_at: now,
    };
    checks::set_status(state, asked.scene(now), status.clone());
    Ok(Answer::Of(201, shape::status(state, repository(state, asked)?, &status)))
}

/// Starts a workflow by its file or id, on a branch that there is, with inputs that it declares.
fn dispatch(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let (of, named) = (repository(state, asked)?, asked.named("workflow"));
    let known = of.workflows.iter().find(|one| one.file == named || one.id.to_string() == named);
    let workflow = known.ok_or_else(Refusal::not_found)?.clone();
    let branch = asked.needed("ref")?;
    let short = branch.strip_prefix("refs/heads/").unwrap_or(&branch).to_owned();
    if !of.branches.contains_key(&short) {
        return Err(Refusal::unprocessable(format!("No ref found for: {branch}")));
    }
    let inputs = asked.body["inputs"].as_object().cloned().unwrap_or_default();
    if inputs.len() > MOST_INPUTS {
        return Err(Refusal::unprocessable(format!("you may only define up to {MOST_INPUTS} `inputs`")));
    }
    let unexpected: Vec<&String> = inputs.keys().filter(|name| !workflow.inputs.contains_key(*name)).collect();
    if !unexpected.is_empty() {
        return Err(Refusal::unprocessable(format!("Unexpected inputs provided: {}", json!(unexpected))));
    }
    if let Some((name, _)) = workflow.inputs.iter().find(|(name, needed)| **needed && !inputs.contains_key(*name)) {
        return Err(Refusal::unprocessable(format!("Required input '{name}' not provided")));
    }
    checks::dispatch(state, asked.scene(now), &workflow.file, &short, Value::Object(inputs));
    Ok(Answer::Nothing)
}
