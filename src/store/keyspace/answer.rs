//! `an<digest of the key>` what was answered to a request that is to be done once, `ax<time><digest>` when, so that old
//! ones are found.

use serde::{Deserialize, Serialize};

use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{digest, sortable};
use crate::store::{StoreError, View, mark, put, take};

const ANSWER: &[u8] = b"an";
const AT: &[u8] = b"ax";

/// A request, as far as it must be the same when it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// `POST`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// SHA-256 of the body, hex.
    pub body_digest: String,
}

/// What was answered to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The request.
    pub asked: Asked,
    /// When it was answered.
    pub at: Timestamp,
    /// The status.
    pub status: u16,
    /// The type of the body.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Record for Answer {}

fn place(digest: &[u8]) -> Vec<u8> {
    [ANSWER, digest].concat()
}

/// The answer that was given under a key.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, key: &str) -> Result<Option<Answer>, StoreError> {
    Ok(view.get(&place(&digest(key)))?.map(|stored| stored.value))
}

/// Keeps an answer under a key. Any expectation does: of requests with one key, one is answered at a time.
#[must_use]
pub fn keep(key: &str, answer: &Answer) -> [Write; 2] {
    let digest = digest(key);
    let at = [AT, &sortable(answer.at), &digest].concat();
    [put(place(&digest), Expect::Any, answer), mark(at, Expect::Any)]
}

/// The writes that forget answers from before a time, the oldest first; two for each.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget(view: &View, before: Timestamp, most: usize) -> Result<Vec<Write>, StoreError> {
    let to = [AT, &sortable(before)].concat();
    let mut writes = Vec::new();
    for at in view.keys_between(AT, &to, Order::Ascending).take(most) {
        let at = at?;
        let digest = at.last_chunk::<16>().ok_or_else(|| StoreError::Unreadable("an answer's key".to_owned()))?;
        writes.extend([take(place(digest), Expect::Any), take(at.clone(), Expect::Any)]);
    }
    Ok(writes)
}
