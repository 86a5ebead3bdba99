//! `github.commit_status`: the state of a commit in one context. The last one counts, so twice is once.
//! Call: docs.github.com/rest/commits/statuses.

use octocrab::models::StatusState;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Scene;
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::{part, refused};

/// Characters of a description; GitHub refuses a longer one.
const MOST_DESCRIPTION: usize = 140;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    sha: String,
    state: StatusState,
    context: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { sha, state, context, description, target_url } = scene.args()?;
    if context.trim().is_empty() {
        return Err(refused("context", "it is empty"));
    }
    let mut body = Map::new();
    body.insert("state".to_owned(), json!(state));
    body.insert("context".to_owned(), json!(context));
    for (name, text) in [("description", description.map(shortened)), ("target_url", target_url)] {
        let text = text.filter(|text| !text.is_empty());
        body.extend(text.map(|text| (name.to_owned(), json!(text))));
    }
    let path = scene.repository.path(format_args!("statuses/{}", part("sha", &sha)?));
    scene.done(Ask::post(path, Value::Object(body))).await?;
    Ok(json!({}))
}

fn shortened(description: String) -> String {
    if description.chars().count() <= MOST_DESCRIPTION {
        return description;
    }
    description.chars().take(MOST_DESCRIPTION - 1).chain(['…']).collect()
}
