//! GitHub's stand-in and the real binary: what people do there is in the ledger once, also what happened while the bot was
//! down and was asked for again; and `sim github` does and shows it from the command line.

use std::sync::Arc;
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::domain::time::Clock;
use ai_crm::sim::github::hook::Way;
use ai_crm::sim::github::{Act, App, GitHubSim, GitHubWorld, SharedWorld, seed};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{PATIENCE, run};
use crate::support::api::http_client;
use crate::support::done::all_is_handled;
use crate::support::server::{Server, ServerPlan};

pub(crate) const SHOP: &str = "acme/shop";
/// Nothing is asked for but by the test itself.
const ASKS_FOR_NOTHING: (&str, &str) = ("AI_CRM__CHANNELS__GITHUB__LOOK_BACK_HOURS", "0");

/// GitHub, and how a bot is started beside it.
pub(crate) struct Hub {
    folder: TempDir,
    sim: GitHubSim,
    pub(crate) plan: ServerPlan,
}

impl Hub {
    async fn set() -> anyhow::Result<Self> {
        Self::set_with(ASKS_FOR_NOTHING).await
    }

    /// With a variable of the environment.
    pub(crate) async fn set_with(variable: (&str, &str)) -> anyhow::Result<Self> {
        Self::set_at(clock::system(), variable).await
    }

    /// With GitHub's own clock.
    pub(crate) async fn set_at(clock: Arc<dyn Clock>, (name, value): (&str, &str)) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The stand-in's client needs a default TLS provider too.
        http_client()?;
        let sim = GitHubSim::start("127.0.0.1:0", GitHubWorld::new(App::default(), clock)).await?;
        let plan = ServerPlan::new(&folder.path().join("data"))
            .with("GITHUB_APP_ID", &seed::APP_ID.to_string())
            .with("GITHUB_PRIVATE_KEY", seed::PRIVATE_KEY)
            .with("GITHUB_WEBHOOK_SECRET", seed::WEBHOOK_SECRET)
            .with("GITHUB_API_URL", &sim.api_url())
            .with(name, value);
        Ok(Self { folder, sim, plan })
    }

    /// A bot to which webhooks go.
    pub(crate) async fn bot(&self) -> anyhow::Result<Server> {
        let server = self.plan.start().await?;
        let url = format!("{}/api/github/webhooks", server.base_url());
        self.world().set_hook(|hook| hook.url = Some(url));
        Ok(server)
    }

    pub(crate) fn world(&self) -> &SharedWorld {
        self.sim.world()
    }

    pub(crate) fn act(&self, who: &str, act: Value) -> anyhow::Result<Value> {
        let act: Act = serde_json::from_value(act)?;
        Ok(self.world().act(who, SHOP, act)?.made)
    }

    /// Waits until so many deliveries were tried; gives how each ended.
    pub(crate) async fn tried(&self, count: usize) -> anyhow::Result<Vec<u16>> {
        let all = |world: &GitHubWorld| Some(world.deliveries()).filter(|all| all.len() >= count);
        let all = self.world().wait_for(PATIENCE, all).await.context("deliveries")?;
        Ok(all.iter().map(|one| one.status_code).collect())
    }
}

/// The events of which GitHub has told, the newest first; beside them are the bot's own rings.
pub(crate) async fn told(server: &Server) -> anyhow::Result<Vec<Value>> {
    let mut events = server.api().events(None).await?;
    events.retain(|event| event["channel"] == "github");
    Ok(events)
}

/// What the events of GitHub are of, oldest first, once they have ended.
async fn kinds(server: &Server) -> anyhow::Result<Vec<String>> {
    all_is_handled(server.api(), PATIENCE).await?;
    let events = told(server).await?;
    let of = |event: &Value| {
        let summary = event["summary"].as_str().unwrap_or_default();
        summary.split('`').nth(1).unwrap_or_default().to_owned()
    };
    Ok(events.iter().rev().map(of).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_is_in_the_ledger_once_and_what_nobody_signed_is_not() -> anyhow::Result<()> {
    let hub = Hub::set().await?;
    let server = hub.bot().await?;
    let long = "\u{1f41b}\u{202e}".repeat(32_768);
    for (title, body) in [
        ("It does not start", "why?"),
        ("{issue.title} ${{ secrets.X }} @channel <!here>", "```\n/ai-crm task delete T-1\n```"),
        ("\u{0}\u{1b}[31m\"\\u0000", long.as_str()),
    ] {
        hub.act("eve", json!({ "do": "open_issue", "title": title, "body": body }))?;
    }
    ensure!(hub.tried(3).await? == [200, 200, 200]);
    let twice = serde_json::from_value(json!({ "do": "comment", "number": 1, "text": "once" }))?;
    hub.world().act_as("bob", SHOP, twice, ai_crm::sim::delivery::Manner::Twice)?;
    let forged = serde_json::from_value(json!({ "do": "comment", "number": 1, "text": "forged" }))?;
    hub.world().act_as("bob", SHOP, forged, ai_crm::sim::delivery::Manner::WrongSignature)?;
    ensure!(hub.tried(6).await?[3..] == [200, 200, 401]);
    ensure!(kinds(&server).await? == ["issues.opened", "issues.opened", "issues.opened", "issue_comment.created"]);
    let listed = run(&hub.plan, &["events", "list"], "").await?;
    ensure!(listed.code() == Some(0) && listed.out.contains("issues.opened"), "{listed:?}");
    ensure!(!hub.plan.log().contains("does not start"), "{}", hub.plan.log());
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_the_bot_was_down_arrives_once_it_is_asked_for() -> anyhow::Result<()> {
    let hub = Hub::set().await?;
    let server = hub.bot().await?;
    server.kill();
    hub.act("ann", json!({ "do": "open_issue", "title": "while down" }))?;
    hub.world().set_hook(|hook| hook.way = Way::Dropped);
    hub.act("ann", json!({ "do": "comment", "number": 1, "text": "dropped" }))?;
    ensure!(hub.tried(2).await? == [502, 502]);
    hub.world().set_hook(|hook| hook.way = Way::Open);
    let server = hub.bot().await?;
    ensure!(kinds(&server).await?.is_empty(), "GitHub sends nothing again by itself");
    let failed: Vec<u64> = hub.world().deliveries().iter().map(|one| one.id).collect();
    for time in 1..=2 {
        // One after the other: two that are sent at one time arrive in either order.
        for (id, nth) in failed.iter().zip(1..) {
            ensure!(hub.world().redeliver(*id), "delivery {id}, time {time}");
            ensure!(hub.tried(2 * time + nth).await?[2..].iter().all(|status| *status == 200));
        }
        ensure!(kinds(&server).await? == ["issues.opened", "issue_comment.created"], "time {time}");
    }
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_does_and_shows_what_a_person_does_and_sees() -> anyhow::Result<()> {
    let hub = Hub::set().await?;
    let server = hub.bot().await?;
    let file = hub.folder.path().join("rules.yml");
    std::fs::write(&file, "auto_task_creation:\n  enabled: true\n")?;
    let content = format!("@{}", file.display());
    let table: &[(&[&str], &str)] = &[
        (&["issue", "open", "It does not start", "--label", "bug", "--body", "<!-- hidden -->\nwhy?"], "number 1"),
        (&["issue", "label", "1", "enhancement", "--as", "cleo"], "issues.labeled: OK (200)"),
        (&["comment", "1", "a comment", "--as", "eve"], "issue_comment.created: OK (200)"),
        (&["issue", "close", "1", "--reason", "not_planned"], "issues.closed: OK (200)"),
        (&["pr", "open", "Add", "--file", "a.py", "--file", "b.js=x", "--as", "bob"], "number 2"),
        (&["review", "2", "fine", "--verdict", "approved"], "pull_request_review.submitted: OK"),
        (&["file", ".github/ai-crm.yml", "--content", &content], "push: OK (200)"),
        (&["permission", "eve", "triage"], ""),
        (&["ping"], "ping: OK (200)"),
        (&["comment", "1", "forged", "--manner", "wrong-signature"], "it was refused, as it must be"),
        (&["show", "1"], "closed as not planned, issue of ann\nlabels: bug, enhancement\n  why?\n"),
        (&["show", "2"], "  added a.py\n  added b.js\n"),
        (&["deliveries"], "Invalid HTTP Response: 401 (401)"),
    ];
    for (words, part) in table {
        let words = [&["sim", "github"], *words, &["--wait", "0"]].concat();
        let printed = run(&hub.plan, &words, "").await?;
        ensure!(printed.code() == Some(0) && printed.out.contains(part), "{words:?}: `{part}` is not in {printed:?}");
        ensure!(!printed.out.contains("hidden"), "{words:?}: {printed:?}");
    }
    let failed = hub.world().deliveries().iter().find(|one| !one.is_taken()).map(|one| one.id.to_string());
    let again = run(&hub.plan, &["sim", "github", "redeliver", &failed.context("a failed one")?], "").await?;
    ensure!(again.code() == Some(0) && again.out.contains("OK (200)"), "{again:?}");
    for (words, part) in [
        (&["sim", "github", "comment", "7", "x"][..], "there is no issue or pull request 7"),
        (&["sim", "github", "show", "7"], "there is no issue or pull request 7"),
        (&["sim", "github", "issue", "label", "1", "bug", "--as", "dan"], "it takes the role triage"),
    ] {
        let refused = run(&hub.plan, words, "").await?;
        ensure!(refused.code() == Some(1) && refused.err.contains(part), "{words:?}: {refused:?}");
    }
    ensure!(kinds(&server).await?.len() > 8);
    ensure!(server.stop().await?.success());

    // Nothing answers at this address: bot and stand-in run in the process of the command.
    let alone = hub.plan.clone().with("GITHUB_API_URL", "http://127.0.0.1:9/");
    let opened = run(&alone, &["sim", "github", "issue", "open", "alone", "--wait", "0"], "").await?;
    ensure!(opened.code() == Some(0) && opened.out.contains("issues.opened: OK (200)"), "{opened:?}");
    let look = run(&alone, &["sim", "github", "deliveries"], "").await?;
    ensure!(look.code() == Some(1) && look.err.contains("ai-crm sim up"), "{look:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_taken_in_whole() -> anyhow::Result<()> {
    let hub = Hub::set().await?;
    let server = hub.bot().await?;
    hub.world().set_hook(|hook| hook.at_once = 8);
    for number in 0..200 {
        hub.act("bob", json!({ "do": "open_issue", "title": format!("issue {number}") }))?;
    }
    ensure!(hub.tried(200).await?.iter().all(|status| *status == 200));
    let slowest = hub.world().deliveries().iter().map(|one| one.duration).fold(0.0, f64::max);
    ensure!(slowest < Duration::from_secs(10).as_secs_f64(), "GitHub waits ten seconds, and one took {slowest} s");
    ensure!(told(&server).await?.len() == 200);
    ensure!(server.stop().await?.success());
    Ok(())
}
