//! How often an App may call the API.
//!
//! From docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: the primary limit in windows of an hour, and
//! the secondary ones. Off until switched on; what is left of the primary one is told all the same.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::domain::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The pace that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Whether any of it is kept.
    pub enforced: bool,
    /// Calls an hour and installation: the primary limit.
    pub per_hour: u64,
    /// Calls a minute that make content of which people are told.
    pub content_per_minute: usize,
    /// The same, an hour.
    pub content_per_hour: usize,
    /// Points a minute; a look costs one, a change five.
    pub points_per_minute: u64,
    /// Calls at one time.
    pub at_once: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enforced: false,
            per_hour: 5000,
            content_per_minute: 80,
            content_per_hour: 500,
            points_per_minute: 900,
            at_once: 100,
        }
    }
}

impl RateLimits {
    /// The pace of the real platform.
    #[must_use]
    pub fn enforced() -> Self {
        Self { enforced: true, ..Self::default() }
    }
}

/// What a call counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// A look.
    Reading,
    /// A change.
    Writing,
    /// A change of whose page it is said that it triggers notifications.
    Creating,
}

/// A window of the primary limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) reset: Timestamp,
}

/// What has been called lately, by installation; the App itself is 0.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) limits: RateLimits,
    windows: HashMap<u64, Window>,
    created: HashMap<u64, VecDeque<Timestamp>>,
    points: HashMap<u64, VecDeque<(Timestamp, u64)>>,
}

impl Gate {
    /// A gate that has seen nothing.
    pub(super) fn new(limits: RateLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The window in which a call of somebody's falls.
    pub(super) fn window(&mut self, who: u64, now: Timestamp) -> &mut Window {
        let fresh = Window { limit: self.limits.per_hour, used: 0, reset: now.after(HOUR) };
        let window = self.windows.entry(who).or_insert(fresh);
        if window.reset <= now {
            *window = fresh;
        }
        window
    }

    /// Lets a call through. `under_way` calls are being answered, this one included.
    pub(super) fn admit(
        &mut self,
        who: u64,
        counted: Counted,
        under_way: usize,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let limits = self.limits;
        let window = self.window(who, now);
        if limits.enforced && window.used >= window.limit {
            let message = format!("API rate limit exceeded for installation ID {who}.");
            return Err(Refusal::too_fast(403, "rate_limit", message, None));
        }
        window.used += 1;
        if !limits.enforced {
            return Ok(());
        }
        if under_way > limits.at_once {
            return Err(secondary(429, "", 1));
        }
        let cost = if counted == Counted::Reading { 1 } else { 5 };
        let points = self.points.entry(who).or_default();
        points.retain(|(at, _)| now.since(*at) < MINUTE);
        if points.iter().map(|(_, cost)| cost).sum::<u64>() + cost > limits.points_per_minute {
            return Err(secondary(429, "", points.front().map_or(60, |(at, _)| left(*at, MINUTE, now))));
        }
        if counted == Counted::Creating {
            let created = self.created.entry(who).or_default();
            created.retain(|at| now.since(*at) < HOUR);
            for (most, span) in [(limits.content_per_minute, MINUTE), (limits.content_per_hour, HOUR)] {
                let nth = created.len().checked_sub(most).and_then(|nth| created.get(nth));
                if let Some(at) = nth.filter(|at| now.since(**at) < span) {
                    let blocked = " and have been temporarily blocked from content creation";
                    return Err(secondary(403, blocked, left(*at, span, now)));
                }
            }
            created.push_back(now);
        }
        points.push_back((now, cost));
        Ok(())
    }
}

/// Seconds until `span` after `at` is over.
fn left(at: Timestamp, span: Duration, now: Timestamp) -> u64 {
    let left = at.after(span).since(now).as_millis();
    u64::try_from(left).unwrap_or(u64::MAX).div_ceil(1000).max(1)
}

fn secondary(status: u16, blocked: &str, after: u64) -> Refusal {
    let again = if blocked.is_empty() {
        "Please wait a few minutes before you try again."
    } else {
        "Please retry your request again later."
    };
    let message = format!("You have exceeded a secondary rate limit{blocked}. {again}");
    Refusal::too_fast(status, "secondary_rate_limit", message, Some(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(gate: &mut Gate, counted: Counted, at: i64) -> Result<(), (u16, Option<u64>)> {
        gate.admit(1, counted, 1, Timestamp(at)).map_err(|refusal| (refusal.status, refusal.retry_after))
    }

    #[test]
    fn content_is_bounded_by_the_minute_and_by_the_hour() {
        let mut gate = Gate::new(RateLimits::enforced());
        for at in 0..80 {
            assert_eq!(admit(&mut gate, Counted::Creating, at), Ok(()));
        }
        assert_eq!(admit(&mut gate, Counted::Creating, 30_000), Err((403, Some(30))), "the eighty-first of a minute");
        assert_eq!(admit(&mut gate, Counted::Writing, 30_000), Ok(()), "what is no content");
        let mut at = 60_100;
        for number in 80..500 {
            assert_eq!(admit(&mut gate, Counted::Creating, at), Ok(()), "content {number}");
            at += 1000;
        }
        let (status, after) = admit(&mut gate, Counted::Creating, at).unwrap_err();
        assert!(status == 403 && after.is_some_and(|after| after > 3000), "the five hundred and first of an hour");
    }

    #[test]
    fn points_calls_at_once_and_the_primary_limit_are_kept() {
        let mut gate = Gate::new(RateLimits::enforced());
        for _ in 0..180 {
            assert_eq!(admit(&mut gate, Counted::Writing, 0), Ok(()));
        }
        assert_eq!(admit(&mut gate, Counted::Reading, 1), Err((429, Some(60))), "the 901st point");
        assert_eq!(admit(&mut gate, Counted::Reading, 60_000), Ok(()));
        assert_eq!(gate.admit(1, Counted::Reading, 101, Timestamp(60_000)).unwrap_err().status, 429);
        assert!(gate.admit(1, Counted::Reading, 100, Timestamp(60_000)).is_ok());
        let few = RateLimits { per_hour: 2, ..RateLimits::enforced() };
        let mut gate = Gate::new(few);
        assert_eq!((admit(&mut gate, Counted::Reading, 0), admit(&mut gate, Counted::Reading, 0)), (Ok(()), Ok(())));
        assert_eq!(admit(&mut gate, Counted::Reading, 3_599_999), Err((403, None)));
        assert_eq!(gate.window(1, Timestamp(0)).used, 2);
        assert_eq!(admit(&mut gate, Counted::Reading, 3_600_000), Ok(()), "a window later");
    }

    #[test]
    fn without_limits_all_passes_and_is_counted() {
        let mut gate = Gate::default();
        assert!((0..1000).all(|_| admit(&mut gate, Counted::Creating, 0).is_ok()));
        assert_eq!(gate.window(1, Timestamp(0)).used, 1000);
    }
}
