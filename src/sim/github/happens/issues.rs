//! What happens to issues, and to what pull requests share with them.

use serde_json::{Value, json};

use super::super::issue::{Issue, Pull};
use super::super::repository::{Label, Milestone};
use super::super::shape;
use super::super::state::State;
use super::{Scene, tell, tell_of};

/// The colour of a label that nobody chose one for.
const COLOR: &str = "ededed";

/// An issue that is to be opened.
#[derive(Debug, Default)]
pub(in super::super) struct Draft {
    pub(in super::super) title: String,
    pub(in super::super) body: Option<String>,
    pub(in super::super) labels: Vec<String>,
    pub(in super::super) assignees: Vec<u64>,
    pub(in super::super) milestone: Option<u64>,
    pub(in super::super) pull: Option<Pull>,
}

/// Opens an issue or a pull request; gives its number.
pub(in super::super) fn open(state: &mut State, scene: Scene, draft: Draft) -> u64 {
    let labels: Vec<String> = draft.labels.iter().map(|name| known_label(state, scene, name)).collect();
    let id = state.new_id();
    let Some(repository) = state.repositories.get_mut(&scene.repository) else { return 0 };
    let last = repository.issues.keys().chain(&repository.deleted).max();
    let number = last.map_or(1, |last| last + 1);
    let issue = Issue {
        id,
        number,
        title: draft.title,
        body: draft.body,
        user: scene.actor,
        open: true,
        state_reason: None,
        labels: Vec::new(),
        assignees: draft.assignees,
        milestone: draft.milestone,
        locked: false,
        reactions: Vec::new(),
        created_at: scene.now,
        updated_at: scene.now,
        closed_at: None,
        closed_by: None,
        via_app: scene.via_app(),
        pull: draft.pull,
    };
    let assignees = issue.assignees.clone();
    repository.issues.insert(number, Issue { labels: labels.clone(), ..issue });
    tell_of(state, scene, number, "opened", json!({}));
    // What it was opened with comes once more, each by itself, as GitHub has it.
    for label in &labels {
        tell_labelled(state, scene, number, "labeled", label);
    }
    for assignee in assignees {
        tell_assigned(state, scene, number, "assigned", assignee);
    }
    number
}

/// The name of a label as the repository writes it; one that nobody has made is made.
fn known_label(state: &mut State, scene: Scene, name: &str) -> String {
    let id = state.new_id();
    let Some(repository) = state.repositories.get_mut(&scene.repository) else { return name.to_owned() };
    if let Some(label) = repository.label(name) {
        return label.name.clone();
    }
    let label = Label { id, name: name.to_owned(), color: COLOR.to_owned(), description: None };
    repository.labels.push(label.clone());
    let shown = state.repositories.get(&scene.repository).map(|of| shape::label(state, of, &label));
    tell(state, scene, "label", Some("created"), json!({ "label": shown }));
    label.name
}

fn tell_labelled(state: &mut State, scene: Scene, number: u64, action: &str, name: &str) {
    let label = state.repositories.get(&scene.repository).and_then(|of| {
        let label = of.label(name)?;
        Some(shape::label(state, of, label))
    });
    tell_of(state, scene, number, action, json!({ "label": label }));
}

fn tell_assigned(state: &mut State, scene: Scene, number: u64, action: &str, assignee: u64) {
    let assignee = shape::account(state, assignee);
    tell_of(state, scene, number, action, json!({ "assignee": assignee }));
}

/// Changes an issue; whether there is one that was changed.
fn change(state: &mut State, scene: Scene, number: u64, how: impl FnOnce(&mut Issue) -> bool) -> bool {
    let Some(issue) = state.issue_mut(scene.repository, number) else { return false };
    let changed = how(issue);
    if changed {
        issue.updated_at = scene.now;
    }
    changed
}

/// Puts labels on; those that are there already stay, and nothing is told of them.
pub(in super::super) fn label(state: &mut State, scene: Scene, number: u64, names: &[String]) {
    for name in names {
        let name = known_label(state, scene, name);
        let put = |issue: &mut Issue| {
            let is_new = !issue.labels.contains(&name);
            if is_new {
                issue.labels.push(name.clone());
            }
            is_new
        };
        if change(state, scene, number, put) {
            tell_labelled(state, scene, number, "labeled", &name);
        }
    }
}

/// Takes a label off; whether it was there.
pub(in super::super) fn unlabel(state: &mut State, scene: Scene, number: u64, name: &str) -> bool {
    let mut taken = None;
    let take = |issue: &mut Issue| {
        let at = issue.labels.iter().position(|label| label.eq_ignore_ascii_case(name));
        taken = at.map(|at| issue.labels.remove(at));
        taken.is_some()
    };
    change(state, scene, number, take);
    if let Some(name) = &taken {
        tell_labelled(state, scene, number, "unlabeled", name);
    }
    taken.is_some()
}

/// Has these labels and no others.
pub(in super::super) fn set_labels(state: &mut State, scene: Scene, number: u64, names: &[String]) {
    let before = state.issue(scene.repository, number).map(|issue| issue.labels.clone()).unwrap_or_default();
    for name in before.iter().filter(|name| !names.iter().any(|kept| kept.eq_ignore_ascii_case(name))) {
        unlabel(state, scene, number, name);
    }
    label(state, scene, number, names);
}

/// Assigns people.
pub(in super::super) fn assign(state: &mut State, scene: Scene, number: u64, who: &[u64]) {
    for &assignee in who {
        let put = |issue: &mut Issue| {
            let is_new = !issue.assignees.contains(&assignee);
            if is_new {
                issue.assignees.push(assignee);
            }
            is_new
        };
        if change(state, scene, number, put) {
            tell_assigned(state, scene, number, "assigned", assignee);
        }
    }
}

/// Takes people off.
pub(in super::super) fn unassign(state: &mut State, scene: Scene, number: u64, who: &[u64]) {
    for &assignee in who {
        let take = |issue: &mut Issue| {
            let before = issue.assignees.len();
            issue.assignees.retain(|known| *known != assignee);
            issue.assignees.len() != before
        };
        if change(state, scene, number, take) {
            tell_assigned(state, scene, number, "unassigned", assignee);
        }
    }
}

/// Closes it; of a pull request there is no reason.
pub(in super::super) fn close(state: &mut State, scene: Scene, number: u64, reason: &str) {
    let close = |issue: &mut Issue| {
        let was_open = issue.open;
        issue.open = false;
        issue.state_reason = issue.pull.is_none().then(|| reason.to_owned());
        if was_open {
            (issue.closed_at, issue.closed_by) = (Some(scene.now), Some(scene.actor));
        }
        was_open
    };
    if change(state, scene, number, close) {
        tell_of(state, scene, number, "closed", json!({}));
    }
}

/// Opens it again.
pub(in super::super) fn reopen(state: &mut State, scene: Scene, number: u64) {
    let reopen = |issue: &mut Issue| {
        let was_closed = !issue.open;
        if was_closed {
            issue.open = true;
            issue.state_reason = issue.pull.is_none().then(|| "reopened".to_owned());
            (issue.closed_at, issue.closed_by) = (None, None);
        }
        was_closed
    };
    if change(state, scene, number, reopen) {
        tell_of(state, scene, number, "reopened", json!({}));
    }
}

/// Changes title or text.
pub(in super::super) fn edit(
    state: &mut State,
    scene: Scene,
    number: u64,
    title: Option<String>,
    body: Option<Option<String>>,
) {
    let mut changes = json!({});
    let edit = |issue: &mut Issue| {
        if let Some(title) = title.filter(|title| *title != issue.title) {
            changes["title"] = json!({ "from": std::mem::replace(&mut issue.title, title) });
        }
        if let Some(body) = body.filter(|body| *body != issue.body) {
            changes["body"] = json!({ "from": std::mem::replace(&mut issue.body, body) });
        }
        changes != json!({})
    };
    if change(state, scene, number, edit) {
        tell_of(state, scene, number, "edited", json!({ "changes": changes }));
    }
}

/// Puts it into a milestone, or into none.
pub(in super::super) fn set_milestone(state: &mut State, scene: Scene, number: u64, milestone: Option<u64>) {
    let Some(before) = state.issue(scene.repository, number).map(|issue| issue.milestone) else { return };
    if before == milestone {
        return;
    }
    change(state, scene, number, |issue| {
        issue.milestone = milestone;
        true
    });
    let shown = |state: &State, number: u64| -> Option<Value> {
        let repository = state.repositories.get(&scene.repository)?;
        let milestone = repository.milestones.iter().find(|milestone| milestone.number == number)?;
        Some(shape::milestone(state, repository, milestone))
    };
    for (action, number_of_it) in [("demilestoned", before), ("milestoned", milestone)] {
        if let Some(shown) = number_of_it.and_then(|number| shown(state, number)) {
            tell_of(state, scene, number, action, json!({ "milestone": shown }));
        }
    }
}

/// Makes a milestone; gives its number.
pub(in super::super) fn make_milestone(state: &mut State, scene: Scene, title: &str) -> u64 {
    let id = state.new_id();
    let Some(repository) = state.repositories.get_mut(&scene.repository) else { return 0 };
    let number = repository.milestones.iter().map(|milestone| milestone.number).max().map_or(1, |last| last + 1);
    let made = Milestone { id, number, title: title.to_owned(), open: true, created_at: scene.now };
    repository.milestones.push(made.clone());
    let shown = state.repositories.get(&scene.repository).map(|of| shape::milestone(state, of, &made));
    tell(state, scene, "milestone", Some("created"), json!({ "milestone": shown }));
    number
}

/// Lets only those comment who may write.
pub(in super::super) fn lock(state: &mut State, scene: Scene, number: u64, locked: bool) {
    let lock = |issue: &mut Issue| std::mem::replace(&mut issue.locked, locked) != locked;
    if change(state, scene, number, lock) {
        tell_of(state, scene, number, if locked { "locked" } else { "unlocked" }, json!({}));
    }
}

/// Deletes an issue with all its comments.
pub(in super::super) fn delete(state: &mut State, scene: Scene, number: u64) {
    tell_of(state, scene, number, "deleted", json!({}));
    if let Some(repository) = state.repositories.get_mut(&scene.repository)
        && repository.issues.remove(&number).is_some()
    {
        repository.deleted.push(number);
        repository.comments.retain(|_, comment| comment.issue != number);
    }
}
