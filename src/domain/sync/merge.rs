//! One field of an issue and its task: a three-way merge of what both agreed on, what the task has and what the issue has.
//!
//! [`merge`] says what the task takes over, what is owed to GitHub, and who has won where both have changed it. It knows
//! three things of the past: what each side had when both were looked at last, and what was written and has not come
//! back. So what comes back is known again, a change of one side is no change of both, and what is late does no harm.
//! Laws of it, over many fields and three systems, are in `ring.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bounce::{Breaker, Moves, Side};
use super::{Flow, Held, Rule, Stamp, Value};
use crate::domain::time::Timestamp;

/// How long after GitHub has taken a write its event is waited for. Events come within seconds; one that changes nothing
/// there has none.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(120);

/// A write that has not come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// What was written, and since when the task has it.
    #[serde(flatten)]
    pub held: Held,
    /// The number of the write in its link.
    pub number: u64,
    /// When GitHub has said that it took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<Timestamp>,
}

/// What is known of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// What the task had when both were looked at last.
    pub ours: Value,
    /// Since when.
    pub stamp: Stamp,
    /// What the issue had, as far as was told.
    pub theirs: Value,
    /// What was written there and has not come back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Sent>,
    /// How it has changed lately.
    #[serde(default, skip_serializing_if = "Moves::is_empty")]
    pub moves: Moves,
}

/// What is told of the field at the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The value, and since when.
    pub held: Held,
    /// It may be a write of ours that comes back: the App has made the change of which is told, or it is of another field.
    pub may_be_ours: bool,
}

/// With what a field is merged.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What the task has.
    pub ours: &'a Held,
    /// What is told of the issue, where anything is.
    pub told: Option<&'a Told>,
    /// In which way the field goes.
    pub flow: Flow,
    /// Who wins.
    pub rule: Rule,
    /// When two sides go in a circle.
    pub breaker: Breaker,
    /// The number of the write that may follow.
    pub number: u64,
    /// The present.
    pub now: Timestamp,
}

/// Both sides have changed the field, differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Whose value is kept.
    pub kept: Side,
    /// The other's, which is set aside.
    pub aside: Held,
}

/// What follows for a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The task takes this over.
    pub take: Option<Held>,
    /// This is to be written at the issue.
    pub owe: Option<Held>,
    /// Both had changed it.
    pub conflict: Option<Conflict>,
    /// It has gone back and forth too often.
    pub is_a_circle: bool,
}

/// What the news of the other side come to.
enum News {
    /// There are none.
    None,
    /// A write of ours has come back.
    Echo,
    /// It has what we have.
    Same,
    /// It alone has changed.
    Theirs { before: Box<Value>, held: Held },
    /// Both have.
    Both { before: Box<Value>, held: Held },
}

impl Known {
    /// Two sides that are taken to agree as they are, though they may differ.
    #[must_use]
    pub fn agreed(ours: Held, theirs: Value) -> Self {
        Self { ours: ours.value, stamp: ours.stamp, theirs, ..Self::default() }
    }

    /// What the issue will have, as far as is known.
    fn expected(&self) -> &Value {
        self.sent.last().map_or(&self.theirs, |sent| &sent.held.value)
    }

    /// Whether what is told of the issue is what is known of it.
    #[must_use]
    pub fn is_as_told(&self, theirs: &Value) -> bool {
        self.theirs == *theirs && self.sent.iter().all(|sent| sent.held.value != *theirs)
    }

    fn news(&mut self, given: &Given<'_>, has_changed: bool) -> News {
        let Some(told) = given.told else { return News::None };
        let value = &told.held.value;
        let echo = self.sent.iter().position(|sent| sent.held.value == *value).filter(|_| told.may_be_ours);
        if let Some(index) = echo {
            self.sent.drain(..=index);
            self.theirs.clone_from(value);
            return News::Echo;
        }
        // Where it is set to what it was known to be, it was what we have written in between.
        let is_set_back = !told.may_be_ours && !self.sent.is_empty() && given.ours.value != *value;
        if self.theirs == *value && !is_set_back {
            return News::None;
        }
        let before = std::mem::replace(&mut self.theirs, value.clone());
        if given.ours.value == *value {
            return News::Same;
        }
        // What was before is what the task had, where the write of it has not come back yet.
        let before = self.sent.last().map_or(before, |sent| sent.held.value.clone());
        let is_alone = !has_changed && self.sent.is_empty();
        let (before, held) = (Box::new(before), told.held.clone());
        if is_alone { News::Theirs { before, held } } else { News::Both { before, held } }
    }
}

/// Decides on a field; what is known of it is then as both sides are.
pub fn merge(known: &mut Known, given: &Given<'_>) -> Merged {
    let Given { ours, flow, rule, breaker, number, now, .. } = *given;
    known.sent.retain(|sent| sent.landed.is_none_or(|landed| now.since(landed) < COMES_BACK_WITHIN));
    known.moves.forget(&breaker, now);
    let has_changed = ours.value != known.ours;
    if has_changed {
        known.moves.push(Side::Ours, &known.ours.clone(), &ours.value, now);
    }
    let mut merged = Merged::default();
    let mut held = ours.clone();
    let (mut wants, mut insists) = (has_changed, false);
    match known.news(given, has_changed) {
        News::None => {}
        // The task may have changed while the write was under way.
        News::Echo => wants = true,
        News::Same => held.stamp = held.stamp.max(given.told.map_or(held.stamp, |told| told.held.stamp)),
        News::Theirs { before, held: theirs } if flow.comes_in() => {
            known.moves.push(Side::Theirs, &before, &theirs.value, now);
            merged.take = Some(theirs);
        }
        News::Theirs { .. } => {}
        News::Both { before, held: theirs } => {
            let theirs_win = match (flow, rule) {
                (Flow::FromGithub, _) | (_, Rule::Github) => true,
                (Flow::ToGithub | Flow::Off, _) | (_, Rule::Task) => false,
                (Flow::Both, Rule::Newest) => theirs.stamp > held.stamp,
            };
            if theirs_win {
                known.moves.push(Side::Theirs, &before, &theirs.value, now);
                merged.conflict = Some(Conflict { kept: Side::Theirs, aside: held.clone() });
                merged.take = Some(theirs);
            } else if flow == Flow::Both {
                if !has_changed {
                    known.moves.push(Side::Ours, &theirs.value, &held.value, now);
                }
                merged.conflict = Some(Conflict { kept: Side::Ours, aside: theirs });
                // It may stand there behind what was written, so that is written again.
                insists = true;
            }
            wants = true;
        }
    }
    if let Some(take) = &merged.take {
        held = take.clone();
    }
    (known.ours, known.stamp) = (held.value.clone(), held.stamp);
    if flow.goes_out() && (insists || (wants && held.value != *known.expected())) {
        known.sent.push(Sent { held: held.clone(), number, landed: None });
        merged.owe = Some(held);
    }
    merged.is_a_circle = known.moves.are_a_circle(&breaker);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Some(text.to_owned())
    }

    fn held(text: &str, at: i64) -> Held {
        Held { value: value(text), stamp: Stamp::of_task(Timestamp(at * 1000)) }
    }

    fn told(text: &str, at: i64, may_be_ours: bool) -> Told {
        Told { held: Held { value: value(text), stamp: Stamp::of_issue(Timestamp(at * 1000)) }, may_be_ours }
    }

    fn merged(known: &mut Known, ours: &Held, told: Option<&Told>, flow: Flow, rule: Rule) -> Merged {
        let (breaker, number, now) = (Breaker::default(), 1, Timestamp(100_000));
        merge(known, &Given { ours, told, flow, rule, breaker, number, now })
    }

    #[test]
    fn a_change_of_one_side_goes_to_the_other_and_what_comes_back_changes_nothing() {
        let mut known = Known::agreed(held("a", 0), value("a"));
        let owed = merged(&mut known, &held("b", 5), None, Flow::Both, Rule::Newest);
        assert_eq!((owed.owe, owed.take), (Some(held("b", 5)), None));
        let again = merged(&mut known, &held("b", 5), None, Flow::Both, Rule::Newest);
        assert_eq!(again, Merged::default(), "it is under way");
        let other = merged(&mut known, &held("b", 5), Some(&told("a", 6, true)), Flow::Both, Rule::Newest);
        assert_eq!(other, Merged::default(), "GitHub tells of something else before the write is there");
        let echo = merged(&mut known, &held("b", 5), Some(&told("b", 7, true)), Flow::Both, Rule::Newest);
        assert_eq!((echo, known.sent.len()), (Merged::default(), 0));
        let theirs = merged(&mut known, &held("b", 5), Some(&told("c", 8, false)), Flow::Both, Rule::Newest);
        assert_eq!((theirs.take.map(|take| take.value), theirs.owe), (Some(value("c")), None));
    }

    #[test]
    fn two_sides_that_agree_though_they_differ_stay_as_they_are() {
        let mut known = Known::agreed(held("GitHub: a", 0), value("a"));
        let same = told("a", 3, false);
        assert_eq!(merged(&mut known, &held("GitHub: a", 0), Some(&same), Flow::Both, Rule::Newest), Merged::default());
    }

    #[test]
    fn where_both_have_changed_it_a_rule_decides_and_what_is_set_aside_is_told() {
        for (rule, at, theirs_win) in [
            (Rule::Newest, 6, true),
            (Rule::Newest, 5, true),
            (Rule::Newest, 4, false),
            (Rule::Github, 4, true),
            (Rule::Task, 6, false),
        ] {
            let mut known = Known::agreed(held("a", 0), value("a"));
            let found = merged(&mut known, &held("b", 5), Some(&told("c", at, false)), Flow::Both, rule);
            let conflict = found.conflict.unwrap();
            let expected = if theirs_win { (Side::Theirs, value("b")) } else { (Side::Ours, value("c")) };
            assert_eq!((conflict.kept, conflict.aside.value), expected, "{rule:?} {at}");
            assert_eq!(found.take.is_some(), theirs_win, "{rule:?} {at}");
            assert_eq!(found.owe.is_some(), !theirs_win, "{rule:?} {at}");
        }
    }

    #[test]
    fn a_field_goes_as_it_is_set() {
        for (flow, comes, goes) in [
            (Flow::Both, true, true),
            (Flow::FromGithub, true, false),
            (Flow::ToGithub, false, true),
            (Flow::Off, false, false),
        ] {
            let mut known = Known::agreed(held("a", 0), value("a"));
            let theirs = merged(&mut known, &held("a", 0), Some(&told("b", 5, false)), flow, Rule::Newest);
            assert_eq!((theirs.take.is_some(), theirs.owe.is_some()), (comes, false), "{flow:?}");
            let mut known = Known::agreed(held("a", 0), value("a"));
            let ours = merged(&mut known, &held("b", 5), None, flow, Rule::Newest);
            assert_eq!((ours.take.is_some(), ours.owe.is_some()), (false, goes), "{flow:?}");
        }
    }

    #[test]
    fn a_write_that_somebody_undoes_before_it_is_heard_of_is_no_news_of_old() {
        let mut known = Known::agreed(held("a", 0), value("a"));
        merged(&mut known, &held("b", 5), None, Flow::Both, Rule::Newest);
        let undone = merged(&mut known, &held("b", 5), Some(&told("a", 7, false)), Flow::Both, Rule::Newest);
        assert_eq!(undone.take.map(|take| take.value), Some(value("a")), "somebody has set it to that since");
    }
}
