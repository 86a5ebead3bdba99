//! Keys and tokens: those of the Bot Framework as they should be, and every way in which one may be made up.

use std::sync::LazyLock;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::domain::time::Timestamp;

pub(super) const APP: &str = "3b1f4e2a-9c0d-4a77-8f10-5d2c6a7b8e90";
pub(super) const SERVICE: &str = "https://smba.trafficmanager.net/emea/";
pub(super) const TEAMS: Option<&str> = Some("msteams");
/// Seconds since 1970.
pub(super) const NOW: i64 = 1_790_000_000;

fn pair(pem: &str) -> RsaKeyPair {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    RsaKeyPair::from_pkcs8(&BASE64.decode(body.as_bytes()).unwrap()).unwrap()
}

pub(super) static FIRST: LazyLock<RsaKeyPair> =
    LazyLock::new(|| pair(include_str!("../../../../../tests/data/teams-key-first.pem")));
pub(super) static SECOND: LazyLock<RsaKeyPair> =
    LazyLock::new(|| pair(include_str!("../../../../../tests/data/teams-key-second.pem")));
pub(super) static FORGER: LazyLock<RsaKeyPair> =
    LazyLock::new(|| pair(include_str!("../../../../../tests/data/teams-key-forger.pem")));

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

pub(super) fn after(by: Duration) -> Timestamp {
    at(NOW).after(by)
}

pub(super) fn changed(base: &Value, change: &Value) -> Value {
    let mut all = base.as_object().unwrap().clone();
    all.extend(change.as_object().unwrap().clone());
    Value::Object(all)
}

pub(super) fn without(mut base: Value, field: &str) -> Value {
    base.as_object_mut().unwrap().remove(field);
    base
}

pub(super) fn jwk(kid: &str, pair: &RsaKeyPair, change: &Value) -> Value {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    let (n, e) = (BASE64URL_NOPAD.encode(&public.n), BASE64URL_NOPAD.encode(&public.e));
    changed(&json!({"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "n": n, "e": e}), change)
}

/// The keys that the stand-in has as a rule.
pub(super) fn listed() -> Value {
    json!({"keys": [
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"},
        jwk("one", &FIRST, &json!({"endorsements": ["webchat", "msteams"]})),
        jwk("free", &SECOND, &json!({})),
        jwk("empty", &SECOND, &json!({"endorsements": []})),
        jwk("elsewhere", &SECOND, &json!({"endorsements": ["webchat", "msteams2"]})),
        jwk("encrypts", &SECOND, &json!({"use": "enc"})),
        jwk("rs512", &SECOND, &json!({"alg": "RS512"})),
        {"kty": "RSA", "kid": "weak", "n": BASE64URL_NOPAD.encode(&[0xff; 128]), "e": "AQAB"},
    ]})
}

pub(super) fn header_of(kid: &str) -> Value {
    json!({"typ": "JWT", "alg": "RS256", "x5t": kid, "kid": kid})
}

pub(super) fn claims() -> Value {
    json!({
        "serviceurl": SERVICE, "nbf": NOW - 60, "exp": NOW + 3600, "iss": "https://api.botframework.com", "aud": APP,
    })
}

pub(super) fn signed_by(pair: &RsaKeyPair, algorithm: &'static dyn RsaEncoding, header: &str, claims: &str) -> String {
    let encoded = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(algorithm, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("Bearer {message}.{}", BASE64URL_NOPAD.encode(&signature))
}

pub(super) fn raw(header: &str, claims: &str) -> String {
    signed_by(&FIRST, &RSA_PKCS1_SHA256, header, claims)
}

/// A token as it should be but for its claims.
pub(super) fn saying(claims: &Value) -> String {
    raw(&header_of("one").to_string(), &claims.to_string())
}

/// A token as it should be but for one claim.
pub(super) fn with(change: &Value) -> String {
    saying(&changed(&claims(), change))
}

/// A token as it should be but for its header.
pub(super) fn headed(header: &Value) -> String {
    raw(&header.to_string(), &claims().to_string())
}

/// A good token by the second key, under some key id.
pub(super) fn by_second(kid: &str) -> String {
    signed_by(&SECOND, &RSA_PKCS1_SHA256, &header_of(kid).to_string(), &claims().to_string())
}

/// The well-known trick: the public key, which everybody has, as the secret of an HMAC.
pub(super) fn by_hmac(header: &Value) -> String {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(FIRST.public());
    let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", encoded(header), encoded(&claims()));
    let mut mac = Hmac::<Sha256>::new_from_slice(&public.n).unwrap();
    mac.update(message.as_bytes());
    format!("Bearer {message}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()))
}
