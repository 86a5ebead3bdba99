//! The stand-in over real HTTP, as an App meets it.

mod doors;
mod pace;
mod towards_the_app;

use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use reqwest::header::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::super::clock::SetClock;
use super::super::fault::{Fate, Faults};
use super::account::{Kind, Role};
use super::*;

/// A JWT with these claims, signed by this key.
pub(super) fn signed(claims: &Value, private_key: &str) -> String {
    let body: String = private_key.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64.decode(body.as_bytes()).unwrap();
    let key = RsaKeyPair::from_der(&der).or_else(|_| RsaKeyPair::from_pkcs8(&der)).unwrap();
    let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
    let text = format!("{}.{}", encode(&json!({"alg": "RS256", "typ": "JWT"})), encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// A served world, an HTTP client, and a token of the installation.
struct Stage {
    sim: GitHubSim,
    clock: Arc<SetClock>,
    http: reqwest::Client,
    token: String,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

impl Stage {
    async fn set() -> Self {
        // Installed by whichever test comes first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = SetClock::new();
        let sim = GitHubSim::start("127.0.0.1:0", GitHubWorld::new(App::default(), clock.clone())).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
        let mut stage = Self { sim, clock, http, token: String::new() };
        stage.token = stage.new_token(json!({})).await;
        stage
    }

    fn world(&self) -> &SharedWorld {
        self.sim.world()
    }

    fn jwt(&self) -> String {
        let now = self.world().now().as_seconds();
        signed(&json!({"iss": seed::APP_ID, "iat": now - 60, "exp": now + 540}), seed::PRIVATE_KEY)
    }

    async fn new_token(&self, narrowed: Value) -> String {
        let path = format!("app/installations/{}/access_tokens", seed::INSTALLATION);
        let made = self.by(&self.jwt(), "POST", &path, narrowed).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["token"].as_str().unwrap().to_owned()
    }

    /// A call by this proof.
    async fn by(&self, proof: &str, verb: &str, path: &str, body: Value) -> Answer {
        self.sent(self.request(verb, path).bearer_auth(proof), body).await
    }

    fn request(&self, verb: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(verb.parse().unwrap(), format!("{}{path}", self.sim.api_url()))
    }

    async fn sent(&self, request: reqwest::RequestBuilder, body: Value) -> Answer {
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(json!(text)) }
    }

    /// A call by the installation.
    async fn call(&self, verb: &str, path: &str, body: Value) -> Answer {
        self.by(&self.token, verb, path, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    /// Lets a person act in `acme/shop`.
    fn act(&self, who: &str, act: Value) -> Value {
        self.world().act(who, "acme/shop", serde_json::from_value(act).unwrap()).unwrap().made
    }

    fn refused(&self, who: &str, act: Value) -> String {
        self.world().act(who, "acme/shop", serde_json::from_value(act).unwrap()).unwrap_err().to_string()
    }

    /// An issue of Ann's.
    fn issue(&self, title: &str) -> u64 {
        self.act("ann", json!({"do": "open_issue", "title": title}))["number"].as_u64().unwrap()
    }

    async fn control(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}_sim/{path}", self.sim.api_url())).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// The words of those who broke a rule.
fn broken(stage: &Stage) -> Vec<String> {
    stage.world().violations().into_iter().map(|violation| violation.error).collect()
}

#[tokio::test]
async fn issues_are_made_changed_listed_and_gone() {
    let stage = Stage::set().await;
    let body = json!({
        "title": "It does not start", "body": "why?", "labels": ["Bug", "new one"], "assignees": ["bob", "eve", "nobody"],
    });
    let made = stage.call("POST", "repos/acme/shop/issues", body).await;
    assert_eq!((made.status, &made.body["number"]), (201, &json!(1)));
    assert_eq!(made.body["labels"][0]["name"], "bug", "by its own name");
    assert_eq!((&made.body["user"]["login"], &made.body["user"]["type"]), (&json!("ai-crm[bot]"), &json!("Bot")));
    assert_eq!(made.body["performed_via_github_app"]["slug"], "ai-crm");
    let assigned: Vec<&Value> = made.body["assignees"].as_array().unwrap().iter().map(|one| &one["login"]).collect();
    assert_eq!(assigned, ["bob"], "who cannot be assigned is dropped");

    for (body, part) in [
        (json!({}), "wasn't supplied"),
        (json!({"title": " "}), "missing_field"),
        (json!({"title": 5}), "5 is not a string"),
        (json!({"title": "x".repeat(257)}), "title is too long"),
        (json!({"title": "x", "body": "ä".repeat(65_537)}), "body is too long (maximum is 65536 characters)"),
        (json!({"title": "x", "labels": "bug"}), "is not an array"),
        (json!({"title": "x", "milestone": 1}), "milestone"),
    ] {
        let refused = stage.call("POST", "repos/acme/shop/issues", body).await;
        assert!(refused.status == 422 && refused.body.to_string().contains(part), "{part}: {}", refused.body);
    }
    let longest = json!({"title": "x".repeat(256), "body": "ä".repeat(65_536)});
    assert_eq!(stage.call("POST", "repos/acme/shop/issues", longest).await.status, 201);
    let unread =
        stage.sent(stage.request("POST", "repos/acme/shop/issues").bearer_auth(&stage.token).body("{"), Value::Null);
    assert_eq!(unread.await.message(), "Problems parsing JSON");

    let patch = async |body: Value| stage.call("PATCH", "repos/acme/shop/issues/1", body).await;
    let closed = patch(json!({"state": "closed", "state_reason": "not_planned", "labels": ["wontfix"]})).await;
    assert_eq!((&closed.body["state"], &closed.body["state_reason"]), (&json!("closed"), &json!("not_planned")));
    assert_eq!(
        (&closed.body["labels"][0]["name"], closed.body["labels"].as_array().map(Vec::len)),
        (&json!("wontfix"), Some(1))
    );
    assert_eq!(closed.body["closed_by"]["login"], "ai-crm[bot]");
    let open = patch(json!({"state": "open", "title": "Starts", "body": null, "assignees": []})).await;
    assert_eq!((&open.body["state_reason"], &open.body["title"]), (&json!("reopened"), &json!("Starts")));
    assert!(open.body["body"].is_null() && open.body["assignee"].is_null());
    assert_eq!(patch(json!({"state": "done"})).await.status, 422);
    stage.act("ann", json!({"do": "set_milestone", "number": 1, "title": "1.0"}));
    assert_eq!(stage.get("repos/acme/shop/milestones").await.body[0]["title"], "1.0");
    assert_eq!(patch(json!({"milestone": 1})).await.body["milestone"]["number"], 1);
    assert!(patch(json!({"milestone": null})).await.body["milestone"].is_null());

    let bare = stage.call("DELETE", "repos/acme/shop/issues/1/labels/absent", Value::Null).await;
    assert_eq!((bare.status, bare.message()), (404, "Label does not exist"));
    let put = stage.call("POST", "repos/acme/shop/issues/1/labels", json!(["bug"])).await;
    assert_eq!(put.body.as_array().map(Vec::len), Some(2));
    let left = stage.call("DELETE", "repos/acme/shop/issues/1/labels/wontfix", Value::Null).await;
    assert_eq!((left.status, &left.body[0]["name"]), (200, &json!("bug")));
    let more = stage.call("POST", "repos/acme/shop/issues/1/assignees", json!({"assignees": ["dan", "eve"]})).await;
    assert_eq!((more.status, &more.body["assignees"][0]["login"]), (201, &json!("dan")));
    assert_eq!(stage.get("repos/acme/shop/issues?labels=bug&state=all").await.body.as_array().map(Vec::len), Some(1));

    stage.act("ann", json!({"do": "delete_issue", "number": 1}));
    let gone = stage.get("repos/acme/shop/issues/1").await;
    assert_eq!((gone.status, gone.message()), (410, "This issue was deleted"));
}

#[tokio::test]
async fn comments_and_reactions_are_written_changed_and_found_again() {
    let stage = Stage::set().await;
    let number = stage.issue("x");
    let at = format!("repos/acme/shop/issues/{number}/comments");
    let made = stage.call("POST", &at, json!({"body": "<!-- ai-crm:1 -->\nhello"})).await;
    assert_eq!(made.status, 201);
    let id = made.body["id"].as_u64().unwrap();
    let one = format!("repos/acme/shop/issues/comments/{id}");
    stage.clock.advance(5000);
    let since = "2023-11-14T22:13:25Z";
    assert_eq!(stage.get(&format!("{at}?since={since}")).await.body, json!([]));
    let changed = stage.call("PATCH", &one, json!({"body": "again"})).await;
    assert_eq!((changed.status, &changed.body["updated_at"]), (200, &json!(since)));
    assert_eq!(stage.get(&format!("{at}?since={since}")).await.body[0]["id"], id);
    assert!(stage.world().comments("acme/shop", number)[0].is_edited());
    for body in [json!({}), json!({"body": ""}), json!({"body": "\u{1f41b}".repeat(65_537)}), json!({"body": 1})] {
        assert_eq!(stage.call("POST", &at, body).await.status, 422);
    }
    let most = json!({"body": "\u{1f41b}".repeat(65_536)});
    assert_eq!(stage.call("POST", &at, most).await.status, 201, "characters are counted, not bytes");

    let of_ann = stage.act("ann", json!({"do": "comment", "number": number, "text": "mine"}))["comment"].clone();
    let hers = format!("repos/acme/shop/issues/comments/{of_ann}");
    assert_eq!(stage.call("PATCH", &hers, json!({"body": "not mine"})).await.status, 403);
    for (status, content) in [(201, "eyes"), (200, "eyes"), (201, "+1"), (422, "thumbsup")] {
        let reacted = stage.call("POST", &format!("{hers}/reactions"), json!({"content": content})).await;
        assert_eq!(reacted.status, status, "{content}: {}", reacted.body);
    }
    let shown = stage.get(&hers).await;
    assert_eq!((&shown.body["reactions"]["eyes"], &shown.body["reactions"]["total_count"]), (&json!(1), &json!(2)));
    let listed = stage.get(&format!("{hers}/reactions?content=eyes")).await;
    let reaction = listed.body[0]["id"].as_u64().unwrap();
    let gone = stage.call("DELETE", &format!("{hers}/reactions/{reaction}"), Value::Null).await;
    assert_eq!(gone.status, 204);
    let to_issue = format!("repos/acme/shop/issues/{number}/reactions");
    assert_eq!(stage.call("POST", &to_issue, json!({"content": "rocket"})).await.status, 201);
    assert_eq!(stage.call("DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(stage.get(&one).await.status, 404);
    let shown = stage.world().show("acme/shop", number, 80).unwrap();
    assert!(shown.contains("+1 by ai-crm[bot]") && shown.contains("rocket by"), "{shown}");
}

#[tokio::test]
async fn lists_come_in_pages_and_what_is_unchanged_costs_nothing() {
    let stage = Stage::set().await;
    let number = stage.issue("x");
    for text in 0..65 {
        stage.act("bob", json!({"do": "comment", "number": number, "text": format!("comment {text}")}));
    }
    let first = stage.get("repos/acme/shop/issues/1/comments?per_page=30").await;
    assert_eq!(first.body.as_array().map(Vec::len), Some(30));
    let link = first.header("link");
    assert!(
        link.contains("page=2&per_page=30>; rel=\"next\"") && link.contains("page=3&per_page=30>; rel=\"last\""),
        "{link}"
    );
    let last = stage.get("repos/acme/shop/issues/1/comments?per_page=30&page=3").await;
    assert_eq!((last.body.as_array().map(Vec::len), last.header("link").contains("next")), (Some(5), false));

    let used = |answer: &Answer| answer.header("x-ratelimit-used").parse::<u64>().unwrap();
    let request = stage.request("GET", "repos/acme/shop/contents/README.md").bearer_auth(&stage.token);
    let whole = stage.sent(request, Value::Null).await;
    let text = whole.body["content"].as_str().unwrap().replace('\n', "");
    assert_eq!(BASE64.decode(text.as_bytes()).unwrap(), b"# shop\n");
    let before = used(&whole);
    for (tag, status) in [(whole.header("etag"), 304), ("\"other\"", 200)] {
        let request = stage.request("GET", "repos/acme/shop/contents/README.md").bearer_auth(&stage.token);
        let again = stage.sent(request.header("if-none-match", tag), Value::Null).await;
        assert_eq!((again.status, used(&again)), (status, before + u64::from(status == 200)));
    }
    stage.act("bob", json!({"do": "push", "files": {"README.md": "changed", "docs/a/b.md": "b", "docs/c.md": "c"}}));
    let request = stage.request("GET", "repos/acme/shop/contents/README.md").bearer_auth(&stage.token);
    let changed = stage.sent(request.header("if-none-match", whole.header("etag")), Value::Null).await;
    assert_eq!(changed.status, 200);
    assert!(used(&changed) > before && changed.header("x-ratelimit-limit") == "5000");
    let raw = stage.request("GET", "repos/acme/shop/contents/docs/c.md").bearer_auth(&stage.token);
    let raw = stage.sent(raw.header("accept", "application/vnd.github.raw+json"), Value::Null).await;
    assert_eq!(raw.body, json!("c"));
    let folder = stage.get("repos/acme/shop/contents/docs").await;
    let names: Vec<&Value> = folder.body.as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(names, ["dir", "file"]);
    for path in ["contents/.github/ai-crm.yml", "contents/README.md?ref=none", "contents/../vault"] {
        assert_eq!(stage.get(&format!("repos/acme/shop/{path}")).await.status, 404, "{path}");
    }
    assert_eq!(stage.get("repos/acme/shop/contents/").await.status, 200, "the root");
}

#[tokio::test]
async fn pull_requests_have_files_reviews_checks_and_statuses() {
    let stage = Stage::set().await;
    let files = json!({"a.py": "print()\n", "README.md": "other"});
    let number = stage.act("bob", json!({"do": "open_pull", "title": "Add", "files": files}))["number"].clone();
    let at = format!("repos/acme/shop/pulls/{number}");
    let pull = stage.get(&at).await;
    assert_eq!((&pull.body["changed_files"], &pull.body["base"]["ref"]), (&json!(2), &json!("main")));
    let changed = stage.get(&format!("{at}/files?per_page=1&page=2")).await;
    assert_eq!((&changed.body[0]["filename"], &changed.body[0]["status"]), (&json!("a.py"), &json!("added")));
    let as_issue = stage.get(&format!("repos/acme/shop/issues/{number}")).await;
    assert!(as_issue.body["pull_request"]["url"].as_str().unwrap().ends_with(&format!("/pulls/{number}")));

    for (body, status, part) in [
        (json!({"reviewers": ["bob"]}), 422, "from pull request author"),
        (json!({"reviewers": ["ann", "eve"]}), 422, "only be requested from collaborators"),
        (json!({"reviewers": ["ann"], "team_reviewers": ["core"]}), 201, "core"),
    ] {
        let answer = stage.call("POST", &format!("{at}/requested_reviewers"), body).await;
        assert!(answer.status == status && answer.body.to_string().contains(part), "{}", answer.body);
    }
    let review = json!({
        "do": "review", "number": number, "verdict": "approved", "text": "fine", "path": "a.py", "line": 1,
        "line_text": "/ai-crm help",
    });
    stage.act("ann", review);
    assert_eq!(stage.get(&format!("{at}/reviews")).await.body[0]["state"], "APPROVED");
    assert_eq!(stage.get(&at).await.body["requested_reviewers"], json!([]), "she has answered");
    let on_line = stage.get(&format!("{at}/comments")).await.body[0]["id"].clone();
    let reactions = format!("repos/acme/shop/pulls/comments/{on_line}/reactions");
    assert_eq!(stage.call("POST", &reactions, json!({"content": "eyes"})).await.status, 201);

    let sha = pull.body["head"]["sha"].as_str().unwrap();
    let note = |line: u64| json!({"path": "a.py", "start_line": line, "end_line": line, "annotation_level": "failure", "message": "no"});
    let run = |notes: u64| {
        json!({
            "name": "ai-crm", "head_sha": sha, "status": "completed", "conclusion": "failure", "external_id": "e-1",
            "output": {"title": "t", "summary": "s", "annotations": (1..=notes).map(note).collect::<Vec<_>>()},
        })
    };
    let refused = stage.call("POST", "repos/acme/shop/check-runs", run(51)).await;
    assert!(refused.status == 422 && refused.message().contains("No more than 50 items are allowed; 51 were supplied"));
    let made = stage.call("POST", "repos/acme/shop/check-runs", run(50)).await;
    assert_eq!((made.status, &made.body["pull_requests"][0]["number"]), (201, &number));
    let id = made.body["id"].as_u64().unwrap();
    let more = json!({"output": {"title": "t", "summary": "s", "annotations": [note(51)]}});
    let more = stage.call("PATCH", &format!("repos/acme/shop/check-runs/{id}"), more).await;
    assert_eq!((more.status, &more.body["output"]["annotations_count"]), (200, &json!(51)));
    for broken in [
        json!({"name": "x", "head_sha": "f".repeat(40)}),
        json!({"name": "x", "head_sha": sha, "status": "completed"}),
        json!({"name": "x", "head_sha": sha, "status": "done"}),
        json!({"name": "x", "head_sha": sha, "output": {"title": "t"}}),
        json!({"name": "x", "head_sha": sha, "output": {"title": "t", "summary": "s".repeat(65_536)}}),
        json!({"name": "x", "head_sha": sha, "output": {"title": "t", "summary": "s", "annotations": [{}]}}),
    ] {
        assert_eq!(stage.call("POST", "repos/acme/shop/check-runs", broken.clone()).await.status, 422, "{broken}");
    }
    let found = stage.get(&format!("repos/acme/shop/commits/{sha}/check-runs")).await;
    assert_eq!((&found.body["total_count"], &found.body["check_runs"][0]["external_id"]), (&json!(1), &json!("e-1")));

    let status = |length: usize| json!({"state": "success", "context": "ai-crm", "description": "d".repeat(length)});
    let path = format!("repos/acme/shop/statuses/{sha}");
    assert_eq!(stage.call("POST", &path, status(140)).await.status, 201);
    assert_eq!(stage.call("POST", &path, status(141)).await.status, 422);
    assert_eq!(stage.call("POST", &path, json!({"state": "fine"})).await.status, 422);
    let shown = stage.world().show("acme/shop", number.as_u64().unwrap(), 100).unwrap();
    for part in
        ["added a.py", "ann approved fine", "check ai-crm: failure t", "a.py:51 failure: no", "status ai-crm: success"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[tokio::test]
async fn workflows_are_dispatched_where_and_with_what_they_declare() {
    let stage = Stage::set().await;
    for (workflow, body, status, part) in [
        ("none.yml", json!({"ref": "main"}), 404, "Not Found"),
        ("deploy.yml", json!({}), 422, "\"ref\" wasn't supplied"),
        ("deploy.yml", json!({"ref": "none"}), 422, "No ref found for: none"),
        ("deploy.yml", json!({"ref": "main", "inputs": {"x": "1"}}), 422, "Unexpected inputs provided: [\"x\"]"),
        ("deploy.yml", json!({"ref": "refs/heads/main", "inputs": {"environment": "prod"}}), 204, ""),
    ] {
        let path = format!("repos/acme/shop/actions/workflows/{workflow}/dispatches");
        let answer = stage.call("POST", &path, body).await;
        assert!(answer.status == status && answer.message().contains(part), "{status} {}", answer.body);
    }
    let dispatched = stage.world().dispatches();
    assert_eq!((dispatched.len(), &dispatched[0].inputs), (1, &json!({"environment": "prod"})));
}

#[tokio::test]
async fn what_is_archived_locked_or_without_issues_says_so() {
    let stage = Stage::set().await;
    let number = stage.issue("x");
    stage.act("ann", json!({"do": "lock", "number": number, "locked": true}));
    assert!(
        stage
            .refused("eve", json!({"do": "comment", "number": number, "text": "x"}))
            .contains("it takes the role write")
    );
    let change = |archived: bool, has_issues: bool| {
        stage.world().change(|state, _| {
            let of = state.repositories.get_mut(&seed::SHOP).unwrap();
            (of.archived, of.has_issues) = (archived, has_issues);
        });
    };
    change(false, false);
    assert_eq!(stage.call("POST", "repos/acme/shop/issues", json!({"title": "x"})).await.status, 410);
    assert_eq!(stage.get(&format!("repos/acme/shop/issues/{number}")).await.status, 410);
    change(true, true);
    let archived = stage.call("POST", &format!("repos/acme/shop/issues/{number}/comments"), json!({"body": "x"})).await;
    assert_eq!((archived.status, archived.message()), (403, "Repository was archived so is read-only."));
    assert_eq!(stage.get(&format!("repos/acme/shop/issues/{number}")).await.status, 200);
}

#[tokio::test]
async fn it_answers_below_the_path_of_a_server_of_ones_own_too() {
    let stage = Stage::set().await;
    assert_eq!(stage.get("api/v3/repos/acme/shop").await.body["full_name"], "acme/shop");
    let faults =
        Faults { script: [Fate::LostAnswer, Fate::ServerError, Fate::RateLimited].into(), ..Faults::default() };
    let faults = Faults { methods: vec!["issues/create".to_owned()], retry_after_s: 7, ..faults };
    stage.world().set_faults(faults);
    let post = || stage.request("POST", "repos/acme/shop/issues").bearer_auth(&stage.token).body("{\"title\":\"x\"}");
    assert!(post().send().await.is_err(), "nobody is told");
    assert!(stage.world().issue("acme/shop", 1).is_some(), "and it is done");
    assert_eq!(post().send().await.unwrap().status(), 503);
    let limited = post().send().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert!(stage.world().issue("acme/shop", 2).is_none());
    assert_eq!(
        stage.world().calls()["issues/create"].keys().collect::<Vec<_>>(),
        ["answer_lost", "fault_429", "fault_503"]
    );
}
