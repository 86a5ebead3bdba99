//! A workflow, whichever file it comes from: what begins it, what it does, how its runs get along.
//!
//! Owns the keys of a workflow, their defaults and bounds. Its triggers, steps and the rest have files of their own; a
//! new key is a field of [`Workflow`] and a name in `KEYS`.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::workflow::duration::days;
use crate::workflow::fields::{Fields, Length, wrong};
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, Position};
use crate::workflow::reference;
use crate::workflow::step::{Place, Step};
use crate::workflow::template::Template;
use crate::workflow::trigger::Trigger;
use crate::workflow::version::Version;
use crate::workflow::yaml::Node;

/// All keys of a workflow.
const KEYS: &[&str] = &[
    "enabled",
    "mode",
    "concurrency",
    "on_duplicate",
    "idempotency_key",
    "dedupe_window",
    "timeout",
    "allow_self",
    "shadow",
    "vars",
    "trigger",
    "triggers",
    "actions",
    "on_failure",
];

/// How long a key is known again. Platforms tell of something again within days, and people replay within a month.
const DEDUPE_WINDOW: Length = Length { default: days(30), least: Duration::from_secs(60), most: days(90) };
/// How long a run may work.
const TIMEOUT: Length = Length { default: Duration::from_secs(7_200), least: Duration::from_secs(1), most: days(30) };
/// Runs of one key at a time, where they may stand side by side.
const PARALLEL_RUNS: u32 = 10;
const MOST_RUNS: u32 = 100;
/// Triggers and steps of a workflow: far more than a page shows.
const MOST_TRIGGERS: usize = 20;
const MOST_STEPS: usize = 100;

/// A workflow, checked.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Its name, of which there is one in an installation.
    pub name: String,
    /// Where it stands in its file.
    pub at: Position,
    /// A digest of what it says.
    pub version: Version,
    /// Whether anything begins it; true by default.
    pub enabled: bool,
    /// What happens when it is begun while it runs; `parallel` by default.
    pub mode: Mode,
    /// Which runs count as running side by side.
    pub concurrency: Concurrency,
    /// What happens when the same key comes again; `skip` by default.
    pub on_duplicate: OnDuplicate,
    /// By which a happening is known again; without it, by the keys of its event.
    pub idempotency_key: Option<Template>,
    /// For how long it is known again: 1 min to 90 d, 30 d by default.
    pub dedupe_window: Duration,
    /// How long a run may work, what it waits for people, times and events not counted: 1 s to 30 d, 2 h by default.
    pub timeout: Duration,
    /// Whether what runs have caused begins it, to a depth of three; false by default.
    pub allow_self: bool,
    /// Whether its runs only say what they would do; false by default.
    pub shadow: bool,
    /// What stands in `{vars.NAME}`.
    pub vars: Map<String, Value>,
    /// What begins it; at least one, at most 20.
    pub triggers: Vec<Trigger>,
    /// What it does, in this order; at least one, at most 100.
    pub actions: Vec<Step>,
    /// What is done where it fails; actions alone.
    pub on_failure: Vec<Step>,
}

/// What happens when a workflow is begun while as many runs of the same key as may be are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `single`: one at a time; what begins another is passed over.
    Single,
    /// `restart`: one at a time; the one that runs is ended.
    Restart,
    /// `queued`: the next begins when one is over, in order; `concurrency.max` at a time, 1 by default.
    Queued,
    /// `parallel`: they run side by side, `concurrency.max` at a time, 10 by default; what is above that waits.
    Parallel,
}

/// Which runs count as running side by side.
#[derive(Debug, Clone)]
pub struct Concurrency {
    /// Those for which this is the same; without it, all runs of the workflow.
    pub key: Option<Template>,
    /// So many at a time: 1 to 100.
    pub max: u32,
}

/// What happens when the same key comes again within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDuplicate {
    /// `skip`: nothing.
    Skip,
    /// `run`: the workflow is begun again.
    Run,
}

impl Workflow {
    /// Reads one workflow. Nothing where it is wrong, which the mistakes then say.
    pub(super) fn read(
        name: &str,
        at: Position,
        node: &Node,
        known: &Known<'_>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let fields = Fields::of(node, "a workflow", KEYS, mistakes)?;
        let nodes = triggers(&fields, mistakes);
        let triggers: Vec<Trigger> = nodes.iter().filter_map(|node| Trigger::read(node, known, mistakes)).collect();
        fields.need("actions", mistakes);
        let place = Place::new(known, &triggers);
        let actions = place.steps(fields.list("actions", MOST_STEPS, mistakes), mistakes);
        let afterwards = place.actions_alone("`on_failure`");
        let on_failure = afterwards.steps(fields.list("on_failure", MOST_STEPS, mistakes), mistakes);
        reference::check(node, mistakes);
        let mut workflow = Self::plain(name, at, Version::of([node]), triggers, actions);
        workflow.on_failure = on_failure;
        workflow.read_settings(&fields, mistakes);
        Some(workflow)
    }

    /// A workflow with all else as it is by default.
    pub(super) fn plain(
        name: &str,
        at: Position,
        version: Version,
        triggers: Vec<Trigger>,
        actions: Vec<Step>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            at,
            version,
            enabled: true,
            mode: Mode::Parallel,
            concurrency: Concurrency { key: None, max: PARALLEL_RUNS },
            on_duplicate: OnDuplicate::Skip,
            idempotency_key: None,
            dedupe_window: DEDUPE_WINDOW.default,
            timeout: TIMEOUT.default,
            allow_self: false,
            shadow: false,
            vars: Map::new(),
            triggers,
            actions,
            on_failure: Vec::new(),
        }
    }

    fn read_settings(&mut self, fields: &Fields<'_>, mistakes: &mut Vec<Mistake>) {
        const MODES: &[(&str, Mode)] = &[
            ("single", Mode::Single),
            ("restart", Mode::Restart),
            ("queued", Mode::Queued),
            ("parallel", Mode::Parallel),
        ];
        const DUPLICATES: &[(&str, OnDuplicate)] = &[("skip", OnDuplicate::Skip), ("run", OnDuplicate::Run)];
        self.enabled = fields.flag("enabled", true, mistakes);
        self.mode = fields.word("mode", Mode::Parallel, MODES, mistakes);
        self.concurrency = concurrency(fields, self.mode, mistakes);
        self.on_duplicate = fields.word("on_duplicate", OnDuplicate::Skip, DUPLICATES, mistakes);
        self.idempotency_key = fields.template("idempotency_key", mistakes);
        self.dedupe_window = fields.length("dedupe_window", &DEDUPE_WINDOW, mistakes);
        self.timeout = fields.length("timeout", &TIMEOUT, mistakes);
        self.shadow = fields.flag("shadow", false, mistakes);
        self.allow_self = fields.flag("allow_self", false, mistakes);
        match fields.get("vars").map(|node| (node, node.to_json())) {
            None => {}
            Some((_, Value::Object(vars))) => self.vars = vars,
            Some((node, _)) => mistakes.push(wrong("vars", "a mapping from names to values", node)),
        }
    }
}

/// The triggers of a workflow: one, or a list of them.
fn triggers<'n>(fields: &Fields<'n>, mistakes: &mut Vec<Mistake>) -> Vec<&'n Node> {
    match fields.among(&["trigger", "triggers"])[..] {
        ["trigger"] => fields.get("trigger").into_iter().collect(),
        ["triggers"] => fields.list("triggers", MOST_TRIGGERS, mistakes).iter().collect(),
        [] => {
            mistakes.push(Mistake::new(fields.at, "a workflow needs `trigger`, which is missing here"));
            Vec::new()
        }
        _ => {
            let at = fields.place_of("trigger").max(fields.place_of("triggers"));
            mistakes.push(Mistake::new(at, "a workflow has either a `trigger` or a list of `triggers`, not both"));
            Vec::new()
        }
    }
}

fn concurrency(fields: &Fields<'_>, mode: Mode, mistakes: &mut Vec<Mistake>) -> Concurrency {
    let default = if mode == Mode::Parallel { PARALLEL_RUNS } else { 1 };
    let none = Concurrency { key: None, max: default };
    let Some(node) = fields.get("concurrency") else { return none };
    let Some(fields) = Fields::of(node, "`concurrency`", &["key", "max"], mistakes) else { return none };
    let max = fields.number("max", default, 1..=MOST_RUNS, mistakes);
    if max > 1 && matches!(mode, Mode::Single | Mode::Restart) {
        let what = "one run at a time is what `single` and `restart` mean; leave `max` out, or take `mode: queued`";
        mistakes.push(Mistake::new(fields.place_of("max"), what));
    }
    Concurrency { key: fields.template("key", mistakes), max }
}
