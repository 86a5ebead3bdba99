//! What there is for workflows to speak of: the platforms that tell of events, and the actions that are no tools.
//!
//! The one place of both. A new action of workflows is a line in [`ACTIONS`]; a tool is one by standing in the table of
//! tools, whose names the caller adds. Which tool an action is stands here, and who reads what it is given, so that a text
//! is escaped by whichever name it goes out; and what it would come to in a simulation.

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

/// A name of workflows' own for what is done by a tool, or by several.
#[derive(Debug)]
pub struct KnownAction {
    /// Its name.
    pub name: &'static str,
    /// The tool that does it, where that is always the same.
    pub tool: Option<&'static str>,
    /// Its params that the tool calls otherwise, and how.
    pub renames: &'static [(&'static str, &'static str)],
    /// Its output in a simulation, from what it is given.
    pub output: fn(&Map<String, Value>) -> Value,
}

/// Names of workflows' own: those of the examples.
pub const ACTIONS: &[KnownAction] = &[
    KnownAction { name: "create_ai_crm_task", tool: Some("task.create"), renames: &[], output: task },
    KnownAction {
        name: "slack_notification",
        tool: Some("slack.post"),
        renames: &[("message", "text")],
        output: message,
    },
    KnownAction {
        name: "teams_notification",
        tool: Some("teams.post"),
        renames: &[("message", "text"), ("chat_id", "chat")],
        output: message,
    },
    KnownAction {
        name: "github_comment",
        tool: Some("github.comment"),
        renames: &[("message", "text")],
        output: comment,
    },
    KnownAction { name: "assign_reviewer", tool: None, renames: &[], output: reviewer },
];

/// Tools that show a text as it is written, the text's name there, and its notation. What templates put into it is escaped
/// for that; what is in no line is kept as it is, and escaped by whoever shows it.
const TEXTS: &[(&str, &str, Sink)] = &[
    ("slack.post", "text", Sink::SlackText),
    ("teams.post", "text", Sink::Markdown),
    ("github.comment", "text", Sink::Markdown),
    ("github.create_issue", "body", Sink::Markdown),
    ("github.check_run", "summary", Sink::Markdown),
];

/// Actions whose output is a task, which `{task.…}` means from then on.
pub const MAKES_A_TASK: &[&str] = &["create_ai_crm_task", "task.create"];

/// Actions that make a task in some cases: then their output is one, which `{steps.ID.output.…}` alone means.
pub const MAY_MAKE_A_TASK: &[&str] = &["assign_reviewer"];

/// The names of all actions: those of the tools, and those of workflows alone.
#[must_use]
pub fn names(tools: &[&'static str]) -> Vec<&'static str> {
    tools.iter().copied().chain(ACTIONS.iter().map(|action| action.name)).collect()
}

/// The tool that an action always is, by its own name or by one of workflows.
#[must_use]
pub fn tool(action: &str) -> &str {
    ACTIONS.iter().find(|known| known.name == action).and_then(|known| known.tool).unwrap_or(action)
}

/// What a tool calls a param of an action.
#[must_use]
pub fn param<'p>(action: &str, param: &'p str) -> &'p str {
    let renames = ACTIONS.iter().find(|known| known.name == action).map_or(&[][..], |known| known.renames);
    renames.iter().find(|(from, _)| *from == param).map_or(param, |(_, to)| *to)
}

/// Who reads a param of an action.
#[must_use]
pub fn sink(action: &str, param: &str) -> Sink {
    let (tool, param) = (tool(action), self::param(action, param));
    let text = TEXTS.iter().find(|(of, name, _)| *of == tool && *name == param);
    text.map_or(Sink::Plain, |(_, _, sink)| *sink)
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
            ("slack_notification", "text", Sink::SlackText),
            ("slack.post", "text", Sink::SlackText),
            ("teams.post", "text", Sink::Markdown),
            ("github.comment", "text", Sink::Markdown),
            ("github.create_issue", "body", Sink::Markdown),
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
