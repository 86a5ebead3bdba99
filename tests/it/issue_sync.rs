//! An issue of GitHub and its task, kept the same: the real binary beside the stand-ins of GitHub, Slack and Teams. Each
//! change arrives once on the other side, nothing bounces, and a program that does ends with one task for a person.
//!
//! How a field is merged, and three systems in a ring, are tested in `src/domain/sync`.

use std::collections::BTreeSet;
use std::time::Duration;

use ai_crm::sim::fault::{Fate, Faults};
use ai_crm::sim::github::hook::Way;
use ai_crm::sim::github::issue::Issue;
use ai_crm::sim::github::seed::{ANN, BOT};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::link::code_in;
use crate::office::{Office, SHOP};
use crate::stage::{ADA, PATIENCE, words};
use crate::support::until;
use crate::tower::Tower;

const RULES: &str = r#"
workflows:
  issue_to_task:
    trigger: { platform: github, event: issues.opened }
    actions:
      - { action: create_ai_crm_task, params: { title: "GitHub: {issue.title}", description: "{issue.body}" } }
"#;

impl Office {
    /// A task as `task.show` has it.
    pub(crate) async fn task(&self, task: &str) -> anyhow::Result<Value> {
        let shown = self.tool("task.show", json!({ "task": task })).await?;
        Ok(shown["result"]["task"].clone())
    }

    async fn tool(&self, tool: &str, args: Value) -> anyhow::Result<Value> {
        let path = format!("/api/v1/tools/{tool}");
        Ok(self.stage.api().send(Method::POST, &path, Some(&args)).await?.body)
    }

    /// Waits until the task is so.
    async fn task_is(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let look = || async { Ok(Some(self.task("T-1").await?).filter(|task| is_so(task))) };
        let found = until(PATIENCE, what, look).await;
        found.with_context(|| format!("{what}\n{}", self.stage.plan.log()))
    }

    /// Waits until the issue is so.
    async fn issue_is(&self, number: u64, what: &str, is_so: impl Fn(&Issue) -> bool) -> anyhow::Result<Issue> {
        let look = || async { Ok(self.world().issue(SHOP, number).filter(|issue| is_so(issue))) };
        let found = until(PATIENCE, what, look).await;
        found.with_context(|| format!("{what}: {:?}\n{}", self.world().issue(SHOP, number), self.stage.plan.log()))
    }
}

/// The lines of a task's history that say so.
fn lines(task: &Value, part: &str) -> usize {
    let history = task["history"].as_array().into_iter().flatten();
    history.filter(|line| line["what"].as_str().is_some_and(|what| what.contains(part))).count()
}

fn labels(task: &Value) -> Vec<&str> {
    task["labels"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_done_in_teams_closes_its_issue_and_a_closed_issue_ends_its_task() -> anyhow::Result<()> {
    let tower = Tower::with(RULES).await?;
    let office = &tower.office;
    let number = office.opened("Login breaks", &["bug"])?;
    ensure!(office.ended(1).await? == ["done"]);
    let task = office.task("T-1").await?;
    ensure!(task["title"] == "GitHub: Login breaks" && lines(&task, "kept the same with acme/shop#1") == 1, "{task}");
    ensure!(task["issue"] == "acme/shop#1 (kept the same)", "{task}");
    tower.says("ada", "task done T-1").await?;
    let issue = office.issue_is(number, "the issue is closed", |issue| !issue.open).await?;
    ensure!(issue.state_reason.as_deref() == Some("completed"), "{issue:?}");
    office.stage.rest().await?;
    let task = office.task("T-1").await?;
    ensure!(task["status"] == "done" && lines(&task, "status") == 1, "nothing bounces: {task}");
    let told = |action: &str| office.told_of_issues(action);
    ensure!(told("closed") == 1 && told("reopened") == 0);

    office.act("ann", json!({"do": "reopen", "number": number}))?;
    office.task_is("the task is open again", |task| task["status"] == "todo").await?;
    office.act("ann", json!({"do": "close", "number": number, "reason": "not_planned"}))?;
    let task = office.task_is("the task is cancelled", |task| task["status"] == "cancelled").await?;
    let last = task["history"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    ensure!(last["by"]["name"] == "ann (GitHub)" && last["what"] == "status todo → cancelled", "{last}");
    office.stage.rest().await?;
    ensure!((told("closed"), told("reopened")) == (2, 1), "what comes from GitHub is not written there");
    let story = office.stage.api().get("/events?limit=50").await?.to_string();
    ensure!(!story.contains("\"dead\""), "{story}");
    tower.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn title_labels_and_what_people_say_go_both_ways_each_once() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let number = office.opened("Login breaks", &["bug"])?;
    ensure!(office.ended(1).await? == ["done"]);
    office.act("ann", json!({"do": "edit", "number": number, "title": "Login breaks badly"}))?;
    office.task_is("the title is taken over", |task| task["title"] == "GitHub: Login breaks badly").await?;
    office.tool("task.update", json!({"task": "T-1", "title": "GitHub: Logout breaks"})).await?;
    office.issue_is(number, "the title is written", |issue| issue.title == "Logout breaks").await?;
    office.stage.rest().await?;

    office.act("ann", json!({"do": "label", "number": number, "labels": ["urgent", "good first issue"]}))?;
    office.task_is("the label is taken over", |task| labels(task) == ["urgent"]).await?;
    let args = json!({"task": "T-1", "add_labels": ["later"], "remove_labels": ["urgent"]});
    office.tool("task.update", args).await?;
    let expected = ["bug", "good first issue", "later"];
    office.issue_is(number, "the labels are written", |issue| issue.labels == expected).await?;
    office.stage.rest().await?;

    office.act("bob", json!({"do": "comment", "number": number, "text": "I see it too"}))?;
    let has_remark = |task: &Value| task["comments"].as_array().is_some_and(|all| all.len() == 1);
    let task = office.task_is("the comment is a remark", has_remark).await?;
    let remark = &task["comments"][0];
    let text = remark["text"].as_str().unwrap_or_default();
    ensure!(remark["by"]["name"] == "bob (GitHub)" && text.starts_with("I see it too\nhttp"), "{remark}");
    office.stage.answer(ADA, "task comment T-1 \"I am on it\"").await?;
    let comment = office.answered(number, 1).await?.remove(0);
    ensure!(comment.body.contains("ada") && comment.body.contains("I am on it"), "{comment:?}");
    ensure!(comment.body.contains("said in slack"), "{comment:?}");
    office.stage.rest().await?;
    let task = office.task("T-1").await?;
    ensure!(office.of_bot(number).len() == 1 && task["comments"].as_array().map(Vec::len) == Some(2), "{task}");
    let theirs = office.world().comments(SHOP, number).first().context("what bob has said")?.id;
    office.act("bob", json!({"do": "edit_comment", "id": theirs, "text": "I saw it once"}))?;
    let says =
        |task: &Value, words: &str| task["comments"][0]["text"].as_str().is_some_and(|text| text.starts_with(words));
    office.task_is("the remark has the new words", |task| says(task, "I saw it once\nhttp")).await?;
    office.act("bob", json!({"do": "delete_comment", "id": theirs}))?;
    let task = office.task_is("the words are gone", |task| says(task, "(deleted at GitHub)")).await?;
    ensure!(!task.to_string().contains("I saw it"), "{task}");
    office.stage.rest().await?;
    ensure!(office.of_bot(number).len() == 1, "nothing of it goes back");
    let task = office.task("T-1").await?;
    ensure!(task["title"] == "GitHub: Logout breaks" && labels(&task) == ["later"], "{task}");
    ensure!(lines(&task, "title") == 2 && lines(&task, "label +urgent") == 1, "{task}");
    office.end().await
}

impl Office {
    /// Something happens of which the bot is not told; gives the delivery that has failed.
    async fn unheard(&self, who: &str, act: Value) -> anyhow::Result<(Value, u64)> {
        self.world().set_hook(|hook| hook.way = Way::Dropped);
        let before = self.world().deliveries().len();
        let made = self.act(who, act)?;
        let look = || async { Ok(self.world().deliveries().into_iter().nth(before)) };
        let failed = until(PATIENCE, "the delivery is on record", look).await?;
        self.world().set_hook(|hook| hook.way = Way::Open);
        ensure!(!failed.is_taken(), "{failed:?}");
        Ok((made, failed.id))
    }

    /// The bot is told of it after all.
    async fn heard_late(&self, delivery: u64) -> anyhow::Result<()> {
        let before = self.world().deliveries().len();
        ensure!(self.world().redeliver(delivery), "it is on record");
        let look = || async { Ok(self.world().deliveries().into_iter().nth(before).filter(|it| it.is_taken())) };
        until(PATIENCE, "the bot has heard of it", look).await?;
        self.stage.rest().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remark_has_the_last_words_of_its_comment_in_whatever_order_they_come() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let number = office.opened("Login breaks", &[])?;
    ensure!(office.ended(1).await? == ["done"]);
    let remarks = |task: &Value| -> Vec<String> {
        let all = task["comments"].as_array().into_iter().flatten();
        all.filter_map(|it| Some(it["text"].as_str()?.lines().next()?.to_owned())).collect()
    };
    let says = |words: &'static str| move |task: &Value| remarks(task) == [words];
    let comment = |text: &str| json!({"do": "comment", "number": number, "text": text});
    let edit = |id: &Value, text: &str| json!({"do": "edit_comment", "id": id, "text": text});

    let (made, first) = office.unheard("bob", comment("first words")).await?;
    let id = &made["comment"];
    office.act("bob", edit(id, "second words"))?;
    office.task_is("what is heard of late has its words", says("second words")).await?;
    office.heard_late(first).await?;
    office.task_is("they stay", says("second words")).await?;

    let (_, third) = office.unheard("bob", edit(id, "third words")).await?;
    // GitHub tells the time to the second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    // A maintainer edits it, and gives a command in it.
    office.act("ann", edit(id, "fourth words\n/ai-crm help"))?;
    office.task_is("others' words take their place", says("fourth words")).await?;
    office.heard_late(third).await?;
    let task = office.task_is("they stay", says("fourth words")).await?;
    ensure!(task["comments"][0]["by"]["name"] == "bob (GitHub)" && lines(&task, "edited at GitHub") == 2, "{task}");

    let (made, secret) = office.unheard("bob", comment("a secret")).await?;
    office.act("ann", json!({"do": "delete_comment", "id": made["comment"]}))?;
    office.stage.rest().await?;
    office.heard_late(secret).await?;
    office.act("ann", json!({"do": "delete_comment", "id": id}))?;
    let task = office.task_is("it is gone", says("(deleted at GitHub)")).await?;
    ensure!(!task.to_string().contains("secret") && !task.to_string().contains("words"), "{task}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_go_both_ways_by_their_links_and_others_are_left_alone() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let number = office.opened("Login breaks", &[])?;
    ensure!(office.ended(1).await? == ["done"]);
    let code = code_in(&words(&office.stage.answer(ADA, "link").await?))?;
    office.act("ann", json!({"do": "comment", "number": number, "text": format!("/ai-crm link {code}")}))?;
    office.answered(number, 1).await?;
    office.act("ann", json!({"do": "assign", "number": number, "people": ["bob"]}))?;
    let task = office.task_is("bob is nobody here", |task| lines(task, "bob has it at GitHub") == 1).await?;
    ensure!(task["assignee"].is_null(), "{task}");
    office.stage.answer(ADA, "task assign T-1 --to me").await?;
    let has_ann = |issue: &Issue| issue.assignees.contains(&ANN);
    let issue = office.issue_is(number, "ann has the issue", has_ann).await?;
    ensure!(issue.assignees.len() == 2, "bob is left alone: {issue:?}");
    office.stage.rest().await?;
    office.act("bob", json!({"do": "unassign", "number": number, "people": ["ann"]}))?;
    office.task_is("nobody has the task", |task| task["assignee"].is_null()).await?;
    office.act("bob", json!({"do": "assign", "number": number, "people": ["ann"]}))?;
    let task = office.task_is("ada has the task", |task| task["assignee"]["type"] == "person").await?;
    ensure!(task["assignee"]["name"] == "ada", "{task}");
    office.stage.rest().await?;
    ensure!(office.world().comments(SHOP, number).iter().filter(|comment| comment.user == BOT).count() == 1);
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_written_once_where_the_process_dies_before_it_is() -> anyhow::Result<()> {
    let mut office = Office::with(RULES).await?;
    let number = office.opened("Login breaks", &[])?;
    ensure!(office.ended(1).await? == ["done"]);
    for round in 0..3 {
        let expected = format!("round {round}");
        if round > 0 {
            // Done, and answered when nobody is there any more.
            let (script, methods) = ([Fate::Stall].into(), vec!["issues/update".to_owned()]);
            office.world().set_faults(Faults { script, stall_ms: 60_000, methods, ..Faults::default() });
        }
        office.tool("task.update", json!({"task": "T-1", "title": format!("GitHub: {expected}")})).await?;
        if round > 0 {
            office.issue_is(number, "the call is done", |issue| issue.title == expected).await?;
        }
        office = office.killed().await?;
        office.issue_is(number, "the title is written", |issue| issue.title == expected).await?;
        office.stage.rest().await?;
    }
    // What came while nobody was there comes again, by the same id.
    let edits = office.world().deliveries().into_iter().filter(|it| it.action.as_deref() == Some("edited"));
    let edits: BTreeSet<String> = edits.map(|it| it.guid).collect();
    let task = office.task("T-1").await?;
    ensure!(edits.len() == 3 && lines(&task, "title") == 3, "{edits:?}: {task}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_in_a_circle_is_paused_and_one_person_is_asked() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let number = office.opened("theirs", &[])?;
    ensure!(office.ended(1).await? == ["done"]);
    for round in 0..2 {
        office.tool("task.update", json!({"task": "T-1", "title": "GitHub: ours"})).await?;
        office.issue_is(number, "the title is written", |issue| issue.title == "ours").await?;
        office.stage.rest().await?;
        office.act("bob", json!({"do": "edit", "number": number, "title": "theirs"}))?;
        if round == 0 {
            office.task_is("it is set back", |task| task["title"] == "GitHub: theirs").await?;
        }
    }
    let task = office.task_is("it is paused", |task| lines(task, "went in a circle") == 1).await?;
    ensure!(task["title"] == "GitHub: ours", "{task}");
    ensure!(task["issue"] == "acme/shop#1 (paused over its title, see T-2)", "{task}");
    office.act("bob", json!({"do": "edit", "number": number, "title": "theirs again"}))?;
    office.act("bob", json!({"do": "edit", "number": number, "title": "theirs"}))?;
    office.stage.rest().await?;
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == 2 && tasks[0]["title"] == "T-1 and acme/shop#1 go in a circle over the title", "{tasks:?}");
    let doctor = office.stage.run(&["doctor"]).await?;
    ensure!(doctor.out.contains("paused, 1 in all: T-1"), "{doctor:?}");
    office.tool("task.update", json!({"task": "T-2", "status": "done"})).await?;
    office.task_is("it goes on", |task| task["title"] == "GitHub: theirs" && lines(task, "again") == 1).await?;
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_below_an_issue_links_its_first_task_and_one_below_a_pull_request_links_none() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    let number = office.opened("Login breaks", &[])?;
    let files = json!({"src/a.rs": "x\n"});
    let pull = office.act("ann", json!({"do": "open_pull", "title": "Mend the login", "files": files}))?;
    let pull = pull["number"].as_u64().context("a pull request has a number")?;
    for (at, count, title) in [(number, 1, "First"), (number, 2, "Second"), (pull, 1, "Third")] {
        let text = format!("/ai-crm task create \"{title}\"");
        office.act("bob", json!({"do": "comment", "number": at, "text": text}))?;
        office.answered(at, count).await?;
        office.stage.rest().await?;
    }
    let (first, second, third) = (office.task("T-1").await?, office.task("T-2").await?, office.task("T-3").await?);
    ensure!(first["issue"] == "acme/shop#1 (kept the same)", "{first}");
    ensure!(
        second["issue"].is_null() && lines(&second, "is kept the same with T-1, not with this one") == 1,
        "{second}"
    );
    ensure!(third["issue"].is_null() && lines(&third, "kept the same") == 0, "{third}");
    ensure!(first["comments"].as_array().is_some_and(Vec::is_empty), "a command is no remark: {first}");
    office.act("ann", json!({"do": "close", "number": number}))?;
    office.task_is("the first is done", |task| task["status"] == "done").await?;
    ensure!(office.task("T-2").await?["status"] == "todo");
    office.tool("task.update", json!({"task": "T-3", "status": "done"})).await?;
    office.stage.rest().await?;
    ensure!(office.world().issue(SHOP, pull).is_some_and(|pull| pull.open), "a pull request is nobody's to close");
    office.end().await
}
