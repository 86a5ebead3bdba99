//! The private key by which the App proves itself to GitHub: read from PEM. It shows nothing of the key.
//!
//! Rule: docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/managing-private-keys-for-github-apps.

use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroize as _;

use crate::domain::secret::Secret;

/// The one algorithm that GitHub takes, RS256, by its name in TLS.
const ALGORITHM: SignatureScheme = SignatureScheme::RSA_PKCS1_SHA256;

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

/// Whether the App can prove itself with a key.
///
/// # Errors
/// Says what does not fit.
pub fn check(pem: &Secret) -> Result<(), KeyError> {
    let mut der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| KeyError::NoKey)?;
    let key = rustls::crypto::ring::sign::any_supported_type(&der);
    der.zeroize();
    let key = key.map_err(|_| KeyError::Unusable)?;
    key.choose_scheme(&[ALGORITHM]).map(drop).ok_or(KeyError::Unusable)
}

#[cfg(test)]
mod tests {
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
            assert_eq!(check(&Secret::new(pem)), expected, "{} letters", pem.len());
        }
    }
}
