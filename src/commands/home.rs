//! The Home: the page that somebody has with the bot alone, on platforms that have such a page.
//!
//! Owns what stands there: the open tasks of the one who looks, what waits for their approval, how the team stands, on
//! which platforms that person is one, what to type, and for each task a menu of what can follow. Nobody types it, so it
//! has no line in the table; it is opened, and after each press in it it is made again, with what came of the press above
//! it. Each part is there for whom it may be there; what would have to be asked for is no part. A further part is a function that adds to the card, and a line in `card`.

use crate::commands::approval_card::{self, Listed};
use crate::commands::{answer, help, task_card, task_create, task_list, task_update, team_status, whoami};
use crate::domain::approval::Approval;
use crate::domain::card::{Action, Block, Card};
use crate::domain::event::Event;
use crate::domain::outcome::{Failure, Outcome, Write};
use crate::domain::task::{Assignee, Task};
use crate::store::keyspace::task::{self as tasks, TaskFilter};
use crate::store::keyspace::{approval as approvals_kept, link};
use crate::tools::status_read::{self, Load};
use crate::tools::{self, Context, approval, due};

/// What policies decide about: who may not list tasks has no Home but the refusal.
pub const ACTION: &str = task_list::SPEC.action.name;

/// Whether something happened in somebody's Home.
#[must_use]
pub fn is_at_home(event: &Event) -> bool {
    event.what.reply.as_ref().is_some_and(|reply| reply.home)
}

/// As many of the asker's open tasks are shown, so that a page stays one.
const MOST_TASKS: usize = 15;
/// As many approvals of each kind are shown, each with two buttons, so that there is room for tasks.
const MOST_APPROVALS: usize = 5;
/// As many of the team are named, the busiest first.
const MOST_LOADS: usize = 10;

/// The Home, as somebody opens it.
///
/// # Errors
/// Where the store cannot be read.
pub fn opened(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let outcome = Outcome { resource: "home".to_owned(), summary: "showed the Home".to_owned(), ..Outcome::default() };
    Ok(answer::asker(outcome, card(&Changed::default(), &[], ctx)?))
}

/// The Home after a press in it: as it is when `writes` have landed, below what there was to `say` of them. Nothing of
/// a press lands before its Home is made, since one commit owes both.
///
/// # Errors
/// Where the store cannot be read.
pub fn after(writes: &[Write], say: &[Card], ctx: &Context<'_>) -> Result<Card, Failure> {
    let changed = Changed { tasks: tasks::written(writes)?, approvals: approvals_kept::written(writes)? };
    card(&changed, say, ctx)
}

/// What a press changes of what stands on the page.
#[derive(Default)]
struct Changed {
    tasks: Vec<Task>,
    approvals: Vec<Approval>,
}

fn card(changed: &Changed, say: &[Card], ctx: &Context<'_>) -> Result<Card, Failure> {
    let (mine, more) = own(&changed.tasks, ctx)?;
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
    let (mut card, decide) = with_approvals(card, &changed.approvals, ctx)?;
    if (ctx.may)(team_status::SPEC.action.name) {
        card = with_team(card, &changed.tasks, ctx)?;
    }
    if (ctx.may)(whoami::SPEC.action.name) {
        card = with_asker(card, ctx)?;
    }
    card = with_what_to_type(card, ctx);
    if (ctx.offers)(task_update::SPEC.action.name) && !mine.is_empty() {
        let text = if decide.is_empty() { "Move a task on" } else { "Decide, or move a task on" };
        card = card.block(Block::Heading { text: text.to_owned() });
        card.actions = decide;
        card.actions.extend(mine.iter().map(|task| task_card::move_menu(task, ctx)));
    } else if !decide.is_empty() {
        card = card.block(Block::Heading { text: "Decide".to_owned() });
        card.actions = decide;
    }
    Ok(card.footer(task_card::minute(ctx.now)))
}

/// What was to be said by a card of its own: a refusal as it stands, of any other card what has happened.
fn notice(card: &Card) -> String {
    let texts: Option<Vec<&str>> = card
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text { text } | Block::Code { text } | Block::Markup { text } => Some(text.as_str()),
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

/// What waits for the asker's yes, with its buttons, and what the asker waits for; nothing where there is neither.
fn with_approvals(mut card: Card, changed: &[Approval], ctx: &Context<'_>) -> Result<(Card, Vec<Action>), Failure> {
    let (mut waiting, mut own) = (approval::to_decide(ctx)?, approval::asked_by(ctx)?);
    for it in changed {
        waiting.retain(|waiting| waiting.id != it.id);
        own.retain(|own| own.id != it.id);
        own.extend(Some(it).filter(|it| it.is_pending(ctx.now) && it.by.id == ctx.by.id).cloned());
    }
    let Listed { items, actions } = approval_card::to_decide(&waiting, MOST_APPROVALS, ctx);
    let asked_for = approval_card::asked_for(&own, MOST_APPROVALS, ctx);
    for (text, items) in [("Waiting for your approval", items), ("You asked for", asked_for)] {
        if !items.is_empty() {
            card = card.block(Block::Heading { text: text.to_owned() }).block(Block::List { items });
        }
    }
    Ok((card, actions))
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
    let may_be_typed = lines.iter().filter(|(spec, _)| (ctx.offers)(spec.action.name));
    let items = may_be_typed.map(|(spec, line)| format!("{}: {}", ctx.typed(line), spec.about)).collect();
    card.block(Block::Heading { text: "What you can type".to_owned() }).block(Block::List { items })
}
