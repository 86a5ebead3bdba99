//! `github.react`: a reaction to what asked. The same one twice is one
//! (docs.github.com/rest/reactions/reactions: 200 where it is there).

use octocrab::models::reactions::ReactionContent;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Scene;
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::refused;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// As an address names what asked: `issue`, `issue_comment/123`, `review_comment/123`.
    subject: String,
    content: ReactionContent,
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { subject, content } = scene.args()?;
    let path = path(scene, &subject)?;
    scene.done(Ask::post(path, json!({ "content": content }))).await?;
    Ok(json!({}))
}

fn path(scene: &Scene<'_>, subject: &str) -> Result<String, DeliverError> {
    let (kind, id) = subject.split_once('/').unwrap_or((subject, ""));
    let number = || id.parse::<u64>().map_err(|_| refused("subject", "it has no number"));
    match kind {
        "issue" => scene.issue("/reactions"),
        "issue_comment" => Ok(scene.repository.path(format_args!("issues/comments/{}/reactions", number()?))),
        "review_comment" => Ok(scene.repository.path(format_args!("pulls/comments/{}/reactions", number()?))),
        "review" => Err(refused("subject", "GitHub takes no reactions to reviews")),
        _ => Err(refused("subject", "it is none of issue, issue_comment/123, review_comment/123")),
    }
}
