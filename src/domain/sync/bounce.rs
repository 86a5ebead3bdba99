//! Two sides that set a field back, each what the other has set: when that goes in a circle.
//!
//! Somebody who changes their mind makes a move; two programs that each know better make bounces. Owns what a bounce is and
//! how many of them are too many. What follows is `link.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Value;
use crate::domain::time::Timestamp;

/// Moves that are remembered of a field: enough for the greatest number of bounces that can be set.
const MOST_MOVES: usize = 24;

/// When two sides go in a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Bounces in a row after which it trips.
    pub times: u32,
    /// The time within which they have to come.
    pub within: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { times: 3, within: Duration::from_secs(600) }
    }
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The task.
    Ours,
    /// The issue.
    Theirs,
}

/// A change of a field by one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// By which.
    pub side: Side,
    /// From what.
    pub from: Value,
    /// To what.
    pub to: Value,
    /// When it was seen.
    pub at: Timestamp,
}

impl Move {
    /// Whether it sets back what the other side has just done, or is done again, since the other side did not let it be.
    fn bounces(&self, before: &Self) -> bool {
        let sets_back = self.side != before.side && self.from == before.to && self.to == before.from;
        sets_back || (self.side == before.side && self.from == before.from && self.to == before.to)
    }
}

/// The last moves of a field, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moves(Vec<Move>);

impl Moves {
    /// Remembers a move.
    pub fn push(&mut self, side: Side, from: &Value, to: &Value, at: Timestamp) {
        if from != to {
            self.0.push(Move { side, from: from.clone(), to: to.clone(), at });
            let more = self.0.len().saturating_sub(MOST_MOVES);
            self.0.drain(..more);
        }
    }

    /// Forgets what is too old to count, and so all of a field that nobody touches.
    pub fn forget(&mut self, breaker: &Breaker, now: Timestamp) {
        self.0.retain(|it| now.since(it.at) <= breaker.within);
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the last moves are bounces, so many in a row and so soon after each other that it trips.
    #[must_use]
    pub fn are_a_circle(&self, breaker: &Breaker) -> bool {
        let bounces = self.0.windows(2).rev().take_while(|pair| pair[1].bounces(&pair[0])).count();
        let needed = breaker.times.max(1) as usize;
        let Some(last) = self.0.last().filter(|_| bounces >= needed) else { return false };
        let first = &self.0[self.0.len() - 1 - needed];
        last.at.since(first.at) <= breaker.within
    }

    /// The values between which the last move goes.
    #[must_use]
    pub fn last(&self) -> Option<(&Value, &Value)> {
        self.0.last().map(|it| (&it.from, &it.to))
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Some(text.to_owned())
    }

    fn moved(moves: &[(Side, &str, &str, i64)]) -> Moves {
        let mut all = Moves::default();
        moves.iter().for_each(|(side, from, to, at)| all.push(*side, &value(from), &value(to), Timestamp(at * 1000)));
        all
    }

    #[test]
    fn the_third_time_that_a_field_is_set_back_is_one_too_many() {
        use Side::{Ours, Theirs};
        let breaker = Breaker::default();
        let circle = [(Ours, "a", "b", 0), (Theirs, "b", "a", 1), (Ours, "a", "b", 2), (Theirs, "b", "a", 3)];
        assert!(moved(&circle).are_a_circle(&breaker));
        assert!(!moved(&circle[..3]).are_a_circle(&breaker), "that is the second time");
        let slow = circle.map(|(side, from, to, at)| (side, from, to, at * 300));
        assert!(!moved(&slow).are_a_circle(&breaker), "people change their minds over a day");
        let own = circle.map(|(_, from, to, at)| (Ours, from, to, at));
        assert!(!moved(&own).are_a_circle(&breaker), "one side alone");
        let insists = [(Ours, "a", "b", 0), (Ours, "a", "b", 1), (Ours, "a", "b", 2), (Ours, "a", "b", 3)];
        assert!(moved(&insists).are_a_circle(&breaker), "the other side does not let it be");
        let other = [(Ours, "a", "b", 0), (Theirs, "b", "c", 1), (Ours, "c", "b", 2), (Theirs, "b", "a", 3)];
        assert!(!moved(&other).are_a_circle(&breaker), "these are other values");
    }
}
