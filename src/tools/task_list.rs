//! Lists tasks, the newest first.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::task::{Status, Task};
use crate::store::keyspace::link;
use crate::store::keyspace::task::{self as tasks, TaskFilter};
use crate::store::{StoreError, View};
use crate::tools::{Context, ToolSpec, arguments, people, task_show};

/// Tasks in a list where nobody says how many.
pub const PAGE: usize = 20;
/// The most tasks in a list.
pub const LARGEST_PAGE: usize = 100;
/// Characters of the words that are looked for. No title is much longer.
pub const LONGEST_WORDS: usize = 200;
/// The most tasks that are left out; nobody reads on so far.
pub const MOST_SKIPPED: usize = 1000;

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "task.list",
    about: "list tasks, the newest first; open ones where no status is named",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let properties = json!({
            "status": arguments::status(),
            "agent": arguments::text("only tasks of this agent", 100),
            "mine": {"type": "boolean", "description": "only tasks of the one who asks"},
            "project": arguments::text("only tasks of this project", 100),
            "all": {"type": "boolean", "description": "closed tasks too"},
            "before": {"type": "string", "description": "only tasks older than this, such as T-50, for the next page"},
            "limit": {"type": "integer", "description": "how many", "minimum": 1, "maximum": LARGEST_PAGE},
            "text": arguments::text("only tasks with all these words in id, title, project or labels", LONGEST_WORDS),
            "skip": {"type": "integer", "description": "how many to leave out, the newest first", "minimum": 0,
                "maximum": MOST_SKIPPED},
        });
        arguments::schema(&properties, &[])
    },
    run,
};

/// Which tasks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// Of this status.
    pub status: Option<Status>,
    /// Of this agent.
    pub agent: Option<String>,
    /// Of the one who asks.
    pub mine: bool,
    /// Of this project.
    pub project: Option<String>,
    /// Closed ones too.
    pub all: bool,
    /// Older than this.
    pub before: Option<String>,
    /// How many.
    pub limit: Option<usize>,
    /// With all these words.
    pub text: Option<String>,
    /// So many less, the newest first.
    pub skip: usize,
}

/// A page of tasks.
#[derive(Debug)]
pub struct Page {
    /// They.
    pub tasks: Vec<Task>,
    /// Whether there are older ones.
    pub more: bool,
    /// Whether closed ones are left out.
    pub open_only: bool,
}

/// Reads a page.
///
/// # Errors
/// Refuses agents that are not there.
pub fn decide(asked: &Asked, ctx: &Context<'_>) -> Result<Page, Failure> {
    let filter = TaskFilter {
        status: asked.status,
        agent: asked.agent.as_ref().map(|agent| people::agent(agent, ctx)).transpose()?,
        project: asked.project.clone().filter(|project| !project.is_empty()),
        open_only: asked.status.is_none() && !asked.all,
        person: None,
        words: words(asked.text.as_deref().unwrap_or_default())?,
    };
    let before = asked.before.as_deref().map(task_show::id).transpose()?;
    let most = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let skip = asked.skip.min(MOST_SKIPPED);
    let upto = skip + most;
    let (mut tasks, more) =
        if asked.mine { own(&filter, before, upto, ctx)? } else { newest(ctx.view, &filter, before, upto)? };
    tasks.drain(..skip.min(tasks.len()));
    Ok(Page { tasks, more, open_only: filter.open_only })
}

/// Words that are looked for, in small letters.
fn words(text: &str) -> Result<Vec<String>, Refusal> {
    if text.chars().count() > LONGEST_WORDS {
        let what = format!("`text`: at most {LONGEST_WORDS} characters are looked for");
        return Err(Refusal::new(what, "look for fewer words"));
    }
    Ok(text.split_whitespace().map(str::to_lowercase).collect())
}

/// The newest tasks of the asker that fit, by whichever linked platform they were given.
pub(crate) fn own(
    filter: &TaskFilter,
    before: Option<TaskId>,
    most: usize,
    ctx: &Context<'_>,
) -> Result<(Vec<Task>, bool), StoreError> {
    let (mut found, mut more) = (Vec::new(), false);
    for person in link::known_by(ctx.view, &ctx.by.id)? {
        let (tasks, further) =
            tasks::list(ctx.view, &TaskFilter { person: Some(person), ..filter.clone() }, before, most)?;
        found.extend(tasks);
        more |= further;
    }
    Ok(first(found, more, most))
}

fn first(mut found: Vec<Task>, more: bool, most: usize) -> (Vec<Task>, bool) {
    found.sort_by_key(|task| std::cmp::Reverse(task.id));
    let more = more || found.len() > most;
    found.truncate(most);
    (found, more)
}

/// Lays tasks, as they will be when what is being decided has landed, over those that were read.
pub(crate) fn lay_over(read: &mut Vec<Task>, changed: &[Task], fits: impl Fn(&Task) -> bool) {
    for task in changed {
        read.retain(|it| it.id != task.id);
        read.extend(Some(task).filter(|task| fits(task)).cloned());
        read.sort_by_key(|task| std::cmp::Reverse(task.id));
    }
}

/// The newest tasks that fit. Open ones are found by their statuses, so that a store full of closed
/// tasks is not read to find the few that are open.
pub(crate) fn newest(
    view: &View,
    filter: &TaskFilter,
    before: Option<TaskId>,
    most: usize,
) -> Result<(Vec<Task>, bool), StoreError> {
    if !filter.open_only || filter.agent.is_some() || filter.person.is_some() {
        return tasks::list(view, filter, before, most);
    }
    let (mut found, mut more) = (Vec::new(), false);
    for status in Status::ALL.into_iter().filter(|status| !status.is_closed()) {
        let of_status = TaskFilter { status: Some(status), ..filter.clone() };
        let (tasks, further) = tasks::list(view, &of_status, before, most)?;
        found.extend(tasks);
        more |= further;
    }
    Ok(first(found, more, most))
}

/// The outcome of looking at a page.
#[must_use]
pub fn outcome(page: &Page) -> Outcome {
    let next = page.tasks.last().filter(|_| page.more).map(|task| task.id.to_string());
    let tasks: Vec<Value> = page.tasks.iter().map(task_show::as_line_json).collect();
    Outcome {
        resource: "tasks".to_owned(),
        summary: format!("listed tasks: {}", page.tasks.len()),
        result: Some(json!({"tasks": tasks, "more": page.more, "next_before": next})),
        ..Outcome::default()
    }
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(outcome(&decide(&arguments::read(args)?, ctx)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    fn ids(desk: &Desk, args: Value) -> Vec<String> {
        let result = desk.tool("task.list", args).unwrap().result.unwrap();
        result["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn tasks_are_narrowed_and_paged() {
        let desk = Desk::new();
        for number in 1..=7 {
            let project = if number % 2 == 0 { "even" } else { "odd" };
            desk.tool("task.create", json!({"title": format!("task {number}"), "project": project})).unwrap();
        }
        desk.tool("task.update", json!({"task": "T-7", "status": "done"})).unwrap();
        desk.tool("task.update", json!({"task": "T-6", "status": "blocked"})).unwrap();
        desk.tool("task.assign", json!({"task": "T-5", "to": "me"})).unwrap();
        desk.tool("task.assign", json!({"task": "T-4", "to": "rust-pro"})).unwrap();
        let cases = [
            (json!({}), "T-6 T-5 T-4 T-3 T-2 T-1"),
            (json!({"all": true}), "T-7 T-6 T-5 T-4 T-3 T-2 T-1"),
            (json!({"status": "done"}), "T-7"),
            (json!({"status": "blocked"}), "T-6"),
            (json!({"mine": true}), "T-5"),
            (json!({"agent": "rust-pro"}), "T-4"),
            (json!({"project": "EVEN"}), "T-6 T-4 T-2"),
            (json!({"limit": 2}), "T-6 T-5"),
            (json!({"limit": 2, "before": "T-5"}), "T-4 T-3"),
            (json!({"before": "T-2", "limit": 5}), "T-1"),
            (json!({"limit": 2, "skip": 2}), "T-4 T-3"),
            (json!({"skip": 99}), ""),
            (json!({"text": "EVEN task"}), "T-6 T-4 T-2"),
            (json!({"text": "t-7"}), ""),
            (json!({"text": "t-7", "all": true}), "T-7"),
            (json!({"text": "even", "mine": true}), ""),
            (json!({"text": "task", "all": true, "limit": 2, "skip": 5}), "T-2 T-1"),
            (json!({"text": "  "}), "T-6 T-5 T-4 T-3 T-2 T-1"),
        ];
        for (args, expected) in cases {
            assert_eq!(ids(&desk, args.clone()).join(" "), expected, "{args}");
        }
        let long = desk.refused_tool("task.list", json!({"text": "x".repeat(LONGEST_WORDS + 1)}));
        assert!(long.what.starts_with("`text`"), "{long:?}");
        let page = desk.tool("task.list", json!({"limit": 6})).unwrap().result.unwrap();
        assert_eq!((&page["more"], &page["next_before"]), (&json!(false), &Value::Null));
        let page = desk.tool("task.list", json!({"limit": 5})).unwrap().result.unwrap();
        assert_eq!((&page["more"], &page["next_before"]), (&json!(true), &json!("T-2")));
    }
}
