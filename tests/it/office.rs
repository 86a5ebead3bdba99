//! An office for one test: the real binary beside the stand-ins of GitHub and Slack, and a folder of workflows.
//!
//! It says nothing about what the bot should do. What must be true at the end of every test stands in [`Office::end`].

use std::path::Path;

use ai_crm::actors::clock;
use ai_crm::sim::github::issue::Comment;
use ai_crm::sim::github::{Act, App, GitHubSim, GitHubWorld, SharedWorld, seed};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{PATIENCE, Stage};
use crate::support::api::http_client;
use crate::support::until;

/// Tasks of one page, the most that there are.
const PAGE: usize = 100;
/// The repository in which most happens.
pub(crate) const SHOP: &str = "acme/shop";

/// A bot with Slack and GitHub on, and a folder of workflows.
pub(crate) struct Office {
    folder: TempDir,
    hub: GitHubSim,
    pub(crate) stage: Stage,
}

impl Office {
    /// A bot with one file of workflows.
    pub(crate) async fn with(workflows: &str) -> anyhow::Result<Self> {
        Self::set_up(workflows, &[]).await
    }

    /// The same, with some settings changed, given as environment.
    pub(crate) async fn set_up(workflows: &str, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("rules.yml"), workflows)?;
        // The stand-in's client needs a default TLS provider too.
        http_client()?;
        let hub = GitHubSim::start("127.0.0.1:0", GitHubWorld::new(App::default(), clock::system())).await?;
        let app_id = seed::APP_ID.to_string();
        let api_url = hub.api_url();
        let variables = [
            ("GITHUB_APP_ID", app_id.as_str()),
            ("GITHUB_PRIVATE_KEY", seed::PRIVATE_KEY),
            ("GITHUB_WEBHOOK_SECRET", seed::WEBHOOK_SECRET),
            ("GITHUB_API_URL", api_url.as_str()),
            ("AI_CRM__CHANNELS__GITHUB__MESSAGE_PACE_MS", "0"),
            ("AI_CRM__WORKFLOWS__FOLDER", folder.path().to_str().context("a folder with a name in UTF-8")?),
        ];
        let stage = Stage::set_with(&[&variables[..], settings].concat()).await?;
        let office = Self { folder, hub, stage };
        office.connect();
        Ok(office)
    }

    /// Tells GitHub where the bot listens.
    fn connect(&self) {
        let url = format!("{}/api/github/webhooks", self.stage.address());
        self.world().set_hook(|hook| hook.url = Some(url));
    }

    /// The process dies without a word and is started again.
    pub(crate) async fn killed(self) -> anyhow::Result<Self> {
        let office = Self { stage: self.stage.killed().await?, ..self };
        office.connect();
        Ok(office)
    }

    /// GitHub.
    pub(crate) fn world(&self) -> &SharedWorld {
        self.hub.world()
    }

    /// The folder of the workflows.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody does something in the shop; gives what was made.
    pub(crate) fn act(&self, who: &str, act: Value) -> anyhow::Result<Value> {
        let act: Act = serde_json::from_value(act)?;
        Ok(self.world().act(who, SHOP, act)?.made)
    }

    /// Opens an issue with labels; gives its number.
    pub(crate) fn opened(&self, title: &str, labels: &[&str]) -> anyhow::Result<u64> {
        let made =
            self.act("ann", json!({"do": "open_issue", "title": title, "body": "it broke", "labels": labels}))?;
        made["number"].as_u64().with_context(|| format!("{made}"))
    }

    /// The comments of the bot.
    pub(crate) fn of_bot(&self, number: u64) -> Vec<Comment> {
        let comments = self.world().comments(SHOP, number).into_iter();
        comments.filter(|comment| comment.user == seed::BOT).collect()
    }

    /// Waits for so many comments of the bot.
    pub(crate) async fn answered(&self, number: u64, count: usize) -> anyhow::Result<Vec<Comment>> {
        let what = format!("{count} comments of the bot on #{number}");
        let found = until(PATIENCE, &what, || async { Ok(Some(self.of_bot(number)).filter(|all| all.len() >= count)) });
        let found = found.await;
        found.with_context(|| format!("{:?}\n{:?}", self.world().comments(SHOP, number), self.world().violations()))
    }

    /// All tasks that are open, the newest first, page by page.
    pub(crate) async fn tasks(&self) -> anyhow::Result<Vec<Value>> {
        let (mut all, mut asked) = (Vec::new(), json!({"limit": PAGE}));
        loop {
            let page = self.stage.api().send(Method::POST, "/api/v1/tools/task.list", Some(&asked)).await?.body;
            let tasks = page["result"]["tasks"].as_array().cloned().with_context(|| format!("{page}"))?;
            let last = tasks.last().map(|task| task["id"].clone());
            let is_full = tasks.len() == PAGE;
            all.extend(tasks);
            match last.filter(|_| is_full) {
                Some(last) => asked["before"] = last,
                None => return Ok(all),
            }
        }
    }

    /// Waits until so many runs are there and over; gives how each ended, the newest first.
    pub(crate) async fn ended(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let is_over = |run: &Value| !run["ended"].is_null();
        let look =
            || async { Ok(Some(self.runs().await?).filter(|all| all.len() >= count && all.iter().all(is_over))) };
        let all = until(PATIENCE, "the runs are over", look).await?;
        self.stage.rest().await?;
        Ok(all.iter().map(|run| run["status"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// The newest runs.
    pub(crate) async fn runs(&self) -> anyhow::Result<Vec<Value>> {
        let page = self.stage.api().get("/runs?limit=1000").await?;
        Ok(page["runs"].as_array().cloned().unwrap_or_default())
    }

    /// How often GitHub has told of an issue to which that was done.
    pub(crate) fn told_of_issues(&self, action: &str) -> usize {
        let all = self.world().deliveries().into_iter();
        all.filter(|it| it.event == "issues" && it.action.as_deref() == Some(action)).count()
    }

    /// The end of every test: GitHub has refused nothing, and so has Slack.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let broken = self.world().violations();
        ensure!(broken.is_empty(), "{broken:?}");
        self.stage.end().await
    }
}
