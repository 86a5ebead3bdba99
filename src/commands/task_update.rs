//! `task update`: changes a task. The buttons of a task's card are lines of this command.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, labels_of, task_of, value_of};
use crate::commands::{CommandSpec, Saying, also, answer, everyday, usage};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::Context;
use crate::tools::task_update::{self, Wanted};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "update"],
    also: &[
        also("update task"),
        also("update"),
        also("task edit"),
        also("task set"),
        Saying { words: "task start", adds: &["--status=in-progress"] },
        Saying { words: "start task", adds: &["--status=in-progress"] },
        Saying { words: "start", adds: &["--status=in-progress"] },
        Saying { words: "task block", adds: &["--status=blocked"] },
        Saying { words: "block", adds: &["--status=blocked"] },
        Saying { words: "task cancel", adds: &["--status=cancelled"] },
        Saying { words: "cancel", adds: &["--status=cancelled"] },
    ],
    action: everyday("task.update"),
    about: "change a task",
    details: "Says what shall be different; all else stays. A closed task is reopened first. `--due none` and \
              `--project none` take the day and the project away.",
    examples: &[
        "task update T-12 --status in-review",
        "task update T-12 --priority critical --due +3d",
        "task update T-12 --label backend --unlabel triage",
        "start T-12",
    ],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
        .arg(arguments::task())
        .arg(arguments::status("how far it is"))
        .arg(arguments::priority("how urgent it is"))
        .arg(arguments::text("title", "a better title, in quotes"))
        .arg(arguments::text("description", "the whole story, in quotes"))
        .arg(arguments::agent("the agent that shall do it"))
        .arg(arguments::due())
        .arg(arguments::project("the project it belongs to"))
        .arg(arguments::labels("label", "labels to add, separated by commas"))
        .arg(arguments::labels("unlabel", "labels to take off, separated by commas"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let id = task_of(matches);
    let wanted = Wanted {
        title: value_of(matches, "title"),
        description: value_of(matches, "description"),
        status: matches.get_one("status").copied(),
        priority: matches.get_one("priority").copied(),
        agent: value_of(matches, "agent"),
        due: value_of(matches, "due"),
        project: value_of(matches, "project"),
        add_labels: labels_of(matches, "label"),
        remove_labels: labels_of(matches, "unlabel"),
    };
    if wanted == Wanted::default() {
        let mend = format!("say what shall be different, for example: task update {id} --status in-progress");
        let refusal =
            Refusal { usage: Some(usage::usage(&SPEC)), ..Refusal::new(format!("nothing to change on {id}"), mend) };
        return Err(refusal.into());
    }
    answer::changed(task_update::decide(id, &wanted.patch(ctx)?, ctx)?, ctx)
}
