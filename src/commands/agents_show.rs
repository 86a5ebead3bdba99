//! `agents show`: shows one agent.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::commands::arguments::{self, text_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, people};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["agents", "show"],
    also: &[also("agent show"), also("show agent"), also("agent"), also("agents info")],
    action: everyday("agents.show"),
    about: "show what an agent is for and what it may use",
    details: "Shows its purpose, when it is the right one, its tools and how much harm its work could do.",
    examples: &["agents show security-auditor"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::words("name", "NAME", "the agent; `agents list` shows all").required(true))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let name = people::agent(&text_of(matches, "name"), ctx)?;
    let agent =
        ctx.catalog.get(&name).ok_or_else(|| Refusal::new("there is no such agent", "`agents list` shows all"))?;
    let card = Card::new(&agent.name)
        .text(agent.purpose.clone())
        .facts([
            ("Category", agent.category.clone()),
            ("Risk", agent.risk.as_str().to_owned()),
            ("Tools", agent.tools.join(", ")),
            ("Files", agent.file_globs.join(", ")),
        ])
        .block(Block::Heading { text: "When to use it".to_owned() })
        .block(Block::List { items: agent.when_to_use.clone() })
        .footer(ctx.typed(&format!("task create … --agent {}", agent.name)));
    let outcome = Outcome {
        resource: agent.name.clone(),
        summary: format!("showed the agent {}", agent.name),
        result: Some(json!({"agent": agent})),
        ..Outcome::default()
    };
    Ok(answer::asker(outcome, card))
}
