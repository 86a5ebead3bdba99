//! Steps in which a run waits: for people, for a time, for an event.
//!
//! Owns their keys and bounds. What they wait by is kept elsewhere; here it is what was written.

use std::time::Duration;

use crate::workflow::condition::Conditions;
use crate::workflow::duration::days;
use crate::workflow::fields::{Fields, Length, text, wrong};
use crate::workflow::mistake::{Mistake, quoted};
use crate::workflow::scope::Path;
use crate::workflow::step::Place;
use crate::workflow::template::Template;
use crate::workflow::trigger::{EventName, awaited};
use crate::workflow::yaml::{Is, Node};

/// How long people have to decide.
const EXPIRES: Length = Length { default: days(1), least: Duration::from_secs(60), most: days(30) };
/// How long a run may sleep.
const DELAY: Length = Length { default: Duration::ZERO, least: Duration::from_secs(1), most: days(90) };
/// How long a run may wait for an event.
const AWAITED: Length = Length { default: days(3), least: Duration::from_secs(60), most: days(90) };
/// People of whom a yes is needed.
const MOST_APPROVERS: u32 = 10;
/// Values that are shown with a question: as many as a card shows without a scroll.
const MOST_SHOWN: usize = 20;

/// A question to people, of whose answer `steps.<id>.approved` tells.
#[derive(Debug, Clone)]
pub struct Approval {
    /// When it is asked; where these are not true nobody is, and it counts as approved. Always, without any.
    pub only_if: Option<Conditions>,
    /// Who may decide.
    pub approvers: Approvers,
    /// The question.
    pub ask: Template,
    /// What is shown with it: each path, and its value as a template. At most 20.
    pub show: Vec<(String, Template)>,
    /// How long they have: 1 min to 30 d, 1 d by default.
    pub expires: Duration,
    /// What follows where nobody has decided by then; a no by default.
    pub on_expire: OnExpire,
}

/// Who may decide about an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvers {
    /// The members of this group.
    pub group: String,
    /// So many have to say yes: 1 to 10, 1 by default.
    pub min: u32,
    /// Not the one by whose doing the run began; true by default.
    pub exclude_requester: bool,
}

/// What follows where nobody has decided in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnExpire {
    /// `deny`: that is a no.
    Deny,
    /// `escalate: {group: …}`: the members of this group are asked, for as long again, and then it is a no.
    Escalate(String),
}

/// A pause.
#[derive(Debug, Clone)]
pub enum Delay {
    /// `for`: so long, 1 s to 90 d.
    For(Duration),
    /// `until`: to the time that stands there; one that is past is no pause.
    Until(Template),
}

/// A pause until something happens.
#[derive(Debug, Clone)]
pub struct WaitFor {
    /// What.
    pub event: EventName,
    /// Which of them; any, without conditions.
    pub conditions: Option<Conditions>,
    /// How long: 1 min to 90 d, 3 d by default.
    pub timeout: Duration,
    /// Whether the run goes on where it has not happened by then (`continue`) or fails (`fail`, the default).
    pub is_continued: bool,
}

impl Approval {
    pub(super) fn read(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let keys = ["if", "approvers", "ask", "show", "expires", "on_expire"];
        let fields = Fields::of(node, "an approval", &keys, mistakes)?;
        let approvers = fields.need("approvers", mistakes).and_then(|node| Approvers::read(node, mistakes));
        fields.need("ask", mistakes);
        let ask = fields.template("ask", mistakes);
        let shown = fields.list("show", MOST_SHOWN, mistakes);
        Some(Self {
            only_if: fields.conditions("if", mistakes),
            show: shown.iter().filter_map(|node| shown_path(node, mistakes)).collect(),
            expires: fields.length("expires", &EXPIRES, mistakes),
            on_expire: fields.get("on_expire").map_or(Some(OnExpire::Deny), |node| OnExpire::read(node, mistakes))?,
            approvers: approvers?,
            ask: ask?,
        })
    }
}

fn shown_path(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<(String, Template)> {
    let (path, at) = text("show", node, mistakes)?;
    if let Err(wrong) = Path::read(path) {
        let what = format!("`show` lists paths such as `task.title`; {} is none: {wrong}", quoted(path));
        mistakes.push(Mistake::new(at, what));
        return None;
    }
    Some((path.to_owned(), Template::read(&format!("{{{path}}}"), at, mistakes)))
}

impl Approvers {
    fn read(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let fields = Fields::of(node, "`approvers`", &["group", "min", "exclude_requester"], mistakes)?;
        let group = fields.need("group", mistakes).and_then(|node| text("group", node, mistakes));
        let min = fields.number("min", 1, 1..=MOST_APPROVERS, mistakes);
        let exclude_requester = fields.flag("exclude_requester", true, mistakes);
        Some(Self { group: group?.0.to_owned(), min, exclude_requester })
    }
}

impl OnExpire {
    fn read(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        match &node.is {
            Is::Text(word) if word == "deny" => Some(Self::Deny),
            Is::Map(_) => {
                let fields = Fields::of(node, "`on_expire`", &["escalate"], mistakes)?;
                let escalate = fields.need("escalate", mistakes)?;
                let fields = Fields::of(escalate, "`escalate`", &["group"], mistakes)?;
                let (group, _) = fields.need("group", mistakes).and_then(|node| text("group", node, mistakes))?;
                Some(Self::Escalate(group.to_owned()))
            }
            _ => {
                mistakes.push(wrong("on_expire", "`deny` or `{escalate: {group: …}}`", node));
                None
            }
        }
    }
}

impl Delay {
    pub(super) fn read(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let fields = Fields::of(node, "a delay", &["for", "until"], mistakes)?;
        match fields.among(&["for", "until"])[..] {
            ["for"] => Some(Self::For(fields.length("for", &DELAY, mistakes))),
            ["until"] => fields.template("until", mistakes).map(Self::Until),
            _ => {
                mistakes.push(Mistake::new(fields.at, "a delay has either `for: 15m` or `until: \"{path}\"`"));
                None
            }
        }
    }
}

impl WaitFor {
    pub(super) fn read(node: &Node, place: &Place<'_>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        const ENDS: &[(&str, bool)] = &[("continue", true), ("fail", false)];
        let fields = Fields::of(node, "`wait_for`", &["event", "where", "timeout", "on_timeout"], mistakes)?;
        let name = fields.need("event", mistakes).and_then(|node| text("event", node, mistakes));
        let event = name.and_then(|name| awaited(name, place.triggers, place.known, mistakes));
        Some(Self {
            conditions: fields.conditions("where", mistakes),
            timeout: fields.length("timeout", &AWAITED, mistakes),
            is_continued: fields.word("on_timeout", false, ENDS, mistakes),
            event: event?,
        })
    }
}
