//! `agents list`: lists the agents.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::commands::arguments::{self, value_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::config::catalog::{CATEGORIES, Catalog};
use crate::domain::agent::Agent;
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::Context;

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["agents", "list"],
    also: &[also("agents"), also("agent list"), also("list agents"), also("list all agents"), also("show agents")],
    action: everyday("agents.list"),
    about: "list the agents that tasks can be given to",
    details: "Categories are development, languages, infrastructure, quality, data-ai, specialist, documentation and \
              business. `development` means all that builds software; `development-only` the category alone.",
    examples: &["agents list", "agents list --category development"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::option("category", "CATEGORY", "only agents of this category"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let category = value_of(matches, "category");
    let agents: Vec<&Agent> = match &category {
        Some(word) => ctx.catalog.category(word).ok_or_else(|| unknown(word))?,
        None => ctx.catalog.all().iter().collect(),
    };
    let title = match &category {
        Some(word) => format!("Agents for {word} ({})", agents.len()),
        None => format!("Agents ({})", agents.len()),
    };
    let mut card = Card::new(title);
    for category in agents.chunk_by(|a, b| a.category == b.category) {
        let row = |agent: &&Agent| vec![agent.name.clone(), agent.purpose.clone()];
        let rows = category.iter().map(row).collect();
        let columns = vec!["Agent".to_owned(), "What for".to_owned()];
        card = card.block(Block::Heading { text: category[0].category.clone() }).block(Block::Table { columns, rows });
    }
    let card = card.footer(format!("{} tells more of one", ctx.typed("agents show NAME")));
    let outcome = Outcome {
        resource: "agents".to_owned(),
        summary: format!("listed {} agents", agents.len()),
        result: Some(json!({"agents": agents})),
        ..Outcome::default()
    };
    Ok(answer::asker(outcome, card))
}

fn unknown(word: &str) -> Refusal {
    let shown: String = word.chars().take(40).collect();
    let mend = match Catalog::nearest_category(word) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the categories are {}", CATEGORIES.join(", ")),
    };
    Refusal::new(format!("there is no category `{shown}`"), mend)
}
