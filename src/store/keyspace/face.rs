//! `fc<task><digest of the conversation>` the last message in each conversation that shows a task's card.
//!
//! Written with the receipt of what showed it, and read when the task changes, so that the message can be changed too.

use serde::{Deserialize, Serialize};

use crate::domain::event::Address;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Expect, Write};
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

/// Remembers a message in the place of the one before in its conversation.
#[must_use]
pub fn put_face(task: TaskId, face: &Face) -> Write {
    put(key(task, &face.to), Expect::Any, face)
}

/// Forgets the message of a conversation: it cannot be changed any more.
#[must_use]
pub fn take_face(task: TaskId, to: &Address) -> Write {
    take(key(task, to), Expect::Any)
}
