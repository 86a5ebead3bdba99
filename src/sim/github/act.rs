//! The words for what people do on GitHub, and why it cannot be done.
//!
//! Doing it stands in `people`. A further deed is a variant of [`Act`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::account::Role;

/// Something that a person does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are named as GitHub names them; each deed says what they do")]
pub enum Act {
    /// Opens an issue. Labels and assignees of who may not set them are dropped.
    OpenIssue {
        title: String,
        body: Option<String>,
        #[serde(default)]
        labels: Vec<String>,
        #[serde(default)]
        assignees: Vec<String>,
        milestone: Option<String>,
    },
    /// Pushes a branch with files and opens a pull request from it into the default branch.
    OpenPull {
        title: String,
        body: Option<String>,
        #[serde(default)]
        files: BTreeMap<String, String>,
        head: Option<String>,
        #[serde(default)]
        draft: bool,
    },
    /// Puts labels on.
    Label { number: u64, labels: Vec<String> },
    /// Takes labels off.
    Unlabel { number: u64, labels: Vec<String> },
    /// Assigns people.
    Assign { number: u64, people: Vec<String> },
    /// Takes people off.
    Unassign { number: u64, people: Vec<String> },
    /// Closes it: `completed` or `not_planned`.
    Close { number: u64, reason: Option<String> },
    /// Opens it again.
    Reopen { number: u64 },
    /// Changes title or text.
    Edit { number: u64, title: Option<String>, body: Option<String> },
    /// Puts it into a milestone, which is made where there is none of this title; or into none.
    SetMilestone { number: u64, title: Option<String> },
    /// Lets only those comment who may write, or everybody.
    Lock { number: u64, locked: bool },
    /// Deletes an issue.
    DeleteIssue { number: u64 },
    /// Writes a comment.
    Comment { number: u64, text: String },
    /// Changes a comment.
    EditComment { id: u64, text: String },
    /// Deletes a comment.
    DeleteComment { id: u64 },
    /// Reacts to an issue, or to a comment.
    React { number: Option<u64>, comment: Option<u64>, content: String },
    /// Reviews a pull request, with a comment on a line where one is given: `approved`, `changes_requested`, `commented`.
    Review {
        number: u64,
        verdict: Option<String>,
        text: Option<String>,
        path: Option<String>,
        line: Option<u64>,
        line_text: Option<String>,
    },
    /// Merges a pull request.
    Merge { number: u64 },
    /// Pushes files to a branch; one that is null goes.
    Push { branch: Option<String>, files: BTreeMap<String, Option<String>>, message: Option<String> },
    /// Asks for a check run once more.
    Rerequest { check_run: u64 },
    /// Presses a button of a check run.
    RequestAction { check_run: u64, identifier: String },
    /// Says what somebody may do in the repository.
    Permit { login: String, role: Role },
    /// Installs the App in the account of the repository, for that one.
    Install,
    /// Takes the App out of the account of the repository.
    Uninstall,
    /// Suspends the App there, or lets it on.
    Suspend { suspended: bool },
    /// Gives the App this repository, or takes it from it.
    Choose { chosen: bool },
    /// Tries the App's webhook.
    Ping,
    /// Anything else: the event with these fields beside what every event has.
    Event { event: String, action: Option<String>, fields: Value },
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such person.
    #[error("there is no user {0} on this GitHub; GET /_sim/state shows who there is")]
    NoUser(String),
    /// No such repository, or none that this person sees.
    #[error("there is no repository {0}; GET /_sim/state shows which there are")]
    NoRepository(String),
    /// No such issue.
    #[error("there is no issue or pull request {0}; open one first")]
    NoIssue(u64),
    /// It is an issue.
    #[error("{0} is an issue and no pull request")]
    NoPull(u64),
    /// No such comment.
    #[error("there is no comment {0}; `show` of its issue shows which there are")]
    NoComment(u64),
    /// No such check run.
    #[error("there is no check run {0}; GET /_sim/state shows which there are")]
    NoCheckRun(u64),
    /// The App is not there.
    #[error("the App is not installed in the account of {0}")]
    NotInstalled(String),
    /// The role is not enough.
    #[error("{who} may not do that in {repository}: it takes the role {needs}, and they have {has}")]
    NotAllowed {
        /// The person.
        who: String,
        /// The repository.
        repository: String,
        /// What it takes.
        needs: &'static str,
        /// What they have.
        has: &'static str,
    },
    /// A word that GitHub does not have.
    #[error("{given} is none of {known}")]
    NoWord {
        /// What was given.
        given: String,
        /// What there is.
        known: String,
    },
    /// A branch without changes.
    #[error("the pull request changes nothing: name a file, or a branch that there is")]
    NothingChanged,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Acted {
    /// Numbers and ids of what was made: `number`, `comment`, `review`, `sha`.
    pub made: Value,
    /// The GUIDs of the webhooks that tell of it.
    pub told: Vec<String>,
}
