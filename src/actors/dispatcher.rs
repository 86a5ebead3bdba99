//! The router's actor: knows which events wait in which lane, and gives each to the session of its
//! lane, as many at once as there are permits. Only ids wait here.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::Semaphore;

use crate::actors::board::Board;
use crate::actors::outbox::OutboxMessage;
use crate::actors::router::Router;
use crate::actors::seat::Seat;
use crate::actors::session::{HandleEvent, Session};
use crate::actors::supervisor::Handle;
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::ledger::lanes::{Lane, Lanes, Turn};
use crate::store::StoreError;

/// How often idle sessions are looked for and figures shown.
const TICK: Duration = Duration::from_secs(1);

/// How often what the store holds is compared with what we know. Nothing should ever be found; what is
/// found was kept from us by the end of an actor.
const RECONCILE: Duration = Duration::from_secs(60);
/// In a rush one event is handed out so often. An event costs four times as much to handle as to take in, so this
/// leaves all but some hundredths of the processor to taking in, and no lane hears nothing at all.
const ONE_EVERY: Duration = Duration::from_millis(10);
/// A rush that comes again before this rest is the same one.
const REST: Duration = Duration::from_secs(1);
/// After so long a rush is no burst: taking in and handling share what there is.
const LONGEST_RUSH: Duration = Duration::from_secs(15);
/// Sessions that may be idle at one time. An idle one costs some kilobytes; above their number the longest idle one
/// goes to the next conversation that needs one.
const MOST_IDLE: usize = 1000;

/// What it is told.
pub enum DispatcherMessage {
    /// An event was accepted.
    Accepted {
        /// Its lane.
        lane: Lane,
        /// Its number.
        event: EventId,
    },
    /// A session has dealt with an event.
    Handled {
        /// Which.
        turn: Turn,
        /// Whether its lane is done with it.
        ended: Ended,
    },
    /// An operator has taken an event off.
    Dropped(EventId),
    /// Compare what the store holds with what we know.
    Reconcile,
    /// Time has passed.
    Tick,
    /// A rush may be over.
    Resume,
    /// An event waits for a platform, and another may be handled meanwhile.
    SeatLeft,
    /// The time has come for which something waits or stepped aside.
    Wake(Timestamp),
    /// Say which events are handed out just now.
    Running(ractor::RpcReplyPort<Vec<EventId>>),
    /// Hand out nothing more; answer when nothing runs.
    Drain(ractor::RpcReplyPort<()>),
}

/// What became of an event, as its lane sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has ended.
    Settled,
    /// It steps aside until then.
    Later {
        /// When.
        at: Timestamp,
    },
    /// It keeps its place, and its lane waits with it until then.
    Waits {
        /// When.
        at: Timestamp,
    },
}

/// What it is started with.
#[derive(Clone)]
pub struct Arguments {
    /// What events mean.
    pub router: Arc<Router>,
    /// Events handled at once.
    pub permits: usize,
    /// After this an idle session is ended.
    pub session_idle: Duration,
    /// Where what is owed goes.
    pub outbox: Handle<OutboxMessage>,
    /// Its own address.
    pub myself: Handle<DispatcherMessage>,
    /// Where it shows its figures.
    pub board: Board,
}

/// The actor.
pub struct Dispatcher;

struct Slot {
    actor: ActorRef<HandleEvent>,
    /// What runs in it, and since when it is idle otherwise.
    running: Option<Turn>,
    idle_since: Timestamp,
}

/// What it works with.
pub struct Dispatching {
    args: Arguments,
    lanes: Lanes,
    permits: Arc<Semaphore>,
    sessions: HashMap<Lane, Slot>,
    /// Sessions in the order in which they fell idle; those that went to work since are here still.
    idle: VecDeque<(Timestamp, Lane)>,
    /// Sessions that were told to end, so that their end is no surprise.
    ending: HashSet<ActorId>,
    /// The first and the last time that more came in than can be handled meanwhile.
    rush: Option<(Timestamp, Timestamp)>,
    /// When the last event was handed out.
    given: Timestamp,
    /// A [`DispatcherMessage::Resume`] is on its way.
    resuming: bool,
    /// The next [`DispatcherMessage::Wake`] is on its way for then.
    waking: Option<Timestamp>,
    /// Nothing more is handed out.
    closed: bool,
    draining: Option<ractor::RpcReplyPort<()>>,
    handled: u64,
}

impl Dispatching {
    fn now(&self) -> Timestamp {
        self.args.router.clock().now()
    }

    /// Takes in what the store holds and we do not know: at the start all of it, later what an error
    /// of the store or the end of an actor has kept from us.
    fn reread(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        let mut found = Vec::new();
        let lanes = &self.lanes;
        self.args
            .router
            .inbox()
            .backlog(|id| lanes.has(id), |lane, id, ready| found.push((lane, id, ready.clone())))?;
        for (lane, event, ready) in found {
            self.lanes.take_up(lane, event, &ready, now);
        }
        Ok(())
    }

    async fn feed(&mut self, myself: &ActorRef<DispatcherMessage>) {
        if self.closed {
            return;
        }
        while self.lanes.idle_lanes_with_work() > 0 {
            if self.steps_back() {
                if !std::mem::replace(&mut self.resuming, true) {
                    myself.send_after(ONE_EVERY, || DispatcherMessage::Resume);
                }
                return;
            }
            let Ok(permit) = self.permits.clone().try_acquire_owned() else { return };
            let Some(turn) = self.lanes.next_turn() else { return };
            self.given = self.now();
            if let Err(turn) = self.give(myself, turn, permit).await {
                let at = self.now().after(TICK);
                self.lanes.wait(&turn, at);
            }
        }
    }

    /// Sees to it that we hear of the next time that something waits for, where it comes before the next tick.
    fn arm(&mut self, myself: &ActorRef<DispatcherMessage>, now: Timestamp) {
        let Some(at) = self.lanes.next_wake().filter(|at| *at < now.after(TICK)) else { return };
        if self.waking.is_none_or(|set| at < set) {
            self.waking = Some(at);
            myself.send_after(at.since(now).max(Duration::from_millis(1)), move || DispatcherMessage::Wake(at));
        }
    }

    /// Whether those who send go first.
    fn steps_back(&mut self) -> bool {
        let now = self.now();
        if !self.args.router.inbox().rush().is_on(now) {
            return false;
        }
        let since = self.rush.filter(|(_, last)| now.since(*last) < REST).map_or(now, |(since, _)| since);
        self.rush = Some((since, now));
        now.since(since) < LONGEST_RUSH && now.since(self.given) < ONE_EVERY
    }

    async fn give(
        &mut self,
        myself: &ActorRef<DispatcherMessage>,
        turn: Turn,
        permit: tokio::sync::OwnedSemaphorePermit,
    ) -> Result<(), Turn> {
        if !self.sessions.contains_key(&turn.lane)
            && let Some(slot) = self.longest_idle()
        {
            self.sessions.insert(turn.lane.clone(), slot);
        }
        if !self.sessions.contains_key(&turn.lane) {
            let arguments = (self.args.router.clone(), self.args.myself.clone(), self.args.outbox.clone());
            match Actor::spawn_linked(None, Session, arguments, myself.get_cell()).await {
                Ok((actor, _)) => {
                    self.sessions.insert(turn.lane.clone(), Slot { actor, running: None, idle_since: self.now() });
                }
                Err(error) => {
                    tracing::error!(%error, lane = %turn.lane.key, "a session cannot be started");
                    return Err(turn);
                }
            }
        }
        let slot = self.sessions.get_mut(&turn.lane).expect("invariant: it was started above");
        slot.running = Some(turn.clone());
        let seat = Seat::new(self.permits.clone(), permit, self.args.myself.clone());
        if slot.actor.cast(HandleEvent { turn: turn.clone(), seat }).is_err() {
            self.sessions.remove(&turn.lane);
            return Err(turn);
        }
        Ok(())
    }

    fn take_back(&mut self, turn: &Turn, ended: Ended) {
        let now = self.now();
        if let Some(slot) = self.sessions.get_mut(&turn.lane) {
            slot.running = None;
            slot.idle_since = now;
            self.idle.push_back((now, turn.lane.clone()));
        }
        self.end_idle_sessions();
        self.handled += 1;
        match ended {
            Ended::Settled => self.lanes.finished(turn),
            Ended::Later { at } => self.lanes.later(turn, at),
            Ended::Waits { at } => self.lanes.wait(turn, at),
        }
    }

    /// Ends sessions that have been idle for long, and the longest idle ones above their number.
    fn end_idle_sessions(&mut self) {
        let horizon = self.now().before(self.args.session_idle);
        while let Some((since, lane)) = self.idle.pop_front_if(|(at, _)| *at <= horizon) {
            self.end_if_idle_since(since, &lane);
        }
        while self.idle.len() > MOST_IDLE {
            let Some((since, lane)) = self.idle.pop_front() else { return };
            self.end_if_idle_since(since, &lane);
        }
    }

    /// Where as many sessions are idle as may be: the longest idle one, for another conversation. A session keeps
    /// nothing of its conversation.
    fn longest_idle(&mut self) -> Option<Slot> {
        while self.idle.len() >= MOST_IDLE {
            let (since, lane) = self.idle.pop_front()?;
            if self.is_idle_since(since, &lane) {
                return self.sessions.remove(&lane);
            }
        }
        None
    }

    fn is_idle_since(&self, since: Timestamp, lane: &Lane) -> bool {
        self.sessions.get(lane).is_some_and(|slot| slot.running.is_none() && slot.idle_since == since)
    }

    fn end_if_idle_since(&mut self, since: Timestamp, lane: &Lane) {
        if self.is_idle_since(since, lane)
            && let Some(slot) = self.sessions.remove(lane)
        {
            self.ending.insert(slot.actor.get_id());
            slot.actor.stop(None);
        }
    }

    fn session_ended(&mut self, id: ActorId) {
        if self.ending.remove(&id) {
            return;
        }
        let Some(lane) = self.sessions.iter().find(|(_, slot)| slot.actor.get_id() == id).map(|(lane, _)| lane.clone())
        else {
            return;
        };
        if let Some(Slot { running: Some(turn), .. }) = self.sessions.remove(&lane) {
            // Nothing of the event was committed, or it is settled and the router will find it gone.
            let at = self.now().after(TICK);
            self.lanes.later(&turn, at);
        }
    }

    fn show(&self) {
        let figures = [
            ("waiting", self.lanes.len().into()),
            ("aside", self.lanes.aside().into()),
            ("free_permits", self.permits.available_permits().into()),
            ("sessions", self.sessions.len().into()),
            ("handled", self.handled.into()),
        ];
        self.args.board.figures("router", self.now(), figures);
    }

    fn answer_drain(&mut self) {
        let idle = self.sessions.values().all(|slot| slot.running.is_none());
        if idle
            && let Some(port) = self.draining.take()
            && !port.is_closed()
        {
            // Who asked and went away needs no answer.
            let _ = port.send(());
        }
    }
}

impl Actor for Dispatcher {
    type Msg = DispatcherMessage;
    type State = Dispatching;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Arguments) -> Result<Dispatching, ActorProcessingErr> {
        let permits = Arc::new(Semaphore::new(args.permits));
        let mut state = Dispatching {
            args,
            lanes: Lanes::default(),
            permits,
            sessions: HashMap::new(),
            idle: VecDeque::new(),
            ending: HashSet::new(),
            rush: None,
            given: Timestamp::default(),
            resuming: false,
            waking: None,
            closed: false,
            draining: None,
            handled: 0,
        };
        state.reread()?;
        myself.send_interval(TICK, || DispatcherMessage::Tick);
        myself.send_interval(RECONCILE, || DispatcherMessage::Reconcile);
        Ok(state)
    }

    async fn post_start(&self, myself: ActorRef<Self::Msg>, state: &mut Dispatching) -> Result<(), ActorProcessingErr> {
        state.show();
        state.feed(&myself).await;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: DispatcherMessage,
        state: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DispatcherMessage::Accepted { lane, event } => state.lanes.push(lane, event),
            DispatcherMessage::Handled { turn, ended } => state.take_back(&turn, ended),
            DispatcherMessage::Dropped(event) => {
                state.lanes.remove(event);
            }
            DispatcherMessage::Tick => {
                state.end_idle_sessions();
                state.show();
            }
            DispatcherMessage::Resume => state.resuming = false,
            DispatcherMessage::SeatLeft => {}
            // One that was overtaken by an earlier one sets nothing off.
            DispatcherMessage::Wake(at) => state.waking = state.waking.filter(|set| *set != at),
            DispatcherMessage::Reconcile => {
                if let Err(error) = state.reread() {
                    tracing::warn!(%error, "the backlog cannot be read");
                }
            }
            DispatcherMessage::Running(port) => {
                let running = state.sessions.values().filter_map(|slot| slot.running.as_ref());
                // Who asked and went away needs no answer.
                let _ = port.send(running.map(|turn| turn.event).collect());
            }
            DispatcherMessage::Drain(port) => {
                state.closed = true;
                state.draining = Some(port);
            }
        }
        let now = state.now();
        state.lanes.wake(now);
        state.feed(&myself).await;
        state.arm(&myself, now);
        if state.draining.is_some() {
            state.answer_drain();
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                tracing::error!(%error, actor = "session", "a session failed");
                state.session_ended(who.get_id());
            }
            SupervisionEvent::ActorTerminated(who, _, _) => state.session_ended(who.get_id()),
            _ => {}
        }
        state.feed(&myself).await;
        Ok(())
    }
}
