//! Params of steps that their actions do not take, and those that an action needs and is not given: known before a run fails
//! over them.
//!
//! What a tool takes its schema says; what an action of workflows takes that is no tool stands here, and a test holds it
//! against `action.rs`.

use serde_json::Value;

use crate::tools;
use crate::workflow::action::Action;
use crate::workflow::definition::Workflow;
use crate::workflow::known::{self, ACTIONS};
use crate::workflow::mistake::{Mistake, instead, listed, quoted};
use crate::workflow::step::{Does, Step};

/// Params of `create_ai_crm_task`, the one that it needs first.
const OF_A_TASK: &[&str] = &[
    "title",
    "description",
    "priority",
    "labels",
    "project",
    "due",
    "assignee",
    "agent",
    "agent_hint",
    "pm_analysis",
    "auto_assign",
];
/// Params of `assign_reviewer`.
const OF_A_REVIEW: &[&str] = &["agent", "priority", "people", "teams", "among", "count", "most_open"];

/// What in a workflow's params its actions do not take, or miss.
#[must_use]
pub(crate) fn lints(workflow: &Workflow) -> Vec<Mistake> {
    let mut said = Vec::new();
    steps(&workflow.actions, &mut said);
    steps(&workflow.on_failure, &mut said);
    said
}

fn steps(all: &[Step], said: &mut Vec<Mistake>) {
    for step in all {
        match &step.does {
            Does::Act(action) => {
                said.extend(of(action).into_iter().map(|what| Mistake::new(step.at, what)));
                steps(&action.on_error.compensate, said);
            }
            Does::Repeat(each) => steps(&each.steps, said),
            Does::Ask(_) | Does::Sleep(_) | Does::WaitFor(_) => {}
        }
    }
}

fn of(action: &Action) -> Vec<String> {
    let (takes, needs) = taken(&action.name);
    let given = |name: &str| action.params.iter().any(|(given, _)| known::param(&action.name, given) == name);
    let takes: Vec<&str> = takes.iter().map(String::as_str).collect();
    let unknown = action.params.iter().filter(|(name, _)| !takes.contains(&name.as_str()));
    let unknown = unknown.map(|(name, _)| {
        format!("`{}` has no param {}, and the step will fail; {}", action.name, quoted(name), instead(name, &takes))
    });
    let missing: Vec<&str> = needs.iter().map(String::as_str).filter(|name| !given(name)).collect();
    let missing = (!missing.is_empty())
        .then(|| format!("`{}` needs {}, and the step will fail without", action.name, listed(&missing)));
    unknown.chain(missing).collect()
}

/// The params that an action takes, by its own names for them too, and those that it needs, by the tool's.
fn taken(action: &str) -> (Vec<String>, Vec<String>) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match action {
        "create_ai_crm_task" => return (owned(OF_A_TASK), owned(&OF_A_TASK[..1])),
        "assign_reviewer" => return (owned(OF_A_REVIEW), Vec::new()),
        _ => {}
    }
    let Ok(tool) = tools::find(known::tool(action)) else { return (Vec::new(), Vec::new()) };
    let schema = (tool.input)();
    let renamed = ACTIONS.iter().filter(|known| known.name == action).flat_map(|known| known.renames);
    let mut takes: Vec<String> = renamed.map(|(name, _)| (*name).to_owned()).collect();
    takes.extend(schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()));
    let needs = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    (takes, needs.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::runs::action::{AskedReview, AskedTask};
    use crate::workflow::file;
    use crate::workflow::known::{Known, PLATFORMS};

    fn said(text: &str) -> Vec<String> {
        let names = known::names(&tools::known_tools());
        let workflows = file::read(text, &Known { actions: &names, platforms: PLATFORMS }).unwrap();
        workflows.iter().flat_map(lints).map(|it| format!("{}: {}", it.at.line, it.what)).collect()
    }

    #[test]
    fn params_that_no_action_takes_and_those_that_are_missing_are_named() {
        let head = "workflows:\n  w:\n    trigger: { platform: github, event: issues.opened }\n    actions:\n";
        for (step, expected) in [
            (
                "{ action: slack_notification, params: { chanel: x, message: y } }",
                vec!["`channel`?", "needs `channel`"],
            ),
            ("{ action: create_ai_crm_task, params: { titel: x } }", vec!["did you mean `title`?", "needs `title`"]),
            ("{ action: github_comment }", vec!["`github_comment` needs `text`"]),
            ("{ action: github.label, params: { add: [bug], nonsense: 1 } }", vec!["has no param `nonsense`"]),
            ("{ action: assign_reviewer, params: { amog: [ann] } }", vec!["did you mean `among`?"]),
            ("{ action: assign_reviewer, params: { agent: code-reviewer, priority: high } }", vec![]),
            ("{ action: teams_notification, params: { chat_id: x, message: y } }", vec![]),
            ("{ action: github.comment, params: { text: x, repo: a/b, number: 3, topic: t } }", vec![]),
        ] {
            let found = said(&format!("{head}      - {step}\n"));
            assert_eq!(found.len(), expected.len(), "{step}: {found:?}");
            for (found, part) in found.iter().zip(expected) {
                assert!(found.starts_with("5: ") && found.contains(part), "{step}: {found}");
            }
        }
        let nested = "      - for_each: { in: \"{labels}\", do: [{ action: github.close, params: { why: x } }] }\n";
        assert_eq!(said(&format!("{head}{nested}")).len(), 1);
    }

    /// What a struct takes, as serde lists it where it is given something else.
    fn fields<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let refused = serde_json::from_value::<T>(serde_json::json!({ "?": null })).err().unwrap().to_string();
        refused.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_said_to_be_taken_is_and_no_more() {
        assert_eq!(fields::<AskedTask>(), OF_A_TASK);
        assert_eq!(fields::<AskedReview>(), OF_A_REVIEW);
    }

    #[test]
    fn the_examples_are_as_they_should_be() {
        let examples = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example-workflows.yml"));
        assert_eq!(said(examples), Vec::<String>::new());
    }
}
