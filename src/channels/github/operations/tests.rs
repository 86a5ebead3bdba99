//! The calls of each operation, what is refused before one, and lost answers, against a GitHub of the tests (`testing.rs`).

use serde_json::json;

use super::*;
use crate::channels::Channel as _;
use crate::channels::github::testing::{APP, Hub, Odd, call, channel, start};

const SHOP: &str = "/repos/Acme/Shop";

/// What an operation asked of GitHub, `METHOD path` with its body, and what came of it.
async fn performed(operation: &str, args: Value, prepare: impl Fn(&Hub)) -> (Vec<(String, Value)>, Value) {
    let (hub, url) = start().await;
    prepare(&hub);
    let called = channel(&url).call(&call(operation, args)).await.unwrap();
    let seen = hub.seen.lock().unwrap().clone();
    let ours = seen.into_iter().filter(|seen| seen.call.contains("/repos/"));
    (ours.map(|seen| (seen.call.replace(SHOP, ""), seen.body)).collect(), called.output)
}

#[tokio::test]
async fn each_operation_makes_the_calls_that_github_documents() {
    let none = |_: &Hub| {};
    for (operation, args, expected) in [
        (
            "github.react",
            json!({ "subject": "issue", "content": "eyes" }),
            vec![("POST /issues/7/reactions", json!({ "content": "eyes" }))],
        ),
        (
            "github.react",
            json!({ "subject": "issue_comment/12", "content": "+1" }),
            vec![("POST /issues/comments/12/reactions", json!({ "content": "+1" }))],
        ),
        (
            "github.react",
            json!({ "subject": "review_comment/13", "content": "rocket" }),
            vec![("POST /pulls/comments/13/reactions", json!({ "content": "rocket" }))],
        ),
        (
            "github.label",
            json!({ "add": ["bug", "ui"], "remove": ["good first/issue"] }),
            vec![
                ("POST /issues/7/labels", json!({ "labels": ["bug", "ui"] })),
                ("DELETE /issues/7/labels/good%20first%2Fissue", Value::Null),
            ],
        ),
        (
            "github.request_reviewers",
            json!({ "people": ["ann"], "teams": ["core"] }),
            vec![("POST /pulls/7/requested_reviewers", json!({ "reviewers": ["ann"], "team_reviewers": ["core"] }))],
        ),
        ("github.milestone", json!({ "title": null }), vec![("PATCH /issues/7", json!({ "milestone": null }))]),
        (
            "github.close",
            json!({ "reason": "not_planned" }),
            vec![("PATCH /issues/7", json!({ "state": "closed", "state_reason": "not_planned" }))],
        ),
        (
            "github.close",
            Value::Null,
            vec![("PATCH /issues/7", json!({ "state": "closed", "state_reason": "completed" }))],
        ),
        ("github.reopen", json!({}), vec![("PATCH /issues/7", json!({ "state": "open" }))]),
        ("github.edit", json!({ "title": "New" }), vec![("PATCH /issues/7", json!({ "title": "New" }))]),
        (
            "github.commit_status",
            json!({ "sha": "abc", "state": "success", "context": "ai-crm", "description": "é".repeat(200),
                    "target_url": "https://x" }),
            vec![(
                "POST /statuses/abc",
                json!({ "state": "success", "context": "ai-crm", "target_url": "https://x",
                        "description": format!("{}…", "é".repeat(139)) }),
            )],
        ),
        (
            "github.dispatch",
            json!({ "workflow": "release.yml", "ref": "main", "inputs": { "dry": "true" } }),
            vec![(
                "POST /actions/workflows/release.yml/dispatches",
                json!({ "ref": "main", "inputs": { "dry": "true" } }),
            )],
        ),
    ] {
        let (calls, output) = performed(operation, args, none).await;
        let expected: Vec<(String, Value)> = expected.into_iter().map(|(call, body)| (call.to_owned(), body)).collect();
        let says = match operation {
            "github.request_reviewers" => json!({ "asked": ["ann"], "why": "named by the rule" }),
            _ => json!({}),
        };
        assert_eq!((calls, output), (expected, says), "{operation}");
    }
}

#[tokio::test]
async fn who_was_not_taken_is_seen_in_the_output() {
    let (calls, output) = performed("github.assign", json!({ "add": ["ann", "bob"], "remove": ["eve"] }), |hub| {
        let assigned =
            |logins: &[&str]| json!({ "assignees": logins.iter().map(|l| json!({ "login": l })).collect::<Vec<_>>() });
        hub.answers(&format!("POST {SHOP}/issues/7/assignees"), assigned(&["ann", "eve"]));
        hub.answers(&format!("DELETE {SHOP}/issues/7/assignees"), assigned(&["ann"]));
    })
    .await;
    assert_eq!(output, json!({ "assignees": ["ann"] }));
    assert_eq!(calls[1], ("DELETE /issues/7/assignees".to_owned(), json!({ "assignees": ["eve"] })));
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused_by_their_name_before_a_call() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let check = |more: Value| {
        let mut args = json!({ "name": "n", "head_sha": "abc", "status": "completed", "conclusion": "success",
                               "summary": "s" });
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    let line = |from: u64, to: u64| json!({ "path": "a", "start_line": from, "end_line": to, "level": "notice", "message": "m" });
    for (operation, args, expected) in [
        ("github.merge", json!({}), "operation: GitHub has none of that name"),
        ("github.react", json!({ "subject": "issue", "content": "zebra" }), "content: expected one of"),
        ("github.react", json!({ "subject": "commit/1", "content": "eyes" }), "subject: it is none of"),
        ("github.react", json!({ "subject": "review/14", "content": "eyes" }), "GitHub takes no reactions to reviews"),
        ("github.react", json!({ "subject": "issue_comment/zebra", "content": "eyes" }), "subject: it has no number"),
        ("github.label", json!({}), "add: it names no label"),
        ("github.label", json!({ "add": ["a", 7] }), "add[1]: expected a string"),
        ("github.label", json!({ "remove": [".."] }), "remove: it is no name"),
        ("github.label", json!({ "labels": ["zebra"] }), "unknown field `labels`"),
        ("github.assign", json!({ "add": "zebra" }), "add: expected a sequence"),
        ("github.request_reviewers", json!({}), "people: it names nobody"),
        ("github.milestone", json!({}), "missing field `title`"),
        ("github.close", json!({ "reason": "zebra" }), "reason: expected "),
        ("github.reopen", json!({ "zebra": 1 }), "unknown field"),
        ("github.edit", json!({}), "title: it is missing"),
        ("github.create_issue", json!({ "title": " " }), "title: it is empty"),
        ("github.check_run", check(json!({ "conclusion": null })), "conclusion: a run has one when"),
        ("github.check_run", check(json!({ "status": "queued" })), "conclusion: a run has one when"),
        ("github.check_run", check(json!({ "annotations": [line(2, 1)] })), "annotations[0].end_line: "),
        ("github.check_run", check(json!({ "annotations": [line(0, 1)] })), "annotations[0].end_line: "),
        ("github.check_run", check(json!({ "annotations": vec![line(1, 1); 1001] })), "annotations: "),
        ("github.check_run", check(json!({ "annotations": [{ "path": "a" }] })), "annotations[0]: missing field"),
        ("github.commit_status", json!({ "sha": "..", "state": "error", "context": "c" }), "sha: it is no name"),
        ("github.dispatch", json!({ "workflow": "", "ref": "main" }), "workflow: it is no name"),
        ("github.file", json!({ "path": "../secrets" }), "path: it is no name"),
        ("github.file", json!({}), "missing field `path`"),
    ] {
        let call = call(operation, args);
        let refused = channel.call(&call).await.unwrap_err();
        assert!(matches!(refused, DeliverError::Rejected { .. }), "{operation}: {refused}");
        let refused = refused.to_string();
        assert!(refused.contains(expected), "{operation}: {refused}");
        assert!(!refused.contains("zebra") || refused.contains("unknown field"), "{operation}: {refused}");
    }
    let mut nowhere = call("github.close", json!({}));
    nowhere.to.thread = None;
    assert!(channel.call(&nowhere).await.unwrap_err().to_string().contains("thread: "));
    nowhere.to.place = "Acme/Shop/../x".to_owned();
    assert!(channel.call(&nowhere).await.unwrap_err().to_string().contains("place: "));
    assert_eq!(hub.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn after_a_lost_answer_each_operation_does_what_does_no_harm() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    for name in names() {
        let looks = ["github.request_reviewers", "github.create_issue", "github.check_run"].contains(&name);
        if looks {
            continue;
        }
        let looked = channel.look_up_call(&call(name, json!({}))).await.unwrap();
        match name {
            "github.dispatch" => assert!(matches!(looked, Lookup::CannotTell(_)), "{name}"),
            _ => assert_eq!(looked, Lookup::NotDone, "{name}"),
        }
    }
    assert_eq!(hub.calls(), Vec::<String>::new());
    let asking = call("github.request_reviewers", json!({ "people": ["Ann"], "teams": ["core"] }));
    for (users, teams, expected) in [
        (json!([{ "login": "ann" }]), json!([{ "slug": "core" }]), true),
        (json!([{ "login": "ann" }]), json!([]), false),
    ] {
        hub.answers(&format!("GET {SHOP}/pulls/7/requested_reviewers"), json!({ "users": users, "teams": teams }));
        let looked = channel.look_up_call(&asking).await.unwrap();
        assert_eq!(matches!(looked, Lookup::Done(_)), expected);
    }
}

#[tokio::test]
async fn who_has_the_fewest_open_reviews_is_asked_and_it_is_said_why() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let people = |logins: &[&str]| logins.iter().map(|login| json!({ "login": login })).collect::<Vec<_>>();
    let pull = |number: u64, asked: &[&str]| json!({ "number": number, "user": { "login": "Ann" }, "requested_reviewers": people(asked) });
    hub.answers(&format!("GET {SHOP}/pulls/7"), pull(7, &[]));
    hub.answers(&format!("GET {SHOP}/pulls"), json!([pull(7, &[]), pull(8, &["bob", "cid"]), pull(9, &["Bob"])]));
    hub.answers(&format!("POST {SHOP}/pulls/7/requested_reviewers"), json!({}));
    let asking = |more: Value| {
        let mut args = json!({ "among": ["ann", "bob", "cid", "dan"] });
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call("github.request_reviewers", args)
    };
    let did = channel.call(&asking(json!({ "count": 2, "most_open": 2 }))).await.unwrap();
    assert_eq!(did.output["asked"], json!(["dan", "cid"]));
    assert_eq!(
        did.output["why"],
        "dan and cid: the fewest; open reviews: ann 0, bob 2, cid 1, dan 0; nobody who has 2 or more is asked"
    );
    let body = hub.body(&format!("POST {SHOP}/pulls/7/requested_reviewers"));
    assert_eq!(body, json!({ "reviewers": ["dan", "cid"], "team_reviewers": [] }));
    hub.answers(
        &format!("GET {SHOP}/pulls/7/requested_reviewers"),
        json!({ "users": people(&["Dan", "cid"]), "teams": [] }),
    );
    assert!(matches!(channel.look_up_call(&asking(json!({ "count": 2 }))).await.unwrap(), Lookup::Done(_)));
    assert_eq!(channel.look_up_call(&asking(json!({ "count": 3 }))).await.unwrap(), Lookup::NotDone);
    let nobody = call("github.request_reviewers", json!({ "among": ["ann", "Bob"], "most_open": 1 }));
    let refused = channel.call(&nobody).await.unwrap_err().to_string();
    assert!(
        refused.contains("nobody of them can be asked; open reviews: ann 0, Bob 2; nobody who has 1 or more is asked"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_and_not_opened_again() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    hub.answers(
        &format!("GET {SHOP}/milestones"),
        json!([{ "number": 3, "title": "v1" }, { "number": 4, "title": "V1" }]),
    );
    let args = json!({ "title": "It breaks", "body": "so\r\nit does", "labels": ["bug"], "milestone": "V1" });
    let opening = call("github.create_issue", args);
    assert_eq!(channel.look_up_call(&opening).await, Ok(Lookup::NotDone));
    hub.oddly(&format!("POST {SHOP}/issues"), Odd::Loses);
    assert!(matches!(channel.call(&opening).await, Err(DeliverError::UnknownOutcome { .. })));
    let body = hub.body(&format!("POST {SHOP}/issues"));
    let mark = crate::channels::github::markdown::marker(&opening.idempotency_key);
    let expected = json!({ "title": "It breaks", "body": format!("{mark}\nso\r\nit does"), "labels": ["bug"],
                           "milestone": 4 });
    assert_eq!(body, expected);
    let output = json!({ "number": 1000, "url": "https://github.example/1000" });
    let found = Called { platform_id: "Acme/Shop#1000".to_owned(), output, via: "POST issues" };
    assert_eq!(channel.look_up_call(&opening).await, Ok(Lookup::Done(found)));
    let another = Call { idempotency_key: "default/e-18.0@1".to_owned(), ..opening.clone() };
    assert_eq!(channel.look_up_call(&another).await, Ok(Lookup::NotDone));
    assert_eq!(channel.call(&another).await.unwrap().output["number"], 1001);
    let unknown = call("github.create_issue", json!({ "title": "x", "milestone": "v9" }));
    assert!(channel.call(&unknown).await.unwrap_err().to_string().contains("milestone: the repository has no such"));
}

#[tokio::test]
async fn a_check_run_with_many_annotations_is_made_once_and_finished_whatever_breaks() {
    let (hub, url) = start().await;
    let line = |line: usize| {
        json!({ "path": "a.rs", "start_line": line, "end_line": line + line % 2, "start_column": 1,
                                     "level": "failure", "message": "no" })
    };
    let annotations: Vec<Value> = (1..=120).map(line).collect();
    let args = json!({ "name": "rules", "head_sha": "abc", "status": "completed", "conclusion": "failure",
                       "title": "t", "summary": "s".repeat(70_000), "annotations": annotations });
    let checking = call("github.check_run", args);
    let runs = format!("GET {SHOP}/commits/abc/check-runs");
    let run = |key: &str, app: u64, count: usize| {
        json!({ "id": 5, "html_url": "https://github.example/5", "external_id": key,
                                              "app": { "id": app }, "output": { "annotations_count": count } })
    };
    hub.answers(&runs, json!({ "check_runs": [run("other", APP, 3), run(&checking.idempotency_key, 9, 3)] }));
    // The run is made, the answer to the next call is lost.
    hub.oddly(&format!("PATCH {SHOP}/check-runs/5"), Odd::Loses);
    let first = channel(&url);
    assert!(matches!(first.call(&checking).await, Err(DeliverError::UnknownOutcome { .. })));
    let made = hub.body(&format!("POST {SHOP}/check-runs"));
    assert_eq!(made["external_id"], json!(checking.idempotency_key));
    assert_eq!(made["output"]["summary"].as_str().unwrap().chars().count(), 65_535);
    let shown = &made["output"]["annotations"];
    assert_eq!(shown.as_array().unwrap().len(), 50);
    let (odd, even) = (&shown[0], &shown[1]);
    assert_eq!(
        (&odd["annotation_level"], odd.get("start_column"), &even["start_column"]),
        (&json!("failure"), None, &json!(1))
    );
    // GitHub has the second fifty.
    hub.answers(&runs, json!({ "check_runs": [run(&checking.idempotency_key, APP, 100)] }));
    let restarted = channel(&url);
    assert_eq!(restarted.look_up_call(&checking).await, Ok(Lookup::NotDone));
    let output = json!({ "id": 5, "url": "https://github.example/5" });
    assert_eq!(restarted.call(&checking).await.unwrap().output, output);
    let last = hub.body(&format!("PATCH {SHOP}/check-runs/5"));
    assert_eq!(last["output"]["annotations"].as_array().unwrap().len(), 20);
    assert_eq!(hub.all(&format!("POST {SHOP}/check-runs")).len(), 1, "one run was made");
    hub.answers(&runs, json!({ "check_runs": [run(&checking.idempotency_key, APP, 120)] }));
    assert_eq!(
        restarted.look_up_call(&checking).await,
        Ok(Lookup::Done(Called { platform_id: "check_run/5".to_owned(), output, via: "POST check-runs" }))
    );
}

#[tokio::test]
async fn a_check_run_has_a_title_and_a_summary_or_neither() {
    for (title, summary, expected) in [
        ("", "", Value::Null),
        ("t", "", json!({ "title": "t", "summary": "t", "annotations": [] })),
        ("", "s", json!({ "title": "rules", "summary": "s", "annotations": [] })),
    ] {
        let args = json!({ "name": "rules", "head_sha": "abc", "status": "in_progress", "title": title,
                           "summary": summary, "annotations": [], "details_url": null });
        let (calls, _) = performed("github.check_run", args, |_| {}).await;
        assert_eq!(calls[0].1["output"], expected, "{title} {summary}");
        assert!(calls[0].1.get("details_url").is_none());
    }
}

#[tokio::test]
async fn changed_files_are_read_over_all_pages_up_to_githubs_most() {
    async fn files(pages: usize, last: usize, changed: usize) -> Value {
        let (hub, url) = start().await;
        hub.answers(&format!("GET {SHOP}/pulls/7"), json!({ "changed_files": changed }));
        for page in 1..=pages {
            let count = if page == pages { last } else { 100 };
            let files: Vec<Value> = (0..count).map(|n| json!({ "filename": format!("{page}/{n}.rs") })).collect();
            hub.oddly(&format!("GET {SHOP}/pulls/7/files"), Odd::Answers(200, vec![], json!(files).to_string()));
        }
        channel(&url).call(&call("github.changed_files", json!({}))).await.unwrap().output
    }
    for (pages, last, changed, count, complete) in
        [(1, 0, 0, 0, true), (3, 1, 201, 201, true), (30, 100, 3000, 3000, true), (30, 100, 4000, 3000, false)]
    {
        let output = files(pages, last, changed).await;
        let found = (output["files"].as_array().unwrap().len(), output["complete"].as_bool().unwrap());
        assert_eq!(found, (count, complete), "{changed}");
    }
}

#[tokio::test]
async fn a_file_is_read_as_text_or_said_to_be_missing() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let path = format!("GET {SHOP}/contents/.github/ai-crm.yml");
    let reading = call("github.file", json!({ "path": ".github/ai-crm.yml", "ref": "a/b" }));
    assert_eq!(channel.call(&reading).await.unwrap().output, json!({ "missing": true }));
    assert_eq!(hub.all(&path)[0].query, "ref=a%2Fb");
    let file = |encoding: &str, content: &str| json!({ "type": "file", "sha": "f00", "encoding": encoding, "content": content });
    hub.answers(&path, file("base64", "YTogMQ0K\nYjogMgo=\n"));
    assert_eq!(channel.call(&reading).await.unwrap().output, json!({ "text": "a: 1\r\nb: 2\n", "sha": "f00" }));
    let short = call("github.file", json!({ "path": ".github/ai-crm.yml", "ref": "a/b", "most_bytes": 10 }));
    let refused = channel.call(&short).await.unwrap_err().to_string();
    assert!(refused.contains("path: it has 11 bytes; at most 10 are read"), "{refused}");
    for (answer, expected) in [
        (file("none", ""), "path: it is longer than 1 MB"),
        (file("base64", "/w=="), "path: it is no text"),
        (file("base64", "%"), "path: it is no text"),
        (json!([{ "type": "file" }]), "path: it is no file"),
        (json!({ "type": "submodule", "sha": "x" }), "path: it is no file"),
    ] {
        hub.answers(&path, answer);
        let refused = channel.call(&reading).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}
