//! Which workflows something begins.
//!
//! Owns the match of a happening with triggers, the verdict of their conditions, and the keys of the run that begins.
//! Whether the run has its turn is `turn.rs`; numbers, rows and what is fetched are the caller's.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::domain::ids::{EventId, RunId};
use crate::domain::task::Person;
use crate::domain::time::Timestamp;
use crate::workflow::condition::{Judged, Verdict};
use crate::workflow::context::{MANUAL, Told, WEBHOOK};
use crate::workflow::definition::Workflow;
use crate::workflow::mistake::{instead, quoted};
use crate::workflow::run::{Run, RunFailure, Status};
use crate::workflow::scope::text_of;
use crate::workflow::template::Template;
use crate::workflow::template::sink::Sink;
use crate::workflow::trigger::{Begins, Input, InputKind, Trigger};

/// How many runs may follow from each other, in a workflow that is begun by what runs have caused.
pub const DEEPEST: u8 = 3;
/// The longest key in characters; of a longer one the beginning counts.
const LONGEST_KEY: usize = 300;

/// Something by which workflows may begin.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Its event.
    pub id: EventId,
    /// By what it begins them.
    pub by: By,
    /// What is known of it.
    pub told: Told,
    /// By which its platform's event is known again.
    pub key: String,
    /// By whose doing.
    pub requester: Option<Person>,
    /// Whether the bot has caused it.
    pub cause: Option<Cause>,
}

/// By what something begins workflows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// It is an event of the platform and the name that are told.
    Event,
    /// The time of a schedule has come.
    Schedule {
        /// Of this workflow.
        workflow: String,
        /// Which of its triggers.
        trigger: usize,
    },
    /// Somebody has started this workflow.
    Manual {
        /// Its name.
        workflow: String,
    },
    /// A call to the address of this id.
    Webhook {
        /// The id.
        id: String,
    },
}

impl By {
    /// By what an event begins workflows of which a platform tells, or what stands in its place: calls of other services
    /// and starts by hand.
    #[must_use]
    pub fn of(platform: &str, name: &str) -> Self {
        match platform {
            WEBHOOK => Self::Webhook { id: name.to_owned() },
            MANUAL => Self::Manual { workflow: name.to_owned() },
            _ => Self::Event,
        }
    }
}

/// That the bot has caused something itself: what it did has come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// How many runs of the workflow have followed from what the bot did, one after the other, for the same thing.
    pub depth: u8,
}

/// A workflow that something begins, or might.
#[derive(Debug)]
pub struct Begun<'w> {
    /// Which.
    pub workflow: &'w Workflow,
    /// Which of its triggers, from 0.
    pub trigger: usize,
    /// Whether it begins.
    pub when: When,
    /// What became of the conditions.
    pub judged: Judged,
    /// The key of its run.
    pub key: String,
    /// By which its runs count as running side by side.
    pub group: Option<String>,
    /// The depth of its run.
    pub depth: u8,
    /// What in the texts of the keys may not be meant.
    pub remarks: Vec<String>,
}

/// Whether a workflow begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// It does.
    Now,
    /// That cannot be told before the files of the change are fetched: the run is made, and waits for them.
    Needs,
    /// Its conditions or keys could not be told, and why: the run is made, and fails.
    Failed(String),
    /// It follows from too many runs: nothing begins, and those who run the bot are told.
    TooDeep,
    /// Its conditions do not hold.
    Not,
}

/// The workflows that something begins, in their order: those that are on, and of which one trigger fits.
#[must_use]
pub fn begun<'w>(
    workflows: impl IntoIterator<Item = &'w Workflow>,
    happening: &Happening,
    now: Timestamp,
) -> Vec<Begun<'w>> {
    let enabled = workflows.into_iter().filter(|workflow| workflow.enabled);
    let concerned = enabled.filter_map(|workflow| judged(workflow, happening, now));
    // Most events begin nothing, and of those that do not nobody asks for the keys.
    let begin = concerned.filter(|(begun, _)| begun.when != When::Not);
    begin.map(|(begun, scope)| begun.with_keys(&scope, now)).collect()
}

/// What something is to one workflow, on or off; nothing where none of its triggers is about it, or where a run of ours
/// has caused it and the workflow does not ask for that (`allow_self`).
#[must_use]
pub fn consider<'w>(workflow: &'w Workflow, happening: &Happening, now: Timestamp) -> Option<Begun<'w>> {
    let (begun, scope) = judged(workflow, happening, now)?;
    Some(begun.with_keys(&scope, now))
}

/// What something is to one workflow, before its keys are filled in from what conditions have seen.
fn judged<'w>(workflow: &'w Workflow, happening: &Happening, now: Timestamp) -> Option<(Begun<'w>, Value)> {
    if happening.cause.is_some() && !workflow.allow_self {
        return None;
    }
    let Told { platform, name, .. } = &happening.told;
    let mut triggers = about(workflow, &happening.by, platform, name).peekable();
    triggers.peek()?;
    let scope = scope(&happening.told, workflow);
    let (trigger, judged) = best(triggers, &scope, now)?;
    let depth = happening.cause.map_or(0, |cause| cause.depth.saturating_add(1));
    let when = match &judged.verdict {
        Verdict::Fails | Verdict::Unknown(_) => When::Not,
        _ if depth > DEEPEST => When::TooDeep,
        Verdict::Holds => When::Now,
        Verdict::Needs(_) => When::Needs,
        Verdict::Failed(why) => When::Failed(why.clone()),
    };
    let (key, group) = (happening.key.clone(), None);
    Some((Begun { workflow, trigger, when, judged, key, group, depth, remarks: Vec::new() }, scope))
}

/// The triggers of a workflow that are about something, each with its place.
pub(super) fn about<'w>(
    workflow: &'w Workflow,
    by: &'w By,
    platform: &'w str,
    name: &'w str,
) -> impl Iterator<Item = (usize, &'w Trigger)> {
    workflow.triggers.iter().enumerate().filter(move |(place, trigger)| match (&trigger.begins, by) {
        (Begins::Event(wanted), By::Event) => wanted.platform == platform && wanted.event == name,
        (Begins::Schedule(_), By::Schedule { workflow: wanted, trigger }) => {
            *wanted == workflow.name && trigger == place
        }
        (Begins::Manual(_), By::Manual { workflow: wanted }) => *wanted == workflow.name,
        (Begins::Webhook(id), By::Webhook { id: wanted }) => id == wanted,
        _ => false,
    })
}

/// What an event is to the triggers of a workflow: the best of them, by its place, and what became of its conditions.
#[must_use]
pub fn judge(workflow: &Workflow, told: &Told, now: Timestamp) -> Option<(usize, Judged)> {
    let by = By::of(&told.platform, &told.name);
    let mut triggers = about(workflow, &by, &told.platform, &told.name).peekable();
    triggers.peek()?;
    best(triggers, &scope(told, workflow), now)
}

/// What conditions of triggers see: the event, and the variables.
fn scope(told: &Told, workflow: &Workflow) -> Value {
    let mut root = told.scope();
    root.insert("vars".to_owned(), Value::Object(workflow.vars.clone()));
    let version = workflow.version.to_string();
    root.insert("workflow".to_owned(), json!({ "name": workflow.name, "version": version }));
    Value::Object(root)
}

/// Of several triggers the one that begins the workflow, or comes nearest to it.
fn best<'t>(
    triggers: impl Iterator<Item = (usize, &'t Trigger)>,
    scope: &Value,
    now: Timestamp,
) -> Option<(usize, Judged)> {
    let judged = triggers.map(|(place, trigger)| match &trigger.conditions {
        Some(conditions) => (place, conditions.judge(scope, now)),
        None => (place, Judged { verdict: Verdict::Holds, findings: Vec::new() }),
    });
    judged.min_by_key(|(_, judged)| match judged.verdict {
        Verdict::Holds => 0,
        Verdict::Needs(_) => 1,
        Verdict::Failed(_) => 2,
        Verdict::Fails | Verdict::Unknown(_) => 3,
    })
}

impl Begun<'_> {
    fn with_keys(mut self, scope: &Value, now: Timestamp) -> Self {
        let workflow = self.workflow;
        if let Some(template) = &workflow.idempotency_key
            && let Some(key) = self.fill(template, "idempotency_key", scope, now)
        {
            self.key = key;
        }
        if let Some(template) = &workflow.concurrency.key {
            self.group = self.fill(template, "concurrency.key", scope, now);
        }
        self
    }

    fn fill(&mut self, template: &Template, name: &str, scope: &Value, now: Timestamp) -> Option<String> {
        match template.fill(scope, Sink::Plain, now) {
            Ok(filled) => {
                self.remarks.extend(filled.remarks.into_iter().map(|remark| format!("{name}: {remark}")));
                Some(text_of(&filled.value).chars().take(LONGEST_KEY).collect())
            }
            Err(missing) => {
                if self.when == When::Now {
                    self.when = When::Failed(format!("{name}: {}", missing.what));
                }
                None
            }
        }
    }

    /// The run that begins. It waits for its turn (`Happened::Begun`), or for what its conditions need.
    #[must_use]
    pub fn run(&self, id: RunId, file: &str, happening: &Happening, now: Timestamp) -> Run {
        let status = if self.when == When::Needs { Status::Needs } else { Status::Queued };
        let failure = match &self.when {
            When::Failed(why) => Some(RunFailure { step: "trigger".to_owned(), message: why.clone() }),
            _ => None,
        };
        let mut run = Run {
            id,
            workflow: self.workflow.name.clone(),
            version: self.workflow.version.to_string(),
            file: file.to_owned(),
            event: happening.id,
            key: self.key.clone(),
            group: self.group.clone(),
            told: happening.told.clone(),
            requester: happening.requester.clone(),
            asked_by: None,
            about: None,
            awaits: Vec::new(),
            depth: self.depth,
            repository: None,
            shadow: self.workflow.shadow,
            status,
            attempt: 1,
            created: now,
            began: None,
            ended: None,
            steps: std::collections::BTreeMap::new(),
            failure,
            worked: 0,
            works_since: None,
            history: Vec::new(),
        };
        run.remember(now, format!("made by {}/{} ({})", run.told.platform, run.told.name, run.event));
        run
    }
}

/// What somebody has filled in to start a workflow, with the defaults of what they left out.
///
/// # Errors
/// What is missing, of another kind, or not asked for.
pub fn inputs(asked: &[Input], given: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let names: Vec<&str> = asked.iter().map(|input| input.name.as_str()).collect();
    if let Some(name) = given.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("{} is not asked for; {}", quoted(name), instead(name, &names)));
    }
    let mut filled = Map::new();
    for input in asked {
        let value = match given.get(&input.name).or(input.default.as_ref()) {
            None if input.required => return Err(format!("`{}` is needed, and is not there", input.name)),
            None => continue,
            Some(value) => read_as(input.kind, value),
        };
        let (fits, wanted) = match input.kind {
            InputKind::Text => (value.is_string(), "a text"),
            InputKind::Number => (value.is_number(), "a number"),
            InputKind::Flag => (value.is_boolean(), "`true` or `false`"),
        };
        if !fits {
            return Err(format!("`{}` takes {wanted}", input.name));
        }
        filled.insert(input.name.clone(), value.into_owned());
    }
    Ok(filled)
}

/// A value as what is asked for: on a command line all of them are texts.
fn read_as(kind: InputKind, value: &Value) -> Cow<'_, Value> {
    let read = value.as_str().filter(|_| kind != InputKind::Text).and_then(|text| serde_json::from_str(text).ok());
    read.map_or(Cow::Borrowed(value), Cow::Owned)
}

#[cfg(test)]
mod tests;
