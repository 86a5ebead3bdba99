//! What is forgotten: events that have ended and are older than the retention, or than a few days
//! when their bytes are too many; with them answers of the API, approvals that are over, runs of workflows, and the texts of
//! files on which no run stays. Tasks, people and the audit chain are not touched.

use std::time::Duration;

use crate::domain::event::Event;
use crate::domain::ids::{EventId, TenantId};
use crate::domain::outcome::Write;
use crate::domain::time::Timestamp;
use crate::store::keyspace::{answer, approval, dedupe, effect, event, living, run};
use crate::store::{Batch, Store, StoreError, View};

/// Events that are forgotten in one commit.
const STEP: usize = 64;

/// Events that are looked at in one step.
const MOST_LOOKED_AT: usize = 2000;

/// How far a round has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Events forgotten.
    pub forgotten: usize,
    /// Events that stay because something of them cannot be read.
    pub unreadable: usize,
    /// Where the next step goes on; nothing where the round is over.
    pub next: Option<EventId>,
}

/// Forgets events of a tenant from `from` on that came before `before` and have ended. Events that wait,
/// were given up, still owe something, or cannot be read stay. An event that a clock once ahead has dated after `now`
/// stays too, and does not end the round.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn step(
    store: &Store,
    tenant: &TenantId,
    from: EventId,
    before: Timestamp,
    now: Timestamp,
) -> Result<Step, StoreError> {
    let view = store.view(tenant);
    let mut writes: Vec<Write> = Vec::new();
    let mut step = Step { forgotten: 0, unreadable: 0, next: None };
    for (looked_at, id) in event::ids_from(&view, from).enumerate() {
        let id = id?;
        if step.forgotten == STEP || looked_at == MOST_LOOKED_AT {
            step.next = Some(id);
            break;
        }
        let forgetting = match event::read(&view, id) {
            Ok(Some(it)) if it.at >= before && it.at <= now => break,
            Ok(Some(it)) if it.at <= now => forgetting(&view, &it),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        match forgetting {
            Ok(forgetting) if forgetting.is_empty() => continue,
            Ok(forgetting) => writes.extend(forgetting),
            Err(StoreError::Unreadable(_)) => {
                step.unreadable += 1;
                continue;
            }
            Err(error) => return Err(error),
        }
        step.forgotten += 1;
    }
    if step.forgotten > 0 {
        let mut batch = Batch::new();
        batch.writes(tenant, writes);
        store.commit(batch).await?;
    }
    Ok(step)
}

/// Answers that are forgotten in one commit.
pub const MOST_ANSWERS: usize = 256;

/// Forgets answers to requests that were to be done once and came before `before`; gives their number.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn answers(store: &Store, tenant: &TenantId, before: Timestamp) -> Result<usize, StoreError> {
    pairs(store, tenant, answer::forget(&store.view(tenant), before, MOST_ANSWERS)?).await
}

/// Forgets rows, each with its mark; gives their number.
async fn pairs(store: &Store, tenant: &TenantId, writes: Vec<Write>) -> Result<usize, StoreError> {
    let forgotten = writes.len() / 2;
    if forgotten > 0 {
        let mut batch = Batch::new();
        batch.writes(tenant, writes);
        store.commit(batch).await?;
    }
    Ok(forgotten)
}

/// Messages of topics that are forgotten in one commit.
pub const MOST_LIVING: usize = 256;

/// Forgets which messages topics have that were written last before `before`; gives their number. One of which more is
/// said after that is looked for on its platform.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn living_messages(store: &Store, tenant: &TenantId, before: Timestamp) -> Result<usize, StoreError> {
    pairs(store, tenant, living::forget(&store.view(tenant), before, MOST_LIVING)?).await
}

/// Approvals that are forgotten in one commit.
pub const MOST_APPROVALS: usize = 64;

/// Forgets approvals from which nothing can follow and which have ended before `before`; gives their number. One that
/// cannot be read stays, and so does the one of the highest number, after which the next is called.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn approvals(
    store: &Store,
    tenant: &TenantId,
    before: Timestamp,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let view = store.view(tenant);
    let (mut writes, mut forgotten) = (Vec::new(), 0);
    for id in approval::ids_but_highest(&view)? {
        let it = match approval::read(&view, id?) {
            Ok(Some(it)) => it,
            Ok(None) | Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        // Those behind it were asked for later, but by a clock that was once ahead.
        if it.value.asked >= before && it.value.asked <= now {
            break;
        }
        if it.value.is_over(now) && it.value.state.since().is_some_and(|since| since < before) {
            writes.extend(approval::forget(&view, &it)?);
            forgotten += 1;
        }
        if forgotten == MOST_APPROVALS {
            break;
        }
    }
    if forgotten > 0 {
        let mut batch = Batch::new();
        batch.writes(tenant, writes);
        store.commit(batch).await?;
    }
    Ok(forgotten)
}

/// Runs, keys and paces that are forgotten in one commit, of each.
pub const MOST_RUNS: usize = 64;
/// A key of a run is known for as long as a workflow may ask for.
const KEYED: Duration = Duration::from_secs(90 * 24 * 3600);
/// A pace counts a minute; what is older says nothing.
const PACED: Duration = Duration::from_secs(3600);

/// Forgets runs of workflows that are over since before `before`, and what is known of older ones; says whether there may be
/// more.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn runs(store: &Store, tenant: &TenantId, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let writes = run::forget(&store.view(tenant), before, now.before(KEYED), now.before(PACED), MOST_RUNS)?;
    let are_more = writes.len() >= MOST_RUNS;
    let mut batch = Batch::new();
    batch.writes(tenant, writes);
    match store.commit(batch).await {
        Ok(()) => Ok(are_more),
        // One of them goes on again: the others have time.
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Files of workflows that are looked at in one round; few are older than their runs.
const MOST_FILES: usize = 256;

/// Forgets the texts of files by which no run has begun since `before`, and on which none stays.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn files(store: &Store, tenant: &TenantId, before: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let writes = run::forget_files(&store.view(tenant), before, now, MOST_FILES)?;
    if writes.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    batch.writes(tenant, writes);
    match store.commit(batch).await {
        // A run has begun by one of them: the others have time.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The writes that forget an event, none where it stays.
fn forgetting(view: &View, it: &Event) -> Result<Vec<Write>, StoreError> {
    if !has_ended(view, it.id)? {
        return Ok(Vec::new());
    }
    let mut writes: Vec<Write> = event::forget(it.id).into();
    writes.extend(it.what.dedupe.iter().map(|key| dedupe::release(key)));
    writes.extend(effect::forget_receipts(view, it.id)?);
    writes.extend(dedupe::forget_deliveries(view, it.id)?);
    Ok(writes)
}

fn has_ended(view: &View, id: EventId) -> Result<bool, StoreError> {
    let Some(story) = event::story(view, id)? else {
        return Ok(false);
    };
    let waits = story.end == event::End::Dead || event::ready(view, id)?.is_some();
    Ok(!waits && !effect::is_open(view, id)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::approval::testing::{decided, pending};
    use crate::domain::approval::{Approval, State};
    use crate::domain::card::{Audience, Card};
    use crate::domain::effect::{Effect, EffectKind};
    use crate::domain::event::{Address, ChannelName, EventKind, Incoming};
    use crate::domain::ids::{ApprovalId, EffectId, LaneKey, RunId};
    use crate::domain::outcome::Expect;
    use crate::domain::time::testing::Still;
    use crate::store::keyspace::answer::{Answer, Asked};
    use crate::store::keyspace::face::{self, Face, put_face};
    use crate::store::keyspace::run::Keyed;
    use crate::store::memory::Memory;
    use crate::store::seal::Keyring;
    use crate::store::testing::in_memory;

    /// A day in milliseconds.
    const DAY: i64 = 24 * 3600 * 1000;

    /// Events 1 to 4 that asked nothing of us, and ended when they were accepted.
    async fn four_events() -> (Store, Arc<Memory>, TenantId) {
        let (memory, tenant) = (Arc::new(Memory::default()), TenantId::default_tenant());
        let store =
            Store::inline(memory.clone(), Arc::new(Keyring::ephemeral()), Arc::new(Still(Timestamp(1)))).unwrap();
        let mut batch = Batch::new();
        for id in 1..=4 {
            let what = Incoming {
                channel: ChannelName::Slack,
                installation: "T1".into(),
                organisation: None,
                dedupe: vec![format!("k{id}")],
                lane: LaneKey("l".into()),
                from: None,
                place: None,
                reply: None,
                kind: EventKind::platform("message", Some("chat".into())),
                proof: "test".into(),
                reach: None,
                happened: None,
                raw: bytes::Bytes::new(),
            };
            let event = Event { id: EventId(id), tenant: tenant.clone(), at: Timestamp(1), what };
            batch.write(&tenant, event::put_event(&event));
        }
        store.commit(batch).await.unwrap();
        (store, memory, tenant)
    }

    #[tokio::test]
    async fn runs_are_forgotten_when_they_are_over_for_long_and_their_numbers_are_not() {
        let (store, tenant) = (in_memory(), TenantId::default_tenant());
        let view = store.view(&tenant);
        let row = |id| Keyed { run: RunId(id), made: Timestamp(1) };
        let mut batch = Batch::new();
        for id in 1..=5 {
            batch.write(&tenant, run::put_run(RunId(id), &row(id), None));
            batch.writes(&tenant, run::put_keyed(&format!("k{id}"), &row(id), None));
        }
        // The second is not over, the third is over for a day alone, the fifth was given out last.
        for (id, since) in [(1, 1), (3, DAY), (4, 1), (5, 1)] {
            batch.writes(&tenant, run::put_over("g", RunId(id), Timestamp(since)));
        }
        store.commit(batch).await.unwrap();
        let left = |view: &View| {
            let ids = (1..=5).filter(|id| run::read::<Keyed>(view, RunId(*id)).unwrap().is_some());
            ids.collect::<Vec<u64>>()
        };
        let keys = |view: &View| (1..=5).filter(|id| run::keyed(view, &format!("k{id}")).unwrap().is_some()).count();
        assert!(!runs(&store, &tenant, Timestamp(DAY), Timestamp(30 * DAY)).await.unwrap());
        assert_eq!((left(&view), keys(&view)), (vec![2, 3, 5], 5), "keys are known for longer");
        runs(&store, &tenant, Timestamp(DAY), Timestamp(100 * DAY)).await.unwrap();
        assert_eq!((left(&view), keys(&view)), (vec![2, 3, 5], 0));
        assert_eq!(run::next_id(&view).unwrap(), RunId(6));
    }

    #[tokio::test]
    async fn a_file_is_forgotten_when_no_run_stays_on_it_and_none_has_begun_by_it_for_long() {
        let (store, tenant) = (in_memory(), TenantId::default_tenant());
        let view = store.view(&tenant);
        let file = run::KeptFile { name: "a.yml".into(), text: "workflows: {}".into(), of_a_repository: false };
        let begins = async |digest: &str, id: u64, day: i64| {
            let row = serde_json::json!({ "file": digest });
            let mut batch = Batch::new();
            batch.write(&tenant, run::put_run(RunId(id), &AnyRun(row), None));
            let kept = run::keep_file(&view, digest, &file, RunId(id), Timestamp(day * DAY)).unwrap();
            batch.writes(&tenant, kept).writes(&tenant, run::put_over("g", RunId(id), Timestamp(day * DAY)));
            store.commit(batch).await.unwrap();
        };
        begins("one", 1, 1).await;
        begins("two", 2, 1).await;
        begins("two", 3, 20).await;
        begins("three", 4, 20).await;
        let round = async |day: i64| {
            let before = Timestamp((day - 10) * DAY);
            runs(&store, &tenant, before, Timestamp(day * DAY)).await.unwrap();
            files(&store, &tenant, before, Timestamp(day * DAY)).await.unwrap();
            ["one", "two", "three"].map(|digest| run::file(&view, digest).unwrap().is_some())
        };
        assert_eq!(round(11).await, [true, true, true], "their runs are kept");
        assert_eq!(round(21).await, [false, true, true]);
        begins("one", 5, 21).await;
        assert_eq!(round(22).await, [true, true, true], "it is kept anew");
        assert_eq!(round(40).await, [true, false, false], "the run of the highest number stays, and its file");
    }

    /// A run, of which only the file counts here.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct AnyRun(serde_json::Value);
    impl crate::store::codec::Record for AnyRun {}

    fn digest(event: u64) -> Effect {
        let (channel, installation, place) = (ChannelName::Slack, "T1".to_owned(), "C1".to_owned());
        let to = Address::at(channel, installation, place);
        let card = Card::new("2 answers that could not be delivered in time");
        Effect {
            id: EffectId { event: EventId(event), index: 1 << 31 },
            tenant: TenantId::default_tenant(),
            created: Timestamp(1),
            not_before: None,
            expires: None,
            kind: EffectKind::Deliver {
                to,
                card,
                audience: Audience::Everyone,
                replaces: None,
                shows: None,
                living: None,
                answers: None,
            },
            attempts: 0,
            last_error: None,
            terms: None,
        }
    }

    #[tokio::test]
    async fn an_event_whose_digest_is_owed_or_dead_stays_and_one_that_cannot_be_read_holds_up_none() {
        let (store, memory, tenant) = four_events().await;
        let mut batch = Batch::new();
        batch.write(&tenant, effect::put_owed(&digest(1), Expect::Absent));
        batch.write(&tenant, effect::put_dead(&digest(2)));
        store.commit(batch).await.unwrap();
        let story = [b"default\0st".as_slice(), &3_u64.to_be_bytes()].concat();
        crate::store::engine::Engine::apply(memory.as_ref(), vec![(story, Some(b"\x01damaged".to_vec()))]).unwrap();
        let step = step(&store, &tenant, EventId(0), Timestamp(2), Timestamp(3)).await.unwrap();
        assert_eq!(step, Step { forgotten: 1, unreadable: 1, next: None });
        let left: Vec<_> = event::ids(&store.view(&tenant), crate::store::engine::Order::Ascending).collect();
        assert_eq!(left.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [EventId(1), EventId(2), EventId(3)]);
    }

    #[tokio::test]
    async fn answers_are_forgotten_when_they_are_old() {
        let store = in_memory();
        let tenant = TenantId::default_tenant();
        let mut batch = Batch::new();
        for (key, at) in [("old", 10), ("new", 20)] {
            let asked = Asked { method: "POST".into(), path: "/x".into(), body_digest: String::new() };
            let at = Timestamp(at);
            let kept = Answer { asked, at, status: 200, content_type: String::new(), body: key.into() };
            batch.writes(&tenant, answer::keep(key, &kept));
        }
        store.commit(batch).await.unwrap();
        assert_eq!(answers(&store, &tenant, Timestamp(20)).await.unwrap(), 1);
        assert_eq!(answers(&store, &tenant, Timestamp(20)).await.unwrap(), 0);
        let view = store.view(&tenant);
        assert_eq!(answer::read(&view, "old").unwrap(), None);
        assert_eq!(answer::read(&view, "new").unwrap().unwrap().body, "new");
    }

    #[tokio::test]
    async fn approvals_that_are_over_are_forgotten_when_they_are_old_but_for_the_last() {
        let store = in_memory();
        let tenant = TenantId::default_tenant();
        let view = store.view(&tenant);
        let yes = || State::Approved(decided(3));
        let expired = |at| State::Expired { at: Timestamp(at) };
        let has_run = |it| Approval { ran: Some(EventId(7)), ..it };
        let given_up = |it| Approval { given_up: Some(EventId(7)), ..it };
        let with = |id, state| Approval { line: format!("task done T-{id}"), state, ..pending(id) };
        let all = [
            (with(1, State::Rejected(decided(3))), true),
            (with(2, State::Pending), false),
            // It is about to run, has run, and was given up, so that it may be replayed until 9.
            (with(3, yes()), false),
            (has_run(with(4, yes())), true),
            (given_up(with(5, yes())), false),
            (Approval { until: Timestamp(4), ..given_up(with(6, yes())) }, true),
            (Approval { asked: Timestamp(99), ..with(7, State::Withdrawn(decided(99))) }, false),
            (with(8, expired(3)), true),
            (with(9, expired(6)), false),
            (with(10, expired(3)), false),
        ];
        let mut batch = Batch::new();
        for (it, _) in &all {
            batch.writes(&tenant, approval::create(it, Expect::Absent));
            let to = it.way.reply.clone().unwrap();
            batch.write(&tenant, put_face(it.id.into(), &Face { to, message: "C1:1".to_owned(), living: None }));
        }
        store.commit(batch).await.unwrap();
        let of_others = TenantId::unclaimed();
        assert_eq!(approvals(&store, &of_others, Timestamp(5), Timestamp(8)).await.unwrap(), 0);
        let gone = all.iter().filter(|(_, gone)| *gone).count();
        assert_eq!(approvals(&store, &tenant, Timestamp(5), Timestamp(8)).await.unwrap(), gone);
        for (it, gone) in &all {
            assert_eq!(approval::read(&view, it.id).unwrap().is_none(), *gone, "{it:?}");
            assert_eq!(face::of(&view, it.id.into(), 9).unwrap().is_empty(), *gone, "{it:?}");
        }
        assert_eq!(approvals(&store, &tenant, Timestamp(5), Timestamp(8)).await.unwrap(), 0);
        assert_eq!(approvals(&store, &tenant, Timestamp(5), Timestamp(9)).await.unwrap(), 1, "its time is over");
        assert_eq!(approval::next_id(&view).unwrap(), ApprovalId(11));
    }
}
