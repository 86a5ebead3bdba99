//! The small families: `api.*`, `auth.*`, `users.*`, `reactions.*`.

use serde_json::{Value, json};

use super::super::message::Reaction;
use super::super::seed;
use super::super::state::State;
use super::{Answer, ApiError, Arguments, writable_channel};

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
