//! What happened: the kinds of events.

use serde::{Deserialize, Serialize};

use super::{Asked, MeetingPhase};
use crate::domain::api_key::Posted;
use crate::domain::form::Filled;
use crate::domain::time::Timestamp;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// Somebody spoke to the bot: the words after the slash command or the mention.
    Command {
        /// As typed, with the platform's mark-up already read.
        line: String,
    },
    /// Somebody pressed a button or chose from a menu on a card of ours.
    CardAction {
        /// The signed token that the button carries.
        token: String,
        /// What was chosen, where the control has choices.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<String>,
        /// The message that carries the card, in the channel's own notation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A platform shows a card of ours to somebody, and asks by itself how it is for them. Whoever is asked only looks.
    CardSeen {
        /// The signed token that the card carries for this.
        token: String,
    },
    /// Somebody has sent a form of ours.
    FormSubmitted {
        /// Its name in the table of forms.
        form: String,
        /// What was filled in.
        filled: Filled,
    },
    /// Somebody has opened the page that they have with the bot alone; the way back leads there.
    HomeOpened,
    /// Somebody has written links in a message that asks nothing of us: what they lead to may be shown below them.
    LinksWritten {
        /// The message, in the channel's own notation.
        message: String,
        /// The links, letter by letter as the platform tells of them.
        links: Vec<String>,
    },
    /// A program calls a tool by its name.
    ToolCall {
        /// Name in the table of tools.
        tool: String,
        /// Its arguments.
        args: serde_json::Value,
    },
    /// Something that the platform reports. Rules may act on it; nobody has asked us to by it alone.
    Platform {
        /// The platform's name for it.
        name: String,
        /// Why it will be ignored, where the channel knows already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ignore: Option<String>,
        /// What was asked of us in the text that it tells of; each command is an event of its own.
        #[serde(default, skip_serializing_if = "Asked::is_nothing")]
        asked: Asked,
        /// It is our own doing, which the platform tells us of.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own: bool,
        /// A program has posted it in the platform's place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        posted: Option<Posted>,
        /// It asks nothing of us and will be ignored, but where a rule is about it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        overheard: bool,
    },
    /// A meeting of the place has begun or ended. Nobody has asked for anything.
    Meeting {
        /// Which of both.
        phase: MeetingPhase,
        /// The platform's id of it.
        meeting: String,
    },
    /// The platform has ended the connection of a workspace: the bot was removed, or its tokens were revoked.
    Disconnected {
        /// What was done, for people.
        why: String,
        /// When, by the platform's clock, where it says so; a later connection is not ended by it. It has a name of its
        /// own where it is written, since it stands beside the fields of its event.
        #[serde(default, rename = "ended", skip_serializing_if = "Option::is_none")]
        happened: Option<Timestamp>,
    },
    /// A durable timer rang.
    TimerFired {
        /// Its name.
        name: String,
        /// What its setter wanted to remember.
        payload: serde_json::Value,
    },
}

impl EventKind {
    /// Something that a platform reports, of which no command is a part.
    #[must_use]
    pub fn platform(name: impl Into<String>, ignore: Option<String>) -> Self {
        let (name, asked) = (name.into(), Asked::default());
        Self::Platform { name, ignore, asked, own: false, posted: None, overheard: false }
    }

    /// Something that people do among themselves. It is ignored for this reason, but where a rule is about it.
    #[must_use]
    pub fn overheard(name: impl Into<String>, why: impl Into<String>) -> Self {
        let (name, ignore, asked) = (name.into(), Some(why.into()), Asked::default());
        Self::Platform { name, ignore, asked, own: false, posted: None, overheard: true }
    }

    /// The same, where it is overheard: not ignored, since a rule is about it.
    #[must_use]
    pub fn listened_to(mut self) -> Self {
        if let Self::Platform { ignore, overheard: true, .. } = &mut self {
            *ignore = None;
        }
        self
    }

    /// Whether nobody gets a message in answer to it: who asked waits for its end, or nobody has asked. What is owed to
    /// an address of its own goes there all the same.
    #[must_use]
    pub fn has_no_answer(&self) -> bool {
        matches!(self, Self::ToolCall { .. } | Self::CardSeen { .. } | Self::LinksWritten { .. } | Self::Meeting { .. })
    }

    /// The word by which `events list`, metrics and policies name this kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Command { .. } => "command",
            Self::CardAction { .. } => "card_action",
            Self::CardSeen { .. } => "card_seen",
            Self::FormSubmitted { .. } => "form_submitted",
            Self::HomeOpened => "home_opened",
            Self::LinksWritten { .. } => "links_written",
            Self::Meeting { .. } => "meeting",
            Self::ToolCall { .. } => "tool_call",
            Self::Disconnected { .. } => "disconnected",
            Self::Platform { .. } => "platform",
            Self::TimerFired { .. } => "timer_fired",
        }
    }
}
