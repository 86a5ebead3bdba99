//! `ev<id>` an accepted event, `rd<id>` that it is to be handled, `st<id>` how it ended, `dx<id>` that
//! it is dead, `sq` the highest event number that may have been given out.
//!
//! An event that asks nothing of us ends by being accepted: it says so itself and has no `st`, since most of
//! what a busy workspace says is of that kind.

use serde::{Deserialize, Serialize};

use crate::domain::card::Card;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{ApprovalId, EffectId, EventId, LaneKey};
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{end_of, number_of, numbered};
use crate::store::{StoreError, Stored, View, mark, put, take};

const EVENT: &[u8] = b"ev";
const READY: &[u8] = b"rd";
const END: &[u8] = b"st";
const DEAD: &[u8] = b"dx";
const BLOCK: &[u8] = b"sq";

impl Record for Event {
    /// The head as JSON behind its length, then the body as it came.
    fn to_payload(&self) -> Vec<u8> {
        let head = serde_json::to_vec(self).expect("invariant: events serialise");
        let length = u32::try_from(head.len()).expect("invariant: heads are below 4 GB").to_be_bytes();
        [&length[..], &head, &self.what.raw].concat()
    }

    fn from_payload(payload: &[u8]) -> Result<Self, String> {
        let (length, rest) = payload.split_first_chunk::<4>().ok_or("the event is cut off")?;
        let (head, raw) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or("the event is cut off")?;
        let mut event: Self = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        event.what.raw = bytes::Bytes::copy_from_slice(raw);
        Ok(event)
    }
}

/// An event that is to be handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its lane.
    pub lane: LaneKey,
    /// Tries that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Times that it waited for a platform's word, which is nobody's failure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waits: u32,
    /// It keeps its place meanwhile: its lane waits with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds: bool,
    /// It has never ended: it was not given up and taken up again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// What the last of them said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Not before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "shape of serde's skip_serializing_if")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Record for Ready {}

impl Ready {
    /// One that nobody has tried.
    #[must_use]
    pub fn in_line(lane: LaneKey) -> Self {
        Self { lane, attempts: 0, waits: 0, holds: false, first: true, last_error: None, not_before: None }
    }

    /// One that was given up and is taken up again.
    #[must_use]
    pub fn again(lane: LaneKey) -> Self {
        Self { first: false, ..Self::in_line(lane) }
    }
}

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Its handler did what was asked.
    Done,
    /// A policy said no, and the person was told.
    Denied,
    /// A policy asks for somebody's approval first, which was asked for.
    Asked,
    /// It could not be done as asked, and the person was told.
    Refused,
    /// It asks nothing of us.
    Ignored,
    /// It was tried and given up; it can be replayed.
    Dead,
    /// An operator took it off.
    Dropped,
}

impl End {
    /// The word that `events list` shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }
}

/// The story of an event from its acceptance to its end, for `why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// How it ended.
    pub end: End,
    /// In one line: `created T-12`.
    pub summary: String,
    /// When it ended.
    pub at: Timestamp,
    /// The person: `p-… (Ada, member)`, or why none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The command or tool that handled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// Ids of the policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The smallest change that would have permitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_change: Option<String>,
    /// The approval that it asked for, decided, or ran by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// Who is told of it unasked, and who is not and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    /// Effects that it owes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectId>,
    /// Times its handler ran.
    pub attempts: u32,
    /// The result of a tool that a program called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
    /// What who waits is shown; it is handed to them and kept nowhere.
    #[serde(skip)]
    pub shown: Option<Card>,
}

impl Record for Story {}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
struct Reserved(u64);
impl Record for Reserved {}

/// The event.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, id: EventId) -> Result<Option<Event>, StoreError> {
    Ok(view.get(&numbered(EVENT, id.0))?.map(|stored| stored.value))
}

/// Stores a new event.
#[must_use]
pub fn put_event(event: &Event) -> Write {
    put(numbered(EVENT, event.id.0), Expect::Absent, event)
}

/// The write that forgets an event.
#[must_use]
pub fn forget(id: EventId) -> [Write; 2] {
    [take(numbered(EVENT, id.0), Expect::Any), take(numbered(END, id.0), Expect::Any)]
}

/// Whether an event is to be handled.
///
/// # Errors
/// Where the store cannot be read.
pub fn ready(view: &View, id: EventId) -> Result<Option<Stored<Ready>>, StoreError> {
    view.get(&numbered(READY, id.0))
}

/// Marks an event as to be handled.
#[must_use]
pub fn put_ready(id: EventId, ready: &Ready, expect: Expect) -> Write {
    put(numbered(READY, id.0), expect, ready)
}

/// Takes the mark away, on condition that it is the one that was read.
#[must_use]
pub fn take_ready(id: EventId, version: u64) -> Write {
    take(numbered(READY, id.0), Expect::as_read(version))
}

/// Every event that is to be handled, in order of acceptance.
pub fn all_ready(view: &View) -> impl Iterator<Item = Result<(EventId, Ready), StoreError>> + '_ {
    view.scan::<Ready>(READY, Order::Ascending).map(|entry| {
        let (key, stored) = entry?;
        Ok((id_of(&key)?, stored.value))
    })
}

/// Ids of events that are to be handled, in order of acceptance.
pub fn ready_ids(view: &View) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys(READY, Order::Ascending).map(|key| id_of(&key?))
}

/// How an event ended, where it has.
///
/// # Errors
/// Where the store cannot be read.
pub fn story(view: &View, id: EventId) -> Result<Option<Story>, StoreError> {
    match told(view, id)? {
        Some(told) => Ok(Some(told.value)),
        None => Ok(read(view, id)?.as_ref().and_then(ended_when_accepted)),
    }
}

/// How an event ended, where its end was written down after it was handled.
///
/// # Errors
/// Where the store cannot be read.
pub fn told(view: &View, id: EventId) -> Result<Option<Stored<Story>>, StoreError> {
    view.get(&numbered(END, id.0))
}

/// The story of something that asks nothing of us, where its channel says so.
#[must_use]
pub fn ended_when_accepted(event: &Event) -> Option<Story> {
    let EventKind::Platform { ignore: Some(why), .. } = &event.what.kind else { return None };
    Some(Story {
        end: End::Ignored,
        summary: why.clone(),
        at: event.at,
        person: None,
        handler: None,
        rules: Vec::new(),
        smallest_change: None,
        approval: None,
        told: Vec::new(),
        effects: Vec::new(),
        attempts: 0,
        result: None,
        shown: None,
    })
}

/// Stores how an event ended.
#[must_use]
pub fn put_story(id: EventId, story: &Story) -> Write {
    put(numbered(END, id.0), Expect::Any, story)
}

/// Marks an event as dead.
#[must_use]
pub fn mark_dead(id: EventId) -> Write {
    mark(numbered(DEAD, id.0), Expect::Any)
}

/// Takes the mark of a dead event away.
#[must_use]
pub fn take_dead(id: EventId) -> Write {
    take(numbered(DEAD, id.0), Expect::Any)
}

/// Ids of dead events, in order.
pub fn all_dead(view: &View) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys(DEAD, Order::Ascending).map(|key| id_of(&key?))
}

/// Ids of events, in the order asked for.
pub fn ids(view: &View, order: Order) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys(EVENT, order).map(|key| id_of(&key?))
}

/// Ids of events from one on, in order of acceptance.
pub fn ids_from(view: &View, from: EventId) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys_between(&numbered(EVENT, from.0), &end_of(EVENT), Order::Ascending).map(|key| id_of(&key?))
}

/// The number from which on events came at a time or later. Numbers grow with time, so few events are read; where a
/// clock was set back it is near it.
///
/// # Errors
/// Where the store cannot be read.
pub fn first_since(view: &View, at: Timestamp) -> Result<EventId, StoreError> {
    let newest = ids(view, Order::Descending).next().transpose()?;
    let (mut low, mut high) = (0, newest.map_or(0, |newest| newest.0 + 1));
    while low < high {
        let middle = low + (high - low) / 2;
        match ids_from(view, EventId(middle)).next().transpose()? {
            Some(id) if read(view, id)?.is_some_and(|it| it.at < at) => low = id.0 + 1,
            _ => high = middle,
        }
    }
    Ok(EventId(low))
}

/// Ids of events before one, the newest first.
pub fn ids_before(view: &View, before: EventId) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys_between(EVENT, &numbered(EVENT, before.0), Order::Descending).map(|key| id_of(&key?))
}

/// Ids of dead events before one, the newest first.
pub fn dead_before(view: &View, before: EventId) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys_between(DEAD, &numbered(DEAD, before.0), Order::Descending).map(|key| id_of(&key?))
}

/// Ids of events that are to be handled before one, the newest first.
pub fn ready_before(view: &View, before: EventId) -> impl Iterator<Item = Result<EventId, StoreError>> + '_ {
    view.keys_between(READY, &numbered(READY, before.0), Order::Descending).map(|key| id_of(&key?))
}

fn id_of(key: &[u8]) -> Result<EventId, StoreError> {
    number_of(key).map(EventId).ok_or_else(|| StoreError::Unreadable("an event's key".to_owned()))
}

/// The highest event number that an earlier process may have given out.
///
/// # Errors
/// Where the store cannot be read.
pub fn reserved(system: &View) -> Result<u64, StoreError> {
    Ok(system.get::<Reserved>(BLOCK)?.map_or(0, |stored| stored.value.0))
}

/// Reserves event numbers up to and with `upto`.
#[must_use]
pub fn reserve(upto: u64) -> Write {
    put(BLOCK.to_vec(), Expect::Any, &Reserved(upto))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{ChannelName, Incoming};
    use crate::domain::ids::TenantId;
    use crate::store::Batch;
    use crate::store::testing::in_memory;

    fn event(id: u64, at: i64) -> Event {
        let what = Incoming {
            channel: ChannelName::Slack,
            installation: String::new(),
            organisation: None,
            dedupe: Vec::new(),
            lane: LaneKey("l".into()),
            from: None,
            place: None,
            reply: None,
            kind: EventKind::Command { line: "help".into() },
            proof: String::new(),
            reach: None,
            happened: None,
            raw: bytes::Bytes::new(),
        };
        Event { id: EventId(id), tenant: TenantId::default_tenant(), at: Timestamp(at), what }
    }

    #[tokio::test]
    async fn events_are_found_by_their_time() {
        let store = in_memory();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        assert_eq!(first_since(&view, Timestamp(5)).unwrap(), EventId(0));
        let mut batch = Batch::new();
        for (id, at) in [(3, 10), (5, 20), (9, 20), (40, 30)] {
            batch.write(&tenant, put_event(&event(id, at)));
        }
        store.commit(batch).await.unwrap();
        for (at, expected) in [(0, Some(3)), (10, Some(3)), (15, Some(5)), (20, Some(5)), (21, Some(40)), (31, None)] {
            let first = first_since(&view, Timestamp(at)).unwrap();
            let found = ids_from(&view, first).next().transpose().unwrap();
            assert_eq!(found, expected.map(EventId), "from {at} on");
        }
    }
}
