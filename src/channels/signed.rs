//! HMAC-SHA-256 by one of the secrets that a platform and the bot share: what Slack and GitHub sign with, and sign over
//! what, is each one's own affair.

use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::secret::Secret;

const DIGEST_BYTES: usize = 32;

/// A signature as it came.
pub(super) struct Signature([u8; DIGEST_BYTES]);

impl Signature {
    /// Reads the digits behind the platform's word for the algorithm.
    pub(super) fn read(hex: &str) -> Option<Self> {
        let mut digest = [0; DIGEST_BYTES];
        if hex.len() != 2 * DIGEST_BYTES {
            return None;
        }
        HEXLOWER_PERMISSIVE.decode_mut(hex.as_bytes(), &mut digest).is_ok().then_some(Self(digest))
    }
}

/// One shared secret, or two while it is being rotated: the keyed state of each, so that a request costs no key schedule.
pub(super) struct Keys(Vec<Hmac<Sha256>>);

impl Keys {
    /// Prepares the secrets. Blank ones are left out, since anybody can sign with an empty key; without any nothing is
    /// believed.
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let keys = secrets.iter().map(|secret| secret.expose().trim()).filter(|secret| !secret.is_empty());
        let keyed = |secret: &str| {
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("invariant: HMAC takes keys of any length")
        };
        Self(keys.map(keyed).collect())
    }

    /// Which of them, from 0, made a signature over the parts one behind the other. The time tells nothing of it.
    pub(super) fn position(&self, parts: &[&[u8]], signature: &Signature) -> Option<usize> {
        self.0.iter().position(|key| {
            let mut mac = key.clone();
            parts.iter().for_each(|part| mac.update(part));
            mac.verify_slice(&signature.0).is_ok()
        })
    }
}
