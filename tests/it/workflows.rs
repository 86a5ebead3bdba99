//! Workflows and commands on GitHub, in the real binary beside the stand-ins of GitHub and Slack: issues become tasks, the
//! team's channel hears of it, the issue gets one comment, each once, whatever ends the process in between.

use ai_crm::sim::fault::{Fate, Faults};
use ai_crm::sim::github::GitHubWorld;
use ai_crm::sim::slack::message::Message;
use ai_crm::sim::slack::{Sender, SenderConfig};
use anyhow::{Context, ensure};
use serde_json::json;

use crate::office::{Office, SHOP};
use crate::stage::{ADA, DEV, Expected, LINUS, PATIENCE, controls, words};
use crate::support::server::SIGNING_SECRET;
use crate::support::until;

const RULES: &str = r##"
workflows:
  github_issue_to_task:
    trigger:
      platform: github
      event: issues.opened
      conditions:
        - labels.contains: ["bug", "feature"]
        - assignee: null
    actions:
      - action: create_ai_crm_task
        params: { title: "GitHub: {issue.title}", description: "{issue.body}", pm_analysis: true, auto_assign: true }
      - action: slack_notification
        params: { channel: "#dev-team", message: "New task created from GitHub issue: {task.title}" }
      - action: github_comment
        params: { message: "✅ AI-CRM task created: {task.url}" }
  pull_request_review:
    trigger:
      platform: github
      event: pull_request.opened
      conditions:
        - files_changed.includes: ["*.py", "*.js"]
    actions:
      - action: assign_reviewer
        params: { agent: code-reviewer, priority: high }
"##;

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_becomes_a_task_the_channel_hears_of_it_and_the_issue_gets_one_comment() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let bug = office.opened("Login <!channel> *breaks*", &["bug"])?;
    let question = office.opened("A question", &["question"])?;
    let message = office.stage.sees("the channel hears of it", |slack| slack.messages(DEV).pop()).await?;
    let said = words(&message);
    ensure!(said.contains("New task created from GitHub issue: GitHub: Login"), "{said}");
    let raw = serde_json::to_string(&message.blocks)?;
    ensure!(!raw.contains("<!channel>"), "{raw}");
    let comment = office.answered(bug, 1).await?.remove(0);
    ensure!(comment.body.contains("✅ AI-CRM task created: T-1"), "{comment:?}");
    let ended = office.ended(1).await?;
    ensure!(ended == ["done"], "{ended:?}");
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"] == "GitHub: Login <!channel> *breaks*", "{tasks:?}");
    ensure!(tasks[0]["assignee"]["type"] == "agent", "{tasks:?}");
    ensure!(office.stage.said(DEV).len() == 1 && office.of_bot(bug).len() == 1);
    ensure!(office.of_bot(question).is_empty());
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    ensure!(shown.out.contains("R-1 of github_issue_to_task: done"), "{shown:?}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pull_request_changes_is_fetched_where_a_rule_looks_at_it() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let opens = |title: &str, file: &str| json!({"do": "open_pull", "title": title, "files": {file: "x\n"}});
    office.act("ann", opens("In Python", "src/a.py"))?;
    office.act("ann", opens("In words", "README.md"))?;
    let reviewed = || async { Ok(Some(office.tasks().await?).filter(|tasks| !tasks.is_empty())) };
    let tasks = until(PATIENCE, "a task for the review", reviewed).await?;
    let statuses = office.ended(2).await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"].as_str().is_some_and(|it| it.contains("In Python")), "{tasks:?}");
    ensure!(tasks[0]["assignee"]["name"] == "code-reviewer" && tasks[0]["priority"] == "high", "{tasks:?}");
    ensure!(statuses == ["passed_over", "done"], "{statuses:?}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_the_process_dies_under_goes_on_where_it_was() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    let sent = |office: &Office, count: usize| {
        let world = office.world().clone();
        async move {
            let all = |world: &GitHubWorld| Some(world.deliveries()).filter(|all| all.len() >= count);
            world.wait_for(PATIENCE, all).await.map(drop).context("deliveries")
        }
    };
    let one = office.opened("one", &["bug"])?;
    sent(&office, 2).await?;
    let office = office.killed().await?;
    let two = office.opened("two", &["bug"])?;
    sent(&office, 4).await?;
    let office = office.killed().await?;
    for number in [one, two] {
        office.answered(number, 1).await?;
    }
    until(PATIENCE, "both are told of", || async { Ok((office.stage.said(DEV).len() >= 2).then_some(())) }).await?;
    ensure!(office.ended(2).await? == ["done", "done"]);
    ensure!(office.tasks().await?.len() == 2);
    ensure!(office.stage.said(DEV).len() == 2, "each once");
    ensure!(office.of_bot(one).len() == 1 && office.of_bot(two).len() == 1, "each once");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_commands_by_the_permission_of_who_wrote_it() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    let number = office.opened("Login breaks", &[])?;
    let text = "Hello\r\n/ai-crm task create \"Fix the login\"\r\n\r\n> /ai-crm task create \"quoted\"\r\n\r\n```\r\n/ai-crm task create \"code\"\r\n```\r\n@ai-crm help task\r\n";
    let comment = office.act("bob", json!({"do": "comment", "number": number, "text": text}))?;
    let id = comment["comment"].as_u64().context("a comment has an id")?;
    let answers = office.answered(number, 2).await?;
    let first = &answers[0].body;
    ensure!(
        first.contains("ai-crm task create \"Fix the login\"") && (first.contains("T\\-1") || first.contains("T-1")),
        "{answers:?}"
    );
    office.stage.rest().await?;
    ensure!(office.tasks().await?.len() == 1);
    let reactions = |id: u64| {
        let comments = office.world().comments(SHOP, number);
        let of = comments.into_iter().find(|comment| comment.id == id);
        let mut all: Vec<String> = of.into_iter().flat_map(|of| of.reactions).map(|it| it.content).collect();
        all.sort();
        all
    };
    ensure!(reactions(id) == ["eyes", "rocket"], "{:?}", reactions(id));
    // An edit carries out what is new alone.
    let edited = format!("{text}\r\n/ai-crm task create \"Added later\"\r\n");
    office.act("bob", json!({"do": "edit_comment", "id": id, "text": edited}))?;
    office.answered(number, 3).await?;
    // Who may only read is refused.
    let refused =
        office.act("dan", json!({"do": "comment", "number": number, "text": "/ai-crm task create \"No\""}))?;
    office.answered(number, 4).await?;
    office.stage.rest().await?;
    ensure!(office.tasks().await?.len() == 2);
    let refused = refused["comment"].as_u64().context("a comment has an id")?;
    ensure!(reactions(refused) == ["confused", "eyes"], "{:?}", reactions(refused));
    office.end().await
}

const TEN_STEPS: &str = r##"
workflows:
  ten:
    trigger: { platform: github, event: issues.opened, conditions: [{ labels: [ten] }] }
    actions:
      - { id: task, action: create_ai_crm_task, params: { title: "{issue.title}" } }
      - { action: slack_notification, params: { channel: "#dev-team", message: "first {issue.title}" } }
      - { action: github_comment, params: { message: "first {task.key}" } }
      - { action: github.label, params: { add: [triaged] } }
      - { action: task.comment, params: { task: "{task.key}", text: "labelled" } }
      - { action: github.assign, params: { add: [bob] } }
      - { action: github_comment, params: { message: "second {task.key}" } }
      - { action: slack_notification, params: { channel: "#dev-team", message: "second {issue.title}" } }
      - { action: task.update, params: { task: "{task.key}", status: in-progress } }
      - { action: github.close, params: { reason: completed } }
"##;

/// What the ten steps do at an issue is theirs alone: it is not kept the same with its task.
const APART: &[(&str, &str)] =
    &[("AI_CRM__SYNC__STATUS", "off"), ("AI_CRM__SYNC__LABELS", "off"), ("AI_CRM__SYNC__COMMENTS", "off")];

impl Office {
    fn told(&self, words_of: &str) -> usize {
        self.stage.said(DEV).iter().filter(|message| words(message).contains(words_of)).count()
    }

    /// How many of the seven things that people see of the ten steps are there.
    fn progress(&self, number: u64, title: &str) -> anyhow::Result<usize> {
        let issue = self.world().issue(SHOP, number).context("the issue is there")?;
        let seen = [
            self.told(&format!("first {title}")) > 0,
            !self.of_bot(number).is_empty(),
            issue.labels.iter().any(|label| label == "triaged"),
            !issue.assignees.is_empty(),
            self.of_bot(number).len() > 1,
            self.told(&format!("second {title}")) > 0,
            !issue.open,
        ];
        Ok(seen.iter().filter(|it| **it).count())
    }

    /// The end of the runs of these issues: all ten steps are done, and each is done once.
    async fn all_ten_once(self, numbers: &[(u64, String)]) -> anyhow::Result<()> {
        let ended = self.ended(numbers.len()).await?;
        ensure!(ended.iter().all(|status| status == "done"), "{ended:?}\n{:?}", self.runs().await?);
        for (number, title) in numbers {
            ensure!(self.progress(*number, title)? == 7, "{title}");
            ensure!(self.of_bot(*number).len() == 2, "{title}: {:?}", self.of_bot(*number));
            for word in ["first", "second"] {
                ensure!(self.told(&format!("{word} {title}")) == 1, "{word} {title}");
            }
        }
        let tasks = self.tasks().await?;
        ensure!(tasks.len() == numbers.len(), "{tasks:?}");
        ensure!(tasks.iter().all(|task| task["status"] == "in-progress"), "{tasks:?}");
        self.end().await
    }
}

/// The calls by which the seven things come about: of which platform, which method, and which of its calls.
const CALLS: [(&str, &str, usize); 7] = [
    ("slack", "chat.postMessage", 0),
    ("github", "issues/create-comment", 0),
    ("github", "issues/add-labels", 0),
    ("github", "issues/add-assignees", 0),
    ("github", "issues/create-comment", 1),
    ("slack", "chat.postMessage", 1),
    ("github", "issues/update", 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn ten_steps_end_the_same_where_the_process_dies_between_a_call_and_its_answer() -> anyhow::Result<()> {
    let mut office = Office::set_up(TEN_STEPS, APART).await?;
    let mut numbers = Vec::new();
    for (round, (platform, method, nth)) in CALLS.into_iter().enumerate() {
        // Done, and answered when nobody is there any more.
        let script = std::iter::repeat_n(Fate::Pass, nth).chain([Fate::Stall]).collect();
        let faults = Faults { script, stall_ms: 60_000, methods: vec![method.to_owned()], ..Faults::default() };
        match platform {
            "slack" => office.stage.world().set_faults(faults),
            _ => office.world().set_faults(faults),
        }
        let title = format!("round {round}");
        let number = office.opened(&title, &["ten"])?;
        let is_done = || async { Ok((office.progress(number, &title)? > round).then_some(())) };
        until(PATIENCE, &format!("{method} is done"), is_done).await?;
        ensure!(office.progress(number, &title)? == round + 1, "nothing goes on before the answer: {method}");
        office = office.killed().await?;
        let goes_on = || async { Ok((office.progress(number, &title)? == CALLS.len()).then_some(())) };
        until(3 * PATIENCE, &format!("it goes on behind {method}"), goes_on).await?;
        office.stage.rest().await?;
        numbers.push((number, title));
    }
    office.all_ten_once(&numbers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_steps_end_the_same_wherever_the_process_dies() -> anyhow::Result<()> {
    let mut office = Office::set_up(TEN_STEPS, APART).await?;
    // Answers take a while, so that some of the deaths come between a call and its answer.
    let faults = Faults { seed: 7, latency_ms: 50, jitter_ms: 150, lost_answer: 0.1, ..Faults::default() };
    office.world().set_faults(faults);
    let mut numbers = Vec::new();
    for round in 0..=7_usize {
        let title = format!("round {round}");
        let number = office.opened(&title, &["ten"])?;
        let deliveries = 2 * (round + 1);
        let there = |world: &GitHubWorld| (world.deliveries().len() >= deliveries).then_some(());
        office.world().wait_for(PATIENCE, there).await.context("the issue is told of")?;
        let reached = || async { Ok((office.progress(number, &title)? >= round).then_some(())) };
        until(PATIENCE, &format!("{round} things are seen"), reached).await?;
        office = office.killed().await?;
        numbers.push((number, title));
    }
    office.all_ten_once(&numbers).await
}

const ASKS: &str = r##"
workflows:
  gated:
    trigger: { platform: github, event: issues.opened, conditions: [{ labels: [gate] }] }
    actions:
      - id: gate
        approval: { approvers: { group: ops }, ask: "Work on {issue.title}?", show: [issue.title] }
      - { when: { steps.gate.approved: true }, action: github_comment, params: { message: "approved" } }
      - wait_for: { event: issues.closed, timeout: 90d }
"##;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_asks_people_waits_for_an_event_and_is_ended_and_set_going_again() -> anyhow::Result<()> {
    let office = Office::set_up(ASKS, &[("AI_CRM__PEOPLE__GROUPS__OPS", "slack:T0SIM0001/U0LINUS01")]).await?;
    // Whom the bot has met it can ask.
    office.stage.answer(LINUS, "help").await?;
    let number = office.opened("the cellar", &["gate"])?;
    let is_asked = |message: &Message| words(message).contains("Work on the cellar?");
    let card =
        office.stage.sees("the question", |slack| slack.messages("D0LINUS01").into_iter().find(is_asked)).await?;
    ensure!(words(&card).contains("gated (R-1)"), "{card:?}");
    let line = "run answer R-1 gate 1 yes";
    let refused = words(&office.stage.answer(ADA, line).await?);
    ensure!(refused.contains("you may not answer this"), "{refused}");
    let office = office.killed().await?;
    let approve = controls(&card).get("Approve").cloned().context("a button")?;
    let sender = Sender::new(office.stage.world().clone(), SenderConfig::new(office.stage.address(), SIGNING_SECRET))?;
    let (_, answer) = sender.click(LINUS, &card.channel, &card.ts, &approve, None).await?;
    ensure!(answer.status == Some(200), "{answer:?}");
    office.answered(number, 1).await?;

    let waits = || async { Ok(Some(office.runs().await?).filter(|all| all[0]["status"] == "waiting")) };
    until(PATIENCE, "it waits for the event", waits).await?;
    let ended = office.stage.run(&["workflow", "cancel", "R-1"]).await?;
    ensure!(ended.code() == Some(0), "{ended:?}");
    ensure!(office.ended(1).await? == ["cancelled"]);
    let wrong = office.stage.run(&["workflow", "retry", "R-1", "--from", "nowhere"]).await?;
    ensure!(wrong.code() == Some(1) && wrong.err.contains("has no step `nowhere`"), "{wrong:?}");
    let again = office.stage.run(&["workflow", "retry", "R-1"]).await?;
    ensure!(again.code() == Some(0), "{again:?}");
    until(PATIENCE, "it waits again", waits).await?;
    ensure!(office.of_bot(number).len() == 1, "what was done is not repeated");
    office.act("ann", json!({"do": "close", "number": number}))?;
    ensure!(office.ended(1).await? == ["done"], "{:?}", office.runs().await?);
    let over = office.stage.run(&["workflow", "retry", "R-1"]).await?;
    ensure!(over.code() == Some(1) && over.err.contains("R-1 is done"), "{over:?}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_begins_runs_and_a_broken_file_stays_out() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    let rules = office.folder().join("rules.yml");
    std::fs::write(&rules, "workflows: {broken: {trigger: {schedule: {cron: nonsense}}, actions: []}}\n")?;
    let is_told = || async { Ok(office.stage.plan.log().contains("workflows are not valid").then_some(())) };
    until(PATIENCE, "the mistake is told", is_told).await?;
    let every_minute = "workflows: {tick: {trigger: {schedule: {cron: \"* * * * *\"}}, \
                        actions: [{action: slack_notification, params: {channel: \"#dev-team\", message: tick}}]}}\n";
    std::fs::write(&rules, every_minute)?;
    let look = || async { Ok((office.told("tick") > 0).then_some(())) };
    until(std::time::Duration::from_secs(75), "the schedule begins a run", look).await?;
    std::fs::write(&rules, "workflows: {}\n")?;
    let what_if = office.folder().join("other.yml");
    std::fs::write(&what_if, RULES)?;
    office.opened("kept", &["bug"])?;
    let compared = || async {
        let said = office.stage.run(&["workflow", "what-if", what_if.to_str().unwrap_or_default()]).await?;
        Ok(said.out.contains("github_issue_to_task: would begin 1 more, 0 no longer").then_some(()))
    };
    until(PATIENCE, "what the other file would do", compared).await?;
    office.ended(1).await?;
    let log = "workflows are not valid";
    office.stage.end_but_for(Expected { faults: &[log], ..Expected::default() }).await
}
