//! The story of one event and of one effect, as the store has recorded it.
//!
//! Owns the order of the story and the sentence that says how it ended or what it waits for. Who may
//! hear it is decided by the tool.

use serde::Serialize;

use crate::domain::approval::{State, words};
use crate::domain::effect::{Effect, EffectEnd, Receipt};
use crate::domain::event::{ChannelName, Event, EventKind};
use crate::domain::ids::{ApprovalId, EffectId, EventId};
use crate::domain::sync::issue;
use crate::store::keyspace::event::{End, Ready, Story};
use crate::store::keyspace::{approval, dedupe, effect, event, sync};
use crate::store::{StoreError, View};

/// As many waiting events are counted for the place in a lane.
const MOST_COUNTED: usize = 1000;

/// The story of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoryView {
    /// Which one: `e-17`.
    pub event: String,
    /// What it is: `command`.
    pub kind: String,
    /// By which channel it came.
    pub channel: String,
    /// When.
    pub at: String,
    /// How its authenticity was proved.
    pub proof: String,
    /// When the same happening came again, and by which key that was seen.
    pub came_again: Vec<AgainView>,
    /// The person, or why none.
    pub person: Option<String>,
    /// Ids of the policies that decided.
    pub rules: Vec<String>,
    /// The smallest change that would have permitted it.
    pub smallest_change: Option<String>,
    /// Its lane.
    pub lane: String,
    /// The command or tool that handled it.
    pub handler: Option<String>,
    /// Times its handler ran.
    pub attempts: u32,
    /// `waiting`, `retrying`, `done`, `denied`, `refused`, `ignored`, `dead`, `dropped` or `unknown`.
    pub state: &'static str,
    /// What came of it, in one line.
    pub outcome: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// The story of the approval that it asked for, decided or ran by.
    pub approval: Vec<String>,
    /// Who is told of it unasked, and who is not and why.
    pub told: Vec<String>,
    /// What it owed to the outside.
    pub effects: Vec<EffectView>,
    /// Why it stands where it stands, in one sentence.
    pub cause: String,
}

/// A further delivery of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgainView {
    /// When.
    pub at: String,
    /// The key by which it was recognised.
    pub by: String,
}

/// The story of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectView {
    /// Which one: `e-17.0`.
    pub effect: String,
    /// `owed`, `done`, `merged`, `overtaken`, `dead`, `dropped` or `unknown`.
    pub state: &'static str,
    /// Where it goes or went.
    pub to: Option<String>,
    /// Tries.
    pub attempts: u32,
    /// How it ended or what it waits for.
    pub detail: String,
}

/// What an event of an issue came to for the task that is kept the same with it, where that is kept.
fn synced(view: &View, told: &Event) -> Result<Option<String>, StoreError> {
    let is_of_an_issue =
        told.what.channel == ChannelName::GitHub && matches!(told.what.kind, EventKind::Platform { .. });
    let Some(issue) = is_of_an_issue.then(|| issue::read(&told.what.raw)).flatten() else { return Ok(None) };
    let Some(task) = sync::task_of(view, issue.id)? else { return Ok(None) };
    let link = sync::read(view, task)?.map(|link| link.value);
    Ok(link.and_then(|link| {
        let (_, came_to) = link.came_to.iter().find(|(event, _)| *event == told.id)?;
        Some(format!("{task}: {came_to}"))
    }))
}

fn said(end: &Story, synced: Option<String>) -> String {
    match synced {
        Some(synced) => format!("{}; {synced}", end.summary),
        None => end.summary.clone(),
    }
}

/// The story of an event; `None` where the store has no such event.
///
/// # Errors
/// Where the store cannot be read.
pub fn story(view: &View, id: EventId) -> Result<Option<StoryView>, StoreError> {
    let Some(told) = event::read(view, id)? else {
        return Ok(None);
    };
    let again = dedupe::deliveries(view, id)?.into_iter();
    let ready = event::ready(view, id)?.map(|ready| ready.value);
    let end = event::story(view, id)?;
    let effects = end.iter().flat_map(|end| &end.effects).map(|id| effect_story(view, *id));
    let effects: Vec<EffectView> = effects.collect::<Result<_, _>>()?;
    let approval = end.as_ref().and_then(|end| end.approval).map(|id| of_approval(view, id)).transpose()?;
    let approval = approval.unwrap_or_default();
    let (state, cause) = match (&ready, &end) {
        // A replayed event waits again though it has an end.
        (Some(ready), _) => waiting(view, id, ready)?,
        (None, Some(end)) => (end.end.as_str(), cause(end, &approval, &effects)),
        (None, None) => ("unknown", "its end is not kept any more, only that it was accepted".to_owned()),
    };
    let synced = synced(view, &told)?;
    let attempts = ready.map_or(0, |ready| ready.attempts).max(end.as_ref().map_or(0, |end| end.attempts));
    let from = told.what.from.as_ref().map(|user| format!("{}:{}/{}", user.channel, user.realm, user.id));
    Ok(Some(StoryView {
        event: id.to_string(),
        kind: told.what.kind.name().to_owned(),
        channel: told.what.channel.to_string(),
        at: told.at.to_string(),
        proof: told.what.proof.clone(),
        came_again: again.map(|again| AgainView { at: again.at.to_string(), by: again.by }).collect(),
        person: end.as_ref().and_then(|end| end.person.clone()).or(from),
        rules: end.as_ref().map(|end| end.rules.clone()).unwrap_or_default(),
        smallest_change: end.as_ref().and_then(|end| end.smallest_change.clone()),
        lane: told.what.lane.to_string(),
        handler: end.as_ref().and_then(|end| end.handler.clone()),
        attempts,
        state,
        outcome: end.as_ref().map(|end| said(end, synced)),
        ended: end.as_ref().map(|end| end.at.to_string()),
        approval,
        told: end.as_ref().map(|end| end.told.clone()).unwrap_or_default(),
        effects,
        cause,
    }))
}

/// Asked in which event and by which rules, decided by whom, run in which event; without the words of people.
fn of_approval(view: &View, id: ApprovalId) -> Result<Vec<String>, StoreError> {
    let Some(it) = approval::read(view, id)?.map(|it| it.value) else { return Ok(Vec::new()) };
    let asked = words(&it.approvers);
    let rules = it.rules.join(", ");
    let policy = it.policy.get(..12).unwrap_or_default();
    let mut lines = vec![format!(
        "{id}: {} asked for {} in {}, which {asked} decides by {rules} of {policy}",
        it.by.id, it.action, it.event
    )];
    lines.push(match &it.state {
        State::Pending => format!("{id}: nobody has decided; it waits until {}", it.until),
        State::Expired { at } => format!("{id}: nobody decided until {at}, so it has expired"),
        State::Approved(by) | State::Rejected(by) | State::Withdrawn(by) => {
            format!("{id}: {} by {} in {}, {}", it.state.as_str(), by.by.id, by.event, by.at)
        }
    });
    match it.ran {
        Some(run) if event::story(view, run)?.is_some_and(|story| story.end == End::Dropped) => {
            lines.push(format!("{id}: its run {run} was dropped, so it was not done"));
        }
        Some(run) => lines.push(format!("{id}: it ran in {run}")),
        None if it.is_to_run() && it.given_up.is_some() => lines.extend(it.given_up.map(|run| {
            format!("{id}: its run {run} was given up; it may be replayed until {}, and not after", it.until)
        })),
        None if it.is_to_run() => lines.push(format!("{id}: it is about to run")),
        None => {}
    }
    Ok(lines)
}

fn waiting(view: &View, id: EventId, ready: &Ready) -> Result<(&'static str, String), StoreError> {
    if let Some(error) = &ready.last_error {
        let when = ready.not_before.map_or_else(|| "soon".to_owned(), |at| format!("at {at}"));
        let tries = times(ready.attempts);
        return Ok(("retrying", format!("it failed {tries} and is tried again {when}; the last error was: {error}")));
    }
    let mut ahead = 0;
    for entry in event::all_ready(view).take(MOST_COUNTED) {
        let (other, theirs) = entry?;
        if other >= id {
            break;
        }
        ahead += usize::from(theirs.lane == ready.lane);
    }
    let place = match ahead {
        0 => "it is next in its conversation".to_owned(),
        1 => "it waits in line behind 1 other of its conversation".to_owned(),
        _ => format!("it waits in line behind {ahead} others of its conversation"),
    };
    Ok(("waiting", place))
}

fn cause(end: &Story, approval: &[String], effects: &[EffectView]) -> String {
    let said = &end.summary;
    match end.end {
        End::Done => match undelivered(effects) {
            Some(trouble) => format!("it was done ({said}), but {trouble}"),
            None => format!("it was done: {said}"),
        },
        End::Denied => {
            let rules = if end.rules.is_empty() { "a policy".to_owned() } else { end.rules.join(", ") };
            let change = end.smallest_change.as_ref().map(|change| format!("; this would permit it: {change}"));
            format!("it was denied by {rules}{}", change.unwrap_or_default())
        }
        End::Asked => {
            let so_far = approval.last().unwrap_or(said);
            format!("it was not done at once, since policies ask for an approval first; {so_far}")
        }
        End::Refused => format!("it could not be done as it was asked: {said}"),
        End::Ignored => format!("it asks nothing of this bot: {said}"),
        End::Dead => format!("it was given up after it failed {}: {said}", times(end.attempts)),
        End::Dropped => format!("an operator took it off: {said}"),
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// What keeps the answer of a done event from people.
fn undelivered(effects: &[EffectView]) -> Option<String> {
    let worst = ["dead", "dropped", "owed", "unknown"];
    let state = worst.into_iter().find(|state| effects.iter().any(|effect| effect.state == *state))?;
    let effect = effects.iter().find(|effect| effect.state == state)?;
    Some(format!("its answer {} did not arrive: {}", effect.effect, effect.detail))
}

/// The story of an effect, as far as the store knows it.
///
/// # Errors
/// Where the store cannot be read.
pub fn effect_story(view: &View, id: EffectId) -> Result<EffectView, StoreError> {
    if let Some(owed) = effect::owed(view, id)? {
        return Ok(owed_story(&owed.value));
    }
    if let Some(receipt) = effect::receipt(view, id)? {
        return Ok(ended_story(&receipt));
    }
    if let Some(dead) = effect::dead(view, id)? {
        let dead = dead.value;
        let detail = format!("given up: {}", dead.last_error.as_deref().unwrap_or("no reason was kept"));
        return Ok(EffectView { state: "dead", detail, ..owed_story(&dead) });
    }
    let detail = "nothing is kept of it any more".to_owned();
    Ok(EffectView { effect: id.to_string(), state: "unknown", to: None, attempts: 0, detail })
}

fn owed_story(owed: &Effect) -> EffectView {
    let to = owed.address();
    let detail = match (&owed.last_error, owed.not_before) {
        (Some(error), Some(at)) => format!("failed {} ({error}), tried again at {at}", times(owed.attempts)),
        (Some(error), None) => format!("failed {} ({error}), tried again soon", times(owed.attempts)),
        (None, Some(at)) => format!("waits until {at}"),
        (None, None) => "waits for its turn".to_owned(),
    };
    EffectView {
        effect: owed.id.to_string(),
        state: "owed",
        to: Some(format!("{} {}", to.channel, to.place)),
        attempts: owed.attempts,
        detail,
    }
}

fn ended_story(receipt: &Receipt) -> EffectView {
    let (state, detail) = match &receipt.end {
        EffectEnd::Done { platform_id, via } => ("done", format!("arrived as {platform_id} by {via}")),
        EffectEnd::Called { platform_id, via, .. } => ("done", format!("carried out as {platform_id} by {via}")),
        EffectEnd::FoundDone { platform_id } => {
            ("done", format!("found arrived as {platform_id} when it was looked for"))
        }
        EffectEnd::Merged { into } => ("merged", format!("came too late alone and arrives within {into}")),
        EffectEnd::Overtaken { by } => ("overtaken", format!("{by} shows what is newer in its place")),
        EffectEnd::Failed { reason, .. } => ("failed", format!("tried and not performed: {reason}")),
        EffectEnd::Dead { reason } => ("dead", format!("given up: {reason}")),
        EffectEnd::Dropped { by } => ("dropped", format!("taken off by {by}")),
    };
    EffectView {
        effect: receipt.id.to_string(),
        state,
        to: Some(receipt.to.clone()),
        attempts: receipt.attempts,
        detail: format!("{detail}, {}", receipt.at),
    }
}

impl EffectView {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let to = self.to.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        format!("{}{to}: {}, {}", self.effect, self.state, self.detail)
    }
}

impl StoryView {
    /// For people, in the order in which it happened; the last line is the cause.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("{} is a {} that came by {} at {}", self.event, self.kind, self.channel, self.at),
            format!("proof: {}", self.proof),
        ];
        if let (Some(first), count) = (self.came_again.first(), self.came_again.len()) {
            let count = times(u32::try_from(count).unwrap_or(u32::MAX));
            lines.push(format!("it came again {count}, first at {}, recognised by {}", first.at, first.by));
        }
        lines.push(format!("person: {}", self.person.as_deref().unwrap_or("none")));
        if !self.rules.is_empty() {
            let decision = match self.state {
                state if state == End::Denied.as_str() => "denied",
                state if state == End::Asked.as_str() => "stopped until it is approved,",
                _ => "allowed",
            };
            lines.push(format!("{decision} by {}", self.rules.join(", ")));
        }
        lines.push(format!("lane: {}", self.lane));
        if let Some(handler) = &self.handler {
            lines.push(format!("handled by {handler}, which ran {}", times(self.attempts)));
        }
        if let (Some(outcome), Some(ended)) = (&self.outcome, &self.ended) {
            lines.push(format!("outcome: {outcome}, {ended}"));
        }
        lines.extend(self.approval.iter().chain(&self.told).cloned());
        lines.extend(self.effects.iter().map(|effect| format!("effect {}", effect.line())));
        lines.push(self.cause.clone());
        lines
    }
}
