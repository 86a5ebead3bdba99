//! Cards that live: presses, mentions, direct messages, the bot's own voice, and answers that come late.
//!
//! Every answer comes once, where it was asked for, whichever way the platform tells of the question.

use std::time::Duration;

use ai_crm::sim::slack::fault::Faults;
use ai_crm::sim::slack::message::{Message, Via};
use ai_crm::sim::slack::payload::Request;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, Expected, GENERAL, GRACE, GUEST, LINUS, SHARED, STRANGER, Stage, controls, words};

/// The id of what stands on a button or menu.
fn control(message: &Message, label: &str) -> anyhow::Result<String> {
    controls(message).get(label).cloned().with_context(|| format!("no `{label}` among {:?}", controls(message)))
}

/// The payload of an interaction with a part of it changed.
fn tampered(request: &Request, change: impl FnOnce(&mut Value)) -> anyhow::Result<Request> {
    let (_, payload) = url::form_urlencoded::parse(request.body.as_bytes())
        .find(|(name, _)| name == "payload")
        .context("an interaction has a payload")?;
    let mut payload: Value = serde_json::from_str(&payload)?;
    change(&mut payload);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    Ok(Request { body: form.append_pair("payload", &payload.to_string()).finish(), ..request.clone() })
}

/// Waits until a message is another than it was, and says something.
async fn says(stage: &Stage, message: &Message, part: &str) -> anyhow::Result<Message> {
    let seen = stage.sees(part, |world| {
        world
            .message(&message.channel, &message.ts)
            .filter(|it| it.blocks != message.blocks && words(it).contains(part))
    });
    seen.await
}

async fn task(stage: &Stage, id: &str) -> anyhow::Result<Value> {
    Ok(stage.api().post("/tools/task.show", &json!({ "task": id })).await?["result"]["task"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_changes_the_task_and_the_card_that_was_pressed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let card = stage.answer(ADA, "task create Pressed --agent rust-pro").await?;
    assert_eq!((card.via, card.ephemeral_to.as_deref()), (Via::Inline, None));
    let shown = stage.said(DEV).len();

    let start = control(&card, "Start")?;
    // Both see the card as it is; Grace is the slower one.
    let late = stage.sender.prepare_click(GRACE, DEV, &card.ts, &start, None)?;
    let (press, answer) = stage.sender.click(ADA, DEV, &card.ts, &start, None).await?;
    assert_eq!((answer.status, answer.body.as_str()), (Some(200), ""));
    let edited = says(&stage, &card, "in-progress").await?;
    assert!(words(&edited).contains("ada: "), "it says who did it: {}", words(&edited));
    assert!(!controls(&edited).contains_key("Start"), "{:?}", controls(&edited));
    assert_eq!(task(&stage, "T-1").await?["status"], "in-progress");

    // The same press again is the same event; a further press of an old button is answered and changes nothing.
    let events = stage.api().events(None).await?.len();
    assert_eq!(stage.sender.deliver(&press.request).await.status, Some(200));
    assert_eq!(stage.api().events(None).await?.len(), events);
    assert_eq!(stage.sender.deliver(&late.request).await.status, Some(200));
    stage.rest().await?;
    assert_eq!(task(&stage, "T-1").await?["status"], "in-progress");
    let after = stage.world().message(DEV, &card.ts).context("the card is still there")?;
    assert!(words(&after).contains("in-progress"), "{}", words(&after));

    let done = control(&after, "Done")?;
    stage.sender.click(GRACE, DEV, &card.ts, &done, None).await?;
    let closed = says(&stage, &after, "done").await?;
    assert_eq!(controls(&closed).keys().map(String::as_str).collect::<Vec<_>>(), ["Reopen"]);
    stage.rest().await?;
    let new = stage.said(DEV).len() - shown;
    assert!(new <= 1, "at most the slower one was told; {new} messages are new");
    let told: Vec<Message> = stage.said(DEV).into_iter().skip(shown).collect();
    assert!(told.iter().all(|message| message.ephemeral_to.as_deref() == Some(GRACE)), "{told:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_menu_assigns_and_two_who_press_at_once_are_both_answered() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let card = stage.answer(ADA, "task create Tune the PostgreSQL indexes of the shop").await?;
    let menu = control(&card, "Assign agent")?;
    let offered = card.blocks.iter().filter(|block| block["type"] == "actions");
    let offered = offered.flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let choice = offered.filter_map(|it| it["options"][0]["value"].as_str()).next().context("an agent")?.to_owned();
    let (_, answer) = stage.sender.click(ADA, DEV, &card.ts, &menu, Some(&choice)).await?;
    assert_eq!(answer.status, Some(200));
    let assigned = says(&stage, &card, &choice).await?;
    assert!(!controls(&assigned).contains_key("Assign agent"), "{:?}", controls(&assigned));

    let block = control(&assigned, "Block")?;
    let first = stage.sender.prepare_click(ADA, DEV, &card.ts, &block, None)?;
    let second = stage.sender.prepare_click(LINUS, DEV, &card.ts, &block, None)?;
    let answers = tokio::join!(stage.sender.deliver(&first.request), stage.sender.deliver(&second.request));
    assert_eq!((answers.0.status, answers.1.status), (Some(200), Some(200)));
    says(&stage, &assigned, "blocked").await?;
    stage.rest().await?;
    let history = task(&stage, "T-1").await?;
    assert_eq!(history["status"], "blocked", "{history}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_press_is_answered_to_the_one_who_pressed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let card = stage.answer(ADA, "task create Not to be forged").await?;
    let done = control(&card, "Done")?;
    let genuine = stage.sender.prepare_click(GRACE, DEV, &card.ts, &done, None)?;
    for (number, forge) in [
        (|token: &str| format!("{token}x")) as fn(&str) -> String,
        |token| token.chars().rev().collect(),
        |_| "task done T-1".to_owned(),
        |_| String::new(),
        |token| token.replace(|c: char| c.is_ascii_digit(), "7"),
        |_| "\u{0}\u{202e}".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let seen = stage.said(DEV).len();
        let forged = tampered(&genuine.request, |payload| {
            let token = payload["actions"][0]["value"].as_str().unwrap_or_default().to_owned();
            payload["actions"][0]["value"] = json!(forge(&token));
            payload["actions"][0]["action_ts"] = json!(format!("1.{number}"));
            payload["trigger_id"] = json!(format!("forged.{number}"));
        })?;
        assert_eq!(stage.sender.deliver(&forged).await.status, Some(200));
        stage.rest().await?;
        let newest = stage.newest().await?;
        ensure!(["refused", "ignored"].contains(&newest["state"].as_str().unwrap_or_default()), "{number}: {newest}");
        let told: Vec<Message> = stage.said(DEV).into_iter().skip(seen).collect();
        assert!(told.iter().all(|message| message.ephemeral_to.as_deref() == Some(GRACE)), "{number}: {told:?}");
        assert!(newest["state"] == "ignored" || told.len() == 1, "{number}: {told:?}");
    }
    assert_eq!(task(&stage, "T-1").await?["status"], "todo");
    let same = stage.world().message(DEV, &card.ts).context("the card")?;
    assert!(same.edited.is_none() && same.blocks == card.blocks, "the card is untouched");

    // A genuine token in a stranger's or a guest's hand is worth what they may do.
    for user in [GUEST, STRANGER] {
        let press = stage.sender.prepare_click(user, DEV, &card.ts, &done, None)?;
        assert_eq!(stage.sender.deliver(&press.request).await.status, Some(200));
        stage.rest().await?;
        assert_eq!(stage.newest().await?["state"], "denied");
    }
    assert_eq!(task(&stage, "T-1").await?["status"], "todo");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_is_one_event_and_is_answered_in_its_thread() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (asked, answers) =
        stage.sender.say_and_deliver(ADA, GENERAL, "<@U0BOT0001> task create Said in passing", None).await?;
    assert_eq!(answers.len(), 2, "Slack tells of it twice");
    assert!(answers.iter().all(|answer| answer.status == Some(200)));
    stage.rest().await?;
    let said = stage.said(GENERAL);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].thread_ts.as_deref(), Some(asked.ts.as_str()));
    assert_eq!(stage.api().events(None).await?.len(), 1);
    let id = stage.newest().await?["id"].as_str().map(str::to_owned).context("an id")?;
    let why = stage.api().get(&format!("/why/{id}")).await?;
    assert_eq!(why["story"]["came_again"].as_array().map_or(0, Vec::len), 1, "{why}");

    // Within the thread it goes on in the thread, for the asker alone where it concerns nobody else.
    let (_, _) = stage.sender.say_and_deliver(GRACE, GENERAL, "<@U0BOT0001> task list", Some(&asked.ts)).await?;
    stage.rest().await?;
    let listed = stage.said(GENERAL).into_iter().next_back().context("a list")?;
    assert_eq!(listed.thread_ts.as_deref(), Some(asked.ts.as_str()));
    assert_eq!(listed.ephemeral_to.as_deref(), Some(GRACE));

    // In a direct conversation nothing needs to be mentioned and nobody else is there.
    stage.sender.say_and_deliver(LINUS, "D0LINUS01", "team status", None).await?;
    stage.rest().await?;
    let direct = stage.said("D0LINUS01");
    assert_eq!(direct.len(), 1);
    assert!(words(&direct[0]).contains("Team"), "{}", words(&direct[0]));

    // In a channel that outsiders read, one of them is refused and a member is not.
    stage.sender.say_and_deliver(STRANGER, SHARED, "<@U0BOT0001> task list", None).await?;
    stage.sender.say_and_deliver(ADA, SHARED, "<@U0BOT0001> status dashboard", None).await?;
    stage.rest().await?;
    let states: Vec<Value> = stage.api().events(None).await?.into_iter().map(|event| event["state"].clone()).collect();
    assert_eq!(states[..2], [json!("done"), json!("denied")], "{states:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_not_talk_to_itself_nor_to_whom_does_not_mean_it() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.sender.say_and_deliver(ADA, GENERAL, "<@U0BOT0001> help", None).await?;
    let card = stage.answer(ADA, "task create Heard by itself").await?;
    stage.rest().await?;
    let before = (stage.said(GENERAL).len(), stage.said(DEV).len());
    let echo = stage.sender.echo(DEV, &card.ts)?;
    assert_eq!(stage.sender.deliver(&echo).await.status, Some(200));
    let (chat, _) = stage.sender.say_and_deliver(GRACE, GENERAL, "task list, is that what one says?", None).await?;
    let edit = stage.sender.edit(GRACE, GENERAL, &chat.ts, "<@U0BOT0001> task list")?;
    assert_eq!(stage.sender.deliver(&edit).await.status, Some(200));
    stage.sender.say_and_deliver(GRACE, GENERAL, "<@U0LINUS01> have you seen <@U0ADA0001>", None).await?;
    let joined = stage.sender.event(&json!({"type": "member_joined_channel", "user": GRACE, "channel": GENERAL}));
    assert_eq!(stage.sender.deliver(&joined).await.status, Some(200));
    stage.rest().await?;
    assert_eq!((stage.said(GENERAL).len(), stage.said(DEV).len()), before, "it kept silent");
    let ignored = stage.api().events(Some("ignored")).await?;
    assert_eq!(ignored.len(), 5, "{ignored:#?}");
    let whys: Vec<&str> = ignored.iter().filter_map(|event| event["summary"].as_str()).collect();
    for why in ["own message", "not addressed", "message_changed", "coming and going"] {
        assert!(whys.iter().any(|said| said.contains(why)), "{why}: {whys:?}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_inline_while_slack_waits_and_comes_once_however_late() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("AI_CRM__LEDGER__INLINE_ANSWER_MS", "400")]).await?;
    let quick = stage.slash(ADA, "team status").await?;
    ensure!(quick.elapsed < Duration::from_millis(1500), "{:?}", quick.elapsed);
    assert_eq!(quick.message.as_ref().map(|message| message.via), Some(Via::Inline));

    // Slack is slow to say who Grace is: the HTTP answer does not wait for it.
    let slow = Faults { latency_ms: 900, methods: vec!["users.info".to_owned()], ..Faults::default() };
    stage.world().set_faults(slow);
    let late = stage.slash(GRACE, "task create Said later").await?;
    assert_eq!((late.status, late.body.as_str(), late.error.as_deref()), (Some(200), "", None));
    ensure!(late.elapsed < Duration::from_millis(1500), "{:?}", late.elapsed);
    let id = late.response_url_id.clone();
    let posts = stage.sees("the late answer", |world| world.response_url(&id).filter(|url| url.uses > 0)).await?;
    assert_eq!(posts.posts.len(), 1);
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    let said = stage.said(DEV);
    let answers = said.iter().filter(|message| words(message).contains("Said later")).count();
    assert_eq!(answers, 1, "{said:?}");
    let why = stage.newest().await?["id"].as_str().map(str::to_owned).context("an id")?;
    let why = stage.api().get(&format!("/why/{why}")).await?;
    assert!(why["story"]["effects"][0]["detail"].as_str().is_some_and(|it| it.contains("response_url")), "{why}");

    // A response_url that is used up or gone does not swallow an answer: it goes by the Web API.
    let gone = Faults { server_error: 1.0, methods: vec!["users.info".to_owned()], ..Faults::default() };
    stage.world().set_faults(gone);
    let mut asked = stage.sender.prepare_slash(LINUS, DEV, "/ai-crm", "task create By the other way")?;
    let url = format!("/response/{}", asked.response_url_id);
    asked.request.body = asked.request.body.replace(&url.replace('/', "%2F"), "%2Fresponse%2FRNOWHERE");
    let answer = stage.sender.deliver(&asked.request).await;
    assert_eq!((answer.status, answer.body.as_str()), (Some(200), ""));
    stage.world().set_faults(Faults::default());
    stage
        .sees("the answer by the Web API", |world| {
            let all = world.messages(DEV);
            all.into_iter()
                .find(|message| message.via == Via::PostMessage && words(message).contains("By the other way"))
        })
        .await?;
    stage.rest().await?;
    assert_eq!(stage.world().violations().len(), 1, "the one use of the address that was not there");
    stage.end_but_for(Expected { refusals: &["no_such_url"], ..Expected::default() }).await
}
