//! Creates an issue.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{MOST_TEXT, check, check_text, in_repository, names, owes, repository};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::event::Address;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.create_issue",
    about: "create an issue",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "title": arguments::text("one line", 256), "body": arguments::text("Markdown", MOST_TEXT),
            "labels": names("labels"), "assignees": names("logins of people"),
            "milestone": arguments::text("title of a milestone", 255),
        });
        arguments::schema(&in_repository(properties), &["title"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    assignees: Vec<String>,
    milestone: Option<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    if asked.title.trim().is_empty() {
        return Err(Refusal::new("an issue needs a title", "give `title`").into());
    }
    check_text("title", &asked.title, 256)?;
    check_text("body", &asked.body, MOST_TEXT)?;
    check("labels", &asked.labels)?;
    check("assignees", &asked.assignees)?;
    let to = Address { thread: None, ..repository(asked.repo.as_deref(), ctx)? };
    let Asked { title, body, labels, assignees, milestone, .. } = asked;
    let args = json!({"title": title, "body": body, "labels": labels, "assignees": assignees, "milestone": milestone});
    Ok(owes(to, TOOL.name, args))
}
