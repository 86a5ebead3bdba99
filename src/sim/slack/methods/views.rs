//! `views.*`: modals that are opened, and the Home of each person.
//!
//! From docs.slack.dev/reference/methods/views.open and …/views.publish.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::limits;
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

/// Takes the place of what the person's Home showed before, whatever that was where no `hash` is given.
pub(super) fn publish(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let user = arguments.required("user_id")?;
    let view = given(arguments)?;
    if view["type"] != "home" {
        let what = format!("[ERROR] unsupported type: {} [json-pointer:/view/type]", view["type"]);
        return Err(ApiError { code: "invalid_arguments".to_owned(), messages: vec![what] });
    }
    let unknown =
        || ApiError { code: "invalid_arguments".to_owned(), messages: vec!["[ERROR] invalid `user_id`".to_owned()] };
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
    OpenView { id, user, view, hash }
}
