//! Asks people or teams to review a pull request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check, issue, names, owes, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// People who are chosen by one call, and open reviews that are a bound. Ours.
const MOST_CHOSEN: usize = 15;
const MOST_OPEN: usize = 100;

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.request_reviewers",
    about: "ask people or teams to review a pull request",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let number =
            |about: &str, most: usize| json!({"type": "integer", "minimum": 1, "maximum": most, "description": about});
        let properties = json!({
            "people": names("logins of people"), "teams": names("slugs of teams"),
            "among": names("logins of people of whom those with the fewest open reviews are asked"),
            "count": number("how many of those; 1, where none is given", MOST_CHOSEN),
            "most_open": number("nobody of those is asked who has so many open reviews in the repository", MOST_OPEN),
        });
        schema(properties, &[])
    },
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
    #[serde(default)]
    among: Vec<String>,
    count: Option<usize>,
    most_open: Option<usize>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    check("people", &asked.people)?;
    check("teams", &asked.teams)?;
    check("among", &asked.among)?;
    let Asked { people, teams, among, count, most_open, .. } = &asked;
    if people.is_empty() && teams.is_empty() && among.is_empty() {
        return Err(Refusal::new("nobody is named", "give `people`, `teams` or `among`").into());
    }
    let is_bound = count.is_none_or(|count| (1..=MOST_CHOSEN).contains(&count))
        && most_open.is_none_or(|most| (1..=MOST_OPEN).contains(&most));
    if !is_bound || (among.is_empty() && (count.is_some() || most_open.is_some())) {
        let mend = format!("they go with `among`; count is 1 to {MOST_CHOSEN}, most_open 1 to {MOST_OPEN}");
        return Err(Refusal::new("`count` or `most_open` does not fit", mend).into());
    }
    let mut args = json!({"people": people, "teams": teams});
    if !among.is_empty() {
        args["among"] = json!(among);
        args["count"] = count.unwrap_or(1).into();
        args["most_open"] = json!(most_open);
    }
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, TOOL.name, args))
}
