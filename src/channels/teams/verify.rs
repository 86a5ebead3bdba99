//! The Bot Framework's proof of authenticity: a signed token in `Authorization`, bound to the activity it came with.
//!
//! Owns what a token must be and say. The keys are `keys`; whether a customer's tenant is admitted is asked elsewhere,
//! since the token does not name it. It reads no configuration and no clock, and parses nothing of the body.
//! Rules: learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication, "Authenticate
//! requests from the Bot Connector service to your bot"; where Microsoft's SDKs differ, the stricter one is followed.
//! Tokens of the Emulator and of skills, which Entra signs, are refused.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::keys::{Key, Keys, KeysUnavailable};
use crate::domain::time::Timestamp;

/// What clocks may differ by when a token's times are judged: the number of the document.
pub const SKEW: Duration = Duration::from_secs(300);
/// A longer token is not looked at. Microsoft's are about 1 KiB.
pub const LONGEST_TOKEN: usize = 16 << 10;

/// As the SDKs demand it, to the letter.
const SCHEME: &str = "Bearer ";
/// The only algorithm; those that a token may name besides are ways to forge one.
const ALGORITHM: &str = "RS256";
/// Who signs, by the host of the metadata: the government's cloud has its own.
const GOVERNMENT: (&str, &str) = ("login.botframework.azure.us", "https://api.botframework.us");
const ISSUER: &str = "https://api.botframework.com";
/// What may stand before the app's id in an audience, longest first.
const AUDIENCE_PREFIXES: [&str; 2] = ["api://botid-", "api://"];

/// Checks tokens that were made for one app.
pub struct Verifier {
    app_id: String,
    issuer: &'static str,
    keys: Keys,
}

/// A token that the Bot Framework made for this app and that is in force. It proves nothing of an activity until
/// [`Token::vouches_for`] has said so.
#[derive(Debug, Clone)]
pub struct Token {
    service_url: String,
    key: Arc<Key>,
}

/// What a request has proved: the Bot Framework sent it, for this app and for this channel; or, where a door was opened
/// for the playground alone, that it comes from this machine.
#[derive(Debug, Clone)]
pub struct Proof(By);

#[derive(Debug, Clone)]
enum By {
    Token(Arc<Key>),
    Nearness,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            By::Token(key) => write!(f, "bot framework token, key {}", key.kid()),
            By::Nearness => f.write_str("none: taken from this machine for the playground"),
        }
    }
}

impl Proof {
    /// Of what came from this machine, through the playground's door.
    pub(super) fn of_playground() -> Self {
        Self(By::Nearness)
    }

    /// For tests of what stands behind the check.
    #[cfg(test)]
    pub(super) fn of_test() -> Self {
        Self(By::Token(Arc::new(Key::of_test())))
    }
}

/// Why a request is not believed. The caller learns only which of the three it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not from the Bot Framework, or not for this app, or not with this activity: 401.
    #[error("{0}")]
    Unauthentic(Reason),
    /// From the Bot Framework, but its key may not speak for the channel: 403.
    #[error("{0}")]
    Forbidden(Reason),
    /// It cannot be told at present, for want of keys: 503.
    #[error("keys unavailable")]
    KeysUnavailable,
}

/// What is wrong with a token, for the log and for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no `Authorization`.
    Missing,
    /// It is not `Bearer` and a token.
    Scheme,
    /// More than [`LONGEST_TOKEN`].
    TooLong,
    /// Not a signed JSON Web Token, or one with a field twice or of a wrong type.
    Malformed,
    /// Signed by another algorithm than RS256, or by none.
    Algorithm,
    /// The header demands extensions (`crit`), of which none is known here.
    Critical,
    /// The Bot Framework has no key of this id.
    UnknownKey,
    /// The key did not make this signature.
    Signature,
    /// Made by somebody else.
    Issuer,
    /// Made for somebody else.
    Audience,
    /// Past its time, or without one.
    Expired,
    /// Before its time.
    Early,
    /// Made for an activity from another address, or without one.
    ServiceUrl,
    /// The key is not endorsed for the channel.
    Endorsement,
    /// The playground's door is open for programs on this machine, and it is none.
    NotFromHere,
}

impl fmt::Display for Reason {
    /// A few words of a fixed set: they label a metric.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no token",
            Self::Scheme => "not a bearer token",
            Self::TooLong => "too long",
            Self::Malformed => "malformed",
            Self::Algorithm => "wrong algorithm",
            Self::Critical => "unknown extension",
            Self::UnknownKey => "unknown key",
            Self::Signature => "wrong signature",
            Self::Issuer => "wrong issuer",
            Self::Audience => "wrong audience",
            Self::Expired => "expired",
            Self::Early => "not yet valid",
            Self::ServiceUrl => "wrong service url",
            Self::Endorsement => "key not endorsed",
            Self::NotFromHere => "not from this machine",
        })
    }
}

impl Verifier {
    /// For an app's id and the keys by which its tokens are signed. The host of the keys' metadata decides whose
    /// tokens are taken: the public cloud's or the government's. A verifier with a blank id believes nobody.
    #[must_use]
    pub fn new(app_id: &str, keys: Keys) -> Self {
        let issuer = if keys.host() == GOVERNMENT.0 { GOVERNMENT.1 } else { ISSUER };
        Self { app_id: app_id.trim().to_owned(), issuer, keys }
    }

    /// The keys, for `doctor`.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Checks the value of `Authorization` by itself, before the body is parsed. Where a request has the header more
    /// than once, the caller hands over neither.
    ///
    /// # Errors
    /// Says what is wrong, for the log and for metrics; the caller answers the status alone.
    pub async fn token(&self, now: Timestamp, authorization: Option<&str>) -> Result<Token, Refused> {
        let token = bearer(authorization).map_err(Refused::Unauthentic)?;
        let parts = Parts::of(token).map_err(Refused::Unauthentic)?;
        let key = match self.keys.find(now, &parts.kid).await {
            Ok(Some(key)) => key,
            Ok(None) => return Err(Refused::Unauthentic(Reason::UnknownKey)),
            Err(KeysUnavailable { .. }) => return Err(Refused::KeysUnavailable),
        };
        if !key.made(&parts.signature, parts.signed.as_bytes()) {
            return Err(Refused::Unauthentic(Reason::Signature));
        }
        let service_url = self.claims(now, parts.payload).map_err(Refused::Unauthentic)?;
        Ok(Token { service_url, key })
    }

    /// Judges what the Bot Framework has signed, and gives the service URL for which it did.
    fn claims(&self, now: Timestamp, payload: &str) -> Result<String, Reason> {
        let claims: Claims = decode(payload)?;
        if claims.iss.as_deref() != Some(self.issuer) {
            return Err(Reason::Issuer);
        }
        if !claims.aud.is_some_and(|audience| self.is_us(&audience)) {
            return Err(Reason::Audience);
        }
        let (now, skew) = (now.as_seconds(), i64::try_from(SKEW.as_secs()).unwrap_or(i64::MAX));
        // The SDKs take a token without `exp`. Such a one would be good for ever, so it is not taken.
        if claims.exp.is_none_or(|end| now >= end.saturating_add(skew)) {
            return Err(Reason::Expired);
        }
        if claims.nbf.is_some_and(|start| start > now.saturating_add(skew)) {
            return Err(Reason::Early);
        }
        claims.serviceurl.filter(|url| !trimmed(url).is_empty()).ok_or(Reason::ServiceUrl)
    }

    /// One audience, alone: a token for several could be presented here by each of the others.
    fn is_us(&self, audience: &Audience) -> bool {
        let audience = match audience {
            Audience::One(audience) => audience,
            Audience::Several(several) => match several.as_slice() {
                [audience] => audience,
                _ => return false,
            },
        };
        let id = AUDIENCE_PREFIXES.iter().find_map(|prefix| audience.strip_prefix(prefix)).unwrap_or(audience);
        // A GUID is the same in either case.
        !self.app_id.is_empty() && id.eq_ignore_ascii_case(&self.app_id)
    }
}

impl Token {
    /// Binds the token to the activity that came with it, by the activity's `serviceUrl` and `channelId`.
    ///
    /// # Errors
    /// Says what is wrong, for the log and for metrics; the caller answers the status alone.
    pub fn vouches_for(&self, service_url: Option<&str>, channel_id: Option<&str>) -> Result<Proof, Refused> {
        let is_same = |url: &str| trimmed(url).eq_ignore_ascii_case(trimmed(&self.service_url));
        if !service_url.is_some_and(is_same) {
            return Err(Refused::Unauthentic(Reason::ServiceUrl));
        }
        if !self.key.endorses(channel_id) {
            return Err(Refused::Forbidden(Reason::Endorsement));
        }
        Ok(Proof(By::Token(Arc::clone(&self.key))))
    }
}

/// A token taken apart; nothing of it is believed yet.
struct Parts<'a> {
    kid: String,
    /// The header and the payload as they were signed.
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, Reason> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Reason::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Reason::Malformed)?;
        if payload.contains('.') {
            return Err(Reason::Malformed);
        }
        let header: Header = decode(header)?;
        if header.alg.as_deref() != Some(ALGORITHM) {
            return Err(Reason::Algorithm);
        }
        if header.crit {
            return Err(Reason::Critical);
        }
        let kid = header.kid.filter(|kid| !kid.is_empty()).ok_or(Reason::Malformed)?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Reason::Malformed)?;
        Ok(Self { kid, signed, payload, signature })
    }
}

/// The header, RFC 7515. Where it carries or names a key (`jwk`, `jku`, `x5c`, `x5u`), that is not read.
/// Unlike in a map, a field that is there twice is an error in these structs.
#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// The claims, RFC 7519. Times are whole seconds, as the Bot Framework writes them; a fraction is refused.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    exp: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    nbf: Option<i64>,
    /// In lower case, whatever the document writes. Who reads `serviceUrl` finds nothing and checks nothing.
    serviceurl: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A claim that may be absent, but not `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

fn bearer(authorization: Option<&str>) -> Result<&str, Reason> {
    let token = authorization.ok_or(Reason::Missing)?.strip_prefix(SCHEME).ok_or(Reason::Scheme)?;
    if token.len() > LONGEST_TOKEN {
        return Err(Reason::TooLong);
    }
    let is_one = !token.is_empty() && !token.contains([' ', ',', '\t']);
    if is_one { Ok(token) } else { Err(Reason::Scheme) }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, Reason> {
    let json = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Reason::Malformed)?;
    // serde would read an array into a struct too, field by field.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(Reason::Malformed);
    }
    serde_json::from_slice(&json).map_err(|_| Reason::Malformed)
}

/// As the SDK compares them: with one slash at the end or without.
fn trimmed(service_url: &str) -> &str {
    service_url.strip_suffix('/').unwrap_or(service_url)
}

#[cfg(test)]
mod tests;
