//! Gives a task to an agent or a person, or takes it from whoever has it.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome};
use crate::domain::task::TaskPatch;
use crate::tools::task_update::{self, Changed};
use crate::tools::{Context, ToolSpec, arguments, people, task_show};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "task.assign",
    about: "give a task to an agent or a person, or to nobody",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let to = arguments::text("name of an agent, @name of a person, me, or nobody", 100);
        arguments::schema(&json!({"task": arguments::task(), "to": to}), &["task", "to"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    task: String,
    to: String,
}

/// Decides who works on a task.
///
/// # Errors
/// Refuses where the task or the one who shall do it is not there.
pub fn decide(id: TaskId, to: &str, ctx: &Context<'_>) -> Result<Changed, Failure> {
    let patch = TaskPatch { assignee: Some(people::assignee(to, ctx)?), ..TaskPatch::default() };
    task_update::decide(id, &patch, ctx)
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    task_update::outcome(decide(task_show::id(&asked.task)?, &asked.to, ctx)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn whoever_is_meant_gets_the_task() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        // Grace Hopper is known by name and as the platform's U2.
        let cases = [
            ("security-auditor", Some("security-auditor")),
            ("Security Auditor", Some("security-auditor")),
            ("@backend-architect", Some("backend-architect")),
            ("me", Some("@Ada")),
            ("@Grace Hopper", Some("@Grace Hopper")),
            ("@ada", Some("@Ada")),
            ("@grace", Some("@Grace Hopper")),
            ("nobody", None),
            ("<@U2>", Some("@Grace Hopper")),
            ("<@U1|ada>", Some("@Ada")),
        ];
        for (to, expected) in cases {
            desk.tool("task.assign", json!({"task": "T-1", "to": to})).unwrap();
            let got = desk.task(1).assignee.map(|assignee| assignee.to_string());
            assert_eq!(got.as_deref(), expected, "{to}");
        }
        for (to, what, mend) in [
            ("<@U9>", "I do not know <@U9>", "help"),
            ("@hopper2", "I do not know @hopper2", "help"),
            ("security-auditer", "neither an agent nor a person", "did you mean `security-auditor`?"),
            ("@hopper", "several people go by `hopper`", "@Grace Hopper"),
        ] {
            let refusal = desk.refused_tool("task.assign", json!({"task": "T-1", "to": to}));
            assert!(refusal.what.contains(what), "{to}: {}", refusal.what);
            assert!(refusal.mend.as_ref().unwrap().contains(mend), "{to}: {:?}", refusal.mend);
        }
    }
}
