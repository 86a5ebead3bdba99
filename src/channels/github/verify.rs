//! GitHub's proof of authenticity: HMAC-SHA-256 over the raw body.
//!
//! Owns the check alone. It reads no configuration and parses nothing of the body. The old SHA-1 header proves nothing.
//! Rule and test vector: docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.

use std::fmt;

use crate::channels::signed::{Keys, Signature};
use crate::domain::secret::Secret;

/// Header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";

const ALGORITHM: &str = "sha256=";

/// Checks deliveries against one webhook secret, or two while the secret is being rotated.
pub struct Verifier {
    keys: Keys,
}

/// What a delivery has proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Which of the configured secrets signed it, from 0.
    pub secret_index: usize,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "github sha256 signature, secret {}", self.secret_index + 1)
    }
}

/// Why a delivery is not believed. The caller learns only that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// The header is not there, as where the webhook has no secret.
    #[error("the signature is missing; has the webhook a secret?")]
    Missing,
    /// The header is not in the form that GitHub documents.
    #[error("the signature is malformed")]
    Malformed,
    /// None of the secrets made this signature.
    #[error("no configured webhook secret made this signature")]
    Mismatch,
}

impl Verifier {
    /// Prepares the secrets. Blank ones are left out, since anybody can sign with an empty key;
    /// a verifier that is left without a secret believes nobody.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        Self { keys: Keys::new(secrets) }
    }

    /// Whether there is a signature at all, before anybody reads what it may have signed.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn look(signature: Option<&str>) -> Result<(), Unauthentic> {
        read(signature).map(|_| ())
    }

    /// Checks the value of [`SIGNATURE_HEADER`] over the bytes as they came.
    ///
    /// # Errors
    /// Says what is wrong, for the log and for metrics; the caller answers 401 without it.
    pub fn verify(&self, signature: Option<&str>, body: &[u8]) -> Result<Proof, Unauthentic> {
        let signature = read(signature)?;
        let secret_index = self.keys.position(&[body], &signature).ok_or(Unauthentic::Mismatch)?;
        Ok(Proof { secret_index })
    }
}

fn read(signature: Option<&str>) -> Result<Signature, Unauthentic> {
    let signature = signature.ok_or(Unauthentic::Missing)?.strip_prefix(ALGORITHM);
    signature.and_then(Signature::read).ok_or(Unauthentic::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    // GitHub's own example (see the document above).
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn what_has_no_signature_is_known_before_it_is_read() {
        for (signature, expected) in [
            (Some(SIGNATURE), Ok(())),
            (None, Err(Unauthentic::Missing)),
            (Some("sha1=757107ea"), Err(Unauthentic::Malformed)),
            (Some("sha256=757107ea"), Err(Unauthentic::Malformed)),
        ] {
            assert_eq!(Verifier::look(signature), expected, "{signature:?}");
        }
    }

    fn verifier(secrets: &[&str]) -> Verifier {
        Verifier::new(&secrets.iter().copied().map(Secret::new).collect::<Vec<_>>())
    }

    #[test]
    fn the_documented_example_passes_by_either_secret() {
        for (secrets, secret_index) in [(&[SECRET][..], 0), (&["new", SECRET], 1), (&[SECRET, "old"], 0)] {
            assert_eq!(verifier(secrets).verify(Some(SIGNATURE), BODY), Ok(Proof { secret_index }), "{secrets:?}");
        }
        let proof = Proof { secret_index: 1 };
        assert_eq!(proof.to_string(), "github sha256 signature, secret 2");
    }

    #[test]
    fn all_else_is_refused() {
        let longer = format!("{SIGNATURE}0");
        let other = SIGNATURE.replace("sha256=7", "sha256=8");
        let sha1 = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        for (signature, body, expected) in [
            (None, BODY, Unauthentic::Missing),
            (Some(""), BODY, Unauthentic::Malformed),
            (Some("sha256="), BODY, Unauthentic::Malformed),
            (Some(&SIGNATURE[7..]), BODY, Unauthentic::Malformed),
            (Some(sha1), BODY, Unauthentic::Malformed),
            (Some("sha256=ä"), BODY, Unauthentic::Malformed),
            (Some(&SIGNATURE[..70]), BODY, Unauthentic::Malformed),
            (Some(&longer), BODY, Unauthentic::Malformed),
            (Some(&other), BODY, Unauthentic::Mismatch),
            (Some(SIGNATURE), b"Hello, World", Unauthentic::Mismatch),
            (Some(SIGNATURE), b"", Unauthentic::Mismatch),
        ] {
            assert_eq!(verifier(&[SECRET]).verify(signature, body), Err(expected), "{signature:?} {body:?}");
        }
        let of_empty = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        for secrets in [&[][..], &[""], &["  "]] {
            assert_eq!(verifier(secrets).verify(Some(of_empty), b""), Err(Unauthentic::Mismatch), "{secrets:?}");
        }
    }
}
