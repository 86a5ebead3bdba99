//! Approvals from outside: what a policy asks for is asked of people, decided on another platform or in the Home, and
//! done once, whatever happens in between.
//!
//! Who may decide, and what a question is, is tested in `src/tools/approval`; what policies ask for, in `src/policy`.

use std::collections::BTreeMap;
use std::path::Path;

use ai_crm::actors::clock;
use ai_crm::sim::slack::message::Message;
use ai_crm::sim::teams::press::{Press, Shown};
use ai_crm::sim::teams::seed::{DEV as TEAMS_DEV, TENANT};
use ai_crm::sim::teams::{App, Manner, TeamsWorld};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::link::Both;
use crate::modals;
use crate::stage::{ADA, DEV, GRACE, GUEST, LINUS, PATIENCE, STRANGER, Stage, controls, controls_of, words, words_of};
use crate::support::api::Api;
use crate::support::until;
use crate::teams_dialogs;

/// The direct messages of Ada and of Grace with the bot.
const WITH_ADA: &str = "D0ADA0001";
pub(crate) const WITH_GRACE: &str = "D0GRACE01";
/// Ada and Grace are owners.
const OWNERS: &str = r#"["slack:T0SIM0001/U0ADA0001", "slack:T0SIM0001/U0GRACE01"]"#;
/// Who changes a task in the channel of most tests needs an owner for it.
pub(crate) const ASKS: &str = "@id(\"owner-first\")\n@reason(\"an owner looks first\")\n@ask(\"owner\")\n\
                    forbid (principal, action == Action::\"task.update\", resource == Place::\"C0DEVTEAM\");\n";

/// A folder with the shipped policies and one more.
pub(crate) fn policies(more: &str) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies/default.cedar");
    std::fs::copy(shipped, folder.path().join("default.cedar"))?;
    std::fs::write(folder.path().join("more.cedar"), more)?;
    Ok(folder)
}

/// A Slack workspace with two owners, of whom Grace has spoken to the bot, and a task of Ada's.
pub(crate) async fn asking(policies: &TempDir, variables: &[(&str, &str)]) -> anyhow::Result<Stage> {
    let folder = policies.path().display().to_string();
    let mut all = vec![("AI_CRM__POLICY__FOLDER", folder.as_str()), ("AI_CRM__PEOPLE__OWNERS", OWNERS)];
    all.extend_from_slice(variables);
    let stage = Stage::set_with(&all).await?;
    stage.answer(GRACE, "help").await?;
    stage.answer(ADA, "task create \"Rotate the keys\"").await?;
    Ok(stage)
}

/// What the task is, by the API.
pub(crate) async fn status(api: &Api) -> anyhow::Result<Value> {
    Ok(api.post("/tools/task.show", &json!({"task": "T-1"})).await?["result"]["task"]["status"].clone())
}

/// Asks for T-1 to be done; what the asker alone is told.
pub(crate) async fn ask(stage: &Stage, user: &str) -> anyhow::Result<String> {
    let told = stage.answer(user, "task done T-1").await?;
    ensure!(told.ephemeral_to.as_deref() == Some(user), "{told:?}");
    Ok(words(&told))
}

/// The first message of the bot in a chat that contains some words.
pub(crate) async fn told(stage: &Stage, chat: &str, part: &str) -> anyhow::Result<Message> {
    let is_it = |message: &Message| message.bot_id.is_some() && words(message).contains(part);
    stage.sees(part, |world| world.messages(chat).into_iter().find(is_it)).await
}

/// The card of A-1 in Grace's own chat.
pub(crate) async fn card(stage: &Stage) -> anyhow::Result<Message> {
    told(stage, WITH_GRACE, "ada asks for your approval (A-1)").await
}

/// A message, once it says something.
pub(crate) async fn becomes(stage: &Stage, message: &Message, part: &str) -> anyhow::Result<Message> {
    let now = |world: &ai_crm::sim::slack::world::SlackWorld| world.message(&message.channel, &message.ts);
    stage.sees(part, |world| now(world).filter(|it| words(it).contains(part))).await
}

pub(crate) async fn click(stage: &Stage, user: &str, card: &Message, button: &str) -> anyhow::Result<()> {
    let id = controls(card).get(button).cloned().with_context(|| format!("no `{button}` on {card:?}"))?;
    let (_, answer) = stage.sender.click(user, &card.channel, &card.ts, &id, None).await?;
    ensure!(answer.status == Some(200), "{answer:?}");
    Ok(())
}

/// The rows of the audit chain about an action, as their ends and what was acted on.
pub(crate) async fn audited(api: &Api, action: &str) -> anyhow::Result<Vec<String>> {
    let rows = api.lines("/audit/export").await?;
    let of_action = rows.iter().map(|row| &row["entry"]).filter(|entry| entry["action"] == action);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(of_action.map(|entry| format!("{} {}", text(&entry["end"]), text(&entry["resource"]))).collect())
}

/// The policy file that asks is replaced, and in use.
async fn replace(stage: &Stage, policies: &TempDir, more: &str) -> anyhow::Result<()> {
    let before = stage.plan.log().matches("the policies were replaced").count();
    std::fs::write(policies.path().join("more.cedar"), more)?;
    until(PATIENCE, "the new policy is in use", || async {
        Ok((stage.plan.log().matches("the policies were replaced").count() > before).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_in_slack_is_approved_by_an_owner_in_teams_and_done_once() -> anyhow::Result<()> {
    let policies = policies(ASKS)?;
    let grace = TeamsWorld::new(App::default(), clock::system()).user("grace").context("nobody is called grace")?;
    let owners = json!([format!("teams:{TENANT}/{}", grace.aad_object_id.context("no object id")?)]).to_string();
    let folder = policies.path().display().to_string();
    let both = Both::set_with(&[("AI_CRM__POLICY__FOLDER", &folder), ("AI_CRM__PEOPLE__OWNERS", &owners)]).await?;
    both.in_teams("grace", "personal-grace", "help").await?;
    both.in_slack(ADA, "task create Rotate").await?;
    let asked = both.in_slack(ADA, "task done T-1").await?;
    ensure!(asked.ephemeral_to.as_deref() == Some(ADA), "{asked:?}");
    let said = words(&asked);
    ensure!(said.contains("A-1 waits for an owner") && said.contains("an owner looks first"), "{said}");
    ensure!(said.contains("rule owner-first") && said.contains("withdraw A-1"), "{said}");

    // Asked again, it is the same one.
    let again = words(&both.in_slack(ADA, "task done T-1").await?);
    ensure!(again.contains("A-1 waits for an owner") && again.contains("already"), "{again}");
    let card = both.team.sees("grace", "personal-grace", "ada asks for your approval (A-1)").await?;
    let shown = crate::teams::shown(&card);
    for part in ["task done T-1", "slack:T0SIM0001/U0ADA0001", "slack C0DEVTEAM", "owner-first", "Waits until"] {
        ensure!(shown.contains(part), "{part} in {shown}");
    }
    both.team.rest().await?;
    ensure!(status(both.team.api()).await? == "todo", "nobody has decided");

    let press = Press { label: "Approve", message: Some(&card.id), ..Press::default() };
    let (answers, seen) = both.team.sender.press_as("grace", "personal-grace", &press, Manner::Twice).await?;
    ensure!(answers.iter().all(|answer| answer.status == Some(200)), "{answers:?}");
    let Shown::Card { card: seen } = seen else { anyhow::bail!("{seen:?}") };
    let seen = seen.to_string();
    ensure!(seen.contains("A-1 was approved by Grace Hopper") && !seen.contains("Reject"), "{seen}");
    let done = both.said_in_slack(DEV, "approved by Grace Hopper").await?;
    both.team.rest().await?;
    ensure!(words(&done[0]).contains("done"), "{}", words(&done[0]));
    ensure!(both.said_in_slack(DEV, "approved by Grace Hopper").await?.len() == 1, "it arrives once");
    ensure!(status(both.team.api()).await? == "done");

    // Who comes later is told who has decided.
    let late = both.in_teams("grace", "personal-grace", "reject A-1 after all").await?;
    ensure!(late.contains("Nothing was changed: A-1 was approved by Grace Hopper"), "{late}");
    let api = both.team.api();
    let update = audited(api, "task.update").await?;
    ensure!(update == ["asked A-1", "asked A-1", "done T-1"], "{update:?}");
    let decide = audited(api, "approval.decide").await?;
    ensure!(decide == ["done A-1", "done A-1"], "{decide:?}");
    let rows: String = api.lines("/audit/export").await?.iter().map(ToString::to_string).collect();
    ensure!(!rows.contains("after all") && !rows.contains("Hopper"), "no words of people: {rows}");

    let story = words(&both.in_slack(ADA, "why A-1").await?);
    for part in [
        "it was not done at once, since policies ask for an approval first; A-1: it ran in",
        "A-1: approved by",
        "it ran in e-",
    ] {
        ensure!(story.contains(part), "{part} in {story}");
    }
    both.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_decide_is_told_so_and_a_second_click_is_told_who_has() -> anyhow::Result<()> {
    let policies = policies(ASKS)?;
    let stage = asking(&policies, &[]).await?;
    ask(&stage, ADA).await?;
    let card = card(&stage).await?;
    for (who, line, said) in [
        (ADA, "approve A-1", "you asked for A-1 yourself, so somebody else decides"),
        (LINUS, "approve A-1", "A-1 is not yours to decide: it is for an owner"),
        (LINUS, "withdraw A-1", "A-1 was not asked for by you"),
        (GUEST, "approve A-1", "You may not do this here"),
        (STRANGER, "reject A-1", "You may not do this here"),
        (GRACE, "approve A-7", "there is no A-7"),
    ] {
        let answer = words(&stage.answer(who, line).await?);
        ensure!(answer.contains(said), "{who} {line}: {answer}");
    }
    stage.rest().await?;
    ensure!(status(stage.api()).await? == "todo");
    ensure!(words(&stage.answer(GRACE, "approvals").await?).contains("A-1 ada asks: task done T-1"));
    ensure!(words(&stage.answer(ADA, "my approvals").await?).contains("A-1 task done T-1 waits for an owner"));
    ensure!(words(&stage.answer(LINUS, "approvals").await?).contains("No approval waits"));
    ensure!(words(&stage.answer(GRACE, "help").await?).contains("approve APPROVAL"));

    // Two clicks on the card as it was: the second is told what the first did.
    let prepare = |button: &str| {
        let id = controls(&card).get(button).cloned().context("no such button")?;
        Ok::<_, anyhow::Error>(stage.sender.prepare_click(GRACE, &card.channel, &card.ts, &id, None)?)
    };
    for press in [prepare("Approve")?, prepare("Reject")?] {
        ensure!(stage.sender.deliver(&press.request).await.accepted());
    }
    let decided = becomes(&stage, &card, "A-1 was approved by grace").await?;
    ensure!(controls(&decided).is_empty(), "{decided:?}");
    told(&stage, WITH_GRACE, "Nothing was changed: A-1 was approved by grace").await?;
    let late = words(&stage.answer(GRACE, "reject A-1").await?);
    ensure!(late.contains("Nothing was changed: A-1 was approved by grace"), "{late}");
    told(&stage, DEV, "A-1, approved by grace").await?;
    stage.rest().await?;
    ensure!(status(stage.api()).await? == "done");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_a_change_of_mind_and_silence_end_it_undone() -> anyhow::Result<()> {
    let policies = policies(ASKS)?;
    let stage = asking(&policies, &[("AI_CRM__LEDGER__APPROVAL_WAITS_S", "6")]).await?;
    ask(&stage, ADA).await?;
    let first = card(&stage).await?;
    stage.answer(GRACE, "reject A-1 not in the week of the release").await?;
    let no = words(&told(&stage, WITH_ADA, "A-1 was rejected by grace").await?);
    ensure!(no.contains("not in the week of the release") && no.contains("It was not done"), "{no}");
    ensure!(controls(&becomes(&stage, &first, "A-1 was rejected by grace").await?).is_empty());

    ensure!(ask(&stage, ADA).await?.contains("A-2 waits"), "what was rejected can be asked for again");
    let second = told(&stage, WITH_GRACE, "(A-2)").await?;
    ensure!(words(&stage.answer(ADA, "withdraw A-2").await?).contains("A-2 was withdrawn by ada"));
    becomes(&stage, &second, "A-2 was withdrawn by ada").await?;
    ensure!(words(&stage.answer(GRACE, "approve A-2").await?).contains("A-2 was withdrawn by ada"));

    ensure!(ask(&stage, ADA).await?.contains("A-3 waits"));
    let third = told(&stage, WITH_GRACE, "(A-3)").await?;
    told(&stage, WITH_ADA, "A-3 has expired: nobody decided").await?;
    ensure!(controls(&becomes(&stage, &third, "A-3 has expired").await?).is_empty());
    ensure!(words(&stage.answer(GRACE, "approve A-3").await?).contains("A-3 has expired"));
    stage.rest().await?;
    ensure!(status(stage.api()).await? == "todo");
    let timers = audited(stage.api(), "timer").await?;
    ensure!(timers.contains(&"done A-3".to_owned()), "{timers:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_that_changed_meanwhile_have_the_last_word() -> anyhow::Result<()> {
    let folder = policies(ASKS)?;
    let stage = asking(&folder, &[]).await?;
    let plain = ASKS.replace("@ask(\"owner\")\n", "");
    let other = ASKS.replace("owner-first", "another-rule");
    for (more, said) in [(plain.as_str(), "an owner looks first"), (other.as_str(), "an owner looks first")] {
        if std::fs::read_to_string(folder.path().join("more.cedar"))? != ASKS {
            replace(&stage, &folder, ASKS).await?;
        }
        let id = words(&stage.answer(ADA, "task done T-1").await?);
        let id = id.split_whitespace().find(|word| word.starts_with("A-")).context("no approval")?.to_owned();
        let card = told(&stage, WITH_GRACE, &format!("({id})")).await?;
        replace(&stage, &folder, more).await?;
        click(&stage, GRACE, &card, "Approve").await?;
        let no = words(&told(&stage, WITH_ADA, &format!("{id}, approved by grace")).await?);
        ensure!(no.contains("You may not do this here") && no.contains(said), "{no}");
        let to_grace = words(&told(&stage, WITH_GRACE, &format!("{id} was approved by you, and was not done")).await?);
        ensure!(to_grace.contains("task done T-1"), "{to_grace}");
        stage.rest().await?;
        ensure!(status(stage.api()).await? == "todo", "{more}");
    }
    // Where nothing is asked for any more, it is done.
    replace(&stage, &folder, ASKS).await?;
    ask(&stage, ADA).await?;
    let card = told(&stage, WITH_GRACE, "(A-3)").await?;
    replace(&stage, &folder, "").await?;
    click(&stage, GRACE, &card, "Approve").await?;
    told(&stage, DEV, "A-3, approved by grace").await?;
    stage.rest().await?;
    ensure!(status(stage.api()).await? == "done");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_home_shows_what_waits_and_decides_it() -> anyhow::Result<()> {
    let policies = policies(ASKS)?;
    let stage = asking(&policies, &[]).await?;
    ask(&stage, ADA).await?;
    let open = async |person: &str| {
        let answer = stage.sender.deliver(&stage.sender.open_tab(person, "home")?).await;
        ensure!(answer.accepted(), "{answer:?}");
        Ok(())
    };
    let blocks =
        |home: &ai_crm::sim::slack::state::OpenView| home.view["blocks"].as_array().cloned().unwrap_or_default();
    let home = async |person: &str, part: &str| {
        let has_it = |home: &ai_crm::sim::slack::state::OpenView| words_of(&blocks(home)).contains(part);
        stage.sees(part, |world| world.home(person).filter(has_it)).await
    };
    open(ADA).await?;
    let own = words_of(&blocks(&home(ADA, "You asked for").await?));
    ensure!(
        own.contains("A-1 task done T-1 waits for an owner") && !own.contains("Waiting for your approval"),
        "{own}"
    );
    open(LINUS).await?;
    let others = words_of(&blocks(&home(LINUS, "You have no open tasks").await?));
    ensure!(!others.contains("A-1") && !others.contains("approval"), "{others}");
    open(GRACE).await?;
    let shown = home(GRACE, "Waiting for your approval").await?;
    let buttons: BTreeMap<String, String> = controls_of(&blocks(&shown));
    ensure!(buttons.contains_key("Reject A-1"), "{buttons:?}");
    let press = stage.sender.prepare_click_at_home(&shown.user, &buttons["Approve A-1"], None)?;
    ensure!(stage.sender.deliver(&press).await.accepted());
    let after = words_of(&blocks(&home(GRACE, "A-1 was approved by grace").await?));
    ensure!(!after.contains("Waiting for your approval"), "{after}");
    told(&stage, WITH_GRACE, "A-1 was approved by grace").await?;
    told(&stage, DEV, "A-1, approved by grace").await?;

    // What is asked for by a press in it is answered in it.
    stage.answer(ADA, "task create \"In the Home\" --to me").await?;
    let counts = "@id(\"counts\") @ask(\"owner\") forbid (principal, action == Action::\"status.read\", resource);\n";
    let everywhere = ASKS.replace(", resource == Place::\"C0DEVTEAM\"", ", resource");
    replace(&stage, &policies, &format!("{everywhere}{counts}")).await?;
    open(ADA).await?;
    let shown = home(ADA, "T-2 In the Home").await?;
    let buttons: BTreeMap<String, String> = controls_of(&blocks(&shown));
    let press = stage.sender.prepare_click_at_home(&shown.user, &buttons["T-2 In the Home"], Some("done"))?;
    ensure!(stage.sender.deliver(&press).await.accepted());
    let waits = words_of(&blocks(&home(ADA, "A-2 waits for an owner").await?));
    ensure!(waits.contains("You asked for") && waits.contains("T-2 In the Home (todo"), "{waits}");
    ensure!(!waits.contains("Done in 7 days"), "what would have to be asked for is not shown: {waits}");
    stage.answer(GRACE, "approve A-2").await?;
    told(&stage, WITH_ADA, "A-2, approved by grace").await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_asked_for_is_what_was_filled_in() -> anyhow::Result<()> {
    let makes = ASKS.replace("task.update", "task.create").replace(", resource == Place::\"C0DEVTEAM\"", ", resource");
    let folder = policies(&makes)?;
    let folder_name = folder.path().display().to_string();
    let both = Both::set_with(&[("AI_CRM__POLICY__FOLDER", &folder_name), ("AI_CRM__PEOPLE__OWNERS", OWNERS)]).await?;
    both.in_slack(GRACE, "help").await?;
    let dialog = teams_dialogs::open(&both.team, "ada", TEAMS_DEV).await?;
    let fields = teams_dialogs::fill(&["title=Rotate \"all\" keys", "description=line one\nline two", "priority=high"]);
    let sent = both.team.sender.prepare_submit("ada", TEAMS_DEV, &dialog, &fields, None)?;
    let answer = both.team.sender.deliver(&sent).await;
    ensure!(teams_dialogs::is_taken(&both.team, &answer), "{answer:?}");
    both.team.sees("ada", TEAMS_DEV, "A-1 waits for an owner").await?;
    let card = both.said_in_slack(WITH_GRACE, "asks for your approval (A-1)").await?.remove(0);
    ensure!(words(&card).contains("Rotate") && words(&card).contains("line two"), "{}", words(&card));
    let approve = controls(&card)["Approve"].clone();
    both.press_in_slack(GRACE, &card, &approve).await?;
    let made = both.team.sees("linus", TEAMS_DEV, "Rotate \"all\" keys").await?;
    let made = crate::teams::shown(&made);
    ensure!(made.contains("line one") && made.contains("high") && made.contains("A-1, approved by grace"), "{made}");
    both.team.rest().await?;
    let listed = both.team.api().post("/tools/task.list", &json!({"all": true})).await?;
    ensure!(listed["result"]["tasks"].as_array().is_some_and(|tasks| tasks.len() == 1), "{listed}");

    // A no reaches who asked in their own chat, with the words of who said it.
    both.team.say("ada", TEAMS_DEV, "@AI-CRM task create Another").await?;
    both.team.sees("ada", TEAMS_DEV, "A-2 waits for an owner").await?;
    both.in_slack(GRACE, "reject A-2 one is enough").await?;
    let no = both.team.sees("ada", "personal-ada", "A-2 was rejected by grace").await?;
    ensure!(crate::teams::shown(&no).contains("one is enough"), "{}", crate::teams::shown(&no));
    both.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modal_a_further_right_and_a_program_are_asked_about_or_told_no() -> anyhow::Result<()> {
    let needs = ASKS.replace("task.update", "task.assign").replace(", resource == Place::\"C0DEVTEAM\"", ", resource");
    let folder = policies(&needs)?;
    let stage = asking(&folder, &[]).await?;
    // To make a task is permitted, and to give it to somebody with it is asked about.
    let view = modals::open(&stage, ADA).await?;
    let mut fill = BTreeMap::from([("title".to_owned(), "Patch it".to_owned())]);
    fill.insert("agent".to_owned(), "security-auditor".to_owned());
    let filled = stage.sender.fill_in(&view.id, &fill)?;
    let sent = stage.sender.submit_view(&view.id, &filled).await?;
    ensure!(sent.answer.accepted() && sent.answer.body.is_empty(), "{sent:?}");
    told(&stage, WITH_ADA, "A-1 waits for an owner").await?;
    click(&stage, GRACE, &card(&stage).await?, "Approve").await?;
    let made = words(&told(&stage, WITH_ADA, "T-2 Patch it").await?);
    ensure!(made.contains("security-auditor") && made.contains("A-1, approved by grace"), "{made}");

    // The terminal's user is an owner as well, and asks as everybody does; for a program nothing waits.
    let said = stage.run(&["chat", "task assign T-1 --to security-auditor"]).await?;
    ensure!(said.out.contains("A-2 waits for an owner"), "{said:?}");
    let call = json!({"task": "T-1", "agent": "security-auditor"});
    let refused = stage.api().send(Method::POST, "/api/v1/tools/task.assign", Some(&call)).await?;
    ensure!(refused.status == 403 && refused.body.to_string().contains("an owner looks first"), "{refused:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_decides_where_a_policy_names_one_and_who_is_muted_is_not_told() -> anyhow::Result<()> {
    let folder = policies(&ASKS.replace("\"owner\"", "\"group:ops\""))?;
    let stage = asking(&folder, &[("AI_CRM__PEOPLE__GROUPS__OPS", "slack:T0SIM0001/U0LINUS01")]).await?;
    let nobody = ask(&stage, ADA).await?;
    ensure!(nobody.contains("A-1 waits for somebody in the group ops"), "{nobody}");
    ensure!(nobody.contains("I can tell nobody who may decide") && nobody.contains("approve A-1"), "{nobody}");
    let owner = words(&stage.answer(GRACE, "approve A-1").await?);
    ensure!(owner.contains("A-1 is not yours to decide: it is for somebody in the group ops"), "{owner}");
    ensure!(words(&stage.answer(LINUS, "approvals").await?).contains("A-1 ada asks: task done T-1"));
    stage.answer(LINUS, "approve A-1").await?;
    told(&stage, DEV, "A-1, approved by linus").await?;

    stage.answer(ADA, "task reopen T-1").await?;
    told(&stage, "D0LINUS01", "asks for your approval (A-2)").await?;
    stage.answer(LINUS, "notifications --off approvals").await?;
    stage.answer(ADA, "task done T-9").await?;
    let story = words(&stage.answer(ADA, "why A-3").await?);
    ensure!(story.contains("is not told, who wants none of these"), "{story}");
    stage.end().await
}
