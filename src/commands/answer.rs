//! To whom an answer goes, and what it takes the place of.
//!
//! A task's card is for everybody, and where a button of it was pressed it takes that card's place, so
//! that one card stays true. Lists, help, stories and refusals are for the asker alone. A page, of a list or
//! of counts, is turned in its place.

use crate::commands::task_card::{minute, task_card};
use crate::domain::card::{Action, ButtonStyle, Card};
use crate::domain::event::{Address, EventKind};
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply, Shows};
use crate::domain::task::Task;
use crate::store::StoreError;
use crate::store::keyspace::face::{self, Face};
use crate::tools::Context;
use crate::tools::task_update::{self, Changed};

/// Answers the asker alone.
pub(super) fn asker(outcome: Outcome, card: Card) -> Outcome {
    with(outcome, Reply::asker(card))
}

/// Answers everybody with something that stands for itself.
pub(super) fn everyone(outcome: Outcome, card: Card) -> Outcome {
    with(outcome, Reply::everyone(card))
}

/// Answers with a page that has buttons of its own: pressed there, it is turned or made anew in its place.
pub(super) fn page(outcome: Outcome, reply: Reply, ctx: &Context<'_>) -> Outcome {
    with(outcome, Reply { replaces: pressed_message(ctx).map(str::to_owned), ..reply })
}

/// A button of a page, which stands for a line; none where the line is too long for one.
pub(super) fn turn(label: &str, line: &str, ctx: &Context<'_>) -> Option<Action> {
    let token = Some((ctx.sign)(line)).filter(|token| !token.is_empty())?;
    Some(Action::Button { label: label.to_owned(), token, style: ButtonStyle::Plain })
}

/// Answers everybody with the card of a task, as a message of its own.
pub(super) fn of_task(outcome: Outcome, task: &Task, card: Card, ctx: &Context<'_>) -> Outcome {
    with(outcome, Reply { shows: kept_true(task, ctx).map(Into::into), ..Reply::everyone(card) })
}

/// The messages that show something and are not changed by an answer already, each once.
pub(super) fn other_faces(
    shows: Shows,
    most: usize,
    outcome: &Outcome,
    ctx: &Context<'_>,
) -> Result<Vec<Face>, StoreError> {
    let back = ctx.event.what.reply.as_ref();
    let answers = outcome.replies.iter();
    let replaced = answers.filter_map(|reply| Some((reply.to.as_ref().or(back)?, reply.replaces.as_deref()?)));
    let replaced: Vec<_> = replaced.collect();
    let mut others: Vec<Face> = Vec::new();
    for face in face::of(ctx.view, shows, most)? {
        let is_it = |to: &Address, message: &str| message == face.message && to.shares_messages_with(&face.to);
        // One message may stand for two conversations, where the platform names a chat in two ways.
        let is_known = replaced.iter().any(|(to, message)| is_it(to, message))
            || others.iter().any(|other| is_it(&other.to, &other.message));
        if !is_known {
            others.push(face);
        }
    }
    Ok(others)
}

/// The task whose card is changed with it from now on. Where people from outside read along nothing comes by itself:
/// they see what somebody shows them there.
fn kept_true(task: &Task, ctx: &Context<'_>) -> Option<TaskId> {
    let is_shared = ctx.event.what.place.as_ref().is_some_and(|place| place.shared);
    (!is_shared).then_some(task.id)
}

/// Answers everybody with a task's card, in the place of the one whose button was pressed.
pub(super) fn task(outcome: Outcome, task: &Task, ctx: &Context<'_>, note: Option<&str>) -> Outcome {
    let replaces = pressed_message(ctx).map(str::to_owned);
    with(
        outcome,
        Reply { replaces, shows: kept_true(task, ctx).map(Into::into), ..Reply::everyone(task_card(task, ctx, note)) },
    )
}

pub(super) fn with(mut outcome: Outcome, reply: Reply) -> Outcome {
    outcome.replies.push(reply);
    outcome
}

pub(super) fn is_press(ctx: &Context<'_>) -> bool {
    matches!(ctx.event.what.kind, EventKind::CardAction { .. })
}

/// The message whose button was pressed.
pub(super) fn pressed_message<'a>(ctx: &'a Context<'_>) -> Option<&'a str> {
    match &ctx.event.what.kind {
        EventKind::CardAction { message, .. } => message.as_deref(),
        _ => None,
    }
}

/// Answers a wish to change a task.
///
/// # Errors
/// The refusal, where a line was typed; a press is answered with who was first, and its card is made true.
pub(super) fn changed(changed: Changed, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    match changed {
        Changed::Made(change) => {
            let note = format!("{}: {}", ctx.by.name, change.said.join(", "));
            let after = change.after.clone();
            Ok(task(change.outcome(), &after, ctx, Some(&note)))
        }
        Changed::SoAlready(it) => {
            let refusal = so_already(&it);
            Ok(no_longer_fits(&it, &refusal, ctx))
        }
        Changed::Stale(it, refusal) if is_press(ctx) => {
            let moved = Refusal { what: moved(&it), ..refusal };
            Ok(no_longer_fits(&it, &moved, ctx))
        }
        Changed::Stale(_, refusal) => Err(refusal.into()),
    }
}

fn so_already(task: &Task) -> Refusal {
    Refusal::new(
        format!("nothing to change: {}", moved(task)),
        format!("`why {}` tells all that happened to it", task.id),
    )
}

/// `T-12 is done already: Ada, 2026-11-21 10:00 UTC`.
fn moved(task: &Task) -> String {
    match task_update::last_move(task).or(task.history.last()) {
        Some(entry) => format!("{} is {} already: {}, {}", task.id, task.status, entry.by.name, minute(entry.at)),
        None => format!("{} is {} already", task.id, task.status),
    }
}

/// Tells the asker, and makes the card true whose button was pressed.
fn no_longer_fits(it: &Task, refusal: &Refusal, ctx: &Context<'_>) -> Outcome {
    let outcome = Outcome {
        resource: it.id.to_string(),
        summary: format!("nothing to change on {}", it.id),
        ..Outcome::default()
    };
    let outcome = asker(outcome, refusal.card());
    if pressed_message(ctx).is_some() { task(outcome, it, ctx, None) } else { outcome }
}
