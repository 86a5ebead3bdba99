//! The certificate by which the app proves itself to Entra where it has no secret: read from PEM, and the signed
//! statement that is made with it for each token.
//!
//! Owns the form of that statement, a JSON Web Token; when a token is asked for is `token`. It reads no clock and no
//! configuration, and shows nothing of the key. Rules:
//! learn.microsoft.com/entra/identity-platform/certificate-credentials.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroize as _;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// What a statement is in a form for Entra: the document's fixed value for `client_assertion_type`.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long a statement holds: the document's most, so that a clock that is some minutes off does no harm.
const HOLDS: Duration = Duration::from_secs(600);
/// The one algorithm of the document, RSASSA-PSS with SHA-256, by its names in a JSON Web Token and in TLS.
const ALGORITHM: (&str, SignatureScheme) = ("PS256", SignatureScheme::RSA_PSS_SHA256);

/// Why a certificate cannot be used. No text holds anything of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No certificate in it.
    #[error("it has no certificate; put the app's, which begins with -----BEGIN CERTIFICATE-----, beside the key")]
    NoCertificate,
    /// No private key in it.
    #[error("it has no private key; put the certificate's, which begins with -----BEGIN PRIVATE KEY-----, beside it")]
    NoKey,
    /// The key needs a passphrase, for which there is nobody to ask.
    #[error("its private key is encrypted; write it without a passphrase, as `openssl pkey` does")]
    EncryptedKey,
    /// Something that PEM cannot be.
    #[error("it is not PEM; make it of the key and the certificate as openssl writes them")]
    Malformed,
    /// A key with which PS256 cannot be made.
    #[error("its private key is not RSA of 2048 to 4096 bits; make the app a certificate with such a key")]
    UnusableKey,
    /// The key is another's.
    #[error("its private key is that of another certificate; put the key and the certificate of one pair in it")]
    Mismatch,
}

/// The app's certificate, with its key.
pub struct Certificate {
    /// `x5t#S256`: SHA-256 of the certificate, by which Entra finds it among the app's.
    thumbprint: String,
    key: Arc<dyn SigningKey>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.thumbprint)
    }
}

impl Certificate {
    /// Reads both from one PEM text, in any order. Of several certificates the one is taken to which the key belongs.
    ///
    /// # Errors
    /// Says what is missing or does not fit.
    pub fn read(pem: &Secret) -> Result<Self, CertificateError> {
        let text = pem.expose().as_bytes();
        // As PKCS #8 and as OpenSSL's older form say it.
        let encrypted = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];
        if encrypted.iter().any(|sign| pem.expose().contains(sign)) {
            return Err(CertificateError::EncryptedKey);
        }
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let certificates = certificates.map_err(|_| CertificateError::Malformed)?;
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        let mut der = PrivateKeyDer::from_pem_slice(text).map_err(|_| CertificateError::NoKey)?;
        let key = rustls::crypto::ring::sign::any_supported_type(&der);
        der.zeroize();
        let key = key.map_err(|_| CertificateError::UnusableKey)?;
        if key.choose_scheme(&[ALGORITHM.1]).is_none() {
            return Err(CertificateError::UnusableKey);
        }
        let is_of_key = |certificate: &&CertificateDer<'static>| {
            CertifiedKey::new(vec![(*certificate).clone()], Arc::clone(&key)).keys_match().is_ok()
        };
        let certificate = certificates.iter().find(is_of_key).ok_or(CertificateError::Mismatch)?;
        Ok(Self { thumbprint: BASE64URL_NOPAD.encode(&Sha256::digest(certificate)), key })
    }

    /// The statement that this app asks at this address: once, and for the next minutes. `id` is to be random.
    pub(super) fn assertion(&self, app_id: &str, address: &str, now: Timestamp, id: u128) -> Option<String> {
        let header = json!({ "alg": ALGORITHM.0, "typ": "JWT", "x5t#S256": self.thumbprint });
        let (begins, ends) = (now.as_seconds(), now.after(HOLDS).as_seconds());
        let claims = json!({
            "aud": address, "iss": app_id, "sub": app_id, "jti": guid(id), "nbf": begins, "iat": begins, "exp": ends,
        });
        let part = |part: &serde_json::Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.choose_scheme(&[ALGORITHM.1])?.sign(signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

/// A random number as a GUID is written (RFC 9562, 5.4).
fn guid(random: u128) -> String {
    let marked = random & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let digits = format!("{marked:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL};
    use ring::signature::{KeyPair as _, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    const PEM: &str = include_str!("../../../tests/data/teams-app-certificate.pem");
    const OTHER: &str = include_str!("../../../tests/data/teams-app-certificate-other.pem");
    const CURVE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgu6w3j0ouc3N7hc6hPgPZOoi44cGlNkZ7kwFbJ4Y/wQ6hRANCAAT/ctQt/39D\n\
        bWP82jIlsnK75H0r7lPOcmex9T7qFgOHR4STwrfSps8p5cW9qC1PVNwvogKZwd/gtYYJa0EDR2eK\n-----END PRIVATE KEY-----\n";
    const NOW: Timestamp = Timestamp(1_790_000_000_400);

    /// The block of a PEM text with this label.
    fn block(pem: &str, label: &str) -> String {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----\n"));
        let (_, rest) = pem.split_once(&begin).unwrap();
        let (body, _) = rest.split_once(&end).unwrap();
        format!("{begin}{body}{end}")
    }

    fn key(pem: &str) -> String {
        block(pem, "PRIVATE KEY")
    }

    fn certificate(pem: &str) -> String {
        block(pem, "CERTIFICATE")
    }

    fn der(block: &str) -> Vec<u8> {
        let body: String = block.lines().filter(|line| !line.starts_with('-')).collect();
        BASE64.decode(body.as_bytes()).unwrap()
    }

    fn read(pem: &str) -> Result<Certificate, CertificateError> {
        Certificate::read(&Secret::new(pem))
    }

    #[test]
    fn the_statement_is_as_entra_documents_it() {
        let made = read(PEM).unwrap().assertion("app-1", "https://login.example/t/oauth2/v2.0/token", NOW, 7).unwrap();
        let parts: Vec<&str> = made.split('.').collect();
        let json = |part: &str| -> Value {
            serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        let thumbprint = BASE64URL.encode(&Sha256::digest(der(&certificate(PEM)))).trim_end_matches('=').to_owned();
        assert_eq!(json(parts[0]), json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));
        let begins = NOW.as_seconds();
        let claims = json!({
            "aud": "https://login.example/t/oauth2/v2.0/token", "iss": "app-1", "sub": "app-1", "nbf": begins,
            "iat": begins, "exp": begins + 600, "jti": "00000000-0000-4000-8000-000000000007",
        });
        assert_eq!(json(parts[1]), claims);
        let pair = RsaKeyPair::from_pkcs8(&der(&key(PEM))).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, pair.public_key().as_ref());
        let signature = BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap();
        public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
    }

    #[test]
    fn key_and_certificate_are_found_in_any_order_and_beside_others() {
        let (ours, theirs) = (certificate(PEM), certificate(OTHER));
        let plain = format!("{:?}", read(PEM).unwrap());
        for text in [
            format!("{ours}{}", key(PEM)),
            format!("Bag Attributes\n  friendlyName: x\n{}{theirs}{ours}", key(PEM)),
            format!("{ours}{theirs}{}", key(PEM)),
        ] {
            assert_eq!(format!("{:?}", read(&text).unwrap()), plain);
        }
    }

    #[test]
    fn what_does_not_fit_is_said_without_the_key() {
        for (text, expected) in [
            (key(PEM), CertificateError::NoCertificate),
            (certificate(PEM), CertificateError::NoKey),
            (format!("{}{}", key(OTHER), certificate(PEM)), CertificateError::Mismatch),
            (format!("{CURVE}{}", certificate(PEM)), CertificateError::UnusableKey),
            (PEM.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"), CertificateError::EncryptedKey),
            (PEM.replace("-----END CERTIFICATE-----", ""), CertificateError::Malformed),
            ("hush".to_owned(), CertificateError::NoCertificate),
        ] {
            assert_eq!(read(&text).unwrap_err(), expected);
        }
        let shown = format!("{:?} {}", read(PEM).unwrap(), CertificateError::Mismatch);
        assert!(PEM.lines().filter(|line| !line.starts_with('-')).all(|line| !shown.contains(line)), "{shown}");
    }
}
