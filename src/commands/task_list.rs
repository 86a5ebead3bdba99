//! `task list`: lists tasks, the newest first.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, value_of};
use crate::commands::{CommandSpec, Saying, also, answer, everyday, task_card};
use crate::domain::card::Card;
use crate::domain::outcome::{Failure, Outcome, Reply};
use crate::tools::task_list::{self, Asked, LARGEST_PAGE, PAGE, Page};
use crate::tools::{Context, due};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["task", "list"],
    also: &[
        also("tasks"),
        also("tasks list"),
        also("list tasks"),
        also("list task"),
        also("list all tasks"),
        also("list the tasks"),
        also("show tasks"),
        also("task ls"),
        also("open tasks"),
        Saying { words: "my tasks", adds: &["--mine"] },
        Saying { words: "list my tasks", adds: &["--mine"] },
        Saying { words: "show my tasks", adds: &["--mine"] },
        Saying { words: "all tasks", adds: &["--all"] },
    ],
    action: everyday("task.list"),
    about: "list tasks, the newest first",
    details: "Shows open tasks; `--all` shows closed ones too, `--status` those of one status. Twenty fit a page, \
              which is turned by its buttons or by the line below it.",
    examples: &[
        "task list",
        "task list --status in-progress",
        "task list --agent backend-architect --all",
        "my tasks",
        "task list --project website --before T-50",
    ],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    let limit = |text: &str| match text.parse::<usize>() {
        Ok(count) if (1..=LARGEST_PAGE).contains(&count) => Ok(count),
        _ => Err(format!("`{text}` is not a number from 1 to {LARGEST_PAGE}")),
    };
    command
        .arg(arguments::status("only tasks of this status"))
        .arg(arguments::agent("only tasks of this agent"))
        .arg(arguments::flag("mine", "only your own tasks"))
        .arg(arguments::project("only tasks of this project"))
        .arg(arguments::flag("all", "closed tasks too"))
        .arg(arguments::option("before", "TASK", "only tasks older than this one, for the next page"))
        .arg(arguments::option("limit", "COUNT", "how many, at most 100").value_parser(limit))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked = Asked {
        status: matches.get_one("status").copied(),
        agent: value_of(matches, "agent"),
        mine: matches.get_flag("mine"),
        project: value_of(matches, "project"),
        all: matches.get_flag("all"),
        before: value_of(matches, "before"),
        limit: matches.get_one("limit").copied(),
        ..Asked::default()
    };
    let page = task_list::decide(&asked, ctx)?;
    let card = card(&asked, &page, ctx);
    Ok(answer::page(task_list::outcome(&page), Reply::asker(card), ctx))
}

/// `Open tasks of @Ada in website`.
fn title(asked: &Asked, page: &Page) -> String {
    let mut title = match asked.status {
        Some(status) => format!("Tasks {status}"),
        None if page.open_only => "Open tasks".to_owned(),
        None => "All tasks".to_owned(),
    };
    if asked.mine {
        title.push_str(" of yours");
    }
    if let Some(agent) = &asked.agent {
        title.push_str(&format!(" of {agent}"));
    }
    if let Some(project) = &asked.project {
        title.push_str(&format!(" in {project}"));
    }
    title
}

fn card(asked: &Asked, page: &Page, ctx: &Context<'_>) -> Card {
    let title = title(asked, page);
    let closed_too = format!("`{}` shows closed ones too", ctx.typed("task list --all"));
    let Some(last) = page.tasks.last() else {
        let mend = if page.open_only {
            format!("{closed_too}; `{}` makes one", ctx.typed("task create …"))
        } else {
            format!("`{}` makes one", ctx.typed("task create …"))
        };
        return Card::new(format!("{title}: none")).text(mend);
    };
    let count = page.tasks.len();
    let card = Card::new(format!("{title} ({count}{})", if page.more { " of more" } else { "" }))
        .block(task_card::table(&page.tasks, due::day_of(ctx.now)));
    let newest = format!("task list{}", options(asked));
    let older = format!("{newest} --before {}", last.id);
    // A page that is turned in its place is one message; who asks for more at once gets as many as it takes.
    let card = if count > PAGE {
        card
    } else {
        let newest = asked.before.as_ref().and_then(|_| answer::turn("Newest", &newest, ctx));
        let older = page.more.then(|| answer::turn("Older", &older, ctx)).flatten();
        newest.into_iter().chain(older).fold(card.undivided(), Card::action)
    };
    if page.more {
        card.footer(format!("there are more: {}", ctx.typed(&older)))
    } else if page.open_only {
        card.footer(closed_too)
    } else {
        card
    }
}

/// What was asked, to be typed again for the next page.
fn options(asked: &Asked) -> String {
    let quoted = |text: &String| {
        if text.contains(char::is_whitespace) { crate::commands::grammar::quote(text) } else { text.clone() }
    };
    let valued = [
        ("status", asked.status.map(|status| status.to_string())),
        ("agent", asked.agent.as_ref().map(quoted)),
        ("project", asked.project.as_ref().map(quoted)),
        ("limit", asked.limit.map(|limit| limit.to_string())),
    ];
    let flags = [("mine", asked.mine), ("all", asked.all)];
    let valued = valued.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", value?)));
    let flags = flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| format!(" --{name}"));
    valued.chain(flags).collect()
}
