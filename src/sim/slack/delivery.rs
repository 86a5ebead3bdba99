//! Getting a request to an application: signature, deadline, repeats.
//!
//! One half of [`Sender`]. A [`Variant`] is a way in which a delivery may be wrong or repeated. What is in
//! a request and what becomes of the answer is not its business.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName};
use serde::Serialize;
use tokio::time::Instant;

pub use super::super::delivery::Manner;
use super::super::delivery::{self, Received, Silence};
use super::payload::{self, Request};
use super::sender::Sender;
use super::signature::sign;
use super::sockets::{self, Extras};

/// Where an application listens and how requests to it are signed.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Its address, without a path.
    pub base_url: String,
    /// The signing secret that it knows.
    pub signing_secret: String,
    /// Whether every kind goes to `/slack/events`, as Slack's own framework has it.
    pub one_path: bool,
    /// How long Slack waits.
    pub deadline: Duration,
    /// The pauses before the three repeats of an event.
    pub retry_pauses: [Duration; 3],
    /// Whether it goes by the sockets that the application has opened, and not by requests.
    pub by_socket: bool,
    /// Whether the acknowledgement of a command or a press may carry an answer.
    pub accepts_answers: bool,
    /// Whether the application subscribes to `message.channels` and `message.groups`.
    pub hears_channels: bool,
}

impl SenderConfig {
    /// Slack's own times, from docs.slack.dev/apis/events-api: three seconds; repeats at once, after one minute and after
    /// five.
    #[must_use]
    pub fn new(base_url: &str, signing_secret: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            signing_secret: signing_secret.to_owned(),
            one_path: false,
            deadline: Duration::from_secs(3),
            retry_pauses: [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(300)],
            by_socket: false,
            accepts_answers: true,
            hears_channels: true,
        }
    }
}

/// How Slack sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// Signed at this moment.
    #[default]
    Genuine,
    /// Signed with another secret.
    WrongSignature,
    /// Rightly signed, six minutes ago.
    Stale,
    /// Rightly signed, six minutes ahead.
    FromTheFuture,
    /// Without signature headers.
    Unsigned,
    /// A repeat, by number (1 to 3) and reason (`http_timeout`, `http_error`, `connection_failed`, …).
    Retry(u8, &'static str),
}

/// How each of the requests is signed that a manner makes, in order.
fn variants(manner: Manner) -> &'static [Variant] {
    match manner {
        Manner::Genuine => &[Variant::Genuine],
        Manner::WrongSignature => &[Variant::WrongSignature],
        Manner::Stale => &[Variant::Stale],
        Manner::Retry => &[Variant::Retry(1, "http_timeout")],
        Manner::Twice => &[Variant::Genuine, Variant::Genuine],
    }
}

/// A request ready to go; sending it twice is a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The request.
    pub request: Request,
    /// Its headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
}

/// What the application answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status; `None` when there was no answer in time.
    pub status: Option<u16>,
    /// The content type, without parameters.
    pub content_type: String,
    /// The body.
    pub body: String,
    /// Whether it asks for no repeats (`x-slack-no-retry: 1`).
    pub no_retry: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// Slack's reason where there was no answer: `http_timeout` or `connection_failed`.
    pub failure: Option<&'static str>,
}

impl Answer {
    /// That where Slack was told of no address.
    fn nowhere() -> Self {
        Self {
            status: None,
            content_type: String::new(),
            body: String::new(),
            no_retry: false,
            elapsed: Duration::ZERO,
            failure: Some("connection_failed"),
        }
    }

    /// Whether the application took the delivery.
    #[must_use]
    pub fn accepted(&self) -> bool {
        delivery::is_taken(self.status)
    }
}

impl Sender {
    /// Where the application listens.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.config.base_url
    }

    /// Whether it sends over the sockets that the application has opened.
    #[must_use]
    pub fn is_by_socket(&self) -> bool {
        self.config.by_socket
    }

    /// Signs a request, in a right or a wrong way.
    #[must_use]
    pub fn sign(&self, request: &Request, variant: Variant) -> Signed {
        let seconds = self.world.now().as_seconds();
        let at = match variant {
            Variant::Stale => seconds - 360,
            Variant::FromTheFuture => seconds + 360,
            _ => seconds,
        };
        let secret = match variant {
            Variant::WrongSignature => "this is not the secret",
            _ => &self.config.signing_secret,
        };
        let mut headers = Vec::new();
        if variant != Variant::Unsigned {
            headers.push(("x-slack-request-timestamp", at.to_string()));
            headers.push(("x-slack-signature", sign(secret, at, request.body.as_bytes())));
        }
        if let Variant::Retry(number, reason) = variant {
            headers.push(("x-slack-retry-num", number.to_string()));
            headers.push(("x-slack-retry-reason", reason.to_owned()));
        }
        Signed { request: request.clone(), headers }
    }

    /// Sends what would be a request over a socket, as the repeat that is given where it is one.
    pub async fn send_by_socket(&self, request: &Request, retry: Option<(u8, &'static str)>) -> Answer {
        let (kind, payload) = sockets::enveloped(request);
        let extras = Extras { accepts_answer: kind != "events_api" && self.config.accepts_answers, retry };
        let start = Instant::now();
        let acknowledged = self.world.send_envelope(kind, &payload, extras, self.config.deadline).await;
        let (status, failure) = match &acknowledged {
            Ok(_) => (Some(200), None),
            Err("timeout") => (None, Some("http_timeout")),
            Err(reason) => (None, Some(*reason)),
        };
        let answer = acknowledged.ok().map(|it| it["payload"].clone()).filter(|it| !it.is_null());
        Answer {
            status,
            content_type: "application/json".to_owned(),
            body: answer.map(|answer| answer.to_string()).unwrap_or_default(),
            no_retry: false,
            elapsed: start.elapsed(),
            failure,
        }
    }

    /// Sends a request in a way, by whichever road it goes. A socket needs no signature.
    async fn send_as(&self, request: &Request, variant: Variant) -> Answer {
        if !self.config.by_socket {
            return self.send(&self.sign(request, variant)).await;
        }
        let retry = match variant {
            Variant::Retry(number, reason) => Some((number, reason)),
            _ => None,
        };
        self.send_by_socket(request, retry).await
    }

    /// Sends what was signed, as often as it is called.
    pub async fn send(&self, signed: &Signed) -> Answer {
        let path = if self.config.one_path { "/slack/events" } else { signed.request.path };
        // Where a manifest made the application, Slack sends to the addresses in it.
        let address = match self.world.state().app.as_ref().map(|app| app.address(signed.request.path)) {
            Some(None) => return Answer::nowhere(),
            Some(Some(address)) => address.to_string(),
            None => format!("{}{path}", self.config.base_url),
        };
        let mut builder = self.client.post(address);
        builder = builder.header(CONTENT_TYPE, signed.request.content_type).body(signed.request.body.clone());
        builder = builder.header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
        for (name, value) in &signed.headers {
            builder = builder.header(HeaderName::from_static(name), value);
        }
        let (received, elapsed) = delivery::exchange(builder).await;
        match received {
            Ok(Received { status, headers, body }) => {
                let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
                let content_type = header("content-type").split(';').next().unwrap_or_default().trim().to_owned();
                let no_retry = header("x-slack-no-retry") == "1";
                Answer { status: Some(status), content_type, body, no_retry, elapsed, failure: None }
            }
            Err(silence) => Answer {
                status: None,
                content_type: String::new(),
                body: String::new(),
                no_retry: false,
                elapsed,
                failure: Some(if silence == Silence::Timeout { "http_timeout" } else { "connection_failed" }),
            },
        }
    }

    /// Signs and sends a request once.
    pub async fn deliver(&self, request: &Request) -> Answer {
        self.send_as(request, Variant::Genuine).await
    }

    /// Signs and sends a request in a manner; the answers in order, of which there is one at least.
    pub async fn deliver_as(&self, request: &Request, manner: Manner) -> Vec<Answer> {
        let mut answers = Vec::new();
        for variant in variants(manner) {
            answers.push(self.send_as(request, *variant).await);
        }
        answers
    }

    /// Delivers an event as the Events API does: up to three repeats until it is taken.
    pub async fn deliver_event(&self, request: &Request) -> Vec<Answer> {
        let mut answers = vec![self.deliver(request).await];
        for (number, pause) in (1_u8..).zip(self.config.retry_pauses) {
            let Some(last) = answers.last().filter(|last| !last.accepted() && !last.no_retry) else {
                break;
            };
            let reason = last.failure.unwrap_or("http_error");
            tokio::time::sleep(pause).await;
            answers.push(self.send_as(request, Variant::Retry(number, reason)).await);
        }
        answers
    }

    /// Asks the application to give `challenge` back.
    pub async fn verify_url(&self, challenge: &str) -> Answer {
        self.deliver(&payload::url_verification(challenge)).await
    }
}
