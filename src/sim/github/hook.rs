//! The App's webhook: where it goes, what waits to be sent, and the record of what was sent, as GitHub keeps it.
//!
//! Shapes and the three days: docs.github.com/rest/apps/webhooks and docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries.
//! Sending is `postman`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::delivery::Manner;
use super::shape::time;
use super::state::State;
use crate::domain::time::Timestamp;

/// How long deliveries are kept: three days.
pub(super) const KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How long GitHub waits for an answer: ten seconds (docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks).
const DEADLINE: Duration = Duration::from_secs(10);
/// Longest body that is sent, in bytes (docs.github.com/webhooks/webhook-events-and-payloads, "Payload cap").
pub(super) const MOST_BYTES: usize = 25 * 1024 * 1024;

/// Events of which the App is told. Those of its installations come unasked.
pub const EVENTS: [&str; 16] = [
    "check_run",
    "check_suite",
    "deployment",
    "deployment_status",
    "issue_comment",
    "issues",
    "label",
    "milestone",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "repository",
    "status",
    "workflow_run",
];

/// What becomes of deliveries on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// They are sent.
    #[default]
    Open,
    /// Nobody is reached; each is on record as failed.
    Dropped,
    /// Something in between answers 200 and hands nothing on; each is on record as done.
    Swallowed,
}

/// The webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// The application's address; without one nothing is sent.
    pub url: Option<String>,
    /// What becomes of deliveries.
    pub way: Way,
    /// Deliveries that are under way at one time. With one they arrive in order, which GitHub does not promise.
    pub at_once: usize,
    /// How long an answer may take.
    pub deadline: Duration,
}

impl Default for Hook {
    fn default() -> Self {
        Self { url: None, way: Way::Open, at_once: 1, deadline: DEADLINE }
    }
}

/// What waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) guid: String,
    pub(super) event: String,
    pub(super) action: Option<String>,
    pub(super) installation: Option<u64>,
    pub(super) repository: Option<u64>,
    pub(super) payload: Arc<str>,
    pub(super) redelivery: bool,
    pub(super) manner: Manner,
}

/// A delivery that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Its id; each try has its own.
    pub id: u64,
    /// What the header `X-GitHub-Delivery` said; a redelivery keeps it.
    pub guid: String,
    /// When it was tried.
    pub delivered_at: Timestamp,
    /// Whether somebody asked for it.
    pub redelivery: bool,
    /// Seconds until the answer.
    pub duration: f64,
    /// `OK`, or why not.
    pub status: String,
    /// The HTTP status; that of a gateway where nobody answered.
    pub status_code: u16,
    /// The event.
    pub event: String,
    /// What happened, where the event says so.
    pub action: Option<String>,
    /// The installation.
    pub installation: Option<u64>,
    /// The repository.
    pub repository: Option<u64>,
    /// Where it went.
    pub url: String,
    /// The headers that were sent.
    pub request_headers: BTreeMap<String, String>,
    /// The body that was sent.
    pub payload: Arc<str>,
    /// The headers of the answer.
    pub response_headers: BTreeMap<String, String>,
    /// The body of the answer.
    pub response: String,
}

impl Delivery {
    /// Whether the application took it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.status == "OK"
    }

    /// As the list shows it.
    pub(super) fn listed(&self) -> Value {
        json!({
            "id": self.id, "guid": self.guid, "delivered_at": time(self.delivered_at), "redelivery": self.redelivery,
            "duration": self.duration, "status": self.status, "status_code": self.status_code, "event": self.event,
            "action": self.action, "installation_id": self.installation, "repository_id": self.repository,
            "throttled_at": null,
        })
    }

    /// As it is shown by itself.
    pub(super) fn whole(&self) -> Value {
        let mut whole = self.listed();
        let payload: Value = serde_json::from_str(&self.payload).unwrap_or_default();
        whole["url"] = json!(self.url);
        whole["request"] = json!({ "headers": self.request_headers, "payload": payload });
        whole["response"] = json!({ "headers": self.response_headers, "payload": self.response });
        whole
    }
}

impl State {
    /// Puts something on its way, in order. Nothing is sent that is longer than GitHub sends.
    pub(super) fn send(&mut self, outgoing: Outgoing) {
        if self.hook.url.is_some() && outgoing.payload.len() <= MOST_BYTES {
            self.outgoing.push_back(outgoing);
        }
    }

    /// Sends a delivery once more. False where there is none, or none any more.
    pub(super) fn redeliver(&mut self, id: u64) -> bool {
        let Some(delivery) = self.deliveries.get(&id) else { return false };
        let again = Outgoing {
            guid: delivery.guid.clone(),
            event: delivery.event.clone(),
            action: delivery.action.clone(),
            installation: delivery.installation,
            repository: delivery.repository,
            payload: delivery.payload.clone(),
            redelivery: true,
            manner: Manner::Genuine,
        };
        self.send(again);
        true
    }
}
