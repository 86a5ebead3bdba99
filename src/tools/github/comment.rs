//! Writes a comment on an issue or a pull request, or changes the one of its topic.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{MOST_TEXT, check_text, issue, named, schema};
use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Failure, Living, Outcome, Refusal, Reply};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "github.comment",
    about: "write a comment on an issue or a pull request, or change the one of a topic",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let topic =
            "what it is about: the comment of that topic is changed, where there is one; `none` for a further one";
        let properties = json!({
            "text": arguments::text("Markdown", MOST_TEXT),
            "topic": arguments::text(topic, MOST_TOPIC),
        });
        schema(properties, &["text"])
    },
    run,
};

/// Characters of a topic: a word or two, that stand in each comment and are seen by nobody.
const MOST_TOPIC: usize = 100;
/// What is no topic, so that a further comment is written.
const NO_TOPIC: &str = "none";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    repo: Option<String>,
    number: Option<u64>,
    text: String,
    topic: Option<String>,
}

/// How a comment of a topic lives on.
fn living(topic: Option<String>) -> Result<Option<Living>, Refusal> {
    let Some(topic) = topic else { return Ok(None) };
    let topic = topic.trim();
    if topic.is_empty() || topic.chars().count() > MOST_TOPIC {
        return Err(Refusal::new(
            "that is no topic",
            format!("give `topic` of 1 to {MOST_TOPIC} characters, or leave it"),
        ));
    }
    Ok((topic != NO_TOPIC).then(|| Living { topic: Some(topic.to_owned()), lead: None }))
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    if asked.text.trim().is_empty() {
        return Err(Refusal::new("a comment needs a text", "give `text`").into());
    }
    check_text("text", &asked.text, MOST_TEXT)?;
    let living = living(asked.topic)?;
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    let resource = named(&to);
    let card = Card::new("").block(Block::Markup { text: asked.text });
    Ok(Outcome {
        summary: format!("a comment is owed to {resource}"),
        result: Some(json!({"owed": TOOL.name, "to": resource})),
        resource,
        replies: vec![Reply { to: Some(to), living, ..Reply::everyone(card) }],
        ..Outcome::default()
    })
}
