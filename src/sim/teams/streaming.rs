//! Messages that grow while they are written.
//!
//! From Microsoft's page "Stream bot messages": in chats of one person only; the first call has the number 1 and is
//! answered with the stream's id; every further one carries that id, the next number, and the whole text so far; the last
//! is a `message` without a number. One runs at a time in a chat. Codes and texts are that page's.

use std::time::Duration;

use serde_json::{Value, json};

use super::message::Message;
use super::refusal::Refusal;
use super::seed::{Conversation, Kind};
use super::state::State;
use crate::domain::time::Timestamp;

/// How long a stream may take from its first call to its last.
const MOST_TIME: Duration = Duration::from_secs(120);
/// Least time between two calls of a stream: the page demands one per second at most.
const PACE: Duration = Duration::from_millis(1000);

/// A stream that has begun.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    conversation: String,
    began: Timestamp,
    last: Timestamp,
    sequence: u64,
    text: String,
    over: Option<&'static str>,
}

/// The `streaminfo` of an activity, if it is part of a stream.
pub(super) fn info(activity: &Value) -> Option<&Value> {
    activity["entities"].as_array()?.iter().find(|entity| entity["type"] == "streaminfo")
}

/// The person presses Stop. False where nothing runs under this id.
pub(super) fn stop(state: &mut State, id: &str) -> bool {
    let Some(stream) = state.streams.get_mut(id).filter(|stream| stream.over.is_none()) else { return false };
    stream.over = Some("Content stream was canceled by user.");
    let conversation = stream.conversation.clone();
    if let Some(message) = state.message_mut(&conversation, id) {
        message.streaming = false;
    }
    true
}

fn not_allowed(message: &str) -> Refusal {
    Refusal::new(403, "ContentStreamNotAllowed", message)
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "BadRequest", message)
}

/// A call of a stream: the status and the answer.
pub(super) fn call(
    state: &mut State,
    place: &Conversation,
    activity: &Value,
    now: Timestamp,
) -> Result<(u16, Value), Refusal> {
    let info = info(activity).cloned().unwrap_or_default();
    if place.kind != Kind::Personal {
        return Err(not_allowed("Content stream is not allowed in this conversation."));
    }
    if !state.may_stream {
        return Err(not_allowed("Content stream is not allowed"));
    }
    let last = info["streamType"] == "final";
    let sequence = info["streamSequence"].as_u64();
    match (info["streamType"].as_str(), activity["type"].as_str(), sequence) {
        (Some("final"), Some("message"), None) | (Some("informative" | "streaming"), Some("typing"), Some(1..)) => {}
        (Some("final"), Some("message"), Some(_)) => return Err(malformed("A final message has no streamSequence.")),
        _ => return Err(malformed("streamType, streamSequence and the activity's type do not go together.")),
    }
    let text = activity["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(malformed("Streaming activities should include text."));
    }
    if !last && activity["attachments"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(malformed("Attachments are for the final message only."));
    }
    let Some(id) = info["streamId"].as_str() else {
        return begin(state, place, activity, (sequence, text), now);
    };
    let stream = state.streams.get_mut(id).filter(|stream| stream.conversation == place.id);
    let Some(stream) = stream else { return Err(malformed("There is no stream of this id.")) };
    if let Some(why) = stream.over {
        return Err(not_allowed(why));
    }
    if now.since(stream.began) > MOST_TIME {
        return Err(not_allowed("Content stream finished due to exceeded streaming time."));
    }
    if sequence.is_some_and(|sequence| sequence <= stream.sequence) {
        // A number that comes too late is answered as taken, and not shown.
        return Ok((202, json!({ "code": "ContentStreamSequenceOrderPreConditionFailed" })));
    }
    if !last && now.since(stream.last) < PACE {
        return Err(Refusal { retry_after: Some(1), ..Refusal::new(429, "Throttled", "API calls quota exceeded.") });
    }
    if info["streamType"] != "informative" {
        if !text.starts_with(&stream.text) {
            return Err(not_allowed("Request streamed content should contain the previously streamed content."));
        }
        text.clone_into(&mut stream.text);
    }
    (stream.last, stream.sequence) = (now, sequence.unwrap_or(stream.sequence));
    stream.over = last.then_some("Content stream is not allowed on an already completed streamed message.");
    if let Some(message) = state.message_mut(&place.id, id) {
        message.activity = activity.clone();
        message.streaming = !last;
    }
    Ok((202, if last { json!({ "id": id }) } else { json!({}) }))
}

fn begin(
    state: &mut State,
    place: &Conversation,
    activity: &Value,
    (sequence, text): (Option<u64>, &str),
    now: Timestamp,
) -> Result<(u16, Value), Refusal> {
    if sequence != Some(1) {
        return Err(malformed("Start of a stream has the sequence 1."));
    }
    let runs = |stream: &&Stream| {
        stream.conversation == place.id && stream.over.is_none() && now.since(stream.began) <= MOST_TIME
    };
    if state.streams.values().any(|stream| runs(&stream)) {
        // One at a time and chat; the words for it are ours.
        return Err(not_allowed("Content stream is not allowed beside another one."));
    }
    let id = state.new_id(now);
    let is_said = info(activity).is_some_and(|info| info["streamType"] == "streaming");
    let stream = Stream {
        conversation: place.id.clone(),
        began: now,
        last: now,
        sequence: 1,
        text: if is_said { text.to_owned() } else { String::new() },
        over: None,
    };
    state.streams.insert(id.clone(), stream);
    let message = Message {
        reply_to: activity["replyToId"].as_str().map(str::to_owned),
        streaming: true,
        ..Message::new(&place.id, &id, &state.bot(), activity.clone(), now)
    };
    state.add(message);
    Ok((201, json!({ "id": id })))
}
