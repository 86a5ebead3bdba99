//! GitHub, as cheaply as can be: signed deliveries of opened issues, and the endpoints that a bot calls, on the core of the
//! load.
//!
//! It checks nothing; that is what the tests are for. Every answer is the same object, which has what each call reads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::requests::{Pool, words};
use super::stand_in::serve;

/// The App, its key, which everybody may know, and the secret of its webhook.
const APP: u64 = 700;
const KEY: &str = include_str!("../../tests/data/github-app-key.pem");
const SECRET: &str = "a-webhook-secret-of-the-benchmark";
/// The organisation, where the App is installed.
const ORGANISATION: &str = "bench";
const INSTALLATION: u64 = 7;
/// People who open issues, and repositories in which they do.
const PEOPLE: u64 = 50;
const REPOSITORIES: u64 = 100;
/// Of so many issues one has the label that a rule is about.
pub(crate) const ONE_OF: u64 = 10;
/// Bytes of an issue's text, so that a delivery has about ten kilobytes, as GitHub's own examples have.
const BODY: usize = 5_000;

/// A running stand-in.
pub(crate) struct GitHub {
    base_url: String,
    calls: Arc<AtomicUsize>,
}

impl GitHub {
    /// Starts one.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/", listener.local_addr()?);
        let calls = Arc::new(AtomicUsize::new(0));
        let (counted, all) = (calls.clone(), answer().to_string());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (calls, all) = (counted.clone(), all.clone());
                tokio::spawn(async move {
                    let answer = |_: &[u8], _: &[u8]| {
                        calls.fetch_add(1, Ordering::Relaxed);
                        all.clone()
                    };
                    // A connection that breaks is the server's affair.
                    let _ = serve(stream, answer).await;
                });
            }
        });
        Ok(Self { base_url, calls })
    }

    /// The settings of a bot that speaks with it, and whose workflows are in a folder.
    pub(crate) fn settings(&self, workflows: &Path) -> Vec<(&'static str, String)> {
        vec![
            ("GITHUB_APP_ID", APP.to_string()),
            ("GITHUB_PRIVATE_KEY", KEY.to_owned()),
            ("GITHUB_WEBHOOK_SECRET", SECRET.to_owned()),
            ("GITHUB_API_URL", self.base_url.clone()),
            ("AI_CRM__CHANNELS__GITHUB__MESSAGE_PACE_MS", "0".to_owned()),
            ("AI_CRM__WORKFLOWS__FOLDER", workflows.display().to_string()),
        ]
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

/// What every call is answered with: of an App, a token, a user, a permission and a repository.
fn answer() -> Value {
    json!({
        "id": APP, "slug": "ai-crm", "owner": {"login": ORGANISATION}, "token": "bench",
        "expires_at": "2099-01-01T00:00:00Z", "login": "somebody", "type": "User", "permission": "write",
        "role_name": "write", "private": true,
    })
}

/// Makes and signs `count` deliveries of opened issues; their numbers begin at `first`.
pub(crate) fn opened(first: u64, count: usize) -> Pool {
    let key = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("invariant: any key will do");
    let mut pool = Pool::default();
    for number in first..first + count as u64 {
        let body = issue(number).to_string();
        let mut mac = key.clone();
        mac.update(body.as_bytes());
        let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
        let head = format!(
            "POST /api/github/webhooks HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             x-github-event: issues\r\nx-github-delivery: 6b6a7a5e-0000-4000-8000-{number:012}\r\n\
             x-hub-signature-256: sha256={signature}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        pool.push(&head, &body);
    }
    pool
}

/// An issue as GitHub tells of it.
fn issue(number: u64) -> Value {
    let (person, repository) = (number % PEOPLE, number % REPOSITORIES);
    let name = format!("repository-{repository}");
    let (full_name, login) = (format!("{ORGANISATION}/{name}"), format!("person-{person}"));
    let api = format!("https://api.github.com/repos/{full_name}");
    let page = format!("https://github.com/{full_name}");
    let account = |login: &str, id: u64, kind: &str| {
        let api = format!("https://api.github.com/users/{login}");
        json!({
            "login": login, "id": id, "node_id": "MDQ6VXNlcjE=", "avatar_url": "https://avatars.example/u/1?v=4",
            "gravatar_id": "", "url": api, "html_url": format!("https://github.com/{login}"),
            "followers_url": format!("{api}/followers"), "repos_url": format!("{api}/repos"),
            "events_url": format!("{api}/events{{/privacy}}"), "type": kind, "site_admin": false,
        })
    };
    let label = if number.is_multiple_of(ONE_OF) { "bug" } else { "question" };
    let links =
        ["hooks", "issues", "labels", "merges", "milestones", "notifications", "pulls", "releases", "stargazers"];
    let links: serde_json::Map<String, Value> =
        links.iter().map(|link| (format!("{link}_url"), json!(format!("{api}/{link}{{/number}}")))).collect();
    let mut of = json!({
        "id": 900_000 + repository, "node_id": "R_1", "name": name, "full_name": full_name, "private": true,
        "owner": account(ORGANISATION, 1, "Organization"), "html_url": page, "description": "a repository of the benchmark",
        "fork": false, "url": api, "default_branch": "main", "visibility": "private", "open_issues": 7,
    });
    of.as_object_mut().map(|of| of.extend(links)).unwrap_or_default();
    json!({
        "action": "opened",
        "issue": {
            "url": format!("{api}/issues/{number}"), "html_url": format!("{page}/issues/{number}"),
            "id": 5_000_000 + number, "node_id": "I_1", "number": number, "title": format!("Issue {number} of the benchmark"),
            "user": account(&login, 100 + person, "User"), "state": "open", "locked": false, "assignee": null,
            "labels": [{"id": 1, "name": label, "color": "d73a4a", "default": true, "description": "as they have it"}],
            "assignees": [], "milestone": null, "comments": 0, "created_at": "2026-11-26T10:00:00Z",
            "updated_at": "2026-11-26T10:00:00Z", "closed_at": null, "author_association": "MEMBER",
            "body": words(number, BODY),
        },
        "repository": of,
        "organization": {"login": ORGANISATION, "id": 1},
        "installation": {"id": INSTALLATION, "node_id": "MDI="},
        "sender": account(&login, 100 + person, "User"),
    })
}
