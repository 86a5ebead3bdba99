//! A step that does something: which action, with what, how often it is tried, and what follows where it fails.
//!
//! Owns the keys of such a step and their bounds. Which actions there are the caller says; what each takes the action
//! knows.

use std::time::Duration;

use crate::workflow::duration::days;
use crate::workflow::fields::{Fields, Length, text, word, wrong};
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, instead, quoted};
use crate::workflow::param::Param;
use crate::workflow::step::{Place, Step};
use crate::workflow::template::Template;
use crate::workflow::yaml::{Is, Node};

/// How long an action may take. What takes longer than an hour has failed, whatever it is.
const TIMEOUT: Length =
    Length { default: Duration::from_secs(30), least: Duration::from_secs(1), most: Duration::from_secs(3_600) };
/// The pause before the second try.
const INITIAL: Length =
    Length { default: Duration::from_secs(2), least: Duration::from_secs(1), most: Duration::from_secs(3_600) };
/// The longest pause between two tries.
const CAP: Length = Length { default: Duration::from_secs(300), least: Duration::from_secs(1), most: days(1) };
/// Tries after the first: with a pause of a day between them, more would outlast every run.
const MOST_RETRIES: u32 = 20;
/// Steps that make up for one that failed.
const MOST_COMPENSATIONS: usize = 20;

/// An action and how it is done.
#[derive(Debug, Clone)]
pub struct Action {
    /// Its name: `create_ai_crm_task`, or a tool's.
    pub name: String,
    /// What it is given, by name.
    pub params: Vec<(String, Param)>,
    /// Whether and how it is tried again; without it, as the action itself says.
    pub retry: Option<Retry>,
    /// How long one try may take: 1 s to 1 h, 30 s by default.
    pub timeout: Duration,
    /// Under which it is done once; without it, the run and the step.
    pub idempotency_key: Option<Template>,
    /// What follows where it fails.
    pub on_error: OnError,
}

/// How an action is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first: 1 to 20, 3 by default.
    pub max: u32,
    /// How the pauses grow; `exponential` by default.
    pub backoff: Backoff,
    /// The first pause: 1 s to 1 h, 2 s by default.
    pub initial: Duration,
    /// The longest pause: 1 s to 1 d, 5 min by default; never shorter than the first.
    pub cap: Duration,
    /// Pauses are shortened by chance, so that not all come back at once; true by default.
    pub jitter: bool,
    /// After which failures; all three by default.
    pub on: Vec<Failed>,
}

/// How pauses between tries grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// They are all as long as the first.
    Fixed,
    /// Each is longer than the one before by the first.
    Linear,
    /// Each is twice the one before.
    Exponential,
}

/// A failure after which another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// The platform asks to be left alone for a while.
    Throttled,
    /// The platform is away or in trouble.
    Transient,
    /// There was no answer in time.
    Timeout,
}

/// What follows where an action fails for good.
#[derive(Debug, Clone, Default)]
pub struct OnError {
    /// The run goes on as if it had not failed; false by default.
    pub is_continued: bool,
    /// What is done then, before the run goes on or ends.
    pub compensate: Vec<Step>,
}

impl Action {
    /// Reads what stands beside `action:`.
    pub(super) fn read(fields: &Fields<'_>, place: &Place<'_>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let name = fields.get("action").and_then(|node| action_name(node, place.known, mistakes));
        let params = fields.get("params").map_or_else(Vec::new, |node| params(node, mistakes));
        let retry = fields.get("retry").and_then(|node| Retry::read(node, mistakes));
        let timeout = fields.length("timeout", &TIMEOUT, mistakes);
        let idempotency_key = fields.template("idempotency_key", mistakes);
        let on_error = fields.get("on_error").and_then(|node| OnError::read(node, place, mistakes));
        Some(Self { name: name?, params, retry, timeout, idempotency_key, on_error: on_error.unwrap_or_default() })
    }

    /// An action with all else as it is by default.
    pub(super) fn plain(name: &str, params: Vec<(String, Param)>) -> Self {
        let (retry, idempotency_key, on_error) = (None, None, OnError::default());
        Self { name: name.to_owned(), params, retry, timeout: TIMEOUT.default, idempotency_key, on_error }
    }
}

fn action_name(node: &Node, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let (name, at) = text("action", node, mistakes)?;
    if known.actions.contains(&name) {
        return Some(name.to_owned());
    }
    mistakes.push(Mistake::new(at, format!("there is no action {}; {}", quoted(name), instead(name, known.actions))));
    None
}

fn params(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<(String, Param)> {
    let Is::Map(entries) = &node.is else {
        mistakes.push(wrong("params", "a mapping from names to values", node));
        return Vec::new();
    };
    entries.iter().map(|(key, node)| (key.name.clone(), Param::read(node, mistakes))).collect()
}

impl Default for Retry {
    /// Three times, after 2, 4 and 8 seconds at most, whichever failure may pass.
    fn default() -> Self {
        let on = vec![Failed::Throttled, Failed::Transient, Failed::Timeout];
        let (initial, cap) = (INITIAL.default, CAP.default);
        Self { max: 3, backoff: Backoff::Exponential, initial, cap, jitter: true, on }
    }
}

impl Retry {
    /// The pause behind so many failed tries, at least one. `chance`, from 0 to 1, shortens it by up to a half.
    #[must_use]
    pub fn pause(&self, failed: u32, chance: f64) -> Duration {
        let failed = failed.max(1);
        let times = match self.backoff {
            Backoff::Fixed => 1,
            Backoff::Linear => failed,
            Backoff::Exponential => 1_u32.checked_shl(failed - 1).unwrap_or(u32::MAX),
        };
        let pause = self.initial.checked_mul(times).unwrap_or(self.cap).min(self.cap);
        let chance = if self.jitter && (0.0..=1.0).contains(&chance) { chance } else { 0.0 };
        pause.mul_f64(1.0 - chance / 2.0)
    }

    fn read(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        const BACKOFFS: &[(&str, Backoff)] =
            &[("fixed", Backoff::Fixed), ("linear", Backoff::Linear), ("exponential", Backoff::Exponential)];
        let keys = ["max", "backoff", "initial", "cap", "jitter", "on"];
        let fields = Fields::of(node, "`retry`", &keys, mistakes)?;
        let retry = Self {
            max: fields.number("max", 3, 1..=MOST_RETRIES, mistakes),
            backoff: fields.word("backoff", Backoff::Exponential, BACKOFFS, mistakes),
            initial: fields.length("initial", &INITIAL, mistakes),
            cap: fields.length("cap", &CAP, mistakes),
            jitter: fields.flag("jitter", true, mistakes),
            on: failures(&fields, mistakes),
        };
        if retry.cap < retry.initial {
            let what = "`cap` is the longest pause, and shorter than `initial`, the first";
            mistakes.push(Mistake::new(fields.place_of("cap"), what));
        }
        Some(retry)
    }
}

fn failures(fields: &Fields<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Failed> {
    const FAILURES: &[(&str, Failed)] =
        &[("throttled", Failed::Throttled), ("transient", Failed::Transient), ("timeout", Failed::Timeout)];
    if fields.get("on").is_none() {
        return FAILURES.iter().map(|(_, failed)| *failed).collect();
    }
    let nodes = fields.list("on", FAILURES.len(), mistakes);
    nodes.iter().filter_map(|node| word("on", node, FAILURES, mistakes)).collect()
}

impl OnError {
    fn read(node: &Node, place: &Place<'_>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let fields = Fields::of(node, "`on_error`", &["continue", "compensate"], mistakes)?;
        let is_continued = fields.flag("continue", false, mistakes);
        let nodes = fields.list("compensate", MOST_COMPENSATIONS, mistakes);
        Some(Self { is_continued, compensate: place.actions_alone("`compensate`").steps(nodes, mistakes) })
    }
}
