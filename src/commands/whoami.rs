//! `whoami`: who the asker is to the bot, and on which platforms.

use clap::{ArgMatches, Command};

use crate::commands::{CommandSpec, also, answer, open};
use crate::domain::card::Card;
use crate::domain::event::PlatformUser;
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, link};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["whoami"],
    also: &[also("who am i")],
    action: open("whoami"),
    about: "show who you are to this bot, and on which platforms",
    details: "Shows your name, what you may be here, your groups, and the platforms on which you are the same person.",
    examples: &["whoami"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
}

fn run(_: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let users = link::users(ctx)?;
    let groups = if ctx.by.groups.is_empty() { "none".to_owned() } else { ctx.by.groups.join(", ") };
    let facts =
        [("Role here", ctx.by.role.as_str().to_owned()), ("Groups here", groups), ("Id", ctx.by.id.to_string())];
    let card = Card::new(format!("You are {}", ctx.by.name))
        .facts(facts.map(|(label, value)| (label.to_owned(), value)))
        .text(linked(&users))
        .text(how_to_change(&users, ctx));
    let outcome = Outcome { resource: "link".to_owned(), summary: "told who asks".to_owned(), ..Outcome::default() };
    Ok(answer::asker(outcome, card))
}

/// On which platforms somebody is one person.
pub(super) fn linked(users: &[PlatformUser]) -> String {
    if users.len() > 1 { format!("Linked: {}.", places(users)) } else { "Linked with no other platform.".to_owned() }
}

/// What one can type about that; nothing where one may do nothing about it.
pub(super) fn how_to_change(users: &[PlatformUser], ctx: &Context<'_>) -> String {
    if users.len() > 1 {
        format!("`{}` ends that at once.", ctx.typed("unlink"))
    } else if (ctx.offers)("link") {
        format!("`{}` gives a code that makes you the same person on another platform.", ctx.typed("link"))
    } else {
        String::new()
    }
}

/// The platforms of some users, each with its workspace: `slack T1, teams 7e4a…`.
pub(super) fn places(users: &[PlatformUser]) -> String {
    let places: Vec<String> = users.iter().map(|user| format!("{} {}", user.channel, user.realm)).collect();
    places.join(", ")
}
