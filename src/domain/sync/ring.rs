//! Laws of the merge: three systems in a ring, each joined with the next by a link of this core, whose events come late,
//! twice and out of order. After ten thousand edits it is quiet and all three are equal; and where two programs each set a
//! field back, every link over which that goes trips, and it is quiet too.
//!
//! In the ring each system keeps since when a value stands, wherever it was set first, and takes no older one; so a value
//! goes round once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::bounce::Breaker;
use super::merge::{Given, Known, Told, merge};
use super::{COMPLETED, Field, Flow, Held, NOT_PLANNED, OPEN, PRESENT, Rule, Stamp, Value};
use crate::domain::time::Timestamp;

const SYSTEMS: usize = 3;
const ISSUES: u64 = 60;
const LABELS: u64 = 400;
const EDITS: u64 = 10_000;
/// Milliseconds that an event or a write takes at most.
const SLOWEST: u64 = 30_000;

/// Chance, from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % most
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A field of an issue.
type Spot = (u64, Field);

/// What is under way. A link is named by the system that has it; the next one is its other side.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    /// The system of a link has changed.
    Changed { link: usize, spot: Spot },
    /// The other side tells that it has.
    Told { link: usize, spot: Spot, value: Value, stamp: (i64, u32), version: u64, is_own: bool },
    /// The link writes at the other side.
    Write { link: usize, spot: Spot, value: Value, stamp: (i64, u32), number: u64 },
}

#[derive(Default)]
struct System {
    held: BTreeMap<Spot, (Held, u64)>,
}

#[derive(Default)]
struct Joint {
    known: BTreeMap<Spot, (Known, u64)>,
    paused: BTreeSet<u64>,
    last_write: i64,
    writes: u64,
}

struct Ring {
    now: i64,
    dice: Dice,
    systems: [System; SYSTEMS],
    joints: [Joint; SYSTEMS],
    under_way: BinaryHeap<Reverse<(i64, u64, Message)>>,
    sent: u64,
    /// A program of a system that sets a field back to this, whatever it is.
    insists: Vec<(usize, Spot, Value)>,
    trips: usize,
    handled: u64,
}

impl Ring {
    fn new(seed: u64) -> Self {
        Self {
            now: 0,
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            systems: Default::default(),
            joints: Default::default(),
            under_way: BinaryHeap::new(),
            sent: 0,
            insists: Vec::new(),
            trips: 0,
            handled: 0,
        }
    }

    fn send(&mut self, at: i64, message: Message) {
        self.sent += 1;
        self.under_way.push(Reverse((at, self.sent, message)));
    }

    fn delay(&mut self) -> i64 {
        let most = if self.dice.once_in(4) { SLOWEST } else { 1_000 };
        i64::try_from(self.dice.below(most)).unwrap()
    }

    fn value(&self, system: usize, spot: &Spot) -> Held {
        self.systems[system].held.get(spot).map(|(held, _)| held.clone()).unwrap_or_default()
    }

    /// A system has a value, by the link that has written or taken it, or by somebody in it.
    fn set(&mut self, system: usize, spot: &Spot, held: Held, by: Option<usize>) {
        let before = self.value(system, spot);
        let entry = self.systems[system].held.entry(spot.clone()).or_default();
        if before.value == held.value {
            entry.0.stamp = before.stamp.max(held.stamp);
            return;
        }
        entry.1 += 1;
        entry.0 = held.clone();
        let version = entry.1;
        self.tell(system, spot, &held, version, by);
        if by != Some(system) {
            let at = self.now + 200;
            self.send(at, Message::Changed { link: system, spot: spot.clone() });
        }
        let wanted = self.insists.iter().find(|(at, of, _)| *at == system && of == spot).map(|it| it.2.clone());
        if let Some(wanted) = wanted.filter(|wanted| *wanted != held.value) {
            self.now += 1;
            self.edit(system, spot, wanted);
        }
    }

    /// Tells the link whose other side a system is, now and then twice.
    fn tell(&mut self, system: usize, spot: &Spot, held: &Held, version: u64, by: Option<usize>) {
        let link = (system + SYSTEMS - 1) % SYSTEMS;
        for _ in 0..if self.dice.once_in(10) { 2 } else { 1 } {
            let at = self.now + self.delay();
            let stamp = (held.stamp.at.0, held.stamp.side);
            let (spot, value) = (spot.clone(), held.value.clone());
            self.send(at, Message::Told { link, spot, value, stamp, version, is_own: by == Some(link) });
        }
    }

    fn edit(&mut self, system: usize, spot: &Spot, value: Value) {
        let stamp = Stamp { at: Timestamp(self.now), side: u32::try_from(system).unwrap() };
        self.set(system, spot, Held { value, stamp }, None);
    }

    fn merge(&mut self, link: usize, spot: &Spot, told: Option<Told>) {
        if self.joints[link].paused.contains(&spot.0) {
            return;
        }
        let ours = self.value(link, spot);
        let joint = &mut self.joints[link];
        joint.writes += 1;
        let number = joint.writes;
        let (known, _) = joint.known.entry(spot.clone()).or_default();
        let given = Given {
            ours: &ours,
            told: told.as_ref(),
            flow: Flow::Both,
            rule: Rule::Newest,
            breaker: Breaker::default(),
            number,
            now: Timestamp(self.now),
        };
        let merged = merge(known, &given);
        let stamp = known.stamp;
        if merged.is_a_circle {
            joint.paused.insert(spot.0);
            self.trips += 1;
            return;
        }
        if let Some(take) = merged.take {
            self.set(link, spot, take, Some(link));
        } else if stamp > ours.stamp {
            self.set(link, spot, Held { stamp, ..ours }, Some(link));
        }
        if let Some(owe) = merged.owe {
            // Writes of one link arrive in their order.
            let at = (self.now + self.delay()).max(self.joints[link].last_write + 1);
            self.joints[link].last_write = at;
            let stamp = (owe.stamp.at.0, owe.stamp.side);
            self.send(at, Message::Write { link, spot: spot.clone(), value: owe.value, stamp, number });
        }
    }

    fn handle(&mut self, message: Message) {
        self.handled += 1;
        match message {
            Message::Changed { link, spot } => self.merge(link, &spot, None),
            Message::Told { link, spot, value, stamp, version, is_own } => {
                let seen = &mut self.joints[link].known.entry(spot.clone()).or_default().1;
                if version <= *seen {
                    return;
                }
                *seen = version;
                let held = Held { value, stamp: Stamp { at: Timestamp(stamp.0), side: stamp.1 } };
                self.merge(link, &spot, Some(Told { held, may_be_ours: is_own }));
            }
            Message::Write { link, spot, value, stamp, number } => {
                let other = (link + 1) % SYSTEMS;
                let stamp = Stamp { at: Timestamp(stamp.0), side: stamp.1 };
                let stands = self.value(other, &spot);
                if stamp > stands.stamp || value == stands.value {
                    self.set(other, &spot, Held { value, stamp }, Some(link));
                } else {
                    // What comes too late is answered with what stands there.
                    let version = self.systems[other].held.get_mut(&spot).map_or(0, |(_, version)| {
                        *version += 1;
                        *version
                    });
                    self.tell(other, &spot, &stands, version, None);
                }
                let now = Timestamp(self.now);
                let (known, _) = self.joints[link].known.entry(spot).or_default();
                let of_it = known.sent.iter_mut().filter(|sent| sent.number == number);
                of_it.for_each(|sent| sent.landed = Some(now));
            }
        }
    }

    /// Lets everything arrive that does until then.
    fn until(&mut self, end: i64) {
        while self.under_way.peek().is_some_and(|Reverse((at, ..))| *at <= end) {
            let Some(Reverse((at, _, message))) = self.under_way.pop() else { break };
            self.now = self.now.max(at);
            self.handle(message);
        }
        self.now = self.now.max(end);
    }

    /// Lets everything arrive; it must be quiet then, and soon.
    fn rest(&mut self) {
        let most = self.handled + 200_000;
        while let Some(Reverse((at, ..))) = self.under_way.peek() {
            assert!(self.handled < most, "it is not quiet");
            let at = *at;
            self.until(at);
        }
    }

    fn random_edit(&mut self, count: u64, spot: Option<Spot>) -> Spot {
        let system = usize::try_from(self.dice.below(3)).unwrap();
        let spot = spot.unwrap_or_else(|| {
            let field = match self.dice.below(10) {
                0..=3 => Field::Title,
                4..=5 => Field::Status,
                6 => Field::Assignee,
                _ => Field::Label(format!("label-{}", self.dice.below(LABELS))),
            };
            (self.dice.below(ISSUES), field)
        });
        let value = match &spot.1 {
            Field::Title | Field::Description => Some(format!("title {count} of {system}")),
            Field::Status => Some([OPEN, COMPLETED, NOT_PLANNED][usize::try_from(self.dice.below(3)).unwrap()].into()),
            Field::Assignee => Some(self.dice.below(6)).filter(|id| *id > 0).map(|id| id.to_string()),
            Field::Label(_) if self.value(system, &spot).value.is_some() => None,
            Field::Label(_) => Some(PRESENT.to_owned()),
        };
        self.edit(system, &spot, value);
        spot
    }

    fn values(&self, system: usize) -> BTreeMap<&Spot, &str> {
        let held = self.systems[system].held.iter();
        held.filter_map(|(spot, (held, _))| Some((spot, held.value.as_deref()?))).collect()
    }
}

#[test]
fn three_systems_in_a_ring_are_quiet_and_equal_after_ten_thousand_edits() {
    for seed in 1..=5 {
        let mut ring = Ring::new(seed);
        let mut last = None;
        for count in 0..EDITS {
            // One in four is an edit of the same field somewhere else, before anybody has heard of the last one.
            let (again, pause) = if ring.dice.once_in(4) { (last.take(), 1_000) } else { (None, 200_000) };
            let end = ring.now + 1 + i64::try_from(ring.dice.below(pause)).unwrap();
            ring.until(end);
            let is_again = again.is_some();
            last = Some(ring.random_edit(count, again)).filter(|_| !is_again);
        }
        ring.rest();
        assert_eq!(ring.trips, 0, "seed {seed}: people who edit are no circle");
        let one = ring.values(0);
        assert!(one.len() > 200, "seed {seed}: {}", one.len());
        assert_eq!(one, ring.values(1), "seed {seed}");
        assert_eq!(one, ring.values(2), "seed {seed}");
    }
}

#[test]
fn two_programs_that_each_know_better_trip_the_breaker_and_then_it_is_quiet() {
    for seed in 1..=20 {
        let mut ring = Ring::new(seed);
        let spot = (1, Field::Title);
        ring.insists = vec![(0, spot.clone(), Some("mine".into())), (2, spot.clone(), Some("no, mine".into()))];
        ring.now = 1;
        ring.edit(0, &spot, Some("mine".into()));
        let another = (2, Field::Title);
        ring.edit(1, &another, Some("an ordinary one".into()));
        ring.rest();
        assert!((1..=SYSTEMS).contains(&ring.trips), "seed {seed}: {}", ring.trips);
        for system in 0..SYSTEMS {
            assert_eq!(ring.value(system, &another).value.as_deref(), Some("an ordinary one"), "seed {seed}");
        }
    }
}

#[test]
fn a_program_that_sets_a_field_back_without_anybody_who_insists_is_obeyed() {
    let mut ring = Ring::new(3);
    let spot = (1, Field::Status);
    ring.insists = vec![(2, spot.clone(), Some(OPEN.into()))];
    for _ in 0..5 {
        ring.now += 700_000;
        ring.edit(0, &spot, Some(COMPLETED.into()));
        ring.rest();
    }
    assert_eq!(ring.trips, 0);
    (0..SYSTEMS).for_each(|system| assert_eq!(ring.value(system, &spot).value.as_deref(), Some(OPEN)));
}
