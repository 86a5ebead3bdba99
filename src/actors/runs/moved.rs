//! A run as it is after a happening, and what is kept with it: its row, its marks, its timers, what it owes.

use serde_json::Value;

use super::begin::{files, group, turns};
use super::hands::ForRun;
use super::{Moving, RUN, people, turn};
use crate::domain::effect::{EffectEnd, FailedBy, Report};
use crate::domain::ids::{EventId, PrincipalId, RunId};
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::domain::task::Person;
use crate::domain::time::Timestamp;
use crate::store::Stored;
use crate::store::keyspace::{event, run as runs};
use crate::tools::Context;
use crate::workflow::advance::{End, Happened, Next, advance};
use crate::workflow::context::{Told, named};
use crate::workflow::run::{self, About, FailureKind, Run, State, Status};

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
    let Some((platform, name)) = named(&event) else { return Ok(None) };
    let told = Told::of(&event, platform, name);
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
pub(super) fn reason(end: &EffectEnd) -> String {
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
    let mut hands = ForRun::new(run, &it.workflow, ctx, it.desk);
    let dice = |_: &str| (it.desk.dice)();
    let mut moving = run.clone();
    if let (Happened::Retry { .. }, Some(About { channel, realm, .. })) = (&happened, &run.about) {
        // Who was nobody elsewhere when it began may have linked themselves since.
        moving.told.people = people::known(&run.told, *channel, realm.as_deref(), ctx.view)?;
    }
    let mut next = advance(&it.workflow, moving, happened, &mut hands, ctx.now, &dice);
    if next.needs_files && files(&next.run, ctx.now).is_none() {
        let nothing = Happened::Needed(Err("it is about no pull request of which files could be asked for".to_owned()));
        next = advance(&it.workflow, next.run, nothing, &mut hands, ctx.now, &dice);
    }
    for held in hands.held_back() {
        next.run.remember(ctx.now, held);
    }
    let mut outcome = hands.into_outcome()?;
    keep(it, next, &mut outcome)?;
    Ok(outcome)
}

fn keep(it: &Moving<'_>, mut next: Next, outcome: &mut Outcome) -> Result<(), Failure> {
    let (now, id, was) = (it.ctx.now, next.run.id, it.before.value.status);
    let timer = |what: &str| format!("{RUN}/{id}/{what}");
    outcome.timers.push(match next.wake {
        Some(at) => TimerChange::Set { name: timer("wake"), at, payload: Value::Null },
        None => TimerChange::Clear { name: timer("wake") },
    });
    if next.again {
        outcome.timers.push(TimerChange::Set { name: timer("again"), at: now, payload: Value::Null });
    }
    if next.needs_files {
        outcome.calls.extend(files(&next.run, now));
    }
    let is_over = next.run.status.is_over();
    awaits(&mut next, &it.before.value.awaits, it.ctx, outcome)?;
    outcome.resource = id.to_string();
    outcome.summary = format!("{id} of `{}`: {}", next.run.workflow, next.run.status.as_str());
    outcome.told.extend(next.refused.iter().cloned());
    outcome.writes.push(runs::put_run(id, &next.run, Some(&it.before)));
    let group = group(&next.run);
    if is_over && !was.is_over() {
        outcome.writes.extend(runs::put_over(&group, id, now));
        outcome.timers.extend(turn::next(it)?);
    }
    if !is_over && was.is_over() {
        let since = it.before.value.ended.map(|since| runs::not_over(id, since));
        outcome.writes.extend(since);
    }
    if !is_over && was != next.run.status {
        outcome.writes.push(runs::put_member(&group, id, &next.run.status));
        if next.run.status == Status::Queued {
            outcome.timers.push(turns(&next.run, id, now, now));
        }
    }
    Ok(())
}

/// Marks a run under the names of the events for which it may wait now, and under none of those before.
fn awaits(next: &mut Next, before: &[String], ctx: &Context<'_>, outcome: &mut Outcome) -> Result<(), Failure> {
    let run = &mut next.run;
    let is_over = run.status.is_over();
    let names = next.awaits.iter().filter(|_| !is_over).map(|name| runs::event_name(&name.platform, &name.event));
    run.awaits = names.collect();
    run.awaits.sort_unstable();
    run.awaits.dedup();
    for name in run.awaits.clone().iter().filter(|name| !before.contains(name)) {
        if runs::awaiting(ctx.view, name)?.len() >= runs::MOST_AWAITING {
            let why = format!("{} runs wait for `{name}`: this one does not hear of it", runs::MOST_AWAITING);
            run.remember(ctx.now, why.clone());
            outcome.told.push(why);
        }
        outcome.writes.push(runs::awaits(name, run.id));
    }
    let left = before.iter().filter(|name| !run.awaits.contains(name));
    outcome.writes.extend(left.map(|name| runs::awaits_no_more(name, run.id)));
    Ok(())
}

/// A run that does not begin, since another has its place.
pub(super) fn passed_over(it: &Moving<'_>, why: &str) -> Outcome {
    let run = ended_as(&it.before, Status::PassedOver, format!("passed over: {why}"), it.ctx.now);
    ended_at_once(&run, &it.before)
}

/// A run whose version cannot be read by this program: it fails, and says why; the next of its group has its turn.
pub(super) fn cannot_go_on(before: &Stored<Run>, why: &str, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    if before.value.status.is_over() {
        return Ok(Outcome { summary: format!("{} is over", before.value.id), ..Outcome::default() });
    }
    let mut run = ended_as(before, Status::Failed, format!("cannot go on: {why}"), ctx.now);
    run.failure = Some(run::RunFailure { step: "version".to_owned(), message: why.to_owned() });
    let mut outcome = ended_at_once(&run, before);
    let asked = run.steps.iter().filter(|(_, step)| matches!(step.state, State::Asking { .. } | State::Unknown { .. }));
    outcome.writes.extend(asked.map(|(path, step)| runs::take_question(run.id, path, step.attempts)));
    outcome.timers.extend(turn::oldest(&run, ctx.view, ctx.now)?);
    Ok(outcome)
}

fn ended_as(before: &Stored<Run>, status: Status, why: String, now: Timestamp) -> Run {
    let mut run = before.value.clone();
    (run.status, run.ended) = (status, Some(now));
    run.awaits.clear();
    run.remember(now, why);
    run
}

fn ended_at_once(run: &Run, before: &Stored<Run>) -> Outcome {
    let id: RunId = run.id;
    let mut writes = vec![runs::put_run(id, run, Some(before))];
    writes.extend(runs::put_over(&group(run), id, run.ended.unwrap_or_default()));
    writes.extend(before.value.awaits.iter().map(|name| runs::awaits_no_more(name, id)));
    let wake = TimerChange::Clear { name: format!("{RUN}/{id}/wake") };
    let summary = format!("{id} of `{}`: {}", run.workflow, run.status.as_str());
    Outcome { resource: id.to_string(), summary, writes, timers: vec![wake], ..Outcome::default() }
}
