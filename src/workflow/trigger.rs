//! What begins a workflow: an event of a platform, a schedule, somebody's wish, a call from outside.
//!
//! Owns the keys of a trigger and the grammar of an event's name. A new kind of trigger is a variant of [`Begins`] and
//! a line in `KINDS`.

use serde_json::Value;

use crate::workflow::condition::Conditions;
use crate::workflow::fields::{Fields, is_name, text, wrong};
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, Position, instead, listed, quoted};
use crate::workflow::schedule::Schedule;
use crate::workflow::yaml::{Is, Node};

/// The keys by one of which a trigger says what it is.
const KINDS: &[&str] = &["event", "schedule", "manual", "webhook"];
/// All keys of a trigger.
const KEYS: &[&str] = &["platform", "event", "schedule", "manual", "webhook", "conditions"];
/// What somebody may be asked for at the start. A form that is longer is not filled in.
const MOST_INPUTS: usize = 20;

/// One thing that begins a workflow.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Where it stands.
    pub at: Position,
    /// What begins it.
    pub begins: Begins,
    /// What must be true then; without any it always begins.
    pub conditions: Option<Conditions>,
}

/// What begins a workflow.
#[derive(Debug, Clone)]
pub enum Begins {
    /// Something that a platform tells of.
    Event(EventName),
    /// A time.
    Schedule(Box<Schedule>),
    /// Somebody starts it, and is asked for this.
    Manual(Vec<Input>),
    /// A call to the address of this id.
    Webhook(String),
}

/// The name of an event: `issues.opened` of `github`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventName {
    /// Which platform tells of it.
    pub platform: String,
    /// What it is called there.
    pub event: String,
}

/// What somebody who starts a workflow is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name in `{event.inputs.NAME}`.
    pub name: String,
    /// What it is.
    pub kind: InputKind,
    /// What people are told of it.
    pub description: Option<String>,
    /// Nothing starts without it. Default: false.
    pub required: bool,
    /// What it is where nothing is given. Of the input's kind.
    pub default: Option<Value>,
}

/// What an input is: `type` in the file, a text by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputKind {
    /// `string`.
    #[default]
    Text,
    /// `number`.
    Number,
    /// `boolean`.
    Flag,
}

impl Trigger {
    /// Reads one trigger.
    pub(super) fn read(node: &Node, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let fields = Fields::of(node, "a trigger", KEYS, mistakes)?;
        let conditions = fields.conditions("conditions", mistakes);
        let kinds = fields.among(KINDS);
        if fields.get("platform").is_some() && !kinds.contains(&"event") {
            let what = "`platform` needs an `event`, such as `event: issues.opened`";
            mistakes.push(Mistake::new(fields.place_of("platform"), what));
            return None;
        }
        let [kind] = kinds[..] else {
            let (at, what) = match kinds.get(1) {
                Some(second) => (fields.place_of(second), format!("a trigger is one of {}", listed(KINDS))),
                None => (fields.at, format!("a trigger has one of {}; none is here", listed(KINDS))),
            };
            mistakes.push(Mistake::new(at, what));
            return None;
        };
        let begins = match kind {
            "event" => event(&fields, known, mistakes)?,
            "schedule" => schedule(fields.get(kind)?, mistakes)?,
            "manual" => manual(fields.get(kind)?, mistakes)?,
            _ => webhook(fields.get(kind)?, mistakes)?,
        };
        Some(Self { at: node.at, begins, conditions })
    }
}

fn event(fields: &Fields<'_>, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Option<Begins> {
    let platform = fields.need("platform", mistakes).and_then(|node| text("platform", node, mistakes));
    let name = fields.text("event", mistakes);
    let (platform, at) = platform?;
    let platform = known_platform(platform, at, known, mistakes);
    let event = name.and_then(|(name, at)| event_name(name, at, mistakes));
    Some(Begins::Event(EventName { platform: platform?, event: event? }))
}

fn known_platform(platform: &str, at: Position, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    if known.platforms.contains(&platform) {
        return Some(platform.to_owned());
    }
    let what = format!("nothing here tells of events of {}; {}", quoted(platform), instead(platform, known.platforms));
    mistakes.push(Mistake::new(at, what));
    None
}

fn event_name(name: &str, at: Position, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.len() <= 100 && name.split('.').all(is_word) {
        return Some(name.to_owned());
    }
    let what = format!("{} is no name of an event; one is written like `issues.opened`", quoted(name));
    mistakes.push(Mistake::new(at, what));
    None
}

/// The event that a step waits for: `pull_request.opened`, of the platform of the triggers, or with its platform as
/// `github/pull_request.opened`.
pub(super) fn awaited(
    name: (&str, Position),
    triggers: &[Trigger],
    known: &Known<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<EventName> {
    let (name, at) = name;
    if let Some((platform, event)) = name.split_once('/') {
        let platform = known_platform(platform, at, known, mistakes);
        let event = event_name(event, at, mistakes);
        return Some(EventName { platform: platform?, event: event? });
    }
    let event = event_name(name, at, mistakes)?;
    let mut platforms: Vec<&str> = triggers
        .iter()
        .filter_map(
            |trigger| if let Begins::Event(event) = &trigger.begins { Some(event.platform.as_str()) } else { None },
        )
        .collect();
    platforms.sort_unstable();
    platforms.dedup();
    match platforms[..] {
        [platform] => Some(EventName { platform: platform.to_owned(), event }),
        _ => {
            let what = format!("of which platform is {}? Write it as `github/{event}`", quoted(name));
            mistakes.push(Mistake::new(at, what));
            None
        }
    }
}

fn schedule(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Begins> {
    let fields = Fields::of(node, "a schedule", &["cron", "tz"], mistakes)?;
    let cron = fields.need("cron", mistakes).and_then(|node| text("cron", node, mistakes));
    let tz = fields.text("tz", mistakes);
    if fields.get("tz").is_some() {
        tz?;
    }
    let (cron, at) = cron?;
    let (tz, tz_at) = tz.unwrap_or(("UTC", at));
    // The zone alone first, so that a mistake in it is told at its place.
    if let Err(what) = Schedule::read("* * * * *", tz) {
        mistakes.push(Mistake::new(tz_at, what));
        return None;
    }
    match Schedule::read(cron, tz) {
        Ok(schedule) => Some(Begins::Schedule(Box::new(schedule))),
        Err(what) => {
            mistakes.push(Mistake::new(at, what));
            None
        }
    }
}

fn manual(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Begins> {
    if node.is == Is::Null {
        return Some(Begins::Manual(Vec::new()));
    }
    let fields = Fields::of(node, "`manual`", &["inputs"], mistakes)?;
    let Some(inputs) = fields.get("inputs") else { return Some(Begins::Manual(Vec::new())) };
    let Is::Map(entries) = &inputs.is else {
        mistakes.push(wrong("inputs", "a mapping from names to what each is", inputs));
        return None;
    };
    if let Some((key, _)) = entries.get(MOST_INPUTS) {
        mistakes
            .push(Mistake::new(key.at, format!("there are {} inputs; there are at most {MOST_INPUTS}", entries.len())));
        return None;
    }
    let mut read = Vec::new();
    for (key, node) in entries {
        if !is_name(&key.name) {
            let what = format!("{} is no name of an input; it has letters, digits, `_` and `-`", quoted(&key.name));
            mistakes.push(Mistake::new(key.at, what));
        }
        read.extend(input(&key.name, node, mistakes));
    }
    Some(Begins::Manual(read))
}

fn input(name: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Input> {
    const TYPES: &[(&str, InputKind)] =
        &[("string", InputKind::Text), ("number", InputKind::Number), ("boolean", InputKind::Flag)];
    let fields = Fields::of(node, "an input", &["type", "description", "required", "default"], mistakes)?;
    let kind = fields.word("type", InputKind::Text, TYPES, mistakes);
    let default = fields.get("default").filter(|node| {
        let fits = matches!(
            (kind, &node.is),
            (InputKind::Text, Is::Text(_))
                | (InputKind::Number, Is::Int(_) | Is::Float(_))
                | (InputKind::Flag, Is::Bool(_))
        );
        if !fits {
            mistakes.push(wrong("default", "a value of the input's `type`", node));
        }
        fits
    });
    let default = default.map(Node::to_json);
    Some(Input {
        name: name.to_owned(),
        kind,
        description: fields.text("description", mistakes).map(|(text, _)| text.to_owned()),
        required: fields.flag("required", false, mistakes),
        default,
    })
}

fn webhook(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Begins> {
    let fields = Fields::of(node, "`webhook`", &["id"], mistakes)?;
    let (id, at) = fields.need("id", mistakes).and_then(|node| text("id", node, mistakes))?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.len() <= 64 && id.chars().all(is_plain) {
        return Some(Begins::Webhook(id.to_owned()));
    }
    let what = format!("{} is no id of a webhook; it has small letters, digits and `-`, at most 64", quoted(id));
    mistakes.push(Mistake::new(at, what));
    None
}
