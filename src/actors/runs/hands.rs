//! What runs reach the world by: tools, each under policy, whose outcomes are committed with the run.

use serde_json::{Map, Value, json};

use super::action::{self, Given};
use super::{Desk, RUN, message, repository, wishes};
use crate::commands::run_answer::{self, person_of};
use crate::commands::task_card::minute;
use crate::domain::approval::Approver;
use crate::domain::card::{Action, ButtonStyle, Card, Tone};
use crate::domain::effect::Terms;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Acted, Call, Failure, Outcome, Reply, TimerChange};
use crate::domain::principal::{Principal, Role, Standing};
use crate::domain::sync::issue;
use crate::policy::{Decision, Subject};
use crate::store::StoreError;
use crate::store::keyspace::run as runs;
use crate::tools::{Context, notices, people};
use crate::workflow::action::Retry;
use crate::workflow::definition::Workflow;
use crate::workflow::hands::{self as workflow_hands, Act, Asks, Hands, Question};
use crate::workflow::known;
use crate::workflow::run::{self, About, Run};

/// How long the outbox tries what a step owes that says nothing of it; longer than it goes on itself
/// (`ledger.give_up_after` of `app.rs`), so that its word is waited for.
const UNTIL_GIVEN_UP: std::time::Duration = std::time::Duration::from_secs(26 * 3600);

/// People who are told of one question.
const MOST_ASKED: usize = 10;
/// Characters of what a run in the shadow says of what a step was given.
const MOST_HELD: usize = 500;
/// Characters of a question.
const LONGEST_QUESTION: usize = 200;

/// The hands of one run, for one happening.
pub(super) struct ForRun<'a> {
    run: &'a Run,
    workflow: &'a Workflow,
    ctx: &'a Context<'a>,
    desk: &'a Desk<'a>,
    /// The event of the happening, as if it were about what the run's event was about.
    event: Event,
    by: Principal,
    subject: Subject,
    outcome: Outcome,
    /// Steps and the tools that did them.
    did: Vec<String>,
    /// What a run in the shadow would have done.
    held: Vec<String>,
    /// What broke, so that nothing of this is to be committed.
    fault: Option<anyhow::Error>,
}

/// As whom a run of the operator's files acts. Whoever may write them may do what an owner may; policies can forbid a
/// workflow by its name.
fn acts_as(workflow: &str) -> (Principal, Subject) {
    let (id, role, groups) = (format!("workflow:{workflow}"), Role::Owner, vec!["workflows".to_owned()]);
    let name = format!("workflow {workflow}");
    let by = Principal { id: PrincipalId(id.as_str().into()), name, role, groups: groups.clone() };
    (by, Subject { id, known: true, role, groups, standing: Standing::Member })
}

impl<'a> ForRun<'a> {
    pub(super) fn new(run: &'a Run, workflow: &'a Workflow, ctx: &'a Context<'a>, desk: &'a Desk<'a>) -> Self {
        let mut event = ctx.event.clone();
        if let Some(About { channel, place, reply, .. }) = &run.about {
            (event.what.channel, event.what.place, event.what.reply) = (*channel, place.clone(), reply.clone());
        }
        event.what.kind = EventKind::platform(run.told.name.clone(), None);
        // A task that is made of an issue is kept the same with it.
        event.what.raw = issue::of_json(&run.told.payload).map(|told| told.excerpt()).unwrap_or_default().into();
        let (by, subject) = match &run.repository {
            Some(repository) => repository::acts_as(repository),
            None => acts_as(&run.workflow),
        };
        let (outcome, did, held, fault) = (Outcome::default(), Vec::new(), Vec::new(), None);
        Self { run, workflow, ctx, desk, event, by, subject, outcome, did, held, fault }
    }

    /// What a run in the shadow would have done, for its story.
    pub(super) fn held_back(&mut self) -> Vec<String> {
        std::mem::take(&mut self.held)
    }

    /// What is committed with the run.
    ///
    /// # Errors
    /// Where something broke on the way: the happening is tried again.
    pub(super) fn into_outcome(self) -> Result<Outcome, Failure> {
        if let Some(fault) = self.fault {
            return Err(Failure::Fault(fault));
        }
        let acted = (!self.did.is_empty()).then(|| Acted { by: self.subject.id, what: self.did.join("; ") });
        Ok(Outcome { acted, ..self.outcome })
    }

    fn decide(&self, action: &str) -> Decision {
        let what = &self.event.what;
        (self.desk.decide)(&self.subject, action, what.channel, what.place.as_ref())
    }

    fn perform(&self, act: &Act<'_>) -> Result<Outcome, Failure> {
        let may = |action: &str| self.decide(action).is_allowed();
        let offers = |action: &str| self.decide(action).is_offered();
        let context = Context { event: &self.event, by: &self.by, may: &may, offers: &offers, ..*self.ctx };
        let outcome = action::perform(&Given { act, told: &self.run.told }, &context)?;
        let outcome = message::living(outcome, act, &self.run.workflow, &context)?;
        Ok(wishes::respected(outcome, &self.run.workflow, &context)?)
    }

    /// What a step wants of what it owes. A key that is the step's own may be that of another run as well.
    fn terms(&self, act: &Act<'_>) -> Terms {
        let is_of_this_run = act.key.starts_with(&format!("{}@", self.run.id));
        Terms {
            key: act.key.to_owned(),
            again: act.again || !is_of_this_run,
            once: act.has_retry,
            within_ms: act.has_retry.then(|| u64::try_from(act.timeout.as_millis()).unwrap_or(u64::MAX)),
            reports: self.reports(act.step, act.attempt),
        }
    }

    fn reports(&self, step: &str, attempt: u32) -> String {
        format!("{RUN}/{}/ended/{attempt}/{step}", self.run.id)
    }

    /// Joins what a tool has decided with what is committed; says whether an effect of it reports its end. No tool owes more
    /// than one.
    fn join(&mut self, outcome: Outcome, act: &Act<'_>) -> bool {
        let Outcome { writes, replies, calls, timers, tasks, told, .. } = outcome;
        let replies = replies.into_iter().filter(|reply| reply.to.is_some());
        let replies: Vec<Reply> = replies.map(|reply| Reply { terms: Some(self.terms(act)), ..reply }).collect();
        let calls: Vec<Call> = calls.into_iter().map(|call| Call { terms: Some(self.terms(act)), ..call }).collect();
        debug_assert!(replies.len() + calls.len() <= 1, "`{}` owes more than one effect", act.action);
        let owes = !replies.is_empty() || !calls.is_empty();
        self.outcome.writes.extend(writes);
        self.outcome.replies.extend(replies);
        self.outcome.calls.extend(calls);
        self.outcome.timers.extend(timers);
        self.outcome.tasks.extend(tasks);
        self.outcome.told.extend(told);
        owes
    }

    /// Remembers what broke; what is given back for it is committed nowhere.
    fn broke(&mut self, error: anyhow::Error) -> workflow_hands::Acted {
        self.fault.get_or_insert(error);
        workflow_hands::Acted::Failed(run::Failure::lasting("something broke"))
    }
}

impl Hands for ForRun<'_> {
    /// The outbox tries again what a platform did not take; nothing else changes by itself.
    fn retry(&self, _: &str) -> Option<Retry> {
        None
    }

    fn act(&mut self, act: &Act<'_>) -> workflow_hands::Acted {
        let tool = action::tool_of(act.action, act.args).to_owned();
        let failed = |why: String| workflow_hands::Acted::Failed(run::Failure::lasting(why));
        let decision = self.decide(&tool);
        if !decision.is_allowed() {
            self.did.push(format!("{}: {tool} not permitted", act.step));
            let step = self.workflow.actions.iter().find(|step| step.id == act.step);
            let place = step.and_then(|step| repository::place_of_rule(self.run, step.at.line));
            let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
            return failed(format!("policies do not permit `{tool}`: {}{place}", decision.reason));
        }
        if self.run.shadow {
            self.held.push(format!("held back: `{}` would be done by `{tool}` with {}", act.step, in_short(act.args)));
            let output = known::simulated(act.action, act.args);
            return workflow_hands::Acted::Done { output, has_written: false, is_simulated: true };
        }
        let outcome = match self.perform(act) {
            Ok(outcome) => outcome,
            Err(Failure::Refused(refusal) | Failure::NotPermitted { refusal, .. }) => {
                self.did.push(format!("{}: {tool} refused", act.step));
                let mend = refusal.mend.map(|mend| format!("; {mend}")).unwrap_or_default();
                return failed(format!("{}{mend}", refusal.what));
            }
            Err(Failure::Fault(error)) => return self.broke(error),
        };
        self.did.push(format!("{}: {tool}", act.step));
        let (has_written, output) = (!outcome.writes.is_empty(), outcome.result.clone().unwrap_or(Value::Null));
        let output = output.get("task").cloned().unwrap_or(output);
        if !self.join(outcome, act) {
            return workflow_hands::Acted::Done { output, has_written, is_simulated: false };
        }
        // A try that takes too long the outbox ends itself, and reports that.
        let late = Some(self.ctx.now.after(UNTIL_GIVEN_UP));
        workflow_hands::Acted::Owed { late, may_repeat: true, has_written }
    }

    fn ask(&mut self, question: &Question<'_>) {
        if self.run.shadow {
            self.held.push(format!("held back: `{}` would ask, and is taken to be approved", question.step));
            let rings: Vec<TimerChange> = (1..=question.min).map(|nth| self.taken_as_approved(question, nth)).collect();
            self.outcome.timers.extend(rings);
            return;
        }
        if let Err(error) = self.asked(question) {
            self.fault.get_or_insert(error.into());
        }
    }

    fn withdraw(&mut self, step: &str, attempt: u32) {
        self.outcome.writes.push(runs::take_question(self.run.id, step, attempt));
        self.outcome.withdrawn.push(self.reports(step, attempt));
    }
}

impl ForRun<'_> {
    /// The ring by which a run in the shadow goes on where it would ask somebody.
    fn taken_as_approved(&self, question: &Question<'_>, nth: u32) -> TimerChange {
        let (run, attempt, step) = (self.run.id, question.attempt, question.step);
        let payload = json!({ "by": format!("nobody-{nth}"), "name": "nobody, in the shadow", "approved": true });
        TimerChange::Set {
            name: format!("{RUN}/{run}/decided/{attempt}/nobody-{nth}/{step}"),
            at: self.ctx.now,
            payload,
        }
    }

    /// Opens a question, and tells those who may answer it in their own chats.
    fn asked(&mut self, question: &Question<'_>) -> Result<(), StoreError> {
        let requester = self.run.asked_by.clone().filter(|_| question.exclude_requester);
        let excluded = requester.as_ref().map(|user| person_of(self.ctx.view, user)).transpose()?;
        let kept = runs::Question {
            run: self.run.id,
            step: question.step.to_owned(),
            attempt: question.attempt,
            group: question.group.map(str::to_owned),
            excludes: requester,
            until: question.until,
        };
        self.outcome.writes.push(runs::put_question(&kept));
        let who = kept.group.as_ref().map_or(Approver::Owner, |group| Approver::Group(group.clone()));
        let (people, marks) = match &who {
            Approver::Owner => people::owners_who(|_| true, MOST_ASKED, self.ctx.view)?,
            Approver::Group(_) => (people::all_who(|person| who.is(person), MOST_ASKED, self.ctx.view)?, Vec::new()),
        };
        self.outcome.writes.extend(marks);
        let card = self.question_card(question);
        let mut told = 0;
        for person in people.iter().filter(|person| excluded.as_ref() != Some(person)) {
            let Some(to) = notices::reach(self.ctx.view, person, None)? else { continue };
            told += 1;
            self.outcome.replies.push(Reply { to: Some(to), ..Reply::asker(card.clone()) });
        }
        self.outcome.told.push(format!("{told} people are asked about step `{}`", question.step));
        Ok(())
    }

    fn question_card(&self, question: &Question<'_>) -> Card {
        let button = |label: &str, is_yes: bool, style: ButtonStyle| Action::Button {
            label: label.to_owned(),
            token: (self.ctx.sign)(&run_answer::line(self.run.id, question.step, question.attempt, is_yes)),
            style,
        };
        let (yes, no) = match question.asks {
            Asks::MayGoOn => ("Approve", "Reject"),
            Asks::WasItDone => ("It was done", "It was not"),
        };
        let waits = minute(question.until);
        let mut card = Card::new(question.text.chars().take(LONGEST_QUESTION).collect::<String>())
            .tone(Tone::Warning)
            .facts(question.shown.iter().map(|(name, value)| (name.clone(), value.clone())))
            .facts([("Workflow", format!("{} ({})", self.run.workflow, self.run.id)), ("Waits until", waits)])
            .action(button(yes, true, ButtonStyle::Primary))
            .action(button(no, false, ButtonStyle::Danger));
        card.undivided = true;
        card
    }
}

/// What a step is given, as far as a line of a story holds it.
fn in_short(args: &Map<String, Value>) -> String {
    let text = json!(args).to_string();
    let short: String = text.chars().take(MOST_HELD).collect();
    if short.len() < text.len() { short + "…" } else { short }
}
