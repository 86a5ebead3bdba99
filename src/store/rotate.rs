//! A new sealing key while the store runs: made, used from then on, old values sealed anew behind it.

use crate::domain::audit::AuditEntry;
use crate::domain::ids::TenantId;
use crate::domain::outcome::{Expect, Write};
use crate::store::engine::Order;
use crate::store::open::{data_key_entry, read_data_keys};
use crate::store::seal::{self, MasterKey};
use crate::store::{Batch, Store, StoreError, keyspace};

/// Values that are sealed anew in one commit.
const STEP: usize = 64;

/// Makes a new data key, stores it sealed by the master key with the audit row that tells of its number, and seals
/// with it from here on. Gives its number.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn new_key(
    store: &Store,
    masters: &[MasterKey],
    tenant: &TenantId,
    row: impl FnOnce(u32) -> AuditEntry,
) -> Result<u32, StoreError> {
    let master = masters.first().ok_or_else(|| StoreError::Unreadable("no master key is known".to_owned()))?;
    let newest = read_data_keys(store.engine().as_ref())?.iter().map(|key| key.id).max().unwrap_or(0);
    let key = seal::new_data_key(newest + 1, master);
    let mut batch = Batch::new();
    // Of two rotations at once one finds the number taken.
    batch.own.push(data_key_entry(&key));
    batch.audit(tenant, row(key.id));
    store.commit(batch).await?;
    store.keyring().activate(&key, masters)?;
    Ok(key.id)
}

/// How far resealing has come.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Step {
    /// The key to go on from; nothing at the end.
    pub next: Option<Vec<u8>>,
    /// Values that were sealed anew.
    pub done: usize,
    /// Values that cannot be opened and stay as they are.
    pub unreadable: usize,
}

/// Seals values anew that are sealed with an older key than the active one, from `from` on.
///
/// # Errors
/// Where the store cannot be read or written. A value that changes meanwhile is sealed by its change.
pub async fn step(store: &Store, from: &[u8]) -> Result<Step, StoreError> {
    let active = store.keyring().active_id();
    let mut stale = Vec::new();
    let mut step = Step::default();
    for (looked_at, entry) in store.engine().scan(from, &[], Order::Ascending).enumerate() {
        let (key, bytes) = entry?;
        if stale.len() == STEP || looked_at == STEP * 64 {
            step.next = Some(key);
            break;
        }
        if keyspace::tenant_of(&key).is_some() && seal::key_id_of(&bytes).is_some_and(|id| id != active) {
            stale.push((key, bytes));
        }
    }
    for (key, bytes) in stale {
        let Some(tenant) = keyspace::tenant_of(&key) else {
            continue;
        };
        let Ok((version, plain)) = store.keyring().open(&key, &bytes) else {
            step.unreadable += 1;
            continue;
        };
        let local = key[tenant.as_str().len() + 1..].to_vec();
        let mut batch = Batch::new();
        batch.write(&tenant, Write { key: local, expect: Expect::Version(version), value: Some(plain) });
        match store.commit(batch).await {
            Ok(()) => step.done += 1,
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(step)
}
