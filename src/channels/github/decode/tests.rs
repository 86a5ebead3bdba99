//! What deliveries are read as.
use serde_json::{Value, json};

use super::*;
use crate::channels::github::verify::Proof;

const DELIVERY: &str = "72D3162E-cc78-11e3-81ab-4c9367dc0958";

fn me() -> Me {
    Me { realm: "github.com".into(), slug: "ai-crm".into(), app_id: Some(77) }
}

fn decoded(event: &str, body: &Value) -> Incoming {
    let proof = Proof { secret_index: 0 };
    decode(Some(event), Some(DELIVERY), &body.to_string().into(), &me(), proof).unwrap().event
}

fn opened() -> Value {
    json!({
        "action": "opened",
        "issue": {"number": 7, "title": "It breaks"},
        "repository": {"id": 186853002, "full_name": "Acme/Shop", "private": true, "owner": {"login": "Acme", "id": 1}},
        "organization": {"login": "Acme"},
        "installation": {"id": 1234, "node_id": "x"},
        "sender": {"login": "ann", "id": 21031067, "type": "User"},
    })
}

#[test]
fn an_event_of_an_issue_says_who_where_and_in_which_order() {
    let incoming = decoded("issues", &opened());
    assert_eq!(incoming.dedupe, ["github:delivery:72d3162e-cc78-11e3-81ab-4c9367dc0958"]);
    assert_eq!(&*incoming.lane.0, "github/186853002/7");
    assert_eq!((&*incoming.installation, incoming.organisation.as_deref()), ("1234", Some("acme")));
    let from = incoming.from.unwrap();
    assert_eq!(from.to_string(), "github:github.com/21031067");
    let place = Place { id: "Acme/Shop".into(), kind: PlaceKind::Private, shared: false };
    assert_eq!(incoming.place, Some(place));
    assert_eq!(incoming.kind, EventKind::platform("issues.opened", None));
    let reply = incoming.reply.unwrap();
    assert_eq!((&*reply.place, reply.thread.as_deref()), ("Acme/Shop", Some("7")));
    assert_eq!((reply.person.as_deref(), reply.request.as_deref()), (Some("21031067"), Some("issue")));
    assert_eq!(incoming.raw, opened().to_string());
}

#[test]
fn a_public_repository_is_read_by_everybody() {
    let mut body = opened();
    body["repository"]["private"] = json!(false);
    let place = decoded("issues", &body).place.unwrap();
    assert_eq!((place.kind, place.shared), (PlaceKind::Public, true));
}

#[test]
fn what_a_pull_request_is_told_of_by_any_event_stands_in_its_lane() {
    let mut body = opened();
    body["pull_request"] = body["issue"].take();
    for event in ["pull_request", "pull_request_review", "pull_request_review_comment"] {
        assert_eq!(&*decoded(event, &body).lane.0, "github/186853002/7", "{event}");
    }
    body["pull_request"] = Value::Null;
    assert_eq!(&*decoded("push", &body).lane.0, "github/186853002/");
    assert_eq!(&*decoded("installation", &json!({"installation": {"id": 5}})).lane.0, "github/-/5");
}

#[test]
fn what_is_missing_or_of_another_shape_is_left_out() {
    for key in ["action", "issue", "repository", "organization", "installation", "sender"] {
        for other in [Value::Null, json!(1), json!("x"), json!([]), json!({}), json!({"id": "x", "number": -1})] {
            let mut body = opened();
            body[key] = other.clone();
            let incoming = decoded("issues", &body);
            let EventKind::Platform { name, .. } = &incoming.kind else { panic!("{incoming:?}") };
            assert!(
                name == "issues.opened" || (key == "action" && name.starts_with("issues")),
                "{key} {other}: {name}"
            );
        }
    }
    let bare = decoded("ping", &json!({"zen": "x"}));
    assert_eq!((bare.from, bare.place, bare.organisation), (None, None, None));
    assert_eq!(
        decoded("installation", &json!({"installation": {"id": 5, "account": {"login": "Acme"}}})).organisation,
        Some("acme".into())
    );
    assert_eq!(decoded("team", &json!({"organization": {"login": "Acme"}})).organisation, Some("acme".into()));
}

#[test]
fn what_github_does_not_write_is_refused() {
    let proof = Proof { secret_index: 0 };
    let long = "a".repeat(65);
    for (event, delivery, body, expected) in [
        (None, Some(DELIVERY), "{}", EVENT_HEADER),
        (Some(""), Some(DELIVERY), "{}", EVENT_HEADER),
        (Some("Issues\n"), Some(DELIVERY), "{}", EVENT_HEADER),
        (Some(&*long), Some(DELIVERY), "{}", EVENT_HEADER),
        (Some("issues"), None, "{}", DELIVERY_HEADER),
        (Some("issues"), Some("a|b"), "{}", DELIVERY_HEADER),
        (Some("issues"), Some(&*long), "{}", DELIVERY_HEADER),
        (Some("issues"), Some(DELIVERY), "", "no JSON object"),
        (Some("issues"), Some(DELIVERY), "[]", "no JSON object"),
        (
            Some("issues"),
            Some(DELIVERY),
            r#"["opened",null,null,null,null,null,null,null,null,null]"#,
            "no JSON object",
        ),
        (Some("issues"), Some(DELIVERY), "{\"action\":", "no JSON object"),
        (Some("issues"), Some(DELIVERY), "payload=%7B%7D", "no JSON object"),
    ] {
        let refused = decode(event, delivery, &Bytes::from_static(body.as_bytes()), &me(), proof).unwrap_err();
        assert!(refused.to_string().contains(expected), "{event:?} {delivery:?} {body}: {refused}");
    }
}

fn told(event: &str, body: &Value) -> Told {
    let proof = Proof { secret_index: 0 };
    decode(Some(event), Some(DELIVERY), &body.to_string().into(), &me(), proof).unwrap()
}

fn commented(text: &str) -> Value {
    let mut body = opened();
    body["action"] = json!("created");
    let user = body["sender"].clone();
    body["comment"] = json!({"id": 99, "body": text, "performed_via_github_app": null, "user": user});
    body
}

fn lines(told: &Told) -> Vec<&str> {
    let line = |incoming| match incoming {
        &Incoming { kind: EventKind::Command { ref line }, .. } => line.as_str(),
        other => panic!("{other:?}"),
    };
    told.commands.iter().map(line).collect()
}

#[test]
fn each_command_of_a_comment_is_an_event_that_quotes_its_line() {
    let said =
        told("issue_comment", &commented("Hello\r\n/ai-crm task list\r\n\r\n> /ai-crm help\r\n\r\n@ai-crm help\r\n"));
    assert_eq!(lines(&said), ["task list", "help"]);
    let EventKind::Platform { asked, own: false, .. } = said.event.kind else { panic!("{:?}", said.event) };
    assert_eq!((asked.commands, asked.left), (2, 0));
    let reply = said.commands[0].reply.as_ref().unwrap();
    assert_eq!(reply.quotes.as_deref(), Some("/ai-crm task list"));
    assert_eq!((reply.request.as_deref(), reply.thread.as_deref()), (Some("issue_comment/99"), Some("7")));
    assert_eq!(said.commands[0].lane, said.event.lane);
    assert_ne!(said.commands[0].dedupe, said.commands[1].dedupe);
}

#[test]
fn what_stood_there_before_an_edit_is_no_wish_of_who_edits() {
    let mut body = commented("/ai-crm help\n/ai-crm task list\n/ai-crm help\n");
    let first = told("issue_comment", &body);
    body["action"] = json!("edited");
    body["changes"] = json!({"body": {"from": "/ai-crm help\n"}});
    let edited = told("issue_comment", &body);
    assert_eq!(lines(&edited), ["task list", "help"], "the second `help` is new");
    assert_eq!(edited.commands[0].dedupe, first.commands[1].dedupe, "a command is known again by its words");
    assert_eq!(edited.commands[1].dedupe, first.commands[2].dedupe);
    for unchanged in [json!({"title": {"from": "x"}}), json!({}), Value::Null, json!({"body": {"from": 7}})] {
        body["changes"] = unchanged.clone();
        assert!(told("issue_comment", &body).commands.is_empty(), "{unchanged}");
    }
}

#[test]
fn a_line_that_stood_in_anothers_text_in_any_form_is_no_wish_of_who_edits_that() {
    let list = |from: u32, to: u32| (from..=to).map(|n| format!("/ai-crm task create {n}\n")).collect::<String>();
    let deep = format!("{}x\n\n/ai-crm task list\n", "> ".repeat(70));
    for (before, after, authors) in [
        (list(1, 30), list(11, 30), 10),
        ("Logs:\n\n<!-- paste\n\n/ai-crm task list\n\n-->\n".into(), "Logs:\n\n/ai-crm task list\n".into(), 1),
        (deep, "/ai-crm task list\n".into(), 1),
        ("see `/ai-crm task list`\n".into(), "/ai-crm task list\n".into(), 1),
        ("```\r\n/ai-crm task list\r\n```\r\n".into(), "\r\n /ai-crm task list \r\n".into(), 1),
    ] {
        let mut body = commented(&after);
        body["action"] = json!("edited");
        body["changes"] = json!({"body": {"from": before}});
        assert_eq!(told("issue_comment", &body).commands.len(), authors, "{before}");
        body["comment"]["user"] = json!({"id": 5, "login": "eve"});
        assert!(told("issue_comment", &body).commands.is_empty(), "{before}");
        body["comment"]["body"] = json!(format!("{after}\n/ai-crm help\n"));
        let added = told("issue_comment", &body);
        let expected: &[&str] = if authors == 1 { &["help"] } else { &[] };
        assert_eq!(lines(&added), expected, "who edits may command: {before}");
    }
}

#[test]
fn bodies_and_reviews_are_read_and_other_events_are_not() {
    let mut body = opened();
    body["issue"]["body"] = json!("/ai-crm help");
    assert_eq!(lines(&told("issues", &body)), ["help"]);
    body["pull_request"] = json!({"number": 7, "body": "/ai-crm help"});
    assert_eq!(lines(&told("pull_request", &body)), ["help"]);
    body["action"] = json!("submitted");
    body["review"] = json!({"id": 5, "body": "/ai-crm help"});
    let review = told("pull_request_review", &body);
    assert_eq!(review.commands[0].reply.as_ref().unwrap().request.as_deref(), Some("review/5"));
    for (event, action) in [("issues", "labeled"), ("issue_comment", "deleted"), ("pull_request", "synchronize")] {
        body["action"] = json!(action);
        body["comment"] = json!({"id": 99, "body": "/ai-crm help"});
        assert!(told(event, &body).commands.is_empty(), "{event}.{action}");
    }
}

#[test]
fn bots_and_the_bot_itself_command_nothing() {
    let mut body = commented("/ai-crm help");
    body["sender"]["type"] = json!("Bot");
    assert!(told("issue_comment", &body).commands.is_empty());
    body["sender"]["login"] = json!("ai-crm[bot]");
    let EventKind::Platform { own, .. } = told("issue_comment", &body).event.kind else { panic!() };
    assert!(own);
    let mut body = commented("/ai-crm help");
    body["comment"]["performed_via_github_app"] = json!({"id": 77, "slug": "ai-crm"});
    assert!(told("issue_comment", &body).commands.is_empty());
    body["comment"]["performed_via_github_app"] = json!({"id": 78});
    assert_eq!(told("issue_comment", &body).commands.len(), 1, "somebody who writes by another program");
    assert!(told("issue_comment", &commented("<!-- ai-crm:k -->\n/ai-crm help")).commands.is_empty());
    let mut nobody = commented("/ai-crm help");
    nobody["sender"] = Value::Null;
    assert!(told("issue_comment", &nobody).commands.is_empty());
}
