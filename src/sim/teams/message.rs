//! A message as the tenant keeps it.
//!
//! It does not check anything; that is `checks`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::time::Timestamp;

/// A message in a conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Where it stands, without `;messageid=…`.
    pub conversation: String,
    /// Its id in the conversation: milliseconds since 1970.
    pub id: String,
    /// In a channel, the first message of its reply chain, where that is another one.
    pub root: Option<String>,
    /// To which message it replies, as its sender says.
    pub reply_to: Option<String>,
    /// Its author: `29:…`, or `28:…` for the bot.
    pub from: String,
    /// When it came.
    pub at: Timestamp,
    /// What it says: the activity as it was sent or last edited.
    pub activity: Value,
    /// The only person who sees it, by id; everybody else sees nothing.
    pub only_for: Option<String>,
    /// How often it was edited in place.
    pub edits: u32,
    /// Whether it was taken back.
    pub deleted: bool,
    /// Whether it is a stream that has not ended.
    pub streaming: bool,
    /// Cards that stand in its place for single people, by their ids: answers to what they pressed.
    pub card_for: BTreeMap<String, Value>,
}

impl Message {
    /// A message for everybody in a conversation, that replies to nothing and has not been changed.
    pub(super) fn new(conversation: &str, id: &str, from: &str, activity: Value, at: Timestamp) -> Self {
        Self {
            conversation: conversation.to_owned(),
            id: id.to_owned(),
            root: None,
            reply_to: None,
            from: from.to_owned(),
            at,
            activity,
            only_for: None,
            edits: 0,
            deleted: false,
            streaming: false,
            card_for: BTreeMap::new(),
        }
    }

    /// Whether the bot has written it.
    #[must_use]
    pub fn is_by_bot(&self) -> bool {
        self.from.starts_with("28:")
    }

    /// Its text, as it was sent.
    #[must_use]
    pub fn text(&self) -> &str {
        self.activity["text"].as_str().unwrap_or_default()
    }

    /// Whether this person sees it.
    #[must_use]
    pub fn is_seen_by(&self, user: &str) -> bool {
        !self.deleted && self.only_for.as_deref().is_none_or(|only| only == user)
    }

    /// The card that this person sees, where there is one: their own, or everybody's.
    #[must_use]
    pub fn card(&self, user: &str) -> Option<&Value> {
        self.card_for.get(user).or_else(|| self.cards().next())
    }

    /// Everybody's cards.
    pub fn cards(&self) -> impl Iterator<Item = &Value> {
        let attachments = self.activity["attachments"].as_array().into_iter().flatten();
        attachments
            .filter(|attachment| attachment["contentType"] == super::checks::CARD_TYPE)
            .map(|attachment| &attachment["content"])
    }
}
