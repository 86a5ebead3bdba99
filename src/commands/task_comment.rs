//! `task comment`: adds a remark to a task.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, task_of, text_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, task_comment};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "comment"],
    also: &[also("comment on task"), also("comment on"), also("comment task"), also("comment"), also("task note")],
    action: everyday("task.comment"),
    about: "add a comment to a task",
    details: "All words behind the task are the comment; put it in quotes to keep its line breaks.",
    examples: &["task comment T-12 waiting for the keys", "task comment T-12 \"see the log of --verbose\""],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::task()).arg(arguments::words("text", "TEXT", "the comment").required(true))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let change = task_comment::decide(task_of(matches), &text_of(matches, "text"), ctx)?;
    let after = change.after.clone();
    let note = format!("{} commented", ctx.by.name);
    Ok(answer::task(change.outcome(), &after, ctx, Some(&note)))
}
