//! `github.dispatch`: begins a run of a workflow of GitHub Actions. GitHub does not say which run that is, so a call whose
//! answer was lost is not repeated.
//! Call: docs.github.com/rest/actions/workflows, "create a workflow dispatch event".

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Scene;
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::part;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// Its file, `release.yml`, or its number.
    workflow: String,
    /// A branch or a tag.
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    inputs: Map<String, Value>,
}

pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { workflow, reference, inputs } = scene.args()?;
    let workflow = part("workflow", &workflow)?;
    let path = scene.repository.path(format_args!("actions/workflows/{workflow}/dispatches"));
    scene.done(Ask::post(path, json!({ "ref": reference, "inputs": inputs }))).await?;
    Ok(json!({}))
}
