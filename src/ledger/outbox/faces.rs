//! Which message shows which task or approval, and which is the one of a topic, as receipts tell it.
//!
//! A message that shows such a card is remembered by the receipt of what showed it, so that whatever changes the task or
//! decides the approval changes it too. Two cannot know of each other: who makes a change before the card is shown, and
//! who shows a card that was made before the change. Here the second sees the first, and has the messages made anew.
//!
//! A topic has one message in its conversation. Where more is said of it, what the message has shown before is shown there
//! no longer, and a change that was owed to keep that true is not made.

use crate::domain::card::Audience;
use crate::domain::effect::{Effect, EffectEnd, EffectKind};
use crate::domain::event::Address;
use crate::domain::ids::EffectId;
use crate::domain::outcome::{Shows, Write};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;
use crate::store::keyspace::face::{self, Face};
use crate::store::keyspace::living::{self, LivingMessage};
use crate::store::keyspace::{approval, effect, event, task, timer};
use crate::store::{Store, StoreError, View};

/// As many of the last changes of a task are looked through for one that is still to be shown.
const MOST_CHANGES: usize = 20;

/// What follows for the messages that show something from the end of an effect that shows it; nothing where it shows none.
pub(super) fn follow(store: &Store, it: &Effect, end: &EffectEnd, at: Timestamp) -> Result<Vec<Write>, StoreError> {
    let mut writes = last_of_its_topic(store, it, end, at)?;
    if let Some(remembered) = shown(store, it, end)? {
        writes.extend(made_anew(store, it, end.message().unwrap_or_default(), at)?);
        writes.push(remembered);
    }
    Ok(writes)
}

/// What an effect writes its topic's message in the place of: that message, or what has taken the effect's place.
pub enum Before {
    /// It goes on in this message; nothing where the topic has none that is known.
    Message(Option<String>),
    /// It was to keep a message true that shows something else since this.
    Overtaken(EffectId),
}

/// What an effect finds of its topic in the conversation of an address; of none the message that it was owed to change.
///
/// # Errors
/// Where the store cannot be read.
pub fn before(view: &View, it: &Effect, to: &Address) -> Result<Before, StoreError> {
    let EffectKind::Deliver { replaces, shows, living, .. } = &it.kind else { return Ok(Before::Message(None)) };
    let Some(topic) = living.as_ref().and_then(|living| living.topic.as_deref()) else {
        return Ok(Before::Message(replaces.clone()));
    };
    Ok(match living::read(view, to, topic)? {
        Some(last) if is_echo(it) && last.shows != *shows => Before::Overtaken(last.by),
        Some(last) => Before::Message(Some(last.message)),
        None => Before::Message(replaces.clone()),
    })
}

/// Remembers the message of a topic; of what it has shown before it shows nothing any more.
fn last_of_its_topic(store: &Store, it: &Effect, end: &EffectEnd, at: Timestamp) -> Result<Vec<Write>, StoreError> {
    let EffectKind::Deliver { to, shows, living: Some(living), .. } = &it.kind else { return Ok(Vec::new()) };
    let (Some(topic), Some(message)) = (living.topic.as_deref(), end.message()) else { return Ok(Vec::new()) };
    let view = store.view(&it.tenant);
    let before = living::read(&view, to, topic)?;
    let last = LivingMessage { message: message.to_owned(), shows: *shows, by: it.id, at };
    let mut writes = living::keep(&view, to, topic, &last)?;
    if let Some(LivingMessage { message, shows: Some(before), .. }) = before
        && Some(before) != *shows
    {
        writes.extend(face::forget(&view, before, (to, Some(living)), &message)?);
    }
    Ok(writes)
}

/// Whether it changes a message that nobody asked about just now, only to keep it true.
pub(super) fn is_echo(it: &Effect) -> bool {
    let EffectKind::Deliver { replaces, shows, answers, .. } = &it.kind else { return false };
    replaces.is_some() && shows.is_some() && answers.is_none()
}

/// What a message that shows a card is remembered by; one that cannot be changed is forgotten.
fn shown(store: &Store, it: &Effect, end: &EffectEnd) -> Result<Option<Write>, StoreError> {
    let EffectKind::Deliver { to, audience, replaces, shows, living, .. } = &it.kind else { return Ok(None) };
    let Some(shows) = shows.filter(|_| to.channel.keeps_messages() && !to.home) else { return Ok(None) };
    let view = store.view(&it.tenant);
    // What one of many sees cannot be changed for that one later.
    let is_lasting = *audience == Audience::Everyone || to.alone;
    Ok(match (end, end.message().filter(|_| is_lasting), replaces) {
        // What changes a message says nothing about which is the last of its conversation.
        (_, Some(message), Some(replaced))
            if face::at(&view, shows, to, living.as_ref())?
                .is_some_and(|kept| kept.message != message && kept.message != *replaced) =>
        {
            None
        }
        (_, Some(message), _) => {
            let to = Address { begins_thread: false, ..to.lasting() };
            Some(face::put_face(shows, &Face { to, message: message.to_owned(), living: living.clone() }))
        }
        (EffectEnd::Dead { .. }, None, Some(message)) => face::forget(&view, shows, (to, living.as_ref()), message)?,
        _ => None,
    })
}

/// Where the task has changed since the card was made, and nothing that is owed shows so in this message, the messages of
/// the task are made anew: who changed it did not know of the message yet, or was overtaken. So is it with an approval,
/// which changes once.
fn made_anew(store: &Store, it: &Effect, message: &str, at: Timestamp) -> Result<Vec<Write>, StoreError> {
    let EffectKind::Deliver { to, shows, .. } = &it.kind else { return Ok(Vec::new()) };
    let view = store.view(&it.tenant);
    let task = match shows {
        Some(Shows::Task(id)) => task::read(&view, *id)?,
        Some(Shows::Approval { approval: id }) => {
            let decided = approval::read(&view, *id)?.and_then(|approval| approval.value.state.since());
            let is_stale = decided.is_some_and(|decided| decided > it.created);
            return if is_stale { timer::change(&view, &face::stale((*id).into(), at)) } else { Ok(Vec::new()) };
        }
        None => None,
    };
    match task.map(|task| task.value).filter(|task| task.updated > it.created) {
        Some(task) if !is_owed_anew(&view, &task, it.created, (to, message))? => {
            timer::change(&view, &face::stale(task.id.into(), at))
        }
        _ => Ok(Vec::new()),
    }
}

/// Whether one of the last changes of a task since then owes a change of a message.
fn is_owed_anew(
    view: &View,
    task: &Task,
    since: Timestamp,
    (place, message): (&Address, &str),
) -> Result<bool, StoreError> {
    let changes = task.history.iter().rev().take_while(|entry| entry.at > since).take(MOST_CHANGES);
    for change in changes {
        let story = event::story(view, change.event)?;
        for id in story.map(|story| story.effects).unwrap_or_default() {
            let owed = effect::owed(view, id)?.map(|owed| owed.value.kind);
            if let Some(EffectKind::Deliver { to, replaces: Some(other), .. }) = owed
                && other == message
                && to.shares_messages_with(place)
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::testing::pending;
    use crate::domain::approval::{Approval, State};
    use crate::domain::ids::{EventId, PrincipalId, TaskId, TenantId};
    use crate::domain::outcome::{Expect, Living};
    use crate::domain::task::{Origin, Person, Priority, Status};
    use crate::ledger::outbox::record::end;
    use crate::ledger::outbox::testing::delivery;
    use crate::store::Batch;
    use crate::store::keyspace::event::{End, Story};
    use crate::store::keyspace::notice;
    use crate::store::testing::in_memory;

    #[tokio::test]
    async fn a_message_that_shows_a_task_is_remembered_until_it_cannot_be_changed() {
        let store = in_memory();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let task = Shows::Task(TaskId(7));
        let showing = |event: u64, message: Option<&str>| {
            let mut it = delivery(event, "C1");
            let EffectKind::Deliver { shows, replaces, .. } = &mut it.kind else { unreachable!() };
            (*shows, *replaces) = (Some(task), message.map(str::to_owned));
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
        assert_eq!(notice::troubles(&view, 9).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_topic_goes_on_in_its_message_which_shows_the_last_thing_alone() {
        let store = in_memory();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let about = |event: u64, task: u64, replaces: Option<&str>| {
            let mut it = delivery(event, "C1");
            let EffectKind::Deliver { shows, living, replaces: changes, .. } = &mut it.kind else { unreachable!() };
            (*shows, *changes) = (Some(TaskId(task).into()), replaces.map(str::to_owned));
            *living = Some(Living { topic: Some("triage".to_owned()), lead: Some(format!("of T-{task}")) });
            it
        };
        let ends = async |it: &Effect, message: &str| {
            let mut batch = Batch::new();
            batch.write(&tenant, effect::put_owed(it, Expect::Absent));
            store.commit(batch).await.unwrap();
            let owed = effect::owed(&view, it.id).unwrap().unwrap();
            let done = EffectEnd::Done { platform_id: message.to_owned(), via: "comment".to_owned() };
            end(&store, &owed, done, Timestamp(2)).await.unwrap();
        };
        let goes_on_in = |it: &Effect| match before(&view, it, it.address()).unwrap() {
            Before::Message(message) => message,
            Before::Overtaken(by) => Some(by.to_string()),
        };
        let faces = |task: u64| face::of(&view, TaskId(task).into(), 9).unwrap();
        let first = about(1, 7, None);
        assert_eq!(goes_on_in(&first), None);
        ends(&first, "1+2").await;
        assert_eq!(faces(7)[0].living.as_ref().unwrap().lead.as_deref(), Some("of T-7"));
        // To keep it true may take another number of messages.
        let echo = about(2, 7, Some("1+2"));
        assert_eq!(goes_on_in(&echo).as_deref(), Some("1+2"));
        ends(&echo, "1").await;
        assert_eq!(faces(7)[0].message, "1");

        let second = about(3, 8, None);
        assert_eq!(goes_on_in(&second).as_deref(), Some("1"));
        ends(&second, "1").await;
        assert!(faces(7).is_empty(), "it shows another task");
        assert_eq!(faces(8).len(), 1);
        assert_eq!(goes_on_in(&about(4, 7, Some("1"))), Some(second.id.to_string()), "too late to keep it true");
        assert_eq!(goes_on_in(&about(5, 8, Some("1"))).as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_card_that_is_shown_after_its_task_has_changed_is_made_anew_unless_that_is_owed() {
        let store = in_memory();
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
        let showing = |event: u64, created: i64, place: &str, message: Option<&str>| {
            let mut it = Effect { created: Timestamp(created), ..delivery(event, place) };
            let EffectKind::Deliver { shows, replaces, .. } = &mut it.kind else { unreachable!() };
            (*shows, *replaces) = (Some(changed.id.into()), message.map(str::to_owned));
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
            approval: None,
            told: Vec::new(),
            shown: None,
            effects: vec![EffectId { event: EventId(9), index: 0 }],
            attempts: 1,
            result: None,
        };
        let mut batch = Batch::new();
        batch.writes(&tenant, task::create(&changed));
        batch.write(&tenant, event::put_story(EventId(9), &owes));
        batch.write(&tenant, effect::put_owed(&showing(9, 5, "C1", Some("1")), Expect::Absent));
        store.commit(batch).await.unwrap();
        for (event, created, place, shown, is_anew) in
            [(2, 2, "C1", "1", false), (3, 5, "C1", "2", false), (4, 2, "C2", "1", true), (5, 2, "C1", "2", true)]
        {
            let it = showing(event, created, place, None);
            let mut batch = Batch::new();
            batch.write(&tenant, effect::put_owed(&it, Expect::Absent));
            store.commit(batch).await.unwrap();
            let owed = effect::owed(&view, it.id).unwrap().unwrap();
            let done = EffectEnd::Done { platform_id: shown.to_owned(), via: "chat.postMessage".to_owned() };
            end(&store, &owed, done, Timestamp(6)).await.unwrap();
            let timers = timer::soonest(&view, 9).unwrap();
            assert_eq!(timers.iter().any(|timer| timer.value.name == "face/T-7"), is_anew, "{event}: {timers:?}");
            let mut batch = Batch::new();
            batch.writes(&tenant, timer::clear(&view, "face/T-7").unwrap());
            store.commit(batch).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_card_of_an_approval_that_is_shown_after_the_decision_is_made_anew_and_one_of_the_decision_is_not() {
        let store = in_memory();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let approval = Approval { state: State::Expired { at: Timestamp(5) }, ..pending(3) };
        let mut batch = Batch::new();
        batch.writes(&tenant, approval::create(&approval, Expect::Absent));
        store.commit(batch).await.unwrap();
        for (event, created, expected) in [(2, 5, 0), (3, 4, 1)] {
            let mut it = Effect { created: Timestamp(created), ..delivery(event, "C1") };
            let EffectKind::Deliver { shows, .. } = &mut it.kind else { unreachable!() };
            *shows = Some(approval.id.into());
            let mut batch = Batch::new();
            batch.write(&tenant, effect::put_owed(&it, Expect::Absent));
            store.commit(batch).await.unwrap();
            let owed = effect::owed(&view, it.id).unwrap().unwrap();
            let done = EffectEnd::Done { platform_id: format!("C1:{event}"), via: "chat.postMessage".into() };
            end(&store, &owed, done, Timestamp(7)).await.unwrap();
            assert_eq!(timer::soonest(&view, 9).unwrap().len(), expected, "made at {created}");
        }
        let faces = face::of(&view, approval.id.into(), 9).unwrap();
        assert_eq!(faces.len(), 1, "the last of its conversation");
        assert!(face::of(&view, TaskId(3).into(), 9).unwrap().is_empty(), "a task of that number is another thing");
    }
}
