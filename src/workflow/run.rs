//! A run: a workflow while it is done, and what is kept of it afterwards.
//!
//! Owns the row: one value that has all of a run in it, so that who reads it from the store knows as much as who wrote
//! it. It moves in `advance.rs` alone. A field that is added has a default, since rows outlive programs.

mod failure;
mod status;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::event::{Address, ChannelName, Place, PlatformUser};
use crate::domain::ids::{EventId, RunId};
use crate::domain::task::Person;
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::workflow::context::Told;

pub use self::failure::{Failure, FailureKind};
pub use self::status::Status;

/// Lines of the story that are kept; of more, the first ones and the last.
const MOST_LINES: usize = 60;
/// As much of a message is kept, in characters.
const LONGEST_MESSAGE: usize = 500;

/// A run of a workflow.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The name of its workflow.
    pub workflow: String,
    /// The version of the workflow with which it began, as 64 hexadecimal digits, and on which it stays.
    pub version: String,
    /// The file in which that stands, as the caller calls it.
    pub file: String,
    /// The event that began it.
    pub event: EventId,
    /// By which it is known again: the same happening has the same key.
    pub key: String,
    /// By which runs count as running side by side; without it, all of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What is known of the event.
    pub told: Told,
    /// By whose doing it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Person>,
    /// The same as the platform of the event names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<PlatformUser>,
    /// What its event was about: the event may be forgotten before the run is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// The names of events by which it is found while it may wait for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<String>,
    /// How many runs stand between it and what began from outside: 0 to 3.
    #[serde(default)]
    pub depth: u8,
    /// The repository whose file its workflow stands in, `owner/name`; nothing where those who run the bot keep the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Whether what it would write is held back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// How far it is.
    pub status: Status,
    /// How often it was set going: 1, and one more with each retry.
    pub attempt: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its steps by their paths: `task`, `3`, `notify[2].1`, `jira.compensate.1`, `on_failure.1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, StepRun>,
    /// Why it fails: while what is to be done then is done, and afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RunFailure>,
    /// For how long it has worked, in milliseconds; what it waited for people, times and events is not in it.
    #[serde(default)]
    pub worked: u64,
    /// Since when it works, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub works_since: Option<Timestamp>,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Line>,
}

/// What the event of a run was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The channel that told of it.
    pub channel: ChannelName,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Where what it owes there goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Address>,
    /// Where the ids of its people are valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

/// Why a run fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// The path of the step; `trigger` where it could not begin.
    pub step: String,
    /// Why, in words.
    pub message: String,
}

/// One line of the story of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRun {
    /// How far it is.
    pub state: State,
    /// Tries so far, or questions that were asked. The number of the last one.
    #[serde(default)]
    pub attempts: u32,
    /// Tries before the run was last set going.
    #[serde(default)]
    pub earlier: u32,
    /// Whether it is another thing than what was tried earlier, under another key, so that reports of that say nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_anew: bool,
    /// Whether a try under its key has owed something, so that the next one may be the second time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_owed: bool,
    /// When it began.
    pub began: Timestamp,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Under which it is done once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is given, until it is over: each try is given the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub output: Value,
    /// Whether some of that was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// Whether it was not done but made up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_simulated: bool,
    /// Whether nobody knows if it was done: it is never repeated before somebody says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_open: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What in its texts may not be meant: a few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Person>,
    /// The event that it waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The rounds of a loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Box<Rounds>>,
}

impl StepRun {
    /// A step that begins.
    #[must_use]
    pub fn new(state: State, now: Timestamp) -> Self {
        Self {
            state,
            attempts: 0,
            earlier: 0,
            is_anew: false,
            has_owed: false,
            began: now,
            ended: None,
            key: None,
            args: None,
            output: Value::Null,
            is_cut: false,
            is_simulated: false,
            is_open: false,
            error: None,
            remarks: Vec::new(),
            approved: None,
            by: Vec::new(),
            event: None,
            rounds: None,
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// It is begun again from the start, as if it had not been, but for the number of its tries.
    Reset,
    /// It is tried next when this time has come.
    Pausing {
        /// When.
        until: Timestamp,
    },
    /// Effects are owed, which report how they end.
    Owed {
        /// From when on that is too late.
        late: Timestamp,
        /// Whether another try under the same key does no harm where nothing is known of this one.
        may_repeat: bool,
    },
    /// A try has failed, and what follows is not decided yet.
    Tried,
    /// Nobody knows whether it was done, and no person was asked yet.
    Lost,
    /// A person is asked whether it was done.
    Unknown {
        /// Until when.
        until: Timestamp,
    },
    /// People are asked whether the run may go on.
    Asking {
        /// Until when.
        until: Timestamp,
        /// Who may decide: the members of this group.
        group: String,
        /// Of so many a yes is needed.
        min: u32,
        /// Whether who caused the run may not decide.
        exclude_requester: bool,
        /// Whether it is the second group that is asked.
        is_escalated: bool,
    },
    /// A pause.
    Sleeping {
        /// Until when.
        until: Timestamp,
    },
    /// It waits for an event.
    Awaiting {
        /// Until when.
        until: Timestamp,
    },
    /// Its rounds are done.
    Looping,
    /// It has failed, and what makes up for it is done.
    Compensating,
    /// It is done.
    Done,
    /// It was passed over.
    Skipped {
        /// Why, in words.
        why: String,
    },
    /// It has failed for good.
    Failed,
    /// The run was over before it was.
    Withdrawn,
}

impl State {
    /// Whether nothing more comes of it by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped { .. } | Self::Failed | Self::Withdrawn)
    }

    /// As people read it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reset => "to be done again",
            Self::Pausing { .. } => "to be tried",
            Self::Owed { .. } => "under way",
            Self::Tried | Self::Lost | Self::Unknown { .. } => "unknown",
            Self::Asking { .. } => "asked",
            Self::Sleeping { .. } | Self::Awaiting { .. } => "waiting",
            Self::Looping => "in rounds",
            Self::Compensating => "made up for",
            Self::Done => "done",
            Self::Skipped { .. } => "passed over",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The rounds of a loop. A round that is done leaves its output and no more.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rounds {
    /// What it goes through.
    pub items: Vec<Value>,
    /// The round that begins next.
    pub next: u32,
    /// Those that have begun and are not over.
    pub open: Vec<u32>,
    /// Those that failed: with the first of them no further one begins.
    pub failed: Vec<u32>,
    /// What the rounds came to, `null` for those that are not done.
    pub outputs: Vec<Value>,
}

impl Run {
    /// Why it is not set going again, where it is not: only what failed or was cancelled is.
    #[must_use]
    pub fn cannot_go_again(&self) -> Option<String> {
        let can = matches!(self.status, Status::Failed | Status::Cancelled);
        let why =
            || format!("{} is {}; what failed or was cancelled is set going again", self.id, self.status.as_str());
        (!can).then(why)
    }

    /// Adds a line to its story.
    pub fn remember(&mut self, at: Timestamp, what: impl Into<String>) {
        if self.history.len() >= MOST_LINES {
            // The beginning says why it is there; what is between that and the end is in the steps.
            self.history.remove(MOST_LINES / 4);
        }
        self.history.push(Line { at, what: what.into() });
    }

    /// The key of a step that has none of its own. A store that was restored gives numbers out again; the time tells
    /// those runs apart.
    #[must_use]
    pub fn key_of(&self, path: &str) -> String {
        format!("{}@{}/{path}", self.id, self.created.0)
    }
}

impl Record for Run {}

impl fmt::Debug for Run {
    /// Without what the event says, which is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ({})", self.id, self.workflow, self.status.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_word_with_which_it_is_stored() {
        for status in Status::ALL {
            assert_eq!(serde_json::json!(status), status.word());
        }
    }
}
