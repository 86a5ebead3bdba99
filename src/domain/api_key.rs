//! API keys: what a program that is no operator proves itself by, and what it may do with one.
//!
//! Owns the form of a key, its scopes, its bounds, and whether it counts. Kept is the digest of a key and never the key:
//! 32 random bytes need no slow digest. Where keys are kept is `store/keyspace/api_key.rs`, which request needs which
//! scope is the table of routes in `web/api/mod.rs`. A further scope is a variant of [`Scope`] and a line in
//! [`Scope::ALL`].

use std::fmt;
use std::time::Duration;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// In front of every key, so that programs that look for leaked secrets know one.
pub const PREFIX: &str = "aicrm_";
/// Letters behind it: 32 bytes in base64url.
const LETTERS: usize = 43;
/// How long a key counts where nobody says: a quarter, in which who made it still knows for what.
pub const USUAL_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// The longest that one counts: what is replaced once a year is replaced by somebody who knows how.
pub const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// Between two notes that a key is used. Whoever looks for keys that nobody uses needs no better.
pub const NOTED_EVERY: Duration = Duration::from_secs(3600);
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 80;

/// What a key permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// To post what has happened on GitHub; nothing is read by it.
    #[serde(rename = "events:github")]
    EventsGitHub,
    /// To call webhooks by which workflows begin; nothing is read by it.
    #[serde(rename = "webhooks")]
    Webhooks,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::EventsGitHub, Self::Webhooks];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventsGitHub => "events:github",
            Self::Webhooks => "webhooks",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// By which people and the audit chain name it: `k-` and eight letters of its digest.
    pub id: String,
    /// What for, in words of who made it.
    pub name: String,
    /// SHA-256 of the key, hex.
    pub digest: String,
    /// What it permits.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it counts no longer.
    pub expires: Timestamp,
    /// When it was last used, to the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
}

/// Whether a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It does.
    Valid,
    /// Its time is over.
    Expired,
    /// Somebody has revoked it.
    Revoked,
}

/// The key of random bytes, which is shown once.
#[must_use]
pub fn key_of(random: &[u8; 32]) -> Secret {
    Secret::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(random)))
}

/// Whether a text has the form of a key.
#[must_use]
pub fn is_key(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
    text.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == LETTERS && rest.bytes().all(fits))
}

/// What of a key is kept: SHA-256, hex.
#[must_use]
pub fn digest(key: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(key.as_bytes()))
}

impl ApiKey {
    /// A key that was just made.
    #[must_use]
    pub fn new(key: &Secret, name: String, scopes: Vec<Scope>, created: Timestamp, life: Duration) -> Self {
        let letters = BASE32_NOPAD.encode(&Sha256::digest(key.expose().as_bytes())[..5]).to_lowercase();
        let digest = digest(key.expose());
        let expires = created.after(life.min(LONGEST_LIFE));
        Self { id: format!("k-{letters}"), name, digest, scopes, created, expires, used: None, revoked: None }
    }

    /// Whether a text is this key, without telling by its time how much was right.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.digest.as_bytes().ct_eq(digest(text).as_bytes()).into()
    }

    /// Whether it counts.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.revoked {
            Some(_) => Standing::Revoked,
            None if self.expires <= now => Standing::Expired,
            None => Standing::Valid,
        }
    }

    /// Since when it counts no longer; nothing while it does.
    #[must_use]
    pub fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        match self.standing(now) {
            Standing::Valid => None,
            Standing::Expired => Some(self.expires),
            Standing::Revoked => self.revoked,
        }
    }

    /// Whether it is to be noted that it was used.
    #[must_use]
    pub fn is_to_be_noted(&self, now: Timestamp) -> bool {
        self.used.is_none_or(|used| now.since(used) >= NOTED_EVERY)
    }
}

/// What a program says of an event that it has posted in its platform's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Who, as the audit chain names them: `api key k-…`, or `operator`.
    pub by: String,
    /// What it asks for; rules read it as `event.inputs`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

impl Posted {
    /// Whether it asks for a task.
    #[must_use]
    pub fn asks_for_a_task(&self) -> bool {
        self.inputs.values().any(|asked| *asked == Value::Bool(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn made(life: Duration) -> (Secret, ApiKey) {
        let key = key_of(&[7; 32]);
        let kept = ApiKey::new(&key, "ci".into(), vec![Scope::EventsGitHub], NOW, life);
        (key, kept)
    }

    #[test]
    fn a_key_is_known_by_its_prefix_and_kept_without_itself() {
        let (key, kept) = made(USUAL_LIFE);
        assert!(is_key(key.expose()) && key.expose().starts_with("aicrm_") && key.expose().len() == 49);
        let written = serde_json::to_string(&kept).unwrap();
        assert!(!written.contains(&key.expose()[6..]) && kept.id.len() == 10, "{written}");
        assert!(kept.matches(key.expose()));
        for other in ["", "aicrm_", &key.expose()[..48], key_of(&[8; 32]).expose()] {
            assert!(!kept.matches(other));
        }
        for odd in ["", "aicrm_", "aicrm_ä", &format!("{}x", key.expose()), &key.expose().replace("aicrm_", "AICRM_")]
        {
            assert!(!is_key(odd), "{odd}");
        }
    }

    #[test]
    fn it_counts_up_to_its_end_and_never_longer_than_a_year() {
        let (_, kept) = made(Duration::from_secs(10));
        let at = |second: u64| NOW.after(Duration::from_secs(second));
        assert_eq!([kept.standing(at(9)), kept.standing(at(10))], [Standing::Valid, Standing::Expired]);
        assert_eq!((kept.ended(at(9)), kept.ended(at(20))), (None, Some(at(10))));
        let revoked = ApiKey { revoked: Some(at(3)), ..kept };
        assert_eq!((revoked.standing(at(4)), revoked.ended(at(4))), (Standing::Revoked, Some(at(3))));
        let (_, longest) = made(Duration::from_secs(u64::MAX / 2));
        assert_eq!(longest.expires, NOW.after(LONGEST_LIFE));
    }

    #[test]
    fn its_use_is_noted_once_an_hour() {
        let (_, kept) = made(USUAL_LIFE);
        assert!(kept.is_to_be_noted(NOW));
        let used = ApiKey { used: Some(NOW), ..kept };
        assert!(!used.is_to_be_noted(NOW.after(Duration::from_secs(3599))));
        assert!(used.is_to_be_noted(NOW.after(Duration::from_secs(3600))));
        assert!(!used.is_to_be_noted(NOW.before(Duration::from_secs(9999))), "the clock was set back");
    }

    #[test]
    fn scopes_are_written_as_they_are_named() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert!(serde_json::from_str::<Scope>("\"events\"").is_err());
    }
}
