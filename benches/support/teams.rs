//! Teams, as cheaply as can be: activities signed by a key of its own, and the endpoints that a bot calls, on the core
//! of the load.
//!
//! It checks nothing; that is what the tests are for. Each message stands in a thread of its own, whose number is in
//! the address to which its answer goes: by that an answer is known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ai_crm::actors::clock;
use anyhow::anyhow;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::requests::Pool;
use super::stand_in::{serve, wait_until};

/// The bot's app, its secret, and its tenant.
const APP: &str = "0be9c400-0000-4000-8000-0000000000b1";
const PASSWORD: &str = "a-client-secret-of-the-benchmark";
const TENANT: &str = "0be9c400-0000-4000-8000-000000000001";
/// The one key by which activities are signed. Everybody may know it.
const KEY: &str = include_str!("../../tests/data/teams-key-first.pem");
const KEY_ID: &str = "bench";
/// People who write, and channels in which they do.
const PEOPLE: u64 = 50;
const CHANNELS: u64 = 100;
/// What stands before the number of a thread in a conversation's id, as it is written in a path.
const THREAD_IN_PATH: &[u8] = b"%3Bmessageid%3D";
/// How long a token holds, in seconds: longer than any run.
const LIFE_S: i64 = 3600;

/// A running stand-in.
pub(crate) struct Teams {
    base_url: String,
    key: RsaKeyPair,
    answers: Answers,
}

/// The numbers of the messages whose answers came, and when.
type Answers = Arc<Mutex<Vec<(Option<u64>, Instant)>>>;

impl Teams {
    /// Starts one.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let body: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let key = RsaKeyPair::from_pkcs8(&BASE64.decode(body.as_bytes())?).map_err(|error| anyhow!("{error}"))?;
        let answers = Answers::default();
        let published =
            Arc::new(Published { metadata: metadata(&base_url), keys: keys(&key), answers: answers.clone() });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let published = published.clone();
                tokio::spawn(async move {
                    // A connection that breaks is the server's affair.
                    let _ = serve(stream, |path, _| published.answer(path)).await;
                });
            }
        });
        Ok(Self { base_url, key, answers })
    }

    /// The settings of a bot that speaks with it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("MICROSOFT_APP_ID", APP.to_owned()),
            ("MICROSOFT_APP_PASSWORD", PASSWORD.to_owned()),
            ("MICROSOFT_APP_TENANT_ID", TENANT.to_owned()),
            ("MICROSOFT_LOGIN_URL", format!("{}/", self.base_url)),
            ("MICROSOFT_OPENID_METADATA_URL", format!("{}/metadata", self.base_url)),
            ("MICROSOFT_SERVICE_HOSTS", self.base_url.trim_start_matches("http://").to_owned()),
            ("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "0".to_owned()),
        ]
    }

    /// Makes `count` mentions of the bot, `@AI-CRM task list`; their numbers begin at `first`. One token signs
    /// them all: the Bot Framework uses one for as long as it holds, and it is checked each time all the same.
    pub(crate) fn mentions(&self, first: u64, count: usize) -> anyhow::Result<Pool> {
        let token = self.token()?;
        let mut pool = Pool::default();
        for number in first..first + count as u64 {
            let body = self.mention(number).to_string();
            let head = format!(
                "POST /api/messages HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
                 authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            pool.push(&head, &body);
        }
        Ok(pool)
    }

    fn mention(&self, number: u64) -> Value {
        let (person, channel) = (number % PEOPLE, format!("19:bench{:03}@thread.tacv2", number % CHANNELS));
        let bot = format!("28:{APP}");
        json!({
            "type": "message", "id": number.to_string(), "channelId": "msteams", "serviceUrl": self.service_url(),
            "timestamp": "2026-11-26T10:00:00.000Z", "localTimezone": "Europe/London", "locale": "en-GB",
            "from": {
                "id": format!("29:bench{person:03}"), "name": format!("Person {person}"),
                "aadObjectId": format!("0be9c400-0000-4000-8000-0000000{person:05}"),
            },
            "recipient": {"id": bot, "name": "AI-CRM"},
            "conversation": {
                "isGroup": true, "conversationType": "channel", "tenantId": TENANT,
                "id": format!("{channel};messageid={number}"),
            },
            "channelData": {
                "teamsChannelId": channel, "teamsTeamId": channel, "channel": {"id": channel}, "team": {"id": channel},
                "tenant": {"id": TENANT},
            },
            "text": "<at>AI-CRM</at> task list", "textFormat": "plain",
            "attachments": [{"contentType": "text/html", "content": "<p><span>AI-CRM</span>&nbsp;task list</p>"}],
            "entities": [
                {"type": "mention", "text": "<at>AI-CRM</at>", "mentioned": {"id": bot, "name": "AI-CRM"}},
                {"type": "clientInfo", "locale": "en-GB", "country": "GB", "platform": "Windows"},
            ],
        })
    }

    fn service_url(&self) -> String {
        format!("{}/teams/", self.base_url)
    }

    fn token(&self) -> anyhow::Result<String> {
        let now = clock::system().now().as_seconds();
        let header = json!({"alg": "RS256", "kid": KEY_ID, "x5t": KEY_ID, "typ": "JWT"});
        let claims = json!({
            "serviceurl": self.service_url(), "nbf": now, "exp": now + LIFE_S, "iss": "https://api.botframework.com",
            "aud": APP,
        });
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let made = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        made.map_err(|_| anyhow!("the key signs nothing"))?;
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }

    /// The numbers of the messages whose answers came, and when.
    pub(crate) fn answers(&self) -> Vec<(Option<u64>, Instant)> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets all answers.
    pub(crate) fn forget(&self) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until `count` answers came.
    pub(crate) async fn answered(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        wait_until(patience, || self.answers.lock().unwrap_or_else(PoisonError::into_inner).len() >= count).await
    }
}

/// What its endpoints tell, and what they are told.
struct Published {
    metadata: String,
    keys: String,
    answers: Answers,
}

impl Published {
    fn answer(&self, path: &[u8]) -> String {
        let has = |part: &[u8]| path.windows(part.len()).any(|window| window == part);
        if has(b"/activities") {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push((number_of(path), Instant::now()));
            format!(r#"{{"id":"18000000{:05}"}}"#, answers.len())
        } else if has(b"/members/") {
            let id = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let id = percent_encoding::percent_decode(id).decode_utf8_lossy();
            json!({"id": id, "name": id, "tenantId": TENANT, "userRole": "user"}).to_string()
        } else if has(b"/oauth2/v2.0/token") {
            json!({"token_type": "Bearer", "expires_in": LIFE_S, "access_token": "bench"}).to_string()
        } else if path == b"/metadata" {
            self.metadata.clone()
        } else {
            self.keys.clone()
        }
    }
}

/// The number of the message that is answered, by the thread to which its answer goes.
fn number_of(path: &[u8]) -> Option<u64> {
    let at = path.windows(THREAD_IN_PATH.len()).position(|window| window == THREAD_IN_PATH)? + THREAD_IN_PATH.len();
    let digits: Vec<u8> = path[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn metadata(base_url: &str) -> String {
    json!({
        "issuer": "https://api.botframework.com", "jwks_uri": format!("{base_url}/keys"),
        "id_token_signing_alg_values_supported": ["RS256"],
    })
    .to_string()
}

fn keys(key: &RsaKeyPair) -> String {
    let parts = PublicKeyComponents::<Vec<u8>>::from(key.public());
    let (n, e) = (BASE64URL_NOPAD.encode(&parts.n), BASE64URL_NOPAD.encode(&parts.e));
    let key = json!({"kty": "RSA", "use": "sig", "kid": KEY_ID, "n": n, "e": e, "endorsements": ["msteams"]});
    json!({"keys": [key]}).to_string()
}
