//! `[ledger]`: how events and effects are worked on.
//!
//! Owns its numbers. Lanes, permits and the outbox stand in `actors/`. A new key is a field here and a
//! line in `config/default.toml`.

use std::time::Duration;

use serde::Deserialize;

/// The section `[ledger]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Events that are worked on at one time.
    pub in_flight: usize,
    /// Tries before an event or an effect is dead.
    pub attempts_most: u32,
    /// Pause before the second try, in milliseconds.
    pub backoff_first_ms: u64,
    /// Longest pause between two tries, in seconds.
    pub backoff_most_s: u64,
    /// Age above which unsent replies are joined into a summary, in seconds.
    pub reply_shelf_life_s: u64,
    /// How long an approval that was asked for waits for somebody to decide, in seconds.
    pub approval_waits_s: u64,
    /// How long a platform's request is held for the reply to go with its answer, in milliseconds.
    pub inline_answer_ms: u64,
    /// Time for a look-up of a person, in seconds.
    pub lookup_timeout_s: u64,
    /// How long what a process sent before it was killed may be under way still, in milliseconds: before that
    /// nothing is looked for and repeated.
    pub under_way_ms: u64,
    /// Effects that are performed at one time.
    pub outbox_in_flight: usize,
    /// Rest after which a conversation leaves memory, in seconds.
    pub session_idle_s: u64,
}

impl Ledger {
    /// Pause before the second try.
    #[must_use]
    pub fn backoff_first(&self) -> Duration {
        Duration::from_millis(self.backoff_first_ms)
    }

    /// Longest pause between two tries.
    #[must_use]
    pub fn backoff_most(&self) -> Duration {
        Duration::from_secs(self.backoff_most_s)
    }

    /// Age above which unsent replies are joined into a summary.
    #[must_use]
    pub fn reply_shelf_life(&self) -> Duration {
        Duration::from_secs(self.reply_shelf_life_s)
    }

    /// How long an approval waits for somebody to decide.
    #[must_use]
    pub fn approval_waits(&self) -> Duration {
        Duration::from_secs(self.approval_waits_s)
    }

    /// How long a platform's request is held for the reply to go with its answer.
    #[must_use]
    pub fn inline_answer(&self) -> Duration {
        Duration::from_millis(self.inline_answer_ms)
    }

    /// Time for a look-up of a person.
    #[must_use]
    pub fn lookup_timeout(&self) -> Duration {
        Duration::from_secs(self.lookup_timeout_s)
    }

    /// How long what a process sent before it was killed may be under way still.
    #[must_use]
    pub fn under_way(&self) -> Duration {
        Duration::from_millis(self.under_way_ms)
    }

    /// Rest after which a conversation leaves memory.
    #[must_use]
    pub fn session_idle(&self) -> Duration {
        Duration::from_secs(self.session_idle_s)
    }
}
