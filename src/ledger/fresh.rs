//! Events of the last seconds, as they were accepted: whoever handles one at once need not read what was written a
//! moment ago.
//!
//! Bounded in number and in length, so that what waits still waits on disk. Nothing relies on it: what is not here is
//! read from the store, and an end is written only where the store still has what was handed over.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::event::Event;
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::store::Stored;
use crate::store::keyspace::event::Ready;

/// Events that are kept.
const MOST: usize = 256;
/// Bytes of all bodies that are kept: [`MOST`] of GitHub's, which have 10 to 30 KB.
const MOST_BYTES: usize = 8 << 20;
/// An event that nobody has asked for by then leaves its place to others.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Events of the last seconds.
#[derive(Default)]
pub(super) struct Fresh(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    events: VecDeque<(Event, Stored<Ready>)>,
    /// Of all bodies.
    bytes: usize,
}

impl Kept {
    fn remove(&mut self, place: usize) -> Option<(Event, Stored<Ready>)> {
        let removed = self.events.remove(place)?;
        self.bytes -= removed.0.what.raw.len();
        Some(removed)
    }
}

impl Fresh {
    /// Keeps an event, where there is a place for it.
    pub(super) fn keep(&self, event: Event, ready: Stored<Ready>) {
        let mut kept = self.kept();
        while kept.events.front().is_some_and(|(oldest, _)| is_old(oldest, event.at)) {
            kept.remove(0);
        }
        let bytes = kept.bytes + event.what.raw.len();
        if kept.events.len() < MOST && bytes <= MOST_BYTES {
            kept.bytes = bytes;
            kept.events.push_back((event, ready));
        }
    }

    /// Hands an event over, once.
    pub(super) fn take(&self, id: EventId) -> Option<(Event, Stored<Ready>)> {
        let mut kept = self.kept();
        let place = kept.events.iter().position(|(event, _)| event.id == id)?;
        kept.remove(place)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_old(event: &Event, now: Timestamp) -> bool {
    // Callers of one group come in any order; a clock that was set back makes everything old.
    now.0.abs_diff(event.at.0) > FRESH_FOR.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{ChannelName, EventKind, Incoming};
    use crate::domain::ids::{LaneKey, TenantId};

    fn event(id: u64, at: i64, length: usize) -> Event {
        let what = Incoming {
            channel: ChannelName::Slack,
            installation: "T1".into(),
            organisation: None,
            dedupe: vec![],
            lane: LaneKey("l".into()),
            from: None,
            place: None,
            reply: None,
            kind: EventKind::Command { line: "help".into() },
            proof: "test".into(),
            reach: None,
            happened: None,
            raw: vec![b'x'; length].into(),
        };
        Event { id: EventId(id), tenant: TenantId::default_tenant(), at: Timestamp(at), what }
    }

    fn ready() -> Stored<Ready> {
        Stored { value: Ready::in_line(LaneKey("l".into())), version: 7 }
    }

    #[test]
    fn what_is_fresh_is_handed_over_once_and_no_more_than_fits() {
        let fresh = Fresh::default();
        for id in 0..=MOST as u64 {
            fresh.keep(event(id, 0, 10), ready());
        }
        assert_eq!(fresh.take(EventId(3)).map(|(event, ready)| (event.id, ready.version)), Some((EventId(3), 7)));
        assert!(fresh.take(EventId(3)).is_none());
        assert!(fresh.take(EventId(MOST as u64)).is_none(), "there was no place left");
        fresh.keep(event(1000, 1, MOST_BYTES - 10 * (MOST - 1) + 1), ready());
        assert!(fresh.take(EventId(1000)).is_none(), "with it they are too long");
        fresh.keep(event(1000, 1, MOST_BYTES - 10 * (MOST - 1)), ready());
        assert!(fresh.take(EventId(1000)).is_some(), "with it they are as long as they may be");
        fresh.keep(event(1001, 5001, 10), ready());
        assert!(fresh.take(EventId(4)).is_none(), "nobody has asked for it for long");
        assert!(fresh.take(EventId(1001)).is_some());
    }
}
