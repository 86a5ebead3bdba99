//! `gm<time><number>` a delivery of GitHub's webhook that has not arrived: until it has, or nobody can have it any more.
//!
//! They stand in the order in which GitHub sent them first. One writer has them: a later value stands over an earlier one.

use serde::{Deserialize, Serialize};

use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::sortable;
use crate::store::{StoreError, View, put, take};

const MISSING: &[u8] = b"gm";

/// A delivery that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// When it was tried first, by GitHub's clock.
    pub sent: Timestamp,
    /// The id of that try, by which another one is asked for.
    pub attempt: u64,
    /// The GUID, in lower case.
    pub guid: String,
    /// The kind of event.
    pub event: String,
    /// How often it was asked for.
    #[serde(default)]
    pub tries: u32,
    /// When it was asked for last, while it may still come by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// It is not asked for before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Why it is not asked for any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

impl Record for Missing {}

fn key(missing: &Missing) -> Vec<u8> {
    [MISSING, &sortable(missing.sent), &missing.attempt.to_be_bytes()].concat()
}

/// All of them, the oldest first. One that cannot be read is left out.
///
/// # Errors
/// Where the store cannot be read.
pub fn all(view: &View) -> Result<Vec<Missing>, StoreError> {
    let mut all = Vec::new();
    for entry in view.scan::<Missing>(MISSING, Order::Ascending) {
        match entry {
            Ok((_, stored)) => all.push(stored.value),
            Err(StoreError::Unreadable(why)) => tracing::warn!(why, "a missing delivery of github cannot be read"),
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Stores one.
#[must_use]
pub fn put_missing(missing: &Missing) -> Write {
    put(key(missing), Expect::Any, missing)
}

/// Forgets one.
#[must_use]
pub fn forget(missing: &Missing) -> Write {
    take(key(missing), Expect::Any)
}
