//! Whether a run has its turn: beside other runs of its group, among happenings that are the same, and in the pace of
//! its workflow.
//!
//! Owns these decisions, over small summaries that the caller keeps. It reads no row and no clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::RunId;
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::workflow::definition::{Mode, OnDuplicate, Workflow};
use crate::workflow::run::Status;

/// Runs of one workflow that one thing (an issue, a place, a person) may begin within [`PACE`]. What begins more goes
/// in a circle.
pub const MOST_IN_A_MINUTE: usize = 20;
/// The time in which they are counted.
pub const PACE: Duration = Duration::from_secs(60);

/// A run of the same workflow and group that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Which.
    pub id: RunId,
    /// How far it is.
    pub status: Status,
}

/// What becomes of a run that might begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It begins.
    Begin,
    /// It begins when others are over ([`next`]).
    Wait,
    /// It does not, since this run has its place.
    PassOver(RunId),
    /// It begins, and these are ended.
    Cancel(Vec<RunId>),
}

/// What becomes of a run beside the others of its group.
#[must_use]
pub fn turn(workflow: &Workflow, run: RunId, others: &[Other]) -> Turn {
    let mut others: Vec<&Other> = others
        .iter()
        .filter(|other| other.id != run && !other.status.is_over() && other.status != Status::Needs)
        .collect();
    others.sort_unstable_by_key(|other| other.id);
    let under_way = others.iter().filter(|other| other.status.is_under_way()).count();
    let is_first = others.iter().all(|other| other.status.is_under_way() || other.id > run);
    match (workflow.mode, others.first()) {
        (_, None) => Turn::Begin,
        // What came after it has no place before it.
        (Mode::Single, Some(_)) => {
            let before = others.iter().find(|other| other.status.is_under_way() || other.id < run);
            before.map_or(Turn::Begin, |before| Turn::PassOver(before.id))
        }
        (Mode::Restart, Some(_)) => match others.iter().rev().find(|other| other.id > run) {
            Some(later) => Turn::PassOver(later.id),
            None => Turn::Cancel(others.iter().map(|other| other.id).collect()),
        },
        (Mode::Queued | Mode::Parallel, Some(_)) => {
            let has_room = usize::try_from(workflow.concurrency.max).is_ok_and(|max| under_way < max);
            if has_room && is_first { Turn::Begin } else { Turn::Wait }
        }
    }
}

/// The runs of a group that begin when one is over: those that wait longest, as many as there is room for.
#[must_use]
pub fn next(workflow: &Workflow, group: &[Other]) -> Vec<RunId> {
    let under_way = group.iter().filter(|other| other.status.is_under_way()).count();
    let max = match workflow.mode {
        Mode::Single | Mode::Restart => 1,
        Mode::Queued | Mode::Parallel => usize::try_from(workflow.concurrency.max).unwrap_or(1),
    };
    let mut waiting: Vec<RunId> =
        group.iter().filter(|other| other.status == Status::Queued).map(|other| other.id).collect();
    waiting.sort_unstable();
    waiting.truncate(max.saturating_sub(under_way));
    waiting
}

/// The earlier run to which a happening is the same, where nothing begins for that. `earlier` is the last run of the
/// workflow with the same key, and when it was made.
#[must_use]
pub fn duplicate(workflow: &Workflow, earlier: Option<(RunId, Timestamp)>, now: Timestamp) -> Option<RunId> {
    let (run, made) = earlier?;
    let is_same = workflow.on_duplicate == OnDuplicate::Skip && now.since(made) < workflow.dedupe_window;
    is_same.then_some(run)
}

/// When one thing has begun runs of one workflow: what is kept for [`Pace::begin`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// When, the earliest first; at most 20.
    begun: Vec<Timestamp>,
    /// Whether somebody was told that it is too fast.
    #[serde(default)]
    is_told: bool,
    /// How many of the last ones have followed, one after the other, from what the bot did.
    #[serde(default)]
    by_itself: u8,
}

/// Whether a workflow may begin in its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paced {
    /// It may.
    Begin,
    /// It may not.
    TooFast {
        /// Whether that is to be told: once, until the pace is slower.
        is_news: bool,
        /// From when on it may.
        until: Timestamp,
    },
}

impl Record for Pace {}

impl Pace {
    /// How many of the last runs have followed from what the bot did.
    #[must_use]
    pub fn by_itself(&self) -> u8 {
        self.by_itself
    }

    /// Takes in that a run is to begin, of that depth.
    pub fn begin(&mut self, now: Timestamp, depth: u8) -> Paced {
        self.begun.retain(|at| now.since(*at) < PACE);
        match self.begun.first() {
            Some(first) if self.begun.len() >= MOST_IN_A_MINUTE => {
                let is_news = !std::mem::replace(&mut self.is_told, true);
                Paced::TooFast { is_news, until: first.after(PACE) }
            }
            _ => {
                if self.begun.len() < MOST_IN_A_MINUTE / 2 {
                    self.is_told = false;
                }
                self.begun.push(now);
                self.by_itself = depth;
                Paced::Begin
            }
        }
    }

    /// Whether nothing of it needs to be kept.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.begun.iter().all(|at| now.since(*at) >= PACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::file;
    use crate::workflow::known::Known;

    fn workflow(settings: &str) -> Workflow {
        let text = format!("workflows: {{w: {{trigger: {{manual: }}, actions: [{{action: a}}], {settings}}}}}");
        file::read(&text, &Known { actions: &["a"], platforms: &[] }).unwrap().remove(0)
    }

    fn others(of: &[(u64, Status)]) -> Vec<Other> {
        of.iter().map(|(id, status)| Other { id: RunId(*id), status: *status }).collect()
    }

    #[test]
    fn each_mode_gives_the_turn_in_its_way() {
        use Status::{Needs, Queued, Running, Waiting};
        let ids = |ids: &[u64]| ids.iter().copied().map(RunId).collect::<Vec<_>>();
        for (settings, run, group, wanted) in [
            ("mode: single", 5, &[][..], Turn::Begin),
            ("mode: single", 5, &[(3, Waiting)], Turn::PassOver(RunId(3))),
            ("mode: single", 5, &[(6, Queued)], Turn::Begin),
            ("mode: single", 5, &[(6, Running)], Turn::PassOver(RunId(6))),
            ("mode: single", 5, &[(3, Needs), (5, Queued), (4, Status::Done)], Turn::Begin),
            ("mode: restart", 5, &[(3, Running), (4, Queued)], Turn::Cancel(ids(&[3, 4]))),
            ("mode: restart", 5, &[(6, Running)], Turn::PassOver(RunId(6))),
            ("mode: queued", 5, &[(3, Running)], Turn::Wait),
            ("mode: queued, concurrency: {max: 2}", 5, &[(3, Running)], Turn::Begin),
            ("mode: queued, concurrency: {max: 2}", 5, &[(3, Running), (4, Queued)], Turn::Wait),
            ("mode: queued, concurrency: {max: 2}", 5, &[(3, Running), (6, Queued)], Turn::Begin),
            ("mode: parallel, concurrency: {max: 2}", 5, &[(3, Running), (4, Waiting)], Turn::Wait),
        ] {
            assert_eq!(turn(&workflow(settings), RunId(run), &others(group)), wanted, "{settings} {group:?}");
        }
        let group = others(&[(3, Running), (9, Queued), (4, Queued), (5, Queued), (2, Needs)]);
        assert_eq!(next(&workflow("mode: queued"), &group), []);
        assert_eq!(next(&workflow("mode: queued, concurrency: {max: 3}"), &group), ids(&[4, 5]));
    }

    #[test]
    fn the_same_happening_begins_once_within_the_window() {
        let (skip, run) = (workflow("dedupe_window: 1h"), workflow("on_duplicate: run"));
        let earlier = Some((RunId(3), Timestamp(0)));
        assert_eq!(duplicate(&skip, earlier, Timestamp(3_599_999)), Some(RunId(3)));
        assert_eq!(duplicate(&skip, earlier, Timestamp(3_600_000)), None);
        assert_eq!(duplicate(&skip, None, Timestamp(0)), None);
        assert_eq!(duplicate(&run, earlier, Timestamp(1)), None);
    }

    #[test]
    fn the_twenty_first_in_a_minute_is_refused_and_told_once() {
        let mut pace = Pace::default();
        for second in 0..20 {
            assert_eq!(pace.begin(Timestamp(second * 1_000), 0), Paced::Begin);
        }
        for is_news in [true, false] {
            let refused = Paced::TooFast { is_news, until: Timestamp(60_000) };
            assert_eq!(pace.begin(Timestamp(59_999), 0), refused);
        }
        assert_eq!(pace.begin(Timestamp(60_000), 0), Paced::Begin);
        assert!(!pace.is_over(Timestamp(119_999)) && pace.is_over(Timestamp(120_000)));
        for second in 0..20 {
            let _ = pace.begin(Timestamp(200_000 + second), 0);
        }
        assert!(matches!(pace.begin(Timestamp(201_000), 0), Paced::TooFast { is_news: true, .. }));
    }
}
