//! An engine in memory, for tests and the simulator only. It survives the death of the core that
//! used it, as a disk would, and can be told to fail at a commit.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::engine::{Engine, EngineError, Entry, Glance, Order, Purpose, Put};

/// What happens to the next commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It lands and the caller learns it.
    Land,
    /// It does not land and the caller learns that.
    Refuse,
    /// It lands, but the caller sees an error, as with a crash between the disk and the answer.
    LandUnseen,
}

/// Decides the fate of each commit.
type Faults = Box<dyn FnMut() -> Fate + Send>;

/// An ordered map in memory.
#[derive(Default)]
pub struct Memory {
    map: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    faults: Mutex<Option<Faults>>,
    unreadable: AtomicBool,
}

impl Memory {
    /// Decides the fate of each commit from here on; `None` lets all land.
    pub fn set_faults(&self, faults: Option<Faults>) {
        *self.faults.lock().expect("invariant: no panic with the lock held") = faults;
    }

    /// Whether reading fails from here on.
    pub fn set_unreadable(&self, unreadable: bool) {
        self.unreadable.store(unreadable, Ordering::Relaxed);
    }

    fn readable(&self) -> Result<(), EngineError> {
        let fails = self.unreadable.load(Ordering::Relaxed);
        if fails { Err(EngineError("a fault was asked for".to_owned())) } else { Ok(()) }
    }

    fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.map.lock().expect("invariant: no panic with the lock held")
    }

    fn step(&self, from: &[u8], to: &[u8], order: Order, last: Option<&[u8]>) -> Option<(Vec<u8>, Vec<u8>)> {
        let map = self.map();
        let low = match (order, last) {
            (Order::Ascending, Some(last)) => Bound::Excluded(last),
            _ => Bound::Included(from),
        };
        let high = match (order, last) {
            (Order::Descending, Some(last)) => Bound::Excluded(last),
            _ if to.is_empty() => Bound::Unbounded,
            _ => Bound::Excluded(to),
        };
        if let (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high)) = (low, high)
            && low >= high
        {
            return None;
        }
        let mut range = map.range::<[u8], _>((low, high));
        let found = match order {
            Order::Ascending => range.next(),
            Order::Descending => range.next_back(),
        };
        found.map(|(key, value)| (key.clone(), value.clone()))
    }
}

impl Engine for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.readable()?;
        Ok(self.map().get(key).cloned())
    }

    fn glance(&self, key: &[u8]) -> Result<Option<Glance>, EngineError> {
        self.readable()?;
        Ok(self.map().get(key).map(|value| Glance::of(value, value.len())))
    }

    fn scan<'a>(&'a self, from: &[u8], to: &[u8], order: Order) -> Box<dyn Iterator<Item = Entry> + 'a> {
        let (from, to) = (from.to_vec(), to.to_vec());
        let mut last: Option<Vec<u8>> = None;
        Box::new(std::iter::from_fn(move || {
            let entry = self.step(&from, &to, order, last.as_deref())?;
            last = Some(entry.0.clone());
            Some(Ok(entry))
        }))
    }

    fn apply(&self, puts: Vec<Put>) -> Result<(), EngineError> {
        let fate =
            self.faults.lock().expect("invariant: no panic with the lock held").as_mut().map_or(Fate::Land, |f| f());
        if fate != Fate::Refuse {
            let mut map = self.map();
            for (key, value) in puts {
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        }
        match fate {
            Fate::Land => Ok(()),
            Fate::Refuse | Fate::LandUnseen => Err(EngineError("a fault was asked for".to_owned())),
        }
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn size(&self) -> u64 {
        self.map().iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    fn room(&self, _purpose: Purpose, _live: u64) -> Option<(u64, String)> {
        None
    }

    fn reopen(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
