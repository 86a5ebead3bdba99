//! How the App proves itself: GitHub's check of its JWT.
//!
//! From docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app.
//! The words are those that GitHub answers. It names no audience, so none is looked at.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::app::App;
use super::keys;
use super::refusal::Refusal;
use crate::domain::time::Timestamp;

/// How far ahead a JWT may end, in seconds.
const LONGEST: i64 = 600;

/// Whether the App made this, and it holds.
pub(super) fn check(app: &App, jwt: &str, now: Timestamp) -> Result<(), Refusal> {
    let undecoded = || Refusal::unproved("A JSON web token could not be decoded");
    let (signed, signature) = jwt.rsplit_once('.').ok_or_else(undecoded)?;
    let (header, claims) = signed.split_once('.').ok_or_else(undecoded)?;
    let read =
        |part: &str| -> Option<Value> { serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok() };
    let (header, claims) = read(header).zip(read(claims)).ok_or_else(undecoded)?;
    if header["alg"] != "RS256" {
        return Err(undecoded());
    }
    let issuer = match &claims["iss"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Refusal::unproved("'Issuer' claim ('iss') must be an Integer")),
    };
    if issuer != app.id.to_string() && issuer != app.client_id {
        return Err(Refusal::new(404, "integration_not_found", "Integration not found"));
    }
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| undecoded())?;
    if !keys::is_signature(&app.public_key, signed, &signature) {
        return Err(undecoded());
    }
    let now = now.as_seconds();
    if claims["iat"].as_i64().is_none_or(|issued| issued > now) {
        let text = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        return Err(Refusal::unproved(text));
    }
    match claims["exp"].as_i64() {
        Some(expires) if expires > now + LONGEST => {
            Err(Refusal::unproved("'Expiration time' claim ('exp') is too far in the future"))
        }
        Some(expires) if expires > now => Ok(()),
        _ => Err(Refusal::unproved(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion \
             expires",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{seed, tests};
    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn checked(jwt: &str) -> Result<(), (u16, String)> {
        check(&App::default(), jwt, Timestamp(NOW * 1000)).map_err(|refusal| (refusal.status, refusal.message))
    }

    #[test]
    fn one_that_is_right_is_taken_and_each_fault_has_its_words() {
        let right = json!({"iss": seed::APP_ID, "iat": NOW - 60, "exp": NOW + 600});
        let changed = |name: &str, value: Value| {
            let mut claims = right.clone();
            claims[name] = value;
            tests::signed(&claims, seed::PRIVATE_KEY)
        };
        for taken in [json!(seed::APP_ID), json!(seed::APP_ID.to_string()), json!(seed::CLIENT_ID)] {
            assert_eq!(checked(&changed("iss", taken)), Ok(()));
        }
        assert_eq!(checked(&changed("aud", json!("anybody"))), Ok(()));
        for (name, value, status, part) in [
            ("iss", json!(7), 404, "Integration not found"),
            ("iss", json!(null), 401, "'iss'"),
            ("iat", json!(NOW + 1), 401, "'iat'"),
            ("iat", json!("1"), 401, "'iat'"),
            ("exp", json!(NOW), 401, "must be a numeric value"),
            ("exp", json!(NOW + 601), 401, "too far in the future"),
        ] {
            let (found, message) = checked(&changed(name, value.clone())).unwrap_err();
            assert!(found == status && message.contains(part), "{name} {value}: {found} {message}");
        }
        let genuine = tests::signed(&right, seed::PRIVATE_KEY);
        let other = include_str!("../../../tests/data/teams-key-first.pem");
        for forged in ["", "a.b", "a.b.c", &genuine[..genuine.len() - 4], &tests::signed(&right, other)] {
            assert_eq!(checked(forged).unwrap_err().0, 401, "{forged}");
        }
    }
}
