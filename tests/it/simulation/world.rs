//! One world: a machine on which the core lives and dies, a platform with people, and time. Every step is drawn from
//! the seed: which future is polled, which message is read, which delivery arrives, when the process is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ai_crm::actors::delivery::Tried;
use ai_crm::actors::router::Handled;
use ai_crm::domain::ids::EventId;
use ai_crm::domain::time::{Clock, Timestamp};
use ai_crm::ledger::inbox::Accepted;
use ai_crm::ledger::lanes::Turn;
use ai_crm::ledger::operate::Replayed;
use ai_crm::ledger::outbox::Work;
use ai_crm::store::keyspace::timer;
use ai_crm::store::memory::Memory;
use ai_crm::store::seal::Keyring;
use ai_crm::store::{Health, Store, StoreError};

use super::chronicle::{Chronicle, Violation};
use super::core::{Core, Machine};
use super::dice::Dice;
use super::faults::Faults;
use super::luck;
use super::platform::{Platform, Tally};
use super::promises;
use super::sabotage::Sabotage;
use super::tasks::Tasks;
use super::timeline::Timeline;
use super::workload::{Happening, Workload};

/// 2026-11-20T08:45:00Z: a quarter of an hour before the day's reminders ring.
const MORNING: Timestamp = Timestamp(1_795_164_300_000);
/// Steps after which a world that has not come to rest is said to run in circles.
const MOST_STEPS: usize = 200_000;
/// Of so many rests, one is used to compare what is stored with what the core knows; what is lost stays lost.
const LOOK_EVERY: u64 = 8;

/// What a future was started for.
#[derive(Debug, Clone)]
pub(super) enum Label {
    Accept(usize),
    Handle(Turn),
    Perform,
    Ring,
    Watch,
    Operate,
}

/// What a future came to.
pub(super) enum Output {
    /// Under which number, where there was one.
    Accepted(Option<EventId>, Result<Accepted, StoreError>),
    Handled(Handled),
    Tried(Work, Tried),
    Rung(Result<Vec<Accepted>, StoreError>),
    Replayed(Result<Replayed, StoreError>),
    Ended,
}

/// One thing that can happen now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    Poll(u64),
    Dispatcher,
    Outbox,
    WakeLanes,
    WakeOutbox,
    Arrive,
    Ring,
    Start,
    Reopen,
    Operate,
    Calm,
}

/// A happening and how often it was delivered.
pub(super) struct Told {
    pub(super) happening: Happening,
    pub(super) acknowledged: bool,
    pub(super) tries: u32,
    pub(super) stubborn: bool,
}

/// One world.
pub(super) struct World {
    pub(super) machine: Machine,
    /// Reads what the engine holds, whether the core lives or not.
    pub(super) observer: Store,
    pub(super) told: Vec<Told>,
    pub(super) chronicle: Chronicle,
    pub(super) faults: Arc<Faults>,
    pub(super) dice: Dice,
    pub(super) workload: Workload,
    pub(super) core: Option<Core>,
    pub(super) reread: Arc<AtomicBool>,
    pub(super) tasks: Tasks<Label, Output>,
    /// Deliveries to come: the first of a happening, or a further one of it.
    pub(super) arrivals: BTreeMap<(Timestamp, u64), Option<usize>>,
    pub(super) serial: u64,
    pub(super) kills_per_mille: u64,
    pub(super) start_at: Option<Timestamp>,
    pub(super) calm_at: Option<Timestamp>,
    pub(super) operate_at: Option<Timestamp>,
    pub(super) reopen_at: Option<Timestamp>,
    pub(super) next_timer: Option<Timestamp>,
    /// The soonest timer, as of so many commits.
    pub(super) soonest_timer: (u64, Option<Timestamp>),
    pub(super) rests: u64,
    pub(super) look_after: Timestamp,
    pub(super) last_rounds: u32,
    pub(super) tally: Tally,
    pub(super) trace: Option<Vec<String>>,
}

/// What became of a world.
pub(super) struct Outcome {
    pub(super) result: Result<(), Violation>,
    pub(super) tally: Tally,
    pub(super) trace: Vec<String>,
}

/// Lets a world come and go.
pub(super) fn simulate(seed: u64, sabotage: Sabotage, traced: bool) -> Outcome {
    let mut world = World::new(seed, sabotage, traced);
    let result = world.run();
    let mut tally = world.machine.platform.tally();
    for (what, count) in world.tally {
        *tally.entry(what).or_default() += count;
    }
    Outcome { result, tally, trace: world.trace.unwrap_or_default() }
}

impl World {
    fn new(seed: u64, sabotage: Sabotage, traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let timeline = Timeline::starting(MORNING);
        let faults = Faults::new(dice.split(), luck::commit_faults(&mut dice));
        let (rates, outages) = (luck::platform_faults(&mut dice), luck::outages(&mut dice, MORNING));
        let platform = Platform::new(timeline.clone(), faults.clone(), dice.split(), rates, outages);
        let engine = Arc::new(Memory::default());
        let deciding = faults.clone();
        engine.set_faults(Some(Box::new(move || deciding.fate())));
        let keyring = Arc::new(Keyring::ephemeral());
        let workload = Workload::new(dice.split());
        let observer = Store::inline(engine.clone(), keyring.clone(), timeline.clone());
        let machine = Machine {
            engine,
            keyring,
            timeline,
            platform,
            tenants: workload.tenants(),
            permits: usize::try_from(dice.between(1, 4)).expect("invariant: a small number"),
            deliveries: usize::try_from(dice.between(1, 4)).expect("invariant: a small number"),
            sabotage,
        };
        let span = *dice.pick(&[0, 2_000, 60_000, 1_200_000]);
        let mut arrivals = BTreeMap::new();
        for serial in 0..dice.between(10, 60) {
            let at = MORNING.after(Duration::from_millis(dice.between(0, span)));
            arrivals.insert((at, serial), None);
        }
        let calm_after = Duration::from_millis(span + dice.between(60_000, 3_600_000));
        let operates = dice.happens(500).then(|| Duration::from_secs(dice.below(3600)));
        Self {
            machine,
            observer: observer.expect("invariant: an empty engine can be read"),
            told: Vec::new(),
            chronicle: Chronicle::default(),
            faults,
            kills_per_mille: *dice.pick(&[0, 0, 1, 4]),
            dice,
            workload,
            core: None,
            reread: Arc::default(),
            tasks: Tasks::new(),
            serial: arrivals.len() as u64,
            arrivals,
            start_at: Some(MORNING),
            calm_at: Some(MORNING.after(calm_after)),
            operate_at: operates.map(|after| MORNING.after(after)),
            reopen_at: None,
            next_timer: None,
            soonest_timer: (u64::MAX, None),
            rests: 0,
            look_after: MORNING,
            last_rounds: 0,
            tally: Tally::new(),
            trace: traced.then(Vec::new),
        }
    }

    pub(super) fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {}", self.machine.timeline.now(), words()));
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.machine.timeline.now()
    }

    fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..MOST_STEPS {
            let choices = self.choices();
            if choices.is_empty() {
                self.rests += 1;
                if let Some(core) = self.core.as_ref().filter(|_| self.rests.is_multiple_of(LOOK_EVERY)) {
                    promises::at_rest(core, &self.chronicle)?;
                }
                if !self.pass_time()? && !self.last_round()? {
                    return promises::at_the_end(self);
                }
                continue;
            }
            let choice = *self.dice.pick(&choices);
            self.step(choice)?;
            for words in self.faults.said() {
                self.count(words);
                self.note(|| words.to_owned());
            }
            let killed = self.core.is_some() && self.calm_at.is_some() && self.dice.happens(self.kills_per_mille);
            if self.faults.is_dying() || killed {
                self.crash();
            }
            if let Some(violation) = self.machine.platform.violation() {
                return Err(violation);
            }
        }
        Err("it does not come to rest".to_owned())
    }

    fn choices(&mut self) -> Vec<Choice> {
        let now = self.now();
        let mut choices: Vec<Choice> = self.tasks.woken().map(Choice::Poll).collect();
        let mut when = |holds: bool, choice| {
            if holds {
                choices.push(choice);
            }
        };
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        when(self.arrivals.keys().next().is_some_and(|(at, _)| *at <= now), Choice::Arrive);
        when(due(self.calm_at), Choice::Calm);
        let Some(core) = &self.core else {
            when(due(self.start_at), Choice::Start);
            return choices;
        };
        when(!core.dispatcher_mail.is_empty(), Choice::Dispatcher);
        when(!core.outbox_mail.is_empty(), Choice::Outbox);
        when(due(core.lanes.next_wake()), Choice::WakeLanes);
        when(due(core.outbox_due()), Choice::WakeOutbox);
        let rings = due(self.next_timer) && self.look_after <= now && !self.tasks.any(|l| matches!(l, Label::Ring));
        when(rings, Choice::Ring);
        when(due(self.operate_at), Choice::Operate);
        let broken = matches!(*core.store.health().borrow(), Health::Broken(_));
        if broken && self.reopen_at.is_none() {
            // As often as the committer's thread tries.
            self.reopen_at = Some(now.after(Duration::from_millis(500)));
        }
        when(due(self.reopen_at), Choice::Reopen);
        choices
    }

    /// Lets time go on to where something happens; `false` where nothing ever will.
    fn pass_time(&mut self) -> Result<bool, Violation> {
        let now = self.now();
        let mut times: Vec<Option<Timestamp>> =
            vec![self.machine.timeline.next_wake(), self.arrivals.keys().next().map(|(at, _)| *at), self.calm_at];
        if let Some(core) = &self.core {
            if self.soonest_timer.0 != self.faults.commits() {
                let soonest = self.machine.tenants.iter().filter_map(|tenant| {
                    let timers = timer::soonest(&self.observer.view(tenant), 1).ok()?;
                    timers.first().map(|timer| timer.value.at)
                });
                self.soonest_timer = (self.faults.commits(), soonest.min());
            }
            self.next_timer = self.soonest_timer.1.map(|at| at.max(self.look_after).max(now));
            let broken = matches!(*core.store.health().borrow(), Health::Broken(_));
            let reopen_at = self.reopen_at.filter(|_| broken);
            times.extend([core.lanes.next_wake(), core.outbox_due(), self.next_timer, self.operate_at, reopen_at]);
        } else {
            times.push(self.start_at);
        }
        let Some(next) = times.into_iter().flatten().min() else { return Ok(false) };
        if next < now || (next == now && self.next_timer != Some(now)) {
            return Err(format!("something was to happen at {next} and did not"));
        }
        self.machine.timeline.advance(next);
        Ok(true)
    }

    /// When all is quiet an operator brings back what was given up; `false` when nothing is left.
    fn last_round(&mut self) -> Result<bool, Violation> {
        if self.last_rounds == 3 {
            return Ok(false);
        }
        self.last_rounds += 1;
        self.operate()
    }
}
