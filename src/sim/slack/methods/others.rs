//! The small families: `api.*`, `auth.*`, `users.*`, `views.*`, `reactions.*`.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::limits;
use super::super::message::Reaction;
use super::super::seed;
use super::super::state::{OpenView, State};
use super::{Answer, ApiError, Arguments, writable_channel};
use crate::domain::time::Timestamp;

/// How long a `trigger_id` opens a modal.
const TRIGGER_LIFE: Duration = Duration::from_secs(3);

pub(super) fn api_test(arguments: &Arguments) -> Answer {
    match arguments.text("error") {
        Some(error) => Err(ApiError::new(&error)),
        None => Ok(json!({ "args": arguments.0 })),
    }
}

pub(super) fn auth_test(state: &State) -> Value {
    let team = &state.team;
    let mut answer = json!({
        "url": format!("https://{}.slack.com/", team.domain), "team": team.name, "user": "ai-crm",
        "team_id": team.id, "user_id": seed::BOT_USER, "bot_id": seed::BOT, "is_enterprise_install": team.org_install,
    });
    if let Some((id, _)) = &team.enterprise {
        answer["enterprise_id"] = json!(id);
    }
    answer
}

pub(super) fn users_info(state: &mut State, arguments: &Arguments) -> Answer {
    let id = arguments.required("user")?;
    let user = state.user(&id).ok_or_else(|| ApiError::new("user_not_found"))?;
    let mut shown = user.to_api();
    if arguments.flag("include_locale") {
        shown["locale"] = json!("en-GB");
    }
    Ok(json!({ "user": shown }))
}

pub(super) fn views_open(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let trigger_id = arguments.required("trigger_id")?;
    let view = arguments.structure("view", "invalid_arguments")?.ok_or_else(|| ApiError::missing("view"))?;
    limits::check_view(&view)?;
    let trigger = state.triggers.get_mut(&trigger_id).ok_or_else(|| ApiError::new("invalid_trigger_id"))?;
    if trigger.used {
        return Err(ApiError::new("exchanged_trigger_id"));
    }
    if now.since(trigger.made_at) > TRIGGER_LIFE {
        return Err(ApiError::new("expired_trigger_id"));
    }
    trigger.used = true;
    let user = trigger.user.clone();
    let (id, hash) = (state.new_id("V"), format!("{}.hash", now.0));
    let mut shown = view.clone();
    for block in shown["blocks"].as_array_mut().into_iter().flatten() {
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
        shown[name] = value;
    }
    state.views.push(OpenView { id, user, view: shown.clone(), hash });
    Ok(json!({ "view": shown }))
}

pub(super) fn reactions_add(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = writable_channel(state, arguments)?;
    let name = arguments.required("name").map_err(|_| ApiError::new("invalid_name"))?;
    if name.contains([':', ' ']) {
        return Err(ApiError::new("invalid_name"));
    }
    let ts = arguments.required("timestamp").map_err(|_| ApiError::new("no_item_specified"))?;
    let message = state.message_mut(&channel.id, &ts).ok_or_else(|| ApiError::new("message_not_found"))?;
    let bot = seed::BOT_USER.to_owned();
    match message.reactions.iter_mut().find(|reaction| reaction.name == name) {
        Some(reaction) if reaction.users.contains(&bot) => return Err(ApiError::new("already_reacted")),
        Some(reaction) => reaction.users.push(bot),
        None => message.reactions.push(Reaction { name, users: vec![bot] }),
    }
    Ok(json!({}))
}
