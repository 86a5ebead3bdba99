//! How far a run is, and the words for that.

use serde::{Deserialize, Serialize};

use crate::store::codec::Record;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// What its conditions look at is being fetched.
    Needs,
    /// It waits for its turn.
    Queued,
    /// It works.
    Running,
    /// It waits for a person, a time or an event.
    Waiting,
    /// It is over: all was done.
    Done,
    /// It is over: a step failed.
    Failed,
    /// It is over: somebody ended it.
    Cancelled,
    /// It is over before it began: its conditions do not hold, or another run has its turn.
    PassedOver,
}

impl Record for Status {}

impl Status {
    /// Every status, in the order in which a run goes through them.
    pub const ALL: [Self; 8] = [
        Self::Needs,
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::PassedOver,
    ];

    /// The word that programs use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::PassedOver => "passed_over",
        }
    }

    /// Whether nothing happens any more, unless somebody sets it going again.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled | Self::PassedOver)
    }

    /// Whether it has its turn: it began, and is not over.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Waiting)
    }

    /// As people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Needs => "waits for what its conditions need",
            Self::Queued => "waits for its turn",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::PassedOver => "passed over",
        }
    }
}
