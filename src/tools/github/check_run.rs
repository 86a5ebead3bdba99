//! Shows on a commit what was checked, with remarks at lines.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{MOST_TEXT, check_sha, check_text, in_repository, owes, repository};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::event::Address;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.check_run",
    about: "show on a commit what was checked, with remarks at lines",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "name": arguments::text("what was checked", 200),
            "head_sha": arguments::text("the commit", 64),
            "status": {"type": "string", "enum": STATUSES, "description": "how far it is; completed where none is given"},
            "conclusion": {"type": "string", "enum": CONCLUSIONS, "description": "how it has ended"},
            "title": arguments::text("one line", 255),
            "summary": arguments::text("Markdown", MOST_TEXT),
            "annotations": {"type": "array", "description": "remarks at lines", "maxItems": MOST_REMARKS},
            "details_url": arguments::text("where more of it stands", 2000),
        });
        arguments::schema(&in_repository(properties), &["name", "head_sha"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    name: String,
    head_sha: String,
    status: Option<String>,
    conclusion: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    annotations: Vec<Value>,
    details_url: Option<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    let status = asked.status.as_deref().unwrap_or("completed");
    if !STATUSES.contains(&status) || asked.conclusion.as_deref().is_some_and(|end| !CONCLUSIONS.contains(&end)) {
        let mend = format!("`status` is one of {}, `conclusion` of {}", STATUSES.join(", "), CONCLUSIONS.join(", "));
        return Err(Refusal::new("GitHub has no such state of a check", mend).into());
    }
    if status == "completed" && asked.conclusion.is_none() {
        return Err(Refusal::new("a check that is completed has ended somehow", "give `conclusion`").into());
    }
    if asked.annotations.len() > MOST_REMARKS {
        let what = format!("there are {} annotations", asked.annotations.len());
        return Err(Refusal::new(what, format!("give at most {MOST_REMARKS}")).into());
    }
    check_sha(&asked.head_sha)?;
    check_text("name", &asked.name, 200)?;
    check_text("title", &asked.title, 255)?;
    check_text("summary", &asked.summary, MOST_TEXT)?;
    let to = Address { thread: None, ..repository(asked.repo.as_deref(), ctx)? };
    let args = json!({
        "name": asked.name, "head_sha": asked.head_sha, "status": status, "conclusion": asked.conclusion,
        "title": asked.title, "summary": asked.summary, "annotations": asked.annotations,
        "details_url": asked.details_url,
    });
    Ok(owes(to, TOOL.name, args))
}

/// docs.github.com/rest/checks/runs.
const STATUSES: [&str; 3] = ["queued", "in_progress", "completed"];
const CONCLUSIONS: [&str; 7] =
    ["action_required", "cancelled", "failure", "neutral", "skipped", "success", "timed_out"];
/// Remarks of one check. GitHub takes 50 in one call; the channel sends the others after them.
const MOST_REMARKS: usize = 500;
