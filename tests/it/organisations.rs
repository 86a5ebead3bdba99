//! What people of an organisation say while the bot is down, which is installed for it as a whole: each team is looked
//! through by itself and answered there once, and a team that cannot be read holds up no other.

use ai_crm::actors::clock;
use ai_crm::sim::slack::oauth::Choice;
use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::seed::{self, Channel, Standing, TEAM, User, Workspace};
use ai_crm::sim::slack::{Sender, SharedWorld, SlackWorld};
use anyhow::ensure;
use serde_json::Value;

use crate::gaps::AT_ONCE;
use crate::oauth::{LAB, MARY, ORGANISATION, Office, SECOND};
use crate::stage::{ADA, DEV, PATIENCE, run, words};
use crate::support::until;

const BOT: &str = "<@U0BOT0001>";
const TENANT: &str = "default";
/// The chats of the bot with a person in each team.
const WITH_ADA: &str = "D0FIRST01";
const WITH_MARY: &str = "D0SECOND1";
/// A team that is approved later, a person of it, and the chat of the bot with her.
const THIRD: &str = "T0THIRD01";
const KATE: &str = "U0KATE001";
const WITH_KATE: &str = "D0THIRD01";

/// Makes a workspace a team of the organisation, in which the bot is in one channel and in one chat: ids are those of
/// the whole organisation, so no team has a place of another.
fn joins(world: &SharedWorld, id: &str, channel: &str, (chat, person): (&str, &str)) {
    world.set_workspace(Workspace {
        id: id.into(),
        name: id.into(),
        domain: id.to_lowercase(),
        enterprise: Some((ORGANISATION.into(), "Org".into())),
        org_install: true,
    });
    seed::channels().iter().filter(|of| of.id != channel).for_each(|of| world.remove_bot(&of.id));
    world.put_channel(Channel::direct(chat, person));
}

/// The organisation with two teams, of which the bot knows.
async fn organisation() -> anyhow::Result<Office> {
    let office = Office::set_with(None, &[AT_ONCE]).await?;
    joins(office.first(), TEAM, DEV, (WITH_ADA, ADA));
    joins(&office.second, SECOND, LAB, (WITH_MARY, MARY));
    office.install(Choice::Organisation(ORGANISATION.into())).await?;
    for team in [TEAM, SECOND] {
        looked(&office, team).await?;
    }
    Ok(office)
}

/// What the look of a team shows, when it is over.
async fn looked(office: &Office, team: &str) -> anyhow::Result<Value> {
    let what = format!("{team} was looked through\n{}", office.plan.log());
    until(PATIENCE, &what, || async {
        let actors = office.server.api().get("/actors").await?;
        let actors = actors.get("actors").unwrap_or(&actors);
        let state = actors.get(format!("slack gap of {team}")).map(|shown| shown["state"].clone());
        Ok(state.filter(|state| state["looking"] == false))
    })
    .await
}

/// Waits until every event has ended and everything that is owed is done.
async fn rest(office: &Office) -> anyhow::Result<()> {
    until(PATIENCE, "nothing waits and nothing is owed", || async {
        let mut left = 0;
        for (path, list) in [("/events?state=waiting", "events"), ("/effects?state=owed", "effects")] {
            let page = office.server.api().get(&format!("{path}&tenant={TENANT}")).await?;
            left += page[list].as_array().map_or(0, Vec::len);
        }
        Ok((left == 0).then_some(()))
    })
    .await
}

/// What the bot says in a place of a team.
fn said(world: &SharedWorld, place: &str) -> Vec<String> {
    world.messages(place).iter().filter(|message| message.bot_id.is_some()).map(words).collect()
}

/// Says to nobody in each team what its people want: in a chat and in a channel. The events that Slack did not deliver.
fn say_in_each(senders: &[Sender; 2]) -> anyhow::Result<[Vec<Request>; 2]> {
    let [one, two] = senders;
    let mut first = one.say(ADA, WITH_ADA, "task create Chat of the first", None)?.events;
    first.extend(one.say(ADA, DEV, &format!("{BOT} task create Mention in the first"), None)?.events);
    let mut second = two.say(MARY, WITH_MARY, "task create Chat of the second", None)?.events;
    second.extend(two.say(MARY, LAB, &format!("{BOT} task create Mention in the second"), None)?.events);
    Ok([first, second])
}

async fn is_sound(office: Office) -> anyhow::Result<()> {
    for world in [office.first(), &office.second] {
        ensure!(world.violations().is_empty(), "{:?}", world.violations());
    }
    office.log_has_no_secret();
    ensure!(office.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_in_each_team_is_answered_there_once() -> anyhow::Result<()> {
    let office = organisation().await?;
    let worlds = [office.first().clone(), office.second.clone()];
    let senders = [office.sender(&worlds[0])?, office.sender(&worlds[1])?];
    let (office, told) = office.killed_while(|| say_in_each(&senders)).await?;
    // Slack tells late of all of it, while it is looked for and again afterwards.
    for _ in 0..2 {
        for (world, events) in worlds.iter().zip(&told) {
            let sender = office.sender(world)?;
            for event in events {
                ensure!(sender.deliver(event).await.accepted());
            }
        }
        for team in [TEAM, SECOND] {
            let state = looked(&office, team).await?;
            ensure!(
                state["taken_in"].as_u64().zip(state["known"].as_u64()).is_some_and(|(a, b)| a + b == 2),
                "{state}"
            );
            ensure!(state["not_read"] == serde_json::json!({}) && state["left_out"] == 0, "{state}");
        }
    }
    rest(&office).await?;
    for (world, place, title) in [
        (&worlds[0], WITH_ADA, "Chat of the first"),
        (&worlds[0], DEV, "Mention in the first"),
        (&worlds[1], WITH_MARY, "Chat of the second"),
        (&worlds[1], LAB, "Mention in the second"),
    ] {
        let said = said(world, place);
        ensure!(said.len() == 1 && said[0].contains(title), "{place}: {said:#?}");
    }
    let events = office.events(TENANT).await?;
    let of = |team: &str| {
        let place_of = |event: &&Value| event.to_string().contains(team);
        events.iter().filter(|event| event["kind"] == "command").filter(place_of).count()
    };
    ensure!(of(TEAM) == 2 && of(SECOND) == 2, "each is of its team: {events:#?}");
    let doctor = run(&office.plan, &["doctor", "--json"], "").await?.json()?;
    ensure!(doctor.to_string().contains("E0ORGSIM1: an organisation, of which 2 teams are looked through"), "{doctor}");

    // A further start finds the same, and knows it.
    let office = office.killed().await?;
    for team in [TEAM, SECOND] {
        let state = looked(&office, team).await?;
        ensure!(state["taken_in"] == 0 && state["known"] == 2, "{state}");
    }
    ensure!(office.first().calls()["auth.teams.list"]["ok"] >= 3, "{:?}", office.first().calls());
    is_sound(office).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_that_cannot_be_read_is_said_and_the_others_are_fetched() -> anyhow::Result<()> {
    let office = organisation().await?;
    office.second.set_withheld(true);
    let senders = [office.sender(office.first())?, office.sender(&office.second)?];
    let (office, _) = office.killed_while(|| say_in_each(&senders)).await?;
    let state = looked(&office, SECOND).await?;
    ensure!(state["taken_in"] == 0 && state["not_read"]["all of im"] == "team_access_not_granted", "{state}");
    let state = looked(&office, TEAM).await?;
    ensure!(state["taken_in"] == 2 && state["not_read"] == serde_json::json!({}), "{state}");
    rest(&office).await?;
    ensure!(said(office.first(), DEV).len() == 1 && said(&office.second, LAB).is_empty());
    let doctor = run(&office.plan, &["doctor", "--json"], "").await?.json()?.to_string();
    ensure!(doctor.contains("T0SECOND1: 0 messages") && doctor.contains("team_access_not_granted"), "{doctor}");
    is_sound(office).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_that_is_approved_later_is_looked_at_from_then_on() -> anyhow::Result<()> {
    let office = organisation().await?;
    let third = SlackWorld::new("xoxb-nobody-there", clock::system());
    joins(&third, THIRD, "none", (WITH_KATE, KATE));
    third.put_user(User {
        id: KATE.into(),
        name: "kate".into(),
        real_name: "Kate Johnson".into(),
        team: THIRD.into(),
        standing: Standing::Member,
    });
    office.first().add_workspace(&third);
    let sender = office.sender(&third)?;
    sender.say(KATE, WITH_KATE, "task create Before it was approved", None)?;
    office.first().approve(&third);
    let office = office.killed().await?;
    let state = looked(&office, THIRD).await?;
    ensure!(state["found"] == 0 && state["calls"] == 0, "what was said before is none of our business: {state}");

    let say = || Ok(sender.say(KATE, WITH_KATE, "task create Afterwards", None).map(drop)?);
    let (office, ()) = office.killed_while(say).await?;
    let state = looked(&office, THIRD).await?;
    ensure!(state["taken_in"] == 1, "{state}");
    rest(&office).await?;
    let said = said(&third, WITH_KATE);
    ensure!(said.iter().filter(|said| said.contains("Afterwards")).count() == 1, "{said:#?}");
    ensure!(!said.iter().any(|said| said.contains("Before it was approved")), "{said:#?}");
    is_sound(office).await
}
