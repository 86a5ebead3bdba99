//! Who there is on GitHub: people, bots, organisations, and what they may do in a repository.
//!
//! Names are compared without regard to case, as GitHub does.

use serde::{Deserialize, Serialize};

/// What kind of account it is; the field `type` of GitHub's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A person.
    User,
    /// An App, as it acts.
    Bot,
    /// An organisation.
    Organization,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its numeric id, which outlives a change of its name.
    pub id: u64,
    /// Its name; that of an App ends with `[bot]`.
    pub login: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
}

impl Account {
    /// Whether this is its name.
    #[must_use]
    pub fn is_called(&self, login: &str) -> bool {
        self.login.eq_ignore_ascii_case(login)
    }
}

/// What somebody may do in a repository, least first; the field `role_name` of GitHub's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing.
    None,
    /// Look and comment.
    Read,
    /// Label, assign and close as well.
    Triage,
    /// Push as well.
    Write,
    /// Settings that harm nothing as well.
    Maintain,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role by its word.
    pub const WORDS: [&str; 6] = ["none", "read", "triage", "write", "maintain", "admin"];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The older field `permission`, which knows four: maintain is `write` there and triage is `read`
    /// (docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user).
    #[must_use]
    pub fn permission(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }
}
