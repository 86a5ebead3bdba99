//! Of what people are told unasked, and how it looks: what has become of their tasks, what waited for its time, the
//! summary of a day.
//!
//! Owns whom a change of a task concerns. Nobody is told of what they did themselves, and nobody twice of one change.
//! Whether, where and when somebody is told is `tools/notices.rs`. A further thing to tell of is a line in `of_task`.

use crate::commands::answer;
use crate::commands::task_card::{self, task_card};
use crate::domain::card::{Block, Card};
use crate::domain::ids::PrincipalId;
use crate::domain::notice::{Preferences, Topic};
use crate::domain::outcome::{Expect, Failure, Outcome, Reply, TaskChange};
use crate::domain::principal::Principal;
use crate::domain::task::{Assignee, Priority, Task};
use crate::store::StoreError;
use crate::store::keyspace::notice::Held;
use crate::store::keyspace::task::TaskFilter;
use crate::store::keyspace::{approval as approvals_kept, link, notice as notices_kept, person};
use crate::tools::notices::{self, Notice, Way};
use crate::tools::{self, Context, due, people, pm_analyze};

/// As many notices are told in one message; more come in the next.
const MOST_AT_ONCE: usize = 40;
/// The longest part of a text that stands in a line.
const LONGEST_LINE: usize = 200;
/// As many messages are changed when their task is; each is a call to its platform.
const MOST_FACES: usize = 12;
/// What a card says that somebody was told of, and that has changed since.
pub(super) const TOLD_BEFORE: &str =
    "you were told of it, so this is kept true; `notifications` changes of what you are told";
/// As many tasks of each kind stand in a summary.
const MOST_IN_SUMMARY: usize = 10;

/// Adds to an outcome what others are told of it.
///
/// # Errors
/// Where the store cannot be read.
pub fn tell(mut outcome: Outcome, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    for change in &std::mem::take(&mut outcome.tasks) {
        if change.before.is_some() {
            keep_true(&change.after, &mut outcome, ctx)?;
        }
        for concern in concerned(change, ctx)? {
            one(&concern, &change.after, &mut outcome, ctx)?;
        }
    }
    Ok(outcome)
}

/// Changes every message that shows a task, so that each says how it stands and offers what can follow.
pub(super) fn keep_true(task: &Task, outcome: &mut Outcome, ctx: &Context<'_>) -> Result<(), StoreError> {
    let mut faces = Vec::new();
    for face in answer::other_faces(task.id.into(), MOST_FACES, outcome, ctx)? {
        if !face.to.is_in_person() || notices::is_member(ctx.view, &face.to)? {
            faces.push(face);
        }
    }
    let others: Vec<Reply> = faces
        .into_iter()
        .map(|face| {
            let lead = face.living.as_ref().and_then(|living| living.lead.as_deref());
            let card = match lead {
                Some(lead) => task_card::told(lead, task, ctx),
                None => task_card(task, &for_anybody(ctx), last_said(task).as_deref()),
            };
            let card = if face.to.is_in_person() { with_footer(card, TOLD_BEFORE) } else { card };
            Reply {
                to: Some(face.to),
                replaces: Some(face.message),
                living: face.living,
                shows: Some(task.id.into()),
                ..Reply::everyone(card)
            }
        })
        .collect();
    outcome.replies.extend(others);
    Ok(())
}

/// The last thing that happened to a task: `Ada: status todo → done`.
pub(super) fn last_said(task: &Task) -> Option<String> {
    task.history.last().map(|last| format!("{}: {}", last.by.name, last.what))
}

/// Somebody whom a change concerns.
struct Concern {
    who: PrincipalId,
    /// The first that is wanted is told.
    reasons: Vec<Reason>,
}

/// The topic, what happened, and what the person has to do with it.
type Reason = (Topic, String, &'static str);

/// Whom a change concerns, and why, each person once.
fn concerned(change: &TaskChange, ctx: &Context<'_>) -> Result<Vec<Concern>, StoreError> {
    let mut found: Vec<Concern> = Vec::new();
    for (who, reason) in of_task(change, ctx)? {
        let who = link::resolve(ctx.view, &who)?;
        if who == ctx.by.id {
            continue;
        }
        match found.iter_mut().find(|concern| concern.who == who) {
            Some(concern) => concern.reasons.push(reason),
            None => found.push(Concern { who, reasons: vec![reason] }),
        }
    }
    Ok(found)
}

fn of_task(change: &TaskChange, ctx: &Context<'_>) -> Result<Vec<(PrincipalId, Reason)>, StoreError> {
    let TaskChange { before, after } = change;
    let by = &ctx.by.name;
    let mut found = Vec::new();
    let old = before.as_ref().and_then(holder);
    if holder(after) != old {
        let moved = |said: String, tie| (Topic::Assignments, said, tie);
        let taken = match &after.assignee {
            Some(other) => format!("{by} gave it to {other}"),
            None => format!("{by} took it from you"),
        };
        found.extend(holder(after).map(|who| (who, moved(format!("{by} gave it to you"), "it is yours"))));
        found.extend(old.map(|who| (who, moved(taken, "it was yours"))));
    }
    let said_before = before.as_ref().and_then(|before| before.comments.last());
    let comment = after.comments.last().filter(|last| said_before.is_none_or(|before| !last.is(before)));
    let texts = [
        before.as_ref().is_none_or(|before| before.title != after.title).then_some(&after.title),
        before.as_ref().is_none_or(|before| before.description != after.description).then_some(&after.description),
        comment.map(|comment| &comment.text),
    ];
    for text in texts.into_iter().flatten() {
        for named in people::named_in(text, ctx)? {
            found.push((named, (Topic::Mentions, format!("{by} named you: {}", line_of(text)), "you were named")));
        }
    }
    let parties = [holder(after).map(|who| (who, "it is yours")), Some((after.created_by.id.clone(), "you made it"))];
    for (who, tie) in parties.into_iter().flatten() {
        if before.as_ref().is_some_and(|before| before.status != after.status) {
            found.push((who.clone(), (Topic::Status, format!("{by}: it is {} now", after.status), tie)));
        }
        if let Some(comment) = comment {
            found.push((who, (Topic::Comments, format!("{by}: {}", line_of(&comment.text)), tie)));
        }
    }
    if let Some(before) = before
        && let Some(agents) = recommended(before, after, ctx)
    {
        let said = format!("nobody has it; agents that suit: {agents}");
        found.push((after.created_by.id.clone(), (Topic::Recommendations, said, "you made it")));
    }
    Ok(found)
}

/// The person who has a task.
fn holder(task: &Task) -> Option<PrincipalId> {
    match &task.assignee {
        Some(Assignee::Person { id, .. }) => Some(id.clone()),
        Some(Assignee::Agent(_)) | None => None,
    }
}

/// The agents that suit a task which lies with nobody, where it has just come to lie there or has become urgent.
fn recommended(before: &Task, after: &Task, ctx: &Context<'_>) -> Option<String> {
    let left = before.assignee.is_some() || (before.priority < Priority::High && after.priority >= Priority::High);
    if after.assignee.is_some() || after.status.is_closed() || !left {
        return None;
    }
    let agents = ctx.analyst.recommend(&pm_analyze::brief_of(after));
    (!agents.is_empty()).then(|| task_card::names(&agents))
}

fn line_of(text: &str) -> String {
    task_card::cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_LINE)
}

/// Tells one person, by the first reason that they want to be told of.
fn one(concern: &Concern, task: &Task, outcome: &mut Outcome, ctx: &Context<'_>) -> Result<(), Failure> {
    let mut refused = "";
    for (topic, said, tie) in &concern.reasons {
        let line = format!("{} {}: {said}", task.id, line_of(&task.title));
        let notice =
            Notice { to: concern.who.clone(), topic: *topic, line, shows: Some(task.id.into()), deciding: Vec::new() };
        let card = || with_reason(task_card(task, &for_anybody(ctx), Some(said)), *topic, tie);
        match deal(&notice, card, outcome, ctx)? {
            None => return Ok(()),
            Some(why) => refused = why,
        }
    }
    outcome.told.push(format!("{} is not told, who {refused}", concern.who));
    Ok(())
}

/// Sends a notice or keeps it; the reason, where it does neither.
pub(super) fn deal(
    notice: &Notice,
    card: impl FnOnce() -> Card,
    outcome: &mut Outcome,
    ctx: &Context<'_>,
) -> Result<Option<&'static str>, Failure> {
    let index = u32::try_from(outcome.told.len()).unwrap_or(u32::MAX);
    match notices::way(notice, index, ctx)? {
        Way::Now(to) => {
            outcome.replies.push(Reply { to: Some(to), shows: notice.shows, ..Reply::asker(card()) });
            outcome.told.push(format!("{} is told: {}", notice.to, notice.topic));
        }
        Way::Later { at, write, timer } => {
            outcome.writes.push(write);
            outcome.timers.push(timer);
            outcome.told.push(format!("{} is told at {}: {}", notice.to, task_card::minute(at), notice.topic));
        }
        Way::Not(why) => return Ok(Some(why)),
    }
    Ok(None)
}

/// Nobody asked, so the buttons are for whoever may press them; that is checked with the press.
pub(super) fn for_anybody<'a>(ctx: &Context<'a>) -> Context<'a> {
    Context { may: &|_| true, offers: &|_| true, ..*ctx }
}

fn with_reason(card: Card, topic: Topic, tie: &str) -> Card {
    with_footer(card, &format!("you are told since {tie} ({topic}); `notifications` changes that"))
}

pub(super) fn with_footer(card: Card, more: &str) -> Card {
    let footer = match &card.footer {
        Some(before) => format!("{before} · {more}"),
        None => more.to_owned(),
    };
    card.footer(footer)
}

/// Tells somebody all that has waited for this time.
///
/// # Errors
/// Where the store cannot be read.
pub fn let_go(who: &PrincipalId, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut due = notices_kept::due(ctx.view, who, ctx.now, MOST_AT_ONCE + 1)?;
    let more = due.len() > MOST_AT_ONCE;
    due.truncate(MOST_AT_ONCE);
    let (mut held, writes): (Vec<Held>, Vec<_>) = due.into_iter().unzip();
    let mut over = Vec::new();
    for id in held.iter().filter_map(|held| held.approval) {
        let waits = approvals_kept::read(ctx.view, id)?.is_some_and(|it| it.value.is_pending(ctx.now));
        over.extend((!waits).then_some(id));
    }
    held.retain(|held| held.approval.is_none_or(|id| !over.contains(&id)));
    let mut outcome = Outcome { resource: who.to_string(), writes, ..Outcome::default() };
    if more {
        outcome.timers.push(notices::let_go(who, ctx.now));
    }
    let wishes = notices::wishes(ctx.view, who)?;
    let is_muted = wishes.muted_until.is_some_and(|until| ctx.now < until);
    outcome.summary = match notices::reach(ctx.view, who, wishes.via)? {
        _ if held.is_empty() => format!("nothing waits for {who}"),
        _ if is_muted => format!("{who} is muted: {} notices are not told", held.len()),
        None => format!("{who} is reached nowhere: {} notices are not told", held.len()),
        Some(to) => {
            let items = held.iter().map(|held| held.line.clone()).collect();
            let card = Card::new(format!("{} since {}", news(held.len()), task_card::minute(held[0].at)))
                .block(Block::List { items })
                .footer("you are told now since you want it so; `notifications` changes that");
            outcome.replies.push(Reply { to: Some(to), ..Reply::asker(card) });
            format!("told {who} of {} that waited", held.len())
        }
    };
    Ok(outcome)
}

pub(super) fn news(count: usize) -> String {
    if count == 1 { "1 thing".to_owned() } else { format!("{count} things") }
}

/// Tells somebody how their tasks stand, and sets the time of the next summary.
///
/// # Errors
/// Where the store cannot be read.
pub fn summary(who: &PrincipalId, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut outcome = Outcome { resource: who.to_string(), ..Outcome::default() };
    let kept = notices_kept::preferences(ctx.view, who)?;
    // The next time follows from these wishes: where they change just now, it is thought over.
    outcome
        .writes
        .extend(kept.as_ref().map(|it| notices_kept::put_preferences(who, &it.value, Expect::as_read(it.version))));
    let wishes = kept.map(|it| it.value).unwrap_or_default();
    outcome.timers.push(notices::next_summary(who, &wishes, ctx.now));
    let known = person::read(ctx.view, who)?.map(|known| known.value);
    let Some(known) = known.filter(|_| link::resolve(ctx.view, who).is_ok_and(|person| person == *who)) else {
        outcome.summary = format!("{who} gets no summary, and is one with another");
        return Ok(outcome);
    };
    let is_muted = wishes.muted_until.is_some_and(|until| ctx.now < until);
    outcome.summary = match notices::reach(ctx.view, who, wishes.via)? {
        _ if wishes.summary.is_none() => format!("{who} wants no summary any more"),
        _ if is_muted => format!("{who} is muted and gets no summary"),
        None => format!("{who} is reached nowhere and gets no summary"),
        Some(to) => match day(&known, &wishes, ctx)? {
            Some(card) => {
                outcome.replies.push(Reply { to: Some(to), ..Reply::asker(card) });
                format!("told {who} of the day")
            }
            None => format!("{who} has no open task, so there is nothing to sum up"),
        },
    };
    Ok(outcome)
}

/// How somebody's tasks stand on this day; nothing where none is open.
fn day(who: &Principal, wishes: &Preferences, ctx: &Context<'_>) -> Result<Option<Card>, Failure> {
    let today = wishes.local(ctx.now).map_or_else(|| due::day_of(ctx.now), |local| local.date());
    let ctx = &Context { by: who, ..for_anybody(ctx) };
    let open = TaskFilter { open_only: true, ..TaskFilter::default() };
    let (mine, more) = tools::task_list::own(&open, None, 200, ctx)?;
    if mine.is_empty() {
        return Ok(None);
    }
    let count = format!("{}{}", mine.len(), if more { " or more" } else { "" });
    let mut card = Card::new(format!("{today}: {count} open"));
    let mut left: Vec<&Task> = mine.iter().collect();
    for (heading, belongs) in PARTS {
        let (part, rest): (Vec<&Task>, Vec<&Task>) = left.into_iter().partition(|task| belongs(task, today));
        left = rest;
        if !part.is_empty() {
            let mut items: Vec<String> =
                part.iter().take(MOST_IN_SUMMARY).map(|task| task_card::line(task, today)).collect();
            items.extend(
                part.len().checked_sub(MOST_IN_SUMMARY).filter(|more| *more > 0).map(|more| format!("and {more} more")),
            );
            card = card.block(Block::Heading { text: (*heading).to_owned() }).block(Block::List { items });
        }
    }
    Ok(Some(card.footer("you get this each day since you want it; `notifications --summary off` ends that")))
}

type Part = (&'static str, fn(&Task, jiff::civil::Date) -> bool);

/// The parts of a summary; a task stands in the first to which it belongs.
const PARTS: &[Part] = &[
    ("Overdue", |task, today| task.due.is_some_and(|due| due < today)),
    ("Due today", |task, today| task.due == Some(today)),
    ("Blocked", |task, _| task.status == crate::domain::task::Status::Blocked),
    ("In progress", |task, _| task.status == crate::domain::task::Status::InProgress),
    ("Next", |_, _| true),
];

#[cfg(test)]
mod tests;
