//! The store contract: read, scan, and an atomic conditional commit that is on disk when it returns.
//!
//! This is the only folder that names an engine, a key layout or a cipher. What is committed stands in a log (`ahead/`)
//! before it goes into the engine (`sled.rs`). It does not know what an event or a rule means. Callers get a [`View`] of
//! one tenant, so a read across tenants cannot be written by accident. A further kind of value is a file in `keyspace/`.
//!
//! The contract is honest for engines on other machines: no callback runs inside a commit, and no
//! scan is a snapshot of a later write; a handler that needs both puts the version it read into its
//! write and runs again on [`StoreError::Conflict`].

pub mod ahead;
pub mod backup;
mod batch;
pub mod chain;
mod cipher;
pub mod codec;
mod committer;
pub mod engine;
pub mod export;
mod group;
pub mod keyspace;
pub mod memory;
pub mod metrics;
pub mod open;
mod pack;
mod pieces;
mod queue;
pub mod quota;
pub mod rotate;
pub mod seal;
pub mod sequence;
pub mod sled;

use std::sync::Arc;

pub use batch::Batch;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::domain::ids::TenantId;
use crate::domain::outcome::{Expect, Write};
use crate::store::codec::Record;
use crate::store::committer::{Committer, Listeners, Waiting};
use crate::store::engine::{Engine, EngineError, Order, Put};
use crate::store::metrics::StoreMetrics;
use crate::store::queue::Entrance;
use crate::store::seal::{Keyring, SealError};
use crate::store::sequence::Sequences;

/// Commits that may wait for the committer at the same time.
const MOST_WAITING: usize = 4096;

/// Why the store did not do it, by what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold and nothing was written: read again and decide again.
    #[error("another change came first")]
    Conflict,
    /// There is no room: refuse new work until there is.
    #[error("the store is full: {0}")]
    Full(String),
    /// The engine cannot read or write; a write may or may not have landed.
    #[error("the store cannot be used: {0}")]
    Unusable(String),
    /// A value cannot be read: wrong key, damage, or written by a newer program.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
}

impl From<EngineError> for StoreError {
    fn from(error: EngineError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Whether the store takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Writable,
    /// It has no room.
    Full(String),
    /// The engine failed and is being reopened.
    Broken(String),
}

/// A value and the version that a later write can demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// What was read.
    pub value: T,
    /// Its version.
    pub version: u64,
}

enum Writer {
    /// Commits are applied by the caller; for the memory engine, whose commits cost nothing.
    Inline(std::sync::Mutex<Committer>),
    /// Commits are applied by the group committer's thread.
    Thread {
        sender: Entrance<Waiting>,
        /// Bounds the commits that wait; their number is the number of their callers.
        places: Semaphore,
    },
}

struct Shared {
    engine: Arc<dyn Engine>,
    keyring: Arc<Keyring>,
    writer: Writer,
    health: watch::Receiver<Health>,
    sequences: Sequences,
    metrics: Arc<StoreMetrics>,
    listeners: Arc<Listeners>,
}

/// A handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

impl Store {
    /// A store whose commits run in the calling task. For engines that do not wait for a disk.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    pub fn inline(
        engine: Arc<dyn Engine>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn crate::domain::time::Clock>,
    ) -> Result<Self, StoreError> {
        let metrics = Arc::new(StoreMetrics::default());
        let listeners = Arc::new(Listeners::default());
        let (committer, health) =
            Committer::new(engine.clone(), keyring.clone(), clock, metrics.clone(), listeners.clone())?;
        let writer = Writer::Inline(std::sync::Mutex::new(committer));
        Ok(Self::assemble(engine, keyring, writer, health, metrics, listeners))
    }

    /// A store with a group committer on its own thread, which ends with the last handle.
    ///
    /// # Errors
    /// Where the engine cannot be read or the thread cannot be started.
    pub fn grouped(
        engine: Arc<dyn Engine>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn crate::domain::time::Clock>,
    ) -> Result<Self, StoreError> {
        let metrics = Arc::new(StoreMetrics::default());
        let listeners = Arc::new(Listeners::default());
        let (committer, health) =
            Committer::new(engine.clone(), keyring.clone(), clock, metrics.clone(), listeners.clone())?;
        let sender = committer.start().map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Self::assemble(
            engine,
            keyring,
            Writer::Thread { sender, places: Semaphore::new(MOST_WAITING) },
            health,
            metrics,
            listeners,
        ))
    }

    fn assemble(
        engine: Arc<dyn Engine>,
        keyring: Arc<Keyring>,
        writer: Writer,
        health: watch::Receiver<Health>,
        metrics: Arc<StoreMetrics>,
        listeners: Arc<Listeners>,
    ) -> Self {
        let sequences = Sequences::default();
        Self { shared: Arc::new(Shared { engine, keyring, writer, health, sequences, metrics, listeners }) }
    }

    /// What one tenant has.
    #[must_use]
    pub fn view(&self, tenant: &TenantId) -> View {
        View { store: self.clone(), tenant: tenant.clone() }
    }

    /// Tenants that have anything, in the order of their names; the program's own keys are not one.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    pub fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tenants = Vec::new();
        let mut from = Vec::new();
        while let Some(entry) = self.shared.engine.scan(&from, &[], Order::Ascending).next() {
            let (key, _) = entry?;
            let Some(tenant) = keyspace::tenant_of(&key) else { break };
            from = keyspace::end_of_tenant(&tenant);
            if tenant.as_str() != keyspace::SYSTEM {
                tenants.push(tenant);
            }
        }
        Ok(tenants)
    }

    /// Writes the batch whole or not at all; on disk when it returns.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a condition does not hold, [`StoreError::Full`] where there is
    /// no room, [`StoreError::Unusable`] where it may or may not have landed.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.commit_at(batch).await.map(|_| ())
    }

    /// As [`Store::commit`]; gives the version that every value of the batch has.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn commit_at(&self, batch: Batch) -> Result<u64, StoreError> {
        let sealed = committer::seal(&self.shared.keyring, batch);
        match &self.shared.writer {
            Writer::Inline(committer) => {
                let mut committer = committer.lock().expect("invariant: a commit does not panic with the lock held");
                committer.apply(vec![sealed]).pop().expect("invariant: one answer for one batch")
            }
            Writer::Thread { sender, places } => {
                let (answer, wait) = oneshot::channel();
                let gone = || StoreError::Unusable("the group committer has ended".to_owned());
                let _place = places.acquire().await.map_err(|_| gone())?;
                sender.send(Waiting { sealed, answer }).map_err(|_| gone())?;
                wait.await.map_err(|_| gone())?
            }
        }
    }

    /// Whether it takes writes, and news of that.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.clone()
    }

    /// Bytes on disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.engine.size()
    }

    /// Bytes of keys and values in it, which `store.most_mb` bounds; measured every second or so.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.shared.metrics.live()
    }

    /// Figures for `/metrics`.
    #[must_use]
    pub fn metrics(&self) -> Arc<StoreMetrics> {
        self.shared.metrics.clone()
    }

    /// Every group that is committed from here on: all before it are visible to a scan. Blocking.
    ///
    /// # Errors
    /// Where the committer has ended.
    pub(crate) fn listen(&self) -> Result<std::sync::mpsc::Receiver<Vec<Put>>, StoreError> {
        let groups = self.shared.listeners.add();
        self.wait_for_groups_before()?;
        Ok(groups)
    }

    /// Returns when every group that was being written is written and told. Blocking.
    ///
    /// # Errors
    /// Where the committer has ended.
    pub(crate) fn wait_for_groups_before(&self) -> Result<(), StoreError> {
        if let Writer::Thread { sender, .. } = &self.shared.writer {
            let gone = || StoreError::Unusable("the group committer has ended".to_owned());
            let (answer, wait) = oneshot::channel();
            let sealed = committer::seal(&self.shared.keyring, Batch::new());
            sender.send(Waiting { sealed, answer }).map_err(|_| gone())?;
            wait.blocking_recv().map_err(|_| gone())??;
        }
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.shared.engine
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.shared.keyring
    }
}

/// What one tenant has. Reads see every commit that had returned before them.
#[derive(Clone)]
pub struct View {
    store: Store,
    tenant: TenantId,
}

impl View {
    /// Whose view it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The value of a key.
    ///
    /// # Errors
    /// Where the engine or the value cannot be read.
    pub fn get<T: Record>(&self, key: &[u8]) -> Result<Option<Stored<T>>, StoreError> {
        let full = keyspace::full(&self.tenant, key);
        let Some(bytes) = self.store.shared.engine.get(&full)? else {
            return Ok(None);
        };
        self.open(&full, &bytes).map(Some)
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    pub fn has(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.store.shared.engine.get(&keyspace::full(&self.tenant, key))?.is_some())
    }

    /// Keys that begin with `prefix`, without their values.
    pub fn keys<'a>(
        &'a self,
        prefix: &[u8],
        order: Order,
    ) -> impl Iterator<Item = Result<Vec<u8>, StoreError>> + use<'a> {
        let from = keyspace::full(&self.tenant, prefix);
        let to = keyspace::end_of(&from);
        let skip = from.len() - prefix.len();
        self.store.shared.engine.keys(&from, &to, order).map(move |key| Ok(key?.split_off(skip)))
    }

    /// Keys from `from` (within) to `to` (not within), without their values.
    pub fn keys_between<'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
    ) -> impl Iterator<Item = Result<Vec<u8>, StoreError>> + use<'a> {
        let skip = keyspace::full(&self.tenant, &[]).len();
        let (from, to) = (keyspace::full(&self.tenant, from), keyspace::full(&self.tenant, to));
        self.store.shared.engine.keys(&from, &to, order).map(move |key| Ok(key?.split_off(skip)))
    }

    /// Keys that begin with `prefix`, with their values.
    pub fn scan<'a, T: Record>(
        &'a self,
        prefix: &[u8],
        order: Order,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Stored<T>), StoreError>> + use<'a, T> {
        let end = keyspace::end_of(prefix);
        self.range(prefix, &end, order)
    }

    /// Keys from `from` (within) to `to` (not within), with their values.
    pub fn range<'a, T: Record>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Stored<T>), StoreError>> + use<'a, T> {
        let skip = keyspace::full(&self.tenant, &[]).len();
        let (from, to) = (keyspace::full(&self.tenant, from), keyspace::full(&self.tenant, to));
        self.store.shared.engine.scan(&from, &to, order).map(move |entry| {
            let (mut key, bytes) = entry?;
            let stored = self.open(&key, &bytes)?;
            Ok((key.split_off(skip), stored))
        })
    }

    /// The next number of a counter, such as the tasks': one more than the largest that any task
    /// has. A number whose task is never stored leaves a gap.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    pub fn next_number(
        &self,
        counter: &'static str,
        largest: impl FnOnce(&Self) -> Result<u64, StoreError>,
    ) -> Result<u64, StoreError> {
        self.store.shared.sequences.next(&self.tenant, counter, || largest(self))
    }

    fn open<T: Record>(&self, full: &[u8], bytes: &[u8]) -> Result<Stored<T>, StoreError> {
        let (version, plain) = self.store.shared.keyring.open(full, bytes)?;
        let value = codec::decode(&plain).map_err(StoreError::Unreadable)?;
        Ok(Stored { value, version })
    }
}

/// A write of a record under a condition.
#[must_use]
pub fn put<T: Record>(key: Vec<u8>, expect: Expect, value: &T) -> Write {
    Write { key, expect, value: Some(codec::encode(value)) }
}

/// A write that only marks a key.
#[must_use]
pub fn mark(key: Vec<u8>, expect: Expect) -> Write {
    Write { key, expect, value: Some(Vec::new()) }
}

/// A write that takes a key away.
#[must_use]
pub fn take(key: Vec<u8>, expect: Expect) -> Write {
    Write { key, expect, value: None }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
