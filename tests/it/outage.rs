//! A long outage of the platform, in little: what is asked meanwhile is done, and told afterwards in one digest per
//! thread instead of a flood.
//!
//! The shelf life of answers is one second here instead of half an hour, so an hour takes moments.

use std::collections::BTreeMap;
use std::time::Duration;

use ai_crm::sim::slack::fault::Faults;
use ai_crm::sim::slack::message::Message;
use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::stage::{ADA, DEV, GENERAL, GRACE, LINUS, PATIENCE, Stage, controls, words};
use crate::support::done::titles;
use crate::support::until;

const THREADS: usize = 20;
const EACH: usize = 10;

/// Short pauses, so that nothing but the outage takes time.
const SETTINGS: [(&str, &str); 4] = [
    ("AI_CRM__LEDGER__REPLY_SHELF_LIFE_S", "1"),
    ("AI_CRM__LEDGER__BACKOFF_FIRST_MS", "50"),
    ("AI_CRM__LEDGER__BACKOFF_MOST_S", "1"),
    ("AI_CRM__LEDGER__LOOKUP_TIMEOUT_S", "1"),
];

/// The threads in which people will talk.
async fn threads(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let begin = |number| stage.sender.say(ADA, GENERAL, &format!("about subject {number}"), None);
    (0..THREADS).map(|number| Ok(begin(number)?.message.ts)).collect()
}

/// Ten mentions in every thread; all are acknowledged.
async fn talk(stage: &Stage, threads: &[String], people: &[&str]) -> anyhow::Result<()> {
    for round in 0..EACH {
        let said = threads.iter().enumerate().map(|(number, thread)| async move {
            let user = people[(number + round) % people.len()];
            let line = match round % 3 {
                0 => format!("<@U0BOT0001> task create Subject {number} part {round}"),
                1 => "<@U0BOT0001> task list".to_owned(),
                _ => "<@U0BOT0001> team status".to_owned(),
            };
            let (_, answers) = stage.sender.say_and_deliver(user, GENERAL, &line, Some(thread)).await?;
            ensure!(answers.iter().all(|answer| answer.status == Some(200)), "{answers:?}");
            Ok(())
        });
        try_join_all(said).await?;
    }
    Ok(())
}

/// The answers in each thread.
fn answers(stage: &Stage) -> BTreeMap<String, Vec<Message>> {
    let mut threads: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for message in stage.said(GENERAL) {
        threads.entry(message.thread_root().to_owned()).or_default().push(message);
    }
    threads
}

/// Every one of the commands has ended well, and each of their effects has its receipt.
async fn nothing_is_lost(stage: &Stage) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    let commands = stage.api().events(Some("done")).await?;
    let commands: Vec<Value> = commands.into_iter().filter(|event| event["kind"] == "command").collect();
    for event in &commands {
        let id = event["id"].as_str().context("an id")?;
        let story = stage.api().get(&format!("/why/{id}")).await?["story"].clone();
        ensure!(story["effects"].as_array().map_or(0, Vec::len) == 1, "{story}");
        let state = story["effects"][0]["state"].as_str().unwrap_or_default().to_owned();
        *ends.entry(state).or_default() += 1;
    }
    Ok(ends)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_each_thread_gets_one_digest() -> anyhow::Result<()> {
    let stage = Stage::set_with(&SETTINGS).await?;
    let people = [ADA, GRACE, LINUS];
    for user in people {
        // Whoever is known needs no look-up while Slack is away.
        stage.slash(user, "help").await?;
    }
    stage.rest().await?;
    let known = people.len();
    let threads = threads(&stage).await?;
    stage.world().set_faults(Faults { outage: true, ..Faults::default() });
    talk(&stage, &threads, &people).await?;
    until(PATIENCE, "all is done while Slack is away", || async {
        let done = stage.api().events(Some("done")).await?.len();
        Ok((done == known + THREADS * EACH).then_some(()))
    })
    .await?;
    assert_eq!(stage.said(GENERAL).len(), 0, "nothing arrives in an outage");
    let newest = stage.world().now();
    until(PATIENCE, "the answers are past their shelf life", || async {
        Ok((stage.world().now().since(newest) > Duration::from_millis(1100)).then_some(()))
    })
    .await?;
    stage.world().set_faults(Faults::default());
    stage.rest().await?;

    let answers = answers(&stage);
    assert_eq!(answers.len(), THREADS, "every thread is told");
    for (thread, told) in &answers {
        assert_eq!(told.len(), 1, "{thread}: {told:#?}");
        assert!(words(&told[0]).contains("10 answers that could not be delivered in time"), "{}", words(&told[0]));
    }
    let ends = nothing_is_lost(&stage).await?;
    assert_eq!(ends, BTreeMap::from([("done".to_owned(), known), ("merged".to_owned(), THREADS * EACH)]));
    assert!(stage.world().duplicates().is_empty());
    let board = stage.slash(ADA, "status dashboard").await?.message.context("the dashboard")?;
    assert!(words(&board).contains("80 tasks"), "all of it was done: {}", words(&board));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_whom_nobody_knows_are_not_flooded_either() -> anyhow::Result<()> {
    let stage = Stage::set_with(&SETTINGS).await?;
    let threads = threads(&stage).await?;
    stage.world().set_faults(Faults { outage: true, ..Faults::default() });
    // Until Slack says who they are, what they ask cannot be decided: it waits, and is late when it is.
    talk(&stage, &threads, &[ADA, GRACE, LINUS]).await?;
    let waiting = stage.api().events(Some("waiting")).await?.len();
    assert_eq!(waiting, THREADS * EACH);
    let newest = stage.world().now();
    until(PATIENCE, "the answers are past their shelf life", || async {
        Ok((stage.world().now().since(newest) > Duration::from_millis(1100)).then_some(()))
    })
    .await?;
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    let answers = answers(&stage);
    assert_eq!(answers.len(), THREADS, "every thread is told");
    // Each thread waits a little for company; on a busy machine some of it comes after that.
    let total: usize = answers.values().map(Vec::len).sum();
    assert!(total <= 3 * THREADS, "{total} answers came on their own");
    let ends = nothing_is_lost(&stage).await?;
    assert_eq!(ends.values().sum::<usize>(), THREADS * EACH);
    assert!(ends.keys().all(|end| ["merged", "done"].contains(&end.as_str())), "{ends:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_late_joins_the_digest_that_could_not_go() -> anyhow::Result<()> {
    let stage = Stage::set_with(&SETTINGS).await?;
    stage.slash(ADA, "help").await?;
    let thread = stage.sender.say(ADA, GENERAL, "a long evening", None)?.message.ts;
    // 429 says that nothing was done, so late answers are joined while it lasts.
    stage.world().set_faults(Faults { rate_limited: 1.0, ..Faults::default() });
    for wave in 0..2 {
        for number in 0..3 {
            let line = format!("<@U0BOT0001> task create Wave {wave} part {number}");
            stage.sender.say_and_deliver(ADA, GENERAL, &line, Some(&thread)).await?;
        }
        // Before they are handled nothing more is owed than the digest of the wave before.
        until(PATIENCE, "the wave is handled, and one digest", || async {
            let made = titles(stage.api()).await?.len();
            let owed = stage.api().get("/effects?state=owed").await?;
            Ok((made == 3 * (wave + 1) && owed["effects"].as_array().map_or(0, Vec::len) == 1).then_some(()))
        })
        .await?;
    }
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    let said = stage.said(GENERAL);
    assert_eq!(said.len(), 1, "{said:#?}");
    let told = words(&said[0]);
    assert!(told.contains("6 answers"), "{told}");
    assert!(["Wave 0 part 0", "Wave 1 part 2"].iter().all(|part| told.contains(part)), "{told}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_that_were_pressed_in_an_outage_are_true_after_it() -> anyhow::Result<()> {
    let stage = Stage::set_with(&SETTINGS).await?;
    let cards = [stage.answer(ADA, "task create In the dark").await?, stage.answer(ADA, "task create Too").await?];
    stage.world().set_faults(Faults { outage: true, ..Faults::default() });
    for card in &cards {
        let press = stage.sender.prepare_click(ADA, DEV, &card.ts, &controls(card)["Start"], None)?;
        assert_eq!(stage.sender.deliver(&press.request).await.status, Some(200));
    }
    let pressed = stage.world().now();
    until(PATIENCE, "the answers are past their shelf life", || async {
        Ok((stage.world().now().since(pressed) > Duration::from_millis(1100)).then_some(()))
    })
    .await?;
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    for card in &cards {
        let after = stage.world().message(DEV, &card.ts).context("the card")?;
        assert!(words(&after).contains("in-progress"), "{}", words(&after));
        assert!(!controls(&after).contains_key("Start"), "{:?}", controls(&after));
    }
    assert_eq!(stage.said(DEV).len(), 2, "no digest says what the cards say");
    stage.end().await
}
