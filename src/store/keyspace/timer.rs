//! `tm<due><digest of the name>` a timer, `tn<digest>` when the timer of that name is due.

use serde::{Deserialize, Serialize};

use crate::domain::outcome::{Expect, TimerChange, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::{hashed, sortable};
use crate::store::{StoreError, Stored, View, put, take};

const DUE: &[u8] = b"tm";
const NAME: &[u8] = b"tn";

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Its name, unique within the tenant.
    pub name: String,
    /// When it rings.
    pub at: Timestamp,
    /// What comes back with the ring.
    pub payload: serde_json::Value,
}

impl Record for Timer {}

#[derive(Debug, Serialize, Deserialize)]
struct When(Timestamp);
impl Record for When {}

fn due_key(at: Timestamp, name: &str) -> Vec<u8> {
    [DUE, &sortable(at), &hashed(&[], name)].concat()
}

/// Sets a timer, moving the one of the same name.
///
/// # Errors
/// Where the store cannot be read.
pub fn set(view: &View, timer: &Timer) -> Result<Vec<Write>, StoreError> {
    let mut writes = clear(view, &timer.name)?;
    writes.push(put(due_key(timer.at, &timer.name), Expect::Any, timer));
    writes.push(put(hashed(NAME, &timer.name), Expect::Any, &When(timer.at)));
    Ok(writes)
}

/// Sets or clears a timer, as a handler has decided.
///
/// # Errors
/// Where the store cannot be read.
pub fn change(view: &View, change: &TimerChange) -> Result<Vec<Write>, StoreError> {
    match change.clone() {
        TimerChange::Set { name, at, payload } => set(view, &Timer { name, at, payload }),
        TimerChange::Clear { name } => clear(view, &name),
    }
}

/// Clears the timer of a name, if there is one.
///
/// # Errors
/// Where the store cannot be read.
pub fn clear(view: &View, name: &str) -> Result<Vec<Write>, StoreError> {
    let name_key = hashed(NAME, name);
    Ok(match view.get::<When>(&name_key)? {
        Some(Stored { value: When(at), version }) => {
            vec![take(due_key(at, name), Expect::Any), take(name_key, Expect::Version(version))]
        }
        None => Vec::new(),
    })
}

/// The timer of a name, if there is one.
///
/// # Errors
/// Where the store cannot be read.
pub fn named(view: &View, name: &str) -> Result<Option<Timer>, StoreError> {
    let Some(Stored { value: When(at), .. }) = view.get::<When>(&hashed(NAME, name))? else { return Ok(None) };
    Ok(view.get::<Timer>(&due_key(at, name))?.map(|stored| stored.value))
}

/// The timers that are due soonest. One that cannot be read holds up none behind it; [`unreadable`] counts those.
///
/// # Errors
/// Where the store cannot be read.
pub fn soonest(view: &View, most: usize) -> Result<Vec<Stored<Timer>>, StoreError> {
    let timers = view.scan::<Timer>(DUE, Order::Ascending).map(|entry| Ok(entry?.1));
    timers.filter(|timer| !is_unreadable(timer)).take(most).collect()
}

/// How many timers cannot be read.
///
/// # Errors
/// Where the store cannot be read.
pub fn unreadable(view: &View) -> Result<usize, StoreError> {
    let mut count = 0;
    for entry in view.scan::<Timer>(DUE, Order::Ascending) {
        if is_unreadable(&entry) {
            count += 1;
        } else {
            entry?;
        }
    }
    Ok(count)
}

fn is_unreadable<T>(read: &Result<T, StoreError>) -> bool {
    matches!(read, Err(StoreError::Unreadable(_)))
}

/// Takes a timer that rang, on condition that it is the one that was read.
#[must_use]
pub fn rang(timer: &Stored<Timer>) -> [Write; 2] {
    let Timer { name, at, .. } = &timer.value;
    [take(due_key(*at, name), Expect::Version(timer.version)), take(hashed(NAME, name), Expect::Any)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::ids::TenantId;
    use crate::domain::time::testing::Still;
    use crate::store::engine::Engine;
    use crate::store::memory::Memory;
    use crate::store::seal::Keyring;
    use crate::store::{Batch, Store};

    #[tokio::test]
    async fn a_timer_that_cannot_be_read_holds_up_none_behind_it() {
        let memory = Arc::new(Memory::default());
        let store =
            Store::inline(memory.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let timer = |name: &str, at| Timer { name: name.into(), at: Timestamp(at), payload: serde_json::Value::Null };
        for (name, at) in [("first", 1), ("second", 2)] {
            let mut batch = Batch::new();
            batch.writes(&tenant, set(&view, &timer(name, at)).unwrap());
            store.commit(batch).await.unwrap();
        }
        let damaged = crate::store::keyspace::full(&tenant, &due_key(Timestamp(1), "first"));
        memory.apply(vec![(damaged, Some(b"\x01damaged".to_vec()))]).unwrap();
        let soonest: Vec<_> = soonest(&view, 1).unwrap().into_iter().map(|timer| timer.value.name).collect();
        assert_eq!(soonest, ["second"]);
        assert_eq!(unreadable(&view).unwrap(), 1);
    }
}
