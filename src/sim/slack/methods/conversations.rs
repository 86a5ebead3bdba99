//! `conversations.*`: what channels there are and what was said in them.
//!
//! From docs.slack.dev/reference/methods/conversations.history and its sisters. Ephemeral messages
//! are never in a history.

use serde_json::{Value, json};

use super::super::message::Message;
use super::super::seed::{self, Standing};
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

pub(super) fn history(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = readable_channel(state, arguments)?;
    let window = Window::of(arguments, 100)?;
    let all = state.messages.get(&channel).map(Vec::as_slice).unwrap_or_default();
    let in_channel = |message: &&Message| !message.is_reply() || message.reply_broadcast;
    let newest_first = all.iter().rev().filter(in_channel).filter(|message| window.holds(message));
    Ok(window.page(newest_first, &state.team.id))
}

pub(super) fn replies(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = readable_channel(state, arguments)?;
    let ts = arguments.required("ts")?;
    let window = Window::of(arguments, 1000)?;
    let named = state.message(&channel, &ts).filter(|message| message.ephemeral_to.is_none());
    let root = named.map(|message| message.thread_root().to_owned());
    let root = root.ok_or_else(|| ApiError::new("thread_not_found"))?;
    let all = state.messages.get(&channel).map(Vec::as_slice).unwrap_or_default();
    let of_thread = all.iter().filter(|message| message.thread_root() == root);
    // The parent is part of every answer.
    let oldest_first = of_thread.filter(|message| message.ts == root || window.holds(message));
    Ok(window.page(oldest_first, &state.team.id))
}

fn readable_channel(state: &mut State, arguments: &Arguments) -> Result<String, ApiError> {
    let channel = visible_channel(state, arguments)?;
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

    fn holds(&self, message: &Message) -> bool {
        let ts = message.ts.as_str();
        let late_enough = self.oldest.as_deref().is_none_or(|oldest| ts > oldest || (self.inclusive && ts == oldest));
        let early_enough = self.latest.as_deref().is_none_or(|latest| ts < latest || (self.inclusive && ts == latest));
        late_enough && early_enough
    }

    fn page<'a>(&self, messages: impl Iterator<Item = &'a Message>, team: &str) -> Value {
        let mut rest = messages.filter(|message| message.ephemeral_to.is_none()).skip(self.skip);
        let page: Vec<Value> = rest
            .by_ref()
            .take(self.limit)
            .map(|message| message.to_api(team, seed::APP, self.whole_metadata))
            .collect();
        let has_more = rest.next().is_some();
        let mut answer = json!({ "messages": page, "has_more": has_more, "pin_count": 0 });
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
