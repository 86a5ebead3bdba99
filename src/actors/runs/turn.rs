//! Which run of a group has its turn.

use std::time::Duration;

use super::begin::{group, turns};
use super::{Moving, RUN, moved};
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::domain::time::Timestamp;
use crate::store::View;
use crate::store::keyspace::run as runs;
use crate::workflow::advance::Happened;
use crate::workflow::run::{Run, Status};
use crate::workflow::turn::{self, Other, Turn};

/// How long a run waits that nobody rings.
const LOOKS_AGAIN: Duration = Duration::from_secs(60);

/// A run looks whether it has its turn. All looks of one group are one lane, so no two see the same room.
pub(super) fn rang(it: &Moving<'_>) -> Result<Outcome, Failure> {
    let run = &it.before.value;
    if run.status != Status::Queued {
        return Ok(Outcome { summary: format!("{} is {}", run.id, run.status.as_str()), ..Outcome::default() });
    }
    let others = others(it)?;
    match turn::turn(&it.workflow, run.id, &others) {
        Turn::Begin => moved::by(it, Happened::Begun),
        Turn::Cancel(ended) => {
            let mut outcome = moved::by(it, Happened::Begun)?;
            let cancel = |id| TimerChange::Set {
                name: format!("{RUN}/{id}/cancel"),
                at: it.ctx.now,
                payload: serde_json::Value::Null,
            };
            outcome.timers.extend(ended.into_iter().map(cancel));
            Ok(outcome)
        }
        // One that is set going again was begun, and keeps its place behind those that are.
        Turn::PassOver(other) if run.attempt == 1 => Ok(moved::passed_over(it, &format!("{other} has its place"))),
        Turn::Wait | Turn::PassOver(_) => {
            // Who ends rings those who wait; what began to wait in that very moment looks by itself.
            let look = turns(run, run.id, it.ctx.now, it.ctx.now.after(LOOKS_AGAIN));
            let summary = format!("{} waits for its turn", run.id);
            Ok(Outcome { summary, timers: vec![look], ..Outcome::default() })
        }
    }
}

/// The runs of the group that are not over.
fn others(it: &Moving<'_>) -> Result<Vec<Other>, Failure> {
    others_of(&it.before.value, it.ctx.view)
}

fn others_of(run: &Run, view: &View) -> Result<Vec<Other>, Failure> {
    let members = runs::group::<Status>(view, &group(run))?;
    Ok(members.into_iter().map(|(id, status)| Other { id, status }).collect())
}

/// The look of the one who waits longest in the group of a run that ends without its workflow.
pub(super) fn oldest(run: &Run, view: &View, now: Timestamp) -> Result<Option<TimerChange>, Failure> {
    let mut waiting = others_of(run, view)?.into_iter().filter(|it| it.id != run.id && it.status == Status::Queued);
    Ok(waiting.next().map(|it| turns(run, it.id, now, now)))
}

/// The looks of those who have their turn once this run is over.
pub(super) fn next(it: &Moving<'_>) -> Result<Vec<TimerChange>, Failure> {
    let run = &it.before.value;
    let others: Vec<Other> = others(it)?.into_iter().filter(|other| other.id != run.id).collect();
    Ok(turn::next(&it.workflow, &others).into_iter().map(|id| turns(run, id, it.ctx.now, it.ctx.now)).collect())
}
