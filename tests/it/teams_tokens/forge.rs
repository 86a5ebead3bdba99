//! Keys, tokens and the host of the keys, for the Bot Framework as it should be and for whoever is not it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ai_crm::sim::teams::seed::APP_ID;
use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::get;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::Sha256;

/// A key of the Bot Framework's, or that of a forger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    First,
    Second,
    Forger,
}

impl Key {
    fn pair(self) -> RsaKeyPair {
        let pem = match self {
            Self::First => include_str!("../../data/teams-key-first.pem"),
            Self::Second => include_str!("../../data/teams-key-second.pem"),
            Self::Forger => include_str!("../../data/teams-key-forger.pem"),
        };
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = BASE64.decode(body.as_bytes()).expect("invariant: the file holds a key");
        RsaKeyPair::from_pkcs8(&key).expect("invariant: the file holds a key")
    }

    fn public(self) -> RsaPublicKeyComponents<Vec<u8>> {
        RsaPublicKeyComponents::from(self.pair().public())
    }

    /// It as a list of keys has it.
    pub(super) fn jwk(self, kid: &str, change: &Value) -> Value {
        let public = self.public();
        let (n, e) = (BASE64URL_NOPAD.encode(&public.n), BASE64URL_NOPAD.encode(&public.e));
        changed(&json!({"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "n": n, "e": e}), change)
    }

    /// A header's value with a token of this header and these claims.
    pub(super) fn bearer(self, header: &Value, claims: &Value) -> String {
        self.raw(&header.to_string(), &claims.to_string())
    }

    /// The same of texts, which may be no JSON.
    pub(super) fn raw(self, header: &str, claims: &str) -> String {
        let pair = self.pair();
        let message = format!("{}.{}", text(header), text(claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature);
        signed.expect("invariant: the signature has the length of the key");
        format!("Bearer {message}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// The well-known trick: the public key, which everybody has, as the secret of an HMAC.
    pub(super) fn by_hmac(self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.public().n).expect("invariant: HMAC takes any length");
        mac.update(message.as_bytes());
        format!("Bearer {message}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()))
    }
}

/// What tokens say: at this moment, for this connector.
pub(super) struct Claims {
    /// Seconds since 1970.
    pub(super) now: i64,
    pub(super) service: String,
}

impl Claims {
    pub(super) fn good(&self) -> Value {
        let (nbf, exp) = (self.now - 60, self.now + 3600);
        json!({"serviceurl": self.service, "nbf": nbf, "exp": exp, "iss": "https://api.botframework.com", "aud": APP_ID})
    }

    /// With claims changed; those that are null are taken out.
    pub(super) fn with(&self, change: &Value) -> Value {
        let mut claims = changed(&self.good(), change);
        if let Some(claims) = claims.as_object_mut() {
            claims.retain(|_, value| !value.is_null());
        }
        claims
    }

    /// With a claim twice, once as 1.
    pub(super) fn with_twice(&self, claim: &str) -> String {
        format!("{{\"{claim}\":1,{}", &self.good().to_string()[1..])
    }
}

pub(super) fn header(kid: &str) -> Value {
    json!({"typ": "JWT", "alg": "RS256", "x5t": kid, "kid": kid})
}

pub(super) fn changed(base: &Value, change: &Value) -> Value {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut all = members(base);
    all.extend(members(change));
    Value::Object(all)
}

pub(super) fn encoded(value: &Value) -> String {
    text(&value.to_string())
}

fn text(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// The host of the metadata and of the keys.
#[derive(Clone)]
pub(super) struct KeyHost {
    address: String,
    keys: Arc<Mutex<Value>>,
    fetches: Arc<AtomicUsize>,
}

impl KeyHost {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let host = Self {
            address: format!("http://{}", listener.local_addr()?),
            keys: Arc::new(Mutex::new(json!({"keys": [
                Key::First.jwk("first", &json!({"endorsements": ["msteams"]})),
                Key::Second.jwk("free", &json!({})),
                Key::Second.jwk("elsewhere", &json!({"endorsements": ["webchat"]})),
            ]}))),
            fetches: Arc::default(),
        };
        let routes = Router::new().route("/metadata", get(metadata)).route("/keys", get(keys)).with_state(host.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(host)
    }

    pub(super) fn metadata_url(&self) -> String {
        format!("{}/metadata", self.address)
    }

    /// Publishes these keys instead.
    pub(super) fn publish(&self, keys: Value) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// How often somebody asked for the metadata.
    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

async fn metadata(State(host): State<KeyHost>) -> Json<Value> {
    host.fetches.fetch_add(1, Ordering::SeqCst);
    Json(json!({"issuer": "https://api.botframework.com", "jwks_uri": format!("{}/keys", host.address)}))
}

async fn keys(State(host): State<KeyHost>) -> Json<Value> {
    Json(host.keys.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
