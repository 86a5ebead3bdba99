//! Issues, their labels, assignees and milestones.
//!
//! docs.github.com/rest/issues.

use axum::routing::MethodFilter;
use serde_json::Value;

use super::super::app::Level;
use super::super::asked::Asked;
use super::super::happens::issues::{self, Draft};
use super::super::issue::Issue;
use super::super::refusal::Refusal;
use super::super::repository::Repository;
use super::super::shape;
use super::super::state::State;
use super::{Answer, Call, Done, collaborators, issue, repository};
use crate::domain::time::Timestamp;

/// Longest title, in characters.
const LONGEST_TITLE: usize = 256;
/// Longest name of a label, in characters.
const LONGEST_LABEL: usize = 50;

const READS: &[(&str, Level)] = &[("issues", Level::Read), ("pull_requests", Level::Read)];
const WRITES: &[(&str, Level)] = &[("issues", Level::Write), ("pull_requests", Level::Write)];
const WRITES_ISSUES: &[(&str, Level)] = &[("issues", Level::Write)];

const ALL: &str = "/repos/{owner}/{repo}/issues";
const ONE: &str = "/repos/{owner}/{repo}/issues/{number}";
const LABELS: &str = "/repos/{owner}/{repo}/issues/{number}/labels";
const ASSIGNEES: &str = "/repos/{owner}/{repo}/issues/{number}/assignees";
const ISSUES: &str = "rest/issues/issues";
const OF_LABELS: &str = "rest/issues/labels";
const OF_ASSIGNEES: &str = "rest/issues/assignees";

pub(super) const CALLS: &[Call] = &[
    Call::get(ALL, "issues/list-for-repo", ISSUES).by(READS, list),
    Call::create(ALL, "issues/create", "rest/issues/issues#create-an-issue").by(WRITES_ISSUES, create),
    Call::get(ONE, "issues/get", "rest/issues/issues#get-an-issue").by(READS, |state, asked, _| shown(state, asked)),
    Call::change(MethodFilter::PATCH, ONE, "issues/update", "rest/issues/issues#update-an-issue").by(WRITES, update),
    Call::get(LABELS, "issues/list-labels-on-issue", OF_LABELS).by(READS, |state, asked, _| labels(state, asked)),
    Call::change(MethodFilter::POST, LABELS, "issues/add-labels", OF_LABELS).by(WRITES, |state, asked, now| {
        let (number, names) = (asked_issue(state, asked)?, names_of_labels(asked)?.unwrap_or_default());
        issues::label(state, asked.scene(now), number, &names);
        labels(state, asked)
    }),
    Call::change(MethodFilter::PUT, LABELS, "issues/set-labels", OF_LABELS).by(WRITES, |state, asked, now| {
        let (number, names) = (asked_issue(state, asked)?, names_of_labels(asked)?.unwrap_or_default());
        issues::set_labels(state, asked.scene(now), number, &names);
        labels(state, asked)
    }),
    Call::change(MethodFilter::DELETE, LABELS, "issues/remove-all-labels", OF_LABELS).by(
        WRITES,
        |state, asked, now| {
            issues::set_labels(state, asked.scene(now), asked_issue(state, asked)?, &[]);
            Ok(Answer::Nothing)
        },
    ),
    Call::change(
        MethodFilter::DELETE,
        "/repos/{owner}/{repo}/issues/{number}/labels/{name}",
        "issues/remove-label",
        OF_LABELS,
    )
    .by(WRITES, |state, asked, now| {
        let number = asked_issue(state, asked)?;
        match issues::unlabel(state, asked.scene(now), number, asked.named("name")) {
            true => labels(state, asked),
            false => Err(Refusal::new(404, "not_found", "Label does not exist")),
        }
    }),
    Call::change(MethodFilter::POST, ASSIGNEES, "issues/add-assignees", OF_ASSIGNEES).by(
        WRITES,
        |state, asked, now| {
            let (number, people) = assignees(state, asked)?;
            issues::assign(state, asked.scene(now), number, &people);
            with_status(201, shown(state, asked))
        },
    ),
    Call::change(MethodFilter::DELETE, ASSIGNEES, "issues/remove-assignees", OF_ASSIGNEES).by(
        WRITES,
        |state, asked, now| {
            let (number, people) = assignees(state, asked)?;
            issues::unassign(state, asked.scene(now), number, &people);
            shown(state, asked)
        },
    ),
    Call::get("/repos/{owner}/{repo}/milestones", "issues/list-milestones", "rest/issues/milestones")
        .by(READS, milestones),
    Call::get("/repos/{owner}/{repo}/labels", "issues/list-labels-for-repo", OF_LABELS).by(READS, |state, asked, _| {
        let of = repository(state, asked)?;
        Ok(Answer::List(of.labels.iter().map(|label| shape::label(state, of, label)).collect()))
    }),
];

fn with_status(status: u16, done: Done) -> Done {
    Ok(match done? {
        Answer::Of(_, body) => Answer::Of(status, body),
        other => other,
    })
}

/// The number of the issue of the path, which is there.
fn asked_issue(state: &State, asked: &Asked) -> Result<u64, Refusal> {
    issue(state, asked).map(|(_, issue)| issue.number)
}

fn shown(state: &State, asked: &Asked) -> Done {
    let (of, issue) = issue(state, asked)?;
    Ok(Answer::Of(200, shape::issue(state, of, issue)))
}

fn labels(state: &State, asked: &Asked) -> Done {
    let (of, issue) = issue(state, asked)?;
    let labels = issue.labels.iter().filter_map(|name| of.label(name));
    Ok(Answer::List(labels.map(|label| shape::label(state, of, label)).collect()))
}

fn names_of_labels(asked: &Asked) -> Result<Option<Vec<String>>, Refusal> {
    let names = asked.texts("labels")?;
    let fits = |name: &String| (1..=LONGEST_LABEL).contains(&name.trim().chars().count());
    match names {
        Some(names) if !names.iter().all(fits) => Err(Refusal::invalid("Label", "name", "invalid")),
        names => Ok(names),
    }
}

/// The issue, and who of those that are named can be assigned: others are dropped without a word.
fn assignees(state: &State, asked: &Asked) -> Result<(u64, Vec<u64>), Refusal> {
    let (of, issue) = issue(state, asked)?;
    Ok((issue.number, collaborators(state, of, &asked.texts("assignees")?.unwrap_or_default())))
}

/// A title as GitHub takes it.
fn title(title: String) -> Result<String, Refusal> {
    if title.trim().is_empty() {
        return Err(Refusal::invalid("Issue", "title", "missing_field"));
    }
    if title.chars().count() > LONGEST_TITLE {
        let message = format!("title is too long (maximum is {LONGEST_TITLE} characters)");
        return Err(Refusal::custom("Issue", "title", &message));
    }
    Ok(title)
}

/// The milestone that is asked for: nothing said, none, or the number of one.
fn milestone(of: &Repository, asked: &Asked) -> Result<Option<Option<u64>>, Refusal> {
    match asked.body.get("milestone") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => {
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let known = number.filter(|number| of.milestones.iter().any(|milestone| milestone.number == *number));
            known.map(|number| Some(Some(number))).ok_or_else(|| Refusal::invalid("Issue", "milestone", "invalid"))
        }
    }
}

fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let of = repository(state, asked)?;
    if !of.has_issues {
        return Err(Refusal::new(410, "gone", "Issues are disabled for this repo"));
    }
    let draft = Draft {
        title: title(asked.needed("title")?)?,
        body: asked.markdown("Issue")?,
        labels: names_of_labels(asked)?.unwrap_or_default(),
        assignees: collaborators(state, of, &asked.texts("assignees")?.unwrap_or_default()),
        milestone: milestone(of, asked)?.flatten(),
        pull: None,
    };
    let number = issues::open(state, asked.scene(now), draft);
    let of = repository(state, asked)?;
    let issue = of.issues.get(&number).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Of(201, shape::issue(state, of, issue)))
}

fn update(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let (of, known) = issue(state, asked)?;
    let number = known.number;
    let new_title = asked.text("title")?.map(title).transpose()?;
    let body = asked.markdown("Issue")?.map(Some);
    // A body of null is none; what is not said stays.
    let body = body.or_else(|| (asked.body.get("body") == Some(&Value::Null)).then_some(None));
    let to = asked.word("Issue", "state", &["open", "closed"])?;
    let reason = asked.word("Issue", "state_reason", &["completed", "not_planned", "duplicate", "reopened"])?;
    let (labels, milestone) = (names_of_labels(asked)?, milestone(of, asked)?);
    let people = asked.texts("assignees")?.map(|logins| collaborators(state, of, &logins));
    let assigned = known.assignees.clone();
    let scene = asked.scene(now);
    issues::edit(state, scene, number, new_title, body);
    if let Some(labels) = labels {
        issues::set_labels(state, scene, number, &labels);
    }
    if let Some(people) = people {
        let gone: Vec<u64> = assigned.into_iter().filter(|known| !people.contains(known)).collect();
        issues::unassign(state, scene, number, &gone);
        issues::assign(state, scene, number, &people);
    }
    if let Some(milestone) = milestone {
        issues::set_milestone(state, scene, number, milestone);
    }
    match to.as_deref() {
        Some("closed") => issues::close(state, scene, number, reason.as_deref().unwrap_or("completed")),
        Some(_) => issues::reopen(state, scene, number),
        None => {}
    }
    shown(state, asked)
}

/// Newest first, or as it is asked for; pull requests among them, as GitHub has it.
fn list(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let of = repository(state, asked)?;
    let wanted = asked.option("state").unwrap_or("open");
    let labels: Vec<&str> = asked.option("labels").map(|labels| labels.split(',').collect()).unwrap_or_default();
    let fits = |issue: &&Issue| {
        let labelled = |name: &&str| issue.labels.iter().any(|label| label.eq_ignore_ascii_case(name.trim()));
        let is_in_state = wanted == "all" || (wanted == "open") == issue.open;
        let is_since = asked.option("since").is_none_or(|since| shape::time(issue.updated_at).as_str() >= since);
        let by = asked.option("creator");
        let is_by = by.is_none_or(|creator| shape::login(state, issue.user).eq_ignore_ascii_case(creator));
        is_in_state && is_since && is_by && labels.iter().all(labelled)
    };
    let mut found: Vec<&Issue> = of.issues.values().filter(fits).collect();
    match asked.option("sort") {
        Some("updated") => found.sort_by_key(|issue| (issue.updated_at, issue.number)),
        _ => found.sort_by_key(|issue| (issue.created_at, issue.number)),
    }
    if asked.option("direction") != Some("asc") {
        found.reverse();
    }
    Ok(Answer::List(found.into_iter().map(|issue| shape::issue(state, of, issue)).collect()))
}

fn milestones(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let of = repository(state, asked)?;
    let wanted = asked.option("state").unwrap_or("open");
    let fits = of.milestones.iter().filter(|one| wanted == "all" || (wanted == "open") == one.open);
    Ok(Answer::List(fits.map(|one| shape::milestone(state, of, one)).collect()))
}
