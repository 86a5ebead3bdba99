//! `workflow simulate`: the files that the product was ordered with, unchanged, step by step, and without a network.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::stage::{Printed, run};
use crate::support::server::ServerPlan;

/// `config/workflows/*.yml` of the order.
const WORKFLOWS: &str = r##"
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
      - action: teams_notification
        params: { chat_id: "{pr.author.teams_id}", message: "Your PR is ready for AI review: {pr.url}" }
"##;

/// `.github/ai-crm.yml` of the order.
const OF_A_REPOSITORY: &str = r##"
auto_task_creation:
  enabled: true
  rules:
    - trigger: issue_opened
      conditions:
        - labels: ["bug", "enhancement"]
        - not_labels: ["wontfix", "duplicate"]
      task:
        title_template: "GitHub Issue: {issue.title}"
        description_template: |
          **GitHub Issue**: {issue.html_url}
          **Reporter**: {issue.user.login}
          **Labels**: {issue.labels}

          {issue.body}
        pm_analysis: true
        auto_assign: true
    - trigger: pull_request_opened
      conditions:
        - files_changed: ["*.py", "*.js", "*.ts"]
      task:
        title_template: "Code Review: {pr.title}"
        agent_hint: "code-reviewer"
        priority: "high"
"##;

/// A workflow with an approval, a delay, a loop and a failure that is told.
const OWN: &str = r##"
workflows:
  gated:
    trigger: { manual: { inputs: { names: { required: true }, n: { type: number, default: 2 } } } }
    actions:
      - { id: gate, approval: { approvers: { group: ops, min: 2 }, ask: "Go on with {event.inputs.names}?", show: [event.inputs.n] } }
      - { when: steps.gate.approved, delay: { for: 15m } }
      - { id: each, when: steps.gate.approved, for_each: { in: ["a", "b"], as: who, do: [{ action: slack_notification, params: { channel: "{who}", message: "<{who}> {nothing}" } }] } }
"##;

fn issue() -> Value {
    json!({
        "action": "opened",
        "issue": {
            "number": 7, "title": "Crash <!channel> {vars.secret}", "body": "It \u{1b}[31mfails", "html_url": "https://github.com/a/b/issues/7",
            "user": {"login": "mia", "id": 3}, "assignee": null, "labels": [{"name": "ui"}, {"name": "bug"}],
        },
        "repository": {"full_name": "a/b"},
    })
}

fn pull(files: &Value) -> Value {
    json!({
        "action": "opened", "files_changed": files,
        "pull_request": {"number": 8, "title": "Faster", "html_url": "https://github.com/a/b/pull/8", "user": {"login": "mia", "id": 3}},
    })
}

struct Desk {
    folder: tempfile::TempDir,
    plan: ServerPlan,
}

impl Desk {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        for (name, text) in [("all.yml", WORKFLOWS), ("ai-crm.yml", OF_A_REPOSITORY), ("own.yml", OWN)] {
            std::fs::write(folder.path().join(name), text)?;
        }
        let plan = ServerPlan::new(&folder.path().join("data"));
        Ok(Self { folder, plan })
    }

    fn words(&self, name: &str, file: &str, event: &Value, more: &[&str]) -> anyhow::Result<Vec<String>> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        std::fs::write(self.folder.path().join("event.json"), event.to_string())?;
        let (event, file) = (path("event.json"), path(file));
        let words = ["workflow", "simulate", name, "--event", &event, "--file", &file];
        Ok(words.iter().chain(more).map(|word| (*word).to_owned()).collect())
    }

    async fn simulate(&self, name: &str, file: &str, event: &Value, more: &[&str]) -> anyhow::Result<Printed> {
        let words = self.words(name, file, event, more)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(&self.plan, &words, "").await
    }
}

fn holds(printed: &Printed, code: i32, parts: &[&str]) {
    assert_eq!(printed.code(), Some(code), "{printed:?}");
    for part in parts {
        assert!(printed.out.contains(part), "{part}\n{}\n{}", printed.out, printed.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ordered_files_are_simulated_from_their_event_to_their_end() -> anyhow::Result<()> {
    let desk = Desk::new()?;
    let printed = desk.simulate("github_issue_to_task", "all.yml", &issue(), &[]).await?;
    holds(
        &printed,
        0,
        &[
            "by github/issues.opened",
            r#"labels contains ["bug","feature"]: found ["ui","bug"], holds"#,
            "step 1 (line 11) create_ai_crm_task, would be done",
            r#"title (plain) = "GitHub: Crash <!channel> {vars.secret}""#,
            r#"message (mrkdwn) = "New task created from GitHub issue: GitHub: Crash &lt;!channel&gt; {vars.secret}""#,
            "output (simulated): {",
            "ends: done; nothing was done",
        ],
    );
    assert!(!printed.out.contains('\u{1b}'), "nothing that a terminal would obey");
    let json = desk.simulate("github_issue_to_task", "all.yml", &issue(), &["--json"]).await?.json()?;
    assert_eq!(
        (&json["begins"], &json["ends"], &json["steps"][2]["simulated"]),
        (&json!(true), &json!("done"), &json!(true))
    );
    assert_eq!(
        json["conditions"][1],
        json!({"line": 9, "depth": 0, "path": "assignee", "operator": "is", "found": null, "result": "holds"})
    );

    let none = json!({"action": "opened", "issue": {"labels": [{"name": "ui"}], "assignee": {"login": "a"}}});
    let printed = desk.simulate("github_issue_to_task", "all.yml", &none, &[]).await?;
    holds(&printed, 1, &["does not begin: its conditions do not hold", r#"found ["ui"], fails"#]);

    let printed = desk.simulate("pull_request_review", "all.yml", &pull(&json!(["src/a.py"])), &[]).await?;
    holds(
        &printed,
        0,
        &[
            "step 1 (line 24) assign_reviewer, would be done",
            r#"message (markdown) = "Your PR is ready for AI review: https://github.com/a/b/pull/8""#,
            "warning: chat_id: `pr.author.teams_id` is not there",
        ],
    );
    holds(&desk.simulate("pull_request_review", "all.yml", &pull(&json!(["a.rs"])), &[]).await?, 1, &["fails"]);
    let mut unknown = pull(&json!(null));
    unknown.as_object_mut().map(|fields| fields.remove("files_changed"));
    let printed = desk.simulate("pull_request_review", "all.yml", &unknown, &[]).await?;
    holds(&printed, 1, &["does not begin: the files of the change are not given; put `files_changed:"]);

    let printed = desk.simulate("auto_task_creation_1", "ai-crm.yml", &issue(), &[]).await?;
    holds(
        &printed,
        0,
        &[
            r"**Labels**: ui, bug\n\nIt",
            "pm_analysis (plain) = true",
            "step task (line",
            r#"labels not ["wontfix","duplicate"]"#,
            "ends: done",
        ],
    );
    let printed = desk.simulate("auto_task_creation_2", "ai-crm.yml", &pull(&json!(["x/y.ts"])), &[]).await?;
    holds(&printed, 0, &[r#"title (plain) = "Code Review: Faster""#, r#"agent_hint (plain) = "code-reviewer""#]);
    assert!(!desk.plan.data().exists(), "no data folder is made");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_are_assumed_and_delays_jumped() -> anyhow::Result<()> {
    let desk = Desk::new()?;
    let inputs = json!({"names": "x"});
    let printed = desk.simulate("gated", "own.yml", &inputs, &[]).await?;
    holds(
        &printed,
        0,
        &[
            "step gate (line 6) approval, approved: asks 2 of ops: Go on with x?; event.inputs.n: 2",
            "step 2 (line 7) delay, over",
            "step each[1].1 (line 8) slack_notification, would be done",
            r#"message (mrkdwn) = "<b> ""#,
            "warning: message: `nothing` is not there",
        ],
    );
    let denied = desk.simulate("gated", "own.yml", &inputs, &["--approve", "none"]).await?;
    holds(&denied, 0, &["approval, turned down", "step each (line 8) for_each, passed over"]);
    for (name, event, more, said) in [
        ("gatd", &inputs, vec![], "there is no workflow `gatd`; did you mean `gated`?"),
        ("gated", &json!({}), vec![], "the inputs: `names` is needed"),
        ("gated", &json!([]), vec![], "is no JSON object"),
        (
            "gated",
            &inputs,
            vec!["--platform", "github", "--name", "push"],
            "no trigger of `gated` is about github/push",
        ),
        ("gated", &inputs, vec!["--approve", "some"], "invalid value"),
    ] {
        let printed = desk.simulate(name, "own.yml", event, &more).await?;
        assert!(printed.code() != Some(0) && printed.err.contains(said), "{said}: {printed:?}");
    }
    Ok(())
}

/// In a network of its own, in which nothing leads anywhere.
fn without_a_network(program: &Path, words: &[String]) -> anyhow::Result<(bool, String)> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]).arg(program).args(words).stdin(Stdio::null());
    let output = command.output()?;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        !err.contains("unshare failed"),
        "this test needs user namespaces (sysctl user.max_user_namespaces): {err}"
    );
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn a_simulation_is_the_same_where_there_is_no_network() -> anyhow::Result<()> {
    let (_, routes) = without_a_network(Path::new("cat"), &["/proc/net/route".to_owned()])?;
    assert!(routes.lines().count() <= 1, "below its head there is no route: {routes}");
    let desk = Desk::new()?;
    let words = desk.words("github_issue_to_task", "all.yml", &issue(), &["--json"])?;
    let program = Path::new(env!("CARGO_BIN_EXE_ai-crm"));
    let (is_well, out) = without_a_network(program, &words)?;
    let report: Value = serde_json::from_str(&out)?;
    assert!(is_well && report["ends"] == "done" && report["steps"].as_array().is_some_and(|steps| steps.len() == 3));
    Ok(())
}
