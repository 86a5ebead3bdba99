//! The Home: the page that somebody has with the bot alone, on platforms that have such a page.
//!
//! Owns what stands there: the open tasks of the one who looks, how the team stands, on which platforms that person
//! is one, what to type, and for each task a menu of what can follow. Nobody types it, so it has no line in the
//! table; it is opened, and after each press in it it is made again, with what came of the press above it. Each part
//! is there for whom it may be there. A further part is a function that adds to the card, and a line in `card`.

use crate::commands::{answer, help, task_card, task_create, task_list, task_update, team_status, whoami};
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome, Write};
use crate::domain::task::{Assignee, Task};
use crate::store::keyspace::link;
use crate::store::keyspace::task::{self as tasks, TaskFilter};
use crate::tools::status_read::{self, Load};
use crate::tools::{self, Context, due};

/// What policies decide about: who may not list tasks has no Home but the refusal.
pub const ACTION: &str = task_list::SPEC.action.name;

/// As many of the asker's open tasks are shown, so that a page stays one.
const MOST_TASKS: usize = 15;
/// As many of the team are named, the busiest first.
const MOST_LOADS: usize = 10;

/// The Home, as somebody opens it.
///
/// # Errors
/// Where the store cannot be read.
pub fn opened(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let outcome = Outcome { resource: "home".to_owned(), summary: "showed the Home".to_owned(), ..Outcome::default() };
    Ok(answer::asker(outcome, card(&[], &[], ctx)?))
}

/// The Home after a press in it: as it is when `writes` have landed, below what there was to `say` of them. Nothing of
/// a press lands before its Home is made, since one commit owes both.
///
/// # Errors
/// Where the store cannot be read.
pub fn after(writes: &[Write], say: &[Card], ctx: &Context<'_>) -> Result<Card, Failure> {
    card(&tasks::written(writes)?, say, ctx)
}

fn card(changed: &[Task], say: &[Card], ctx: &Context<'_>) -> Result<Card, Failure> {
    let (mine, more) = own(changed, ctx)?;
    let count = format!("{}{}", mine.len(), if more { " of more" } else { "" });
    let mut card = Card::new(if mine.is_empty() {
        "You have no open tasks".to_owned()
    } else {
        format!("Your open tasks ({count})")
    });
    if !say.is_empty() {
        card = card.text(say.iter().map(notice).collect::<Vec<_>>().join("\n")).block(Block::Divider);
    }
    card = with_tasks(card, &mine, more, ctx);
    if (ctx.may)(team_status::SPEC.action.name) {
        card = with_team(card, changed, ctx)?;
    }
    if (ctx.may)(whoami::SPEC.action.name) {
        card = with_asker(card, ctx)?;
    }
    card = with_what_to_type(card, ctx);
    if (ctx.may)(task_update::SPEC.action.name) && !mine.is_empty() {
        card = card.block(Block::Heading { text: "Move a task on".to_owned() });
        card.actions = mine.iter().map(|task| task_card::move_menu(task, ctx)).collect();
    }
    Ok(card.footer(task_card::minute(ctx.now)))
}

/// What was to be said by a card of its own: a refusal as it stands, of any other card what has happened.
fn notice(card: &Card) -> String {
    let texts: Option<Vec<&str>> = card
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text { text } | Block::Code { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match texts {
        Some(texts) => [&[card.title.as_str()], &texts[..], card.footer.as_deref().as_slice()].concat().join("\n"),
        None => card.summary(),
    }
}

/// The asker's open tasks, the newest first, and whether there are more.
fn own(changed: &[Task], ctx: &Context<'_>) -> Result<(Vec<Task>, bool), Failure> {
    let open_only = TaskFilter { open_only: true, ..TaskFilter::default() };
    let (mut mine, more) = tools::task_list::own(&open_only, None, MOST_TASKS, ctx)?;
    let known_by = link::known_by(ctx.view, &ctx.by.id)?;
    let is_own = |task: &Task| matches!(&task.assignee, Some(Assignee::Person { id, .. }) if known_by.contains(id));
    tools::task_list::lay_over(&mut mine, changed, |task| is_own(task) && !task.status.is_closed());
    let more = more || mine.len() > MOST_TASKS;
    mine.truncate(MOST_TASKS);
    Ok((mine, more))
}

fn with_tasks(card: Card, mine: &[Task], more: bool, ctx: &Context<'_>) -> Card {
    let today = due::day_of(ctx.now);
    let card = match mine {
        [] => card,
        _ => card.block(Block::List { items: mine.iter().map(|task| task_card::line(task, today)).collect() }),
    };
    if more { card.text(format!("you have more: `{}`", ctx.typed("my tasks"))) } else { card }
}

fn with_team(card: Card, changed: &[Task], ctx: &Context<'_>) -> Result<Card, Failure> {
    let team = status_read::team(changed, ctx)?;
    let all = |of: fn(&Load) -> usize| team.loads.iter().map(of).sum::<usize>().to_string();
    let card = card.block(Block::Heading { text: "Team".to_owned() }).facts([
        ("Open", all(|load| load.open)),
        ("In progress", all(|load| load.in_progress)),
        ("Blocked", all(|load| load.blocked)),
        ("Done in 7 days", all(|load| load.done_last_week)),
    ]);
    let line = |load: &Load| {
        let Load { who, open, in_progress, blocked, done_last_week } = load;
        format!("{who}: {open} open, {in_progress} in progress, {blocked} blocked, {done_last_week} done in 7 days")
    };
    let mut items: Vec<String> = team.loads.iter().take(MOST_LOADS).map(line).collect();
    if let Some(left) = team.loads.len().checked_sub(MOST_LOADS).filter(|left| *left > 0) {
        items.push(format!("and {left} more: `{}`", ctx.typed(&team_status::SPEC.name())));
    }
    let card = if items.is_empty() { card } else { card.block(Block::List { items }) };
    Ok(card.text(team.bounds.join(", ")))
}

fn with_asker(card: Card, ctx: &Context<'_>) -> Result<Card, Failure> {
    let users = tools::link::users(ctx)?;
    let who = format!("{} ({}). {}", ctx.by.name, ctx.by.role.as_str(), whoami::linked(&users));
    let card = card.block(Block::Heading { text: "You".to_owned() }).text(who);
    Ok(card.text(whoami::how_to_change(&users, ctx)))
}

fn with_what_to_type(card: Card, ctx: &Context<'_>) -> Card {
    let lines = [
        (&task_create::SPEC, "task create …".to_owned()),
        (&task_list::SPEC, "my tasks".to_owned()),
        (&team_status::SPEC, team_status::SPEC.name()),
        (&help::SPEC, help::SPEC.name()),
    ];
    let may_be_typed = lines.iter().filter(|(spec, _)| (ctx.may)(spec.action.name));
    let items = may_be_typed.map(|(spec, line)| format!("{}: {}", ctx.typed(line), spec.about)).collect();
    card.block(Block::Heading { text: "What you can type".to_owned() }).block(Block::List { items })
}
