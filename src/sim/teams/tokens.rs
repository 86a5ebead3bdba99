//! The tokens with which Teams proves itself to an application: JWTs, signed by the stand-in's key.
//!
//! Claims and headers are those of Microsoft's page "Authenticate requests with the Bot Connector API". It makes tokens,
//! right and wrong ones; whether one is right is the application's business.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::delivery::Variant;
use super::keys::SigningKey;
use super::state::State;

/// Who signs.
pub(super) const ISSUER: &str = "https://api.botframework.com";
/// How long a token holds, in seconds. Microsoft states none; this is ours.
const LIFE_S: i64 = 3600;
/// Farther off than the five minutes that clocks may differ by.
const BEYOND_SKEW_S: i64 = 360;

/// The token of an activity of a conversation that is sent at `seconds`.
pub(super) fn bearer(state: &State, conversation: &str, variant: Variant, seconds: i64) -> String {
    let own = SigningKey::of(state.key);
    let mut header = json!({ "alg": "RS256", "kid": own.kid, "x5t": own.kid, "typ": "JWT" });
    let mut claims = json!({
        "serviceurl": state.service_url_of(conversation), "nbf": seconds, "exp": seconds + LIFE_S, "iss": ISSUER,
        "aud": state.app.id,
    });
    let mut key = own;
    match variant {
        Variant::Genuine | Variant::Unsigned => {}
        Variant::WrongSignature => key = SigningKey::of(state.key + 1),
        Variant::Stale => {
            claims["nbf"] = json!(seconds - BEYOND_SKEW_S - LIFE_S);
            claims["exp"] = json!(seconds - BEYOND_SKEW_S);
        }
        Variant::FromTheFuture => {
            claims["nbf"] = json!(seconds + BEYOND_SKEW_S);
            claims["exp"] = json!(seconds + BEYOND_SKEW_S + LIFE_S);
        }
        Variant::NoExpiry => without(&mut claims, "exp"),
        Variant::WrongAudience => claims["aud"] = json!("00000000-0000-4000-8000-00000000dead"),
        Variant::WrongIssuer => claims["iss"] = json!("https://sts.windows.net/evil/"),
        Variant::WrongServiceUrl => claims["serviceurl"] = json!("https://smba.trafficmanager.net/elsewhere/"),
        Variant::NoServiceUrl => {
            // The spelling of Microsoft's page, which no token has.
            claims["serviceUrl"] = claims["serviceurl"].clone();
            without(&mut claims, "serviceurl");
        }
        Variant::UnknownKey => header["kid"] = json!("nobody-publishes-this-key"),
        Variant::NoAlgorithm => header["alg"] = json!("none"),
        Variant::SharedSecret => header["alg"] = json!("HS256"),
    }
    let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let signature = match variant {
        Variant::NoAlgorithm => Vec::new(),
        Variant::SharedSecret => {
            // What an application takes that lets the token choose, and its public key for the secret.
            let public = super::keys::published(state.key, true)["keys"][0]["n"].to_string();
            let mut mac =
                Hmac::<Sha256>::new_from_slice(public.as_bytes()).expect("invariant: HMAC takes keys of any length");
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        _ => key.sign(&text),
    };
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn without(claims: &mut Value, name: &str) {
    if let Some(claims) = claims.as_object_mut() {
        claims.remove(name);
    }
}
