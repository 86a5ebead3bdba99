//! `views.*`: modals that are opened and updated, and the Home of each person.
//!
//! From docs.slack.dev/reference/methods/views.open, …/views.update and …/views.publish.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::limits;
use super::super::modals;
use super::super::seed;
use super::super::state::{OpenView, State};
use super::{Answer, ApiError, Arguments};
use crate::domain::time::Timestamp;

/// How long a `trigger_id` opens a modal.
const TRIGGER_LIFE: Duration = Duration::from_secs(3);
/// Bytes of a view, as JSON: "greater than 250kb".
const VIEW_BYTES: usize = 250_000;

pub(super) fn open(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let trigger_id = arguments.required("trigger_id")?;
    let view = given(arguments)?;
    let trigger = state.triggers.get_mut(&trigger_id).ok_or_else(|| ApiError::new("invalid_trigger_id"))?;
    if trigger.used {
        return Err(ApiError::new("exchanged_trigger_id"));
    }
    if now.since(trigger.made_at) > TRIGGER_LIFE {
        return Err(ApiError::new("expired_trigger_id"));
    }
    trigger.used = true;
    let user = trigger.user.clone();
    let id = state.new_id("V");
    let open = completed(state, id, user, view, now);
    let shown = open.view.clone();
    state.views.push(open);
    Ok(json!({ "view": shown }))
}

/// Changes an open modal. What was filled in is kept where an input comes again with its `block_id` and `action_id`.
pub(super) fn update(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let given_text = |name: &str| arguments.text(name).filter(|text| !text.is_empty());
    let named_by = match (given_text("view_id"), given_text("external_id")) {
        (Some(id), None) => ("id", id),
        (None, Some(id)) => ("external_id", id),
        _ => {
            let what = "[ERROR] exactly one of `view_id` and `external_id` is required";
            return Err(ApiError::invalid(what));
        }
    };
    let view = given(arguments)?;
    let is_it = |open: &OpenView| open.view[named_by.0] == named_by.1.as_str();
    let at = state.views.iter().position(is_it).ok_or_else(|| ApiError::new("not_found"))?;
    let before = state.views[at].clone();
    if given_text("hash").is_some_and(|hash| hash != before.hash) {
        return Err(ApiError::new("hash_conflict"));
    }
    if view["type"] != before.view["type"] {
        let what = format!("[ERROR] unsupported type: {} [json-pointer:/view/type]", view["type"]);
        return Err(ApiError::invalid(what));
    }
    let is_taken = |open: &OpenView| open.id != before.id && open.view["external_id"] == view["external_id"];
    if view["external_id"].is_string() && state.views.iter().any(is_taken) {
        return Err(ApiError::new("duplicate_external_id"));
    }
    let mut open = completed(state, before.id.clone(), before.user.clone(), view, now);
    open.typed = modals::kept(&before, &open.view);
    let shown = open.view.clone();
    state.views[at] = open;
    Ok(json!({ "view": shown }))
}

/// Takes the place of what the person's Home showed before, whatever that was where no `hash` is given.
pub(super) fn publish(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let user = arguments.required("user_id")?;
    let view = given(arguments)?;
    if view["type"] != "home" {
        let what = format!("[ERROR] unsupported type: {} [json-pointer:/view/type]", view["type"]);
        return Err(ApiError { messages: vec![what], ..ApiError::new("invalid_arguments") });
    }
    let unknown =
        || ApiError { messages: vec!["[ERROR] invalid `user_id`".to_owned()], ..ApiError::new("invalid_arguments") };
    let user = state.user(&user).ok_or_else(unknown)?;
    if !state.home_tab {
        return Err(ApiError::new("not_enabled"));
    }
    let before = state.home(&user.id).cloned();
    let hash = arguments.text("hash").filter(|hash| !hash.is_empty());
    if hash.is_some_and(|hash| before.as_ref().is_none_or(|before| before.hash != hash)) {
        return Err(ApiError::new("hash_conflict"));
    }
    let id = before.map_or_else(|| state.new_id("V"), |before| before.id);
    let home = completed(state, id, user.id, view, now);
    let shown = home.view.clone();
    state.homes.push(home);
    Ok(json!({ "view": shown }))
}

/// The view of a call, within its limits.
fn given(arguments: &Arguments) -> Result<Value, ApiError> {
    let view = arguments.structure("view", "invalid_arguments")?.ok_or_else(|| ApiError::missing("view"))?;
    if view.to_string().len() > VIEW_BYTES {
        return Err(ApiError::new("view_too_large"));
    }
    limits::check_view(&view)?;
    Ok(view)
}

/// A view as Slack keeps it, with what the application left out.
fn completed(state: &mut State, id: String, user: String, mut view: Value, now: Timestamp) -> OpenView {
    let hash = format!("{}.hash", state.new_ts(now));
    for block in view["blocks"].as_array_mut().into_iter().flatten() {
        state.complete_block(block);
    }
    for (name, value) in [
        ("id", json!(id)),
        ("hash", json!(hash)),
        ("team_id", json!(state.team.id)),
        ("app_id", json!(seed::APP)),
        ("app_installed_team_id", json!(state.team.id)),
        ("bot_id", json!(seed::BOT)),
        ("root_view_id", json!(id)),
        ("previous_view_id", Value::Null),
        ("state", json!({ "values": {} })),
    ] {
        view[name] = value;
    }
    OpenView { id, user, view, typed: json!({}), hash }
}
