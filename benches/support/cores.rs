//! Which core does what: the server has one to itself, so that load and server do not share its time.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// The core of the server and of the floors.
pub(crate) const SERVER: &str = "0";
/// The core of the load and of the stand-in for Slack.
pub(crate) const LOAD: &str = "1";

/// Puts this process on a core. Threads that are started later stay on it.
pub(crate) fn take(core: &str) -> anyhow::Result<()> {
    let process = std::process::id().to_string();
    let set = Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", core, &process]).output();
    let set = set.context("taskset is missing: install util-linux")?;
    ensure!(set.status.success(), "taskset: {}", String::from_utf8_lossy(&set.stderr).trim());
    Ok(())
}

/// A program that will run on a core.
pub(crate) fn program_on(core: &str, program: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("taskset");
    command.args(["--cpu-list", core, program]).kill_on_drop(true);
    command
}
