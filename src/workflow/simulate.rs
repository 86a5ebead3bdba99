//! A run that acts on nothing: what a workflow would do by an event, step by step.
//!
//! Owns hands that make up what comes of an action, and the report. The run itself is moved by the same `advance` as any
//! other. [`simulate`] takes values and gives a value: nothing that it is handed, and nothing in `Imagined`, can reach
//! a store, a file or a network. Delays are jumped over, approvals are answered as the caller assumes, and no event
//! that is awaited comes.

mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::ids::{PrincipalId, RunId};
use crate::domain::task::Person;
use crate::domain::time::Timestamp;
use crate::workflow::advance::{Happened, Next, advance};
use crate::workflow::begin::{Begun, Happening, When, consider};
use crate::workflow::condition::{Finding, Judged, Verdict};
use crate::workflow::definition::Workflow;
use crate::workflow::hands::{Act, Acted, Hands, Question};
use crate::workflow::known;
use crate::workflow::run::{Run, State};
use crate::workflow::step::{Does, Step};

/// Times that a simulated run is moved. One of 100 loops with 1,000 rounds is not shown to its end.
const MOST_MOVES: usize = 2_000;
/// Steps of rounds that are shown.
const MOST_SHOWN: usize = 500;
/// Why nothing is known of files, with the mend.
const NO_FILES: &str =
    "the files of the change are not given; put `files_changed: [\"src/a.py\"]` into the event's file";

/// What a simulation takes for granted.
pub struct Assumed<'a> {
    /// Whether people approve of what they are asked about.
    pub approve: bool,
    /// When it begins.
    pub now: Timestamp,
    /// What policies decide about an action, in words, where the caller knows.
    pub policy: Option<&'a dyn Fn(&str) -> String>,
}

/// What a workflow would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its name.
    pub workflow: String,
    /// Its version.
    pub version: String,
    /// By which event: `github/issues.opened`.
    pub event: String,
    /// Whether it begins.
    pub begins: bool,
    /// Why not, or why that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Each condition of its trigger.
    pub conditions: Vec<Condition>,
    /// The key by which the run is known again.
    pub key: String,
    /// By which runs count as running side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What in the texts of these keys may not be meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Its steps in their order, those within others behind them.
    pub steps: Vec<Simulated>,
    /// How the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// Why it fails, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A condition as it was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// The line of the file.
    pub line: usize,
    /// In how many groups it stands.
    pub depth: usize,
    /// The path; `any`, `all` or `none` for a group.
    pub path: String,
    /// The operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// What was wanted.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub wanted: Value,
    /// What is there; nothing where nothing is.
    pub found: Option<Value>,
    /// `holds`, `fails`, or that it cannot be told.
    pub result: &'static str,
    /// Why it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A step as it would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulated {
    /// Its path.
    pub step: String,
    /// The line of the file.
    pub line: usize,
    /// The action; `approval`, `delay`, `wait_for` or `for_each` for what is none.
    pub does: String,
    /// What would become of it.
    pub state: String,
    /// Why, or what it is about, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Each of its conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What it would be given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<SimulatedParam>,
    /// Under which it would be done once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What policies decide about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What in its texts may not be meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// What it is taken to come to.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub output: Value,
    /// Whether that is made up.
    pub simulated: bool,
}

/// Something that an action would be given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimulatedParam {
    /// Its name.
    pub name: String,
    /// In which notation it is escaped.
    pub sink: &'static str,
    /// It.
    pub value: Value,
}

impl Report {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        text::of(self)
    }

    /// Whether the workflow begins and would be done to its end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.begins && self.failure.is_none() && self.ends.is_some()
    }
}

/// An action that was simulated.
struct Deed {
    action: String,
    params: Vec<SimulatedParam>,
    key: String,
    remarks: Vec<String>,
    output: Value,
}

/// Hands that do nothing, and keep in mind what they were to do.
#[derive(Default)]
struct Imagined {
    deeds: BTreeMap<String, Deed>,
    judged: BTreeMap<String, Judged>,
    asked: BTreeMap<String, String>,
    /// Questions without an answer: the step, the number of the question, how many have to say yes.
    open: Vec<(String, u32, u32)>,
    /// Paths in the order in which they came up.
    order: Vec<String>,
}

impl Imagined {
    fn comes_up(&mut self, path: &str) {
        if !self.order.iter().any(|known| known == path) {
            self.order.push(path.to_owned());
        }
    }
}

impl Hands for Imagined {
    fn act(&mut self, act: &Act<'_>) -> Acted {
        self.comes_up(act.step);
        let output = known::simulated(act.action, act.args);
        let param = |(name, value): (&String, &Value)| SimulatedParam {
            name: name.clone(),
            sink: self.sink(act.action, name).as_str(),
            value: value.clone(),
        };
        let deed = Deed {
            action: act.action.to_owned(),
            params: act.args.iter().map(param).collect(),
            key: act.key.to_owned(),
            remarks: act.remarks.to_vec(),
            output: output.clone(),
        };
        self.deeds.insert(act.step.to_owned(), deed);
        Acted::Done { output, has_written: false, is_simulated: true }
    }

    fn ask(&mut self, question: &Question<'_>) {
        self.comes_up(question.step);
        let group = question.group.unwrap_or("those who run the bot");
        let mut said = format!("asks {} of {group}: {}", question.min, question.text);
        question.shown.iter().for_each(|(path, value)| said.push_str(&format!("; {path}: {value}")));
        self.asked.insert(question.step.to_owned(), said);
        self.open.push((question.step.to_owned(), question.attempt, question.min));
    }

    fn withdraw(&mut self, _: &str, _: u32) {}

    fn judged(&mut self, step: &str, judged: &Judged) {
        self.comes_up(step);
        self.judged.insert(step.to_owned(), judged.clone());
    }
}

/// What a workflow would do by something. Nothing where none of its triggers is about it.
#[must_use]
pub fn simulate(workflow: &Workflow, happening: &Happening, assumed: &Assumed<'_>) -> Option<Report> {
    let begun = consider(workflow, happening, assumed.now)?;
    let mut report = Report {
        workflow: workflow.name.clone(),
        version: workflow.version.to_string(),
        event: format!("{}/{}", happening.told.platform, happening.told.name),
        begins: begun.when == When::Now,
        why: why(&begun),
        conditions: begun.judged.findings.iter().map(condition).collect(),
        key: begun.key.clone(),
        group: begun.group.clone(),
        remarks: begun.remarks.clone(),
        steps: Vec::new(),
        ends: None,
        failure: None,
    };
    if report.begins {
        let run = begun.run(RunId(1), "", happening, assumed.now);
        let mut hands = Imagined::default();
        let run = play(workflow, run, &mut hands, assumed);
        report.ends = run.status.is_over().then(|| run.status.as_str().to_owned());
        report.failure = run.failure.as_ref().map(|failure| format!("`{}`: {}", failure.step, failure.message));
        report.steps = steps(workflow, &run, &hands, assumed);
    }
    Some(report)
}

fn why(begun: &Begun<'_>) -> Option<String> {
    match &begun.when {
        When::Now => None,
        When::Needs => Some(NO_FILES.to_owned()),
        When::Failed(why) => Some(why.clone()),
        When::TooDeep => Some("it follows from too many runs".to_owned()),
        When::Not => Some("its conditions do not hold".to_owned()),
    }
}

/// Moves a run to its end.
fn play(workflow: &Workflow, run: Run, hands: &mut Imagined, assumed: &Assumed<'_>) -> Run {
    let mut now = assumed.now;
    let mut happened = Happened::Begun;
    let mut run = run;
    for _ in 0..MOST_MOVES {
        let next = advance(workflow, run, happened, hands, now, &|_| 0.0);
        if next.run.status.is_over() {
            return next.run;
        }
        let (comes, at) = comes(&next, hands, assumed, now);
        run = next.run;
        match comes {
            Some(comes) => (happened, now) = (comes, at),
            None => return run,
        }
    }
    run
}

/// What comes next, and when.
fn comes(next: &Next, hands: &mut Imagined, assumed: &Assumed<'_>, now: Timestamp) -> (Option<Happened>, Timestamp) {
    if next.again {
        return (Some(Happened::Woken), now);
    }
    if next.needs_files {
        return (Some(Happened::Needed(Err(NO_FILES.to_owned()))), now);
    }
    if let Some((step, attempt, left)) = hands.open.pop() {
        let by = Person { id: PrincipalId(format!("assumed-{left}").into()), name: "somebody (assumed)".to_owned() };
        if assumed.approve && left > 1 {
            hands.open.push((step.clone(), attempt, left - 1));
        }
        return (Some(Happened::Decided { step, attempt, approved: assumed.approve, by }), now);
    }
    (next.wake.map(|_| Happened::Woken), next.wake.map_or(now, |wake| wake.max(now)))
}

fn condition(finding: &Finding) -> Condition {
    let (result, why) = match &finding.verdict {
        Verdict::Holds => ("holds", None),
        Verdict::Fails => ("fails", None),
        Verdict::Unknown(why) => ("cannot be told", Some(why.clone())),
        Verdict::Needs(_) => ("cannot be told", Some(NO_FILES.to_owned())),
        Verdict::Failed(why) => ("failed", Some(why.clone())),
    };
    Condition {
        line: finding.at.line,
        depth: finding.depth,
        path: finding.path.clone(),
        operator: finding.operator.map(|operator| operator.as_str().to_owned()),
        wanted: finding.wanted.clone(),
        found: finding.found.clone(),
        result,
        why,
    }
}

/// The steps as they would be: those of the workflow in their order, and what came up within each.
fn steps(workflow: &Workflow, run: &Run, hands: &Imagined, assumed: &Assumed<'_>) -> Vec<Simulated> {
    let mut shown = Vec::new();
    let afterwards = workflow.on_failure.iter().filter(|_| run.failure.is_some());
    for step in workflow.actions.iter().chain(afterwards) {
        shown.push(simulated(step, &step.id, run, hands, assumed));
        let within = hands.order.iter().filter(|path| {
            path.strip_prefix(&step.id).is_some_and(|rest| rest.starts_with('[') || rest.starts_with(".compensate."))
        });
        for path in within.take(MOST_SHOWN.saturating_sub(shown.len())) {
            if let Some(inner) = inner(step, path) {
                shown.push(simulated(inner, path, run, hands, assumed));
            }
        }
    }
    shown
}

/// The step of a path within another step.
fn inner<'s>(step: &'s Step, path: &str) -> Option<&'s Step> {
    let (_, rest) = path.rsplit_once('.')?;
    let of = |steps: &'s [Step]| steps.iter().find(|step| step.id.rsplit('.').next() == Some(rest));
    match &step.does {
        Does::Repeat(each) => of(&each.steps),
        Does::Act(action) => of(&action.on_error.compensate),
        _ => None,
    }
}

fn simulated(step: &Step, path: &str, run: &Run, hands: &Imagined, assumed: &Assumed<'_>) -> Simulated {
    let state = run.steps.get(path);
    let deed = hands.deeds.get(path);
    let (does, about) = match &step.does {
        Does::Act(action) => (action.name.clone(), None),
        Does::Ask(_) => ("approval".to_owned(), hands.asked.get(path).cloned()),
        Does::Sleep(_) => ("delay".to_owned(), None),
        Does::WaitFor(wait) => {
            ("wait_for".to_owned(), Some(format!("for {}/{}", wait.event.platform, wait.event.event)))
        }
        Does::Repeat(_) => ("for_each".to_owned(), None),
    };
    let word = match state.map(|step| (&step.state, step.approved)) {
        Some((State::Done, Some(true))) => "approved",
        Some((State::Done, Some(false))) => "turned down",
        Some((State::Done, None)) if matches!(step.does, Does::Act(_)) => "would be done",
        Some((State::Done, None)) => "over",
        Some((state, _)) => state.as_str(),
        None if deed.is_some() => "would be done",
        None if hands.judged.contains_key(path) => "passed over",
        None => "not reached",
    };
    let reason = state.and_then(|step| match &step.state {
        State::Skipped { why } => Some(why.clone()),
        _ => step.error.as_ref().map(|error| error.message.clone()),
    });
    let remarks = deed.map(|deed| &deed.remarks).or(state.map(|step| &step.remarks));
    Simulated {
        step: path.to_owned(),
        line: step.at.line,
        state: word.to_owned(),
        why: reason.or(about),
        conditions: hands
            .judged
            .get(path)
            .map_or_else(Vec::new, |judged| judged.findings.iter().map(condition).collect()),
        params: deed.map_or_else(Vec::new, |deed| deed.params.clone()),
        key: deed.map(|deed| deed.key.clone()),
        policy: deed.and_then(|deed| assumed.policy.map(|policy| policy(&deed.action))),
        remarks: remarks.cloned().unwrap_or_default(),
        output: deed.map_or(Value::Null, |deed| deed.output.clone()),
        simulated: deed.is_some(),
        does,
    }
}

/// The payload of an event's file, with the files that it changes, where `files_changed` stands in it.
#[must_use]
pub fn payload_and_files(mut payload: Map<String, Value>) -> (Value, Option<Value>) {
    let files = payload.remove(crate::workflow::condition::FILES_CHANGED);
    (Value::Object(payload), files)
}
