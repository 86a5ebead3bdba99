//! How a task looks to people.
//!
//! Owns the one card of a task and the short texts of tasks in lists. Which buttons there are follows
//! from what can follow the task's status and from what the asker may do; who presses is checked again.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::card::{Action, Block, ButtonStyle, Card, Choice, Tone};
use crate::domain::task::{Comment, Status, Task};
use crate::domain::time::Timestamp;
use crate::pm::fit::Recommendation;
use crate::tools::{Context, due, pm_analyze};

/// As many comments are shown, the last ones.
const MOST_COMMENTS: usize = 3;
/// The longest part of a comment that is shown.
const LONGEST_COMMENT: usize = 400;
/// The longest part of a description that is shown.
const LONGEST_DESCRIPTION: usize = 3000;
/// The longest part of a description in a card that is one of many.
const LONGEST_QUOTED: usize = 600;

/// A moment as people read it: `2026-11-21 10:00 UTC`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(stamp) => stamp.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => at.to_string(),
    }
}

/// A day with what it means today: `2026-11-20 (overdue)`.
#[must_use]
pub fn day(due: Date, task: &Task, today: Date) -> String {
    if task.status.is_closed() || due > today {
        due.to_string()
    } else if due == today {
        format!("{due} (today)")
    } else {
        format!("{due} (overdue)")
    }
}

/// A text, cut where it is too long.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Who works on a task, in a word.
#[must_use]
pub fn assignee(task: &Task) -> String {
    task.assignee.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string)
}

/// The card of a task; the note says what has just happened.
#[must_use]
pub fn task_card(task: &Task, ctx: &Context<'_>, note: Option<&str>) -> Card {
    let link = ctx.links.map(|links| links.to(task.id)).unwrap_or_default();
    let facts = facts(task, due::day_of(ctx.now)).chain([("Link", link)]);
    let card = said(task, due::day_of(ctx.now), note, LONGEST_DESCRIPTION, facts);
    let mut card = with_comments(card, &task.comments);
    card.actions = actions(task, ctx);
    let mut footer = origin(task);
    if task.assignee.is_none() && !task.status.is_closed() && (ctx.offers)("task.assign") {
        let recommended = ctx.analyst.recommend(&pm_analyze::brief_of(task));
        if let Some(menu) = assign_menu(task, &recommended, ctx) {
            card.actions.push(menu);
            footer = format!("{footer} · suits: {}", names(&recommended));
        }
    }
    card.footer(footer)
}

/// The card of a task that somebody puts into a message of their own. There is nothing to press on it: who reads it may be
/// anybody, in places where nobody can be asked who presses.
#[must_use]
pub fn quoted(task: &Task, today: Date) -> Card {
    said(task, today, None, LONGEST_QUOTED, facts(task, today)).footer(origin(task))
}

/// The card of a task in a few words, below a link to it. There is nothing to press on it, as on a quoted one.
#[must_use]
pub fn brief(task: &Task, today: Date) -> Card {
    heading(task, today).facts(how_it_stands(task, today))
}

/// A message that somebody has put into words of their own, with how its task stands below them. The words come first and
/// are in the notation of the platform. There is nothing to press on it: a press is answered by the card of the task, and the
/// words would be gone.
#[must_use]
pub fn told(lead: &str, task: &Task, ctx: &Context<'_>) -> Card {
    let today = due::day_of(ctx.now);
    let link = ctx.links.map(|links| links.to(task.id)).unwrap_or_default();
    let facts = [("Task", task.id.to_string())].into_iter().chain(how_it_stands(task, today)).chain([("Link", link)]);
    Card::new("").tone(tone(task, today)).block(Block::Markup { text: lead.to_owned() }).facts(facts)
}

fn origin(task: &Task) -> String {
    format!("from {}, {}", task.origin.place, minute(task.created))
}

fn heading(task: &Task, today: Date) -> Card {
    Card::new(format!("{} {}", task.id, task.title)).tone(tone(task, today))
}

fn how_it_stands(task: &Task, today: Date) -> [(&'static str, String); 4] {
    [
        ("Status", task.status.to_string()),
        ("Priority", task.priority.to_string()),
        ("Assignee", assignee(task)),
        ("Due", task.due.map(|due| day(due, task, today)).unwrap_or_default()),
    ]
}

fn facts(task: &Task, today: Date) -> impl Iterator<Item = (&'static str, String)> {
    let more = [
        ("Project", task.project.clone().unwrap_or_default()),
        ("Labels", task.labels.join(", ")),
        ("Created by", task.created_by.name.clone()),
    ];
    how_it_stands(task, today).into_iter().chain(more)
}

fn said(
    task: &Task,
    today: Date,
    note: Option<&str>,
    longest: usize,
    facts: impl Iterator<Item = (&'static str, String)>,
) -> Card {
    heading(task, today).text(note.unwrap_or_default()).facts(facts).text(cut(&task.description, longest))
}

fn tone(task: &Task, today: Date) -> Tone {
    match task.status {
        Status::Done => Tone::Good,
        Status::Blocked => Tone::Warning,
        Status::Cancelled => Tone::Neutral,
        _ if task.due.is_some_and(|due| due < today) => Tone::Warning,
        _ => Tone::Neutral,
    }
}

fn with_comments(card: Card, comments: &[Comment]) -> Card {
    if comments.is_empty() {
        return card;
    }
    let earlier = comments.len().saturating_sub(MOST_COMMENTS);
    let title = if earlier == 0 { "Comments".to_owned() } else { format!("Comments ({earlier} earlier)") };
    let line = |comment: &Comment| {
        let text = comment.text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{}, {}: {}", comment.by.name, minute(comment.at), cut(&text, LONGEST_COMMENT))
    };
    let items = comments[earlier..].iter().map(line).collect();
    card.block(Block::Heading { text: title }).block(Block::List { items })
}

/// The moves that are worth a button, in the order of work.
const MOVES: [(Status, &str, ButtonStyle); 4] = [
    (Status::InProgress, "Start", ButtonStyle::Plain),
    (Status::InReview, "In review", ButtonStyle::Plain),
    (Status::Done, "Done", ButtonStyle::Primary),
    (Status::Blocked, "Block", ButtonStyle::Danger),
];

fn actions(task: &Task, ctx: &Context<'_>) -> Vec<Action> {
    if !(ctx.offers)("task.update") {
        return Vec::new();
    }
    let button = |label: &str, style: ButtonStyle, line: &str| Action::Button {
        label: label.to_owned(),
        token: (ctx.sign)(line),
        style,
    };
    if task.status.is_closed() {
        return vec![button("Reopen", ButtonStyle::Plain, &format!("task reopen {}", task.id))];
    }
    let next = task.status.next();
    let moves = MOVES.iter().filter(|(status, ..)| next.contains(status));
    moves
        .map(|(status, label, style)| button(label, *style, &format!("task update {} --status {status}", task.id)))
        .collect()
}

/// A menu of what can follow on an open task, for where many tasks stand together.
#[must_use]
pub fn move_menu(task: &Task, ctx: &Context<'_>) -> Action {
    let next = task.status.next();
    let moves = MOVES.iter().filter(|(status, ..)| next.contains(status));
    let option = |(status, label, _): &(Status, &str, ButtonStyle)| Choice {
        label: (*label).to_owned(),
        value: status.as_str().to_owned(),
    };
    Action::Menu {
        label: format!("{} {}", task.id, cut(&task.title, 80)),
        token: (ctx.sign)(&format!("task update {} --status {{choice}}", task.id)),
        options: moves.map(option).collect(),
    }
}

/// A menu of agents for a task.
#[must_use]
pub fn assign_menu(task: &Task, recommended: &[Recommendation], ctx: &Context<'_>) -> Option<Action> {
    if recommended.is_empty() {
        return None;
    }
    let option = |it: &Recommendation| Choice { label: it.to_string(), value: it.agent.clone() };
    Some(Action::Menu {
        label: "Assign agent".to_owned(),
        token: (ctx.sign)(&format!("task assign {} --to {{choice}}", task.id)),
        options: recommended.iter().map(option).collect(),
    })
}

pub(super) fn names(recommended: &[Recommendation]) -> String {
    let names: Vec<String> = recommended.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Tasks as a table.
#[must_use]
pub fn table(tasks: &[Task], today: Date) -> Block {
    let columns = ["Task", "Title", "Status", "Priority", "Assignee", "Due"].map(str::to_owned).to_vec();
    let row = |task: &Task| {
        vec![
            task.id.to_string(),
            cut(&task.title, 80),
            task.status.to_string(),
            task.priority.to_string(),
            assignee(task),
            task.due.map(|due| day(due, task, today)).unwrap_or_default(),
        ]
    };
    Block::Table { columns, rows: tasks.iter().map(row).collect() }
}

/// A task in one line: `T-12 Implement user auth (blocked, @Ada, due 2026-12-01)`.
#[must_use]
pub fn line(task: &Task, today: Date) -> String {
    let due = task.due.map(|due| format!(", due {}", day(due, task, today))).unwrap_or_default();
    format!("{} {} ({}, {}{due})", task.id, cut(&task.title, 80), task.status, assignee(task))
}
