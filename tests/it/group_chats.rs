//! Direct conversations of several people (`mpim`) in which the bot is: it answers who mentions it, also what was said
//! while it was down, once, and looks there for its own messages.

use ai_crm::sim::fault::Fate;
use ai_crm::sim::slack::seed::Channel;
use ai_crm::sim::slack::{Faults, SlackWorld};
use anyhow::{Context, ensure};

use crate::gaps::{known, looked, unheard};
use crate::stage::{ADA, DEV, Expected, GRACE, Stage, words};

const BOT: &str = "<@U0BOT0001>";
/// Of Ada, Grace and the bot.
const GROUP: &str = "G0MPIM001";

/// A stage with the group chat.
async fn stage() -> anyhow::Result<Stage> {
    let stage = known(&[]).await?;
    stage.world().put_channel(Channel::group(GROUP, &["ada", "ai-crm", "grace"]));
    Ok(stage)
}

fn about(stage: &Stage, title: &str) -> usize {
    stage.said(GROUP).iter().filter(|said| words(said).contains(title)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_is_answered_once_by_whichever_event_slack_tells_of_it() -> anyhow::Result<()> {
    let stage = stage().await?;
    let titles = ["By a mention", "By a message", "By both"];
    for (number, title) in titles.iter().enumerate() {
        let events = unheard(&stage.sender, GRACE, GROUP, &format!("{BOT} task create {title}"), None)?;
        ensure!(events.len() == 2, "{events:?}");
        let told = if number < 2 { &events[number..=number] } else { &events[..] };
        for event in told {
            ensure!(stage.sender.deliver(event).await.accepted());
        }
    }
    stage.sender.say_and_deliver(ADA, GROUP, "not for the bot", None).await?;
    stage.rest().await?;
    assert_eq!(titles.map(|title| about(&stage, title)), [1, 1, 1], "{:#?}", stage.said(GROUP));
    assert_eq!(stage.said(GROUP).len(), 3, "who talks to others is not answered");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_while_it_is_down_is_answered_once() -> anyhow::Result<()> {
    let stage = stage().await?;
    let (stage, events) = stage
        .killed_while(async |sender| {
            unheard(sender, ADA, GROUP, "task create Not for the bot", None)?;
            unheard(sender, GRACE, GROUP, &format!("{BOT} task create Called in vain"), None)
        })
        .await?;
    for _ in 0..2 {
        for event in &events {
            ensure!(stage.sender.deliver(event).await.accepted());
        }
        let state = looked(&stage).await?;
        ensure!(state["not_read"] == serde_json::json!({}) && state["found"] == 1, "{state}");
    }
    stage.rest().await?;
    assert_eq!((about(&stage, "Called in vain"), stage.said(GROUP).len()), (1, 1), "{:#?}", stage.said(GROUP));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_scopes_the_rest_is_fetched_and_doctor_names_them() -> anyhow::Result<()> {
    for (scope, place) in [("mpim:read", "all of mpim"), ("mpim:history", GROUP)] {
        let stage = stage().await?;
        stage.world().set_scope(scope, false);
        let (stage, ()) = stage
            .killed_while(async |sender| {
                unheard(sender, GRACE, GROUP, &format!("{BOT} task create Not to be found"), None)?;
                unheard(sender, GRACE, DEV, &format!("{BOT} task create Found"), None)?;
                Ok(())
            })
            .await?;
        let state = looked(&stage).await?;
        stage.rest().await?;
        let why = state["not_read"][place].as_str().context("it is not said")?;
        ensure!(state["taken_in"] == 1 && why.contains(scope), "{state}");
        assert_eq!((stage.said(DEV).len(), stage.said(GROUP).len()), (1, 0));
        let doctor = stage.run(&["doctor", "--json"]).await?.json()?;
        ensure!(doctor.to_string().contains(&format!("missing_scope (the token needs {scope})")), "{doctor}");
        stage.end_but_for(Expected { refusals: &["missing_scope"], ..Expected::default() }).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_got_lost_is_found_there_and_not_repeated() -> anyhow::Result<()> {
    let stage = stage().await?;
    let methods = vec!["chat.postMessage".to_owned()];
    stage.world().set_faults(Faults { methods, script: [Fate::LostAnswer].into(), ..Faults::default() });
    stage.sender.say_and_deliver(GRACE, GROUP, &format!("{BOT} task create Lost on the way"), None).await?;
    let looked = |world: &SlackWorld| world.calls().get("conversations.replies")?.get("ok").copied();
    stage.sees("the bot looks in the thread of the mention", looked).await?;
    stage.rest().await?;
    assert_eq!((about(&stage, "Lost on the way"), stage.world().posts().len()), (1, 1));
    stage.end().await
}
