//! What the connector answers instead of doing what was asked.
//!
//! The codes and words of 403 on how the bot stands in a conversation, of `ConversationNotFound`, `MessageSizeTooBig` and
//! `Throttled` are those of the table of status codes on Microsoft's page on messages in bot conversations, and
//! `MemberNotFoundInConversation` and `BadSyntax` those of Microsoft's samples. Where the documents have no word for a
//! refusal, the word is ours.

use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// Microsoft's word, or ours where it has none.
    pub(super) code: &'static str,
    /// What and where.
    pub(super) message: String,
    /// Seconds until it may come again.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// The activity is not one.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadArgument", message)
    }

    pub(super) fn no_conversation() -> Self {
        Self::new(404, "ConversationNotFound", "Conversation not found.")
    }

    pub(super) fn no_activity() -> Self {
        Self::new(404, "ActivityNotFoundInConversation", "Activity not found in conversation.")
    }

    pub(super) fn throttled(after: u64) -> Self {
        Self { retry_after: Some(after), ..Self::new(429, "Throttled", "Too many requests.") }
    }

    /// The body. That of a missing or bad token has another shape.
    pub(super) fn body(&self) -> Value {
        if self.status == 401 {
            return json!({ "message": self.message });
        }
        json!({ "error": { "code": self.code, "message": self.message } })
    }
}
