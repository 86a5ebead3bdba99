//! Starts a workflow of GitHub Actions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check_text, in_repository, owes, repository};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::event::Address;
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.dispatch",
    about: "start a workflow of GitHub Actions; a start whose answer is lost is not repeated",
    group: ActionGroup::Administration,
    risk: Risk::High,
    input: || {
        let properties = json!({
            "workflow": arguments::text("file name or id of the workflow", 200),
            "ref": arguments::text("branch or tag", 250),
            "inputs": {"type": "object", "description": "its inputs by name"},
        });
        arguments::schema(&in_repository(properties), &["workflow", "ref"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    workflow: String,
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    inputs: serde_json::Map<String, Value>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    check_text("workflow", &asked.workflow, 200)?;
    check_text("ref", &asked.reference, 250)?;
    let to = Address { thread: None, ..repository(asked.repo.as_deref(), ctx)? };
    Ok(owes(to, TOOL.name, json!({"workflow": asked.workflow, "ref": asked.reference, "inputs": asked.inputs})))
}
