//! A group of commits as far as it is put together: its puts, what the keys have with them, and the bytes that are there
//! then. It knows no engine; `committer.rs` fills it.

use std::collections::HashMap;

use crate::domain::ids::TenantId;
use crate::store::chain::Head;
use crate::store::engine::{Glance, Put};
use crate::store::seal;

/// What is kept under a key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kept {
    /// Its version; 0 where there is nothing.
    pub(super) version: u64,
    /// Bytes of key and value.
    pub(super) bytes: u64,
}

impl Kept {
    pub(super) fn found(key: &[u8], found: Glance) -> Self {
        Self { version: seal::version_of(&found.head).unwrap_or(0), bytes: key.len() as u64 + found.length }
    }
}

/// A group as far as it is taken in.
#[derive(Default)]
pub(super) struct Group {
    pub(super) puts: Vec<Put>,
    pub(super) heads: HashMap<TenantId, Head>,
    /// What the keys of the puts have with them.
    pub(super) overlay: HashMap<Vec<u8>, Kept>,
    /// Bytes of keys and values that are there with the puts.
    pub(super) live: u64,
}

impl Group {
    /// Adds a put to a key under which `kept` was found, where the group itself has not put there before.
    pub(super) fn put(&mut self, put: Put, version: u64, kept: Kept) {
        let (key, value) = &put;
        let next = match value {
            Some(value) => Kept { version, bytes: (key.len() + value.len()) as u64 },
            None => Kept::default(),
        };
        let before = self.overlay.insert(key.clone(), next).unwrap_or(kept);
        self.live = (self.live + next.bytes).saturating_sub(before.bytes);
        self.puts.push(put);
    }
}
