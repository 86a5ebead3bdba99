//! `ap<id>` an approval; `ao<id>` that it is open, `ar<person>\0<id>` whose open one it is, `aq<digest>` the open one of
//! a question, by which the same question asked again is the same approval.
//!
//! What is decided stays for as long as events do, and the highest number for ever, so that none is given out twice.

use sha2::{Digest, Sha256};

use crate::domain::approval::Approval;
use crate::domain::ids::{ApprovalId, PrincipalId};
use crate::domain::outcome::{Expect, Write};
use crate::store::codec::{self, Record};
use crate::store::engine::Order;
use crate::store::keyspace::{face, number_of, numbered};
use crate::store::{StoreError, Stored, View, mark, put, take};

const APPROVAL: &[u8] = b"ap";
const OPEN: &[u8] = b"ao";
const OPEN_OF: &[u8] = b"ar";
const QUESTION: &[u8] = b"aq";

impl Record for Approval {
    const VERSION: u8 = 2;

    fn upgrade(_: u8, payload: serde_json::Value) -> Result<serde_json::Value, String> {
        // Version 1 had a digest of the line as well, which nothing reads.
        Ok(payload)
    }
}
impl Record for ApprovalId {}

fn of_person(person: &PrincipalId) -> Vec<u8> {
    [OPEN_OF, person.0.as_bytes(), &[0]].concat()
}

/// What makes two questions the same: who asks, where, what, and of whom.
fn question(it: &Approval) -> Vec<u8> {
    let place = it.way.place.as_ref().map(|place| &place.id);
    let parts = serde_json::json!([it.by.id, it.user, it.way.installation, place, it.line, it.rules, it.approvers]);
    [QUESTION, &Sha256::digest(parts.to_string())[..]].concat()
}

fn indexes(it: &Approval) -> [Vec<u8>; 2] {
    [numbered(OPEN, it.id.0), numbered(&of_person(&it.by.id), it.id.0)]
}

/// An approval.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, id: ApprovalId) -> Result<Option<Stored<Approval>>, StoreError> {
    view.get(&numbered(APPROVAL, id.0))
}

/// A free number.
///
/// # Errors
/// Where the store cannot be read.
pub fn next_id(view: &View) -> Result<ApprovalId, StoreError> {
    let largest = |view: &View| match view.keys(APPROVAL, Order::Descending).next() {
        Some(key) => Ok(number_of(&key?).unwrap_or(0)),
        None => Ok(0),
    };
    view.next_number("approval", largest).map(ApprovalId)
}

/// The open approval of the same question, which may have expired, and what a new one of it goes over.
///
/// # Errors
/// Where the store cannot be read.
pub fn same(view: &View, it: &Approval) -> Result<(Option<Approval>, Expect), StoreError> {
    match view.get::<ApprovalId>(&question(it))? {
        Some(id) => Ok((read(view, id.value)?.map(|found| found.value), Expect::Version(id.version))),
        None => Ok((None, Expect::Absent)),
    }
}

/// Stores a new one, on condition that its question is as it was read.
#[must_use]
pub fn create(it: &Approval, question_is: Expect) -> Vec<Write> {
    let mut writes = vec![put(numbered(APPROVAL, it.id.0), Expect::Absent, it)];
    writes.push(put(question(it), question_is, &it.id));
    writes.extend(indexes(it).map(|key| mark(key, Expect::Any)));
    writes
}

/// Stores a changed one that is as open as before, on condition that nobody changed it since it was read.
#[must_use]
pub fn change(before: &Stored<Approval>, after: &Approval) -> Vec<Write> {
    vec![put(numbered(APPROVAL, after.id.0), Expect::Version(before.version), after)]
}

/// Stores one that is open no longer, under the same condition.
///
/// # Errors
/// Where the store cannot be read.
pub fn close(view: &View, before: &Stored<Approval>, after: &Approval) -> Result<Vec<Write>, StoreError> {
    let mut writes = change(before, after);
    // The row's own condition says that these are still its own; its question may have been asked again.
    writes.extend(indexes(after).map(|key| take(key, Expect::Any)));
    let key = question(after);
    let own = view.get::<ApprovalId>(&key)?.filter(|open| open.value == after.id);
    writes.extend(own.map(|open| take(key, Expect::Version(open.version))));
    Ok(writes)
}

/// What forgets one, with the messages that show it, on condition that nobody changed it since it was read.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget(view: &View, it: &Stored<Approval>) -> Result<Vec<Write>, StoreError> {
    let mut writes = face::forget_all(view, it.value.id.into())?;
    writes.push(take(numbered(APPROVAL, it.value.id.0), Expect::Version(it.version)));
    Ok(writes)
}

/// The numbers of all but the highest, the oldest first.
///
/// # Errors
/// Where the store cannot be read.
pub fn ids_but_highest(view: &View) -> Result<impl Iterator<Item = Result<ApprovalId, StoreError>> + '_, StoreError> {
    let highest = view.keys(APPROVAL, Order::Descending).next().transpose()?.unwrap_or_else(|| APPROVAL.to_vec());
    let keys = view.keys_between(APPROVAL, &highest, Order::Ascending);
    Ok(keys.filter_map(|key| key.map(|key| number_of(&key).map(ApprovalId)).transpose()))
}

/// The approvals that some writes put, as they will be.
///
/// # Errors
/// Where one cannot be read.
pub fn written(writes: &[Write]) -> Result<Vec<Approval>, StoreError> {
    let own = writes.iter().filter(|write| write.key.starts_with(APPROVAL)).filter_map(|write| write.value.as_deref());
    own.map(|value| codec::decode(value).map_err(StoreError::Unreadable)).collect()
}

/// The open ones, the oldest first, since it is the next to expire.
pub fn open(view: &View) -> impl Iterator<Item = Result<Approval, StoreError>> + '_ {
    named(view, OPEN.to_vec())
}

/// The open ones that a person has asked for, the oldest first.
pub fn open_of<'a>(view: &'a View, person: &PrincipalId) -> impl Iterator<Item = Result<Approval, StoreError>> + 'a {
    named(view, of_person(person))
}

fn named(view: &View, prefix: Vec<u8>) -> impl Iterator<Item = Result<Approval, StoreError>> + '_ {
    let keys: Vec<_> = view.keys(&prefix, Order::Ascending).take(MOST_OPEN).collect();
    keys.into_iter().filter_map(move |key| {
        let id = match key {
            Ok(key) => ApprovalId(number_of(&key)?),
            Err(error) => return Some(Err(error)),
        };
        read(view, id).map(|found| found.map(|found| found.value)).transpose()
    })
}

/// As many open ones are looked at; what is beyond them is seen when some of these are decided.
const MOST_OPEN: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::testing::pending;

    #[test]
    fn an_approval_that_was_stored_with_a_digest_of_its_line_is_read() {
        let mut payload = serde_json::to_value(pending(3)).unwrap();
        payload["digest"] = "00ff".into();
        let stored = [&[0, 1][..], payload.to_string().as_bytes()].concat();
        assert_eq!(codec::decode::<Approval>(&stored), Ok(pending(3)));
    }
}
