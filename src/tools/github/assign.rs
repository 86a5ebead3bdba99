//! Gives an issue or a pull request to people, or takes it from them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check, issue, names, owes, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

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
        return Err(Refusal::new("nobody is named", "give `add`, `remove` or both").into());
    }
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, TOOL.name, json!({"add": asked.add, "remove": asked.remove})))
}
