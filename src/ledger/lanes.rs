//! Which event is next: one at a time within a lane, in the order of acceptance, lanes side by side.
//!
//! Pure and in memory. An event that failed steps aside until its time has come, so it never blocks its
//! lane. One that waits for a platform's word keeps its place, and its lane waits with it: nobody may be
//! overtaken because the platform was slow. Lanes take turns: a busy one cannot starve the others.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::domain::ids::{EventId, LaneKey, TenantId};
use crate::domain::time::Timestamp;
use crate::store::keyspace::event::Ready;

/// A lane of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub key: LaneKey,
}

/// An event whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its lane, which is busy until [`Lanes::finished`], [`Lanes::later`] or [`Lanes::wait`].
    pub lane: Lane,
    /// The event.
    pub event: EventId,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeSet<EventId>,
    running: Option<EventId>,
    /// The whole lane waits until then.
    held: Option<Timestamp>,
}

/// All lanes that have anything to do.
#[derive(Debug, Default)]
pub struct Lanes {
    queues: HashMap<Lane, Queue>,
    /// Lanes with something waiting and nothing running, in turn.
    turns: VecDeque<Lane>,
    aside: BTreeSet<(Timestamp, EventId)>,
    aside_lanes: HashMap<EventId, (Timestamp, Lane)>,
    /// Lanes that wait with their first event.
    held: BTreeSet<(Timestamp, Lane)>,
    /// Every event that is here: waiting, running or aside.
    known: HashSet<EventId>,
}

impl Lanes {
    /// Adds an event; one that is here already stays where it is.
    pub fn push(&mut self, lane: Lane, event: EventId) {
        if self.known.insert(event) {
            self.enqueue(lane, event);
        }
    }

    /// Adds an event as the store holds it.
    pub fn take_up(&mut self, lane: Lane, event: EventId, ready: &Ready, now: Timestamp) {
        match ready.not_before.filter(|at| *at > now) {
            Some(at) if ready.holds => self.push_held(lane, event, at),
            Some(at) => self.push_later(lane, event, at),
            None => self.push(lane, event),
        }
    }

    /// Adds an event that is not to be handled before a time.
    pub fn push_later(&mut self, lane: Lane, event: EventId, at: Timestamp) {
        if self.known.insert(event) {
            self.aside.insert((at, event));
            self.aside_lanes.insert(event, (at, lane));
        }
    }

    /// Adds an event that is not to be handled before a time, and its lane with it.
    pub fn push_held(&mut self, lane: Lane, event: EventId, at: Timestamp) {
        if self.known.insert(event) {
            self.enqueue(lane.clone(), event);
            self.hold(lane, at);
        }
    }

    fn enqueue(&mut self, lane: Lane, event: EventId) {
        let queue = self.queues.entry(lane.clone()).or_default();
        let idle = queue.running.is_none() && queue.held.is_none() && queue.waiting.is_empty();
        queue.waiting.insert(event);
        if idle {
            self.turns.push_back(lane);
        }
    }

    /// The next event, whose lane is busy from here on.
    pub fn next_turn(&mut self) -> Option<Turn> {
        let lane = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&lane).expect("invariant: a lane in turn has a queue");
        let event = queue.waiting.pop_first().expect("invariant: a lane in turn has something waiting");
        queue.running = Some(event);
        Some(Turn { lane, event })
    }

    /// The event has ended and its lane is free.
    pub fn finished(&mut self, turn: &Turn) {
        if self.free(turn) {
            self.known.remove(&turn.event);
        }
    }

    /// The event steps aside until a time and its lane is free.
    pub fn later(&mut self, turn: &Turn, at: Timestamp) {
        if self.free(turn) {
            self.aside.insert((at, turn.event));
            self.aside_lanes.insert(turn.event, (at, turn.lane.clone()));
        }
    }

    /// The event keeps its place as the first of its lane, and the lane waits until a time.
    pub fn wait(&mut self, turn: &Turn, at: Timestamp) {
        let Some(queue) = self.queues.get_mut(&turn.lane).filter(|queue| queue.running == Some(turn.event)) else {
            return;
        };
        queue.running = None;
        queue.waiting.insert(turn.event);
        self.hold(turn.lane.clone(), at);
    }

    fn hold(&mut self, lane: Lane, at: Timestamp) {
        let Some(queue) = self.queues.get_mut(&lane).filter(|queue| queue.running.is_none()) else { return };
        match queue.held.replace(at) {
            Some(before) => {
                self.held.remove(&(before, lane.clone()));
            }
            None => self.turns.retain(|turn| *turn != lane),
        }
        self.held.insert((at, lane));
    }

    /// Lets a lane go on whose first event waited.
    fn release(&mut self, lane: &Lane) {
        let Some(queue) = self.queues.get_mut(lane) else { return };
        if let Some(at) = queue.held.take() {
            self.held.remove(&(at, lane.clone()));
            if queue.waiting.is_empty() {
                self.queues.remove(lane);
            } else {
                self.turns.push_back(lane.clone());
            }
        }
    }

    fn free(&mut self, turn: &Turn) -> bool {
        let Some(queue) = self.queues.get_mut(&turn.lane) else {
            return false;
        };
        if queue.running != Some(turn.event) {
            return false;
        }
        queue.running = None;
        if queue.waiting.is_empty() {
            self.queues.remove(&turn.lane);
        } else {
            self.turns.push_back(turn.lane.clone());
        }
        true
    }

    /// Brings back what stepped aside and whose time has come.
    pub fn wake(&mut self, now: Timestamp) {
        while let Some((at, event)) = self.aside.first().copied().filter(|(at, _)| *at <= now) {
            self.aside.remove(&(at, event));
            if let Some((_, lane)) = self.aside_lanes.remove(&event) {
                self.enqueue(lane, event);
            }
        }
        while let Some((_, lane)) = self.held.first().filter(|(at, _)| *at <= now).cloned() {
            self.release(&lane);
        }
    }

    /// When the next one that waits or stepped aside comes back.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let (aside, held) = (self.aside.first().map(|(at, _)| *at), self.held.first().map(|(at, _)| *at));
        aside.into_iter().chain(held).min()
    }

    /// Takes an event off that is waiting or aside; one that runs is not touched.
    pub fn remove(&mut self, event: EventId) -> bool {
        if let Some((at, _)) = self.aside_lanes.remove(&event) {
            self.aside.remove(&(at, event));
            self.known.remove(&event);
            return true;
        }
        let Some((lane, queue)) = self.queues.iter_mut().find(|(_, queue)| queue.waiting.contains(&event)) else {
            return false;
        };
        let was_first = queue.waiting.first() == Some(&event);
        queue.waiting.remove(&event);
        let (lane, empty, idle) = (lane.clone(), queue.waiting.is_empty(), queue.running.is_none());
        if was_first && queue.held.is_some() {
            // What the lane waited with is gone.
            self.release(&lane);
        } else if empty && idle {
            self.queues.remove(&lane);
            self.turns.retain(|turn| *turn != lane);
        }
        self.known.remove(&event);
        true
    }

    /// Whether an event is here, waiting, running or aside.
    #[must_use]
    pub fn has(&self, event: EventId) -> bool {
        self.known.contains(&event)
    }

    /// Events that wait, run, or stepped aside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Events that stepped aside, and lanes that wait with their first.
    #[must_use]
    pub fn aside(&self) -> usize {
        self.aside.len() + self.held.len()
    }

    /// Lanes that have something to do now and nobody doing it.
    #[must_use]
    pub fn idle_lanes_with_work(&self) -> usize {
        self.turns.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lane(name: &str) -> Lane {
        Lane { tenant: TenantId::default_tenant(), key: LaneKey(name.into()) }
    }

    #[test]
    fn one_at_a_time_in_order_and_lanes_side_by_side() {
        let mut lanes = Lanes::default();
        for (name, id) in [("a", 1), ("a", 2), ("b", 3)] {
            lanes.push(lane(name), EventId(id));
        }
        let first = lanes.next_turn().unwrap();
        let second = lanes.next_turn().unwrap();
        assert_eq!((first.event, second.event), (EventId(1), EventId(3)));
        assert_eq!(lanes.next_turn(), None, "lane a is busy");
        lanes.finished(&first);
        assert_eq!(lanes.next_turn().unwrap().event, EventId(2));
    }

    #[test]
    fn what_fails_steps_aside_and_comes_back() {
        let mut lanes = Lanes::default();
        lanes.push(lane("a"), EventId(1));
        lanes.push(lane("a"), EventId(2));
        let turn = lanes.next_turn().unwrap();
        lanes.later(&turn, Timestamp(10));
        assert_eq!(lanes.next_turn().unwrap().event, EventId(2));
        lanes.wake(Timestamp(9));
        assert_eq!((lanes.next_turn(), lanes.next_wake()), (None, Some(Timestamp(10))));
        lanes.finished(&Turn { lane: lane("a"), event: EventId(2) });
        lanes.wake(Timestamp(10));
        assert_eq!(lanes.next_turn().unwrap().event, EventId(1));
    }

    #[test]
    fn what_waits_for_a_platform_keeps_its_place_and_its_lane_waits() {
        let mut lanes = Lanes::default();
        for (name, id) in [("a", 1), ("a", 2), ("b", 3)] {
            lanes.push(lane(name), EventId(id));
        }
        let turn = lanes.next_turn().unwrap();
        lanes.wait(&turn, Timestamp(10));
        lanes.push(lane("a"), EventId(4));
        let other = lanes.next_turn().unwrap();
        assert_eq!(other.event, EventId(3), "other lanes go on");
        lanes.finished(&other);
        assert_eq!((lanes.next_turn(), lanes.next_wake()), (None, Some(Timestamp(10))));
        lanes.wake(Timestamp(10));
        for id in [1, 2, 4] {
            let turn = lanes.next_turn().unwrap();
            assert_eq!(turn.event, EventId(id));
            lanes.finished(&turn);
        }
        assert!(lanes.is_empty());
    }

    #[test]
    fn a_lane_that_waited_before_a_restart_waits_after_it() {
        let mut lanes = Lanes::default();
        lanes.push_held(lane("a"), EventId(1), Timestamp(10));
        lanes.push(lane("a"), EventId(2));
        assert_eq!(lanes.next_turn(), None);
        assert!(lanes.remove(EventId(1)), "an operator takes off what it waits with");
        assert_eq!(lanes.next_turn().unwrap().event, EventId(2));
    }

    #[test]
    fn an_event_is_here_once() {
        let mut lanes = Lanes::default();
        lanes.push(lane("a"), EventId(1));
        lanes.push(lane("a"), EventId(1));
        let turn = lanes.next_turn().unwrap();
        lanes.push(lane("a"), EventId(1));
        lanes.finished(&turn);
        assert_eq!((lanes.next_turn(), lanes.len()), (None, 0));
    }

    proptest! {
        /// Whatever happens in whatever order, a lane runs one event at a time, never repeats one and
        /// never forgets one, and no lane with work is left out of turn.
        #[test]
        fn nothing_is_lost_doubled_or_overtaken(steps in proptest::collection::vec((0_u8..8, 0_u64..4), 1..200)) {
            let mut lanes = Lanes::default();
            let (mut next_id, mut now) = (0, 0);
            let mut running: Vec<Turn> = Vec::new();
            let mut left: BTreeSet<EventId> = BTreeSet::new();
            let mut delayed: BTreeSet<EventId> = BTreeSet::new();
            for (step, n) in steps {
                match step {
                    0 | 1 => {
                        next_id += 1;
                        left.insert(EventId(next_id));
                        lanes.push(lane(&n.to_string()), EventId(next_id));
                    }
                    2 => if let Some(turn) = lanes.next_turn() {
                        prop_assert!(running.iter().all(|r| r.lane != turn.lane));
                        running.push(turn);
                    },
                    3 => if !running.is_empty() {
                        let turn = running.remove(n as usize % running.len());
                        lanes.finished(&turn);
                        prop_assert!(left.remove(&turn.event));
                    },
                    4 => if !running.is_empty() {
                        let turn = running.remove(0);
                        lanes.wait(&turn, Timestamp(now + 2));
                        now += 1;
                        lanes.wake(Timestamp(now));
                    },
                    6 => {
                        next_id += 1;
                        left.insert(EventId(next_id));
                        lanes.push_held(lane(&n.to_string()), EventId(next_id), Timestamp(now + 2));
                    }
                    7 => {
                        let runs = |event: &EventId| running.iter().any(|turn| turn.event == *event);
                        if let Some(event) = left.iter().copied().find(|event| !runs(event)) {
                            prop_assert!(lanes.remove(event));
                            left.remove(&event);
                        }
                    }
                    _ => if !running.is_empty() {
                        let turn = running.remove(0);
                        delayed.insert(turn.event);
                        lanes.later(&turn, Timestamp(now + 2));
                        now += 1;
                        lanes.wake(Timestamp(now));
                    },
                }
            }
            lanes.wake(Timestamp(i64::MAX));
            for turn in running { lanes.finished(&turn); left.remove(&turn.event); }
            while let Some(turn) = lanes.next_turn() { lanes.finished(&turn); prop_assert!(left.remove(&turn.event)); }
            prop_assert!(left.is_empty() && lanes.is_empty());
        }
    }
}
