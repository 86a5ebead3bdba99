//! Puts labels on an issue or a pull request, or takes them off.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check, issue, names, owes, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.label",
    about: "put labels on an issue or a pull request, or take them off",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || schema(json!({"add": names("labels to put on"), "remove": names("labels to take off")}), &[]),
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    number: Option<u64>,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    check("add", &asked.add)?;
    check("remove", &asked.remove)?;
    if asked.add.is_empty() && asked.remove.is_empty() {
        return Err(Refusal::new("no label is named", "give `add`, `remove` or both").into());
    }
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, TOOL.name, json!({"add": asked.add, "remove": asked.remove})))
}
