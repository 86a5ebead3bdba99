//! `task create`: makes a task.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, labels_of, text_of, value_of};
use crate::commands::{CommandSpec, also, answer, everyday};
use crate::domain::event::EventKind;
use crate::domain::outcome::{Failure, Outcome, Refusal, Write};
use crate::store::keyspace::{dedupe, event};
use crate::tools::Context;
use crate::tools::task_create::{self, NewTask};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "create"],
    also: &[
        also("create task"),
        also("create a task"),
        also("create new task"),
        also("create a new task"),
        also("tasks create"),
        also("task add"),
        also("add task"),
        also("add a task"),
        also("task new"),
        also("new task"),
    ],
    action: everyday("task.create"),
    about: "create a task",
    details: "All words that are no options are the title, with or without quotes. Where no agent is named, the answer \
              says which agents suit the work and offers them in a menu. On the morning of the due day (09:00 UTC) \
              you are reminded where the task was made.",
    examples: &[
        "task create \"Implement user auth\" --agent security-auditor --priority high --due 2026-12-01",
        "task create Fix the login page --due friday --label bug,login",
        "create task Write the release notes --to me",
    ],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
        .arg(arguments::words("title", "TITLE", "what is to be done, in one line").required(true))
        .arg(arguments::agent("the agent that shall do it; `agents list` shows all"))
        .arg(arguments::option("to", "WHO", "who shall do it: an agent, @name or me").conflicts_with("agent"))
        .arg(arguments::priority("how urgent it is; medium where nothing is said"))
        .arg(arguments::due())
        .arg(arguments::text("description", "the whole story, in quotes"))
        .arg(arguments::project("the project it belongs to"))
        .arg(arguments::labels("label", "words to find it by, separated by commas"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let new = NewTask {
        title: text_of(matches, "title"),
        description: value_of(matches, "description").unwrap_or_default(),
        priority: matches.get_one("priority").copied(),
        agent: value_of(matches, "agent"),
        assignee: value_of(matches, "to"),
        due: value_of(matches, "due"),
        project: value_of(matches, "project"),
        labels: labels_of(matches, "label"),
        url: None,
    };
    let pressed = press(ctx)?;
    let created = task_create::decide(&new, ctx)?;
    let task = created.task.clone();
    let card = crate::commands::task_card::task_card(&task, ctx, Some("created"));
    // A task that is made by a button has a card of its own beside the card with the button.
    let mut outcome = answer::of_task(created.outcome(), &task, card, ctx);
    outcome.writes.extend(pressed);
    Ok(outcome)
}

/// A button makes one task, however often and by however many it is pressed: the claim of its token, where this is
/// the first press.
fn press(ctx: &Context<'_>) -> Result<Option<Write>, Failure> {
    let EventKind::CardAction { token, .. } = &ctx.event.what.kind else { return Ok(None) };
    let key = format!("press:{token}");
    match dedupe::owner(ctx.view, &key)? {
        None => Ok(Some(dedupe::claim(&key, ctx.event.id))),
        Some(owner) if owner == ctx.event.id => Ok(None),
        Some(owner) => {
            let did = event::story(ctx.view, owner)?.map_or_else(|| "made a task".to_owned(), |story| story.summary);
            let mend = format!("`{}` shows the newest tasks", ctx.typed("task list"));
            Err(Refusal::new(format!("this button has done its work: {did}"), mend).into())
        }
    }
}
