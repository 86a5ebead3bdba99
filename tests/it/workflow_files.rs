//! `workflow check`: files of workflows are judged by the command line, each mistake at its place, and nothing is made.

use std::path::Path;

use crate::stage::{Printed, run};
use crate::support::judge::root;
use crate::support::server::ServerPlan;

const GOOD: &str = "
workflows:
  issues_to_tasks:
    trigger: {platform: github, event: issues.opened, conditions: [{labels.contains: [bug]}]}
    actions:
      - {id: task, action: create_ai_crm_task, params: {title: \"GitHub: {issue.title}\"}}
      - {action: task.comment, params: {task: \"{task.key}\", text: \"{issue.html_url}\"}}
  every_morning:
    enabled: false
    trigger: {schedule: {cron: 0 8 * * mon-fri, tz: Europe/Berlin}}
    actions: [{action: slack_notification, params: {channel: \"#dev\", message: Good morning}}]
";
const OF_A_REPOSITORY: &str = "
auto_task_creation:
  rules:
    - {trigger: issue_opened, task: {title_template: \"{issue.title}\"}}
";

async fn check(plan: &ServerPlan, words: &[&str]) -> anyhow::Result<Printed> {
    run(plan, &[&["workflow", "check"], words].concat(), "").await
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_the_documentation_is_valid() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let page = std::fs::read_to_string(root().join("docs/workflows.md"))?;
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let file = folder.path().join("example.yml");
    std::fs::write(&file, example)?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let checked = check(&plan, &[&text(&file)]).await?;
    assert!(checked.code() == Some(0) && !checked.out.contains("warning"), "{checked:?}");
    assert!(checked.out.contains("triage") && checked.out.contains("deployed"), "{checked:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_workflows_are_judged_and_nothing_is_made() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let own = folder.path().join("workflows");
    std::fs::create_dir(&own)?;
    let plan = ServerPlan::new(&folder.path().join("data")).with("AI_CRM__WORKFLOWS__FOLDER", &text(&own));

    let empty = check(&plan, &[]).await?;
    assert!(empty.code() == Some(1) && empty.err.contains("has no *.yml or *.yaml file"), "{empty:?}");
    std::fs::write(own.join("good.yml"), GOOD)?;
    std::fs::write(own.join("notes.txt"), "no workflow")?;
    let good = check(&plan, &[]).await?;
    assert_eq!(good.code(), Some(0), "{good:?}");
    for part in ["good.yml", "issues_to_tasks", "github/issues.opened", "0 8 * * mon-fri Europe/Berlin (off)"] {
        assert!(good.out.contains(part), "{part}: {good:?}");
    }
    assert!(!good.out.contains("warning"), "{good:?}");
    let json = check(&plan, &["--json"]).await?.json()?;
    let first = &json["files"][0]["workflows"][0];
    assert_eq!((&json["valid"], &first["name"], &first["steps"]), (&true.into(), &"issues_to_tasks".into(), &2.into()));
    let version = first["version"].as_str().unwrap_or_default();
    assert!(version.len() == 64 && good.out.contains(&version[..12]), "{json}");

    std::fs::write(
        own.join("ill.yaml"),
        "workflows:\n  a:\n    trigger: {manual: }\n    actions: [{action: task.crate}]\n",
    )?;
    std::fs::write(own.join("twice.yml"), GOOD)?;
    let ill = check(&plan, &[]).await?;
    assert_eq!(ill.code(), Some(1), "{ill:?}");
    for part in [
        "ill.yaml:4:24: there is no action `task.crate`; did you mean `task.create`?",
        "twice.yml:3:3: `issues_to_tasks` stands in",
        "issues_to_tasks  github/issues.opened",
    ] {
        assert!(ill.out.contains(part), "{part}: {ill:?}");
    }
    let json = check(&plan, &["--json"]).await?.json()?;
    assert_eq!((&json["valid"], &json["files"][1]["mistakes"][0]["line"]), (&false.into(), &4.into()), "{json}");
    assert!(!plan.data().exists(), "no data folder is made");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_named_are_judged_by_what_they_are() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let file = |name: &str, content: &[u8]| -> anyhow::Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, content)?;
        Ok(text(&path))
    };
    let of_a_repository = file("ai-crm.yml", OF_A_REPOSITORY.as_bytes())?;
    let good = check(&plan, &[&of_a_repository]).await?;
    assert!(good.code() == Some(0) && good.out.contains("auto_task_creation_1"), "{good:?}");
    let missing = text(&folder.path().join("missing.yml"));
    let binary = file("binary.yml", b"workflows:\n  \xff: 1\n")?;
    let long = file("long.yml", "# so\n".repeat(1_000_000).as_bytes())?;
    let greedy = file("ai-crm.yaml", b"auto_task_creation:\n  rules: []\nworkflows: {}\n")?;
    let printed = check(&plan, &[&missing, &binary, &long, &greedy, &of_a_repository]).await?;
    assert_eq!(printed.code(), Some(1), "{printed:?}");
    for part in [
        format!("{missing}: cannot be read: "),
        format!("{binary}:2:3: the file is no text in UTF-8 from here on"),
        format!("{long}:1:1: the file has more than 524288 bytes"),
        format!("{greedy}:3:1: the file of a repository can create tasks alone"),
        "auto_task_creation_1".to_owned(),
    ] {
        assert!(printed.out.contains(&part), "{part}: {printed:?}");
    }
    assert_eq!(check(&plan, &["--fast"]).await?.code(), Some(2));
    let doubtful = file("doubtful.yml", GOOD.replace("{issue.title}", "{isue.title}").as_bytes())?;
    let printed = check(&plan, &[&doubtful]).await?;
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    let warning = format!("{doubtful}:6:64: warning: nothing has `isue` at its root");
    assert!(printed.out.contains(&warning) && printed.out.contains("did you mean `issue`?"), "{printed:?}");
    Ok(())
}
