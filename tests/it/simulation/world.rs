//! One world: a machine on which the core lives and dies, a platform with people, and time. Every step is drawn from
//! the seed: which future is polled, which message is read, which delivery arrives, when the process is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ai_crm::actors::clock::ring;
use ai_crm::actors::delivery::Tried;
use ai_crm::actors::router::Handled;
use ai_crm::actors::tree::after_reopening;
use ai_crm::domain::event::Incoming;
use ai_crm::domain::ids::{EffectId, EventId, TenantId};
use ai_crm::domain::time::{Clock, Timestamp};
use ai_crm::ledger::inbox::Accepted;
use ai_crm::ledger::lanes::{Lane, Turn};
use ai_crm::ledger::operate::{self, Replayed};
use ai_crm::ledger::outbox::Work;
use ai_crm::store::keyspace::{effect, event, timer};
use ai_crm::store::memory::Memory;
use ai_crm::store::seal::Keyring;
use ai_crm::store::{Batch, Health, Store, StoreError};
use futures_util::FutureExt;

use super::chronicle::{Chronicle, Violation};
use super::core::{Core, Machine, ToDispatcher, ToOutbox};
use super::dice::Dice;
use super::faults::{self, Faults};
use super::platform::{self, Platform, Tally};
use super::promises;
use super::sabotage::Sabotage;
use super::tasks::Tasks;
use super::timeline::Timeline;
use super::workload::{Happening, Workload};

/// 2026-11-20T08:45:00Z: a quarter of an hour before the day's reminders ring.
const MORNING: Timestamp = Timestamp(1_795_164_300_000);
/// Steps after which a world that has not come to rest is said to run in circles.
const MOST_STEPS: usize = 200_000;
/// Times a platform sends a delivery again that was not acknowledged; some platforms never give up.
const MOST_TRIES: u32 = 4;

/// What a future was started for.
#[derive(Debug, Clone)]
enum Label {
    Accept(usize),
    Handle(Turn),
    Perform,
    Ring,
    Watch,
    Operate,
}

/// What a future came to.
enum Output {
    Accepted(Result<Accepted, StoreError>),
    Handled(Handled),
    Tried(Work, Tried),
    Rung(Result<Vec<Accepted>, StoreError>),
    Replayed(Result<Replayed, StoreError>),
    Ended,
}

/// One thing that can happen now.
#[derive(Debug, Clone, Copy)]
enum Choice {
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
    tries: u32,
    stubborn: bool,
}

/// One world.
pub(super) struct World {
    pub(super) machine: Machine,
    /// Reads what the engine holds, whether the core lives or not.
    pub(super) observer: Store,
    pub(super) told: Vec<Told>,
    pub(super) chronicle: Chronicle,
    faults: Arc<Faults>,
    dice: Dice,
    workload: Workload,
    core: Option<Core>,
    reread: Arc<std::sync::atomic::AtomicBool>,
    tasks: Tasks<Label, Output>,
    /// Deliveries to come: the first of a happening, or a further one of it.
    arrivals: BTreeMap<(Timestamp, u64), Option<usize>>,
    serial: u64,
    kills_per_mille: u64,
    start_at: Option<Timestamp>,
    calm_at: Option<Timestamp>,
    operate_at: Option<Timestamp>,
    reopen_at: Option<Timestamp>,
    next_timer: Option<Timestamp>,
    look_after: Timestamp,
    last_rounds: u32,
    tally: Tally,
    trace: Option<Vec<String>>,
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

fn commit_faults(dice: &mut Dice) -> faults::Rates {
    match dice.below(4) {
        0 => faults::Rates::default(),
        1 => faults::Rates { refused: 10, unseen: 10, crash_before: 5, crash_after: 5 },
        2 => faults::Rates { refused: 0, unseen: 0, crash_before: 20, crash_after: 20 },
        _ => faults::Rates { refused: 40, unseen: 40, crash_before: 20, crash_after: 20 },
    }
}

fn platform_faults(dice: &mut Dice) -> platform::Rates {
    let slowest_ms = *dice.pick(&[1, 300, 5_000, 40_000]);
    let (often, now_and_then) = (dice.below(150), dice.below(30));
    match dice.below(3) {
        0 => platform::Rates { slowest_ms, ..platform::Rates::default() },
        _ => platform::Rates {
            limited: often,
            unavailable: often,
            nobody: now_and_then,
            done_unknown: often,
            not_done_unknown: often,
            rejected: now_and_then,
            no_profile: often * 3,
            no_look: often,
            slowest_ms,
        },
    }
}

fn outages(dice: &mut Dice) -> Vec<(Timestamp, Timestamp)> {
    let many = dice.below(3);
    let outage = |dice: &mut Dice| {
        let from = MORNING.after(Duration::from_secs(dice.below(1200)));
        (from, from.after(Duration::from_secs(dice.between(1, 2700))))
    };
    (0..many).map(|_| outage(dice)).collect()
}

impl World {
    fn new(seed: u64, sabotage: Sabotage, traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let timeline = Timeline::starting(MORNING);
        let faults = Faults::new(dice.split(), commit_faults(&mut dice));
        let (rates, outages) = (platform_faults(&mut dice), outages(&mut dice));
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
            look_after: MORNING,
            last_rounds: 0,
            tally: Tally::new(),
            trace: traced.then(Vec::new),
        }
    }

    fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {}", self.machine.timeline.now(), words()));
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn now(&self) -> Timestamp {
        self.machine.timeline.now()
    }

    fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..MOST_STEPS {
            let choices = self.choices();
            if choices.is_empty() {
                if let Some(core) = &self.core {
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

    fn step(&mut self, choice: Choice) -> Result<(), Violation> {
        match choice {
            Choice::Poll(id) => self.poll(id)?,
            Choice::Dispatcher => {
                let message = self.core.as_mut().and_then(|core| core.dispatcher_mail.pop_front());
                self.dispatch(message.unwrap_or(ToDispatcher::Tick))?;
            }
            Choice::WakeLanes => self.dispatch(ToDispatcher::Tick)?,
            Choice::Outbox => {
                let message = self.core.as_mut().and_then(|core| core.outbox_mail.pop_front());
                self.send(message.unwrap_or(ToOutbox::Tick))?;
            }
            Choice::WakeOutbox => self.send(ToOutbox::Tick)?,
            Choice::Arrive => self.arrive(),
            Choice::Ring => self.ring(),
            Choice::Start => self.start(),
            Choice::Reopen => self.reopen(),
            Choice::Operate => {
                self.operate_at = None;
                self.operate()?;
            }
            Choice::Calm => {
                self.calm_at = None;
                self.note(|| "faults stop".to_owned());
                self.faults.stop();
                self.machine.platform.calm();
            }
        }
        Ok(())
    }

    /// Lets time go on to where something happens; `false` where nothing ever will.
    fn pass_time(&mut self) -> Result<bool, Violation> {
        let now = self.now();
        let mut times: Vec<Option<Timestamp>> =
            vec![self.machine.timeline.next_wake(), self.arrivals.keys().next().map(|(at, _)| *at), self.calm_at];
        if let Some(core) = &self.core {
            let soonest = self.machine.tenants.iter().filter_map(|tenant| {
                let timers = timer::soonest(&self.observer.view(tenant), 1).ok()?;
                timers.first().map(|timer| timer.value.at)
            });
            self.next_timer = soonest.min().map(|at| at.max(self.look_after).max(now));
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

    fn start(&mut self) {
        let chronicle = &mut self.chronicle;
        let started = Core::start(&self.machine, &mut self.dice, |event, not_before| {
            if let Some(at) = not_before {
                chronicle.rests(event, Some(at));
            }
        });
        match started {
            Ok(core) => {
                let reread = self.reread.clone();
                reread.store(false, std::sync::atomic::Ordering::Relaxed);
                let watching = after_reopening(core.store.health(), move || {
                    reread.store(true, std::sync::atomic::Ordering::Relaxed);
                });
                self.tasks.spawn(Label::Watch, watching.map(|()| Output::Ended));
                self.core = Some(core);
                self.start_at = None;
                self.note(|| "the core starts".to_owned());
            }
            Err(error) => {
                self.start_at = Some(self.now().after(Duration::from_secs(1)));
                self.note(|| format!("the core does not start: {error}"));
            }
        }
    }

    fn crash(&mut self) {
        let now = self.now();
        self.note(|| "the core is gone".to_owned());
        self.count("crashes");
        self.core = None;
        for label in self.tasks.kill() {
            match label {
                Label::Accept(number) => self.not_acknowledged(number),
                Label::Handle(turn) => self.chronicle.rests(turn.event, None),
                _ => {}
            }
        }
        self.faults.died();
        self.reopen_at = None;
        self.start_at = Some(now.after(Duration::from_millis(self.dice.below(30_000))));
    }

    fn reopen(&mut self) {
        self.reopen_at = None;
        if let Some(core) = &self.core {
            // An empty commit makes the committer open the engine anew, and writes nothing.
            let opened = core.store.commit(Batch::new()).now_or_never();
            let words = if matches!(opened, Some(Ok(()))) { "the store is open again" } else { "the store stays shut" };
            self.note(|| words.to_owned());
        }
    }

    fn arrive(&mut self) {
        let Some((_, which)) = self.arrivals.pop_first() else { return };
        let number = which.unwrap_or_else(|| self.happens());
        self.serial += 1;
        let told = &mut self.told[number];
        told.tries += 1;
        let mut incoming: Incoming = told.happening.delivery(self.serial);
        if self.machine.sabotage == Sabotage::AcceptWithoutKeys {
            incoming.dedupe.clear();
        }
        let tenant = told.happening.room.tenant.clone();
        let Some(core) = &self.core else {
            self.not_acknowledged(number);
            return;
        };
        let inbox = core.inbox.clone();
        self.tasks.spawn(Label::Accept(number), async move {
            let id = match inbox.next_id().await {
                Ok(id) => id,
                Err(error) => return Output::Accepted(Err(error)),
            };
            Output::Accepted(inbox.accept(&tenant, id, incoming).await)
        });
    }

    /// Something happens on the platform, and will be delivered once or more often.
    fn happens(&mut self) -> usize {
        let control = self.machine.platform.control(&mut self.dice);
        let happening = self.workload.next(control);
        let (number, now) = (happening.number, self.now());
        self.note(|| format!("{}: {:?}", happening.mark(), happening.delivery(0).kind));
        let stubborn = self.dice.happens(700);
        self.told.push(Told { happening, acknowledged: false, tries: 0, stubborn });
        if self.dice.happens(350) {
            for _ in 0..self.dice.between(1, 2) {
                let longest = *self.dice.pick(&[0, 500, 20_000, 900_000]);
                let at = now.after(Duration::from_millis(self.dice.between(0, longest)));
                self.serial += 1;
                self.arrivals.insert((at, self.serial), Some(number));
                self.count("duplicates");
            }
        }
        number
    }

    /// The platform had no good answer: it sends the happening again, or gives up.
    fn not_acknowledged(&mut self, number: usize) {
        let at = self.now().after(Duration::from_millis(self.dice.between(1_000, 60_000)));
        let told = &self.told[number];
        if !told.acknowledged && (told.stubborn || told.tries < MOST_TRIES) {
            self.serial += 1;
            self.arrivals.insert((at, self.serial), Some(number));
            self.count("deliveries again");
        }
    }

    fn ring(&mut self) {
        let Some(core) = &self.core else { return };
        self.look_after = core.inbox.clock().now().after(Duration::from_secs(1));
        self.next_timer = None;
        let (inbox, tenants) = (core.inbox.clone(), self.machine.tenants.clone());
        self.tasks.spawn(Label::Ring, async move {
            let mut rung = Vec::new();
            for tenant in tenants {
                match ring(&inbox, &tenant).await {
                    Ok(accepted) => rung.extend(accepted),
                    Err(error) => return Output::Rung(Err(error)),
                }
            }
            Output::Rung(Ok(rung))
        });
    }

    /// An operator replays everything that was given up; `false` where nothing was.
    fn operate(&mut self) -> Result<bool, Violation> {
        let Some(core) = &self.core else { return Ok(false) };
        let unreadable = |error: StoreError| error.to_string();
        let mut given_up: Vec<(TenantId, EventId)> = Vec::new();
        for tenant in &self.machine.tenants {
            let view = self.observer.view(tenant);
            for id in event::all_dead(&view) {
                let id = id.map_err(unreadable)?;
                self.chronicle.aside.insert(id);
                given_up.push((tenant.clone(), id));
            }
            for dead in effect::all_dead(&view) {
                let dead = dead.map_err(unreadable)?;
                self.chronicle.replayed.insert(dead.id);
                given_up.push((tenant.clone(), dead.id.event));
            }
        }
        given_up.sort();
        given_up.dedup();
        for (tenant, id) in &given_up {
            let (store, tenant, id) = (core.store.clone(), tenant.clone(), *id);
            let replaying = async move { Output::Replayed(operate::replay(&store, &tenant, id, "operator").await) };
            self.tasks.spawn(Label::Operate, replaying);
        }
        given_up.iter().for_each(|_| self.count("replays"));
        Ok(!given_up.is_empty())
    }

    fn poll(&mut self, id: u64) -> Result<(), Violation> {
        let Some((label, output)) = self.tasks.poll(id) else { return Ok(()) };
        if let Label::Handle(turn) = &label {
            self.chronicle.look(&self.observer.view(&turn.lane.tenant), turn.event)?;
        }
        if self.reread.swap(false, std::sync::atomic::Ordering::Relaxed)
            && self.machine.sabotage != Sabotage::ForgetToReread
            && let Some(core) = &mut self.core
        {
            core.dispatcher_mail.push_back(ToDispatcher::Reread);
            core.outbox_mail.push_back(ToOutbox::Reread);
        }
        let Some(output) = output else { return Ok(()) };
        self.take(label, output)
    }

    fn take(&mut self, label: Label, output: Output) -> Result<(), Violation> {
        match (label, output) {
            (Label::Accept(number), Output::Accepted(accepted)) => self.accepted(number, accepted)?,
            (Label::Handle(turn), Output::Handled(handled)) => {
                let until = match &handled {
                    Handled::Later { at } => Some(*at),
                    Handled::Settled { .. } | Handled::Gone => None,
                };
                self.note(|| format!("{}: {}", turn.event, words(&handled)));
                self.chronicle.rests(turn.event, until);
                if let Some(core) = &mut self.core {
                    core.permits += 1;
                    core.dispatcher_mail.push_back(ToDispatcher::Handled(turn, handled));
                }
            }
            (_, Output::Tried(work, tried)) => {
                self.note(|| format!("{}: {}", work_words(&work), tried_words(&tried)));
                if matches!(tried, Tried::Merged { .. }) {
                    self.count("digests");
                }
                self.mail(None, Some(ToOutbox::Tried(work, tried)));
            }
            (_, Output::Rung(Ok(rung))) => {
                for accepted in rung {
                    if let Accepted::New { id, lane } = accepted {
                        self.count("rings");
                        self.note(|| format!("{id}: a timer rings"));
                        self.mail(Some(ToDispatcher::Accepted(lane, id)), None);
                    }
                }
            }
            (_, Output::Replayed(Ok(Replayed::Event { lane, id }))) => {
                self.mail(Some(ToDispatcher::Accepted(lane, id)), None);
            }
            (_, Output::Replayed(Ok(Replayed::Effects(effects)))) => self.mail(None, Some(ToOutbox::Owed(effects))),
            (label, Output::Rung(Err(error)) | Output::Replayed(Err(error))) => {
                self.note(|| format!("{label:?}: {error}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn mail(&mut self, dispatcher: Option<ToDispatcher>, outbox: Option<ToOutbox>) {
        if let Some(core) = &mut self.core {
            core.dispatcher_mail.extend(dispatcher);
            core.outbox_mail.extend(outbox);
        }
    }

    fn accepted(&mut self, number: usize, accepted: Result<Accepted, StoreError>) -> Result<(), Violation> {
        self.note(|| format!("happening {number}: {accepted:?}"));
        match accepted {
            Ok(accepted) => {
                let id = accepted.id();
                if let Accepted::New { lane, .. } | Accepted::Revived { lane, .. } = &accepted {
                    if matches!(accepted, Accepted::Revived { .. }) {
                        self.count("revived");
                        self.chronicle.aside.insert(id);
                    }
                    self.mail(Some(ToDispatcher::Accepted(lane.clone(), id)), None);
                }
                let answer_lost = self.calm_at.is_some() && self.dice.happens(30);
                if answer_lost {
                    self.count("answers to the platform lost");
                    self.not_acknowledged(number);
                    return Ok(());
                }
                promises::acknowledged(self, number, id)?;
                self.told[number].acknowledged = true;
            }
            Err(_) if self.machine.sabotage == Sabotage::AcknowledgeBeforeTheDisk => {
                self.told[number].acknowledged = true;
            }
            Err(_) => self.not_acknowledged(number),
        }
        Ok(())
    }

    fn dispatch(&mut self, message: ToDispatcher) -> Result<(), Violation> {
        let chronicle = &mut self.chronicle;
        let Some(core) = &mut self.core else { return Ok(()) };
        // What is found late may have been overtaken.
        let turns = core.dispatch(message, |event, _| {
            chronicle.aside.insert(event);
        });
        for turn in turns.map_err(|error| error.to_string())? {
            let it = event::read(&self.observer.view(&turn.lane.tenant), turn.event).map_err(|e| e.to_string())?;
            let key = it.map_or_else(|| turn.lane.key.clone(), |it| it.what.lane);
            self.chronicle.begins(Lane { tenant: turn.lane.tenant.clone(), key }, turn.event)?;
            let router = core.router.clone();
            self.tasks.spawn(Label::Handle(turn.clone()), async move {
                Output::Handled(router.handle(&turn.lane.tenant, turn.event).await)
            });
        }
        promises::fed(core)
    }

    fn send(&mut self, message: ToOutbox) -> Result<(), Violation> {
        let Some(core) = &mut self.core else { return Ok(()) };
        for work in core.send(message).map_err(|error| error.to_string())? {
            let deliverer = core.deliverer.clone();
            self.tasks.spawn(Label::Perform, async move {
                let tried = deliverer.perform(&work).await;
                Output::Tried(work, tried)
            });
        }
        Ok(())
    }
}

fn words(handled: &Handled) -> String {
    match handled {
        Handled::Settled { effects } => {
            let ids: Vec<String> = effects.iter().map(|effect| effect.id.to_string()).collect();
            format!("settled, owes {}", ids.join(" "))
        }
        Handled::Later { at } => format!("put off until {at}"),
        Handled::Gone => "had ended".to_owned(),
    }
}

fn ids(ids: &[EffectId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn work_words(work: &Work) -> String {
    match work {
        Work::Perform { id, suspect: true, .. } => format!("effect {id}, looked for first"),
        Work::Perform { id, .. } => format!("effect {id}"),
        Work::Digest { ids: late, .. } => format!("digest of {}", ids(late)),
    }
}

fn tried_words(tried: &Tried) -> String {
    match tried {
        Tried::Ended(ended) => format!("ended {}", ids(ended)),
        Tried::Merged { digest, .. } => format!("now owed as {}", digest.id),
        Tried::Again { at, suspect, error, .. } => {
            let why = error.as_deref().unwrap_or("asked to wait");
            format!("again at {at}{}: {why}", if *suspect { ", maybe done" } else { "" })
        }
    }
}
