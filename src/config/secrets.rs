//! Secrets of which one or two are valid, so that one can be replaced without a gap.
//!
//! Owns the notation `new,old`, and what may be told of a secret that was given. Where secrets are fetched from is
//! `references.rs`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::config::errors::Origin;
use crate::domain::secret::Secret;

/// Most values at one time: the new one and the one that goes out of use.
pub const MOST: usize = 2;

/// A secret that was given, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its key.
    pub key: String,
    /// How it was written: `env:`, `file:`, `cred:`, or `plain text`; several where its values differ in it.
    pub kinds: Vec<&'static str>,
    /// How many values it has.
    pub values: usize,
    /// Who gave it.
    pub origin: Origin,
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} in {}", self.key, self.kinds.join(" and "), self.origin)?;
        if self.values > 1 { f.write_str(", two values") } else { Ok(()) }
    }
}

/// No, one or two secrets, newest first.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Reads `new` or `new,old`.
    ///
    /// # Errors
    /// Where there are more than two.
    pub fn read(text: &str) -> Result<Self, TooMany> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let secrets: Vec<Secret> = parts.map(Secret::new).collect();
        if secrets.len() > MOST { Err(TooMany) } else { Ok(Self(secrets)) }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, newest first.
    #[must_use]
    pub fn as_slice(&self) -> &[Secret] {
        &self.0
    }

    /// Whether the text is one of them. All are compared, so that the time tells nothing of which one fits.
    #[must_use]
    pub fn match_any(&self, text: &str) -> bool {
        self.0.iter().fold(false, |found, secret| secret.matches(text) | found)
    }
}

/// More values than can be valid at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most two values, comma-separated: the new one and the old one")]
pub struct TooMany;

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_are_read() {
        let table: [(&str, Result<Vec<&str>, TooMany>); 6] = [
            ("", Ok(vec![])),
            (" , ", Ok(vec![])),
            ("a", Ok(vec!["a"])),
            ("a, b", Ok(vec!["a", "b"])),
            ("a,", Ok(vec!["a"])),
            ("a,b,c", Err(TooMany)),
        ];
        for (text, expected) in table {
            let read = Secrets::read(text);
            let exposed =
                read.as_ref().map(|all| all.as_slice().iter().map(Secret::expose).collect()).map_err(|error| *error);
            assert_eq!(exposed, expected, "{text}");
        }
    }

    #[test]
    fn each_of_them_matches_and_nothing_else() {
        let secrets = Secrets::read("a,b").unwrap();
        assert!(secrets.match_any("a") && secrets.match_any("b"));
        assert!(!secrets.match_any("c") && !secrets.match_any(""));
        assert!(!Secrets::default().match_any(""));
        assert_eq!(format!("{secrets:?}"), "Secrets([Secret(…), Secret(…)])");
    }
}
