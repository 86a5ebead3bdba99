//! What an event means: identify, authorise, classify, dispatch, settle.
//!
//! The one path of every event, whatever its channel. It calls handlers, which decide; it writes what
//! they decided in one commit; it performs nothing. It needs no actor: the simulation calls it as the
//! sessions do.

mod put_off;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::actors::delivery::Dice;
use crate::actors::disconnect::{self, Disconnected};
use crate::actors::granted::{by_approval, is_granted, unasked};
use crate::actors::identify::{Identifier, IdentifyError, Identity, is_ours};
use crate::actors::reported::{self, Follows};
use crate::actors::runs::{self, Desk};
use crate::actors::seat::Seat;
use crate::actors::settle::{self, Verdict};
use crate::actors::sign::{self, Signer};
use crate::actors::sync;
use crate::actors::task::{self, Task};
use crate::commands;
use crate::config::catalog::Catalog;
use crate::domain::action::ActionClaim;
use crate::domain::approval::Approval;
use crate::domain::effect::Effect;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{EventId, TenantId};
use crate::domain::outcome::Failure;
use crate::domain::sync::Table;
use crate::domain::task::link::TaskLinks;
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::Inbox;
use crate::ledger::settled::Settlements;
use crate::pm::Analyst;
use crate::policy::{self, Decision, Live, PolicySet, Request};
use crate::store::keyspace::event::{self, Ready};
use crate::store::{StoreError, Stored, View};
use crate::tools::{Context, approval};
use crate::workflow::set::Live as Workflows;

/// Times a handler runs again because a state that it read has changed; then it waits in its place.
const MOST_CONFLICTS: usize = 20;
/// Pause after an error of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Pause where many look-ups are under way, with jitter of a half.
const BUSY_PAUSE: Duration = Duration::from_secs(2);
/// What is not known while rules wait for it.
const WHOSE: &str = "the platform has not said yet whose the account is, and rules act for this team alone";

/// When to try an event again, and when to give it up.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Failures of its handler after which an event is given up.
    pub most_attempts: u32,
    /// Pause after the first failure; doubles.
    pub first_pause: Duration,
    /// The longest pause.
    pub most_pause: Duration,
    /// Age at which an event that waits for a platform's answer is given up.
    pub give_up_after: Duration,
    /// Shelf life of an answer: after it a late one joins a digest.
    pub shelf_life: Duration,
    /// How long an approval waits for somebody to decide.
    pub approval_waits: Duration,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handled {
    /// It has ended, and owes these.
    Settled {
        /// What is owed, as it is stored.
        effects: Vec<Stored<Effect>>,
    },
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
    /// It had ended before.
    Gone,
}

/// Everything that decides what an event means.
pub struct Router {
    /// Where events come from and end.
    pub inbox: Inbox,
    /// Who did it.
    pub identifier: Identifier,
    /// Who may.
    pub policies: Arc<Live>,
    /// Buttons.
    pub signer: Arc<Signer>,
    /// The workflows in use.
    pub workflows: Arc<Workflows>,
    /// How issues and their tasks are kept the same.
    pub sync: Table,
    /// The agents.
    pub catalog: Arc<Catalog>,
    /// Who analyses.
    pub analyst: Arc<dyn Analyst>,
    /// The links to tasks, where there are any.
    pub links: Option<TaskLinks>,
    /// Who waits for the end of an event.
    pub settlements: Settlements,
    /// When to try again.
    pub patience: Patience,
    /// Jitter.
    pub dice: Dice,
    /// Told when a workspace is connected no longer.
    pub disconnected: Disconnected,
    /// Counts what becomes of events.
    pub metrics: Arc<crate::actors::metrics::RouterMetrics>,
}

impl Router {
    /// The inbox.
    #[must_use]
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.inbox.clock()
    }

    /// Handles one event to its end, or puts it off. The seat is left while a platform is asked.
    pub async fn handle(&self, tenant: &TenantId, id: EventId, seat: &mut Seat) -> Handled {
        let view = self.inbox.store().view(tenant);
        for _ in 0..MOST_CONFLICTS {
            let tried = AssertUnwindSafe(self.try_once(&view, id, seat)).catch_unwind().await;
            let tried = match tried.map_err(|panic| task::words(panic.as_ref()).to_owned()) {
                Ok(tried) => tried,
                Err(panic) => self.panicked(&view, id, &panic).await,
            };
            match tried {
                Ok(handled) => return handled,
                Err(StoreError::Conflict) => self.metrics.conflict(),
                Err(error @ StoreError::Unreadable(_)) => {
                    tracing::error!(event = %id, %tenant, incident = %id, %error, "an event cannot be read");
                    return Handled::Later { at: self.clock().now().after(self.patience.most_pause) };
                }
                Err(error) => {
                    tracing::error!(event = %id, %tenant, %error, "an event cannot be settled and is tried again");
                    break;
                }
            }
        }
        // That is no fault of the event, so nobody overtakes it.
        Handled::Waits { at: self.clock().now().after(STORE_PAUSE) }
    }

    /// A panic outside the handler, in our own code, is a failure of its event all the same.
    async fn panicked(&self, view: &View, id: EventId, panic: &str) -> Result<Handled, StoreError> {
        let why = format!("the router panicked: {panic}");
        let Some(ready) = event::ready(view, id)? else { return Ok(Handled::Gone) };
        let Some(event) = event::read(view, id)? else { return Ok(Handled::Gone) };
        let approval = approval::in_hand(view, &event, self.clock().now())?;
        let event = approval.as_ref().map_or_else(|| event.clone(), |it| it.value.asked_in(&event));
        self.failed(&event, &ready, None, approval.as_ref(), why).await
    }

    async fn try_once(&self, view: &View, id: EventId, seat: &mut Seat) -> Result<Handled, StoreError> {
        let (event, ready) = match self.inbox.take_fresh(id) {
            Some(fresh) => fresh,
            None => {
                let Some(ready) = event::ready(view, id)? else { return Ok(Handled::Gone) };
                let Some(event) = event::read(view, id)? else { return Ok(Handled::Gone) };
                (event, ready)
            }
        };
        match self.reported(&event, view)? {
            Some(Follows::Ends(verdict)) => return self.settle(&event, &ready, *verdict).await,
            Some(Follows::Waits) => return self.wait(&event, &ready, None, WHOSE, None).await,
            None => {}
        }
        if let Some(why) = commands::task_links::asks_nothing(&event, self.links.as_ref()) {
            return self.settle(&event, &ready, Verdict::ignored(why.to_owned())).await;
        }
        if let EventKind::Disconnected { why, happened } = &event.what.kind {
            let verdict = disconnect::decide(view, &event, why, *happened)?;
            let handled = self.settle(&event, &ready, verdict).await?;
            (self.disconnected)();
            return Ok(handled);
        }
        let approval = approval::in_hand(view, &event, self.clock().now())?;
        let event = match &approval {
            Some(approval) => approval.value.asked_in(&event),
            None => event,
        };
        let identified = match self.identifier.known(view, &event) {
            Ok(Some(identity)) => Ok(identity),
            Ok(None) => seat.leave_for(self.identifier.ask(view, &event)).await,
            Err(error) => Err(error),
        };
        let identity = match identified {
            Ok(identity) => identity,
            Err(IdentifyError::Store(error)) => return Err(error),
            Err(IdentifyError::Busy) => {
                let pause = BUSY_PAUSE.mul_f64(0.5 + (self.dice)().clamp(0.0, 1.0));
                return Ok(Handled::Waits { at: self.clock().now().after(pause) });
            }
            Err(IdentifyError::NoAnswer { why, after }) => {
                return self.wait(&event, &ready, approval.as_ref(), &why, after).await;
            }
            Err(IdentifyError::Refused(why)) => {
                let verdict = Verdict::unidentified(event.what.channel, &why);
                return self.settle(&event, &ready, by_approval(verdict, approval.as_ref(), &event)).await;
            }
        };
        match self.decide(view, &event, &identity, approval.as_ref()) {
            Ok(verdict) => self.settle(&event, &ready, verdict).await,
            Err(fault) => self.fault(&event, &ready, &identity, approval.as_ref(), &fault).await,
        }
    }

    /// What follows from something that a platform reports; nothing where the event is something else.
    fn reported(&self, event: &Event, view: &View) -> Result<Option<Follows>, StoreError> {
        let channel = self.identifier.channels.get(&event.what.channel);
        let may_act = channel.map_or(Some(true), |channel| channel.rules_may_act(event.what.organisation.as_deref()));
        let (workflows, table, now) = (&*self.workflows, &self.sync, self.clock().now());
        let ground = reported::Ground { workflows, table, view, now, may_act };
        reported::decide(event, &ground)
    }

    /// Decides an event of a known or unknown person, who may have an approval in hand. Pure but for reading the store.
    fn decide(
        &self,
        view: &View,
        event: &Event,
        identity: &Identity,
        approval: Option<&Stored<Approval>>,
    ) -> anyhow::Result<Verdict> {
        let task = Task::of(event, &self.signer, self.clock().now());
        let set = self.policies.current();
        let decide = |action: &str| set.decide(&request(event, identity, action));
        let decision = if is_ours(event) { Decision::of_ourselves() } else { decide(task.action()) };
        let tenant = event.tenant.clone();
        let may = |action: &str| is_granted(&decide(action), approval);
        let offers = |action: &str| decide(action).is_offered();
        let now = self.clock().now();
        let until = sign::button_until(now);
        let sign = |line: &str| self.signer.sign(&ActionClaim { tenant: tenant.clone(), line: line.to_owned(), until });
        let context = Context {
            view,
            now,
            event,
            by: &identity.person,
            may: &may,
            offers: &offers,
            sign: &sign,
            chance: &|purpose| self.signer.chance(&tenant, event.id, purpose),
            links: self.links.as_ref(),
            prefix: self.prefix(event),
            catalog: &self.catalog,
            analyst: self.analyst.as_ref(),
            alert_pause: self.identifier.people.alert_pause(),
        };
        let ended = self.end(&task, identity, &decision, &set, approval, &context);
        let verdict = match ended {
            Ok(verdict) => verdict,
            Err(Failure::Refused(refusal) | Failure::NotPermitted { refusal, .. }) => {
                Verdict::refused(task.action(), identity, &decision, &refusal)
            }
            Err(Failure::Fault(error)) => return Err(error),
        };
        if let Some(approval) = approval {
            return Ok(verdict.by_approval(approval, event));
        }
        // What is pressed in a Home is answered there, by the Home as it then is; who may not see it sees why.
        let is_press_at_home =
            commands::home::is_at_home(event) && !matches!(task, Task::Home) && may(commands::home::ACTION);
        match is_press_at_home {
            true => verdict.on_one_page(|writes, say| commands::home::after(writes, say, &context)).map_err(fault_of),
            false => Ok(verdict),
        }
    }

    /// What a decision makes of a task: it is run, somebody is asked for an approval, or it is denied.
    fn end(
        &self,
        task: &Task<'_>,
        identity: &Identity,
        decision: &Decision,
        set: &PolicySet,
        approval: Option<&Stored<Approval>>,
        context: &Context<'_>,
    ) -> Result<Verdict, Failure> {
        let decide = runs::deciding(set, &context.event.tenant);
        let desk = Desk { workflows: &self.workflows, decide: &decide, dice: &*self.dice, sync: &self.sync };
        let action = task.action();
        let mut is_further = false;
        let lacking = if is_granted(decision, approval) {
            match task.run(context, &desk).and_then(|outcome| commands::notices::tell(outcome, context)) {
                Ok(outcome) => {
                    let outcome = commands::look::may_be_asked_for(outcome, context);
                    return Ok(Verdict::done(action, identity, decision, outcome));
                }
                Err(Failure::NotPermitted { action, refusal }) => {
                    let further = set.decide(&request(context.event, identity, &action));
                    if further.verdict != policy::Verdict::Ask {
                        return Err(refusal.into());
                    }
                    // What one approval was given for is asked for again with what it lacks: the next run has both.
                    is_further = true;
                    match approval {
                        Some(approval) => further.with(&approval.value.rules, &approval.value.approvers),
                        None => further,
                    }
                }
                Err(other) => return Err(other),
            }
        } else {
            decision.clone()
        };
        match task {
            _ if lacking.verdict == policy::Verdict::Deny => Ok(Verdict::denied(action, identity, &lacking)),
            Task::Command { line, .. }
                if (approval.is_none() || is_further) && !approval::is_about_approvals(action) =>
            {
                let Decision { rules, approvers, reason, .. } = &lacking;
                let (policy, waits) = (set.hash(), self.patience.approval_waits);
                let question =
                    approval::Question { line, shown: line, action, rules, approvers, reason, policy, waits };
                let outcome = commands::approval_card::ask(&question, context)?;
                Ok(Verdict::asked(action, identity, &lacking, outcome))
            }
            _ => Ok(Verdict::denied(action, identity, &unasked(action, &lacking, approval))),
        }
    }

    /// How people call the bot where the event came from.
    fn prefix(&self, event: &Event) -> &str {
        self.identifier.channels.get(&event.what.channel).map_or("", |channel| channel.prefix())
    }

    async fn settle(&self, event: &Event, ready: &Stored<Ready>, verdict: Verdict) -> Result<Handled, StoreError> {
        let verdict = verdict.shown_to_have_ended(event);
        let now = self.clock().now();
        // An event that was given up before has owed its card about that, which may be delivered by now.
        let before = match ready.value.first {
            true => None,
            false => event::told(&self.inbox.store().view(&event.tenant), event.id)?,
        };
        let before = before.map(|told| told.value.effects).unwrap_or_default();
        let mut settlement = settle::settlement(event, ready, verdict, now, self.patience.shelf_life, before);
        let follows = sync::follow(&self.inbox.store().view(&event.tenant), &settlement.writes, now)?;
        settlement.timers.extend(follows);
        let version = self.inbox.settle(event, ready, &settlement).await?;
        self.metrics.settled(event.what.channel, settlement.story.end, now.since(event.at));
        self.settlements.tell(event.id, &settlement.story);
        let owed = settlement.effects.into_iter().map(|value| Stored { value, version });
        Ok(Handled::Settled { effects: owed.collect() })
    }
}

fn request<'a>(event: &'a Event, identity: &'a Identity, action: &'a str) -> Request<'a> {
    Request {
        subject: &identity.subject,
        action,
        tenant: &event.tenant,
        channel: event.what.channel,
        place: event.what.place.as_ref(),
        tool: match &event.what.kind {
            EventKind::ToolCall { tool, .. } => Some(tool.as_str()),
            _ => None,
        },
    }
}

/// A failure where nobody can be refused.
fn fault_of(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Refused(refusal) | Failure::NotPermitted { refusal, .. } => refusal.into(),
        Failure::Fault(error) => error,
    }
}
