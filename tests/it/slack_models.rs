//! Slack's own models take every message and every view that the cards of `tests/data/cards.json` become, and every one
//! that reached the stand-in in other tests ([`check`], which the end of each stage calls).
//!
//! The judge is `tests/slack_models.py`, which runs the validators of slack_sdk. A
//! card is added to the file, not here.

use std::path::PathBuf;
use std::process::Command;

use ai_crm::channels::slack::{blocks, home};
use anyhow::ensure;
use serde_json::Value;

use crate::support::judge::{cards, judge, root};

/// How to get what this test needs.
const INSTALL: &str = "python3 -m venv target/venv && target/venv/bin/pip install slack_sdk \
                       (or set AI_CRM_TEST_PYTHON to a Python that has it)";

/// The Python in which slack_sdk is installed.
fn python() -> PathBuf {
    std::env::var_os("AI_CRM_TEST_PYTHON").map_or_else(|| root().join("target/venv/bin/python"), PathBuf::from)
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
    judge(Command::new(&python).arg(root().join("tests/slack_models.py")), messages.iter().cloned())
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
    let views: Vec<Value> = cards.iter().map(|card| serde_json::json!({"view": named(home::view(card))})).collect();
    check(&[messages, views].concat())
}

/// A view with the ids of blocks that Slack gives where an app gives none.
fn named(mut view: Value) -> Value {
    for (index, block) in view["blocks"].as_array_mut().into_iter().flatten().enumerate() {
        if block["block_id"].is_null() {
            block["block_id"] = format!("block-{index}").into();
        }
    }
    view
}
