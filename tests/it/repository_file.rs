//! `.github/ai-crm.yml` in a repository, read by the real binary beside GitHub's stand-in: what it says begins for events of
//! that repository alone, each once; a file that is not valid never becomes live; and a pull request that touches it has a
//! check run.

use ai_crm::sim::fault::Faults;
use ai_crm::sim::github::hook::Way;
use ai_crm::sim::github::repository::CheckRun;
use ai_crm::sim::github::{Act, GitHubWorld};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::office::{Office, SHOP};
use crate::stage::PATIENCE;
use crate::support::until;

const PATH: &str = ".github/ai-crm.yml";
/// The file with which the product was ordered.
const ORDERED: &str = include_str!("../data/ai-crm.yml");
/// A mistake in its line 5, column 16.
const BROKEN: &str = "# ours\nauto_task_creation:\n  rules:\n    # issues\n    - trigger: issue_openend\n      task: { title_template: x }\n";
/// More than a repository may: line 6, column 7.
const GREEDY: &str = "auto_task_creation:\n  rules:\n    - trigger: issue_opened\n      task:\n        title_template: x\n      actions: [{ action: slack_notification }]\n";

impl Office {
    fn push(&self, branch: Option<&str>, text: Option<&str>) -> anyhow::Result<Value> {
        self.act("ann", json!({"do": "push", "branch": branch, "files": {PATH: text}}))
    }

    fn opens_pull(&self, title: &str, files: Value) -> anyhow::Result<u64> {
        let made = self.act("bob", json!({"do": "open_pull", "title": title, "files": files}))?;
        made["number"].as_u64().with_context(|| format!("{made}"))
    }

    async fn has_tasks(&self, count: usize) -> anyhow::Result<Vec<Value>> {
        let look = || async { Ok(Some(self.tasks().await?).filter(|tasks| tasks.len() >= count)) };
        let found = until(PATIENCE, &format!("{count} tasks"), look).await;
        found.with_context(|| self.stage.plan.log())
    }

    /// Waits for the check runs of a commit.
    async fn checked(&self, sha: &str) -> anyhow::Result<CheckRun> {
        let of = |world: &GitHubWorld| world.check_runs(SHOP).into_iter().find(|run| run.head_sha == sha);
        let found = self.world().wait_for(PATIENCE, of).await;
        found.with_context(|| format!("a check run of {sha}\n{}", self.stage.plan.log()))
    }

    fn head(&self, number: u64) -> anyhow::Result<String> {
        let issue = self.world().issue(SHOP, number).context("the pull request is there")?;
        Ok(issue.pull.context("it is a pull request")?.head_sha)
    }

    /// Waits until what `doctor` finds has these words.
    async fn doctor_says(&self, words: &str) -> anyhow::Result<()> {
        let look = || async { Ok(self.stage.run(&["doctor"]).await?.out.contains(words).then_some(())) };
        until(PATIENCE, &format!("doctor says: {words}"), look).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ordered_file_makes_tasks_of_issues_and_pull_requests() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    office.push(None, Some(ORDERED))?;
    let bug = office.opened("Login *breaks* for @all", &["bug"])?;
    office.opened("Not this one", &["bug", "wontfix"])?;
    office.opened("Nor this", &["question"])?;
    let tasks = office.has_tasks(1).await?;
    ensure!(tasks[0]["title"] == "GitHub Issue: Login *breaks* for @all", "{tasks:?}");
    ensure!(tasks[0]["assignee"]["type"] == "agent", "{tasks:?}");
    let shown = office.task(tasks[0]["id"].as_str().context("an id")?).await?.to_string();
    let url = format!("/acme/shop/issues/{bug}");
    for said in [url.as_str(), "**Reporter**: ann", "**Labels**: bug", "it broke", "Analysis: "] {
        ensure!(shown.contains(said), "{said}: {shown}");
    }
    office.opens_pull("In Python", json!({"src/a.py": "x\n"}))?;
    office.opens_pull("In words", json!({"NOTES.md": "x\n"}))?;
    let tasks = office.has_tasks(2).await?;
    let review = tasks.iter().find(|task| task["title"] == "Code Review: In Python").context("a review")?;
    ensure!(review["assignee"]["name"] == "code-reviewer" && review["priority"] == "high", "{review}");
    let mut ended = office.ended(3).await?;
    ended.sort();
    ensure!(ended == ["done", "done", "passed_over"], "{ended:?}");
    ensure!(office.tasks().await?.len() == 2);
    let runs = office.stage.run(&["workflow", "runs"]).await?;
    ensure!(runs.out.contains("auto_task_creation_1 (acme/shop)"), "{runs:?}");
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    ensure!(shown.out.contains("R-1 of auto_task_creation_1 (acme/shop): done"), "{shown:?}");
    let audit = office.stage.run(&["audit", "export"]).await?;
    ensure!(audit.out.contains("repository:acme/shop"), "{audit:?}");
    office.doctor_says("1 of 1 repositories have a good one").await?;
    ensure!(office.world().check_runs(SHOP).is_empty(), "no pull request touches the file");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_push_leaves_the_last_good_file_and_one_that_is_gone_ends_its_rules() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    office.push(None, Some(ORDERED))?;
    office.opened("one", &["bug"])?;
    office.has_tasks(1).await?;
    office.push(None, Some(BROKEN))?;
    office.opened("two", &["bug"])?;
    office.has_tasks(2).await?;
    office.doctor_says("acme/shop: .github/ai-crm.yml is not valid, so the last good one stays in use: line 5").await?;
    office.push(None, Some(GREEDY))?;
    office.opened("three", &["bug"])?;
    office.has_tasks(3).await?;
    office.doctor_says("line 6, column 7: the file of a repository can create tasks alone; `actions`").await?;
    let mended = ORDERED.replace("GitHub Issue", "Mended");
    let number = office.opens_pull("mended", json!({PATH: mended}))?;
    office.checked(&office.head(number)?).await?;
    office.act("ann", json!({"do": "merge", "number": number}))?;
    office.opened("four", &["bug"])?;
    let tasks = office.has_tasks(4).await?;
    ensure!(tasks[0]["title"] == "Mended: four", "{tasks:?}");
    office.push(None, None)?;
    let issue = office.opened("five", &["bug"])?;
    office.doctor_says("0 of 1 repositories have a good one").await?;
    office.stage.rest().await?;
    ensure!(office.tasks().await?.len() == 4, "#{issue} begins nothing");
    // The pull request is looked at by the second rule, which is not about its files.
    let mut ended = office.ended(5).await?;
    ended.sort();
    ensure!(ended == ["done", "done", "done", "done", "passed_over"], "{ended:?}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_touches_the_file_has_a_check_run() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    office.push(None, Some(ORDERED))?;
    for (title, text, place, said) in [
        ("broken", BROKEN, (5, 16), "did you mean `issue_opened`?"),
        ("greedy", GREEDY, (6, 7), "the file of a repository can create tasks alone; `actions`"),
    ] {
        let number = office.opens_pull(title, json!({PATH: text}))?;
        let run = office.checked(&office.head(number)?).await?;
        ensure!(run.conclusion.as_deref() == Some("failure") && run.name == "ai-crm.yml", "{run:?}");
        let [note] = &run.annotations[..] else { anyhow::bail!("{run:?}") };
        ensure!(note["path"] == PATH && note["message"].as_str().is_some_and(|it| it.contains(said)), "{run:?}");
        ensure!((&note["start_line"], &note["start_column"]) == (&json!(place.0), &json!(place.1)), "{run:?}");
        let summary = run.output["summary"].as_str().unwrap_or_default();
        ensure!(summary.contains("the last good one stays in use"), "{run:?}");
    }
    // The mend is a further commit, which has a check run of its own.
    let number = office.opens_pull("mended", json!({PATH: BROKEN, "a.py": "x\n"}))?;
    office.checked(&office.head(number)?).await?;
    let head = office.world().issue(SHOP, number).and_then(|issue| issue.pull).context("a pull request")?.head;
    office.push(Some(&head), Some(ORDERED))?;
    // It is then what the default branch has, so the pull request does not touch it any more.
    office.push(Some(&head), Some(&ORDERED.replace("GitHub Issue", "Issue")))?;
    let run = office.checked(&office.head(number)?).await?;
    ensure!(run.conclusion.as_deref() == Some("success") && run.output["title"] == "2 rules", "{run:?}");
    office.push(Some("gone"), None)?;
    let gone = office.act("ann", json!({"do": "open_pull", "title": "gone", "head": "gone", "files": {}}))?;
    let run = office.checked(&office.head(gone["number"].as_u64().context("a number")?)?).await?;
    ensure!(run.conclusion.as_deref() == Some("success") && run.output["title"] == "the file is removed", "{run:?}");
    let before = office.world().check_runs(SHOP).len();
    let number = office.opens_pull("elsewhere", json!({"NOTES.md": "x\n"}))?;
    // Opened again, a commit keeps the verdict that it has.
    office.act("ann", json!({"do": "close", "number": gone["number"]}))?;
    office.act("ann", json!({"do": "reopen", "number": gone["number"]}))?;
    office.stage.rest().await?;
    ensure!(office.world().check_runs(SHOP).len() == before, "#{number}: {:?}", office.world().check_runs(SHOP));
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_file_is_known_begins_once_whatever_dies() -> anyhow::Result<()> {
    let mut office = Office::with("workflows: {}\n").await?;
    // The bot meets the repository by an issue, and nobody tells it of the file.
    office.world().set_hook(|hook| hook.way = Way::Dropped);
    office.push(None, Some(ORDERED))?;
    let sent = |world: &GitHubWorld| (world.waiting() == 0 && !world.deliveries().is_empty()).then_some(());
    office.world().wait_for(PATIENCE, sent).await.context("the push is dropped")?;
    office.world().set_hook(|hook| hook.way = Way::Open);
    let faults = Faults { outage: true, methods: vec!["repos/get-content".to_owned()], ..Faults::default() };
    office.world().set_faults(faults);
    for title in ["one", "two"] {
        office.opened(title, &["bug"])?;
    }
    let told =
        |world: &GitHubWorld| (world.deliveries().iter().filter(|one| one.is_taken()).count() >= 4).then_some(());
    office.world().wait_for(PATIENCE, told).await.context("the issues are told of")?;
    office = office.killed().await?;
    ensure!(office.tasks().await?.is_empty() && office.runs().await?.is_empty(), "the file is not known");
    office.world().set_faults(Faults { latency_ms: 40, jitter_ms: 80, ..Faults::default() });
    office.opened("three", &["bug"])?;
    office.has_tasks(1).await?;
    office = office.killed().await?;
    office.has_tasks(3).await?;
    let ended = office.ended(3).await?;
    ensure!(ended == ["done", "done", "done"], "{ended:?}");
    ensure!(office.tasks().await?.len() == 3, "each once");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_has_its_own_rules_and_what_policies_leave_it() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies/default.cedar");
    std::fs::copy(shipped, folder.path().join("default.cedar"))?;
    let forbids = "@id(\"no-shop\")\n@reason(\"the shop makes its tasks elsewhere\")\nforbid (principal == \
                   User::\"repository:acme/shop\", action == Action::\"task.create\", resource);\n";
    std::fs::write(folder.path().join("more.cedar"), forbids)?;
    let policies = folder.path().to_str().context("a folder with a name in UTF-8")?;
    let office = Office::set_up("workflows: {}\n", &[("AI_CRM__POLICY__FOLDER", policies)]).await?;
    office.push(None, Some(ORDERED))?;
    let vault = |act: Value| -> anyhow::Result<()> {
        let act: Act = serde_json::from_value(act)?;
        office.world().act("ann", "acme/vault", act)?;
        Ok(())
    };
    let issue = |title: &str| json!({"do": "open_issue", "title": title, "labels": ["bug"]});
    vault(issue("it has no file"))?;
    office.opened("forbidden", &["bug"])?;
    ensure!(office.ended(1).await? == ["failed"]);
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    let why = "policies do not permit `task.create`: the shop makes its tasks elsewhere (line 10 of .github/ai-crm.yml in \
               acme/shop)";
    ensure!(shown.out.contains(why), "{shown:?}");
    vault(json!({"do": "push", "files": {PATH: ORDERED.replace("GitHub Issue", "Vault")}}))?;
    vault(issue("it has one"))?;
    let tasks = office.has_tasks(1).await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"] == "Vault: it has one", "{tasks:?}");
    let mut ended = office.ended(2).await?;
    ended.sort();
    ensure!(ended == ["done", "failed"], "{ended:?}");
    office.end().await
}
