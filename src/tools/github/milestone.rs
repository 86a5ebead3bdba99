//! Puts an issue or a pull request into a milestone, or out of the one that it is in.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check_text, issue, owes, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.milestone",
    about: "put an issue or a pull request into a milestone, or out of it",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || schema(json!({"title": arguments::text("title of the milestone; none takes it out", 255)}), &[]),
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    number: Option<u64>,
    title: Option<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    check_text("title", asked.title.as_deref().unwrap_or_default(), 255)?;
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, TOOL.name, json!({"title": asked.title})))
}
