//! Usage lines, options and the page `docs/commands.md`, all made from the table of commands.
//!
//! Owns how they are laid out. No text about a command stands here; change it in the command's file
//! and write the page again with `ai-crm docs > docs/commands.md`.

use std::fmt::Write as _;

use clap::Arg;

use crate::commands::grammar::arguments_of;
use crate::commands::{CommandSpec, TABLE};
use crate::domain::action::ActionGroup;

/// Columns of a usage text, which fits a small terminal and a narrow chat window.
const USAGE_WIDTH: usize = 68;

/// Commands about who the asker is: one topic with those below, though each has a word of its own.
const ABOUT_THE_ASKER: [&str; 4] = ["whoami", "link", "unlink", "pair"];
/// Commands about what waits for the asker's yes, or that of others. Who is asked is told, with buttons.
pub(super) const ABOUT_APPROVALS: [&str; 5] = ["approvals", "approve", "reject", "withdraw", "run"];

/// A command with its arguments: `task show TASK`; further lines are indented.
#[must_use]
pub fn usage(spec: &CommandSpec) -> String {
    let mut lines = vec![spec.name()];
    let (places, options): (Vec<&Arg>, Vec<&Arg>) = arguments_of(spec).partition(|arg| arg.is_positional());
    for arg in places.into_iter().chain(options) {
        let shown = shown(arg);
        let many = if arg.is_positional() && arg.get_num_args().is_some_and(|count| count.max_values() > 1) {
            " …"
        } else {
            ""
        };
        let (open, close) = if arg.is_required_set() { ("", "") } else { ("[", "]") };
        let part = format!(" {open}{shown}{many}{close}");
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.chars().count() <= USAGE_WIDTH => line.push_str(&part),
            _ => lines.push(format!("   {part}")),
        }
    }
    lines.join("\n")
}

fn shown(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(<[clap::builder::Str]>::first).map(ToString::to_string);
    match (arg.get_long(), value.filter(|_| arg.is_positional() || arg.get_action().takes_values())) {
        (Some(long), Some(value)) => format!("--{long} {value}"),
        (Some(long), None) => format!("--{long}"),
        (None, value) => value.unwrap_or_else(|| arg.get_id().to_string().to_uppercase()),
    }
}

/// A command with what must be there: `task create TITLE …`.
#[must_use]
pub fn brief(spec: &CommandSpec) -> String {
    let usage = usage(spec);
    usage.split(" [").next().unwrap_or(&usage).trim_end().to_owned()
}

/// All commands on one line, each with what must be there: what a platform shows while one is typed.
#[must_use]
pub fn hint() -> String {
    let briefs: Vec<String> = TABLE.iter().map(|spec| brief(spec).replace(" …", "")).collect();
    briefs.join(" | ")
}

/// The commands of a menu that has room for `most`, in the order of the table: of each topic the first, then others.
#[must_use]
pub fn menu(most: usize) -> Vec<&'static CommandSpec> {
    let topic = |at: usize| match TABLE[at].words[0] {
        word if ABOUT_THE_ASKER.contains(&word) => ABOUT_THE_ASKER[0],
        word if ABOUT_APPROVALS.contains(&word) => ABOUT_THE_ASKER[0],
        word => word,
    };
    let is_first = |at: &usize| !(0..*at).any(|before| topic(before) == topic(*at));
    let (first, others): (Vec<usize>, Vec<usize>) = (0..TABLE.len()).partition(is_first);
    let mut shown: Vec<usize> = first.into_iter().chain(others).take(most).collect();
    shown.sort_unstable();
    shown.into_iter().map(|at| &TABLE[at]).collect()
}

/// What the commands are for, on one line.
#[must_use]
pub fn summary() -> String {
    let topics: std::collections::BTreeSet<&str> =
        TABLE.iter().filter_map(|spec| spec.words.first().copied()).collect();
    format!("{}; `help` says more", topics.into_iter().collect::<Vec<_>>().join(", "))
}

/// The arguments of a command: how each is written and what it is.
#[must_use]
pub fn arguments(spec: &CommandSpec) -> Vec<(String, String)> {
    let about = |arg: &Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
    arguments_of(spec).map(|arg| (shown(arg), about(arg))).collect()
}

/// The page that describes every command.
#[must_use]
pub fn docs_markdown() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         <!-- made by `ai-crm docs > docs/commands.md`; change the table of commands instead -->\n\n\
         The same line means the same on every channel: `/ai-crm` in front of it in Slack,\n\
         the bot @-mentioned in Teams, plain words in `ai-crm chat`. Quotes may be straight or curly, `--` may have become a dash,\n\
         and a text without options in it needs no quotes.\n\n\
         | command | what it does |\n|---|---|\n",
    );
    for spec in TABLE {
        let anchor = spec.words.join("-");
        writeln!(page, "| [`{}`](#{anchor}) | {} |", spec.name(), spec.about).expect("invariant: a text takes all");
    }
    for spec in TABLE {
        describe(spec, &mut page);
    }
    page
}

fn describe(spec: &CommandSpec, page: &mut String) {
    let whom = match spec.action.group {
        ActionGroup::Open => "everybody",
        ActionGroup::Everyday => "members",
        ActionGroup::Administration => "owners",
    };
    let (name, details) = (spec.name(), spec.details);
    let mut text = format!("\n## {name}\n\n{}.\n\n```\n{}\n```\n\n{details}\n", capital(spec.about), usage(spec));
    let arguments = arguments(spec);
    if !arguments.is_empty() {
        text.push_str("\n| argument | meaning |\n|---|---|\n");
        for (argument, about) in arguments {
            text.push_str(&format!("| `{}` | {about} |\n", argument.replace('|', "\\|")));
        }
    }
    text.push_str("\nExamples:\n\n```\n");
    for example in spec.examples {
        text.push_str(example);
        text.push('\n');
    }
    text.push_str("```\n");
    if !spec.also.is_empty() {
        let also: Vec<String> = spec.also.iter().map(|saying| format!("`{}`", saying.words)).collect();
        text.push_str(&format!("\nAlso: {}.\n", also.join(", ")));
    }
    text.push_str(&format!("\nPolicies name it `{}`; as shipped it is for {whom}.\n", spec.action.name));
    page.push_str(&text);
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_commands_is_the_table_of_commands() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == docs_markdown(), "docs/commands.md is old; write it with: ai-crm docs > docs/commands.md");
    }

    #[test]
    fn usage_shows_what_must_and_what_may_be_there() {
        let usage_of = |name: &str| usage(TABLE.iter().find(|spec| spec.name() == name).unwrap());
        assert_eq!(usage_of("task show"), "task show TASK");
        assert_eq!(usage_of("help"), "help [COMMAND …]");
        assert!(
            usage_of("task create").starts_with("task create TITLE … [--agent NAME]"),
            "{}",
            usage_of("task create")
        );
    }
}
