//! A run as it is after a happening, and what is kept with it: its row, its marks, its timers, what it owes.

use serde_json::Value;

use super::begin::{event_name, files, group, told, turns, word};
use super::hands::ForRun;
use super::{Moving, RUN, event_of, turn};
use crate::domain::effect::{EffectEnd, FailedBy, Report};
use crate::domain::event::EventKind;
use crate::domain::ids::PrincipalId;
use crate::domain::ids::{EventId, RunId};
use crate::domain::outcome::{Failure, Outcome, TimerChange, Write};
use crate::domain::task::Person;
use crate::store::Stored;
use crate::store::keyspace::{event, run as runs};
use crate::tools::Context;
use crate::workflow::advance::{End, Happened, Next, advance};
use crate::workflow::definition::Workflow;
use crate::workflow::run::{self, FailureKind, Run, Status};
use crate::workflow::step::{Does, Step};

/// Moves a run by a ring; `rest` is the timer's name behind that of the run.
pub(super) fn rang(it: &Moving<'_>, rest: &str, payload: &Value) -> Result<Outcome, Failure> {
    let mut parts = rest.splitn(3, '/');
    let happened = match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        ("wake" | "again", None, None) => Happened::Woken,
        ("cancel", None, None) => Happened::Cancelled { by: person(payload) },
        ("retry", None, None) => match retry(payload) {
            Some(retry) => retry,
            None => return Ok(nothing(it, "the timer does not say who sets it going again")),
        },
        ("files", None, None) => Happened::Needed(files_of(payload)),
        ("event", Some(id), None) => match heard(it, id)? {
            Some(happened) => happened,
            None => return Ok(nothing(it, "the event for which it may have waited is not kept any more")),
        },
        ("decided", Some(attempt), Some(step)) => match decided(attempt, step, payload) {
            Some(happened) => happened,
            None => return Ok(nothing(it, "who has answered cannot be read")),
        },
        ("ended", Some(attempt), Some(step)) => match ended(attempt, step, payload) {
            Some(happened) => happened,
            None => return Ok(nothing(it, "how its step has ended cannot be read")),
        },
        _ => return Ok(nothing(it, "nobody waits for this ring")),
    };
    by(it, happened)
}

fn nothing(it: &Moving<'_>, why: &str) -> Outcome {
    let id = it.before.value.id;
    Outcome { resource: id.to_string(), summary: format!("{id}: {why}"), ..Outcome::default() }
}

fn person(payload: &Value) -> Option<Person> {
    let text = |key: &str| payload.get(key)?.as_str().map(str::to_owned);
    Some(Person { id: PrincipalId(text("by")?.into()), name: text("name")? })
}

/// `<person>/<step>`: two people may answer one question at one time.
fn decided(attempt: &str, step: &str, payload: &Value) -> Option<Happened> {
    let (_, step) = step.split_once('/')?;
    let (attempt, approved) = (attempt.parse().ok()?, payload.get("approved")?.as_bool()?);
    Some(Happened::Decided { step: step.to_owned(), attempt, approved, by: person(payload)? })
}

fn retry(payload: &Value) -> Option<Happened> {
    let from = payload.get("from").and_then(Value::as_str).map(str::to_owned);
    let after = payload.get("after")?.as_u64().and_then(|after| u32::try_from(after).ok())?;
    Some(Happened::Retry { from, after, by: person(payload)? })
}

/// The files that a call has fetched, or why there are none.
fn files_of(payload: &Value) -> Result<Vec<String>, String> {
    let report: Report = serde_json::from_value(payload.clone()).map_err(|error| error.to_string())?;
    match report.end {
        EffectEnd::Called { output, .. } => {
            if output.get("complete").and_then(Value::as_bool) == Some(false) {
                return Err("the pull request changes more files than GitHub names".to_owned());
            }
            let files = output.get("files").and_then(Value::as_array).into_iter().flatten();
            Ok(files.filter_map(|file| file.as_str().map(str::to_owned)).collect())
        }
        other => Err(reason(&other)),
    }
}

fn heard(it: &Moving<'_>, id: &str) -> Result<Option<Happened>, Failure> {
    let Ok(id) = id.parse::<EventId>() else { return Ok(None) };
    let Some(event) = event::read(it.ctx.view, id)? else { return Ok(None) };
    let EventKind::Platform { name, .. } = &event.what.kind else { return Ok(None) };
    let told = told(&event, event.what.channel.as_str(), name);
    Ok(Some(Happened::Event { id, told: Box::new(told) }))
}

fn ended(attempt: &str, step: &str, payload: &Value) -> Option<Happened> {
    let report: Report = serde_json::from_value(payload.clone()).ok()?;
    let failed = |kind, reason: String| End::Failed(run::Failure::new(kind, reason));
    let end = match report.end {
        EffectEnd::Done { platform_id, .. } | EffectEnd::FoundDone { platform_id } => {
            End::Done { output: serde_json::json!({ "id": platform_id }) }
        }
        EffectEnd::Called { output, .. } => End::Done { output },
        EffectEnd::Failed { by: FailedBy::Unknown, reason } => End::Unknown(reason),
        EffectEnd::Failed { by: FailedBy::Transient, reason } => failed(FailureKind::Transient, reason),
        EffectEnd::Failed { by: FailedBy::Timeout, reason } => failed(FailureKind::Timeout, reason),
        other => failed(FailureKind::Lasting, reason(&other)),
    };
    Some(Happened::Ended { step: step.to_owned(), attempt: attempt.parse().ok()?, end })
}

/// Why an effect was not performed, in words.
fn reason(end: &EffectEnd) -> String {
    match end {
        EffectEnd::Failed { reason, .. } | EffectEnd::Dead { reason } => reason.clone(),
        EffectEnd::Dropped { by } => format!("taken off by {by}"),
        EffectEnd::Merged { .. } | EffectEnd::Overtaken { .. } => "another message took its place".to_owned(),
        EffectEnd::Done { .. } | EffectEnd::Called { .. } | EffectEnd::FoundDone { .. } => "it was done".to_owned(),
    }
}

/// Moves a run by what has happened.
pub(super) fn by(it: &Moving<'_>, happened: Happened) -> Result<Outcome, Failure> {
    let (run, ctx) = (&it.before.value, it.ctx);
    let about = event_of(run, ctx.view)?;
    let mut hands = ForRun::new(run, about.as_ref(), ctx, it.desk);
    let dice = |_: &str| (it.desk.dice)();
    let next = advance(&it.workflow, run.clone(), happened, &mut hands, ctx.now, &dice);
    let mut outcome = hands.into_outcome();
    keep(it, next, &mut outcome)?;
    Ok(outcome)
}

fn keep(it: &Moving<'_>, next: Next, outcome: &mut Outcome) -> Result<(), Failure> {
    let (now, id) = (it.ctx.now, next.run.id);
    let timer = |what: &str| format!("{RUN}/{id}/{what}");
    outcome.timers.push(match next.wake {
        Some(at) => TimerChange::Set { name: timer("wake"), at, payload: Value::Null },
        None => TimerChange::Clear { name: timer("wake") },
    });
    if next.again {
        outcome.timers.push(TimerChange::Set { name: timer("again"), at: now, payload: Value::Null });
    }
    if next.needs_files {
        let about = event_of(&next.run, it.ctx.view)?.and_then(|event| event.what.reply);
        outcome.calls.extend(files(id, about.as_ref(), now));
    }
    let names = next.awaits.iter().map(|name| event_name(&name.platform, &name.event));
    outcome.writes.extend(names.map(|name| runs::awaits(&name, id)));
    outcome.resource = id.to_string();
    outcome.summary = format!("{id} of `{}`: {}", next.run.workflow, next.run.status.as_str());
    outcome.told.extend(next.refused.iter().cloned());
    outcome.writes.push(runs::put_run(id, &next.run, Some(&it.before)));
    let was_over = it.before.value.status.is_over();
    if next.run.status.is_over() {
        if !was_over {
            outcome.writes.extend(over(&it.workflow, &next.run));
            outcome.timers.extend(turn::next(it)?);
        }
    } else {
        outcome.writes.extend(runs::opens(id, &group(&next.run), word(next.run.status)));
        if next.run.status == Status::Queued {
            outcome.timers.push(turns(&next.run, id, now));
        }
    }
    Ok(())
}

/// What is taken away when a run is over.
fn over(workflow: &Workflow, run: &Run) -> Vec<Write> {
    let mut writes: Vec<Write> = runs::closes(run.id, &group(run)).into();
    let mut names = Vec::new();
    awaited(&workflow.actions, &mut names);
    writes.extend(names.iter().map(|name| runs::awaits_no_more(name, run.id)));
    writes
}

/// The names of events for which steps may wait.
fn awaited(steps: &[Step], names: &mut Vec<String>) {
    for step in steps {
        if let Does::WaitFor(wait) = &step.does {
            names.push(event_name(&wait.event.platform, &wait.event.event));
        }
    }
    names.sort_unstable();
    names.dedup();
}

/// A run that does not begin, since another has its place.
pub(super) fn passed_over(it: &Moving<'_>, why: &str) -> Outcome {
    let mut run = it.before.value.clone();
    run.status = Status::PassedOver;
    run.ended = Some(it.ctx.now);
    run.remember(it.ctx.now, format!("passed over: {why}"));
    ended_at_once(&run, &it.before, over(&it.workflow, &run))
}

/// A run whose version cannot be read by this program: it fails, and says why.
pub(super) fn cannot_go_on(before: &Stored<Run>, why: &str, ctx: &Context<'_>) -> Outcome {
    if before.value.status.is_over() {
        return Outcome { summary: format!("{} is over", before.value.id), ..Outcome::default() };
    }
    let mut run = before.value.clone();
    run.status = Status::Failed;
    run.ended = Some(ctx.now);
    run.failure = Some(run::RunFailure { step: "version".to_owned(), message: why.to_owned() });
    run.remember(ctx.now, format!("cannot go on: {why}"));
    ended_at_once(&run, before, runs::closes(run.id, &group(&run)).into())
}

fn ended_at_once(run: &Run, before: &Stored<Run>, mut writes: Vec<Write>) -> Outcome {
    let id: RunId = run.id;
    writes.push(runs::put_run(id, run, Some(before)));
    let wake = TimerChange::Clear { name: format!("{RUN}/{id}/wake") };
    let summary = format!("{id} of `{}`: {}", run.workflow, run.status.as_str());
    Outcome { resource: id.to_string(), summary, writes, timers: vec![wake], ..Outcome::default() }
}
