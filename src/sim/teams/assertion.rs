//! How an application proves itself by a certificate: Entra's check of a `client_assertion`.
//!
//! What it must be is the page "Microsoft identity platform application authentication certificate credentials"; the
//! errors are those of the page on error codes. It reads of a certificate its key, and judges nothing else of it.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::keys;
use super::login::LoginError;
use super::world::App;
use crate::domain::time::Timestamp;

/// The one kind of assertion.
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What clocks may differ by. Entra's own number is nowhere stated; this is that of Microsoft's token libraries.
const SKEW: Duration = Duration::from_secs(300);
/// Tags of ASN.1 that stand on the way to a key (X.690).
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const VERSION: u8 = 0xa0;

/// Whether this assertion proves that the application asks at this address.
pub(super) fn check(
    app: &App,
    address: &str,
    kind: Option<&str>,
    assertion: &str,
    now: Timestamp,
) -> Result<(), LoginError> {
    if kind != Some(TYPE) {
        let text = format!("The value of 'client_assertion_type' must be '{TYPE}'.");
        return Err(LoginError::new(400, "invalid_request", 900_144, text));
    }
    let refused = |number, text: &str| LoginError::new(401, "invalid_client", number, text);
    let malformed = || refused(50_027, "JWT token is invalid or malformed.");
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let read =
        |part: &str| -> Option<Value> { serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok() };
    let (header, claims) = read(header).zip(read(claims)).ok_or_else(malformed)?;
    if header["alg"] != "PS256" || header["typ"] != "JWT" {
        return Err(malformed());
    }
    let thumbprint = |der: &&Vec<u8>| header["x5t#S256"] == BASE64URL_NOPAD.encode(&Sha256::digest(der));
    let Some(certificate) = app.certificates.iter().find(thumbprint) else {
        let text = "Client assertion contains an invalid signature. [Reason - The key was not found.]";
        return Err(refused(700_027, text));
    };
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| malformed())?;
    let key = public_key(certificate);
    if !key.is_some_and(|key| keys::is_pss_signature(key, signed, &signature)) {
        let text = "Client assertion contains an invalid signature. [Reason - The key used is not the certificate's.]";
        return Err(refused(700_027, text));
    }
    if claims["iss"] != app.id.as_str() || claims["sub"] != app.id.as_str() {
        return Err(refused(700_021, "Client assertion application identifier doesn't match 'client_id' parameter."));
    }
    if claims["aud"] != address {
        return Err(refused(700_023, "Client assertion audience claim does not match Realm issuer."));
    }
    if claims["jti"].as_str().is_none_or(str::is_empty) {
        return Err(malformed());
    }
    let (begins, ends) = claims["nbf"].as_i64().zip(claims["exp"].as_i64()).ok_or_else(malformed)?;
    if begins > now.after(SKEW).as_seconds() || ends <= now.before(SKEW).as_seconds() {
        return Err(refused(700_024, "Client assertion is not within its valid time range."));
    }
    Ok(())
}

/// The RSA key of a certificate, as PKCS #1 writes it. Where it stands: RFC 5280, 4.1.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = inside(certificate, SEQUENCE)?;
    let (mut fields, _) = inside(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = inside(fields, VERSION)?.1;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        fields = inside(fields, *fields.first()?)?.1;
    }
    let (about, _) = inside(fields, SEQUENCE)?;
    let (_, key) = inside(about, SEQUENCE)?;
    // A bit string begins with how many bits of its end are not used: none.
    inside(key, BIT_STRING)?.0.strip_prefix(&[0])
}

/// What stands in the first value, which must have this tag, and what follows it (X.690, 8.1).
fn inside(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        _ => {
            let (bytes, rest) =
                rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() < 4)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    if found == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
    use serde_json::json;

    use super::*;

    const PEM: &str = include_str!("../../../tests/data/teams-app-certificate.pem");
    const OTHER: &str = include_str!("../../../tests/data/teams-app-certificate-other.pem");
    const ADDRESS: &str = "http://127.0.0.1:1/t/oauth2/v2.0/token";
    const NOW: i64 = 1_790_000_000;

    fn der(pem: &str, label: &str) -> Vec<u8> {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----")).unwrap();
        let (body, _) = rest.split_once("-----END").unwrap();
        BASE64.decode(body.replace('\n', "").as_bytes()).unwrap()
    }

    /// An assertion with some parts changed, signed by this key.
    fn made(pem: &str, padding: &'static dyn RsaEncoding, header: &Value, claims: &Value) -> String {
        let certificate = der(PEM, "CERTIFICATE");
        let thumbprint = BASE64URL_NOPAD.encode(&Sha256::digest(certificate));
        let mut of_header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
        let app = App::default().id;
        let mut of_claims =
            json!({"aud": ADDRESS, "iss": app, "sub": app, "jti": "1", "nbf": NOW, "iat": NOW, "exp": NOW + 300});
        for (part, changes) in [(&mut of_header, header), (&mut of_claims, claims)] {
            for (name, value) in changes.as_object().unwrap() {
                part[name] = value.clone();
            }
        }
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&of_header), encode(&of_claims));
        let key = RsaKeyPair::from_pkcs8(&der(pem, "PRIVATE KEY")).unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    fn checked(assertion: &str, kind: &str) -> Result<(), String> {
        let app = App { certificates: vec![der(OTHER, "CERTIFICATE"), der(PEM, "CERTIFICATE")], ..App::default() };
        check(&app, ADDRESS, Some(kind), assertion, Timestamp(NOW * 1000)).map_err(|error| error.code())
    }

    #[test]
    fn one_that_is_right_is_taken_and_each_fault_has_its_number() {
        let none = json!({});
        let right = made(PEM, &RSA_PSS_SHA256, &none, &none);
        assert_eq!(checked(&right, TYPE), Ok(()));
        assert_eq!(checked(&right, "jwt"), Err("AADSTS900144".to_owned()));
        assert_eq!(checked("a.b", TYPE), Err("AADSTS50027".to_owned()));
        let unknown = BASE64URL_NOPAD.encode(&[7; 32]);
        for (header, claims, number) in [
            (json!({"alg": "RS256"}), none.clone(), 50_027),
            (json!({"x5t#S256": unknown}), none.clone(), 700_027),
            (none.clone(), json!({"iss": "x"}), 700_021),
            (none.clone(), json!({"sub": "x"}), 700_021),
            (none.clone(), json!({"aud": "https://login.microsoftonline.com/"}), 700_023),
            (none.clone(), json!({"jti": null}), 50_027),
            (none.clone(), json!({"nbf": NOW + 301}), 700_024),
            (none.clone(), json!({"exp": NOW - 300}), 700_024),
        ] {
            let found = checked(&made(PEM, &RSA_PSS_SHA256, &header, &claims), TYPE);
            assert_eq!(found, Err(format!("AADSTS{number}")), "{header} {claims}");
        }
        for forged in [made(OTHER, &RSA_PSS_SHA256, &none, &none), made(PEM, &RSA_PKCS1_SHA256, &none, &none)] {
            assert_eq!(checked(&forged, TYPE), Err("AADSTS700027".to_owned()));
        }
    }
}
