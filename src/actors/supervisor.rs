//! Starts actors, and starts them again when they end with an error.
//!
//! Restarts are counted per child: too many in a period mark that child as degraded and lengthen its
//! pause; the others do not notice. A restarted actor has a new address, so callers hold a [`Handle`],
//! which is refilled here. (ractor ends a supervisor with its first child unless
//! `handle_supervisor_evt` says otherwise, and ractor-supervisor counts restarts over all children
//! together; hence this one.)

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, Message, SpawnErr, SupervisionEvent};

use crate::actors::board::{Board, Condition, Shown};
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::backoff;

/// The address of an actor that may be started again.
pub struct Handle<M> {
    actor: Arc<ArcSwapOption<ActorRef<M>>>,
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone() }
    }
}

impl<M> Default for Handle<M> {
    fn default() -> Self {
        Self { actor: Arc::new(ArcSwapOption::empty()) }
    }
}

impl<M: Message> Handle<M> {
    /// Sends a message. What is sent while the actor is being started again is not delivered: an actor
    /// rebuilds what it must know from the store.
    pub fn cast(&self, message: M) -> bool {
        self.actor.load().as_ref().is_some_and(|actor| actor.cast(message).is_ok())
    }

    /// The actor that runs now.
    #[must_use]
    pub fn get(&self) -> Option<ActorRef<M>> {
        self.actor.load().as_ref().map(|actor| (**actor).clone())
    }

    /// Points at the actor that runs from here on.
    pub fn refill(&self, actor: ActorRef<M>) {
        self.actor.store(Some(Arc::new(actor)));
    }
}

/// Starts a child, linked to the supervisor that is given.
pub type Start = Arc<dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorCell, SpawnErr>> + Send + Sync>;

/// A child.
#[derive(Clone)]
pub struct Child {
    /// Its name on the board.
    pub name: String,
    /// How it is started.
    pub start: Start,
}

/// When a child is degraded, and how long it pauses.
#[derive(Debug, Clone, Copy)]
pub struct Intensity {
    /// Restarts that are normal in a period.
    pub most: usize,
    /// The period.
    pub period: Duration,
    /// Pause before the first restart; doubles with each that follows within the period.
    pub first_pause: Duration,
    /// The longest pause.
    pub most_pause: Duration,
}

impl Default for Intensity {
    fn default() -> Self {
        Self {
            most: 5,
            period: Duration::from_secs(60),
            first_pause: Duration::from_millis(50),
            most_pause: Duration::from_secs(30),
        }
    }
}

/// What the supervisor is told.
pub enum SupervisorMessage {
    /// Start this child again now.
    Restart(usize),
    /// Take the mark off this child where it has not failed for a period.
    Calm(usize),
    /// End all children, the last started first, and then yourself.
    Shutdown,
}

/// What the board says of a child that fails again and again.
const KEEPS_FAILING: &str = "it keeps failing";

/// The actor.
pub struct Supervisor;

struct Slot {
    child: Child,
    running: Option<ActorCell>,
    failures: VecDeque<Timestamp>,
}

/// What it works with.
pub struct Supervising {
    board: Board,
    clock: Arc<dyn Clock>,
    intensity: Intensity,
    slots: Vec<Slot>,
    ending: bool,
}

/// What it is started with.
pub struct Arguments {
    /// Where children are shown.
    pub board: Board,
    /// For the times on the board.
    pub clock: Arc<dyn Clock>,
    /// When a child is degraded.
    pub intensity: Intensity,
    /// Its children, in the order in which they are started.
    pub children: Vec<Child>,
}

impl Supervising {
    fn index_of(&self, id: ActorId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.running.as_ref().is_some_and(|actor| actor.get_id() == id))
    }

    async fn start(&mut self, myself: &ActorRef<SupervisorMessage>, index: usize) {
        let child = self.slots[index].child.clone();
        match (child.start)(myself.get_cell()).await {
            Ok(actor) => {
                self.slots[index].running = Some(actor);
                self.board.started(&child.name, self.clock.now());
                let failing = self.slots[index].failures.len() > self.intensity.most;
                if failing {
                    self.board.degraded(&child.name, self.clock.now(), Some(KEEPS_FAILING));
                    self.look_again(myself, index);
                }
            }
            Err(error) => self.failed(myself, index, &error.to_string()),
        }
    }

    fn look_again(&self, myself: &ActorRef<SupervisorMessage>, index: usize) {
        myself.send_after(self.intensity.period, move || SupervisorMessage::Calm(index));
    }

    /// Takes the mark off a child whose failures are older than the period. A mark that the child has put there by
    /// itself stays.
    fn calm(&mut self, myself: &ActorRef<SupervisorMessage>, index: usize) {
        let now = self.clock.now();
        self.forget_failures(index, now);
        let slot = &self.slots[index];
        let marked = |shown: &Shown| {
            shown.condition == Condition::Degraded && shown.last_error.as_deref() == Some(KEEPS_FAILING)
        };
        if slot.running.is_none() || !self.board.read().get(&slot.child.name).is_some_and(marked) {
            return;
        }
        if slot.failures.len() > self.intensity.most {
            self.look_again(myself, index);
        } else {
            self.board.degraded(&slot.child.name, now, None);
        }
    }

    fn forget_failures(&mut self, index: usize, now: Timestamp) {
        let horizon = now.before(self.intensity.period);
        let failures = &mut self.slots[index].failures;
        while failures.front().is_some_and(|at| *at < horizon) {
            failures.pop_front();
        }
    }

    fn failed(&mut self, myself: &ActorRef<SupervisorMessage>, index: usize, error: &str) {
        let now = self.clock.now();
        self.slots[index].failures.push_back(now);
        self.forget_failures(index, now);
        let slot = &mut self.slots[index];
        slot.running = None;
        let count = u32::try_from(slot.failures.len()).unwrap_or(u32::MAX);
        self.board.restarting(&slot.child.name, now, error);
        if self.ending {
            return;
        }
        tracing::error!(
            actor = slot.child.name,
            error,
            restarts_in_period = count,
            "an actor failed and is started again"
        );
        let pause = backoff(count - 1, self.intensity.first_pause, self.intensity.most_pause, 0.5);
        myself.send_after(pause, move || SupervisorMessage::Restart(index));
    }
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = Supervising;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Arguments) -> Result<Supervising, ActorProcessingErr> {
        let slots = args.children.into_iter();
        let slots = slots.map(|child| Slot { child, running: None, failures: VecDeque::new() }).collect();
        let mut state =
            Supervising { board: args.board, clock: args.clock, intensity: args.intensity, slots, ending: false };
        for index in 0..state.slots.len() {
            state.start(&myself, index).await;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: SupervisorMessage,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Restart(index) if !state.ending => state.start(&myself, index).await,
            SupervisorMessage::Restart(_) => {}
            SupervisorMessage::Calm(index) => state.calm(&myself, index),
            SupervisorMessage::Shutdown => {
                state.ending = true;
                for slot in state.slots.iter_mut().rev() {
                    if let Some(actor) = slot.running.take() {
                        // A child that does not end in time is abandoned: what it had not committed is
                        // taken up at the next start.
                        let _ = actor.stop_and_wait(None, Some(ractor::concurrency::Duration::from_secs(5))).await;
                        state.board.stopped(&slot.child.name, state.clock.now());
                    }
                }
                myself.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Supervising,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                if let Some(index) = state.index_of(who.get_id()) {
                    state.failed(&myself, index, &error.to_string());
                }
            }
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                if let Some(index) = state.index_of(who.get_id()).filter(|_| !state.ending) {
                    let reason = reason.unwrap_or_else(|| "it ended without being asked".to_owned());
                    state.failed(&myself, index, &reason);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A child that runs an actor whose address is a handle.
pub fn child<A, F>(name: &str, handle: &Handle<A::Msg>, make: F) -> Child
where
    A: Actor,
    F: Fn() -> (A, A::Arguments) + Send + Sync + 'static,
{
    let handle = handle.clone();
    let make = Arc::new(make);
    let start: Start = Arc::new(move |supervisor| {
        let (handle, (actor, arguments)) = (handle.clone(), make());
        Box::pin(async move {
            let (actor, _) = Actor::spawn_linked(None, actor, arguments, supervisor).await?;
            handle.refill(actor.clone());
            Ok(actor.get_cell())
        })
    });
    Child { name: name.to_owned(), start }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Told(AtomicU32);
    impl Clock for Told {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::SeqCst).into())
        }
    }

    struct Fragile {
        starts: Arc<AtomicU32>,
    }

    impl Actor for Fragile {
        type Msg = bool;
        type State = ();
        type Arguments = ();
        async fn pre_start(&self, _: ActorRef<bool>, (): ()) -> Result<(), ActorProcessingErr> {
            self.starts.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        async fn handle(&self, _: ActorRef<bool>, panic: bool, (): &mut ()) -> Result<(), ActorProcessingErr> {
            assert!(!panic, "asked to");
            Err("asked to".into())
        }
    }

    async fn until(what: impl Fn() -> bool) {
        tokio::time::timeout(Duration::from_secs(10), async {
            while !what() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .expect("it did not happen in time");
    }

    /// Children whose handles and starts are given, under a supervisor.
    fn children(handles: &[Handle<bool>], starts: &[Arc<AtomicU32>]) -> Vec<Child> {
        let one = |(i, (handle, starts)): (usize, (&Handle<bool>, &Arc<AtomicU32>))| {
            let starts = starts.clone();
            child(&format!("child {i}"), handle, move || (Fragile { starts: starts.clone() }, ()))
        };
        handles.iter().zip(starts).enumerate().map(one).collect()
    }

    /// Makes the first child fail until it is degraded.
    async fn degrade(board: &Board, handle: &Handle<bool>, starts: &AtomicU32) {
        for round in 1..=7 {
            until(|| starts.load(Ordering::SeqCst) == round).await;
            until(|| handle.cast(round % 2 == 0)).await;
            until(|| board.read()["child 0"].restarts == round).await;
        }
        until(|| starts.load(Ordering::SeqCst) == 8).await;
        until(|| board.read()["child 0"].condition == Condition::Degraded).await;
    }

    #[tokio::test]
    async fn a_child_that_fails_is_started_again_and_the_others_do_not_notice() {
        let board = Board::default();
        let intensity = Intensity { first_pause: Duration::from_millis(1), ..Intensity::default() };
        let starts: [Arc<AtomicU32>; 2] = Default::default();
        let handles: [Handle<bool>; 2] = Default::default();
        let children = children(&handles, &starts);
        let arguments = Arguments { board: board.clone(), clock: Arc::new(Told::default()), intensity, children };
        let (supervisor, done) = Actor::spawn(None, Supervisor, arguments).await.unwrap();
        degrade(&board, &handles[0], &starts[0]).await;
        assert_eq!(starts[1].load(Ordering::SeqCst), 1);
        assert_eq!(board.read()["child 1"].restarts, 0);
        supervisor.cast(SupervisorMessage::Shutdown).unwrap();
        done.await.unwrap();
        assert_eq!(board.read()["child 1"].condition, Condition::Stopped);
    }

    #[tokio::test]
    async fn a_child_that_has_not_failed_for_a_period_is_degraded_no_longer() {
        let (board, clock) = (Board::default(), Arc::new(Told::default()));
        let (first_pause, period) = (Duration::from_millis(1), Duration::from_millis(100));
        let intensity = Intensity { first_pause, period, ..Intensity::default() };
        let (starts, handles): ([Arc<AtomicU32>; 1], [Handle<bool>; 1]) = Default::default();
        let children = children(&handles, &starts);
        let arguments = Arguments { board: board.clone(), clock: clock.clone(), intensity, children };
        let (supervisor, _done) = Actor::spawn(None, Supervisor, arguments).await.unwrap();
        degrade(&board, &handles[0], &starts[0]).await;
        supervisor.cast(SupervisorMessage::Calm(0)).unwrap();
        assert_eq!(board.read()["child 0"].condition, Condition::Degraded, "it failed just before");
        clock.0.store(200, Ordering::SeqCst);
        until(|| board.read()["child 0"].condition == Condition::Running).await;
    }
}
