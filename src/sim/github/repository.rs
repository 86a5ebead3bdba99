//! A repository: its labels and milestones, files on branches, check runs, statuses and workflows.
//!
//! Issues and pull requests are in [`super::issue`]. What changes it stands in `happens`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Role;
use super::issue::{Comment, Issue};
use crate::domain::time::Timestamp;

/// Files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Six digits of RGB.
    pub color: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Milestone {
    /// Its id.
    pub id: u64,
    /// Its number in the repository.
    pub number: u64,
    /// Its name.
    pub title: String,
    /// Whether it is open.
    pub open: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A commit: all files as they are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The commit before it.
    pub parent: Option<String>,
    /// What was written to it.
    pub message: String,
    /// Its files.
    pub files: Arc<Files>,
    /// Who made it.
    pub author: u64,
    /// When.
    pub at: Timestamp,
}

/// A workflow of GitHub Actions that can be dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its id.
    pub id: u64,
    /// The name of its file: `deploy.yml`.
    pub file: String,
    /// The inputs that it declares, and whether each must be given.
    pub inputs: BTreeMap<String, bool>,
}

/// A workflow that was dispatched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dispatch {
    /// When.
    pub at: Timestamp,
    /// The repository, `acme/shop`.
    pub repository: String,
    /// The file of the workflow.
    pub workflow: String,
    /// The branch.
    pub branch: String,
    /// What was given.
    pub inputs: Value,
}

/// A check run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckRun {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit.
    pub head_sha: String,
    /// `queued`, `in_progress`, `completed`.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// The id that the App gave.
    pub external_id: Option<String>,
    /// The address that the App gave.
    pub details_url: Option<String>,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
    /// `title`, `summary`, `text`.
    pub output: Value,
    /// What is noted at lines.
    pub annotations: Vec<Value>,
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// `error`, `failure`, `pending`, `success`.
    pub state: String,
    /// Which of several.
    pub context: String,
    /// A line.
    pub description: Option<String>,
    /// Where more is.
    pub target_url: Option<String>,
    /// Who set it.
    pub creator: u64,
    /// When.
    pub created_at: Timestamp,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its id.
    pub id: u64,
    /// The account to which it belongs.
    pub owner: u64,
    /// `acme/shop`.
    pub full_name: String,
    /// Whether only those who have a role in it see it.
    pub private: bool,
    /// Whether it is read-only.
    pub archived: bool,
    /// Whether it has issues.
    pub has_issues: bool,
    /// The name of its default branch.
    pub default_branch: String,
    /// Who may do what, by account.
    pub roles: BTreeMap<u64, Role>,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Its milestones.
    pub milestones: Vec<Milestone>,
    /// Its issues and pull requests, by number.
    pub issues: BTreeMap<u64, Issue>,
    /// Issues that were deleted, by number.
    pub deleted: Vec<u64>,
    /// Comments below issues and on lines of pull requests, by id.
    pub comments: BTreeMap<u64, Comment>,
    /// The commit at which each branch is.
    pub branches: BTreeMap<String, String>,
    /// Every commit, by its name.
    pub commits: BTreeMap<String, Commit>,
    /// Check runs, by id.
    pub check_runs: BTreeMap<u64, CheckRun>,
    /// Statuses of commits, oldest first.
    pub statuses: VecDeque<Status>,
    /// Workflows.
    pub workflows: Vec<Workflow>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Repository {
    /// Its name without the owner's.
    #[must_use]
    pub fn name(&self) -> &str {
        self.full_name.split_once('/').map_or(self.full_name.as_str(), |(_, name)| name)
    }

    /// The name of its owner.
    #[must_use]
    pub fn owner_login(&self) -> &str {
        self.full_name.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// A label by its name.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// What somebody may do; everybody may look at what is public.
    #[must_use]
    pub fn role(&self, account: u64) -> Role {
        let least = if self.private { Role::None } else { Role::Read };
        self.roles.get(&account).copied().unwrap_or(least).max(least)
    }

    /// Whether somebody can be assigned or asked for a review.
    #[must_use]
    pub fn has_collaborator(&self, account: u64) -> bool {
        self.roles.get(&account).is_some_and(|role| *role > Role::None)
    }

    /// The commit of a branch, with or without `refs/heads/`, or of its own name.
    #[must_use]
    pub fn commit(&self, named: &str) -> Option<(&str, &Commit)> {
        let branch = named.strip_prefix("refs/heads/").or(named.strip_prefix("heads/")).unwrap_or(named);
        let sha = self.branches.get(branch).map_or(named, String::as_str);
        self.commits.get_key_value(sha).map(|(sha, commit)| (sha.as_str(), commit))
    }
}
