//! Teams with a certificate instead of a secret: the real binary asks the stand-in for Entra by it, and says what is
//! wrong with one that cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ai_crm::actors::clock;
use ai_crm::sim::teams::seed::{APP_ID, APP_PASSWORD, TENANT};
use ai_crm::sim::teams::{App, Message, Sender, SenderConfig, TeamsSim, TeamsWorld};
use anyhow::{Context, ensure};
use data_encoding::BASE64;
use serde_json::Value;

use crate::stage::{PATIENCE, run};
use crate::support::api::http_client;
use crate::support::server::ServerPlan;
use crate::teams::shown;

const PEM: &str = include_str!("../data/teams-app-certificate.pem");
const OTHER: &str = include_str!("../data/teams-app-certificate-other.pem");

/// A stand-in whose app has the certificate of `PEM` uploaded and no secret.
async fn entra() -> anyhow::Result<TeamsSim> {
    http_client()?;
    let (_, rest) = PEM.split_once("-----BEGIN CERTIFICATE-----").context("a certificate")?;
    let (body, _) = rest.split_once("-----END").context("its end")?;
    let der = BASE64.decode(body.replace('\n', "").as_bytes())?;
    let app = App { passwords: Vec::new(), certificates: vec![der], ..App::default() };
    Ok(TeamsSim::start("127.0.0.1:0", TeamsWorld::new(app, clock::system())).await?)
}

fn file(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

fn plan(folder: &Path, sim: &TeamsSim, certificate: &Path) -> ServerPlan {
    ServerPlan::new(&folder.join("data"))
        .with("MICROSOFT_APP_ID", APP_ID)
        .with("MICROSOFT_APP_CERTIFICATE", &format!("file:{}", certificate.display()))
        .with("MICROSOFT_APP_TENANT_ID", TENANT)
        .with("MICROSOFT_LOGIN_URL", &sim.login_url())
        .with("MICROSOFT_OPENID_METADATA_URL", &sim.metadata_url())
        .with("MICROSOFT_SERVICE_HOSTS", &sim.service_host())
        .with("AI_CRM__LOG__FILTER", "debug")
}

/// Whether a text holds a line of a key or a certificate.
fn shows_any(text: &str) -> bool {
    PEM.lines().chain(OTHER.lines()).filter(|line| !line.starts_with('-')).any(|line| text.contains(line))
}

/// Findings of `doctor` about Teams; an error where they show the key.
fn of_teams(found: &Value) -> anyhow::Result<Vec<&Value>> {
    ensure!(!shows_any(&found.to_string()), "it shows the key: {found}");
    let findings = found["findings"].as_array().into_iter().flatten();
    Ok(findings.filter(|finding| finding["what"] == "teams").collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_answered_by_a_token_that_the_certificate_got() -> anyhow::Result<()> {
    let (folder, sim) = (tempfile::tempdir()?, entra().await?);
    let plan = plan(folder.path(), &sim, &file(folder.path(), "app.pem", PEM)?);
    let server = plan.start().await?;
    let sender = Sender::new(sim.world().clone(), SenderConfig::new(server.base_url()))?;
    let (_, answer) = sender.say_and_deliver("ada", "personal-ada", "task create \"Signed for\"", None).await?;
    ensure!(answer.as_ref().is_some_and(|answer| answer.accepted()), "{answer:?}");
    let chat = sim.world().conversation("personal-ada").context("a chat")?.id;
    let seen = sim.world().wait_for(PATIENCE, |world| {
        world.messages(&chat).into_iter().filter(Message::is_by_bot).find(|said| shown(said).contains("Signed for"))
    });
    seen.await.with_context(|| plan.log())?;
    let found = server.api().get("/doctor").await?;
    let teams = of_teams(&found)?;
    assert!(teams.len() == 1 && teams[0]["state"] == "good", "{found}");
    let secrets = found["findings"].to_string();
    assert!(secrets.contains("channels.teams.app_certificate: file: in the variable MICROSOFT_APP_CERTIFICATE"));
    assert!(sim.world().violations().is_empty(), "{:?}", sim.world().violations());
    assert!(server.stop().await?.success());
    assert!(!shows_any(&plan.log()), "the log shows the key");
    sim.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_uploaded_is_a_finding_with_its_mend() -> anyhow::Result<()> {
    let (folder, sim) = (tempfile::tempdir()?, entra().await?);
    let server = plan(folder.path(), &sim, &file(folder.path(), "app.pem", OTHER)?).start().await?;
    let found = server.api().get("/doctor").await?;
    let teams = of_teams(&found)?;
    assert!(teams.len() == 1 && teams[0]["state"] == "bad", "{found}");
    let detail = teams[0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("AADSTS700027") && detail.contains("MICROSOFT_APP_CERTIFICATE"), "{detail}");
    assert!(teams[0]["mend"].as_str().is_some_and(|mend| mend.contains("certificate")), "{found}");
    assert!(server.stop().await?.success());
    sim.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_stops_the_start_and_names_the_setting() -> anyhow::Result<()> {
    let (folder, sim) = (tempfile::tempdir()?, entra().await?);
    let (key, certificate) = PEM.split_at(PEM.find("-----BEGIN CERTIFICATE").context("a certificate")?);
    let (other_key, _) = OTHER.split_at(OTHER.find("-----BEGIN CERTIFICATE").context("a certificate")?);
    for (text, expected) in [
        (certificate.to_owned(), "no private key"),
        (key.to_owned(), "no certificate"),
        (format!("{other_key}{certificate}"), "of another certificate"),
    ] {
        let plan = plan(folder.path(), &sim, &file(folder.path(), "app.pem", &text)?);
        let refused = run(&plan, &["serve"], "").await?;
        assert_eq!(refused.code(), Some(1), "{expected}: {refused:?}");
        assert!(refused.err.contains("MICROSOFT_APP_CERTIFICATE") && refused.err.contains(expected), "{refused:?}");
        assert!(!shows_any(&refused.err), "{refused:?}");
        let looked = run(&plan, &["doctor", "--json"], "").await?;
        let found = looked.json()?;
        let teams = of_teams(&found)?;
        assert!(teams.len() == 1 && teams[0]["detail"].as_str().is_some_and(|it| it.contains(expected)), "{found}");
    }
    let whole = file(folder.path(), "app.pem", PEM)?;
    let both = plan(folder.path(), &sim, &whole).with("MICROSOFT_APP_PASSWORD", APP_PASSWORD);
    let refused = run(&both, &["serve"], "").await?;
    assert!(refused.code() == Some(1) && refused.err.contains("take away the other"), "{refused:?}");
    fs::set_permissions(&whole, fs::Permissions::from_mode(0o644))?;
    let refused = run(&plan(folder.path(), &sim, &whole), &["serve"], "").await?;
    assert!(refused.code() == Some(1) && refused.err.contains("chmod 600"), "{refused:?}");
    sim.stop().await;
    Ok(())
}
