//! Events in: accepted once, on disk before anyone is told; settled in one commit with all that follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::audit::AuditEntry;
use crate::domain::effect::Effect;
use crate::domain::event::{ChannelName, Event, Incoming};
use crate::domain::ids::{EventId, TenantId};
use crate::domain::outcome::{Expect, TimerChange, Write};
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::fresh::Fresh;
use crate::ledger::lanes::Lane;
use crate::ledger::outbox::record;
use crate::ledger::rush::Rush;
use crate::store::keyspace::event::{End, Ready, Story};
use crate::store::keyspace::{connector, dedupe, effect, event, timer};
use crate::store::{Batch, Store, StoreError, Stored};

/// Event numbers that one write reserves. A restart skips what is left of them.
const BLOCK: u64 = 1000;

/// What became of something that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, on disk, and to be handled.
    New {
        /// Its number.
        id: EventId,
        /// Its lane.
        lane: Lane,
    },
    /// It is new, on disk, and has ended: its channel knows that it asks nothing of us.
    Ignored {
        /// Its number.
        id: EventId,
        /// The channel.
        channel: ChannelName,
    },
    /// It is here already under this number.
    Known {
        /// The number.
        id: EventId,
    },
    /// It is here already, was given up, and is to be handled again because the platform sent it again.
    Revived {
        /// The number.
        id: EventId,
        /// Its lane.
        lane: Lane,
    },
}

impl Accepted {
    /// The event's number.
    #[must_use]
    pub fn id(&self) -> EventId {
        match self {
            Self::New { id, .. } | Self::Ignored { id, .. } | Self::Known { id } | Self::Revived { id, .. } => *id,
        }
    }
}

/// Why an event is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOff {
    /// Its handler failed: it steps aside, and not for ever.
    Failed,
    /// A platform does not say what has to be known first.
    Waits {
        /// It keeps its place, and its lane waits with it.
        holds: bool,
    },
}

/// Everything that one event's end writes.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// How it ended.
    pub story: Story,
    /// Changes of state.
    pub writes: Vec<Write>,
    /// What is owed.
    pub effects: Vec<Effect>,
    /// Timers.
    pub timers: Vec<TimerChange>,
    /// What was owed and is withdrawn, by what it would have reported to.
    pub withdrawn: Vec<String>,
    /// The row of the audit chain.
    pub audit: Option<AuditEntry>,
}

/// The inbox; clones share it.
#[derive(Clone)]
pub struct Inbox {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Arc<EventIds>,
    rush: Arc<Rush>,
    fresh: Arc<Fresh>,
}

struct EventIds {
    next: AtomicU64,
    reserved: AtomicU64,
    reserving: Mutex<()>,
}

impl EventIds {
    /// Where the block is half used up and nobody sees to the next one: the end of it, which the caller is to
    /// write with what it writes, and then to publish. So nobody waits for a commit to get a number.
    fn ahead(&self, id: EventId) -> Option<(u64, MutexGuard<'_, ()>)> {
        if id.0 + BLOCK / 2 <= self.reserved.load(Ordering::Acquire) {
            return None;
        }
        let one_reserves = self.reserving.try_lock().ok()?;
        let reserved = self.reserved.load(Ordering::Acquire);
        (id.0 + BLOCK / 2 > reserved).then(|| (reserved + BLOCK, one_reserves))
    }
}

impl Inbox {
    /// Opens the inbox of a store, numbering on from where any earlier process may have been.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn open(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let reserved = event::reserved(&store.view(&system()))?;
        let ids = EventIds {
            next: AtomicU64::new(reserved + 1),
            reserved: AtomicU64::new(reserved),
            reserving: Mutex::new(()),
        };
        Ok(Self { store, clock, ids: Arc::new(ids), rush: Arc::default(), fresh: Arc::default() })
    }

    /// A number for an event that is about to be accepted. Known before, so that somebody can wait
    /// for its end without missing it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn next_id(&self) -> Result<EventId, StoreError> {
        let id = self.ids.next.fetch_add(1, Ordering::Relaxed);
        while id > self.ids.reserved.load(Ordering::Acquire) {
            let _one_reserves = self.ids.reserving.lock().await;
            let reserved = self.ids.reserved.load(Ordering::Acquire);
            if id > reserved {
                let upto = reserved.max(id) + BLOCK;
                let mut batch = Batch::intake();
                batch.write(&system(), event::reserve(upto));
                self.store.commit(batch).await?;
                self.ids.reserved.store(upto, Ordering::Release);
            }
        }
        Ok(EventId(id))
    }

    /// Takes something in under a number from [`Inbox::next_id`]; on disk when it returns. What its channel
    /// knows to ask nothing of us ends in the same commit, since most of what a busy workspace says does.
    ///
    /// # Errors
    /// Where it is not on disk: the caller must not acknowledge it.
    pub async fn accept(&self, tenant: &TenantId, id: EventId, what: Incoming) -> Result<Accepted, StoreError> {
        self.accept_with(tenant, id, what, &[]).await
    }

    /// As [`Inbox::accept`], with writes in the same commit.
    ///
    /// # Errors
    /// As [`Inbox::accept`]; [`StoreError::Conflict`] where a condition of `writes` does not hold.
    pub async fn accept_with(
        &self,
        tenant: &TenantId,
        id: EventId,
        what: Incoming,
        writes: &[Write],
    ) -> Result<Accepted, StoreError> {
        let now = self.clock.now();
        let _caller = self.rush.enter(now);
        let lane = Lane { tenant: tenant.clone(), key: what.lane.clone() };
        let learnt = connector::learnt(&self.store.view(tenant), &what);
        let new = Event { id, tenant: tenant.clone(), at: now, what };
        let mut ahead = self.ids.ahead(id);
        loop {
            let mut batch = Batch::intake();
            if let Some((upto, _)) = &ahead {
                batch.write(&system(), event::reserve(*upto));
            }
            batch.writes(tenant, new.what.dedupe.iter().map(|key| dedupe::claim(key, id)));
            batch.write(tenant, event::put_event(&new));
            let ended = event::ended_when_accepted(&new).is_some();
            if !ended {
                batch.write(tenant, event::put_ready(id, &ready(&lane), Expect::Unused));
            }
            batch.writes(tenant, writes.iter().chain(&learnt).cloned());
            let committed = self.store.commit_at(batch).await;
            if committed.is_ok()
                && let Some((upto, _)) = &ahead
            {
                self.ids.reserved.store(*upto, Ordering::Release);
            }
            match committed {
                Ok(_) if ended => return Ok(Accepted::Ignored { id, channel: new.what.channel }),
                Ok(version) => {
                    self.fresh.keep(new, Stored { value: ready(&lane), version });
                    return Ok(Accepted::New { id, lane });
                }
                // Somebody else sees to the next block.
                Err(StoreError::Conflict) => ahead = None,
                Err(error) => return Err(error),
            }
            if let Some((owner, by)) = self.owner(tenant, &new.what)? {
                match self.again(tenant, owner, id, by, &lane).await {
                    Err(StoreError::Conflict) => {}
                    other => return other,
                }
            } else if !writes.is_empty() {
                return Err(StoreError::Conflict);
            }
        }
    }

    fn owner(&self, tenant: &TenantId, what: &Incoming) -> Result<Option<(EventId, String)>, StoreError> {
        let view = self.store.view(tenant);
        for key in &what.dedupe {
            if let Some(owner) = dedupe::owner(&view, key)? {
                return Ok(Some((owner, key.clone())));
            }
        }
        Ok(None)
    }

    /// A further delivery of an event that is here: noted, and where it was given up, taken up again.
    async fn again(
        &self,
        tenant: &TenantId,
        id: EventId,
        came_as: EventId,
        by: String,
        lane: &Lane,
    ) -> Result<Accepted, StoreError> {
        let view = self.store.view(tenant);
        // One that was taken up again before is dead in its story until it ends anew.
        let dead = event::told(&view, id)?.is_some_and(|told| told.value.end == End::Dead)
            && event::ready(&view, id)?.is_none();
        let mut batch = Batch::intake();
        batch.write(tenant, dedupe::again(id, came_as, &dedupe::Again { at: self.clock.now(), by }));
        if dead {
            let ready = Ready::again(lane.key.clone());
            batch.write(tenant, event::put_ready(id, &ready, Expect::Absent)).write(tenant, event::take_dead(id));
        }
        self.store.commit(batch).await?;
        Ok(if dead { Accepted::Revived { id, lane: lane.clone() } } else { Accepted::Known { id } })
    }

    /// An event that was accepted a moment ago, handed over once.
    #[must_use]
    pub fn take_fresh(&self, id: EventId) -> Option<(Event, Stored<Ready>)> {
        self.fresh.take(id)
    }

    /// Ends an event: everything that follows from it in one commit, on condition that it is still to
    /// be handled as it was when `ready` was read. Gives the version that what is owed has.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it was settled by another or a state has changed that the
    /// handler read.
    pub async fn settle(&self, event: &Event, ready: &Stored<Ready>, end: &Settlement) -> Result<u64, StoreError> {
        let tenant = &event.tenant;
        let view = self.store.view(tenant);
        let mut batch = Batch::new();
        batch.write(tenant, event::take_ready(event.id, ready.version));
        let story = event::put_story(event.id, &end.story);
        // What is taken up again has a story already, and perhaps effects.
        let of_story = if ready.value.first { Expect::Unused } else { story.expect };
        let of_effects = if ready.value.first { Expect::Unused } else { Expect::Absent };
        batch.write(tenant, Write { expect: of_story, ..story });
        batch.writes(tenant, end.writes.iter().cloned());
        batch.writes(tenant, end.effects.iter().map(|owed| effect::put_owed(owed, of_effects)));
        let terms = end.effects.iter().filter_map(|owed| Some((owed.id, owed.terms.as_ref()?)));
        batch.writes(tenant, terms.map(|(id, terms)| effect::put_reporting(&terms.reports, id)));
        for timer in &end.withdrawn {
            let owed = effect::reporting(&view, timer)?;
            batch.writes(tenant, owed.map(|owed| record::withdrawing(&owed, self.clock.now())).unwrap_or_default());
        }
        for change in &end.timers {
            batch.writes(tenant, timer::change(&view, change)?);
        }
        if end.story.end == End::Dead {
            batch.write(tenant, event::mark_dead(event.id));
        }
        if let Some(entry) = &end.audit {
            batch.audit(tenant, entry.clone());
        }
        self.store.commit_at(batch).await
    }

    /// Puts an event off.
    ///
    /// # Errors
    /// As [`Inbox::settle`].
    pub async fn put_off(
        &self,
        event: &Event,
        read: &Stored<Ready>,
        why: PutOff,
        error: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let (attempts, waits) = (read.value.attempts, read.value.waits);
        let (attempts, waits, holds) = match why {
            PutOff::Failed => (attempts + 1, waits, false),
            PutOff::Waits { holds } => (attempts, waits + 1, holds),
        };
        let next = Ready {
            attempts,
            waits,
            holds,
            first: read.value.first,
            last_error: Some(error.to_owned()),
            not_before: Some(until),
            lane: read.value.lane.clone(),
        };
        let mut batch = Batch::new();
        batch.write(&event.tenant, event::put_ready(event.id, &next, Expect::Version(read.version)));
        self.store.commit(batch).await
    }

    /// Everything that is to be handled and that is not `known`, over all tenants, in the order of
    /// acceptance within each. What is known costs a look at its key.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn backlog(
        &self,
        known: impl Fn(EventId) -> bool,
        mut each: impl FnMut(Lane, EventId, &Ready),
    ) -> Result<(), StoreError> {
        for tenant in self.store.tenants()? {
            let view = self.store.view(&tenant);
            for id in event::ready_ids(&view) {
                let id = id?;
                if known(id) {
                    continue;
                }
                match event::ready(&view, id) {
                    Ok(Some(ready)) => {
                        let key = ready.value.lane.clone();
                        each(Lane { tenant: tenant.clone(), key }, id, &ready.value);
                    }
                    Ok(None) => {}
                    // One value that cannot be read must not hold up the others.
                    Err(StoreError::Unreadable(error)) => {
                        tracing::error!(event = %id, %tenant, error, "an event cannot be read and is passed over");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Whether more comes in at once than can be handled meanwhile.
    #[must_use]
    pub fn rush(&self) -> &Rush {
        &self.rush
    }

    /// The store behind the inbox.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock by which events are dated.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

fn ready(lane: &Lane) -> Ready {
    Ready::in_line(lane.key.clone())
}

fn system() -> TenantId {
    crate::store::keyspace::SYSTEM.parse().expect("invariant: the system's name is a tenant's")
}

/// Time until the next try after `attempts` that failed: doubling, at most `most`, with jitter of a
/// quarter, where `dice` is between 0 and 1.
#[must_use]
pub fn backoff(attempts: u32, first: Duration, most: Duration, dice: f64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(attempts.min(20)).unwrap_or(u32::MAX)).min(most);
    doubled.mul_f64(0.75 + dice.clamp(0.0, 1.0) * 0.5).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{EventKind, Place, PlaceKind, Reach};
    use crate::domain::ids::LaneKey;
    use crate::domain::time::testing::Still;
    use crate::store::Health;
    use crate::store::memory::Memory;
    use crate::store::seal::Keyring;

    fn inbox(engine: Arc<Memory>, keyring: Arc<Keyring>) -> Inbox {
        let store = Store::inline(engine, keyring, Arc::new(Still(Timestamp(1)))).unwrap();
        Inbox::open(store, Arc::new(Still(Timestamp(1)))).unwrap()
    }

    fn incoming(keys: &[&str]) -> Incoming {
        Incoming {
            channel: ChannelName::Slack,
            installation: "T1".into(),
            organisation: None,
            dedupe: keys.iter().map(|key| (*key).to_owned()).collect(),
            lane: LaneKey("l".into()),
            from: None,
            place: None,
            reply: None,
            kind: EventKind::Command { line: "help".into() },
            proof: "test".into(),
            reach: None,
            happened: None,
            raw: bytes::Bytes::from_static(b"raw \xff body"),
        }
    }

    fn story(end: End) -> Story {
        Story {
            end,
            summary: String::new(),
            at: Timestamp(1),
            person: None,
            handler: None,
            rules: vec![],
            smallest_change: None,
            approval: None,
            told: Vec::new(),
            effects: vec![],
            attempts: 1,
            result: None,
            shown: None,
        }
    }

    fn settlement(end: End) -> Settlement {
        Settlement {
            story: story(end),
            writes: vec![],
            effects: vec![],
            timers: vec![],
            withdrawn: vec![],
            audit: None,
        }
    }

    #[tokio::test]
    async fn one_happening_by_many_routes_is_one_event() {
        let inbox = inbox(Arc::default(), Arc::new(Keyring::ephemeral()));
        let tenant = TenantId::default_tenant();
        let mut results = Vec::new();
        for keys in [&["id1", "msg1"][..], &["id2", "msg1"], &["id3", "client1", "msg1"], &["id1"]] {
            let id = inbox.next_id().await.unwrap();
            results.push(inbox.accept(&tenant, id, incoming(keys)).await.unwrap());
        }
        assert!(matches!(results[0], Accepted::New { .. }));
        for known in &results[1..] {
            assert_eq!(*known, Accepted::Known { id: results[0].id() });
        }
        let view = inbox.store().view(&tenant);
        assert_eq!(dedupe::deliveries(&view, results[0].id()).unwrap().len(), 3);
        assert_eq!(event::read(&view, results[0].id()).unwrap().unwrap().what.raw, &b"raw \xff body"[..]);
    }

    #[tokio::test]
    async fn what_asks_nothing_has_ended_when_it_is_on_disk() {
        let inbox = inbox(Arc::default(), Arc::new(Keyring::ephemeral()));
        let tenant = TenantId::default_tenant();
        let kind = EventKind::platform("message", Some("not addressed to the bot".into()));
        let id = inbox.next_id().await.unwrap();
        let accepted = inbox.accept(&tenant, id, Incoming { kind, ..incoming(&["a"]) }).await.unwrap();
        assert_eq!(accepted, Accepted::Ignored { id, channel: ChannelName::Slack });
        let view = inbox.store().view(&tenant);
        assert_eq!(event::ready(&view, id).unwrap(), None);
        let story = event::story(&view, id).unwrap().unwrap();
        assert_eq!((story.end, story.summary.as_str()), (End::Ignored, "not addressed to the bot"));
        let again = inbox.accept(&tenant, inbox.next_id().await.unwrap(), incoming(&["a"])).await.unwrap();
        assert_eq!(again, Accepted::Known { id });
    }

    #[tokio::test]
    async fn the_way_to_a_place_is_kept_with_what_brings_it() {
        let inbox = inbox(Arc::default(), Arc::new(Keyring::ephemeral()));
        let tenant = TenantId::default_tenant();
        let place = Place { id: "p".into(), kind: PlaceKind::Private, shared: false };
        let from = |key: &str, url: &str| Incoming {
            place: Some(place.clone()),
            reach: Some(Reach::By(url.to_owned())),
            ..incoming(&[key])
        };
        let view = inbox.store().view(&tenant);
        let known = |url: &str| connector::learnt(&view, &from("", url)).is_empty();
        for (key, url, kept) in [("a", "one", "one"), ("b", "two", "two"), ("a", "one", "two"), ("c", "two", "two")] {
            inbox.accept(&tenant, inbox.next_id().await.unwrap(), from(key, url)).await.unwrap();
            assert!(known(kept), "{key} {url}: an old activity that comes again says nothing of today");
        }
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_read_shows_itself_by_whichever_event_finds_it() {
        let engine = Arc::new(Memory::default());
        let inbox = inbox(engine.clone(), Arc::new(Keyring::ephemeral()));
        let id = inbox.next_id().await.unwrap();
        let place = Place { id: "p".into(), kind: PlaceKind::Private, shared: false };
        let what = Incoming { place: Some(place), reach: Some(Reach::By("one".to_owned())), ..incoming(&["a"]) };
        engine.set_unreadable(true);
        let refused = inbox.accept(&TenantId::default_tenant(), id, what).await;
        assert!(matches!(refused, Err(StoreError::Unusable(_))), "{refused:?}");
        assert!(matches!(*inbox.store().health().borrow(), Health::Broken(_)), "refused, and the store looks well");
    }

    #[tokio::test]
    async fn numbers_grow_over_restarts() {
        let (engine, keyring) = (Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()));
        let first = inbox(engine.clone(), keyring.clone());
        let before = first.next_id().await.unwrap();
        let second = inbox(engine, keyring);
        assert!(second.next_id().await.unwrap() > before);
    }

    #[tokio::test]
    async fn numbers_are_reserved_with_what_is_accepted() {
        let (engine, keyring) = (Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()));
        let inbox = inbox(engine, keyring);
        let tenant = TenantId::default_tenant();
        for number in 1..=3 * BLOCK {
            let id = inbox.next_id().await.unwrap();
            inbox.accept(&tenant, id, incoming(&[&number.to_string()])).await.unwrap();
            let kept = event::reserved(&inbox.store().view(&system())).unwrap();
            assert_eq!(kept, inbox.ids.reserved.load(Ordering::Acquire), "what was given out is on disk");
            assert!(kept >= id.0 + BLOCK / 2 - 1, "half a block is left after {id}");
        }
        assert!(inbox.next_id().await.unwrap().0 == 3 * BLOCK + 1);
    }

    #[tokio::test]
    async fn a_dead_event_that_comes_again_is_taken_up_again() {
        let inbox = inbox(Arc::default(), Arc::new(Keyring::ephemeral()));
        let tenant = TenantId::default_tenant();
        let id = inbox.next_id().await.unwrap();
        inbox.accept(&tenant, id, incoming(&["a"])).await.unwrap();
        let view = inbox.store().view(&tenant);
        let event = event::read(&view, id).unwrap().unwrap();
        let ready = event::ready(&view, id).unwrap().unwrap();
        inbox.settle(&event, &ready, &settlement(End::Dead)).await.unwrap();
        assert_eq!(event::all_dead(&view).count(), 1);

        let other = inbox.next_id().await.unwrap();
        let accepted = inbox.accept(&tenant, other, incoming(&["a"])).await.unwrap();
        assert!(matches!(accepted, Accepted::Revived { id: revived, .. } if revived == id));
        assert_eq!(event::all_dead(&view).count(), 0);
        let taken_up = event::ready(&view, id).unwrap().unwrap();

        let still = inbox.accept(&tenant, inbox.next_id().await.unwrap(), incoming(&["a"])).await.unwrap();
        assert_eq!(still, Accepted::Known { id }, "it is taken up already");
        inbox.put_off(&event, &taken_up, PutOff::Failed, "no", Timestamp(9)).await.unwrap();
        let put_off = inbox.accept(&tenant, inbox.next_id().await.unwrap(), incoming(&["a"])).await.unwrap();
        assert_eq!(put_off, Accepted::Known { id });
    }

    #[tokio::test]
    async fn an_event_ends_once() {
        let inbox = inbox(Arc::default(), Arc::new(Keyring::ephemeral()));
        let tenant = TenantId::default_tenant();
        let id = inbox.next_id().await.unwrap();
        inbox.accept(&tenant, id, incoming(&["a"])).await.unwrap();
        let view = inbox.store().view(&tenant);
        let event = event::read(&view, id).unwrap().unwrap();
        let ready = event::ready(&view, id).unwrap().unwrap();
        inbox.settle(&event, &ready, &settlement(End::Done)).await.unwrap();
        let again = inbox.settle(&event, &ready, &settlement(End::Done)).await;
        assert!(matches!(again, Err(StoreError::Conflict)));
    }

    #[test]
    fn backoff_doubles_to_its_most() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        let at = |attempts| backoff(attempts, first, most, 0.5);
        assert_eq!([at(0), at(1), at(2)], [1, 2, 4].map(Duration::from_secs));
        assert_eq!(at(31), most);
        assert!(backoff(3, first, most, 0.0) < backoff(3, first, most, 1.0));
    }
}
