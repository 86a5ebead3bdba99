//! Installing by the README alone: the script `tests/install` follows its lines, from an empty folder to the first answer.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::support::judge::root;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_is_installed_in_2_minutes_and_teams_in_5_by_the_readme_alone() -> anyhow::Result<()> {
    let mut script = Command::new(root().join("tests/install"));
    script.arg(env!("CARGO_BIN_EXE_ai-crm"));
    let run = tokio::task::spawn_blocking(move || script.output().context("tests/install does not start")).await??;
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success(), "{}: {told}", run.status);
    for part in ["slack: installed in ", "teams: installed in ", "ai-crm doctor: all is well", "says hello"] {
        ensure!(told.contains(part), "`{part}` is not in {told}");
    }
    Ok(())
}
