//! `why`: tells why something came out as it did, or did not.

use clap::{Arg, ArgMatches, Command};

use crate::commands::{CommandSpec, also, answer, open};
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, why};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["why"],
    also: &[also("why not"), also("explain")],
    action: open("why"),
    about: "tell why something came out as it did",
    details: "Without an id it tells of the last that you asked here. An event is e-17, an effect e-17.0, a task T-12, an approval A-3. \
              You see the stories of what you asked yourself; those of others are for owners.",
    examples: &["why", "why e-17", "why T-12"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(Arg::new("id").value_name("ID").help("e-17, e-17.0, T-12 or A-3; nothing for the last that you asked"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let id = matches.get_one::<String>("id").map(String::as_str);
    let told = why::decide(id, ctx)?;
    let mut lines = told.lines.clone();
    let cause = lines.pop().unwrap_or_default();
    let card = Card::new(format!("Why {}", told.about)).text(cause);
    let card = if lines.is_empty() { card } else { card.block(Block::List { items: lines }) };
    Ok(answer::asker(told.outcome(), card))
}
