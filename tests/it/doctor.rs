//! What `doctor` proves beyond the token: that the public address leads to this program, and that a message gets out.

use std::net::TcpListener;

use ai_crm::sim::teams::seed::{BotStanding, TENANT};
use anyhow::{Context, ensure};
use rand::RngExt;
use serde_json::Value;

use crate::stage::run;
use crate::teams::{Team, shown};

/// The findings of this name, as `doctor` gives them.
async fn found(team: &Team, words: &[&str], what: &str) -> anyhow::Result<Value> {
    let printed = run(&team.plan, &[words, &["--json"]].concat(), "").await?.json()?;
    let mut all = printed["findings"].as_array().context("findings")?.clone();
    all.retain(|finding| finding["what"] == what);
    ensure!(all.len() == 1, "{what}: {printed}");
    Ok(all.remove(0))
}

/// An address on which nobody listens, with a port below those that the system gives out by itself.
fn free() -> Option<String> {
    let ports = (0..100).map(|_| rand::rng().random_range(10_000..30_000));
    let mut addresses = ports.map(|port: u16| format!("127.0.0.1:{port}"));
    addresses.find(|address| TcpListener::bind(address).is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_address_must_lead_to_this_program() -> anyhow::Result<()> {
    let (own, nobody) = (free().context("no port is free")?, free().context("no port is free")?);
    let other = axum::Router::new().fallback(|| async { "It works!" });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let another = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, other).await });
    for (public, state, part) in [
        (Some(&own), "good", "leads to this program"),
        (Some(&another), "bad", "answers HTTP 200 and is not this program"),
        (Some(&nobody), "warning", "cannot be reached from here"),
        (None, "warning", "is not known"),
    ] {
        let url = public.map(|address| format!("http://{address}/")).unwrap_or_default();
        let team = Team::set_with(&[("AI_CRM__SERVER__LISTEN", &own), ("AI_CRM_PUBLIC_URL", &url)]).await?;
        let found = found(&team, &["doctor"], "teams endpoint").await?;
        ensure!(found["state"] == state && found["detail"].to_string().contains(part), "{public:?}: {found}");
        ensure!(found["mend"].is_string() == (state != "good"), "{found}");
        team.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_out_and_back_where_that_is_asked_for() -> anyhow::Result<()> {
    let ada =
        ai_crm::sim::teams::seed::users().into_iter().find_map(|user| user.aad_object_id).context("an account")?;
    let owners = format!(r#"["teams:{TENANT}/{ada}"]"#);
    let team = Team::set_with(&[("AI_CRM__PEOPLE__OWNERS", &owners)]).await?;
    let send = &["doctor", "--send"];
    let nobody = found(&team, send, "teams message").await?;
    ensure!(nobody["state"] == "warning" && nobody["mend"].to_string().contains("people.owners"), "{nobody}");
    team.say("ada", "personal-ada", "help").await?;
    team.sees("ada", "personal-ada", "What you may ask here").await?;
    team.rest().await?;

    let sent = found(&team, send, "teams message").await?;
    ensure!(sent["state"] == "good" && sent["detail"].to_string().contains("changed there"), "{sent}");
    let said = team.sim.world().messages("personal-ada");
    let proof = said.last().context("a message")?;
    ensure!(proof.edits == 1 && shown(proof).contains("so is the way back"), "{proof:?}");
    ensure!(run(&team.plan, &["doctor"], "").await?.code() == Some(0));
    ensure!(team.sim.world().messages("personal-ada").len() == said.len(), "without being asked it sends nothing");

    assert!(team.sim.world().set_standing("personal-ada", BotStanding::Blocked));
    let blocked = found(&team, send, "teams message").await?;
    ensure!(
        blocked["state"] == "bad" && blocked["detail"].to_string().contains("ConversationBlockedByUser"),
        "{blocked}"
    );
    team.end_but_for(0, &["ConversationBlockedByUser"]).await
}
