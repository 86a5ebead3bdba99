//! `wr<id>` a run of a workflow; `wg<digest><id>` how far one is that is not over, in its group; `we<time><id>` since when one
//! is over; `wk<digest>` the last run of a key, `wm<time><digest>` since when; `wp<digest>` the pace of what one thing begins,
//! `wt<time><digest>` since when; `wa<digest><id>` that a run waits
//! for events of a name; `wq<digest>` a question of a run that is open; `wf<digest>` the text of a file that runs stay on,
//! `wu<digest><id>` that a run does, `wv<digest>` when one has begun by it, `wx<time><digest>` since when.
//!
//! What a run is, the folder `workflow/` knows: here it is a row of its caller's. The highest number of runs stays, so that
//! none is given out twice.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::event::PlatformUser;
use crate::domain::ids::RunId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{hashed, number_of, numbered, sortable};
use crate::store::{StoreError, Stored, View, mark, put, take};

const RUN: &[u8] = b"wr";
const GROUP: &[u8] = b"wg";
const OVER: &[u8] = b"we";
const KEYED: &[u8] = b"wk";
const KEYED_SINCE: &[u8] = b"wm";
const PACE: &[u8] = b"wp";
const PACE_SINCE: &[u8] = b"wt";
const AWAITS: &[u8] = b"wa";
const QUESTION: &[u8] = b"wq";
const FILE: &[u8] = b"wf";
const STAYS_ON: &[u8] = b"wu";
const USED: &[u8] = b"wv";
const USED_SINCE: &[u8] = b"wx";

/// Runs of a group that are looked at; those beyond have their turn when some of these are over.
const MOST_OF_A_GROUP: usize = 500;
/// How long it is not written down again that a file is in use.
const IN_USE_FOR: Duration = Duration::from_secs(24 * 3600);
/// Runs that may wait for events of one name: each event moves all of them.
pub const MOST_AWAITING: usize = 1_000;

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
    /// Whether it is the file of a repository, which has another format.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_a_repository: bool,
}
impl Record for KeptFile {}

/// When a run has begun by a file, to the day.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Used {
    at: Timestamp,
}
impl Record for Used {}

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
    /// Who may not: by whose doing the run began. Who that is on other platforms is looked up when somebody answers.
    pub excludes: Option<PlatformUser>,
    /// Until when.
    pub until: Timestamp,
}
impl Record for Question {}

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

fn member(group: &str, id: RunId) -> Vec<u8> {
    numbered(&hashed(GROUP, group), id.0)
}

fn over_key(id: RunId, since: Timestamp) -> Vec<u8> {
    numbered(&[OVER, &sortable(since)].concat(), id.0)
}

/// Says in its group how far a run is that is not over.
#[must_use]
pub fn put_member<T: Record>(group: &str, id: RunId, status: &T) -> Write {
    put(member(group, id), Expect::Any, status)
}

/// A run is over since then: it leaves its group, and is forgotten when its time has come.
#[must_use]
pub fn put_over(group: &str, id: RunId, since: Timestamp) -> [Write; 2] {
    [take(member(group, id), Expect::Any), mark(over_key(id, since), Expect::Any)]
}

/// A run goes on that was over since then.
#[must_use]
pub fn not_over(id: RunId, since: Timestamp) -> Write {
    take(over_key(id, since), Expect::Any)
}

/// The runs of a group that are not over, the oldest first, with how far each is.
///
/// # Errors
/// Where the store cannot be read.
pub fn group<T: Record>(view: &View, group: &str) -> Result<Vec<(RunId, T)>, StoreError> {
    let entries = view.scan::<T>(&hashed(GROUP, group), Order::Ascending).take(MOST_OF_A_GROUP);
    let read = |entry: Result<(Vec<u8>, Stored<T>), StoreError>| {
        let (key, status) = entry?;
        Ok(number_of(&key).map(|id| (RunId(id), status.value)))
    };
    entries.map(read).filter_map(Result::transpose).collect()
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
pub fn put_keyed(key: &str, keyed: &Keyed, before: Option<&Stored<Keyed>>) -> Vec<Write> {
    let row = put(hashed(KEYED, key), Expect::as_read(before.map_or(0, |before| before.version)), keyed);
    aged(row, KEYED_SINCE, keyed.made, before.map(|before| before.value.made))
}

/// When one thing has begun runs of one workflow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Paced<T: Record> {
    /// When that was last.
    pub at: Timestamp,
    /// Its pace.
    pub pace: T,
}
impl<T: Record> Record for Paced<T> {}

/// The pace of what a thing begins.
///
/// # Errors
/// Where the store cannot be read.
pub fn pace<T: Record>(view: &View, thing: &str) -> Result<Option<Stored<Paced<T>>>, StoreError> {
    view.get(&hashed(PACE, thing))
}

/// Stores a pace, on condition that it was read so.
#[must_use]
pub fn put_pace<T: Record>(thing: &str, paced: &Paced<T>, before: Option<&Stored<Paced<T>>>) -> Vec<Write> {
    let row = put(hashed(PACE, thing), Expect::as_read(before.map_or(0, |before| before.version)), paced);
    aged(row, PACE_SINCE, paced.at, before.map(|before| before.value.at))
}

/// A row and the mark by which it is found when it is old, in the place of its earlier one.
fn aged(row: Write, since: &[u8], at: Timestamp, before: Option<Timestamp>) -> Vec<Write> {
    let digest = row.key[KEYED.len()..].to_vec();
    let mark_of = |at: Timestamp| [since, &sortable(at), &digest].concat();
    let earlier = before.filter(|before| *before != at).map(|before| take(mark_of(before), Expect::Any));
    [mark(mark_of(at), Expect::Any), row].into_iter().chain(earlier).collect()
}

/// What forgets runs that are over since before a time, and keys and paces that are older than theirs; `most` of each. The
/// run of the highest number stays, after which the next is called, and so does one that cannot be read.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget(
    view: &View,
    over: Timestamp,
    keyed: Timestamp,
    paced: Timestamp,
    most: usize,
) -> Result<Vec<Write>, StoreError> {
    let highest = view.keys(RUN, Order::Descending).next().transpose()?;
    let mut writes = Vec::new();
    for key in older(view, OVER, over, most)? {
        let Some(id) = number_of(&key).map(RunId) else { continue };
        let run = numbered(RUN, id.0);
        if Some(&run) != highest.as_ref() {
            // One that somebody sets going again just now stays.
            let row = match view.get::<Row>(&run) {
                Ok(row) => row,
                Err(StoreError::Unreadable(_)) => continue,
                Err(error) => return Err(error),
            };
            if let Some(row) = row {
                writes.push(take(stays_on(&row.value.file, id), Expect::Any));
                writes.push(take(run, Expect::Version(row.version)));
            }
            writes.push(take(key, Expect::Any));
        }
    }
    for (since, rows, before) in [(KEYED_SINCE, KEYED, keyed), (PACE_SINCE, PACE, paced)] {
        for key in older(view, since, before, most)? {
            writes.push(take([rows, &key[since.len() + TIME..]].concat(), Expect::Any));
            writes.push(take(key, Expect::Any));
        }
    }
    Ok(writes)
}

/// What of a run matters when it is forgotten.
#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(default)]
    file: String,
}
impl Record for Row {}

/// Bytes of a time in a key.
const TIME: usize = 8;

/// The first marks of a kind from before a time.
fn older(view: &View, kind: &[u8], before: Timestamp, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let end = [kind, &sortable(before)].concat();
    view.keys_between(kind, &end, Order::Ascending).take(most).collect()
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

/// The name by which runs wait for an event.
#[must_use]
pub fn event_name(platform: &str, name: &str) -> String {
    format!("{platform}/{name}")
}

/// Whether a run waits for events of a platform's name.
///
/// # Errors
/// Where the store cannot be read.
pub fn is_awaited(view: &View, platform: &str, name: &str) -> Result<bool, StoreError> {
    let prefix = hashed(AWAITS, &event_name(platform, name));
    Ok(view.keys(&prefix, Order::Ascending).next().transpose()?.is_some())
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

fn stays_on(digest: &str, id: RunId) -> Vec<u8> {
    numbered(&hashed(STAYS_ON, digest), id.0)
}

/// Stores a file by its digest for a run that begins by it, and that it is in use.
///
/// # Errors
/// Where the store cannot be read.
pub fn keep_file(
    view: &View,
    digest: &str,
    file: &KeptFile,
    id: RunId,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let used = view.get::<Used>(&hashed(USED, digest))?;
    let mut writes = vec![mark(stays_on(digest, id), Expect::Any)];
    if used.is_none() {
        writes.push(put(hashed(FILE, digest), Expect::Any, file));
    }
    // Who forgets the file at this moment has read the version that is written over.
    if used.as_ref().is_none_or(|used| now.since(used.value.at) >= IN_USE_FOR) {
        let expect = Expect::as_read(used.as_ref().map_or(0, |used| used.version));
        let row = put(hashed(USED, digest), expect, &Used { at: now });
        writes.extend(aged(row, USED_SINCE, now, used.map(|used| used.value.at)));
    }
    Ok(writes)
}

/// What forgets files by which no run has begun since before a time, and on which none stays; of `most` that are looked at.
/// One of which that cannot be read stays.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget_files(view: &View, before: Timestamp, now: Timestamp, most: usize) -> Result<Vec<Write>, StoreError> {
    // Whoever begins by one of them writes its row then, however long that takes: by that the two know of each other.
    let before = before.min(now.before(2 * IN_USE_FOR));
    let mut writes = Vec::new();
    for since in older(view, USED_SINCE, before, most)? {
        let digest = &since[USED_SINCE.len() + TIME..];
        let row = |kind: &[u8]| [kind, digest].concat();
        // Before the marks of runs: who marks one after they were looked at has written another version of this.
        let used = match view.get::<Used>(&row(USED)) {
            Ok(used) => used,
            Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        let is_of_this_mark = |used: &Stored<Used>| since[USED_SINCE.len()..].starts_with(&sortable(used.value.at));
        if let Some(used) = used.filter(is_of_this_mark) {
            if view.keys(&row(STAYS_ON), Order::Ascending).next().transpose()?.is_some() {
                continue;
            }
            writes.push(take(row(USED), Expect::Version(used.version)));
            writes.push(take(row(FILE), Expect::Any));
        }
        writes.push(take(since, Expect::Any));
    }
    Ok(writes)
}
