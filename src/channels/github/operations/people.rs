//! `github.assign`: who is to work on an issue or a pull request.
//! Calls: docs.github.com/rest/issues/assignees.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Scene;
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::refused;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assigning {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Person {
    pub(super) login: String,
}

/// Output: `{assignees: [login]}`, all whom it has now, since GitHub leaves out in silence whom it does not take.
pub(super) async fn assign(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    #[derive(Deserialize)]
    struct Issue {
        #[serde(default)]
        assignees: Vec<Person>,
    }
    let Assigning { add, remove } = scene.args()?;
    if add.is_empty() && remove.is_empty() {
        return Err(refused("add", "it names nobody, and `remove` neither"));
    }
    let path = scene.issue("/assignees")?;
    let mut asks = Vec::new();
    if !add.is_empty() {
        asks.push(Ask::post(&*path, json!({ "assignees": add })));
    }
    if !remove.is_empty() {
        asks.push(Ask::act(Method::DELETE, &*path, json!({ "assignees": remove })));
    }
    let mut assignees = Vec::new();
    for ask in asks {
        let issue: Option<Issue> = scene.done(ask).await?.read();
        assignees = issue.map(|issue| issue.assignees).unwrap_or_default();
    }
    let assignees: Vec<String> = assignees.into_iter().map(|person| person.login).collect();
    Ok(json!({ "assignees": assignees }))
}
