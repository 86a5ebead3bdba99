//! `sy<task>` an issue and the task that is kept the same with it, `si<repository><number>` which task that is, `sp<task>` that
//! it is paused, `sa<task>` for which task a person is asked to look by that task.
//!
//! They stay as long as their task does, which is not forgotten.

use serde::{Deserialize, Serialize};

use crate::domain::ids::TaskId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::sync::issue::IssueId;
use crate::domain::sync::link::Link;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{number_of, numbered};
use crate::store::{StoreError, Stored, View, mark, put, take};

const LINK: &[u8] = b"sy";
const OF_ISSUE: &[u8] = b"si";
const PAUSED: &[u8] = b"sp";
const ASKS: &[u8] = b"sa";

impl Record for Link {}

#[derive(Debug, Serialize, Deserialize)]
struct Named(TaskId);
impl Record for Named {}

fn of_issue(issue: IssueId) -> Vec<u8> {
    numbered(&numbered(OF_ISSUE, issue.repository), issue.number)
}

/// The link of a task.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, task: TaskId) -> Result<Option<Stored<Link>>, StoreError> {
    view.get(&numbered(LINK, task.0))
}

/// The task of an issue.
///
/// # Errors
/// Where the store cannot be read.
pub fn task_of(view: &View, issue: IssueId) -> Result<Option<TaskId>, StoreError> {
    Ok(view.get::<Named>(&of_issue(issue))?.map(|named| named.value.0))
}

/// Stores a new link, on condition that the issue has none.
#[must_use]
pub fn create(link: &Link) -> [Write; 2] {
    [
        put(numbered(LINK, link.task.0), Expect::Absent, link),
        put(of_issue(link.issue), Expect::Absent, &Named(link.task)),
    ]
}

/// Stores a link, on condition that nobody changed it since it was read.
#[must_use]
pub fn change(before: &Stored<Link>, after: &Link) -> Vec<Write> {
    let mut writes = vec![put(numbered(LINK, after.task.0), Expect::Version(before.version), after)];
    let paused = numbered(PAUSED, after.task.0);
    match (&before.value.paused, &after.paused) {
        (None, Some(now)) => {
            writes.push(mark(paused, Expect::Any));
            writes.push(put(numbered(ASKS, now.asked.0), Expect::Any, &Named(after.task)));
        }
        (Some(before), None) => {
            writes.push(take(paused, Expect::Any));
            writes.push(take(numbered(ASKS, before.asked.0), Expect::Any));
        }
        _ => {}
    }
    writes
}

/// Whether some writes store the link of a task.
#[must_use]
pub fn is_written(task: TaskId, writes: &[Write]) -> bool {
    let key = numbered(LINK, task.0);
    writes.iter().any(|write| write.key == key)
}

/// The task whose link goes on when this one is done.
///
/// # Errors
/// Where the store cannot be read.
pub fn asked_by(view: &View, task: TaskId) -> Result<Option<TaskId>, StoreError> {
    Ok(view.get::<Named>(&numbered(ASKS, task.0))?.map(|named| named.value.0))
}

/// The tasks whose links are paused.
///
/// # Errors
/// Where the store cannot be read.
pub fn paused(view: &View) -> Result<Vec<TaskId>, StoreError> {
    let ids = view.keys(PAUSED, Order::Ascending).map(|key| Ok(number_of(&key?).map(TaskId)));
    ids.filter_map(Result::transpose).collect()
}
