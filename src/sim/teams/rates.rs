//! How often a bot may call the connector.
//!
//! From Microsoft's page "Optimize your bot with rate limiting in Teams". A conversation is a chat or a channel, all its
//! reply chains together. Off until switched on.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// A span in milliseconds and how many calls it may see.
type Window = (u64, usize);

/// Messages to one conversation. The page does not say whether edits count as well; here they do.
const SENDING: &[Window] = &[(1000, 7), (2000, 8), (30_000, 60), (3_600_000, 1800)];
/// Looks at one conversation's members.
const READING: &[Window] = &[(1000, 14), (2000, 16), (30_000, 120), (3_600_000, 3600)];
/// All calls of an app in a tenant.
const OVERALL: &[Window] = &[(1000, 50)];

/// The pace that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Whether any of it is kept.
    pub enforced: bool,
}

impl RateLimits {
    /// The pace of the real platform.
    #[must_use]
    pub fn enforced() -> Self {
        Self { enforced: true }
    }
}

/// What a call counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// A message or an edit.
    Sending,
    /// A new conversation.
    Creating,
    /// A look.
    Reading,
}

/// What has been called lately.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) limits: RateLimits,
    recent: HashMap<(Option<Counted>, String), VecDeque<Timestamp>>,
}

impl Gate {
    /// A gate that has seen nothing.
    pub(super) fn new(limits: RateLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Lets a call through, or says after how many seconds it may come again.
    pub(super) fn admit(&mut self, counted: Counted, conversation: &str, now: Timestamp) -> Result<(), u64> {
        if !self.limits.enforced {
            return Ok(());
        }
        let windows = if counted == Counted::Reading { READING } else { SENDING };
        let own = (Some(counted), conversation.to_owned());
        let all = (None, String::new());
        let wait = self.wait(&own, windows, now).max(self.wait(&all, OVERALL, now));
        if wait > 0 {
            return Err(wait.div_ceil(1000));
        }
        for key in [own, all] {
            self.recent.entry(key).or_default().push_back(now);
        }
        Ok(())
    }

    /// Milliseconds until one more fits into every window.
    fn wait(&mut self, key: &(Option<Counted>, String), windows: &[Window], now: Timestamp) -> u64 {
        let Some(recent) = self.recent.get_mut(key) else { return 0 };
        let longest = windows.iter().map(|(span, _)| *span).max().unwrap_or(0);
        while recent.front().is_some_and(|at| *at <= now.before(Duration::from_millis(longest))) {
            recent.pop_front();
        }
        let waits = windows.iter().filter_map(|(span, most)| {
            let nth = recent.len().checked_sub(*most)?;
            let due = recent[nth].after(Duration::from_millis(*span));
            u64::try_from(due.since(now).as_millis()).ok()
        });
        waits.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_of_a_conversation_is_kept() {
        let mut gate = Gate::new(RateLimits::enforced());
        let mut admit = |at: i64, conversation: &str| gate.admit(Counted::Sending, conversation, Timestamp(at));
        for at in 0..7 {
            assert_eq!(admit(at, "a"), Ok(()));
        }
        assert_eq!(admit(500, "a"), Err(1), "the eighth within a second");
        assert_eq!(admit(500, "b"), Ok(()), "another conversation");
        assert_eq!(admit(1000, "a"), Ok(()), "the eighth within two seconds");
        assert_eq!(admit(1500, "a"), Err(1), "the ninth within two seconds");
        let mut sent = 8;
        let mut at = 2500;
        while sent < 60 {
            assert_eq!(admit(at, "a"), Ok(()), "message {sent} at {at} ms");
            (sent, at) = (sent + 1, at + 400);
        }
        assert_eq!(admit(at, "a"), Err(7), "the sixty-first within thirty seconds, at {at} ms");
    }

    #[test]
    fn without_limits_all_passes() {
        let mut gate = Gate::default();
        assert!((0..100).all(|_| gate.admit(Counted::Sending, "a", Timestamp(0)).is_ok()));
    }
}
