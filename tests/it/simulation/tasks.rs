//! A small executor in one thread: futures that are polled when they were woken, in whatever order its owner chooses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::LocalBoxFuture;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<L, T> {
    label: L,
    woken: Arc<Woken>,
    future: LocalBoxFuture<'static, T>,
}

/// Futures with a label each.
pub(super) struct Tasks<L, T> {
    tasks: BTreeMap<u64, Task<L, T>>,
    next: u64,
}

impl<L: Clone, T> Tasks<L, T> {
    pub(super) fn new() -> Self {
        Self { tasks: BTreeMap::new(), next: 0 }
    }

    pub(super) fn spawn(&mut self, label: L, future: impl Future<Output = T> + 'static) {
        let task = Task { label, woken: Arc::new(Woken(AtomicBool::new(true))), future: Box::pin(future) };
        self.tasks.insert(self.next, task);
        self.next += 1;
    }

    /// Those that were woken, in the order of their start.
    pub(super) fn woken(&self) -> impl Iterator<Item = u64> {
        self.tasks.iter().filter(|(_, task)| task.woken.0.load(Ordering::Relaxed)).map(|(id, _)| *id)
    }

    /// Polls one; what it gives where it has ended.
    pub(super) fn poll(&mut self, id: u64) -> Option<(L, Option<T>)> {
        let task = self.tasks.get_mut(&id)?;
        task.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(task.woken.clone());
        let label = task.label.clone();
        match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => {
                self.tasks.remove(&id);
                Some((label, Some(output)))
            }
            Poll::Pending => Some((label, None)),
        }
    }

    /// Whether one with such a label is there.
    pub(super) fn any(&self, which: impl Fn(&L) -> bool) -> bool {
        self.tasks.values().any(|task| which(&task.label))
    }

    /// Ends all of them where they stand; gives their labels.
    pub(super) fn kill(&mut self) -> Vec<L> {
        std::mem::take(&mut self.tasks).into_values().map(|task| task.label).collect()
    }
}
