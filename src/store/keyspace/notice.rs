//! `np<person>` how somebody wants to be told, `nh<person>\0<until><event><index>` a notice that waits for its time,
//! `nt<at><event><index>` something that was given up, `na` when owners were last told of such.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ApprovalId, EffectId, EventId, PrincipalId, TaskId};
use crate::domain::notice::{Preferences, Topic};
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::sortable;
use crate::store::{StoreError, Stored, View, put, take};

const PREFERENCES: &[u8] = b"np";
const HELD: &[u8] = b"nh";
const TROUBLE: &[u8] = b"nt";
const ALERTED: &[u8] = b"na";

impl Record for Preferences {}

/// A notice that waits until its person wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Of what.
    pub topic: Topic,
    /// When it arose.
    pub at: Timestamp,
    /// What is told, in one line.
    pub line: String,
    /// The task that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The approval that it asks for: once that is decided, nobody is told any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}
impl Record for Held {}

/// Something that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// A message that did not arrive.
    Effect(EffectId),
    /// An event whose handler failed.
    Event(EventId),
}
impl Record for Trouble {}

#[derive(Debug, Serialize, Deserialize)]
struct Last(Timestamp);
impl Record for Last {}

fn of_person(kind: &[u8], person: &PrincipalId) -> Vec<u8> {
    [kind, person.0.as_bytes()].concat()
}

fn held_by(person: &PrincipalId) -> Vec<u8> {
    [of_person(HELD, person), vec![0]].concat()
}

/// How somebody wants to be told.
///
/// # Errors
/// Where the store cannot be read.
pub fn preferences(view: &View, person: &PrincipalId) -> Result<Option<Stored<Preferences>>, StoreError> {
    view.get(&of_person(PREFERENCES, person))
}

/// Stores how somebody wants to be told.
#[must_use]
pub fn put_preferences(person: &PrincipalId, preferences: &Preferences, expect: Expect) -> Write {
    put(of_person(PREFERENCES, person), expect, preferences)
}

/// Keeps a notice until its time: the one of that number of an event.
#[must_use]
pub fn hold(person: &PrincipalId, until: Timestamp, (event, index): (EventId, u32), held: &Held) -> Write {
    let number = [&event.0.to_be_bytes()[..], &index.to_be_bytes()[..]].concat();
    put([held_by(person), sortable(until).to_vec(), number].concat(), Expect::Any, held)
}

/// The first notices whose time has come, as they arose, each with what takes it away.
///
/// # Errors
/// Where the store cannot be read.
pub fn due(view: &View, person: &PrincipalId, now: Timestamp, most: usize) -> Result<Vec<(Held, Write)>, StoreError> {
    let from = held_by(person);
    let to = [from.clone(), sortable(now.after(Duration::from_millis(1))).to_vec()].concat();
    let with_its_end = |(key, held): (Vec<u8>, Stored<Held>)| (held.value, take(key, Expect::Version(held.version)));
    view.range::<Held>(&from, &to, Order::Ascending).take(most).map(|entry| entry.map(with_its_end)).collect()
}

/// Notes that something was given up, so that owners are told.
#[must_use]
pub fn put_trouble(at: Timestamp, trouble: Trouble) -> Write {
    let (event, index) = match trouble {
        Trouble::Event(id) => (id, u32::MAX),
        Trouble::Effect(id) => (id.event, id.index),
    };
    let number = [&event.0.to_be_bytes()[..], &index.to_be_bytes()[..]].concat();
    put([TROUBLE, &sortable(at)[..], &number].concat(), Expect::Any, &trouble)
}

/// The first troubles that owners were not told of, each with what takes it away. A row that cannot be read holds up none
/// behind it.
///
/// # Errors
/// Where the store cannot be read.
pub fn troubles(view: &View, most: usize) -> Result<Vec<(Trouble, Write)>, StoreError> {
    let all = view.scan::<Trouble>(TROUBLE, Order::Ascending);
    let readable = all.filter(|entry| !matches!(entry, Err(StoreError::Unreadable(_))));
    let with_its_end = |(key, row): (Vec<u8>, Stored<Trouble>)| (row.value, take(key, Expect::Version(row.version)));
    readable.take(most).map(|entry| entry.map(with_its_end)).collect()
}

/// When owners were last told.
///
/// # Errors
/// Where the store cannot be read.
pub fn alerted(view: &View) -> Result<Option<Timestamp>, StoreError> {
    Ok(view.get::<Last>(ALERTED)?.map(|last| last.value.0))
}

/// Remembers when owners were last told.
#[must_use]
pub fn put_alerted(at: Timestamp) -> Write {
    put(ALERTED.to_vec(), Expect::Any, &Last(at))
}
