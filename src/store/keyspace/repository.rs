//! `rp<id>` what is known of a repository and of the file in which it says what it wants tasks for; `rt<id>` the text of
//! that file in its last good wording, which is read only where nobody keeps it read.
//!
//! Under the platform's number, which a repository keeps when it is renamed. What a file says `workflow/` knows.

use serde::{Deserialize, Serialize};

use crate::domain::ids::EventId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::numbered;
use crate::store::{StoreError, Stored, View, put, take};

const REPOSITORY: &[u8] = b"rp";
const TEXT: &[u8] = b"rt";

/// What is known of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// `owner/name`, as the event called it that had its file looked at last.
    pub name: String,
    /// How well its file is known.
    pub look: Look,
    /// Looks that were begun: the answer to an earlier one than the last says nothing.
    pub looks: u64,
    /// Events that have come while nobody knew the file, in their order: they begin what it says when that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<EventId>,
    /// The file in use; nothing where the repository has none, or none that was good since it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Good>,
    /// Why the file that was seen last is not in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Wrong>,
}
impl Record for Repository {}

/// How well the file of a repository is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// It may be another by now: it is looked at before an event may begin anything.
    Due,
    /// It is being fetched.
    UnderWay {
        /// The commit that was pushed, where that is why: what is fetched is the file as it is then, or is later.
        commit: Option<String>,
    },
    /// It was fetched, or found missing, or could not be fetched.
    Answered {
        /// When.
        at: Timestamp,
    },
}

/// A file in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// What runs call it by.
    pub digest: String,
    /// The platform's own name of its content.
    pub sha: String,
    /// The pushed commit for which it was fetched; nothing where the repository was new to the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A file that is not in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// The pushed commit for which it was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Why it could not be fetched, in words; nothing where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// What is wrong in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<Place>,
}

/// A mistake in a file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong, and how to mend it.
    pub what: String,
}

/// The text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// As it stands there.
    pub text: String,
}
impl Record for Text {}

/// What is known of a repository; nothing where no event of it has needed its file.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, id: u64) -> Result<Option<Stored<Repository>>, StoreError> {
    view.get(&numbered(REPOSITORY, id))
}

/// Stores what is known of a repository, on condition that it was read so.
#[must_use]
pub fn put_repository(id: u64, it: &Repository, before: Option<&Stored<Repository>>) -> Write {
    put(numbered(REPOSITORY, id), Expect::as_read(before.map_or(0, |before| before.version)), it)
}

/// Forgets a repository, as it was read.
#[must_use]
pub fn forget(id: u64, before: &Stored<Repository>) -> [Write; 2] {
    [take(numbered(REPOSITORY, id), Expect::Version(before.version)), take_text(id)]
}

/// The text of the file in use.
///
/// # Errors
/// Where the store cannot be read.
pub fn text(view: &View, id: u64) -> Result<Option<Text>, StoreError> {
    Ok(view.get(&numbered(TEXT, id))?.map(|stored| stored.value))
}

/// Stores the text of the file in use, in the commit that says so in [`Repository::good`].
#[must_use]
pub fn put_text(id: u64, text: &Text) -> Write {
    put(numbered(TEXT, id), Expect::Any, text)
}

/// Takes it away.
#[must_use]
pub fn take_text(id: u64) -> Write {
    take(numbered(TEXT, id), Expect::Any)
}

/// Every repository that is known.
pub fn all(view: &View) -> impl Iterator<Item = Result<Repository, StoreError>> + use<'_> {
    view.scan::<Repository>(REPOSITORY, Order::Ascending).map(|entry| Ok(entry?.1.value))
}
