//! One conversation, three ends: what the bot answers says the same in Slack, in Teams and in the terminal.
//!
//! The card that the terminal is given is the measure: all of it stands on the other two, in the same order.

use ai_crm::domain::card::Card;
use anyhow::{Context, ensure};

use crate::commands::{atoms, plain};
use crate::link::Both;
use crate::stage::{ADA, run, words};

/// The card that `ai-crm chat` shows for a line, also where that is a mistake.
async fn in_chat(both: &Both, line: &str) -> anyhow::Result<Card> {
    let said = run(&both.team.plan, &["chat", "--json", line], "").await?.json()?;
    let cards: Vec<Card> = serde_json::from_value(said["cards"].clone())?;
    ensure!(cards.len() == 1, "{line}: {said}");
    cards.into_iter().next().context("a card")
}

/// The text without what tells who asked and how the bot is addressed there.
fn anybody(text: &str) -> String {
    plain(&text.replace("@AI-CRM ", "").replace('\\', "")).replace("Ada Lovelace", "ada")
}

fn says_all(card: &Card, text: &str) -> anyhow::Result<()> {
    let shown = anybody(text);
    let mut from = 0;
    for atom in atoms(card) {
        let atom = anybody(&atom);
        let at = shown.get(from..).and_then(|rest| rest.find(&atom));
        from += at.with_context(|| format!("`{atom}` is not at its place in:\n{shown}"))? + atom.len();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_conversation_is_answered_the_same_everywhere() -> anyhow::Result<()> {
    let both = Both::set().await?;
    // `{}` is the task that each end has made itself.
    let conversation = [
        "task create \"Write the <release> notes & more\" --priority high",
        "task list",
        "task show {}",
        "task done {}",
        "task done {}",
        "task list --all",
        "task show T-99",
        "agents list --category development",
        "task crate x",
        "task create x --priority hihg",
    ];
    for line in conversation {
        let of = |task: &str| line.replace("{}", task);
        let slack = words(&both.in_slack(ADA, &of("T-1")).await?);
        let teams = both.in_teams("ada", "personal-ada", &of("T-2")).await?;
        let chat = in_chat(&both, &of("T-3")).await?;
        says_all(&chat, &slack).with_context(|| format!("`{line}` in Slack"))?;
        says_all(&chat, &teams).with_context(|| format!("`{line}` in Teams"))?;
    }
    both.end().await
}
