//! One life of the process: the real router, lanes, ledger, outbox and deliverer, put together as `app.rs` does, and
//! the dispatcher's and the outbox's loops as their actors have them, without actors. Everything in here dies in a
//! crash; only the engine outlives it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use ai_crm::actors::board::Board;
use ai_crm::actors::delivery::{self, Deliverer, Tried};
use ai_crm::actors::identify::{Asking, Identifier};
use ai_crm::actors::metrics::RouterMetrics;
use ai_crm::actors::router::{Handled, Patience, Router};
use ai_crm::actors::sign::Signer;
use ai_crm::channels::Channel;
use ai_crm::commands;
use ai_crm::config::catalog::Catalog;
use ai_crm::config::people::People;
use ai_crm::domain::effect::Effect;
use ai_crm::domain::event::{ChannelName, PlatformUser};
use ai_crm::domain::ids::{EventId, TenantId};
use ai_crm::domain::time::{Clock, Timestamp};
use ai_crm::ledger::inbox::Inbox;
use ai_crm::ledger::lanes::{Lane, Lanes, Turn};
use ai_crm::ledger::outbox::{Outbox, Work, pace_until};
use ai_crm::ledger::settled::Settlements;
use ai_crm::pm::OfflineAnalyst;
use ai_crm::policy::{Live, PolicySet};
use ai_crm::store::keyspace::effect;
use ai_crm::store::keyspace::event::Ready;
use ai_crm::store::memory::Memory;
use ai_crm::store::seal::Keyring;
use ai_crm::store::{Store, StoreError};
use ai_crm::tools;
use futures_util::FutureExt;

use super::dice::Dice;
use super::platform::Platform;
use super::sabotage::Sabotage;
use super::timeline::Timeline;

/// Age at which an event that waits for the platform is given up.
const EVENT_GIVEN_UP: Duration = Duration::from_secs(10 * 60);
/// Age at which an effect is given up.
const EFFECT_GIVEN_UP: Duration = Duration::from_secs(30 * 60);
/// Age from which answers join a digest.
const SHELF_LIFE: Duration = Duration::from_secs(5 * 60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// What every world shares, because making it takes longer than a world.
static POLICIES: LazyLock<Arc<Live>> = LazyLock::new(|| {
    Arc::new(Live::new(PolicySet::embedded(&commands::actions()).expect("invariant: the shipped policies load")))
});
static CATALOG: LazyLock<Arc<Catalog>> =
    LazyLock::new(|| Arc::new(Catalog::embedded(&tools::known_tools()).expect("invariant: the shipped agents load")));
static ANALYST: LazyLock<Arc<OfflineAnalyst>> = LazyLock::new(|| Arc::new(OfflineAnalyst::new(CATALOG.clone())));

/// What outlives the process.
pub(super) struct Machine {
    pub(super) engine: Arc<Memory>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) timeline: Arc<Timeline>,
    pub(super) platform: Arc<Platform>,
    pub(super) tenants: Vec<TenantId>,
    pub(super) permits: usize,
    pub(super) deliveries: usize,
    pub(super) sabotage: Sabotage,
}

/// What the dispatcher is told.
pub(super) enum ToDispatcher {
    Accepted(Lane, EventId),
    Handled(Turn, Handled),
    Reread,
    Tick,
}

/// What the outbox is told.
pub(super) enum ToOutbox {
    Owed(Vec<Effect>),
    OwedAgain(Vec<Effect>),
    Tried(Work, Tried),
    Reread,
    Tick,
}

/// A running core.
pub(super) struct Core {
    pub(super) store: Store,
    pub(super) inbox: Inbox,
    pub(super) router: Arc<Router>,
    pub(super) deliverer: Deliverer,
    pub(super) lanes: Lanes,
    pub(super) permits: usize,
    pub(super) outbox: Outbox,
    pub(super) dispatcher_mail: VecDeque<ToDispatcher>,
    pub(super) outbox_mail: VecDeque<ToOutbox>,
    deliveries: usize,
    sabotage: Sabotage,
}

impl Core {
    /// Starts on what the engine holds. The number of every event that is taken up goes to `taken_up`, with when
    /// it is to be handled.
    pub(super) fn start(
        machine: &Machine,
        dice: &mut Dice,
        taken_up: impl FnMut(&Lane, EventId, &Ready),
    ) -> Result<Self, StoreError> {
        let clock: Arc<dyn Clock> = machine.timeline.clone();
        let store = Store::inline(machine.engine.clone(), machine.keyring.clone(), clock.clone())?;
        let inbox = Inbox::open(store.clone(), clock.clone())?;
        let signer = Arc::new(Signer::default());
        for tenant in &machine.tenants {
            let prepared = signer.prepare(&store, tenant, [7; 32]).now_or_never();
            prepared.expect("invariant: commits are applied at once")?;
        }
        let jitter = Mutex::new(dice.split());
        let jitter: delivery::Dice =
            Arc::new(move || jitter.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fraction());
        let platform: Arc<dyn Channel> = machine.platform.clone();
        let channels = HashMap::from([(ChannelName::Slack, platform)]);
        let router = Arc::new(Router {
            inbox: inbox.clone(),
            identifier: Identifier {
                channels: channels.clone(),
                clock: clock.clone(),
                people: People { owners: vec![owner()], ..People::default() },
                timeout: Duration::from_secs(1_000_000),
                short_timeout: Duration::from_secs(1_000_000),
                asking: Asking::new(Board::default()),
            },
            policies: POLICIES.clone(),
            signer,
            workflows: Arc::default(),
            sync: ai_crm::domain::sync::Table::default(),
            catalog: CATALOG.clone(),
            analyst: ANALYST.clone(),
            links: None,
            settlements: Settlements::default(),
            patience: Patience {
                most_attempts: 4,
                first_pause: FIRST_PAUSE,
                most_pause: MOST_PAUSE,
                give_up_after: EVENT_GIVEN_UP,
                shelf_life: SHELF_LIFE,
                approval_waits: Duration::from_secs(86_400),
            },
            dice: jitter.clone(),
            disconnected: Arc::new(|| ()),
            metrics: Arc::new(RouterMetrics::default()),
        });
        let patience = delivery::Patience {
            first_pause: FIRST_PAUSE,
            most_pause: MOST_PAUSE,
            give_up_after: EFFECT_GIVEN_UP,
            under_way: Duration::ZERO,
        };
        let deliverer = Deliverer { store: store.clone(), clock, channels, patience, dice: jitter };
        let mut core = Self {
            store,
            inbox,
            router,
            deliverer,
            lanes: Lanes::default(),
            permits: machine.permits,
            outbox: Outbox::default(),
            dispatcher_mail: VecDeque::from([ToDispatcher::Tick]),
            outbox_mail: VecDeque::from([ToOutbox::Tick]),
            deliveries: machine.deliveries,
            sabotage: machine.sabotage,
        };
        core.reread_events(taken_up, machine.sabotage == Sabotage::ForgetAnEventAtRestart)?;
        core.reread_effects()?;
        Ok(core)
    }

    fn now(&self) -> Timestamp {
        self.inbox.clock().now()
    }

    fn lane(&self, lane: Lane, event: EventId) -> Lane {
        match self.sabotage {
            Sabotage::TwoOfALaneAtOnce => {
                let key = format!("{} {}", lane.key, event.0 % 2);
                Lane { key: ai_crm::domain::ids::LaneKey(key.into()), ..lane }
            }
            _ => lane,
        }
    }

    fn reread_events(
        &mut self,
        mut taken_up: impl FnMut(&Lane, EventId, &Ready),
        skip_first: bool,
    ) -> Result<(), StoreError> {
        let (now, mut found) = (self.now(), Vec::new());
        self.inbox.backlog(|_| false, |lane, event, ready| found.push((lane, event, ready.clone())))?;
        for (lane, event, ready) in found.into_iter().skip(usize::from(skip_first)) {
            let lane = self.lane(lane, event);
            if !self.lanes.has(event) {
                taken_up(&lane, event, &ready);
            }
            self.lanes.take_up(lane, event, &ready, now);
        }
        Ok(())
    }

    fn reread_effects(&mut self) -> Result<(), StoreError> {
        for tenant in self.store.tenants()? {
            for owed in effect::all_owed(&self.store.view(&tenant)) {
                let owed = owed?;
                if !self.outbox.has(owed.id) {
                    match self.sabotage {
                        Sabotage::TrustEffectsAfterACrash => self.outbox.push(&owed),
                        _ => self.outbox.push_suspect(&owed, self.now()),
                    }
                }
            }
        }
        Ok(())
    }

    /// One message of the dispatcher; gives what is to be handled from here on.
    pub(super) fn dispatch(
        &mut self,
        message: ToDispatcher,
        taken_up: impl FnMut(&Lane, EventId, &Ready),
    ) -> Result<Vec<Turn>, StoreError> {
        match message {
            ToDispatcher::Accepted(lane, event) => {
                let lane = self.lane(lane, event);
                self.lanes.push(lane, event);
            }
            ToDispatcher::Handled(turn, handled) => match handled {
                Handled::Settled { effects } => {
                    self.lanes.finished(&turn);
                    if !effects.is_empty() {
                        let effects = effects.into_iter().map(|owed| owed.value).collect();
                        self.outbox_mail.push_back(ToOutbox::Owed(effects));
                    }
                }
                Handled::Gone => self.lanes.finished(&turn),
                Handled::Later { at } => self.lanes.later(&turn, at),
                Handled::Waits { at } => self.lanes.wait(&turn, at),
            },
            ToDispatcher::Reread => self.reread_events(taken_up, false)?,
            ToDispatcher::Tick => {}
        }
        let now = self.now();
        self.lanes.wake(now);
        let mut turns = Vec::new();
        while self.lanes.idle_lanes_with_work() > 0 && self.permits > 0 {
            let Some(turn) = self.lanes.next_turn() else { break };
            self.permits -= 1;
            turns.push(turn);
            if self.sabotage == Sabotage::FeedOneLaneAtATime {
                break;
            }
        }
        Ok(turns)
    }

    /// One message of the outbox; gives what is to be performed from here on.
    pub(super) fn send(&mut self, message: ToOutbox) -> Result<Vec<Work>, StoreError> {
        match message {
            ToOutbox::Owed(effects) => effects.iter().for_each(|effect| self.outbox.push(effect)),
            ToOutbox::OwedAgain(effects) => {
                let now = self.now();
                effects.iter().for_each(|effect| self.outbox.push_suspect(effect, now));
            }
            ToOutbox::Tried(work, tried) => self.take_back(&work, tried),
            ToOutbox::Reread => self.reread_effects()?,
            ToOutbox::Tick => {}
        }
        let (now, pace) = (self.now(), self.deliverer.channels[&ChannelName::Slack].pace());
        let mut given = Vec::new();
        while self.outbox.running() < self.deliveries {
            let Some(work) = self.outbox.next(now) else { break };
            if matches!(work, Work::Perform { .. }) {
                self.outbox.pace(work.conversation(), pace_until(now, pace));
            }
            given.push(work);
        }
        Ok(given)
    }

    fn take_back(&mut self, work: &Work, tried: Tried) {
        let conversation = work.conversation();
        match tried {
            Tried::Ended(ids) => self.outbox.finished(conversation, &ids),
            Tried::GivenUp { id, .. } => self.outbox.finished(conversation, &[id]),
            Tried::Again { id, at, suspect, quiet, .. } => {
                if quiet {
                    self.outbox.hush(conversation, at);
                }
                self.outbox.again(conversation, id, at, suspect);
            }
            Tried::Unrecorded { id, at, end } => self.outbox.unrecorded(conversation, id, at, *end),
            Tried::Merged { digest, ids } => {
                self.outbox.finished(conversation, &ids);
                self.outbox.push(&digest);
            }
        }
    }

    /// Whether the outbox could give something out at that time.
    pub(super) fn outbox_due(&self) -> Option<Timestamp> {
        self.outbox.next_due().filter(|_| self.outbox.running() < self.deliveries)
    }
}

/// The one person whom the configuration names as the owner.
fn owner() -> PlatformUser {
    PlatformUser { channel: ChannelName::Slack, realm: "T0".to_owned(), id: "U1".to_owned() }
}
