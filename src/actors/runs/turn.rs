//! Which run of a group has its turn.

use super::begin::{group, status, turns};
use super::{Moving, RUN, moved};
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::store::keyspace::run as runs;
use crate::workflow::advance::Happened;
use crate::workflow::run::Status;
use crate::workflow::turn::{self, Other, Turn};

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
        Turn::Wait => Ok(Outcome { summary: format!("{} waits for its turn", run.id), ..Outcome::default() }),
        Turn::PassOver(other) => Ok(moved::passed_over(it, &format!("{other} has its place"))),
    }
}

/// The runs of the group that are not over.
fn others(it: &Moving<'_>) -> Result<Vec<Other>, Failure> {
    let members = runs::group(it.ctx.view, &group(&it.before.value))?;
    Ok(members.into_iter().map(|(id, says)| Other { id, status: status(&says) }).collect())
}

/// The looks of those who have their turn once this run is over.
pub(super) fn next(it: &Moving<'_>) -> Result<Vec<TimerChange>, Failure> {
    let run = &it.before.value;
    let others: Vec<Other> = others(it)?.into_iter().filter(|other| other.id != run.id).collect();
    Ok(turn::next(&it.workflow, &others).into_iter().map(|id| turns(run, id, it.ctx.now)).collect())
}
