//! What can be asked of us, as policies name it; and what the button of a card does when it is pressed: decided when the card is made, signed, and
//! checked when it comes back. The signature is made in `actors/` with a key from the store.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;

/// How policies group what can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionGroup {
    /// Whoever reaches the bot may ask: help, pairing, why.
    Open,
    /// The everyday work of members.
    Everyday,
    /// The owner's.
    Administration,
}

impl ActionGroup {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Everyday, Self::Open, Self::Administration];

    /// The word that policies use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyday => "everyday",
            Self::Open => "open",
            Self::Administration => "administration",
        }
    }
}

/// Something that can be asked of us, by its name in policies: `task.create`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionSpec {
    /// The name.
    pub name: &'static str,
    /// Its group.
    pub group: ActionGroup,
}

/// What a press means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionClaim {
    /// The tenant whose card it is.
    pub tenant: TenantId,
    /// The line of the chat grammar that a press stands for; `{choice}` is replaced by what was chosen.
    pub line: String,
    /// After this the button is stale.
    pub until: Timestamp,
}

impl ActionClaim {
    /// The line that a token carries, as it stands there, unchecked: for platforms without buttons, to show what to
    /// type. Never to be acted on. Nothing where it carries none.
    #[must_use]
    pub fn line_of(token: &str) -> Option<String> {
        let (_until, rest) = token.split_once('.')?;
        let (line, _mac) = rest.rsplit_once('.')?;
        String::from_utf8(BASE64URL_NOPAD.decode(line.as_bytes()).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_carries_no_line() {
        assert_eq!(ActionClaim::line_of("6.dGFzayBsaXN0.AAAA").as_deref(), Some("task list"));
        for token in ["", "t", "a.b", "..", "6.dGFza.AAAA", "6._w.AAAA", "signed(task list)"] {
            assert!(ActionClaim::line_of(token).is_none_or(|line| line.is_empty()), "{token}");
        }
    }
}
