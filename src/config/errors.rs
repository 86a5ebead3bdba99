//! What is wrong with the configuration, and where a value came from.
//!
//! Owns the words around a mistake; the mistake itself is found by whoever reads. No text here holds a
//! value: it may be a secret in the wrong place. A new place is a variant of [`Origin`].

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `config/default.toml`, as it was when the program was built.
    Default,
    /// A profile of the program.
    Profile(String),
    /// A file, and the line, from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Variable(String),
    /// An option of the command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::Profile(name) => write!(f, "the profile {name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigIssue {
    /// The key at fault; none where a whole file is.
    pub key: Option<String>,
    /// Where it stands; none where it is the whole that does not fit.
    pub origin: Option<Origin>,
    /// What is wrong and how to mend it.
    pub what: String,
}

impl ConfigIssue {
    /// A mistake in the value of a key.
    pub(super) fn at(key: impl Into<String>, origin: &Origin, what: impl Into<String>) -> Self {
        Self { key: Some(key.into()), origin: Some(origin.clone()), what: what.into() }
    }

    /// A mistake of keys together.
    pub(super) fn together(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: Some(key.into()), origin: None, what: what.into() }
    }

    /// A mistake of a file or of an option.
    pub(super) fn whole(origin: Option<Origin>, what: impl Into<String>) -> Self {
        Self { key: None, origin, what: what.into() }
    }
}

impl fmt::Display for ConfigIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.origin) {
            (Some(key), Some(origin)) => write!(f, "{key} in {origin}: {}", self.what),
            (Some(key), None) => write!(f, "{key}: {}", self.what),
            (None, Some(origin)) => write!(f, "{origin}: {}", self.what),
            (None, None) => f.write_str(&self.what),
        }
    }
}

/// All mistakes that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigIssue>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.0.iter().try_for_each(|issue| write!(f, "\n  {issue}"))
    }
}

impl std::error::Error for ConfigErrors {}
