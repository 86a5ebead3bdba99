//! The connector of a conversation in Teams: what is owed where it moved, and where nothing arrives.

use ai_crm::sim::fault::Faults;
use ai_crm::sim::teams::Variant;
use ai_crm::sim::teams::seed::{BotStanding, GROUP};
use anyhow::{Context, ensure};
use serde_json::Value;

use crate::stage::PATIENCE;
use crate::support::until;
use crate::teams::Team;

/// A bot that tries again soon, and knows Ada already.
async fn known() -> anyhow::Result<Team> {
    let team = Team::set_with(&[("AI_CRM__LEDGER__BACKOFF_MOST_S", "1")]).await?;
    team.say("ada", GROUP, "@AI-CRM task create \"Before\"").await?;
    team.sees("ada", GROUP, "Before").await?;
    team.rest().await?;
    Ok(team)
}

/// Tells the bot that Ada types, which asks nothing of it and names the connector of that moment.
async fn typing(team: &Team) -> anyhow::Result<()> {
    let answer = team.sender.deliver(&team.sender.typing("ada", GROUP)?).await;
    ensure!(answer.accepted(), "{answer:?}");
    Ok(())
}

/// The one effect that was given up.
async fn given_up(team: &Team) -> anyhow::Result<String> {
    until(PATIENCE, "an answer is given up", || async {
        let dead = team.api().get("/effects?state=dead").await?;
        Ok(dead["effects"][0]["id"].as_str().map(str::to_owned))
    })
    .await
}

/// What `why` says of an effect's event.
async fn why(team: &Team, effect: &str) -> anyhow::Result<String> {
    let story: Value = team.api().get(&format!("/why/{effect}")).await?;
    Ok(story["story"]["cause"].as_str().with_context(|| format!("no cause: {story}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_goes_where_the_conversation_was_moved() -> anyhow::Result<()> {
    let team = known().await?;
    let faults = Faults { server_error: 1.0, methods: vec!["send".to_owned()], ..Faults::default() };
    team.sim.world().set_faults(faults);
    team.say("ada", GROUP, "@AI-CRM task create \"Owed meanwhile\"").await?;
    until(PATIENCE, "the answer was tried", || async {
        let owed = team.api().get("/effects?state=owed").await?;
        Ok(owed.to_string().contains("503").then_some(()))
    })
    .await?;
    assert!(team.sim.world().move_to(GROUP, "amer"));
    typing(&team).await?;
    // What is known of a place outlives the process that learnt it.
    let team = team.killed().await?;
    team.sees("ada", GROUP, "Owed meanwhile").await?;
    // Nothing was refused: had it gone where the question came from, Teams would not know the conversation.
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_not_found_is_told_and_what_was_owed_follows_it() -> anyhow::Result<()> {
    let team = known().await?;
    let asked = team.sender.say("ada", GROUP, "@AI-CRM task create \"Left behind\"", None)?;
    let asked = team.sender.sign(&asked.activity.context("nothing to send")?, Variant::Genuine);
    assert!(team.sim.world().move_to(GROUP, "amer"));
    assert!(team.sender.send(&asked).await.accepted());
    let dead = given_up(&team).await?;
    let cause = why(&team, &dead).await?;
    assert!(cause.contains("did not arrive") && cause.contains("HTTP 404 ConversationNotFound"), "{cause}");
    assert!(cause.contains("let somebody write to the bot there"), "the mend: {cause}");
    typing(&team).await?;
    let event = dead.split('.').next().unwrap_or_default();
    team.api().post(&format!("/events/{event}/replay"), &Value::Null).await?;
    team.sees("ada", GROUP, "Left behind").await?;
    team.end_but_for(0, &["ConversationNotFound"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_shut_is_told_with_its_reason() -> anyhow::Result<()> {
    let team = known().await?;
    let asked = team.sender.say("ada", GROUP, "@AI-CRM task create \"Nobody hears it\"", None)?;
    assert!(team.sim.world().set_standing(GROUP, BotStanding::Absent));
    assert!(team.sender.deliver(&asked.activity.context("nothing to send")?).await.accepted());
    let cause = why(&team, &given_up(&team).await?).await?;
    assert!(cause.contains("HTTP 403 BotNotInConversationRoster; add the bot"), "{cause}");
    team.end_but_for(1, &["BotNotInConversationRoster"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_in_two_places_is_known_in_the_one_that_is_not_shut() -> anyhow::Result<()> {
    let team = known().await?;
    let shut = team.sender.say("linus", "load-9", "@AI-CRM task create \"Not heard\"", None)?;
    let open = team.sender.say("linus", GROUP, "@AI-CRM task create \"Heard here\"", None)?;
    assert!(team.sim.world().set_standing("load-9", BotStanding::Absent));
    // Who that is is asked in the first place while the second waits.
    let slow = Faults { latency_ms: 700, methods: vec!["members".to_owned()], ..Faults::default() };
    team.sim.world().set_faults(slow);
    for said in [shut, open] {
        assert!(team.sender.deliver(&said.activity.context("nothing to send")?).await.accepted());
    }
    team.sees("linus", GROUP, "Heard here").await?;
    team.end_but_for(1, &["BotNotInConversationRoster"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_where_the_conversation_is_not_found_is_no_stranger_for_it() -> anyhow::Result<()> {
    let team = known().await?;
    let asked = team.sender.say("linus", GROUP, "@AI-CRM task create \"Left behind\"", None)?;
    let asked = team.sender.sign(&asked.activity.context("nothing to send")?, Variant::Genuine);
    assert!(team.sim.world().move_to(GROUP, "amer"));
    assert!(team.sender.send(&asked).await.accepted());
    let cause = why(&team, &given_up(&team).await?).await?;
    assert!(cause.contains("teams does not say who asks: HTTP 404 ConversationNotFound"), "{cause}");
    // From the new place they are known.
    typing(&team).await?;
    team.say("linus", GROUP, "@AI-CRM task create \"Found again\"").await?;
    team.sees("linus", GROUP, "Found again").await?;
    team.end_but_for(1, &["ConversationNotFound"]).await
}
