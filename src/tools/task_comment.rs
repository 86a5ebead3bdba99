//! Adds a remark to a task.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::task::LONGEST_TEXT;
use crate::store::keyspace::task as tasks;
use crate::tools::task_update::Change;
use crate::tools::{Context, ToolSpec, arguments, people, task_show};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "task.comment",
    about: "add a comment to a task",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let text = arguments::text("the comment", LONGEST_TEXT);
        arguments::schema(&json!({"task": arguments::task(), "text": text}), &["task", "text"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    task: String,
    text: String,
}

/// Decides on a comment.
///
/// # Errors
/// Refuses where the task is not there or the text is empty or too long.
pub fn decide(id: TaskId, text: &str, ctx: &Context<'_>) -> Result<Change, Failure> {
    if text.trim().is_empty() {
        let mend = format!("for example: task comment {id} waiting for the keys");
        return Err(Refusal::new("a comment needs a text", mend).into());
    }
    let before = task_show::find(id, ctx)?;
    let mut after = before.value.clone();
    after.comment(&people::with_names(text, ctx)?, &ctx.person(), ctx.now, ctx.event.id)?;
    let writes = tasks::change(&before, &after);
    Ok(Change { before: before.value, after, said: vec!["commented".to_owned()], writes, timers: Vec::new() })
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    Ok(decide(task_show::id(&asked.task)?, &asked.text, ctx)?.outcome())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_comment_is_kept_with_who_and_when() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        let outcome = desk.tool("task.comment", json!({"task": "T-1", "text": "  secret words \n more"})).unwrap();
        assert_eq!(outcome.summary, "changed T-1: comments", "no text of people");
        let comment = desk.task(1).comments.pop().unwrap();
        assert_eq!((comment.text.as_str(), comment.by.name.as_str()), ("secret words \n more", "Ada"));
        assert!(desk.refused_tool("task.comment", json!({"task": "T-1", "text": " "})).what.contains("needs a text"));
        assert!(
            desk.refused_tool("task.comment", json!({"task": "T-1", "text": "x".repeat(10_001)}))
                .what
                .contains("10001")
        );
    }
}
