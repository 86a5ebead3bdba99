//! `pair`: makes the one who knows the code the owner of this bot.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, text_of};
use crate::commands::{CommandSpec, answer, open};
use crate::domain::card::{Card, Tone};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::Context;
use crate::tools::pairing::{self, Tried};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["pair"],
    also: &[],
    action: open("pair"),
    about: "become the owner of this bot, with the code that the server showed at its start",
    details: "The code serves once. After five wrong codes it is dead and the server has to be started again for a \
              new one.",
    examples: &["pair ABCD-1234"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::words("code", "CODE", "the code from the server's start").required(true))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let (tried, writes) = pairing::decide(&text_of(matches, "code"), ctx)?;
    let (summary, card) = match tried {
        Tried::Paired => {
            let card = Card::new("You are the owner of this bot").tone(Tone::Good);
            let next = format!("`{}` shows what you may do", ctx.typed("help"));
            (format!("paired {}", ctx.by.id), card.text(next))
        }
        // A wrong code is counted, so it is an answer and not a refusal: refusals write nothing.
        Tried::Wrong { left } => {
            let mend = format!(
                "{left} {} left; the server's log shows the code",
                if left == 1 { "try is" } else { "tries are" }
            );
            ("wrong pairing code".to_owned(), Refusal::new("that is not the code", mend).card().tone(Tone::Bad))
        }
        Tried::Dead => ("too many wrong pairing codes".to_owned(), dead()),
        Tried::Used => {
            let refusal = Refusal::new("the code was used already", "ask the owner of this bot");
            ("pairing code used already".to_owned(), refusal.card().tone(Tone::Bad))
        }
        Tried::Never => {
            let refusal = Refusal::new("no code is waiting to be used", "restart the server for a new code");
            ("no pairing code".to_owned(), refusal.card().tone(Tone::Bad))
        }
    };
    let outcome = Outcome { writes, resource: "pairing".to_owned(), summary, ..Outcome::default() };
    Ok(answer::asker(outcome, card))
}

fn dead() -> Card {
    Refusal::new("too many wrong codes were tried, so the code is dead", "restart the server for a new code")
        .card()
        .tone(Tone::Bad)
}
