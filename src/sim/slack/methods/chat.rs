//! `chat.*`: posting, changing and taking back messages.
//!
//! From docs.slack.dev/reference/methods/chat.postMessage and its sisters; those that stream stand in `streams.rs`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::limits::{self, MESSAGE_TEXT, UPDATED_TEXT_BYTES};
use super::super::message::{Edited, Message, Metadata, Via};
use super::super::seed;
use super::super::state::{Post, State};
use super::{Answer, ApiError, Arguments, writable_channel};
use crate::domain::time::Timestamp;

/// Bytes of a message's metadata, as JSON.
const METADATA_BYTES: usize = 8_000;

/// What a message says.
struct Contents {
    text: String,
    blocks: Vec<Value>,
    truncated: bool,
}

pub(super) fn post_message(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    // A user's id stands for the conversation with them.
    let mut arguments = arguments.clone();
    if let Some(user) = arguments.text("channel").filter(|id| id.starts_with(['U', 'W'])) {
        let user = state.user(&user).ok_or_else(|| ApiError::new("channel_not_found"))?;
        arguments.0.insert("channel".into(), json!(state.direct_channel(&user.id).id));
    }
    let channel = writable_channel(state, &arguments)?;
    let contents = contents(&arguments)?;
    let metadata = metadata(&arguments)?.flatten();
    let thread_ts = thread(state, &channel.id, &arguments)?;
    if contents.truncated {
        state.records.violate(
            now,
            "chat.postMessage",
            "message_truncated",
            format!("text is longer than {MESSAGE_TEXT}"),
        );
    }
    if contents.text.is_empty() {
        state.records.violate(
            now,
            "chat.postMessage",
            "blocks_without_text",
            "notifications and screen readers show nothing",
        );
    }
    let message = Message {
        channel: channel.id.clone(),
        ts: state.new_ts(now),
        reply_broadcast: thread_ts.is_some() && arguments.flag("reply_broadcast"),
        thread_ts,
        user: seed::BOT_USER.into(),
        bot_id: Some(seed::BOT.into()),
        text: contents.text,
        blocks: contents.blocks,
        metadata,
        ephemeral_to: None,
        edited: None,
        reactions: Vec::new(),
        unfurls: BTreeMap::new(),
        streaming: false,
        via: Via::PostMessage,
    };
    let message = state.add_message(message);
    state.posts.push(Post {
        at: now,
        channel: message.channel.clone(),
        ts: message.ts.clone(),
        thread_ts: message.thread_ts.clone(),
        metadata: message.metadata.clone(),
        answered: true,
    });
    let shown = message.to_api(&state.team.id, seed::APP, true);
    let mut answer = json!({ "channel": message.channel, "ts": message.ts, "message": shown });
    if contents.truncated {
        answer["warning"] = json!("message_truncated");
        answer["response_metadata"] = json!({ "warnings": ["message_truncated"] });
    }
    Ok(answer)
}

pub(super) fn post_ephemeral(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let channel = writable_channel(state, arguments)?;
    let user = arguments.required("user")?;
    let user = state.user(&user).ok_or_else(|| ApiError::new("user_not_in_channel"))?;
    if channel.with.as_ref().is_some_and(|other| *other != user.id) {
        return Err(ApiError::new("user_not_in_channel"));
    }
    let contents = contents(arguments)?;
    let thread_ts = thread(state, &channel.id, arguments)?;
    if contents.text.is_empty() {
        state.records.violate(now, "chat.postEphemeral", "blocks_without_text", "screen readers show nothing");
    }
    let message = Message {
        channel: channel.id,
        ts: state.new_ts(now),
        thread_ts,
        reply_broadcast: false,
        user: seed::BOT_USER.into(),
        bot_id: Some(seed::BOT.into()),
        text: contents.text,
        blocks: contents.blocks,
        metadata: None,
        ephemeral_to: Some(user.id),
        edited: None,
        reactions: Vec::new(),
        unfurls: BTreeMap::new(),
        streaming: false,
        via: Via::PostEphemeral,
    };
    let message = state.add_message(message);
    Ok(json!({ "message_ts": message.ts }))
}

pub(super) fn update(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let channel = writable_channel(state, arguments)?;
    let ts = arguments.required("ts")?;
    let old = own_message(state, &channel.id, &ts, "cant_update_message")?;
    // In no document; seen by those who edited a message while it was streaming.
    if old.streaming {
        return Err(ApiError::new("streaming_state_conflict"));
    }
    // Without a text, blocks that are not mentioned stay; with one they go (documents of chat.update).
    let has_text = arguments.text("text").is_some_and(|text| !text.is_empty());
    let mut contents = if has_text || arguments.0.contains_key("blocks") {
        contents(arguments)?
    } else {
        return Err(ApiError::new("no_text"));
    };
    if contents.text.len() > UPDATED_TEXT_BYTES {
        return Err(ApiError::new("msg_too_long"));
    }
    let metadata = metadata(arguments)?.unwrap_or(old.metadata);
    contents.blocks.iter_mut().for_each(|block| state.complete_block(block));
    let edit_ts = state.new_ts(now);
    let team = state.team.id.clone();
    let message = state.message_mut(&channel.id, &ts).ok_or_else(|| ApiError::new("message_not_found"))?;
    if contents.blocks.is_empty() {
        message.edited = Some(Edited { user: seed::BOT_USER.into(), ts: edit_ts });
    }
    message.text = if has_text { contents.text } else { String::new() };
    message.blocks = contents.blocks;
    message.metadata = metadata;
    let shown = message.to_api(&team, seed::APP, true);
    Ok(json!({ "channel": channel.id, "ts": ts, "text": message.text, "message": shown }))
}

pub(super) fn delete(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = writable_channel(state, arguments)?;
    let ts = arguments.required("ts")?;
    own_message(state, &channel.id, &ts, "cant_delete_message")?;
    state.remove_message(&channel.id, &ts);
    Ok(json!({ "channel": channel.id, "ts": ts }))
}

/// A message of the bot. Ephemeral ones cannot be touched by these methods, they are not found.
pub(super) fn own_message(state: &State, channel: &str, ts: &str, foreign: &str) -> Result<Message, ApiError> {
    let message = state.message(channel, ts).filter(|message| message.ephemeral_to.is_none());
    let message = message.ok_or_else(|| ApiError::new("message_not_found"))?;
    if message.user == seed::BOT_USER { Ok(message.clone()) } else { Err(ApiError::new(foreign)) }
}

fn contents(arguments: &Arguments) -> Result<Contents, ApiError> {
    let whole = arguments.text("text").unwrap_or_default();
    let text: String = whole.chars().take(MESSAGE_TEXT).collect();
    let blocks = match arguments.structure("blocks", "invalid_blocks_format")? {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(ApiError::new("invalid_blocks_format")),
    };
    limits::check_message_blocks(&blocks)?;
    let attachments = arguments.structure("attachments", "invalid_attachments")?;
    let has_attachments = attachments.is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty()));
    if text.trim().is_empty() && blocks.is_empty() && !has_attachments {
        return Err(ApiError::new("no_text"));
    }
    Ok(Contents { truncated: text.len() < whole.len(), text, blocks })
}

/// The metadata of a call: not mentioned, taken away, or set.
pub(super) fn metadata(arguments: &Arguments) -> Result<Option<Option<Metadata>>, ApiError> {
    let Some(given) = arguments.structure("metadata", "invalid_metadata_format")? else {
        return Ok(None);
    };
    if given.as_object().is_some_and(Map::is_empty) {
        return Ok(Some(None));
    }
    if given.to_string().len() > METADATA_BYTES {
        return Err(ApiError::new("metadata_too_large"));
    }
    let metadata: Metadata = serde_json::from_value(given).map_err(|_| ApiError::new("invalid_metadata_format"))?;
    if metadata.event_type.is_empty() {
        return Err(ApiError::new("invalid_metadata_format"));
    }
    Ok(Some(Some(metadata)))
}

/// The thread of a call. It must be the `ts` of a message that stands in the channel itself, as text.
pub(super) fn thread(state: &State, channel: &str, arguments: &Arguments) -> Result<Option<String>, ApiError> {
    let given = match arguments.0.get("thread_ts") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(ts)) => ts,
        // A number loses digits: the documents insist on a string.
        Some(_) => return Err(ApiError::new("invalid_thread_ts")),
    };
    let parent = state.message(channel, given).filter(|message| !message.is_reply() && message.ephemeral_to.is_none());
    parent.map(|parent| Some(parent.ts.clone())).ok_or_else(|| ApiError::new("invalid_thread_ts"))
}
