//! Ten issues and their tasks, edited at random on both sides at one time while the process is killed again and again: at the
//! end each pair is equal and it is quiet.
//!
//! `AI_CRM_SYNC_EDITS` sets how many edits there are; `AI_CRM_SYNC_SEED` repeats them, but not what they meet.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ai_crm::sim::github::issue::Issue;
use ai_crm::sim::github::seed::BOT;
use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::office::{Office, SHOP};
use crate::support::{number_from_environment, until};

const RULES: &str = r#"
workflows:
  issue_to_task:
    concurrency: { key: "{issue.number}" }
    trigger: { platform: github, event: issues.opened }
    actions:
      - { action: create_ai_crm_task, params: { title: "GitHub: {issue.title}" } }
"#;
/// Edits of a usual test run.
const EDITS: u32 = 300;
const ISSUES: u64 = 10;
const LABELS: u32 = 12;
/// One edit in so many is followed by a kill.
const KILL_EVERY: u32 = 60;
/// What GitHub could not deliver is asked for again after some seconds.
const PATIENCE: Duration = Duration::from_secs(180);
/// People who change their minds by chance are no circle, however often that happens here.
const SETTINGS: [(&str, &str); 2] = [("AI_CRM__SYNC__BOUNCES", "20"), ("AI_CRM__CHANNELS__GITHUB__LOOK_EVERY_S", "5")];

/// Does something to an issue, or to its task.
async fn edit(office: &Office, count: u32, random: &mut StdRng) -> anyhow::Result<()> {
    let (number, at_github) = (random.random_range(1..=ISSUES), random.random_bool(0.5));
    let issue = office.world().issue(SHOP, number).context("it is there")?;
    let label = format!("label-{}", random.random_range(0..LABELS));
    let field = random.random_range(0..12);
    if field >= 10 {
        // A comment, in which somebody else may say more.
        let all = said(office, number);
        let one = (!all.is_empty() && at_github).then(|| &all[random.random_range(0..all.len())]);
        office.act(
            "bob",
            match one {
                Some((id, _)) if field == 10 => json!({"do": "delete_comment", "id": id}),
                Some((id, _)) => json!({"do": "edit_comment", "id": id, "text": format!("words {count}")}),
                None => json!({"do": "comment", "number": number, "text": format!("words {count}")}),
            },
        )?;
        return Ok(());
    }
    if at_github {
        let has = issue.labels.contains(&label);
        office.act(
            "ann",
            match field {
                0..4 => json!({"do": "edit", "number": number, "title": format!("title {count}")}),
                4..8 if has => json!({"do": "unlabel", "number": number, "labels": [label]}),
                4..8 => json!({"do": "label", "number": number, "labels": [label]}),
                _ if issue.open && field == 8 => json!({"do": "close", "number": number, "reason": "not_planned"}),
                _ if issue.open => json!({"do": "close", "number": number, "reason": "completed"}),
                _ => json!({"do": "reopen", "number": number}),
            },
        )?;
        return Ok(());
    }
    let key = format!("T-{number}");
    let statuses = ["todo", "in_progress", "done", "cancelled"];
    let change = match field {
        0..4 => json!({"task": key, "title": format!("GitHub: title {count}")}),
        4..6 => json!({"task": key, "add_labels": [label]}),
        6..8 => json!({"task": key, "remove_labels": [label]}),
        _ => json!({"task": key, "status": statuses[random.random_range(0..statuses.len())]}),
    };
    let answer = office.stage.api().send(Method::POST, "/api/v1/tools/task.update", Some(&change)).await?;
    // A task without the label, or with that status already, says so.
    ensure!(answer.status.as_u16() < 500, "{change}: {}", answer.body);
    Ok(())
}

/// What people have said below an issue.
fn said(office: &Office, number: u64) -> Vec<(u64, String)> {
    let all = office.world().comments(SHOP, number).into_iter().filter(|comment| comment.user != BOT);
    all.map(|comment| (comment.id, comment.body)).collect()
}

/// In what a task and its issue differ; nothing where they are the same.
fn difference(task: &Value, issue: &Issue, said: &[(u64, String)]) -> Option<String> {
    let state = match task["status"].as_str() {
        Some("done") => (false, Some("completed")),
        Some("cancelled") => (false, Some("not_planned")),
        _ => (true, None),
    };
    let reason = issue.state_reason.as_deref().filter(|_| !issue.open);
    let labels = task["labels"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let remarks = task["comments"].as_array().into_iter().flatten();
    let remarks =
        remarks.filter_map(|it| it["text"].as_str()?.lines().next()).filter(|it| *it != "(deleted at GitHub)");
    let is_same = task["title"] == format!("GitHub: {}", issue.title)
        && (issue.open, reason) == state
        && labels.collect::<BTreeSet<_>>() == issue.labels.iter().map(String::as_str).collect()
        && remarks.collect::<BTreeSet<_>>() == said.iter().map(|(_, words)| words.as_str()).collect();
    (!is_same).then(|| format!("{task}\n{issue:?}\n{said:?}"))
}

/// In what the pairs differ.
async fn differences(office: &Office) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for number in 1..=ISSUES {
        let task = office.task(&format!("T-{number}")).await?;
        let issue = office.world().issue(SHOP, number).context("it is there")?;
        all.extend(difference(&task, &issue, &said(office, number)));
    }
    Ok(all)
}

/// Waits until all pairs are equal.
async fn are_equal(office: &Office) -> anyhow::Result<()> {
    let look = || async { Ok(differences(office).await?.is_empty().then_some(())) };
    match until(PATIENCE, "all pairs are equal", look).await {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(format!("{:#?}\n{}", differences(office).await?, office.stage.plan.log()))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_edited_where_and_killed_when_both_sides_are_equal_and_quiet_at_the_end() -> anyhow::Result<()> {
    let edits = number_from_environment("AI_CRM_SYNC_EDITS")?.unwrap_or(EDITS);
    let seed = number_from_environment("AI_CRM_SYNC_SEED")?.unwrap_or(1);
    let (mut random, began) = (StdRng::seed_from_u64(seed), Instant::now());
    let mut office = Office::set_up(RULES, &SETTINGS).await?;
    for number in 1..=ISSUES {
        office.opened(&format!("issue {number}"), &[])?;
        // So that the task of the first is T-1.
        office.ended(usize::try_from(number)?).await?;
    }
    for count in 1..=edits {
        edit(&office, count, &mut random).await.with_context(|| format!("edit {count} of seed {seed}"))?;
        // When the next comes is drawn at random; there is no condition to wait for.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
        if count.is_multiple_of(KILL_EVERY) {
            office = office.killed().await?;
        }
    }
    are_equal(&office).await.with_context(|| format!("seed {seed}"))?;
    office.stage.rest().await?;
    let told = office.world().deliveries().len();
    // What is quiet is quiet for a while.
    tokio::time::sleep(Duration::from_secs(5)).await;
    office.stage.rest().await?;
    are_equal(&office).await?;
    ensure!(office.world().deliveries().len() == told, "it is not quiet");
    for number in 1..=ISSUES {
        let task = office.task(&format!("T-{number}")).await?;
        ensure!(task["issue"] == format!("acme/shop#{number} (kept the same)"), "{task}");
    }
    // Written past the test runner's capture: the figures belong into every log.
    writeln!(
        std::io::stderr(),
        "sync, seed {seed}: {edits} edits, {} kills, {told} deliveries, {:.1?}",
        edits / KILL_EVERY,
        began.elapsed()
    )?;
    office.end().await
}
