//! Who may decide about what was asked for, and what follows from their yes or no.
//!
//! Owns the rules of an approval's life: it is asked for once, decided once, by somebody other than who asks, and what it
//! permits is done once. Every step is an outcome like any other, so a crash between two of them changes nothing. How it
//! looks, and who is told, is `commands/approval_card.rs`; whether policies ask for it at all is decided before.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::agent::Risk;
use crate::domain::approval::{self, Approval, Approver, Decided, Ring, State, Way, is_each};
use crate::domain::event::{ChannelName, Event};
use crate::domain::ids::{ApprovalId, PrincipalId};
use crate::domain::outcome::{Failure, Outcome, Refusal, TimerChange, Write};
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::store::keyspace::{approval as kept, link, person};
use crate::store::{StoreError, Stored, View};
use crate::tools::{Context, ToolSpec, arguments, people};

/// To say yes or no.
pub const DECIDE: ActionSpec = ActionSpec { name: "approval.decide", group: ActionGroup::Everyday };
/// To take back what one has asked for.
pub const WITHDRAW: ActionSpec = ActionSpec { name: "approval.withdraw", group: ActionGroup::Everyday };

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "approval.list",
    about: "list what waits for this person's approval, and what this person has asked for",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || arguments::schema(&json!({}), &[]),
    run,
};

/// As much may somebody have asked for at one time, so that nobody floods those who decide.
const MOST_OPEN_OF_ONE: usize = 20;
/// Characters of a line that is asked for, as people see it. One card of Slack (11,500 units) and of Teams (72 kB) shows so
/// many, whatever they are, with what else stands on it: nobody says yes to words that were left out.
pub const LONGEST_LINE: usize = 3_000;
/// Characters of a card's mark: two cards of one number are hardly the same by chance, and a button stays short.
const MARK: usize = 12;
/// As many of those who may decide are told.
const MOST_DECIDERS: usize = 10;

/// Whether an action is one by which approvals are dealt with. Who is asked about those would have to be asked again.
#[must_use]
pub fn is_about_approvals(action: &str) -> bool {
    [DECIDE.name, WITHDRAW.name, TOOL.name].contains(&action)
}

/// What is to be asked for, by which policies.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The line that would run.
    pub line: &'a str,
    /// The same as people see it.
    pub shown: &'a str,
    /// Its action.
    pub action: &'a str,
    /// The policies that ask.
    pub rules: &'a [String],
    /// Whom they ask.
    pub approvers: &'a [Approver],
    /// Why.
    pub reason: &'a str,
    /// The set of policies, by its hash.
    pub policy: &'a str,
    /// How long it waits.
    pub waits: Duration,
}

/// What was asked for.
#[derive(Debug)]
pub struct Asked {
    /// The approval.
    pub approval: Approval,
    /// Whether nobody had asked for it before.
    pub is_first: bool,
    /// What keeps it.
    pub writes: Vec<Write>,
    /// What ends it in time.
    pub timers: Vec<TimerChange>,
}

/// Asks. The same question that is open already is the same approval.
///
/// # Errors
/// Refuses what no card shows whole, and where much of this person waits already.
pub fn ask(question: &Question<'_>, ctx: &Context<'_>) -> Result<Asked, Failure> {
    let what = &ctx.event.what;
    let user = what.from.clone().ok_or_else(|| Refusal::new("nobody asks", "say it in a chat"))?;
    if weight(question.shown) > LONGEST_LINE {
        let what =
            format!("whoever approves has to see all of it, and more than {LONGEST_LINE} characters are no card");
        return Err(Refusal::new(what, "ask for less at once: the rest can be said in a comment").into());
    }
    let until = ctx.now.after(question.waits);
    let mut approval = Approval {
        id: ApprovalId(0),
        line: question.line.to_owned(),
        action: question.action.to_owned(),
        by: ctx.person(),
        known: link::known_by(ctx.view, &ctx.by.id)?,
        user,
        event: ctx.event.id,
        asked: ctx.now,
        way: Way::of(what),
        rules: question.rules.to_vec(),
        reason: question.reason.to_owned(),
        policy: question.policy.to_owned(),
        approvers: question.approvers.to_vec(),
        until,
        state: State::Pending,
        ran: None,
        given_up: None,
    };
    let (open, question_is) = kept::same(ctx.view, &approval)?;
    if let Some(open) = open.filter(|open| open.is_pending(ctx.now)) {
        return Ok(Asked { approval: open, is_first: false, writes: Vec::new(), timers: Vec::new() });
    }
    if asked_by(ctx)?.len() >= MOST_OPEN_OF_ONE {
        let what = format!("{MOST_OPEN_OF_ONE} things that you asked for wait for an approval already");
        return Err(Refusal::new(what, "`approvals` lists them, and `withdraw` takes one back").into());
    }
    approval.id = kept::next_id(ctx.view)?;
    let (writes, timers) = (kept::create(&approval, question_is), vec![approval::expiry(approval.id, until)]);
    Ok(Asked { approval, is_first: true, writes, timers })
}

/// How much room a text takes on a card: what markup is made of is written as several characters there.
fn weight(shown: &str) -> usize {
    shown.chars().map(|it| if matches!(it, '&' | '<' | '>') { 2 } else { 1 }).sum()
}

/// What a card of an approval is known by: a button decides only about the line, asker and moment that it was shown with,
/// also where a store that was restored gives a number out again.
#[must_use]
pub fn mark(it: &Approval) -> String {
    let shown = json!([it.id, it.line, it.user, it.event, it.asked]).to_string();
    HEXLOWER.encode(&Sha256::digest(shown.as_bytes()))[..MARK].to_owned()
}

/// What somebody says to an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approve,
    /// No, and why.
    Reject(Option<String>),
    /// It is not wanted any more, says who asked.
    Withdraw,
}

/// What came of it.
#[derive(Debug)]
pub enum Answered {
    /// It is decided so.
    Made(Box<Change>),
    /// It was over before.
    Late(Box<Approval>),
}

/// A change that is made when its writes land.
#[derive(Debug)]
pub struct Change {
    /// The approval as it is then.
    pub after: Approval,
    /// What makes it.
    pub writes: Vec<Write>,
    /// What rings for it, and what no longer does.
    pub timers: Vec<TimerChange>,
}

impl Change {
    /// The outcome without words for people.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let Approval { id, state, by, event, .. } = &self.after;
        Outcome {
            resource: id.to_string(),
            summary: format!("{id} is {}, which {} asked for in {event}", state.as_str(), by.id),
            writes: self.writes,
            timers: self.timers,
            ..Outcome::default()
        }
    }
}

/// Decides about an approval: the decision is written before anything follows from it. `card` is the mark of the card
/// that was pressed, where one was.
///
/// # Errors
/// Refuses what is not there, and who may not.
pub fn decide(id: ApprovalId, answer: Answer, card: Option<&str>, ctx: &Context<'_>) -> Result<Answered, Failure> {
    let before = kept::read(ctx.view, id)?
        .ok_or_else(|| Refusal::new(format!("there is no {id}"), "`approvals` lists what waits for you"))?;
    let it = &before.value;
    if card.is_some_and(|card| card != mark(it)) {
        let what = format!("that card shows something else than {id} is");
        return Err(Refusal::new(what, "`approvals` lists what waits for you").into());
    }
    match (&answer, is_asker(it, ctx)?) {
        (Answer::Withdraw, true) => {}
        (Answer::Withdraw, false) => {
            return Err(Refusal::new(format!("{id} was not asked for by you"), "only who asked takes it back").into());
        }
        (Answer::Approve | Answer::Reject(_), true) => {
            let mend = format!("it waits for {}; `withdraw {id}` takes it back", approval::words(&it.approvers));
            return Err(Refusal::new(format!("you asked for {id} yourself, so somebody else decides"), mend).into());
        }
        (Answer::Approve | Answer::Reject(_), false) if !is_each(&it.approvers, ctx.by) => {
            let what = format!("{id} is not yours to decide: it is for {}", approval::words(&it.approvers));
            return Err(Refusal::new(what, "nothing was changed; `approvals` lists what waits for you").into());
        }
        (Answer::Approve | Answer::Reject(_), false) => {}
    }
    if !it.is_pending(ctx.now) {
        return Ok(Answered::Late(Box::new(before.value)));
    }
    let back = ctx.event.what.reply.as_ref().map(|reply| reply.in_person().unwrap_or_else(|| reply.lasting()));
    let decided = |why| Decided { by: ctx.person(), at: ctx.now, event: ctx.event.id, why, back: back.clone() };
    let state = match answer {
        Answer::Approve => State::Approved(decided(None)),
        Answer::Reject(why) => State::Rejected(decided(why)),
        Answer::Withdraw => State::Withdrawn(decided(None)),
    };
    Ok(Answered::Made(Box::new(changed(&before, state, ctx)?)))
}

/// Ends an approval on which nobody has decided; nothing where somebody has.
///
/// # Errors
/// Where the store cannot be read.
pub fn expire(id: ApprovalId, ctx: &Context<'_>) -> Result<Option<Change>, StoreError> {
    let open = kept::read(ctx.view, id)?.filter(|it| it.value.state == State::Pending);
    open.map(|before| changed(&before, State::Expired { at: ctx.now }, ctx)).transpose()
}

fn changed(before: &Stored<Approval>, state: State, ctx: &Context<'_>) -> Result<Change, StoreError> {
    let mut timers = vec![approval::no_expiry(before.value.id)];
    if matches!(state, State::Approved(_)) {
        timers.push(approval::run(before.value.id, ctx.now));
    }
    let after = Approval { state, ..before.value.clone() };
    Ok(Change { writes: kept::close(ctx.view, before, &after)?, after, timers })
}

/// The approval by which an event runs a line: it is approved, and has not run. Nobody outside can make such an event.
///
/// # Errors
/// Where the store cannot be read.
pub fn in_hand(view: &View, event: &Event, now: Timestamp) -> Result<Option<Stored<Approval>>, StoreError> {
    match Ring::of(&event.what.kind) {
        Some(Ring::Run(id)) if event.what.channel == ChannelName::Internal => {
            Ok(kept::read(view, id)?.filter(|it| it.value.may_run(now)))
        }
        _ => Ok(None),
    }
}

/// What remembers that an approval has had its run, whatever came of it, so that there is no second.
#[must_use]
pub fn has_run(before: &Stored<Approval>, run: &Event) -> Vec<Write> {
    kept::change(before, &Approval { ran: Some(run.id), ..before.value.clone() })
}

/// What remembers that the run of an approval was given up.
#[must_use]
pub fn is_given_up(before: &Stored<Approval>, run: &Event) -> Vec<Write> {
    kept::change(before, &Approval { given_up: Some(run.id), ..before.value.clone() })
}

/// Whether it was asked for by the one who asks now: as the same platform user, or as somebody who was the same person
/// when it was asked, or is by now.
fn is_asker(it: &Approval, ctx: &Context<'_>) -> Result<bool, StoreError> {
    if ctx.event.what.from.as_ref() == Some(&it.user) {
        return Ok(true);
    }
    for own in it.askers() {
        if *own == ctx.by.id || link::resolve(ctx.view, own)? == ctx.by.id {
            return Ok(true);
        }
    }
    // Who asked may have been another person then, by a link that is gone.
    let record = person::record(ctx.view, &it.user)?;
    let own = record.map(|record| link::resolve(ctx.view, &record.value.principal)).transpose()?;
    Ok(own.as_ref() == Some(&ctx.by.id))
}

/// Those who may decide, each once, and what makes the next look for owners a short one.
///
/// # Errors
/// Where the store cannot be read.
pub fn deciders(it: &Approval, ctx: &Context<'_>) -> Result<(Vec<PrincipalId>, Vec<Write>), StoreError> {
    let askers = it.askers().map(|own| link::resolve(ctx.view, own)).collect::<Result<Vec<_>, _>>()?;
    let most = MOST_DECIDERS + askers.len();
    let may_decide = |known: &Principal| is_each(&it.approvers, known);
    let (mut found, marks) = match it.approvers.contains(&Approver::Owner) {
        true => people::owners_who(may_decide, most, ctx.view)?,
        false => (people::all_who(may_decide, most, ctx.view)?, Vec::new()),
    };
    found.retain(|who| !askers.contains(who));
    found.truncate(MOST_DECIDERS);
    Ok((found, marks))
}

/// What waits for a decision that this person may make, the oldest first.
///
/// # Errors
/// Where the store cannot be read.
pub fn to_decide(ctx: &Context<'_>) -> Result<Vec<Approval>, StoreError> {
    let mut found = Vec::new();
    if !(ctx.may)(DECIDE.name) {
        return Ok(found);
    }
    for it in kept::open(ctx.view) {
        let it = it?;
        if it.is_pending(ctx.now) && is_each(&it.approvers, ctx.by) && !is_asker(&it, ctx)? {
            found.push(it);
        }
    }
    Ok(found)
}

/// What this person has asked for and waits for, the oldest first.
///
/// # Errors
/// Where the store cannot be read.
pub fn asked_by(ctx: &Context<'_>) -> Result<Vec<Approval>, StoreError> {
    let mut found = Vec::new();
    for own in link::known_by(ctx.view, &ctx.by.id)? {
        for it in kept::open_of(ctx.view, &own) {
            found.extend(Some(it?).filter(|it| it.is_pending(ctx.now)));
        }
    }
    found.sort_by_key(|it| it.id);
    Ok(found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let Nothing {} = arguments::read(args)?;
    let (waiting, own) = (to_decide(ctx)?, asked_by(ctx)?);
    let row = |it: &Approval| {
        json!({
            "id": it.id.to_string(), "line": it.line, "action": it.action, "by": it.by.name, "user": it.user.to_string(),
            "asked_in": it.event.to_string(), "asked": it.asked.to_string(), "until": it.until.to_string(),
            "rules": it.rules, "approvers": it.approvers, "reason": it.reason, "policy": it.policy,
        })
    };
    let rows = |all: &[Approval]| all.iter().map(row).collect::<Vec<_>>();
    Ok(Outcome {
        resource: "approvals".to_owned(),
        summary: format!("listed {} that wait for this person and {} of their own", waiting.len(), own.len()),
        result: Some(json!({ "to_decide": rows(&waiting), "asked_for": rows(&own) })),
        ..Outcome::default()
    })
}

#[cfg(test)]
mod tests;
