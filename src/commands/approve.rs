//! `approve`: says yes to what somebody has asked for.

use clap::{ArgMatches, Command};

use crate::commands::arguments;
use crate::commands::{CommandSpec, also, approval_card};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::Context;
use crate::tools::approval::{self, Answer};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["approve"],
    also: &[also("approval approve")],
    action: approval::DECIDE,
    about: "approve what somebody has asked for",
    details: "It is done at once, as the one who asked, and where it was asked, if policies still permit it with your yes. Nobody approves what they asked for themselves.",
    examples: &["approve A-3"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::approval()).arg(arguments::card())
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    approval_card::answered(
        approval::decide(
            arguments::approval_of(matches),
            Answer::Approve,
            arguments::card_of(matches).as_deref(),
            ctx,
        )?,
        ctx,
    )
}
