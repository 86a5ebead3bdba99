//! Links to tasks that somebody pastes in Teams: what is shown below them, and to whom.

use ai_crm::actors::clock;
use ai_crm::sim::teams::press::Shown;
use ai_crm::sim::teams::seed::{APP_ID, APP_PASSWORD, GROUP, MEETING, OTHER_TENANT, OUTSIDE, TENANT};
use ai_crm::sim::teams::{App, Manner, Sender, SenderConfig, TeamsSim, TeamsWorld};
use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::adaptive_cards::check;
use crate::oauth::Office;
use crate::stage::PATIENCE;
use crate::teams::Team;
use crate::unfurl::{AT, PUBLIC, link};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn teams_shows_the_task_of_a_link_that_is_pasted_to_who_may_see_it() -> anyhow::Result<()> {
    let team = Team::set_with(&[PUBLIC]).await?;
    team.api().post("/tools/task.create", &json!({"title": "Paint <b>the</b> *shed*", "priority": "high"})).await?;
    let (answer, shown) = team.sender.paste("ada", GROUP, &link("t-1/?from=mail")).await?;
    let Shown::Results { results } = shown else { bail!("nothing below it: {answer:?}") };
    ensure!(results[0]["preview"]["content"]["title"] == "T-1 Paint <b>the</b> *shed*", "{results}");
    ensure!(results[0]["content"].to_string().contains("high"), "{results}");
    ensure!(!answer.body.contains("token") && !answer.body.contains("Action."), "nothing to press: {}", answer.body);
    ensure!(answer.body.contains("setCachePolicy"), "Teams shows it to nobody else without asking: {}", answer.body);
    check(&[results[0]["content"].clone()])?;
    // The same activity again is the same answer, and one event.
    let paste = team.sender.prepare_paste("ada", GROUP, &link("T-1"))?;
    for answer in team.sender.deliver_as(&paste, Manner::Twice).await {
        ensure!(matches!(team.sender.see_link(&answer), Shown::Results { .. }), "{answer:?}");
    }
    for (who, place, url) in [
        ("ada", GROUP, link("T-99")),
        ("ada", GROUP, format!("{AT}/elsewhere")),
        ("ada", GROUP, "https://bot.example.com.evil.example/tasks/T-1".to_owned()),
        ("ada", GROUP, format!("https://evil.example/?{}", link("T-1"))),
        ("guest", GROUP, link("T-1")),
        ("stranger", MEETING, link("T-1")),
        ("anonymous", MEETING, link("T-1")),
        ("grace", OUTSIDE, link("T-1")),
    ] {
        let (answer, shown) = team.sender.paste(who, place, &url).await?;
        ensure!(matches!(shown, Shown::Nothing), "{who} {url}: {answer:?}");
        ensure!(!answer.body.contains("shed"), "{who} {url}: {answer:?}");
    }
    let before = team.api().events(None).await?.len();
    let nobody = team.sender.prepare_anonymous_paste("ada", GROUP, &link("T-1"))?;
    let answer = team.sender.deliver(&nobody).await;
    ensure!(matches!(team.sender.see_link(&answer), Shown::Nothing) && answer.status == Some(200), "{answer:?}");
    team.rest().await?;
    ensure!(team.api().events(None).await?.len() == before, "of nobody nothing is kept");
    let rows = team.api().lines("/audit/export").await?;
    let ends = |end: &str| {
        let of_links = rows.iter().filter(|row| row["entry"]["action"] == "task.show" && row["entry"]["end"] == end);
        of_links.count()
    };
    ensure!(ends("done") == 2 && ends("denied") >= 2, "each is audited as showing it is: {rows:#?}");
    let said = team.sim.world().messages(&team.place(GROUP)?);
    ensure!(said.iter().all(|message| !message.is_by_bot()), "nothing is said in the conversation: {said:#?}");
    team.end_but_for(0, &["BotNotInConversationRoster"]).await
}

/// The other tenant of Teams has a task of the same number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_of_teams_sees_its_own_task_of_a_number() -> anyhow::Result<()> {
    crate::support::api::http_client()?;
    let sim = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock::system())).await?;
    let (login, metadata, hosts) = (sim.login_url(), sim.metadata_url(), sim.service_host());
    let office = Office::set_with(
        None,
        &[
            ("AI_CRM_PUBLIC_URL", AT),
            ("MICROSOFT_APP_ID", APP_ID),
            ("MICROSOFT_APP_PASSWORD", APP_PASSWORD),
            ("MICROSOFT_APP_TENANT_ID", TENANT),
            ("MICROSOFT_LOGIN_URL", &login),
            ("MICROSOFT_OPENID_METADATA_URL", &metadata),
            ("MICROSOFT_SERVICE_HOSTS", &hosts),
            ("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "0"),
            ("AI_CRM__CHANNELS__TEAMS__TENANTS", OTHER_TENANT),
        ],
    )
    .await?;
    let sender = Sender::new(sim.world().clone(), SenderConfig::new(office.server.base_url()))?;
    let seats = [("grace", "personal-grace", "Elderberries here"), ("stranger", "personal-stranger", "Figs there")];
    for (who, place, title) in seats {
        let (_, answer) = sender.say_and_deliver(who, place, &format!("task create \"{title}\""), None).await?;
        ensure!(answer.is_some_and(|answer| answer.accepted()));
        let place = sim.world().conversation(place).context("a chat")?.id;
        let seen = sim.world().wait_for(PATIENCE, |world| world.messages(&place).into_iter().find(|it| it.is_by_bot()));
        ensure!(crate::teams::shown(&seen.await.context("a card")?).contains("T-1"));
    }
    for ((who, place, own), (.., other)) in [(seats[0], seats[1]), (seats[1], seats[0])] {
        let (answer, shown) = sender.paste(who, place, &link("T-1")).await?;
        let Shown::Results { results } = shown else { bail!("{who}: {answer:?}") };
        let results = results.to_string();
        ensure!(results.contains(own) && !results.contains(other), "{who}: {results}");
    }
    ensure!(office.server.stop().await?.success());
    Ok(())
}
