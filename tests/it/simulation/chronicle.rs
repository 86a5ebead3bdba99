//! What was seen while a world ran, and the promises that can be checked at once: an event ends once, in the order of
//! its lane, one at a time.

use std::collections::{BTreeMap, BTreeSet};

use ai_crm::actors::router::Handled;
use ai_crm::domain::ids::{EffectId, EventId};
use ai_crm::domain::time::Timestamp;
use ai_crm::ledger::lanes::Lane;
use ai_crm::store::View;
use ai_crm::store::keyspace::event::{self, End};

/// A broken promise, in words.
pub(super) type Violation = String;

/// What was seen.
#[derive(Default)]
pub(super) struct Chronicle {
    /// How each event ended last, and by which version of its story.
    ended: BTreeMap<EventId, (u64, End)>,
    /// Rows of the audit chain that each event must have.
    pub(super) audited: BTreeMap<EventId, usize>,
    /// The latest event of each lane that has ended.
    latest: BTreeMap<Lane, EventId>,
    /// Events that others of their lane may overtake: they were put off, given up, or found late.
    pub(super) aside: BTreeSet<EventId>,
    /// Until when events were put off.
    pub(super) until: BTreeMap<EventId, Timestamp>,
    /// Those of them with which their lanes wait.
    pub(super) held: BTreeMap<EventId, Lane>,
    /// Effects that were given up once and owed again.
    pub(super) replayed: BTreeSet<EffectId>,
    /// Events that are handled just now.
    pub(super) running: BTreeMap<Lane, EventId>,
}

impl Chronicle {
    /// An event is handled from here on.
    pub(super) fn begins(&mut self, lane: Lane, event: EventId) -> Result<(), Violation> {
        match self.running.insert(lane.clone(), event) {
            Some(other) => Err(format!("{other} and {event} of {} are handled side by side", lane.key)),
            None => Ok(()),
        }
    }

    /// An event is not handled any more, put off, or waits in its place.
    pub(super) fn rests(&mut self, lane: &Lane, event: EventId, handled: &Handled) {
        self.running.retain(|_, running| *running != event);
        self.held.remove(&event);
        match handled {
            Handled::Settled { .. } | Handled::Gone => {}
            Handled::Later { at } => {
                self.aside.insert(event);
                self.until.insert(event, *at);
            }
            Handled::Waits { at } => {
                self.held.insert(event, lane.clone());
                self.until.insert(event, *at);
            }
        }
    }

    /// Whether a lane waits with one of its events.
    pub(super) fn is_held(&self, lane: &Lane, now: Timestamp) -> bool {
        let waits = |event: &EventId| self.until.get(event).is_some_and(|until| *until > now);
        // A sabotaged core parts its lanes: behind the name stands which half.
        let (key, half) = (lane.key.to_string(), format!("{} ", lane.key));
        let is_it = |held: &Lane| {
            let held_key = held.key.to_string();
            held.tenant == lane.tenant && (held_key == key || held_key.starts_with(&half))
        };
        self.held.iter().any(|(event, held)| waits(event) && is_it(held))
    }

    /// Looks whether an event has ended.
    pub(super) fn look(&mut self, view: &View, id: EventId) -> Result<(), Violation> {
        let unreadable = |error| format!("the story of {id}: {error}");
        let Some(story) = event::story(view, id).map_err(unreadable)? else { return Ok(()) };
        // What ended by being accepted has no version of its own.
        let version = event::told(view, id).map_err(unreadable)?.map_or(0, |told| told.version);
        match self.ended.get(&id) {
            Some((known, _)) if *known == version => return Ok(()),
            Some((_, End::Dead)) | None => {}
            Some((_, end)) => {
                return Err(format!("{id} ended twice: {} and {}", end.as_str(), story.end.as_str()));
            }
        }
        self.ended.insert(id, (version, story.end));
        if story.end != End::Ignored {
            *self.audited.entry(id).or_default() += 1;
        }
        let it = event::read(view, id).map_err(|error| format!("{id}: {error}"))?;
        let it = it.ok_or_else(|| format!("{id} has a story and no event"))?;
        let lane = Lane { tenant: it.tenant, key: it.what.lane };
        let latest = self.latest.entry(lane.clone()).or_insert(id);
        if *latest > id && !self.aside.contains(&id) {
            return Err(format!("{latest} overtook {id} in {}", lane.key));
        }
        *latest = id.max(*latest);
        Ok(())
    }

    /// How an event ended, as far as was seen.
    pub(super) fn end(&self, id: EventId) -> Option<End> {
        self.ended.get(&id).map(|(_, end)| *end)
    }
}
