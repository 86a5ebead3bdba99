//! `task assign`: gives a task to an agent or a person.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, task_of, text_of, value_of};
use crate::commands::{CommandSpec, Saying, also, answer, everyday, usage};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, task_assign};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "assign"],
    also: &[
        also("assign task"),
        also("assign"),
        Saying { words: "task unassign", adds: &["--to=nobody"] },
        Saying { words: "unassign", adds: &["--to=nobody"] },
        Saying { words: "task take", adds: &["--to=me"] },
        Saying { words: "take", adds: &["--to=me"] },
    ],
    action: everyday("task.assign"),
    about: "give a task to an agent, a person or nobody",
    details: "Whom may be an agent's name, @name of somebody who has spoken to the bot, a mention, `me` or `nobody`.",
    examples: &["task assign T-12 --to security-auditor", "assign T-12 to @ada", "take T-12"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
        .arg(arguments::task())
        .arg(arguments::words("whom", "WHO", "an agent, @name, me or nobody"))
        .arg(arguments::option("to", "WHO", "the same, as an option"))
        .arg(arguments::agent("an agent").conflicts_with("to"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let id = task_of(matches);
    let said = text_of(matches, "whom");
    // `assign T-12 to ada`.
    let said = said.strip_prefix("to ").unwrap_or(&said).trim().to_owned();
    let option = value_of(matches, "to").or_else(|| value_of(matches, "agent"));
    let whom = option.or_else(|| Some(said).filter(|said| !said.is_empty()));
    let Some(whom) = whom.filter(|whom| !whom.trim().is_empty()) else {
        let mend = format!("for example: task assign {id} --to security-auditor");
        let refusal =
            Refusal { usage: Some(usage::usage(&SPEC)), ..Refusal::new(format!("{id} is given to whom?"), mend) };
        return Err(refusal.into());
    };
    answer::changed(task_assign::decide(id, &whom, ctx)?, ctx)
}
