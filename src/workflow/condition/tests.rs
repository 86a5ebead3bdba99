//! Conditions as they are written, and what becomes of them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::workflow::yaml;

/// 2026-11-27T12:00:00Z.
const NOW: Timestamp = Timestamp(1_795_780_800_000);

fn read(text: &str) -> Result<Conditions, Vec<String>> {
    let node = yaml::read(text).map_err(|mistake| vec![mistake.to_string()])?;
    let mut mistakes = Vec::new();
    let read = Conditions::read(&node, &mut mistakes);
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes.iter().map(ToString::to_string).collect()) }
}

fn scope() -> Value {
    json!({
        "event": {"platform": "github", "action": "edited",
            "changes": {"title": {"from": "old"}, "body": {"from": "same"}, "base": {"ref": {"from": "main"}},
                "status": {"from": "todo", "to": "done"}, "milestone": {"previous": null, "current": {"title": "v2"}}}},
        "issue": {"number": 7, "title": "Fix the crash", "body": "same", "assignee": null, "comments": 4.5,
            "labels": [{"name": "bug"}, {"name": "p1"}], "user": {"login": "mia"}, "draft": false,
            "created_at": "2026-11-27T11:00:00Z", "due": "2026-11-29", "text_number": "7", "empty": "", "none": []},
        "labels": [{"name": "bug"}, {"name": "p1"}],
        "assignee": null,
        "files_changed": ["src/a.py", "docs/b.md"],
        "task": {"status": "done", "key": "T-12", "key_in_capitals": "T-12", "contains": "field", "owner": null},
        "pr": {"base": {"ref": "release"}, "body": "closes T-12", "pushed_at": 1_795_777_200, "milestone": "v2"},
        "numbers": [1, 2],
        "vars": {"wanted": ["p1", "p2"], "word": ""},
    })
}

fn judge(text: &str) -> Judged {
    read(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}")).judge(&scope(), NOW)
}

#[test]
fn each_operator_has_its_yes_and_its_no() {
    for (text, wanted) in [
        // Without an operator.
        ("issue.number: 7", true),
        ("issue.number: 7.0", true),
        ("issue.number: 8", false),
        ("issue.draft: false", true),
        ("issue.title: Fix the crash", true),
        ("issue.title: fix the crash", false),
        ("issue.number: [6, 7]", true),
        ("labels: [feature, bug]", true),
        ("labels: [feature]", false),
        ("labels: bug", true),
        ("issue.user: mia", true),
        ("issue.user.login: [ann, mia]", true),
        ("assignee: null", true),
        ("assignee: ~", true),
        ("assignee:", true),
        ("assignee: \"null\"", false),
        ("assignee: [null, mia]", true),
        ("assignee.login: null", true),
        ("issue.user: null", false),
        ("issue.nothing: null", true),
        ("issue.none: null", false),
        ("issue.title: \"{issue.title}\"", true),
        ("labels: \"{vars.wanted}\"", true),
        // Sugar of the files of repositories.
        ("not_labels: [wontfix]", true),
        ("not_labels: [wontfix, bug]", false),
        ("files_changed: [\"*.py\"]", true),
        ("files_changed: \"*.rs\"", false),
        // Lists and texts.
        ("labels.contains: [bug, feature]", true),
        ("labels.contains: [feature, docs]", false),
        ("labels.contains: p1", true),
        ("labels.contains: p", false),
        ("labels.contains: \"{vars.wanted}\"", true),
        ("issue.title.contains: crash", true),
        ("issue.title.contains: [boom, crash]", true),
        ("issue.title.contains: boom", false),
        ("issue.none.contains: bug", false),
        ("assignee.contains: bug", false),
        ("numbers.contains: 2", true),
        ("pr.body.contains: [\"{task.key}\"]", true),
        ("labels.contains_all: [bug, p1]", true),
        ("labels.contains_all: [bug, p2]", false),
        ("issue.title.contains_all: [Fix, crash]", true),
        ("issue.title.contains_all: [Fix, boom]", false),
        ("task[\"contains\"]: field", true),
        ("task[\"contains\"].contains: iel", true),
        ("issue.number.equals: 7", true),
        ("issue.number.equals: 8", false),
        ("issue.labels.equals: [p1, bug]", true),
        ("issue.labels.equals: [bug]", false),
        ("issue.labels.equals: [bug, p1, p2]", false),
        ("assignee.equals: null", true),
        ("issue.nothing.equals: null", true),
        ("issue.number.not: 8", true),
        ("issue.number.not: [7, 8]", false),
        ("assignee.not: mia", true),
        ("assignee.not: null", false),
        ("issue.user.not: null", true),
        ("issue.nothing.not: null", false),
        ("labels.not: bug", false),
        ("labels.not: [docs]", true),
        ("issue.number.in: [6, 7]", true),
        ("issue.number.in: [6]", false),
        ("labels.in: [bug, x]", true),
        ("files_changed.includes: [\"*.rs\", \"docs/**\"]", true),
        ("files_changed.includes: \"*.c\"", false),
        ("issue.title.matches: \"^Fix .*sh$\"", true),
        ("issue.title.matches: [\"^x\", \"(?i)FIX\"]", true),
        ("issue.title.matches: \"^crash\"", false),
        ("labels.matches: \"^p\\\\d$\"", true),
        ("issue.title.matches: \"\\\\w{3}\"", true),
        ("assignee.matches: x", false),
        ("issue.title.starts_with: Fix", true),
        ("issue.title.starts_with: [x, Fi]", true),
        ("issue.title.starts_with: crash", false),
        ("labels.starts_with: p", true),
        ("issue.title.ends_with: crash", true),
        ("issue.title.ends_with: Fix", false),
        // Order.
        ("issue.comments.gt: 4", true),
        ("issue.comments.gt: 4.5", false),
        ("issue.comments.gte: 4.5", true),
        ("issue.number.lt: 8", true),
        ("issue.number.lt: 7", false),
        ("issue.number.lte: 7", true),
        ("assignee.gt: 1", false),
        ("issue.created_at.lt: \"2026-11-27T11:30:00Z\"", true),
        ("issue.created_at.gt: \"2026-11-28\"", false),
        ("issue.created_at.gte: \"2026-11-27\"", true),
        ("issue.created_at.lt: \"{now}\"", true),
        ("issue.due.gt: \"{now}\"", true),
        // There or not.
        ("issue.title.exists: true", true),
        ("issue.empty.exists: true", true),
        ("issue.nothing.exists: true", false),
        ("issue.nothing.exists: false", true),
        ("assignee.exists: true", false),
        ("assignee.exists: false", true),
        // Time.
        ("issue.created_at.within: 2h", true),
        ("issue.created_at.within: 59m", false),
        ("issue.created_at.within: 3600s", true),
        ("issue.due.within: 2d", true),
        ("issue.due.within: 1d", false),
        ("pr.pushed_at.within: 1h", true),
        ("assignee.within: 1h", false),
        ("now.within: 0s", true),
        // Changes.
        ("issue.title.changed_to: Fix the crash", true),
        ("issue.title.changed_to: [x, Fix the crash]", true),
        ("issue.title.changed_to: x", false),
        ("issue.body.changed_to: same", false),
        ("issue.number.changed_to: 7", false),
        ("pr.base.ref.changed_to: release", true),
        ("task.status.changed_to: done", true),
        ("task.status.changed_to: todo", false),
        ("pr.milestone.changed_to: v2", true),
        // Several, and groups.
        ("{issue.number: 7, issue.draft: false}", true),
        ("{issue.number: 7, issue.draft: true}", false),
        ("[{issue.number: 7}, {issue.draft: true}]", false),
        ("any: [{issue.number: 8}, {issue.draft: false}]", true),
        ("any: [{issue.number: 8}, {issue.draft: true}]", false),
        ("all: [{issue.number: 7}, {issue.draft: false}]", true),
        ("none: [{issue.number: 8}, {issue.draft: true}]", true),
        ("none: [{issue.number: 7}, {issue.draft: true}]", false),
        ("none: [any: [issue.number: 8, all: [issue.number: 7, issue.draft: true]]]", true),
        ("[]", true),
        ("", true),
        ("[issue.draft]", false),
        ("task.status", false),
    ] {
        let judged = judge(text);
        assert_eq!(judged.verdict, Verdict::of(wanted), "{text}: {judged:#?}");
        if text != "task.status" {
            assert_eq!(judged.lints().next(), None, "{text}");
        }
    }
}

#[test]
fn each_operator_answers_for_every_kind_of_value() {
    // Holds, fails, unknown: of nothing there, null, "x", 5, true, [], ["x"], [5], {"name": "x"}, {"id": 1}.
    for (text, wanted) in [
        ("a: x", "U F H U U F H U H U"),
        ("a: [x, z]", "U F H U U F H U H U"),
        ("a: null", "H H F F F F F F F F"),
        ("a.equals: x", "U F H U U U U U H U"),
        ("a.equals: [x]", "U F U U U F H F U U"),
        ("a.not: x", "U H F U U H F U F U"),
        ("a.not: null", "F F H H H H H H H H"),
        ("a.in: [x]", "U F H U U F H U H U"),
        ("a.contains: x", "U F H U U F H U H U"),
        ("a.contains_all: [x]", "U F H U U F H U H U"),
        ("a.includes: x", "U F H U U F H U H U"),
        ("a.matches: x", "U F H U U F H U H U"),
        ("a.starts_with: x", "U F H U U F H U H U"),
        ("a.ends_with: x", "U F H U U F H U H U"),
        ("a.gt: 3", "U F U H U U U U U U"),
        ("a.gte: 5", "U F U H U U U U U U"),
        ("a.lt: 5", "U F U F U U U U U U"),
        ("a.lte: 5", "U F U H U U U U U U"),
        ("a.exists: true", "F F H H H H H H H H"),
        ("a.exists: false", "H H F F F F F F F F"),
        ("a.within: 1h", "U F U F U U U U U U"),
        ("a.changed_to: x", "U F H U U F H U H U"),
    ] {
        let values = json!([null, "x", 5, true, [], ["x"], [5], {"name": "x"}, {"id": 1}]);
        let with = |value: &Value| json!({"a": value, "changes": {"a": {"from": "y"}}});
        let absent = json!({"changes": {"a": {"from": "y"}}});
        let scopes = std::iter::once(absent).chain(values.as_array().unwrap().iter().map(with));
        let letters = scopes.map(|scope| match read(text).unwrap().judge(&scope, NOW).findings[0].verdict {
            Verdict::Holds => "H",
            Verdict::Fails => "F",
            Verdict::Unknown(_) => "U",
            _ => "?",
        });
        assert_eq!(letters.collect::<Vec<_>>().join(" "), wanted, "{text}");
    }
}

#[test]
fn what_cannot_be_told_never_holds_and_says_why() {
    for (text, why) in [
        ("issue.titel: x", "`issue.titel` is not there"),
        ("issue.titel.not: x", "is not there"),
        ("issue.titel.contains: x", "is not there"),
        ("issue.titel.contains_all: x", "is not there"),
        ("issue.titel.equals: x", "is not there"),
        ("issue.titel.in: [x]", "is not there"),
        ("issue.titel.includes: x", "is not there"),
        ("issue.titel.matches: x", "is not there"),
        ("issue.titel.starts_with: x", "is not there"),
        ("issue.titel.gt: 1", "is not there"),
        ("issue.titel.lte: 1", "is not there"),
        ("issue.titel.within: 1h", "is not there"),
        ("issue.labels[5].name: x", "is not there"),
        ("issue.number: \"7\"", "is a number, which cannot be compared with a text"),
        ("issue.number.not: \"7\"", "cannot be compared"),
        ("issue.text_number: 7", "is a text, which cannot be compared with a number"),
        ("numbers: [\"1\"]", "cannot be compared"),
        ("issue.title.contains: 7", "is a text, and a number is wanted; write it in quotes"),
        ("issue.number.contains: 7", "is a number, which cannot be compared with what it contains"),
        ("issue.title.starts_with: 7", "write it in quotes"),
        ("issue.number.matches: \"7\"", "is a number, which cannot be compared with a pattern"),
        ("issue.labels.equals: bug", "`contains` asks for a member"),
        ("issue.number.equals: [7]", "`in` asks for one of several"),
        ("issue.title.gt: 3", "is a text, and a number is wanted; only two numbers or two times have an order"),
        ("issue.title.gt: abc", "only two numbers or two times"),
        ("issue.text_number.gt: 3", "only two numbers"),
        ("issue.title.within: 1h", "is a text, which cannot be compared with a time"),
        ("pr.body.contains: \"{task.nothing}\"", "is compared with what cannot be told"),
        ("assignee: \"{task.owner}\"", "is compared with what cannot be told: there is nothing"),
        ("pr.body.contains: \"{vars.word}\"", "is compared with an empty text"),
        ("pr.body.contains: \"{task.nothing!}\"", "nothing is at `task.nothing`"),
    ] {
        let judged = judge(text);
        assert_eq!(judged.verdict, Verdict::Fails, "{text}: {judged:#?}");
        let said: Vec<String> = judged.lints().map(|(_, why)| why).collect();
        assert!(said.len() == 1 && said[0].contains(why), "{text}: {said:?}");
        // Turned round it does not hold either: a slip in a name must not let everything through.
        let turned = judge(&format!("none:\n- {text}"));
        assert_eq!(turned.verdict, Verdict::Fails, "none of {text}");
        let either = judge(&format!("any:\n- {text}\n- issue.draft: false"));
        assert_eq!(either.verdict, Verdict::Holds, "any with {text}");
    }
}

#[test]
fn an_event_that_tells_no_change_is_no_change() {
    let conditions = read("issue.title.changed_to: x").unwrap();
    let judged = conditions.judge(&json!({"issue": {"title": "x"}}), NOW);
    assert_eq!(judged.verdict, Verdict::Fails);
    assert!(judged.lints().next().unwrap().1.contains("does not say what it changed"));
    // At the root, by the whole path, by nothing before.
    for changes in [
        json!({"issue": {"title": {"to": "x"}}}),
        json!({"title": {"from": null, "to": "x"}}),
        json!({"title": {"from": "a"}}),
    ] {
        let judged = conditions.judge(&json!({"issue": {"title": "x"}, "changes": changes}), NOW);
        assert!(judged.holds(), "{changes}");
    }
    let same = json!({"issue": {"title": "x"}, "changes": {"title": {"from": "x"}}});
    assert_eq!(conditions.judge(&same, NOW).verdict, Verdict::Fails);
    let other = json!({"issue": {"milestone": {"title": "x"}}, "changes": {"title": {"from": "a"}}});
    assert_eq!(read("issue.milestone.title.changed_to: x").unwrap().judge(&other, NOW).verdict, Verdict::Fails);
    let whole = json!({"event": {"issue": {"title": "x"}, "changes": {"title": {"from": "a"}}}});
    assert!(read("event.issue.title.changed_to: x").unwrap().judge(&whole, NOW).holds());
    let gone = read("assignee.changed_to: null").unwrap();
    assert!(gone.judge(&json!({"assignee": null, "changes": {"assignee": {"from": "mia"}}}), NOW).holds());
}

#[test]
fn files_are_fetched_only_where_they_decide_and_their_lack_is_no_answer() {
    const FILES: &str = "files_changed: [\"*.py\"]";
    let needs = Verdict::Needs(FILES_CHANGED);
    let failed = Verdict::Failed("the files that changed could not be had: rate limited".to_owned());
    let failure = json!({"files_changed": {"error": "rate limited"}, "n": 1});
    let absent = json!({"n": 1});
    for (text, without, with_failure) in [
        (FILES.to_owned(), needs.clone(), failed.clone()),
        (format!("[{{n: 1}}, {{{FILES}}}]"), needs.clone(), failed.clone()),
        (format!("[{{{FILES}}}, {{n: 2}}]"), Verdict::Fails, Verdict::Fails),
        (format!("[{{{FILES}}}, {{m: 2}}]"), Verdict::Fails, Verdict::Fails),
        (format!("any: [{{{FILES}}}, {{n: 1}}]"), Verdict::Holds, Verdict::Holds),
        (format!("any: [{{{FILES}}}, {{n: 2}}]"), needs.clone(), failed.clone()),
        (format!("none: [{{{FILES}}}]"), needs.clone(), failed.clone()),
        (format!("none: [{{{FILES}}}, {{n: 1}}]"), Verdict::Fails, Verdict::Fails),
        ("files_changed.exists: false".to_owned(), needs, failed),
    ] {
        let conditions = read(&text).unwrap();
        assert_eq!(conditions.judge(&absent, NOW).verdict, without, "{text}");
        assert_eq!(conditions.judge(&failure, NOW).verdict, with_failure, "{text}");
    }
    let conditions = read(FILES).unwrap();
    for (files, wanted) in [
        (json!(null), false),
        (json!([]), false),
        (json!(["a.py"]), true),
        (json!([{"filename": "x/a.py", "status": "added"}]), true),
        (json!([{"filename": "a.rs", "name": "a.py"}]), false),
    ] {
        assert_eq!(conditions.judge(&json!({"files_changed": files}), NOW).verdict, Verdict::of(wanted), "{files}");
    }
}

#[test]
fn mistakes_are_found_with_their_place_and_mend() {
    let deep = format!("{}issue.draft: true{}", "any: [".repeat(9), "]".repeat(9));
    let many = "- a: 1\n".repeat(150);
    let values = format!("a: [{}]", vec!["x"; 201].join(","));
    for (text, place, what) in [
        ("labels.contians: [bug]", "1, column 1", "write `labels.contains`, or `labels[\"contians\"]` for a field"),
        ("issue.title.regex: x", "1, column 1", "write `issue.title.matches`"),
        ("- a: 1\n- b.contain: x", "2, column 3", "`contain` is no operator"),
        ("contains: x", "1, column 1", "has no path before it"),
        ("expr: \"issue.number > 3\"", "1, column 1", "`expr` (CEL) is not supported by this version: write"),
        ("Any: [a: 1]", "1, column 1", "is written `any`"),
        ("any: x", "1, column 6", "a list of conditions is wanted"),
        ("any: []", "1, column 6", "a list of conditions is wanted"),
        (&deep, "1, column 49", "more than 8 others"),
        (&many, "101, column 3", "more than 100 conditions"),
        ("5", "1, column 1", "a number is no condition"),
        ("[[a]]", "1, column 2", "a list is no condition"),
        ("{}", "1, column 1", "an empty mapping is no condition"),
        ("\"a b\": 1", "1, column 1", "does not belong into a path"),
        ("a: []", "1, column 4", "an empty list wants nothing"),
        ("a: {contains: x}", "1, column 4", "the operator stands in the key, behind a dot: `.contains`"),
        ("a: {b: x}", "1, column 4", "the whole path stands in the key"),
        ("a: [[b]]", "1, column 5", "a list within a list"),
        ("a.contains: \"\"", "1, column 13", "an empty text is in every text"),
        ("a.contains: null", "1, column 13", "nothing is in no text"),
        ("a.in: 5", "1, column 7", "a list is wanted"),
        ("a.exists: 5", "1, column 11", "`true` or `false` is wanted"),
        ("a.within: 3", "1, column 11", "`3` is none: a length of time has a number and a unit"),
        ("a.within: soon", "1, column 11", "`soon` is none: a length of time has"),
        ("a.matches: \"(\"", "1, column 12", "unclosed group"),
        ("a.matches: 5", "1, column 12", "write it in quotes"),
        ("a.includes: \"!x\"", "1, column 13", "under `none`"),
        ("a.gt: [1, 2]", "1, column 7", "one number or one time"),
        ("a: \"{b\"", "1, column 4", "`}` is missing"),
        (&values, "1, column 4", "more than 200 values"),
    ] {
        let mistakes = read(text).expect_err(text);
        assert_eq!(mistakes.len(), 1, "{text}: {mistakes:?}");
        assert!(mistakes[0].starts_with(&format!("line {place}: ")) && mistakes[0].contains(what), "{mistakes:?}");
    }
    assert_eq!(read(&"- a.matches: x\n".repeat(22)).unwrap_err().len(), 2);
    assert_eq!(read("- a.contians: x\n- expr: x\n- b.within: x").unwrap_err().len(), 3);
}

#[test]
fn what_was_not_understood_never_holds() {
    let node = yaml::read("any: [{a.contians: x}, {b: 1}]").unwrap();
    let mut mistakes = Vec::new();
    let conditions = Conditions::read(&node, &mut mistakes);
    assert_eq!(mistakes.len(), 1);
    assert!(matches!(conditions.judge(&json!({"b": 2}), NOW).verdict, Verdict::Failed(_)));
    let conditions = Conditions::read(&yaml::read("a.contians: x").unwrap(), &mut mistakes);
    assert!(!conditions.judge(&json!({"a": "x"}), NOW).holds());
}

#[test]
fn findings_tell_path_value_wanted_and_verdict() {
    let judged =
        judge("- labels.contains: [\"{vars.wanted[1]}\", docs]\n- any:\n  - issue.titel: x\n  - issue.number.lt: 9");
    assert!(!judged.holds());
    let told: Vec<String> = judged
        .findings
        .iter()
        .map(|finding| {
            let Finding { at, depth, path, operator, found, wanted, verdict } = finding;
            let (operator, found) = (operator.map_or("", Operator::as_str), found.clone().unwrap_or_default());
            format!("{}:{} {depth} {path} {operator} {found} {wanted} {verdict:?}", at.line, at.column)
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"1:3 0 labels contains ["bug","p1"] ["p2","docs"] Fails"#,
            "2:3 0 any  null null Holds",
            r#"3:5 1 issue.titel is null "x" Unknown("is not there; `exists` asks whether a field is")"#,
            "4:5 1 issue.number lt 7 9 Holds",
        ]
    );
    let long = json!({"a": "ä".repeat(500), "b": vec![1; 50]});
    let judged = read("- a: x\n- b: 2").unwrap().judge(&long, NOW);
    assert_eq!(judged.findings[0].found, Some(json!("ä".repeat(200) + "…")));
    assert_eq!(judged.findings[1].found.as_ref().unwrap()[20], json!("… (30 more)"));
}

#[test]
fn paths_are_told_for_who_checks_them() {
    let paths = read("- a.b.contains: \"{steps.x.output}\"\n- none: [{c: 1}]").unwrap().paths();
    let paths: Vec<_> = paths.iter().map(|(at, path)| (at.line, path.as_str())).collect();
    assert_eq!(paths, [(1, "a.b"), (1, "steps.x.output"), (2, "c")]);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c@{}<!]{0,6}".prop_map(Value::from),
        Just(json!("2026-11-27")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("(a|b|name|login|changes|event|from|to|error|files_changed)", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn nodes() -> impl Strategy<Value = Node> {
    let at = Position::START;
    let leaf = prop_oneof![
        Just(yaml::Is::Null),
        any::<bool>().prop_map(yaml::Is::Bool),
        any::<i64>().prop_map(yaml::Is::Int),
        "(a|b|1h|\\*a|\\{a\\}|\\(|2026-11-27|[a-c{}!|]{0,5})".prop_map(yaml::Is::Text),
    ];
    let names = "(a|b|a\\.b|files_changed|not_labels|any|all|none|expr|[a-c.\\[\\]\"0]{0,6})";
    let operators: Vec<String> =
        Operator::ALL.iter().map(|(name, _)| format!(".{name}")).chain([String::new()]).collect();
    let key = (names, proptest::sample::select(operators))
        .prop_map(move |(name, operator)| yaml::Key { at, name: name + &operator });
    leaf.prop_map(move |is| Node { at, is }).prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(yaml::Is::List),
            proptest::collection::vec((key.clone(), inner), 0..3).prop_map(yaml::Is::Map),
        ]
        .prop_map(move |is| Node { at, is })
    })
}

proptest! {
    #[test]
    fn no_condition_and_no_event_breaks_the_judge(node in nodes(), scope in values()) {
        let mut mistakes = Vec::new();
        let conditions = Conditions::read(&node, &mut mistakes);
        let judged = conditions.judge(&scope, NOW);
        prop_assert!(!matches!(judged.verdict, Verdict::Unknown(_)));
    }

    #[test]
    fn a_condition_and_its_opposite_never_both_hold(node in nodes(), scope in values()) {
        let none = Node { at: Position::START, is: yaml::Is::Map(vec![(
            yaml::Key { at: Position::START, name: "none".to_owned() },
            Node { at: Position::START, is: yaml::Is::List(vec![node.clone()]) },
        )]) };
        let judged = |node: &Node| Conditions::read(node, &mut Vec::new()).judge(&scope, NOW).holds();
        let is_one = !matches!(node.is, yaml::Is::List(_) | yaml::Is::Null);
        prop_assert!(!(is_one && judged(&node) && judged(&none)));
    }
}
