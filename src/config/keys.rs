//! Every key there is, as `config/default.toml` declares them: name, kind, default and comment.
//!
//! Owns what a value of a key may look like, the bounds of numbers and the nearest key to a wrong one.
//! Does not know where values come from. A new key is a line in `config/default.toml`; a number has a
//! line in [`BOUNDS`] too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use toml::{Table, Value};

/// The file that declares the keys.
pub(super) const DEFAULT_TEXT: &str = include_str!("../../config/default.toml");

/// The section whose keys an operator names: any key fits.
const OPEN_SECTION: &str = "people.groups";

/// Least and greatest value of each number, in the unit of its key.
const BOUNDS: &[(&str, i64, i64)] = &[
    ("server.max_body_bytes", 1024, 64 * 1024 * 1024),
    ("server.request_timeout_s", 1, 300),
    ("server.shutdown_grace_s", 0, 600),
    ("server.max_connections", 1, 1_000_000),
    ("server.caller_per_minute", 0, 1_000_000_000),
    ("store.cache_mb", 1, 1_048_576),
    ("store.most_mb", 16, 16_777_216),
    ("store.keep_free_mb", 0, 16_777_216),
    ("store.reserve_mb", 0, 65_536),
    ("store.settle_ms", 10, 60_000),
    ("store.retention_days", 1, 36_500),
    ("store.retention_mb", 1, 16_777_216),
    ("ledger.in_flight", 1, 65_536),
    ("ledger.attempts_most", 1, 1000),
    ("ledger.backoff_first_ms", 1, 60_000),
    ("ledger.backoff_most_s", 1, 86_400),
    ("ledger.reply_shelf_life_s", 1, 604_800),
    ("people.alert_pause_s", 0, 86_400),
    ("ledger.approval_waits_s", 1, 2_592_000),
    // Slack gives up after 3 seconds; the rest is for the way there and back.
    ("ledger.inline_answer_ms", 0, 2500),
    ("ledger.lookup_timeout_s", 1, 60),
    ("ledger.under_way_ms", 0, 60_000),
    ("ledger.outbox_in_flight", 1, 65_536),
    ("ledger.session_idle_s", 1, 604_800),
    ("sync.bounces", 1, 20),
    ("sync.bounces_within_s", 1, 86_400),
    ("channels.github.message_pace_ms", 0, 60_000),
    ("channels.slack.message_pace_ms", 0, 60_000),
    ("channels.github.look_back_hours", 0, 72),
    ("channels.github.look_every_s", 1, 3600),
    ("channels.slack.look_back_hours", 0, 24),
    ("channels.slack.look_back_calls", 1, 100_000),
    ("channels.slack.look_back_pace_ms", 0, 60_000),
    // Slack lets an app have ten (docs.slack.dev/apis/events-api/using-socket-mode).
    ("channels.slack.sockets", 1, 10),
    ("channels.teams.message_pace_ms", 0, 60_000),
];

/// How alike two keys must be for one to be offered for the other (0 to 1).
const ALIKE_ENOUGH: f64 = 0.6;

/// The declared keys.
pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::read(DEFAULT_TEXT));

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole {
        least: i64,
        most: i64,
    },
    /// `auto`, true or false.
    Switch,
    List,
}

impl Kind {
    fn of(path: &str, example: &Value) -> Self {
        match example {
            _ if path.ends_with(".enabled") => Self::Switch,
            Value::Integer(_) => {
                let bounds = BOUNDS.iter().find(|(key, ..)| *key == path);
                bounds.map_or(Self::Whole { least: 0, most: i64::MAX }, |&(_, least, most)| Self::Whole { least, most })
            }
            Value::Array(_) => Self::List,
            _ => Self::Text,
        }
    }

    /// What was expected, where the value does not fit.
    pub(super) fn complaint(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Switch, Value::String(_) | Value::Boolean(_)) => None,
            (Self::Whole { least, most }, Value::Integer(number)) if (least..=most).contains(number) => None,
            (Self::List, Value::Array(items)) if items.iter().all(Value::is_str) => None,
            (Self::Text, _) => Some("expected a text in quotes".to_owned()),
            (Self::Switch, _) => Some("expected `auto`, true or false".to_owned()),
            (Self::Whole { least, most }, _) => Some(format!("expected a whole number from {least} to {most}")),
            (Self::List, _) => Some("expected a list of texts, such as [\"a\", \"b\"]".to_owned()),
        }
    }
}

/// One declared key.
pub(super) struct Key {
    /// What its value may be.
    pub(super) kind: Kind,
    /// Its value where nobody sets it.
    pub(super) default: Option<Value>,
    /// Its comment.
    pub(super) about: String,
}

/// The declared keys and sections.
pub(super) struct Keys {
    keys: BTreeMap<String, Key>,
    sections: BTreeSet<String>,
}

impl Keys {
    fn read(text: &str) -> Self {
        let defaults: Table = text.parse().expect("invariant: config/default.toml is TOML, tests read it");
        let shown: String = text.lines().map(|line| format!("{}\n", uncommented(line))).collect();
        let examples: Table = shown.parse().expect("invariant: the examples of config/default.toml are TOML");
        let mut read = Self { keys: BTreeMap::new(), sections: BTreeSet::new() };
        let (mut section, mut about) = (String::new(), Vec::new());
        for line in shown.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
                read.declare_section(name);
                about.clear();
            } else if let Some(comment) = line.strip_prefix('#') {
                about.push(comment.trim());
            } else if let Some((name, _)) = line.split_once(" = ") {
                let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
                let example = value_at(&examples, &path).expect("invariant: the line is a key of this section");
                let key = Key {
                    kind: Kind::of(&path, example),
                    default: value_at(&defaults, &path).cloned(),
                    about: about.join(" "),
                };
                read.keys.insert(if section == OPEN_SECTION { section.clone() } else { path }, key);
                about.clear();
            } else {
                about.clear();
            }
        }
        read
    }

    fn declare_section(&mut self, name: &str) {
        for (end, _) in name.match_indices('.') {
            self.sections.insert(name[..end].to_owned());
        }
        self.sections.insert(name.to_owned());
    }

    /// The key of that path.
    pub(super) fn find(&self, path: &[String]) -> Option<&Key> {
        match path {
            [section @ .., _] if section.join(".") == OPEN_SECTION => self.keys.get(OPEN_SECTION),
            _ if path.join(".") == OPEN_SECTION => None,
            _ => self.keys.get(&path.join(".")),
        }
    }

    /// Whether the path is a section.
    pub(super) fn is_section(&self, path: &[String]) -> bool {
        self.sections.contains(&path.join("."))
    }

    /// The sections.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(String::as_str)
    }

    /// Every key and what is known of it; the open section stands for all its keys.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.keys.iter().map(|(path, key)| (path.as_str(), key))
    }

    /// The key that was most likely meant.
    pub(super) fn nearest(&self, path: &str) -> Option<&str> {
        nearest(path, self.keys.keys().map(String::as_str))
    }

    /// The section that was most likely meant.
    pub(super) fn nearest_section(&self, path: &str) -> Option<&str> {
        nearest(path, self.sections())
    }
}

/// The candidate most like the path. The same last word in another section counts as much as a few
/// letters: people forget the section more often than the word.
fn nearest<'a>(path: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = |candidate: &str| {
        let whole = strsim::normalized_damerau_levenshtein(path, candidate);
        let word = strsim::normalized_damerau_levenshtein(&last(path), &last(candidate));
        whole.max(0.9 * word) + whole / 100.0
    };
    let scored = candidates.map(|candidate| (alike(candidate), candidate));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(score, _)| *score >= ALIKE_ENOUGH).map(|(_, candidate)| candidate)
}

/// A line with the `#` taken away where a key follows without a blank.
fn uncommented(line: &str) -> &str {
    match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains(" = ") => rest,
        _ => line,
    }
}

fn value_at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn every_key_has_a_comment_and_a_default_that_fits() {
        assert!(KEYS.all().count() > 30);
        for (name, key) in KEYS.all() {
            assert!(key.about.len() > 20 && key.about.ends_with(['.', ')']), "{name}: `{}`", key.about);
            let complaint = key.default.as_ref().and_then(|value| key.kind.complaint(value));
            assert_eq!(complaint, None, "{name}");
        }
    }

    #[test]
    fn every_number_has_bounds_and_every_bound_a_number() {
        let numbers: Vec<&str> =
            KEYS.all().filter(|(_, k)| matches!(k.kind, Kind::Whole { .. })).map(|(n, _)| n).collect();
        let mut bounded: Vec<&str> = BOUNDS.iter().map(|(key, ..)| *key).collect();
        bounded.sort_unstable();
        assert_eq!(numbers, bounded);
    }

    #[test]
    fn keys_are_found_by_path() {
        let table = [
            ("server.listen", true),
            ("data", true),
            ("channels.slack.bot_token", true),
            ("people.groups.anything", true),
            ("people.groups", false),
            ("server", false),
            ("server.listne", false),
        ];
        for (text, expected) in table {
            assert_eq!(KEYS.find(&path(text)).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn the_nearest_key_is_offered() {
        let table = [
            ("server.lisen", Some("server.listen")),
            ("slack.bot_token", Some("channels.slack.bot_token")),
            ("bot_token", Some("channels.slack.bot_token")),
            ("channels.slack.signing_secrets", Some("channels.slack.signing_secret")),
            ("sever.max_connections", Some("server.max_connections")),
            ("ledger.in-flight", Some("ledger.in_flight")),
            ("zzz.qqq", None),
        ];
        for (text, expected) in table {
            assert_eq!(KEYS.nearest(text), expected, "{text}");
        }
        assert_eq!(KEYS.nearest_section("sever"), Some("server"));
        assert_eq!(KEYS.nearest_section("slack"), Some("channels.slack"));
    }
}
