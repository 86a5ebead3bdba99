//! Workflows that run in the real binary: begun by deliveries of GitHub, they make tasks and tell channels of Slack, each
//! once, whatever ends the process in between.

use anyhow::{Context, ensure};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::stage::{DEV, PATIENCE, Stage, words};
use crate::support::api::http_client;
use crate::support::judge::root;
use crate::support::until;

const SECRET: &str = "the webhook secret";

/// A bot with Slack and GitHub on, and a folder of workflows.
struct Office {
    folder: TempDir,
    stage: Stage,
}

impl Office {
    async fn with(workflows: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("rules.yml"), workflows)?;
        let key = std::fs::read_to_string(root().join("tests/data/github-app-key.pem"))?;
        let variables = [
            ("GITHUB_APP_ID", "123456"),
            ("GITHUB_PRIVATE_KEY", &key),
            ("GITHUB_WEBHOOK_SECRET", SECRET),
            ("AI_CRM__CHANNELS__GITHUB__ACCOUNTS", "acme"),
            ("AI_CRM__WORKFLOWS__FOLDER", folder.path().to_str().context("a folder with a name in UTF-8")?),
            // Nothing of GitHub is there to be called.
            ("GITHUB_API_URL", "http://127.0.0.1:9/"),
        ];
        let stage = Stage::set_with(&variables).await?;
        Ok(Self { folder, stage })
    }

    async fn killed(self) -> anyhow::Result<Self> {
        Ok(Self { stage: self.stage.killed().await?, ..self })
    }

    async fn send(&self, event: &str, delivery: &str, payload: &Value) -> anyhow::Result<()> {
        let body = payload.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("invariant: any length is taken");
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()));
        let address = format!("{}/api/github/webhooks", self.stage.address());
        let request = http_client()?.post(address).header("content-type", "application/json");
        let request = request.header("x-github-event", event).header("x-github-delivery", delivery);
        let response = request.header("x-hub-signature-256", signature).body(body).send().await?;
        ensure!(response.status().is_success(), "{event} {delivery}: {}", response.status());
        Ok(())
    }

    async fn opened(&self, number: u64, title: &str, labels: &[&str]) -> anyhow::Result<()> {
        let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
        let payload = json!({
            "action": "opened",
            "issue": {"number": number, "title": title, "body": "it broke", "labels": labels, "assignee": null,
                "html_url": format!("https://github.com/acme/shop/issues/{number}"), "user": {"id": 7, "login": "ann"}},
            "repository": {"id": 5, "full_name": "acme/shop", "private": true, "owner": {"id": 1, "login": "acme"}},
            "installation": {"id": 9},
            "sender": {"id": 7, "login": "ann", "type": "User"},
        });
        self.send("issues", &format!("delivery-{number}"), &payload).await
    }

    async fn tasks(&self) -> anyhow::Result<Vec<Value>> {
        let page = self.stage.api().send(reqwest::Method::POST, "/api/v1/tools/task.list", Some(&json!({}))).await?.body;
        page["result"]["tasks"].as_array().cloned().with_context(|| format!("{page}"))
    }
}

const RULES: &str = r##"
workflows:
  github_issue_to_task:
    trigger:
      platform: github
      event: issues.opened
      conditions:
        - labels.contains: ["bug", "feature"]
        - assignee: null
    actions:
      - action: create_ai_crm_task
        params: { title: "GitHub: {issue.title}", description: "{issue.body}", pm_analysis: true, auto_assign: true }
      - action: slack_notification
        params: { channel: "#dev-team", message: "*New task* from GitHub: {task.title} ({task.key})" }
"##;

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_becomes_a_task_and_the_teams_channel_hears_of_it_once() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    office.opened(1, "Login <!channel> *breaks*", &["bug"]).await?;
    office.opened(2, "A question", &["question"]).await?;
    office.opened(1, "Login <!channel> *breaks*", &["bug"]).await?;
    let message = office.stage.sees("the channel hears of it", |slack| slack.messages(DEV).pop()).await?;
    let said = words(&message);
    ensure!(said.contains("*New task* from GitHub: GitHub: Login") && said.contains("(T-1)"), "{said}");
    let raw = serde_json::to_string(&message.blocks)?;
    ensure!(!raw.contains("<!channel>"), "{raw}");
    office.stage.rest().await?;
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"] == "GitHub: Login <!channel> *breaks*", "{tasks:?}");
    ensure!(office.stage.said(DEV).len() == 1);
    drop(office.folder);
    office.stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_the_process_dies_under_goes_on_where_it_was() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    office.opened(1, "one", &["bug"]).await?;
    let office = office.killed().await?;
    office.opened(2, "two", &["feature"]).await?;
    let office = office.killed().await?;
    until(PATIENCE, "both are told of", || async { Ok((office.stage.said(DEV).len() >= 2).then_some(())) }).await?;
    office.stage.rest().await?;
    ensure!(office.tasks().await?.len() == 2);
    ensure!(office.stage.said(DEV).len() == 2, "each once");
    office.stage.end().await
}
