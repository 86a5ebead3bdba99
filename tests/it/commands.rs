//! The chat grammar through both ends: typed in Slack and in a terminal, it gives the same results.
//!
//! Both run through the binary, `ai-crm sim slack` and `ai-crm chat`, against one server. What each command means
//! is tested beside it in `src/commands`.

use ai_crm::domain::card::{Block, Card};
use ai_crm::sim::slack::message::Message;
use anyhow::{Context, ensure};
use serde_json::json;

use crate::stage::{ADA, DEV, GRACE, GUEST, Stage, words};

/// What people see by `ai-crm sim slack`, as one text.
async fn in_slack(stage: &Stage, line: &str) -> anyhow::Result<String> {
    let typed = format!("/ai-crm {line}");
    let printed = stage.run(&["sim", "slack", "--json", "--channel", DEV, &typed]).await?;
    ensure!(printed.code() == Some(0), "{line}: {printed:?}");
    let shown = printed.json()?;
    let messages: Vec<Message> = serde_json::from_value(shown["messages"].clone())?;
    ensure!(!messages.is_empty(), "{line}: {shown}");
    Ok(messages.iter().map(words).collect::<Vec<_>>().join("\n"))
}

/// The one card that `ai-crm chat` shows.
async fn in_chat(stage: &Stage, line: &str) -> anyhow::Result<Card> {
    let printed = stage.run(&["chat", "--json", line]).await?;
    ensure!(printed.code() == Some(0), "{line}: {printed:?}");
    let said = printed.json()?;
    ensure!(said["ended"] == true, "{said}");
    let cards: Vec<Card> = serde_json::from_value(said["cards"].clone())?;
    ensure!(cards.len() == 1, "{line}: {said}");
    cards.into_iter().next().context("a card")
}

/// The same text wherever it stands: without mark-up, the platform's prefix, the task's number and line breaks.
pub(crate) fn plain(text: &str) -> String {
    let text = text.replace("/ai-crm ", "").replace(['*', '_', '`', '~', '\u{200b}', '\u{2060}'], "");
    let word = |word: &str| match word.strip_prefix("T-") {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("T-N{}", number.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => word.to_owned(),
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Everything that a card says, in order. Who asked and where is said differently by each channel.
pub(crate) fn atoms(card: &Card) -> Vec<String> {
    let mut all = vec![card.title.clone()];
    for block in &card.blocks {
        match block {
            Block::Text { text } | Block::Heading { text } | Block::Code { text } | Block::Markup { text } => {
                all.push(text.clone());
            }
            Block::Facts { facts } => {
                let facts = facts.iter().filter(|fact| fact.label != "Created by");
                all.extend(facts.flat_map(|fact| [fact.label.clone(), fact.value.clone()]));
            }
            Block::List { items } => all.extend(items.iter().cloned()),
            Block::Table { columns, rows } => all.extend(columns.iter().chain(rows.iter().flatten()).cloned()),
            Block::Image { alt, .. } => all.push(alt.clone()),
            Block::Divider => {}
        }
    }
    let said = all.iter().map(|text| plain(text));
    said.filter(|text| !text.is_empty()).collect()
}

/// Everything of the card stands in the text, in the same order.
fn same(line: &str, card: &Card, slack: &str) -> anyhow::Result<()> {
    let shown = plain(slack);
    let mut from = 0;
    for atom in atoms(card) {
        let at = shown.get(from..).and_then(|rest| rest.find(&atom));
        let at = at.with_context(|| format!("`{line}` does not show `{atom}` at its place in Slack:\n{shown}"))?;
        from += at + atom.len();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_screen_of_the_grammar_is_the_same_in_slack_and_in_chat() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let first_screen = [
        "task create \"Implement user auth\" --agent security-auditor",
        "task list",
        "pm analyze \"Build recommendation engine with ML\"",
        "agents list --category development",
        "status dashboard",
        "team status",
    ];
    for line in first_screen {
        if line == "task list" {
            // The last difference between both ends is the number of the task that each has made.
            let listed = stage.api().post("/tools/task.list", &json!({})).await?;
            assert_eq!(listed["result"]["tasks"].as_array().map_or(0, Vec::len), 2);
        }
        let (slack, chat) = (in_slack(&stage, line).await?, in_chat(&stage, line).await?);
        same(line, &chat, &slack)?;
    }
    // The terminal's way of giving the words one by one, quotes taken off by the shell.
    let printed =
        stage.run(&["chat", "task", "create", "Write the <release> notes & more", "--priority", "high"]).await?;
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    assert!(
        printed.out.contains("T-3 Write the <release> notes & more") && printed.out.contains("high"),
        "{printed:?}"
    );
    let wrong = stage.run(&["chat", "tsk", "list"]).await?;
    assert!(wrong.out.contains("did you mean"), "{wrong:?}");
    assert_eq!(wrong.code(), Some(1), "{wrong:?}");
    let unknown = stage.run(&["chat", "task", "show", "T-99"]).await?;
    assert_eq!(unknown.code(), Some(1), "{unknown:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sayings_and_what_phones_and_slack_make_of_a_line_are_read_as_meant() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let titles = [
        ("create task Fix the login page", "Fix the login page"),
        ("task create “Curly quotes” —priority high", "Curly quotes"),
        ("task create «Guillemets» ––priority low", "Guillemets"),
        ("task create ‘Single’ –priority critical", "Single"),
        ("task create Escapes & <brackets> --priority low", "Escapes & <brackets>"),
        ("task create \"Two\u{a0}words\"", "Two words"),
        ("TASK CREATE Loud --priority HIGH", "Loud"),
        ("task create \"日本語 🎉 ñ\"", "日本語 🎉 ñ"),
        ("task create See <https://example.com/a?b=1&c=2|the page>", "See"),
    ];
    for (line, title) in titles {
        let message = stage.answer(GRACE, line).await?;
        let said = words(&message);
        assert!(said.contains(title), "{line}: {said}");
        assert!(message.calls_out_to().is_empty(), "{line}: {:?}", message.calls_out_to());
    }
    let tasks = stage.api().post("/tools/task.list", &json!({"limit": 50})).await?;
    let tasks = tasks["result"]["tasks"].as_array().cloned().unwrap_or_default();
    assert_eq!(tasks.len(), titles.len());
    let priority = |title: &str| tasks.iter().find(|task| task["title"] == title).map(|task| task["priority"].clone());
    assert_eq!(priority("Curly quotes"), Some(json!("high")), "{tasks:#?}");
    assert_eq!(priority("Guillemets"), Some(json!("low")), "{tasks:#?}");
    assert_eq!(priority("Single"), Some(json!("critical")), "{tasks:#?}");
    for (saying, title) in
        [("list tasks", "Open tasks (9)"), ("my tasks", "Open tasks of yours"), ("agents", "Agents (")]
    {
        let said = words(&stage.answer(GRACE, saying).await?);
        assert!(said.contains(title), "{saying}: {said}");
    }
    for (wrong, mend) in [
        ("taks create x", "task create"),
        ("task create x --agnt y", "--agent"),
        ("task create x --agent securty-auditor", "security-auditor"),
        ("task list --status in-progres", "in-progress"),
        ("task show T-99", "T-99"),
        ("", "What you may ask here"),
        ("<!channel> look", "help"),
    ] {
        let message = stage.answer(GRACE, wrong).await?;
        assert_eq!(message.ephemeral_to.as_deref(), Some(GRACE), "a mistake is told to the asker alone: {wrong}");
        assert!(words(&message).contains(mend), "{wrong}: {}", words(&message));
        assert!(message.calls_out_to().is_empty(), "{wrong}: {:?}", message.calls_out_to());
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help_shows_what_each_may_do_and_why_tells_of_ones_own() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let help = |message: &Message| words(message);
    let member = help(&stage.answer(GRACE, "help").await?);
    let guest = help(&stage.answer(GUEST, "help").await?);
    assert!(member.contains("task create") && member.contains("status dashboard"), "{member}");
    assert!(guest.contains("help") && guest.contains("there is more for members"), "{guest}");
    for hidden in ["task create", "task list", "agents list", "status dashboard"] {
        assert!(
            !guest.contains(&format!("{hidden}:")) && !guest.contains(&format!("{hidden} TITLE")),
            "{hidden}: {guest}"
        );
    }
    let described = help(&stage.answer(GUEST, "help task create").await?);
    assert!(!described.contains("--agent"), "a guest is not told how: {described}");

    stage.answer(GRACE, "task create Whose story is this").await?;
    let made = stage.newest().await?["id"].as_str().context("an id")?.to_owned();
    let own = help(&stage.answer(GRACE, "why").await?);
    assert!(own.contains("it was done: created T-1") && own.contains(&made), "{own}");
    let by_task = help(&stage.answer(GRACE, "why T-1").await?);
    assert!(by_task.contains(&made), "{by_task}");
    let foreign = help(&stage.answer(ADA, &format!("why {made}")).await?);
    assert!(foreign.contains("that you may see"), "the stories of others are for owners: {foreign}");
    stage.end().await
}

/// The code that the server shows at its start.
async fn code(stage: &Stage) -> anyhow::Result<String> {
    let shown = stage.server.greeting().await?;
    let (_, rest) = shown.split_once("/ai-crm pair ").with_context(|| shown.clone())?;
    Ok(rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_of_the_start_makes_one_owner() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.answer(GRACE, "task create Somebody else's").await?;
    let foreign = stage.newest().await?["id"].as_str().context("an id")?.to_owned();
    let before = words(&stage.answer(ADA, &format!("why {foreign}")).await?);
    assert!(before.contains("that you may see"), "{before}");
    let code = code(&stage).await?;
    let paired = stage.answer(ADA, &format!("pair {}", code.to_lowercase())).await?;
    assert!(words(&paired).contains("You are the owner of this bot"), "{}", words(&paired));
    assert_eq!(paired.ephemeral_to.as_deref(), Some(ADA));
    let after = words(&stage.answer(ADA, &format!("why {foreign}")).await?);
    assert!(after.contains("it was done: created T-1"), "an owner sees all: {after}");
    let again = words(&stage.answer(GRACE, &format!("pair {code}")).await?);
    assert!(again.contains("the code was used already"), "{again}");
    assert!(!stage.plan.log().contains(&code), "the code is not logged");
    let stage = stage.restart().await?;
    assert!(!stage.server.greeting().await?.contains("nobody is the owner"), "no code once there is an owner");
    let still = words(&stage.answer(ADA, &format!("why {foreign}")).await?);
    assert!(still.contains("it was done: created T-1"), "{still}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_wrong_codes_kill_the_code() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let right = code(&stage).await?;
    let said = words(&stage.answer(GUEST, "pair WRONG-CODE1").await?);
    assert!(said.contains("cannot become the owner"), "a guest's try does not count: {said}");
    for left in ["4 tries are left", "3 tries are left", "2 tries are left", "1 try is left", "so the code is dead"] {
        let said = words(&stage.answer(GRACE, "pair WRONG-CODE1").await?);
        assert!(said.contains(left), "{left}: {said}");
    }
    let said = words(&stage.answer(ADA, &format!("pair {right}")).await?);
    assert!(said.contains("so the code is dead"), "{said}");
    let stage = stage.restart().await?;
    let fresh = code(&stage).await?;
    assert_ne!(fresh, right, "a restart makes a new one");
    let said = words(&stage.answer(ADA, &format!("pair {fresh}")).await?);
    assert!(said.contains("You are the owner of this bot"), "{said}");
    stage.end().await
}
