//! `github.close`, `github.reopen`, `github.edit` and `github.issue`: an issue or a pull request itself. Twice is once.
//! Calls: docs.github.com/rest/issues/issues, "update an issue" and "get an issue"; they take the numbers of pull requests too.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Nothing, Scene};
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::refused;
use crate::domain::sync::issue::Issue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    #[serde(default)]
    reason: Reason,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    #[default]
    Completed,
    NotPlanned,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Editing {
    title: Option<String>,
    body: Option<String>,
}

pub(super) async fn close(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Closing { reason } = scene.args()?;
    let reason = match reason {
        Reason::Completed => "completed",
        Reason::NotPlanned => "not_planned",
    };
    update(scene, json!({ "state": "closed", "state_reason": reason })).await
}

pub(super) async fn reopen(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Nothing {} = scene.args()?;
    update(scene, json!({ "state": "open" })).await
}

pub(super) async fn edit(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let body = match scene.args()? {
        Editing { title: None, body: None } => return Err(refused("title", "it is missing, and `body` too")),
        Editing { title: Some(title), body: None } => json!({ "title": title }),
        Editing { title: None, body: Some(body) } => json!({ "body": body }),
        Editing { title: Some(title), body: Some(body) } => json!({ "title": title, "body": body }),
    };
    update(scene, body).await
}

/// Output: `{issue}`, the fields of it that a task is kept the same with.
pub(super) async fn show(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Nothing {} = scene.args()?;
    let issue: Issue = scene.read(scene.issue("")?).await?;
    Ok(json!({ "issue": issue }))
}

async fn update(scene: &Scene<'_>, body: Value) -> Result<Value, DeliverError> {
    scene.done(Ask::patch(scene.issue("")?, body)).await?;
    Ok(json!({}))
}
