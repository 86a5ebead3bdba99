//! What must hold: while a world runs, whenever it rests, and when all is over. Each promise is one function that says
//! in words what is broken.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ai_crm::domain::effect::EffectEnd;
use ai_crm::domain::event::{Event, EventKind};
use ai_crm::domain::ids::{EffectId, EventId, TenantId};
use ai_crm::domain::time::Clock;
use ai_crm::ledger::lanes::Lane;
use ai_crm::store::engine::{Engine, Order};
use ai_crm::store::keyspace::event::End;
use ai_crm::store::keyspace::{self, audit, dedupe, effect, event, task, timer};
use ai_crm::store::{Health, StoreError, View, chain};

use super::chronicle::{Chronicle, Violation};
use super::core::Core;
use super::platform::Post;
use super::sabotage::Sabotage;
use super::workload::Promise;
use super::world::World;

/// Acts that are no end of an event.
const OTHER_ACTS: [&str; 2] = ["effect.deliver", "events.replay"];

fn read(error: StoreError) -> Violation {
    format!("the store cannot be read: {error}")
}

/// What the platform was told is safe is on disk.
pub(super) fn acknowledged(world: &World, number: usize, id: EventId) -> Result<(), Violation> {
    let view = world.observer.view(&world.told[number].happening.room.tenant);
    match event::read(&view, id).map_err(read)? {
        Some(it) if marks(&it) == Some(number) => Ok(()),
        Some(_) => Err(format!("happening {number} was acknowledged as {id}, which is another")),
        None => Err(format!("happening {number} was acknowledged as {id}, which is not on disk")),
    }
}

/// No lane with work waits while there is a permit, once the dispatcher has read its mail.
pub(super) fn fed(core: &Core) -> Result<(), Violation> {
    let idle = core.lanes.idle_lanes_with_work();
    if core.dispatcher_mail.is_empty() && core.permits > 0 && idle > 0 {
        return Err(format!("{idle} lanes are idle while their work is ready"));
    }
    Ok(())
}

/// Nothing moves but time: whatever is to be done is known to those who do it.
pub(super) fn at_rest(core: &Core, chronicle: &Chronicle) -> Result<(), Violation> {
    if !matches!(*core.store.health().borrow(), Health::Writable) {
        return Ok(());
    }
    let now = core.inbox.clock().now();
    for tenant in core.store.tenants().map_err(read)? {
        let view = core.store.view(&tenant);
        for entry in event::all_ready(&view) {
            let (id, ready) = entry.map_err(read)?;
            if !core.lanes.has(id) {
                return Err(format!("{id} is to be handled and the core does not know of it"));
            }
            let put_off = chronicle.until.get(&id).is_some_and(|until| *until > now);
            let lane = Lane { tenant: tenant.clone(), key: ready.lane };
            if core.permits > 0 && !put_off && !chronicle.is_held(&lane, now) && !chronicle.running.contains_key(&lane)
            {
                return Err(format!("{} is idle while {id} is ready", lane.key));
            }
        }
        for owed in effect::all_owed(&view) {
            let owed = owed.map_err(read)?;
            if !core.outbox.has(owed.id) {
                return Err(format!("effect {} is owed and the core does not know of it", owed.id));
            }
        }
    }
    Ok(())
}

/// All is over: nothing waits, nothing is owed, and everything happened as often as it should.
pub(super) fn at_the_end(world: &World) -> Result<(), Violation> {
    let posts = world.machine.platform.posts();
    let mut of_tenants = Vec::new();
    for tenant in &world.machine.tenants {
        if world.machine.sabotage == Sabotage::TakeARowOfTheChain {
            take_a_row(world, tenant);
        }
        let view = world.observer.view(tenant);
        of_tenants.push((events_of(&view)?, view));
    }
    each_happening_is_one_event(of_tenants.iter().flat_map(|(events, _)| events), world)?;
    for (events, view) in &of_tenants {
        events_have_ended(view, events, &world.chronicle)?;
        effects_have_ended(view, events, &posts)?;
        the_chain_holds(view, events, &world.chronicle)?;
        timers_have_rung(view, events, world.machine.timeline.now())?;
        state_is_as_asked(view, events, world)?;
        posts_stand_in_order(view, events, &posts, &world.chronicle)?;
    }
    Ok(())
}

fn events_of(view: &View) -> Result<Vec<Event>, Violation> {
    let ids: Result<Vec<EventId>, StoreError> = event::ids(view, Order::Ascending).collect();
    let events = ids.map_err(read)?.into_iter().map(|id| event::read(view, id).map_err(read));
    Ok(events.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The happening that an event is a delivery of.
fn marks(it: &Event) -> Option<usize> {
    std::str::from_utf8(&it.what.raw).ok()?.strip_prefix("happening ")?.parse().ok()
}

fn events_have_ended(view: &View, events: &[Event], chronicle: &Chronicle) -> Result<(), Violation> {
    for it in events {
        if event::ready(view, it.id).map_err(read)?.is_some() {
            return Err(format!("{} waits for ever", it.id));
        }
        let Some(story) = event::story(view, it.id).map_err(read)? else {
            return Err(format!("{} is lost: it neither waits nor has ended", it.id));
        };
        if story.end == End::Dead {
            return Err(format!("{} is dead though all works: {}", it.id, story.summary));
        }
        // What asks nothing has ended in the commit that accepted it: no handler ran that could be seen.
        let by_acceptance = story.end == End::Ignored && story.attempts == 0;
        if !by_acceptance && chronicle.end(it.id) != Some(story.end) {
            return Err(format!("{} ended as {}, which nobody saw", it.id, story.end.as_str()));
        }
        for key in &it.what.dedupe {
            if dedupe::owner(view, key).map_err(read)? != Some(it.id) {
                return Err(format!("{} does not own its key `{key}`", it.id));
            }
        }
    }
    Ok(())
}

fn effects_have_ended(view: &View, events: &[Event], posts: &[Post]) -> Result<(), Violation> {
    if let Some(owed) = effect::all_owed(view).next() {
        return Err(format!("effect {} is owed for ever", owed.map_err(read)?.id));
    }
    if let Some(dead) = effect::all_dead(view).next() {
        return Err(format!("effect {} is dead though all works", dead.map_err(read)?.id));
    }
    let mut posted: BTreeSet<EffectId> =
        posts.iter().filter(|post| post.tenant == *view.tenant()).map(|post| post.effect).collect();
    for it in events {
        let story = event::story(view, it.id).map_err(read)?;
        let owed: BTreeSet<EffectId> = story.into_iter().flat_map(|story| story.effects).collect();
        let receipts = effect::receipts(view, it.id).map_err(read)?;
        for id in &owed {
            if !receipts.iter().any(|receipt| receipt.id == *id) {
                return Err(format!("effect {id} has no receipt"));
            }
        }
        for receipt in receipts {
            let id = receipt.id;
            let was_posted = posted.remove(&id);
            match receipt.end {
                EffectEnd::Done { .. } | EffectEnd::FoundDone { .. } if !was_posted => {
                    return Err(format!("effect {id} has a receipt and was never posted"));
                }
                EffectEnd::Merged { into } if effect::receipt(view, into).map_err(read)?.is_none() => {
                    return Err(format!("effect {id} became part of {into}, which has no receipt"));
                }
                _ => {}
            }
        }
    }
    match posted.first() {
        Some(id) => Err(format!("effect {id} was posted and has no receipt")),
        None => Ok(()),
    }
}

fn the_chain_holds(view: &View, events: &[Event], chronicle: &Chronicle) -> Result<(), Violation> {
    chain::verify(view).map_err(read)?.map_err(|broken| format!("the audit chain is broken: {broken}"))?;
    let mut rows: HashMap<EventId, usize> = HashMap::new();
    for row in chain::rows(view, 0) {
        let entry = row.map_err(read)?.entry;
        if let Some(id) = entry.event.filter(|_| !OTHER_ACTS.contains(&entry.action.as_str())) {
            *rows.entry(id).or_default() += 1;
        }
    }
    for it in events {
        let (rows, ends) = (rows.get(&it.id).copied(), chronicle.audited.get(&it.id).copied());
        if rows != ends {
            return Err(format!("{} has {rows:?} rows in the audit chain and was seen to end {ends:?} times", it.id));
        }
    }
    Ok(())
}

fn timers_have_rung(view: &View, events: &[Event], now: ai_crm::domain::time::Timestamp) -> Result<(), Violation> {
    if let Some(timer) = timer::soonest(view, 1).map_err(read)?.first() {
        return Err(format!("at {now} the timer {} of {} has not rung", timer.value.name, timer.value.at));
    }
    let rings = events.iter().filter(|it| matches!(it.what.kind, EventKind::TimerFired { .. }));
    let mut seen = BTreeSet::new();
    for ring in rings {
        if !seen.insert(&ring.what.dedupe) {
            return Err(format!("{} rang twice: {:?}", ring.id, ring.what.dedupe));
        }
    }
    Ok(())
}

fn state_is_as_asked(view: &View, events: &[Event], world: &World) -> Result<(), Violation> {
    let (tasks, _) = task::list(view, &task::TaskFilter::default(), None, usize::MAX).map_err(read)?;
    for it in events {
        let Some(number) = marks(it) else { continue };
        let wanted = usize::from(world.chronicle.end(it.id) == Some(End::Done));
        let (what, found) = match &world.told[number].happening.promise {
            Promise::Nothing => continue,
            Promise::Task(title) => (title, tasks.iter().filter(|task| task.title == *title).count()),
            Promise::Comment(words) => {
                let all = tasks.iter().flat_map(|task| &task.comments);
                (words, all.filter(|comment| comment.text == *words).count())
            }
        };
        if found != wanted {
            return Err(format!("`{what}` of {} is there {found} times, not {wanted}", it.id));
        }
    }
    Ok(())
}

fn each_happening_is_one_event<'a>(events: impl Iterator<Item = &'a Event>, world: &World) -> Result<(), Violation> {
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for number in events.filter_map(marks) {
        *found.entry(number).or_default() += 1;
    }
    for (number, told) in world.told.iter().enumerate() {
        match found.get(&number).copied().unwrap_or_default() {
            1 => {}
            0 if told.acknowledged => return Err(format!("happening {number} was acknowledged and is not there")),
            0 => {}
            many => return Err(format!("happening {number} is {many} events")),
        }
    }
    Ok(())
}

/// Answers of one lane in one conversation stand in the order of its events, but for those that were put off.
fn posts_stand_in_order(view: &View, events: &[Event], posts: &[Post], chronicle: &Chronicle) -> Result<(), Violation> {
    let mut lanes: HashMap<EffectId, String> = HashMap::new();
    for it in events.iter().filter(|it| !chronicle.aside.contains(&it.id)) {
        let story = event::story(view, it.id).map_err(read)?;
        // A digest is in no story: it stands where the last of its answers would.
        lanes.extend(story.into_iter().flat_map(|it| it.effects).map(|id| (id, it.what.lane.to_string())));
    }
    let mut last: BTreeMap<(&str, &str), EffectId> = BTreeMap::new();
    for post in posts.iter().filter(|post| post.tenant == *view.tenant()) {
        let Some(lane) = lanes.get(&post.effect).filter(|_| !chronicle.replayed.contains(&post.effect)) else {
            continue;
        };
        match last.insert((lane, &post.conversation), post.effect) {
            Some(before) if before > post.effect => {
                return Err(format!("in {} {before} was posted before {}", post.conversation, post.effect));
            }
            _ => {}
        }
    }
    Ok(())
}

fn take_a_row(world: &World, tenant: &TenantId) {
    let row = keyspace::full(tenant, &audit::row(2));
    world.machine.engine.set_faults(None);
    world.machine.engine.apply(vec![(row, None)]).expect("invariant: memory without faults takes it");
}
