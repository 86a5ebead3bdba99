//! Writes a comment on an issue or a pull request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{MOST_TEXT, check_text, issue, named, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.comment",
    about: "write a comment on an issue or a pull request",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || schema(json!({"text": arguments::text("Markdown", MOST_TEXT)}), &["text"]),
    run,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    number: Option<u64>,
    text: String,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    if asked.text.trim().is_empty() {
        return Err(Refusal::new("a comment needs a text", "give `text`").into());
    }
    check_text("text", &asked.text, MOST_TEXT)?;
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    let resource = named(&to);
    let card = Card::new("").block(Block::Markup { text: asked.text });
    Ok(Outcome {
        summary: format!("a comment is owed to {resource}"),
        result: Some(json!({"owed": TOOL.name, "to": resource})),
        resource,
        replies: vec![Reply { to: Some(to), ..Reply::everyone(card) }],
        ..Outcome::default()
    })
}
