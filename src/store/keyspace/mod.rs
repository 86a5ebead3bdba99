//! Where everything stands: one tree, each key `<tenant> 0x00 <kind> <rest>`, numbers big-endian so
//! that keys sort as numbers do.
//!
//! A kind is two letters and one file here, which makes the keys, the writes and the reads of it.
//! Nothing above `store/` puts a key together by itself.

pub mod answer;
pub mod api_key;
pub mod approval;
pub mod audit;
pub mod connector;
pub mod dedupe;
pub mod effect;
pub mod event;
pub mod face;
pub mod gap;
pub mod link;
pub mod living;
pub mod meeting;
pub mod missing;
pub mod notice;
pub mod person;
pub mod repository;
pub mod run;
pub mod setting;
pub mod sync;
pub mod task;
pub mod timer;

use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::engine::{Engine, Put};

/// The owner of the program's own keys; no tenant can have this name from outside.
pub const SYSTEM: &str = "_system";

/// Number of the last commit, so that versions grow over restarts, and the bytes that are kept.
const NOTE_KEY: &[u8] = b"_system\0vn";

/// A key with its tenant in front.
#[must_use]
pub fn full(tenant: &TenantId, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(tenant.as_str().len() + 1 + key.len());
    full.extend_from_slice(tenant.as_str().as_bytes());
    full.push(0);
    full.extend_from_slice(key);
    full
}

/// The tenant of a full key.
#[must_use]
pub fn tenant_of(full: &[u8]) -> Option<TenantId> {
    let end = full.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&full[..end]).ok()?.parse().ok()
}

/// The first key after all that begin with `prefix`; empty where there is none.
#[must_use]
pub fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    Vec::new()
}

/// The first full key after all of a tenant.
#[must_use]
pub fn end_of_tenant(tenant: &TenantId) -> Vec<u8> {
    end_of(&full(tenant, &[]))
}

/// A kind and a number.
#[must_use]
pub(crate) fn numbered(kind: &[u8], number: u64) -> Vec<u8> {
    [kind, &number.to_be_bytes()].concat()
}

/// The number at the end of a key that `numbered` made.
#[must_use]
pub fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A kind and a text that may be long or have any bytes in it: its digest stands in the key.
#[must_use]
pub(crate) fn hashed(kind: &[u8], text: &str) -> Vec<u8> {
    [kind, &digest(text)].concat()
}

/// Half of a SHA-256.
fn digest(text: &str) -> [u8; 16] {
    use sha2::{Digest, Sha256};
    *Sha256::digest(text.as_bytes()).first_chunk().expect("invariant: a SHA-256 has 32 bytes")
}

/// A time as keys hold it: those before 1970 sort first.
fn sortable(at: Timestamp) -> [u8; 8] {
    (at.0.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// What the committer notes of the whole store with every group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// Number of the last commit.
    pub(crate) version: u64,
    /// Bytes of all keys and values, but for a few of the store's own.
    pub(crate) live: u64,
}

pub(crate) fn read_note(engine: &dyn Engine) -> Result<Note, StoreError> {
    let Some(bytes) = engine.get(NOTE_KEY)? else { return Ok(Note::default()) };
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).ok();
    let note = match bytes.len() {
        // Up to format 2 the number stands alone.
        8 => number(&bytes).map(|version| Note { version, live: 0 }),
        16 => number(&bytes[..8]).zip(number(&bytes[8..])).map(|(version, live)| Note { version, live }),
        _ => None,
    };
    note.ok_or_else(|| StoreError::Unreadable("the commit number".to_owned()))
}

pub(crate) fn note_put(note: Note) -> Put {
    (NOTE_KEY.to_vec(), Some([note.version.to_be_bytes(), note.live.to_be_bytes()].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        assert_eq!(end_of(b"ab"), b"ac");
        assert_eq!(end_of(&[1, 0xff]), [2]);
        assert_eq!(end_of(&[0xff]), Vec::<u8>::new());
    }

    #[test]
    fn a_tenant_is_read_from_its_keys() {
        let tenant = TenantId::default_tenant();
        assert_eq!(tenant_of(&full(&tenant, b"tk1")), Some(tenant));
    }
}
