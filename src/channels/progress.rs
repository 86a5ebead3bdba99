//! How far deliveries have come that are shown in more than one step: how many messages of a long card were shown by a
//! route that cannot be looked at, or where a message is that unfolds.
//!
//! Lives as long as the process and need not live longer: where it is lost, the outbox asks for a
//! look at what was done, and is told that nobody can tell.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::channels::Delivered;

/// More cards than this are never half shown at the same time; beyond it one is forgotten.
const MOST: usize = 1000;

/// The cards that are half shown, by idempotency key.
pub(super) struct Progress<T = Shown>(Mutex<BTreeMap<String, T>>);

impl<T> Default for Progress<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The beginning of a card that people have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// How many of its messages.
    pub(super) parts: usize,
    /// The first of them.
    pub(super) first: Delivered,
}

impl<T: Clone> Progress<T> {
    /// What was shown of a card.
    pub(super) fn of(&self, key: &str) -> Option<T> {
        self.lock().get(key).cloned()
    }

    /// Remembers that a further part was shown.
    pub(super) fn keep(&self, key: &str, shown: T) {
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(key) {
            all.pop_first();
        }
        all.insert(key.to_owned(), shown);
    }

    /// The card is whole.
    pub(super) fn forget(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_shown_cards_are_remembered_within_a_bound() {
        let progress = Progress::default();
        let first = Delivered { platform_id: "C1:1.1".to_owned(), via: "chat.postMessage" };
        for number in 0..MOST + 10 {
            let first = first.clone();
            progress.keep(&format!("default/e-{number}.0"), Shown { parts: 1, first });
        }
        assert_eq!(progress.lock().len(), MOST);
        let last = format!("default/e-{}.0", MOST - 1);
        let shown = Shown { parts: 2, first };
        progress.keep(&last, shown.clone());
        assert_eq!(progress.of(&last), Some(shown));
        progress.forget(&last);
        assert_eq!(progress.of(&last), None);
    }
}
