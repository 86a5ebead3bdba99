//! A task: what is to be done, by whom, how far it is, and all that happened to it.
//!
//! Pure: changes are applied by [`Task::apply`], which says what changed. Storing is
//! `store/keyspace`, words and cards are `commands/`.

pub mod link;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::event::Address;
use crate::domain::ids::{EventId, PrincipalId, TaskId};
use crate::domain::time::Timestamp;

pub use self::words::{Priority, Status, UnknownWord};

/// Who works on a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "who", rename_all = "lowercase")]
pub enum Assignee {
    /// One of the agents, by name.
    Agent(String),
    /// A person, with the name to show.
    Person {
        /// Who.
        id: PrincipalId,
        /// As shown when it was assigned.
        name: String,
    },
}

impl fmt::Display for Assignee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(name) => f.write_str(name),
            Self::Person { name, .. } => write!(f, "@{name}"),
        }
    }
}

/// A person as a task remembers one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: PrincipalId,
    /// The name at that time.
    pub name: String,
}

/// Where a task came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The event that made it.
    pub event: EventId,
    /// In words: `slack #C024BE91L`.
    pub place: String,
    /// A link to it, where the platform has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where reminders go: the conversation that it came from, without addresses that serve once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Address>,
}

/// A remark on a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// The comment of its issue at GitHub that it is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
}

/// A comment at GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// GitHub's id of it.
    pub id: u64,
    /// When it was written last; nothing once it is gone.
    pub at: Option<Timestamp>,
}

impl Comment {
    /// Whether it is this one, perhaps with other words.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let is_same = match (&self.elsewhere, &other.elsewhere) {
            (Some(one), Some(other)) => one.id == other.id,
            (None, None) => self.text == other.text,
            _ => false,
        };
        is_same && (self.at, &self.by) == (other.at, &other.by)
    }
}

/// One line of a task's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// The event that caused it.
    pub event: EventId,
    /// In words: `status todo → in-progress`.
    pub what: String,
}

/// The most comments and history lines that a task carries; older ones stay in the audit chain.
pub const MOST_REMEMBERED: usize = 200;
/// The longest title in characters.
pub const LONGEST_TITLE: usize = 250;
/// The longest description or comment in characters.
pub const LONGEST_TEXT: usize = 10_000;
/// The most labels a task can carry.
pub const MOST_LABELS: usize = 20;

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// One line.
    pub title: String,
    /// The whole story.
    #[serde(default)]
    pub description: String,
    /// How far it is.
    pub status: Status,
    /// How urgent it is.
    pub priority: Priority,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Assignee>,
    /// The day by which it shall be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<jiff::civil::Date>,
    /// The project it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Who made it.
    pub created_by: Person,
    /// When.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Where it came from.
    pub origin: Origin,
    /// Remarks, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// What happened, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

/// What somebody wants to be different.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskPatch {
    /// A new title.
    pub title: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// A new status.
    pub status: Option<Status>,
    /// A new priority.
    pub priority: Option<Priority>,
    /// A new assignee; `Some(None)` takes it from whoever had it.
    #[serde(skip)]
    pub assignee: Option<Option<Assignee>>,
    /// A new due day; `Some(None)` takes it away.
    #[serde(skip)]
    pub due: Option<Option<jiff::civil::Date>>,
    /// A new project; an empty text takes it away.
    pub project: Option<String>,
    /// Labels to add.
    pub add_labels: Vec<String>,
    /// Labels to take off.
    pub remove_labels: Vec<String>,
    /// Whether a closed task may be moved on; only `reopen` says so.
    #[serde(skip)]
    pub reopen: bool,
}

/// Why a change does not fit the task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The status cannot follow the present one.
    #[error("{task} is {from}, so it cannot become {to}")]
    Transition {
        /// Which task.
        task: TaskId,
        /// Its status.
        from: Status,
        /// The status wanted.
        to: Status,
    },
    /// A title without a visible character.
    #[error("a task needs a title")]
    NoTitle,
    /// A text that is too long.
    #[error("the {what} has {length} characters, at most {limit} fit")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A label that is empty or more labels than a task carries.
    #[error("a task carries at most {MOST_LABELS} labels of 1 to 50 characters without spaces or commas")]
    Labels,
}

/// Checks a title and takes off what surrounds it.
///
/// # Errors
/// Where nothing visible is left or it is longer than [`LONGEST_TITLE`].
pub fn check_title(title: &str) -> Result<String, TaskError> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = title.chars().count();
    if length == 0 {
        return Err(TaskError::NoTitle);
    }
    if length > LONGEST_TITLE {
        return Err(TaskError::TooLong { what: "title", length, limit: LONGEST_TITLE });
    }
    Ok(title)
}

/// Checks a description or a comment.
///
/// # Errors
/// Where it is longer than [`LONGEST_TEXT`].
pub fn check_text(what: &'static str, text: &str) -> Result<String, TaskError> {
    let text = text.trim();
    let length = text.chars().count();
    if length > LONGEST_TEXT {
        return Err(TaskError::TooLong { what, length, limit: LONGEST_TEXT });
    }
    Ok(text.to_owned())
}

/// Checks a label and gives it its one spelling.
///
/// # Errors
/// Where it is empty, longer than 50 characters or has a space or a comma in it.
pub fn check_label(label: &str) -> Result<String, TaskError> {
    let label = label.trim().to_lowercase();
    let fits = (1..=50).contains(&label.chars().count()) && !label.contains(|c: char| c.is_whitespace() || c == ',');
    if fits { Ok(label) } else { Err(TaskError::Labels) }
}

impl Task {
    /// Applies a patch and says in words what changed; nothing where all was so already.
    ///
    /// # Errors
    /// Where a text does not fit or the status cannot follow; the task is then as it was.
    pub fn apply(
        &mut self,
        patch: &TaskPatch,
        by: &Person,
        at: Timestamp,
        event: EventId,
    ) -> Result<Vec<String>, TaskError> {
        let mut next = self.clone();
        let mut said = Vec::new();
        if let Some(title) = &patch.title {
            let title = check_title(title)?;
            if title != next.title {
                said.push(format!("title `{}` → `{title}`", next.title));
                next.title = title;
            }
        }
        if let Some(description) = &patch.description {
            let description = check_text("description", description)?;
            if description != next.description {
                said.push("description changed".to_owned());
                next.description = description;
            }
        }
        if let Some(status) = patch.status.filter(|status| *status != next.status) {
            let allowed = next.status.next().contains(&status) && (patch.reopen || !next.status.is_closed());
            if !allowed {
                return Err(TaskError::Transition { task: self.id, from: self.status, to: status });
            }
            said.push(format!("status {} → {status}", next.status));
            next.status = status;
        }
        if let Some(priority) = patch.priority.filter(|priority| *priority != next.priority) {
            said.push(format!("priority {} → {priority}", next.priority));
            next.priority = priority;
        }
        if let Some(assignee) = patch.assignee.as_ref().filter(|assignee| **assignee != next.assignee) {
            said.push(match assignee {
                Some(assignee) => format!("assigned to {assignee}"),
                None => "unassigned".to_owned(),
            });
            next.assignee.clone_from(assignee);
        }
        if let Some(due) = patch.due.filter(|due| *due != next.due) {
            said.push(due.map_or_else(|| "no due date".to_owned(), |due| format!("due {due}")));
            next.due = due;
        }
        if let Some(project) = &patch.project {
            let project = Some(project.trim().to_owned()).filter(|p| !p.is_empty());
            if project != next.project {
                said.push(project.as_ref().map_or_else(|| "no project".to_owned(), |p| format!("project {p}")));
                next.project = project;
            }
        }
        next.change_labels(patch, &mut said)?;
        if !said.is_empty() {
            next.updated = at;
            next.remember(by, at, event, said.join(", "));
            *self = next;
        }
        Ok(said)
    }

    fn change_labels(&mut self, patch: &TaskPatch, said: &mut Vec<String>) -> Result<(), TaskError> {
        for label in &patch.add_labels {
            let label = check_label(label)?;
            if !self.labels.contains(&label) {
                said.push(format!("label +{label}"));
                self.labels.push(label);
            }
        }
        for label in &patch.remove_labels {
            let label = check_label(label)?;
            if self.labels.contains(&label) {
                said.push(format!("label -{label}"));
                self.labels.retain(|l| *l != label);
            }
        }
        if self.labels.len() > MOST_LABELS { Err(TaskError::Labels) } else { Ok(()) }
    }

    /// Adds a remark.
    ///
    /// # Errors
    /// Where the text is too long.
    pub fn comment(&mut self, text: &str, by: &Person, at: Timestamp, event: EventId) -> Result<(), TaskError> {
        let text = check_text("comment", text)?;
        self.comments.push(Comment { by: by.clone(), at, text, elsewhere: None });
        if self.comments.len() > MOST_REMEMBERED {
            self.comments.remove(0);
        }
        self.updated = at;
        self.remember(by, at, event, "commented".to_owned());
        Ok(())
    }

    /// Adds a line to the history.
    pub fn remember(&mut self, by: &Person, at: Timestamp, event: EventId, what: String) {
        self.history.push(HistoryEntry { by: by.clone(), at, event, what });
        if self.history.len() > MOST_REMEMBERED {
            self.history.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: Status) -> Task {
        let by = Person { id: PrincipalId("p-1".into()), name: "Ada".into() };
        Task {
            id: TaskId(1),
            title: "x".into(),
            description: String::new(),
            status,
            priority: Priority::Medium,
            assignee: None,
            due: None,
            project: None,
            labels: vec![],
            created_by: by,
            created: Timestamp(1),
            updated: Timestamp(1),
            origin: Origin { event: EventId(1), place: "test".into(), url: None, reply: None },
            comments: vec![],
            history: vec![],
        }
    }

    fn change(task: &mut Task, patch: &TaskPatch) -> Result<Vec<String>, TaskError> {
        let by = task.created_by.clone();
        task.apply(patch, &by, Timestamp(2), EventId(2))
    }

    #[test]
    fn a_closed_task_moves_only_by_reopening() {
        for closed in [Status::Done, Status::Cancelled] {
            let mut it = task(closed);
            let patch = TaskPatch { status: Some(Status::Todo), ..TaskPatch::default() };
            assert!(change(&mut it, &patch).is_err());
            assert_eq!(it.status, closed);
            assert!(change(&mut it, &TaskPatch { reopen: true, ..patch }).is_ok());
            assert_eq!(it.status, Status::Todo);
        }
    }

    #[test]
    fn what_was_so_already_is_no_change() {
        let mut it = task(Status::Todo);
        let before = it.clone();
        let patch = TaskPatch { status: Some(Status::Todo), priority: Some(Priority::Medium), ..TaskPatch::default() };
        assert_eq!(change(&mut it, &patch), Ok(vec![]));
        assert_eq!(it, before);
    }

    #[test]
    fn a_patch_that_fails_changes_nothing() {
        let mut it = task(Status::Done);
        let before = it.clone();
        let patch = TaskPatch { title: Some("new".into()), status: Some(Status::Blocked), ..TaskPatch::default() };
        assert!(change(&mut it, &patch).is_err());
        assert_eq!(it, before);
    }
}
