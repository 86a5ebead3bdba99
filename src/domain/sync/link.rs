//! An issue and the task that is kept the same with it, as one row: where the issue is, what is known of every field, what
//! was said, and whether it is paused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::issue::IssueId;
use super::merge::{Given, Known, Merged, Told, merge};
use super::{Field, Held, Stamp, Table, Value};
use crate::domain::event::Address;
use crate::domain::ids::{EventId, TaskId};
use crate::domain::task::{Comment, Task};
use crate::domain::time::Timestamp;

/// Events of which is remembered what they came to.
const MOST_REMEMBERED: usize = 20;
/// Comments that are remembered as taken.
const MOST_TAKEN: usize = 100;

/// An issue and its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The task.
    pub task: TaskId,
    /// The issue.
    pub issue: IssueId,
    /// Where it is, by the name that its repository had last.
    pub to: Address,
    /// Its page.
    pub url: String,
    /// Where the ids of its people are valid.
    pub realm: String,
    /// What stands before the issue's title in that of the task.
    #[serde(default)]
    pub prefix: String,
    /// What is known of each field.
    pub fields: BTreeMap<Field, Known>,
    /// Up to which state of the issue events were looked at.
    pub seen: Seen,
    /// Up to which remark of the task the issue has been told.
    pub told: Heard,
    /// The last comments that were taken over, or never will be.
    #[serde(default)]
    pub taken: VecDeque<u64>,
    /// What the last events came to, for `why`.
    #[serde(default)]
    pub came_to: VecDeque<(EventId, String)>,
    /// The number of the last write.
    #[serde(default)]
    pub writes: u64,
    /// Nothing is kept the same until a person has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// A state of an issue. GitHub's times are whole seconds; of two events of one second the one that came later is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// When it changed last.
    pub at: Timestamp,
    /// The event that told of it.
    pub event: EventId,
}

/// How far the remarks of a task have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Up to the remarks of this moment.
    pub at: Timestamp,
    /// So many of that very moment.
    pub count: usize,
}

impl Heard {
    /// All remarks of a task.
    #[must_use]
    pub fn all(task: &Task) -> Self {
        let Some(at) = task.comments.last().map(|last| last.at) else { return Self::default() };
        Self { at, count: task.comments.iter().filter(|comment| comment.at == at).count() }
    }

    /// The remarks behind it.
    #[must_use]
    pub fn after<'t>(&self, task: &'t Task) -> Vec<&'t Comment> {
        let mut of_that_moment = 0;
        let is_new = |comment: &&Comment| {
            of_that_moment += usize::from(comment.at == self.at);
            comment.at > self.at || (comment.at == self.at && of_that_moment > self.count)
        };
        task.comments.iter().filter(is_new).collect()
    }
}

/// Two sides have gone in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Since when.
    pub since: Timestamp,
    /// Over what.
    pub field: Field,
    /// The task by which a person was asked to look; when it is done the link goes on.
    pub asked: TaskId,
}

/// What is told of an issue as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Its fields.
    pub fields: BTreeMap<Field, Value>,
    /// Those of which the event tells, where it tells of some.
    pub about: BTreeSet<Field>,
    /// The App has done it.
    pub is_own: bool,
    /// Since when they stand so, at the latest.
    pub stamp: Stamp,
}

impl Link {
    /// Decides on all fields. `ours` is what the task has; a label that is in neither is on neither side.
    pub fn merge(
        &mut self,
        ours: &BTreeMap<Field, Value>,
        ours_since: Stamp,
        news: Option<&News>,
        table: &Table,
        now: Timestamp,
    ) -> Vec<(Field, Merged)> {
        let number = self.writes + 1;
        let told = news.iter().flat_map(|news| news.fields.keys());
        let all: BTreeSet<Field> = self.fields.keys().chain(ours.keys()).chain(told).cloned().collect();
        let mut found = Vec::new();
        for field in all {
            let is_label = matches!(field, Field::Label(_));
            let theirs = news.and_then(|news| match news.fields.get(&field) {
                Some(value) => Some(value.clone()),
                None => is_label.then_some(None),
            });
            let value = ours.get(&field).cloned().unwrap_or_default();
            let Some(known) = self.known(&field, &value, ours_since, theirs.as_ref()) else { continue };
            let stamp = if value == known.ours { known.stamp } else { ours_since };
            let told = news.zip(theirs).map(|(news, value)| Told {
                held: Held { value, stamp: news.stamp },
                may_be_ours: news.is_own || !news.about.contains(&field),
            });
            let given = Given {
                ours: &Held { value, stamp },
                told: told.as_ref(),
                flow: table.flow(&field),
                rule: table.rule,
                breaker: table.breaker,
                number,
                now,
            };
            let merged = merge(known, &given);
            self.writes = self.writes.max(merged.owe.as_ref().map_or(0, |_| number));
            if merged != Merged::default() {
                found.push((field, merged));
            }
        }
        self.fields.retain(|field, known| !matches!(field, Field::Label(_)) || !is_gone(known));
        found
    }

    /// What is known of a field. Of one of which nothing was known yet both sides are taken to agree as they are; a label
    /// of which nothing is known was on neither.
    fn known(&mut self, field: &Field, ours: &Value, since: Stamp, theirs: Option<&Value>) -> Option<&mut Known> {
        if !self.fields.contains_key(field) {
            let known = match field {
                Field::Label(_) => Known::default(),
                _ => Known::agreed(Held { value: ours.clone(), stamp: since }, theirs?.clone()),
            };
            self.fields.insert(field.clone(), known);
        }
        self.fields.get_mut(field)
    }

    /// Whether all that is told of the issue is known, and nothing that was written comes back by it.
    #[must_use]
    pub fn is_as_told(&self, fields: &BTreeMap<Field, Value>) -> bool {
        let theirs = |field: &Field| fields.get(field).cloned().unwrap_or_default();
        let mut known = self.fields.iter().filter(|(field, _)| fields.contains_key(field) || is_label(field));
        known.all(|(field, known)| known.is_as_told(&theirs(field)))
            && fields.keys().all(|field| self.fields.contains_key(field))
    }

    /// What the task really has since, where it could not take all over.
    pub fn holds(&mut self, ours: &BTreeMap<Field, Value>) {
        for (field, known) in &mut self.fields {
            known.ours = ours.get(field).cloned().unwrap_or_default();
        }
    }

    /// GitHub has taken a write of some fields, or never will; gives those of which it was.
    pub fn ended(&mut self, number: u64, of: impl Fn(&Field) -> bool, landed: Option<Timestamp>) -> Vec<Field> {
        let mut fields = Vec::new();
        for (field, known) in self.fields.iter_mut().filter(|(field, _)| of(field)) {
            if known.sent.iter().any(|sent| sent.number == number) {
                fields.push(field.clone());
            }
            match landed {
                Some(at) => {
                    let of_it = known.sent.iter_mut().filter(|sent| sent.number == number);
                    of_it.for_each(|sent| sent.landed = Some(at));
                }
                None => known.sent.retain(|sent| sent.number != number),
            }
        }
        fields
    }

    /// Remembers that a comment was taken over, or never will be; false where it was remembered before.
    pub fn takes(&mut self, comment: u64) -> bool {
        if self.taken.contains(&comment) {
            return false;
        }
        self.taken.push_back(comment);
        self.taken.drain(..self.taken.len().saturating_sub(MOST_TAKEN));
        true
    }

    /// Remembers what an event came to.
    pub fn note(&mut self, event: EventId, what: String) {
        self.came_to.push_back((event, what));
        self.came_to.drain(..self.came_to.len().saturating_sub(MOST_REMEMBERED));
    }

    /// Goes on after a pause.
    pub fn resume(&mut self) {
        self.paused = None;
        self.fields.values_mut().for_each(|known| {
            known.moves.clear();
            known.sent.clear();
        });
    }

    /// The issue as people name it: `acme/shop#3`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}#{}", self.to.place, self.issue.number)
    }
}

fn is_label(field: &Field) -> bool {
    matches!(field, Field::Label(_))
}

/// A label that neither side has, of which nothing is to be remembered.
fn is_gone(known: &Known) -> bool {
    known.ours.is_none() && known.theirs.is_none() && known.sent.is_empty() && known.moves.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::ChannelName;
    use crate::domain::sync::PRESENT;

    fn link() -> Link {
        Link {
            task: TaskId(7),
            issue: IssueId { repository: 1, number: 3 },
            to: Address::at(ChannelName::GitHub, "5", "acme/shop"),
            url: String::new(),
            realm: "github.com".into(),
            prefix: String::new(),
            fields: BTreeMap::from([(Field::Title, Known::agreed(Held::default(), None))]),
            seen: Seen { at: Timestamp(0), event: EventId(1) },
            told: Heard::default(),
            taken: VecDeque::new(),
            came_to: VecDeque::new(),
            writes: 0,
            paused: None,
        }
    }

    fn labels(names: &[&str]) -> BTreeMap<Field, Value> {
        names.iter().map(|name| (Field::Label((*name).to_owned()), Some(PRESENT.to_owned()))).collect()
    }

    fn news(names: &[&str]) -> News {
        let stamp = Stamp::of_issue(Timestamp(9_000));
        News { fields: labels(names), about: BTreeSet::new(), is_own: false, stamp }
    }

    #[test]
    fn sets_are_merged_one_by_one_and_what_neither_has_is_forgotten() {
        let (mut link, table, stamp) = (link(), Table::default(), Stamp::of_task(Timestamp(5_000)));
        let now = Timestamp(10_000);
        link.merge(&labels(&["a", "b"]), stamp, Some(&news(&["a", "b"])), &table, now);
        // We take `a` off and put `c` on; they take `b` off and put `d` on.
        let found = link.merge(&labels(&["b", "c"]), stamp, Some(&news(&["a", "d"])), &table, now);
        let owed: Vec<String> = found.iter().filter(|(_, it)| it.owe.is_some()).map(|(it, _)| it.to_string()).collect();
        let taken: Vec<String> =
            found.iter().filter(|(_, it)| it.take.is_some()).map(|(it, _)| it.to_string()).collect();
        assert_eq!(
            (owed, taken),
            (vec!["label a".to_owned(), "label c".into()], vec!["label b".into(), "label d".into()])
        );
        assert!(found.iter().all(|(_, it)| it.conflict.is_none()), "{found:?}");
        let number = link.writes;
        let is_label = |field: &Field| matches!(field, Field::Label(_));
        assert_eq!(link.ended(number, is_label, Some(now)).len(), 2);
        let later = Timestamp(now.0 + 1_000_000);
        link.merge(&labels(&["c", "d"]), stamp, Some(&news(&["c", "d"])), &table, later);
        let left: Vec<String> = link.fields.keys().map(ToString::to_string).collect();
        assert_eq!(left, ["title", "label c", "label d"]);
    }

    #[test]
    fn a_comment_is_taken_over_once() {
        let mut link = link();
        assert!(link.takes(5) && !link.takes(5));
        (1000..1000 + MOST_TAKEN as u64).for_each(|id| assert!(link.takes(id)));
        assert_eq!(link.taken.len(), MOST_TAKEN);
    }
}
