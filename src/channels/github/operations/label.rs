//! `github.label`: puts labels on an issue or a pull request, and takes others off. Twice is once.
//! Calls: docs.github.com/rest/issues/labels.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Scene;
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::{part, refused};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { add, remove } = scene.args()?;
    if add.is_empty() && remove.is_empty() {
        return Err(refused("add", "it names no label, and `remove` neither"));
    }
    if !add.is_empty() {
        scene.done(Ask::post(scene.issue("/labels")?, json!({ "labels": add }))).await?;
    }
    for label in &remove {
        let answer = scene.ask(Ask::delete(scene.issue(&format!("/labels/{}", part("remove", label)?))?, None)).await?;
        // It is not there.
        if !answer.is_missing() {
            answer.into_success()?;
        }
    }
    Ok(json!({}))
}
