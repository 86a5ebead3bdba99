//! What the tools of GitHub owe, and what they refuse.

use serde_json::json;

use super::*;
use crate::domain::outcome::Failure;
use crate::tools;
use crate::tools::testing::Desk;

fn about(number: &str) -> Address {
    Address { thread: Some(number.to_owned()), ..Address::at(ChannelName::GitHub, "12", "Acme/Shop") }
}

fn run(name: &str, args: Value, at: Option<Address>) -> Result<Outcome, Failure> {
    Desk::new().about(at, |ctx| (tools::find(name).unwrap().run)(args, ctx))
}

#[test]
fn a_call_goes_where_it_is_named_or_where_the_event_is() {
    for (args, at, wanted) in [
        (json!({"add": ["bug"]}), Some(about("7")), ("12", "Acme/Shop", Some("7"))),
        (json!({"add": ["bug"], "number": 9}), Some(about("7")), ("12", "Acme/Shop", Some("9"))),
        (json!({"add": ["bug"], "repo": "acme/shop", "number": 9}), Some(about("7")), ("12", "Acme/Shop", Some("9"))),
        (json!({"add": ["bug"], "repo": "acme/other", "number": 1}), Some(about("7")), ("", "acme/other", Some("1"))),
        (json!({"add": ["bug"], "repo": "acme/other", "number": 1}), None, ("", "acme/other", Some("1"))),
    ] {
        let outcome = run("github.label", args.clone(), at).unwrap();
        let [call] = &outcome.calls[..] else { panic!("{outcome:?}") };
        assert_eq!((&*call.to.installation, &*call.to.place, call.to.thread.as_deref()), wanted, "{args}");
        assert_eq!((&*call.operation, &call.args), ("github.label", &json!({"add": ["bug"], "remove": []})));
    }
    let closed = run("github.close", json!({}), Some(about("7"))).unwrap();
    assert_eq!((&*closed.resource, &closed.calls[0].args), ("github Acme/Shop#7", &json!({"reason": "completed"})));
    let said = run("github.comment", json!({"text": "**hello**"}), Some(about("7"))).unwrap();
    assert_eq!(said.replies[0].to.as_ref().unwrap().thread.as_deref(), Some("7"));
    let issue = run("github.create_issue", json!({"title": "x"}), Some(about("7"))).unwrap();
    assert_eq!(issue.calls[0].to.thread, None);
}

#[test]
fn a_comment_of_a_topic_lives_on_and_one_of_none_does_not() {
    for (topic, wanted) in [(json!(" triage "), Some("triage")), (json!("none"), None), (Value::Null, None)] {
        let args = json!({"text": "hello", "topic": topic});
        let said = run("github.comment", args, Some(about("7"))).unwrap();
        let living = said.replies[0].living.as_ref();
        assert_eq!(living.and_then(|living| living.topic.as_deref()), wanted, "{topic}");
    }
    for topic in [String::new(), "x".repeat(101)] {
        let args = json!({"text": "hello", "topic": topic});
        let Err(Failure::Refused(refusal)) = run("github.comment", args, Some(about("7"))) else { panic!("{topic}") };
        assert!(refusal.what.contains("no topic"), "{refusal:?}");
    }
}

#[test]
fn what_github_would_not_take_is_refused_by_name() {
    let at = || Some(about("7"));
    let sha = "a".repeat(40);
    for (name, args, at, what) in [
        ("github.label", json!({"add": ["bug"]}), None, "no repository"),
        ("github.label", json!({"add": ["bug"], "repo": "acme/shop"}), None, "no issue"),
        ("github.label", json!({"add": ["bug"], "repo": "../etc", "number": 1}), None, "`repo` is no repository"),
        ("github.label", json!({"add": ["bug"], "repo": "a/b/c", "number": 1}), None, "`repo` is no repository"),
        ("github.label", json!({}), at(), "no label is named"),
        ("github.label", json!({"add": [" "]}), at(), "`add`"),
        ("github.label", json!({"add": vec!["x"; 51]}), at(), "`add`"),
        ("github.assign", json!({"add": ["x".repeat(101)]}), at(), "`add`"),
        ("github.close", json!({"reason": "bored"}), at(), "`reason`"),
        ("github.comment", json!({"text": " "}), at(), "needs a text"),
        ("github.comment", json!({"text": "x".repeat(60_001)}), at(), "60001 characters"),
        ("github.create_issue", json!({"title": ""}), at(), "needs a title"),
        ("github.commit_status", json!({"sha": "abc", "state": "success", "context": "x"}), at(), "no commit"),
        ("github.commit_status", json!({"sha": sha, "state": "green", "context": "x"}), at(), "`state`"),
        ("github.check_run", json!({"name": "x", "head_sha": sha}), at(), "has ended somehow"),
        ("github.check_run", json!({"name": "x", "head_sha": sha, "status": "over"}), at(), "no such state"),
        (
            "github.check_run",
            json!({"name": "x", "head_sha": sha, "conclusion": "success",
            "annotations": vec![json!({}); 501]}),
            at(),
            "501 annotations",
        ),
    ] {
        let Err(Failure::Refused(refusal)) = run(name, args.clone(), at) else { panic!("{name} {args}") };
        assert!(refusal.what.contains(what), "{name} {args}: {refusal:?}");
    }
    assert!(run("github.label", json!({"add": vec!["x"; 50]}), at()).is_ok());
    assert!(run("github.comment", json!({"text": "x".repeat(60_000)}), at()).is_ok());
}
