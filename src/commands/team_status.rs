//! `team status`: who has how much to do.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::commands::{CommandSpec, also, answer, everyday, task_card};
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome, Reply};
use crate::tools::Context;
use crate::tools::status_read::{self, Load};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["team", "status"],
    also: &[also("status team"), also("team"), also("team dashboard")],
    action: everyday("status.read"),
    about: "show who has how much to do",
    details: "For every person and agent: open tasks, those in progress or in review, those blocked, and what was \
              done in the last seven days.",
    examples: &["team status"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
}

fn run(_: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let team = status_read::team(&[], ctx)?;
    let row = |load: &Load| {
        let counts = [load.open, load.in_progress, load.blocked, load.done_last_week];
        std::iter::once(load.who.clone()).chain(counts.map(|count| count.to_string())).collect()
    };
    let card = if team.loads.is_empty() {
        Card::new("Team: nobody has anything to do").text(format!("`{}` makes a task", ctx.typed("task create …")))
    } else {
        let columns = ["Who", "Open", "In progress", "Blocked", "Done in 7 days"].map(str::to_owned).to_vec();
        Card::new("Team").block(Block::Table { columns, rows: team.loads.iter().map(row).collect() })
    };
    let bounds = if team.bounds.is_empty() { String::new() } else { format!("; {}", team.bounds.join(", ")) };
    let card = card.footer(format!("{}{bounds}", task_card::minute(ctx.now)));
    let card = answer::turn("Refresh", &SPEC.name(), ctx).into_iter().fold(card.undivided(), Card::action);
    Ok(answer::page(status_read::outcome("team status", json!({"team": team})), Reply::everyone(card), ctx))
}
