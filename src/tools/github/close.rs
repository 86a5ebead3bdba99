//! Closes an issue or a pull request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{issue, owes, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.close",
    about: "close an issue or a pull request",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        schema(
            json!({"reason": {"type": "string", "enum": REASONS, "description": "why; completed where none is given"}}),
            &[],
        )
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    number: Option<u64>,
    reason: Option<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    let reason = asked.reason.as_deref().unwrap_or("completed");
    if !REASONS.contains(&reason) {
        return Err(Refusal::new("`reason` is none of GitHub's", format!("it is one of {}", REASONS.join(", "))).into());
    }
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, TOOL.name, json!({"reason": reason})))
}

/// Why an issue is closed (docs.github.com/rest/issues/issues, "state_reason").
const REASONS: [&str; 2] = ["completed", "not_planned"];
