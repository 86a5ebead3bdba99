//! How effects end, written down: done, put off, dead, merged into a digest.

use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::effect::{Effect, EffectEnd, Receipt};
use crate::domain::outcome::Expect;
use crate::domain::time::Timestamp;
use crate::store::keyspace::effect;
use crate::store::{Batch, Store, StoreError, Stored};

/// The receipt of an effect that has ended.
#[must_use]
pub fn receipt(effect: &Effect, end: EffectEnd, at: Timestamp) -> Receipt {
    let to = effect.address();
    let thread = to.thread.as_ref().map(|thread| format!(" thread {thread}")).unwrap_or_default();
    Receipt {
        id: effect.id,
        at,
        end,
        to: format!("{} {}{thread}", to.channel, to.place),
        attempts: effect.attempts + 1,
    }
}

/// An effect has ended: its receipt takes its place. A dead one is kept beside it, and audited.
///
/// # Errors
/// [`StoreError::Conflict`] where it has ended otherwise.
pub async fn end(store: &Store, owed: &Stored<Effect>, end: EffectEnd, at: Timestamp) -> Result<(), StoreError> {
    let it = &owed.value;
    let mut batch = Batch::new();
    batch.write(&it.tenant, effect::take_owed(it.id, owed.version));
    if let EffectEnd::Dead { reason } = &end {
        let dead = Effect { last_error: Some(reason.clone()), ..it.clone() };
        batch.write(&it.tenant, effect::put_dead(&dead));
        batch.audit(
            &it.tenant,
            AuditEntry {
                action: "effect.deliver".to_owned(),
                actor: "system".to_owned(),
                args_digest: String::new(),
                channel: it.address().channel.to_string(),
                end: AuditEnd::Failed,
                event: Some(it.id.event),
                reason: reason.clone(),
                resource: it.id.to_string(),
                rules: Vec::new(),
            },
        );
    }
    batch.write(&it.tenant, effect::put_receipt(&receipt(it, end, at)));
    store.commit(batch).await
}

/// An effect was tried and not performed: what was said is kept.
///
/// # Errors
/// [`StoreError::Conflict`] where it has ended meanwhile.
pub async fn failed(store: &Store, owed: &Stored<Effect>, error: &str) -> Result<(), StoreError> {
    let it = Effect { attempts: owed.value.attempts + 1, last_error: Some(error.to_owned()), ..owed.value.clone() };
    let mut batch = Batch::new();
    batch.write(&it.tenant, effect::put_owed(&it, Expect::Version(owed.version)));
    store.commit(batch).await
}

/// A digest takes the place of late effects.
///
/// # Errors
/// [`StoreError::Conflict`] where one of them has ended meanwhile.
pub async fn merged(store: &Store, late: &[Stored<Effect>], digest: &Effect, at: Timestamp) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for owed in late {
        let it = &owed.value;
        batch.write(&it.tenant, effect::take_owed(it.id, owed.version));
        let end = EffectEnd::Merged { into: digest.id };
        batch.write(&it.tenant, effect::put_receipt(&receipt(it, end, at)));
    }
    batch.write(&digest.tenant, effect::put_owed(digest, Expect::Absent));
    store.commit(batch).await
}
