//! What runs reach the world by: tools, each under policy, whose outcomes are committed with the run.

use serde_json::Value;

use super::action::{self, Given};
use super::{Desk, RUN};
use crate::commands::run_answer;
use crate::commands::task_card::minute;
use crate::domain::approval::Approver;
use crate::domain::card::{Action, ButtonStyle, Card, Tone};
use crate::domain::effect::Terms;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Failure, Outcome, Reply};
use crate::domain::principal::{Principal, Role, Standing};
use crate::policy::{Decision, Subject};
use crate::store::StoreError;
use crate::store::keyspace::run as runs;
use crate::tools::{Context, notices, people};
use crate::workflow::action::Retry;
use crate::workflow::hands::{Act, Acted, Asks, Hands, Question};
use crate::workflow::run::{self, Run};

/// How long the outbox tries what a step owes that says nothing of it; longer than it goes on itself
/// (`ledger.give_up_after` of `app.rs`), so that its word is waited for.
const UNTIL_GIVEN_UP: std::time::Duration = std::time::Duration::from_secs(26 * 3600);

/// People who are told of one question.
const MOST_ASKED: usize = 10;
/// Characters of a question.
const LONGEST_QUESTION: usize = 200;

/// The hands of one run, for one happening.
pub(super) struct ForRun<'a> {
    run: &'a Run,
    ctx: &'a Context<'a>,
    desk: &'a Desk<'a>,
    /// The event of the happening, as if it were about what the run's event was about.
    event: Event,
    by: Principal,
    subject: Subject,
    outcome: Outcome,
}

impl<'a> ForRun<'a> {
    pub(super) fn new(run: &'a Run, about: Option<&Event>, ctx: &'a Context<'a>, desk: &'a Desk<'a>) -> Self {
        let mut event = ctx.event.clone();
        if let Some(about) = about {
            event.what.reply = about.what.reply.as_ref().map(crate::domain::event::Address::lasting);
            event.what.place = about.what.place.clone();
            event.what.channel = about.what.channel;
        }
        event.what.kind = EventKind::platform(run.told.name.clone(), None);
        let id = format!("workflow:{}", run.workflow);
        let groups = vec!["workflows".to_owned()];
        // Whoever may write the operator's files may do what an owner may; policies can forbid a workflow by its name.
        let role = Role::Owner;
        let by = Principal {
            id: PrincipalId(id.as_str().into()),
            name: format!("workflow {}", run.workflow),
            role,
            groups: groups.clone(),
        };
        let subject = Subject { id, known: true, role, groups, standing: Standing::Member };
        Self { run, ctx, desk, event, by, subject, outcome: Outcome::default() }
    }

    /// What is committed with the run.
    pub(super) fn into_outcome(self) -> Outcome {
        self.outcome
    }

    fn decide(&self, action: &str) -> Decision {
        (self.desk.decide)(&self.subject, action, None)
    }

    fn perform(&self, act: &Act<'_>) -> Result<Outcome, Failure> {
        let may = |action: &str| self.decide(action).is_allowed();
        let offers = |action: &str| self.decide(action).is_offered();
        let context = Context { event: &self.event, by: &self.by, may: &may, offers: &offers, ..*self.ctx };
        action::perform(&Given { act, told: &self.run.told }, &context)
    }

    /// Joins what a tool has decided with what is committed; gives how many effects of it report their end.
    fn join(&mut self, mut outcome: Outcome, act: &Act<'_>) -> usize {
        let mut owed = 0;
        let mut terms = || {
            owed += 1;
            let suffix = if owed == 1 { String::new() } else { format!("#{owed}") };
            Some(Terms {
                key: format!("{}{suffix}", act.key),
                again: act.attempt > 1,
                once: act.has_retry,
                reports: format!("{RUN}/{}/ended/{}/{}{suffix}", self.run.id, act.attempt, act.step),
            })
        };
        outcome.replies.iter_mut().filter(|reply| reply.to.is_some()).for_each(|reply| reply.terms = terms());
        outcome.calls.iter_mut().for_each(|call| call.terms = terms());
        let Outcome { writes, replies, calls, timers, tasks, told, .. } = outcome;
        self.outcome.writes.extend(writes);
        self.outcome.replies.extend(replies.into_iter().filter(|reply| reply.to.is_some()));
        self.outcome.calls.extend(calls);
        self.outcome.timers.extend(timers);
        self.outcome.tasks.extend(tasks);
        self.outcome.told.extend(told);
        owed
    }
}

impl Hands for ForRun<'_> {
    /// The outbox tries again what a platform did not take; nothing else changes by itself.
    fn retry(&self, _: &str) -> Option<Retry> {
        None
    }

    fn act(&mut self, act: &Act<'_>) -> Acted {
        let decision = self.decide(action::tool_of(act.action));
        if !decision.is_allowed() {
            return Acted::Failed(run::Failure::lasting(format!("policies do not permit it: {}", decision.reason)));
        }
        let outcome = match self.perform(act) {
            Ok(outcome) => outcome,
            Err(Failure::Refused(refusal) | Failure::NotPermitted { refusal, .. }) => {
                let mend = refusal.mend.map(|mend| format!("; {mend}")).unwrap_or_default();
                return Acted::Failed(run::Failure::lasting(format!("{}{mend}", refusal.what)));
            }
            Err(Failure::Fault(error)) => return Acted::Failed(run::Failure::lasting(format!("{error:#}"))),
        };
        let (has_written, output) = (!outcome.writes.is_empty(), outcome.result.clone().unwrap_or(Value::Null));
        let output = output.get("task").cloned().unwrap_or(output);
        if self.join(outcome, act) == 0 {
            return Acted::Done { output, has_written, is_simulated: false };
        }
        let late = (!act.has_retry).then(|| self.ctx.now.after(UNTIL_GIVEN_UP));
        Acted::Owed { late, may_repeat: true, has_written }
    }

    fn ask(&mut self, question: &Question<'_>) {
        if let Err(error) = self.asked(question) {
            // Whoever is asked later, or types the answer, is asked all the same.
            self.outcome.told.push(format!("nobody could be told of its question: {error}"));
        }
    }

    fn withdraw(&mut self, step: &str, attempt: u32) {
        self.outcome.writes.push(runs::take_question(self.run.id, step, attempt));
    }
}

impl ForRun<'_> {
    /// Opens a question, and tells those who may answer it in their own chats.
    fn asked(&mut self, question: &Question<'_>) -> Result<(), StoreError> {
        let requester = self.run.requester.as_ref().filter(|_| question.exclude_requester).map(|by| by.id.clone());
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
        for person in people.iter().filter(|person| kept.excludes.as_ref() != Some(person)) {
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
