//! The file of a repository by example, and what it may not do.

use super::*;

/// The file that the product was ordered with.
const ORDERED: &str = r#"# .github/ai-crm.yml
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
"#;

fn one(lines: &str) -> String {
    format!("auto_task_creation:\n  rules:\n{lines}")
}

#[test]
fn what_its_patterns_cost_has_a_bound() {
    let rule = |conditions: &str| {
        let rule = "    - trigger: issue_opened\n      task: { title_template: x }\n      conditions:\n";
        one(&format!("{rule}{conditions}"))
    };
    let wrong = |conditions: &str| read(&rule(conditions)).unwrap_err().remove(0);
    let cheap = "        - issue.body.matches: ['(?i)crash|panic', '^v[0-9]+\\.[0-9]+', '\\bFIXES\\b']\n";
    assert!(read(&rule(cheap)).is_ok());
    let dear = wrong("        - issue.body.matches: '(?-u)a[ab]{990}[c-~]'\n");
    assert!(dear.what.contains("too large for the file of a repository") && dear.at.line == 6, "{dear:?}");
    let hidden = wrong("        - any:\n            - issue.title.matches: ['x', '(?-u)a[ab]{990}']\n");
    assert!(hidden.what.contains("too large for the file of a repository") && hidden.at.line == 7, "{hidden:?}");
    let many = (0..6).map(|n| format!("        - issue.body.matches: ['a{n}', 'b{n}']\n")).collect::<String>();
    let many = wrong(&many);
    assert!(many.what.contains("at most 10 patterns") && many.at.line == 11, "{many:?}");
}

#[test]
fn the_ordered_file_becomes_workflows() {
    let workflows = read(ORDERED).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let said: Vec<(String, String, Vec<String>)> = workflows
        .iter()
        .map(|workflow| {
            let Begins::Event(name) = &workflow.triggers[0].begins else { panic!("{workflow:?}") };
            let Does::Act(action) = &workflow.actions[0].does else { panic!("{workflow:?}") };
            assert!(workflow.enabled && workflow.actions.len() == 1 && workflow.triggers[0].conditions.is_some());
            assert_eq!((action.name.as_str(), workflow.actions[0].id.as_str()), (ACTION, "task"));
            let params = action.params.iter().map(|(name, _)| name.clone()).collect();
            (workflow.name.clone(), format!("{}/{}", name.platform, name.event), params)
        })
        .collect();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let expected = [
        (
            "auto_task_creation_1",
            "github/issues.opened",
            owned(&["title", "description", "pm_analysis", "auto_assign"]),
        ),
        ("auto_task_creation_2", "github/pull_request.opened", owned(&["title", "agent_hint", "priority"])),
    ];
    assert_eq!(said, expected.map(|(name, event, params)| (name.to_owned(), event.to_owned(), params)));
    assert_ne!(workflows[0].version, workflows[1].version);
}

#[test]
fn every_trigger_is_an_event_of_github() {
    for (trigger, event) in TRIGGERS {
        let text = one(&format!("    - {{trigger: {trigger}, task: {{title_template: x}}}}\n"));
        let workflows = read(&text).unwrap();
        let Begins::Event(name) = &workflows[0].triggers[0].begins else { panic!("{trigger}") };
        assert_eq!((name.platform.as_str(), name.event.as_str()), ("github", *event));
    }
}

#[test]
fn what_is_off_is_read_and_off() {
    let text = one("    - {trigger: issue_opened, task: {title_template: x}}\n")
        .replace("  rules", "  enabled: false\n  rules");
    assert!(!read(&text).unwrap()[0].enabled);
}

#[test]
fn a_repository_can_create_tasks_and_nothing_else() {
    for key in MORE_THAN_TASKS {
        for (text, line) in [
            (format!("{key}: {{}}\n{}", one("    - {trigger: issue_opened, task: {title_template: x}}\n")), 1),
            (one(&format!("    - trigger: issue_opened\n      {key}: x\n      task: {{title_template: x}}\n")), 4),
            (
                one(&format!(
                    "    - trigger: issue_opened\n      task:\n        title_template: x\n        {key}: x\n"
                )),
                6,
            ),
        ] {
            let mistakes = read(&text).expect_err(&text);
            let what = "the file of a repository can create tasks alone";
            assert!(mistakes[0].at.line == line && mistakes[0].what.contains(what), "{text}: {mistakes:#?}");
        }
    }
}

#[test]
fn a_stranger_cannot_make_it_long() {
    let keys: String = (0..15_000).map(|n| format!("        title_templat{n}: x\n")).collect();
    let mistakes = read(&one(&format!("    - trigger: issue_opened\n      task:\n{keys}"))).unwrap_err();
    assert!(mistakes.len() == 101 && mistakes[100].what.contains("14901 further mistakes"), "{:?}", mistakes[100]);
}

#[test]
fn each_mistake_has_its_place() {
    for (text, place, said) in [
        ("", (1, 1), "the file of a repository is a mapping with `auto_task_creation`, not nothing"),
        ("auto_task_creation: {rule: []}", (1, 22), "`rule` is no key of `auto_task_creation`; did you mean `rules`?"),
        ("auto_task_creation: {}", (1, 21), "`auto_task_creation` needs `rules`"),
        ("auto_task_creation: {rules: []}", (1, 29), "`rules` is empty"),
        ("auto_task_creation: {rules: [{task: {title_template: x}}]}", (1, 30), "a rule needs `trigger`"),
        (
            "auto_task_creation: {rules: [{trigger: issue_openend, task: {title_template: x}}]}",
            (1, 40),
            "did you mean `issue_opened`?",
        ),
        ("auto_task_creation: {rules: [{trigger: issue_opened}]}", (1, 30), "a rule needs `task`"),
        ("auto_task_creation: {rules: [{trigger: issue_opened, task: {}}]}", (1, 60), "a task needs `title_template`"),
        (
            "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: x, priority: urgent}}]}",
            (1, 90),
            "`urgent` is no `priority`",
        ),
        (
            "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: x, assignee: me}}]}",
            (1, 80),
            "`assignee` is no key of a task",
        ),
        (
            "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: \"{vars.x}\"}}]}",
            (1, 77),
            "`vars` has no `x`",
        ),
        (
            "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: \"{steps.x.y}\"}}]}",
            (1, 77),
            "no step",
        ),
        ("auto_task_creation: &x {}", (1, 21), "anchors"),
    ] {
        let mistakes = read(text).expect_err(text);
        let at = crate::workflow::mistake::Position { line: place.0, column: place.1 };
        let fits = mistakes.iter().any(|mistake| mistake.at == at && mistake.what.contains(said));
        assert!(fits, "{text}\nexpected {at}: {said}\n{mistakes:#?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(cut in 0_usize..1_200, piece in "[ \n:{}\\[\\]\"'a-z0-9.*-]{0,8}") {
        let at = cut.min(ORDERED.len());
        let text = format!("{}{piece}{}", &ORDERED[..at], &ORDERED[at..]);
        let _ = read(&text);
        let _ = read(&ORDERED[..at]);
    }
}
