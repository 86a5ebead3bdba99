//! What there is for workflows to speak of: the platforms that tell of events, and the actions that are no tools.
//!
//! The one place of both. A new action of workflows is a line in [`ACTIONS`]; a tool is one by standing in the table of
//! tools, whose names the caller adds. What an action does, its caller knows; here is who reads what it is given, and
//! what it would come to in a simulation.

use serde_json::{Map, Value, json};

use crate::workflow::template::sink::Sink;

/// Platforms that tell of events by which workflows begin.
pub const PLATFORMS: &[&str] = &["github", "slack", "teams"];

/// What a file of workflows may speak of.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The names of the actions.
    pub actions: &'a [&'a str],
    /// The platforms that tell of events.
    pub platforms: &'a [&'a str],
}

/// An action of workflows that is no tool.
#[derive(Debug)]
pub struct KnownAction {
    /// Its name.
    pub name: &'static str,
    /// The param that people read, and in which notation.
    pub text: Option<(&'static str, Sink)>,
    /// Its output in a simulation, from what it is given.
    pub output: fn(&Map<String, Value>) -> Value,
}

/// Actions of workflows that are no tools: those that the examples name.
pub const ACTIONS: &[KnownAction] = &[
    KnownAction { name: "create_ai_crm_task", text: None, output: task },
    KnownAction { name: "slack_notification", text: Some(("message", Sink::SlackText)), output: message },
    KnownAction { name: "teams_notification", text: Some(("message", Sink::Markdown)), output: message },
    KnownAction { name: "github_comment", text: Some(("message", Sink::Markdown)), output: comment },
    KnownAction { name: "assign_reviewer", text: None, output: reviewer },
];

/// Actions whose output is a task, which `{task.…}` means from then on.
pub const MAKES_A_TASK: &[&str] = &["create_ai_crm_task", "task.create"];

/// The names of all actions: those of the tools, and those of workflows alone.
#[must_use]
pub fn names(tools: &[&'static str]) -> Vec<&'static str> {
    tools.iter().copied().chain(ACTIONS.iter().map(|action| action.name)).collect()
}

/// Who reads a param of an action. What is not in the table is kept, and escaped by whoever shows it.
#[must_use]
pub fn sink(action: &str, param: &str) -> Sink {
    let text = ACTIONS.iter().find(|known| known.name == action).and_then(|known| known.text);
    text.filter(|(name, _)| *name == param).map_or(Sink::Plain, |(_, sink)| sink)
}

/// What an action would come to, from what it is given. Made up: no number and no address in it is one.
#[must_use]
pub fn simulated(action: &str, args: &Map<String, Value>) -> Value {
    match ACTIONS.iter().find(|known| known.name == action) {
        Some(known) => (known.output)(args),
        None if MAKES_A_TASK.contains(&action) => task(args),
        None => json!({}),
    }
}

fn task(args: &Map<String, Value>) -> Value {
    let given = |name: &str, otherwise: Value| args.get(name).cloned().unwrap_or(otherwise);
    json!({
        "id": "T-0", "key": "T-0", "url": "https://ai-crm.invalid/tasks/T-0", "status": "todo",
        "title": given("title", Value::Null), "description": given("description", "".into()),
        "priority": given("priority", "medium".into()), "labels": given("labels", json!([])),
        "assignee": given("assignee", Value::Null),
    })
}

fn message(_: &Map<String, Value>) -> Value {
    json!({ "id": "simulated" })
}

fn comment(_: &Map<String, Value>) -> Value {
    json!({ "id": "simulated", "url": "https://github.invalid/comment" })
}

fn reviewer(args: &Map<String, Value>) -> Value {
    json!({ "reviewer": args.get("agent").cloned().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_read_is_escaped_for_them() {
        for (action, param, sink_of) in [
            ("slack_notification", "message", Sink::SlackText),
            ("slack_notification", "channel", Sink::Plain),
            ("github_comment", "message", Sink::Markdown),
            ("teams_notification", "message", Sink::Markdown),
            ("create_ai_crm_task", "title", Sink::Plain),
            ("task.comment", "text", Sink::Plain),
        ] {
            assert_eq!(sink(action, param), sink_of, "{action} {param}");
        }
    }
}
