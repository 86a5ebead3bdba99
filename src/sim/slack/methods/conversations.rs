//! `conversations.*`: what channels there are and what was said in them.
//!
//! From docs.slack.dev/reference/methods/conversations.history and its sisters. Ephemeral messages
//! are never in a history.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::message::Message;
use super::super::seed::{self, Channel, Kind, Standing, User};
use super::super::state::State;
use super::{Answer, ApiError, Arguments, visible_channel};

pub(super) fn info(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = visible_channel(state, arguments)?;
    Ok(json!({ "channel": channel.to_api(&state.team.id) }))
}

pub(super) fn open(state: &mut State, arguments: &Arguments) -> Answer {
    if arguments.text("channel").is_some_and(|id| !id.is_empty()) {
        let channel = visible_channel(state, arguments)?;
        return Ok(json!({ "channel": { "id": channel.id }, "no_op": true, "already_open": true }));
    }
    let users = arguments.text("users").filter(|list| !list.is_empty());
    let users = users.ok_or_else(|| ApiError::new("users_list_not_supplied"))?;
    // Conversations of several people are none that this application opens.
    let user = state.user(users.trim()).ok_or_else(|| ApiError::new("user_not_found"))?;
    match user.standing {
        Standing::Bot => return Err(ApiError::new("cannot_dm_bot")),
        Standing::Gone => return Err(ApiError::new("user_disabled")),
        _ => {}
    }
    let channel = state.direct_channel(&user.id);
    let shown = if arguments.flag("return_im") { channel.to_api(&state.team.id) } else { json!({ "id": channel.id }) };
    Ok(json!({ "channel": shown }))
}

/// `users.conversations` of the bot itself: docs.slack.dev/reference/methods/users.conversations. Each kind that is
/// asked for needs its own scope, and the token of an organisation the team.
pub(super) fn of_bot(state: &State, arguments: &Arguments) -> Answer {
    if arguments.text("user").is_some_and(|user| user != seed::BOT_USER) {
        return Err(ApiError::new("method_not_supported_for_channel_type"));
    }
    match arguments.text("team_id").filter(|team| !team.is_empty()) {
        None if state.team.org_install => {
            let messages = vec!["[ERROR] missing required field: team_id".to_owned()];
            return Err(ApiError { messages, ..ApiError::new("missing_argument") });
        }
        Some(team) if state.team.org_install && (team != state.team.id || state.is_withheld) => {
            return Err(ApiError::new("team_access_not_granted"));
        }
        _ => {}
    }
    let mut kinds = Vec::new();
    for kind in arguments.text("types").unwrap_or_else(|| "public_channel".to_owned()).split(',') {
        let (kind, scope) = match kind.trim() {
            "public_channel" => (Kind::Public, "channels:read"),
            "private_channel" => (Kind::Private, "groups:read"),
            "im" => (Kind::Direct, "im:read"),
            "mpim" => (Kind::Group, "mpim:read"),
            _ => return Err(ApiError::new("invalid_types")),
        };
        given_scope(state, scope)?;
        kinds.push(kind);
    }
    let window = Window::of(arguments, 100)?;
    let with_archived = !arguments.flag("exclude_archived");
    let in_list = |channel: &&Channel| {
        channel.bot_is_member && kinds.contains(&channel.kind) && (with_archived || !channel.archived)
    };
    let mut rest = state.channels.values().filter(in_list).skip(window.skip);
    let page: Vec<Value> = rest.by_ref().take(window.limit).map(|channel| channel.to_api(&state.team.id)).collect();
    Ok(window.paged("channels", page, rest.next().is_some()))
}

pub(super) fn given_scope(state: &State, scope: &str) -> Result<(), ApiError> {
    if state.without_scopes.contains(scope) { Err(ApiError::missing_scope(scope)) } else { Ok(()) }
}

pub(super) fn history(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = readable_channel(state, arguments)?;
    let window = Window::of(arguments, 100)?.at_most(state.gate.limits.history_most);
    let all = state.messages.get(&channel).map(Vec::as_slice).unwrap_or_default();
    let in_channel = |message: &&Message| !message.is_reply() || message.reply_broadcast;
    let newest_first = all.iter().rev().filter(in_channel).filter(|message| window.holds(message));
    let mut answer = window.page(newest_first, &state.users, &state.team.id);
    for shown in answer["messages"].as_array_mut().into_iter().flatten() {
        let ts = shown["ts"].as_str().unwrap_or_default().to_owned();
        let replies = || all.iter().filter(|message| message.is_reply() && message.thread_root() == ts);
        if let Some(newest) = replies().next_back() {
            shown["latest_reply"] = json!(newest.ts);
            shown["reply_count"] = json!(replies().count());
            shown["thread_ts"] = json!(ts);
        }
    }
    Ok(answer)
}

pub(super) fn replies(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = readable_channel(state, arguments)?;
    let ts = arguments.required("ts")?;
    let window = Window::of(arguments, 1000)?.at_most(state.gate.limits.history_most);
    let named = state.message(&channel, &ts).filter(|message| message.ephemeral_to.is_none());
    let root = named.map(|message| message.thread_root().to_owned());
    let root = root.ok_or_else(|| ApiError::new("thread_not_found"))?;
    let all = state.messages.get(&channel).map(Vec::as_slice).unwrap_or_default();
    let of_thread = all.iter().filter(|message| message.thread_root() == root);
    // The parent is part of every answer.
    let oldest_first = of_thread.filter(|message| message.ts == root || window.holds(message));
    Ok(window.page(oldest_first, &state.users, &state.team.id))
}

fn readable_channel(state: &mut State, arguments: &Arguments) -> Result<String, ApiError> {
    let channel = visible_channel(state, arguments)?;
    let scope = match channel.kind {
        Kind::Public => "channels:history",
        Kind::Private => "groups:history",
        Kind::Direct => "im:history",
        Kind::Group => "mpim:history",
    };
    given_scope(state, scope)?;
    if channel.bot_is_member { Ok(channel.id) } else { Err(ApiError::new("not_in_channel")) }
}

/// Which messages are asked for.
struct Window {
    oldest: Option<String>,
    latest: Option<String>,
    inclusive: bool,
    limit: usize,
    skip: usize,
    whole_metadata: bool,
}

impl Window {
    fn of(arguments: &Arguments, default_limit: usize) -> Result<Self, ApiError> {
        let limit = arguments.text("limit").map_or(Ok(default_limit), |text| text.parse::<usize>());
        let limit =
            limit.ok().filter(|limit| (1..=1000).contains(limit)).ok_or_else(|| ApiError::new("invalid_limit"))?;
        let cursor = arguments.text("cursor").filter(|cursor| !cursor.is_empty());
        let skip = cursor.map_or(Ok(0), |cursor| cursor.strip_prefix("after").unwrap_or("-").parse::<usize>());
        Ok(Self {
            oldest: arguments.text("oldest").filter(|ts| ts != "0").map(|ts| padded(&ts)),
            latest: arguments.text("latest").map(|ts| padded(&ts)),
            inclusive: arguments.flag("inclusive"),
            limit,
            skip: skip.map_err(|_| ApiError::new("invalid_cursor"))?,
            whole_metadata: arguments.flag("include_all_metadata"),
        })
    }

    /// Slack may give fewer than are asked for.
    fn at_most(self, most: usize) -> Self {
        Self { limit: self.limit.min(most), ..self }
    }

    fn holds(&self, message: &Message) -> bool {
        let ts = message.ts.as_str();
        let late_enough = self.oldest.as_deref().is_none_or(|oldest| ts > oldest || (self.inclusive && ts == oldest));
        let early_enough = self.latest.as_deref().is_none_or(|latest| ts < latest || (self.inclusive && ts == latest));
        late_enough && early_enough
    }

    fn page<'a>(
        &self,
        messages: impl Iterator<Item = &'a Message>,
        users: &BTreeMap<String, User>,
        team: &str,
    ) -> Value {
        let mut rest = messages.filter(|message| message.ephemeral_to.is_none()).skip(self.skip);
        let page: Vec<Value> = rest
            .by_ref()
            .take(self.limit)
            .map(|message| {
                // Whoever comes from another workspace is shown with that one.
                let of = users.get(&message.user).map_or(team, |user| user.team.as_str());
                message.to_api(of, seed::APP, self.whole_metadata)
            })
            .collect();
        let has_more = rest.next().is_some();
        let mut answer = self.paged("messages", page, has_more);
        (answer["has_more"], answer["pin_count"]) = (json!(has_more), json!(0));
        answer
    }

    fn paged(&self, name: &str, page: Vec<Value>, has_more: bool) -> Value {
        let mut answer = json!({ name: page });
        if has_more {
            answer["response_metadata"] = json!({ "next_cursor": format!("after{}", self.skip + self.limit) });
        }
        answer
    }
}

/// A time as Slack takes it, with all the digits that a `ts` has, so that texts compare as times do.
fn padded(ts: &str) -> String {
    let (seconds, micros) = ts.split_once('.').unwrap_or((ts, ""));
    format!("{seconds}.{micros:0<6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_compare_however_many_digits_they_have() {
        let cases = [("1700000000", "1700000000.000000"), ("1700000000.1", "1700000000.100000")];
        for (given, expected) in cases {
            assert_eq!(padded(given), expected);
        }
    }
}
