//! What an event of GitHub says of a repository and its file. Pure: a name and a body go in.
//!
//! Shapes: docs.github.com/webhooks/webhook-events-and-payloads.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::workflow::repository_file::{PATH, may_begin_by};

/// Commits that GitHub names in the event of a push at most.
const MOST_COMMITS: usize = 2_048;
/// Events of a repository after which its file is another, or is found elsewhere.
const OF_A_REPOSITORY: [&str; 4] =
    ["repository.edited", "repository.renamed", "repository.transferred", "repository.deleted"];
/// Events by which the App sees repositories that it may not have seen for a while.
const SEEN: [&str; 4] = [
    "installation.created",
    "installation.unsuspend",
    "installation.new_permissions_accepted",
    "installation_repositories.added",
];
/// Events with which a pull request shows a further commit.
const SHOWS: [&str; 3] = ["pull_request.opened", "pull_request.synchronize", "pull_request.reopened"];

/// A repository as an event names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Named {
    /// The platform's number of it.
    pub(super) id: u64,
    /// `owner/name`.
    pub(super) full_name: String,
    #[serde(default)]
    default_branch: Option<String>,
}

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something has happened in a repository.
    In(Named, Says),
    /// The App sees these repositories, by their numbers; what it knew of them may be old.
    Seen(Vec<u64>),
}

/// What an event says of the file of its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// Nothing.
    Nothing,
    /// It may have changed with this commit.
    Touched(Option<String>),
    /// The repository has another default branch, name or owner.
    Moved,
    /// The repository is gone.
    Gone,
}

#[derive(Deserialize)]
struct Happened {
    repository: Named,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    forced: bool,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    added: Option<Vec<String>>,
    #[serde(default)]
    modified: Option<Vec<String>>,
    #[serde(default)]
    removed: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Edited {
    changes: Changes,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    default_branch: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default, alias = "repositories_added")]
    repositories: Option<Vec<Numbered>>,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

/// Whether a pull request shows a further commit by an event of this name.
pub(super) fn shows_a_commit(name: &str) -> bool {
    SHOWS.contains(&name)
}

/// The fields of a body that one kind of event has, each kind by itself: what is of another shape elsewhere harms nothing.
fn fields<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// What an event says; nothing where it can say nothing of files of repositories, or is not read.
pub(super) fn read(name: &str, body: &[u8]) -> Option<News> {
    if SEEN.contains(&name) {
        let listed = fields::<Listed>(body)?.repositories.unwrap_or_default();
        return Some(News::Seen(listed.iter().map(|it| it.id).collect()));
    }
    let is_about = name == "push" || OF_A_REPOSITORY.contains(&name) || shows_a_commit(name) || may_begin_by(name);
    if !is_about {
        return None;
    }
    let Happened { repository } = fields(body)?;
    let says = match name {
        "push" => fields(body).map_or(Says::Touched(None), |push: Push| push.says(&repository)),
        "repository.edited" => match fields::<Edited>(body) {
            Some(Edited { changes: Changes { default_branch: Some(_) } }) => Says::Moved,
            _ => Says::Nothing,
        },
        "repository.renamed" | "repository.transferred" => Says::Moved,
        "repository.deleted" => Says::Gone,
        _ => Says::Nothing,
    };
    Some(News::In(repository, says))
}

impl Push {
    /// What a push says: where it cannot be told which files it changes, it may be the file.
    fn says(self, repository: &Named) -> Says {
        let branch = self.reference.strip_prefix("refs/heads/");
        let default = repository.default_branch.as_deref();
        if branch.is_none() || default.is_some_and(|default| branch != Some(default)) {
            return Says::Nothing;
        }
        let is_whole = !self.forced && !self.created && (1..MOST_COMMITS).contains(&self.commits.len());
        let touches = self.commits.iter().any(|commit| commit.touches().unwrap_or(true));
        if is_whole && !touches { Says::Nothing } else { Says::Touched(self.after) }
    }
}

impl Commit {
    /// Whether it changes the file; nothing where it does not say what it changes.
    fn touches(&self) -> Option<bool> {
        let lists = [self.added.as_ref()?, self.modified.as_ref()?, self.removed.as_ref()?];
        Some(lists.into_iter().flatten().any(|path| path == PATH))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(name: &str, mut body: Value) -> Option<News> {
        if body.get("repository").is_none() && !name.starts_with("installation") {
            body["repository"] = json!({"id": 7, "full_name": "acme/shop", "default_branch": "main", "size": 1});
        }
        read(name, &serde_json::to_vec(&body).unwrap())
    }

    fn says(name: &str, body: Value) -> Says {
        match told(name, body) {
            Some(News::In(named, says)) if named.id == 7 && named.full_name == "acme/shop" => says,
            other => panic!("{name}: {other:?}"),
        }
    }

    fn push(commits: &[(&str, &str)]) -> Value {
        let commits = commits.iter().map(|(list, path)| {
            let mut commit = json!({"id": "c", "added": [], "modified": [], "removed": []});
            commit[*list] = json!([path]);
            commit
        });
        json!({"ref": "refs/heads/main", "after": "abc", "forced": false, "commits": commits.collect::<Vec<_>>()})
    }

    #[test]
    fn a_push_touches_the_file_where_it_says_so_and_where_it_cannot_tell() {
        let touched = Says::Touched(Some("abc".to_owned()));
        for list in ["added", "modified", "removed"] {
            assert_eq!(says("push", push(&[("added", "a.py"), (list, PATH)])), touched, "{list}");
        }
        assert_eq!(says("push", push(&[("added", "a.py"), ("modified", "ai-crm.yml")])), Says::Nothing);
        let with = |name: &str, value: Value| {
            let mut body = push(&[("added", "a.py")]);
            body[name] = value;
            says("push", body)
        };
        for (name, value) in [
            ("forced", json!(true)),
            ("created", json!(true)),
            ("commits", json!([])),
            ("commits", json!([{"id": "c"}])),
            ("commits", json!(vec![json!({"added": [], "modified": [], "removed": []}); MOST_COMMITS])),
        ] {
            assert_eq!(with(name, value), touched, "{name}");
        }
        for reference in ["refs/heads/other", "refs/tags/main"] {
            let mut body = push(&[("added", PATH)]);
            body["ref"] = json!(reference);
            assert_eq!(says("push", body), Says::Nothing, "{reference}");
        }
    }

    #[test]
    fn a_repository_that_moves_is_looked_at_anew_and_one_that_is_gone_is_forgotten() {
        let branch = json!({"changes": {"default_branch": {"from": "master"}}});
        assert_eq!(says("repository.edited", branch), Says::Moved);
        assert_eq!(says("repository.edited", json!({"changes": {"description": {"from": "x"}}})), Says::Nothing);
        assert_eq!(says("repository.renamed", json!({})), Says::Moved);
        assert_eq!(says("repository.deleted", json!({})), Says::Gone);
        assert_eq!(says("issues.opened", json!({"issue": {}})), Says::Nothing);
        assert_eq!(told("star.created", json!({})), None);
        assert_eq!(told("issues.opened", json!({"repository": "?"})), None);
        assert_eq!(says("issues.opened", json!({"commits": 7, "changes": []})), Says::Nothing);
        assert_eq!(says("push", json!({"ref": "refs/heads/main", "commits": null})), Says::Touched(None));
        let installed = json!({"installation": {"id": 1}, "repositories": [{"id": 7}, {"id": 8}]});
        assert_eq!(told("installation.created", installed), Some(News::Seen(vec![7, 8])));
        let added = json!({"repositories_added": [{"id": 9}], "repositories_removed": []});
        assert_eq!(told("installation_repositories.added", added), Some(News::Seen(vec![9])));
    }
}
