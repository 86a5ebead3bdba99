//! Comments and messages of workflows that live on: one of a topic on an issue, and cards below the words of a rule that say
//! how a task stands until it is done. The real binary beside the stand-ins of GitHub, Slack and Teams.

use std::collections::VecDeque;

use ai_crm::sim::fault::{Fate, Faults};
use ai_crm::sim::github::issue::Comment;
use ai_crm::sim::slack::world::SlackWorld;
use anyhow::{Context, ensure};
use serde_json::json;

use crate::office::{Office, SHOP};
use crate::stage::{DEV, PATIENCE, words};
use crate::support::until;
use crate::tower::Tower;

/// The example file, letter by letter.
const EXAMPLE: &str = include_str!("../data/example-workflows.yml");

/// A rule that runs again with each edit of an issue.
const EDITED: &str = r#"
workflows:
  tells:
    trigger: { platform: github, event: issues.edited }
    actions:
      - { action: github_comment, params: { message: "It is called {issue.title}" } }
"#;

/// What people read of a comment: without its marks.
fn read(comment: &Comment) -> &str {
    comment.body.split_once('\n').map_or("", |(_, words)| words)
}

impl Office {
    /// Waits until the bot has so many comments on an issue, of which one says something.
    async fn says(&self, number: u64, count: usize, part: &str) -> anyhow::Result<Vec<Comment>> {
        let look = || async {
            let all = self.of_bot(number);
            Ok((all.len() == count && all.iter().any(|comment| comment.body.contains(part))).then_some(all))
        };
        let seen = until(PATIENCE, &format!("`{part}` in one of {count} comments"), look).await;
        seen.with_context(|| format!("{:#?}", self.of_bot(number)))
    }

    fn renamed(&self, number: u64, title: &str) -> anyhow::Result<()> {
        self.act("ann", json!({"do": "edit", "number": number, "title": title})).map(drop)
    }

    /// The answer to the next comment that the bot posts is lost.
    fn loses_a_comment(&self) {
        let (methods, script) = (vec!["issues/create-comment".to_owned()], VecDeque::from([Fate::LostAnswer]));
        self.world().set_faults(Faults { methods, script, ..Faults::default() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_runs_again_for_an_issue_changes_its_comment() -> anyhow::Result<()> {
    let office = Office::with(EDITED).await?;
    let number = office.opened("zero", &[])?;
    office.loses_a_comment();
    office.renamed(number, "one")?;
    let first = office.says(number, 1, "It is called one").await?.remove(0);
    // Several at once, over the death of the process.
    for title in ["two", "three", "four"] {
        office.renamed(number, title)?;
    }
    let begun = || async { Ok((office.runs().await?.len() >= 4).then_some(())) };
    until(PATIENCE, "the edits have arrived", begun).await?;
    let office = office.killed().await?;
    ensure!(office.ended(4).await? == ["done"; 4], "{:?}", office.runs().await?);
    let last = office.says(number, 1, "It is called four").await?.remove(0);
    ensure!(last.id == first.id, "{first:?} {last:?}");
    // Somebody deletes it: the next one is written anew.
    office.act("ann", json!({"do": "delete_comment", "id": last.id}))?;
    office.renamed(number, "five")?;
    let anew = office.says(number, 1, "It is called five").await?.remove(0);
    ensure!(anew.id != last.id);
    office.ended(5).await?;
    office.renamed(number, "six")?;
    let kept = office.says(number, 1, "It is called six").await?.remove(0);
    ensure!(kept.id == anew.id, "the one that was written anew is remembered");
    // Another issue has one of its own.
    let other = office.opened("other", &[])?;
    office.renamed(other, "another")?;
    office.says(other, 1, "It is called another").await?;
    office.says(number, 1, "It is called six").await?;
    office.end().await
}

const TOPICS: &str = r#"
workflows:
  one:
    trigger: { platform: github, event: issues.edited }
    actions:
      - { action: github_comment, params: { topic: state, message: "{issue.body}" } }
  two:
    trigger: { platform: github, event: issues.closed }
    actions:
      - { action: github.comment, params: { topic: state, text: "Closed" } }
      - { action: github.comment, params: { topic: none, text: "Goodbye" } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_shared_where_it_is_named_and_needs_as_many_comments_as_it_has_words_for() -> anyhow::Result<()> {
    let office = Office::with(TOPICS).await?;
    let number = office.opened("long", &[])?;
    let long = "word ".repeat(11_900);
    office.act("ann", json!({"do": "edit", "number": number, "body": long}))?;
    let both = office.says(number, 2, "word word").await?;
    ensure!(both.iter().map(|comment| read(comment).matches("word").count()).sum::<usize>() == 11_900, "all of it");
    office.ended(1).await?;
    office.act("ann", json!({"do": "close", "number": number}))?;
    let said = office.says(number, 2, "Goodbye").await?;
    ensure!(office.ended(2).await? == ["done"; 2]);
    ensure!(said[0].id == both[0].id && read(&said[0]) == "Closed", "{said:#?}");
    ensure!(said[1].id != both[1].id, "what was left over is gone, and what has no topic is a further one: {said:#?}");
    office.act("ann", json!({"do": "reopen", "number": number}))?;
    office.act("ann", json!({"do": "close", "number": number}))?;
    ensure!(office.ended(3).await? == ["done"; 3]);
    ensure!(office.of_bot(number).len() == 3, "each goodbye is a comment: {:#?}", office.of_bot(number));
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_of_a_task_says_that_it_is_done_when_it_is() -> anyhow::Result<()> {
    let tower = Tower::with(EXAMPLE).await?;
    let office = &tower.office;
    let bug = office.opened("Login breaks", &["bug"])?;
    let comment = office.says(bug, 1, "AI-CRM task created").await?.remove(0);
    ensure!(read(&comment).starts_with("✅ AI-CRM task created: T-1\n"), "{comment:?}");
    ensure!(comment.body.contains("todo") && comment.body.contains("Priority"), "{comment:?}");
    ensure!(office.ended(1).await? == ["done"]);
    let told = office.stage.said(DEV);
    ensure!(
        told.len() == 1 && words(&told[0]).starts_with("New task created from GitHub issue: GitHub: Login"),
        "{told:?}"
    );
    ensure!(words(&told[0]).contains("todo"), "{}", words(&told[0]));

    tower.says("ada", "task done T-1").await?;
    let done = office.says(bug, 1, "done").await?.remove(0);
    ensure!(done.id == comment.id && read(&done).starts_with("✅ AI-CRM task created: T-1\n"), "{done:?}");
    let is_done =
        |slack: &SlackWorld| slack.message(DEV, &told[0].ts).filter(|message| words(message).contains("done"));
    let changed = office.stage.sees("the channel's message says so", is_done).await?;
    ensure!(words(&changed).starts_with("New task created from GitHub issue"), "{}", words(&changed));
    let closed = || async { Ok(office.world().issue(SHOP, bug).filter(|issue| !issue.open)) };
    until(PATIENCE, "the issue is closed", closed).await?;
    office.stage.rest().await?;
    ensure!(office.stage.said(DEV).len() == 1 && office.of_bot(bug).len() == 1, "nothing is added");
    let told = |action: &str| office.told_of_issues(action);
    ensure!((told("closed"), told("reopened"), told("edited")) == (1, 0, 0), "nothing bounces");
    let task = office.task("T-1").await?;
    let history = task["history"].as_array().into_iter().flatten();
    let changes = history.filter(|line| line["what"].as_str().is_some_and(|what| what.starts_with("status")));
    ensure!(task["status"] == "done" && changes.count() == 1, "{task}");
    tower.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_a_pull_request_hears_of_its_review_in_teams_once_they_are_linked() -> anyhow::Result<()> {
    let tower = Tower::with(EXAMPLE).await?;
    let office = &tower.office;
    let issue = office.opened("A place to talk", &[])?;
    tower.links("bob", "ada", issue).await?;
    let opens = |title: &str| json!({"do": "open_pull", "title": title, "files": {"src/a.py": "x\n"}});
    office.act("bob", opens("Linked"))?;
    let card = tower.sees("ada", "Your PR is ready for AI review").await?;
    ensure!(card.contains("/acme/shop/pull/"), "{card}");
    ensure!(office.ended(1).await? == ["done"]);
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == 1 && tasks[0]["assignee"]["name"] == "code-reviewer", "{tasks:?}");
    ensure!(tasks[0]["priority"] == "high", "{tasks:?}");

    // Who is nobody in Teams is named, with what mends it; then the run goes on where it was.
    office.act("ann", opens("Not linked"))?;
    ensure!(office.ended(2).await? == ["failed", "done"]);
    let why = office.stage.run(&["workflow", "show", "R-2"]).await?;
    ensure!(why.out.contains("`ann` of github has linked no user of Teams"), "{why:?}");
    ensure!(why.out.contains("`link` to the bot in Teams"), "{why:?}");
    tower.links("ann", "grace", issue).await?;
    let again = office.stage.run(&["workflow", "retry", "R-2"]).await?;
    ensure!(again.code() == Some(0), "{again:?}");
    if let Err(error) = tower.sees("grace", "Your PR is ready for AI review").await {
        let why = office.stage.run(&["workflow", "show", "R-2"]).await?;
        return Err(error.context(format!("{}\n{:?}\n{}", why.out, office.runs().await?, office.stage.plan.log())));
    }
    ensure!(office.ended(2).await? == ["done", "done"]);
    ensure!(office.tasks().await?.len() == 2, "the review that was made is made once");
    tower.end().await
}
