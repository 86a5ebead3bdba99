//! `task reopen`: brings a closed task back.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, task_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::domain::outcome::{Failure, Outcome};
use crate::domain::task::Status;
use crate::domain::task::TaskPatch;
use crate::tools::task_update::Changed;
use crate::tools::{Context, task_show, task_update};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "reopen"],
    also: &[also("reopen task"), also("reopen")],
    action: everyday("task.update"),
    about: "bring a closed task back",
    details: "It is `todo` then, and is reminded of again if its day is still to come.",
    examples: &["task reopen T-12"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command.arg(arguments::task())
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let id = task_of(matches);
    // What is open already stays where it is: to reopen it must not put its work back.
    let task = task_show::find(id, ctx)?.value;
    if !task.status.is_closed() {
        return answer::changed(Changed::SoAlready(Box::new(task)), ctx);
    }
    let patch = TaskPatch { status: Some(Status::Todo), reopen: true, ..TaskPatch::default() };
    answer::changed(task_update::decide(id, &patch, ctx)?, ctx)
}
