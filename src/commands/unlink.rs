//! `unlink`: makes somebody a person of their own on a platform again.

use clap::{Arg, ArgMatches, Command};

use crate::commands::{CommandSpec, answer, open, whoami};
use crate::domain::card::{Card, Tone};
use crate::domain::event::ChannelName;
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::Context;
use crate::tools::link;

/// Its line in the table. To be separated is open to everybody who reaches the bot: it gives nobody anything.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["unlink"],
    also: &[],
    action: open("unlink"),
    about: "be a person of your own on a platform again, at once",
    details: "Without a platform it separates you on the one where you say it. Where the platform goes on which the \
              first code was asked for, all are separated. Tasks return to whom they were given; those given while you \
              were one person stay with the one who asked for the code.",
    examples: &["unlink", "unlink teams"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    let platforms = ChannelName::OF_PEOPLE.map(ChannelName::as_str).join(", ");
    let help = format!("the platform that goes: {platforms}; nothing for the one where you say it");
    let read = move |text: &str| {
        let word = text.to_lowercase();
        let found = ChannelName::OF_PEOPLE.into_iter().find(|channel| channel.as_str() == word);
        found.ok_or_else(|| format!("`{text}` is no platform; there are {platforms}"))
    };
    command.arg(Arg::new("platform").value_name("PLATFORM").value_parser(read).help(help))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let separated = link::separate(matches.get_one::<ChannelName>("platform").copied(), ctx)?;
    let users: Vec<String> = separated.users.iter().map(ToString::to_string).collect();
    let summary = format!("separated {}", users.join(", "));
    let outcome = Outcome { writes: separated.writes, resource: "link".to_owned(), summary, ..Outcome::default() };
    let card = Card::new("You are separate again").tone(Tone::Good);
    let card = card.text(format!("Each stands alone: {}.", whoami::places(&separated.users)));
    Ok(answer::asker(outcome, card.text("`link` gives a code for linking again.")))
}
