//! `link`: makes somebody one person on several platforms, by a code that is asked for on one and given on the other.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, text_of};
use crate::commands::task_card::minute;
use crate::commands::{CommandSpec, answer, everyday, whoami};
use crate::domain::card::{Block, Card, Tone};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::Context;
use crate::tools::link::{self, Given};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["link"],
    also: &[],
    action: everyday("link"),
    about: "be one person on two platforms, by a code asked for on one and given on the other",
    details: "Say `link` on one platform, and within ten minutes the line that it answers on the other one. From then \
              on your tasks are the same on both. What you may do is still decided on each platform by itself. A code \
              serves once, the next `link` voids it, and after five wrong codes you wait ten minutes. `unlink` ends it.",
    examples: &["link", "link ABCDE-FGHJK"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::words("code", "CODE", "the code that the other platform showed you; nothing to ask for one"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let code = text_of(matches, "code");
    if code.trim().is_empty() { asked(ctx) } else { given(&code, ctx) }
}

fn who(ctx: &Context<'_>) -> String {
    ctx.event.what.from.as_ref().map_or_else(|| ctx.by.id.to_string(), ToString::to_string)
}

fn asked(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    if !ctx.event.what.channel.keeps_secrets() {
        let what = "a code would be read by everybody here, and whoever says it becomes you";
        let mend = "say `link` to me in Slack, in Teams or in the terminal, and here the line that I answer there";
        return Err(Refusal::new(what, mend).into());
    }
    let fresh = link::ask(ctx)?;
    let summary = format!("made a code to link {}", who(ctx));
    let outcome = Outcome { writes: fresh.writes, resource: "link".to_owned(), summary, ..Outcome::default() };
    let card = Card::new("Link another platform")
        .text("Say this to me on the other platform within ten minutes:")
        .block(Block::Code { text: format!("link {}", fresh.code) })
        .text("Whoever says it there becomes you here, so show it to nobody. It serves once.");
    Ok(answer::asker(outcome, card))
}

fn given(code: &str, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let (given, writes) = link::give(code, ctx)?;
    let bad = |refusal: Refusal| refusal.card().tone(Tone::Bad);
    // A code that does not work is counted, and one that does is used up, so these are answers and not refusals:
    // refusals write nothing.
    let (summary, card) = match given {
        Given::Linked { person, users } => {
            let card = Card::new("You are one person here and there").tone(Tone::Good).text(whoami::linked(&users));
            let card =
                card.text("Your tasks are the same on all of them. If this is not what you wanted, say `unlink`.");
            (format!("linked {} with {person}", who(ctx)), card)
        }
        Given::Wrong { left } => {
            let tries = if left == 1 { "try is" } else { "tries are" };
            let mend = format!(
                "a code serves once and for ten minutes; say `link` on the other platform for a fresh one ({left} {tries} \
                 left)"
            );
            ("wrong code to link".to_owned(), bad(Refusal::new("that is no code that works", mend)))
        }
        Given::Waits { until } => {
            let mend = format!("wait until {}, then ask for a fresh code", minute(until));
            ("too many wrong codes to link".to_owned(), bad(Refusal::new("too many wrong codes were given", mend)))
        }
        Given::Unfit(refusal) => (format!("did not link {}: {}", who(ctx), refusal.what), bad(refusal)),
    };
    let outcome = Outcome { writes, resource: "link".to_owned(), summary, ..Outcome::default() };
    Ok(answer::asker(outcome, card))
}
