//! The steps of a workflow: which kind each is, what it is called, when it is due.
//!
//! Owns what all kinds have in common, and the loop. That ids are used once is `reference.rs`. A new kind is a line in `KINDS`,
//! a variant of [`Does`], and a file with its keys.

use crate::workflow::action::Action;
use crate::workflow::condition::Conditions;
use crate::workflow::context::RESERVED;
use crate::workflow::fields::{Fields, is_name, text, wrong};
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, Position, listed, quoted};
use crate::workflow::param::Param;
use crate::workflow::pause::{Approval, Delay, WaitFor};
use crate::workflow::trigger::Trigger;
use crate::workflow::yaml::{Is, Key, Node};

/// The key by which a step says what it is, and the keys that may stand beside it.
const KINDS: &[(&str, &[&str])] = &[
    ("action", &["id", "when", "action", "params", "retry", "timeout", "idempotency_key", "on_error"]),
    ("approval", &["id", "when", "approval"]),
    ("delay", &["id", "when", "delay"]),
    ("wait_for", &["id", "when", "wait_for"]),
    ("for_each", &["id", "when", "for_each"]),
];
/// The keys of a step among others that are done where something failed: nothing follows where they fail too.
const AFTER_A_FAILURE: &[&str] = &["id", "when", "action", "params", "retry", "timeout", "idempotency_key"];

/// Times that a loop may go round, and how many at once.
const MOST_ROUNDS: u32 = 1000;
const ROUNDS: u32 = 100;
const MOST_PARALLEL: u32 = 20;
/// Steps of one round. Each is a commit and a call.
const MOST_IN_A_ROUND: usize = 20;

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub at: Position,
    /// What it is called in `steps.<id>`; without a name of its own its place, from 1 (`3`, in a loop `3.1`), by which
    /// no path leads to it.
    pub id: String,
    /// It is passed over where these are not true.
    pub when: Option<Conditions>,
    /// What it does.
    pub does: Does,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Does {
    /// `action`.
    Act(Box<Action>),
    /// `approval`.
    Ask(Box<Approval>),
    /// `delay`.
    Sleep(Delay),
    /// `wait_for`.
    WaitFor(Box<WaitFor>),
    /// `for_each`.
    Repeat(Box<ForEach>),
}

/// Actions that are done for each entry of a list.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// The list.
    pub list: Param,
    /// What an entry is called in `{path}`; `item` by default.
    pub name: String,
    /// Entries after which the list is too long and the step fails: 1 to 1000, 100 by default.
    pub max: u32,
    /// So many at one time: 1 to 20, 1 by default.
    pub parallel: u32,
    /// What is done, in this order. Actions alone: who waits would wait in every round.
    pub steps: Vec<Step>,
}

/// Where steps stand, for those who read them.
pub(super) struct Place<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) triggers: &'a [Trigger],
    /// The key whose list holds actions alone; `None` among the steps of a workflow.
    within: Option<&'static str>,
    /// What precedes the numbers of steps without an id.
    prefix: String,
    /// They are done because something failed.
    is_after_a_failure: bool,
}

impl<'a> Place<'a> {
    /// Among the steps of a workflow.
    pub(super) fn new(known: &'a Known<'a>, triggers: &'a [Trigger]) -> Self {
        Self { known, triggers, within: None, prefix: String::new(), is_after_a_failure: false }
    }

    /// Under a key whose steps are done where something failed.
    pub(super) fn actions_alone(&self, within: &'static str) -> Self {
        let prefix = format!("{}{}.", self.prefix, within.trim_matches('`'));
        Self { within: Some(within), prefix, is_after_a_failure: true, ..*self }
    }

    fn in_a_loop(&self, id: &str) -> Self {
        Self { within: Some("`do`"), prefix: format!("{id}."), is_after_a_failure: false, ..*self }
    }

    /// Reads the steps of a list.
    pub(super) fn steps(&self, nodes: &[Node], mistakes: &mut Vec<Mistake>) -> Vec<Step> {
        let numbered = nodes.iter().zip(1..);
        numbered.filter_map(|(node, number)| self.step(node, number, mistakes)).collect()
    }

    fn step(&self, node: &Node, number: usize, mistakes: &mut Vec<Mistake>) -> Option<Step> {
        let (kind, keys) = self.kind(node, mistakes)?;
        let fields = Fields::of(node, "a step", keys, mistakes)?;
        let id = match fields.get("id") {
            Some(node) => id(node, mistakes)?,
            None => format!("{}{number}", self.prefix),
        };
        let when = fields.conditions("when", mistakes);
        let value = fields.get(kind)?;
        let does = match kind {
            "action" => Does::Act(Box::new(Action::read(&fields, self, mistakes)?)),
            "approval" => Does::Ask(Box::new(Approval::read(value, mistakes)?)),
            "delay" => Does::Sleep(Delay::read(value, mistakes)?),
            "wait_for" => Does::WaitFor(Box::new(WaitFor::read(value, self, mistakes)?)),
            _ => Does::Repeat(Box::new(ForEach::read(value, &self.in_a_loop(&id), mistakes)?)),
        };
        Some(Step { at: node.at, id, when, does })
    }

    /// The kind of a step, by its key, with all its keys.
    fn kind(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<(&'static str, &'static [&'static str])> {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let Is::Map(_) = &node.is else {
            let what = format!("a step is a mapping with one of {}, not {}", listed(&names), node.kind());
            mistakes.push(Mistake::new(node.at, what));
            return None;
        };
        let mut found = KINDS.iter().filter_map(|(name, keys)| Some((entry(node, name)?.0.at, *name, *keys)));
        let (first, second) = (found.next(), found.next());
        let wrong = match (first, second, self.within) {
            (None, ..) => Mistake::new(node.at, format!("a step has one of {}; none is here", listed(&names))),
            (Some((a, first, _)), Some((b, second, _)), _) => {
                Mistake::new(a.max(b), format!("a step is one thing; `{first}` and `{second}` are two steps"))
            }
            (Some((at, name, _)), None, Some(within)) if name != "action" => {
                Mistake::new(at, format!("{within} holds actions alone; `{name}` stands among the steps of a workflow"))
            }
            (Some((_, name, _)), None, _) if self.is_after_a_failure => return Some((name, AFTER_A_FAILURE)),
            (Some((_, name, keys)), None, _) => return Some((name, keys)),
        };
        mistakes.push(wrong);
        None
    }
}

fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n (Key, Node)> {
    match &node.is {
        Is::Map(entries) => entries.iter().find(|(key, _)| key.name == name),
        _ => None,
    }
}

fn id(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let (id, at) = text("id", node, mistakes)?;
    if is_name(id) {
        return Some(id.to_owned());
    }
    let what = format!("{} is no id: it has letters, digits, `_` and `-`, a letter first, at most 64", quoted(id));
    mistakes.push(Mistake::new(at, what));
    None
}

impl ForEach {
    fn read(node: &Node, place: &Place<'_>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let fields = Fields::of(node, "`for_each`", &["in", "as", "max", "parallel", "do"], mistakes)?;
        let list = fields.need("in", mistakes).and_then(|node| match &node.is {
            Is::Text(_) | Is::List(_) => Some(Param::read(node, mistakes)),
            _ => {
                mistakes.push(wrong("in", "a list, or a path to one: `\"{steps.find.output}\"`", node));
                None
            }
        });
        let name = fields.text("as", mistakes).unwrap_or(("item", fields.at));
        if !is_name(name.0) {
            let what = format!("{} is no name: it has letters, digits, `_` and `-`, a letter first", quoted(name.0));
            mistakes.push(Mistake::new(name.1, what));
        }
        if RESERVED.contains(&name.0) {
            let what = format!("{} is what a run has by that name; take another, such as `item`", quoted(name.0));
            mistakes.push(Mistake::new(name.1, what));
        }
        fields.need("do", mistakes);
        Some(Self {
            name: name.0.to_owned(),
            max: fields.number("max", ROUNDS, 1..=MOST_ROUNDS, mistakes),
            parallel: fields.number("parallel", 1, 1..=MOST_PARALLEL, mistakes),
            steps: place.steps(fields.list("do", MOST_IN_A_ROUND, mistakes), mistakes),
            list: list?,
        })
    }
}
