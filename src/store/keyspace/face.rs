//! `fc<task><digest of the conversation>` the last message in each conversation that shows a task's card.
//!
//! Written with the receipt of what showed it, and read when the task changes, so that the message can be changed too.

use serde::{Deserialize, Serialize};

use crate::domain::event::Address;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Expect, TimerChange, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{hashed, numbered};
use crate::store::{StoreError, View, put, take};

const FACE: &[u8] = b"fc";

/// A message that shows a task's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Face {
    /// Where it is.
    pub to: Address,
    /// Its id, in the channel's own notation.
    pub message: String,
}
impl Record for Face {}

fn key(task: TaskId, to: &Address) -> Vec<u8> {
    hashed(&numbered(FACE, task.0), &to.conversation())
}

/// The messages that show a task, one of each conversation.
///
/// # Errors
/// Where the store cannot be read.
pub fn of(view: &View, task: TaskId, most: usize) -> Result<Vec<Face>, StoreError> {
    let all = view.scan::<Face>(&numbered(FACE, task.0), Order::Ascending);
    all.take(most).map(|entry| Ok(entry?.1.value)).collect()
}

/// The message of a conversation that shows a task.
///
/// # Errors
/// Where the store cannot be read.
pub fn at(view: &View, task: TaskId, to: &Address) -> Result<Option<Face>, StoreError> {
    Ok(view.get::<Face>(&key(task, to))?.map(|stored| stored.value))
}

/// The timer by which the messages of a task are made anew.
#[must_use]
pub fn stale(task: TaskId, at: Timestamp) -> TimerChange {
    TimerChange::Set { name: format!("face/{task}"), at, payload: serde_json::json!({ "task": task }) }
}

/// Remembers a message in the place of the one before in its conversation.
#[must_use]
pub fn put_face(task: TaskId, face: &Face) -> Write {
    put(key(task, &face.to), Expect::Any, face)
}

/// Forgets a message that cannot be changed any more; nothing where another has taken its place.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget(view: &View, task: TaskId, to: &Address, message: &str) -> Result<Option<Write>, StoreError> {
    let key = key(task, to);
    let kept = view.get::<Face>(&key)?.filter(|kept| kept.value.message == message);
    Ok(kept.map(|kept| take(key, Expect::Version(kept.version))))
}
