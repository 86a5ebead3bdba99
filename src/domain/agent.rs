//! An AI agent as its file describes it.

use serde::{Deserialize, Serialize};

/// How much harm an agent's work could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Reads and reports.
    Low,
    /// Changes what can be changed back.
    Medium,
    /// Touches production, money, law or security.
    High,
}

impl Risk {
    /// The word that people read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// An agent: when to use it, what it may use, and its prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Unique name; the file's stem.
    pub name: String,
    /// The folder it stands in.
    pub category: String,
    /// One line.
    pub purpose: String,
    /// Situations in which it is the right one.
    pub when_to_use: Vec<String>,
    /// Words and phrases by which a text is recognised as its work.
    pub keywords: Vec<String>,
    /// Files that are its work.
    pub file_globs: Vec<String>,
    /// Tools that it may call, by their names in the table of tools.
    pub tools: Vec<String>,
    /// How much harm its work could do.
    pub risk: Risk,
    /// What it is told.
    #[serde(skip)]
    pub prompt: String,
}
