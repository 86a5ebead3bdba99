//! `github.check_run`: a check of a commit, with its annotations. Output: `{id, url}`.
//!
//! GitHub takes 50 annotations with a call, so many are several calls: the run is made with the first of them, and each
//! further call adds to it. The run has the key of the call as its `external_id`, and GitHub counts its annotations, so a
//! later try finds it, and goes on where the earlier one has stopped.
//! Calls: docs.github.com/rest/checks/runs.

use octocrab::models::workflows::Conclusion;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Scene;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::{part, refused, value};
use crate::channels::{DeliverError, Lookup};

/// Annotations of one call, GitHub's most.
const AT_ONCE: usize = 50;
/// Annotations of a run. Ours: twenty calls, and nobody reads more.
const MOST_ANNOTATIONS: usize = 1000;
/// Characters of a summary, GitHub's most.
const MOST_SUMMARY: usize = 65_535;
/// Runs of a page.
const PAGE: usize = 100;
/// Pages that are read: one commit has at most 1,000 runs of a name.
const MOST_PAGES: usize = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    name: String,
    head_sha: String,
    status: Status,
    #[serde(default)]
    conclusion: Option<Conclusion>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    details_url: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Queued,
    InProgress,
    Completed,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Annotation {
    path: String,
    start_line: u64,
    end_line: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_column: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_column: Option<u64>,
    #[serde(rename(serialize = "annotation_level"))]
    level: Level,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Notice,
    Warning,
    Failure,
}

/// A run as GitHub shows it.
#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    app: Option<App>,
    #[serde(default)]
    output: Option<Shown>,
}

#[derive(Deserialize)]
struct App {
    id: u64,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    annotations_count: usize,
}

impl Run {
    fn output(&self) -> Value {
        json!({ "id": self.id, "url": self.html_url })
    }

    fn annotations(&self) -> usize {
        self.output.as_ref().map_or(0, |shown| shown.annotations_count)
    }
}

impl Args {
    fn read(scene: &Scene<'_>) -> Result<Self, DeliverError> {
        let mut args: Self = scene.args()?;
        if args.name.trim().is_empty() {
            return Err(refused("name", "it is empty"));
        }
        if (args.status == Status::Completed) != args.conclusion.is_some() {
            return Err(refused("conclusion", "a run has one when its status is completed, and only then"));
        }
        if args.annotations.len() > MOST_ANNOTATIONS {
            return Err(refused("annotations", "there are more than 1000"));
        }
        for (index, annotation) in args.annotations.iter_mut().enumerate() {
            if annotation.start_line == 0 || annotation.end_line < annotation.start_line {
                return Err(refused(&format!("annotations[{index}].end_line"), "lines begin with 1 and end behind"));
            }
            // GitHub takes columns within one line alone.
            if annotation.start_line != annotation.end_line {
                (annotation.start_column, annotation.end_column) = (None, None);
            }
        }
        if let Some(summary) = args.summary.as_mut().filter(|summary| summary.chars().count() > MOST_SUMMARY) {
            *summary = summary.chars().take(MOST_SUMMARY - 1).chain(['…']).collect();
        }
        Ok(args)
    }

    /// The output of a call that brings the annotations from `from` on.
    fn output(&self, from: usize) -> Option<Value> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (title, summary) = (given(&self.title), given(&self.summary));
        if title.is_none() && summary.is_none() && self.annotations.is_empty() {
            return None;
        }
        // GitHub takes neither without the other.
        let title = title.unwrap_or_else(|| self.name.clone());
        let summary = summary.unwrap_or_else(|| title.clone());
        let annotations: Vec<&Annotation> = self.annotations.iter().skip(from).take(AT_ONCE).collect();
        Some(json!({ "title": title, "summary": summary, "annotations": annotations }))
    }

    /// The body of the call that makes the run.
    fn body(&self, key: &str) -> Value {
        let mut body = Map::new();
        let fields = [
            ("name", Some(json!(self.name))),
            ("head_sha", Some(json!(self.head_sha))),
            ("external_id", Some(json!(key))),
            ("status", Some(json!(self.status))),
            ("conclusion", self.conclusion.as_ref().map(|conclusion| json!(conclusion))),
            ("details_url", self.details_url.as_ref().map(|url| json!(url))),
            ("output", self.output(0)),
        ];
        body.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::Object(body)
    }
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let args = Args::read(scene)?;
    // Only a run of several calls can have been left unfinished by a try whose end is known.
    let begun = if args.annotations.len() > AT_ONCE { find(scene, &args).await? } else { None };
    let run = match begun {
        Some(run) => run,
        None => {
            let body = args.body(&scene.call.idempotency_key);
            let answer = scene.done(Ask::post(scene.repository.path("check-runs"), body)).await?;
            let unread = || DeliverError::UnknownOutcome { reason: "a run was made whose id is not known".to_owned() };
            let run: Run = answer.read().ok_or_else(unread)?;
            // GitHub may count them later; it has taken them.
            Run { output: Some(Shown { annotations_count: args.annotations.len().min(AT_ONCE) }), ..run }
        }
    };
    let mut from = run.annotations();
    while from < args.annotations.len() {
        let path = scene.repository.path(format_args!("check-runs/{}", run.id));
        scene.done(Ask::patch(path, json!({ "output": args.output(from) }))).await?;
        from += AT_ONCE;
    }
    Ok(run.output())
}

pub(super) async fn look_up(scene: &Scene<'_>) -> Result<Lookup<Value>, DeliverError> {
    let args = Args::read(scene)?;
    let found = find(scene, &args).await?;
    let whole = found.filter(|run| run.annotations() >= args.annotations.len());
    Ok(whole.map_or(Lookup::NotDone, |run| Lookup::Done(run.output())))
}

/// The run that an earlier try has made.
async fn find(scene: &Scene<'_>, args: &Args) -> Result<Option<Run>, DeliverError> {
    #[derive(Deserialize)]
    struct Runs {
        check_runs: Vec<Run>,
    }
    let app = scene.client.who_we_are().await?;
    let (sha, name) = (part("head_sha", &args.head_sha)?, value(&args.name));
    let key = &scene.call.idempotency_key;
    for page in 1..=MOST_PAGES {
        let query = format!("check_name={name}&filter=all&per_page={PAGE}&page={page}");
        let path = scene.repository.path(format_args!("commits/{sha}/check-runs?{query}"));
        let Runs { check_runs } = scene.read(path).await?;
        let is_last = check_runs.len() < PAGE;
        let is_it = |run: &Run| {
            run.external_id.as_ref() == Some(key) && run.app.as_ref().is_none_or(|made_by| made_by.id == app.id)
        };
        let run = check_runs.into_iter().find(is_it);
        if run.is_some() || is_last {
            return Ok(run);
        }
    }
    Ok(None)
}
