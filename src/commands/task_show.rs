//! `task show`: shows one task.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, task_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, sync, task_show};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "show"],
    also: &[also("show task"), also("show"), also("tasks show"), also("task view"), also("view task")],
    action: everyday("task.show"),
    about: "show a task with its last comments",
    details: "The id alone does the same. Buttons below the card move the task on.",
    examples: &["task show T-12", "T-12"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::task())
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let task = task_show::find(task_of(matches), ctx)?.value;
    let issue = sync::said_of(task.id, ctx.view)?.map(|issue| format!("Issue: {issue}"));
    Ok(answer::task(task_show::outcome(&task), &task, ctx, issue.as_deref()))
}
