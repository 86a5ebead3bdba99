//! `tk<id>` a task; `ts<status><id>`, `ta<agent>\0<id>`, `tp<person>\0<id>` where to find it.

use crate::domain::ids::{PrincipalId, TaskId};
use crate::domain::outcome::{Expect, Write};
use crate::domain::task::{Assignee, Status, Task};
use crate::store::codec::{self, Record};
use crate::store::engine::Order;
use crate::store::keyspace::{number_of, numbered};
use crate::store::{StoreError, Stored, View, mark, put, take};

const TASK: &[u8] = b"tk";
const BY_STATUS: &[u8] = b"ts";
const BY_AGENT: &[u8] = b"ta";
const BY_PERSON: &[u8] = b"tp";

impl Record for Task {}

/// What a list of tasks is narrowed to; the narrowest index that fits is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Of this status.
    pub status: Option<Status>,
    /// Given to this agent.
    pub agent: Option<String>,
    /// Given to this person.
    pub person: Option<PrincipalId>,
    /// Of this project.
    pub project: Option<String>,
    /// Not closed.
    pub open_only: bool,
    /// With each of these words, in small letters, in its id, title, project or labels.
    pub words: Vec<String>,
}

/// Tasks that are looked at for words, the newest first: no index finds them, and who types waits.
const MOST_LOOKED_AT: usize = 5000;

impl TaskFilter {
    fn fits(&self, task: &Task) -> bool {
        let agent =
            self.agent.as_ref().is_none_or(|a| matches!(&task.assignee, Some(Assignee::Agent(name)) if name == a));
        let person =
            self.person.as_ref().is_none_or(|p| matches!(&task.assignee, Some(Assignee::Person { id, .. }) if id == p));
        let same_project = |wanted: &String| task.project.as_ref().is_some_and(|p| p.eq_ignore_ascii_case(wanted));
        agent
            && person
            && self.status.is_none_or(|status| task.status == status)
            && self.project.as_ref().is_none_or(same_project)
            && !(self.open_only && task.status.is_closed())
            && (self.words.is_empty() || self.has_words(task))
    }

    fn has_words(&self, task: &Task) -> bool {
        let project = task.project.as_deref().unwrap_or_default();
        let said = format!("{} {} {project} {}", task.id, task.title, task.labels.join(" ")).to_lowercase();
        self.words.iter().all(|word| said.contains(word.as_str()))
    }

    fn index(&self) -> Vec<u8> {
        if let Some(person) = &self.person {
            person_prefix(person)
        } else if let Some(agent) = &self.agent {
            agent_prefix(agent)
        } else if let Some(status) = self.status {
            status_prefix(status)
        } else {
            TASK.to_vec()
        }
    }
}

fn status_prefix(status: Status) -> Vec<u8> {
    [BY_STATUS, status.as_str().as_bytes(), &[0]].concat()
}

fn agent_prefix(agent: &str) -> Vec<u8> {
    [BY_AGENT, agent.as_bytes(), &[0]].concat()
}

fn person_prefix(person: &PrincipalId) -> Vec<u8> {
    [BY_PERSON, person.0.as_bytes(), &[0]].concat()
}

fn indexes(task: &Task) -> Vec<Vec<u8>> {
    let mut keys = vec![numbered(&status_prefix(task.status), task.id.0)];
    match &task.assignee {
        Some(Assignee::Agent(name)) => keys.push(numbered(&agent_prefix(name), task.id.0)),
        Some(Assignee::Person { id, .. }) => keys.push(numbered(&person_prefix(id), task.id.0)),
        None => {}
    }
    keys
}

/// A task.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, id: TaskId) -> Result<Option<Stored<Task>>, StoreError> {
    view.get(&numbered(TASK, id.0))
}

/// The tasks that some writes put, as they will be.
///
/// # Errors
/// Where one cannot be read.
pub fn written(writes: &[Write]) -> Result<Vec<Task>, StoreError> {
    let values = writes.iter().filter(|write| write.key.starts_with(TASK)).filter_map(|write| write.value.as_deref());
    values.map(|value| codec::decode(value).map_err(StoreError::Unreadable)).collect()
}

/// A free task number.
///
/// # Errors
/// Where the store cannot be read.
pub fn next_id(view: &View) -> Result<TaskId, StoreError> {
    let largest = |view: &View| match view.keys(TASK, Order::Descending).next() {
        Some(key) => Ok(number_of(&key?).unwrap_or(0)),
        None => Ok(0),
    };
    view.next_number("task", largest).map(TaskId)
}

/// Stores a new task.
#[must_use]
pub fn create(task: &Task) -> Vec<Write> {
    let mut writes = vec![put(numbered(TASK, task.id.0), Expect::Absent, task)];
    writes.extend(indexes(task).into_iter().map(|key| mark(key, Expect::Any)));
    writes
}

/// Stores a changed task, on condition that nobody changed it since it was read.
#[must_use]
pub fn change(before: &Stored<Task>, after: &Task) -> Vec<Write> {
    let mut writes = vec![put(numbered(TASK, after.id.0), Expect::Version(before.version), after)];
    let (old, new) = (indexes(&before.value), indexes(after));
    writes.extend(old.iter().filter(|key| !new.contains(key)).map(|key| take(key.clone(), Expect::Any)));
    writes.extend(new.iter().filter(|key| !old.contains(key)).map(|key| mark(key.clone(), Expect::Any)));
    writes
}

/// Tasks that fit, the newest first, from below `before` on, and whether there are more. Where words are looked for, more
/// may also be among the tasks that are too old to be looked at.
///
/// # Errors
/// Where the store cannot be read.
pub fn list(
    view: &View,
    filter: &TaskFilter,
    before: Option<TaskId>,
    most: usize,
) -> Result<(Vec<Task>, bool), StoreError> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    for key in view.keys(&filter.index(), Order::Descending) {
        let Some(id) = number_of(&key?).map(TaskId) else {
            continue;
        };
        if before.is_some_and(|before| id >= before) {
            continue;
        }
        if !filter.words.is_empty() && looked_at == MOST_LOOKED_AT {
            return Ok((found, true));
        }
        looked_at += 1;
        let Some(task) = read(view, id)? else { continue };
        if filter.fits(&task.value) {
            if found.len() == most {
                return Ok((found, true));
            }
            found.push(task.value);
        }
    }
    Ok((found, false))
}

/// How many tasks have each status.
///
/// # Errors
/// Where the store cannot be read.
pub fn count_by_status(view: &View) -> Result<Vec<(Status, usize)>, StoreError> {
    let count = |status| view.keys(&status_prefix(status), Order::Ascending).try_fold(0, |n, key| key.map(|_| n + 1));
    Status::ALL.into_iter().map(|status| Ok((status, count(status)?))).collect()
}
