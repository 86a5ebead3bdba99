//! Slack's proof of authenticity: the `v0` signature over the raw body.
//!
//! Owns the check alone. It reads no configuration and no clock, and parses nothing of the body.
//! Rule and test vector: docs.slack.dev/authentication/verifying-requests-from-slack.

use std::fmt;
use std::time::Duration;

use crate::channels::signed::{Keys, Signature};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// Header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// Header that carries the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// A request signed further from now than this, in the past or the future, may be a replay.
pub const TOLERANCE: Duration = Duration::from_secs(300);

const VERSION: &str = "v0";

/// Checks requests against one signing secret, or two while the secret is being rotated.
pub struct Verifier {
    keys: Keys,
}

/// What a request has proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Which of the configured secrets signed it, from 0.
    pub secret_index: usize,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slack v0 signature, secret {}", self.secret_index + 1)
    }
}

/// Why a request is not believed. The caller learns only that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// One of the two headers is not there.
    #[error("the signature or its timestamp is missing")]
    Missing,
    /// A header is not in the form that Slack documents.
    #[error("the signature or its timestamp is malformed")]
    Malformed,
    /// Signed more than [`TOLERANCE`] from now.
    #[error("signed more than five minutes from now; is this machine's clock right?")]
    Stale,
    /// None of the secrets made this signature.
    #[error("no configured signing secret made this signature")]
    Mismatch,
}

impl Verifier {
    /// Prepares the secrets. Blank ones are left out, since anybody can sign with an empty key;
    /// a verifier that is left without a secret believes nobody.
    #[must_use]
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self { keys: Keys::new(&secrets) }
    }

    /// Checks the values of [`TIMESTAMP_HEADER`] and [`SIGNATURE_HEADER`] over the bytes as they came.
    ///
    /// # Errors
    /// Says what is wrong, for the log and for metrics; the caller answers 401 without it.
    pub fn verify(
        &self,
        now: Timestamp,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<Proof, Unauthentic> {
        let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
            return Err(Unauthentic::Missing);
        };
        let signed_at = seconds(timestamp)?;
        let signature = signature.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('='));
        let signature = signature.and_then(Signature::read).ok_or(Unauthentic::Malformed)?;
        if now.as_seconds().abs_diff(signed_at) > TOLERANCE.as_secs() {
            return Err(Unauthentic::Stale);
        }
        let parts = [VERSION.as_bytes(), b":", timestamp.as_bytes(), b":", body];
        let secret_index = self.keys.position(&parts, &signature).ok_or(Unauthentic::Mismatch)?;
        Ok(Proof { secret_index })
    }
}

fn seconds(header: &str) -> Result<i64, Unauthentic> {
    let digits_only = !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit());
    match header.parse() {
        Ok(seconds) if digits_only => Ok(seconds),
        _ => Err(Unauthentic::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn check(
        secrets: &[&str],
        now: i64,
        timestamp: Option<&str>,
        signature: Option<&str>,
    ) -> Result<Proof, Unauthentic> {
        let verifier = Verifier::new(secrets.iter().map(|secret| Secret::new(*secret)).collect());
        verifier.verify(Timestamp(now * 1000), timestamp, signature, BODY.as_bytes())
    }

    #[test]
    fn the_documents_vector_is_believed_whichever_secret_is_in_use() {
        let at = AT.to_string();
        for (secrets, secret_index) in [(vec![SECRET], 0), (vec!["fresh", SECRET], 1), (vec![SECRET, "old"], 0)] {
            let proof = check(&secrets, AT, Some(&at), Some(SIGNATURE));
            assert_eq!(proof, Ok(Proof { secret_index }), "{secrets:?}");
        }
        assert_eq!(Proof { secret_index: 1 }.to_string(), "slack v0 signature, secret 2");
    }

    #[test]
    fn five_minutes_either_way_and_not_a_second_more() {
        let at = AT.to_string();
        for at_clock in [AT - 300, AT, AT + 300] {
            assert!(check(&[SECRET], at_clock, Some(&at), Some(SIGNATURE)).is_ok(), "{at_clock}");
        }
        for at_clock in [AT - 301, AT + 301, 0] {
            assert_eq!(check(&[SECRET], at_clock, Some(&at), Some(SIGNATURE)), Err(Unauthentic::Stale), "{at_clock}");
        }
    }

    #[test]
    fn a_verifier_without_a_secret_believes_nobody() {
        let at = AT.to_string();
        let with_empty_key = "v0=".to_owned() + &"0".repeat(64);
        for secrets in [vec![], vec![""], vec!["  "]] {
            for signature in [SIGNATURE, with_empty_key.as_str()] {
                assert_eq!(check(&secrets, AT, Some(&at), Some(signature)), Err(Unauthentic::Mismatch), "{secrets:?}");
            }
        }
        let mut empty = Hmac::<Sha256>::new_from_slice(b"").unwrap();
        empty.update(format!("v0:{AT}:{BODY}").as_bytes());
        let forged = format!("v0={}", data_encoding::HEXLOWER.encode(&empty.finalize().into_bytes()));
        assert_eq!(check(&["", SECRET], AT, Some(&at), Some(&forged)), Err(Unauthentic::Mismatch));
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let at = AT.to_string();
        let flipped = SIGNATURE.replace("a2114d", "a2114e");
        let short = &SIGNATURE[..66];
        let v1 = SIGNATURE.replace("v0", "v1");
        let not_hex = SIGNATURE.replace("a2114d", "zz114d");
        let table: &[(Option<&str>, Option<&str>, Unauthentic)] = &[
            (None, Some(SIGNATURE), Unauthentic::Missing),
            (Some(&at), None, Unauthentic::Missing),
            (Some(""), Some(SIGNATURE), Unauthentic::Malformed),
            (Some("+1531420618"), Some(SIGNATURE), Unauthentic::Malformed),
            (Some("1531420618.5"), Some(SIGNATURE), Unauthentic::Malformed),
            (Some("99999999999999999999"), Some(SIGNATURE), Unauthentic::Malformed),
            (Some(&at), Some(""), Unauthentic::Malformed),
            (Some(&at), Some("v0="), Unauthentic::Malformed),
            (Some(&at), Some(short), Unauthentic::Malformed),
            (Some(&at), Some(&v1), Unauthentic::Malformed),
            (Some(&at), Some(&not_hex), Unauthentic::Malformed),
            (Some(&at), Some(&flipped), Unauthentic::Mismatch),
            (Some("1531420619"), Some(SIGNATURE), Unauthentic::Mismatch),
        ];
        for (timestamp, signature, expected) in table {
            assert_eq!(check(&[SECRET], AT, *timestamp, *signature), Err(*expected), "{timestamp:?} {signature:?}");
        }
        assert_eq!(check(&["wrong"], AT, Some(&at), Some(SIGNATURE)), Err(Unauthentic::Mismatch));
    }
}
