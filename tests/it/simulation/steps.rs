//! What each step of a world does. A further thing that can happen is a [`Choice`] and its arm in [`World::step`].

use std::sync::atomic::Ordering;
use std::time::Duration;

use ai_crm::actors::clock::ring;
use ai_crm::actors::delivery::Tried;
use ai_crm::actors::router::Handled;
use ai_crm::actors::seat::Seat;
use ai_crm::actors::tree::after_reopening;
use ai_crm::domain::ids::{EventId, TenantId};
use ai_crm::ledger::inbox::Accepted;
use ai_crm::ledger::lanes::Lane;
use ai_crm::ledger::operate::{self, Replayed};
use ai_crm::store::keyspace::{effect, event};
use ai_crm::store::{Batch, StoreError};
use futures_util::FutureExt;

use super::chronicle::Violation;
use super::core::{Core, ToDispatcher, ToOutbox};
use super::promises;
use super::sabotage::Sabotage;
use super::words;
use super::world::{Choice, Label, Output, Told, World};

/// Times a platform sends a delivery again that was not acknowledged; some platforms never give up.
const MOST_TRIES: u32 = 4;

impl World {
    pub(super) fn step(&mut self, choice: Choice) -> Result<(), Violation> {
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

    fn start(&mut self) {
        let chronicle = &mut self.chronicle;
        let started = Core::start(&self.machine, &mut self.dice, |lane, event, ready| {
            // What was given up and is taken up again has been overtaken already.
            if !ready.first {
                chronicle.aside.insert(event);
            }
            if let Some(at) = ready.not_before {
                let rests = if ready.holds { Handled::Waits { at } } else { Handled::Later { at } };
                chronicle.rests(lane, event, &rests);
            }
        });
        match started {
            Ok(core) => {
                let reread = self.reread.clone();
                reread.store(false, Ordering::Relaxed);
                let watching = after_reopening(core.store.health(), move || {
                    reread.store(true, Ordering::Relaxed);
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

    pub(super) fn crash(&mut self) {
        let now = self.now();
        self.note(|| "the core is gone".to_owned());
        self.count("crashes");
        self.core = None;
        for label in self.tasks.kill() {
            match label {
                Label::Accept(number) => self.not_acknowledged(number),
                Label::Handle(turn) => self.chronicle.rests(&turn.lane, turn.event, &Handled::Gone),
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
        let mut incoming = told.happening.delivery(self.serial);
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
                Err(error) => return Output::Accepted(None, Err(error)),
            };
            Output::Accepted(Some(id), inbox.accept(&tenant, id, incoming).await)
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
                    Ok(more) => rung.extend(more.accepted),
                    Err(error) => return Output::Rung(Err(error)),
                }
            }
            Output::Rung(Ok(rung))
        });
    }

    /// An operator replays everything that was given up; `false` where nothing was.
    pub(super) fn operate(&mut self) -> Result<bool, Violation> {
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
        if self.reread.swap(false, Ordering::Relaxed)
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
            (Label::Accept(number), Output::Accepted(id, accepted)) => {
                if accepted.is_err() && !self.faults.is_dying() {
                    // It may be on disk and nobody was told: whatever is accepted meanwhile comes first.
                    self.chronicle.aside.extend(id);
                }
                self.accepted(number, accepted)?;
            }
            (Label::Handle(turn), Output::Handled(handled)) => {
                self.note(|| format!("{}: {}", turn.event, words::handled(&handled)));
                self.chronicle.rests(&turn.lane, turn.event, &handled);
                if let Some(core) = &mut self.core {
                    core.permits += 1;
                    core.dispatcher_mail.push_back(ToDispatcher::Handled(turn, handled));
                }
            }
            (_, Output::Tried(work, tried)) => {
                self.note(|| format!("{}: {}", words::work(&work), words::tried(&tried)));
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
            (_, Output::Replayed(Ok(Replayed::Effects(effects)))) => {
                self.mail(None, Some(ToOutbox::OwedAgain(effects)))
            }
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
        let turns = core.dispatch(message, |_, event, _| {
            chronicle.aside.insert(event);
        });
        for turn in turns.map_err(|error| error.to_string())? {
            let it = event::read(&self.observer.view(&turn.lane.tenant), turn.event).map_err(|e| e.to_string())?;
            let key = it.map_or_else(|| turn.lane.key.clone(), |it| it.what.lane);
            self.chronicle.begins(Lane { tenant: turn.lane.tenant.clone(), key }, turn.event)?;
            let router = core.router.clone();
            self.tasks.spawn(Label::Handle(turn.clone()), async move {
                Output::Handled(router.handle(&turn.lane.tenant, turn.event, &mut Seat::unbounded()).await)
            });
        }
        promises::fed(core)
    }

    fn send(&mut self, message: ToOutbox) -> Result<(), Violation> {
        let Some(core) = &mut self.core else { return Ok(()) };
        for work in core.send(message).map_err(|error| error.to_string())? {
            let deliverer = core.deliverer.clone();
            self.tasks.spawn(Label::Perform, async move {
                let tried = deliverer.perform(&work, None).await;
                Output::Tried(work, tried)
            });
        }
        Ok(())
    }
}
