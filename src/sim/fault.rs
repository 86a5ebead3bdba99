//! What goes wrong between an application and a platform, on purpose: delays, refusals, lost answers.
//!
//! It only decides; `interference.rs` does it. Chances are rolled with a seeded
//! generator, so a run can be repeated. For one exact fault use [`Faults::script`]. What operators may
//! ask for by word is a line in [`KINDS`].

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Done and answered.
    Pass,
    /// Not done: 429 with `Retry-After`.
    RateLimited,
    /// Not done: 503.
    ServerError,
    /// Done, then the connection is closed without an answer.
    LostAnswer,
    /// Not done: the connection is closed without an answer.
    Refused,
    /// Done, then answered after `stall_ms`.
    Stall,
}

/// How much goes wrong. Chances are between 0 and 1, and are tried in the order of their fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Where the dice start.
    pub seed: u64,
    /// Every call is closed undone.
    pub outage: bool,
    /// Delay before each call is done, in milliseconds.
    pub latency_ms: u64,
    /// Up to so many milliseconds more.
    pub jitter_ms: u64,
    /// Chance of a connection closed before doing anything.
    pub refused: f64,
    /// Chance of 429 before doing anything.
    pub rate_limited: f64,
    /// The `Retry-After` of those, in seconds.
    pub retry_after_s: u64,
    /// Chance of 503 before doing anything.
    pub server_error: f64,
    /// Chance that it is done and nobody is told.
    pub lost_answer: f64,
    /// Chance that it is done and the answer comes after `stall_ms`.
    pub stall: f64,
    /// How late that answer comes, in milliseconds.
    pub stall_ms: u64,
    /// The methods that suffer; empty means all. Of Slack the methods of its Web API and `response_url`; of Teams
    /// `metadata`, `keys`, `token`, `create`, `send`, `reply`, `update`, `delete`, `members` and `team`; of GitHub the names of
    /// its pages, such as `issues/create-comment`, and `webhook` for what it sends, which suffers only where it is named.
    pub methods: Vec<String>,
    /// The fates of the next calls to those methods, one each, before any chance is tried.
    pub script: VecDeque<Fate>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 1,
            outage: false,
            latency_ms: 0,
            jitter_ms: 0,
            refused: 0.0,
            rate_limited: 0.0,
            retry_after_s: 1,
            server_error: 0.0,
            lost_answer: 0.0,
            stall: 0.0,
            stall_ms: 30_000,
            methods: Vec::new(),
            script: VecDeque::new(),
        }
    }
}

/// A fault by its word: the field of [`Faults`] that it sets, and what it does.
pub const KINDS: &[(&str, &str, &str)] = &[
    ("latency", "latency_ms", "milliseconds before each call is done"),
    ("jitter", "jitter_ms", "up to so many milliseconds more"),
    ("429", "rate_limited", "chance of 429 with Retry-After, undone"),
    ("retry-after", "retry_after_s", "seconds of that Retry-After"),
    ("5xx", "server_error", "chance of 503, undone"),
    ("refused", "refused", "chance of a connection closed, undone"),
    ("lost-answer", "lost_answer", "chance of a call done and a connection closed: the look before a repetition"),
    ("late-answer", "stall", "chance of a call done and answered late"),
    ("late-by", "stall_ms", "milliseconds by which those are late"),
    ("outage", "outage", "true: every call is closed, undone"),
    (
        "methods",
        "methods",
        "those that suffer, comma-separated: chat.postMessage,response_url of Slack, send,update,token of Teams, \
         issues/create-comment,webhook of GitHub",
    ),
    ("seed", "seed", "where the dice start"),
];

impl Faults {
    /// Reads faults as operators write them: `lost-answer=0.3`.
    ///
    /// # Errors
    /// What is wrong, with the words that there are.
    pub fn read(written: &[String]) -> Result<Self, String> {
        let mut faults = json!(Self::default());
        for fault in written {
            let (word, value) =
                fault.split_once('=').ok_or_else(|| format!("`{fault}`: KIND=VALUE is needed, such as 5xx=0.1"))?;
            let Some((_, field, _)) = KINDS.iter().find(|(known, _, _)| *known == word) else {
                let words: Vec<&str> = KINDS.iter().map(|(known, _, _)| *known).collect();
                return Err(format!("`{word}` is no fault; there are {}", words.join(", ")));
            };
            faults[*field] = match *field {
                "methods" => json!(value.split(',').collect::<Vec<_>>()),
                _ => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
            };
            // Each by itself, so that the complaint names the one that is wrong.
            let read: Self = serde_json::from_value(faults.clone()).map_err(|error| format!("`{fault}`: {error}"))?;
            if ![read.refused, read.rate_limited, read.server_error, read.lost_answer, read.stall]
                .iter()
                .all(|chance| (0.0..=1.0).contains(chance))
            {
                return Err(format!("`{fault}`: a chance is between 0 and 1"));
            }
        }
        serde_json::from_value(faults).map_err(|error| error.to_string())
    }
}

/// What a call must live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) delay: Duration,
    pub(super) fate: Fate,
    pub(super) retry_after_s: u64,
    pub(super) stall: Duration,
}

/// The faults and their generator.
#[derive(Debug)]
pub(super) struct Dice {
    faults: Faults,
    generator: StdRng,
}

impl Dice {
    pub(super) fn new(faults: Faults) -> Self {
        let generator = StdRng::seed_from_u64(faults.seed);
        Self { faults, generator }
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn roll(&mut self, method: &str) -> Plan {
        let suffers = self.faults.methods.is_empty() || self.faults.methods.iter().any(|name| name == method);
        let fate = if suffers { self.fate() } else { Fate::Pass };
        let jitter = match self.faults.jitter_ms {
            0 => 0,
            most => self.generator.random_range(0..=most),
        };
        let delay = if suffers { Duration::from_millis(self.faults.latency_ms + jitter) } else { Duration::ZERO };
        let stall = Duration::from_millis(self.faults.stall_ms);
        Plan { delay, fate, retry_after_s: self.faults.retry_after_s, stall }
    }

    fn fate(&mut self) -> Fate {
        if self.faults.outage {
            return Fate::Refused;
        }
        if let Some(fate) = self.faults.script.pop_front() {
            return fate;
        }
        let chances = [
            (self.faults.refused, Fate::Refused),
            (self.faults.rate_limited, Fate::RateLimited),
            (self.faults.server_error, Fate::ServerError),
            (self.faults.lost_answer, Fate::LostAnswer),
            (self.faults.stall, Fate::Stall),
        ];
        let generator = &mut self.generator;
        let struck =
            chances.into_iter().find(|(chance, _)| *chance > 0.0 && generator.random_bool(chance.clamp(0.0, 1.0)));
        struck.map_or(Fate::Pass, |(_, fate)| fate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same_fates() {
        let faults = Faults { seed: 7, lost_answer: 0.3, refused: 0.2, jitter_ms: 50, ..Faults::default() };
        let roll = || {
            let mut dice = Dice::new(faults.clone());
            (0..200).map(|_| dice.roll("chat.postMessage")).collect::<Vec<_>>()
        };
        let first = roll();
        assert_eq!(first, roll());
        let lost = first.iter().filter(|plan| plan.fate == Fate::LostAnswer).count();
        assert!((20..80).contains(&lost), "{lost} of 200 answers were lost at a chance of 0.24");
    }

    #[test]
    fn faults_are_read_as_operators_write_them() {
        let read = |written: &[&str]| Faults::read(&written.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let faults =
            read(&["latency=200", "5xx=0.25", "lost-answer=1", "methods=chat.postMessage,users.info"]).unwrap();
        let expected = Faults {
            latency_ms: 200,
            server_error: 0.25,
            lost_answer: 1.0,
            methods: vec!["chat.postMessage".into(), "users.info".into()],
            ..Faults::default()
        };
        assert_eq!(faults, expected);
        assert_eq!(read(&[]), Ok(Faults::default()));
        assert!(read(&["outage=true"]).unwrap().outage);
        for (word, field, _) in KINDS {
            assert!(!json!(Faults::default())[field].is_null(), "{word}");
        }
        for (written, part) in [
            ("5xx", "KIND=VALUE"),
            ("duplicates=1", "there are latency"),
            ("429=2", "between 0 and 1"),
            ("429=often", "`429=often`"),
            ("latency=-1", "`latency=-1`"),
        ] {
            let refused = read(&[written]).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn a_script_goes_first_and_only_for_its_methods() {
        let script = VecDeque::from([Fate::LostAnswer, Fate::Pass, Fate::RateLimited]);
        let mut dice = Dice::new(Faults { script, methods: vec!["chat.postMessage".into()], ..Faults::default() });
        let fates: Vec<_> =
            ["chat.postMessage", "users.info", "chat.postMessage", "chat.postMessage", "chat.postMessage"]
                .into_iter()
                .map(|method| dice.roll(method).fate)
                .collect();
        assert_eq!(fates, [Fate::LostAnswer, Fate::Pass, Fate::Pass, Fate::RateLimited, Fate::Pass]);
    }
}
