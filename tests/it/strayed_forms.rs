//! A form that was opened in one workspace and comes by another: it is refused in words, in the form, and is not used up.

use std::collections::BTreeMap;

use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::seed::TEAM;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::oauth::{LAB, MARY, Office, SECOND};
use crate::stage::{ADA, DEV, PATIENCE};

/// The same form, as if it had been sent in another workspace.
fn in_another(request: &Request, team: &str) -> anyhow::Result<Request> {
    let mut fields: BTreeMap<String, String> =
        url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    let mut payload: Value = serde_json::from_str(&fields["payload"])?;
    for pointer in ["/team/id", "/user/team_id", "/view/team_id", "/view/app_installed_team_id"] {
        *payload.pointer_mut(pointer).with_context(|| pointer.to_owned())? = json!(team);
    }
    fields.insert("payload".to_owned(), payload.to_string());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    Ok(Request { body, ..request.clone() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_taken_in_the_workspace_in_which_it_was_opened_alone() -> anyhow::Result<()> {
    let office = Office::set_with(None, &[]).await?;
    office.install_team(TEAM).await?;
    office.install_team(SECOND).await?;
    let first = office.first().clone();
    let sender = office.sender(&first)?;
    ensure!(sender.deliver(&sender.prepare_shortcut(ADA, "task_create")?).await.accepted());
    let view = first.wait_for(PATIENCE, |world| world.views().pop()).await.context("no form")?.id;
    let filled = sender.fill_in(&view, &BTreeMap::from([("title".into(), "Bound to the first".into())]))?;
    let submit = sender.prepare_submit(&view, &filled)?;

    let strayed = in_another(&submit, SECOND)?;
    for _ in 0..2 {
        let answer = sender.deliver(&strayed).await;
        ensure!(answer.accepted(), "{answer:?}");
        let said: Value = serde_json::from_str(&answer.body).with_context(|| format!("{answer:?}"))?;
        ensure!(said["response_action"] == "errors", "{said}");
        let words = said["errors"]["title"].as_str().context("it is said at no field")?;
        ensure!(words.contains("not opened in this workspace") && words.contains("open it again here"), "{words}");
    }
    let listed = office.asks(&office.second, MARY, LAB, "task list").await?;
    ensure!(!listed.contains("Bound to the first"), "{listed}");
    for tenant in ["default", "slack-t0second1"] {
        let events = office.events(tenant).await?;
        ensure!(events.iter().all(|event| event["kind"] != "form_submitted"), "it is no event: {events:#?}");
    }

    // Where it was opened it works still.
    let answer = sender.deliver(&submit).await;
    ensure!(answer.accepted() && answer.body.is_empty(), "{answer:?}");
    let listed = office.asks(&first, ADA, DEV, "task list").await?;
    ensure!(listed.contains("Bound to the first"), "{listed}");
    for world in [&first, &office.second] {
        ensure!(world.violations().is_empty(), "{:?}", world.violations());
    }
    ensure!(office.server.stop().await?.success());
    Ok(())
}
