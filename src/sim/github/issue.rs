//! An issue, or a pull request, which is an issue with more to it; comments, reviews and reactions.

use serde::Serialize;

use crate::domain::time::Timestamp;

/// Every reaction that GitHub has (docs.github.com/rest/reactions/reactions).
pub const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

/// A reaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reaction {
    /// Its id.
    pub id: u64,
    /// Whose it is.
    pub user: u64,
    /// One of [`REACTIONS`].
    pub content: String,
    /// When.
    pub created_at: Timestamp,
}

/// An issue or a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// Its id.
    pub id: u64,
    /// Its number in the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
    /// Who opened it.
    pub user: u64,
    /// Whether it is open.
    pub open: bool,
    /// `completed`, `not_planned`, `reopened`.
    pub state_reason: Option<String>,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Who is assigned.
    pub assignees: Vec<u64>,
    /// The number of its milestone.
    pub milestone: Option<u64>,
    /// Whether only those who may write comment.
    pub locked: bool,
    /// Its reactions.
    pub reactions: Vec<Reaction>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// By whom.
    pub closed_by: Option<u64>,
    /// Whether the App opened it.
    pub via_app: bool,
    /// What a pull request has beside it.
    pub pull: Option<Pull>,
}

/// What makes a pull request of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pull {
    /// Its id as a pull request.
    pub id: u64,
    /// The branch with the changes.
    pub head: String,
    /// The branch into which they go.
    pub base: String,
    /// Where the branch with the changes is.
    pub head_sha: String,
    /// Where the other one was when it was opened.
    pub base_sha: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// By whom.
    pub merged_by: Option<u64>,
    /// People who are asked for a review.
    pub reviewers: Vec<u64>,
    /// Teams that are asked for a review, by their slugs.
    pub teams: Vec<String>,
    /// The reviews.
    pub reviews: Vec<Review>,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Its id.
    pub id: u64,
    /// Whose it is.
    pub user: u64,
    /// Its text.
    pub body: Option<String>,
    /// `approved`, `changes_requested`, `commented`.
    pub state: String,
    /// The commit that was looked at.
    pub commit: String,
    /// When.
    pub submitted_at: Timestamp,
}

/// Where a comment of a review stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The review.
    pub review: u64,
    /// The file.
    pub path: String,
    /// Its line.
    pub line: u64,
    /// The commit.
    pub commit: String,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// The number of its issue or pull request.
    pub issue: u64,
    /// Whose it is.
    pub user: u64,
    /// Its text.
    pub body: String,
    /// Where it stands, if on a line of a pull request.
    pub line: Option<Line>,
    /// Its reactions.
    pub reactions: Vec<Reaction>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Whether the App wrote it.
    pub via_app: bool,
}

impl Comment {
    /// Whether it was changed after it was written.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.updated_at != self.created_at
    }
}
