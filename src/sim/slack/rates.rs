//! How often an application may call: one message a second per channel, and a tier per method.
//!
//! From docs.slack.dev/apis/web-api/rate-limits. Off until switched on. A method's tier stands in
//! `per_minute`.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// The pace that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Whether any of it is kept.
    pub enforced: bool,
    /// Time between two messages to one channel, in milliseconds.
    pub message_interval_ms: u64,
    /// How much earlier a single message may come, in milliseconds; the average stays the same.
    pub tolerance_ms: u64,
    /// Time between two calls of `conversations.history`, or of `conversations.replies`, in milliseconds, kept also
    /// where nothing else is; 0 for their usual tier. To apps that are sold outside the Marketplace Slack gives 60,000.
    pub history_interval_ms: u64,
    /// Messages of a page of those, whatever is asked for; to such apps Slack gives 15.
    pub history_most: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enforced: false,
            message_interval_ms: 1000,
            tolerance_ms: 100,
            history_interval_ms: 0,
            history_most: 1000,
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

/// What has been called lately.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) limits: RateLimits,
    /// When the next message to a channel is due.
    due: HashMap<String, Timestamp>,
    /// The calls of the last minute, per method.
    recent: HashMap<String, VecDeque<Timestamp>>,
}

impl Gate {
    /// A gate that has seen nothing.
    pub(super) fn new(limits: RateLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Lets a call through, or says after how many seconds it may come again.
    pub(super) fn admit(&mut self, method: &str, channel: Option<&str>, now: Timestamp) -> Result<(), u64> {
        if self.limits.history_interval_ms > 0 && matches!(method, "conversations.history" | "conversations.replies") {
            return self.admit_history(method, now);
        }
        if !self.limits.enforced {
            return Ok(());
        }
        if method == "chat.postMessage"
            && let Some(channel) = channel
        {
            return self.admit_message(channel, now);
        }
        let Some(most) = per_minute(method) else { return Ok(()) };
        let recent = self.recent.entry(method.to_owned()).or_default();
        let start = now.before(Duration::from_secs(60));
        while recent.front().is_some_and(|at| *at <= start) {
            recent.pop_front();
        }
        if let Some(oldest) = recent.front().filter(|_| recent.len() >= most) {
            return Err(60_u64.saturating_sub(now.since(*oldest).as_secs()).max(1));
        }
        recent.push_back(now);
        Ok(())
    }

    fn admit_history(&mut self, method: &str, now: Timestamp) -> Result<(), u64> {
        let interval = Duration::from_millis(self.limits.history_interval_ms);
        let recent = self.recent.entry(method.to_owned()).or_default();
        if let Some(last) = recent.back()
            && now.since(*last) < interval
        {
            let rest = interval.saturating_sub(now.since(*last));
            return Err(u64::try_from(rest.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1));
        }
        recent.clear();
        recent.push_back(now);
        Ok(())
    }

    fn admit_message(&mut self, channel: &str, now: Timestamp) -> Result<(), u64> {
        let interval = Duration::from_millis(self.limits.message_interval_ms);
        let tolerance = Duration::from_millis(self.limits.tolerance_ms);
        let due = self.due.get(channel).copied().unwrap_or(now).max(now);
        if due.since(now) > tolerance {
            return Err(due.0.abs_diff(now.0).div_ceil(1000));
        }
        self.due.insert(channel.to_owned(), due.after(interval));
        Ok(())
    }
}

/// Calls per minute and workspace. Slack states each tier as "so many or more".
fn per_minute(method: &str) -> Option<usize> {
    match method {
        "chat.update"
        | "chat.delete"
        | "chat.unfurl"
        | "conversations.history"
        | "conversations.replies"
        | "conversations.open"
        | "conversations.info"
        | "reactions.add" => Some(50),
        "users.conversations" | "auth.teams.list" | "chat.startStream" | "chat.stopStream" => Some(20),
        "users.info" | "chat.appendStream" | "chat.postEphemeral" | "views.open" | "views.update" | "views.publish" => {
            Some(100)
        }
        // A special tier: "hundreds of requests per minute".
        "auth.test" => Some(300),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(RateLimits::enforced())
    }

    #[test]
    fn one_message_a_second_per_channel() {
        let mut gate = gate();
        let cases = [
            (0, "C1", Ok(())),
            (10, "C2", Ok(())),
            (500, "C1", Err(1)),
            (950, "C1", Ok(())), // within the tolerance
            (1500, "C1", Err(1)),
            (2000, "C1", Ok(())),
        ];
        for (at, channel, expected) in cases {
            assert_eq!(
                gate.admit("chat.postMessage", Some(channel), Timestamp(at)),
                expected,
                "at {at} ms in {channel}"
            );
        }
    }

    #[test]
    fn histories_are_read_as_seldom_as_it_is_set() {
        let mut gate = Gate::new(RateLimits { history_interval_ms: 60_000, ..RateLimits::default() });
        let cases = [(0, Ok(())), (500, Err(60)), (59_000, Err(1)), (60_000, Ok(())), (90_000, Err(30))];
        for (at, expected) in cases {
            assert_eq!(gate.admit("conversations.history", Some("C1"), Timestamp(at)), expected, "at {at} ms");
        }
        assert_eq!(gate.admit("users.conversations", None, Timestamp(1)), Ok(()), "of others nothing is set");
    }

    #[test]
    fn a_tier_counts_the_last_minute() {
        let mut gate = gate();
        for at in 0..100 {
            assert_eq!(gate.admit("users.info", None, Timestamp(at)), Ok(()));
        }
        assert_eq!(gate.admit("users.info", None, Timestamp(20_000)), Err(40));
        assert_eq!(gate.admit("users.info", None, Timestamp(60_000)), Ok(()));
    }
}
