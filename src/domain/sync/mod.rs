//! An issue of GitHub and the task that is kept the same with it: what of them, in which way, and what both have agreed on.
//!
//! Pure, as all of `domain`. What an event says of an issue is `issue.rs`, how one field is decided `merge.rs`, when two
//! sides go in a circle `bounce.rs`, the pair and all its fields `link.rs`. Who reads the store and owes the writes is
//! `actors/sync`. A further field is a variant of [`Field`], and what it is on each side.

pub mod bounce;
pub mod issue;
pub mod link;
pub mod merge;
#[cfg(test)]
mod ring;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::task::Status;
use crate::domain::time::Timestamp;

/// What is kept the same. Each label is a field of its own, so that sets are merged one by one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Field {
    /// Open, closed as completed, closed as not planned.
    Status,
    /// The title.
    Title,
    /// The text.
    Description,
    /// Who has it.
    Assignee,
    /// Whether it has this label.
    Label(String),
}

/// The value of a field as both sides write it; nothing where the side has none.
pub type Value = Option<String>;

/// What stands in the place of a label that is there.
pub const PRESENT: &str = "on";

const LABEL: &str = "label ";

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Title => f.write_str("title"),
            Self::Description => f.write_str("description"),
            Self::Assignee => f.write_str("assignee"),
            Self::Label(name) => write!(f, "{LABEL}{name}"),
        }
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        match text.as_str() {
            "status" => Self::Status,
            "title" => Self::Title,
            "description" => Self::Description,
            "assignee" => Self::Assignee,
            other => Self::Label(other.strip_prefix(LABEL).unwrap_or(other).to_owned()),
        }
    }
}

/// In which way a field follows the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Each side follows the other.
    #[default]
    Both,
    /// The issue follows the task.
    ToGithub,
    /// The task follows the issue.
    FromGithub,
    /// Neither.
    Off,
}

impl Flow {
    /// Whether the task follows the issue.
    #[must_use]
    pub fn comes_in(self) -> bool {
        matches!(self, Self::Both | Self::FromGithub)
    }

    /// Whether the issue follows the task.
    #[must_use]
    pub fn goes_out(self) -> bool {
        matches!(self, Self::Both | Self::ToGithub)
    }
}

/// Which side wins where both have changed a field differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The later change, by the clock of each; GitHub's where both are of the same second.
    #[default]
    Newest,
    /// The issue.
    Github,
    /// The task.
    Task,
}

/// When a value was set, and by which side where both did at the same moment: the greater one is the newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// When.
    pub at: Timestamp,
    /// Whose it is; the greater one wins a tie.
    #[serde(default)]
    pub side: u32,
}

impl Stamp {
    /// A change of the task. GitHub's times are whole seconds, so ours are too, and it wins a tie.
    #[must_use]
    pub fn of_task(at: Timestamp) -> Self {
        Self { at: Timestamp(at.0.div_euclid(1000) * 1000), side: 0 }
    }

    /// A change at GitHub.
    #[must_use]
    pub fn of_issue(at: Timestamp) -> Self {
        Self { at, side: 1 }
    }
}

/// A value, and since when it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Held {
    /// The value.
    pub value: Value,
    /// Since when.
    pub stamp: Stamp,
}

/// Which status of a task stands for which state of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// An issue that is closed as completed.
    pub completed: Status,
    /// An issue that is closed as not planned, or as a duplicate.
    pub not_planned: Status,
    /// An issue that was closed and is open again.
    pub reopened: Status,
}

impl Default for Words {
    fn default() -> Self {
        Self { completed: Status::Done, not_planned: Status::Cancelled, reopened: Status::Todo }
    }
}

/// An open issue.
pub const OPEN: &str = "open";
/// One that is closed as completed.
pub const COMPLETED: &str = "completed";
/// One that is closed as not planned.
pub const NOT_PLANNED: &str = "not_planned";

impl Words {
    /// The state of an issue for which a status stands.
    #[must_use]
    pub fn state_of(&self, status: Status) -> &'static str {
        match status {
            status if status == self.completed => COMPLETED,
            status if status == self.not_planned => NOT_PLANNED,
            Status::Done => COMPLETED,
            Status::Cancelled => NOT_PLANNED,
            _ => OPEN,
        }
    }

    /// The status of a task that follows an issue into a state.
    #[must_use]
    pub fn status_of(&self, state: &str) -> Status {
        match state {
            COMPLETED => self.completed,
            NOT_PLANNED => self.not_planned,
            _ => self.reopened,
        }
    }
}

/// How issues and tasks are kept the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Whether it is open.
    pub status: Flow,
    /// The title.
    pub title: Flow,
    /// The text.
    pub description: Flow,
    /// Labels.
    pub labels: Flow,
    /// Who has it.
    pub assignee: Flow,
    /// What people say below it.
    pub comments: Flow,
    /// Who wins.
    pub rule: Rule,
    /// Which status stands for which state.
    pub words: Words,
    /// When two sides go in a circle.
    pub breaker: bounce::Breaker,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            status: Flow::Both,
            title: Flow::Both,
            description: Flow::Off,
            labels: Flow::Both,
            assignee: Flow::Both,
            comments: Flow::Both,
            rule: Rule::Newest,
            words: Words::default(),
            breaker: bounce::Breaker::default(),
        }
    }
}

impl Table {
    /// In which way a field goes.
    #[must_use]
    pub fn flow(&self, field: &Field) -> Flow {
        match field {
            Field::Status => self.status,
            Field::Title => self.title,
            Field::Description => self.description,
            Field::Assignee => self.assignee,
            Field::Label(_) => self.labels,
        }
    }

    /// Whether nothing at all is kept the same.
    #[must_use]
    pub fn is_off(&self) -> bool {
        [self.status, self.title, self.description, self.labels, self.assignee, self.comments]
            .iter()
            .all(|flow| *flow == Flow::Off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_back_from_its_name() {
        for field in [Field::Status, Field::Title, Field::Description, Field::Assignee, Field::Label("bug".into())] {
            assert_eq!(Field::from(field.to_string()), field);
        }
    }

    #[test]
    fn every_status_stands_for_a_state_and_each_state_for_a_status() {
        let words = Words { completed: Status::InReview, ..Words::default() };
        assert_eq!(words.state_of(Status::InReview), COMPLETED);
        for status in Status::ALL {
            let state = Words::default().state_of(status);
            assert_eq!(state == OPEN, !status.is_closed(), "{status}");
            assert_eq!(Words::default().state_of(Words::default().status_of(state)), state, "{status}");
        }
    }
}
