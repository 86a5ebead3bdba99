//! What owners are told when the bot could not do something: answers that never arrived, events that were given up.
//!
//! What is given up is noted in the same commit, which also sets a timer, one for each ten seconds, so that many troubles
//! are one message and none is forgotten. Owners are told again after a pause at the earliest. What cannot be told to an
//! owner, or fails while owners are to be told, is no trouble of which owners are told, or it would go round for ever.

use std::time::Duration;

use crate::commands::notices;
use crate::domain::card::{Block, Card, Tone};
use crate::domain::effect::EffectEnd;
use crate::domain::ids::PrincipalId;
use crate::domain::notice::Topic;
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::store::StoreError;
use crate::store::keyspace::event::End;
use crate::store::keyspace::notice::Trouble;
use crate::store::keyspace::{effect, event, link, notice, person};
use crate::tools::Context;
use crate::tools::notices::Notice;

/// Owners are not told of further troubles sooner than this.
const PAUSE: Duration = Duration::from_secs(900);
/// The timer of the next time that owners are told.
const LATER: &str = "alert/later";
/// As many troubles are told of in one message; more wait for the next.
const MOST_LOOKED_AT: usize = 200;
/// As many are told one by one.
const MOST_TOLD: usize = 10;
/// As many owners are told.
const MOST_OWNERS: usize = 10;

/// Tells the owners of what was given up since they were last told. Who is told of a trouble takes its row away, so that
/// of two rings at one time one tells.
///
/// # Errors
/// Where the store cannot be read.
pub(super) fn ring(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut outcome = Outcome { resource: "alerts".to_owned(), ..Outcome::default() };
    let (mut noted, mut writes): (Vec<_>, Vec<_>) = notice::troubles(ctx.view, MOST_LOOKED_AT + 1)?.into_iter().unzip();
    if noted.is_empty() {
        outcome.summary = "owners were told of all".to_owned();
        return Ok(outcome);
    }
    let later = |at| TimerChange::Set { name: LATER.to_owned(), at, payload: serde_json::Value::Null };
    if let Some(again) = notice::alerted(ctx.view)?.map(|told| told.after(PAUSE)).filter(|again| *again > ctx.now) {
        outcome.timers.push(later(again));
        outcome.summary = "owners were told lately, and are told again later".to_owned();
        return Ok(outcome);
    }
    if noted.len() > MOST_LOOKED_AT {
        noted.truncate(MOST_LOOKED_AT);
        writes.truncate(MOST_LOOKED_AT);
        outcome.timers.push(later(ctx.now.after(PAUSE)));
    }
    outcome.writes = writes;
    outcome.writes.push(notice::put_alerted(ctx.now));
    let mut troubles = Vec::new();
    for trouble in noted.into_iter().rev() {
        troubles.extend(readable(told(trouble, ctx))?.flatten());
    }
    let owners = if troubles.is_empty() { Vec::new() } else { owners(ctx, &mut outcome)? };
    outcome.summary = format!("told {} owners of {} troubles", owners.len(), troubles.len());
    let title = format!("I could not do {}", notices::news(troubles.len()));
    for owner in owners {
        let line = format!("{title}: {}", troubles[0]);
        let notice = Notice { to: owner, topic: Topic::Alerts, line, task: None };
        if let Some(why) = notices::deal(&notice, || card(&title, &troubles), &mut outcome, ctx)? {
            outcome.told.push(format!("{} is not told, who {why}", notice.to));
        }
    }
    Ok(outcome)
}

/// What can be read; a row that cannot must not keep owners from hearing of the others.
fn readable<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Unreadable(why)) => {
            tracing::warn!(why, "what was given up cannot be read, and owners are not told of it");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A trouble in words; nothing where it was mended meanwhile.
fn told(trouble: Trouble, ctx: &Context<'_>) -> Result<Option<String>, StoreError> {
    match trouble {
        Trouble::Effect(id) => {
            let receipt =
                effect::receipt(ctx.view, id)?.filter(|_| effect::dead(ctx.view, id).is_ok_and(|it| it.is_some()));
            let Some(receipt) = receipt else { return Ok(None) };
            let EffectEnd::Dead { reason } = &receipt.end else { return Ok(None) };
            Ok(Some(format!("{id}: a message to {} did not arrive: {reason}", receipt.to)))
        }
        Trouble::Event(id) => {
            let Some(story) = event::story(ctx.view, id)?.filter(|story| story.end == End::Dead) else {
                return Ok(None);
            };
            let what = story.handler.unwrap_or_else(|| "an event".to_owned());
            Ok(Some(format!("{id}: {what} was given up: {}", story.summary)))
        }
    }
}

fn card(title: &str, troubles: &[String]) -> Card {
    let mut items: Vec<String> = troubles.iter().take(MOST_TOLD).cloned().collect();
    items.extend(troubles.len().checked_sub(MOST_TOLD).filter(|more| *more > 0).map(|more| format!("and {more} more")));
    let mend = "`why` with the id tells the whole story; on the server `ai-crm events list --state dead` lists all, and \
                `ai-crm events replay` tries again";
    Card::new(title)
        .tone(Tone::Bad)
        .block(Block::List { items })
        .text(mend)
        .footer("you are told since you are an owner (alerts); `notifications` changes that")
}

/// The owners who are people on platforms, each once.
fn owners(ctx: &Context<'_>, outcome: &mut Outcome) -> Result<Vec<PrincipalId>, StoreError> {
    let (owners, marks) = person::owners(ctx.view)?;
    outcome.writes.extend(marks);
    let mut found: Vec<PrincipalId> = Vec::new();
    for own in owners {
        let who = link::resolve(ctx.view, &own)?;
        if found.len() < MOST_OWNERS && !found.contains(&who) {
            found.push(who);
        }
    }
    Ok(found)
}
