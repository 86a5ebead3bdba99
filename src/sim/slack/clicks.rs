//! What people do with the application's messages, modals and Home: open, click, choose, submit, edit.
//!
//! The other half of [`Sender`]; the bodies come from [`super::payload`].

use serde_json::{Value, json};

use super::delivery::Answer;
use super::hooks;
use super::payload::{self, Request};
use super::sender::{SendError, Sender, who_where};
use super::state::State;

/// A click, ready to be sent once or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedClick {
    /// The request.
    pub request: Request,
    /// The id of its response URL.
    pub response_url_id: String,
    /// Its trigger.
    pub trigger_id: String,
}

impl Sender {
    /// A click of `user` on the button `action_id` of a message, or the choice of the entry with the
    /// value `choice` from a menu of that name.
    ///
    /// # Errors
    /// When there is no such user, channel, message, button or entry, or the user does not see it.
    pub fn prepare_click(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        action_id: &str,
        choice: Option<&str>,
    ) -> Result<PreparedClick, SendError> {
        self.world.change(|state, now| {
            let (user, channel, team) = who_where(state, user, channel)?;
            let no_message = || SendError::NoMessage { channel: channel.id.clone(), ts: ts.to_owned() };
            let message = state.message(&channel.id, ts).cloned().ok_or_else(no_message)?;
            if message.ephemeral_to.as_ref().is_some_and(|only| *only != user.id) {
                return Err(SendError::NotVisible);
            }
            let mut action = clicked(&message.blocks, action_id, choice)?;
            action["action_ts"] = json!(state.new_ts(now));
            let (response_url_id, url) = hooks::give_out(state, &channel.id, &user.id, Some(&message), now);
            let trigger_id = state.new_trigger(&user.id, now);
            let request = payload::block_actions(&team, &channel, &user, &message, &action, (&url, &trigger_id));
            Ok(PreparedClick { request, response_url_id, trigger_id })
        })
    }

    /// Clicks and delivers.
    ///
    /// # Errors
    /// As [`Sender::prepare_click`].
    pub async fn click(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        action_id: &str,
        choice: Option<&str>,
    ) -> Result<(PreparedClick, Answer), SendError> {
        let prepared = self.prepare_click(user, channel, ts, action_id, choice)?;
        let answer = self.deliver(&prepared.request).await;
        Ok((prepared, answer))
    }

    /// Opens a tab of the application, `home` or `messages`, and makes the event that tells of it.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn open_tab(&self, user: &str, tab: &str) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let user = state.user(user).ok_or_else(|| SendError::NoUser(user.to_owned()))?;
            let (channel, ts) = (state.direct_channel(&user.id), state.new_ts(now));
            let event = payload::home_opened(&user, &channel, tab, state.home(&user.id), &ts);
            Ok(envelope(state, &event, now.as_seconds(), false))
        })
    }

    /// A click or a choice of a person in their Home.
    ///
    /// # Errors
    /// When there is no such user, button or entry, or nothing was published in the Home.
    pub fn prepare_click_at_home(
        &self,
        user: &str,
        action_id: &str,
        choice: Option<&str>,
    ) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let user = state.user(user).ok_or_else(|| SendError::NoUser(user.to_owned()))?;
            let home = state.home(&user.id).cloned().ok_or_else(|| SendError::NoHome(user.id.clone()))?;
            let blocks = home.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
            let mut action = clicked(blocks, action_id, choice)?;
            action["action_ts"] = json!(state.new_ts(now));
            let trigger_id = state.new_trigger(&user.id, now);
            Ok(payload::view_actions(&state.team, &user, &home, &action, &trigger_id))
        })
    }

    /// Chooses an entry of the menu of shortcuts.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn prepare_shortcut(&self, user: &str, callback_id: &str) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let user = state.user(user).ok_or_else(|| SendError::NoUser(user.to_owned()))?;
            in_menu(state, callback_id)?;
            let (at, trigger_id) = (state.new_ts(now), state.new_trigger(&user.id, now));
            Ok(payload::shortcut(&state.team, &user, callback_id, (&at, &trigger_id)))
        })
    }

    /// Chooses an entry of the menu of a message.
    ///
    /// # Errors
    /// When there is no such user, channel or message.
    pub fn prepare_message_action(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        callback_id: &str,
    ) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let (user, channel, team) = who_where(state, user, channel)?;
            let no_message = || SendError::NoMessage { channel: channel.id.clone(), ts: ts.to_owned() };
            let message = state.message(&channel.id, ts).cloned().ok_or_else(no_message)?;
            in_menu(state, callback_id)?;
            let (at, trigger_id) = (state.new_ts(now), state.new_trigger(&user.id, now));
            let (_, url) = hooks::give_out(state, &channel.id, &user.id, None, now);
            let given = (at.as_str(), url.as_str(), trigger_id.as_str());
            Ok(payload::message_action(&team, &channel, &user, &message, callback_id, given))
        })
    }

    /// Lets a person change what they said, and makes the hidden event that tells of it.
    ///
    /// # Errors
    /// When there is no such user, channel or message.
    pub fn edit(&self, user: &str, channel: &str, ts: &str, text: &str) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let (user, channel, team) = who_where(state, user, channel)?;
            let edit_ts = state.new_ts(now);
            let no_message = || SendError::NoMessage { channel: channel.id.clone(), ts: ts.to_owned() };
            let message = state.message_mut(&channel.id, ts).ok_or_else(no_message)?;
            let before = std::mem::replace(&mut message.text, payload::as_typed(text));
            message.blocks = payload::rich_text(&message.text);
            message.edited = Some(super::message::Edited { user: user.id, ts: edit_ts.clone() });
            let event = payload::message_changed(message, &before, &channel, &team, &edit_ts);
            Ok(envelope(state, &event, now.as_seconds(), channel.shared))
        })
    }

    /// The event in which the bot hears its own message.
    ///
    /// # Errors
    /// When there is no such channel or message.
    pub fn echo(&self, channel: &str, ts: &str) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let place = state.channel(channel).ok_or_else(|| SendError::NoChannel(channel.to_owned()))?;
            let no_message = || SendError::NoMessage { channel: channel.to_owned(), ts: ts.to_owned() };
            let message = state.message(channel, ts).ok_or_else(no_message)?;
            let event = payload::own_message(message, &place, &state.team);
            Ok(envelope(state, &event, now.as_seconds(), place.shared))
        })
    }

    /// Any event in a genuine envelope: `tokens_revoked`, `app_uninstalled`, or a shape that nobody knows.
    pub fn event(&self, event: &Value) -> Request {
        self.world.change(|state, now| envelope(state, event, now.as_seconds(), false))
    }
}

/// An entry of a menu that the application's manifest does not have cannot be chosen.
fn in_menu(state: &State, callback_id: &str) -> Result<(), SendError> {
    match state.app.as_ref().is_none_or(|app| app.has_shortcut(callback_id)) {
        true => Ok(()),
        false => Err(SendError::NoAction(callback_id.to_owned())),
    }
}

pub(super) fn envelope(state: &mut State, event: &Value, seconds: i64, shared: bool) -> Request {
    let event_id = state.new_id("Ev");
    payload::event(&state.team, event, &event_id, seconds, shared)
}

/// The `actions[0]` of a click.
fn clicked(blocks: &[Value], action_id: &str, choice: Option<&str>) -> Result<Value, SendError> {
    let elements = blocks.iter().flat_map(|block| {
        let inner = block["elements"].as_array().into_iter().flatten().chain(block.get("accessory"));
        inner.map(move |element| (element, &block["block_id"]))
    });
    let mut named = elements.filter(|(element, _)| element["action_id"] == action_id);
    let (element, block_id) = named.next().ok_or_else(|| SendError::NoAction(action_id.to_owned()))?;
    let mut action = json!({ "action_id": action_id, "block_id": block_id, "type": element["type"] });
    match (element["type"].as_str(), choice) {
        (Some("button"), _) => {
            for name in ["text", "value", "style", "url"] {
                if let Some(value) = element.get(name) {
                    action[name] = value.clone();
                }
            }
        }
        (Some("static_select" | "overflow" | "radio_buttons"), Some(choice)) => {
            let chosen = option(element, choice).ok_or_else(|| SendError::NoOption(choice.to_owned()))?;
            action["selected_option"] = chosen;
        }
        (Some("users_select"), Some(choice)) => action["selected_user"] = json!(choice),
        (Some("datepicker"), Some(choice)) => action["selected_date"] = json!(choice),
        _ => return Err(SendError::NoOption(choice.unwrap_or_default().to_owned())),
    }
    Ok(action)
}

/// The entry of a menu with this value.
pub(super) fn option(element: &Value, value: &str) -> Option<Value> {
    let groups = element["option_groups"].as_array().into_iter().flatten();
    let mut lists = groups.map(|group| &group["options"]).chain([&element["options"]]);
    lists.find_map(|list| list.as_array()?.iter().find(|option| option["value"] == value).cloned())
}
