//! The line before the committer: many callers wait in it, one thread takes them in groups.
//!
//! A group costs about as much as ten commits, so while commits come side by side the thread waits for the
//! next group to fill: until nearly as many wait as were in the largest of the last groups, which is when
//! those who come and go are here again, or for [`APART`] and in a crowd [`APART_IN_CROWD`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, channel};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// A group of so many says that commits come side by side.
const SIDE_BY_SIDE: usize = 8;
/// While they do, groups begin this far apart at most.
const APART: Duration = Duration::from_millis(6);
/// A group of so many says that there are more than one after another could be served.
const CROWD: usize = 24;
/// In a crowd groups begin this far apart at most: who stands in it waits for the others either way.
const APART_IN_CROWD: Duration = Duration::from_millis(8);
/// Groups that tell how many come and go at present. One in so many waits for all of them: if none did,
/// groups would shrink until they cost more than they serve.
const REMEMBERED: usize = 16;
/// The others do not wait for the last of so many.
const STRAGGLES: usize = 8;

/// How many wait, and for how many the thread waits.
struct Gate {
    waiting: AtomicUsize,
    wanted: AtomicUsize,
    thread: Thread,
}

/// Where callers line up.
pub(super) struct Entrance<T> {
    sender: Sender<T>,
    gate: Arc<Gate>,
}

impl<T> Entrance<T> {
    /// Lines up; an error where the thread has ended.
    pub(super) fn send(&self, item: T) -> Result<(), SendError<T>> {
        let waiting = self.gate.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.sender.send(item)?;
        if waiting == self.gate.wanted.load(Ordering::SeqCst) {
            self.gate.thread.unpark();
        }
        Ok(())
    }
}

/// Where the thread takes them.
pub(super) struct Exit<T> {
    receiver: Receiver<T>,
    gate: Arc<Gate>,
    /// Sizes of the last groups, the oldest written over next.
    sizes: [usize; REMEMBERED],
    taken: usize,
    not_before: Instant,
}

/// Runs `work` on a thread with the name, for as long as the entrance is there.
pub(super) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(Exit<T>) + Send + 'static,
) -> std::io::Result<Entrance<T>> {
    let (sender, receiver) = channel();
    let (hand_over, gate) = channel::<Arc<Gate>>();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Without a gate nobody can line up.
        let Ok(gate) = gate.recv() else { return };
        work(Exit { receiver, gate, sizes: [0; REMEMBERED], taken: 0, not_before: Instant::now() });
    })?;
    let thread = thread.thread().clone();
    let gate = Arc::new(Gate { waiting: AtomicUsize::new(0), wanted: AtomicUsize::new(usize::MAX), thread });
    // The thread waits for it.
    let _ = hand_over.send(gate.clone());
    Ok(Entrance { sender, gate })
}

impl<T> Exit<T> {
    /// The next group, in the order of arrival: as much as waits, until `is_full` says that what was taken
    /// fills a group. An error where nobody came within `patience`, or nobody can come any more.
    pub(super) fn take(
        &mut self,
        patience: Duration,
        is_full: impl FnMut(&T) -> bool,
    ) -> Result<Vec<T>, RecvTimeoutError> {
        let first = self.receiver.recv_timeout(patience)?;
        self.wait_for_others();
        let started = Instant::now();
        let mut is_full = is_full;
        let mut full = is_full(&first);
        let mut group = vec![first];
        while !full && let Ok(next) = self.receiver.try_recv() {
            full = is_full(&next);
            group.push(next);
        }
        self.gate.waiting.fetch_sub(group.len(), Ordering::SeqCst);
        self.sizes[self.taken % REMEMBERED] = group.len();
        self.taken += 1;
        self.not_before = match group.len() {
            ..SIDE_BY_SIDE => started,
            SIDE_BY_SIDE..CROWD => started + APART,
            CROWD.. => started + APART_IN_CROWD,
        };
        Ok(group)
    }

    fn wait_for_others(&self) {
        let largest = self.sizes.iter().copied().max().unwrap_or_default();
        let all = self.taken.is_multiple_of(REMEMBERED);
        let wanted = if all { largest } else { largest - largest / STRAGGLES };
        self.gate.wanted.store(wanted, Ordering::SeqCst);
        while self.gate.waiting.load(Ordering::SeqCst) < wanted {
            let left = self.not_before.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        self.gate.wanted.store(usize::MAX, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A thread that says how large each group was.
    fn sizes() -> (Entrance<u32>, mpsc::Receiver<Vec<u32>>) {
        let (sender, groups) = mpsc::channel();
        let entrance = start("test", move |mut exit: Exit<u32>| {
            while let Ok(group) = exit.take(Duration::from_secs(5), |_| false) {
                sender.send(group).unwrap();
            }
        });
        (entrance.unwrap(), groups)
    }

    #[test]
    fn one_who_comes_alone_does_not_wait_for_others() {
        let (entrance, groups) = sizes();
        for number in 0..50 {
            let sent = Instant::now();
            entrance.send(number).unwrap();
            assert_eq!(groups.recv().unwrap(), [number]);
            // The machine may be busy; fifty times APART would still be more.
            assert!(sent.elapsed() < Duration::from_secs(1));
        }
    }

    #[test]
    fn nobody_is_lost_and_the_order_is_kept() {
        let (entrance, groups) = sizes();
        let most = 10_000;
        for number in 0..most {
            entrance.send(number).unwrap();
        }
        let mut seen = Vec::new();
        while seen.len() < most as usize {
            seen.extend(groups.recv_timeout(Duration::from_secs(5)).unwrap());
        }
        assert!(seen.into_iter().eq(0..most));
    }

    #[test]
    fn a_full_group_leaves_the_rest_to_the_next() {
        let (sender, groups) = mpsc::channel();
        let (begin, begun) = mpsc::channel::<()>();
        let entrance = start("test", move |mut exit: Exit<u32>| {
            begun.recv().unwrap();
            let mut taken = 0;
            while let Ok(group) = exit.take(Duration::from_secs(5), |_| {
                taken += 1;
                taken % 4 == 0
            }) {
                sender.send(group.len()).unwrap();
            }
        });
        let entrance = entrance.unwrap();
        for number in 0..10 {
            entrance.send(number).unwrap();
        }
        begin.send(()).unwrap();
        drop(entrance);
        assert_eq!(groups.iter().collect::<Vec<_>>(), [4, 4, 2]);
    }
}
