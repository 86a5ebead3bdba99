//! Whether more comes in at once than can be handled meanwhile.
//!
//! Platforms want to hear within seconds that an event is safe, and send it again otherwise; its answer may
//! take longer. So in a rush taking in goes first, and the dispatcher steps back.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// Callers who wait at one time for their events to be on disk, from which on it is a rush.
const MANY: usize = 48;
/// A group of commits lets many callers go at once: so long after there were many it is a rush still. A group takes some
/// milliseconds, and several times as many where the disk or the machine is busy.
const LINGERS: Duration = Duration::from_millis(50);

/// Counts the callers who wait for their events to be on disk.
#[derive(Debug, Default)]
pub struct Rush {
    waiting: AtomicUsize,
    /// When there were many last, in milliseconds; 0: never.
    last: AtomicI64,
}

/// A caller who waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Caller<'a>(&'a Rush);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Rush {
    pub(super) fn enter(&self, now: Timestamp) -> Caller<'_> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) + 1 >= MANY {
            self.last.store(now.0, Ordering::Relaxed);
        }
        Caller(self)
    }

    /// Whether it is a rush.
    #[must_use]
    pub fn is_on(&self, now: Timestamp) -> bool {
        let last = Timestamp(self.last.load(Ordering::Relaxed));
        // A clock that was set back must not make a rush of nothing.
        let lingers = last.0 != 0 && last <= now && now.since(last) < LINGERS;
        lingers || self.waiting.load(Ordering::Relaxed) >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_are_a_rush_and_a_little_longer() {
        let rush = Rush::default();
        let few: Vec<_> = (1..MANY).map(|_| rush.enter(Timestamp(1000))).collect();
        assert!(!rush.is_on(Timestamp(1000)));
        let one_more = rush.enter(Timestamp(1000));
        assert!(rush.is_on(Timestamp(9000)), "as long as they wait, however slow the disk is");
        drop((few, one_more));
        assert!(rush.is_on(Timestamp(1049)));
        assert!(!rush.is_on(Timestamp(1050)));
        assert!(!rush.is_on(Timestamp(500)), "the clock was set back");
        let _one = rush.enter(Timestamp(1051));
        assert!(!rush.is_on(Timestamp(1051)));
    }
}
