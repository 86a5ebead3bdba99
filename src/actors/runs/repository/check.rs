//! The check of a pull request that touches the file of its repository: which rules it has, or each mistake at its place.
//!
//! Asks which files the pull request changes, then for the file in its head commit, then for a check run on that. Pull
//! requests that do not touch the file get none.

use serde_json::{Value, json};

use super::super::begin::CHANGED_FILES;
use super::super::moved::reason;
use super::REPOSITORY;
use super::look::{self, Answer};
use crate::domain::effect::{EffectEnd, Report, Terms};
use crate::domain::event::Event;
use crate::domain::outcome::{Call, Outcome};
use crate::store::keyspace::{event, repository as rows};
use crate::store::{StoreError, View};
use crate::workflow::definition::Workflow;
use crate::workflow::mistake::Mistake;
use crate::workflow::repository_file::{self, PATH};
use crate::workflow::trigger::Begins;

/// The operation that makes a check run.
const CHECK_RUN: &str = "github.check_run";
/// What the check is called on the page of a pull request.
const NAME: &str = "ai-crm.yml";

fn reports(repository: u64, what: &str, event: &Event) -> String {
    format!("{REPOSITORY}/{repository}/{what}/{}", event.id)
}

/// Asks which files a pull request changes.
pub(super) fn files(repository: u64, event: &Event) -> Option<Call> {
    let to = event.what.reply.clone().filter(|to| to.thread.is_some())?;
    let reports = reports(repository, "files", event);
    Some(look::call(to, CHANGED_FILES, json!({}), reports.clone(), reports))
}

/// The event of a pull request and its head commit.
struct Shown {
    event: Event,
    sha: String,
}

/// Nothing where the event is not kept any more.
fn shown(id: &str, view: &View) -> Result<Option<Shown>, StoreError> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let Some(event) = event::read(view, id)? else { return Ok(None) };
    let payload: Value = serde_json::from_slice(&event.what.raw).unwrap_or(Value::Null);
    let sha = payload.pointer("/pull_request/head/sha").and_then(Value::as_str).map(str::to_owned);
    Ok(sha.map(|sha| Shown { event, sha }))
}

/// Whether the files of a report have the file among them; why that is not known, where it is not. Of very many files GitHub
/// names the first by their names, to which this one belongs.
fn touches(payload: &Value) -> Result<bool, String> {
    let report: Report = serde_json::from_value(payload.clone()).map_err(|error| error.to_string())?;
    let EffectEnd::Called { output, .. } = &report.end else { return Err(reason(&report.end)) };
    let mut files = output.get("files").and_then(Value::as_array).into_iter().flatten();
    Ok(files.any(|file| file == PATH))
}

/// The files that a pull request changes are known: where the file is one of them, it is fetched as the pull request has it.
pub(super) fn files_known(
    repository: u64,
    of: &str,
    payload: &Value,
    view: &View,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    match touches(payload) {
        Ok(true) => {}
        Ok(false) => {
            outcome.summary = format!("the pull request does not touch {PATH}");
            return Ok(());
        }
        Err(why) => {
            outcome.summary = format!("it cannot be told whether the pull request touches {PATH}: {why}");
            return Ok(());
        }
    }
    outcome.summary = format!("the pull request touches {PATH}");
    let Some(Shown { event, sha }) = shown(of, view)? else { return Ok(()) };
    let Some(to) = event.what.reply.clone() else { return Ok(()) };
    outcome.calls.push(look::at_commit(to, &sha, reports(repository, "head", &event)));
    Ok(())
}

/// The file of a pull request is there: the check run says what it is worth.
pub(super) fn file_known(
    repository: u64,
    of: &str,
    payload: &Value,
    view: &View,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let Some(Shown { event, sha }) = shown(of, view)? else { return Ok(()) };
    let Some(to) = event.what.reply.clone() else { return Ok(()) };
    let has_good = rows::read(view, repository)?.is_some_and(|it| it.value.good.is_some());
    let judged = judge(&Answer::of(payload), has_good);
    outcome.summary = format!("{PATH} of the pull request: {}", judged.title);
    let conclusion = if judged.is_well { "success" } else { "failure" };
    // One commit has one verdict, however often its pull request is opened again: an earlier one is looked for.
    let key = format!("{REPOSITORY}/{repository}/check/{sha}/{conclusion}");
    let terms =
        Terms { key, again: true, once: false, within_ms: None, reports: reports(repository, "checked", &event) };
    let args = json!({
        "name": NAME, "head_sha": sha, "status": "completed", "conclusion": conclusion, "title": judged.title,
        "summary": judged.summary, "annotations": judged.annotations,
    });
    outcome.calls.push(Call { to, operation: CHECK_RUN.to_owned(), args, terms: Some(terms) });
    Ok(())
}

/// How the check run has ended, for the story.
pub(super) fn checked(payload: &Value, outcome: &mut Outcome) {
    let report: Option<Report> = serde_json::from_value(payload.clone()).ok();
    outcome.summary = match report.map(|report| report.end) {
        Some(EffectEnd::Called { .. } | EffectEnd::FoundDone { .. }) => "the check run is there".to_owned(),
        Some(end) => format!("there is no check run: {}", reason(&end)),
        None => "how the check run has ended cannot be read".to_owned(),
    };
}

/// What a check run says.
#[derive(Debug)]
struct Judged {
    is_well: bool,
    title: String,
    summary: String,
    annotations: Vec<Value>,
}

/// Judges the file of a pull request.
fn judge(answer: &Answer, has_good: bool) -> Judged {
    let well = |title: String, summary: String| Judged { is_well: true, title, summary, annotations: Vec::new() };
    let stays = match has_good {
        true => "A file that is not valid never becomes live: the last good one stays in use.",
        false => "A file that is not valid never becomes live: until it is mended, nothing begins by it.",
    };
    match answer {
        Answer::Missing => well(
            "the file is removed".to_owned(),
            "Merged to the default branch, this ends the rules of this repository.".to_owned(),
        ),
        Answer::Unread(why) => Judged {
            is_well: false,
            title: "the file cannot be read".to_owned(),
            summary: format!("{why}. {stays}"),
            annotations: Vec::new(),
        },
        Answer::Text { text, .. } => match repository_file::read(text) {
            Ok(workflows) => well(counted(workflows.len(), "rule"), rules(&workflows)),
            Err(mistakes) => Judged {
                is_well: false,
                title: counted(mistakes.len(), "mistake"),
                summary: format!("Each stands at its line. {stays}"),
                annotations: mistakes.iter().map(annotation).collect(),
            },
        },
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The rules of a file as a list.
fn rules(workflows: &[Workflow]) -> String {
    let begins = |workflow: &Workflow| {
        let names = workflow.triggers.iter().filter_map(|trigger| match &trigger.begins {
            Begins::Event(name) => Some(format!("`{}`", name.event)),
            _ => None,
        });
        let names: Vec<String> = names.collect();
        let off = if workflow.enabled { "" } else { ", which is off" };
        format!("- line {}: a task by {}{off}", workflow.at.line, names.join(" and "))
    };
    let lines: Vec<String> = workflows.iter().map(begins).collect();
    format!("Once this is on the default branch, these rules are in use:\n\n{}", lines.join("\n"))
}

fn annotation(Mistake { at, what }: &Mistake) -> Value {
    json!({
        "path": PATH, "start_line": at.line, "end_line": at.line, "start_column": at.column, "end_column": at.column,
        "level": "failure", "message": what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Judged {
        judge(&Answer::Text { text: text.to_owned(), sha: "f00".to_owned() }, true)
    }

    #[test]
    fn a_good_file_is_told_by_its_rules() {
        let judged = judged(
            "auto_task_creation:\n  rules:\n    - trigger: issue_opened\n      task: {title_template: x}\n    - trigger: \
             pull_request_opened\n      task: {title_template: x}\n",
        );
        assert!(judged.is_well && judged.annotations.is_empty() && judged.title == "2 rules", "{judged:?}");
        let list = "- line 3: a task by `issues.opened`\n- line 5: a task by `pull_request.opened`";
        assert!(judged.summary.ends_with(list), "{}", judged.summary);
    }

    #[test]
    fn each_mistake_stands_at_its_place_and_the_last_good_file_stays() {
        let judged = judged("auto_task_creation:\n  rules:\n    - trigger: issue_openend\n      actions: []\n");
        assert!(!judged.is_well && judged.title == "1 mistake", "{judged:?}");
        assert!(judged.summary.contains("the last good one stays in use"));
        let [only] = &judged.annotations[..] else { panic!("{judged:?}") };
        assert_eq!((&only["path"], &only["start_line"], &only["start_column"]), (&json!(PATH), &json!(4), &json!(7)));
        assert!(only["message"].as_str().unwrap().contains("can create tasks alone"), "{only}");
    }

    #[test]
    fn a_file_that_is_gone_is_well_and_one_that_cannot_be_read_is_not() {
        assert!(judge(&Answer::Missing, true).is_well);
        let unread = judge(&Answer::Unread("path: it is no file but a folder".to_owned()), false);
        assert!(!unread.is_well && unread.summary.contains("nothing begins by it"), "{unread:?}");
    }
}
