//! What a stand-in keeps on record of those who call it: how each call ended, and who broke a rule.
//!
//! It only keeps and counts; which rule was broken is the platform's folder to say.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::time::Timestamp;

/// A request that broke a limit or a rule of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When it came.
    pub at: Timestamp,
    /// The method, or a word for what is none: `response_url`, `inline` and `socket` of Slack; `invoke` of Teams, for the
    /// answer to one.
    pub method: String,
    /// The platform's word for it, or ours where the platform says nothing.
    pub error: String,
    /// What and where.
    pub detail: String,
}

/// How often each method ended how: `ok`, the platform's error, or a fault's name.
pub type Calls = BTreeMap<String, BTreeMap<String, u64>>;

/// The records of a stand-in.
#[derive(Debug, Default)]
pub struct Records {
    pub(super) violations: Vec<Violation>,
    pub(super) calls: Calls,
}

impl Records {
    /// Notes a request that broke a rule.
    pub(super) fn violate(&mut self, at: Timestamp, method: &str, error: &str, detail: impl Into<String>) {
        self.violations.push(Violation { at, method: method.into(), error: error.into(), detail: detail.into() });
    }

    /// Counts the end of a call.
    pub(super) fn count(&mut self, method: &str, end: &str) {
        *self.calls.entry(method.to_owned()).or_default().entry(end.to_owned()).or_default() += 1;
    }

    /// Counts a call that was performed, by whether its caller is told.
    pub(super) fn count_done(&mut self, method: &str, told: bool) {
        self.count(method, if told { "ok" } else { "answer_lost" });
    }
}

/// What is there more than once, and how often.
pub(super) fn repeated(all: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    counts.retain(|_, count| *count > 1);
    counts
}
