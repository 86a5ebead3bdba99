//! Looks for messages of ours that an earlier try may have posted.
//!
//! Slack takes no idempotency key. So every message carries one in its metadata, which nobody
//! sees, and the history of its place is searched for it: docs.slack.dev/messaging/message-metadata.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::answers::Seen;
use super::client::Client;
use crate::channels::{DeliverError, Delivery};
use crate::domain::time::Timestamp;

/// Marks our metadata among that of other apps.
const EVENT_TYPE: &str = "ai_crm_delivery";
/// A hundred messages each; a place where more has been said since is not read to its end.
const MOST_PAGES: usize = 10;
/// How far Slack's clock and ours may be apart.
const CLOCK_MARGIN: Duration = Duration::from_secs(300);

/// The key of a part of a card, from 0.
pub(super) fn part_key(delivery: &Delivery, index: usize) -> String {
    match index {
        0 => delivery.idempotency_key.clone(),
        _ => format!("{}#{}", delivery.idempotency_key, index + 1),
    }
}

/// Metadata that carries a key.
pub(super) fn metadata(key: &str) -> Value {
    json!({"event_type": EVENT_TYPE, "event_payload": {"key": key}})
}

/// What a search has found.
pub(super) struct Found {
    /// Ids of messages, by the keys that were looked for.
    pub(super) messages: BTreeMap<String, String>,
    /// Whether everything since the delivery was decided has been read.
    pub(super) whole: bool,
}

/// Searches for the first `parts` messages of a delivery.
pub(super) async fn search(client: &Client, delivery: &Delivery, parts: usize) -> Result<Found, DeliverError> {
    let wanted: Vec<String> = (0..parts).map(|index| part_key(delivery, index)).collect();
    let oldest = slack_time(delivery.since.before(CLOCK_MARGIN));
    let mut found = Found { messages: BTreeMap::new(), whole: false };
    let mut cursor: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let to = &delivery.to;
        let page = client.messages(&to.place, to.thread.as_deref(), &oldest, cursor.as_deref()).await?;
        for message in page.messages {
            if let Some(key) = key_of(&message).filter(|key| wanted.iter().any(|wanted| wanted == key)) {
                found.messages.entry(key.to_owned()).or_insert(message.ts);
            }
        }
        cursor = page.response_metadata.and_then(|next| next.next_cursor).filter(|cursor| !cursor.is_empty());
        if cursor.is_none() || found.messages.len() == wanted.len() {
            found.whole = true;
            break;
        }
    }
    Ok(found)
}

fn key_of(message: &Seen) -> Option<&str> {
    let metadata = message.metadata.as_ref()?;
    let ours = metadata.get("event_type").and_then(Value::as_str) == Some(EVENT_TYPE);
    metadata.pointer("/event_payload/key").and_then(Value::as_str).filter(|_| ours)
}

/// Seconds with six decimals, as Slack writes the ids of messages.
fn slack_time(at: Timestamp) -> String {
    let at = at.0.max(0);
    format!("{}.{:06}", at / 1000, at % 1000 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_slack_does() {
        assert_eq!(slack_time(Timestamp(1_531_420_618_250)), "1531420618.250000");
        assert_eq!(slack_time(Timestamp(-5)), "0.000000");
    }
}
