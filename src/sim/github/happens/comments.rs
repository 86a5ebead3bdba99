//! What happens to comments, below an issue and on a line of a pull request, and the reactions to all of them. GitHub tells
//! of no reaction.

use serde_json::{Value, json};

use super::super::issue::{Comment, Line, Reaction};
use super::super::shape;
use super::super::state::State;
use super::{Scene, tell};

/// What a reaction is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Subject {
    /// An issue or a pull request, by number.
    Issue(u64),
    /// A comment, by id.
    Comment(u64),
}

/// Writes a comment; gives its id.
pub(in super::super) fn comment(state: &mut State, scene: Scene, issue: u64, body: &str, line: Option<Line>) -> u64 {
    let id = state.new_id();
    let comment = Comment {
        id,
        issue,
        user: scene.actor,
        body: body.to_owned(),
        line,
        reactions: Vec::new(),
        created_at: scene.now,
        updated_at: scene.now,
        via_app: scene.via_app(),
    };
    if let Some(repository) = state.repositories.get_mut(&scene.repository) {
        repository.comments.insert(id, comment);
        if let Some(issue) = repository.issues.get_mut(&issue) {
            issue.updated_at = scene.now;
        }
    }
    tell_comment(state, scene, id, "created", json!({}));
    id
}

/// Changes a comment; whether it is another then.
pub(in super::super) fn edit(state: &mut State, scene: Scene, id: u64, body: &str) -> bool {
    let comment = state.repositories.get_mut(&scene.repository).and_then(|of| of.comments.get_mut(&id));
    let Some(comment) = comment.filter(|comment| comment.body != body) else { return false };
    let before = std::mem::replace(&mut comment.body, body.to_owned());
    comment.updated_at = scene.now;
    tell_comment(state, scene, id, "edited", json!({ "changes": { "body": { "from": before } } }));
    true
}

/// Deletes a comment.
pub(in super::super) fn delete(state: &mut State, scene: Scene, id: u64) {
    let before = shown(state, scene, id);
    if let Some(repository) = state.repositories.get_mut(&scene.repository) {
        repository.comments.remove(&id);
    }
    if let Some((event, fields)) = before {
        tell(state, scene, event, Some("deleted"), fields);
    }
}

/// The event that tells of a comment, with the comment and what it is below.
fn shown(state: &State, scene: Scene, id: u64) -> Option<(&'static str, Value)> {
    let repository = state.repositories.get(&scene.repository)?;
    let comment = repository.comments.get(&id)?;
    let issue = repository.issues.get(&comment.issue)?;
    let body = shape::comment(state, repository, comment);
    Some(match (&comment.line, &issue.pull) {
        (Some(_), Some(pull)) => {
            let pull = shape::pull(state, repository, issue, pull);
            ("pull_request_review_comment", json!({ "comment": body, "pull_request": pull }))
        }
        _ => ("issue_comment", json!({ "comment": body, "issue": shape::issue(state, repository, issue) })),
    })
}

fn tell_comment(state: &mut State, scene: Scene, id: u64, action: &str, more: Value) {
    let Some((event, mut fields)) = shown(state, scene, id) else { return };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    tell(state, scene, event, Some(action), fields);
}

/// The reactions to something.
pub(in super::super) fn reactions(state: &mut State, repository: u64, subject: Subject) -> Option<&mut Vec<Reaction>> {
    let repository = state.repositories.get_mut(&repository)?;
    match subject {
        Subject::Issue(number) => repository.issues.get_mut(&number).map(|issue| &mut issue.reactions),
        Subject::Comment(id) => repository.comments.get_mut(&id).map(|comment| &mut comment.reactions),
    }
}

/// Reacts; one that is there already stays. Gives the reaction, and whether it is new.
pub(in super::super) fn react(
    state: &mut State,
    scene: Scene,
    subject: Subject,
    content: &str,
) -> Option<(Reaction, bool)> {
    let id = state.new_id();
    let reactions = reactions(state, scene.repository, subject)?;
    if let Some(known) = reactions.iter().find(|known| known.user == scene.actor && known.content == content) {
        return Some((known.clone(), false));
    }
    let made = Reaction { id, user: scene.actor, content: content.to_owned(), created_at: scene.now };
    reactions.push(made.clone());
    Some((made, true))
}
