//! How effects end, written down: done, put off, dead, merged into a digest.

use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::card::Audience;
use crate::domain::effect::{Effect, EffectEnd, EffectKind, Receipt};
use crate::domain::event::Address;
use crate::domain::notice;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::keyspace::face::{self, Face};
use crate::store::keyspace::{effect, timer};
use crate::store::{Batch, Store, StoreError, Stored};

/// The receipt of an effect that has ended.
#[must_use]
pub fn receipt(effect: &Effect, end: EffectEnd, at: Timestamp) -> Receipt {
    let to = effect.address();
    let thread = match &to.thread {
        _ if to.home => " home".to_owned(),
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
    if let EffectEnd::Dead { reason } = end {
        let dead = Effect { last_error: Some(reason.clone()), ..it.clone() };
        batch.write(&it.tenant, effect::put_dead(&dead));
        batch.writes(&it.tenant, timer::change(&store.view(&it.tenant), &notice::alert(at))?);
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
    if let Some(write) = shown(it, end) {
        batch.write(&it.tenant, write);
    }
    batch.write(&it.tenant, effect::put_receipt(&receipt(it, end.clone(), at)));
    Ok(batch)
}

/// What a message that shows a task's card is remembered by, or forgotten: one that cannot be changed is not tried again.
fn shown(it: &Effect, end: &EffectEnd) -> Option<Write> {
    let EffectKind::Deliver { to, audience, replaces, shows, .. } = &it.kind;
    let task = shows.filter(|_| to.channel.reaches_people() && !to.home)?;
    // What one of many sees cannot be changed for that one later.
    let is_lasting = *audience == Audience::Everyone || to.alone;
    match end {
        EffectEnd::Dead { .. } => replaces.is_some().then(|| face::take_face(task, to)),
        _ => end.message().filter(|_| is_lasting).map(|message| {
            let face = Face { to: Address { begins_thread: false, ..to.lasting() }, message: message.to_owned() };
            face::put_face(task, &face)
        }),
    }
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
    use std::sync::Arc;

    use super::*;
    use crate::domain::card::Card;
    use crate::domain::event::ChannelName;
    use crate::domain::ids::{EffectId, EventId, TenantId};
    use crate::domain::time::Clock;
    use crate::store::memory::Memory;
    use crate::store::seal::Keyring;

    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp(1)
        }
    }

    fn effect() -> Effect {
        let (channel, installation, place) = (ChannelName::Terminal, String::new(), "p".to_owned());
        let to = Address {
            channel,
            installation,
            organisation: None,
            place,
            thread: None,
            begins_thread: false,
            home: false,
            connector: None,
            alone: false,
            person: None,
            route: None,
        };
        let card = Card::new("done");
        let kind =
            EffectKind::Deliver { to, card, audience: Audience::Everyone, replaces: None, shows: None, answers: None };
        let (id, tenant) = (EffectId { event: EventId(1), index: 0 }, TenantId::default_tenant());
        let created = Timestamp(1);
        Effect { id, tenant, created, not_before: None, expires: None, kind, attempts: 0, last_error: None }
    }

    async fn write(store: &Store, expect: Expect) {
        let mut batch = Batch::new();
        batch.write(&TenantId::default_tenant(), effect::put_owed(&effect(), expect));
        store.commit(batch).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_sealed_anew_while_it_is_delivered_ends_all_the_same() {
        let store =
            Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), Arc::new(Still)).unwrap();
        let view = store.view(&TenantId::default_tenant());
        write(&store, Expect::Absent).await;
        let read = effect::owed(&view, effect().id).unwrap().unwrap();
        write(&store, Expect::Version(read.version)).await;
        failed(&store, &read, "not now").await.unwrap();
        assert_eq!(effect::owed(&view, effect().id).unwrap().unwrap().value.attempts, 1);
        let done = EffectEnd::Done { platform_id: "1".into(), via: "api".into() };
        end(&store, &read, done.clone(), Timestamp(2)).await.unwrap();
        assert!(effect::owed(&view, effect().id).unwrap().is_none(), "it would be delivered again");
        assert_eq!(effect::receipt(&view, effect().id).unwrap().unwrap().end, done);
        assert!(matches!(end(&store, &read, done, Timestamp(3)).await, Err(StoreError::Conflict)), "it has ended");
    }
}
