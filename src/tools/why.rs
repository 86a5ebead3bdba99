//! Tells why: the whole story of one event, one effect or one task, from what the store knows of it.
//!
//! Owns the order of the story and the one sentence that says how it ended or what it waits for. Every
//! state has its sentence. It invents nothing: what is not stored is not told.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::agent::Risk;
use crate::domain::effect::{Effect, EffectEnd, Receipt};
use crate::domain::event::Event;
use crate::domain::ids::{EffectId, EventId, TaskId};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::store::engine::Order;
use crate::store::keyspace::event::{End, Ready, Story};
use crate::store::keyspace::{dedupe, effect, event, person, task};
use crate::store::{StoreError, View};
use crate::tools::{Context, ToolSpec, arguments};

/// To see the stories of others.
pub const ANY: ActionSpec = ActionSpec { name: "why.any", group: ActionGroup::Administration };

/// As many waiting events are counted for the place in a lane.
const MOST_COUNTED: usize = 1000;
/// As many events are looked through for the last of a person.
const MOST_LOOKED_AT: usize = 300;

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "why",
    about: "tell the whole story of an event (e-17), an effect (e-17.0) or a task (T-12), and why it ended so",
    group: ActionGroup::Open,
    risk: Risk::Low,
    input: || {
        let id = arguments::text("e-17, e-17.0 or T-12; nothing for the last that this person asked", 40);
        arguments::schema(&json!({"id": id}), &[])
    },
    run,
};

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
    /// `owed`, `done`, `merged`, `dead`, `dropped` or `unknown`.
    pub state: &'static str,
    /// Where it goes or went.
    pub to: Option<String>,
    /// Tries.
    pub attempts: u32,
    /// How it ended or what it waits for.
    pub detail: String,
}

/// The story of an event; `None` where the store has no such event.
///
/// # Errors
/// Where the store cannot be read.
pub fn story(view: &View, id: EventId) -> Result<Option<StoryView>, StoreError> {
    let Some(told) = event::read(view, id)? else {
        return Ok(None);
    };
    let again = dedupe::deliveries(view, id)?.into_iter().map(|(_, again)| again.value);
    let ready = event::ready(view, id)?.map(|ready| ready.value);
    let end = event::story(view, id)?.map(|end| end.value);
    let effects = end.iter().flat_map(|end| &end.effects).map(|id| effect_story(view, *id));
    let effects: Vec<EffectView> = effects.collect::<Result<_, _>>()?;
    let (state, cause) = match (&ready, &end) {
        // A replayed event waits again though it has an end.
        (Some(ready), _) => waiting(view, id, ready)?,
        (None, Some(end)) => (end.end.as_str(), cause(end, &effects)),
        (None, None) => ("unknown", "its end is not kept any more, only that it was accepted".to_owned()),
    };
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
        outcome: end.as_ref().map(|end| end.summary.clone()),
        ended: end.as_ref().map(|end| end.at.to_string()),
        effects,
        cause,
    }))
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

fn cause(end: &Story, effects: &[EffectView]) -> String {
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
        EffectEnd::FoundDone { platform_id } => {
            ("done", format!("found arrived as {platform_id} when it was looked for"))
        }
        EffectEnd::Merged { into } => ("merged", format!("came too late alone and arrives within {into}")),
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
            let decision = if self.state == End::Denied.as_str() { "denied" } else { "allowed" };
            lines.push(format!("{decision} by {}", self.rules.join(", ")));
        }
        lines.push(format!("lane: {}", self.lane));
        if let Some(handler) = &self.handler {
            lines.push(format!("handled by {handler}, which ran {}", times(self.attempts)));
        }
        if let (Some(outcome), Some(ended)) = (&self.outcome, &self.ended) {
            lines.push(format!("outcome: {outcome}, {ended}"));
        }
        lines.extend(self.effects.iter().map(|effect| format!("effect {}", effect.line())));
        lines.push(self.cause.clone());
        lines
    }
}

/// What is told.
#[derive(Debug)]
pub struct Told {
    /// Of what: `e-17`, `T-12`.
    pub about: String,
    /// For people.
    pub lines: Vec<String>,
    /// For programs.
    pub json: Value,
}

impl Told {
    /// The outcome without words for people.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        Outcome {
            summary: format!("told the story of {}", self.about),
            resource: self.about,
            result: Some(self.json),
            ..Outcome::default()
        }
    }
}

/// Tells the story of what an id names, or of the last that this person asked.
///
/// # Errors
/// Refuses what is not there and what this person may not see, in the same words: who may not see an
/// event does not learn that it is there.
pub fn decide(id: Option<&str>, ctx: &Context<'_>) -> Result<Told, Failure> {
    let Some(id) = id.map(str::trim).filter(|id| !id.is_empty()) else {
        let id = last_asked(ctx)?.ok_or_else(|| {
            Refusal::new("I remember nothing else that you asked", "name it: why e-17, why e-17.0 or why T-12")
        })?;
        return of_event(id, ctx);
    };
    let is_task = id.starts_with(['T', 't', '#']);
    if let Some(task) = id.parse::<TaskId>().ok().filter(|_| is_task) {
        return of_task(task, ctx);
    }
    if let Ok(effect) = id.parse::<EffectId>() {
        see(effect.event, ctx)?.ok_or_else(|| unseen(id))?;
        let told = effect_story(ctx.view, effect)?;
        let lines = vec![told.line(), format!("`why {}` tells how it came about", effect.event)];
        return Ok(Told { about: effect.to_string(), lines, json: json!({"effect": told}) });
    }
    match id.parse::<EventId>() {
        Ok(event) => of_event(event, ctx),
        Err(_) => {
            let shown: String = id.chars().take(40).collect();
            let mend = "name an event (e-17), an effect (e-17.0) or a task (T-12)";
            Err(Refusal::new(format!("`{shown}` has no story"), mend).into())
        }
    }
}

fn unseen(id: &str) -> Refusal {
    Refusal::new(format!("there is no {id} that you may see"), "`why` alone tells of the last that you asked")
}

fn of_event(id: EventId, ctx: &Context<'_>) -> Result<Told, Failure> {
    see(id, ctx)?.ok_or_else(|| unseen(&id.to_string()))?;
    let story = story(ctx.view, id)?.ok_or_else(|| unseen(&id.to_string()))?;
    Ok(Told { about: id.to_string(), lines: story.lines(), json: json!({"story": story}) })
}

fn of_task(id: TaskId, ctx: &Context<'_>) -> Result<Told, Failure> {
    let task = if (ctx.may)("task.show") { task::read(ctx.view, id)? } else { None };
    let task = task.ok_or_else(|| unseen(&id.to_string()))?.value;
    let made = task.origin.event;
    let mut lines = vec![format!("{id} was made by {made}, which came from {}", task.origin.place)];
    let story = if see(made, ctx)?.is_some() { story(ctx.view, made)? } else { None };
    if let Some(story) = &story {
        lines.push(format!("{made}: {}", story.cause));
    }
    let history = task.history.iter().map(|h| format!("{} {}: {} ({})", h.at, h.by.name, h.what, h.event));
    lines.extend(history);
    lines.push(format!("so it is {} since {}", task.status, task.updated));
    let json = json!({"task": crate::tools::task_show::as_whole_json(&task), "made_by": story});
    Ok(Told { about: id.to_string(), lines, json })
}

/// The event, if this person may see its story.
fn see(id: EventId, ctx: &Context<'_>) -> Result<Option<Event>, StoreError> {
    let event = event::read(ctx.view, id)?;
    let any = (ctx.may)(ANY.name);
    match event {
        Some(event) if any || is_own(&event, ctx)? => Ok(Some(event)),
        _ => Ok(None),
    }
}

fn is_own(event: &Event, ctx: &Context<'_>) -> Result<bool, StoreError> {
    let Some(from) = &event.what.from else { return Ok(false) };
    if ctx.event.what.from.as_ref() == Some(from) {
        return Ok(true);
    }
    let record = person::record(ctx.view, from)?;
    Ok(record.is_some_and(|record| record.value.principal == ctx.by.id))
}

/// The last event of this person, of this conversation before any other; questions for why are not counted.
fn last_asked(ctx: &Context<'_>) -> Result<Option<EventId>, StoreError> {
    let mut elsewhere = None;
    for id in event::ids(ctx.view, Order::Descending).take(MOST_LOOKED_AT) {
        let id = id?;
        let Some(event) = event::read(ctx.view, id)?.filter(|_| id < ctx.event.id) else { continue };
        let is_why = |story: &Story| story.handler.as_deref() == Some(TOOL.name);
        if !is_own(&event, ctx)? || event::story(ctx.view, id)?.is_some_and(|story| is_why(&story.value)) {
            continue;
        }
        if event.what.lane == ctx.event.what.lane {
            return Ok(Some(id));
        }
        elsewhere = elsewhere.or(Some(id));
    }
    Ok(elsewhere)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    id: Option<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    Ok(decide(asked.id.as_deref(), ctx)?.outcome())
}

#[cfg(test)]
mod tests;
