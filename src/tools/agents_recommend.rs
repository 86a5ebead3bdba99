//! Recommends agents for a piece of work.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome};
use crate::domain::task::LONGEST_TEXT;
use crate::pm::Brief;
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "agents.recommend",
    about: "name the agents that suit a piece of work, with the reasons",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let properties = json!({
            "text": arguments::text("what is to be done", LONGEST_TEXT),
            "labels": arguments::labels("labels of the task"),
        });
        arguments::schema(&properties, &["text"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    text: String,
    #[serde(default)]
    labels: Vec<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    let text: String = asked.text.chars().take(LONGEST_TEXT).collect();
    let recommended = ctx.analyst.recommend(&Brief { text, labels: asked.labels, files: Vec::new() });
    Ok(Outcome {
        resource: "agents".to_owned(),
        summary: format!("recommended {} agents", recommended.len()),
        result: Some(json!({"recommended": recommended})),
        ..Outcome::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn the_agent_for_the_work_comes_first() {
        let desk = Desk::new();
        let result =
            desk.tool("agents.recommend", json!({"text": "review oauth login for token leaks"})).unwrap().result;
        assert_eq!(result.unwrap()["recommended"][0]["agent"], "security-auditor");
    }
}
