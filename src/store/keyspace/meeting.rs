//! `mt<digest>` a meeting of a conversation that has begun and whose end was not told yet.
//!
//! Written in the commit of the event that told of its beginning, and taken away by the one that tells of its end.

use serde::{Deserialize, Serialize};

use crate::domain::ids::EventId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::keyspace::hashed;
use crate::store::{StoreError, Stored, View, put, take};

const MEETING: &[u8] = b"mt";

/// A meeting that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// When its beginning was told.
    pub since: Timestamp,
    /// By which event.
    pub event: EventId,
}
impl Record for Meeting {}

/// A meeting by its conversation and by the platform's id of it: one conversation may have several.
fn key(conversation: &str, id: &str) -> Vec<u8> {
    hashed(MEETING, &format!("{conversation}\0{id}"))
}

/// A meeting that goes on.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, conversation: &str, id: &str) -> Result<Option<Stored<Meeting>>, StoreError> {
    view.get(&key(conversation, id))
}

/// Remembers one, in the place of what was read before.
#[must_use]
pub fn begin(conversation: &str, id: &str, meeting: &Meeting, before: Option<&Stored<Meeting>>) -> Write {
    put(key(conversation, id), Expect::as_read(before.map_or(0, |before| before.version)), meeting)
}

/// Forgets one, as it was read.
#[must_use]
pub fn end(conversation: &str, id: &str, meeting: &Stored<Meeting>) -> Write {
    take(key(conversation, id), Expect::Version(meeting.version))
}
