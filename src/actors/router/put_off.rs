//! Events that cannot be settled just now: for how long each is put off, whether its lane waits with it, and when it is given
//! up.

use std::time::Duration;

use super::{Handled, Router};
use crate::actors::granted::by_approval;
use crate::actors::identify::Identity;
use crate::actors::settle::Verdict;
use crate::domain::approval::Approval;
use crate::domain::event::Event;
use crate::ledger::inbox::{PutOff, backoff};
use crate::store::keyspace::event::Ready;
use crate::store::{StoreError, Stored};

/// The longest pause between two look-ups of an event: its conversation waits with it.
const MOST_WAIT: Duration = Duration::from_secs(15);
/// So many look-ups without an answer are the platform's trouble; more may be those of one person.
const MOST_HELD_WAITS: u32 = 10;
/// The longest pause between those while the platform answers others: one of several calls fails now and then, and order
/// is kept for some ten seconds.
const EAGER_PAUSE: Duration = Duration::from_secs(1);
/// No lane waits for longer with an event whose asker cannot be looked up: the trouble may be that one person's.
const LONGEST_HOLD: Duration = Duration::from_secs(900);
/// A platform that answered anybody so lately is not away.
const ANSWERS_OTHERS: Duration = Duration::from_secs(300);

impl Router {
    /// The platform does not answer: that is nobody's failure, so only time gives the event up. Its lane waits with
    /// it, or order would be the order of the look-ups; but where the platform answers others and not this one, the
    /// others of the lane go on.
    pub(super) async fn wait(
        &self,
        event: &Event,
        ready: &Stored<Ready>,
        approval: Option<&Stored<Approval>>,
        why: &str,
        after: Option<Duration>,
    ) -> Result<Handled, StoreError> {
        let now = self.clock().now();
        if now.since(event.at) > self.patience.give_up_after {
            let verdict = Verdict::dead(None, why.to_owned());
            return self.settle(event, ready, by_approval(verdict, approval, event)).await;
        }
        let answers_others = now.since(self.identifier.answered(event.what.channel)) < ANSWERS_OTHERS;
        // A platform that asks to wait says nothing of this one person.
        let is_away = (after.is_some() || !answers_others) && now.since(event.at) < LONGEST_HOLD;
        let holds = ready.value.waits < MOST_HELD_WAITS || is_away;
        let is_eager = answers_others && ready.value.waits < MOST_HELD_WAITS;
        let most = self.patience.most_pause.min(if is_eager { EAGER_PAUSE } else { MOST_WAIT });
        let pause = backoff(ready.value.waits, self.patience.first_pause, most, (self.dice)());
        let at = now.after(after.unwrap_or_default().max(pause));
        self.inbox.put_off(event, ready, PutOff::Waits { holds }, why, at).await?;
        Ok(if holds { Handled::Waits { at } } else { Handled::Later { at } })
    }

    pub(super) async fn fault(
        &self,
        event: &Event,
        ready: &Stored<Ready>,
        identity: &Identity,
        approval: Option<&Stored<Approval>>,
        fault: &anyhow::Error,
    ) -> Result<Handled, StoreError> {
        // A store that is busy is nobody's failure; a value that cannot be read will stay so.
        if let Some(error) = fault.downcast_ref::<StoreError>().filter(|e| !matches!(e, StoreError::Unreadable(_))) {
            return Err(error.clone());
        }
        self.failed(event, ready, Some(identity), approval, format!("{fault:#}")).await
    }

    /// Puts an event off that failed, or gives it up.
    pub(super) async fn failed(
        &self,
        event: &Event,
        ready: &Stored<Ready>,
        identity: Option<&Identity>,
        approval: Option<&Stored<Approval>>,
        why: String,
    ) -> Result<Handled, StoreError> {
        tracing::error!(event = %event.id, tenant = %event.tenant, incident = %event.id, error = why, "a handler failed");
        if ready.value.attempts + 1 >= self.patience.most_attempts {
            return self.settle(event, ready, by_approval(Verdict::dead(identity, why), approval, event)).await;
        }
        let (first, most) = (self.patience.first_pause, self.patience.most_pause);
        let at = self.clock().now().after(backoff(ready.value.attempts, first, most, (self.dice)()));
        self.inbox.put_off(event, ready, PutOff::Failed, &why, at).await?;
        Ok(Handled::Later { at })
    }
}
