//! `fc<task><digest of the conversation>` the last message in each conversation that shows a task's card,
//! `fa<approval><digest>` that shows an approval's.
//!
//! A message that lives on under a topic, or with words of its own before the card, has a row beside that one.
//!
//! Written with the receipt of what showed it, and read when the task or the approval changes, so that the message can be changed too.

use serde::{Deserialize, Serialize};

use crate::domain::approval;
use crate::domain::event::Address;
use crate::domain::outcome::{Expect, Living, Shows, TimerChange, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{hashed, numbered};
use crate::store::{StoreError, View, put, take};

const OF_TASK: &[u8] = b"fc";
const OF_APPROVAL: &[u8] = b"fa";

/// A message that shows a card that is kept true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Face {
    /// Where it is.
    pub to: Address,
    /// Its id, in the channel's own notation.
    pub message: String,
    /// How it lives on, where that is more than its card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub living: Option<Living>,
}
impl Record for Face {}

fn faces(shows: Shows) -> Vec<u8> {
    match shows {
        Shows::Task(id) => numbered(OF_TASK, id.0),
        Shows::Approval { approval } => numbered(OF_APPROVAL, approval.0),
    }
}

fn key(shows: Shows, to: &Address, living: Option<&Living>) -> Vec<u8> {
    let conversation = to.conversation();
    match living.map(Living::slot).filter(|slot| !slot.is_empty()) {
        Some(slot) => hashed(&faces(shows), &format!("{conversation}\0{slot}")),
        None => hashed(&faces(shows), &conversation),
    }
}

/// The messages that show something, one of each conversation.
///
/// # Errors
/// Where the store cannot be read.
pub fn of(view: &View, shows: Shows, most: usize) -> Result<Vec<Face>, StoreError> {
    let all = view.scan::<Face>(&faces(shows), Order::Ascending);
    all.take(most).map(|entry| Ok(entry?.1.value)).collect()
}

/// The message of a conversation that shows something, of those that live on in this way.
///
/// # Errors
/// Where the store cannot be read.
pub fn at(view: &View, shows: Shows, to: &Address, living: Option<&Living>) -> Result<Option<Face>, StoreError> {
    Ok(view.get::<Face>(&key(shows, to, living))?.map(|stored| stored.value))
}

/// The timer by which the messages that show something are made anew.
#[must_use]
pub fn stale(shows: Shows, at: Timestamp) -> TimerChange {
    match shows {
        Shows::Task(id) => {
            TimerChange::Set { name: format!("face/{id}"), at, payload: serde_json::json!({ "task": id }) }
        }
        Shows::Approval { approval } => approval::stale(approval, at),
    }
}

/// Remembers a message in the place of the one before in its conversation.
#[must_use]
pub fn put_face(shows: Shows, face: &Face) -> Write {
    put(key(shows, &face.to, face.living.as_ref()), Expect::Any, face)
}

/// Forgets every message that shows something.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget_all(view: &View, shows: Shows) -> Result<Vec<Write>, StoreError> {
    view.keys(&faces(shows), Order::Ascending).map(|key| Ok(take(key?, Expect::Any))).collect()
}

/// Forgets a message that cannot be changed any more; nothing where another has taken its place.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget(
    view: &View,
    shows: Shows,
    (to, living): (&Address, Option<&Living>),
    message: &str,
) -> Result<Option<Write>, StoreError> {
    let key = key(shows, to, living);
    let kept = view.get::<Face>(&key)?.filter(|kept| kept.value.message == message);
    Ok(kept.map(|kept| take(key, Expect::Version(kept.version))))
}
