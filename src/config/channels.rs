//! `[channels]`: the platforms.
//!
//! Owns the list of platforms and what turns one on. The keys of a platform stand in its file. A new
//! platform is a file, and a field in [`Channels`].

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::config::slack::SlackSettings;
use crate::config::teams::TeamsSettings;

/// The section `[channels]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// Slack workspaces.
    pub slack: SlackSettings,
    /// Microsoft Teams.
    pub teams: TeamsSettings,
    /// The `chat` command.
    pub terminal: TerminalSettings,
}

/// The section `[channels.terminal]`, which has no keys: who can run the command is let in by the rights
/// of the data folder or by the admin token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSettings {}

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
