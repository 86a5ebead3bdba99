//! `chat.startStream`, `chat.appendStream`, `chat.stopStream`: messages that grow.
//!
//! From docs.slack.dev/reference/methods/chat.startStream and its sisters, and slackapi's models of the chunks. A stream
//! takes what it was begun with, text or chunks; its contents only grow, and metadata come with its end. What no document
//! says and others have measured says so where it stands.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::limits::{self, MESSAGE_BLOCKS, STREAMED_MARKDOWN};
use super::super::message::{Message, Via};
use super::super::seed;
use super::super::state::{Post, State};
use super::chat::{metadata, own_message, thread};
use super::{Answer, ApiError, Arguments, writable_channel};
use crate::domain::time::Timestamp;

/// How long a stream may run. In no document; measured as 306 s (NousResearch/hermes-agent#59010).
const MOST_TIME: Duration = Duration::from_secs(300);

/// What a stream takes. In no document; what does not fit its beginning is refused as `streaming_mode_mismatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Markdown,
    Chunks,
}

/// A message that was begun as a stream.
#[derive(Debug, Clone)]
pub(in super::super) struct Stream {
    began: Timestamp,
    mode: Mode,
    /// Why it takes nothing any more.
    over: Option<&'static str>,
}

/// What a call adds.
struct Added {
    mode: Option<Mode>,
    blocks: Vec<Value>,
}

pub(super) fn start(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let channel = writable_channel(state, arguments)?;
    // "0" is as good as nothing; a stream beside threads is for channels that are one session as a whole, and none here is.
    let thread_ts = thread(state, &channel.id, arguments)?.ok_or_else(|| ApiError::new("invalid_thread_ts"))?;
    // The page asks for them in channels alone; Slack has been seen to refuse direct messages without them as well.
    for name in ["recipient_user_id", "recipient_team_id"] {
        if arguments.text(name).is_none_or(|id| id.is_empty()) {
            return Err(ApiError::new(&format!("missing_{name}")));
        }
    }
    if let Some(user) = arguments.text("recipient_user_id")
        && state.user(&user).is_none()
    {
        return Err(ApiError::new("user_not_found"));
    }
    if arguments.text("task_display_mode").is_some_and(|mode| !matches!(mode.as_str(), "timeline" | "plan")) {
        return Err(ApiError::invalid("[ERROR] task_display_mode must be timeline or plan"));
    }
    let added = added(arguments)?;
    limits::check_message_blocks(&added.blocks)?;
    let message = Message {
        channel: channel.id.clone(),
        ts: state.new_ts(now),
        thread_ts: Some(thread_ts),
        reply_broadcast: false,
        user: seed::BOT_USER.into(),
        bot_id: Some(seed::BOT.into()),
        text: said(&added.blocks),
        blocks: added.blocks,
        metadata: None,
        ephemeral_to: None,
        edited: None,
        reactions: Vec::new(),
        unfurls: BTreeMap::new(),
        streaming: true,
        via: Via::Stream,
    };
    let message = state.add_message(message);
    let stream = Stream { began: now, mode: added.mode.unwrap_or(Mode::Markdown), over: None };
    state.streams.insert((message.channel.clone(), message.ts.clone()), stream);
    Ok(json!({ "channel": message.channel, "ts": message.ts }))
}

pub(super) fn append(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let (channel, ts) = running(state, arguments, now)?;
    let added = added(arguments)?;
    if added.mode.is_none() {
        return Err(ApiError::new("no_text"));
    }
    grow(state, (&channel, &ts), added)?;
    Ok(json!({ "channel": channel, "ts": ts }))
}

pub(super) fn stop(state: &mut State, arguments: &Arguments, now: Timestamp) -> Answer {
    let (channel, ts) = running(state, arguments, now)?;
    let mut added = added(arguments)?;
    let metadata = metadata(arguments)?.flatten();
    // They are shown below what was streamed, whatever that was.
    added.blocks.extend(list(arguments, "blocks", "invalid_blocks_format")?);
    grow(state, (&channel, &ts), added)?;
    end(state, &channel, &ts, "message_not_in_streaming_state");
    let team = state.team.id.clone();
    let message = state.message_mut(&channel, &ts).ok_or_else(|| ApiError::new("message_not_found"))?;
    message.metadata = metadata;
    let message = message.clone();
    state.posts.push(Post {
        at: now,
        channel: channel.clone(),
        ts: ts.clone(),
        thread_ts: message.thread_ts.clone(),
        metadata: message.metadata.clone(),
        answered: true,
    });
    let mut shown = message.to_api(&team, seed::APP, true);
    shown["streaming_state"] = json!("completed");
    Ok(json!({ "channel": channel, "ts": ts, "message": shown }))
}

/// The person presses Stop. False where no stream runs there.
pub(in super::super) fn stopped_by_user(state: &mut State, channel: &str, ts: &str) -> bool {
    let runs = state.message(channel, ts).is_some_and(|message| message.streaming);
    runs && end(state, channel, ts, "stopped_by_user")
}

fn end(state: &mut State, channel: &str, ts: &str, why: &'static str) -> bool {
    if let Some(message) = state.message_mut(channel, ts) {
        message.streaming = false;
    }
    let stream = state.streams.get_mut(&(channel.to_owned(), ts.to_owned()));
    stream.map(|stream| stream.over = Some(why)).is_some()
}

/// The stream of a call that may still grow.
fn running(state: &mut State, arguments: &Arguments, now: Timestamp) -> Result<(String, String), ApiError> {
    let channel = writable_channel(state, arguments)?.id;
    let ts = arguments.required("ts")?;
    own_message(state, &channel, &ts, "message_not_owned_by_app")?;
    let over = ApiError::new("message_not_in_streaming_state");
    let stream = state.streams.get(&(channel.clone(), ts.clone())).ok_or(over)?;
    let late = (now.since(stream.began) > MOST_TIME).then_some("message_not_in_streaming_state");
    match stream.over.or(late) {
        Some(why) => {
            end(state, &channel, &ts, why);
            Err(ApiError::new(why))
        }
        None => Ok((channel, ts)),
    }
}

fn grow(state: &mut State, (channel, ts): (&str, &str), added: Added) -> Result<(), ApiError> {
    let stream = &state.streams[&(channel.to_owned(), ts.to_owned())];
    if added.mode.is_some_and(|mode| mode != stream.mode) {
        return Err(ApiError::new("streaming_mode_mismatch"));
    }
    limits::check_message_blocks(&added.blocks)?;
    let message = state.message(channel, ts).ok_or_else(|| ApiError::new("message_not_found"))?;
    let mut blocks = message.blocks.clone();
    blocks.extend(added.blocks);
    // Those of the end are counted apart, so that a message that was streamed may have twice as many.
    for part in blocks.chunks(MESSAGE_BLOCKS) {
        limits::check_message_blocks(part)?;
    }
    blocks.iter_mut().for_each(|block| state.complete_block(block));
    if let Some(message) = state.message_mut(channel, ts) {
        message.text = said(&blocks);
        message.blocks = blocks;
    }
    Ok(())
}

/// What a call adds by `markdown_text` or `chunks`.
fn added(arguments: &Arguments) -> Result<Added, ApiError> {
    let chunks = list(arguments, "chunks", "invalid_chunks")?;
    let text = arguments.text("markdown_text").filter(|text| !text.is_empty());
    match (text, chunks.is_empty()) {
        (Some(_), false) => Err(ApiError::invalid("[ERROR] markdown_text and chunks exclude each other")),
        (Some(text), true) => Ok(Added { mode: Some(Mode::Markdown), blocks: vec![markdown(&text)?] }),
        (None, true) => Ok(Added { mode: None, blocks: Vec::new() }),
        (None, false) => {
            let blocks: Result<Vec<Vec<Value>>, ApiError> = chunks.iter().map(blocks_of).collect();
            Ok(Added { mode: Some(Mode::Chunks), blocks: blocks?.concat() })
        }
    }
}

fn markdown(text: &str) -> Result<Value, ApiError> {
    if text.chars().count() > STREAMED_MARKDOWN {
        return Err(ApiError::new("msg_too_long"));
    }
    Ok(json!({ "type": "markdown", "text": text }))
}

/// What a chunk shows. Of tasks and plans nothing is kept here but that they are taken.
fn blocks_of(chunk: &Value) -> Result<Vec<Value>, ApiError> {
    let bad = || ApiError::new("invalid_chunks");
    let only =
        |known: &[&str]| chunk.as_object().is_some_and(|all| all.keys().all(|name| known.contains(&name.as_str())));
    match chunk["type"].as_str() {
        Some("markdown_text") if only(&["type", "text"]) => {
            Ok(vec![markdown(chunk["text"].as_str().filter(|text| !text.is_empty()).ok_or_else(bad)?)?])
        }
        Some("blocks") if only(&["type", "blocks"]) => {
            let list = chunk["blocks"].as_array().filter(|list| !list.is_empty() && list.len() <= MESSAGE_BLOCKS);
            list.cloned().ok_or_else(bad)
        }
        Some("plan_update") if only(&["type", "title"]) && chunk["title"].is_string() => Ok(Vec::new()),
        Some("task_update")
            if only(&["type", "id", "title", "status", "details", "output", "sources"])
                && ["id", "title", "status"].iter().all(|name| chunk[*name].is_string()) =>
        {
            Ok(Vec::new())
        }
        _ => Err(bad()),
    }
}

fn list(arguments: &Arguments, name: &str, bad: &str) -> Result<Vec<Value>, ApiError> {
    match arguments.structure(name, bad)? {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(ApiError::new(bad)),
    }
}

/// What Slack makes of blocks for notifications and screen readers, where there is no text beside them.
fn said(blocks: &[Value]) -> String {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, inner)| match inner {
                Value::String(text) if name == "text" => found.push(text.clone()),
                _ => collect(inner, found),
            }),
            Value::Array(items) => items.iter().for_each(|inner| collect(inner, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    blocks.iter().filter(|block| block["type"] != "actions").for_each(|block| collect(block, &mut found));
    found.join(" ").chars().take(SAID).collect()
}

/// Characters of it that are kept.
const SAID: usize = 3_000;
