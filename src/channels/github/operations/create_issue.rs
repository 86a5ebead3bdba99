//! `github.create_issue`: opens an issue. Output: `{number, url}`.
//!
//! Its body begins with the mark of the call, by which it is found again where the answer was lost.
//! Call: docs.github.com/rest/issues/issues, "create an issue".

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Scene, milestone};
use crate::channels::github::client::Ask;
use crate::channels::github::look_up::{self, Written};
use crate::channels::github::markdown::marker;
use crate::channels::github::repository::refused;
use crate::channels::{DeliverError, Lookup};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    assignees: Vec<String>,
    /// By its title.
    #[serde(default)]
    milestone: Option<String>,
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { title, body, labels, assignees, milestone } = scene.args()?;
    if title.trim().is_empty() {
        return Err(refused("title", "it is empty"));
    }
    let mark = marker(&scene.call.idempotency_key);
    let mut fields = Map::new();
    fields.insert("title".to_owned(), json!(title));
    fields.insert("body".to_owned(), json!(format!("{mark}\n{}", body.unwrap_or_default())));
    for (name, values) in [("labels", labels), ("assignees", assignees)] {
        if !values.is_empty() {
            fields.insert(name.to_owned(), json!(values));
        }
    }
    if let Some(title) = milestone {
        fields.insert("milestone".to_owned(), json!(milestone::number(scene, "milestone", &title).await?));
    }
    let ask = Ask::post(scene.repository.path("issues"), Value::Object(fields)).that_notifies();
    let made: Option<Written> = scene.done(ask).await?.read();
    // It was done, whatever its answer looks like; the look finds its number.
    let unread = || DeliverError::UnknownOutcome { reason: "an issue was opened whose number is not known".to_owned() };
    made.map(|issue| output(&issue)).ok_or_else(unread)
}

pub(super) async fn look_up(scene: &Scene<'_>) -> Result<Lookup<Value>, DeliverError> {
    let (since, key) = (scene.call.since, &scene.call.idempotency_key);
    let found = look_up::issues(scene.client, scene.installation, &scene.repository, since, key).await?;
    Ok(match found.written.get(key) {
        Some(issue) => Lookup::Done(output(issue)),
        None if found.whole => Lookup::NotDone,
        None => Lookup::CannotTell("more issues were opened or changed since than are looked at, a thousand"),
    })
}

fn output(issue: &Written) -> Value {
    json!({ "number": issue.number, "url": issue.html_url })
}
