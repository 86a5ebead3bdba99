//! Conditions: what must hold for a workflow to begin, or for a step to be done.
//!
//! A list of them holds where all do. `path.operator: wanted` is one, `path: wanted` is one without an operator, and
//! `any`, `all` and `none` hold others. A condition that cannot be told, since a value is not there or cannot be
//! compared, never makes anything hold: it is false, within `none` too, and [`Judged::lints`] says why.
//!
//! Here stands what comes of them. `condition/read.rs` reads them, `condition/operator.rs` has the operators,
//! `condition/compare.rs` what each asks of a value, `condition/change.rs` what an event says of a change, and
//! `condition/pattern.rs` expressions and globs. None fetches anything: `files_changed` that is not in the scope is
//! [`Verdict::Needs`], and the caller judges again with it.

mod change;
mod compare;
mod operator;
mod pattern;
mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::workflow::mistake::{Mistake, Position};
use crate::workflow::scope::{Path, Scope, word};
use crate::workflow::template::Template;
use crate::workflow::yaml::Node;

use self::pattern::Patterns;

pub use self::operator::Operator;
pub(super) use self::pattern::costs_little;

/// The paths of the files that an event changes: a field at the root that costs a call to the platform.
///
/// Absent: not fetched. `null`: the event has none. A list of texts, or of objects with a `filename`: fetched. An
/// object with an `error`: could not be had, which is [`Verdict::Failed`] and never false.
pub const FILES_CHANGED: &str = "files_changed";

/// As much of a text that was found is told again, in characters.
const LONGEST_TOLD: usize = 200;
/// As many members of a list that was found are told again.
const MOST_TOLD: usize = 20;

/// Conditions that hold together.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    Test(Box<Test>),
    Group {
        at: Position,
        kind: Kind,
        rules: Vec<Rule>,
    },
    /// What was not understood. A mistake was told, and it never holds.
    Unread(Position),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    All,
    None,
}

#[derive(Debug, Clone)]
struct Test {
    at: Position,
    path: Path,
    operator: Operator,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    /// One value, or several where a list is written.
    Values {
        values: Vec<Term>,
        is_list: bool,
    },
    Exists(bool),
    Within {
        length: Duration,
        text: String,
    },
    Patterns {
        patterns: Patterns,
        texts: Vec<String>,
    },
}

/// A value that is wanted.
#[derive(Debug, Clone)]
enum Term {
    Fixed(Value),
    /// It stands in the scope.
    Filled(Template),
}

/// What became of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It cannot be told, and so does not hold: why, in words that go on after the path.
    Unknown(String),
    /// It cannot be told before this field is in the scope.
    Needs(&'static str),
    /// What it needs could not be had: why, in words. Neither true nor false.
    Failed(String),
}

/// What was found for one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Where it stands in the file.
    pub at: Position,
    /// In how many groups it stands.
    pub depth: usize,
    /// The path; `any`, `all` or `none` for a group.
    pub path: String,
    /// The operator; nothing for a group.
    pub operator: Option<Operator>,
    /// The value, shortened; nothing where nothing is there.
    pub found: Option<Value>,
    /// What was wanted, with what stood in the scope.
    pub wanted: Value,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of all, and of each in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Of all together; never [`Verdict::Unknown`], which is [`Verdict::Fails`] here.
    pub verdict: Verdict,
    /// Of each; that of a group before those within it.
    pub findings: Vec<Finding>,
}

impl Judged {
    /// Whether all hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Holds
    }

    /// What could not be told, with its place and why: most likely a mistake in the file.
    pub fn lints(&self) -> impl Iterator<Item = (Position, String)> {
        self.findings.iter().filter_map(|finding| match &finding.verdict {
            Verdict::Unknown(why) if finding.operator.is_some() => {
                Some((finding.at, format!("`{}` {why}", finding.path)))
            }
            _ => None,
        })
    }
}

impl Conditions {
    /// Reads conditions: a list, a mapping of several that hold together, or a path that must be `true`. Nothing
    /// (`null`) is no condition, and holds.
    #[must_use]
    pub fn read(list: &Node, mistakes: &mut Vec<Mistake>) -> Self {
        Self { rules: read::rules(list, mistakes) }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Judges them by what is known of an event.
    #[must_use]
    pub fn judge(&self, scope: &Value, now: Timestamp) -> Judged {
        let mut findings = Vec::new();
        let scope = Scope { root: scope, now };
        let verdicts: Vec<Verdict> = self.rules.iter().map(|rule| rule.judge(scope, 0, &mut findings)).collect();
        // One that does not hold decides; what others need is not worth fetching.
        let is_decided = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Fails | Verdict::Unknown(_)));
        let verdict = if is_decided { Verdict::Fails } else { Kind::All.join(&verdicts) };
        Judged { verdict, findings }
    }

    /// Every path that they look at, with the place of its condition.
    #[must_use]
    pub fn paths(&self) -> Vec<(Position, String)> {
        let mut paths = Vec::new();
        for rule in &self.rules {
            rule.paths(&mut paths);
        }
        paths
    }
}

impl Rule {
    fn judge(&self, scope: Scope<'_>, depth: usize, findings: &mut Vec<Finding>) -> Verdict {
        match self {
            Self::Test(test) => {
                let (found, wanted, verdict) = test.judge(scope);
                let (path, operator) = (test.path.to_string(), Some(test.operator));
                let found = found.as_deref().map(shortened);
                findings.push(Finding { at: test.at, depth, path, operator, found, wanted, verdict: verdict.clone() });
                verdict
            }
            Self::Group { at, kind, rules } => {
                let index = findings.len();
                let path = kind.as_str().to_owned();
                let (operator, found, wanted, verdict) = (None, None, Value::Null, Verdict::Holds);
                findings.push(Finding { at: *at, depth, path, operator, found, wanted, verdict });
                let verdicts: Vec<_> = rules.iter().map(|rule| rule.judge(scope, depth + 1, findings)).collect();
                let verdict = kind.join(&verdicts);
                findings[index].verdict = verdict.clone();
                verdict
            }
            Self::Unread(at) => Verdict::Failed(format!("the condition at {at} was not understood")),
        }
    }

    fn paths(&self, paths: &mut Vec<(Position, String)>) {
        match self {
            Self::Test(test) => {
                paths.push((test.at, test.path.to_string()));
                if let Wanted::Values { values, .. } = &test.wanted {
                    let filled = values.iter().filter_map(|term| match term {
                        Term::Filled(template) => Some(template.paths()),
                        Term::Fixed(_) => None,
                    });
                    paths.extend(filled.flatten().map(|path| (test.at, path)));
                }
            }
            Self::Group { rules, .. } => rules.iter().for_each(|rule| rule.paths(paths)),
            Self::Unread(_) => {}
        }
    }
}

impl Kind {
    const ALL: [(&'static str, Self); 3] = [("any", Self::Any), ("all", Self::All), ("none", Self::None)];

    fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("all", |(name, _)| *name)
    }

    /// What becomes of a group. What cannot be told stays so, unless the others decide it.
    fn join(self, verdicts: &[Verdict]) -> Verdict {
        let (deciding, otherwise) = match self {
            Self::All => (Verdict::Fails, Verdict::Holds),
            Self::Any | Self::None => (Verdict::Holds, Verdict::Fails),
        };
        let open = |wanted: fn(&Verdict) -> bool| verdicts.iter().find(|verdict| wanted(verdict)).cloned();
        let joined = if verdicts.contains(&deciding) {
            deciding
        } else {
            open(|verdict| matches!(verdict, Verdict::Failed(_)))
                .or_else(|| open(|verdict| matches!(verdict, Verdict::Needs(_))))
                .or_else(|| open(|verdict| matches!(verdict, Verdict::Unknown(_))))
                .unwrap_or(otherwise)
        };
        if self == Self::None { joined.inverted() } else { joined }
    }
}

impl Verdict {
    fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    fn inverted(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
            open => open,
        }
    }
}

/// A value as it is told again: texts and lists cut, objects by their word.
fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(LONGEST_TOLD) {
            Some((end, _)) => format!("{}…", &text[..end]).into(),
            None => value.clone(),
        },
        Value::Array(items) => {
            let more = items.len().saturating_sub(MOST_TOLD);
            let more = (more > 0).then(|| Value::from(format!("… ({more} more)")));
            items.iter().take(MOST_TOLD).map(shortened).chain(more).collect()
        }
        Value::Object(_) => shortened(&word(value).unwrap_or("{…}").into()),
        _ => value.clone(),
    }
}
