//! What people are told unasked, and the cards that are kept true wherever they are: the real binary between the
//! stand-ins of Slack and Teams.
//!
//! When a notice goes by somebody's wishes is tested in `src/domain/notice.rs`, whom a change concerns in
//! `src/commands`.

use ai_crm::sim::fault::Fate;
use ai_crm::sim::slack::Faults;
use ai_crm::sim::slack::message::{Message, Via};
use ai_crm::sim::slack::seed::BOT_USER;
use anyhow::{Context, ensure};

use crate::link::Both;
use crate::stage::{ADA, DEV, Expected, GRACE, Stage, controls, words};

/// What the bot says in the chat that somebody has with it alone.
fn in_person(stage: &Stage, user: &str) -> Vec<Message> {
    let chat = format!("D{}", &user[1..]);
    stage.said(&chat).into_iter().filter(|message| message.user == BOT_USER).collect()
}

async fn told(stage: &Stage, user: &str, part: &str) -> anyhow::Result<Message> {
    let found = |messages: Vec<Message>| messages.into_iter().find(|message| words(message).contains(part));
    let chat = format!("D{}", &user[1..]);
    let seen = stage.sees(part, |world| found(world.messages(&chat)));
    seen.await.with_context(|| format!("{user} is not told `{part}`: {:?}", in_person(stage, user)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_given_a_task_is_told_in_their_own_chat_and_can_act_there() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.answer(GRACE, "help").await?;
    stage.answer(ADA, "task create \"Rotate the keys\" --to @grace").await?;
    let notice = told(&stage, GRACE, "Rotate the keys").await?;
    let said = words(&notice);
    assert!(said.contains("ada gave it to you") && said.contains("it is yours"), "{said}");
    assert_eq!(notice.via, Via::PostMessage);
    stage.rest().await?;
    assert!(in_person(&stage, ADA).is_empty(), "nobody is told of what they did themselves");

    // What is done there is told to who made the task, and the card there says so.
    let start = controls(&notice).get("Start").cloned().context("a notice of a task can be acted on")?;
    stage.sender.click(GRACE, &notice.channel, &notice.ts, &start, None).await?;
    let status = told(&stage, ADA, "in-progress").await?;
    assert!(words(&status).contains("you made it"), "{}", words(&status));
    let chat = notice.channel.clone();
    let kept = stage.sees("the notice is kept true", |world| {
        world.message(&chat, &notice.ts).filter(|it| words(it).contains("in-progress"))
    });
    kept.await?;

    stage.answer(ADA, "task comment T-1 @grace where are the old ones?").await?;
    let named = told(&stage, GRACE, "ada named you: @grace where are the old ones?").await?;
    assert!(words(&named).contains("you were named"), "{}", words(&named));
    let story = words(&stage.answer(ADA, "why").await?);
    assert!(story.contains("is told: mentions"), "{story}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chat_in_which_a_notice_is_looked_for_is_asked_for_once() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.answer(GRACE, "help").await?;
    stage.rest().await?;
    let calls = |stage: &Stage, method: &str| {
        stage.world().calls().remove(method).and_then(|ends| ends.get("ok").copied()).unwrap_or_default()
    };
    for number in 1..=3 {
        let methods = vec!["chat.postMessage".to_owned()];
        stage.world().set_faults(Faults { methods, script: [Fate::LostAnswer].into(), ..Faults::default() });
        stage.answer(ADA, &format!("task create \"Lost {number}\" --to @grace")).await?;
        told(&stage, GRACE, &format!("Lost {number}")).await?;
        stage.rest().await?;
        assert_eq!(in_person(&stage, GRACE).len(), number, "none is repeated");
        let looks = calls(&stage, "conversations.history");
        assert_eq!((looks, calls(&stage, "users.conversations")), (number as u64, 1), "{:?}", stage.world().calls());
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_to_be_left_alone_is_and_why_says_so() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let set = words(&stage.answer(GRACE, "notifications --mute 3d --off comments").await?);
    assert!(set.contains("So you are told from now on") && set.contains("Muted until"), "{set}");
    stage.answer(ADA, "task create \"Rotate the keys\" --to @grace").await?;
    let story = words(&stage.answer(ADA, "why").await?);
    assert!(story.contains("is not told, who is muted"), "{story}");
    let unmuted = words(&stage.answer(GRACE, "unmute").await?);
    assert!(!unmuted.contains("Muted until") && unmuted.contains("Not of"), "{unmuted}");
    stage.answer(ADA, "task comment T-1 soon").await?;
    let story = words(&stage.answer(ADA, "why").await?);
    assert!(story.contains("is not told, who wants none of these"), "{story}");
    stage.answer(ADA, "task update T-1 --status blocked").await?;
    let notice = told(&stage, GRACE, "blocked").await?;
    assert!(words(&notice).contains("T-1"), "{}", words(&notice));
    stage.rest().await?;
    assert_eq!(in_person(&stage, GRACE).len(), 1);

    for (line, mend) in [
        ("notifications --quiet 9", "19:00-08:00"),
        ("notifications --zone Berlin", "Europe/Berlin"),
        ("notifications --via pigeon", "slack, teams"),
        ("notifications --off news", "assignments, status"),
        ("notifications --mute never", "30m, 2h, 3d or 1w"),
    ] {
        let refused = words(&stage.answer(GRACE, line).await?);
        assert!(refused.contains(mend), "{line}: {refused}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_on_one_platform_changes_the_cards_on_the_others() -> anyhow::Result<()> {
    let both = Both::set().await?;
    both.in_teams("ada", "personal-ada", "task create Shared").await?;
    let card = both.in_slack(ADA, "task show T-1").await?;
    // Slack names the message of an answer to a slash command only when something on it is pressed.
    let start = controls(&card).get("Start").cloned().context("a card can be pressed")?;
    both.press_in_slack(ADA, &card, &start).await?;
    let in_teams = both.sees_in_teams("personal-ada", "in-progress").await?;
    assert!(in_teams.contains("Shared"), "{in_teams}");
    both.in_teams("grace", "general", "@AI-CRM task done T-1").await?;
    let done = both.sees_in_slack(&card, "done").await?;
    assert!(done.contains("Shared") && !done.contains("Start"), "{done}");
    let in_teams = both.sees_in_teams("personal-ada", "done").await?;
    assert!(in_teams.contains("Grace Hopper"), "{in_teams}");
    both.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_arrive_is_told_to_the_owner() -> anyhow::Result<()> {
    let owners = r#"["slack:T0SIM0001/U0ADA0001"]"#;
    let stage = Stage::set_with(&[("AI_CRM__PEOPLE__OWNERS", owners)]).await?;
    stage.answer(ADA, "help").await?;
    let said = stage.sender.say(GRACE, DEV, "<@U0BOT0001> task create Unheard", None)?;
    stage.world().remove_bot(DEV);
    stage.sender.deliver(&said.events[0]).await;
    let alert = told(&stage, ADA, "did not arrive").await?;
    let said = words(&alert);
    ensure!(said.contains("not_in_channel") && said.contains("you are an owner"), "{said}");
    stage.end_but_for(Expected { dead: 1, refusals: &["not_in_channel"], ..Expected::default() }).await
}
