//! Shows one task.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::task::{Assignee, Task};
use crate::store::Stored;
use crate::store::keyspace::task as tasks;
use crate::tools::{Context, ToolSpec, arguments, sync};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "task.show",
    about: "show a task with its comments and its history",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || arguments::schema(&json!({"task": arguments::task()}), &["task"]),
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    task: String,
}

/// Reads a task's id, as a tool's argument has it.
pub(crate) fn id(text: &str) -> Result<TaskId, Refusal> {
    text.trim().parse().map_err(|error: crate::domain::ids::NotAnId| {
        Refusal::new(format!("`task`: {error}"), "`task list` shows the tasks there are")
    })
}

/// A task that must be there.
///
/// # Errors
/// Refuses where it is not.
pub fn find(id: TaskId, ctx: &Context<'_>) -> Result<Stored<Task>, Failure> {
    let missing = || Refusal::new(format!("there is no {id}"), "`task list` shows the tasks there are");
    tasks::read(ctx.view, id)?.ok_or_else(|| missing().into())
}

/// A task as programs see it in a list: without its description, of which a hundred would be a megabyte.
#[must_use]
pub fn as_line_json(task: &Task) -> Value {
    let mut line = as_json(task);
    if let Some(line) = line.as_object_mut() {
        line.remove("description");
    }
    line
}

/// A task as programs see it, without what happened to it.
#[must_use]
pub fn as_json(task: &Task) -> Value {
    let assignee = task.assignee.as_ref().map(|assignee| match assignee {
        Assignee::Agent(name) => json!({"type": "agent", "name": name}),
        Assignee::Person { id, name } => json!({"type": "person", "id": id, "name": name}),
    });
    json!({
        "id": task.id.to_string(),
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "priority": task.priority,
        "assignee": assignee,
        "due": task.due,
        "project": task.project,
        "labels": task.labels,
        "created_by": task.created_by,
        "created": task.created.to_string(),
        "updated": task.updated.to_string(),
        "origin": {"event": task.origin.event.to_string(), "place": task.origin.place, "url": task.origin.url},
    })
}

/// A task as programs see it, with all that happened to it.
#[must_use]
pub fn as_whole_json(task: &Task) -> Value {
    let mut whole = as_json(task);
    let comments = task.comments.iter().map(|c| json!({"by": c.by, "at": c.at.to_string(), "text": c.text}));
    let history = task.history.iter();
    let history =
        history.map(|h| json!({"by": h.by, "at": h.at.to_string(), "event": h.event.to_string(), "what": h.what}));
    whole["comments"] = comments.collect();
    whole["history"] = history.collect();
    whole
}

/// The outcome of looking at a task.
#[must_use]
pub fn outcome(task: &Task) -> Outcome {
    Outcome {
        resource: task.id.to_string(),
        summary: format!("showed {}", task.id),
        result: Some(json!({"task": as_whole_json(task)})),
        ..Outcome::default()
    }
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    let task = find(id(&asked.task)?, ctx)?.value;
    let mut outcome = outcome(&task);
    if let Some(shown) = outcome.result.as_mut().and_then(|result| result.get_mut("task")) {
        shown["issue"] = json!(sync::said_of(task.id, ctx.view)?);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_task_is_shown_whole_and_without_addresses() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        desk.tool("task.comment", json!({"task": "T-1", "text": "look at this"})).unwrap();
        let shown = desk.tool("task.show", json!({"task": "t-1"})).unwrap().result.unwrap();
        assert_eq!(shown["task"]["comments"][0]["text"], "look at this");
        assert_eq!(shown["task"]["history"].as_array().unwrap().len(), 2);
        assert!(shown["task"]["origin"].get("reply").is_none());
        assert_eq!(desk.refused_tool("task.show", json!({"task": "T-9"})).what, "there is no T-9");
        assert!(desk.refused_tool("task.show", json!({"task": "nine"})).what.starts_with("`task`"));
    }
}
