//! Workflows that begin at times: the ring of a schedule begins a run, and sets the next ring.
//!
//! Each schedule has one timer. Whoever reads the files sets those that are missing (`app/workflows.rs`); from then on each
//! ring sets the next. Times that went by while nothing ran begin one run, and their number is told.

use serde_json::{Map, Value, json};

use super::begin::{Beginning, begin};
use super::{Desk, Failure, Outcome};
use crate::domain::outcome::TimerChange;
use crate::domain::time::Timestamp;
use crate::tools::Context;
use crate::workflow::begin::{By, Happening, begun};
use crate::workflow::context::Told;
use crate::workflow::schedule::Schedule;
use crate::workflow::trigger::Begins;

/// What rings for schedules.
pub(super) const SCHEDULE: &str = "schedule";
/// Times that are counted; more are told as that many.
const MOST_COUNTED: usize = 1_000;

/// The timer of a trigger: its next time behind a moment. Nothing at the end of time.
pub(crate) fn timer(workflow: &str, trigger: usize, schedule: &Schedule, after: Timestamp) -> Option<TimerChange> {
    let at = schedule.next_after(after)?;
    let payload = json!({ "cron": schedule.cron, "tz": schedule.tz, "due": at.0 });
    Some(TimerChange::Set { name: format!("{SCHEDULE}/{workflow}/{trigger}"), at, payload })
}

/// A schedule rings.
pub(super) fn rang(rest: &str, payload: &Value, ctx: &Context<'_>, desk: &Desk<'_>) -> Result<Outcome, Failure> {
    let nothing = |why: &str| Ok(Outcome { summary: why.to_owned(), ..Outcome::default() });
    let Some((name, trigger)) = rest.rsplit_once('/') else { return nothing("the ring names no schedule") };
    let trigger: usize = trigger.parse().unwrap_or(usize::MAX);
    let set = desk.workflows.current();
    let Some((file, workflow)) = set.find(name) else { return nothing("that workflow is not there any more") };
    let Some(Begins::Schedule(schedule)) = workflow.triggers.get(trigger).map(|trigger| &trigger.begins) else {
        return nothing("that workflow begins otherwise by now");
    };
    if payload["cron"] != schedule.cron || payload["tz"] != schedule.tz {
        // The timer of the changed schedule was set when its file was read.
        return nothing("that workflow has another schedule by now");
    }
    let due = Timestamp(payload["due"].as_i64().unwrap_or(ctx.now.0));
    let mut outcome = Outcome::default();
    outcome.timers.extend(timer(name, trigger, schedule, ctx.now));
    let missed = missed(schedule, due, ctx.now);
    if missed > 0 {
        outcome.told.push(format!("`{name}` has missed {missed} times while nothing ran"));
    }
    let inputs: Map<String, Value> =
        Map::from_iter([("due".to_owned(), due.to_string().into()), ("missed".to_owned(), missed.into())]);
    let told = Told::new("schedule", "schedule", Value::Null, due).with_inputs(inputs);
    let by = By::Schedule { workflow: name.to_owned(), trigger };
    let key = format!("schedule:{trigger}:{}", due.0);
    let happening = Happening { id: ctx.event.id, by, told, key, requester: None, cause: None };
    for begun in begun([&**workflow], &happening, ctx.now) {
        let (event, view, now) = (ctx.event, ctx.view, ctx.now);
        let it = Beginning { begun: &begun, file, happening: &happening, event, view, now };
        begin(&it, &mut outcome)?;
    }
    outcome.summary = format!("the schedule of `{name}` has rung");
    Ok(outcome)
}

/// How many times of a schedule went by behind the one that is due.
fn missed(schedule: &Schedule, due: Timestamp, now: Timestamp) -> usize {
    std::iter::successors(schedule.next_after(due), |at| schedule.next_after(*at))
        .take_while(|at| *at <= now)
        .take(MOST_COUNTED)
        .count()
}
