//! Microsoft's own library takes every message that the cards of `tests/data/cards.json`, and those below, become.
//!
//! The judge is `tests/adaptive_cards.mjs`, which runs the parser and the checks of npm adaptivecards.
//! A card that any channel should show is added to the file; what only Teams could misread stands here.

use std::path::PathBuf;
use std::process::Command;

use ai_crm::channels::teams::card;
use ai_crm::domain::card::{Action, Block, ButtonStyle, Card, Choice, Tone};
use anyhow::ensure;
use serde_json::Value;

use crate::support::judge::{cards, judge, root};

/// How to get what this test needs.
const INSTALL: &str = "npm install --prefix target/node adaptivecards@3.0.6, with Node 18 or later \
                       (or set AI_CRM_TEST_NODE_MODULES to a node_modules that has it)";

/// The folder in which adaptivecards is installed.
fn modules() -> PathBuf {
    std::env::var_os("AI_CRM_TEST_NODE_MODULES").map_or_else(|| root().join("target/node/node_modules"), PathBuf::from)
}

/// Lets adaptivecards read Adaptive Cards.
///
/// # Errors
/// With its findings, or with the command that installs it.
pub(crate) fn check(cards: &[Value]) -> anyhow::Result<()> {
    let modules = modules();
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    let has_library = modules.join("adaptivecards/dist/adaptivecards.js").is_file();
    ensure!(has_node && has_library, "no node, or no adaptivecards in {}; run: {INSTALL}", modules.display());
    let checker = root().join("tests/adaptive_cards.mjs");
    let cards = cards.iter().map(|card| serde_json::json!({ "card": card }));
    judge(Command::new("node").arg(checker).env("AI_CRM_TEST_NODE_MODULES", &modules), cards)
}

/// Cards of texts that Teams would format, in every place that a text has.
fn hostile() -> Vec<Card> {
    const TEXTS: &[&str] = &[
        "**b** _i_ ~~s~~ `c`",
        "[a](https://evil.example)",
        "- a\n- b",
        "1. a",
        "{{DATE(2017-02-14T06:08:39Z, LONG)}}",
        "<at>Bob</at> &lt;",
        "\u{202e}x\u{0}",
    ];
    let of = |text: &&str| {
        let text = (*text).to_owned();
        let options = vec![Choice { label: text.clone(), value: text.clone() }];
        Card::new(text.as_str())
            .tone(Tone::Warning)
            .text(text.as_str())
            .facts([(text.as_str(), text.as_str())])
            .block(Block::Heading { text: text.clone() })
            .block(Block::List { items: vec![text.clone(); 3] })
            .block(Block::Divider)
            .block(Block::Table { columns: vec![text.clone(); 3], rows: vec![vec![text.clone(); 3]; 60] })
            .block(Block::Code { text: text.clone() })
            .block(Block::Image { url: "https://example.com/a.png".into(), alt: text.clone() })
            .action(Action::Button { label: text.clone(), token: text.clone(), style: ButtonStyle::Danger })
            .action(Action::Menu { label: text.clone(), token: text.clone(), options })
            .action(Action::Link { label: text.clone(), url: "https://example.com/".into() })
            .footer(text)
    };
    TEXTS.iter().map(of).collect()
}

#[test]
fn microsofts_library_takes_every_card() -> anyhow::Result<()> {
    let cards = [cards(), hostile()].concat();
    assert!(cards.len() >= 19, "only {} cards", cards.len());
    let messages: Vec<Value> = cards
        .iter()
        .flat_map(|each| {
            let mut all = card::messages(each);
            all.push(card::render(each));
            all
        })
        .map(|message| message.card)
        .collect();
    check(&messages)
}

#[test]
fn microsofts_library_finds_what_is_wrong() {
    let card = |body: Value| serde_json::json!({"type": "AdaptiveCard", "version": "1.5", "body": [body]});
    let bad = [
        card(serde_json::json!({"type": "Carousel", "pages": []})),
        card(serde_json::json!({"type": "TextBlock", "text": "x", "bold": true})),
        card(serde_json::json!({"type": "ActionSet", "actions": [{"type": "Action.Execute", "title": "x"}]})),
    ];
    let findings = check(&bad).expect_err("three bad cards").to_string();
    for wanted in ["UnknownElementType", "bold is not known", "an older client has undefined of Action.Submit"] {
        assert!(findings.contains(wanted), "{wanted}: {findings}");
    }
}
