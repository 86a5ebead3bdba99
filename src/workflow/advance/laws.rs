//! What holds for every workflow, whatever comes of its steps and wherever the program dies: the same end and the same
//! effects, each once, and an end to every run.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};

use proptest::prelude::*;
use serde_json::json;

use super::tests::{happening, person, workflow};
use super::*;
use crate::domain::ids::RunId;
use crate::workflow::begin::begun;
use crate::workflow::hands::{Act, Acted, Asks, Question};
use crate::workflow::run::FailureKind;

/// A world in which each try of each step has its fate, and in which what was done stays done.
#[derive(Clone)]
struct World {
    seed: u64,
    /// Keys of what was done, in order.
    done: Vec<String>,
    /// Keys of what may be done already, without anybody's word, and does no harm a second time.
    harmless: Vec<String>,
    /// What each step is done under.
    keys: BTreeMap<String, String>,
    reports: VecDeque<Happened>,
    questions: VecDeque<(String, u32, Asks)>,
    wrong: Vec<String>,
}

fn fate(seed: u64, what: &impl Hash, of: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what).hash(&mut hasher);
    hasher.finish() % of
}

const KINDS: [FailureKind; 4] =
    [FailureKind::Throttled, FailureKind::Transient, FailureKind::Timeout, FailureKind::Lasting];

impl World {
    fn new(seed: u64) -> Self {
        let (done, harmless, wrong) = (Vec::new(), Vec::new(), Vec::new());
        let (reports, questions) = (VecDeque::new(), VecDeque::new());
        Self { seed, done, harmless, keys: BTreeMap::new(), reports, questions, wrong }
    }

    fn failure(&self, act: &Act<'_>) -> Failure {
        let kind = KINDS[usize::try_from(fate(self.seed, &("kind", act.step, act.attempt), 4)).unwrap()];
        Failure::new(kind, "no luck")
    }

    /// An effect is owed, and comes to its end, with or without a word of it.
    fn owe(&mut self, act: &Act<'_>, may_repeat: bool) -> Acted {
        let key = act.key.to_owned();
        let end = match fate(self.seed, &("end", act.step, act.attempt), 8) {
            0..4 => Some(End::Done { output: json!({"n": 1}) }),
            4 => Some(End::Failed(self.failure(act))),
            5 => Some(End::Unknown("lost".to_owned())),
            _ => None,
        };
        let is_told = matches!(end, Some(End::Done { .. } | End::Failed(_)));
        if matches!(end, Some(End::Done { .. })) || !is_told && fate(self.seed, &("secret", act.step), 2) == 0 {
            self.done.push(key.clone());
        }
        if !is_told && may_repeat && end.is_none() {
            self.harmless.push(key);
        }
        let (step, attempt) = (act.step.to_owned(), act.attempt);
        self.reports.extend(end.map(|end| Happened::Ended { step, attempt, end }));
        Acted::Owed { late: None, may_repeat, has_written: fate(self.seed, &("owes", act.step), 2) == 0 }
    }

    /// What the world has next for the run.
    fn next(&mut self, next: &Next, now: &mut Timestamp, events: &mut u64) -> Option<Happened> {
        if next.run.status.is_over() {
            let is_to_go_on = next.run.status == Status::Failed && next.run.attempt < 3;
            return is_to_go_on.then(|| Happened::Retry { from: None, after: next.run.attempt, by: person("ada") });
        }
        if next.run.status == Status::Queued {
            return Some(Happened::Begun);
        }
        if next.again {
            return Some(Happened::Woken);
        }
        if next.needs_files {
            return Some(Happened::Needed(Ok(vec!["a.py".to_owned()])));
        }
        if let Some(report) = self.reports.pop_front() {
            return Some(report);
        }
        while let Some((step, attempt, asks)) = self.questions.pop_front() {
            let key = self.keys.get(&step).cloned().unwrap_or_default();
            let approved = match asks {
                Asks::WasItDone => self.done.contains(&key),
                Asks::MayGoOn => match fate(self.seed, &("answer", &step, attempt), 3) {
                    0 => continue,
                    answer => answer == 1,
                },
            };
            return Some(Happened::Decided { step, attempt, approved, by: person("bob") });
        }
        if let Some(awaited) = next.awaits.first()
            && fate(self.seed, &("event", *events), 2) == 0
        {
            *events += 1;
            let told = Box::new(Told::new(&awaited.platform, &awaited.event, json!({"n": *events}), *now));
            return Some(Happened::Event { id: EventId(100 + *events), told });
        }
        *now = next.wake?.max(*now);
        Some(Happened::Woken)
    }
}

impl Hands for World {
    fn act(&mut self, act: &Act<'_>) -> Acted {
        let key = act.key.to_owned();
        self.keys.insert(act.step.to_owned(), key.clone());
        if self.done.contains(&key) {
            if !self.harmless.contains(&key) {
                self.wrong.push(format!("{key} was done twice"));
            }
            return Acted::Done { output: json!({"n": 1}), has_written: false, is_simulated: false };
        }
        match fate(self.seed, &("act", act.step, act.attempt), 10) {
            0..4 => {
                self.done.push(key);
                let has_written = fate(self.seed, &("writes", act.step), 2) == 0;
                Acted::Done { output: json!({"n": 1}), has_written, is_simulated: false }
            }
            4 => Acted::Failed(self.failure(act)),
            5 => {
                if fate(self.seed, &("secret", act.step), 2) == 0 {
                    self.done.push(key);
                }
                Acted::Unknown("cut off".to_owned())
            }
            6 => self.owe(act, true),
            _ => self.owe(act, false),
        }
    }

    fn ask(&mut self, question: &Question<'_>) {
        self.questions.push_back((question.step.to_owned(), question.attempt, question.asks));
    }

    fn withdraw(&mut self, step: &str, attempt: u32) {
        self.questions.retain(|(asked, number, _)| asked != step || *number != attempt);
        self.reports.retain(|report| {
            !matches!(report, Happened::Ended { step: owed, attempt: number, .. } if owed == step && *number == attempt)
        });
    }
}

/// Plays a run to its end. With `chaos` the program dies and hears things twice all the time.
fn play(workflow: &Workflow, seed: u64, chaos: Option<u64>) -> (Run, World) {
    let (mut now, mut events, mut world) = (Timestamp(1_000_000), 0, World::new(seed));
    let happening = happening(json!({"list": [1, 2, 3, 4, 5], "pull_request": {"number": 1}}));
    let begun = begun([workflow], &happening, now);
    let run = begun[0].run(RunId(7), "w.yml", &happening, now);
    let mut next = Next { run, wake: None, awaits: vec![], again: false, needs_files: false, refused: None };
    let mut happened = Happened::Begun;
    let mut heard: Vec<Happened> = Vec::new();
    for number in 0_u64..3_000 {
        let mut run = next.run.clone();
        if let Some(chaos) = chaos {
            run = serde_json::from_value(serde_json::to_value(&run).unwrap()).unwrap();
            if fate(chaos, &("dies", number), 2) == 0 {
                // It dies before the commit: what the hands owe is not owed, and the same comes again.
                let mut other = world.clone();
                drop(advance(workflow, run.clone(), happened.clone(), &mut other, now, &|_| 0.5));
            }
        }
        next = advance(workflow, run, happened.clone(), &mut world, now, &|_| 0.5);
        if let Some(chaos) = chaos {
            heard.push(happened.clone());
            for (place, earlier) in heard.iter().rev().take(4).enumerate() {
                let is_retry = matches!(earlier, Happened::Retry { .. }) && place > 0;
                if !is_retry && fate(chaos, &("again", number, place), 3) == 0 {
                    next = advance(workflow, next.run, earlier.clone(), &mut world, now, &|_| 0.5);
                }
            }
        }
        match world.next(&next, &mut now, &mut events) {
            Some(comes) => happened = comes,
            None => {
                assert!(next.run.status.is_over(), "{:?} waits for nothing: {:?}", next.run, next.run.steps);
                return (next.run, world);
            }
        }
    }
    panic!("a run does not end: {:?}", next.run.steps);
}

fn step() -> impl Strategy<Value = String> {
    let action = prop_oneof!["a", "b", "create_ai_crm_task"];
    let retry = prop_oneof![Just(""), Just(", retry: {max: 1}"), Just(", retry: {max: 2, on: [timeout]}")];
    let on_error = prop_oneof![
        Just(""),
        Just(", on_error: {continue: true}"),
        Just(", on_error: {continue: true, compensate: [{action: c}, {action: d}]}"),
        Just(", on_error: {compensate: [{action: c, params: {m: \"{error.message}\"}}]}"),
    ];
    let acts = (action, retry, on_error).prop_map(|(action, retry, on_error)| {
        format!("{{action: {action}, params: {{t: \"{{run.id}} {{task.n}}\"}}{retry}{on_error}}}")
    });
    let each = (1..4_u32, acts.clone(), acts.clone()).prop_map(|(parallel, one, two)| {
        format!("{{for_each: {{in: \"{{list}}\", parallel: {parallel}, do: [{one}, {two}]}}}}")
    });
    let others = prop_oneof![
        Just("{delay: {for: 15m}}"),
        Just("{wait_for: {event: issues.closed, timeout: 1h, on_timeout: continue}}"),
        Just("{wait_for: {event: issues.closed, timeout: 1h}}"),
        Just("{approval: {approvers: {group: g}, ask: \"{run.id}?\", expires: 1h}}"),
        Just("{approval: {approvers: {group: g}, ask: a, on_expire: {escalate: {group: h}}}}"),
        Just("{when: {files_changed.includes: [\"*.py\"]}, action: a}"),
    ];
    prop_oneof![4 => acts, 1 => each, 3 => others.prop_map(ToOwned::to_owned)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_dies_or_comes_twice_the_end_is_the_same_and_each_effect_is_done_once(
        steps in prop::collection::vec(step(), 1..7),
        seed in any::<u64>(),
        chaos in any::<u64>(),
        timeout in prop_oneof![Just("2h"), Just("1m")],
    ) {
        let text = format!(
            "    timeout: {timeout}\n    actions: [{}]\n    on_failure: [{{action: d}}, {{action: c}}]\n",
            steps.join(", ")
        );
        let workflow = workflow(&text);
        let (calm, world) = play(&workflow, seed, None);
        let (stormy, other) = play(&workflow, seed, Some(chaos));
        prop_assert_eq!(&world.wrong, &Vec::<String>::new());
        prop_assert_eq!(&other.wrong, &Vec::<String>::new());
        prop_assert_eq!(&world.done, &other.done);
        let mut once = world.done.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), world.done.len());
        prop_assert_eq!(serde_json::to_value(&calm).unwrap(), serde_json::to_value(&stormy).unwrap());
        prop_assert!(calm.steps.values().all(|step| step.state.is_over() || step.state == State::Reset));
    }
}
