//! What owners are told when the bot could not do something: answers that never arrived, events that were given up.
//!
//! What is given up sets a timer in the same commit, one for each minute, so that many troubles are one message, and one
//! that nobody tells of cannot be. Owners are told again after a pause at the earliest. What cannot be told to an owner
//! is no trouble of which owners are told, or it would go round for ever.

use std::time::Duration;

use crate::commands::notices;
use crate::domain::card::{Block, Card, Tone};
use crate::domain::effect::{Effect, EffectEnd};
use crate::domain::event::EventKind;
use crate::domain::ids::{EffectId, EventId, PrincipalId};
use crate::domain::notice::Topic;
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::domain::principal::Role;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::keyspace::{effect, event, link, notice, person};
use crate::tools::Context;
use crate::tools::notices::Notice;

/// Owners are not told of further troubles sooner than this.
const PAUSE: Duration = Duration::from_secs(900);
/// As many of the newest troubles are looked at.
const MOST_LOOKED_AT: usize = 200;
/// As many are told one by one.
const MOST_TOLD: usize = 10;
/// As many people are looked through for owners.
const MOST_PEOPLE: usize = 2000;
/// As many owners are told.
const MOST_OWNERS: usize = 10;

/// Tells the owners of what was given up since they were last told.
///
/// # Errors
/// Where the store cannot be read.
pub(super) fn ring(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut outcome = Outcome { resource: "alerts".to_owned(), ..Outcome::default() };
    let told = notice::alerted(ctx.view)?;
    let again = told.after(PAUSE);
    if again > ctx.now && told != Timestamp::default() {
        let (name, payload) = ("alert/later".to_owned(), serde_json::Value::Null);
        outcome.timers.push(TimerChange::Set { name, at: again, payload });
        outcome.summary = "owners were told lately, and are told again later".to_owned();
        return Ok(outcome);
    }
    let troubles = troubles(told, ctx)?;
    let owners = owners(ctx)?;
    outcome.writes.push(notice::put_alerted(ctx.now));
    outcome.summary = format!("told {} owners of {} troubles", owners.len(), troubles.len());
    if troubles.is_empty() {
        return Ok(outcome);
    }
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

/// What was given up after a moment, the newest first.
fn troubles(after: Timestamp, ctx: &Context<'_>) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let last = EffectId { event: EventId(u64::MAX), index: u32::MAX };
    for dead in effect::dead_before(ctx.view, last).take(MOST_LOOKED_AT) {
        let dead = dead?;
        if let Some(line) = undelivered(&dead, after, ctx)? {
            found.push(line);
        }
    }
    for id in event::dead_before(ctx.view, EventId(u64::MAX)).take(MOST_LOOKED_AT) {
        let id = id?;
        let Some(story) = event::story(ctx.view, id)?.filter(|story| story.at > after) else { continue };
        let what = story.handler.unwrap_or_else(|| "an event".to_owned());
        found.push(format!("{id}: {what} was given up: {}", story.summary));
    }
    Ok(found)
}

fn undelivered(dead: &Effect, after: Timestamp, ctx: &Context<'_>) -> Result<Option<String>, StoreError> {
    let Some(receipt) = effect::receipt(ctx.view, dead.id)?.filter(|receipt| receipt.at > after) else {
        return Ok(None);
    };
    let EffectEnd::Dead { reason } = &receipt.end else { return Ok(None) };
    let owes = event::read(ctx.view, dead.id.event)?.map(|event| event.what.kind);
    if matches!(&owes, Some(EventKind::TimerFired { name, .. }) if name.starts_with("alert/")) {
        return Ok(None);
    }
    Ok(Some(format!("{}: a message to {} did not arrive: {reason}", dead.id, receipt.to)))
}

/// The owners who are people on platforms, each once.
fn owners(ctx: &Context<'_>) -> Result<Vec<PrincipalId>, StoreError> {
    let mut found: Vec<PrincipalId> = Vec::new();
    for known in person::all(ctx.view).take(MOST_PEOPLE) {
        let known = known?.value;
        if known.role != Role::Owner || found.len() == MOST_OWNERS {
            continue;
        }
        let who = link::resolve(ctx.view, &known.id)?;
        if !found.contains(&who) {
            found.push(who);
        }
    }
    Ok(found)
}
