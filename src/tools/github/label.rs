//! Puts labels on an issue or a pull request, or takes them off.

use serde_json::{Value, json};

use super::{adds_and_removes, names, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, ToolSpec};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.label",
    about: "put labels on an issue or a pull request, or take them off",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || schema(json!({"add": names("labels to put on"), "remove": names("labels to take off")}), &[]),
    run,
};

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    adds_and_removes(TOOL.name, "no label is named", args, ctx)
}
