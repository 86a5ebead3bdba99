//! Getting an activity to an application: token, deadline, repeats.
//!
//! One half of [`Sender`]. A [`Variant`] is a way in which a delivery may be wrong. What is in an activity and what becomes
//! of the answer is not its business.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;
use serde_json::Value;

pub use super::super::delivery::Manner;
use super::super::delivery::{self, Received, Silence};
use super::sender::Sender;
use super::tokens;

/// Where an application listens.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Its address, without a path.
    pub base_url: String,
    /// How long the platform waits: 15 seconds, the upper end of what the Bot Framework's page on long operations says
    /// (10 to 15).
    pub deadline: Duration,
    /// The pauses before repeats of what was not taken. Microsoft states no number and no pause; these are ours.
    pub retry_pauses: [Duration; 2],
}

impl SenderConfig {
    /// The platform's own times.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            deadline: Duration::from_secs(15),
            retry_pauses: [Duration::from_secs(1), Duration::from_secs(5)],
        }
    }
}

/// How an activity is signed. All but the first are to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// At this moment, by the published key.
    #[default]
    Genuine,
    /// By another key under the published one's name.
    WrongSignature,
    /// With a token that ended six minutes ago.
    Stale,
    /// With a token that begins in six minutes.
    FromTheFuture,
    /// Without a token.
    Unsigned,
    /// With a token that never ends.
    NoExpiry,
    /// For another application.
    WrongAudience,
    /// By another issuer.
    WrongIssuer,
    /// For another connector than the activity's.
    WrongServiceUrl,
    /// For no connector; the claim is there under the name of Microsoft's page, `serviceUrl`.
    NoServiceUrl,
    /// By a key that is not published.
    UnknownKey,
    /// `alg: none`.
    NoAlgorithm,
    /// `alg: HS256`, with the public key for a secret.
    SharedSecret,
}

impl Variant {
    /// Every way that is to be refused.
    pub const WRONG: [Self; 12] = [
        Self::WrongSignature,
        Self::Stale,
        Self::FromTheFuture,
        Self::Unsigned,
        Self::NoExpiry,
        Self::WrongAudience,
        Self::WrongIssuer,
        Self::WrongServiceUrl,
        Self::NoServiceUrl,
        Self::UnknownKey,
        Self::NoAlgorithm,
        Self::SharedSecret,
    ];
}

/// How each of the activities is signed that a manner makes, in order. In a repeat nothing says that it is one.
fn variants(manner: Manner) -> &'static [Variant] {
    match manner {
        Manner::Genuine | Manner::Retry => &[Variant::Genuine],
        Manner::WrongSignature => &[Variant::WrongSignature],
        Manner::Stale => &[Variant::Stale],
        Manner::Twice => &[Variant::Genuine, Variant::Genuine],
    }
}

/// An activity ready to go; sending it twice is a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The body, byte for byte.
    pub body: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// What the application answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status; `None` when there was no answer in time.
    pub status: Option<u16>,
    /// The body.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
    /// Why there was no answer: `timeout` or `connection_failed`.
    pub failure: Option<&'static str>,
}

impl Answer {
    /// Whether the application took the delivery.
    #[must_use]
    pub fn accepted(&self) -> bool {
        delivery::is_taken(self.status)
    }
}

impl Sender {
    /// Signs an activity, in a right or a wrong way.
    #[must_use]
    pub fn sign(&self, activity: &Value, variant: Variant) -> Signed {
        let seconds = self.world.now().as_seconds();
        let conversation = activity["conversation"]["id"].as_str().unwrap_or_default();
        let authorization = (variant != Variant::Unsigned)
            .then(|| format!("Bearer {}", tokens::bearer(&self.world.state(), conversation, variant, seconds)));
        Signed { body: activity.to_string(), authorization }
    }

    /// Sends what was signed, as often as it is called.
    pub async fn send(&self, signed: &Signed) -> Answer {
        let mut builder = self.client.post(format!("{}/api/messages", self.config.base_url));
        builder = builder.header(CONTENT_TYPE, "application/json; charset=utf-8").body(signed.body.clone());
        builder = builder.header("user-agent", "Microsoft-SkypeBotApi (Microsoft-BotFramework/3.0)");
        if let Some(authorization) = &signed.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let (received, elapsed) = delivery::exchange(builder).await;
        match received {
            Ok(Received { status, body, .. }) => Answer { status: Some(status), body, elapsed, failure: None },
            Err(silence) => {
                let failure = Some(if silence == Silence::Timeout { "timeout" } else { "connection_failed" });
                Answer { status: None, body: String::new(), elapsed, failure }
            }
        }
    }

    /// Signs and sends an activity once.
    pub async fn deliver(&self, activity: &Value) -> Answer {
        self.send(&self.sign(activity, Variant::Genuine)).await
    }

    /// Signs and sends an activity in a manner; the answers in order, of which there is one at least.
    pub async fn deliver_as(&self, activity: &Value, manner: Manner) -> Vec<Answer> {
        let mut answers = Vec::new();
        for variant in variants(manner) {
            answers.push(self.send(&self.sign(activity, *variant)).await);
        }
        answers
    }

    /// Delivers an activity until it is taken, as the connector does where there was no answer or a 5xx.
    pub async fn deliver_until_taken(&self, activity: &Value) -> Vec<Answer> {
        let mut answers = vec![self.deliver(activity).await];
        for pause in self.config.retry_pauses {
            if answers.last().is_some_and(|last| last.status.is_some_and(|status| status < 500)) {
                break;
            }
            tokio::time::sleep(pause).await;
            answers.push(self.deliver(activity).await);
        }
        answers
    }
}
