//! What a meeting has brought: when it ends, its conversation is told which tasks were made and moved in it.
//!
//! Nobody asks for it: the platform reports that a meeting has begun and that it has ended. So it needs nobody's rights,
//! and is decided by policy as an action of its own, which shows nothing that was not shown in that conversation before.
//! Where nothing happened nothing is said. What was done elsewhere meanwhile is not of the meeting.

use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::task_card::{cut, line};
use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::approval::Ring;
use crate::domain::card::{Action, Block, ButtonStyle, Card};
use crate::domain::event::{Address, MeetingPhase};
use crate::domain::ids::EventId;
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply, TimerChange};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::keyspace::meeting::Meeting;
use crate::store::keyspace::task::{self as tasks, TaskFilter};
use crate::store::keyspace::{approval, event, meeting};
use crate::tools::{Context, due};

/// What policies decide about: whether a place is told of its meetings.
pub const ACTION: ActionSpec = ActionSpec { name: "meeting.summary", group: ActionGroup::Open };

/// A meeting whose end is not told by then is forgotten: its end was missed, or the next one has the same id.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Tasks that are looked through for those that changed, the newest first, as for words.
const MOST_LOOKED_AT: usize = 5000;
/// As many tasks of each kind are told of one by one.
const MOST_TOLD: usize = 20;
/// The longest part of what happened to a task.
const LONGEST_CHANGE: usize = 200;
/// What a button for one's own tasks stands for.
const MY_TASKS: &str = "my tasks";

/// Decides what is to be done about a meeting's beginning or end.
///
/// # Errors
/// Where the store cannot be read.
pub fn told(phase: MeetingPhase, id: &str, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let Some(to) = &ctx.event.what.reply else { return Ok(summary("a meeting of no conversation")) };
    let to = to.lasting();
    match phase {
        MeetingPhase::Began => began(id, &to, ctx),
        MeetingPhase::Ended => ended(id, &to, ctx),
    }
}

fn summary(what: impl Into<String>) -> Outcome {
    Outcome { resource: "meeting".to_owned(), summary: what.into(), ..Outcome::default() }
}

/// The timer by which a meeting is forgotten, of that conversation and id.
fn timer_name(conversation: &str, id: &str) -> String {
    format!("meeting/{conversation}/{id}")
}

fn began(id: &str, to: &Address, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let conversation = to.conversation();
    let before = meeting::read(ctx.view, &conversation, id)?;
    let meeting = Meeting { since: ctx.now, event: ctx.event.id };
    let mut outcome = summary(match before {
        Some(_) => "a meeting began anew, and the end of the one before was not told",
        None => "a meeting began",
    });
    outcome.writes.push(meeting::begin(&conversation, id, &meeting, before.as_ref()));
    outcome.timers.push(TimerChange::Set {
        name: timer_name(&conversation, id),
        at: ctx.now.after(LONGEST),
        payload: json!({ "conversation": conversation, "meeting": id }),
    });
    Ok(outcome)
}

/// The end of a meeting was not told.
///
/// # Errors
/// Where the store cannot be read; refuses a ring that does not say which meeting it is about.
pub fn forget(payload: &Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let (Some(conversation), Some(id)) = (payload["conversation"].as_str(), payload["meeting"].as_str()) else {
        return Err(Refusal::new("the timer does not say which meeting it is about", "nothing is to be done").into());
    };
    let mut outcome = summary("the end of a meeting was not told in a day, and it is forgotten");
    match meeting::read(ctx.view, conversation, id)? {
        Some(kept) if ctx.now.since(kept.value.since) >= LONGEST => {
            outcome.writes.push(meeting::end(conversation, id, &kept));
        }
        _ => outcome.summary = "the meeting has ended".to_owned(),
    }
    Ok(outcome)
}

fn ended(id: &str, to: &Address, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let conversation = to.conversation();
    let Some(kept) = meeting::read(ctx.view, &conversation, id)? else {
        return Ok(summary("a meeting ended whose beginning is not known, so nothing is said of it"));
    };
    let since = kept.value.since;
    let mut outcome = summary("a meeting ended");
    outcome.writes.push(meeting::end(&conversation, id, &kept));
    outcome.timers.push(TimerChange::Clear { name: timer_name(&conversation, id) });
    if ctx.event.what.place.as_ref().is_some_and(|place| place.shared) {
        outcome.summary = "a meeting ended where people of other organisations read, so nothing is said".to_owned();
        return Ok(outcome);
    }
    let brought = brought(&conversation, since, ctx)?;
    let (made, changed) = (brought.made.len(), brought.changed.len());
    if made + changed == 0 {
        outcome.summary = "a meeting ended in which no task was made or changed, so nothing is said".to_owned();
        return Ok(outcome);
    }
    outcome.summary = format!("a meeting ended in which {made} tasks were made and {changed} changed");
    outcome.replies.push(Reply { to: Some(to.clone()), ..Reply::everyone(brought.card(ctx)) });
    Ok(outcome)
}

/// The tasks of a meeting, the oldest first.
struct Brought {
    made: Vec<Task>,
    /// With what happened to each.
    changed: Vec<(Task, String)>,
    /// Whether there are older tasks that were not looked at.
    more: bool,
}

fn brought(conversation: &str, since: Timestamp, ctx: &Context<'_>) -> Result<Brought, StoreError> {
    let (all, more) = tasks::list(ctx.view, &TaskFilter::default(), None, MOST_LOOKED_AT)?;
    let mut brought = Brought { made: Vec::new(), changed: Vec::new(), more };
    for task in all.into_iter().rev().filter(|task| task.updated >= since) {
        let mut here = Vec::new();
        for entry in task.history.iter().filter(|entry| entry.at >= since) {
            if asked_in(entry.event, ctx)?.is_some_and(|reply| reply.conversation() == conversation) {
                here.push(entry);
            }
        }
        match here.as_slice() {
            [] => {}
            [first, ..] if first.event == task.origin.event => brought.made.push(task),
            entries => {
                let what: Vec<&str> = entries.iter().map(|entry| entry.what.as_str()).collect();
                let what = cut(&what.join(", "), LONGEST_CHANGE);
                brought.changed.push((task, what));
            }
        }
    }
    Ok(brought)
}

/// Where what an event did was asked. What an approval lets run is rung by a timer, and was asked where the approval was.
fn asked_in(event: EventId, ctx: &Context<'_>) -> Result<Option<Address>, StoreError> {
    let Some(event) = event::read(ctx.view, event)? else { return Ok(None) };
    Ok(match Ring::of(&event.what.kind) {
        Some(Ring::Run(id)) => approval::read(ctx.view, id)?.and_then(|approval| approval.value.way.reply),
        _ => event.what.reply,
    })
}

impl Brought {
    fn card(&self, ctx: &Context<'_>) -> Card {
        let today = due::day_of(ctx.now);
        let made = self.made.iter().map(|task| line(task, today)).collect();
        let changed = self.changed.iter().map(|(task, what)| format!("{}: {what}", line(task, today))).collect();
        let counted = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 task {what}")),
            _ => Some(format!("{count} tasks {what}")),
        };
        let counts = [counted(self.made.len(), "made"), counted(self.changed.len(), "changed")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let mut card = Card::new(format!("In this meeting: {}", counts.join(", ")));
        for (heading, items) in [("Made", made), ("Changed", changed)] {
            card = with_list(card, heading, items);
        }
        if self.more {
            card = card.text(format!("of the {MOST_LOOKED_AT} newest tasks"));
        }
        let (mine, create) = (ctx.typed(MY_TASKS), ctx.typed("task create TITLE"));
        let token = Some((ctx.sign)(MY_TASKS)).filter(|token| !token.is_empty());
        card.actions.extend(token.map(|token| Action::Button {
            label: "My tasks".to_owned(),
            token,
            style: ButtonStyle::Plain,
        }));
        card.text(format!("`{mine}` shows you yours, `{create}` makes one"))
            .footer("the meeting has ended; what was done elsewhere meanwhile is not in it")
    }
}

fn with_list(card: Card, heading: &str, mut items: Vec<String>) -> Card {
    if items.is_empty() {
        return card;
    }
    if let Some(more) = items.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        items.truncate(MOST_TOLD);
        items.push(format!("and {more} more"));
    }
    card.block(Block::Heading { text: heading.to_owned() }).block(Block::List { items })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::Approver;
    use crate::domain::card::Audience;
    use crate::domain::event::{EventKind, Place};
    use crate::tools::approval::{Question, ask};
    use crate::tools::testing::{Desk, NOW};

    fn tell(desk: &Desk, phase: MeetingPhase, id: &str) -> Outcome {
        let event = desk.event(EventKind::Meeting { phase, meeting: id.to_owned() });
        let outcome = desk.on(&event, |ctx| told(phase, id, ctx)).unwrap();
        desk.apply(&outcome).unwrap();
        outcome
    }

    fn later(desk: &Desk, seconds: u64) {
        desk.now.set(desk.now.get().after(Duration::from_secs(seconds)));
    }

    #[test]
    fn a_meeting_that_ends_tells_what_was_made_and_changed_in_its_conversation() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "Before", "assignee": "me"})).unwrap();
        later(&desk, 60);
        assert!(tell(&desk, MeetingPhase::Began, "m").replies.is_empty());
        later(&desk, 60);
        desk.tool("task.create", json!({"title": "Within"})).unwrap();
        desk.tool("task.update", json!({"task": "T-2", "status": "in-progress"})).unwrap();
        desk.tool("task.update", json!({"task": "T-1", "status": "in-progress"})).unwrap();
        desk.tool("task.update", json!({"task": "T-1", "status": "blocked"})).unwrap();
        later(&desk, 60);
        let outcome = tell(&desk, MeetingPhase::Ended, "m");
        let reply = &outcome.replies[0];
        assert_eq!((reply.audience, reply.to.as_ref().unwrap().place.as_str()), (Audience::Everyone, "C1"));
        assert_eq!(reply.to.as_ref().unwrap().route, None, "an address that serves once is none for this");
        assert_eq!(reply.card.title, "In this meeting: 1 task made, 1 task changed");
        let said = json!(reply.card).to_string();
        for part in ["T-2 Within (in-progress, nobody)", "T-1 Before (blocked, @Ada)", "todo → in-progress, status in-"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(said.contains("signed(my tasks)"), "{said}");
        assert!(!outcome.summary.contains("Within"), "no title in the story: {}", outcome.summary);
        let again = tell(&desk, MeetingPhase::Ended, "m");
        assert!(again.replies.is_empty() && again.summary.contains("beginning is not known"), "{}", again.summary);
        assert!(desk.timers().iter().all(|timer| !timer.starts_with("meeting/")), "{:?}", desk.timers());
    }

    #[test]
    fn what_an_approval_lets_run_is_of_the_meeting_in_whose_chat_it_was_asked_for() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "Before"})).unwrap();
        later(&desk, 60);
        tell(&desk, MeetingPhase::Began, "m");
        let question = Question {
            line: "task done T-1",
            shown: "task done T-1",
            action: "task.update",
            rules: &["asks".to_owned()],
            approvers: &[Approver::Owner],
            reason: "an owner looks first",
            policy: "0123456789abcdef",
            waits: LONGEST,
        };
        let asked = desk.with(|ctx| ask(&question, ctx)).unwrap();
        desk.write(asked.writes).unwrap();
        let payload = json!({ "run": asked.approval.id });
        let mut run = desk.event(EventKind::TimerFired { name: "approval/run/A-1".to_owned(), payload });
        (run.id, run.what.reply) = (EventId(9_000), None);
        desk.write(vec![event::put_event(&run)]).unwrap();
        let update = crate::tools::find("task.update").unwrap();
        let args = json!({"task": "T-1", "status": "done"});
        let outcome = desk.on(&run, |ctx| (update.run)(args, ctx)).unwrap();
        desk.apply(&outcome).unwrap();
        let card = tell(&desk, MeetingPhase::Ended, "m").replies.remove(0).card;
        assert_eq!(card.title, "In this meeting: 1 task changed");
    }

    #[test]
    fn where_nothing_happened_or_others_read_along_nothing_is_said() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "Before"})).unwrap();
        later(&desk, 60);
        tell(&desk, MeetingPhase::Began, "m");
        let nothing = tell(&desk, MeetingPhase::Ended, "m");
        assert!(nothing.replies.is_empty() && nothing.summary.contains("no task"), "{}", nothing.summary);

        tell(&desk, MeetingPhase::Began, "m");
        desk.tool("task.create", json!({"title": "Within"})).unwrap();
        let mut event = desk.event(EventKind::Meeting { phase: MeetingPhase::Ended, meeting: "m".to_owned() });
        let elsewhere = Address { place: "C2".to_owned(), ..event.what.reply.clone().unwrap() };
        event.what.reply = Some(elsewhere);
        let other = desk.on(&event, |ctx| told(MeetingPhase::Ended, "m", ctx)).unwrap();
        assert!(other.summary.contains("beginning is not known"), "another place's: {}", other.summary);
        let mut event = desk.event(EventKind::Meeting { phase: MeetingPhase::Ended, meeting: "m".to_owned() });
        event.what.place = event.what.place.map(|place| Place { shared: true, ..place });
        let shared = desk.on(&event, |ctx| told(MeetingPhase::Ended, "m", ctx)).unwrap();
        assert!(shared.replies.is_empty() && shared.summary.contains("other organisations"), "{}", shared.summary);
    }

    #[test]
    fn two_meetings_of_one_place_are_apart_and_a_second_beginning_takes_the_place_of_the_first() {
        let desk = Desk::new();
        tell(&desk, MeetingPhase::Began, "a");
        desk.tool("task.create", json!({"title": "In a"})).unwrap();
        later(&desk, 60);
        tell(&desk, MeetingPhase::Began, "b");
        assert!(tell(&desk, MeetingPhase::Began, "a").summary.contains("anew"));
        later(&desk, 60);
        assert!(tell(&desk, MeetingPhase::Ended, "a").replies.is_empty(), "what was before the second beginning");
        desk.tool("task.create", json!({"title": "In b"})).unwrap();
        assert_eq!(tell(&desk, MeetingPhase::Ended, "b").replies.len(), 1);
    }

    #[test]
    fn a_meeting_whose_end_is_not_told_in_a_day_is_forgotten() {
        let desk = Desk::new();
        tell(&desk, MeetingPhase::Began, "m");
        let timer = desk.timers().into_iter().find(|timer| timer.starts_with("meeting/")).unwrap();
        assert!(timer.ends_with(&NOW.after(LONGEST).to_string()), "{timer}");
        desk.tool("task.create", json!({"title": "Within"})).unwrap();
        let conversation = desk.with(|ctx| ctx.event.what.reply.as_ref().unwrap().conversation());
        let payload = json!({"conversation": conversation, "meeting": "m"});
        let ring = |desk: &Desk| {
            let outcome = desk.with(|ctx| forget(&payload, ctx)).unwrap();
            desk.apply(&outcome).unwrap();
            outcome.writes.len()
        };
        assert_eq!(ring(&desk), 0, "it goes on");
        later(&desk, LONGEST.as_secs());
        assert_eq!(ring(&desk), 1);
        let late = tell(&desk, MeetingPhase::Ended, "m");
        assert!(late.replies.is_empty() && late.summary.contains("beginning is not known"), "{}", late.summary);
    }

    #[test]
    fn many_tasks_are_counted_and_the_first_are_named() {
        let desk = Desk::new();
        tell(&desk, MeetingPhase::Began, "m");
        for number in 1..=23 {
            desk.tool("task.create", json!({ "title": format!("Chore {number}") })).unwrap();
        }
        let card = tell(&desk, MeetingPhase::Ended, "m").replies.remove(0).card;
        assert_eq!(card.title, "In this meeting: 23 tasks made");
        let Block::List { items } = &card.blocks[1] else { panic!("{card:?}") };
        assert_eq!((items.len(), items.last().map(String::as_str)), (21, Some("and 3 more")));
        assert!(items[0].starts_with("T-1 Chore 1"), "{items:?}");
    }
}
