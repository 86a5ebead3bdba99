//! `help`: what the asker may do here, and how each command is used.
//!
//! What a person may not do is not listed and not described; that there is more, and whom to ask, is said.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, text_of};
use crate::commands::{CommandSpec, TABLE, also, answer, grammar, mistake, open, usage};
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::Context;

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["help"],
    also: &[also("commands"), also("hello"), also("hi"), also("usage")],
    action: open("help"),
    about: "show what you may ask here, or how one command is used",
    details: "Shows only what you may do in this place. `--help` behind any command does the same for that command.",
    examples: &["help", "help task create"],
    arguments,
    run,
};

/// Headings of help, by the first word of the commands under them; all others stand under the last.
const HEADINGS: &[(&str, &[&str])] = &[
    ("Tasks", &["task"]),
    ("Planning", &["pm"]),
    ("Agents", &["agents"]),
    ("Status", &["status", "team"]),
    ("Approvals", &usage::ABOUT_APPROVALS),
    ("This bot", &[]),
];

fn arguments(command: Command) -> Command {
    command.arg(arguments::words("command", "COMMAND", "the command to describe"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked = text_of(matches, "command");
    let outcome = Outcome { resource: "help".to_owned(), summary: "showed help".to_owned(), ..Outcome::default() };
    if asked.trim().is_empty() {
        return Ok(answer::asker(outcome, overview(ctx)));
    }
    match grammar::named(&asked).filter(|spec| may(spec, ctx)) {
        Some(spec) => Ok(answer::asker(outcome, describe(spec, ctx))),
        None => group(&asked, ctx).map(|card| answer::asker(outcome, card)).ok_or_else(|| unknown(&asked, ctx).into()),
    }
}

fn may(spec: &CommandSpec, ctx: &Context<'_>) -> bool {
    (ctx.offers)(spec.action.name)
}

fn heading_of(spec: &CommandSpec) -> &'static str {
    let named = HEADINGS.iter().find(|(_, words)| words.contains(&spec.words[0]));
    named.or(HEADINGS.last()).map_or("", |(heading, _)| heading)
}

fn overview(ctx: &Context<'_>) -> Card {
    let mut card = Card::new("What you may ask here");
    for (heading, _) in HEADINGS {
        let commands = TABLE.iter().filter(|spec| heading_of(spec) == *heading && may(spec, ctx));
        let items: Vec<String> = commands.map(|spec| line(spec, ctx)).collect();
        if !items.is_empty() {
            card = card.block(Block::Heading { text: (*heading).to_owned() }).block(Block::List { items });
        }
    }
    if TABLE.iter().any(|spec| !may(spec, ctx)) {
        card = card.text("there is more for members of the workspace; ask an owner of this bot if you need it");
    }
    let first = TABLE.iter().find(|spec| may(spec, ctx)).map_or_else(|| "help".to_owned(), CommandSpec::name);
    card.footer(format!("{} shows options and examples", ctx.typed(&format!("help {first}"))))
}

fn line(spec: &CommandSpec, ctx: &Context<'_>) -> String {
    format!("{}: {}", ctx.typed(&usage::brief(spec)), spec.about)
}

fn describe(spec: &CommandSpec, ctx: &Context<'_>) -> Card {
    let mut card = Card::new(spec.name())
        .text(spec.about)
        .block(Block::Code { text: ctx.typed(&usage::usage(spec)) })
        .text(spec.details)
        .facts(usage::arguments(spec));
    let examples: Vec<String> = spec.examples.iter().map(|example| ctx.typed(example)).collect();
    card = card.block(Block::Heading { text: "Examples".to_owned() }).block(Block::Code { text: examples.join("\n") });
    if spec.also.is_empty() {
        return card;
    }
    let also: Vec<&str> = spec.also.iter().map(|saying| saying.words).collect();
    card.footer(format!("also: {}", also.join(", ")))
}

/// Help for all commands that begin with a word: `help task`.
fn group(asked: &str, ctx: &Context<'_>) -> Option<Card> {
    let word = asked.trim().to_lowercase();
    let commands = TABLE.iter().filter(|spec| spec.words[0] == word && may(spec, ctx));
    let items: Vec<String> = commands.map(|spec| line(spec, ctx)).collect();
    let card = || Card::new(format!("What you may ask about {word}")).block(Block::List { items: items.clone() });
    (!items.is_empty()).then(card)
}

/// The same words for what is not there and for what this person may not do.
fn unknown(asked: &str, ctx: &Context<'_>) -> Refusal {
    let near = mistake::nearest_named(asked).filter(|near| may(near, ctx));
    let shown: String = asked.chars().take(40).collect();
    let mend = match near {
        Some(near) => format!("did you mean `help {}`?", near.name()),
        None => format!("`{}` lists what you may ask; ask an owner of this bot if you need more", ctx.typed("help")),
    };
    Refusal::new(format!("there is no command `{shown}` that you may use"), mend)
}
