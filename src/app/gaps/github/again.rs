//! Sending again what is missing: the oldest first, and the next one only when it has arrived or has had its time, so that
//! they arrive in the order in which they happened.
//!
//! Before each call it is on disk that it is made: what was under way when the process ended is waited for, and not asked
//! for beside that. One that does not arrive is passed by and tried again later, further apart each time, and then given up
//! and named. Where nothing arrives at all GitHub does not reach us, which is no delivery's fault: then no try counts.

use std::time::Duration;

use super::{CutOff, Healing, is_known};
use crate::channels::DeliverError;
use crate::channels::github::deliveries::{Again, KEPT};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::store::keyspace::missing::{self, Missing};
use crate::store::{Batch, StoreError};

/// How long one that was asked for is waited for: GitHub itself waits ten seconds for our answer. Where it is looked more
/// often than that, no longer than until the next look.
const ARRIVES_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(20);
/// Least time between two calls. Ours: each counts five of the 900 points that the App has in a minute, and its other calls
/// need some.
const PACE: Duration = Duration::from_millis(400);
/// How often one is asked for; the last time about nine hours after the first.
const MOST_TRIES: u32 = 10;
/// Pause before one that has not arrived twice is asked for again; it doubles.
const PASSED_BY: Duration = Duration::from_secs(60);
/// So many that do not arrive, one behind the other, are a sign that GitHub does not reach us.
const IN_VAIN: usize = 3;
/// One that was given up is named for so long.
const NAMED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What became of one.
enum Seen {
    /// It is in the ledger.
    Arrived,
    /// It was asked for and has not arrived.
    InVain,
    /// It is not its time.
    PassedBy,
    /// It is not asked for any more.
    GivenUp,
}

/// What became of one call.
enum Asked {
    Arrived,
    InVain,
    Gone,
}

impl Healing {
    /// Sees to all that is missing. True where something is left.
    pub(super) async fn heal(&mut self, arrived_last: Option<Timestamp>) -> Result<bool, CutOff> {
        let all = missing::all(&self.store.view(&TenantId::default_tenant()))?;
        let (given_up, open): (Vec<_>, Vec<_>) = all.into_iter().partition(|missing| missing.given_up.is_some());
        self.tally.waiting = open.len();
        self.tally.given_up = self.still_named(given_up).await?;
        self.show();
        // Others have arrived meanwhile, so GitHub does reach us.
        let is_reached = self.tally.in_vain_since.is_some_and(|since| arrived_last.is_some_and(|last| last > since));
        let mut in_vain: Vec<Missing> = Vec::new();
        let mut left = false;
        for missing in open {
            match self.see_to(missing.clone()).await? {
                Seen::Arrived => {
                    self.tally.in_vain_since = None;
                    self.tally.waiting -= 1;
                    in_vain.clear();
                }
                Seen::GivenUp => self.tally.waiting -= 1,
                Seen::PassedBy => left = true,
                Seen::InVain => {
                    left = true;
                    in_vain.push(missing);
                }
            }
            self.show();
            if in_vain.len() == IN_VAIN {
                self.in_vain(&in_vain, is_reached).await?;
                let why =
                    "what GitHub is asked to send does not arrive: it does not reach the webhook, or is refused there";
                return Err(CutOff::because(why));
            }
        }
        Ok(left)
    }

    /// Several have not arrived, one behind the other. Where nothing else has come either, none of these tries counts: each
    /// of them is as it was.
    async fn in_vain(&mut self, as_they_were: &[Missing], is_reached: bool) -> Result<(), StoreError> {
        if is_reached {
            self.tally.in_vain_since = Some(self.clock.now());
            return Ok(());
        }
        self.tally.in_vain_since.get_or_insert(self.clock.now());
        self.note(as_they_were, None).await
    }

    /// What was given up and has not arrived after all; it is named for some days.
    async fn still_named(&self, given_up: Vec<Missing>) -> Result<Vec<Missing>, StoreError> {
        let mut named = Vec::new();
        for missing in given_up {
            if is_known(&self.store, &missing.guid)? || self.clock.now().since(missing.sent) >= NAMED_FOR {
                self.forget(&missing).await?;
            } else {
                named.push(missing);
            }
        }
        Ok(named)
    }

    async fn see_to(&mut self, mut missing: Missing) -> Result<Seen, CutOff> {
        // What was asked for just before the process ended, or the look was cut off, may come by that.
        let until = missing.asked.map_or(Timestamp::default(), |asked| asked.after(self.patience()));
        if self.arrives(&missing.guid, until).await? {
            return self.arrived(&missing).await;
        }
        // Whether it has failed nobody saw, so it is no reason to let others go first.
        let unseen = missing.asked.take().is_some();
        if !unseen && missing.not_before.is_some_and(|not_before| self.clock.now() < not_before) {
            return Ok(Seen::PassedBy);
        }
        loop {
            if self.clock.now().since(missing.sent) >= KEPT {
                return self.give_up(missing, "GitHub does not keep it any more").await;
            }
            if missing.tries >= MOST_TRIES {
                return self.give_up(missing, "it was asked for ten times and has not arrived").await;
            }
            match self.ask(&mut missing).await? {
                Asked::Arrived => return self.arrived(&missing).await,
                Asked::Gone => return self.give_up(missing, "GitHub does not have it any more").await,
                // Once is bad luck, and others that have happened later would go first.
                Asked::InVain if missing.tries == 1 => {}
                Asked::InVain => break,
            }
        }
        missing.asked = None;
        missing.not_before = Some(self.clock.now().after(pause(missing.tries)));
        self.note(std::slice::from_ref(&missing), None).await?;
        tracing::debug!(channel = "github", delivery = missing.guid, tries = missing.tries, "it has not arrived");
        Ok(Seen::InVain)
    }

    /// Asks for one more try, and waits for it.
    async fn ask(&self, missing: &mut Missing) -> Result<Asked, CutOff> {
        let before = missing.clone();
        missing.tries += 1;
        missing.asked = Some(self.clock.now());
        self.note(std::slice::from_ref(missing), None).await?;
        let (outcome, ()) = tokio::join!(self.asked(missing), tokio::time::sleep(PACE));
        match outcome {
            Ok(outcome) => Ok(outcome),
            Err(cut_off) => {
                // Nothing was done.
                self.note(&[before], None).await?;
                Err(cut_off)
            }
        }
    }

    async fn asked(&self, missing: &Missing) -> Result<Asked, CutOff> {
        match self.client.deliver_again(missing.attempt).await {
            Ok(Again::Gone) => return Ok(Asked::Gone),
            Err(DeliverError::Rejected { reason }) => {
                tracing::warn!(channel = "github", delivery = missing.guid, reason, "github does not send it again");
                return Ok(Asked::InVain);
            }
            Ok(Again::Asked) | Err(DeliverError::UnknownOutcome { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let is_there = self.arrives(&missing.guid, self.clock.now().after(self.patience())).await?;
        Ok(if is_there { Asked::Arrived } else { Asked::InVain })
    }

    fn patience(&self) -> Duration {
        ARRIVES_WITHIN.min(self.every)
    }

    /// Whether it is in the ledger, for which it is waited until a time.
    async fn arrives(&self, guid: &str, until: Timestamp) -> Result<bool, StoreError> {
        while !is_known(&self.store, guid)? {
            // A clock that was set back holds nobody for longer.
            let left = until.since(self.clock.now()).min(self.patience());
            if left.is_zero() {
                return Ok(false);
            }
            tokio::time::sleep(LOOK.min(left)).await;
        }
        Ok(true)
    }

    async fn arrived(&mut self, missing: &Missing) -> Result<Seen, CutOff> {
        self.forget(missing).await?;
        // Somebody else may have had it sent.
        if missing.tries > 0 {
            self.tally.healed += 1;
            self.metrics.deliveries("healed", 1);
        }
        Ok(Seen::Arrived)
    }

    async fn give_up(&mut self, mut missing: Missing, why: &str) -> Result<Seen, CutOff> {
        (missing.asked, missing.not_before, missing.given_up) = (None, None, Some(why.to_owned()));
        self.note(std::slice::from_ref(&missing), None).await?;
        let Missing { guid, event, .. } = &missing;
        tracing::warn!(channel = "github", delivery = guid, event, why, "a delivery that is missing was given up");
        self.metrics.deliveries("given_up", 1);
        self.tally.given_up.push(missing);
        Ok(Seen::GivenUp)
    }

    async fn forget(&self, missing: &Missing) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.write(&TenantId::default_tenant(), missing::forget(missing));
        self.store.commit(batch).await
    }
}

/// How long one that was asked for so often is left alone.
fn pause(tries: u32) -> Duration {
    PASSED_BY * 2_u32.saturating_pow(tries.saturating_sub(2).min(MOST_TRIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_does_not_arrive_is_asked_for_further_apart_and_within_the_time_that_github_keeps_it() {
        let minutes = |tries| pause(tries).as_secs() / 60;
        assert_eq!([2, 3, 4, 9].map(minutes), [1, 2, 4, 128]);
        let all: Duration = (2..MOST_TRIES).map(pause).sum();
        assert!(all < Duration::from_secs(10 * 3600) && all < KEPT, "{all:?}");
        assert_eq!(pause(u32::MAX), PASSED_BY * 1024, "whatever a row says");
    }
}
