//! What the bot has done with what it was told, asked through its API.
//!
//! It reads and counts; what must be there is the test's matter.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api::Api;

/// Waits until no event waits to be handled.
pub(crate) async fn all_is_handled(api: &Api, limit: Duration) -> anyhow::Result<()> {
    super::until(limit, "no event waits", || async {
        let waiting = api.get("/events?state=waiting&limit=1").await?;
        Ok((waiting["events"] == json!([])).then_some(()))
    })
    .await
}

/// Waits until no event waits and no effect is owed.
pub(crate) async fn all_is_quiet(api: &Api, limit: Duration) -> anyhow::Result<()> {
    let quiet = super::until(limit, "no event waits and nothing is owed", || async {
        let waiting = api.get("/events?state=waiting&limit=1").await?;
        let owed = api.get("/effects?state=owed").await?;
        Ok((waiting["events"] == json!([]) && owed["effects"] == json!([])).then_some(()))
    })
    .await;
    match quiet {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(what_is_left(api).await?)),
    }
}

/// What waits and what is owed, in words.
async fn what_is_left(api: &Api) -> anyhow::Result<String> {
    let waiting = api.get("/events?state=waiting&limit=3").await?;
    let owed = api.get("/effects?state=owed&limit=3").await?;
    let actors = api.get("/actors").await?;
    let figures = |name: &str| actors["actors"][name]["state"].to_string();
    Ok(format!(
        "left: events {}, effects {}, router {}, outbox {}",
        waiting["events"],
        owed["effects"],
        figures("router"),
        figures("outbox")
    ))
}

/// Fails where the audit chain breaks; gives its length.
pub(crate) async fn audit_chain(api: &Api) -> anyhow::Result<u64> {
    let verified = api.get("/audit/verify").await?;
    ensure!(verified["valid"] == true, "the audit chain is broken: {verified}");
    verified["rows"].as_u64().context("the chain has a length")
}

/// The rows of the audit chain by the digest of what was asked.
pub(crate) struct Acts(HashMap<String, Vec<Value>>);

impl Acts {
    /// Reads the whole chain.
    pub(crate) async fn read(api: &Api) -> anyhow::Result<Self> {
        Self::read_of(api, "default").await
    }

    /// Reads the whole chain of a tenant.
    pub(crate) async fn read_of(api: &Api, tenant: &str) -> anyhow::Result<Self> {
        let mut acts: HashMap<String, Vec<Value>> = HashMap::new();
        let lines = api.lines(&format!("/audit/export?tenant={tenant}")).await?;
        for mut row in lines.into_iter().filter(|line| line["end"].is_null()) {
            let entry = row["entry"].take();
            acts.entry(text(&entry["args_digest"])).or_default().push(entry);
        }
        Ok(Self(acts))
    }

    /// The acts that a command caused.
    pub(crate) fn of_command(&self, line: &str) -> &[Value] {
        let digest = HEXLOWER.encode(&Sha256::digest(line.as_bytes()));
        self.0.get(&digest).map(Vec::as_slice).unwrap_or_default()
    }

    /// The acts that changed a task in this way.
    pub(crate) fn on_task(&self, task: &str, action: &str) -> Vec<&Value> {
        let is_it = |act: &&Value| act["resource"] == task && act["action"] == action;
        self.0.values().flatten().filter(is_it).collect()
    }
}

/// The event that an act names, as the API writes it.
pub(crate) fn event_of(act: &Value) -> String {
    format!("e-{}", act["event"])
}

/// The titles of all tasks, the oldest first.
pub(crate) async fn titles(api: &Api) -> anyhow::Result<Vec<String>> {
    const PAGE: usize = 100;
    let mut titles = Vec::new();
    let mut asked = json!({"all": true, "limit": PAGE});
    loop {
        let page = api.post("/tools/task.list", &asked).await?;
        let tasks = page["result"]["tasks"].as_array().context("a page of tasks")?;
        titles.extend(tasks.iter().map(|task| text(&task["title"])));
        let Some(last) = tasks.last().filter(|_| tasks.len() == PAGE) else { break };
        asked["before"] = last["id"].clone();
    }
    // The list has the newest first.
    titles.reverse();
    Ok(titles)
}

/// The comments of a task, in order.
pub(crate) async fn comments(api: &Api, task: &str) -> anyhow::Result<Vec<String>> {
    let shown = api.post("/tools/task.show", &json!({"task": task})).await?;
    let comments = shown["result"]["task"]["comments"].as_array().context("a task's comments")?;
    Ok(comments.iter().map(|comment| text(&comment["text"])).collect())
}

/// A text of an answer, without quotes.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
