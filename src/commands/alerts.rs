//! What owners are told when the bot could not do something: answers that never arrived, events that were given up.
//!
//! What is given up is noted in the same commit, which also sets a timer, one for each ten seconds, so that many troubles
//! are one message and none is forgotten, and what failed in one place for one reason is one line of it. Owners are told again after a pause at the earliest. What cannot be told to an
//! owner, or fails while owners are to be told, is no trouble of which owners are told, or it would go round for ever.

use crate::commands::notices;
use crate::domain::card::{Block, Card, Tone};
use crate::domain::effect::EffectEnd;
use crate::domain::notice::Topic;
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::store::StoreError;
use crate::store::keyspace::event::End;
use crate::store::keyspace::notice::Trouble;
use crate::store::keyspace::{effect, event, notice};
use crate::tools::Context;
use crate::tools::notices::{self as reaching, Notice};

/// The timer of the next time that owners are told.
const LATER: &str = "alert/later";
/// As many troubles are told of in one message; more wait for the next.
const MOST_LOOKED_AT: usize = 200;
/// As many lines are told, each of one place and reason.
const MOST_TOLD: usize = 20;
/// As many numbers stand in a line; `events list` has the others.
const MOST_NUMBERS: usize = 25;

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
    if let Some(again) =
        notice::alerted(ctx.view)?.map(|told| told.after(ctx.alert_pause)).filter(|again| *again > ctx.now)
    {
        outcome.timers.push(later(again));
        outcome.summary = "owners were told lately, and are told again later".to_owned();
        return Ok(outcome);
    }
    if noted.len() > MOST_LOOKED_AT {
        noted.truncate(MOST_LOOKED_AT);
        writes.truncate(MOST_LOOKED_AT);
        outcome.timers.push(later(ctx.now.after(ctx.alert_pause)));
    }
    outcome.writes = writes;
    let mut alike: Vec<Alike> = Vec::new();
    for trouble in noted.into_iter().rev() {
        let Some((number, what)) = readable(told(trouble, ctx))?.flatten() else { continue };
        match alike.iter_mut().find(|alike| alike.what == what) {
            Some(alike) => alike.numbers.push(number),
            None => alike.push(Alike { numbers: vec![number], what }),
        }
    }
    let lines: Vec<String> = alike.iter().map(Alike::line).collect();
    let count = alike.iter().map(|alike| alike.numbers.len()).sum();
    let (owners, marks) = if lines.is_empty() { Default::default() } else { reaching::owners(ctx.view)? };
    outcome.writes.extend(marks);
    outcome.summary = format!("told {} owners of {count} troubles", owners.len());
    let mut told_one = false;
    let title = format!("I could not do {}", notices::news(count));
    for owner in owners {
        let line = format!("{title}: {}", lines[0]);
        let notice = Notice { to: owner, topic: Topic::Alerts, line, shows: None, deciding: Vec::new() };
        match notices::deal(&notice, || card(&title, &lines), &mut outcome, ctx)? {
            None => told_one = true,
            Some(why) => outcome.told.push(format!("{} is not told, who {why}", notice.to)),
        }
    }
    // Where nobody was told, nobody has to be spared the next.
    outcome.writes.extend(told_one.then(|| notice::put_alerted(ctx.now)));
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

/// Troubles that differ in their numbers alone.
struct Alike {
    numbers: Vec<String>,
    what: What,
}

/// A trouble in words, without its number.
#[derive(PartialEq, Eq)]
enum What {
    /// Where a message went, and why it did not arrive.
    Message { to: String, reason: String },
    /// What was given up, and why.
    Event { what: String, why: String },
}

impl Alike {
    fn line(&self) -> String {
        let count = self.numbers.len();
        let mut numbers = self.numbers[..count.min(MOST_NUMBERS)].join(", ");
        if let Some(more) = count.checked_sub(MOST_NUMBERS).filter(|more| *more > 0) {
            numbers.push_str(&format!(" and {more} more"));
        }
        match &self.what {
            What::Message { to, reason } if count == 1 => {
                format!("{numbers}: a message to {to} did not arrive: {reason}")
            }
            What::Message { to, reason } => format!("{count} messages to {to} did not arrive: {reason} ({numbers})"),
            What::Event { what, why } if count == 1 => format!("{numbers}: {what} was given up: {why}"),
            What::Event { what, why } => format!("{what} was given up {count} times: {why} ({numbers})"),
        }
    }
}

/// A trouble, its number and what it is; nothing where it was mended meanwhile.
fn told(trouble: Trouble, ctx: &Context<'_>) -> Result<Option<(String, What)>, StoreError> {
    match trouble {
        Trouble::Effect(id) => {
            let receipt =
                effect::receipt(ctx.view, id)?.filter(|_| effect::dead(ctx.view, id).is_ok_and(|it| it.is_some()));
            let Some(receipt) = receipt else { return Ok(None) };
            let EffectEnd::Dead { reason } = &receipt.end else { return Ok(None) };
            Ok(Some((id.to_string(), What::Message { to: receipt.to, reason: reason.clone() })))
        }
        Trouble::Event(id) => {
            let Some(story) = event::story(ctx.view, id)?.filter(|story| story.end == End::Dead) else {
                return Ok(None);
            };
            let what = story.handler.unwrap_or_else(|| "an event".to_owned());
            Ok(Some((id.to_string(), What::Event { what, why: story.summary })))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::EventId;
    use crate::tools::testing::Desk;

    #[test]
    fn where_nobody_was_told_the_next_trouble_waits_for_no_pause() {
        let desk = Desk::new();
        desk.write(vec![notice::put_trouble(desk.now.get(), Trouble::Event(EventId(99)))]).unwrap();
        let outcome = desk.with(ring).unwrap();
        assert!(outcome.replies.is_empty(), "{outcome:?}");
        desk.apply(&outcome).unwrap();
        assert_eq!(notice::alerted(&desk.view).unwrap(), None);
        assert!(notice::troubles(&desk.view, 9).unwrap().is_empty(), "it is looked at once");
    }
}
