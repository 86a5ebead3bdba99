//! `dd<digest>` the event that a dedupe key belongs to; `du<event><number>` further deliveries of an event.
//!
//! What stands behind a `|` in a key grows with time and is nobody's name. It stands in the store's key as it is,
//! behind the digest of what is before it: so the keys of one time stand together, and an event costs the same
//! however many are kept.

use serde::{Deserialize, Serialize};

use crate::domain::ids::EventId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{digest, hashed, numbered};
use crate::store::{StoreError, View, put, take};

const KEY: &[u8] = b"dd";
const AGAIN: &[u8] = b"du";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Owner(EventId);

impl Record for Owner {
    fn to_payload(&self) -> Vec<u8> {
        self.0.0.to_be_bytes().to_vec()
    }
    fn from_payload(payload: &[u8]) -> Result<Self, String> {
        let bytes = payload.try_into().map_err(|_| "not a number".to_owned())?;
        Ok(Self(EventId(u64::from_be_bytes(bytes))))
    }
}

/// A further delivery of an event that is here already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// When it came.
    pub at: Timestamp,
    /// The key by which it was recognised.
    pub by: String,
}

impl Record for Again {}

/// What grows may be so long; a longer one is hashed like the rest.
const LONGEST: usize = 64;
/// Keys in which a platform's numbers stand behind the `|`. What callers name themselves is hashed.
const GROWING: [&str; 2] = ["slack:event|", "slack:msg:"];

fn place(key: &str) -> Vec<u8> {
    let may_grow = GROWING.iter().any(|prefix| key.starts_with(prefix));
    match key.split_once('|').filter(|(_, grows)| may_grow && grows.len() <= LONGEST) {
        Some((of, grows)) => [KEY, &digest(of)[..8], grows.as_bytes()].concat(),
        None => hashed(KEY, key),
    }
}

/// The event that owns a dedupe key.
///
/// # Errors
/// Where the store cannot be read.
pub fn owner(view: &View, key: &str) -> Result<Option<EventId>, StoreError> {
    Ok(view.get::<Owner>(&place(key))?.map(|stored| stored.value.0))
}

/// Claims a dedupe key that nobody owns.
#[must_use]
pub fn claim(key: &str, event: EventId) -> Write {
    put(place(key), Expect::Absent, &Owner(event))
}

/// Gives a dedupe key up, when its event is forgotten.
#[must_use]
pub fn release(key: &str) -> Write {
    take(place(key), Expect::Any)
}

/// Notes a further delivery, which came in under the number `came_as`.
#[must_use]
pub fn again(event: EventId, came_as: EventId, again: &Again) -> Write {
    let key = [numbered(AGAIN, event.0), came_as.0.to_be_bytes().to_vec()].concat();
    put(key, Expect::Any, again)
}

/// Further deliveries of an event, in order.
///
/// # Errors
/// Where the store cannot be read.
pub fn deliveries(view: &View, event: EventId) -> Result<Vec<Again>, StoreError> {
    view.scan::<Again>(&numbered(AGAIN, event.0), Order::Ascending).map(|entry| Ok(entry?.1.value)).collect()
}

/// Forgets further deliveries, when their event is forgotten.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget_deliveries(view: &View, event: EventId) -> Result<Vec<Write>, StoreError> {
    view.keys(&numbered(AGAIN, event.0), Order::Ascending).map(|key| Ok(take(key?, Expect::Any))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_time_stand_together_and_no_two_are_one() {
        let [a, b, c] = [
            "slack:msg:T1:C1|1700000000.000001",
            "slack:msg:T1:C1|1700000000.000002",
            "slack:msg:T1:C2|1700000000.000001",
        ]
        .map(place);
        assert!(a < b && a[..10] == b[..10], "those of a channel stand in order");
        assert_ne!(a, c);
        assert_eq!(place("slack:client:c-1"), hashed(KEY, "slack:client:c-1"), "what does not grow stands anywhere");
        for hashed in [&format!("slack:event|{}", "9".repeat(65)), "api:key:invoice|ada@example.com"] {
            assert_eq!(place(hashed).len(), KEY.len() + 16);
        }
    }
}
