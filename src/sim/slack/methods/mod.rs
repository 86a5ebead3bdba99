//! The methods of the Web API: which there are, what they read from a request, how they refuse.
//!
//! A method is a function from state and arguments to Slack's answer; it runs as one step. It knows
//! nothing of HTTP. A further method is one arm in `perform` and a function in the file of its family.

mod chat;
mod conversations;
mod others;
pub(super) mod streams;
mod unfurl;
mod views;

use serde_json::{Map, Value, json};

use super::limits::Breach;
use super::seed::{Channel, Kind};
use super::state::State;
use crate::domain::time::Timestamp;

/// What a method gives back beside `ok`.
pub(super) type Answer = Result<Value, ApiError>;

/// A refusal, as Slack words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: String,
    pub(super) messages: Vec<String>,
    /// The scope that the token lacks.
    pub(super) needed: Option<String>,
}

impl ApiError {
    pub(super) fn new(code: &str) -> Self {
        Self { code: code.to_owned(), messages: Vec::new(), needed: None }
    }

    fn missing(field: &str) -> Self {
        Self::invalid(format!("[ERROR] missing required field: {field}"))
    }

    fn invalid(what: impl Into<String>) -> Self {
        Self { messages: vec![what.into()], ..Self::new("invalid_arguments") }
    }

    pub(super) fn missing_scope(scope: &str) -> Self {
        Self { needed: Some(scope.to_owned()), ..Self::new("missing_scope") }
    }

    /// Whether the caller broke a limit or a rule, as against asking for what is not there, or no longer as it was.
    pub(super) fn is_violation(&self) -> bool {
        !matches!(
            self.code.as_str(),
            "channel_not_found"
                | "not_in_channel"
                | "is_archived"
                | "user_not_found"
                | "user_not_in_channel"
                | "message_not_found"
                | "thread_not_found"
                | "cannot_find_channel"
                | "cannot_find_message"
                | "not_found"
                | "hash_conflict"
                | "message_not_in_streaming_state"
                | "stopped_by_user"
                | "already_reacted"
                | "token_revoked"
                | "token_expired"
                | "link_disabled"
                | "team_access_not_granted"
                | "ratelimited"
        )
    }
}

impl From<Breach> for ApiError {
    fn from(breach: Breach) -> Self {
        Self { code: breach.error.to_owned(), messages: breach.messages, needed: None }
    }
}

/// The arguments of a call, from a query, a form or a JSON object.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments(pub(super) Map<String, Value>);

impl Arguments {
    /// A text; numbers and flags count as their notation.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    fn required(&self, name: &str) -> Result<String, ApiError> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| ApiError::missing(name))
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.text(name).as_deref(), Some("true" | "1"))
    }

    /// A structure: itself in JSON, its JSON in a form. `bad` is Slack's word where it is neither.
    fn structure(&self, name: &str, bad: &str) -> Result<Option<Value>, ApiError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| ApiError::new(bad)),
            Some(other) => Ok(Some(other.clone())),
        }
    }
}

/// Whether a method takes its arguments as JSON. Slack says "most write methods" do; from a read
/// method's JSON it takes nothing, so that its arguments are missing.
pub(super) fn takes_json(method: &str) -> bool {
    !matches!(
        method,
        "auth.teams.list"
            | "users.info"
            | "users.conversations"
            | "conversations.history"
            | "conversations.replies"
            | "conversations.info"
    )
}

/// Performs a call of an application that is let in.
pub(super) fn perform(state: &mut State, method: &str, arguments: &Arguments, now: Timestamp) -> Answer {
    if let Some(code) = state.refusals.get(method) {
        return Err(ApiError::new(code));
    }
    match method {
        "api.test" => others::api_test(arguments),
        "auth.test" => Ok(others::auth_test(state)),
        "users.info" => others::users_info(state, arguments),
        "users.conversations" => conversations::of_bot(state, arguments),
        "views.open" => views::open(state, arguments, now),
        "views.update" => views::update(state, arguments, now),
        "views.publish" => views::publish(state, arguments, now),
        "reactions.add" => others::reactions_add(state, arguments),
        "chat.postMessage" => chat::post_message(state, arguments, now),
        "chat.postEphemeral" => chat::post_ephemeral(state, arguments, now),
        "chat.update" => chat::update(state, arguments, now),
        "chat.delete" => chat::delete(state, arguments),
        "chat.unfurl" => unfurl::unfurl(state, arguments),
        "chat.startStream" => streams::start(state, arguments, now),
        "chat.appendStream" => streams::append(state, arguments, now),
        "chat.stopStream" => streams::stop(state, arguments, now),
        "conversations.info" => conversations::info(state, arguments),
        "conversations.open" => conversations::open(state, arguments),
        "conversations.history" => conversations::history(state, arguments),
        "conversations.replies" => conversations::replies(state, arguments),
        _ => Err(ApiError::new("unknown_method")),
    }
}

/// Whether a method exists.
pub(super) fn exists(method: &str) -> bool {
    matches!(
        method,
        "api.test"
            | "auth.test"
            | "auth.teams.list"
            | "users.info"
            | "users.conversations"
            | "views.open"
            | "views.update"
            | "views.publish"
            | "reactions.add"
            | "chat.postMessage"
            | "chat.postEphemeral"
            | "chat.update"
            | "chat.delete"
            | "chat.unfurl"
            | "chat.startStream"
            | "chat.appendStream"
            | "chat.stopStream"
            | "conversations.info"
            | "conversations.open"
            | "conversations.history"
            | "conversations.replies"
    )
}

/// The channel of a call, as far as the bot may know of it.
fn visible_channel(state: &mut State, arguments: &Arguments) -> Result<Channel, ApiError> {
    let id = arguments.text("channel").filter(|id| !id.is_empty()).ok_or_else(|| ApiError::new("channel_not_found"))?;
    let channel = state.channel(&id).ok_or_else(|| ApiError::new("channel_not_found"))?;
    // To an application outside, a private conversation does not exist.
    if matches!(channel.kind, Kind::Private | Kind::Group) && !channel.bot_is_member {
        return Err(ApiError::new("channel_not_found"));
    }
    Ok(channel)
}

/// The channel of a call that writes there.
fn writable_channel(state: &mut State, arguments: &Arguments) -> Result<Channel, ApiError> {
    let channel = visible_channel(state, arguments)?;
    match (channel.archived, channel.bot_is_member) {
        (true, _) => Err(ApiError::new("is_archived")),
        (_, false) => Err(ApiError::new("not_in_channel")),
        _ => Ok(channel),
    }
}

/// An answer with `ok` set.
pub(super) fn ok(mut value: Value) -> Value {
    value["ok"] = json!(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_arguments_of_forms_and_of_json_alike() {
        let arguments = |value: Value| Arguments(value.as_object().unwrap().clone());
        for given in [json!({"limit": 5, "on": true, "blocks": [1]}), json!({"limit": "5", "on": "1", "blocks": "[1]"})]
        {
            let arguments = arguments(given);
            assert_eq!(arguments.text("limit").as_deref(), Some("5"));
            assert!(arguments.flag("on"));
            assert_eq!(arguments.structure("blocks", "invalid_blocks_format"), Ok(Some(json!([1]))));
        }
        let broken = arguments(json!({"blocks": "[1"}));
        assert_eq!(broken.structure("blocks", "invalid_blocks_format"), Err(ApiError::new("invalid_blocks_format")));
    }
}
