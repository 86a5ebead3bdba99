//! What every actor shows of itself, for `/api/v1/actors`, `doctor`, metrics and tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// How an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It runs.
    Running,
    /// It runs, but what it is for fails.
    Degraded,
    /// It ended and is started again after a pause.
    Restarting,
    /// It ended as it should.
    Stopped,
}

/// What an actor shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// How it is.
    pub condition: Condition,
    /// Times it was started again.
    pub restarts: u32,
    /// Since when it is in this condition.
    pub since: Timestamp,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Its own figures.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub state: BTreeMap<String, serde_json::Value>,
}

/// The board; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Board {
    shown: Arc<Mutex<BTreeMap<String, Shown>>>,
}

impl Board {
    fn change(&self, actor: &str, at: Timestamp, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = shown.entry(actor.to_owned()).or_insert_with(|| Shown {
            condition: Condition::Running,
            restarts: 0,
            since: at,
            last_error: None,
            state: BTreeMap::new(),
        });
        let before = entry.condition;
        change(entry);
        if entry.condition != before {
            entry.since = at;
        }
    }

    /// An actor has started.
    pub fn started(&self, actor: &str, at: Timestamp) {
        self.change(actor, at, |shown| shown.condition = Condition::Running);
    }

    /// An actor has ended with an error and is started again.
    pub fn restarting(&self, actor: &str, at: Timestamp, error: &str) {
        self.change(actor, at, |shown| {
            shown.condition = Condition::Restarting;
            shown.restarts += 1;
            shown.last_error = Some(error.to_owned());
        });
    }

    /// An actor runs, but what it is for fails; `None`: it succeeds again.
    pub fn degraded(&self, actor: &str, at: Timestamp, error: Option<&str>) {
        self.change(actor, at, |shown| match error {
            Some(error) => {
                shown.condition = Condition::Degraded;
                shown.last_error = Some(error.to_owned());
            }
            None => shown.condition = Condition::Running,
        });
    }

    /// An actor has ended as it should.
    pub fn stopped(&self, actor: &str, at: Timestamp) {
        self.change(actor, at, |shown| shown.condition = Condition::Stopped);
    }

    /// An actor's own figures.
    pub fn figures<const N: usize>(&self, actor: &str, at: Timestamp, figures: [(&str, serde_json::Value); N]) {
        self.change(actor, at, |shown| {
            shown.state = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        });
    }

    /// All that is shown.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, Shown> {
        self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
