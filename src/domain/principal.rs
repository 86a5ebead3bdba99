//! People whom we know, what they may be, and how platform users map to them.

use serde::{Deserialize, Serialize};

use crate::domain::ids::PrincipalId;
use crate::domain::time::Timestamp;

/// What a person is to this bot. Policies read it; nothing else decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers for the installation.
    Owner,
    /// A full member of an installed workspace.
    Member,
    /// A guest of an installed workspace, or somebody from another organisation.
    Guest,
}

impl Role {
    /// The word that policies use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Guest => "guest",
        }
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who.
    pub id: PrincipalId,
    /// The name to show.
    pub name: String,
    /// What the person is.
    pub role: Role,
    /// Groups, from configuration and from the platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// What a channel knows of a platform user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name to show.
    pub name: String,
    /// How the user stands to the installed workspace.
    pub standing: Standing,
}

/// How a platform user stands to the workspace in which the bot is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// A full member.
    Member,
    /// A guest, restricted to some channels.
    Guest,
    /// Of another organisation.
    Stranger,
    /// Switched off.
    Deactivated,
    /// A bot or an app.
    Bot,
}

/// A platform user whom we have looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The person.
    pub principal: PrincipalId,
    /// What the platform said.
    pub profile: Profile,
    /// When it said so; looked up again when this is old.
    pub seen: Timestamp,
}
