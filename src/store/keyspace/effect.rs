//! `op<id>` an effect that is owed, `de<id>` one that was given up, `rc<id>` how one ended; `oq<digest>` which one is to
//! report to a timer.

use crate::domain::effect::{Effect, Receipt};
use crate::domain::ids::{EffectId, EventId};
use crate::domain::outcome::{Expect, Write};
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{hashed, number_of, numbered};
use crate::store::{StoreError, Stored, View, put, take};

const OWED: &[u8] = b"op";
const REPORTS: &[u8] = b"oq";
const DEAD: &[u8] = b"de";
const RECEIPT: &[u8] = b"rc";

impl Record for Effect {}
impl Record for Receipt {}
impl Record for EffectId {}

fn key(kind: &[u8], id: EffectId) -> Vec<u8> {
    [numbered(kind, id.event.0), id.index.to_be_bytes().to_vec()].concat()
}

/// An effect that is owed.
///
/// # Errors
/// Where the store cannot be read.
pub fn owed(view: &View, id: EffectId) -> Result<Option<Stored<Effect>>, StoreError> {
    view.get(&key(OWED, id))
}

/// Owes an effect, or changes what is known of one.
#[must_use]
pub fn put_owed(effect: &Effect, expect: Expect) -> Write {
    put(key(OWED, effect.id), expect, effect)
}

/// An effect is owed no longer, on condition that it is the one that was read.
#[must_use]
pub fn take_owed(id: EffectId, version: u64) -> Write {
    take(key(OWED, id), Expect::as_read(version))
}

/// The effect that is to report to a timer, while it is owed.
///
/// # Errors
/// Where the store cannot be read.
pub fn reporting(view: &View, timer: &str) -> Result<Option<Stored<Effect>>, StoreError> {
    match view.get::<EffectId>(&hashed(REPORTS, timer))? {
        Some(id) => owed(view, id.value),
        None => Ok(None),
    }
}

/// Stores which effect is to report to a timer.
#[must_use]
pub fn put_reporting(timer: &str, id: EffectId) -> Write {
    put(hashed(REPORTS, timer), Expect::Any, &id)
}

/// No effect is to report to it any more.
#[must_use]
pub fn take_reporting(timer: &str) -> Write {
    take(hashed(REPORTS, timer), Expect::Any)
}

/// Ids of effects that are owed, in order of their events.
pub fn owed_ids(view: &View) -> impl Iterator<Item = Result<EffectId, StoreError>> + '_ {
    view.keys(OWED, Order::Ascending).map(|key| {
        let key = key?;
        let (event, index) = key.split_last_chunk::<4>().ok_or_else(unreadable)?;
        let event = number_of(event).ok_or_else(unreadable)?;
        Ok(EffectId { event: EventId(event), index: u32::from_be_bytes(*index) })
    })
}

fn unreadable() -> StoreError {
    StoreError::Unreadable("an effect's key".to_owned())
}

/// Every effect that is owed, in order of its event.
pub fn all_owed(view: &View) -> impl Iterator<Item = Result<Effect, StoreError>> + '_ {
    view.scan::<Effect>(OWED, Order::Ascending).map(|entry| Ok(entry?.1.value))
}

/// Effects that are owed before one, those of the newest events first.
pub fn owed_before(view: &View, before: EffectId) -> impl Iterator<Item = Result<Effect, StoreError>> + '_ {
    view.range::<Effect>(OWED, &key(OWED, before), Order::Descending).map(|entry| Ok(entry?.1.value))
}

/// Keeps an effect that was given up.
#[must_use]
pub fn put_dead(effect: &Effect) -> Write {
    put(key(DEAD, effect.id), Expect::Any, effect)
}

/// Takes a dead effect away.
#[must_use]
pub fn take_dead(id: EffectId) -> Write {
    take(key(DEAD, id), Expect::Any)
}

/// A dead effect.
///
/// # Errors
/// Where the store cannot be read.
pub fn dead(view: &View, id: EffectId) -> Result<Option<Stored<Effect>>, StoreError> {
    view.get(&key(DEAD, id))
}

/// Every dead effect.
pub fn all_dead(view: &View) -> impl Iterator<Item = Result<Effect, StoreError>> + '_ {
    view.scan::<Effect>(DEAD, Order::Ascending).map(|entry| Ok(entry?.1.value))
}

/// Dead effects before one, those of the newest events first.
pub fn dead_before(view: &View, before: EffectId) -> impl Iterator<Item = Result<Effect, StoreError>> + '_ {
    view.range::<Effect>(DEAD, &key(DEAD, before), Order::Descending).map(|entry| Ok(entry?.1.value))
}

/// Keys of dead effects, by which they are counted.
pub fn dead_keys(view: &View) -> impl Iterator<Item = Result<Vec<u8>, StoreError>> + '_ {
    view.keys(DEAD, Order::Ascending)
}

/// Stores how an effect ended.
#[must_use]
pub fn put_receipt(receipt: &Receipt) -> Write {
    put(key(RECEIPT, receipt.id), Expect::Any, receipt)
}

/// Takes a receipt away, when its effect is tried again or forgotten.
#[must_use]
pub fn take_receipt(id: EffectId) -> Write {
    take(key(RECEIPT, id), Expect::Any)
}

/// Whether anything of an event is owed or dead, a digest of later answers included.
///
/// # Errors
/// Where the store cannot be read.
pub fn is_open(view: &View, event: EventId) -> Result<bool, StoreError> {
    for kind in [OWED, DEAD] {
        if view.keys(&numbered(kind, event.0), Order::Ascending).next().transpose()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets how the effects of an event ended, when the event is forgotten.
///
/// # Errors
/// Where the store cannot be read.
pub fn forget_receipts(view: &View, event: EventId) -> Result<Vec<Write>, StoreError> {
    view.keys(&numbered(RECEIPT, event.0), Order::Ascending).map(|key| Ok(take(key?, Expect::Any))).collect()
}

/// How an effect ended.
///
/// # Errors
/// Where the store cannot be read.
pub fn receipt(view: &View, id: EffectId) -> Result<Option<Receipt>, StoreError> {
    Ok(view.get(&key(RECEIPT, id))?.map(|stored| stored.value))
}

/// How the effects of an event ended, in order.
///
/// # Errors
/// Where the store cannot be read.
pub fn receipts(view: &View, event: EventId) -> Result<Vec<Receipt>, StoreError> {
    view.scan::<Receipt>(&numbered(RECEIPT, event.0), Order::Ascending).map(|entry| Ok(entry?.1.value)).collect()
}
