//! `reject`: says no to what somebody has asked for.

use clap::{ArgMatches, Command};

use crate::commands::arguments;
use crate::commands::{CommandSpec, also, approval_card};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::Context;
use crate::tools::approval::{self, Answer};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["reject"],
    also: &[also("approval reject")],
    action: approval::DECIDE,
    about: "reject what somebody has asked for",
    details: "Who asked is told, with your words behind it.",
    examples: &["reject A-3", "reject A-3 not in the week of the release"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::approval()).arg(arguments::card()).arg(arguments::words("why", "WHY", "why, for who asked"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let why = Some(arguments::text_of(matches, "why")).filter(|why| !why.trim().is_empty());
    approval_card::answered(
        approval::decide(
            arguments::approval_of(matches),
            Answer::Reject(why),
            arguments::card_of(matches).as_deref(),
            ctx,
        )?,
        ctx,
    )
}
