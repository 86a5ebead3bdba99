//! Counters: the next number of a kind of thing within a tenant, such as tasks.
//!
//! A counter lives in memory and begins at the largest number that is stored, so it costs no write
//! and no conflict between lanes that make tasks at the same time. The write of the thing itself
//! demands that its key is free.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::domain::ids::TenantId;
use crate::store::StoreError;

/// All counters of a store.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    last: Mutex<HashMap<(TenantId, &'static str), u64>>,
}

impl Sequences {
    pub(crate) fn next(
        &self,
        tenant: &TenantId,
        counter: &'static str,
        largest: impl FnOnce() -> Result<u64, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (tenant.clone(), counter);
        let number = match last.get(&key) {
            Some(number) => number + 1,
            None => largest()? + 1,
        };
        last.insert(key, number);
        Ok(number)
    }
}
