//! How effects end, written down: done, put off, dead, merged into a digest.

use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::card::Audience;
use crate::domain::effect::{Effect, EffectEnd, EffectKind, Receipt};
use crate::domain::event::Address;
use crate::domain::notice;
use crate::domain::outcome::{Expect, Write};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;
use crate::store::keyspace::face::{self, Face};
use crate::store::keyspace::notice::{self as notices_kept, Trouble};
use crate::store::keyspace::{effect, event, task, timer};
use crate::store::{Batch, Store, StoreError, Stored, View};

/// As many of the last changes of a task are looked through for one that is still to be shown.
const MOST_CHANGES: usize = 20;

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
    if let EffectEnd::Dead { reason } = end
        && !is_echo(it)
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
    if let Some(write) = shown(store, it, end)? {
        batch.write(&it.tenant, write);
        batch.writes(&it.tenant, made_anew(store, it, end.message().unwrap_or_default(), at)?);
    }
    batch.write(&it.tenant, effect::put_receipt(&receipt(it, end.clone(), at)));
    Ok(batch)
}

/// Whether it changes a message that nobody asked about just now, only to keep it true. Where that message is gone, or the
/// bot may not change it, nobody misses anything: the receipt says so, and there is nothing to try again.
fn is_echo(it: &Effect) -> bool {
    let EffectKind::Deliver { replaces, shows, answers, .. } = &it.kind;
    replaces.is_some() && shows.is_some() && answers.is_none()
}

/// What a message that shows a task's card is remembered by; one that cannot be changed is forgotten.
fn shown(store: &Store, it: &Effect, end: &EffectEnd) -> Result<Option<Write>, StoreError> {
    let EffectKind::Deliver { to, audience, replaces, shows, .. } = &it.kind;
    let Some(task) = shows.filter(|_| to.channel.reaches_people() && !to.home) else { return Ok(None) };
    let view = store.view(&it.tenant);
    // What one of many sees cannot be changed for that one later.
    let is_lasting = *audience == Audience::Everyone || to.alone;
    Ok(match (end, end.message().filter(|_| is_lasting), replaces) {
        // What changes a message says nothing about which is the last of its conversation.
        (_, Some(message), Some(_)) if face::at(&view, task, to)?.is_some_and(|kept| kept.message != message) => None,
        (_, Some(message), _) => {
            let to = Address { begins_thread: false, ..to.lasting() };
            Some(face::put_face(task, &Face { to, message: message.to_owned() }))
        }
        (EffectEnd::Dead { .. }, None, Some(message)) => face::forget(&view, task, to, message)?,
        _ => None,
    })
}

/// Where the task has changed since the card was made, and nothing that is owed shows so in this message, the messages of
/// the task are made anew: who changed it did not know of the message yet, or was overtaken.
fn made_anew(store: &Store, it: &Effect, message: &str, at: Timestamp) -> Result<Vec<Write>, StoreError> {
    let EffectKind::Deliver { shows, .. } = &it.kind;
    let view = store.view(&it.tenant);
    let task = shows.map(|id| task::read(&view, id)).transpose()?.flatten();
    match task.map(|task| task.value).filter(|task| task.updated > it.created) {
        Some(task) if !is_owed_anew(&view, &task, it.created, message)? => {
            timer::change(&view, &face::stale(task.id, at))
        }
        _ => Ok(Vec::new()),
    }
}

/// Whether one of the last changes of a task since then owes a change of a message.
fn is_owed_anew(view: &View, task: &Task, since: Timestamp, message: &str) -> Result<bool, StoreError> {
    let changes = task.history.iter().rev().take_while(|entry| entry.at > since).take(MOST_CHANGES);
    for change in changes {
        let story = event::story(view, change.event)?;
        for id in story.map(|story| story.effects).unwrap_or_default() {
            let owed = effect::owed(view, id)?.map(|owed| owed.value.kind);
            if matches!(owed, Some(EffectKind::Deliver { replaces: Some(other), .. }) if other == message) {
                return Ok(true);
            }
        }
    }
    Ok(false)
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
    use crate::domain::ids::{EffectId, EventId, PrincipalId, TaskId, TenantId};
    use crate::domain::task::{Origin, Person, Priority, Status};
    use crate::domain::time::Clock;
    use crate::store::keyspace::event::{End, Story};
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

    #[tokio::test]
    async fn a_message_that_shows_a_task_is_remembered_until_it_cannot_be_changed() {
        let store =
            Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), Arc::new(Still)).unwrap();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let task = TaskId(7);
        let showing = |event: u64, message: Option<&str>| {
            let mut it = Effect { id: EffectId { event: EventId(event), index: 0 }, ..effect() };
            let EffectKind::Deliver { to, shows, replaces, .. } = &mut it.kind;
            (to.channel, *shows, *replaces) = (ChannelName::Slack, Some(task), message.map(str::to_owned));
            it
        };
        let ends = async |it: Effect, with: EffectEnd| {
            let mut batch = Batch::new();
            batch.write(&tenant, effect::put_owed(&it, Expect::Absent));
            store.commit(batch).await.unwrap();
            let owed = effect::owed(&view, it.id).unwrap().unwrap();
            end(&store, &owed, with, Timestamp(2)).await.unwrap();
            face::of(&view, task, 9).unwrap().into_iter().map(|face| face.message).collect::<Vec<_>>()
        };
        let done = |id: &str, via: &str| EffectEnd::Done { platform_id: id.to_owned(), via: via.to_owned() };
        let dead = || EffectEnd::Dead { reason: "message_not_found".to_owned() };
        assert!(ends(showing(1, None), done("inline", "inline")).await.is_empty(), "it has no name");
        assert_eq!(ends(showing(2, None), done("C1:1", "chat.postMessage")).await, ["C1:1"]);
        assert_eq!(ends(showing(3, None), EffectEnd::FoundDone { platform_id: "C1:2".into() }).await, ["C1:2"]);
        assert_eq!(ends(showing(4, Some("C1:1")), dead()).await, ["C1:2"], "another has its place");
        assert!(ends(showing(5, Some("C1:2")), dead()).await.is_empty());
        assert_eq!(effect::all_dead(&view).count(), 0, "nobody misses it");
        assert!(ends(showing(6, None), dead()).await.is_empty());
        assert_eq!(effect::all_dead(&view).count(), 1);
        assert_eq!(timer::soonest(&view, 9).unwrap().len(), 1, "owners are told of what did not arrive");
        assert_eq!(notices_kept::troubles(&view, 9).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_card_that_is_shown_after_its_task_has_changed_is_made_anew_unless_that_is_owed() {
        let store =
            Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), Arc::new(Still)).unwrap();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let by = Person { id: PrincipalId("p-1".into()), name: "Ada".to_owned() };
        let origin = Origin { event: EventId(1), place: "slack".to_owned(), url: None, reply: None };
        let mut changed = Task {
            id: TaskId(7),
            title: "x".to_owned(),
            description: String::new(),
            status: Status::Done,
            priority: Priority::Medium,
            assignee: None,
            due: None,
            project: None,
            labels: Vec::new(),
            created_by: by.clone(),
            created: Timestamp(1),
            updated: Timestamp(5),
            origin,
            comments: Vec::new(),
            history: Vec::new(),
        };
        changed.remember(&by, Timestamp(5), EventId(9), "status todo → done".to_owned());
        let showing = |event: u64, created: i64, message: Option<&str>| {
            let id = EffectId { event: EventId(event), index: 0 };
            let mut it = Effect { id, created: Timestamp(created), ..effect() };
            let EffectKind::Deliver { to, shows, replaces, .. } = &mut it.kind;
            (to.channel, *shows, *replaces) = (ChannelName::Slack, Some(changed.id), message.map(str::to_owned));
            it
        };
        let owes = Story {
            end: End::Done,
            summary: String::new(),
            at: Timestamp(5),
            person: None,
            handler: None,
            rules: Vec::new(),
            smallest_change: None,
            told: Vec::new(),
            effects: vec![EffectId { event: EventId(9), index: 0 }],
            attempts: 1,
            result: None,
        };
        let mut batch = Batch::new();
        batch.writes(&tenant, task::create(&changed));
        batch.write(&tenant, event::put_story(EventId(9), &owes));
        batch.write(&tenant, effect::put_owed(&showing(9, 5, Some("C1:1")), Expect::Absent));
        store.commit(batch).await.unwrap();
        for (event, created, shown, is_anew) in [(2, 2, "C1:1", false), (3, 5, "C1:2", false), (4, 2, "C1:2", true)] {
            let it = showing(event, created, None);
            let mut batch = Batch::new();
            batch.write(&tenant, effect::put_owed(&it, Expect::Absent));
            store.commit(batch).await.unwrap();
            let owed = effect::owed(&view, it.id).unwrap().unwrap();
            let done = EffectEnd::Done { platform_id: shown.to_owned(), via: "chat.postMessage".to_owned() };
            end(&store, &owed, done, Timestamp(6)).await.unwrap();
            let timers = timer::soonest(&view, 9).unwrap();
            assert_eq!(timers.iter().any(|timer| timer.value.name == "face/T-7"), is_anew, "{event}: {timers:?}");
        }
    }
}
