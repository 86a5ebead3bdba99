//! The format by example: what loads, and for each thing that does not, where it is and what is said of it.

use std::time::Duration;

use super::*;
use crate::workflow::action::{Backoff, Failed};
use crate::workflow::definition::{Mode, OnDuplicate};
use crate::workflow::known;
use crate::workflow::pause::{Delay, OnExpire};
use crate::workflow::step::Does;
use crate::workflow::trigger::Begins;

/// The file that the product was ordered with.
const ORDERED: &str = r##"# config/workflows/*.yml
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

/// A file with every key that there is.
const WHOLE: &str = r##"version: 2                      # absent = 1 = seed semantics
workflows:
  github_issue_to_task:
    enabled: true
    mode: queued                # single|restart|queued|parallel
    concurrency: { key: "{repo.full_name}#{issue.number}", max: 1 }
    on_duplicate: skip          # same idempotency key seen inside dedupe_window
    idempotency_key: "{event.platform}:{event.delivery_id}"
    dedupe_window: 30d
    timeout: 2h
    vars: { team: "#dev-team" }
    trigger:                    # or triggers: [..]; also schedule: {cron, tz}, manual: {inputs: schema}, webhook: {id}
      platform: github
      event: issues.opened
      conditions:
        - labels.contains: ["bug", "feature"]
        - assignee: null
    actions:
      - id: task
        action: create_ai_crm_task
        params: { title: "GitHub: {issue.title}", description: "{issue.body}", pm_analysis: true, auto_assign: true }
        retry: { max: 3, backoff: exponential, initial: 2s, cap: 5m, jitter: true, on: [throttled, transient, timeout] }
        timeout: 30s
      - id: gate
        approval:
          if: { task.priority: [high, critical] }
          approvers: { group: "/teams/engineering", min: 1, exclude_requester: true }
          ask: "Create {task.title} in Jira?"
          show: [task.title, task.description]
          expires: 24h
          on_expire: deny       # deny|escalate:{group}
      - id: jira
        when: steps.gate.approved
        action: jira.create      # <connector>.<operation> of any manifest
        params: { project: ENG, title: "{task.title}", text: "{task.description}" }
        idempotency_key: "{run.key}:jira"
        on_error: { continue: false, compensate: [ { action: ai_crm_task.comment, params: { text: "Jira failed: {error.message}" } } ] }
      - delay: { for: 15m }      # or until: "{task.due_at}"; durable timer
      - wait_for: { event: pull_request.opened, where: { pr.body.contains: ["{task.key}"] }, timeout: 3d, on_timeout: continue }
      - for_each: { in: "{steps.jira.output.watchers}", as: w, max: 50, parallel: 5, do: [ { action: slack_notification, params: { channel: "{w.slack_id}", message: "…" } } ] }
    on_failure: [ { action: slack_notification, params: { channel: "{vars.team}", message: "Workflow {workflow.name} failed at {error.step}: {error.message}" } } ]
"##;

fn load(text: &str) -> Result<Vec<Workflow>, Vec<Mistake>> {
    let actions = known::names(&["jira.create", "ai_crm_task.comment"]);
    read(text, &Known { actions: &actions, platforms: &["github", "slack"] })
}

fn loaded(text: &str) -> Vec<Workflow> {
    load(text).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"))
}

/// A workflow around lines of its own, which begin on line 3.
fn around(lines: &str) -> String {
    let indented: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("workflows:\n  w:\n{indented}")
}

const TRIGGER: &str = "trigger: {platform: github, event: issues.opened}";
const ACTIONS_LINE: &str = "actions: [{action: github_comment}]";

#[test]
fn the_ordered_file_loads_as_it_is() {
    let workflows = loaded(ORDERED);
    let [first, second] = &workflows[..] else { panic!("{workflows:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("github_issue_to_task", "pull_request_review"));
    let Begins::Event(name) = &first.triggers[0].begins else { panic!("{first:?}") };
    assert_eq!((name.platform.as_str(), name.event.as_str()), ("github", "issues.opened"));
    assert!(first.triggers[0].conditions.is_some());
    let names: Vec<&str> = first
        .actions
        .iter()
        .map(|step| if let Does::Act(action) = &step.does { action.name.as_str() } else { "" })
        .collect();
    assert_eq!(names, ["create_ai_crm_task", "slack_notification", "github_comment"]);
    let ids: Vec<&str> = first.actions.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert!(first.enabled && first.mode == Mode::Parallel && first.concurrency.max == 10);
    assert_eq!((first.on_duplicate, first.dedupe_window), (OnDuplicate::Skip, Duration::from_secs(30 * 86_400)));
    assert_eq!(first.timeout, Duration::from_secs(7_200));
    assert_ne!(first.version, second.version);
}

#[test]
fn the_whole_format_loads() {
    let workflows = loaded(WHOLE);
    let workflow = &workflows[0];
    assert_eq!((workflow.mode, workflow.concurrency.max), (Mode::Queued, 1));
    assert!(workflow.concurrency.key.is_some() && workflow.idempotency_key.is_some());
    assert_eq!(workflow.vars["team"], "#dev-team");
    let ids: Vec<&str> = workflow.actions.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["task", "gate", "jira", "4", "5", "6"]);
    let [task, gate, jira, delay, wait, each] = &workflow.actions[..] else { panic!("{workflow:?}") };
    let Does::Act(task) = &task.does else { panic!("{task:?}") };
    let retry = task.retry.as_ref().unwrap();
    assert_eq!((retry.max, retry.backoff, retry.on[0]), (3, Backoff::Exponential, Failed::Throttled));
    assert_eq!((retry.initial.as_secs(), retry.cap.as_secs(), task.timeout.as_secs()), (2, 300, 30));
    let Does::Ask(approval) = &gate.does else { panic!("{gate:?}") };
    assert_eq!((approval.approvers.group.as_str(), &approval.on_expire), ("/teams/engineering", &OnExpire::Deny));
    assert!(approval.only_if.is_some() && approval.approvers.exclude_requester && approval.show.len() == 2);
    assert!(jira.when.is_some());
    let Does::Act(jira) = &jira.does else { panic!("{jira:?}") };
    assert_eq!((jira.on_error.is_continued, jira.on_error.compensate.len()), (false, 1));
    assert!(matches!(&delay.does, Does::Sleep(Delay::For(length)) if length.as_secs() == 900));
    let Does::WaitFor(wait) = &wait.does else { panic!("{wait:?}") };
    assert_eq!((wait.event.platform.as_str(), wait.is_continued), ("github", true));
    let Does::Repeat(each) = &each.does else { panic!("{each:?}") };
    assert_eq!((each.name.as_str(), each.max, each.parallel, each.steps[0].id.as_str()), ("w", 50, 5, "6.1"));
    assert_eq!(workflow.on_failure[0].id, "on_failure.1");
}

#[test]
fn every_kind_of_trigger_loads() {
    let triggers = "triggers:
  - {platform: slack, event: message}
  - {schedule: {cron: \"0 8 * * mon-fri\", tz: Europe/Berlin}}
  - schedule: {cron: \"*/5 * * * *\"}
    conditions: [{vars.on: true}]
  - {manual: {inputs: {title: {type: string, required: true, description: What}, n: {type: number, default: 3}}}}
  - manual:
  - {webhook: {id: from-ci}}
vars: {on: true}";
    let workflows = loaded(&around(&format!("{triggers}\n{ACTIONS_LINE}")));
    let triggers = &workflows[0].triggers;
    let Begins::Schedule(schedule) = &triggers[1].begins else { panic!("{triggers:?}") };
    assert_eq!((schedule.cron.as_str(), schedule.tz.as_str()), ("0 8 * * mon-fri", "Europe/Berlin"));
    let Begins::Schedule(schedule) = &triggers[2].begins else { panic!("{triggers:?}") };
    assert_eq!(schedule.tz, "UTC");
    let Begins::Manual(inputs) = &triggers[3].begins else { panic!("{triggers:?}") };
    assert!(inputs[0].required && !inputs[1].required && inputs[1].default == Some(3.into()));
    assert!(matches!(&triggers[4].begins, Begins::Manual(inputs) if inputs.is_empty()));
    assert!(matches!(&triggers[5].begins, Begins::Webhook(id) if id == "from-ci"));
}

#[test]
fn the_version_is_of_what_is_said() {
    let first = loaded(&around(&format!("{TRIGGER}\n{ACTIONS_LINE}")))[0].version;
    let turned = loaded(&around(&format!("# a remark\n{ACTIONS_LINE} # too\n\n{TRIGGER}")))[0].version;
    let named = loaded(&around(&format!("{TRIGGER}\n{ACTIONS_LINE}")).replace("  w:", "  other:"))[0].version;
    assert_eq!((first, first), (turned, named));
    assert_ne!(loaded(&around(&format!("{TRIGGER}\ntimeout: 2h\n{ACTIONS_LINE}")))[0].version, first);
}

/// Lines of a workflow, the place of the one mistake in them, and a part of what is said of it.
type Case<'a> = (&'a str, (usize, usize), &'a str);

#[track_caller]
fn refused(cases: &[Case<'_>]) {
    let missed: Vec<String> = cases.iter().filter_map(|case| missed(*case)).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

fn missed((lines, (line, column), said): Case<'_>) -> Option<String> {
    let at = Position { line, column };
    match load(&around(lines)) {
        Err(mistakes) if mistakes.len() == 1 && mistakes[0].at == at && mistakes[0].what.contains(said) => None,
        Err(mistakes) => Some(format!("{lines}\nexpected {at}: {said}\n{mistakes:?}")),
        Ok(_) => Some(format!("{lines}\nexpected {at}: {said}\nloads")),
    }
}

#[test]
fn each_mistake_of_a_workflow_has_its_place() {
    for (lines, place, said) in [
        ("moed: queued", (5, 5), "`moed` is no key of a workflow; did you mean `mode`?"),
        ("mode: quequed", (5, 11), "`quequed` is no `mode`; did you mean `queued`?"),
        ("mode: 3", (5, 11), "`mode` has `3` here; it takes a text"),
        ("enabled: yes", (5, 14), "`enabled` has `yes` here; it takes `true` or `false`"),
        ("timeout: 90", (5, 14), "a length of time has a number and a unit: `30s`, `15m`, `2h` or `3d`"),
        ("timeout: 31d", (5, 14), "`timeout` is from 1s to 30d"),
        ("dedupe_window: 1s", (5, 20), "`dedupe_window` is from 1m to 90d"),
        ("on_duplicate: drop", (5, 19), "`drop` is no `on_duplicate`; there is `skip` and `run`"),
        ("concurrency: {key: \"{x}\", max: 0}", (5, 36), "`max` has `0` here; it takes a whole number from 1 to 100"),
        ("mode: single\nconcurrency: {max: 2}", (6, 19), "one run at a time"),
        ("concurrency: 3", (5, 18), "`concurrency` is a mapping with `key` and `max`, not a number"),
        ("vars: [a]", (5, 11), "`vars` has a list here"),
        ("idempotency_key: {event.id}", (5, 22), "one that begins with `{` stands in quotes"),
        ("on_failure: []", (5, 17), "`on_failure` is empty"),
        ("on_failure: [{delay: {for: 1m}}]", (5, 19), "`on_failure` holds actions alone"),
        (
            "on_failure: [{action: github_comment, on_error: {continue: true}}]",
            (5, 43),
            "`on_error` is no key of a step",
        ),
    ] {
        refused(&[(&format!("{TRIGGER}\n{ACTIONS_LINE}\n{lines}"), place, said)]);
    }
    refused(&[
        (ACTIONS_LINE, (3, 5), "a workflow needs `trigger`, which is missing here"),
        (TRIGGER, (3, 5), "a workflow needs `actions`, which is missing here"),
        (&format!("{TRIGGER}\nactions: []"), (4, 14), "`actions` is empty"),
        (&format!("{TRIGGER}\ntriggers: []\n{ACTIONS_LINE}"), (4, 5), "either a `trigger` or a list of `triggers`"),
    ]);
}

#[test]
fn each_mistake_of_a_trigger_has_its_place() {
    for (trigger, column, said) in [
        (
            "{platform: gihub, event: issues.opened}",
            25,
            "nothing here tells of events of `gihub`; did you mean `github`?",
        ),
        ("{platform: github, event: Issues Opened}", 40, "`Issues Opened` is no name of an event"),
        ("{event: issues.opened}", 14, "a trigger needs `platform`"),
        ("{platform: github}", 15, "`platform` needs an `event`"),
        ("{}", 14, "a trigger has one of `event`, `schedule`, `manual` and `webhook`"),
        ("{webhook: {id: a}, manual: }", 15, "a trigger is one of"),
        ("{webhook: {id: A b}}", 29, "no id of a webhook"),
        ("{schedule: {cron: \"0 8 * *\"}}", 32, "a schedule has five fields"),
        ("{schedule: {cron: \"61 8 * * *\", tz: UTC}}", 32, "`61` is no minute"),
        ("{schedule: {cron: \"0 8 * * *\", tz: Mars}}", 49, "`Mars` is no time zone"),
        ("{schedule: {tz: UTC}}", 25, "a schedule needs `cron`"),
        ("{manual: {inputs: {a b: {}}}}", 33, "`a b` is no name of an input"),
        ("{manual: {inputs: {a: {type: text}}}}", 43, "`text` is no `type`"),
        ("{manual: {inputs: {a: {type: number, default: x}}}}", 60, "a value of the input's `type`"),
        ("{platform: github, event: issues.opened, conditions: 3}", 67, "`conditions` has `3` here; it takes a list"),
        ("github", 14, "a trigger is a mapping with"),
    ] {
        refused(&[(&format!("trigger: {trigger}\n{ACTIONS_LINE}"), (3, column), said)]);
    }
}

#[test]
fn each_mistake_of_a_step_has_its_place() {
    let steps = [
        ("action: create_ai_crm_tsk", 15, "there is no action `create_ai_crm_tsk`; did you mean `create_ai_crm_task`?"),
        (
            "acton: github_comment",
            7,
            "a step has one of `action`, `approval`, `delay`, `wait_for` and `for_each`; none is here",
        ),
        ("{action: github_comment, delay: {for: 1m}}", 32, "`action` and `delay` are two steps"),
        ("{action: github_comment, parms: {}}", 32, "`parms` is no key of a step; did you mean `params`?"),
        ("{delay: {for: 1m}, retry: {}}", 26, "`retry` is no key of a step"),
        ("{action: github_comment, params: [a]}", 40, "`params` has a list here"),
        ("{id: a b, action: github_comment}", 12, "`a b` is no id"),
        ("{action: github_comment, retry: {max: 21}}", 45, "from 1 to 20"),
        ("{action: github_comment, retry: {backoff: random}}", 49, "`random` is no `backoff`"),
        ("{action: github_comment, retry: {initial: 1h, cap: 1m}}", 53, "`cap` is the longest pause"),
        ("{action: github_comment, retry: {on: [timeot]}}", 45, "did you mean `timeout`?"),
        ("{action: github_comment, timeout: 2h}", 41, "`timeout` is from 1s to 1h"),
        ("{action: github_comment, on_error: {compensate: [{approval: {}}]}}", 57, "`compensate` holds actions alone"),
        ("{approval: {ask: ok}}", 18, "an approval needs `approvers`"),
        ("{approval: {ask: ok, approvers: {min: 1}}}", 39, "`approvers` needs `group`"),
        ("{approval: {approvers: {group: g}}}", 18, "an approval needs `ask`"),
        ("{approval: {ask: ok, approvers: {group: g}, expires: 31d}}", 60, "`expires` is from 1m to 30d"),
        ("{approval: {ask: ok, approvers: {group: g}, on_expire: allow}}", 62, "`deny` or `{escalate: {group: …}}`"),
        (
            "{approval: {ask: ok, approvers: {group: g}, show: [\"{task.title}\"]}}",
            58,
            "`show` lists paths such as `task.title`",
        ),
        ("{delay: {for: 91d}}", 21, "`for` is from 1s to 90d"),
        ("{delay: {}}", 15, "a delay has either"),
        ("{delay: {for: 1m, until: x}}", 15, "a delay has either"),
        ("{wait_for: {timeout: 1h}}", 18, "`wait_for` needs `event`"),
        ("{wait_for: {event: gitlab/push}}", 26, "nothing here tells of events of `gitlab`"),
        ("{wait_for: {event: push, on_timeout: stop}}", 44, "`stop` is no `on_timeout`"),
        ("{for_each: {do: [{action: github_comment}]}}", 18, "`for_each` needs `in`"),
        ("{for_each: {in: \"{x}\", as: \"1\", do: [{action: github_comment}]}}", 34, "`1` is no name"),
        ("{for_each: {in: \"{x}\", do: [{for_each: {}}]}}", 36, "`do` holds actions alone"),
        ("{for_each: {in: 3, do: [{action: github_comment}]}}", 23, "`in` has `3` here"),
        ("just do it", 7, "a step is a mapping"),
    ];
    let written = steps.map(|(step, column, said)| (format!("{TRIGGER}\nactions:\n- {step}"), (5, column), said));
    refused(&written.each_ref().map(|(lines, place, said)| (lines.as_str(), *place, *said)));
    let twice = format!("{TRIGGER}\nactions:\n- {{id: a, delay: {{for: 1m}}}}\n- {{id: a, delay: {{for: 1m}}}}");
    refused(&[
        (&twice, (6, 12), "the step on line 5 has the id `a` already"),
        (
            &format!("{TRIGGER}\nactions:\n- {{when: steps.a.b, delay: {{for: 1m}}}}"),
            (5, 14),
            "no step before this one has the id `a`",
        ),
        (
            "trigger: {manual: }\nactions: [{wait_for: {event: push}}]",
            (4, 34),
            "of which platform is `push`? Write it as `github/push`",
        ),
    ]);
}

#[test]
fn a_step_may_wait_for_an_event_of_another_platform() {
    let text = around("trigger: {manual: }\nactions: [{wait_for: {event: github/push}}]");
    let Does::WaitFor(wait) = &loaded(&text)[0].actions[0].does else { panic!("{text}") };
    assert_eq!((wait.event.platform.as_str(), wait.event.event.as_str()), ("github", "push"));
    assert!(!wait.is_continued && wait.timeout == Duration::from_secs(3 * 86_400));
}

#[test]
fn what_stands_in_conditions_and_texts_is_checked_too() {
    let step = |step: &str| format!("{TRIGGER}\nactions: [{step}]");
    let of_trigger =
        |conditions: &str| format!("trigger: {{webhook: {{id: a}}, conditions: {conditions}}}\n{ACTIONS_LINE}");
    refused(&[
        (&of_trigger("[{title.startswith: x}]"), (3, 47), "`startswith` is no operator; write `title.starts_with`"),
        (&of_trigger("[{opened.within: soon}]"), (3, 62), "a length of time has a number and a unit"),
        (&of_trigger("[3]"), (3, 46), "a number is no condition"),
        (&step("{action: github_comment, params: {message: [\"{issue.title\"]}}"), (4, 59), "`}` is missing"),
        (&step("{action: github_comment, params: {message: \"{x|shout}\"}}"), (4, 58), "shout"),
        (&step("{action: github_comment, idempotency_key: \"a}\"}"), (4, 57), "stands alone"),
        (&step("{action: github_comment, when: {x.matches: \"[\"}}"), (4, 58), "x.matches"),
        (&step("{wait_for: {event: push, where: {a.gt: [1, 2]}}}"), (4, 54), "no list"),
        (&step("{approval: {ask: \"{}\", approvers: {group: g}}}"), (4, 32), "a name is missing"),
        (
            &step("{approval: {ask: a, approvers: {group: g}, show: [a..b]}}"),
            (4, 65),
            "`show` lists paths such as `task.title`; `a..b` is none: a name is missing before `.b`",
        ),
    ]);
}

#[test]
fn the_top_of_a_file_is_checked() {
    for (text, place, said) in [
        ("", (1, 1), "a file of workflows is a mapping with `version` and `workflows`, not nothing"),
        ("- a", (1, 1), "not a list"),
        ("version: 3\nworkflows: {}", (1, 10), "`version` has `3` here; it takes a whole number from 1 to 2"),
        ("version: 2", (1, 1), "a file of workflows needs `workflows`"),
        ("workflow: {}\nworkflows: {}", (1, 1), "did you mean `workflows`?"),
        ("workflows: []", (1, 12), "a mapping from names to workflows"),
        ("workflows: {a: 3}", (1, 16), "a workflow is a mapping with"),
        ("auto_task_creation: {}", (1, 1), ".github/ai-crm.yml"),
        ("workflows: {a: &x 3}", (1, 16), "anchors"),
    ] {
        let mistakes = load(text).expect_err(text);
        let at = Position { line: place.0, column: place.1 };
        assert!(mistakes[0].at == at && mistakes[0].what.contains(said), "{text}: {mistakes:#?}");
    }
    assert!(loaded("workflows: {}").is_empty());
    let name = load(&format!("workflows: {{a b: {{{TRIGGER}, {ACTIONS_LINE}}}}}")).unwrap_err();
    assert!(name[0].what.contains("`a b` is no name of a workflow"), "{name:?}");
}

#[test]
fn all_mistakes_are_told_in_their_order_but_not_thousands() {
    let mistakes = load(&around("moed: x\ntimeout: 1\nactions: [{action: nothing}]")).unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.at.line).collect();
    assert_eq!(lines, [3, 3, 4, 5], "{mistakes:#?}");
    let wild: String = (0..5_000).map(|n| format!("key{n}: 1\n")).collect();
    let mistakes = load(&around(&wild)).unwrap_err();
    assert_eq!(mistakes.len(), 101);
    assert!(mistakes[100].what.contains("further mistakes"), "{:?}", mistakes[100]);
    let steps = "- {delay: {for: 1s}}\n".repeat(101);
    let mistakes = load(&around(&format!("{TRIGGER}\nactions:\n{steps}"))).unwrap_err();
    assert!(mistakes[0].at.line == 105 && mistakes[0].what.contains("at most 100"), "{mistakes:?}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(cut in 0_usize..3_000, piece in "[ \n:{}\\[\\]\"'a-z0-9.*-]{0,8}") {
        let mut at = cut.min(WHOLE.len());
        while !WHOLE.is_char_boundary(at) {
            at -= 1;
        }
        let text = format!("{}{piece}{}", &WHOLE[..at], &WHOLE[at..]);
        let _ = load(&text);
        let _ = load(&WHOLE[..at]);
    }
}
