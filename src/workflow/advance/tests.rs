//! What each kind of step does, by example. What holds for all of them is `laws.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::domain::ids::{PrincipalId, RunId, TaskId};
use crate::workflow::begin::{By, Happening, begun};
use crate::workflow::file;
use crate::workflow::hands::{Act, Acted, Asks, Question};
use crate::workflow::known::{self, Known};
use crate::workflow::run::FailureKind;

mod again;
mod waits;

/// A question as it was asked.
pub(super) struct Asked {
    step: String,
    attempt: u32,
    asks: Asks,
    group: Option<String>,
    text: String,
    shown: Vec<(String, String)>,
}

/// Hands that do as they are told: for each step what comes of its tries, and else that it is done.
#[derive(Default)]
pub(super) struct Scripted {
    script: BTreeMap<String, Vec<Acted>>,
    pub(super) acted: Vec<(String, u32, String, Value)>,
    /// The tasks of which steps spoke.
    spoke_of: Vec<(String, TaskId)>,
    pub(super) asked: Vec<Asked>,
    pub(super) withdrawn: Vec<(String, u32)>,
}

impl Hands for Scripted {
    fn act(&mut self, act: &Act<'_>) -> Acted {
        let args = Value::Object(act.args.clone());
        self.acted.push((act.step.to_owned(), act.attempt, act.key.to_owned(), args));
        self.spoke_of.extend(act.speaks_of.map(|task| (act.step.to_owned(), task)));
        let scripted = self.script.get_mut(act.step).filter(|script| !script.is_empty());
        scripted.map_or_else(|| done(json!({ "of": act.step })), |script| script.remove(0))
    }

    fn ask(&mut self, question: &Question<'_>) {
        self.asked.push(Asked {
            step: question.step.to_owned(),
            attempt: question.attempt,
            asks: question.asks,
            group: question.group.map(ToOwned::to_owned),
            text: question.text.clone(),
            shown: question.shown.clone(),
        });
    }

    fn withdraw(&mut self, step: &str, attempt: u32) {
        self.withdrawn.push((step.to_owned(), attempt));
    }
}

fn done(output: Value) -> Acted {
    Acted::Done { output, has_written: false, is_simulated: false }
}

fn written() -> Acted {
    Acted::Done { output: json!({}), has_written: true, is_simulated: false }
}

fn owed(may_repeat: bool) -> Acted {
    Acted::Owed { late: None, may_repeat, has_written: false }
}

fn failed(kind: FailureKind) -> Acted {
    Acted::Failed(Failure::new(kind, "no luck"))
}

pub(super) fn person(id: &str) -> Person {
    Person { id: PrincipalId(id.into()), name: id.to_uppercase() }
}

/// A run that is played step by step.
struct Play {
    workflow: Workflow,
    next: Next,
    hands: Scripted,
    now: Timestamp,
}

pub(super) fn workflow(text: &str) -> Workflow {
    let text = format!("workflows:\n  w:\n    trigger: {{platform: github, event: issues.opened}}\n{text}");
    let actions = known::names(&["a", "b", "c", "d"]);
    let read = file::read(&text, &Known { actions: &actions, platforms: &["github", "slack"] });
    read.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).remove(0)
}

pub(super) fn happening(payload: Value) -> Happening {
    let told = Told::new("github", "issues.opened", payload, Timestamp(1_000));
    let (id, key) = (EventId(40), "github:d-1".to_owned());
    Happening { id, by: By::Event, told, key, requester: Some(person("mia")), cause: None }
}

impl Play {
    fn of(text: &str) -> Self {
        Self::with(text, &[])
    }

    fn with(text: &str, script: &[(&str, &[Acted])]) -> Self {
        let payload = json!({"issue": {"number": 7, "title": "<b>", "html_url": "page"}, "list": ["x", "y", "z"]});
        Self::about(text, payload, script)
    }

    fn about(text: &str, payload: Value, script: &[(&str, &[Acted])]) -> Self {
        let (workflow, happening, now) = (workflow(text), happening(payload), Timestamp(10_000));
        let begun = begun([&workflow], &happening, now);
        let run = begun[0].run(RunId(7), "w.yml", &happening, now);
        let next = Next { run, wake: None, awaits: Vec::new(), again: false, needs_files: false, refused: None };
        let script = script.iter().map(|(step, acted)| ((*step).to_owned(), acted.to_vec())).collect();
        let mut play = Self { workflow, next, hands: Scripted { script, ..Scripted::default() }, now };
        play.happens(Happened::Begun);
        play
    }

    /// Somebody sets it going again, and it has its turn at once.
    fn retried(&mut self, from: Option<&str>, after: u32) {
        self.happens(Happened::Retry { from: from.map(ToOwned::to_owned), after, by: person("ada") });
        if self.status() == Status::Queued {
            self.happens(Happened::Begun);
        }
    }

    fn happens(&mut self, happened: Happened) {
        let run = self.next.run.clone();
        let run: Run = serde_json::from_value(serde_json::to_value(run).unwrap()).unwrap();
        self.next = advance(&self.workflow, run, happened, &mut self.hands, self.now, &|_| 0.0);
    }

    /// Lets time pass, and wakes the run when it wants to be, so often.
    fn sleep(&mut self, most: usize) {
        for _ in 0..most {
            if self.next.again {
                self.happens(Happened::Woken);
            } else if let Some(wake) = self.next.wake {
                self.now = self.now.max(wake);
                self.happens(Happened::Woken);
            }
        }
    }

    fn ended(&mut self, step: &str, attempt: u32, end: End) {
        self.happens(Happened::Ended { step: step.to_owned(), attempt, end });
    }

    fn decided(&mut self, step: &str, attempt: u32, approved: bool, by: &str) {
        self.happens(Happened::Decided { step: step.to_owned(), attempt, approved, by: person(by) });
    }

    fn event(&mut self, id: u64, name: &str, payload: Value) {
        let told = Box::new(Told::new("github", name, payload, self.now));
        self.happens(Happened::Event { id: EventId(id), told });
    }

    fn acted(&self) -> Vec<&str> {
        self.hands.acted.iter().map(|(step, ..)| step.as_str()).collect()
    }

    fn args(&self, step: &str) -> &Value {
        &self.hands.acted.iter().rev().find(|(acted, ..)| acted == step).unwrap().3
    }

    fn status(&self) -> Status {
        self.next.run.status
    }

    fn why(&self) -> String {
        self.next.run.failure.as_ref().map_or_else(String::new, |f| format!("{}: {}", f.step, f.message))
    }

    fn until_wake(&self) -> Duration {
        self.next.wake.unwrap().since(self.now)
    }
}

#[test]
fn a_step_speaks_of_a_task_that_the_run_has_made_and_of_no_other() {
    let text = r#"
    actions:
      - { id: early, action: a, params: { text: "{task.key}" } }
      - { id: task, action: create_ai_crm_task, params: { title: x } }
      - { id: review, action: assign_reviewer, params: { agent: code-reviewer } }
      - { id: plain, action: a, params: { text: "{issue.title}" } }
      - { id: last, action: a, params: { text: "{issue.title} {task.title}" } }
      - { id: named, action: a, params: { list: [ { text: "{steps.review.output.title}" } ] } }
      - { id: none, action: a, params: { text: "{steps.plain.output.key}" } }
"#;
    let made = |key: &str| [done(json!({ "key": key, "title": "x" }))];
    // What an event or another step says looks like a task and is none.
    let payload = json!({"task": {"key": "T-1"}, "issue": {"title": "x"}});
    let script = [("task", &made("T-7")[..]), ("review", &made("T-8")[..]), ("plain", &made("T-9")[..])];
    let play = Play::about(text, payload, &script);
    assert_eq!(play.next.run.status, Status::Done);
    let wanted = [("last".to_owned(), TaskId(7)), ("named".to_owned(), TaskId(8))];
    assert_eq!(play.hands.spoke_of, wanted);
}

#[test]
fn steps_follow_each_other_and_see_what_came_before() {
    let play = Play::with(
        "    vars: {team: dev}
    actions:
      - {id: task, action: create_ai_crm_task, params: {title: \"{issue.title}\", n: [\"{issue.number}\"]}}
      - {action: slack_notification, params: {message: \"{issue.title} {task.title} {vars.team}\"}}
      - {when: {steps.task.output.n.gt: 5}, action: a}
      - {id: last, when: {steps.task.status: done}, action: b, params: {o: \"{steps.task.output}\", r: \"{run.id} {run.key}\"}}
",
        &[("task", &[done(json!({"title": "T", "n": 5}))])],
    );
    assert_eq!((play.status(), play.acted()), (Status::Done, vec!["task", "2", "last"]));
    assert_eq!(play.args("task"), &json!({"title": "<b>", "n": [7]}));
    assert_eq!(play.args("2"), &json!({"message": "&lt;b&gt; T dev"}));
    assert_eq!(play.args("last"), &json!({"o": {"title": "T", "n": 5}, "r": "R-7 github:d-1"}));
    assert!(matches!(play.next.run.steps["3"].state, State::Skipped { .. }));
    assert_eq!(play.hands.acted[0].2, "R-7@10000/task");
    assert_eq!((play.next.wake, play.next.again), (None, false));
}

#[test]
fn one_commit_has_what_one_tool_has_written() {
    let text = "    actions: [{action: a}, {action: b}, {action: c}]\n";
    let mut play = Play::with(text, &[("1", &[written()]), ("2", &[written()])]);
    assert!(play.next.again && play.status() == Status::Running);
    assert_eq!(play.acted(), ["1"]);
    play.happens(Happened::Woken);
    assert_eq!((play.next.again, play.acted().len()), (true, 2));
    play.happens(Happened::Woken);
    assert_eq!((play.status(), play.acted().len()), (Status::Done, 3));
}

#[test]
fn what_is_owed_is_waited_for_and_reports_of_other_tries_are_not_heard() {
    let text = "    actions: [{action: a, timeout: 1m, retry: {max: 1, jitter: false}}, {action: b, params: {n: \"{run.id}\"}}]\n";
    let mut play = Play::with(text, &[("1", &[owed(true), owed(true)])]);
    assert_eq!((play.status(), play.until_wake()), (Status::Running, Duration::from_secs(60)));
    for (step, attempt) in [("1", 2), ("1", 0), ("2", 1), ("9", 1)] {
        play.ended(step, attempt, End::Failed(Failure::lasting("x")));
        assert_eq!(play.status(), Status::Running, "{step} {attempt}");
    }
    play.ended("1", 1, End::Failed(Failure::new(FailureKind::Throttled, "slow down")));
    assert_eq!(play.until_wake(), Duration::from_secs(2));
    play.ended("1", 1, End::Failed(Failure::lasting("late")));
    play.sleep(1);
    assert_eq!(play.hands.acted[1].1, 2);
    assert_eq!(play.hands.acted[0].2, play.hands.acted[1].2, "a further try has the same key");
    play.ended("1", 1, End::Done { output: json!(1) });
    assert_eq!((play.status(), play.acted()), (Status::Done, vec!["1", "1", "2"]));
}

#[test]
fn tries_are_repeated_as_the_step_says() {
    for (retry, kind, pauses, tries) in [
        ("max: 3, backoff: exponential, initial: 2s, cap: 5s, jitter: false", FailureKind::Throttled, vec![2, 4, 5], 4),
        ("max: 2, backoff: linear, initial: 2s, jitter: false", FailureKind::Transient, vec![2, 4], 3),
        ("max: 2, backoff: fixed, initial: 7s", FailureKind::Timeout, vec![7, 7], 3),
        ("max: 2, on: [throttled]", FailureKind::Transient, vec![], 1),
        ("max: 2", FailureKind::Lasting, vec![], 1),
    ] {
        let text = format!("    actions: [{{action: a, retry: {{{retry}}}}}]\n");
        let mut play = Play::with(&text, &[("1", &vec![failed(kind); 9])]);
        for pause in pauses {
            assert_eq!(play.until_wake(), Duration::from_secs(pause), "{retry}");
            play.sleep(1);
        }
        assert_eq!((play.status(), play.acted().len()), (Status::Failed, tries), "{retry}");
        assert_eq!(play.why(), "1: no luck");
    }
    let wait = Failure { not_before: Some(Timestamp(100_000)), ..Failure::new(FailureKind::Throttled, "x") };
    let play = Play::with("    actions: [{action: a}]\n", &[("1", &[Acted::Failed(wait)])]);
    assert_eq!(play.next.wake, Some(Timestamp(100_000)));
}

#[test]
fn what_nobody_knows_to_be_undone_is_asked_about_and_not_repeated() {
    let text = "    actions: [{action: a, timeout: 30s}, {action: b}]\n";
    for (approved, tries) in [(true, vec!["1", "2"]), (false, vec!["1", "1", "2"])] {
        let mut play = Play::with(text, &[("1", &[owed(false)])]);
        play.sleep(1);
        assert_eq!((play.status(), play.acted()), (Status::Waiting, vec!["1"]));
        assert_eq!(play.hands.withdrawn, [("1".to_owned(), 1)]);
        let Asked { step, attempt, asks, group, .. } = &play.hands.asked[0];
        assert_eq!((step.as_str(), *attempt, *asks, group), ("1", 1, Asks::WasItDone, &None));
        play.decided("1", 1, approved, "ada");
        assert_eq!((play.status(), play.acted()), (Status::Done, tries));
    }
    let mut late = Play::with(text, &[("1", &[Acted::Unknown("cut off".to_owned())])]);
    late.ended("1", 1, End::Done { output: json!(1) });
    assert_eq!((late.status(), late.hands.withdrawn.len()), (Status::Done, 1), "the answer came after all");
    let mut silent = Play::with(text, &[("1", &[owed(true)])]);
    silent.ended("1", 1, End::Unknown("the answer was lost".to_owned()));
    silent.sleep(1);
    assert!(silent.why().contains("nobody has said within 3d"), "{}", silent.why());
}

#[test]
fn a_failure_is_made_up_for_told_or_passed() {
    let text = "    actions:
      - {id: first, action: a, on_error: {continue: true, compensate: [{action: b, params: {m: \"{error.step}: {error.message}\"}}]}}
      - {id: second, action: c, on_error: {compensate: [{id: x, action: d}]}}
      - {action: a}
    on_failure:
      - {action: b, params: {m: \"{error.step}: {error.message} {workflow.name} {steps.first.status}\"}}
      - {action: c}
";
    let no = || failed(FailureKind::Lasting);
    let play = Play::with(
        text,
        &[("first", &[no()]), ("second", &[no()]), ("second.compensate.x", &[no()]), ("on_failure.1", &[no()])],
    );
    let steps = ["first", "first.compensate.1", "second", "second.compensate.x", "on_failure.1", "on_failure.2"];
    assert_eq!((play.status(), play.acted()), (Status::Failed, steps.to_vec()));
    assert_eq!(play.args("first.compensate.1"), &json!({"m": "first: no luck"}));
    assert_eq!(play.args("on_failure.1"), &json!({"m": "second: no luck w failed"}));
    assert_eq!(play.why(), "second: no luck");
}

#[test]
fn a_loop_goes_round_side_by_side_and_keeps_what_came_of_it() {
    let text = "    actions:
      - id: each
        for_each: {in: \"{list}\", as: w, max: 3, parallel: 2, do: [{id: one, action: a, params: {w: \"{w}\"}}, {action: b, params: {o: \"{steps.one.output}\"}}]}
      - {action: c, params: {all: \"{steps.each.output}\", w: \"{w}\"}}
";
    let mut play = Play::with(text, &[("each[0].one", &[owed(true)]), ("each[1].one", &[owed(true)])]);
    assert_eq!(play.acted(), ["each[0].one", "each[1].one"]);
    play.ended("each[1].one", 1, End::Done { output: json!("second") });
    assert_eq!(play.acted()[2..], ["each[1].2", "each[2].one", "each[2].2"]);
    assert_eq!(play.args("each[1].2"), &json!({"o": "second"}));
    play.ended("each[0].one", 1, End::Done { output: json!(0) });
    assert_eq!(play.status(), Status::Done);
    let all = json!([{"of": "each[0].2"}, {"of": "each[1].2"}, {"of": "each[2].2"}]);
    assert_eq!(play.args("2"), &json!({"all": all, "w": null}));
    assert_eq!(play.next.run.steps.keys().collect::<Vec<_>>(), ["2", "each"]);
    for (list, said) in [(json!([1, 2, 3, 4]), "4 entries; `max` is 3"), (json!("x"), "has no list")] {
        let play = Play::about(text, json!({ "list": list }), &[]);
        assert!(play.why().contains(said), "{}", play.why());
    }
    assert_eq!(Play::about(text, json!({"list": []}), &[]).acted(), ["2"]);
}

#[test]
fn a_run_that_works_too_long_fails_and_what_it_waits_for_is_not_counted() {
    let text = "    timeout: 10m
    actions: [{action: a, timeout: 1h}, {delay: {for: 1d}}, {action: a, timeout: 1h}, {action: b}]
    on_failure: [{action: c, timeout: 1h}]
";
    let mut play = Play::with(text, &[("1", &[owed(true)]), ("3", &[owed(true)]), ("on_failure.1", &[owed(true)])]);
    assert_eq!(play.until_wake(), Duration::from_secs(600));
    play.now = play.now.after(Duration::from_secs(400));
    play.ended("1", 1, End::Done { output: json!(1) });
    play.sleep(1);
    assert_eq!((play.acted(), play.until_wake()), (vec!["1", "3"], Duration::from_secs(200)));
    play.sleep(1);
    assert_eq!(
        (play.acted().len(), play.why()),
        (3, "3: the run has worked for 10m, which is all that it may".to_owned())
    );
    assert_eq!(play.until_wake(), Duration::from_secs(600));
    play.sleep(1);
    assert_eq!((play.status(), play.hands.withdrawn.len()), (Status::Failed, 2));
}

#[test]
fn files_that_a_step_looks_at_are_fetched_first() {
    let text = "    actions: [{action: a}, {when: {files_changed.includes: [\"*.py\"]}, action: b}]\n";
    let pull = json!({"pull_request": {"number": 1}});
    for (files, status, steps) in [
        (Ok(vec!["x/y.py".to_owned()]), Status::Done, vec!["1", "2"]),
        (Ok(vec!["x/y.rs".to_owned()]), Status::Done, vec!["1"]),
        (Err("away".to_owned()), Status::Failed, vec!["1"]),
    ] {
        let mut play = Play::about(text, pull.clone(), &[]);
        assert!(play.next.needs_files && play.status() == Status::Running);
        play.happens(Happened::Needed(files));
        assert_eq!((play.status(), play.acted(), play.next.needs_files), (status, steps, false));
    }
}

#[test]
fn many_steps_are_not_done_in_one_commit() {
    let steps = "{action: a}, ".repeat(60);
    let text = format!(
        "    actions: [{{for_each: {{in: \"{{list}}\", max: 1000, do: [{{action: a}}, {{action: b}}]}}}}, {steps}]\n"
    );
    let list: Vec<u32> = (0..200).collect();
    let mut play = Play::about(&text, json!({ "list": list }), &[]);
    assert!(play.next.again && play.acted().len() <= 100, "{}", play.acted().len());
    play.sleep(10);
    assert_eq!((play.status(), play.acted().len()), (Status::Done, 460));
}
