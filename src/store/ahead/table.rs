//! What the files of the log hold, in memory and in order: the puts that the engine behind does not have yet.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::store::engine::{Order, Put};

/// Bytes that an entry takes beside its key and value: two vectors, their allocations, its share of a node.
const ENTRY_BYTES: usize = 96;

/// Where a range begins and ends.
pub(super) type Range<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

type Entries = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The last put of each key, of one file.
#[derive(Default)]
pub(super) struct Table {
    entries: RwLock<Entries>,
    bytes: AtomicUsize,
}

impl Table {
    fn entries(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes puts in, all at once for who reads.
    pub(super) fn insert(&self, puts: impl IntoIterator<Item = Put>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        for (key, value) in puts {
            let (key_bytes, value_bytes) = (key.len(), value.as_ref().map_or(0, Vec::len));
            bytes += value_bytes;
            match entries.insert(key, value) {
                Some(before) => bytes -= before.map_or(0, |before| before.len()),
                None => bytes += key_bytes + ENTRY_BYTES,
            }
        }
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of memory that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing was put.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// What `of` makes of the last put of a key, where there was one.
    pub(super) fn get<T>(&self, key: &[u8], of: impl FnOnce(Option<&Vec<u8>>) -> T) -> Option<T> {
        self.entries().get(key).map(|value| of(value.as_ref()))
    }

    /// The next key of a range in an order.
    pub(super) fn next(&self, range: Range<'_>, order: Order) -> Option<Vec<u8>> {
        let entries = self.entries();
        let mut range = entries.range::<[u8], _>(range);
        let found = match order {
            Order::Ascending => range.next(),
            Order::Descending => range.next_back(),
        };
        found.map(|(key, _)| key.clone())
    }

    /// The next puts after a key, at most so many, and of no more bytes where it is not one alone.
    pub(super) fn step(&self, after: Bound<&[u8]>, most: usize, most_bytes: usize) -> Vec<Put> {
        let entries = self.entries();
        let mut bytes = 0;
        let range = entries.range::<[u8], _>((after, Bound::Unbounded)).take(most);
        let fitting = range.take_while(|(key, value)| {
            let first = bytes == 0;
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            first || bytes <= most_bytes
        });
        fitting.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// The tables that stand before the engine.
#[derive(Clone, Default)]
pub(super) struct Tables {
    /// Where new puts go.
    pub(super) newest: Arc<Table>,
    /// What is being put into the engine.
    pub(super) settling: Option<Arc<Table>>,
    /// Grows when a table has been put into the engine.
    pub(super) settled: u64,
}

impl Tables {
    /// The newest first.
    pub(super) fn each(&self) -> impl Iterator<Item = &Arc<Table>> {
        std::iter::once(&self.newest).chain(&self.settling)
    }

    /// What `of` makes of the last put of a key, where one of them has it.
    pub(super) fn get<T>(&self, key: &[u8], of: impl Fn(Option<&Vec<u8>>) -> T) -> Option<T> {
        self.each().find_map(|table| table.get(key, &of))
    }
}
