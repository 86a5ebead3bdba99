//! How much one caller may send: a workspace of a platform, or who bears an API token.
//!
//! Owns the counting. Callers are counted after they have proved who they are, so nobody can use up the share of
//! another, and what is counted is bounded by what is installed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::domain::event::ChannelName;
use crate::domain::time::Timestamp;

/// The time over which requests are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts the requests of callers.
pub struct Limit {
    /// Requests of one caller in a minute; 0: as many as come.
    most: u32,
    callers: Mutex<HashMap<(ChannelName, String), Window>>,
}

struct Window {
    began: Timestamp,
    requests: u32,
}

impl Limit {
    /// At most so many requests of one caller in a minute; 0: as many as come.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self { most, callers: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The seconds after which the caller may send again, where it has sent too many.
    pub fn count(&self, channel: ChannelName, caller: &str, now: Timestamp) -> Result<(), u64> {
        if self.most == 0 {
            return Ok(());
        }
        let mut callers = self.callers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (channel, caller.to_owned());
        let window = callers.entry(key).or_insert(Window { began: now, requests: 0 });
        // A clock that was set back begins a new window too.
        if now < window.began || now.since(window.began) >= WINDOW {
            *window = Window { began: now, requests: 0 };
        }
        if window.requests >= self.most {
            return Err((WINDOW - now.since(window.began)).as_secs().max(1));
        }
        window.requests += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_its_own_share_of_each_minute() {
        let limit = Limit::new(2);
        let at = |second: i64| Timestamp(second * 1000);
        let send = |caller, second| limit.count(ChannelName::Slack, caller, at(second));
        assert_eq!([send("T1", 0), send("T1", 10), send("T1", 20)], [Ok(()), Ok(()), Err(40)]);
        assert_eq!(send("T2", 20), Ok(()), "another workspace is not held up");
        assert_eq!([send("T1", 59), send("T1", 60)], [Err(1), Ok(())]);
        assert_eq!(send("T1", 5), Ok(()), "the clock was set back");
        assert!((0..1000).all(|_| Limit::new(0).count(ChannelName::Api, "admin", at(0)).is_ok()));
    }
}
