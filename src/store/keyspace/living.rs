//! `lv<digest of the conversation and the topic>` the message of a topic in its conversation, `lx<time><digest>` when it
//! was written last, so that old ones are found.
//!
//! Written with the receipt of what wrote the message, and read when more is said of its topic there. A row that is gone
//! costs a look: the message carries its topic where its platform lets it.

use serde::{Deserialize, Serialize};

use crate::domain::event::Address;
use crate::domain::ids::EffectId;
use crate::domain::outcome::{Expect, Shows, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{digest, sortable};
use crate::store::{StoreError, View, mark, put, take};

const MESSAGE: &[u8] = b"lv";
const AT: &[u8] = b"lx";

/// The message of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivingMessage {
    /// Its id, in the channel's own notation.
    pub message: String,
    /// Whose card it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<Shows>,
    /// What wrote it last.
    pub by: EffectId,
    /// When.
    pub at: Timestamp,
}
impl Record for LivingMessage {}

fn digest_of(to: &Address, topic: &str) -> [u8; 16] {
    digest(&format!("{}\0{topic}", to.conversation()))
}

fn key(digest: &[u8]) -> Vec<u8> {
    [MESSAGE, digest].concat()
}

fn age(at: Timestamp, digest: &[u8]) -> Vec<u8> {
    [AT, &sortable(at), digest].concat()
}

/// The message of a topic in a conversation.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, to: &Address, topic: &str) -> Result<Option<LivingMessage>, StoreError> {
    Ok(view.get::<LivingMessage>(&key(&digest_of(to, topic)))?.map(|stored| stored.value))
}

/// Keeps a message in the place of the one before of its topic.
///
/// # Errors
/// Where the store cannot be read.
pub fn keep(view: &View, to: &Address, topic: &str, message: &LivingMessage) -> Result<Vec<Write>, StoreError> {
    let digest = digest_of(to, topic);
    let before = read(view, to, topic)?.filter(|before| before.at != message.at);
    let mut writes: Vec<Write> = before.map(|before| take(age(before.at, &digest), Expect::Any)).into_iter().collect();
    writes.extend([put(key(&digest), Expect::Any, message), mark(age(message.at, &digest), Expect::Any)]);
    Ok(writes)
}

/// The writes that forget messages that were written last before a time, the oldest first; two for each.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget(view: &View, before: Timestamp, most: usize) -> Result<Vec<Write>, StoreError> {
    let to = [AT, &sortable(before)].concat();
    let mut writes = Vec::new();
    for at in view.keys_between(AT, &to, Order::Ascending).take(most) {
        let at = at?;
        let digest =
            at.last_chunk::<16>().ok_or_else(|| StoreError::Unreadable("the key of a living message".to_owned()))?;
        writes.extend([take(key(digest), Expect::Any), take(at.clone(), Expect::Any)]);
    }
    Ok(writes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::ChannelName;
    use crate::domain::ids::{EventId, TenantId};
    use crate::store::Batch;
    use crate::store::testing::in_memory;

    #[tokio::test]
    async fn a_topic_has_one_message_in_each_conversation_and_is_forgotten_by_its_last_one() {
        let (store, tenant) = (in_memory(), TenantId::default_tenant());
        let view = store.view(&tenant);
        let issue = |number: u64| {
            let thread = Some(number.to_string());
            Address { thread, ..Address::at(ChannelName::GitHub, "77", "Acme/Shop") }
        };
        let written = |message: &str, at: i64| LivingMessage {
            message: message.to_owned(),
            shows: None,
            by: EffectId { event: EventId(1), index: 0 },
            at: Timestamp(at),
        };
        for (number, topic, message, at) in
            [(7, "triage", "1", 1), (7, "triage", "1+2", 5), (7, "review", "3", 2), (8, "triage", "4", 3)]
        {
            let writes = keep(&view, &issue(number), topic, &written(message, at)).unwrap();
            let mut batch = Batch::new();
            batch.writes(&tenant, writes);
            store.commit(batch).await.unwrap();
        }
        let message = |number, topic| read(&view, &issue(number), topic).unwrap().map(|it| it.message);
        assert_eq!(message(7, "triage").as_deref(), Some("1+2"));
        assert_eq!((message(7, "review").as_deref(), message(8, "review")), (Some("3"), None));
        let writes = forget(&view, Timestamp(4), 9).unwrap();
        assert_eq!(writes.len(), 4, "the one that was written anew is young");
        let mut batch = Batch::new();
        batch.writes(&tenant, writes);
        store.commit(batch).await.unwrap();
        assert_eq!((message(7, "triage").as_deref(), message(7, "review")), (Some("1+2"), None));
        assert!(forget(&view, Timestamp(4), 9).unwrap().is_empty());
    }
}
