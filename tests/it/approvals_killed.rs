//! Approvals when the server is killed between any two steps from the question to its run: the end is the same.

use std::time::Duration;

use ai_crm::sim::fault::Faults;
use ai_crm::sim::slack::{Sender, SenderConfig};
use anyhow::{Context, ensure};
use serde_json::json;

use crate::approvals::{ASKS, WITH_GRACE, ask, asking, audited, becomes, card, click, policies, status, told};
use crate::stage::{ADA, DEV, GRACE, Stage, words};
use crate::support::server::SIGNING_SECRET;
use crate::support::until;

/// After which step the server dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// It is asked for, and nobody could be told.
    Asked,
    /// Who decides is told.
    Told,
    /// The click has its 2xx.
    Clicked,
    /// The decision has ended, and its run is to come.
    Decided,
    /// It has run, and nobody could be told.
    Ran,
}

async fn killed(stage: Stage) -> anyhow::Result<Stage> {
    let mut stage = stage.killed().await?;
    stage.world().set_faults(Faults::default());
    stage.sender = Sender::new(stage.world().clone(), SenderConfig::new(stage.server.base_url(), SIGNING_SECRET))?;
    Ok(stage)
}

fn no_posts() -> Faults {
    Faults { server_error: 1.0, methods: vec!["chat.postMessage".to_owned()], ..Faults::default() }
}

async fn with_a_kill_after(step: Option<Step>) -> anyhow::Result<Vec<String>> {
    let policies = policies(ASKS)?;
    let mut stage = asking(&policies, &[("AI_CRM__LEDGER__BACKOFF_FIRST_MS", "50")]).await?;
    stage.rest().await?;
    if step == Some(Step::Asked) {
        stage.world().set_faults(no_posts());
    }
    ask(&stage, ADA).await?;
    if step == Some(Step::Asked) {
        stage = killed(stage).await?;
    }
    let card = card(&stage).await?;
    if step == Some(Step::Told) {
        stage = killed(stage).await?;
    }
    if step == Some(Step::Ran) {
        stage.world().set_faults(no_posts());
    }
    click(&stage, GRACE, &card, "Approve").await?;
    let has_ended = async |wanted: &str| {
        until(Duration::from_secs(20), wanted, || async {
            let ended = stage.api().events(Some("done")).await?;
            Ok(ended.iter().any(|event| event["kind"] == wanted).then_some(()))
        })
        .await
    };
    match step {
        Some(Step::Decided) => has_ended("card_action").await?,
        Some(Step::Ran) => has_ended("timer_fired").await?,
        _ => {}
    }
    if matches!(step, Some(Step::Clicked | Step::Decided | Step::Ran)) {
        stage = killed(stage).await?;
    }
    told(&stage, DEV, "A-1, approved by grace").await?;
    becomes(&stage, &card, "A-1 was approved by grace").await?;
    stage.rest().await?;
    let mut end = audited(stage.api(), "task.update").await?;
    end.extend(audited(stage.api(), "approval.decide").await?);
    end.push(status(stage.api()).await?.to_string());
    let count = |chat: &str, part: &str| stage.said(chat).iter().filter(|it| words(it).contains(part)).count();
    end.push(format!("{} results, {} cards", count(DEV, "A-1, approved by grace"), count(WITH_GRACE, "A-1")));
    let doubled = stage.world().duplicates();
    ensure!(doubled.is_empty(), "posted more than once: {doubled:?}");
    let update = stage.api().post("/tools/task.show", &json!({"task": "T-1"})).await?.to_string();
    end.push(format!("{} changes", update.matches("status todo → done").count()));
    stage.end().await?;
    Ok(end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_kill_falls_between_the_question_and_its_run_the_end_is_the_same() -> anyhow::Result<()> {
    let whole = with_a_kill_after(None).await?;
    ensure!(whole[..3] == ["asked A-1", "done T-1", "done A-1"] && whole[3] == "\"done\"", "{whole:?}");
    ensure!(whole[4] == "1 results, 1 cards", "{whole:?}");
    for step in [Step::Asked, Step::Told, Step::Clicked, Step::Decided, Step::Ran] {
        let end = with_a_kill_after(Some(step)).await.with_context(|| format!("{step:?}"))?;
        ensure!(end == whole, "killed after {step:?}: {end:?}\nwithout a kill: {whole:?}");
    }
    Ok(())
}
