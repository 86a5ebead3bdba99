//! The keys by which the Bot Framework signs: where they come from, how long they are kept, and which can be used.
//!
//! Owns the fetch, the shelf and the RSA check by one key. What a token must say besides is `verify`. It reads no clock
//! and no configuration. A key that came inside a token, or from an address in one, is never looked at.
//! Where the documents are: learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use data_encoding::BASE64URL_NOPAD;
use reqwest::StatusCode;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use url::Url;

use super::hosts::is_loopback;
use crate::channels::http::{self, ReadError};
use crate::domain::time::Timestamp;

/// Keys are asked for again when they are older: the number of Microsoft's own SDK.
pub const FRESH: Duration = Duration::from_secs(24 * 3600);
/// After a key that was asked for in vain, tokens that name unknown ones are refused for so long: the number of the same
/// SDK. Who sends tokens with invented key ids can therefore cause no more than one fetch an hour, and a key that is new
/// is found when it is first named.
pub const SETTLED: Duration = Duration::from_secs(3600);
/// While they cannot be fetched, keys are used up to this age. The document says that "the list of keys is relatively
/// stable and may be cached for long periods of time (by default, 5 days within the Bot Framework SDK)".
pub const OLDEST: Duration = Duration::from_secs(5 * 24 * 3600);

/// One of the two calls of a fetch. Teams waits ten to fifteen seconds for our answer, and a fetch is within one.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// After a fetch that failed nobody asks for so long; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// No pause is longer: when the keys are back, tokens should be too.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Microsoft's list is some tens of KiB.
const LARGEST_ANSWER: usize = 1 << 20;
/// What `kid` may be long; Microsoft's are 27 characters. It is shown in the proof and the log.
const LONGEST_KID: usize = 200;
/// 2,048 and 8,192 bits. Shorter moduli can be factored; longer ones cost too much to check with, and ring takes none.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Public exponents are small numbers, 65,537 as a rule; ring takes none above 33 bits.
const LONGEST_EXPONENT: usize = 5;

/// Why keys cannot be had from an address.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// Whoever sits on the way of a plain connection could answer with keys of their own.
    #[error(
        "channels.teams.openid_metadata_url `{url}` is neither an https address nor an http address of this machine"
    )]
    BadAddress {
        /// As configured.
        url: String,
    },
    /// TLS could not be set up.
    #[error("the HTTPS client for the keys of Teams could not be made")]
    Http(#[source] reqwest::Error),
}

/// There is no key to judge a token by, and none can be fetched at present.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys by which Teams signs cannot be fetched: {reason}")]
pub struct KeysUnavailable {
    /// What the last fetch ran into.
    pub reason: String,
}

/// A public key by which the Bot Framework signs.
pub struct Key {
    kid: String,
    endorsements: Vec<String>,
    /// Modulus and exponent without leading zeros, as ring takes them at every check.
    rsa: RsaPublicKeyComponents<Vec<u8>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("endorsements", &self.endorsements).finish_non_exhaustive()
    }
}

impl Key {
    /// For tests of what stands behind the check; it fits no signature.
    #[cfg(test)]
    pub(super) fn of_test() -> Self {
        let rsa = RsaPublicKeyComponents { n: Vec::new(), e: Vec::new() };
        Self { kid: "test".to_owned(), endorsements: Vec::new(), rsa }
    }

    /// Its id among the Bot Framework's keys.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether the holder of this key signs for a channel: any, where the key names none.
    #[must_use]
    pub fn endorses(&self, channel_id: Option<&str>) -> bool {
        self.endorsements.is_empty() || channel_id.is_some_and(|id| self.endorsements.iter().any(|named| named == id))
    }

    /// Whether it made this RS256 signature (RSASSA-PKCS1-v1_5 with SHA-256).
    #[must_use]
    pub(super) fn made(&self, signature: &[u8], message: &[u8]) -> bool {
        self.rsa.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}

/// The keys as last fetched, and the way to fetch them again.
pub struct Keys {
    http: reqwest::Client,
    metadata: Url,
    shelf: ArcSwapOption<Shelf>,
    /// Held over a fetch, so that there is one at a time.
    attempts: Mutex<Attempts>,
}

/// What one fetch brought. The next one replaces it whole: a key that is withdrawn is gone.
struct Shelf {
    fetched: Timestamp,
    /// When a key was last asked for that is not there.
    in_vain: Option<Timestamp>,
    keys: HashMap<String, Arc<Key>>,
}

/// Fetches since the last that worked.
#[derive(Default)]
struct Attempts {
    last: Timestamp,
    failed: u32,
    reason: String,
}

/// What the shelf says of a key id.
enum Look {
    /// This is the answer.
    Sure(Option<Arc<Key>>),
    /// It is time to ask; where that fails, a key that is here will still do.
    Doubtful(Option<Arc<Key>>),
}

impl Keys {
    /// Prepares the fetch; connects to nobody.
    ///
    /// # Errors
    /// Where the address is not safe to take keys from.
    pub fn new(metadata_url: Url) -> Result<Self, SetUpError> {
        Self::with_timeout(metadata_url, CALL_TIMEOUT)
    }

    pub(super) fn with_timeout(metadata_url: Url, timeout: Duration) -> Result<Self, SetUpError> {
        if !is_safe(&metadata_url) {
            return Err(SetUpError::BadAddress { url: metadata_url.into() });
        }
        let http = http::client(timeout, timeout).map_err(SetUpError::Http)?;
        Ok(Self { http, metadata: metadata_url, shelf: ArcSwapOption::empty(), attempts: Mutex::default() })
    }

    /// The host that names the keys.
    #[must_use]
    pub(super) fn host(&self) -> &str {
        self.metadata.host_str().unwrap_or_default()
    }

    /// The key of an id, or `None` where the Bot Framework has no such key. Answers from memory as a rule; it fetches
    /// where keys are older than [`FRESH`], or where the id is unknown and none was asked for in vain within [`SETTLED`].
    ///
    /// # Errors
    /// Where the keys would have to be fetched to know, and cannot be.
    pub(super) async fn find(&self, now: Timestamp, kid: &str) -> Result<Option<Arc<Key>>, KeysUnavailable> {
        let known = match self.look(now, kid) {
            Look::Sure(answer) => return Ok(answer),
            Look::Doubtful(known) => known,
        };
        let mut attempts = match self.attempts.try_lock() {
            Ok(attempts) => attempts,
            // Somebody is asking; a key that will do need not wait for the answer.
            Err(_) if known.is_some() => return Ok(known),
            Err(_) => self.attempts.lock().await,
        };
        if let Look::Sure(answer) = self.look(now, kid) {
            return Ok(answer);
        }
        let outcome = if attempts.must_pause(now) {
            Err(KeysUnavailable { reason: attempts.reason.clone() })
        } else {
            self.refresh(&mut attempts, now, Some(kid)).await
        };
        match (outcome, known) {
            (Ok(shelf), _) => Ok(shelf.keys.get(kid).cloned()),
            (Err(_), Some(known)) => Ok(Some(known)),
            (Err(unavailable), None) => Err(unavailable),
        }
    }

    /// Fetches the keys, whatever is known, and says how many can be used.
    ///
    /// # Errors
    /// Says what stands in the way.
    pub async fn check(&self, now: Timestamp) -> Result<usize, KeysUnavailable> {
        let mut attempts = self.attempts.lock().await;
        Ok(self.refresh(&mut attempts, now, None).await?.keys.len())
    }

    fn look(&self, now: Timestamp, kid: &str) -> Look {
        let shelf = self.shelf.load();
        let Some(shelf) = shelf.as_ref() else { return Look::Doubtful(None) };
        let age = apart(now, shelf.fetched);
        match shelf.keys.get(kid) {
            Some(key) if age < FRESH => Look::Sure(Some(Arc::clone(key))),
            Some(key) if age < OLDEST => Look::Doubtful(Some(Arc::clone(key))),
            None if shelf.in_vain.is_some_and(|at| apart(now, at) < SETTLED) => Look::Sure(None),
            _ => Look::Doubtful(None),
        }
    }

    /// Fetches the keys, for the sake of one of them where one is named.
    async fn refresh(
        &self,
        attempts: &mut Attempts,
        now: Timestamp,
        kid: Option<&str>,
    ) -> Result<Arc<Shelf>, KeysUnavailable> {
        // Counted as failed until it has worked: who asked may go away, and the fetch with them.
        attempts.begin(now);
        match self.fetch().await {
            Ok(keys) => {
                let before = self.shelf.load().as_ref().and_then(|shelf| shelf.in_vain);
                let in_vain = if kid.is_some_and(|kid| !keys.contains_key(kid)) { Some(now) } else { before };
                let shelf = Arc::new(Shelf { fetched: now, in_vain, keys });
                self.shelf.store(Some(Arc::clone(&shelf)));
                *attempts = Attempts::default();
                Ok(shelf)
            }
            Err(reason) => {
                tracing::warn!(reason, failed = attempts.failed, "the keys by which Teams signs could not be fetched");
                attempts.reason.clone_from(&reason);
                Err(KeysUnavailable { reason })
            }
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<Key>>, String> {
        let metadata: Metadata = self.get(self.metadata.clone(), "the metadata").await?;
        let address = Url::parse(&metadata.jwks_uri).ok().filter(|address| self.is_beside(address));
        let address = address.ok_or("the metadata names an address for the keys that is not on its own host")?;
        let listed: Listed = self.get(address, "the list of keys").await?;
        let keys = usable(&listed);
        if keys.is_empty() {
            return Err("the list of keys has none that can be used".to_owned());
        }
        Ok(keys)
    }

    /// Keys are taken from where the metadata is: same scheme, host and port.
    fn is_beside(&self, address: &Url) -> bool {
        is_safe(address) && address.origin() == self.metadata.origin()
    }

    /// One answer, read to its end and to no more than [`LARGEST_ANSWER`].
    async fn get<T: DeserializeOwned>(&self, url: Url, what: &str) -> Result<T, String> {
        let broken = |error: reqwest::Error| format!("{what}: {}", http::words(error));
        let mut response = self.http.get(url).send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(format!("{what}: HTTP {}", response.status().as_u16()));
        }
        let body = http::body(&mut response, LARGEST_ANSWER).await.map_err(|error| match error {
            ReadError::Broken(error) => broken(error),
            ReadError::TooLong => format!("{what}: an answer of more than 1 MiB"),
        })?;
        serde_json::from_slice(&body).map_err(|_| format!("{what}: an answer in an unknown form"))
    }
}

impl Attempts {
    fn begin(&mut self, now: Timestamp) {
        self.last = now;
        self.failed = self.failed.saturating_add(1);
        "the last fetch was broken off".clone_into(&mut self.reason);
    }

    fn must_pause(&self, now: Timestamp) -> bool {
        let doublings = self.failed.saturating_sub(1).min(16);
        self.failed > 0 && apart(now, self.last) < FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

/// The metadata, of which one field is used: the issuer is known beforehand, and the algorithm is RS256 or none.
#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
}

/// The list of keys. Each is read by itself, so that one of an unknown kind does not hide the others.
#[derive(Deserialize)]
struct Listed {
    keys: Vec<Box<RawValue>>,
}

/// A JSON Web Key, RFC 7517. The certificate that comes along (`x5c`, `x5t`) says nothing that `n` and `e` do not.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    n: String,
    e: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    endorsements: Option<Vec<String>>,
}

impl Jwk {
    /// The key, where it is one for checking RS256 signatures.
    fn into_key(self) -> Option<Key> {
        let is_for_us = self.kty == "RSA"
            && self.usage.is_none_or(|usage| usage == "sig")
            && self.alg.is_none_or(|alg| alg == "RS256")
            && self.key_ops.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        let is_named = (1..=LONGEST_KID).contains(&self.kid.len()) && self.kid.bytes().all(|b| b.is_ascii_graphic());
        if !is_for_us || !is_named {
            return None;
        }
        let (n, e) = (number(&self.n)?, number(&self.e)?);
        let bits = 8 * n.len() - usize::try_from(n.first()?.leading_zeros()).ok()?;
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        let is_strong = MODULUS_BITS.contains(&bits) && is_odd(&n);
        let is_exponent = e.len() <= LONGEST_EXPONENT && is_odd(&e) && e != [1];
        (is_strong && is_exponent).then_some(Key {
            kid: self.kid,
            endorsements: self.endorsements.unwrap_or_default(),
            rsa: RsaPublicKeyComponents { n, e },
        })
    }
}

/// The keys of a list that can be used. Of two with one id the first counts.
fn usable(listed: &Listed) -> HashMap<String, Arc<Key>> {
    let mut keys = HashMap::new();
    for key in listed.keys.iter().filter_map(|raw| serde_json::from_str::<Jwk>(raw.get()).ok()?.into_key()) {
        if let Entry::Vacant(place) = keys.entry(key.kid.clone()) {
            place.insert(Arc::new(key));
        }
    }
    keys
}

/// A big-endian number without leading zeros, which some write and ring does not take.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes[zeros..].to_vec())
}

/// Whether nobody on the way can change what comes from an address.
fn is_safe(address: &Url) -> bool {
    let is_private = address.scheme() == "https" || address.scheme() == "http" && is_loopback(address);
    is_private && address.has_host() && address.username().is_empty() && address.password().is_none()
}

/// Time between two points in either order: a clock that was set back makes nothing young for ever.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    Duration::from_millis(one.0.abs_diff(other.0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for (address, taken) in [
            ("https://login.botframework.com/v1/.well-known/openidconfiguration", true),
            ("https://login.botframework.azure.us/v1/.well-known/openidconfiguration", true),
            ("https://127.0.0.1:9000/metadata", true),
            ("http://127.0.0.1:9000/metadata", true),
            ("http://[::1]:9000/metadata", true),
            ("http://localhost:9000/metadata", true),
            ("http://login.botframework.com/v1/.well-known/openidconfiguration", false),
            ("http://localhost.evil.example/metadata", false),
            ("http://10.0.0.1/metadata", false),
            ("https://user@login.botframework.com/", false),
            ("https://user:pass@login.botframework.com/", false),
            ("ftp://login.botframework.com/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(Keys::new(Url::parse(address).unwrap()).is_ok(), taken, "{address}");
        }
    }

    #[test]
    fn the_list_of_keys_stands_beside_the_metadata() {
        let public = "https://login.botframework.com/v1/.well-known/openidconfiguration";
        let local = "http://127.0.0.1:9000/metadata";
        for (metadata, address, taken) in [
            (public, "https://login.botframework.com/v1/.well-known/keys", true),
            (public, "https://LOGIN.botframework.com:443/keys", true),
            (public, "http://login.botframework.com/keys", false),
            (public, "https://login.botframework.com:8443/keys", false),
            (public, "https://login.botframework.com.evil.example/keys", false),
            (public, "https://login.botframework.com@evil.example/keys", false),
            (public, "https://a@login.botframework.com/keys", false),
            (public, "https://botframework.com/keys", false),
            (public, "http://127.0.0.1/keys", false),
            (public, "data:application/json,{}", false),
            (local, "http://127.0.0.1:9000/keys", true),
            (local, "http://127.0.0.1:9001/keys", false),
            (local, "https://127.0.0.1:9000/keys", false),
            (local, "https://login.botframework.com/v1/.well-known/keys", false),
        ] {
            let keys = Keys::new(Url::parse(metadata).unwrap()).unwrap();
            assert_eq!(keys.is_beside(&Url::parse(address).unwrap()), taken, "{metadata} {address}");
        }
    }

    #[test]
    fn a_key_is_used_where_it_is_strong_and_meant_for_signatures() {
        let odd = |bytes: usize| BASE64URL_NOPAD.encode(&vec![0xff; bytes]);
        let with_zeros = BASE64URL_NOPAD.encode(&[&[0, 0][..], &[0xff; 256]].concat());
        let of_2047_bits = BASE64URL_NOPAD.encode(&[&[0x7f][..], &[0xff; 255]].concat());
        let even = BASE64URL_NOPAD.encode(&[&[0xff; 255][..], &[0xfe]].concat());
        let table: &[(Value, bool)] = &[
            (json!({}), true),
            (json!({"use": null, "alg": null, "endorsements": null, "x5c": [], "other": {"deep": [1]}}), true),
            (json!({"alg": "RS256", "key_ops": ["verify"], "endorsements": ["msteams"]}), true),
            (json!({"n": odd(512)}), true),
            (json!({"n": odd(1024)}), true),
            (json!({"n": with_zeros}), true),
            (json!({"e": "Aw"}), true),
            (json!({"n": odd(128)}), false),
            (json!({"n": odd(255)}), false),
            (json!({"n": of_2047_bits}), false),
            (json!({"n": odd(1025)}), false),
            (json!({"n": even}), false),
            (json!({"n": ""}), false),
            (json!({"n": "AAAA"}), false),
            (json!({"n": "not base64!"}), false),
            (json!({"n": format!("{}=", odd(257))}), false),
            (json!({"n": 5}), false),
            (json!({"n": null}), false),
            (json!({"e": ""}), false),
            (json!({"e": "AQ"}), false),
            (json!({"e": "AQAA"}), false),
            (json!({"e": odd(6)}), false),
            (json!({"kty": "EC"}), false),
            (json!({"kty": "oct"}), false),
            (json!({"kty": "rsa"}), false),
            (json!({"use": "enc"}), false),
            (json!({"alg": "RS512"}), false),
            (json!({"alg": "HS256"}), false),
            (json!({"key_ops": ["encrypt"]}), false),
            (json!({"key_ops": []}), false),
            (json!({"kid": ""}), false),
            (json!({"kid": null}), false),
            (json!({"kid": "a b"}), false),
            (json!({"kid": "a\nb"}), false),
            (json!({"kid": "k".repeat(201)}), false),
            (json!({"endorsements": "msteams"}), false),
            (json!({"endorsements": [1]}), false),
        ];
        for (change, is_used) in table {
            let mut jwk = json!({"kty": "RSA", "use": "sig", "kid": "k1", "n": odd(256), "e": "AQAB"});
            jwk.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let listed: Listed = serde_json::from_value(json!({"keys": [7, "x", null, jwk]})).unwrap();
            assert_eq!(usable(&listed).len(), usize::from(*is_used), "{change}");
        }
    }

    #[test]
    fn of_two_keys_with_one_id_the_first_counts() {
        let n = BASE64URL_NOPAD.encode(&[0xff; 256]);
        let jwk = |channel: &str| json!({"kty": "RSA", "kid": "k", "n": n, "e": "AQAB", "endorsements": [channel]});
        let listed: Listed = serde_json::from_value(json!({"keys": [jwk("msteams"), jwk("webchat")]})).unwrap();
        let keys = usable(&listed);
        assert!(keys["k"].endorses(Some("msteams")) && !keys["k"].endorses(Some("webchat")));
        assert!(!keys["k"].endorses(None));
    }

    #[test]
    fn pauses_grow_to_five_minutes_and_no_further() {
        let mut attempts = Attempts::default();
        assert!(!attempts.must_pause(Timestamp(0)));
        let mut at = Timestamp(1_000_000);
        for pause in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
            attempts.begin(at);
            let end = at.after(Duration::from_secs(pause));
            assert!(attempts.must_pause(at) && attempts.must_pause(Timestamp(end.0 - 1)), "{pause}");
            assert!(!attempts.must_pause(end), "{pause}");
            at = end;
        }
        attempts.failed = u32::MAX;
        attempts.begin(at);
        assert!(!attempts.must_pause(at.before(Duration::from_secs(300))), "a clock that was set back");
    }
}
