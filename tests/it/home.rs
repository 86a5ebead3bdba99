//! The Home on Slack: what it shows to whom, that a press in it does what it says, and that it ends as the newest state
//! whatever becomes of a call.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::state::OpenView;
use ai_crm::sim::slack::{Fate, Faults};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::stage::{ADA, Expected, GRACE, GUEST, PATIENCE, STRANGER, Stage, controls_of, words, words_of};
use crate::support::until;

fn blocks(home: &OpenView) -> &[Value] {
    home.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Everything that a person reads in a Home.
fn read(home: &OpenView) -> String {
    words_of(blocks(home))
}

/// A task of a person, with what it is called.
async fn task(stage: &Stage, person: &str, title: &str) -> anyhow::Result<()> {
    let made = stage.answer(person, &format!("task create \"{title}\" --to me")).await?;
    ensure!(words_of(&made.blocks).contains(title), "{made:?}");
    Ok(())
}

async fn send(stage: &Stage, request: &Request) -> anyhow::Result<()> {
    let answer = stage.sender.deliver(request).await;
    ensure!(answer.accepted() && answer.body.is_empty(), "{answer:?}");
    Ok(())
}

/// Opens somebody's Home.
async fn open(stage: &Stage, person: &str) -> anyhow::Result<()> {
    send(stage, &stage.sender.open_tab(person, "home")?).await
}

/// Waits for somebody's Home to say something.
async fn shows(stage: &Stage, person: &str, part: &str) -> anyhow::Result<OpenView> {
    let is_it = |home: &OpenView| read(home).contains(part);
    stage.sees(part, |world| world.home(person).filter(is_it)).await
}

/// Chooses from the menu of a task in somebody's Home.
fn choose(stage: &Stage, home: &OpenView, menu: &str, choice: &str) -> anyhow::Result<Request> {
    let controls: BTreeMap<String, String> = controls_of(blocks(home));
    let id = controls.get(menu).with_context(|| format!("no `{menu}` in {controls:?}"))?;
    Ok(stage.sender.prepare_click_at_home(&home.user, id, Some(choice))?)
}

/// What the tasks are, by the API.
async fn status(stage: &Stage, task: &str) -> anyhow::Result<Value> {
    let shown = stage.api().post("/tools/task.show", &json!({"task": task})).await?;
    Ok(shown["result"]["task"]["status"].clone())
}

fn only(method: &str, script: &[Fate]) -> Faults {
    Faults { script: VecDeque::from(script.to_vec()), methods: vec![method.to_owned()], ..Faults::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_it_shows_my_tasks_the_team_and_who_i_am() -> anyhow::Result<()> {
    for stage in [Stage::set().await?, Stage::by_socket(&[]).await?] {
        task(&stage, ADA, "Fix the <login> & é").await?;
        task(&stage, GRACE, "Of somebody else").await?;
        open(&stage, ADA).await?;
        let home = shows(&stage, ADA, "Your open tasks (1)").await?;
        let said = read(&home);
        for part in [
            "T-1 Fix the <login> & é (todo",
            "Team",
            "*Open*\n2",
            "1 open, 0 in progress, 0 blocked, 0 done in 7 days",
            "*You*\n",
            "(member). Linked with no other platform.",
            "/ai-crm task create …",
            "/ai-crm my tasks",
        ] {
            ensure!(said.contains(part), "{part} in {said}");
        }
        ensure!(!said.contains("Of somebody else"), "{said}");
        let why = stage.run(&["why", stage.newest().await?["id"].as_str().unwrap_or_default()]).await?;
        ensure!(why.out.contains("home_opened") && why.out.contains("by views.publish"), "{why:?}");

        // The other tab asks nothing.
        send(&stage, &stage.sender.open_tab(ADA, "messages")?).await?;
        stage.rest().await?;
        ensure!(stage.world().homes().len() == 1, "{:?}", stage.world().homes());
        stage.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_changes_the_task_and_the_home() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    task(&stage, ADA, "One").await?;
    task(&stage, ADA, "Two").await?;
    open(&stage, ADA).await?;
    let home = shows(&stage, ADA, "Your open tasks (2)").await?;
    send(&stage, &choose(&stage, &home, "T-1 One", "in-progress")?).await?;
    let home = shows(&stage, ADA, "T-1 One (in-progress").await?;
    ensure!(read(&home).contains("*In progress*\n1"), "{}", read(&home));
    ensure!(status(&stage, "T-1").await? == "in-progress");

    // The same press comes twice, as by two clicks; it is done once.
    let done = choose(&stage, &home, "T-2 Two", "done")?;
    send(&stage, &done).await?;
    send(&stage, &done).await?;
    let home = shows(&stage, ADA, "Your open tasks (1)").await?;
    let said = read(&home);
    ensure!(said.contains("T-2 Two: ada") && said.contains("*Done in 7 days*\n1"), "{said}");
    ensure!(!controls_of(blocks(&home)).contains_key("T-2 Two"), "{home:?}");
    ensure!(status(&stage, "T-2").await? == "done");

    // Somebody else was faster: the Home says so, and is as things are.
    stage.slash(GRACE, "task done T-1").await?;
    send(&stage, &choose(&stage, &home, "T-1 One", "in-review")?).await?;
    let said = read(&shows(&stage, ADA, "T-1 is done already: grace").await?);
    ensure!(said.contains("You have no open tasks"), "{said}");
    stage.rest().await?;
    let beside: Vec<String> = stage.said("D0ADA0001").iter().map(words).collect();
    ensure!(beside.len() == 1 && beside[0].contains("grace: it is done now"), "of a press nothing is said: {beside:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opened_again_and_again_it_ends_as_the_newest_state_and_is_shown_seldom() -> anyhow::Result<()> {
    // Between two calls a second passes, as with Slack itself.
    let stage = Stage::set_with(&[("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "1000")]).await?;
    task(&stage, ADA, "First").await?;
    open(&stage, ADA).await?;
    shows(&stage, ADA, "First").await?;
    for number in 0..10 {
        open(&stage, ADA).await?;
        if number == 8 {
            task(&stage, ADA, "Last").await?;
        }
    }
    shows(&stage, ADA, "Last").await?;
    stage.rest().await?;
    let homes = stage.world().homes();
    ensure!(homes.len() < 6, "each opening was shown: {}", homes.len());
    ensure!(read(homes.last().context("a Home")?).contains("T-2 Last"), "{homes:?}");
    let overtaken = stage.api().events(Some("done")).await?;
    ensure!(overtaken.iter().filter(|event| event["kind"] == "home_opened").count() == 11, "{overtaken:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_a_call_the_home_is_right_in_the_end() -> anyhow::Result<()> {
    let fates = [Fate::LostAnswer, Fate::RateLimited, Fate::ServerError, Fate::Refused];
    let stage = Stage::set_with(&[("AI_CRM__LEDGER__BACKOFF_FIRST_MS", "50")]).await?;
    for (number, fate) in fates.into_iter().enumerate() {
        stage.world().set_faults(Faults { retry_after_s: 1, ..only("views.publish", &[fate, fate]) });
        let title = format!("Task number {number}");
        task(&stage, ADA, &title).await?;
        open(&stage, ADA).await?;
        shows(&stage, ADA, &title).await?;
        stage.rest().await?;
        let newest = stage.world().home(ADA).context("a Home")?;
        ensure!(read(&newest).contains(&title), "{fate:?}: {newest:?}");
    }
    let calls = stage.world().calls().remove("views.publish").unwrap_or_default();
    let count = |end: &str| calls.get(end).copied().unwrap_or_default();
    ensure!(count("ok") == 4 && count("answer_lost") == 2 && count("fault_429") == 2, "{calls:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_it_is_shown_loses_nothing() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    task(&stage, ADA, "Survive it").await?;
    stage.rest().await?;
    stage.world().set_faults(Faults { outage: true, methods: vec!["views.publish".to_owned()], ..Faults::default() });
    open(&stage, ADA).await?;
    until(PATIENCE, "the Home is owed", || async {
        let owed = stage.api().get("/effects?state=owed").await?;
        Ok(owed["effects"].as_array().is_some_and(|effects| !effects.is_empty()).then_some(()))
    })
    .await?;
    let stage = stage.killed().await?;
    stage.world().set_faults(Faults::default());
    shows(&stage, ADA, "Survive it").await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_see_tasks_sees_why() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    task(&stage, ADA, "A secret").await?;
    for (person, why) in [(GUEST, "What would permit it"), (STRANGER, "not for other organisations")] {
        open(&stage, person).await?;
        let home = shows(&stage, person, "You may not do this here").await?;
        let said = read(&home);
        ensure!(said.contains(why) && said.contains("rule "), "{said}");
        ensure!(!said.contains("secret") && controls_of(blocks(&home)).is_empty(), "{said}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_that_is_permitted_no_longer_says_so_above_what_one_may_still_see() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies/default.cedar");
    std::fs::copy(shipped, folder.path().join("default.cedar"))?;
    let stage = Stage::set_with(&[("AI_CRM__POLICY__FOLDER", &folder.path().display().to_string())]).await?;
    task(&stage, ADA, "Kept").await?;
    open(&stage, ADA).await?;
    let home = shows(&stage, ADA, "Your open tasks (1)").await?;
    let presses = [choose(&stage, &home, "T-1 Kept", "done")?, choose(&stage, &home, "T-1 Kept", "blocked")?];
    for (number, action) in ["task.update", "task.list"].into_iter().enumerate() {
        let rule = format!("@id(\"no-{action}\") @reason(\"the week of the release\")\n");
        let rule = format!("{rule}forbid (principal, action == Action::\"{action}\", resource);\n");
        std::fs::write(folder.path().join(format!("no-{action}.cedar")), rule)?;
        until(PATIENCE, "the new policy is in use", || async {
            Ok((stage.plan.log().matches("the policies were replaced").count() > number).then_some(()))
        })
        .await?;
        send(&stage, &presses[number]).await?;
        stage.rest().await?;
        let home = stage.world().home(ADA).context("a Home")?;
        let said = read(&home);
        ensure!(said.contains("the week of the release") && said.contains("rule no-task.update"), "{said}");
        ensure!(said.contains("T-1 Kept (todo") == (number == 0), "after {action}: {said}");
        ensure!(controls_of(blocks(&home)).is_empty(), "{home:?}");
    }
    ensure!(status(&stage, "T-1").await? == "todo");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_tab_is_off_the_reason_names_the_mend() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.world().set_home_tab(false);
    open(&stage, ADA).await?;
    stage.rest().await?;
    let dead = stage.api().get("/effects?state=dead").await?;
    ensure!(dead.to_string().contains("ai-crm manifest slack"), "{dead}");
    stage.end_but_for(Expected { refusals: &["not_enabled"], dead: 1, ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_without_slack_opens_it_and_presses_in_it() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    task(&stage, ADA, "By hand").await?;
    let opened = stage.run(&["sim", "slack", "--home"]).await?;
    ensure!(opened.code() == Some(0), "{opened:?}");
    ensure!(opened.out.contains("(the Home of @ada)") && opened.out.contains("[ T-1 By hand ▾ ]"), "{opened:?}");
    let pressed = ["sim", "slack", "--home", "--click", "act-0", "--choice", "done", "--json"];
    let pressed = stage.run(&pressed).await?;
    ensure!(pressed.code() == Some(0), "{pressed:?}");
    let home = pressed.json()?["messages"][0].clone();
    ensure!(home["type"] == "home" && home.to_string().contains("You have no open tasks"), "{home}");
    ensure!(stage.run(&["sim", "slack", "--home", "help"]).await?.code() == Some(2));
    ensure!(stage.run(&["sim", "slack", "--click", "act-0"]).await?.code() == Some(2));
    stage.end().await
}
