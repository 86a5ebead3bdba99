//! Runs of workflows: begun by what is reported, moved by the timers that ring for them.
//!
//! `workflow/` says what follows from what; here it is joined with the store, the timers and the tools. Everything is
//! decided from a view of the store, as any handler decides, and nothing is done: a run is state that events advance.
//!
//! | timer | rings |
//! |---|---|
//! | `turn/<group>/<run>` | a run waits for its turn, or one of its group is over |
//! | `schedule/<workflow>/<trigger>` | the time of a schedule has come |
//! | `run/<run>/wake` | its time has come |
//! | `run/<run>/again` | it goes on behind what it has written |
//! | `run/<run>/ended/<attempt>/<step>` | what a step has owed has ended |
//! | `run/<run>/files` | the files that its conditions look at are there |
//! | `run/<run>/event/<event>` | an event has come for which it may wait |
//! | `run/<run>/decided/<question>/<person>/<step>` | somebody has answered a question |
//! | `run/<run>/cancel` | another run takes its place, or somebody ends it |
//! | `run/<run>/retry` | somebody sets it going again |
//! | `repository/<id>/…` | for the file of a repository; they stand in `repository.rs` |
//!
//! All that rings for one run is one lane, and so is all that rings for the turns of one group, and for one repository.
//!
//! | file | owns |
//! |---|---|
//! | `begin.rs` | which runs an event begins, and which wait for it |
//! | `schedule.rs` | runs that begin at times |
//! | `turn.rs` | which run has its turn |
//! | `moved.rs` | a run as it is after a happening, and what is kept with it |
//! | `hands.rs`, `action.rs` | what a step does: tools, by their names and by those of the examples |
//! | `params.rs` | params that an action does not take, or misses |
//! | `repository.rs` | runs that begin by the file of a repository, which is fetched and watched |
//! | `message.rs` | how messages of steps live on, and who it is that they do not reach |
//! | `wishes.rs` | messages to one person, as that person wants them |
//! | `people.rs` | what is known of people of an event on other platforms |

mod action;
mod begin;
mod hands;
mod message;
mod moved;
mod params;
mod people;
mod repository;
mod schedule;
mod turn;
mod wishes;

pub(crate) use params::lints as param_lints;
pub(crate) use schedule::timer as schedule_timer;

use std::sync::Arc;

use serde_json::Value;

use crate::domain::event::{ChannelName, Event, Place};
use crate::domain::ids::{RunId, TenantId};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::sync::Table;
use crate::domain::time::Timestamp;
use crate::policy::{Decision, PolicySet, Request, Subject};
use crate::store::keyspace::run::{self as runs, KeptFile};
use crate::store::{StoreError, Stored, View};
use crate::tools::{self, Context};
use crate::workflow::definition::Workflow;
use crate::workflow::known::{self, Known, PLATFORMS};
use crate::workflow::run::Run;
use crate::workflow::set::Live;
use crate::workflow::stored::{Format, NotThere};

/// What a move of a run is called in the audit chain.
pub(super) const ACTION: &str = "workflow.run";
/// What rings for runs.
const RUN: &str = "run";
/// What rings for turns.
const TURN: &str = "turn";

/// What policies say of somebody and an action, of a channel and in a place.
type Deciding<'a> = dyn Fn(&Subject, &str, ChannelName, Option<&Place>) -> Decision + 'a;

/// What runs are moved with, besides the context of their event.
pub(super) struct Desk<'a> {
    /// The workflows in use.
    pub(super) workflows: &'a Live,
    /// What policies say of somebody and an action, of a channel and in a place.
    pub(super) decide: &'a Deciding<'a>,
    /// A number from 0 to 1.
    pub(super) dice: &'a dyn Fn() -> f64,
    /// How issues and their tasks are kept the same.
    pub(super) sync: &'a Table,
}

/// What a set of policies says of those who act for runs of a tenant.
pub(super) fn deciding<'a>(
    set: &'a PolicySet,
    tenant: &'a TenantId,
) -> impl Fn(&Subject, &str, ChannelName, Option<&Place>) -> Decision + 'a {
    move |subject, action, channel, place| set.decide(&Request { subject, action, tenant, channel, place, tool: None })
}

/// What follows from an event by workflows, by those of the operator's files and by those of its own repository; nothing
/// where none of them is about it.
pub(super) fn begun_by(
    event: &Event,
    workflows: &Live,
    view: &View,
    now: Timestamp,
) -> Result<Option<Outcome>, StoreError> {
    let of_operator = begin::begun_by(event, &workflows.current(), view, now)?;
    let of_repository = repository::follows(event, workflows, view, now)?;
    Ok(Outcome::both(of_operator, of_repository))
}

/// Whether a timer rings for runs.
pub(super) fn is_ours(timer: &str) -> bool {
    matches!(timer.split('/').next(), Some(RUN | TURN | schedule::SCHEDULE | repository::REPOSITORY))
}

/// Moves the run for which a timer rings. A ring for one that is gone changes nothing.
pub(super) fn rang(name: &str, payload: &Value, ctx: &Context<'_>, desk: &Desk<'_>) -> Result<Outcome, Failure> {
    let mut parts = name.splitn(3, '/');
    let (kind, second, rest) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if kind == Some(schedule::SCHEDULE) {
        return schedule::rang(name.split_once('/').map_or("", |(_, rest)| rest), payload, ctx, desk);
    }
    if kind == Some(repository::REPOSITORY) {
        let rest = name.split_once('/').map_or("", |(_, rest)| rest);
        return repository::rang(rest, payload, ctx, desk.workflows);
    }
    let id = if kind == Some(TURN) { rest.rsplit('/').next().unwrap_or_default() } else { second };
    let Ok(id) = id.parse::<RunId>() else {
        return Err(Refusal::new("a timer rang for a run that it does not name", "nothing is to be done").into());
    };
    let Some(before) = runs::read::<Run>(ctx.view, id)? else {
        return Ok(Outcome { summary: format!("{id} is not there any more"), ..Outcome::default() });
    };
    let workflow = match version(&before.value, ctx.view, desk)? {
        Ok(workflow) => workflow,
        Err(why) => return moved::cannot_go_on(&before, &why.to_string(), ctx),
    };
    let it = Moving { before, workflow, ctx, desk };
    if kind == Some(TURN) { turn::rang(&it) } else { moved::rang(&it, rest, payload) }
}

/// A run that is to be moved.
struct Moving<'a> {
    before: Stored<Run>,
    workflow: Arc<Workflow>,
    ctx: &'a Context<'a>,
    desk: &'a Desk<'a>,
}

/// The workflow of a run, in the version on which it stays; why it is not there, where it is not.
fn version(run: &Run, view: &View, desk: &Desk<'_>) -> Result<Result<Arc<Workflow>, NotThere>, StoreError> {
    if let Some(known) = desk.workflows.known(&run.workflow, &run.version) {
        return Ok(Ok(known));
    }
    let file = runs::file(view, &run.file)?;
    let actions = known::names(&tools::known_tools());
    let known = Known { actions: &actions, platforms: PLATFORMS };
    let kept = file.map(|KeptFile { text, of_a_repository, .. }| {
        (text, if of_a_repository { Format::Repository } else { Format::Workflows })
    });
    Ok(desk.workflows.version(&run.workflow, &run.version, &known, kept))
}
