//! Shows on a commit how something has ended.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check_sha, check_text, in_repository, owes, repository};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::event::Address;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.commit_status",
    about: "show on a commit how something has ended",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "sha": arguments::text("the commit", 64),
            "state": {"type": "string", "enum": STATES, "description": "how it has ended"},
            "context": arguments::text("what it is about", 200),
            "description": arguments::text("in a few words", 140),
            "target_url": arguments::text("where more of it stands", 2000),
        });
        arguments::schema(&in_repository(properties), &["sha", "state", "context"])
    },
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    sha: String,
    state: String,
    context: String,
    #[serde(default)]
    description: String,
    target_url: Option<String>,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    if !STATES.contains(&&*asked.state) {
        return Err(Refusal::new("`state` is none of GitHub's", format!("it is one of {}", STATES.join(", "))).into());
    }
    check_sha(&asked.sha)?;
    check_text("context", &asked.context, 200)?;
    check_text("description", &asked.description, 140)?;
    let to = Address { thread: None, ..repository(asked.repo.as_deref(), ctx)? };
    let Asked { sha, state, context, description, target_url, .. } = asked;
    let args =
        json!({"sha": sha, "state": state, "context": context, "description": description, "target_url": target_url});
    Ok(owes(to, TOOL.name, args))
}

/// docs.github.com/rest/commits/statuses.
const STATES: [&str; 4] = ["error", "failure", "pending", "success"];
