//! Names of what calls are about, as GitHub writes them, and the paths that they make.
//!
//! Whatever stands in a path came from an event, a rule or a person: a name that is none is refused before a call, and
//! each part is percent-encoded, so that nothing leaves the place that it was meant for.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::channels::DeliverError;

/// Longest name of an account, in characters (docs.github.com/enterprise-cloud@latest/admin/.../username-considerations:
/// 39); those of managed users have a suffix behind `_`.
const LONGEST_OWNER: usize = 64;
/// Longest name of a repository, in characters, which GitHub states where one is made.
const LONGEST_NAME: usize = 100;
/// What RFC 3986 leaves unreserved.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~').remove(b'.');

/// A repository, `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// Reads the full name.
    ///
    /// # Errors
    /// Where it is none that GitHub gives.
    pub(super) fn read(full_name: &str) -> Result<Self, DeliverError> {
        let refused = || refused("place", "it is no repository, which is written `owner/name`");
        let (owner, name) = full_name.split_once('/').ok_or_else(refused)?;
        let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
        let is_owner = (1..=LONGEST_OWNER).contains(&owner.len()) && owner.bytes().all(is_letter) && !is_dots(owner);
        let is_name = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_letter) && !is_dots(name);
        if is_owner && is_name { Ok(Self { owner: owner.to_owned(), name: name.to_owned() }) } else { Err(refused()) }
    }

    /// The account in which it stands.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// A path below it. `rest` begins without a slash and is encoded by its maker; empty is the repository itself.
    pub(super) fn path(&self, rest: impl fmt::Display) -> String {
        let path = format!("/repos/{}/{}/{rest}", self.owner, self.name);
        path.trim_end_matches('/').to_owned()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Whether an address would read it as the folder itself or the one above, however it is encoded.
fn is_dots(part: &str) -> bool {
    part == "." || part == ".."
}

/// One part of a path.
///
/// # Errors
/// Where it is empty, or would be read as another folder; `field` is named.
pub(super) fn part(field: &str, text: &str) -> Result<String, DeliverError> {
    if text.is_empty() || is_dots(text) {
        return Err(refused(field, "it is no name"));
    }
    Ok(utf8_percent_encode(text, KEPT).to_string())
}

/// The path of a file: its parts encoded, its slashes kept.
///
/// # Errors
/// Where it leaves the repository, or has an empty part.
pub(super) fn file_path(field: &str, path: &str) -> Result<String, DeliverError> {
    let parts: Result<Vec<String>, DeliverError> = path.split('/').map(|text| part(field, text)).collect();
    Ok(parts?.join("/"))
}

/// A value of a query.
pub(super) fn value(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

/// A call that is not made, with the field for which it is not.
pub(super) fn refused(field: &str, why: &str) -> DeliverError {
    DeliverError::Rejected { reason: format!("{field}: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_name_that_is_none_is_refused_before_a_call() {
        for (name, is_one) in [
            ("Acme/Shop", true),
            ("a/b.c_d-1", true),
            ("octo_corp/.github", true),
            ("Acme", false),
            ("Acme/", false),
            ("/Shop", false),
            ("Acme/Shop/x", false),
            ("Acme/..", false),
            ("../Shop", false),
            ("Acme/Shop?x=1", false),
            ("Acme/Sh op", false),
            ("Acme/Shop\n", false),
            ("Acme/%2e%2e", false),
            ("Äcme/Shop", false),
            ("", false),
        ] {
            assert_eq!(Repository::read(name).is_ok(), is_one, "{name}");
        }
        let longest = format!("a/{}", "b".repeat(100));
        assert!(Repository::read(&longest).is_ok());
        assert!(Repository::read(&format!("{longest}b")).is_err());
    }

    #[test]
    fn names_stay_in_the_part_of_the_path_that_they_were_meant_for() {
        let shop = Repository::read("Acme/Shop").unwrap();
        assert_eq!(shop.path(""), "/repos/Acme/Shop");
        assert_eq!(shop.path("issues/7"), "/repos/Acme/Shop/issues/7");
        for (label, encoded) in [("good first issue", "good%20first%20issue"), ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d")] {
            assert_eq!(part("remove", label).unwrap(), encoded);
        }
        assert_eq!(file_path("path", ".github/ai crm.yml").unwrap(), ".github/ai%20crm.yml");
        for path in ["", "/etc", "a//b", "a/../b", "./a", "a/"] {
            let refused = file_path("path", path).unwrap_err();
            assert!(refused.to_string().contains("path: "), "{path}: {refused}");
        }
    }
}
