//! A disk that is full, and one that takes no writes: 503 with `Retry-After`, `/readyz` red, no 2xx for anything that is
//! not stored, and recovery without a restart.
//!
//! The disk is a machine's of `power`, whose power stays on. It takes no writes while the database's file is immutable:
//! ext4 then refuses writes of descriptors that were open before, as a disk that fails does.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ai_crm::actors::clock;
use ai_crm::sim::slack::{Sender, SharedWorld, SlackSim, SlackWorld, Variant};
use anyhow::{Context, ensure};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use rustix::fs::{FallocateFlags, fallocate};

use crate::power::machine::{Machine, Rig};
use crate::support::api::http_client;
use crate::support::done::{self, Acts};
use crate::support::load::{Habit, Happening, Lane, Load, sender};
use crate::support::server::{BOT_TOKEN, Server, ServerPlan};
use crate::support::until;

/// How long a change of the disk may take to show.
const SHOWS: Duration = Duration::from_secs(15);
/// How long the backlog may take once the disk works again.
const QUIET: Duration = Duration::from_secs(60);
/// How soon a refusal must come: Slack waits for three seconds.
const REFUSAL: Duration = Duration::from_secs(2);
/// Acknowledgements that make sure that the load flows.
const FLOWS: u64 = 40;
/// How often what is given back of a full disk is taken.
const HOGS_EVERY: Duration = Duration::from_millis(1);

/// A way in which a disk goes wrong, and back.
trait Trouble {
    /// From here on nothing can be written.
    fn begin(&mut self, machine: &Machine<'_>) -> anyhow::Result<()>;
    /// From here on it can again.
    fn end(&mut self, machine: &Machine<'_>) -> anyhow::Result<()>;
}

/// The disk is full, and whatever is given back is taken by others at once.
#[derive(Default)]
struct Full {
    hogging: Option<(Arc<AtomicBool>, std::thread::JoinHandle<()>)>,
}

/// Takes all that is free of a disk.
fn hog_all(hog: &File, size: &mut u64) {
    for step in [1 << 20, 1 << 12] {
        while fallocate(hog, FallocateFlags::empty(), *size, step).is_ok() {
            *size += step;
        }
    }
}

impl Trouble for Full {
    fn begin(&mut self, machine: &Machine<'_>) -> anyhow::Result<()> {
        let hog = File::create(machine.data().join("hog"))?;
        let mut size = hog.metadata()?.len();
        hog_all(&hog, &mut size);
        let goes_on = Arc::new(AtomicBool::new(true));
        let on = goes_on.clone();
        let hogs = std::thread::spawn(move || {
            while on.load(Ordering::Relaxed) {
                hog_all(&hog, &mut size);
                std::thread::park_timeout(HOGS_EVERY);
            }
        });
        self.hogging = Some((goes_on, hogs));
        Ok(())
    }

    fn end(&mut self, machine: &Machine<'_>) -> anyhow::Result<()> {
        if let Some((goes_on, hogs)) = self.hogging.take() {
            goes_on.store(false, Ordering::Relaxed);
            ensure!(hogs.join().is_ok(), "what fills the disk has panicked");
        }
        Ok(std::fs::remove_file(machine.data().join("hog"))?)
    }
}

/// The database's file refuses to be written.
struct Immutable;

impl Immutable {
    fn change(machine: &Machine<'_>, how: &str) -> anyhow::Result<()> {
        let file = machine.data().join("data/store/db");
        let changed = Command::new("chattr").arg(how).arg(&file).output();
        let changed = changed.context("chattr is missing\nrun: apt-get install -y e2fsprogs")?;
        ensure!(changed.status.success(), "chattr {how}: {}", String::from_utf8_lossy(&changed.stderr));
        Ok(())
    }
}

impl Trouble for Immutable {
    fn begin(&mut self, machine: &Machine<'_>) -> anyhow::Result<()> {
        Self::change(machine, "+i")
    }

    fn end(&mut self, machine: &Machine<'_>) -> anyhow::Result<()> {
        Self::change(machine, "-i")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_with_503_until_there_is_room() -> anyhow::Result<()> {
    trouble_comes_and_goes(Full::default(), 32).await
}

/// Nothing is kept free, so that the database itself meets the end of the disk, in the midst of a write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_ends_in_the_midst_of_a_write_is_answered_with_503_until_there_is_room() -> anyhow::Result<()> {
    trouble_comes_and_goes(Full::default(), 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_write_is_answered_with_503_and_opens_itself_again() -> anyhow::Result<()> {
    trouble_comes_and_goes(Immutable, 32).await
}

async fn trouble_comes_and_goes(mut trouble: impl Trouble, keep_free_mb: u32) -> anyhow::Result<()> {
    let rig = Rig::new()?;
    let machine = rig.boot(rig.blank())?;
    let world = SlackWorld::new(BOT_TOKEN, clock::system());
    let slack = SlackSim::start("127.0.0.1:0", world.clone()).await?;
    let outside = tempfile::tempdir()?;
    let plan = ServerPlan::new(&machine.data().join("data"))
        .with_slack(&slack)
        .with_log(&outside.path().join("server.log"))
        .with("AI_CRM__STORE__KEEP_FREE_MB", &keep_free_mb.to_string())
        .with("AI_CRM__STORE__RESERVE_MB", &(keep_free_mb / 2).to_string())
        .with("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0");
    let server = plan.start().await?;
    let told = come_and_go(&mut trouble, &machine, &world, &server).await;
    // What goes wrong is explained by the log, which is gone with the folder.
    let acknowledged = told.with_context(|| format!("log of the server:\n{}", last_lines(&plan.log(), 60)))?;
    everything_is_there(&server, &acknowledged).await?;
    server.stop().await?;
    let again = plan.start().await?;
    everything_is_there(&again, &acknowledged).await
}

/// Twice: what was opened anew must be able to fail anew.
async fn come_and_go(
    trouble: &mut impl Trouble,
    machine: &Machine<'_>,
    world: &SharedWorld,
    server: &Server,
) -> anyhow::Result<Vec<Happening>> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let tell = Arc::new(move |_: &Happening| {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    let mut lanes: Vec<Lane> = (0..6).map(|number| Lane::new(&format!("c{number}"), Habit::Creates)).collect();
    lanes.extend((0..4).map(|number| Lane::new(&format!("m{number}"), Habit::Mentions)));
    lanes.extend((0..4).map(|number| Lane::new(&format!("p{number}"), Habit::Chats)));
    let load = Load::start(world, lanes, 1, &(tell as _))?;
    load.reach(server.base_url())?;
    for time in 1..=2 {
        flows(&count).await.with_context(|| format!("before trouble {time}"))?;
        trouble.begin(machine)?;
        let refused = refuses(world, server).await.with_context(|| format!("in trouble {time}"));
        trouble.end(machine)?;
        refused?;
        recovers(server).await.with_context(|| format!("after trouble {time}"))?;
    }
    flows(&count).await.context("at the end")?;
    load.finish().await
}

/// The load is acknowledged.
async fn flows(count: &AtomicU64) -> anyhow::Result<()> {
    let enough = count.load(Ordering::Relaxed) + FLOWS;
    until(SHOWS, "events are acknowledged", || async { Ok((count.load(Ordering::Relaxed) >= enough).then_some(())) })
        .await
}

/// Webhooks and readiness say that nothing can be stored, and go on saying so; the process lives.
async fn refuses(world: &SharedWorld, server: &Server) -> anyhow::Result<()> {
    let people = People { sender: sender(world, server.base_url())?, client: http_client()? };
    until(SHOWS, "a webhook is refused", || async {
        let (status, _) = people.post(server).await?;
        Ok((status == StatusCode::SERVICE_UNAVAILABLE).then_some(()))
    })
    .await?;
    for _ in 0..50 {
        let asked = Instant::now();
        let (status, headers) = people.post(server).await?;
        ensure!(asked.elapsed() < REFUSAL, "a refusal took {:?}", asked.elapsed());
        ensure!(
            status == StatusCode::SERVICE_UNAVAILABLE,
            "a webhook is answered {status} while nothing can be stored"
        );
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        ensure!(seconds.is_some(), "503 without a Retry-After in seconds: {headers:?}");
        let ready = server.api().send(reqwest::Method::GET, "/readyz", None).await?;
        ensure!(ready.status == StatusCode::SERVICE_UNAVAILABLE, "ready all the same: {}", ready.body);
    }
    ensure!(server.api().is_alive().await, "the process lives, whatever its disk does");
    Ok(())
}

/// By itself, under load.
async fn recovers(server: &Server) -> anyhow::Result<()> {
    until(SHOWS, "the server is ready again", || async {
        let ready = server.api().send(reqwest::Method::GET, "/readyz", None).await?;
        Ok((ready.status == StatusCode::OK).then_some(()))
    })
    .await
}

/// People who ask once and do not try again. They are quick: what the store gives back seconds later is room indeed.
struct People {
    sender: Sender,
    client: reqwest::Client,
}

impl People {
    async fn post(&self, server: &Server) -> anyhow::Result<(StatusCode, HeaderMap)> {
        let request = self.sender.prepare_slash("U0ADA0001", "C0GENERAL", "/ai-crm", "task list")?.request;
        let signed = self.sender.sign(&request, Variant::Genuine);
        let address = format!("{}{}", server.base_url(), request.path);
        let mut post = self.client.post(address).body(request.body.clone());
        post = post.header("content-type", request.content_type);
        for (name, value) in signed.headers {
            post = post.header(name, value);
        }
        let response = post.send().await.context("the webhook does not answer")?;
        Ok((response.status(), response.headers().clone()))
    }
}

async fn everything_is_there(server: &Server, acknowledged: &[Happening]) -> anyhow::Result<()> {
    done::all_is_handled(server.api(), QUIET).await?;
    done::audit_chain(server.api()).await?;
    let acts = Acts::read(server.api()).await?;
    let commands = acknowledged.iter().filter_map(|happening| happening.command.as_deref());
    for command in commands {
        let count = acts.of_command(command).len();
        ensure!(count == 1, "`{command}` was acknowledged and is done {count} times");
    }
    let mut titles = done::titles(server.api()).await?;
    titles.sort();
    let doubled = titles.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(doubled.is_none(), "two tasks of one command: {doubled:?}");
    Ok(())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
