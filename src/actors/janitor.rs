//! The actor that forgets what retention says, and seals old values anew after a key rotation.

use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::Board;
use crate::domain::ids::{EventId, TenantId};
use crate::domain::time::Clock;
use crate::ledger::retain;
use crate::store::engine::Order;
use crate::store::keyspace::event;
use crate::store::{Store, StoreError, rotate};

/// Pause between two rounds.
const ROUND: Duration = Duration::from_secs(300);
/// However many bytes there are, events stay known for so long: Slack repeats a delayed event for 24 h
/// and GitHub offers deliveries for 3 days, and a repeated event that was forgotten would be done twice.
const KEEP_AT_LEAST: Duration = Duration::from_secs(3 * 24 * 3600);
/// Bytes of an event beside its body: its head, its story, its keys.
const AROUND: u64 = 400;
/// Pause between two steps of resealing, so that it stays in the background.
const STEP: Duration = Duration::from_millis(20);
/// Steps of retention in one round.
const MOST_STEPS: usize = 200;
/// Events from which the mean size of an event is estimated.
const SAMPLE: usize = 200;

/// What it is told.
pub enum JanitorMessage {
    /// Look for what can be forgotten.
    Round,
    /// A sealing key is new: seal old values with it.
    Reseal,
    /// Go on sealing from this key.
    ResealFrom(Vec<u8>),
}

/// What it is started with.
#[derive(Clone)]
pub struct Arguments {
    /// The store.
    pub store: Store,
    /// The present.
    pub clock: std::sync::Arc<dyn Clock>,
    /// How long events are kept.
    pub keep: Duration,
    /// Bytes of events that are kept, by estimate.
    pub keep_bytes: u64,
    /// Where it shows its figures.
    pub board: Board,
}

/// The actor.
pub struct Janitor;

/// What it works with.
pub struct Cleaning {
    args: Arguments,
    forgotten: u64,
    resealed: u64,
    resealing: bool,
}

impl Cleaning {
    async fn round(&mut self) -> Result<(), StoreError> {
        let now = self.args.clock.now();
        for tenant in self.args.store.tenants()? {
            let (store, counted) = (self.args.store.clone(), tenant.clone());
            let bytes = tokio::task::spawn_blocking(move || event_bytes(&store, &counted)).await;
            let bytes = bytes.map_err(|error| StoreError::Unusable(error.to_string()))??;
            let keep = if bytes > self.args.keep_bytes { KEEP_AT_LEAST.min(self.args.keep) } else { self.args.keep };
            for _ in 0..MOST_STEPS {
                if retain::answers(&self.args.store, &tenant, now.before(keep)).await? < retain::MOST_ANSWERS {
                    break;
                }
            }
            let mut from = Some(EventId(0));
            for _ in 0..MOST_STEPS {
                let Some(id) = from else { break };
                let step = retain::step(&self.args.store, &tenant, id, now.before(keep), now).await?;
                self.forgotten += step.forgotten as u64;
                from = step.next;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn reseal(&mut self, myself: &ActorRef<JanitorMessage>, from: &[u8]) -> Result<(), StoreError> {
        let (next, done) = rotate::step(&self.args.store, from).await?;
        self.resealed += done as u64;
        self.resealing = next.is_some();
        match next {
            Some(next) => {
                myself.send_after(STEP, move || JanitorMessage::ResealFrom(next));
            }
            None => tracing::info!(values = self.resealed, "every value is sealed with the newest key"),
        }
        Ok(())
    }

    fn show(&self) {
        let figures = [
            ("forgotten_events", self.forgotten.into()),
            ("resealed_values", self.resealed.into()),
            ("resealing", self.resealing.into()),
        ];
        self.args.board.figures("janitor", self.args.clock.now(), figures);
    }
}

/// Bytes of a tenant's events, from their number and the mean of the newest ones: adding them up would
/// read them all. Blocking.
fn event_bytes(store: &Store, tenant: &TenantId) -> Result<u64, StoreError> {
    let view = store.view(tenant);
    let (mut bytes, mut sampled) = (0, 0_u64);
    for id in event::ids(&view, Order::Descending).take(SAMPLE) {
        bytes += event::read(&view, id?)?.map_or(0, |it| it.what.raw.len() as u64 + AROUND);
        sampled += 1;
    }
    let count = event::ids(&view, Order::Ascending).count() as u64;
    Ok(count.saturating_mul(bytes / sampled.max(1)))
}

impl Actor for Janitor {
    type Msg = JanitorMessage;
    type State = Cleaning;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        myself: ActorRef<JanitorMessage>,
        args: Arguments,
    ) -> Result<Cleaning, ActorProcessingErr> {
        myself.send_interval(ROUND, || JanitorMessage::Round);
        let state = Cleaning { args, forgotten: 0, resealed: 0, resealing: false };
        state.show();
        // A rotation that a restart has cut off goes on: a look costs one pass over the keys.
        myself.send_after(ROUND, || JanitorMessage::Reseal);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<JanitorMessage>,
        message: JanitorMessage,
        state: &mut Cleaning,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            JanitorMessage::Round => state.round().await?,
            JanitorMessage::Reseal if state.resealing => {}
            JanitorMessage::Reseal => state.reseal(&myself, &[]).await?,
            JanitorMessage::ResealFrom(key) => state.reseal(&myself, &key).await?,
        }
        state.show();
        Ok(())
    }
}
