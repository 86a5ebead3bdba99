//! `withdraw`: takes back what the asker has asked for.

use clap::{ArgMatches, Command};

use crate::commands::arguments;
use crate::commands::{CommandSpec, also, approval_card};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::Context;
use crate::tools::approval::{self, Answer};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["withdraw"],
    also: &[also("approval withdraw")],
    action: approval::WITHDRAW,
    about: "take back what you asked an approval for",
    details: "Nobody can approve it any more. Only who asked takes it back.",
    examples: &["withdraw A-3"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::approval())
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    approval_card::answered(approval::decide(arguments::approval_of(matches), Answer::Withdraw, None, ctx)?, ctx)
}
