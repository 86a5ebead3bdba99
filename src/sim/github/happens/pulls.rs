//! What happens to pull requests alone: reviews, requests for them, new commits, a merge.

use serde_json::json;

use super::super::issue::{Issue, Line, Pull, Review};
use super::super::shape;
use super::super::state::State;
use super::{Scene, code, comments, tell, tell_of};

/// The part of an issue that is a pull request's.
fn pull_mut(state: &mut State, scene: Scene, number: u64) -> Option<&mut Pull> {
    let issue = state.issue_mut(scene.repository, number)?;
    issue.updated_at = scene.now;
    issue.pull.as_mut()
}

/// Submits a review, with a comment on a line where one is given.
pub(in super::super) fn review(
    state: &mut State,
    scene: Scene,
    number: u64,
    verdict: &str,
    body: Option<String>,
    at: Option<(String, u64, String)>,
) -> Option<u64> {
    let id = state.new_id();
    let pull = pull_mut(state, scene, number)?;
    let commit = pull.head_sha.clone();
    // Who has answered is asked no longer.
    pull.reviewers.retain(|reviewer| *reviewer != scene.actor);
    let review = Review {
        id,
        user: scene.actor,
        body,
        state: verdict.to_owned(),
        commit: commit.clone(),
        submitted_at: scene.now,
    };
    pull.reviews.push(review.clone());
    let shown = state.repositories.get(&scene.repository).and_then(|repository| {
        let issue = repository.issues.get(&number)?;
        let pull = issue.pull.as_ref()?;
        let whole = shape::pull(state, repository, issue, pull);
        Some(json!({ "review": shape::review(state, repository, number, &review), "pull_request": whole }))
    });
    tell(state, scene, "pull_request_review", Some("submitted"), shown?);
    if let Some((path, line, text)) = at {
        comments::comment(state, scene, number, &text, Some(Line { review: id, path, line, commit }));
    }
    Some(id)
}

/// Asks people and teams for a review.
pub(in super::super) fn request(state: &mut State, scene: Scene, number: u64, people: &[u64], teams: &[String]) {
    for &person in people {
        let Some(pull) = pull_mut(state, scene, number) else { return };
        if !pull.reviewers.contains(&person) {
            pull.reviewers.push(person);
            let asked = shape::account(state, person);
            tell_of(state, scene, number, "review_requested", json!({ "requested_reviewer": asked }));
        }
    }
    for team in teams {
        let Some(pull) = pull_mut(state, scene, number) else { return };
        if !pull.teams.contains(team) {
            pull.teams.push(team.clone());
            let asked = shape::team(state, team);
            tell_of(state, scene, number, "review_requested", json!({ "requested_team": asked }));
        }
    }
}

/// Asks people and teams no longer.
pub(in super::super) fn unrequest(state: &mut State, scene: Scene, number: u64, people: &[u64], teams: &[String]) {
    for &person in people {
        let Some(pull) = pull_mut(state, scene, number) else { return };
        let before = pull.reviewers.len();
        pull.reviewers.retain(|known| *known != person);
        if pull.reviewers.len() != before {
            let asked = shape::account(state, person);
            tell_of(state, scene, number, "review_request_removed", json!({ "requested_reviewer": asked }));
        }
    }
    if let Some(pull) = pull_mut(state, scene, number) {
        pull.teams.retain(|known| !teams.contains(known));
    }
}

/// The branch with the changes has another commit.
pub(in super::super) fn synchronize(state: &mut State, scene: Scene, branch: &str, before: &str, after: &str) {
    let Some(repository) = state.repositories.get_mut(&scene.repository) else { return };
    let mut moved = Vec::new();
    for (number, issue) in &mut repository.issues {
        let Issue { open: true, pull: Some(pull), updated_at, .. } = issue else { continue };
        if pull.head == branch {
            after.clone_into(&mut pull.head_sha);
            *updated_at = scene.now;
            moved.push(*number);
        }
    }
    for number in moved {
        tell_of(state, scene, number, "synchronize", json!({ "before": before, "after": after }));
    }
}

/// Merges it, which pushes what it changes to the branch that it is for, and closes it.
pub(in super::super) fn merge(state: &mut State, scene: Scene, number: u64) {
    let Some(issue) = state.issue_mut(scene.repository, number) else { return };
    let Issue { open: true, pull: Some(pull), .. } = issue else { return };
    (pull.merged_at, pull.merged_by) = (Some(scene.now), Some(scene.actor));
    issue.open = false;
    (issue.closed_at, issue.closed_by, issue.updated_at) = (Some(scene.now), Some(scene.actor), scene.now);
    let repository = state.repositories.get(&scene.repository);
    let pull = repository.and_then(|of| of.issues.get(&number)?.pull.as_ref().map(|pull| (of, pull)));
    let merged = pull.map(|(of, pull)| (pull.base.clone(), code::merged(of, pull)));
    if let Some((base, changed)) = merged.filter(|(_, changed)| !changed.is_empty()) {
        code::push(state, scene, &base, &format!("Merge pull request #{number}"), &changed);
    }
    tell_of(state, scene, number, "closed", json!({}));
}
