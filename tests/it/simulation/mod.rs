//! The real core over the memory engine, thousands of times, each time with other luck: crashes at any commit,
//! commits that are refused or land unseen, duplicates, reordering, lost answers, 429s, outages.
//!
//! ```text
//!  workload ─▶ inbox ─▶ lanes ─▶ router ─▶ store ─▶ outbox ─▶ platform
//!                    one thread, one virtual clock, one seed
//! ```
//!
//! A seed is one [`world`]; it draws every step, so the same seed does the same. [`core`] is one life of the process
//! and does what the actors do, without actors; [`chronicle`] and [`promises`] say what must hold; [`sabotage`] shows
//! that they would notice. Not simulated: actors and their supervision, the group committer's thread, a real disk
//! (`power_cut.rs`), and real HTTP.
//!
//! `AI_CRM_SIM_SEEDS=10000` runs more seeds (with `cargo test --release`), `AI_CRM_SIM_FROM=20000` others, `AI_CRM_SIM_SEED=17` replays one and
//! prints its steps. A further promise is a function in [`promises`]; a further fault is a rate in [`faults`] or
//! [`platform`].

mod chronicle;
mod core;
mod dice;
mod faults;
mod luck;
mod platform;
mod promises;
mod sabotage;
mod steps;
mod tasks;
mod timeline;
mod words;
mod workload;
mod world;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use platform::Tally;
use sabotage::Sabotage;
use world::{Outcome, simulate};

/// Seeds of a run that is not told otherwise. Without optimisation a seed takes a third of a second, most of it
/// for sealing values.
const SEEDS: u64 = 100;
/// Seeds in which chance must have brought up every fault.
const ENOUGH: u64 = 500;
/// Seeds within which every sabotage must be found.
const SEEDS_TO_NOTICE: u64 = 500;
/// Steps that are printed before a violation.
const LAST_STEPS: usize = 60;
/// What a run must have tried; without it a green run says little.
const MUST_HAVE_HAPPENED: [&str; 18] = [
    "429",
    "answers to the platform lost",
    "a commit is refused",
    "a commit lands without an answer",
    "crashes",
    "delivered",
    "deliveries again",
    "digests",
    "done, answer lost",
    "duplicates",
    "looks that failed",
    "not done, answer lost",
    "outage",
    "posts repeated where nobody can look",
    "rejected",
    "replays",
    "revived",
    "rings",
];

fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")))
}

/// A world within a runtime whose clock nobody turns: what the core starts to time never runs out.
fn world(seed: u64, sabotage: Sabotage, traced: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
    let _within = runtime.enter();
    simulate(seed, sabotage, traced)
}

/// The words of a violation, the steps before it, and how to see it again.
fn report(seed: u64, sabotage: Sabotage) -> String {
    let Outcome { result, trace, .. } = world(seed, sabotage, true);
    let violation = result.err().unwrap_or_else(|| "it does not happen again: the seed does not replay".to_owned());
    let last = trace[trace.len().saturating_sub(LAST_STEPS)..].join("\n  ");
    format!(
        "seed {seed}: {violation}\nthe last steps:\n  {last}\n\
         to replay: AI_CRM_SIM_SEED={seed} cargo test --test it simulation::seeds -- --nocapture"
    )
}

/// Lets seeds run on every core of the machine; gives the first that broke a promise, and what happened in all.
fn seeds(from: u64, count: u64, sabotage: Sabotage) -> (Option<u64>, Tally) {
    let (next, failed) = (AtomicU64::new(from), AtomicU64::new(u64::MAX));
    let tally: Mutex<Tally> = Mutex::default();
    let run = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= from + count || failed.load(Ordering::Relaxed) < seed {
            return;
        }
        let outcome = world(seed, sabotage, false);
        if outcome.result.is_err() {
            failed.fetch_min(seed, Ordering::Relaxed);
        }
        let mut tally = tally.lock().expect("no world panics with the lock held");
        for (what, count) in outcome.tally {
            *tally.entry(what).or_default() += count;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(run);
        }
    });
    let failed = failed.into_inner();
    ((failed != u64::MAX).then_some(failed), tally.into_inner().expect("no world panics with the lock held"))
}

#[test]
fn seeds_keep_every_promise() {
    let mut out = std::io::stderr();
    if let Some(seed) = asked("AI_CRM_SIM_SEED") {
        let Outcome { result, trace, tally } = world(seed, Sabotage::None, true);
        writeln!(out, "{}\n{tally:#?}", trace.join("\n")).unwrap();
        assert_eq!(result, Ok(()), "seed {seed}");
        return;
    }
    let (from, count) = (asked("AI_CRM_SIM_FROM").unwrap_or(0), asked("AI_CRM_SIM_SEEDS").unwrap_or(SEEDS));
    let began = std::time::Instant::now();
    let (failed, tally) = seeds(from, count, Sabotage::None);
    if let Some(seed) = failed {
        panic!("{}", report(seed, Sabotage::None));
    }
    writeln!(out, "{count} seeds, no violation, in {:.1} s: {tally:?}", began.elapsed().as_secs_f64()).unwrap();
    if count >= ENOUGH {
        for what in MUST_HAVE_HAPPENED {
            assert!(tally.contains_key(what), "in {count} seeds nothing of this happened: {what}");
        }
    }
}

#[test]
fn every_sabotage_is_noticed() {
    for (sabotage, words) in sabotage::ALL {
        let (failed, _) = seeds(0, SEEDS_TO_NOTICE, sabotage);
        let seed = failed.unwrap_or_else(|| panic!("{sabotage:?} goes unnoticed in {SEEDS_TO_NOTICE} seeds"));
        let report = report(seed, sabotage);
        let violation = report.lines().next().unwrap_or_default().to_owned();
        writeln!(std::io::stderr(), "{sabotage:?} is noticed: {violation}").unwrap();
        assert!(
            words.iter().any(|word| violation.contains(word)),
            "{sabotage:?} is noticed as something else: {report}"
        );
    }
}

#[test]
fn a_seed_does_the_same_again() {
    for seed in 0..20 {
        let (first, second) = (world(seed, Sabotage::None, true), world(seed, Sabotage::None, true));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.tally, second.tally, "seed {seed}");
    }
}
