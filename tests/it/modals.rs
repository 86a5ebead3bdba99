//! Forms on Slack: opened at once whatever else Slack does, told an analysis while they are open, checked in place, and
//! acted on once, with the answer where the form was opened.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ai_crm::sim::fault::Fate;
use ai_crm::sim::slack::message::Message;
use ai_crm::sim::slack::state::OpenView;
use ai_crm::sim::slack::{Faults, Sender, SenderConfig};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::slack_models;
use crate::stage::{ADA, DEV, Expected, GRACE, GUEST, Stage, words};
use crate::support::server::SIGNING_SECRET;

/// The direct messages of Ada with the bot.
const WITH_ADA: &str = "D0ADA0001";
/// How long what opens a form lives.
const TRIGGER_LIFE: Duration = Duration::from_secs(3);

/// What is filled in, as Slack sends it.
fn values(title: &str, due: Option<&str>) -> Value {
    json!({
        "title": { "value": { "type": "plain_text_input", "value": title } },
        "description": { "value": { "type": "plain_text_input", "value": null } },
        "agent": { "value": { "type": "static_select", "selected_option": null } },
        "priority": { "value": { "type": "static_select", "selected_option": {
            "text": { "type": "plain_text", "text": "high" }, "value": "high",
        } } },
        "due": { "value": { "type": "datepicker", "selected_date": due } },
    })
}

/// The form that is open, which Slack's own models take.
async fn opened(stage: &Stage) -> anyhow::Result<OpenView> {
    checked(stage.sees("a form is open", |world| world.views().last().cloned()).await?)
}

/// The open form when its analysis has these words.
async fn analysed(stage: &Stage, part: &str) -> anyhow::Result<OpenView> {
    let has_it = |open: &OpenView| analysis(open).contains(part);
    checked(stage.sees(part, |world| world.views().into_iter().find(has_it)).await?)
}

fn checked(open: OpenView) -> anyhow::Result<OpenView> {
    let parts = ["type", "callback_id", "private_metadata", "title", "submit", "close", "blocks"];
    let view: Value = parts.iter().map(|name| ((*name).to_owned(), open.view[name].clone())).collect();
    slack_models::check(&[json!({ "view": view })])?;
    Ok(open)
}

/// Chooses the shortcut that opens an empty form.
pub(crate) async fn open(stage: &Stage, user: &str) -> anyhow::Result<OpenView> {
    let answer = stage.sender.deliver(&stage.sender.prepare_shortcut(user, "task_create")?).await;
    ensure!(answer.accepted() && answer.body.is_empty(), "{answer:?}");
    opened(stage).await
}

/// Says something, and opens the form that is filled in from it.
pub(crate) async fn open_from_message(stage: &Stage, user: &str, text: &str) -> anyhow::Result<(Message, OpenView)> {
    let said = stage.sender.say(GRACE, DEV, text, None)?.message;
    let chosen = stage.sender.prepare_message_action(user, DEV, &said.ts, "task_from_message")?;
    let answer = stage.sender.deliver(&chosen).await;
    ensure!(answer.accepted() && answer.body.is_empty(), "{answer:?}");
    Ok((said, opened(stage).await?))
}

/// The titles of all tasks.
async fn titles(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let listed = stage.api().post("/tools/task.list", &json!({"limit": 100})).await?;
    let tasks = listed["result"]["tasks"].as_array().with_context(|| format!("no tasks in {listed}"))?;
    Ok(tasks.iter().filter_map(|task| task["title"].as_str()).map(ToOwned::to_owned).collect())
}

/// Waits for what the bot says in a channel with these words in it.
async fn said(stage: &Stage, channel: &str, part: &str) -> anyhow::Result<Message> {
    let is_it = |message: &Message| message.bot_id.is_some() && words(message).contains(part);
    stage.sees(part, |world| world.messages(channel).into_iter().find(is_it)).await
}

/// What the form says of the text in it.
fn analysis(open: &OpenView) -> &str {
    let mut blocks = open.view["blocks"].as_array().into_iter().flatten();
    let block = blocks.find(|block| block["block_id"] == "analysis");
    block.and_then(|block| block["elements"][0]["text"].as_str()).unwrap_or_default()
}

/// Types into the title of a form and presses Enter.
async fn enter_title(stage: &Stage, open: &OpenView, title: &str) -> anyhow::Result<()> {
    let answer = stage.sender.deliver(&stage.sender.enter(&open.id, "title", title)?).await;
    ensure!(answer.accepted() && answer.body.is_empty(), "{answer:?}");
    Ok(())
}

/// How many updates of forms Slack has got, and how many of them ended so.
fn updates(stage: &Stage, end: &str) -> (u64, u64) {
    let calls = stage.world().calls().remove("views.update").unwrap_or_default();
    let count = |end: &str| calls.get(end).copied().unwrap_or_default();
    (calls.values().sum(), count(end))
}

fn in_field<'a>(open: &'a OpenView, field: &str, name: &str) -> &'a Value {
    let blocks = open.view["blocks"].as_array().into_iter().flatten();
    blocks.clone().find(|block| block["block_id"] == field).map_or(&Value::Null, |block| &block["element"][name])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shortcut_opens_a_form_while_all_else_at_slack_stalls() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.answer(ADA, "task list").await?;
    let stalled = ["chat.postMessage", "chat.postEphemeral", "chat.update", "users.info", "response_url"];
    let methods = stalled.map(ToOwned::to_owned).to_vec();
    stage.world().set_faults(Faults { latency_ms: 20_000, methods, ..Faults::default() });
    stage.sender.say_and_deliver(ADA, DEV, "<@U0BOT0001> status", None).await?;
    stage.sender.say_and_deliver(GRACE, DEV, "<@U0BOT0001> status", None).await?;

    let began = Instant::now();
    let open = open(&stage, ADA).await?;
    ensure!(began.elapsed() < TRIGGER_LIFE, "it took {:?}", began.elapsed());
    ensure!(open.user == ADA && open.view["callback_id"] == "form:task.create", "{open:?}");
    let event = stage.newest().await?;
    let why = stage.run(&["why", event["id"].as_str().unwrap_or_default()]).await?;
    ensure!(why.out.contains("it opens the form `task.create`"), "{why:?}");

    stage.world().set_faults(Faults::default());
    let answer = stage.sender.deliver(&stage.sender.close_view(&open.id)?).await;
    ensure!(answer.accepted(), "{answer:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_from_a_message_opens_while_all_else_stalls_and_then_shows_its_analysis() -> anyhow::Result<()> {
    for stage in [Stage::set().await?, Stage::by_socket(&[]).await?] {
        stage.sender.say_and_deliver(ADA, DEV, "<@U0BOT0001> status", None).await?;
        stage.rest().await?;
        let stalled =
            ["views.update", "chat.postMessage", "chat.postEphemeral", "chat.update", "users.info", "response_url"];
        let methods = stalled.map(ToOwned::to_owned).to_vec();
        stage.world().set_faults(Faults { latency_ms: 4000, methods, ..Faults::default() });
        stage.sender.say_and_deliver(ADA, DEV, "<@U0BOT0001> status", None).await?;
        stage.sender.say_and_deliver(GRACE, DEV, "<@U0BOT0001> status", None).await?;

        let began = Instant::now();
        let (_, open) = open_from_message(&stage, ADA, "Fix the SQL injection\n\nin the login").await?;
        ensure!(began.elapsed() < TRIGGER_LIFE, "it took {:?}", began.elapsed());
        ensure!(analysis(&open).starts_with("The analysis of this text comes in a moment"), "{open:?}");
        let groups = in_field(&open, "agent", "option_groups");
        ensure!(groups[0]["label"]["text"] == "Suits the work", "{groups}");
        let lead = groups[0]["options"][0].clone();
        let label = lead["text"]["text"].as_str().context("a label")?;
        ensure!(label.ends_with(" %)"), "{lead}");

        let shown = analysed(&stage, "complexity").await?;
        for part in [&format!("suits: {label}"), "Steps: ", "Risks: ", "no model was asked"] {
            ensure!(analysis(&shown).contains(part), "{part} is missing in {}", analysis(&shown));
        }
        ensure!(shown.id == open.id && shown.hash != open.hash, "{shown:?}");
        stage.world().set_faults(Faults::default());
        stage.sender.submit_view(&open.id, &stage.sender.fill_in(&open.id, &BTreeMap::new())?).await?;
        said(&stage, DEV, "Fix the SQL injection").await?;
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enter_in_the_title_shows_an_analysis_and_what_was_filled_in_stays() -> anyhow::Result<()> {
    for stage in [Stage::set().await?, Stage::by_socket(&[]).await?] {
        let open = open(&stage, ADA).await?;
        ensure!(analysis(&open).starts_with("Press Enter in “Title”"), "{open:?}");
        enter_title(&stage, &open, "Build recommendation engine with ML").await?;
        let shown = analysed(&stage, "complexity").await?;
        ensure!(in_field(&shown, "agent", "option_groups") == in_field(&open, "agent", "option_groups"), "{shown:?}");
        let event = stage.newest().await?;
        let why = stage.run(&["why", event["id"].as_str().unwrap_or_default()]).await?;
        ensure!(why.out.contains("it asks for an analysis in the form `task.create`"), "{why:?}");

        enter_title(&stage, &open, "").await?;
        analysed(&stage, "Press Enter in “Title”").await?;
        let in_description = stage.sender.enter(&open.id, "description", "- train it\n- serve it");
        ensure!(in_description.is_err(), "in a text Enter begins a line");
        enter_title(&stage, &open, "Fix a typo").await?;
        let newer = analysed(&stage, "complexity").await?;
        ensure!(analysis(&newer) != analysis(&shown), "{newer:?}");

        let filled = stage.sender.fill_in(&open.id, &BTreeMap::new())?;
        stage.sender.submit_view(&open.id, &filled).await?;
        said(&stage, WITH_ADA, "Fix a typo").await?;
        let task = stage.api().post("/tools/task.show", &json!({"task": "T-1"})).await?;
        ensure!(task.to_string().contains("- train it\\n- serve it"), "{task}");
        ensure!(titles(&stage).await? == ["Fix a typo"]);
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_analysis_never_takes_the_place_of_a_newer_one() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let open = open(&stage, ADA).await?;
    let older = stage.sender.enter(&open.id, "title", "Fix a typo")?;
    enter_title(&stage, &open, "Build recommendation engine with ML").await?;
    let shown = analysed(&stage, "complexity").await?;
    // Made for the same version of the form, it comes when that is gone.
    ensure!(stage.sender.deliver(&older).await.accepted());
    stage.sees("the conflict", |_| (updates(&stage, "hash_conflict").1 == 1).then_some(())).await?;
    let still = stage.world().views().pop().context("the form")?;
    ensure!(still == shown, "{still:?}");

    // One that is closed meanwhile is nobody's loss.
    let late = stage.sender.enter(&open.id, "title", "Nobody waits")?;
    stage.sender.deliver(&stage.sender.close_view(&open.id)?).await;
    ensure!(stage.sender.deliver(&late).await.accepted());
    stage.sees("the refusal", |_| (updates(&stage, "not_found").1 == 1).then_some(())).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_an_analysis_the_form_is_sent_once() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let mut expected = Vec::new();
    for (number, fate) in
        [Fate::LostAnswer, Fate::RateLimited, Fate::ServerError, Fate::Refused].into_iter().enumerate()
    {
        let methods = vec!["views.update".to_owned()];
        stage.world().set_faults(Faults { methods, script: [fate].into(), ..Faults::default() });
        let (before, _) = updates(&stage, "ok");
        let title = format!("Fix login number {number}");
        let (_, open) = open_from_message(&stage, ADA, &title).await?;
        stage.sees("an update", |_| (updates(&stage, "ok").0 > before).then_some(())).await?;

        // Two clicks, and between them another version of the same form.
        let filled = stage.sender.fill_in(&open.id, &BTreeMap::new())?;
        let first = stage.sender.prepare_submit(&open.id, &filled)?;
        let hash = stage.world().views().last().map(|open| open.hash.clone());
        enter_title(&stage, &open, &title).await?;
        let newer = |open: &OpenView| Some(&open.hash) != hash.as_ref() && analysis(open).contains("complexity");
        stage.sees("another analysis", |world| world.views().into_iter().find(newer)).await?;
        for request in [first, stage.sender.prepare_submit(&open.id, &filled)?] {
            ensure!(stage.sender.deliver(&request).await.accepted(), "{fate:?}");
        }
        expected.insert(0, title);
        stage.rest().await?;
        ensure!(titles(&stage).await? == expected, "{fate:?}: {:?}", titles(&stage).await?);
        stage.sender.deliver(&stage.sender.close_view(&open.id)?).await;
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_sent_makes_one_task_and_is_answered_in_its_thread() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let text = "Fix the <login> & é\n\nIt fails\nsince noon";
    let (message, open) = open_from_message(&stage, ADA, text).await?;
    ensure!(in_field(&open, "title", "initial_value") == "Fix the <login> & é", "{open:?}");
    let description = format!("It fails\nsince noon\n\nSaid by <@{GRACE}>");
    ensure!(in_field(&open, "description", "initial_value") == description.as_str(), "{open:?}");

    // Two clicks on the button are two requests, each with a trigger of its own.
    let filled = values("Fix the <login> & é", None);
    let twice = [stage.sender.prepare_submit(&open.id, &filled)?, stage.sender.prepare_submit(&open.id, &filled)?];
    for request in &twice {
        let answer = stage.sender.deliver(request).await;
        ensure!(answer.accepted() && answer.body.is_empty(), "{answer:?}");
    }
    let card = said(&stage, DEV, "Fix the <login> & é").await?;
    ensure!(card.thread_ts.as_deref() == Some(&*message.ts), "{card:?}");
    stage.rest().await?;
    ensure!(titles(&stage).await? == ["Fix the <login> & é"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_shown_at_their_fields_and_make_no_event() -> anyhow::Result<()> {
    for stage in [Stage::set().await?, Stage::by_socket(&[]).await?] {
        let open = open(&stage, ADA).await?;
        let before = stage.newest().await?;
        let sent = stage.sender.submit_view(&open.id, &values(" ", Some("2020-01-01"))).await?;
        ensure!(sent.response_action.as_deref() == Some("errors"), "{sent:?}");
        let body: Value = serde_json::from_str(&sent.answer.body)?;
        ensure!(body["errors"]["due"] == "this day is over", "{body}");
        ensure!(body["errors"].as_object().is_some_and(|errors| errors.len() == 2), "{body}");
        ensure!(stage.newest().await?["id"] == before["id"], "it made an event");

        let sent = stage.sender.submit_view(&open.id, &values("Mended \"now\" --done", Some("2099-01-01"))).await?;
        ensure!(sent.answer.accepted() && sent.answer.body.is_empty(), "{sent:?}");
        ensure!(stage.world().views().is_empty(), "the form is still open");
        said(&stage, WITH_ADA, "Mended").await?;
        ensure!(titles(&stage).await? == ["Mended \"now\" --done"]);
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_command_opens_a_form_and_says_where_it_cannot() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let result = stage.slash(ADA, "task create").await?;
    ensure!(result.error.is_none() && result.body.is_empty(), "{result:?}");
    let open = opened(&stage).await?;
    stage.sender.submit_view(&open.id, &values("By form", None)).await?;
    said(&stage, DEV, "By form").await?;

    // A trigger that is too old.
    let late = stage.sender.prepare_slash(ADA, DEV, "/ai-crm", "task create")?;
    tokio::time::sleep(TRIGGER_LIFE + Duration::from_millis(200)).await;
    ensure!(stage.sender.deliver(&late.request).await.accepted());
    let told = said(&stage, DEV, "The form did not open").await?;
    ensure!(told.ephemeral_to.as_deref() == Some(ADA), "{told:?}");
    stage.end_but_for(Expected { refusals: &["expired_trigger_id"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_refused_when_the_form_is_sent_and_alone_sees_it() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (_, open) = open_from_message(&stage, GUEST, "Let me in").await?;
    let sent = stage.sender.submit_view(&open.id, &values("Let me in", None)).await?;
    ensure!(sent.answer.accepted() && sent.answer.body.is_empty(), "{sent:?}");
    stage.rest().await?;
    let shown = stage.said(DEV);
    ensure!(shown.len() == 1 && shown[0].ephemeral_to.as_deref() == Some(GUEST), "{shown:?}");
    // In a thread that nobody has begun Slack would not show it.
    ensure!(shown[0].thread_ts.is_none(), "{shown:?}");
    ensure!(titles(&stage).await?.is_empty());
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_the_form_and_its_card_loses_neither() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    let (message, open) = open_from_message(&stage, ADA, "Survive it").await?;
    let methods = vec!["chat.postMessage".to_owned(), "response_url".to_owned()];
    stage.world().set_faults(Faults { outage: true, methods, ..Faults::default() });
    let sent = stage.sender.submit_view(&open.id, &values("Survive it", None)).await?;
    ensure!(sent.answer.accepted(), "{sent:?}");
    stage = stage.killed().await?;
    stage.sender = Sender::new(stage.world().clone(), SenderConfig::new(stage.server.base_url(), SIGNING_SECRET))?;
    stage.world().set_faults(Faults::default());
    let card = said(&stage, DEV, "Survive it").await?;
    ensure!(card.thread_ts.as_deref() == Some(&*message.ts), "{card:?}");
    ensure!(titles(&stage).await? == ["Survive it"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_are_opened_filled_in_and_sent_from_the_command_line() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let said = stage.sender.say(GRACE, DEV, "Fix the login", None)?.message;
    let sim = async |words: &[&str]| stage.run(&[&["sim", "slack", "--channel", DEV], words].concat()).await;
    let shown = sim(&["/ai-crm task create"]).await?;
    ensure!(shown.code() == Some(0) && shown.out.contains("Title (title): [ _____ ]"), "{shown:?}");
    let typed = sim(&["/ai-crm task create", "--enter", "title=Build recommendation engine with ML"]).await?;
    for part in ["Title (title): [ Build recommendation engine with ML ]", "complexity", "Steps: "] {
        ensure!(typed.out.contains(part), "{part}: {typed:?}");
    }
    let of_message = sim(&["--shortcut", "task_from_message", "--ts", &said.ts]).await?;
    ensure!(of_message.out.contains("[ Fix the login ]") && of_message.out.contains("complexity"), "{of_message:?}");
    let nowhere = sim(&["--shortcut", "task_create", "--enter", "due=2099-01-01"]).await?;
    ensure!(nowhere.code() != Some(0) && nowhere.err.contains("Enter in the field due"), "{nowhere:?}");
    let made = sim(&["/ai-crm create task", "--fill", "title=By line", "--fill", "priority=high"]).await?;
    ensure!(made.code() == Some(0) && made.out.contains("T-1 By line"), "{made:?}");
    let wrong = sim(&["--shortcut", "task_create", "--fill", "title=x", "--fill", "due=2020-01-01"]).await?;
    ensure!(wrong.out.contains("at due: this day is over"), "{wrong:?}");
    let from_message = sim(&["--shortcut", "task_from_message", "--ts", &said.ts, "--fill", "priority=low"]).await?;
    ensure!(from_message.out.contains("T-2 Fix the login") && from_message.out.contains("low"), "{from_message:?}");
    for (fill, part) in [("titel=x", "it has title, description"), ("title", "FIELD=VALUE"), ("priority=odd", "odd")] {
        let refused = sim(&["--shortcut", "task_create", "--fill", fill]).await?;
        ensure!(refused.code() != Some(0) && refused.err.contains(part), "{fill}: {refused:?}");
    }
    let none = sim(&["/ai-crm help", "--fill", "title=x"]).await?;
    ensure!(none.code() != Some(0) && none.err.contains("no modal has opened"), "{none:?}");
    ensure!(titles(&stage).await? == ["Fix the login", "By line"]);
    stage.end().await
}
