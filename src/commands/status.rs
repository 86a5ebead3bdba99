//! `status`: how the bot is, and what you have to do.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::commands::{CommandSpec, also, answer, everyday, task_card};
use crate::domain::card::{Block, Card, Tone};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, due, status_read};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["status"],
    also: &[also("my status"), also("show status")],
    action: everyday("status.read"),
    about: "show how the bot is and your own open work",
    details: "Counts what waits in line and what was given up, and lists your open tasks. `status dashboard` shows \
              all tasks, `team status` who has how much.",
    examples: &["status"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
}

fn run(_: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let brief = status_read::brief(ctx)?;
    let dead = brief.dead_events + brief.dead_effects;
    let mut card = Card::new("Status").tone(if dead > 0 { Tone::Warning } else { Tone::Good }).facts([
        ("Open tasks", brief.open_tasks.to_string()),
        ("Agents", brief.agents.to_string()),
        ("Waiting in line", brief.waiting_events.to_string()),
        ("Answers owed", brief.owed_effects.to_string()),
        ("Given up", dead.to_string()),
    ]);
    if dead > 0 {
        card = card.text("an operator sees what was given up with `ai-crm events list` and can replay it");
    }
    let today = due::day_of(ctx.now);
    card = card.block(Block::Heading { text: "Your open tasks".to_owned() });
    card = if brief.mine.is_empty() {
        card.text("none")
    } else {
        card.block(Block::List { items: brief.mine.iter().map(|task| task_card::line(task, today)).collect() })
    };
    let more = if brief.more { "you have more: " } else { "" };
    let card = card.footer(format!("{more}{}", ctx.typed("my tasks")));
    Ok(answer::asker(status_read::outcome("status", json!({"brief": brief})), card))
}
