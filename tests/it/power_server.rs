//! Power cuts under the real binary: every 200 that Slack was given is an event after the next start, and no task is
//! there twice.
//!
//! The server runs on the mount whose power is cut; the members who write stand outside. The harness is `power`.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ChildStdout;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::sim::slack::{SharedWorld, SlackSim, SlackWorld};
use anyhow::Context;
use tokio::runtime::Runtime;

use crate::power::rounds::{Plan, Verdict, Witness, rounds};
use crate::support::done::{self, Acts};
use crate::support::load::{Habit, Happening, Lane, Load};
use crate::support::server::{BOT_TOKEN, ServerPlan, address_of};

/// How long the events that were accepted may take to be handled after a start.
const HANDLED: Duration = Duration::from_secs(60);

/// Members who write at the same time, by what they do.
const CREATORS: usize = 8;
const MENTIONERS: usize = 6;
const CHATTERS: usize = 6;

#[test]
fn every_acknowledged_event_survives_a_power_cut() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let world = SlackWorld::new(BOT_TOKEN, clock::system());
    let slack = runtime.block_on(SlackSim::start("127.0.0.1:0", world.clone()))?;
    let outside = tempfile::tempdir()?;
    let server = |folder: &Path| {
        ServerPlan::new(&folder.join("data"))
            .with_slack(&slack)
            .with_log(&outside.path().join("check.log"))
            // So that most rounds see what is committed go from the log into the database.
            .with("AI_CRM__STORE__SETTLE_MS", "100")
            // The disk of a machine is small.
            .with("AI_CRM__STORE__KEEP_FREE_MB", "8")
            .with("AI_CRM__STORE__RESERVE_MB", "4")
            .with("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0")
    };
    let lives = AtomicU32::new(0);
    let load = Duration::from_millis(20)..Duration::from_millis(900);
    let plan = Plan { name: "ai-crm serve", rounds: 5, seed: 1, load, rounds_per_disk: 4 };
    let tally = rounds(
        &plan,
        |folder| server(folder).command(&["serve"]),
        |stdout, witness| {
            let life = lives.fetch_add(1, Ordering::Relaxed);
            // What goes wrong here shows as a load without acknowledgements.
            let _ = write_to(&world, stdout, witness, life);
        },
        |folder, acknowledged| Ok(runtime.block_on(check(&server(folder), acknowledged))),
    )?;
    assert_eq!(tally.broken(), 0, "{tally}");
    assert!(tally.acknowledged > 50, "there was hardly any load: {tally}");
    Ok(())
}

/// Writes to the server until it is dead; whatever is acknowledged goes to the witness.
fn write_to(world: &SharedWorld, stdout: ChildStdout, witness: &Witness<Happening>, life: u32) -> anyhow::Result<()> {
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address = lines.find_map(|line| address_of(&line)).context("the server says where it listens")?;
    let lane = |name: &str, number: usize, habit: &Habit| Lane::new(&format!("{name}{number}x{life}"), habit.clone());
    let mut lanes: Vec<Lane> = (0..CREATORS).map(|number| lane("c", number, &Habit::Creates)).collect();
    lanes.extend((0..MENTIONERS).map(|number| lane("m", number, &Habit::Mentions)));
    lanes.extend((0..CHATTERS).map(|number| lane("p", number, &Habit::Chats)));
    let (sender, acknowledged) = std::sync::mpsc::channel();
    let runtime = Runtime::new()?;
    let load = runtime.block_on(async {
        let tell = Arc::new(move |happening: &Happening| sender.send(happening.clone()).is_ok());
        let load = Load::start(world, lanes, u64::from(life), &(tell as _))?;
        load.reach(&address)?;
        anyhow::Ok(load)
    })?;
    std::thread::scope(|scope| {
        scope.spawn(move || acknowledged.iter().all(|happening| witness.acknowledged(happening)));
        // The server prints no more; the end of its output is its own.
        lines.for_each(drop);
        runtime.block_on(async { drop(load) });
        runtime.shutdown_background();
    });
    Ok(())
}

/// Starts the server on what remains and asks for everything.
async fn check(plan: &ServerPlan, acknowledged: &[Happening]) -> Verdict {
    match missing(plan, acknowledged).await {
        Ok(missing) if missing.is_empty() => Verdict::Intact,
        Ok(missing) => Verdict::Lost(format!("{} of {}: {}", missing.len(), acknowledged.len(), missing.join("; "))),
        Err(error) => Verdict::Unreadable(format!("{error:#}")),
    }
}

async fn missing(plan: &ServerPlan, acknowledged: &[Happening]) -> anyhow::Result<Vec<String>> {
    let server = plan.start().await?;
    let api = server.api();
    done::all_is_handled(api, HANDLED).await?;
    done::audit_chain(api).await?;
    let mut missing = Vec::new();
    let acts = Acts::read(api).await?;
    let mut ignored = HashSet::new();
    for row in api.events(Some("ignored")).await? {
        let event = api.get(&format!("/events/{}", done::text(&row["id"]))).await?;
        ignored.insert(done::text(&event["event"]["dedupe"][0]));
    }
    for happening in acknowledged {
        let count = match &happening.command {
            Some(command) => acts.of_command(command).len(),
            None => happening.event_ids.iter().filter(|id| ignored.contains(&format!("slack:event|{id}"))).count(),
        };
        if count != 1 {
            missing.push(format!("{} is there {count} times", happening.words));
        }
    }
    let titles = done::titles(api).await?;
    let mut seen = HashSet::new();
    missing.extend(titles.iter().filter(|title| !seen.insert(*title)).map(|title| format!("two tasks {title}")));
    let creates = acknowledged.iter().filter(|happening| happening.command.is_some());
    missing.extend(creates.filter(|it| !seen.contains(&it.words)).map(|it| format!("no task {}", it.words)));
    server.kill();
    Ok(missing)
}
