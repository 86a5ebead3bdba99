//! Libraries of the platforms' makers as judges of what we send: the cards that each is tried with, and the pipe to a
//! program that runs one. A judge is the module that knows its library.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ai_crm::domain::card::Card;
use anyhow::{Context, ensure};
use serde_json::Value;

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cards that every renderer is tried with.
pub(crate) fn cards() -> Vec<Card> {
    let text =
        std::fs::read_to_string(root().join("tests/data/cards.json")).expect("tests/data/cards.json is readable");
    serde_json::from_str(&text).expect("tests/data/cards.json holds cards")
}

/// Hands values to a judge, one a line.
///
/// # Errors
/// With its findings.
pub(crate) fn judge(by: &mut Command, values: impl IntoIterator<Item = Value>) -> anyhow::Result<()> {
    let output = heard(by, values)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// Hands values to a judge, one a line, and gives what it says.
///
/// # Errors
/// Where it does not run.
pub(crate) fn heard(by: &mut Command, values: impl IntoIterator<Item = Value>) -> anyhow::Result<Output> {
    let lines: String = values.into_iter().map(|value| format!("{value}\n")).collect();
    let mut judge = by.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = judge.stdin.take().context("the judge has no standard input")?;
    stdin.write_all(lines.as_bytes())?;
    drop(stdin);
    Ok(judge.wait_with_output()?)
}
