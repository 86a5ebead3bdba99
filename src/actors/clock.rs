//! The machine's clock, and the actor that turns durable timers into events when they are due.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::dispatcher::DispatcherMessage;
use crate::actors::supervisor::Handle;
use crate::domain::event::{ChannelName, EventKind, Incoming};
use crate::domain::ids::{LaneKey, TenantId};
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::{Accepted, Inbox};
use crate::store::keyspace::timer;
use crate::store::{StoreError, Stored};

/// How often due timers are looked for; a timer rings at most this late. Each step of a workflow waits for a ring, and what
/// rings at one time is handled at one time, while others wait to be taken in; so it is short. A look that finds none reads
/// one key of each tenant.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The pause after a look in which one could not ring: the store is full, or closed.
const AFTER_A_FAILURE: Duration = Duration::from_secs(1);
/// Timers of a tenant that ring at one look. Where more are due, the next look follows at once, behind what else waits.
const MOST_AT_ONCE: usize = 256;
/// Rings that are on their way to the disk at one time: what is there together costs one sync.
const MOST_UNDER_WAY: usize = 16;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that others are handed")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// What the actor is started with.
#[derive(Clone)]
pub struct Arguments {
    /// Where rings go.
    pub inbox: Inbox,
    /// Who is told of them.
    pub dispatcher: Handle<DispatcherMessage>,
}

/// Time has passed.
pub struct Look;

/// The actor.
pub struct ClockActor;

impl Actor for ClockActor {
    type Msg = Look;
    type State = Looking;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Look>, args: Arguments) -> Result<Looking, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Look);
        Ok(Looking { args, not_before: Timestamp::default() })
    }

    async fn handle(&self, myself: ActorRef<Look>, Look: Look, state: &mut Looking) -> Result<(), ActorProcessingErr> {
        let args = &state.args;
        let now = args.inbox.clock().now();
        if now < state.not_before {
            return Ok(());
        }
        let tenants = match args.inbox.store().tenants() {
            Ok(tenants) => tenants,
            // The next look comes soon; an end here would be counted as a failure of this actor.
            Err(error) => {
                tracing::warn!(%error, "timers cannot be looked for and are looked for again");
                return Ok(());
            }
        };
        let (mut are_more, mut has_failed) = (false, false);
        for tenant in tenants {
            let rung = match ring(&args.inbox, &tenant).await {
                Ok(rung) => rung,
                // One tenant's timers must not hold up the others'.
                Err(error) => {
                    tracing::warn!(%tenant, %error, "timers cannot ring and are tried again");
                    has_failed = true;
                    continue;
                }
            };
            are_more |= rung.are_more;
            has_failed |= rung.has_failed;
            for accepted in rung.accepted {
                if let Accepted::New { id, lane } = accepted {
                    args.dispatcher.cast(DispatcherMessage::Accepted { lane, event: id });
                }
            }
        }
        if has_failed {
            state.not_before = now.after(AFTER_A_FAILURE);
        } else if are_more {
            // Nobody hears it where this actor ends.
            let _ = myself.cast(Look);
        }
        Ok(())
    }
}

/// What came of a look at a tenant's timers.
#[derive(Debug)]
pub struct Rung {
    /// What became of each ring, in the order in which they were due.
    pub accepted: Vec<Accepted>,
    /// Whether more may be due.
    pub are_more: bool,
    /// Whether one could not ring.
    pub has_failed: bool,
}

/// What the actor works with.
pub struct Looking {
    args: Arguments,
    /// No look is taken before this, since the last one has failed.
    not_before: Timestamp,
}

/// Rings the timers of a tenant that are due: each becomes an event in the commit that takes it away. One that cannot ring
/// stays for the next look, and takes none with it that has rung.
///
/// # Errors
/// Where the store cannot be read, or no event can have a number.
pub async fn ring(inbox: &Inbox, tenant: &TenantId) -> Result<Rung, StoreError> {
    let now = inbox.clock().now();
    let mut due = timer::soonest(&inbox.store().view(tenant), MOST_AT_ONCE)?;
    due.retain(|timer| timer.value.at <= now);
    let is_full = due.len() == MOST_AT_ONCE;
    // Where the store takes nothing, one finds that out for all.
    let first = due.first().cloned();
    let mut accepted = Vec::with_capacity(due.len());
    if let Some(first) = first {
        let id = inbox.next_id().await?;
        match inbox.accept_with(tenant, id, incoming(&first), &timer::rang(&first)).await {
            Ok(rung) => accepted.push(rung),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        due.remove(0);
    }
    let mut numbered = Vec::with_capacity(due.len());
    for timer in due {
        numbered.push((inbox.next_id().await?, timer));
    }
    let rings = numbered
        .into_iter()
        .map(|(id, due)| async move { inbox.accept_with(tenant, id, incoming(&due), &timer::rang(&due)).await });
    let ends: Vec<_> = stream::iter(rings).buffered(MOST_UNDER_WAY).collect().await;
    let mut has_failed = false;
    for end in ends {
        match end {
            Ok(rung) => accepted.push(rung),
            // It was moved or cleared meanwhile.
            Err(StoreError::Conflict) => {}
            Err(error) => {
                tracing::warn!(%tenant, %error, "a timer cannot ring and is tried again");
                has_failed = true;
            }
        }
    }
    Ok(Rung { accepted, are_more: is_full && !has_failed, has_failed })
}

fn incoming(due: &Stored<timer::Timer>) -> Incoming {
    let timer = &due.value;
    Incoming {
        channel: ChannelName::Internal,
        installation: String::new(),
        organisation: None,
        dedupe: vec![format!("timer:{}:{}:{}", timer.name, timer.at.0, due.version)],
        lane: LaneKey(format!("timer/{}", subject(&timer.name)).into()),
        from: None,
        place: None,
        reply: None,
        kind: EventKind::TimerFired { name: timer.name.clone(), payload: timer.payload.clone() },
        proof: "our own timer".to_owned(),
        reach: None,
        happened: None,
        raw: bytes::Bytes::new(),
    }
}

/// What a timer is about: its name up to the second slash, so that all that rings for one run is one lane.
fn subject(name: &str) -> &str {
    name.match_indices('/').nth(1).map_or(name, |(end, _)| &name[..end])
}

/// A shared machine's clock.
#[must_use]
pub fn system() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::testing::Still;
    use crate::store::memory::Memory;
    use crate::store::seal::Keyring;
    use crate::store::{Batch, Store};

    #[tokio::test]
    async fn each_timer_that_is_due_rings_once_in_order_and_a_full_look_says_that_there_may_be_more() {
        let clock = Arc::new(Still(Timestamp(1_000_000)));
        let store = Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), clock.clone()).unwrap();
        let tenant = TenantId::default_tenant();
        let late = i64::try_from(MOST_AT_ONCE).unwrap() + 44;
        for at in (0..late).chain([1_000_001]) {
            let view = store.view(&tenant);
            let timer = timer::Timer { name: format!("run/R-{at}/wake"), at: Timestamp(at), payload: 1.into() };
            let mut batch = Batch::new();
            batch.writes(&tenant, timer::set(&view, &timer).unwrap());
            store.commit(batch).await.unwrap();
        }
        let inbox = Inbox::open(store, clock).unwrap();
        let mut lanes = Vec::new();
        for (count, are_more) in [(MOST_AT_ONCE, true), (44, false), (0, false)] {
            let rung = ring(&inbox, &tenant).await.unwrap();
            assert_eq!((rung.accepted.len(), rung.are_more), (count, are_more));
            lanes.extend(rung.accepted.into_iter().map(|accepted| match accepted {
                Accepted::New { lane, id } => (id, lane.key.to_string()),
                other => panic!("{other:?}"),
            }));
        }
        let expected: Vec<String> = (0..late).map(|at| format!("timer/run/R-{at}")).collect();
        assert!(lanes.iter().map(|(_, lane)| lane).eq(&expected), "{lanes:?}");
        assert!(lanes.is_sorted_by_key(|(id, _)| *id), "events have numbers in the order of their times");
    }
}
