//! `kill -9` at random moments, under load, with duplicates and a platform that limits, fails and loses answers:
//! nothing that was accepted is lost, nothing is done twice, order holds, the audit chain is whole, and the next start
//! serves within a second.
//!
//! `AI_CRM_KILL_ROUNDS` sets how often; `AI_CRM_KILL_SEED` repeats the moments.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ai_crm::actors::clock;
use ai_crm::sim::slack::{Faults, SharedWorld, SlackSim, SlackWorld};
use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::done::{self, Acts, event_of, text};
use crate::support::load::{COMMENTS_PER_TASK, Habit, Happening, Lane, Load};
use crate::support::number_from_environment;
use crate::support::server::{BOT_TOKEN, ServerPlan};

/// Rounds of a usual test run.
const ROUNDS: u32 = 25;
/// The promise for a start after a kill is a second; a build that is not optimised has three.
const START: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
/// How long all that is owed may take once the platform works again.
const QUIET: Duration = Duration::from_secs(180);

/// The stand-in at its worst: slow, limiting, failing, and losing answers of calls that it performed.
fn hard_times(seed: u64) -> Faults {
    Faults {
        seed,
        latency_ms: 2,
        jitter_ms: 40,
        rate_limited: 0.08,
        server_error: 0.05,
        lost_answer: 0.05,
        refused: 0.02,
        ..Faults::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_when_nothing_is_lost_doubled_or_out_of_order() -> anyhow::Result<()> {
    let rounds = number_from_environment("AI_CRM_KILL_ROUNDS")?.unwrap_or(ROUNDS);
    let seed = number_from_environment("AI_CRM_KILL_SEED")?.unwrap_or(1);
    let mut random = StdRng::seed_from_u64(seed);
    let began = Instant::now();

    let world = SlackWorld::new(BOT_TOKEN, clock::system());
    let slack = SlackSim::start("127.0.0.1:0", world.clone()).await?;
    let folder = tempfile::tempdir()?;
    // The platform's pace is not what is tested; without it what is owed goes out in seconds.
    let plan = ServerPlan::new(&folder.path().join("data"))
        .with_slack(&slack)
        .with("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0")
        // So that a server is killed at any moment of what goes from the log into the database.
        .with("AI_CRM__STORE__SETTLE_MS", "100")
        .with("AI_CRM__LEDGER__BACKOFF_MOST_S", "1")
        // The stand-in lets go of a call within milliseconds; with the usual second no round would look for anything.
        .with("AI_CRM__LEDGER__UNDER_WAY_MS", "200");

    let server = plan.start().await?;
    let lanes = lanes(server.api(), rounds).await?;
    done::all_is_quiet(server.api(), QUIET).await?;
    server.kill();

    world.set_faults(hard_times(seed));
    let load = Load::start(&world, lanes.clone(), seed, &(Arc::new(|_: &Happening| true) as _))?;
    let (mut starts, mut kills) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let server = plan.start().await.with_context(|| format!("round {round} of seed {seed}"))?;
        starts.push(server.took());
        load.reach(server.base_url())?;
        // The moment of the kill is what is drawn at random; there is no condition to wait for.
        tokio::time::sleep(Duration::from_millis(random.random_range(20..=400))).await;
        server.kill();
        kills.push(world.now().0);
        load.lose();
    }

    let server = plan.start().await?;
    starts.push(server.took());
    load.reach(server.base_url())?;
    let figures = format!("{:?}", load.counts());
    let acknowledged = load.finish().await?;
    world.set_faults(Faults::default());
    done::all_is_quiet(server.api(), QUIET).await?;

    let checked =
        Checked { api: server.api(), world: &world, lanes: &lanes, acknowledged: &acknowledged, kills: &kills };
    checked.every_happening_is_one_event_that_ended().await?;
    checked.every_task_and_comment_is_there_once_and_in_order().await?;
    checked.nothing_was_posted_twice().await?;
    let rows = done::audit_chain(server.api()).await?;
    let status = server.stop().await?;
    ensure!(status.success(), "the server ends with {status}");

    starts.sort();
    let (middle, slowest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    // Written past the test runner's capture: the figures belong into every log.
    writeln!(
        std::io::stderr(),
        "kill -9, seed {seed}: {rounds} rounds, {} acknowledged, {rows} audit rows, start {middle:.1?} in the middle and \
         {slowest:.1?} at most, {figures}, {:.1?}",
        acknowledged.len(),
        began.elapsed()
    )?;
    ensure!(slowest < START, "a start took {slowest:?}");
    Ok(())
}

/// Everybody who writes, each in a place of their own; tasks to comment are made here.
async fn lanes(api: &Api, rounds: u32) -> anyhow::Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    for number in 0..10 {
        lanes.push(Lane::new(&format!("c{number}"), Habit::Creates));
    }
    for number in 0..6 {
        lanes.push(Lane::new(&format!("m{number}"), Habit::Mentions));
    }
    for number in 0..3 {
        lanes.push(Lane::new(&format!("p{number}"), Habit::Chats));
        let mut tasks = Vec::new();
        // No lane comes near a hundred comments a round.
        for index in 0..=rounds {
            let made =
                api.post("/tools/task.create", &json!({"title": format!("for comments {number} {index}")})).await?;
            tasks.push(made["result"]["task"]["id"].as_str().context("the new task has no id")?.to_owned());
        }
        lanes.push(Lane::new(&format!("k{number}"), Habit::Comments(tasks)));
    }
    Ok(lanes)
}

/// What is asked once all is quiet.
struct Checked<'a> {
    api: &'a Api,
    world: &'a SharedWorld,
    lanes: &'a [Lane],
    acknowledged: &'a [Happening],
    /// In milliseconds.
    kills: &'a [i64],
}

impl Checked<'_> {
    /// By the audit chain, which has one row for every act and the digest of what was asked; by the list of events; and,
    /// for words that were not for the bot, by the platform's ids.
    async fn every_happening_is_one_event_that_ended(&self) -> anyhow::Result<()> {
        let acts = Acts::read(self.api).await?;
        let events: BTreeMap<String, Value> =
            self.api.events(None).await?.into_iter().map(|row| (text(&row["id"]), row)).collect();
        let mut used = HashSet::new();
        for happening in self.acknowledged {
            let Some(command) = &happening.command else { continue };
            let found = acts.of_command(command);
            let [act] = found else {
                anyhow::bail!("{happening:?} was acknowledged and stands {} times in the audit chain", found.len());
            };
            ensure!(act["end"] == "done", "{happening:?} ended otherwise: {act}");
            let event = event_of(act);
            let listed = events.get(&event).with_context(|| format!("{event} of {happening:?} is not listed"))?;
            ensure!(listed["state"] == "done", "{happening:?} is not done in the list: {listed}");
            ensure!(used.insert(event), "two happenings are one event: {happening:?}");
        }
        let mut ignored = HashMap::new();
        for row in events.values().filter(|row| row["state"] == "ignored") {
            let event = self.api.get(&format!("/events/{}", text(&row["id"]))).await?;
            *ignored.entry(text(&event["event"]["dedupe"][0])).or_insert(0) += 1;
        }
        for happening in self.acknowledged.iter().filter(|happening| happening.command.is_none()) {
            let id = happening.event_ids.first().context("a message is told by an event")?;
            let count = ignored.get(&format!("slack:event|{id}")).copied().unwrap_or(0);
            ensure!(count == 1, "{happening:?} was acknowledged and is {count} events");
        }
        for row in events.values() {
            ensure!(row["state"] != "dead", "an event was given up: {row}");
        }
        Ok(())
    }

    async fn every_task_and_comment_is_there_once_and_in_order(&self) -> anyhow::Result<()> {
        let titles = done::titles(self.api).await?;
        for lane in self.lanes {
            let wanted: Vec<&str> =
                self.acknowledged.iter().filter(|it| it.lane == lane.name).map(|it| it.words.as_str()).collect();
            let found: Vec<String> = match &lane.habit {
                Habit::Creates | Habit::Mentions => {
                    let prefix = format!("{}-", lane.name);
                    titles.iter().filter(|title| title.starts_with(&prefix)).cloned().collect()
                }
                Habit::Comments(tasks) => self.comments(&tasks[..wanted.len().div_ceil(COMMENTS_PER_TASK)]).await?,
                Habit::Chats => continue,
            };
            ensure!(!wanted.is_empty(), "{} wrote nothing", lane.name);
            ensure!(
                found == wanted,
                "{}: written and done differ at {:?}",
                lane.name,
                first_difference(&wanted, &found)
            );
        }
        Ok(())
    }

    async fn comments(&self, tasks: &[String]) -> anyhow::Result<Vec<String>> {
        let mut all = Vec::new();
        for task in tasks {
            all.extend(done::comments(self.api, task).await?);
        }
        Ok(all)
    }

    /// What the platform knows by a key was posted at most once, and every answer to a mention is there.
    async fn nothing_was_posted_twice(&self) -> anyhow::Result<()> {
        let doubled = self.world.duplicates();
        let times = |key: &str| -> Vec<String> {
            let posts = self.world.posts().into_iter();
            let with_key = posts.filter(|post| {
                let payload = post.metadata.as_ref().map(|metadata| Value::Object(metadata.event_payload.clone()));
                payload.is_some_and(|payload| key.ends_with(&payload.to_string()))
            });
            with_key.map(|post| post.ts).collect()
        };
        let when: Vec<_> = doubled.keys().map(|key| times(key)).collect();
        ensure!(doubled.is_empty(), "posted more than once: {doubled:?}, at {when:?}; kills at {:?}", self.kills);
        let dead = self.api.get("/effects?state=dead").await?;
        ensure!(dead["effects"] == json!([]), "given up: {dead}");
        let keyed = self.world.posts().iter().filter(|post| post.metadata.is_some()).count();
        let mentions = self.lanes.iter().filter(|lane| matches!(lane.habit, Habit::Mentions));
        let names: HashSet<&str> = mentions.map(|lane| lane.name.as_str()).collect();
        let wanted = self.acknowledged.iter().filter(|it| names.contains(it.lane.as_str())).count();
        ensure!(keyed >= wanted, "{wanted} mentions, but only {keyed} answers");
        Ok(())
    }
}

fn first_difference(wanted: &[&str], found: &[String]) -> Option<(usize, Option<String>, Option<String>)> {
    let at =
        (0..wanted.len().max(found.len())).find(|at| wanted.get(*at).copied() != found.get(*at).map(String::as_str))?;
    Some((at, wanted.get(at).map(|it| (*it).to_owned()), found.get(at).cloned()))
}
