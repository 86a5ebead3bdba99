//! Response URLs: what an application may post to them, how often, and for how long.
//!
//! From docs.slack.dev/interactivity/handling-user-interaction: five uses within thirty minutes, no
//! token. The inline answer to a slash command is shown by the same rules. Nothing here speaks HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::limits::{self, MESSAGE_TEXT};
use super::message::{Edited, Message, Via};
use super::seed;
use super::state::State;
use super::world::SlackWorld;
use crate::domain::time::Timestamp;

/// How often a response URL works.
pub const USES: u32 = 5;
/// How long a response URL works.
pub const LIFE: Duration = Duration::from_secs(30 * 60);

/// A response URL and what was posted to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResponseUrl {
    /// The last part of its address.
    pub id: String,
    /// The channel of the command or the click.
    pub channel: String,
    /// The person who gave the command or clicked.
    pub user: String,
    /// When it was given out.
    pub made_at: Timestamp,
    /// How often it was used.
    pub uses: u32,
    /// The message that `replace_original` means.
    pub original: Option<String>,
    /// The thread of that message.
    pub thread_ts: Option<String>,
    /// The bodies that were accepted, in order.
    pub posts: Vec<Value>,
}

/// Why a post to a response URL was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HookRefusal {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) detail: Vec<String>,
}

impl HookRefusal {
    fn new(status: u16, error: &'static str) -> Self {
        Self { status, error, detail: Vec::new() }
    }
}

impl SlackWorld {
    /// Gives out a response URL for a command of `user` in `channel`: its id and its address.
    pub fn new_response_url(&self, channel: &str, user: &str) -> (String, String) {
        self.change(|state, now| give_out(state, channel, user, None, now))
    }

    /// Every response URL, oldest first, with what was posted to each.
    #[must_use]
    pub fn response_urls(&self) -> Vec<ResponseUrl> {
        self.state().response_urls.values().cloned().collect()
    }

    /// A response URL and all that was posted to it.
    #[must_use]
    pub fn response_url(&self, id: &str) -> Option<ResponseUrl> {
        self.state().response_urls.get(id).cloned()
    }
}

/// Registers a response URL; `original` is the message on which somebody clicked.
pub(super) fn give_out(
    state: &mut State,
    channel: &str,
    user: &str,
    original: Option<&Message>,
    now: Timestamp,
) -> (String, String) {
    let id = state.new_id("R");
    let url = format!("{}/response/{id}", state.base_url);
    let entry = ResponseUrl {
        id: id.clone(),
        channel: channel.to_owned(),
        user: user.to_owned(),
        made_at: now,
        uses: 0,
        original: original.map(|message| message.ts.clone()),
        thread_ts: original.and_then(|message| message.thread_ts.clone()),
        posts: Vec::new(),
    };
    state.response_urls.insert(id.clone(), entry);
    (id, url)
}

/// Performs a post to a response URL.
pub(super) fn post(state: &mut State, id: &str, body: &Value, now: Timestamp) -> Result<(), HookRefusal> {
    let entry = state.response_urls.get_mut(id).ok_or(HookRefusal::new(404, "no_such_url"))?;
    if now.since(entry.made_at) > LIFE {
        return Err(HookRefusal::new(404, "expired_url"));
    }
    if entry.uses >= USES {
        return Err(HookRefusal::new(404, "used_url"));
    }
    entry.uses += 1;
    show(state, id, body, Via::ResponseUrl, now)?;
    if let Some(entry) = state.response_urls.get_mut(id) {
        entry.posts.push(body.clone());
    }
    Ok(())
}

/// Shows an application's answer in the channel of a response URL, and remembers the first as its original.
pub(super) fn show(state: &mut State, id: &str, body: &Value, via: Via, now: Timestamp) -> Result<(), HookRefusal> {
    let Some(entry) = state.response_urls.get(id).cloned() else {
        return Err(HookRefusal::new(404, "no_such_url"));
    };
    let fields = body.as_object().ok_or(HookRefusal::new(400, "invalid_payload"))?;
    let flag = |name: &str| fields.get(name).is_some_and(|value| value == true || value == "true");
    let original = entry.original.clone().filter(|ts| state.message(&entry.channel, ts).is_some());
    if flag("delete_original") {
        if let Some(ts) = original {
            state.remove_message(&entry.channel, &ts);
        }
        return Ok(());
    }
    let (text, blocks) = contents(body)?;
    if flag("replace_original")
        && let Some(ts) = original
    {
        replace(state, &entry.channel, &ts, text, blocks, now);
        return Ok(());
    }
    let in_channel = fields.get("response_type").and_then(Value::as_str) == Some("in_channel");
    let message = Message {
        channel: entry.channel.clone(),
        ts: state.new_ts(now),
        thread_ts: fields.get("thread_ts").and_then(Value::as_str).map(str::to_owned).or(entry.thread_ts),
        reply_broadcast: false,
        user: seed::BOT_USER.into(),
        bot_id: Some(seed::BOT.into()),
        text,
        blocks,
        metadata: None,
        ephemeral_to: (!in_channel).then(|| entry.user.clone()),
        edited: None,
        reactions: Vec::new(),
        unfurls: BTreeMap::new(),
        streaming: false,
        via,
    };
    let shown = state.add_message(message);
    if let Some(entry) = state.response_urls.get_mut(id) {
        entry.original.get_or_insert(shown.ts);
    }
    Ok(())
}

fn contents(body: &Value) -> Result<(String, Vec<Value>), HookRefusal> {
    let text: String = body["text"].as_str().unwrap_or_default().chars().take(MESSAGE_TEXT).collect();
    let blocks = match &body["blocks"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.clone(),
        _ => return Err(HookRefusal::new(400, "invalid_blocks_format")),
    };
    limits::check_message_blocks(&blocks).map_err(|breach| HookRefusal {
        status: 400,
        error: breach.error,
        detail: breach.messages,
    })?;
    if text.is_empty() && blocks.is_empty() && body["attachments"].as_array().is_none_or(Vec::is_empty) {
        return Err(HookRefusal::new(400, "no_text"));
    }
    Ok((text, blocks))
}

fn replace(state: &mut State, channel: &str, ts: &str, text: String, mut blocks: Vec<Value>, now: Timestamp) {
    blocks.iter_mut().for_each(|block| state.complete_block(block));
    let edit_ts = state.new_ts(now);
    if let Some(message) = state.message_mut(channel, ts) {
        // Slack marks a change only where the text is what people read.
        message.edited = blocks.is_empty().then(|| Edited { user: seed::BOT_USER.into(), ts: edit_ts });
        (message.text, message.blocks) = (text, blocks);
    }
}
