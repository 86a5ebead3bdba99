//! `task done`: finishes a task.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, task_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::domain::outcome::{Failure, Outcome};
use crate::domain::task::{Status, TaskPatch};
use crate::tools::{Context, task_update};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "done"],
    also: &[
        also("done"),
        also("done task"),
        also("finish task"),
        also("task close"),
        also("close task"),
        also("close"),
        also("task finish"),
        also("finish"),
    ],
    action: everyday("task.update"),
    about: "finish a task",
    details: "Its reminder does not ring any more. `task reopen` brings it back.",
    examples: &["task done T-12", "done T-12"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::task())
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let patch = TaskPatch { status: Some(Status::Done), ..TaskPatch::default() };
    answer::changed(task_update::decide(task_of(matches), &patch, ctx)?, ctx)
}
