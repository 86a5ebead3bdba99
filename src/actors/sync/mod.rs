//! An issue of GitHub and its task, kept the same: what follows when one of both has changed.
//!
//! Everything of one pair happens in one lane, that of its timers, so that no two decisions about it are made at one time. A
//! ring reads both sides as they are known, has `domain/sync` merge them, and commits in one what the task takes over, what
//! is owed to GitHub and what is known then. So a process that dies leaves nothing half, and what rings twice finds nothing
//! to do. Which issue a task belongs to is `tools/sync.rs`.
//!
//! | timer | rings |
//! |---|---|
//! | `sync/<task>/out` | the task has changed |
//! | `sync/<task>/event/<event>` | GitHub has told of the issue |
//! | `sync/<task>/ended/<number>/<operation>` | a write has ended |
//! | `sync/<task>/look` | the issue is to be looked at |
//! | `sync/<task>/read` | it was looked at |
//! | `sync/<task>/resume` | a person has looked at what was paused |
//!
//! | file | owns |
//! |---|---|
//! | `heard.rs` | which events of GitHub are about a pair |
//! | `pair.rs` | a pair at a ring, merged and written |
//! | `take.rs` | what a task takes over, in words for its history |
//! | `owe.rs` | what is owed to GitHub |
//! | `pause.rs` | a person is asked about a circle |

mod heard;
mod owe;
mod pair;
mod pause;
mod take;

pub(super) use heard::told;

use serde_json::Value as Json;

use self::pair::Pair;
use crate::domain::effect::{EffectEnd, Report};
use crate::domain::ids::{EventId, TaskId};
use crate::domain::outcome::{Failure, Outcome, Refusal, TimerChange, Write};
use crate::domain::sync::Table;
use crate::domain::sync::issue::{self, Issue};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;
use crate::store::keyspace::{event, sync as kept, task as tasks};
use crate::store::{StoreError, View};
use crate::tools::Context;
use crate::tools::sync::TIMER;

/// What a ring is called in the audit chain.
pub(super) const ACTION: &str = "sync";

/// Whether a timer rings for a pair.
pub(super) fn is_ours(timer: &str) -> bool {
    timer.split('/').next() == Some(TIMER)
}

/// Sets a timer of a pair.
fn timer(task: TaskId, rest: &str, at: Timestamp) -> TimerChange {
    TimerChange::Set { name: format!("{TIMER}/{task}/{rest}"), at, payload: Json::Null }
}

/// What follows for pairs from a commit that writes tasks: the issue of one that has changed is to follow, and one that
/// waited for a person goes on.
pub(super) fn follow(view: &View, writes: &[Write], now: Timestamp) -> Result<Vec<TimerChange>, StoreError> {
    let mut timers = Vec::new();
    for after in tasks::written(writes)? {
        if after.status.is_closed()
            && let Some(paused) = kept::asked_by(view, after.id)?
        {
            timers.push(timer(paused, "resume", now));
        }
        // What writes both has seen to it.
        if kept::is_written(after.id, writes) || kept::read(view, after.id)?.is_none() {
            continue;
        }
        let before = tasks::read(view, after.id)?;
        if before.is_none_or(|before| shows(&before.value) != shows(&after)) {
            timers.push(timer(after.id, "out", now));
        }
    }
    Ok(timers)
}

/// What of a task an issue may show.
fn shows(task: &Task) -> impl PartialEq + '_ {
    (&task.status, &task.title, &task.description, &task.labels, &task.assignee, task.comments.last())
}

/// Sees to the pair for which a timer rings. A ring for one that is gone changes nothing.
pub(super) fn rang(name: &str, payload: &Json, ctx: &Context<'_>, table: &Table) -> Result<Outcome, Failure> {
    let mut parts = name.splitn(3, '/').skip(1);
    let (task, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(task) = task.parse::<TaskId>() else {
        return Err(Refusal::new("a timer rang for a task that it does not name", "nothing is to be done").into());
    };
    let Some(mut pair) = Pair::read(task, ctx, table)? else {
        return Ok(Outcome { summary: format!("{task} is kept the same with no issue"), ..Outcome::default() });
    };
    let mut parts = rest.splitn(3, '/');
    match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        ("resume", ..) => pair.resume()?,
        ("ended", Some(number), Some(operation)) => {
            pair.ended(number.parse().unwrap_or_default(), operation, report(payload).as_ref());
        }
        _ if pair.is_paused() => pair.say("it is paused"),
        ("out", ..) => pair.merge(None)?,
        ("look", ..) => pair.look(),
        ("read", ..) => match issue_of(report(payload)) {
            Some(issue) => pair.was_read(&issue)?,
            None => pair.say("the issue could not be read"),
        },
        ("event", Some(id), _) => match id.parse::<EventId>().ok().map(|id| event::read(ctx.view, id)).transpose()? {
            Some(Some(event)) => match issue::read(&event.what.raw) {
                Some(told) => pair.hear(&event, &told)?,
                None => pair.say("the event tells of no issue"),
            },
            _ => pair.say("the event is not kept any more"),
        },
        _ => pair.say("nobody waits for this ring"),
    }
    pair.into_outcome()
}

fn report(payload: &Json) -> Option<Report> {
    serde_json::from_value(payload.clone()).ok()
}

/// The issue that a look has read.
fn issue_of(report: Option<Report>) -> Option<Issue> {
    let EffectEnd::Called { output, .. } = report?.end else { return None };
    serde_json::from_value(output.get("issue")?.clone()).ok()
}
