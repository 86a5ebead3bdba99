//! Looks for messages of ours that an earlier try may have posted.
//!
//! Slack takes no idempotency key. So every message carries one in its metadata, which nobody
//! sees, and the history of its place is searched for it: docs.slack.dev/messaging/message-metadata.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::answers::Seen;
use super::chats::{self, Chat, Chats};
use super::client::Client;
use super::workspaces::is_expired;
use crate::channels::{DeliverError, Delivery};
use crate::domain::time::Timestamp;

/// Marks our metadata among that of other apps.
const EVENT_TYPE: &str = "ai_crm_delivery";
/// A thousand messages each; a place where more has been said since is not read to its end.
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

/// The end of a mark.
const BEGUN: &str = "~begun";

/// The id of the first block of a message that has begun and carries no metadata until it is whole.
pub(super) fn mark(delivery: &Delivery) -> String {
    format!("{}{BEGUN}", delivery.idempotency_key)
}

/// Slack does not let the bot read a place; with another token it would not either.
pub(super) fn hides_the_place(error: &DeliverError) -> bool {
    matches!(error, DeliverError::Rejected { .. }) && !is_expired(error)
}

/// Conversations of which it is remembered what was seen in them.
const MOST_SCANS: usize = 256;
/// Messages that were sent into one of them since it was read; beyond it the conversation is read anew. Ours: some
/// hundred kilobytes of keys.
const MOST_BEGUN: usize = 4000;

/// What a search has found.
pub(super) struct Found {
    /// Ids of messages, `channel:ts`, by the keys that were looked for, and by the [`mark`] of a message that has begun.
    /// The channel is the one that was read: of a person's chat Slack knows no message by the person.
    pub(super) messages: BTreeMap<String, String>,
    /// Whether everything since the delivery was decided has been read.
    pub(super) whole: bool,
}

/// What was seen in conversations that were read to their end. After a start everything that is owed has to be looked
/// for, and of one conversation one look tells of all: what an earlier process has sent is there then. What this
/// process has begun to send since is looked for anew.
#[derive(Default)]
pub(super) struct Scans {
    /// The chats of people, which are read by another id than they are posted to.
    pub(super) chats: Chats,
    seen: Mutex<HashMap<(String, Option<String>), Scan>>,
}

struct Scan {
    since: Timestamp,
    messages: BTreeMap<String, String>,
    begun: HashSet<String>,
}

impl Scans {
    fn seen(&self) -> MutexGuard<'_, HashMap<(String, Option<String>), Scan>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message of ours is about to be sent.
    pub(super) fn begin(&self, delivery: &Delivery, key: &str) {
        let (mut seen, place) = (self.seen(), place_of(delivery));
        let Some(scan) = seen.get_mut(&place) else { return };
        if scan.begun.len() < MOST_BEGUN {
            scan.begun.insert(key.to_owned());
        } else {
            seen.remove(&place);
        }
    }

    /// Searches for the first `parts` messages of a delivery, where an earlier search does not tell.
    pub(super) async fn search(
        &self,
        client: &Client,
        delivery: &Delivery,
        parts: usize,
    ) -> Result<Found, DeliverError> {
        if delivery.to.is_in_person() {
            // What is begun is told by the person, what is found by the chat.
            return search(&self.chats, client, delivery, parts).await;
        }
        let wanted = keys(delivery, parts);
        if let Some(scan) = self.seen().get(&place_of(delivery)).filter(|scan| scan.tells(delivery, &wanted)) {
            let of = |key: String| scan.messages.get(&key).map(|id| (key, id.clone()));
            let messages = wanted.into_iter().chain([mark(delivery)]).filter_map(of).collect();
            return Ok(Found { messages, whole: true });
        }
        let place = delivery.to.place.clone();
        let (mut found, to_the_end) = read(client, delivery, Chat::Known(place), &wanted).await?;
        if to_the_end {
            let mut seen = self.seen();
            let begun = seen.remove(&place_of(delivery)).map(|before| before.begun).unwrap_or_default();
            if seen.len() >= MOST_SCANS {
                seen.clear();
            }
            let scan = Scan { since: delivery.since, messages: found.messages.clone(), begun };
            seen.insert(place_of(delivery), scan);
        }
        let mark = mark(delivery);
        found.messages.retain(|key, _| wanted.contains(key) || *key == mark);
        Ok(found)
    }
}

impl Scan {
    fn tells(&self, delivery: &Delivery, wanted: &[String]) -> bool {
        self.since <= delivery.since && wanted.iter().all(|key| !self.begun.contains(key))
    }
}

fn place_of(delivery: &Delivery) -> (String, Option<String>) {
    (delivery.to.place.clone(), delivery.to.thread.clone())
}

fn keys(delivery: &Delivery, parts: usize) -> Vec<String> {
    (0..parts).map(|index| part_key(delivery, index)).collect()
}

/// Searches for the first `parts` messages of a delivery.
pub(super) async fn search(
    chats: &Chats,
    client: &Client,
    delivery: &Delivery,
    parts: usize,
) -> Result<Found, DeliverError> {
    let (to, wanted) = (&delivery.to, keys(delivery, parts));
    let place = if to.is_in_person() { chats.of(client, to).await? } else { Chat::Known(to.place.clone()) };
    let (mut found, _) = match read(client, delivery, place, &wanted).await {
        // What was remembered of a chat is asked for anew.
        Err(error) if chats::is_gone(&error) && chats.forget(to) => {
            let place = chats.of(client, to).await?;
            read(client, delivery, place, &wanted).await?
        }
        other => other?,
    };
    let mark = mark(delivery);
    found.messages.retain(|key, _| wanted.contains(key) || *key == mark);
    Ok(found)
}

/// Reads messages of ours until all that are wanted are there; says whether it came to the end.
async fn read(
    client: &Client,
    delivery: &Delivery,
    place: Chat,
    wanted: &[String],
) -> Result<(Found, bool), DeliverError> {
    let oldest = slack_time(delivery.since.before(CLOCK_MARGIN));
    let mut found = Found { messages: BTreeMap::new(), whole: false };
    let mut cursor: Option<String> = None;
    let to = &delivery.to;
    let place = match place {
        Chat::Known(place) => place,
        Chat::None => {
            found.whole = true;
            return Ok((found, true));
        }
        Chat::Unknown => return Ok((found, false)),
    };
    for _ in 0..MOST_PAGES {
        let page = client.messages(&place, to.thread.as_deref(), &oldest, cursor.as_deref()).await?;
        for message in page.messages {
            if let Some(key) = key_of(&message).or_else(|| mark_of(&message)) {
                found.messages.entry(key.to_owned()).or_insert_with(|| format!("{place}:{}", message.ts));
            }
        }
        cursor = page.response_metadata.and_then(|next| next.next_cursor).filter(|cursor| !cursor.is_empty());
        let all = wanted.iter().all(|key| found.messages.contains_key(key));
        if cursor.is_none() || all {
            found.whole = true;
            return Ok((found, cursor.is_none()));
        }
    }
    Ok((found, false))
}

fn key_of(message: &Seen) -> Option<&str> {
    let metadata = message.metadata.as_ref()?;
    let ours = metadata.get("event_type").and_then(Value::as_str) == Some(EVENT_TYPE);
    metadata.pointer("/event_payload/key").and_then(Value::as_str).filter(|_| ours)
}

/// The mark of a message that has begun.
fn mark_of(message: &Seen) -> Option<&str> {
    let id = message.blocks.pointer("/0/block_id").and_then(Value::as_str);
    id.filter(|id| id.ends_with(BEGUN) && message.bot_id.is_some())
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
