//! The binary as it is released, on its core, on a data folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::Instant;

use super::cores;
use super::load::Connection;
use super::requests::SECRET;
use super::stand_in::StandIn;

/// The sealing key of the runs, base64.
pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Ticks in a second in which the kernel counts processor time (USER_HZ, the same on all machines).
const TICKS: f64 = 100.0;

/// A folder for what a run keeps, on the disk that holds the build: a folder in memory would not be durable.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(place)?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(place)?)
}

/// A child that says in its first line where it listens.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// When it was started.
    pub(crate) started: Instant,
    child: Child,
}

impl Server {
    /// Starts the binary on a data folder and waits until it listens.
    pub(crate) async fn start(data: &Path, stand_in: &StandIn, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = cores::program_on(cores::SERVER, env!("CARGO_BIN_EXE_ai-crm"));
        command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
        command.env("AI_CRM_MASTER_KEY", MASTER_KEY).env("SLACK_SIGNING_SECRET", SECRET);
        command.env("SLACK_BOT_TOKEN", "xoxb-bench").env("SLACK_API_URL", &stand_in.api_url);
        command.env("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0");
        command.envs(settings.iter().copied());
        let log = std::fs::File::create(log_file(data))?;
        Self::of(command.stderr(log)).await
    }

    /// As [`Server::start`], and waits until it is connected to the stand-in.
    pub(crate) async fn connected(data: &Path, stand_in: &StandIn, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let greetings = stand_in.greetings();
        let server = Self::start(data, stand_in, settings).await?;
        stand_in.greeted(greetings + 1).await?;
        Ok(server)
    }

    /// Starts a program that says in its first line where it listens.
    pub(crate) async fn of(command: &mut tokio::process::Command) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("it has no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let first = lines.next_line().await?.context("it ended before it listened")?;
        let address = first.rsplit("http://").next().unwrap_or_default().parse().context(first.clone())?;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { address, started, child })
    }

    fn proc_file(&self, name: &str) -> anyhow::Result<String> {
        let process = self.child.id().context("it has ended")?;
        Ok(std::fs::read_to_string(format!("/proc/{process}/{name}"))?)
    }

    /// Bytes of memory in use.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = self.proc_file("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Processor time that it has used.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = self.proc_file("stat")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        ensure!(fields.len() > 12, "an unknown form of /proc/…/stat");
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(Duration::from_secs_f64(ticks / TICKS))
    }

    /// The sum of a metric over its labels.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let (_, page) = Connection::open(self.address).await?.get("/metrics").await?;
        let lines = page.lines().filter(|line| line.starts_with(name));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Waits until `count` events have ended.
    pub(crate) async fn ended(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.metric("ai_crm_events_ended_total").await? < count as f64 {
            ensure!(Instant::now() < deadline, "not all events ended within {} s", patience.as_secs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// Where the server's log goes.
pub(crate) fn log_file(data: &Path) -> PathBuf {
    data.with_extension("log")
}
