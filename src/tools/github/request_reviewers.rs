//! Asks people or teams to review a pull request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check, issue, names, owes, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.request_reviewers",
    about: "ask people or teams to review a pull request",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || schema(json!({"people": names("logins of people"), "teams": names("slugs of teams")}), &[]),
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    number: Option<u64>,
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    teams: Vec<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    check("people", &asked.people)?;
    check("teams", &asked.teams)?;
    if asked.people.is_empty() && asked.teams.is_empty() {
        return Err(Refusal::new("nobody is named", "give `people`, `teams` or both").into());
    }
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, TOOL.name, json!({"people": asked.people, "teams": asked.teams})))
}
