//! Forms of the bot as dialogs in Teams: opened, mended, sent, refused.

use std::time::Duration;

use ai_crm::sim::fault::Faults;
use ai_crm::sim::teams::press::Shown;
use ai_crm::sim::teams::seed::{DEV, GROUP};
use ai_crm::sim::teams::{Answer, Manner, Message};
use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::adaptive_cards::check;
use crate::teams::{Team, shown};

fn of_form() -> Value {
    json!({"ai-crm": {"form": "task.create"}})
}

fn task(shown: Shown) -> anyhow::Result<Value> {
    match shown {
        Shown::Dialog { task } => Ok(task),
        other => bail!("no dialog: {other:?}"),
    }
}

pub(crate) async fn open(team: &Team, who: &str, place: &str) -> anyhow::Result<Value> {
    task(team.sender.open_dialog(who, place, &of_form()).await?.1)
}

pub(crate) fn fill(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

pub(crate) fn is_taken(team: &Team, answer: &Answer) -> bool {
    matches!(team.sender.see_dialog(answer), Shown::Text { text } if text.contains("aken"))
}

async fn tasks(team: &Team, words: &str) -> anyhow::Result<usize> {
    team.rest().await?;
    let said = team.sim.world().messages(&team.place(DEV)?);
    Ok(said.iter().filter(|message| message.is_by_bot() && shown(message).contains(words)).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_opened_mended_and_sent_once() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let dialog = open(&team, "ada", DEV).await?;
    let over = fill(&["title=Fix the login", "due=2020-01-01", "priority=high"]);
    let wrong = team.sender.prepare_submit("ada", DEV, &dialog, &over, None)?;
    let again = task(team.sender.see_dialog(&team.sender.deliver(&wrong).await))?;
    assert!(again.to_string().contains("this day is over") && again.to_string().contains("Fix the login"), "{again}");
    check(&[dialog["value"]["card"]["content"].clone(), again["value"]["card"]["content"].clone()])?;
    let sent = team.sender.prepare_submit("ada", DEV, &again, &fill(&["due=2999-01-01"]), None)?;
    for answer in team.sender.deliver_as(&sent, Manner::Twice).await {
        assert!(is_taken(&team, &answer), "{answer:?}");
    }
    let card = team.sees("grace", DEV, "Fix the login").await?;
    assert!(shown(&card).contains("T-1") && shown(&card).contains("high"), "{}", shown(&card));
    // The same dialog, sent by a second press: another activity.
    let pressed = team.sender.prepare_submit("ada", DEV, &again, &fill(&["due=2999-01-01"]), None)?;
    assert!(is_taken(&team, &team.sender.deliver(&pressed).await));
    assert_eq!(tasks(&team, "Fix the login").await?, 1);
    let events = team.api().events(None).await?;
    let story = json!(events).to_string();
    assert!(events.len() >= 3, "that it was opened and sent back is told too: {story}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_made_of_a_message() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let value = json!({"commandId": "task_from_message", "commandContext": "message", "messagePayload": {
        "body": {"contentType": "html", "content": "<p>Login is <b>broken</b></p><p>since &lt;today&gt;</p>"}}});
    let fetch = team.sender.invoke("ada", DEV, "composeExtension/fetchTask", &value)?;
    let dialog = task(team.sender.see_dialog(&team.sender.deliver(&fetch).await))?;
    let card = &dialog["value"]["card"]["content"];
    check(std::slice::from_ref(card))?;
    let agents = card["body"].as_array().into_iter().flatten().find(|part| part["id"] == "agent").context("agents")?;
    let titles = agents["choices"].as_array().into_iter().flatten().filter_map(|choice| choice["title"].as_str());
    let suits: Vec<bool> = titles.map(|title| title.ends_with(" %) · Suits the work")).collect();
    assert!(suits[0] && suits.is_sorted_by(|before, after| before >= after), "those that suit come first: {agents}");
    let sent = team.sender.prepare_submit("ada", DEV, &dialog, &[], Some("task_from_message"))?;
    assert!(is_taken(&team, &team.sender.deliver(&sent).await));
    let card = team.sees("ada", DEV, "Login is broken").await?;
    assert!(shown(&card).contains("since <today>"), "{}", shown(&card));
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_form_is_refused_to_them_alone() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let dialog = open(&team, "guest", GROUP).await?;
    let sent = team.sender.prepare_submit("guest", GROUP, &dialog, &fill(&["title=Not for guests"]), None)?;
    assert!(is_taken(&team, &team.sender.deliver(&sent).await));
    let refusal = team.sees("guest", GROUP, "may not").await?;
    let guest = team.sim.world().user("guest").context("no guest")?.id;
    assert_eq!(refusal.only_for.as_deref(), Some(guest.as_str()));
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_form_of_ours_is_answered_and_does_nothing() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let unknown = json!({"ai-crm": {"form": "no.such"}});
    let (_, seen) = team.sender.open_dialog("ada", DEV, &unknown).await?;
    assert!(matches!(&seen, Shown::Text { text } if text.contains("not known")), "{seen:?}");
    let mut hostile = of_form();
    for (name, value) in [("title", json!(["x"])), ("description", json!("x".repeat(5000))), ("due", json!({}))] {
        hostile[name] = value;
    }
    let sent = team.sender.invoke("ada", DEV, "task/submit", &json!({"data": hostile}))?;
    let again = task(team.sender.see_dialog(&team.sender.deliver(&sent).await))?.to_string();
    assert!(again.contains("at most 3000 characters") && again.contains("what is to be done"), "{again}");
    team.rest().await?;
    let said = team.sim.world().messages(&team.place(DEV)?);
    assert_eq!(said.iter().filter(|message: &&Message| message.is_by_bot()).count(), 0, "{said:#?}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_platform_delays_no_dialog() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let methods = ["send", "update", "members", "token"].map(str::to_owned).to_vec();
    team.sim.world().set_faults(Faults { stall: 1.0, stall_ms: 20_000, methods, ..Faults::default() });
    let (answer, seen) = team.sender.open_dialog("ada", DEV, &of_form()).await?;
    assert!(answer.elapsed < Duration::from_secs(1), "{answer:?}");
    let sent = team.sender.prepare_submit("ada", DEV, &task(seen)?, &fill(&["title=Later"]), None)?;
    let answer = team.sender.deliver(&sent).await;
    assert!(is_taken(&team, &answer) && answer.elapsed < Duration::from_secs(1), "{answer:?}");
    team.sim.world().set_faults(Faults::default());
    team.killed_for_good();
    Ok(())
}
