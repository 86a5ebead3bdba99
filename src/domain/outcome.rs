//! What a handler decides. Nothing has happened yet: the outcome is committed as a whole or not at all.

use serde::{Deserialize, Serialize};

use crate::domain::card::{Audience, Card, Tone};
use crate::domain::effect::Terms;
use crate::domain::event::Address;
use crate::domain::ids::{ApprovalId, TaskId};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;

/// Everything that follows from one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// State that changes.
    pub writes: Vec<Write>,
    /// Messages owed.
    pub replies: Vec<Reply>,
    /// Operations of platforms owed.
    pub calls: Vec<Call>,
    /// What steps of workflows have owed and nobody waits for any more, by what it would report to ([`Terms::reports`]).
    pub withdrawn: Vec<String>,
    /// Who has done it and what, where that is not who asked: a run of a workflow.
    pub acted: Option<Acted>,
    /// Timers set or cleared.
    pub timers: Vec<TimerChange>,
    /// On what it acted, for the audit chain: `T-12`. The router adds who, by which rule and when.
    pub resource: String,
    /// One line for `why`, without personal text: `created T-12`.
    pub summary: String,
    /// Machine-readable result, for tools called by programs.
    pub result: Option<serde_json::Value>,
    /// What somebody who only looks is shown in the answer to their request; it is kept nowhere.
    pub shown: Option<Card>,
    /// Tasks that change, of which those are told whom it concerns.
    pub tasks: Vec<TaskChange>,
    /// Who is told of it unasked, and who is not and why, without personal text.
    pub told: Vec<String>,
}

impl Outcome {
    /// What follows from one event for two reasons, or for one of them. What is shown, and who acted, are the first one's.
    #[must_use]
    pub fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.joined(other)),
            (one, other) => one.or(other),
        }
    }

    fn joined(mut self, other: Self) -> Self {
        self.writes.extend(other.writes);
        self.replies.extend(other.replies);
        self.calls.extend(other.calls);
        self.withdrawn.extend(other.withdrawn);
        self.timers.extend(other.timers);
        self.tasks.extend(other.tasks);
        self.told.extend(other.told);
        self.summary = format!("{}; {}", self.summary, other.summary);
        self
    }
}

/// What somebody has done who was not asked, for the audit chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// Who: `workflow:NAME`.
    pub by: String,
    /// What, in words without personal text.
    pub what: String,
}

/// A task that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskChange {
    /// As it was; nothing where it is new.
    pub before: Option<Task>,
    /// As it is then.
    pub after: Task,
}

/// What must be true of a key for a write to land; where it is not, nothing of its batch lands and
/// the handler runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// The key has no value.
    Absent,
    /// Nothing, and the key cannot have a value: it carries a number that is given out once. Nobody looks.
    Unused,
    /// The value is the one that was read with this version.
    Version(u64),
}

impl Expect {
    /// The condition that says "as I read it", where a key without a value reads as version 0.
    #[must_use]
    pub fn as_read(version: u64) -> Self {
        if version == 0 { Self::Absent } else { Self::Version(version) }
    }
}

/// A change of one key within the tenant. `store/keyspace` makes these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key, without its tenant.
    pub key: Vec<u8>,
    /// The condition.
    pub expect: Expect,
    /// The value, or `None` to take it away.
    pub value: Option<Vec<u8>>,
}

/// A message to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Where; `None` is where the event came from.
    pub to: Option<Address>,
    /// What.
    pub card: Card,
    /// To whom.
    pub audience: Audience,
    /// The message that it replaces.
    pub replaces: Option<String>,
    /// Whose card it is: the message is changed when that is.
    pub shows: Option<Shows>,
    /// How it lives on, where it is not said once and done with.
    pub living: Option<Living>,
    /// What the step of a workflow wants of it.
    pub terms: Option<Terms>,
}

/// How a message lives on after it was written: what is said later in its place, and what of it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Living {
    /// What it is about, in a word of whoever writes it. A conversation has one message of a topic: the next one changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The text before the card of what the message shows, in the notation of its platform. It stays when that is made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
}

impl Living {
    /// Tells it from other messages of its conversation that show the same: by its topic, else by its words.
    #[must_use]
    pub fn slot(&self) -> &str {
        self.topic.as_deref().or(self.lead.as_deref()).unwrap_or_default()
    }
}

/// Something that a platform is asked to do and that is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where.
    pub to: Address,
    /// What: `github.label`.
    pub operation: String,
    /// With what.
    pub args: serde_json::Value,
    /// What the step of a workflow wants of it.
    pub terms: Option<Terms>,
}

impl Reply {
    /// An answer that everybody in the conversation sees.
    #[must_use]
    pub fn everyone(card: Card) -> Self {
        Self { to: None, card, audience: Audience::Everyone, replaces: None, shows: None, living: None, terms: None }
    }

    /// An answer for the asker alone.
    #[must_use]
    pub fn asker(card: Card) -> Self {
        Self { to: None, card, audience: Audience::Asker, replaces: None, shows: None, living: None, terms: None }
    }
}

/// What a message shows, so that it is kept true. A task stands in what is stored as its number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shows {
    /// The card of a task.
    Task(TaskId),
    /// The card of an approval.
    Approval {
        /// Which one.
        approval: ApprovalId,
    },
}

impl From<TaskId> for Shows {
    fn from(task: TaskId) -> Self {
        Self::Task(task)
    }
}

impl From<ApprovalId> for Shows {
    fn from(approval: ApprovalId) -> Self {
        Self::Approval { approval }
    }
}

/// A durable timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimerChange {
    /// Rings at a time, once; setting a name again moves it.
    Set {
        /// Name, unique within the tenant.
        name: String,
        /// When.
        at: Timestamp,
        /// What comes back with the ring.
        payload: serde_json::Value,
    },
    /// Does not ring.
    Clear {
        /// Name.
        name: String,
    },
}

/// An expected no, shown to the person as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Refusal {
    /// What was refused and why, in the person's words.
    pub what: String,
    /// How to mend it.
    pub mend: Option<String>,
    /// Text in which every character counts, such as the usage.
    pub usage: Option<String>,
}

impl Refusal {
    /// A refusal with its mend.
    #[must_use]
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: Some(mend.into()), usage: None }
    }

    /// As a card for the asker.
    #[must_use]
    pub fn card(&self) -> Card {
        let mut card = Card::new(self.what.clone()).tone(Tone::Warning);
        if let Some(mend) = &self.mend {
            card = card.text(mend.clone());
        }
        if let Some(usage) = &self.usage {
            card = card.block(crate::domain::card::Block::Code { text: usage.clone() });
        }
        card
    }
}

/// Why a handler produced no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An expected no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It needs a further permission, which this person does not have; where policies ask somebody for it, they are asked.
    #[error("{refusal}")]
    NotPermitted {
        /// The action.
        action: String,
        /// What is said where nobody is asked.
        refusal: Refusal,
    },
    /// Something is broken; the event is tried again and then set aside.
    #[error("{0:#}")]
    Fault(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Fault(error)
    }
}
