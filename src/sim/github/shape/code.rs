//! Files, check runs and statuses as GitHub's JSON.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::super::keys;
use super::super::repository::{CheckRun, Files, Repository, Status};
use super::super::state::State;
use super::{account, app, node, time};

/// Largest file whose content is in the answer, in bytes (docs.github.com/rest/repos/contents#get-repository-content).
const MOST_BYTES: usize = 1024 * 1024;
/// Letters in a line of base64.
const LINE: usize = 60;

/// What a file and a folder have alike.
fn entry(state: &State, of: &Repository, at: &str, path: &str, kind: &str, sha: &str, size: usize) -> Value {
    let (base, name) = (&state.base_url, &of.full_name);
    let url = format!("{base}/repos/{name}/contents/{path}?ref={at}");
    let (git, page) = match kind {
        "file" => (format!("{base}/repos/{name}/git/blobs/{sha}"), format!("{base}/{name}/blob/{at}/{path}")),
        _ => (format!("{base}/repos/{name}/git/trees/{sha}"), format!("{base}/{name}/tree/{at}/{path}")),
    };
    json!({
        "name": path.rsplit('/').next(), "path": path, "sha": sha, "size": size, "url": url, "html_url": page,
        "git_url": git, "type": kind,
        "download_url": (kind == "file").then(|| format!("{base}/{name}/raw/{at}/{path}")),
        "_links": { "self": url, "git": git, "html": page },
    })
}

/// A file with its content.
pub(in super::super) fn content(state: &State, of: &Repository, at: &str, path: &str, content: &[u8]) -> Value {
    let mut shown = entry(state, of, at, path, "file", &keys::object("blob", content), content.len());
    if content.len() > MOST_BYTES {
        (shown["content"], shown["encoding"]) = (json!(""), json!("none"));
        return shown;
    }
    let mut lines = String::new();
    let encoded = BASE64.encode(content);
    for line in encoded.as_bytes().chunks(LINE) {
        lines.push_str(&String::from_utf8_lossy(line));
        lines.push('\n');
    }
    (shown["content"], shown["encoding"]) = (json!(lines), json!("base64"));
    shown
}

/// What stands in a folder; nothing where there is no such folder.
pub(in super::super) fn folder(
    state: &State,
    of: &Repository,
    at: &str,
    path: &str,
    files: &Files,
) -> Option<Vec<Value>> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut shown: Vec<Value> = Vec::new();
    for (file, content) in files {
        let Some(below) = file.strip_prefix(&prefix) else { continue };
        match below.split_once('/') {
            None => {
                shown.push(entry(state, of, at, file, "file", &keys::object("blob", content), content.len()));
            }
            Some((name, _)) => {
                let path = format!("{prefix}{name}");
                if !shown.iter().any(|known| known["path"] == path) {
                    shown.push(entry(state, of, at, &path, "dir", &keys::object("tree", path.as_bytes()), 0));
                }
            }
        }
    }
    (path.is_empty() || !shown.is_empty()).then_some(shown)
}

/// A check run.
pub(in super::super) fn check_run(state: &State, of: &Repository, run: &CheckRun) -> Value {
    let (base, name, id) = (&state.base_url, &of.full_name, run.id);
    let url = format!("{base}/repos/{name}/check-runs/{id}");
    let at_head = of.issues.values().filter_map(|issue| {
        let pull = issue.pull.as_ref().filter(|pull| issue.open && pull.head_sha == run.head_sha)?;
        let number = issue.number;
        let brief = json!({ "id": of.id, "url": format!("{base}/repos/{name}"), "name": of.name() });
        Some(json!({
            "id": pull.id, "number": number, "url": format!("{base}/repos/{name}/pulls/{number}"),
            "head": { "ref": pull.head, "sha": pull.head_sha, "repo": brief },
            "base": { "ref": pull.base, "sha": pull.base_sha, "repo": brief },
        }))
    });
    let output = json!({
        "title": run.output["title"], "summary": run.output["summary"], "text": run.output["text"],
        "annotations_count": run.annotations.len(), "annotations_url": format!("{url}/annotations"),
    });
    json!({
        "id": id, "node_id": node("CheckRun", id), "head_sha": run.head_sha, "external_id": run.external_id,
        "html_url": format!("{base}/{name}/runs/{id}"), "details_url": run.details_url, "status": run.status,
        "conclusion": run.conclusion, "started_at": run.started_at, "completed_at": run.completed_at, "output": output,
        "name": run.name, "check_suite": { "id": of.id + 1 }, "app": app(state), "url": url,
        "pull_requests": at_head.collect::<Vec<_>>(),
    })
}

/// A status of a commit.
pub(in super::super) fn status(state: &State, of: &Repository, status: &Status) -> Value {
    json!({
        "url": format!("{}/repos/{}/statuses/{}", state.base_url, of.full_name, status.sha), "id": status.id,
        "node_id": node("StatusContext", status.id), "state": status.state, "description": status.description,
        "target_url": status.target_url, "context": status.context, "avatar_url": null,
        "creator": account(state, status.creator), "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
    })
}
