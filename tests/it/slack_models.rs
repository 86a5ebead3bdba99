//! Slack's own models take every message that the cards of `tests/data/cards.json` become, and every message
//! that reached the stand-in in other tests ([`check`], which the end of each stage calls).
//!
//! Owns nothing but the pipe to `tests/slack_models.py`, which runs the validators of slack_sdk. A
//! card is added to the file, not here.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ai_crm::channels::slack::blocks;
use ai_crm::domain::card::Card;
use anyhow::{Context, ensure};
use serde_json::Value;

/// How to get what this test needs.
const INSTALL: &str = "python3 -m venv target/venv && target/venv/bin/pip install slack_sdk \
                       (or set AI_CRM_TEST_PYTHON to a Python that has it)";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python in which slack_sdk is installed.
fn python() -> PathBuf {
    std::env::var_os("AI_CRM_TEST_PYTHON").map_or_else(|| root().join("target/venv/bin/python"), PathBuf::from)
}

/// The cards that every renderer is tried with.
fn cards() -> Vec<Card> {
    let text =
        std::fs::read_to_string(root().join("tests/data/cards.json")).expect("tests/data/cards.json is readable");
    serde_json::from_str(&text).expect("tests/data/cards.json holds cards")
}

/// Lets slack_sdk read messages, each with its `text` and `blocks`.
///
/// # Errors
/// With its findings, or with the command that installs it.
pub(crate) fn check(messages: &[Value]) -> anyhow::Result<()> {
    let python = python();
    let has_sdk = Command::new(&python).args(["-c", "import slack_sdk.models.blocks"]).output();
    let is_ready = has_sdk.is_ok_and(|output| output.status.success());
    ensure!(is_ready, "{} has no slack_sdk; run: {INSTALL}", python.display());
    let lines: Vec<String> = messages.iter().map(Value::to_string).collect();
    let mut checker = Command::new(&python)
        .arg(root().join("tests/slack_models.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = checker.stdin.take().context("the checker has no standard input")?;
    stdin.write_all((lines.join("\n") + "\n").as_bytes())?;
    drop(stdin);
    let output = checker.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[test]
fn slack_sdk_takes_every_card() -> anyhow::Result<()> {
    let cards = cards();
    assert!(cards.len() >= 12, "only {} cards", cards.len());
    let messages: Vec<Value> = cards
        .iter()
        .flat_map(|card| {
            let mut all = blocks::messages(card);
            all.push(blocks::render(card));
            all
        })
        .map(|message| serde_json::json!({"text": message.text, "blocks": message.blocks}))
        .collect();
    check(&messages)
}
