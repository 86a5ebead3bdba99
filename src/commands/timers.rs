//! What happens when a timer rings: a task is due, an approval was not decided in time, somebody's notices or summary are,
//! owners are to be told of troubles, a meeting's end was missed.
//!
//! A further timer is a name in [`timer_fired`] and a function; who sets it owns its name.

use serde::Deserialize;
use serde_json::Value;

use crate::commands::task_card::task_card;
use crate::commands::{alerts, approval_card, meetings, notices};
use crate::domain::approval;
use crate::domain::ids::{PrincipalId, TaskId};
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply};
use crate::domain::task::Task;
use crate::store::keyspace::task as tasks;
use crate::tools::{Context, due as days};

#[derive(Deserialize)]
struct OfTask {
    task: TaskId,
}

#[derive(Deserialize)]
struct OfPerson {
    person: PrincipalId,
}

/// Decides what a ring means. A task that has gone, was closed or got another day is not reminded of.
///
/// # Errors
/// Refuses rings that nobody waits for.
pub fn timer_fired(name: &str, payload: &Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    match name.split('/').next() {
        Some("due") => due(payload, ctx),
        Some("face") => face(payload, ctx),
        Some("notices") => notices::let_go(&person(payload)?, ctx),
        Some("summary") => notices::summary(&person(payload)?, ctx),
        Some("alert") => alerts::ring(ctx),
        Some("meeting") => meetings::forget(payload, ctx),
        Some(approval::TIMER) => approval_card::ring(&ctx.event.what.kind, ctx),
        _ => {
            let shown: String = name.chars().take(40).collect();
            Err(Refusal::new(format!("nobody waits for the timer `{shown}`"), "a later program may").into())
        }
    }
}

fn person(payload: &Value) -> Result<PrincipalId, Refusal> {
    let payload: Result<OfPerson, _> = serde_json::from_value(payload.clone());
    payload
        .map(|payload| payload.person)
        .map_err(|_| Refusal::new("the timer does not say for whom it rings", "set it again: `notifications`"))
}

/// A card was decided before its task changed and shown after that.
fn face(payload: &Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let payload: OfTask = serde_json::from_value(payload.clone())
        .map_err(|_| Refusal::new("the timer does not say whose messages it makes anew", "nothing is to be done"))?;
    let mut outcome = Outcome {
        resource: payload.task.to_string(),
        summary: format!("made the messages of {} anew", payload.task),
        ..Outcome::default()
    };
    if let Some(task) = tasks::read(ctx.view, payload.task)? {
        notices::keep_true(&task.value, &mut outcome, ctx)?;
    }
    Ok(outcome)
}

fn due(payload: &Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let payload: OfTask = serde_json::from_value(payload.clone())
        .map_err(|_| Refusal::new("the timer does not say of which task it reminds", "set the due day again"))?;
    let id = payload.task;
    let said = |summary: String| Outcome { resource: id.to_string(), summary, ..Outcome::default() };
    let Some(task) = tasks::read(ctx.view, id)? else {
        return Ok(said(format!("{id} is not there any more")));
    };
    remind(&task.value, ctx).map_or_else(
        |why| Ok(said(format!("{id}: no reminder, {why}"))),
        |reply| Ok(Outcome { replies: vec![reply], ..said(format!("reminded of {id}")) }),
    )
}

/// The reminder, or why there is none.
fn remind(task: &Task, ctx: &Context<'_>) -> Result<Reply, &'static str> {
    if task.status.is_closed() {
        return Err("it is closed");
    }
    let today = days::day_of(ctx.now);
    let note = match task.due {
        None => return Err("it has no due day"),
        Some(due) if due > today => return Err("its day is still to come"),
        Some(due) if due == today => format!("{} is due today", task.id),
        Some(due) => format!("{} was due on {due}", task.id),
    };
    // Nobody asked, so the buttons are for whoever may press them; that is checked with the press.
    let anybody = |_: &str| true;
    let ctx = &Context { may: &anybody, offers: &anybody, ..*ctx };
    let to = task.origin.reply.clone().ok_or("it came from nowhere that can be answered")?;
    Ok(Reply { to: Some(to), ..Reply::everyone(task_card(task, ctx, Some(&note))) })
}
