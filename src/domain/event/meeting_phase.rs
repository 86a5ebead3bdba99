//! How far a meeting is that a platform tells of.

use serde::{Deserialize, Serialize};

/// How far a meeting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeetingPhase {
    /// It has begun.
    Began,
    /// It has ended.
    Ended,
}
