//! Which deliveries are missing, from GitHub's record of its tries and from what is in the ledger. It asks nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::channels::github::deliveries::Attempt;
use crate::domain::time::Timestamp;
use crate::store::keyspace::gap::Reached;
use crate::store::keyspace::missing::Missing;

/// So long after its last try a delivery is left alone: GitHub waits ten seconds for an answer
/// (docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks), and a little more is ours.
pub(super) const GRACE: Duration = Duration::from_secs(15);
/// Each look begins so long before the end of the last one: a delivery that is under way may not be on record yet, and the
/// two clocks may differ. Ours.
pub(super) const MARGIN: Duration = Duration::from_secs(600);
/// So long events stay known at least: `store.retention_days` is one or more (`actors/janitor.rs`).
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3600);

/// What a look is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// What was tried before is not looked at.
    pub(super) from: Timestamp,
    /// Where the last look ended.
    last: Timestamp,
    /// The present, by GitHub's clock.
    pub(super) now: Timestamp,
}

impl Window {
    /// From the end of the last look less a margin, never from before the beginning, and `most` back at most. GitHub's
    /// times are in whole seconds.
    pub(super) fn after(row: &Reached, now: Timestamp, most: Duration) -> Self {
        let from = row.until.min(now).before(MARGIN).max(row.since).max(now.before(most));
        Self { from: Timestamp(from.as_seconds() * 1000), last: row.until, now }
    }
}

/// A delivery, by what GitHub tells of its tries.
#[derive(Debug)]
struct Tried {
    first: (Timestamp, u64),
    last: Timestamp,
    taken: bool,
    event: String,
}

/// Deliveries of which the record tells.
#[derive(Debug, Default)]
pub(super) struct Choice {
    by_guid: BTreeMap<String, Tried>,
}

/// What follows from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// What has not arrived, the oldest first.
    pub(super) missing: Vec<Missing>,
    /// Deliveries that may be under way.
    pub(super) young: usize,
    /// The last try of a delivery that is in the ledger.
    pub(super) arrived_last: Option<Timestamp>,
}

impl Choice {
    /// Takes a try into account, in whatever order they come.
    pub(super) fn note(&mut self, window: &Window, attempt: Attempt) {
        if attempt.at < window.from {
            return;
        }
        let this = (attempt.at, attempt.id);
        let Attempt { taken, event, .. } = attempt;
        let tried =
            self.by_guid.entry(attempt.guid).or_insert(Tried { first: this, last: this.0, taken: false, event });
        tried.first = tried.first.min(this);
        tried.last = tried.last.max(this.0);
        // Of several tries the best one counts.
        tried.taken |= taken;
    }

    /// What has not arrived. The ledger's word counts, also against GitHub's: what something in between has answered for
    /// us is missing too. Only where the ledger may have forgotten it GitHub is believed.
    pub(super) fn found<E>(
        self,
        window: &Window,
        mut is_known: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<Found, E> {
        let mut found = Found::default();
        for (guid, tried) in self.by_guid {
            let (sent, attempt) = tried.first;
            if is_known(&guid)? {
                found.arrived_last = found.arrived_last.max(Some(tried.last));
                continue;
            }
            let may_be_forgotten = sent < window.last && window.now.since(sent) >= KNOWN_FOR;
            if tried.taken && may_be_forgotten {
                continue;
            }
            if window.now.since(tried.last) < GRACE {
                found.young += 1;
                continue;
            }
            let event = tried.event;
            let missing =
                Missing { sent, attempt, guid, event, tries: 0, asked: None, not_before: None, given_up: None };
            found.missing.push(missing);
        }
        found.missing.sort_by_key(|missing| (missing.sent, missing.attempt));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAYS: Duration = Duration::from_secs(3 * 24 * 3600);
    const NOW: Timestamp = Timestamp(500 * HOUR);

    fn row(since: i64, until: i64) -> Reached {
        Reached { since: Timestamp(since), until: Timestamp(until), look_from: None }
    }

    fn window() -> Window {
        Window::after(&row(0, NOW.0 - HOUR), NOW, DAYS)
    }

    /// A try so many seconds ago.
    fn tried(id: u64, guid: &str, ago: u64, taken: bool) -> Attempt {
        let at = NOW.before(Duration::from_secs(ago));
        Attempt { id, guid: guid.to_owned(), at, taken, event: "issues".to_owned() }
    }

    fn found(window: &Window, attempts: &[Attempt], known: &[&str]) -> Found {
        let mut choice = Choice::default();
        attempts.iter().for_each(|attempt| choice.note(window, attempt.clone()));
        choice.found(window, |guid| Ok::<_, Infallible>(known.contains(&guid))).unwrap()
    }

    fn guids(found: &Found) -> Vec<(&str, u64)> {
        found.missing.iter().map(|missing| (&*missing.guid, missing.attempt)).collect()
    }

    #[test]
    fn a_look_begins_a_margin_before_the_end_of_the_last_one() {
        let cases = [
            // (beginning, end of the last look, from)
            (0, NOW.0 - HOUR, NOW.0 - HOUR - 600_000),
            // Not from before the beginning, which is in whole seconds.
            (NOW.0 - HOUR + 900, NOW.0 - HOUR + 900, NOW.0 - HOUR),
            // Three days at most.
            (0, 1000, NOW.0 - 72 * HOUR),
            // A clock that was ahead hides nothing.
            (0, NOW.0 + HOUR, NOW.0 - 600_000),
        ];
        for (since, until, from) in cases {
            assert_eq!(Window::after(&row(since, until), NOW, DAYS).from, Timestamp(from), "{since} {until}");
        }
    }

    #[test]
    fn what_is_not_in_the_ledger_is_missing_the_oldest_first_and_once() {
        let attempts = [
            tried(9, "c", 100, false),
            tried(3, "a", 300, false),
            tried(8, "a", 150, false),
            tried(5, "b", 200, true),
            tried(4, "d", 200, false),
            tried(6, "known", 180, false),
        ];
        let in_order = found(&window(), &attempts, &["known"]);
        assert_eq!(guids(&in_order), [("a", 3), ("d", 4), ("b", 5), ("c", 9)], "GitHub's OK is no proof");
        assert_eq!(in_order.arrived_last, Some(NOW.before(Duration::from_secs(180))));
        let mut turned = attempts;
        turned.reverse();
        assert_eq!(found(&window(), &turned, &["known"]), in_order);
    }

    #[test]
    fn what_may_be_under_way_is_left_for_the_next_look() {
        let grace = GRACE.as_secs();
        let young = [tried(1, "a", grace - 1, false), tried(2, "b", 300, false), tried(3, "b", grace - 1, false)];
        let found_young = found(&window(), &young, &[]);
        assert_eq!((found_young.young, found_young.missing.len()), (2, 0));
        assert_eq!(guids(&found(&window(), &[tried(1, "a", grace, false)], &[])), [("a", 1)]);
    }

    #[test]
    fn what_was_before_the_window_is_not_looked_at() {
        let window = Window::after(&row(NOW.0 - 100_000, NOW.0 - 100_000), NOW, DAYS);
        let attempts = [tried(1, "before", 101, false), tried(2, "at", 100, false), tried(3, "after", 99, false)];
        assert_eq!(guids(&found(&window, &attempts, &[])), [("at", 2), ("after", 3)]);
    }

    #[test]
    fn where_the_ledger_may_have_forgotten_it_github_is_believed() {
        let day = 24 * 3600;
        // The last look was two days ago.
        let window = Window::after(&row(0, NOW.0 - 48 * HOUR), NOW, DAYS);
        let attempts = [
            tried(1, "forgotten", 2 * day + 60, true),
            tried(2, "failed", 2 * day + 60, false),
            tried(3, "swallowed", 2 * day - 60, true),
            tried(4, "healed", 2 * day + 50, false),
            tried(5, "healed", 2 * day + 40, true),
        ];
        assert_eq!(guids(&found(&window, &attempts, &[])), [("failed", 2), ("swallowed", 3)]);
    }
}
