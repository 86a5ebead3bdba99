//! Time that passes only when it is told to, and those who sleep in it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ai_crm::domain::time::{Clock, Timestamp};

/// A virtual clock.
pub(super) struct Timeline {
    inner: Mutex<Inner>,
}

struct Inner {
    now: Timestamp,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    serial: u64,
}

impl Timeline {
    pub(super) fn starting(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::new(Inner { now, sleepers: BTreeMap::new(), serial: 0 }) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the first of those who sleep wakes.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.inner().sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Lets time pass; who has slept until then is woken.
    pub(super) fn advance(&self, to: Timestamp) {
        let mut inner = self.inner();
        inner.now = inner.now.max(to);
        let first_later = (Timestamp(inner.now.0 + 1), 0);
        let later = inner.sleepers.split_off(&first_later);
        let woken = std::mem::replace(&mut inner.sleepers, later);
        drop(inner);
        woken.into_values().for_each(Waker::wake);
    }

    /// Sleeps for a time.
    pub(super) fn sleep(self: &Arc<Self>, time: Duration) -> Sleep {
        Sleep { at: self.now().after(time), timeline: self.clone(), place: None }
    }
}

impl Clock for Timeline {
    fn now(&self) -> Timestamp {
        self.inner().now
    }
}

/// Ends when its time has come.
pub(super) struct Sleep {
    timeline: Arc<Timeline>,
    at: Timestamp,
    place: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        let mut inner = timeline.inner();
        if inner.now >= self.at {
            return Poll::Ready(());
        }
        inner.serial += 1;
        let place = (self.at, inner.serial);
        if let Some(old) = self.place.replace(place) {
            inner.sleepers.remove(&old);
        }
        inner.sleepers.insert(place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.timeline.inner().sleepers.remove(&place);
        }
    }
}
