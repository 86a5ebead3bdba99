//! What tests keep things in.

use std::sync::Arc;

use super::Store;
use super::memory::Memory;
use super::seal::Keyring;
use crate::domain::time::Timestamp;
use crate::domain::time::testing::Still;

/// An empty store in memory, which ends with its last handle. It is always the same moment there.
pub(crate) fn in_memory() -> Store {
    Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap()
}
