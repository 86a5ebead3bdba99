//! What happens to the files of a repository: commits, branches, and which files a pull request changes.
//!
//! A commit here is all its files. Names of objects are Git's for files, and of the same kind for commits.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::issue::Pull;
use super::super::keys;
use super::super::repository::{Commit, Files, Repository};
use super::super::shape::{self, time};
use super::super::state::State;
use super::{Scene, pulls, tell};
use crate::domain::time::Timestamp;

/// The commit that is before the first.
const NONE: &str = "0000000000000000000000000000000000000000";

/// Gives a repository its first commit.
pub(in super::super) fn begin(repository: &mut Repository, now: Timestamp) {
    let files = Files::from([("README.md".to_owned(), format!("# {}\n", repository.name()).into_bytes())]);
    let (author, branch) = (repository.owner, repository.default_branch.clone());
    commit(repository, &branch, files, "Begin", author, now);
}

/// Puts a commit on a branch; gives its name.
fn commit(
    repository: &mut Repository,
    branch: &str,
    files: Files,
    message: &str,
    author: u64,
    now: Timestamp,
) -> String {
    let parent = repository.branches.get(branch).cloned();
    let mut text = format!("parent {parent:?}\nauthor {author} {}\nof {}\n\n{message}\n", now.0, repository.id);
    for (path, content) in &files {
        text.push_str(&format!("{path} {}\n", keys::object("blob", content)));
    }
    let sha = keys::object("commit", text.as_bytes());
    let made = Commit { parent, message: message.to_owned(), files: Arc::new(files), author, at: now };
    repository.commits.insert(sha.clone(), made);
    repository.branches.insert(branch.to_owned(), sha.clone());
    sha
}

/// Pushes changed files to a branch, which begins at the default branch where it is new; a file without content goes.
/// Gives the commit's name.
pub(in super::super) fn push(
    state: &mut State,
    scene: Scene,
    branch: &str,
    message: &str,
    changed: &[(String, Option<Vec<u8>>)],
) -> Option<String> {
    let repository = state.repositories.get_mut(&scene.repository)?;
    let known = repository.branches.get(branch).cloned();
    let start = known.clone().or_else(|| repository.branches.get(&repository.default_branch).cloned());
    let mut files = start.as_ref().and_then(|sha| repository.commits.get(sha));
    let mut files = files.take().map(|commit| commit.files.as_ref().clone()).unwrap_or_default();
    let (mut added, mut modified, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (path, content) in changed {
        let before = match content {
            Some(content) => files.insert(path.clone(), content.clone()),
            None => files.remove(path),
        };
        match (before, content) {
            (_, None) => removed.push(path),
            (Some(_), Some(_)) => modified.push(path),
            (None, Some(_)) => added.push(path),
        }
    }
    if known.is_none()
        && let Some(start) = start
    {
        repository.branches.insert(branch.to_owned(), start);
    }
    let after = commit(repository, branch, files, message, scene.actor, scene.now);
    let before = known.clone().unwrap_or_else(|| NONE.to_owned());
    let (login, base) = (shape::login(state, scene.actor), state.base_url.clone());
    let full_name = state.repositories.get(&scene.repository)?.full_name.clone();
    let person = json!({ "name": login, "email": format!("{login}@users.noreply.github.com"), "username": login });
    let head = json!({
        "id": after, "tree_id": keys::object("tree", after.as_bytes()), "distinct": true, "message": message,
        "timestamp": time(scene.now), "url": format!("{base}/{full_name}/commit/{after}"), "author": person,
        "committer": person, "added": added, "removed": removed, "modified": modified,
    });
    let fields = json!({
        "ref": format!("refs/heads/{branch}"), "before": before, "after": after, "created": known.is_none(),
        "deleted": false, "forced": false, "base_ref": null, "commits": [head], "head_commit": head,
        "compare": format!("{base}/{full_name}/compare/{before}...{after}"),
        "pusher": { "name": login, "email": person["email"] },
    });
    tell(state, scene, "push", None, fields);
    pulls::synchronize(state, scene, branch, &before, &after);
    Some(after)
}

/// What a pull request from one branch into another begins with. `None` where there is no such branch.
pub(in super::super) fn pull(repository: &Repository, id: u64, head: &str, base: &str, draft: bool) -> Option<Pull> {
    Some(Pull {
        id,
        head: head.to_owned(),
        base: base.to_owned(),
        head_sha: repository.branches.get(head)?.clone(),
        base_sha: repository.branches.get(base)?.clone(),
        draft,
        merged_at: None,
        merged_by: None,
        reviewers: Vec::new(),
        teams: Vec::new(),
        reviews: Vec::new(),
    })
}

/// What a merge of a pull request pushes: each file that it changes, as it is in its head; without content where it goes.
pub(in super::super) fn merged(repository: &Repository, pull: &Pull) -> Vec<(String, Option<Vec<u8>>)> {
    let (before, after) = (files_of(repository, &pull.base_sha), files_of(repository, &pull.head_sha));
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    differ.map(|path| (path.clone(), after.get(path).cloned())).collect()
}

/// The files of a commit; none where there is no such commit.
fn files_of(repository: &Repository, sha: &str) -> Arc<Files> {
    repository.commits.get(sha).map(|commit| commit.files.clone()).unwrap_or_default()
}

/// The files that a pull request changes, in the order of their names.
pub(in super::super) fn changed(state: &State, repository: &Repository, pull: &Pull) -> Vec<Value> {
    let (before, after) = (files_of(repository, &pull.base_sha), files_of(repository, &pull.head_sha));
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    let shown = differ.map(|path| {
        let (old, new) = (before.get(path), after.get(path));
        let lines = |content: Option<&Vec<u8>>| {
            content.map_or(0, |content| String::from_utf8_lossy(content).lines().count())
        };
        let status = match (old, new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "modified",
        };
        let (added, removed) = (lines(new), lines(old));
        let (base, name, sha) = (&state.base_url, &repository.full_name, &pull.head_sha);
        json!({
            "sha": keys::object("blob", new.or(old).map(Vec::as_slice).unwrap_or_default()), "filename": path,
            "status": status, "additions": added, "deletions": removed, "changes": added + removed,
            "blob_url": format!("{base}/{name}/blob/{sha}/{path}"), "raw_url": format!("{base}/{name}/raw/{sha}/{path}"),
            "contents_url": format!("{base}/repos/{name}/contents/{path}?ref={sha}"),
            "patch": format!("@@ -1,{removed} +1,{added} @@"),
        })
    });
    shown.collect()
}
