//! How the step of a run fails, by what follows from that.

use serde::{Deserialize, Serialize};

use super::LONGEST_MESSAGE;
use crate::domain::time::Timestamp;
use crate::workflow::action;

/// How something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whether another try may help, and of which kind it is then.
    pub kind: FailureKind,
    /// Why, in words. It is shown to people and given to templates; it is not logged.
    pub message: String,
    /// No other try before this, where the platform says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

impl Failure {
    /// A failure that no other try mends.
    #[must_use]
    pub fn lasting(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Lasting, message)
    }

    /// A failure of a kind.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self { kind, message: message.chars().take(LONGEST_MESSAGE).collect(), not_before: None }
    }
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The platform asks to be left alone for a while. It was not done.
    Throttled,
    /// The platform is away or in trouble. It was not done.
    Transient,
    /// There was no answer in time.
    Timeout,
    /// It is refused, or cannot be done: another try would end alike.
    Lasting,
}

impl FailureKind {
    /// What the file calls it, where another try may help.
    #[must_use]
    pub fn after_which_to_try(self) -> Option<action::Failed> {
        match self {
            Self::Throttled => Some(action::Failed::Throttled),
            Self::Transient => Some(action::Failed::Transient),
            Self::Timeout => Some(action::Failed::Timeout),
            Self::Lasting => None,
        }
    }
}
