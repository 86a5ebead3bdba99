//! Gives an issue or a pull request to people, or takes it from them.

use serde_json::{Value, json};

use super::{adds_and_removes, names, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, ToolSpec};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.assign",
    about: "give an issue or a pull request to people, or take it from them",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        schema(
            json!({"add": names("logins of people who shall have it"), "remove": names("logins of people who shall not")}),
            &[],
        )
    },
    run,
};

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    adds_and_removes(TOOL.name, "nobody is named", args, ctx)
}
