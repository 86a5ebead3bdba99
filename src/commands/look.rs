//! The card of a task as it is for who looks at it, for platforms that show a card to each person anew.
//!
//! A card that shows a task carries a token of its own, by which its platform asks how it is for somebody. To look
//! changes nothing and says nothing to anybody else; it is permitted and audited as `task show` is. What is signed is no
//! line that can be typed, so that neither the token of a button is taken for one of these, nor one of these for a button.

use crate::commands::notices::{self, TOLD_BEFORE};
use crate::commands::task_card::task_card;
use crate::commands::task_show::SPEC;
use crate::domain::event::Address;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Shows};
use crate::tools::{Context, task_show};

/// What policies decide about.
pub const ACTION: &str = SPEC.action.name;

/// How what is signed begins. No command has this name.
const LOOK: &str = "look-at";
/// How it ends where somebody was told of the task in person.
const TOLD: &str = "told";

/// What somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    task: TaskId,
    /// The card stands in their own chat with the bot since they were told of it.
    told: bool,
}

/// What was signed; `None` where that is anything else, such as the line of a button.
#[must_use]
pub fn read(signed: &str) -> Option<Look> {
    let mut words = signed.strip_prefix(LOOK)?.strip_prefix(' ')?.split(' ');
    let task = words.next()?.parse().ok()?;
    match (words.next(), words.next()) {
        (None, _) => Some(Look { task, told: false }),
        (Some(TOLD), None) => Some(Look { task, told: true }),
        _ => None,
    }
}

fn signed(Look { task, told }: Look, ctx: &Context<'_>) -> Option<String> {
    let line = if told { format!("{LOOK} {task} {TOLD}") } else { format!("{LOOK} {task}") };
    Some((ctx.sign)(&line)).filter(|token| !token.is_empty())
}

/// Lets every card of an outcome that shows a task be asked for anew; but for those with words of their own, which are the
/// same for everybody.
#[must_use]
pub fn may_be_asked_for(mut outcome: Outcome, ctx: &Context<'_>) -> Outcome {
    for reply in &mut outcome.replies {
        let has_words = reply.living.as_ref().is_some_and(|living| living.lead.is_some());
        if let Some(Shows::Task(task)) = reply.shows.filter(|_| !has_words) {
            let told = reply.to.as_ref().is_some_and(Address::is_in_person);
            reply.card.refresh = signed(Look { task, told }, ctx);
        }
    }
    outcome
}

/// The card as it is at this moment, with what this person may press.
///
/// # Errors
/// Refuses where there is no such task.
pub fn at(look: &Look, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let task = task_show::find(look.task, ctx)?.value;
    let card = task_card(&task, ctx, notices::last_said(&task).as_deref());
    let mut card = if look.told { notices::with_footer(card, TOLD_BEFORE) } else { card };
    card.refresh = signed(*look, ctx);
    Ok(Outcome {
        resource: task.id.to_string(),
        summary: format!("showed {} to who looked at its card", task.id),
        shown: Some(card),
        ..Outcome::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commands::grammar;
    use crate::domain::card::Card;
    use crate::domain::outcome::Reply;
    use crate::tools::testing::Desk;

    fn look(desk: &Desk, signed: &str) -> Card {
        let outcome = desk.with(|ctx| at(&read(signed).unwrap(), ctx)).unwrap();
        assert!(outcome.writes.is_empty() && outcome.replies.is_empty() && outcome.timers.is_empty());
        outcome.shown.unwrap()
    }

    #[test]
    fn who_looks_sees_how_it_is_and_what_they_may_press() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        desk.tool("task.update", json!({"task": "T-1", "status": "in-progress"})).unwrap();
        let seen = look(&desk, "look-at T-1");
        assert!(json!(seen).to_string().contains("in-progress") && !seen.actions.is_empty(), "{seen:?}");
        assert_eq!(seen.refresh.as_deref(), Some("signed(look-at T-1)"), "it is asked for again");
        desk.forbid(&["task.update", "task.assign"]);
        assert!(look(&desk, "look-at T-1").actions.is_empty());
        let told = look(&desk, "look-at T-1 told");
        assert!(told.footer.unwrap().contains("`notifications` changes"), "why it is in their chat stays");
        assert_eq!(told.refresh.as_deref(), Some("signed(look-at T-1 told)"));
    }

    #[test]
    fn what_a_button_stands_for_is_nothing_to_look_at_and_the_other_way_round() {
        for line in ["task show T-1", "task update T-1 --status done", "look-at", "look-at T-1 x", "look-at T-1 told y"]
        {
            assert_eq!(read(line), None, "{line}");
        }
        assert!(grammar::parse("look-at T-1").is_err());
    }

    #[test]
    fn cards_that_show_a_task_can_be_asked_for_and_no_others() {
        let desk = Desk::new();
        let shows = Reply { shows: Some(Shows::Task(TaskId(7))), ..Reply::everyone(Card::new("T-7")) };
        let replies = vec![shows, Reply::everyone(Card::new("a list"))];
        let outcome = desk.with(|ctx| may_be_asked_for(Outcome { replies, ..Outcome::default() }, ctx));
        let tokens: Vec<_> = outcome.replies.iter().map(|reply| reply.card.refresh.as_deref()).collect();
        assert_eq!(tokens, [Some("signed(look-at T-7)"), None]);
    }
}
