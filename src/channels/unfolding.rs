//! Messages that people see grow: which may, and where a platform has said that it does not show that.
//!
//! How a message grows is each platform's own; this knows none of them. What is kept here lives as long as the process:
//! after a start the platform is asked again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Delivery;

/// How long a refusal holds. Ours: an administrator who turns it on, or gives a scope, sees it within the hour, and until
/// then one answer an hour is a call slower.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(3600);
/// More refusals than this are not remembered; beyond it all are asked again.
const MOST: usize = 1000;

/// Whether a delivery is of a card that unfolds, in the chat that its reader has with the bot alone, as a message of its
/// own. An answer that the platform takes at an address of its own, or in the place of another message, is one message.
pub(super) fn is_wanted(delivery: &Delivery) -> bool {
    let to = &delivery.to;
    delivery.card.unfolds && to.alone && !to.home && to.route.is_none() && delivery.replaces.is_none()
}

/// What is known of a delivery that unfolds and did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand<B> {
    /// It comes as a whole, in an ordinary message: its beginning did not go smoothly, and people wait.
    AtOnce,
    /// Its message is there and is not whole.
    Begun(B),
}

/// Who was refused, and until when nobody asks again.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<String, Instant>>);

impl Refusals {
    /// The platform has refused to let messages grow there.
    pub(super) fn note(&self, whom: &str, until: Instant) {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(whom.to_owned(), until);
    }

    /// Whether that still holds.
    pub(super) fn hold(&self, whom: &str, now: Instant) -> bool {
        self.lock().get(whom).is_some_and(|until| now < *until)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_remembered_for_a_while_and_for_whom_it_was() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        refusals.note("T1", now + REFUSED_FOR);
        assert!(refusals.hold("T1", now + REFUSED_FOR / 2));
        assert!(!refusals.hold("T2", now));
        assert!(!refusals.hold("T1", now + REFUSED_FOR));
        for number in 0..MOST {
            refusals.note(&format!("W{number}"), now);
        }
        assert!(refusals.lock().len() <= MOST);
    }
}
