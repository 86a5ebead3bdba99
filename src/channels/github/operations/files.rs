//! `github.changed_files` and `github.file`: what a pull request changes, and what stands in a file.
//!
//! Calls: docs.github.com/rest/pulls/pulls, "list pull requests files", docs.github.com/rest/repos/contents, "get repository
//! content".

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Nothing, Scene};
use crate::channels::DeliverError;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::{file_path, refused, value};

/// Files of a page, GitHub's most.
const PAGE: usize = 100;
/// Files that GitHub lists at most.
const MOST_FILES: usize = 3000;

/// Output: `{files: [path], complete: bool}`. Of more than 3,000 files GitHub names no further one, and `complete` is false.
pub(super) async fn changed_files(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    #[derive(Deserialize)]
    struct File {
        filename: String,
    }
    #[derive(Deserialize)]
    struct PullRequest {
        changed_files: usize,
    }
    let Nothing {} = scene.args()?;
    let mut files = Vec::new();
    for page in 1..=MOST_FILES / PAGE {
        let path = scene.pull_request(&format!("/files?per_page={PAGE}&page={page}"))?;
        let all: Vec<File> = scene.read(path).await?;
        let is_last = all.len() < PAGE;
        files.extend(all.into_iter().map(|file| file.filename));
        if is_last {
            return Ok(json!({ "files": files, "complete": true }));
        }
    }
    let PullRequest { changed_files } = scene.read(scene.pull_request("")?).await?;
    Ok(json!({ "complete": changed_files <= files.len(), "files": files }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    path: String,
    /// A branch, a tag or a commit; the default branch where it is missing.
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    /// What is longer is no text that anybody reads; of more than 1 MB GitHub shows nothing at all.
    #[serde(default)]
    most_bytes: Option<usize>,
}

/// A file of the answer. Of one of more than 1 MB GitHub shows no content.
#[derive(Deserialize)]
struct Content {
    #[serde(rename = "type")]
    kind: String,
    sha: String,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
}

/// Output: `{text, sha}`, the sha that of the file's content, or `{missing: true}`.
pub(super) async fn file(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let Args { path, reference, most_bytes } = scene.args()?;
    let query = reference.map(|reference| format!("?ref={}", value(&reference))).unwrap_or_default();
    let path = scene.repository.path(format_args!("contents/{}{query}", file_path("path", &path)?));
    let answer = scene.ask(Ask::get(path)).await?;
    if answer.is_missing() {
        return Ok(json!({ "missing": true }));
    }
    // Of a folder GitHub answers with a list.
    let content: Value = answer.into_read()?;
    let no_file = || refused("path", "it is no file but a folder, a link or a module");
    let content: Content = serde_json::from_value(content).map_err(|_| no_file())?;
    if content.kind != "file" {
        return Err(no_file());
    }
    if content.encoding != "base64" {
        return Err(refused("path", "it is longer than 1 MB"));
    }
    let letters: String = content.content.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(letters.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = bytes.ok_or_else(|| refused("path", "it is no text in UTF-8"))?;
    if let Some(most) = most_bytes.filter(|most| text.len() > *most) {
        return Err(refused("path", &format!("it has {} bytes; at most {most} are read", text.len())));
    }
    Ok(json!({ "text": text, "sha": content.sha }))
}
