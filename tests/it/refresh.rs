//! Cards that each person in Teams sees as they are for them: what a member, a guest and a stranger see, and when.

use std::time::{Duration, Instant};

use ai_crm::sim::fault::Faults;
use ai_crm::sim::teams::press::{Refresh, Shown};
use ai_crm::sim::teams::seed::{GROUP, OTHER_TENANT};
use ai_crm::sim::teams::{Answer, Message};
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::adaptive_cards::check;
use crate::stage::run;
use crate::teams::Team;

/// What stands in the place of a task for who may not see it.
const NOT_FOR_YOU: &str = "What stands here is not for you";
/// The answer that leaves a card as it stands.
const LEFT: &str = r#"{"statusCode":200}"#;

/// Somebody makes a task, whose card everybody sees.
async fn made(team: &Team, title: &str) -> anyhow::Result<Message> {
    team.say("ada", GROUP, &format!("@AI-CRM task create \"{title}\"")).await?;
    let card = team.sees("grace", GROUP, title).await?;
    team.rest().await?;
    Ok(card)
}

/// What a person sees who comes by.
async fn look(team: &Team, who: &str, message: &Message) -> anyhow::Result<(Answer, Shown)> {
    Ok(team.sender.refresh(who, GROUP, &message.id, Refresh::default()).await?)
}

async fn card(team: &Team, who: &str, message: &Message) -> anyhow::Result<Value> {
    match look(team, who, message).await? {
        (_, Shown::Card { card }) => Ok(card),
        other => bail!("{who} sees no card: {other:?}"),
    }
}

/// What can be pressed on a card.
fn labels(card: &Value) -> Vec<&str> {
    let sets = card["body"].as_array().into_iter().flatten();
    let rows = sets.filter(|element| element["type"] == "ActionSet").flat_map(|set| set["actions"].as_array());
    rows.flatten().filter_map(|action| action["title"].as_str()).collect()
}

async fn status(team: &Team) -> anyhow::Result<String> {
    let shown = team.api().post("/tools/task.show", &json!({ "task": "T-1" })).await?;
    shown["result"]["task"]["status"].as_str().map(str::to_owned).context("a status")
}

/// An action of ours as a client would send it.
async fn act(team: &Team, who: &str, message: &Message, data: Value, trigger: &str) -> anyhow::Result<Answer> {
    let action = json!({ "type": "Action.Execute", "verb": "ai-crm", "data": data });
    let mut invoke =
        team.sender.invoke(who, GROUP, "adaptiveCard/action", &json!({ "action": action, "trigger": trigger }))?;
    invoke["replyToId"] = json!(message.id);
    Ok(team.sender.deliver(&invoke).await)
}

/// The token by which a card is asked for.
fn token(message: &Message) -> anyhow::Result<String> {
    let card = message.cards().next().context("a card")?;
    card["refresh"]["action"]["data"]["ai-crm"]["refresh"].as_str().map(str::to_owned).context("it can be asked for")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sees_the_card_as_it_is_for_them_and_nobody_is_told() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let message = made(&team, "Seen by many").await?;
    let said = team.sim.world().messages(&team.place(GROUP)?).len();
    let grace = card(&team, "grace", &message).await?;
    assert!(grace.to_string().contains("Seen by many") && labels(&grace).contains(&"Done"), "{grace}");
    let guest = card(&team, "guest", &message).await?;
    let all = guest.to_string();
    assert!(all.contains(NOT_FOR_YOU) && !all.contains("Seen by many") && !all.contains("T-1"), "{guest}");
    assert!(labels(&guest).is_empty(), "{guest}");
    check(&[grace.clone(), guest.clone()])?;
    for seen in [&grace, &guest] {
        assert!(seen["refresh"]["userIds"].is_null() && !seen["refresh"]["action"].is_null(), "it comes again: {seen}");
    }
    let ada = team.sees("ada", GROUP, "Seen by many").await?;
    assert!(ada.cards().next().is_some_and(|card| labels(card).contains(&"Done")), "the others see what they saw");
    team.rest().await?;
    assert_eq!(team.sim.world().messages(&team.place(GROUP)?).len(), said, "to look says nothing");
    let events = team.api().events(None).await?;
    let looks: Vec<&Value> = events.iter().filter(|event| event["kind"] == "card_seen").collect();
    assert_eq!(looks.len(), 2, "{events:#?}");
    let rows = team.api().lines("/audit/export").await?;
    let ends: Vec<&str> = rows
        .iter()
        .filter(|row| row["entry"]["action"] == "task.show" && row["entry"]["channel"] == "teams")
        .filter_map(|row| row["entry"]["end"].as_str())
        .collect();
    assert_eq!(ends, ["done", "denied"], "each look is audited as `task show` is: {rows:#?}");
    let id = looks[0]["id"].as_str().context("an id")?;
    let why = team.api().get(&format!("/why/{id}")).await?.to_string();
    assert!(!why.contains("Seen by many"), "what was shown is kept nowhere: {why}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_sees_the_truth_while_the_message_cannot_be_changed() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let message = made(&team, "Changed elsewhere").await?;
    let never = Faults { server_error: 1.0, methods: vec!["update".to_owned()], ..Faults::default() };
    team.sim.world().set_faults(never);
    let typed = run(&team.plan, &["chat", "task", "done", "T-1"], "").await?;
    ensure!(typed.out.contains("todo → done"), "{typed:?}");
    assert_eq!(status(&team).await?, "done");
    let stale = team.sim.world().message(&message.conversation, &message.id).context("the message")?;
    assert_eq!((stale.edits, stale.cards().next().is_some_and(|card| labels(card).contains(&"Done"))), (0, true));
    let seen = card(&team, "grace", &message).await?;
    assert!(labels(&seen) == ["Reopen"] && seen.to_string().contains("done"), "{seen}");
    // What could not be changed waits for longer each time; a start tries it at once.
    team.killed().await?.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_never_changes_anything_whatever_token_it_brings() -> anyhow::Result<()> {
    let team = Team::set_with(&[("AI_CRM__CHANNELS__TEAMS__TENANTS", OTHER_TENANT)]).await?;
    let message = made(&team, "Only looked at").await?;
    let grace = card(&team, "grace", &message).await?;
    let before = status(&team).await?;
    let button = grace["body"].as_array().into_iter().flatten().find_map(|element| {
        let buttons = element["actions"].as_array()?;
        let done = buttons.iter().find(|button| button["title"] == "Done")?;
        done["data"]["ai-crm"]["token"].as_str()
    });
    let (button, own) = (button.context("a button")?, token(&message)?);
    let press = json!({"ai-crm": {"token": button}});
    assert_eq!(act(&team, "grace", &message, press, "automatic").await?.status, Some(501), "nobody pressed");
    for trigger in ["automatic", "manual"] {
        let mut forged = own.clone();
        forged.replace_range(..1, if own.starts_with('1') { "2" } else { "1" });
        for token in [button, forged.as_str(), "x", "7fffffff.bG9vay1hdCBULTE.AAAA"] {
            let answer = act(&team, "grace", &message, json!({"ai-crm": {"refresh": token}}), trigger).await?;
            assert_eq!((answer.status, answer.body.as_str()), (Some(200), LEFT), "{trigger} {token}");
        }
        let looked = act(&team, "grace", &message, json!({"ai-crm": {"refresh": own}}), trigger).await?;
        assert!(looked.body.contains("Only looked at"), "by the menu as by itself: {looked:?}");
    }
    // As a press it is no button.
    let pressed = act(&team, "grace", &message, json!({"ai-crm": {"token": own}}), "manual").await?;
    assert!(pressed.status == Some(200) && !pressed.body.contains("Only looked at"), "{pressed:?}");
    // Another company asks with what was signed for this one.
    let action = json!({"type": "Action.Execute", "data": {"ai-crm": {"refresh": own}}});
    let value = json!({ "action": action, "trigger": "automatic" });
    let mut theirs = team.sender.invoke("stranger", "personal-stranger", "adaptiveCard/action", &value)?;
    theirs["conversation"]["tenantId"] = json!(OTHER_TENANT);
    theirs["channelData"]["tenant"]["id"] = json!(OTHER_TENANT);
    let answer = team.sender.deliver(&theirs).await;
    assert_eq!((answer.status, answer.body.as_str()), (Some(200), LEFT));
    team.rest().await?;
    assert_eq!(status(&team).await?, before);
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_who_come_by_at_one_time_all_see_it_soon() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let message = made(&team, "Seen by sixty").await?;
    let mut place = team.sim.world().conversation(GROUP).context("the group")?;
    for number in place.members.len()..60 {
        let name = format!("load{number}");
        place.members.push(team.sim.world().user(&name).context("somebody for load")?.id);
    }
    let viewers = place.members.clone();
    assert_eq!(viewers.len(), 60);
    team.sim.world().put_conversation(place);
    let begun = Instant::now();
    let looks = viewers.iter().map(|who| team.sender.refresh(who, GROUP, &message.id, Refresh::default()));
    let looked = futures_util::future::join_all(looks).await;
    let took = begun.elapsed();
    for (who, looked) in viewers.iter().zip(looked) {
        let (answer, shown) = looked?;
        assert!(matches!(shown, Shown::Card { .. }), "{who}: {answer:?}");
        assert!(answer.elapsed < Duration::from_secs(5), "{who}: {answer:?}");
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_waits_holds_up_nobody_who_looks_and_who_is_not_known_in_time_sees_it_as_it_was()
-> anyhow::Result<()> {
    let team = Team::set().await?;
    let message = made(&team, "Looked at meanwhile").await?;
    let methods = vec!["members".to_owned()];
    team.sim.world().set_faults(Faults { stall: 1.0, stall_ms: 20_000, methods, ..Faults::default() });
    // The conversation waits for who Linus is.
    team.say("linus", GROUP, "@AI-CRM task create \"Waits\"").await?;
    let (answer, shown) = look(&team, "ada", &message).await?;
    assert!(matches!(&shown, Shown::Card { card } if card.to_string().contains("Looked at meanwhile")), "{answer:?}");
    assert!(answer.elapsed < Duration::from_secs(2), "{answer:?}");
    let (answer, shown) = look(&team, "guest", &message).await?;
    assert_eq!((shown, answer.body.as_str()), (Shown::Nothing, LEFT), "nothing disturbs who only came by");
    assert!(answer.elapsed < Duration::from_secs(8), "{answer:?}");
    team.killed_for_good();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_has_chosen_and_not_sent_outlives_a_look() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let message = made(&team, "Tune the PostgreSQL indexes of the shop").await?;
    let shown = message.cards().next().context("a card")?.to_string();
    let menu: Value = serde_json::from_str(&shown)?;
    let menu = menu["body"].as_array().into_iter().flatten().flat_map(|it| it["items"].as_array()).flatten();
    let choice = menu.filter_map(|it| it["choices"][1]["value"].as_str()).next().context("agents")?.to_owned();
    let how = Refresh { fill: std::slice::from_ref(&choice), ..Refresh::default() };
    let (_, Shown::Card { card }) = team.sender.refresh("grace", GROUP, &message.id, how).await? else {
        bail!("no card")
    };
    let items = card["body"].as_array().into_iter().flatten().flat_map(|it| it["items"].as_array()).flatten();
    let stands: Vec<&str> = items.filter_map(|it| it["value"].as_str()).collect();
    assert_eq!(stands, [choice.as_str()]);
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_in_shows_the_card_of_who_looks() -> anyhow::Result<()> {
    let team = Team::set().await?;
    made(&team, "In the terminal").await?;
    let look = async |who: &str| run(&team.plan, &["sim", "teams", "--look", "--user", who, "--in", "group"], "").await;
    let member = look("grace").await?;
    assert!(member.code() == Some(0) && member.out.contains("In the terminal"), "{member:?}");
    assert!(member.out.contains("Done") && member.out.contains("alone sees it"), "{member:?}");
    let guest = look("guest").await?;
    assert!(guest.out.contains(NOT_FOR_YOU) && !guest.out.contains("In the terminal"), "{guest:?}");
    team.end().await
}
