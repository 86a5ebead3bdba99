//! What GitHub sends to an App, and what becomes of it.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

use super::super::hook::Way;
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// An application that keeps what it is sent.
struct Bot {
    sent: Mutex<Vec<(HeaderMap, Bytes)>>,
    status: Mutex<u16>,
}

async fn receive(Shared(bot): Shared<Arc<Bot>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    bot.sent.lock().unwrap().push((headers, body));
    StatusCode::from_u16(*bot.status.lock().unwrap()).unwrap()
}

impl Bot {
    /// Every event that came, with what happened.
    fn heard(&self) -> Vec<String> {
        let named = |(headers, body): &(HeaderMap, Bytes)| {
            let body: Value = serde_json::from_slice(body).unwrap();
            let action = body["action"].as_str().map(|action| format!(".{action}")).unwrap_or_default();
            format!("{}{action}", headers["x-github-event"].to_str().unwrap())
        };
        self.sent.lock().unwrap().iter().map(named).collect()
    }

    fn last(&self) -> Value {
        serde_json::from_slice(&self.sent.lock().unwrap().last().unwrap().1).unwrap()
    }
}

async fn with_bot() -> (Stage, Arc<Bot>) {
    let stage = Stage::set().await;
    let bot = Arc::new(Bot { sent: Mutex::default(), status: Mutex::new(200) });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(receive)).with_state(bot.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    stage.world().set_hook(|hook| hook.url = Some(url));
    (stage, bot)
}

/// Waits until so many deliveries were tried.
async fn tried(stage: &Stage, count: usize) {
    let all = stage.world().wait_for(PATIENCE, |world| (world.deliveries().len() >= count).then_some(()));
    assert!(all.await.is_some(), "{} of {count} deliveries", stage.world().deliveries().len());
    assert_eq!(stage.world().deliveries().len(), count, "and no further one");
}

#[tokio::test]
async fn a_delivery_is_signed_and_has_its_headers() {
    let (stage, bot) = with_bot().await;
    stage.issue("Ünicode \u{1f41b}");
    tried(&stage, 1).await;
    let (headers, body) = bot.sent.lock().unwrap()[0].clone();
    for (name, value) in [
        ("x-github-event", "issues"),
        ("content-type", "application/json"),
        ("x-github-hook-id", "530001"),
        ("x-github-hook-installation-target-type", "integration"),
        ("x-github-hook-installation-target-id", "424242"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(headers["user-agent"].to_str().unwrap().starts_with("GitHub-Hookshot/"));
    assert_eq!(headers["x-hub-signature-256"], keys::signature(seed::WEBHOOK_SECRET, &body));
    assert_eq!(headers["x-github-delivery"], stage.world().deliveries()[0].guid.as_str());
    let payload = bot.last();
    assert_eq!((&payload["action"], &payload["sender"]["login"]), (&json!("opened"), &json!("ann")));
    assert_eq!(
        (&payload["repository"]["full_name"], &payload["organization"]["login"]),
        (&json!("acme/shop"), &json!("acme"))
    );
    assert_eq!(payload["installation"]["id"], seed::INSTALLATION);
    assert_eq!(payload["issue"]["author_association"], "MEMBER");
}

#[tokio::test]
async fn all_that_people_do_is_told_in_order() {
    let (stage, bot) = with_bot().await;
    stage.act("eve", json!({"do": "open_issue", "title": "a", "labels": ["bug"]}));
    stage.act("ann", json!({"do": "open_issue", "title": "b", "labels": ["bug"], "assignees": ["bob"]}));
    stage.act("cleo", json!({"do": "label", "number": 1, "labels": ["bug", "fresh"]}));
    stage.act("cleo", json!({"do": "unlabel", "number": 1, "labels": ["bug"]}));
    stage.act("eve", json!({"do": "edit", "number": 1, "title": "c"}));
    let id = stage.act("eve", json!({"do": "comment", "number": 1, "text": "x"}))["comment"].clone();
    stage.act("eve", json!({"do": "edit_comment", "id": id, "text": "y"}));
    stage.act("eve", json!({"do": "edit_comment", "id": id, "text": "y"}));
    stage.act("ann", json!({"do": "react", "comment": id, "content": "eyes"}));
    stage.act("ann", json!({"do": "delete_comment", "id": id}));
    stage.act("cleo", json!({"do": "close", "number": 1}));
    stage.act("cleo", json!({"do": "close", "number": 1}));
    stage.act("eve", json!({"do": "reopen", "number": 1}));
    stage.act("ann", json!({"do": "set_milestone", "number": 1, "title": "1.0"}));
    stage.act("bob", json!({"do": "open_pull", "title": "p", "files": {"a": "b"}, "head": "topic"}));
    stage.act("bob", json!({"do": "push", "branch": "topic", "files": {"a": null}}));
    stage.act("ann", json!({"do": "review", "number": 3, "path": "a", "line_text": "z"}));
    stage.act("ann", json!({"do": "merge", "number": 3}));
    stage.act("ann", json!({"do": "ping"}));
    stage.act(
        "ann",
        json!({"do": "event", "event": "release", "action": "published", "fields": {"release": {"id": 1}}}),
    );
    stage.act("ann", json!({"do": "event", "event": "fork", "fields": {}}));
    stage.act("ann", json!({"do": "choose", "chosen": false}));
    stage.act("ann", json!({"do": "comment", "number": 1, "text": "unheard"}));
    stage.act("ann", json!({"do": "choose", "chosen": true}));
    stage.act("ann", json!({"do": "suspend", "suspended": true}));
    stage.act("ann", json!({"do": "comment", "number": 1, "text": "unheard"}));
    stage.act("ann", json!({"do": "suspend", "suspended": false}));
    stage.act("ann", json!({"do": "uninstall"}));
    stage.act("ann", json!({"do": "install"}));
    let expected = [
        "issues.opened",
        "issues.opened",
        "issues.labeled",
        "issues.assigned",
        "issues.labeled",
        "label.created",
        "issues.labeled",
        "issues.unlabeled",
        "issues.edited",
        "issue_comment.created",
        "issue_comment.edited",
        "issue_comment.deleted",
        "issues.closed",
        "issues.reopened",
        "milestone.created",
        "issues.milestoned",
        "push",
        "pull_request.opened",
        "push",
        "pull_request.synchronize",
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
        "pull_request.closed",
        "ping",
        "release.published",
        "installation_repositories.removed",
        "installation_repositories.added",
        "installation.suspend",
        "installation.unsuspend",
        "installation.deleted",
        "installation.created",
    ];
    tried(&stage, expected.len()).await;
    assert_eq!(bot.heard(), expected);
    assert_eq!(bot.last()["repositories"][0]["full_name"], "acme/shop");
}

#[tokio::test]
async fn what_the_app_does_comes_back_to_it_as_its_own() {
    let (stage, bot) = with_bot().await;
    let number = stage.issue("x");
    let at = format!("repos/acme/shop/issues/{number}");
    let made = stage.call("POST", &format!("{at}/comments"), json!({"body": "hello"})).await.body["id"].clone();
    stage.call("PATCH", &format!("repos/acme/shop/issues/comments/{made}"), json!({"body": "again"})).await;
    stage.call("POST", &format!("{at}/labels"), json!({"labels": ["bug"]})).await;
    stage.call("POST", &format!("{at}/labels"), json!({"labels": ["bug"]})).await;
    stage.call("POST", &format!("{at}/reactions"), json!({"content": "eyes"})).await;
    stage.call("PATCH", &at, json!({"state": "closed"})).await;
    tried(&stage, 5).await;
    let heard = bot.heard();
    assert_eq!(heard[1..], ["issue_comment.created", "issue_comment.edited", "issues.labeled", "issues.closed"]);
    for (_, body) in &bot.sent.lock().unwrap()[1..] {
        let payload: Value = serde_json::from_slice(body).unwrap();
        assert_eq!((&payload["sender"]["login"], &payload["sender"]["type"]), (&json!("ai-crm[bot]"), &json!("Bot")));
    }
    let created: Value = serde_json::from_slice(&bot.sent.lock().unwrap()[1].1).unwrap();
    assert_eq!(created["comment"]["performed_via_github_app"]["id"], seed::APP_ID);
    assert_eq!(created["comment"]["user"]["type"], "Bot");
    let edited: Value = serde_json::from_slice(&bot.sent.lock().unwrap()[2].1).unwrap();
    assert_eq!(edited["changes"]["body"]["from"], "hello");
}

#[tokio::test]
async fn nothing_is_sent_again_until_it_is_asked_for_and_then_with_the_same_guid() {
    let (stage, bot) = with_bot().await;
    *bot.status.lock().unwrap() = 503;
    stage.issue("refused");
    tried(&stage, 1).await;
    stage.world().set_hook(|hook| hook.way = Way::Dropped);
    stage.issue("dropped");
    tried(&stage, 2).await;
    stage.world().set_hook(|hook| hook.way = Way::Swallowed);
    stage.issue("swallowed");
    tried(&stage, 3).await;
    stage.world().set_hook(|hook| hook.way = Way::Open);
    *bot.status.lock().unwrap() = 200;
    assert_eq!(bot.heard().len(), 1);

    let list = async |query: &str| {
        let path = format!("app/hook/deliveries{query}");
        stage.by(&stage.jwt(), "GET", &path, Value::Null).await
    };
    let all = list("").await;
    let ends: Vec<&Value> = all.body.as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(ends, ["OK", "failed to connect to host", "Invalid HTTP Response: 503"], "the newest first");
    let page = list("?per_page=2").await;
    let link = page.header("link");
    let cursor = link.split("cursor=").nth(1).and_then(|rest| rest.split(['&', '>']).next()).unwrap();
    assert!(link.ends_with("rel=\"next\""), "{link}");
    let rest = list(&format!("?per_page=2&cursor={cursor}")).await;
    assert_eq!((rest.body.as_array().map(Vec::len), rest.header("link")), (Some(1), ""));
    let oldest = rest.body[0].clone();
    assert_eq!(list("?cursor=x").await.status, 422);

    let one = format!("app/hook/deliveries/{}", oldest["id"]);
    let whole = stage.by(&stage.jwt(), "GET", &one, Value::Null).await;
    assert_eq!(whole.body["request"]["payload"]["issue"]["title"], "refused");
    assert_eq!(whole.body["request"]["headers"]["X-GitHub-Delivery"], oldest["guid"]);
    for expected in [202, 202] {
        assert_eq!(stage.by(&stage.jwt(), "POST", &format!("{one}/attempts"), Value::Null).await.status, expected);
    }
    tried(&stage, 5).await;
    let again = list("?redelivery=true").await;
    let same = |one: &Value| one["guid"] == oldest["guid"] && one["status"] == "OK" && one["id"] != oldest["id"];
    assert!(again.body.as_array().unwrap().len() == 2 && again.body.as_array().unwrap().iter().all(same));
    let bodies: Vec<Bytes> = bot.sent.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!((&bodies[1], &bodies[2]), (&bodies[0], &bodies[0]), "the same bytes");
    assert_eq!(stage.by(&stage.jwt(), "POST", "app/hook/deliveries/1/attempts", Value::Null).await.status, 404);

    stage.clock.advance(3 * 24 * 3_600_000 - 1);
    assert_eq!(list("").await.body.as_array().map(Vec::len), Some(5));
    stage.clock.advance(1);
    assert_eq!(list("").await.body, json!([]), "three days are kept");
}

#[tokio::test]
async fn deliveries_suffer_where_faults_name_them_and_in_an_outage() {
    let (stage, bot) = with_bot().await;
    stage.world().set_faults(Faults { server_error: 1.0, ..Faults::default() });
    stage.issue("not named");
    tried(&stage, 1).await;
    assert!(stage.world().deliveries()[0].is_taken());
    let methods = vec!["webhook".to_owned()];
    let script = [Fate::LostAnswer, Fate::Refused, Fate::ServerError].into();
    stage.world().set_faults(Faults { methods, script, ..Faults::default() });
    for title in ["lost", "refused", "between"] {
        stage.issue(title);
    }
    tried(&stage, 4).await;
    let ends: Vec<String> = stage.world().deliveries()[1..].iter().map(|one| one.status.clone()).collect();
    assert_eq!(ends, ["timed out", "failed to connect to host", "Invalid HTTP Response: 503"]);
    assert_eq!(bot.heard().len(), 2, "what was lost has arrived all the same");
    stage.world().set_faults(Faults { outage: true, ..Faults::default() });
    stage.issue("down");
    tried(&stage, 5).await;
    assert!(!stage.world().deliveries()[4].is_taken());
    stage.world().set_faults(Faults::default());
    stage.world().set_hook(|hook| hook.deadline = Duration::from_millis(1));
    stage.world().set_hook(|hook| hook.url = Some("http://127.0.0.1:9/none".to_owned()));
    stage.issue("nobody");
    tried(&stage, 6).await;
    assert!(!stage.world().deliveries()[5].is_taken());
}

#[tokio::test]
async fn people_act_by_the_control_routes_and_see_what_came_of_it() {
    let (stage, bot) = with_bot().await;
    let act = |more: Value| {
        let mut wanted = json!({"user": "ann", "repository": "acme/shop"});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wanted
    };
    let opened = stage.control("send", act(json!({"do": "open_issue", "title": "t", "as": "twice"}))).await;
    assert_eq!((&opened["made"]["number"], &opened["answers"][0]["status"]), (&json!(1), &json!(200)));
    tried(&stage, 2).await;
    assert_eq!(stage.world().deliveries()[0].guid, stage.world().deliveries()[1].guid);
    stage.control("send", act(json!({"do": "comment", "number": 1, "text": "x", "as": "wrong-signature"}))).await;
    let (headers, body) = bot.sent.lock().unwrap().last().unwrap().clone();
    assert!(headers["x-hub-signature-256"] != keys::signature(seed::WEBHOOK_SECRET, &body).as_str());
    let refused = stage.control("send", act(json!({"do": "comment", "number": 9, "text": "x"}))).await;
    assert!(refused["error"].as_str().unwrap().contains("no issue or pull request 9"));
    let id = stage.world().deliveries()[0].id;
    let again = stage.control("redeliver", json!({"id": id})).await;
    assert_eq!(again["answers"][0]["taken"], true);
    assert!(stage.control("redeliver", json!({"id": 1})).await["error"].is_string());
    assert!(
        stage.control("role", json!({"repository": "acme/shop", "login": "eve", "role": "admin"})).await["ok"] == true
    );
    let hook = stage.control("hook", json!({"way": "dropped", "deadline_ms": 50})).await;
    assert_eq!((&hook["hook"]["way"], hook["hook"]["url"].is_string()), (&json!("dropped"), true));

    let look = async |path: &str| -> Value {
        let request = stage.http.get(format!("{}_sim/{path}", stage.sim.api_url()));
        request.send().await.unwrap().json().await.unwrap()
    };
    let seen = look("show?repository=acme/shop&number=1").await;
    assert!(seen["shown"].as_str().unwrap().starts_with("acme/shop #1  t\n"));
    let messages = look("messages?repository=acme/shop&number=1").await;
    assert_eq!(
        (messages["messages"].as_array().map(Vec::len), &messages["messages"][1]["by_bot"]),
        (Some(2), &json!(false))
    );
    let state = look("state").await;
    assert!(state["app"]["webhook_secret"].is_null() && state["app"]["public_key"].is_null());
    let before = stage.world().deliveries().last().map(|one| one.id);
    stage.control("reset", json!({})).await;
    assert!(stage.world().issue("acme/shop", 1).is_none() && stage.world().hook().url.is_some());
    stage.world().set_hook(|hook| hook.way = Way::Open);
    stage.issue("new");
    tried(&stage, 1).await;
    assert!(stage.world().deliveries().last().map(|one| one.id) > before, "ids go on");
}
