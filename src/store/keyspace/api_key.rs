//! `ky<digest>` an API key, by half of its digest, so that one that is presented is found by one read.

use crate::domain::api_key::ApiKey;
use crate::domain::outcome::{Expect, Write};
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::{StoreError, Stored, View, put, take};

const KEY: &[u8] = b"ky";
/// Bytes of a digest that stand in the key: what is found is compared whole.
const OF_THE_DIGEST: usize = 16;

impl Record for ApiKey {}

fn place(digest: &str) -> Vec<u8> {
    let shown = digest.as_bytes().get(..2 * OF_THE_DIGEST).unwrap_or(digest.as_bytes());
    [KEY, shown].concat()
}

/// The key that a program presents.
///
/// # Errors
/// Where the store cannot be read.
pub fn presented(view: &View, key: &str) -> Result<Option<Stored<ApiKey>>, StoreError> {
    let found = view.get::<ApiKey>(&place(&crate::domain::api_key::digest(key)))?;
    Ok(found.filter(|found| found.value.matches(key)))
}

/// All keys, those that count no longer among them.
///
/// # Errors
/// Where the store cannot be read.
pub fn all(view: &View) -> Result<Vec<Stored<ApiKey>>, StoreError> {
    view.scan::<ApiKey>(KEY, Order::Ascending).map(|entry| Ok(entry?.1)).collect()
}

/// Stores a key.
#[must_use]
pub fn put_key(key: &ApiKey, expect: Expect) -> Write {
    put(place(&key.digest), expect, key)
}

/// Forgets a key.
#[must_use]
pub fn forget(key: &Stored<ApiKey>) -> Write {
    take(place(&key.value.digest), Expect::Version(key.version))
}
