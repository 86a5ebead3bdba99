//! What turns a channel on: its word in the configuration, and whether all is there that it wants.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// Whether a channel is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enabled {
    /// On where its secrets are there, off where none is.
    #[default]
    Auto,
    /// On, or no start.
    Yes,
    /// Off, whatever is there.
    No,
}

/// Some of what a platform needs is there and some is not: a channel that verifies nothing or cannot answer is worse
/// than none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{platform} is set up in part: {missing} is missing; set it, or turn the channel off with \
     channels.{platform}.enabled = false"
)]
pub struct Incomplete {
    /// Which platform.
    pub platform: &'static str,
    /// What is missing, by key and variable.
    pub missing: String,
}

impl Enabled {
    /// Whether a channel is on, by what it wants, each with whether it is there, and by whether anything of it is.
    pub(super) fn judge(
        self,
        platform: &'static str,
        anything: bool,
        wanted: &[(&str, bool)],
    ) -> Result<bool, Incomplete> {
        let missing: Vec<&str> = wanted.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        match self {
            Self::No => Ok(false),
            Self::Auto if !anything => Ok(false),
            _ if missing.is_empty() => Ok(true),
            _ => Err(Incomplete { platform, missing: missing.join(" and ") }),
        }
    }
}

impl<'de> Deserialize<'de> for Enabled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl de::Visitor<'_> for Word {
            type Value = Enabled;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`auto`, true or false")
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Enabled, E> {
                Ok(if flag { Enabled::Yes } else { Enabled::No })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Enabled, E> {
                match word {
                    "auto" => Ok(Enabled::Auto),
                    "true" => Ok(Enabled::Yes),
                    "false" => Ok(Enabled::No),
                    _ => Err(E::custom("expected `auto`, true or false")),
                }
            }
        }
        deserializer.deserialize_any(Word)
    }
}
