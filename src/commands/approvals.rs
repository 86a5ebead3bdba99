//! `approvals`: what waits for the asker's approval, and what the asker has asked for.

use clap::{ArgMatches, Command};

use crate::commands::{CommandSpec, also, answer, approval_card, everyday};
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::Context;
use crate::tools::approval::{self, TOOL};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["approvals"],
    also: &[also("approvals list"), also("list approvals"), also("my approvals"), also("approval list")],
    action: everyday(TOOL.name),
    about: "show what waits for your approval, and what you asked for",
    details: "A policy may let nobody do something before somebody else has approved it. What waits for you is told to you \
              in your own chat as well. What nobody decides about in time expires.",
    examples: &["approvals"],
    arguments,
    run,
};

/// As many of each are listed.
const MOST: usize = 20;

fn arguments(command: Command) -> Command {
    command
}

fn run(_: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let (waiting, own) = (approval::to_decide(ctx)?, approval::asked_by(ctx)?);
    let summary = format!("listed {} to decide and {} asked for", waiting.len(), own.len());
    let outcome = Outcome { resource: "approvals".to_owned(), summary, ..Outcome::default() };
    let nothing = waiting.is_empty() && own.is_empty();
    let mut card = Card::new(if nothing { "No approval waits" } else { "Approvals" });
    let parts = [
        ("Waiting for your approval", approval_card::to_decide_whole(&waiting, MOST, ctx)),
        ("You asked for", approval_card::asked_for(&own, MOST, ctx)),
    ];
    for (heading, items) in parts {
        if !items.is_empty() {
            card = card.block(Block::Heading { text: heading.to_owned() }).block(Block::List { items });
        }
    }
    if !waiting.is_empty() {
        let (yes, no) =
            (ctx.typed(&format!("approve {}", waiting[0].id)), ctx.typed(&format!("reject {}", waiting[0].id)));
        card = card.footer(format!("`{yes}`, or `{no}` with why behind it"));
    }
    Ok(answer::asker(outcome, card))
}
