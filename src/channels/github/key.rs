//! The App's private key: read from PEM, and the signed statements by which the App proves itself to GitHub. It shows
//! nothing of the key, and reads no clock.
//!
//! Rules: docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app, "managing private keys for GitHub
//! Apps" and "generating a JSON web token (JWT) for a GitHub App".

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use serde_json::{Value, json};
use zeroize::Zeroize as _;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The one algorithm that GitHub takes, by its names in a JSON Web Token and in TLS.
const ALGORITHM: (&str, SignatureScheme) = ("RS256", SignatureScheme::RSA_PKCS1_SHA256);
/// A statement begins so long ago: the document's advice against clocks that are apart.
const BEGAN: Duration = Duration::from_secs(60);
/// A statement holds so long from now. GitHub takes 10 minutes at most; ours: a minute of it is left to a clock that is
/// ahead of GitHub's.
const HOLDS: Duration = Duration::from_secs(540);

/// Why a key cannot be used. No text holds anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No private key in it.
    #[error("it is no private key in PEM, which begins with -----BEGIN RSA PRIVATE KEY-----")]
    NoKey,
    /// A key with which RS256 cannot be made.
    #[error("it is not RSA of 2048 to 4096 bits, as the App's keys are")]
    Unusable,
}

/// The private key of an App.
pub struct AppKey(Arc<dyn SigningKey>);

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey")
    }
}

impl AppKey {
    /// Reads the first private key of a PEM text.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn read(pem: &Secret) -> Result<Self, KeyError> {
        let mut der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| KeyError::NoKey)?;
        let key = rustls::crypto::ring::sign::any_supported_type(&der);
        der.zeroize();
        let key = key.map_err(|_| KeyError::Unusable)?;
        key.choose_scheme(&[ALGORITHM.1]).ok_or(KeyError::Unusable)?;
        Ok(Self(key))
    }

    /// The statement, a JSON Web Token, that the App asks: for the next minutes. Nothing where the key signs nothing.
    pub(super) fn statement(&self, app_id: &str, now: Timestamp) -> Option<Secret> {
        let header = json!({ "alg": ALGORITHM.0, "typ": "JWT" });
        let (begins, ends) = (now.before(BEGAN).as_seconds(), now.after(HOLDS).as_seconds());
        let claims = json!({ "iat": begins, "exp": ends, "iss": app_id });
        let part = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.0.choose_scheme(&[ALGORITHM.1])?.sign(signed.as_bytes()).ok()?;
        Some(Secret::new(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))))
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};

    use super::*;

    const RSA: &str = include_str!("../../../tests/data/github-app-key.pem");
    const CURVE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgu6w3j0ouc3N7hc6hPgPZOoi44cGlNkZ7kwFbJ4Y/wQ6hRANCAAT/ctQt/39D\n\
        bWP82jIlsnK75H0r7lPOcmex9T7qFgOHR4STwrfSps8p5cW9qC1PVNwvogKZwd/gtYYJa0EDR2eK\n-----END PRIVATE KEY-----\n";

    #[test]
    fn only_a_private_key_of_rsa_is_taken() {
        for (pem, expected) in [
            (RSA, Ok(())),
            (CURVE, Err(KeyError::Unusable)),
            (&RSA[..RSA.len() / 2], Err(KeyError::NoKey)),
            ("", Err(KeyError::NoKey)),
            ("123456", Err(KeyError::NoKey)),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", Err(KeyError::Unusable)),
        ] {
            assert_eq!(AppKey::read(&Secret::new(pem)).map(drop), expected, "{} letters", pem.len());
        }
    }

    #[test]
    fn the_statement_is_as_github_documents_it() {
        let now = Timestamp(1_790_000_000_400);
        let made = AppKey::read(&Secret::new(RSA)).unwrap().statement("123456", now).unwrap();
        let parts: Vec<&str> = made.expose().split('.').collect();
        let json = |part: &str| -> Value {
            serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(json(parts[0]), json!({"alg": "RS256", "typ": "JWT"}));
        let claims = json!({"iat": 1_789_999_940, "exp": 1_790_000_540, "iss": "123456"});
        assert_eq!(json(parts[1]), claims, "GitHub takes 10 minutes from its own time, and nothing from the future");
        let body: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64.decode(body.as_bytes()).unwrap();
        let pair = RsaKeyPair::from_der(&der).or_else(|_| RsaKeyPair::from_pkcs8(&der)).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        let signature = BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap();
        public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
    }

    #[test]
    fn nothing_shows_the_key() {
        let shown = format!("{:?}", AppKey::read(&Secret::new(RSA)).unwrap());
        assert_eq!(shown, "AppKey");
    }
}
