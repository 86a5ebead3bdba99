//! Tells why: the whole story of one event, one effect, one task or one approval, from what the store knows of it.
//!
//! Owns what an id means and who may hear its story; the story itself is `why/record.rs`. It invents
//! nothing: what is not stored is not told.

mod record;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::agent::Risk;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{ApprovalId, EffectId, EventId, TaskId};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::task::Task;
use crate::store::StoreError;
use crate::store::engine::Order;
use crate::store::keyspace::event::Story;
use crate::store::keyspace::{approval as approvals, event, link, person, task};
use crate::tools::{Context, ToolSpec, arguments};

pub use record::{AgainView, EffectView, StoryView, effect_story, story};

/// To see the stories of others.
pub const ANY: ActionSpec = ActionSpec { name: "why.any", group: ActionGroup::Administration };

/// As many events are looked through for the last of a person.
const MOST_LOOKED_AT: usize = 300;

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "why",
    about: "tell the whole story of an event (e-17), an effect (e-17.0), a task (T-12) or an approval (A-3), and why it \
            ended so",
    group: ActionGroup::Open,
    risk: Risk::Low,
    input: || {
        let id = arguments::text("e-17, e-17.0, T-12 or A-3; nothing for the last that this person asked", 40);
        arguments::schema(&json!({"id": id}), &[])
    },
    run,
};

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
    if id.starts_with(['A', 'a'])
        && let Ok(approval) = id.parse::<ApprovalId>()
    {
        let asked_in = approvals::read(ctx.view, approval)?.ok_or_else(|| unseen(id))?.value.event;
        return of_event(asked_in, ctx);
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
            let mend = "name an event (e-17), an effect (e-17.0), a task (T-12) or an approval (A-3)";
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
    let story = if see(made, ctx)?.is_some() { story(ctx.view, made)? } else { None };
    Ok(task_story(&task, story))
}

/// The story of a task, with that of the event that made it, where it may be told.
#[must_use]
pub fn task_story(task: &Task, story: Option<StoryView>) -> Told {
    let (id, made) = (task.id, task.origin.event);
    let mut lines = vec![format!("{id} was made by {made}, which came from {}", task.origin.place)];
    if let Some(story) = &story {
        lines.push(format!("{made}: {}", story.cause));
    }
    let history = task.history.iter().map(|h| format!("{} {}: {} ({})", h.at, h.by.name, h.what, h.event));
    lines.extend(history);
    let cause = format!("so it is {} since {}", task.status, task.updated);
    let json = json!({"task": crate::tools::task_show::as_whole_json(task), "made_by": story, "cause": cause});
    lines.push(cause);
    Told { about: id.to_string(), lines, json }
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
    let person = record.map(|record| link::resolve(ctx.view, &record.value.principal)).transpose()?;
    Ok(person.as_ref() == Some(&ctx.by.id))
}

/// The last event of this person, of this conversation before any other; questions for why are not counted, nor is
/// looking at the Home or at a card, nor writing a link.
fn last_asked(ctx: &Context<'_>) -> Result<Option<EventId>, StoreError> {
    let mut elsewhere = None;
    for id in event::ids(ctx.view, Order::Descending).take(MOST_LOOKED_AT) {
        let id = id?;
        let Some(event) = event::read(ctx.view, id)?.filter(|_| id < ctx.event.id) else { continue };
        let is_why = |story: &Story| story.handler.as_deref() == Some(TOOL.name);
        let is_look = matches!(
            event.what.kind,
            EventKind::HomeOpened | EventKind::CardSeen { .. } | EventKind::LinksWritten { .. }
        );
        if is_look || !is_own(&event, ctx)? || event::story(ctx.view, id)?.is_some_and(|story| is_why(&story)) {
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
