//! `[sync]`: what of an issue of GitHub and its task is kept the same, in which way, and what is done about circles.
//!
//! Owns the keys. What they mean is `domain/sync`. A new key is a field here and a line in `config/default.toml`.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::sync::bounce::Breaker;
use crate::domain::sync::{Flow, Rule, Table, Words};
use crate::domain::task::Status;

/// The section `[sync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Whether it is open.
    pub status: Flow,
    /// The title.
    pub title: Flow,
    /// The text.
    pub description: Flow,
    /// Labels.
    pub labels: Flow,
    /// Who has it.
    pub assignee: Flow,
    /// What people say below it.
    pub comments: Flow,
    /// Which side wins where both have changed a field differently.
    pub conflicts: Rule,
    /// The status of a task whose issue is closed as completed.
    pub completed: Status,
    /// That of one whose issue is closed as not planned, or as a duplicate.
    pub not_planned: Status,
    /// That of one whose issue is open again.
    pub reopened: Status,
    /// How often a field may be set back by turns.
    pub bounces: u32,
    /// The time within which that counts, in seconds.
    pub bounces_within_s: u64,
}

impl Sync {
    /// As the merge takes them.
    #[must_use]
    pub fn table(&self) -> Table {
        Table {
            status: self.status,
            title: self.title,
            description: self.description,
            labels: self.labels,
            assignee: self.assignee,
            comments: self.comments,
            rule: self.conflicts,
            words: Words { completed: self.completed, not_planned: self.not_planned, reopened: self.reopened },
            breaker: Breaker { times: self.bounces, within: Duration::from_secs(self.bounces_within_s) },
        }
    }

    /// What is wrong with the words for states: each must be told from the others.
    #[must_use]
    pub fn mistake(&self) -> Option<(&'static str, String)> {
        if self.completed == self.not_planned {
            let what = format!("it is `{}`, as sync.completed is: the two could not be told apart", self.completed);
            return Some(("sync.not_planned", what));
        }
        let closed = [("sync.completed", self.completed), ("sync.not_planned", self.not_planned)];
        if let Some((key, _)) = closed.into_iter().find(|(_, status)| *status == Status::Todo) {
            return Some((key, "`todo` is what every task begins with: name another status".to_owned()));
        }
        let is_open = !self.reopened.is_closed() && closed.iter().all(|(_, status)| *status != self.reopened);
        (!is_open).then(|| {
            let what =
                format!("it is `{}`, which stands for a closed issue: name one of work, such as todo", self.reopened);
            ("sync.reopened", what)
        })
    }
}
