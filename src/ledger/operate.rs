//! What an operator does: replay and drop of what was given up, and the audit row of any other act.
//!
//! A replay repeats no effect that was done: what a dead event owes after it has names of its own, and of
//! an event that is done only the effects that are dead are owed again.

use crate::domain::approval::{Approval, Ring, State};
use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::effect::{Effect, EffectEnd};
use crate::domain::event::ChannelName;
use crate::domain::ids::{ApprovalId, EffectId, EventId, TenantId};
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::ledger::lanes::Lane;
use crate::ledger::outbox::record::receipt;
use crate::store::keyspace::event::{End, Ready, Story};
use crate::store::keyspace::{approval, effect, event};
use crate::store::{Batch, Store, StoreError, View};

/// Who operates, as the audit chain names them: whoever has the admin token.
pub const OPERATOR: &str = "operator";

/// What a replay has brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The event is to be handled again.
    Event {
        /// Its lane.
        lane: Lane,
        /// Its number.
        id: EventId,
    },
    /// These effects are owed again.
    Effects(Vec<Effect>),
    /// There is nothing to replay; why.
    Nothing(String),
}

/// The audit row of an operator's act.
#[must_use]
pub fn entry(action: &str, actor: &str, resource: String, event: Option<EventId>) -> AuditEntry {
    AuditEntry {
        action: action.to_owned(),
        actor: actor.to_owned(),
        args_digest: String::new(),
        channel: "api".to_owned(),
        end: AuditEnd::Done,
        event,
        reason: "asked by an operator".to_owned(),
        resource,
        rules: Vec::new(),
    }
}

/// Brings back an event that was given up, or the effects of it that were.
///
/// # Errors
/// Where the store cannot be read or written, or the event changes meanwhile.
pub async fn replay(store: &Store, tenant: &TenantId, id: EventId, actor: &str) -> Result<Replayed, StoreError> {
    let view = store.view(tenant);
    let Some(it) = event::read(&view, id)? else {
        return Ok(Replayed::Nothing(format!("{id} is not known in tenant {tenant}")));
    };
    let Some(story) = event::story(&view, id)? else {
        return Ok(Replayed::Nothing(format!("{id} has not ended: it is still to be handled")));
    };
    let mut batch = Batch::new();
    batch.audit(tenant, entry("events.replay", actor, id.to_string(), Some(id)));
    if story.end == End::Dead {
        let lane = Lane { tenant: tenant.clone(), key: it.what.lane };
        let ready = Ready::again(lane.key.clone());
        batch.write(tenant, event::put_ready(id, &ready, Expect::Absent)).write(tenant, event::take_dead(id));
        store.commit(batch).await?;
        return Ok(Replayed::Event { lane, id });
    }
    let mut effects = Vec::new();
    for receipt in effect::receipts(&view, id)? {
        if matches!(receipt.end, EffectEnd::Dead { .. })
            && let Some(dead) = effect::dead(&view, receipt.id)?
        {
            effects.push(Effect { attempts: 0, last_error: None, expires: None, ..dead.value });
        }
    }
    if effects.is_empty() {
        let end = story.end.as_str();
        return Ok(Replayed::Nothing(format!("{id} is {end} and none of its effects is dead")));
    }
    for owed in &effects {
        batch.write(tenant, effect::put_owed(owed, Expect::Absent));
        batch.write(tenant, effect::take_dead(owed.id)).write(tenant, effect::take_receipt(owed.id));
    }
    store.commit(batch).await?;
    Ok(Replayed::Effects(effects))
}

/// The approval that an event was to run or to end, and what ends it where the event is taken off: nothing else would.
fn end_of_approval(view: &View, id: EventId, at: Timestamp) -> Result<Option<(ApprovalId, Vec<Write>)>, StoreError> {
    let it = match event::read(view, id) {
        Ok(it) => it.filter(|it| it.what.channel == ChannelName::Internal),
        // What cannot be read can be taken off all the same.
        Err(StoreError::Unreadable(_)) => None,
        Err(error) => return Err(error),
    };
    let Some(ring) = it.and_then(|it| Ring::of(&it.what.kind)) else { return Ok(None) };
    let (Ring::Run(of) | Ring::Expire(of) | Ring::Show(of)) = ring;
    let Some(before) = approval::read(view, of)? else { return Ok(None) };
    let is = &before.value;
    let writes = match ring {
        Ring::Run(_) if is.is_to_run() => approval::change(&before, &Approval { ran: Some(id), ..is.clone() }),
        Ring::Expire(_) if is.state == State::Pending => {
            approval::close(view, &before, &Approval { state: State::Expired { at }, ..is.clone() })?
        }
        _ => Vec::new(),
    };
    Ok(Some((of, writes)))
}

/// Takes an event off that waits or was given up, and ends the approval that it was to run. Gives `false` where it has
/// ended otherwise.
///
/// # Errors
/// Where the store cannot be read or written, or the event changes meanwhile.
pub async fn drop_event(
    store: &Store,
    tenant: &TenantId,
    id: EventId,
    actor: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let view = store.view(tenant);
    let (ready, story) = (event::ready(&view, id)?, event::story(&view, id)?);
    let droppable = ready.is_some() || story.as_ref().is_some_and(|story| story.end == End::Dead);
    if !droppable {
        return Ok(false);
    }
    let mut batch = Batch::new();
    if let Some(ready) = &ready {
        batch.write(tenant, event::take_ready(id, ready.version));
    }
    let (of, writes) = end_of_approval(&view, id, at)?.unzip();
    batch.writes(tenant, writes.unwrap_or_default());
    let dropped = Story {
        end: End::Dropped,
        summary: format!("dropped by {actor}"),
        at,
        person: None,
        handler: None,
        rules: Vec::new(),
        smallest_change: None,
        approval: of,
        told: Vec::new(),
        // What it owed before it was given up may be owed still.
        effects: story.map(|story| story.effects).unwrap_or_default(),
        attempts: ready.map_or(0, |ready| ready.value.attempts),
        result: None,
        shown: None,
    };
    batch.write(tenant, event::put_story(id, &dropped)).write(tenant, event::take_dead(id));
    batch.audit(tenant, entry("events.drop", actor, id.to_string(), Some(id)));
    store.commit(batch).await?;
    Ok(true)
}

/// Takes an effect off that is owed or was given up. Gives the effect where it was still owed, so that
/// the outbox forgets it too; `None` in the inner place where there was nothing to drop.
///
/// # Errors
/// Where the store cannot be read or written, or the effect ends meanwhile.
pub async fn drop_effect(
    store: &Store,
    tenant: &TenantId,
    id: EffectId,
    actor: &str,
    at: Timestamp,
) -> Result<Option<Effect>, StoreError> {
    let view = store.view(tenant);
    let mut batch = Batch::new();
    let it = match (effect::owed(&view, id)?, effect::dead(&view, id)?) {
        (Some(owed), _) => {
            batch.write(tenant, effect::take_owed(id, owed.version));
            owed.value
        }
        (None, Some(dead)) => dead.value,
        (None, None) => return Ok(None),
    };
    let end = EffectEnd::Dropped { by: actor.to_owned() };
    batch.write(tenant, effect::put_receipt(&receipt(&it, end, at))).write(tenant, effect::take_dead(id));
    batch.audit(tenant, entry("effects.drop", actor, id.to_string(), Some(id.event)));
    store.commit(batch).await?;
    Ok(Some(it))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::json;

    use super::*;
    use crate::domain::approval::testing::{decided, pending};
    use crate::domain::event::{Event, EventKind, Incoming};
    use crate::domain::ids::LaneKey;
    use crate::store::testing::in_memory;

    /// What an approval is after the event of one of its timers, which waits, was dropped.
    fn after_drop(it: &Approval, wants: &str) -> (Approval, bool) {
        let (store, tenant) = (in_memory(), TenantId::default_tenant());
        let what = Incoming {
            channel: ChannelName::Internal,
            installation: String::new(),
            organisation: None,
            dedupe: vec!["k7".into()],
            lane: LaneKey("l".into()),
            from: None,
            place: None,
            reply: None,
            kind: EventKind::TimerFired { name: format!("approval/{wants}/A-3"), payload: json!({ wants: 3 }) },
            proof: "test".into(),
            reach: None,
            happened: None,
            raw: bytes::Bytes::new(),
        };
        let event = Event { id: EventId(7), tenant: tenant.clone(), at: Timestamp(4), what };
        let mut batch = Batch::new();
        batch.writes(&tenant, approval::create(it, Expect::Absent));
        batch.write(&tenant, event::put_event(&event));
        batch.write(&tenant, event::put_ready(event.id, &Ready::again(event.what.lane.clone()), Expect::Absent));
        store.commit(batch).now_or_never().unwrap().unwrap();
        let dropped = drop_event(&store, &tenant, event.id, OPERATOR, Timestamp(5)).now_or_never().unwrap();
        assert!(dropped.unwrap());
        let view = store.view(&tenant);
        assert_eq!(event::story(&view, event.id).unwrap().unwrap().approval, Some(it.id));
        (approval::read(&view, it.id).unwrap().unwrap().value, approval::open(&view).next().is_some())
    }

    #[test]
    fn an_approval_whose_event_is_dropped_has_ended() {
        let yes = Approval { state: State::Approved(decided(3)), ..pending(3) };
        let given_up = Approval { given_up: Some(EventId(7)), ..yes.clone() };
        for before in [yes.clone(), given_up] {
            let (after, _) = after_drop(&before, "run");
            assert_eq!(after, Approval { ran: Some(EventId(7)), ..before });
            assert!(after.is_over(Timestamp(5)));
        }
        let has_run = Approval { ran: Some(EventId(6)), ..yes };
        assert_eq!(after_drop(&has_run, "run").0, has_run);
        let expired = Approval { state: State::Expired { at: Timestamp(5) }, ..pending(3) };
        assert_eq!(after_drop(&pending(3), "expire"), (expired, false));
        assert_eq!(after_drop(&pending(3), "show"), (pending(3), true));
    }
}
