//! How effects end, written down: done, put off, dead, merged into a digest.

use super::faces;
use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::effect::{Effect, EffectEnd, EffectKind, Receipt, Report, Terms};
use crate::domain::ids::EffectId;
use crate::domain::notice;
use crate::domain::outcome::{Expect, TimerChange, Write};
use crate::domain::time::Timestamp;
use crate::store::keyspace::notice::{self as notices_kept, Trouble};
use crate::store::keyspace::{effect, event, timer};
use crate::store::{Batch, Store, StoreError, Stored};

/// The receipt of an effect that has ended.
#[must_use]
pub fn receipt(effect: &Effect, end: EffectEnd, at: Timestamp) -> Receipt {
    let to = effect.address();
    let thread = match &to.thread {
        _ if to.home => " home".to_owned(),
        // The link is what somebody wrote, and stands in the event.
        _ if to.below.is_some() => " below a link".to_owned(),
        Some(thread) => format!(" thread {thread}"),
        None => String::new(),
    };
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
    let mut owed = owed.clone();
    loop {
        match store.commit(ending(store, &owed, &end, at)?).await {
            Err(StoreError::Conflict) => owed = still_owed(store, &owed.value)?,
            other => return other,
        }
    }
}

/// The effect as it stands. A value that was sealed anew has another version and is owed all the same; who takes its
/// conflict for an end performs it twice.
fn still_owed(store: &Store, it: &Effect) -> Result<Stored<Effect>, StoreError> {
    effect::owed(&store.view(&it.tenant), it.id)?.ok_or(StoreError::Conflict)
}

fn ending(store: &Store, owed: &Stored<Effect>, end: &EffectEnd, at: Timestamp) -> Result<Batch, StoreError> {
    let it = &owed.value;
    let mut batch = Batch::new();
    batch.write(&it.tenant, effect::take_owed(it.id, owed.version));
    if let EffectEnd::Dead { reason } = end
        && is_missed(it)
    {
        let dead = Effect { last_error: Some(reason.clone()), ..it.clone() };
        batch.write(&it.tenant, effect::put_dead(&dead));
        let view = store.view(&it.tenant);
        let owes = event::read(&view, it.id.event)?;
        if !owes.is_some_and(|owes| notice::is_alert(&owes.what.kind)) {
            batch.write(&it.tenant, notices_kept::put_trouble(at, Trouble::Effect(it.id)));
            batch.writes(&it.tenant, timer::change(&view, &notice::alert(at))?);
        }
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
    batch.writes(&it.tenant, faces::follow(store, it, end, at)?);
    if let Some(terms) = &it.terms {
        batch.writes(&it.tenant, timer::change(&store.view(&it.tenant), &report(it.id, terms, end, at))?);
        batch.write(&it.tenant, effect::take_reporting(&terms.reports));
    }
    batch.write(&it.tenant, effect::put_receipt(&receipt(it, end.clone(), at)));
    Ok(batch)
}

/// The ring by which whoever owes an effect is told how it ended.
pub(crate) fn report(id: EffectId, terms: &Terms, end: &EffectEnd, at: Timestamp) -> TimerChange {
    let report = Report { effect: id, end: end.clone() };
    TimerChange::Set { name: terms.reports.clone(), at, payload: serde_json::json!(report) }
}

/// Nobody waits any more for what a step has owed: it is taken off before its first try, or while it is tried again. Where a
/// try is under way just now nothing can stop it.
pub(crate) fn withdrawing(owed: &Stored<Effect>, at: Timestamp) -> Vec<Write> {
    let it = &owed.value;
    let end = EffectEnd::Dropped { by: "its run".to_owned() };
    let mut writes = vec![effect::take_owed(it.id, owed.version), effect::put_receipt(&receipt(it, end, at))];
    writes.extend(it.terms.as_ref().map(|terms| effect::take_reporting(&terms.reports)));
    writes
}

/// Whether somebody misses it where it does not arrive. Nobody misses what keeps a message true of which nobody asked just
/// now, nor what would have stood below a link of their own, nor a reaction; and the step of a workflow decides by itself what follows: where that message is gone, or the bot may not change it, the
/// receipt says so, and there is nothing to try again.
fn is_missed(it: &Effect) -> bool {
    let is_sign = matches!(&it.kind, EffectKind::Call { operation, .. } if operation.ends_with(".react"));
    !faces::is_echo(it) && !is_sign && it.address().below.is_none() && it.terms.is_none()
}

/// An effect was tried and not performed: what was said is kept.
///
/// # Errors
/// [`StoreError::Conflict`] where it has ended meanwhile.
pub async fn failed(store: &Store, owed: &Stored<Effect>, error: &str) -> Result<(), StoreError> {
    let mut owed = owed.clone();
    loop {
        let it = Effect { attempts: owed.value.attempts + 1, last_error: Some(error.to_owned()), ..owed.value };
        let mut batch = Batch::new();
        batch.write(&it.tenant, effect::put_owed(&it, Expect::Version(owed.version)));
        match store.commit(batch).await {
            Err(StoreError::Conflict) => owed = still_owed(store, &it)?,
            other => return other,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TenantId;
    use crate::ledger::outbox::testing::delivery;
    use crate::store::testing::in_memory;

    async fn write(store: &Store, expect: Expect) {
        let mut batch = Batch::new();
        batch.write(&TenantId::default_tenant(), effect::put_owed(&delivery(1, "C1"), expect));
        store.commit(batch).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_sealed_anew_while_it_is_delivered_ends_all_the_same() {
        let (store, id) = (in_memory(), delivery(1, "C1").id);
        let view = store.view(&TenantId::default_tenant());
        write(&store, Expect::Absent).await;
        let read = effect::owed(&view, id).unwrap().unwrap();
        write(&store, Expect::Version(read.version)).await;
        failed(&store, &read, "not now").await.unwrap();
        assert_eq!(effect::owed(&view, id).unwrap().unwrap().value.attempts, 1);
        let done = EffectEnd::Done { platform_id: "1".into(), via: "api".into() };
        end(&store, &read, done.clone(), Timestamp(2)).await.unwrap();
        assert!(effect::owed(&view, id).unwrap().is_none(), "it would be delivered again");
        assert_eq!(effect::receipt(&view, id).unwrap().unwrap().end, done);
        assert!(matches!(end(&store, &read, done, Timestamp(3)).await, Err(StoreError::Conflict)), "it has ended");
    }
}
