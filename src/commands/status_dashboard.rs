//! `status dashboard`: how all tasks stand.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::commands::{CommandSpec, also, answer, everyday, task_card};
use crate::domain::card::{Block, Card, Tone};
use crate::domain::outcome::{Failure, Outcome, Reply};
use crate::domain::task::Task;
use crate::tools::status_read::{self, Count, Dashboard};
use crate::tools::{Context, due};

/// As many tasks of a kind are listed.
const MOST_LISTED: usize = 10;

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["status", "dashboard"],
    also: &[also("dashboard"), also("show dashboard"), also("project status")],
    action: everyday("status.read"),
    about: "show how all tasks stand",
    details: "Counts by status and priority, what is overdue, due within seven days or blocked, the agents' open \
              tasks, and what was made and done in the last seven days.",
    examples: &["status dashboard"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
}

fn run(_: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let seen = status_read::dashboard(ctx)?;
    let card = card(&seen, ctx);
    let card = answer::turn("Refresh", &SPEC.name(), ctx).into_iter().fold(card.undivided(), Card::action);
    Ok(answer::page(status_read::outcome("dashboard", json!({"dashboard": seen})), Reply::everyone(card), ctx))
}

fn card(seen: &Dashboard, ctx: &Context<'_>) -> Card {
    let total: usize = seen.by_status.iter().map(|count| count.count).sum();
    let tone = if seen.overdue.is_empty() && seen.blocked.is_empty() { Tone::Good } else { Tone::Warning };
    let tasks = if total == 1 { "task" } else { "tasks" };
    let mut card = Card::new(format!("Dashboard: {total} {tasks}"))
        .tone(tone)
        .facts(pairs(&seen.by_status))
        .block(Block::Heading { text: "Open tasks by priority".to_owned() })
        .facts(pairs(&seen.by_priority));
    card = listed(card, "Overdue", &seen.overdue, ctx);
    card = listed(card, "Due within seven days", &seen.due_this_week, ctx);
    card = listed(card, "Blocked", &seen.blocked, ctx);
    if !seen.agents.is_empty() {
        let items =
            seen.agents.iter().take(MOST_LISTED).map(|agent| format!("{}: {}", agent.of, agent.count)).collect();
        card = card.block(Block::Heading { text: "Open tasks of agents".to_owned() }).block(Block::List { items });
    }
    let week = format!("made {}, done {}", seen.created_last_week, seen.done_last_week);
    let card = card.facts([("Last seven days", week)]);
    let bounds = if seen.bounds.is_empty() { String::new() } else { format!("; {}", seen.bounds.join(", ")) };
    card.footer(format!("{}{bounds}", task_card::minute(ctx.now)))
}

fn pairs(counts: &[Count]) -> impl Iterator<Item = (String, String)> {
    counts.iter().map(|count| (count.of.clone(), count.count.to_string()))
}

fn listed(card: Card, title: &str, tasks: &[Task], ctx: &Context<'_>) -> Card {
    if tasks.is_empty() {
        return card;
    }
    let today = due::day_of(ctx.now);
    let mut items: Vec<String> = tasks.iter().take(MOST_LISTED).map(|task| task_card::line(task, today)).collect();
    if tasks.len() > MOST_LISTED {
        items.push(format!("and {} more", tasks.len() - MOST_LISTED));
    }
    card.block(Block::Heading { text: format!("{title} ({})", tasks.len()) }).block(Block::List { items })
}
