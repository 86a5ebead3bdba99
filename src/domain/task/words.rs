//! How far a task is and how urgent: the words that people type, and which may follow which.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Some day.
    Backlog,
    /// Next.
    Todo,
    /// Somebody works on it.
    InProgress,
    /// Somebody looks at the result.
    InReview,
    /// It waits for something else.
    Blocked,
    /// Finished.
    Done,
    /// Will not be done.
    Cancelled,
}

impl Status {
    /// All, in the order of work.
    pub const ALL: [Self; 7] =
        [Self::Backlog, Self::Todo, Self::InProgress, Self::InReview, Self::Blocked, Self::Done, Self::Cancelled];

    /// The word that people type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::Todo => "todo",
            Self::InProgress => "in-progress",
            Self::InReview => "in-review",
            Self::Blocked => "blocked",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether work on it has ended.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// The statuses that can follow. A closed task is reopened before it moves on, so that a
    /// stale button cannot bring it back by accident.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Backlog => &[Self::Todo, Self::InProgress, Self::Blocked, Self::Done, Self::Cancelled],
            Self::Todo => {
                &[Self::Backlog, Self::InProgress, Self::InReview, Self::Blocked, Self::Done, Self::Cancelled]
            }
            Self::InProgress => {
                &[Self::Backlog, Self::Todo, Self::InReview, Self::Blocked, Self::Done, Self::Cancelled]
            }
            Self::InReview => &[Self::Todo, Self::InProgress, Self::Blocked, Self::Done, Self::Cancelled],
            Self::Blocked => {
                &[Self::Backlog, Self::Todo, Self::InProgress, Self::InReview, Self::Done, Self::Cancelled]
            }
            Self::Done | Self::Cancelled => &[Self::Todo],
        }
    }
}

/// How urgent a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// As it comes.
    #[default]
    Medium,
    /// Before the others.
    High,
    /// At once.
    Critical,
}

impl Priority {
    /// All, the least urgent first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word that people type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A word that is none of those asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {allowed}")]
pub struct UnknownWord {
    word: String,
    allowed: String,
}

fn find<T: Copy>(word: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, UnknownWord> {
    // People write `In Progress`, `in_progress` and `in-progress`.
    let wanted = word.trim().to_lowercase().replace([' ', '_'], "-");
    all.iter().copied().find(|candidate| name(*candidate) == wanted).ok_or_else(|| UnknownWord {
        word: word.chars().take(40).collect(),
        allowed: all.iter().map(|c| name(*c)).collect::<Vec<_>>().join(", "),
    })
}

impl FromStr for Status {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        find(word, &Self::ALL, Self::as_str)
    }
}

impl FromStr for Priority {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        find(word, &Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for priority in Priority::ALL {
            assert_eq!(priority.as_str().parse(), Ok(priority));
        }
        assert_eq!("In Progress".parse(), Ok(Status::InProgress));
        assert!("finished".parse::<Status>().is_err());
    }
}
