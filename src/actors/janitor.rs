//! The actor that forgets what retention says, seals old values anew after a key rotation, and counts what was given up.

use std::collections::HashMap;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::Board;
use crate::domain::ids::{EventId, TenantId};
use crate::domain::time::Clock;
use crate::ledger::retain;
use crate::store::engine::Order;
use crate::store::keyspace::{effect, event, timer};
use crate::store::{Store, StoreError, rotate};

/// Pause between two rounds.
const ROUND: Duration = Duration::from_secs(300);
/// Pause between two counts of what was given up, which reads a key of each.
const COUNT: Duration = Duration::from_secs(30);
/// However many bytes there are, events stay known for so long: Slack repeats a delayed event for 24 h
/// and GitHub offers deliveries for 3 days, and a repeated event that was forgotten would be done twice.
const KEEP_AT_LEAST: Duration = Duration::from_secs(3 * 24 * 3600);
/// Bytes of an event beside its body: its head, its story, its keys.
const AROUND: u64 = 400;
/// Pause between two steps of resealing, so that it stays in the background.
const STEP: Duration = Duration::from_millis(20);
/// Pause after an error of the store while resealing.
const RETRY: Duration = Duration::from_secs(30);
/// Steps of retention between two looks at the other messages; a round that has more to forget goes on behind them.
const MOST_STEPS: usize = 200;
/// Events from which the mean size of an event is estimated.
const SAMPLE: usize = 200;

/// What it is told.
pub enum JanitorMessage {
    /// Look for what can be forgotten.
    Round,
    /// Count what was given up.
    Count,
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
    /// Events and effects that were given up.
    dead: (u64, u64),
    /// Values that the last pass of resealing could not open.
    unsealable: u64,
    resealing: bool,
    /// A further key is new since the pass that runs began.
    again: bool,
    counted: HashMap<TenantId, Counted>,
    /// Where a round of a tenant has stopped before its end.
    unfinished: HashMap<TenantId, EventId>,
}

/// The events of a tenant, counted once and followed from there.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    events: u64,
    /// The first number that is not counted.
    from: u64,
}

impl Cleaning {
    async fn round(&mut self) -> Result<(), StoreError> {
        for tenant in self.args.store.tenants()? {
            // One tenant's events must not hold up the others'.
            if let Err(error) = self.round_of(&tenant).await {
                tracing::warn!(%tenant, %error, "retention failed and is tried again");
            }
        }
        Ok(())
    }

    async fn round_of(&mut self, tenant: &TenantId) -> Result<(), StoreError> {
        let now = self.args.clock.now();
        let (store, of) = (self.args.store.clone(), tenant.clone());
        let mut counted = self.counted.get(tenant).copied().unwrap_or_default();
        let looked = tokio::task::spawn_blocking(move || look_at(&store, &of, counted)).await;
        let looked = looked.map_err(|error| StoreError::Unusable(error.to_string()))??;
        counted = looked.counted;
        let bytes = counted.events.saturating_mul(looked.mean);
        let keep = if bytes > self.args.keep_bytes { KEEP_AT_LEAST.min(self.args.keep) } else { self.args.keep };
        for _ in 0..MOST_STEPS {
            if retain::answers(&self.args.store, tenant, now.before(keep)).await? < retain::MOST_ANSWERS {
                break;
            }
        }
        for _ in 0..MOST_STEPS {
            if retain::living_messages(&self.args.store, tenant, now.before(keep)).await? < retain::MOST_LIVING {
                break;
            }
        }
        for _ in 0..MOST_STEPS {
            if retain::approvals(&self.args.store, tenant, now.before(keep), now).await? < retain::MOST_APPROVALS {
                break;
            }
        }
        for _ in 0..MOST_STEPS {
            if !retain::runs(&self.args.store, tenant, now.before(keep), now).await? {
                break;
            }
        }
        retain::files(&self.args.store, tenant, now.before(keep), now).await?;
        self.counted.insert(tenant.clone(), counted);
        let mut from = Some(self.unfinished.get(tenant).copied().unwrap_or(EventId(0)));
        let mut unreadable = 0;
        for _ in 0..MOST_STEPS {
            let Some(id) = from else { break };
            let step = retain::step(&self.args.store, tenant, id, now.before(keep), now).await?;
            self.forgotten += step.forgotten as u64;
            counted.events = counted.events.saturating_sub(step.forgotten as u64);
            unreadable += step.unreadable;
            from = step.next;
            // Written at once, so that a step that fails leaves the count as it is.
            self.counted.insert(tenant.clone(), counted);
            tokio::task::yield_now().await;
        }
        if unreadable + looked.timers > 0 {
            let timers = looked.timers;
            tracing::warn!(%tenant, events = unreadable, timers, "records cannot be read and are left as they are");
        }
        match from {
            Some(id) => self.unfinished.insert(tenant.clone(), id),
            None => self.unfinished.remove(tenant),
        };
        Ok(())
    }

    async fn reseal(&mut self, myself: &ActorRef<JanitorMessage>, from: &[u8]) -> Result<(), StoreError> {
        if from.is_empty() {
            self.unsealable = 0;
        }
        let step = rotate::step(&self.args.store, from).await?;
        self.resealed += step.done as u64;
        self.unsealable += step.unreadable as u64;
        // What the pass has left behind it is sealed with a key that was the newest then.
        let next = step.next.or_else(|| std::mem::take(&mut self.again).then(Vec::new));
        self.resealing = next.is_some();
        match next {
            Some(next) => {
                myself.send_after(STEP, move || JanitorMessage::ResealFrom(next));
            }
            None if self.unsealable > 0 => {
                let unreadable = self.unsealable;
                tracing::warn!(
                    unreadable,
                    "values that cannot be opened keep their old key, all others have the newest"
                );
            }
            None => tracing::info!(values = self.resealed, "every value is sealed with the newest key"),
        }
        Ok(())
    }

    /// An error of the store is no failure of this actor: what was begun is tried again after a pause.
    async fn reseal_or_later(&mut self, myself: &ActorRef<JanitorMessage>, from: &[u8]) {
        if let Err(error) = self.reseal(myself, from).await {
            tracing::warn!(%error, "resealing failed and is tried again");
            let from = from.to_vec();
            self.resealing = true;
            myself.send_after(RETRY, move || JanitorMessage::ResealFrom(from));
        }
    }

    fn count(&mut self) -> Result<(), StoreError> {
        let (mut events, mut effects) = (0, 0);
        for tenant in self.args.store.tenants()? {
            let view = self.args.store.view(&tenant);
            events += event::all_dead(&view).count() as u64;
            effects += effect::dead_keys(&view).count() as u64;
        }
        self.dead = (events, effects);
        Ok(())
    }

    fn show(&self) {
        let figures = [
            ("dead_events", self.dead.0.into()),
            ("dead_effects", self.dead.1.into()),
            ("forgotten_events", self.forgotten.into()),
            ("resealed_values", self.resealed.into()),
            ("resealing", self.resealing.into()),
        ];
        self.args.board.figures("janitor", self.args.clock.now(), figures);
    }
}

/// What a look at a tenant has found.
struct Looked {
    counted: Counted,
    /// Bytes of an event, from the newest ones: adding all up would read them all.
    mean: u64,
    /// Timers that cannot be read.
    timers: usize,
}

/// Counts the events that came since the last look. One that was given its number before that look and stored after it
/// is missed, which an estimate may. Blocking.
fn look_at(store: &Store, tenant: &TenantId, mut counted: Counted) -> Result<Looked, StoreError> {
    let view = store.view(tenant);
    let (mut bytes, mut sampled) = (0, 0_u64);
    for id in event::ids(&view, Order::Descending).take(SAMPLE) {
        bytes += match event::read(&view, id?) {
            Ok(it) => it.map_or(0, |it| it.what.raw.len() as u64 + AROUND),
            Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        sampled += 1;
    }
    for id in event::ids_from(&view, EventId(counted.from)) {
        counted = Counted { events: counted.events + 1, from: id?.0 + 1 };
    }
    Ok(Looked { counted, mean: bytes / sampled.max(1), timers: timer::unreadable(&view)? })
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
        myself.send_interval(COUNT, || JanitorMessage::Count);
        myself.cast(JanitorMessage::Count)?;
        let state = Cleaning {
            args,
            forgotten: 0,
            resealed: 0,
            dead: (0, 0),
            unsealable: 0,
            resealing: false,
            again: false,
            counted: HashMap::new(),
            unfinished: HashMap::new(),
        };
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
            JanitorMessage::Round => {
                if let Err(error) = state.round().await {
                    tracing::warn!(%error, "retention failed and is tried again");
                }
                if !state.unfinished.is_empty() {
                    myself.cast(JanitorMessage::Round)?;
                }
            }
            JanitorMessage::Count => {
                if let Err(error) = state.count() {
                    tracing::warn!(%error, "what was given up cannot be counted");
                }
            }
            JanitorMessage::Reseal if state.resealing => state.again = true,
            JanitorMessage::Reseal => state.reseal_or_later(&myself, &[]).await,
            JanitorMessage::ResealFrom(key) => state.reseal_or_later(&myself, &key).await,
        }
        state.show();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::outcome::Expect;
    use crate::domain::time::Timestamp;
    use crate::domain::time::testing::Still;
    use crate::store::Batch;
    use crate::store::memory::Memory;
    use crate::store::seal::{self, Keyring, MasterKey};

    async fn until(what: impl Fn() -> bool) {
        tokio::time::timeout(Duration::from_secs(10), async {
            while !what() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .expect("it did not happen in time");
    }

    #[tokio::test]
    async fn a_key_that_is_new_while_values_are_sealed_anew_seals_all_of_them() {
        let masters = [MasterKey::new([7; 32])];
        let keyring = Keyring::open_keys(&[seal::new_data_key(1, &masters[0])], &masters).unwrap().0;
        let store =
            Store::inline(Arc::new(Memory::default()), Arc::new(keyring), Arc::new(Still(Timestamp(1)))).unwrap();
        let mut batch = Batch::new();
        for number in 0..640 {
            let timer = timer::Timer { name: format!("{number}"), at: Timestamp(number), payload: ().into() };
            let tenant = TenantId::default_tenant();
            batch.writes(&tenant, timer::set(&store.view(&tenant), &timer).unwrap());
            batch.write(&tenant, crate::store::mark(format!("x{number}").into(), Expect::Any));
        }
        store.commit(batch).await.unwrap();
        let (board, clock) = (Board::default(), Arc::new(Still(Timestamp(1))));
        let keep = Duration::from_secs(1);
        let args = Arguments { store: store.clone(), clock, keep, keep_bytes: 1, board: board.clone() };
        let (janitor, _ended) = Actor::spawn(None, Janitor, args).await.unwrap();
        let resealed = || board.read()["janitor"].state["resealed_values"].as_u64().unwrap();
        for (key, enough) in [(2, 64), (3, 1280)] {
            store.keyring().activate(&seal::new_data_key(key, &masters[0]), &masters).unwrap();
            janitor.cast(JanitorMessage::Reseal).unwrap();
            until(|| resealed() >= enough).await;
        }
        until(|| board.read()["janitor"].state["resealing"] == false).await;
        let sealed = store.engine().scan(b"default\0", &[], Order::Ascending);
        let mut keys: Vec<_> = sealed.filter_map(|entry| seal::key_id_of(&entry.unwrap().1)).collect();
        keys.dedup();
        assert_eq!(keys, [3]);
    }
}
