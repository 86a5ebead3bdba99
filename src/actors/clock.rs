//! The machine's clock, and the actor that turns durable timers into events when they are due.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::dispatcher::DispatcherMessage;
use crate::actors::supervisor::Handle;
use crate::domain::event::{ChannelName, EventKind, Incoming};
use crate::domain::ids::{LaneKey, TenantId};
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::{Accepted, Inbox};
use crate::store::keyspace::timer;
use crate::store::{StoreError, Stored};

/// How often due timers are looked for; a timer rings at most this late. Each step of a workflow waits for a ring, so it
/// is short; a look that finds none reads one key of each tenant.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Timers of a tenant that ring at one look.
const MOST_AT_ONCE: usize = 256;

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
    type State = Arguments;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Look>, args: Arguments) -> Result<Arguments, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || Look);
        Ok(args)
    }

    async fn handle(&self, _: ActorRef<Look>, Look: Look, args: &mut Arguments) -> Result<(), ActorProcessingErr> {
        let tenants = match args.inbox.store().tenants() {
            Ok(tenants) => tenants,
            // The next look comes in a second; an end here would be counted as a failure of this actor.
            Err(error) => {
                tracing::warn!(%error, "timers cannot be looked for and are looked for again");
                return Ok(());
            }
        };
        for tenant in tenants {
            let rung = match ring(&args.inbox, &tenant).await {
                Ok(rung) => rung,
                // One tenant's timers must not hold up the others'.
                Err(error) => {
                    tracing::warn!(%tenant, %error, "timers cannot ring and are tried again");
                    continue;
                }
            };
            for accepted in rung {
                if let Accepted::New { id, lane } = accepted {
                    args.dispatcher.cast(DispatcherMessage::Accepted { lane, event: id });
                }
            }
        }
        Ok(())
    }
}

/// Rings the timers of a tenant that are due: each becomes an event in the commit that takes it away.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn ring(inbox: &Inbox, tenant: &TenantId) -> Result<Vec<Accepted>, StoreError> {
    let now = inbox.clock().now();
    let soonest = timer::soonest(&inbox.store().view(tenant), MOST_AT_ONCE)?;
    let mut rung = Vec::new();
    for due in soonest.into_iter().take_while(|timer| timer.value.at <= now) {
        let id = inbox.next_id().await?;
        match inbox.accept_with(tenant, id, incoming(&due), &timer::rang(&due)).await {
            Ok(accepted) => rung.push(accepted),
            // It was moved or cleared meanwhile.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rung)
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
