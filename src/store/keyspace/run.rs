//! `wr<id>` a run of a workflow; `wo<id>` that it is not over; `wg<digest>` the runs of a group that are not over;
//! `wk<digest>` the last run of a key; `wp<digest>` the pace of what one thing begins; `wa<digest><id>` that a run waits
//! for events of a name; `wq<digest>` a question of a run that is open; `wf<digest>` the text of a file that runs stay on; `ws<digest>` when a schedule was last looked at.
//!
//! What a run is, the folder `workflow/` knows: here it is a row of its caller's. The highest number of runs stays, so that
//! none is given out twice.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{PrincipalId, RunId};
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{hashed, number_of, numbered};
use crate::store::{StoreError, Stored, View, mark, put, take};

const RUN: &[u8] = b"wr";
const OPEN: &[u8] = b"wo";
const GROUP: &[u8] = b"wg";
const KEYED: &[u8] = b"wk";
const PACE: &[u8] = b"wp";
const AWAITS: &[u8] = b"wa";
const QUESTION: &[u8] = b"wq";
const FILE: &[u8] = b"wf";
const SCHEDULE: &[u8] = b"ws";

/// Runs of a group that are looked at; those beyond have their turn when some of these are over.
const MOST_OF_A_GROUP: usize = 500;
/// Runs that may wait for events of one name; those beyond hear of none.
const MOST_AWAITING: usize = 1_000;

/// The last run of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed {
    /// Which.
    pub run: RunId,
    /// When it was made.
    pub made: Timestamp,
}
impl Record for Keyed {}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Its name, without its folder.
    pub name: String,
    /// Its text.
    pub text: String,
}
impl Record for KeptFile {}

/// A question that a run has asked people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Which run.
    pub run: RunId,
    /// The path of its step.
    pub step: String,
    /// Which question of that step.
    pub attempt: u32,
    /// Who may answer: the members of this group; without it, owners.
    pub group: Option<String>,
    /// Who may not.
    pub excludes: Option<PrincipalId>,
    /// Until when.
    pub until: Timestamp,
}
impl Record for Question {}

#[derive(Debug, Serialize, Deserialize)]
struct Looked(Timestamp);
impl Record for Looked {}

/// A run.
///
/// # Errors
/// Where the store cannot be read.
pub fn read<T: Record>(view: &View, id: RunId) -> Result<Option<Stored<T>>, StoreError> {
    view.get(&numbered(RUN, id.0))
}

/// A free number.
///
/// # Errors
/// Where the store cannot be read.
pub fn next_id(view: &View) -> Result<RunId, StoreError> {
    let largest = |view: &View| match view.keys(RUN, Order::Descending).next() {
        Some(key) => Ok(number_of(&key?).unwrap_or(0)),
        None => Ok(0),
    };
    view.next_number("run", largest).map(RunId)
}

/// Stores a run as it is after `before` was read.
#[must_use]
pub fn put_run<T: Record>(id: RunId, run: &T, before: Option<&Stored<T>>) -> Write {
    put(numbered(RUN, id.0), Expect::as_read(before.map_or(0, |before| before.version)), run)
}

/// The newest runs, before one where that is named.
pub fn newest<'a, T: Record + 'a>(
    view: &'a View,
    before: Option<RunId>,
) -> impl Iterator<Item = Result<T, StoreError>> + 'a {
    let end = before.map_or_else(|| super::end_of(RUN), |before| numbered(RUN, before.0));
    view.range::<T>(RUN, &end, Order::Descending).map(|entry| Ok(entry?.1.value))
}

/// Marks a run as one that is not over, in its group, with what its caller says of it.
#[must_use]
pub fn opens(id: RunId, group: &str, says: &str) -> [Write; 2] {
    [mark(numbered(OPEN, id.0), Expect::Any), put(member(group, id), Expect::Any, &Says(says.to_owned()))]
}

/// Takes those marks away.
#[must_use]
pub fn closes(id: RunId, group: &str) -> [Write; 2] {
    [take(numbered(OPEN, id.0), Expect::Any), take(member(group, id), Expect::Any)]
}

#[derive(Debug, Serialize, Deserialize)]
struct Says(String);
impl Record for Says {}

fn member(group: &str, id: RunId) -> Vec<u8> {
    numbered(&hashed(GROUP, group), id.0)
}

/// The runs of a group that are not over, the oldest first, with what was said of each.
///
/// # Errors
/// Where the store cannot be read.
pub fn group(view: &View, group: &str) -> Result<Vec<(RunId, String)>, StoreError> {
    let entries = view.scan::<Says>(&hashed(GROUP, group), Order::Ascending).take(MOST_OF_A_GROUP);
    let read = |entry: Result<(Vec<u8>, Stored<Says>), StoreError>| {
        let (key, says) = entry?;
        Ok(number_of(&key).map(|id| (RunId(id), says.value.0)))
    };
    entries.map(read).filter_map(Result::transpose).collect()
}

/// How many runs are not over.
///
/// # Errors
/// Where the store cannot be read.
pub fn open(view: &View) -> Result<Vec<RunId>, StoreError> {
    let ids = view.keys(OPEN, Order::Ascending).map(|key| Ok(number_of(&key?).map(RunId)));
    ids.filter_map(Result::transpose).collect()
}

/// The last run of a key.
///
/// # Errors
/// Where the store cannot be read.
pub fn keyed(view: &View, key: &str) -> Result<Option<Stored<Keyed>>, StoreError> {
    view.get(&hashed(KEYED, key))
}

/// Stores which is the last run of a key, on condition that it was read so.
#[must_use]
pub fn put_keyed(key: &str, keyed: &Keyed, before: Option<&Stored<Keyed>>) -> Write {
    put(hashed(KEYED, key), Expect::as_read(before.map_or(0, |before| before.version)), keyed)
}

/// The pace of what a thing begins.
///
/// # Errors
/// Where the store cannot be read.
pub fn pace<T: Record>(view: &View, thing: &str) -> Result<Option<Stored<T>>, StoreError> {
    view.get(&hashed(PACE, thing))
}

/// Stores a pace, on condition that it was read so.
#[must_use]
pub fn put_pace<T: Record>(thing: &str, pace: &T, before: Option<&Stored<T>>) -> Write {
    put(hashed(PACE, thing), Expect::as_read(before.map_or(0, |before| before.version)), pace)
}

/// Marks that a run waits for events of a name.
#[must_use]
pub fn awaits(name: &str, id: RunId) -> Write {
    mark(numbered(&hashed(AWAITS, name), id.0), Expect::Any)
}

/// Takes that mark away.
#[must_use]
pub fn awaits_no_more(name: &str, id: RunId) -> Write {
    take(numbered(&hashed(AWAITS, name), id.0), Expect::Any)
}

/// The runs that wait for events of a name.
///
/// # Errors
/// Where the store cannot be read.
pub fn awaiting(view: &View, name: &str) -> Result<Vec<RunId>, StoreError> {
    let prefix = hashed(AWAITS, name);
    let ids = view.keys(&prefix, Order::Ascending).take(MOST_AWAITING).map(|key| Ok(number_of(&key?).map(RunId)));
    ids.filter_map(Result::transpose).collect()
}

fn question_key(run: RunId, step: &str, attempt: u32) -> Vec<u8> {
    hashed(QUESTION, &format!("{run}\0{step}\0{attempt}"))
}

/// A question that is open.
///
/// # Errors
/// Where the store cannot be read.
pub fn question(view: &View, run: RunId, step: &str, attempt: u32) -> Result<Option<Question>, StoreError> {
    Ok(view.get(&question_key(run, step, attempt))?.map(|stored| stored.value))
}

/// Opens a question.
#[must_use]
pub fn put_question(it: &Question) -> Write {
    put(question_key(it.run, &it.step, it.attempt), Expect::Any, it)
}

/// Takes a question back.
#[must_use]
pub fn take_question(run: RunId, step: &str, attempt: u32) -> Write {
    take(question_key(run, step, attempt), Expect::Any)
}

/// The file of a digest.
///
/// # Errors
/// Where the store cannot be read.
pub fn file(view: &View, digest: &str) -> Result<Option<KeptFile>, StoreError> {
    Ok(view.get(&hashed(FILE, digest))?.map(|stored| stored.value))
}

/// Stores a file by its digest, where it is not there yet.
///
/// # Errors
/// Where the store cannot be read.
pub fn keep_file(view: &View, digest: &str, file: &KeptFile) -> Result<Option<Write>, StoreError> {
    let key = hashed(FILE, digest);
    Ok(if view.has(&key)? { None } else { Some(put(key, Expect::Any, file)) })
}

/// Until when a schedule was looked at.
///
/// # Errors
/// Where the store cannot be read.
pub fn looked(view: &View, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(view.get::<Looked>(&hashed(SCHEDULE, schedule))?.map(|stored| stored.value.0))
}

/// Stores until when a schedule was looked at.
#[must_use]
pub fn put_looked(schedule: &str, until: Timestamp) -> Write {
    put(hashed(SCHEDULE, schedule), Expect::Any, &Looked(until))
}
