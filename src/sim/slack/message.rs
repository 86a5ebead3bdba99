//! A message as the workspace keeps it, and as the Web API shows it.
//!
//! It does not check anything; that is [`super::limits`]. A field that Slack shows goes into
//! [`Message::to_api`] only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How a message came into the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A person typed it.
    Typed,
    /// `chat.postMessage`.
    PostMessage,
    /// `chat.postEphemeral`.
    PostEphemeral,
    /// `chat.startStream`.
    Stream,
    /// A response URL.
    ResponseUrl,
    /// The body of the answer to a slash command.
    Inline,
}

/// What an application hangs on a message, unseen by people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Its kind, in the application's words.
    pub event_type: String,
    /// Its content.
    pub event_payload: Map<String, Value>,
}

impl Metadata {
    /// Whether some string in the payload is exactly `key`.
    #[must_use]
    pub fn holds(&self, key: &str) -> bool {
        self.event_payload.values().any(|value| value.as_str() == Some(key))
    }
}

/// Who changed a message, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// The user.
    pub user: String,
    /// When, in Slack's notation.
    pub ts: String,
}

/// An emoji under a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Its name, without colons.
    pub name: String,
    /// Who put it there.
    pub users: Vec<String>,
}

/// A message in a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Where it stands.
    pub channel: String,
    /// Its id in the channel, and its time: `seconds.micros`.
    pub ts: String,
    /// The `ts` of the message under which it stands.
    pub thread_ts: Option<String>,
    /// Whether a thread's message is shown in the channel too.
    pub reply_broadcast: bool,
    /// Its author.
    pub user: String,
    /// The application's bot, where the author is one.
    pub bot_id: Option<String>,
    /// The text: all there is to see without blocks, the notification with them.
    pub text: String,
    /// The blocks, each with a `block_id`.
    pub blocks: Vec<Value>,
    /// What the application hung on it.
    pub metadata: Option<Metadata>,
    /// The only person who sees it.
    pub ephemeral_to: Option<String>,
    /// The last change that readers are told of.
    pub edited: Option<Edited>,
    /// Emoji below it.
    pub reactions: Vec<Reaction>,
    /// What the application shows below links in it, by link.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unfurls: BTreeMap<String, Vec<Value>>,
    /// Whether it is a stream that has not ended.
    pub streaming: bool,
    /// How it came.
    pub via: Via,
}

impl Message {
    /// The thread in which it is read: its parent's, or the one that it opens.
    #[must_use]
    pub fn thread_root(&self) -> &str {
        self.thread_ts.as_deref().unwrap_or(&self.ts)
    }

    /// Whether it stands in a thread below another message.
    #[must_use]
    pub fn is_reply(&self) -> bool {
        self.thread_ts.as_deref().is_some_and(|parent| parent != self.ts)
    }

    /// What in it calls people or channels: every `<!…>`, `<@…>` of its text and mrkdwn blocks.
    #[must_use]
    pub fn calls_out_to(&self) -> Vec<String> {
        let mut found = tokens(&self.text);
        self.blocks.iter().chain(self.unfurls.values().flatten()).for_each(|block| collect_mrkdwn(block, &mut found));
        found.sort();
        found.dedup();
        found
    }

    /// The message as the Web API shows it. Slack shows the payload of metadata only to those who
    /// ask with `include_all_metadata`.
    #[must_use]
    pub fn to_api(&self, team: &str, app: &str, whole_metadata: bool) -> Value {
        let mut shown = json!({
            "type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": team,
        });
        let fields = shown.as_object_mut().expect("invariant: built as an object above");
        if let Some(bot) = &self.bot_id {
            fields.insert("bot_id".into(), json!(bot));
            fields.insert("app_id".into(), json!(app));
        }
        // The id that a person's own program has given it.
        if self.via == Via::Typed {
            fields.insert("client_msg_id".into(), json!(format!("{}-{}", self.channel, self.ts)));
        }
        if !self.blocks.is_empty() {
            fields.insert("blocks".into(), json!(self.blocks));
        }
        if let Some(parent) = &self.thread_ts {
            fields.insert("thread_ts".into(), json!(parent));
        }
        if self.reply_broadcast {
            fields.insert("subtype".into(), json!("thread_broadcast"));
        }
        if let Some(edited) = &self.edited {
            fields.insert("edited".into(), json!(edited));
        }
        if !self.reactions.is_empty() {
            let list = self.reactions.iter().map(|r| json!({"name": r.name, "users": r.users, "count": r.users.len()}));
            fields.insert("reactions".into(), list.collect());
        }
        if !self.unfurls.is_empty() {
            let list = self.unfurls.iter().enumerate().map(|(index, (link, blocks))| {
                json!({ "id": index + 1, "from_url": link, "app_unfurl_url": link, "is_app_unfurl": true, "blocks": blocks })
            });
            fields.insert("attachments".into(), list.collect());
        }
        if let Some(metadata) = &self.metadata {
            let kind = &metadata.event_type;
            let part = if whole_metadata { json!(metadata) } else { json!({ "event_type": kind }) };
            fields.insert("metadata".into(), part);
        }
        shown
    }
}

/// The `<!…>` and `<@…>` in a text.
fn tokens(text: &str) -> Vec<String> {
    let pieces = text.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(inside, _)| inside));
    pieces.filter(|inside| inside.starts_with(['!', '@'])).map(|inside| format!("<{inside}>")).collect()
}

fn collect_mrkdwn(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("type").and_then(Value::as_str) == Some("mrkdwn")
                && let Some(text) = fields.get("text").and_then(Value::as_str)
            {
                found.extend(tokens(text));
            }
            fields.values().for_each(|inner| collect_mrkdwn(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_mrkdwn(inner, found)),
        _ => {}
    }
}

#[cfg(test)]
pub(super) fn sample(text: &str, blocks: Value) -> Message {
    Message {
        channel: "C0GENERAL".into(),
        ts: "1700000000.000100".into(),
        thread_ts: None,
        reply_broadcast: false,
        user: "U0BOT0001".into(),
        bot_id: Some("B0BOT0001".into()),
        text: text.into(),
        blocks: blocks.as_array().cloned().unwrap_or_default(),
        metadata: None,
        ephemeral_to: None,
        edited: None,
        reactions: Vec::new(),
        unfurls: BTreeMap::new(),
        streaming: false,
        via: Via::PostMessage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_would_ring_a_bell() {
        let message = sample(
            "hi <!channel> &lt;!here&gt;",
            json!([
                {"type": "section", "text": {"type": "mrkdwn", "text": "see <@U1> and <https://x|x>"}},
                {"type": "header", "text": {"type": "plain_text", "text": "<!everyone> is only text here"}},
            ]),
        );
        assert_eq!(message.calls_out_to(), ["<!channel>", "<@U1>"]);
    }

    #[test]
    fn metadata_is_whole_only_for_those_who_ask() {
        let mut message = sample("hi", json!([]));
        let payload = json!({"key": "k1"}).as_object().unwrap().clone();
        message.metadata = Some(Metadata { event_type: "done".into(), event_payload: payload });
        assert_eq!(message.to_api("T", "A", false)["metadata"], json!({"event_type": "done"}));
        assert_eq!(message.to_api("T", "A", true)["metadata"]["event_payload"]["key"], "k1");
    }
}
