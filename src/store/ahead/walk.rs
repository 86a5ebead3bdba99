//! A scan over the engine and the tables before it. No entry that it gives is older than the moment it is given.

use std::iter::Peekable;
use std::ops::Bound;

use super::Shared;
use super::table::{Range, Tables};
use crate::store::engine::{EngineError, Order};

/// What is read of the engine behind.
pub(super) type Behind<'a, T> = Box<dyn Iterator<Item = Result<(Vec<u8>, T), EngineError>> + 'a>;

/// A key, and what the engine had with it where it was read there.
type Next<T> = Option<(Vec<u8>, Option<(T, u64)>)>;

/// A scan, `T` being what is read of a value.
pub(super) struct Walk<'a, T> {
    shared: &'a Shared,
    /// The tables of when it began: what goes from them into the engine behind its back is still seen in them.
    tables: Tables,
    behind: Peekable<Behind<'a, (T, u64)>>,
    from: Vec<u8>,
    to: Vec<u8>,
    order: Order,
    last: Option<Vec<u8>>,
    /// Reads a value from a table.
    of: fn(&Vec<u8>) -> T,
    /// Reads a key of the engine behind.
    get: fn(&Shared, &[u8]) -> Result<Option<T>, EngineError>,
}

impl<'a, T: 'a> Walk<'a, T> {
    pub(super) fn new(
        shared: &'a Shared,
        (from, to, order): (&[u8], &[u8], Order),
        behind: impl FnOnce() -> Behind<'a, T>,
        of: fn(&Vec<u8>) -> T,
        get: fn(&Shared, &[u8]) -> Result<Option<T>, EngineError>,
    ) -> Self {
        // Taken before the engine is read, see `tables`.
        let tables = shared.tables().clone();
        let mut behind = behind();
        let behind: Behind<'a, (T, u64)> = Box::new(std::iter::from_fn(move || {
            // Looked at before the engine is read: what is settled meanwhile makes the value be read again.
            let settled = shared.tables().settled;
            Some(behind.next()?.map(|(key, value)| (key, (value, settled))))
        }));
        let (from, to) = (from.to_vec(), to.to_vec());
        Self { shared, tables, behind: behind.peekable(), from, to, order, last: None, of, get }
    }

    /// What is left of the range, where anything is.
    fn left(&self) -> Option<Range<'_>> {
        let last = self.last.as_deref();
        let low = match (self.order, last) {
            (Order::Ascending, Some(last)) => Bound::Excluded(last),
            _ => Bound::Included(&self.from[..]),
        };
        let high = match (self.order, last) {
            (Order::Descending, Some(last)) => Bound::Excluded(last),
            _ if self.to.is_empty() => Bound::Unbounded,
            _ => Bound::Excluded(&self.to[..]),
        };
        let empty = matches!((low, high), (Bound::Included(l) | Bound::Excluded(l), Bound::Excluded(h)) if l >= h);
        (!empty).then_some((low, high))
    }

    /// The next key that a table has.
    fn of_tables(&self) -> Option<Vec<u8>> {
        let left = self.left()?;
        let keys = self.tables.each().filter_map(|table| table.next(left, self.order));
        match self.order {
            Order::Ascending => keys.min(),
            Order::Descending => keys.max(),
        }
    }

    fn next_key(&mut self) -> Result<Next<T>, EngineError> {
        let ahead = self.of_tables();
        let behind_first = match (&ahead, self.behind.peek()) {
            (_, Some(Err(_))) | (None, Some(_)) => true,
            (_, None) => false,
            (Some(ahead), Some(Ok((key, _)))) => match self.order {
                Order::Ascending => key <= ahead,
                Order::Descending => key >= ahead,
            },
        };
        if !behind_first {
            return Ok(ahead.map(|key| (key, None)));
        }
        let entry = self.behind.next().transpose()?;
        Ok(entry.map(|(key, read)| (key, Some(read))))
    }

    fn step(&mut self) -> Result<Option<(Vec<u8>, T)>, EngineError> {
        while let Some((key, read)) = self.next_key()? {
            let (found, settled) = {
                let tables = self.shared.tables();
                (tables.get(&key, |value| value.map(self.of)), tables.settled)
            };
            let value = match (found, read) {
                (Some(value), _) => value,
                (None, Some((value, at))) if at == settled => Some(value),
                (None, _) => (self.get)(self.shared, &key)?,
            };
            self.last = Some(key.clone());
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }
}

impl<'a, T: 'a> Iterator for Walk<'a, T> {
    type Item = Result<(Vec<u8>, T), EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
