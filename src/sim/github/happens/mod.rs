//! What happens in a repository, whoever does it: the change, and the webhooks that tell of it.
//!
//! People do it by [`super::people`], the App by [`super::calls`]; both check what may be done before. A further happening
//! is a function of the file of its noun. Payloads: docs.github.com/webhooks/webhook-events-and-payloads.

pub(super) mod checks;
pub(super) mod code;
pub(super) mod comments;
pub(super) mod installs;
pub(super) mod issues;
pub(super) mod pulls;

use serde_json::{Map, Value, json};

use super::super::delivery::Manner;
use super::hook::Outgoing;
use super::seed;
use super::shape;
use super::state::State;
use crate::domain::time::Timestamp;

/// Where and by whom something is done, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) repository: u64,
    pub(super) actor: u64,
    pub(super) now: Timestamp,
}

impl Scene {
    /// Whether the App does it.
    pub(super) fn via_app(self) -> bool {
        self.actor == seed::BOT
    }
}

/// Tells the App of what happened in a repository, where it is installed there and asks for such events.
pub(super) fn tell(state: &mut State, scene: Scene, event: &str, action: Option<&str>, fields: Value) {
    let Some(installation) = state.installation_of(scene.repository) else { return };
    let is_asked_for = installation.events.iter().any(|asked| asked == event);
    if installation.suspended_at.is_some() || !is_asked_for {
        return;
    }
    let (id, Some(repository)) = (installation.id, state.repositories.get(&scene.repository)) else { return };
    let mut payload = Map::new();
    if let Some(action) = action {
        payload.insert("action".to_owned(), json!(action));
    }
    if let Value::Object(fields) = fields {
        payload.extend(fields);
    }
    let around = json!({
        "repository": shape::repository(state, repository), "organization": shape::organisation(state, repository.owner),
        "sender": shape::account(state, scene.actor), "installation": shape::installation_brief(id),
    });
    if let Value::Object(around) = around {
        for (name, value) in around {
            payload.entry(name).or_insert(value);
        }
    }
    post(state, event, action, Some(id), Some(scene.repository), &Value::Object(payload));
}

/// Puts a payload on its way.
pub(super) fn post(
    state: &mut State,
    event: &str,
    action: Option<&str>,
    installation: Option<u64>,
    repository: Option<u64>,
    payload: &Value,
) {
    let outgoing = Outgoing {
        guid: state.new_guid(),
        event: event.to_owned(),
        action: action.map(ToOwned::to_owned),
        installation,
        repository,
        payload: payload.to_string().into(),
        redelivery: false,
        manner: Manner::Genuine,
    };
    state.send(outgoing);
}

/// Tells of an issue or a pull request: each has its own event for the same happening.
pub(super) fn tell_of(state: &mut State, scene: Scene, number: u64, action: &str, more: Value) {
    let Some(repository) = state.repositories.get(&scene.repository) else { return };
    let Some(issue) = repository.issues.get(&number) else { return };
    let (event, mut fields) = match &issue.pull {
        Some(pull) => {
            let shown = shape::pull(state, repository, issue, pull);
            ("pull_request", json!({ "number": number, "pull_request": shown }))
        }
        None => ("issues", json!({ "issue": shape::issue(state, repository, issue) })),
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    tell(state, scene, event, Some(action), fields);
}
