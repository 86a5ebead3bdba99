//! Which effect is next: in order within a conversation, paced per place, after the pauses that the
//! platform asked for. Late answers of a conversation become one digest; of what a Home, or a message that is kept true, was
//! to show the last is shown.
//!
//! [`Outbox`] is pure and in memory and holds ids only; [`record`] writes how an effect ended. Effects
//! found at a start may have been performed by the process before, so they are looked up first.

pub mod digest;
pub mod faces;
pub mod record;
#[cfg(test)]
mod testing;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::time::Duration;

use crate::domain::effect::{Effect, EffectEnd, EffectKind};
use crate::domain::event::ChannelName;
use crate::domain::ids::{EffectId, TenantId};
use crate::domain::time::Timestamp;

/// Answers that one digest stands for; more make a further one.
const MOST_IN_DIGEST: usize = 200;

/// As many of a conversation are looked through for one that keeps the same message; each is looked at again when its turn
/// comes.
const MOST_LOOKED_THROUGH: usize = 200;

/// A conversation of a tenant, in which answers keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conversation {
    /// Whose.
    pub tenant: TenantId,
    /// The channel that delivers.
    pub channel: ChannelName,
    /// The workspace, which the platform may ask to leave alone for a while.
    pub workspace: String,
    /// [`crate::domain::event::Address::spot`].
    pub place: String,
    /// [`crate::domain::event::Address::conversation`].
    pub key: String,
}

impl Conversation {
    /// The conversation that an effect goes to.
    #[must_use]
    pub fn of(effect: &Effect) -> Self {
        let to = effect.address();
        // A platform counts each method apart: where it has enough of what stands below links, answers go on.
        let workspace = if to.below.is_some() { to.spot() } else { format!("{}/{}", to.channel, to.installation) };
        Self { tenant: effect.tenant.clone(), channel: to.channel, workspace, place: to.spot(), key: to.conversation() }
    }
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Perform one effect.
    Perform {
        /// Where.
        conversation: Conversation,
        /// Which.
        id: EffectId,
        /// It may have been performed already: look first.
        suspect: bool,
    },
    /// Write down how an effect ended, which could not be written when it did.
    Record {
        /// Where.
        conversation: Conversation,
        /// Which.
        id: EffectId,
        /// How.
        end: Box<EffectEnd>,
    },
    /// These came too late: make one digest of them.
    Digest {
        /// Where.
        conversation: Conversation,
        /// Which, in order; at least two.
        ids: Vec<EffectId>,
    },
}

impl Work {
    /// Where it goes.
    #[must_use]
    pub fn conversation(&self) -> &Conversation {
        match self {
            Self::Perform { conversation, .. }
            | Self::Record { conversation, .. }
            | Self::Digest { conversation, .. } => conversation,
        }
    }

    /// The effect that it is about, or the first of several.
    #[must_use]
    pub fn first(&self) -> EffectId {
        match self {
            Self::Perform { id, .. } | Self::Record { id, .. } => *id,
            Self::Digest { ids, .. } => ids[0],
        }
    }
}

#[derive(Debug, Clone)]
struct Owed {
    expires: Option<Timestamp>,
    not_before: Timestamp,
    suspect: bool,
    /// A caller waits for it in an open request, so it costs the platform no call.
    awaited: bool,
    /// What it keeps as it should be, a Home or a message of which a later card alone is then seen. A message that is
    /// changed for somebody who pressed on it is none: that card is an answer, and may end in a digest.
    keeps: Option<Box<str>>,
    /// How it ended, where that could not be written down.
    ended: Option<EffectEnd>,
}

impl Owed {
    /// One that nobody has tried and nobody waits for.
    fn of(effect: &Effect) -> Self {
        let keeps = match &effect.kind {
            EffectKind::Deliver { to, .. } if to.home => Some("home".into()),
            EffectKind::Deliver { replaces, .. } if faces::is_echo(effect) => replaces.as_deref().map(Into::into),
            EffectKind::Deliver { .. } | EffectKind::Call { .. } => None,
        };
        Self {
            expires: effect.expires,
            not_before: effect.not_before.unwrap_or_default(),
            suspect: effect.terms.as_ref().is_some_and(|terms| terms.again),
            awaited: false,
            keeps,
            ended: None,
        }
    }

    fn ready_at(&self, queue: Timestamp, quiet: Timestamp) -> Timestamp {
        let quiet = if self.awaited { Timestamp::default() } else { quiet };
        self.not_before.max(queue).max(quiet)
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<EffectId, Owed>,
    running: bool,
    not_before: Timestamp,
    /// Its entry among those that are due.
    due: Option<(Timestamp, u64)>,
}

impl Queue {
    /// What makes the head superfluous. However often a Home was opened meanwhile, or a task was changed, its page or
    /// message is shown once, as it is by the last of them.
    fn overtakes(&self, id: EffectId, head: &Owed) -> Option<EffectId> {
        head.keeps.as_ref()?;
        let later = self.waiting.range((Bound::Excluded(id), Bound::Unbounded)).take(MOST_LOOKED_THROUGH);
        later.filter(|(_, owed)| owed.keeps == head.keeps).map(|(id, _)| *id).last()
    }
}

/// All that is owed.
#[derive(Debug, Default)]
pub struct Outbox {
    queues: HashMap<Conversation, Queue>,
    /// Conversations that can go on, by the time from which they can; those of one time take turns.
    due: BTreeMap<(Timestamp, u64), Conversation>,
    turns: u64,
    /// Places and workspaces that are to be quiet, and until when.
    places: HashMap<String, Timestamp>,
    /// Every effect that is here.
    owed: HashSet<EffectId>,
    running: usize,
}

impl Outbox {
    /// Adds an effect that nobody has tried.
    pub fn push(&mut self, effect: &Effect) {
        self.add(effect, Owed::of(effect));
    }

    /// Adds an effect for which a caller waits in an open request: neither the pace of its place nor a pause of the
    /// platform holds it up.
    pub fn push_awaited(&mut self, effect: &Effect) {
        self.add(effect, Owed { awaited: true, ..Owed::of(effect) });
    }

    /// Adds an effect that may have been performed. It is not looked for before `from`, when what an earlier
    /// process sent is under way no longer.
    pub fn push_suspect(&mut self, effect: &Effect, from: Timestamp) {
        let owed = Owed::of(effect);
        self.add(effect, Owed { not_before: owed.not_before.max(from), suspect: true, ..owed });
    }

    fn add(&mut self, effect: &Effect, owed: Owed) {
        let conversation = Conversation::of(effect);
        let queue = self.queues.entry(conversation.clone()).or_default();
        // What is here already may have been tried: that is not forgotten.
        queue.waiting.entry(effect.id).or_insert(owed);
        self.owed.insert(effect.id);
        self.reschedule(&conversation);
    }

    fn reschedule(&mut self, conversation: &Conversation) {
        let quiet = self.quiet_until(conversation);
        let Some(queue) = self.queues.get_mut(conversation) else {
            return;
        };
        let Some((_, head)) = queue.waiting.first_key_value().filter(|_| !queue.running) else {
            return;
        };
        let at = head.ready_at(queue.not_before, quiet);
        if queue.due.is_some_and(|(set, _)| set == at) {
            return;
        }
        if let Some(before) = queue.due.take() {
            self.due.remove(&before);
        }
        // Whoever has been served stands behind those who have not, or a busy thread would starve the others of
        // its place.
        self.turns += 1;
        queue.due = Some((at, self.turns));
        self.due.insert((at, self.turns), conversation.clone());
    }

    /// What can be done now; the conversation is busy until [`Outbox::finished`].
    pub fn next(&mut self, now: Timestamp) -> Option<Work> {
        loop {
            let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
            let conversation = entry.remove();
            let quiet = self.quiet_until(&conversation);
            let Some(queue) = self.queues.get_mut(&conversation) else { continue };
            queue.due = None;
            if queue.running {
                continue;
            }
            let Some((id, head)) = queue.waiting.first_key_value().map(|(id, head)| (*id, head.clone())) else {
                self.queues.remove(&conversation);
                continue;
            };
            if head.ready_at(queue.not_before, quiet) > now {
                self.reschedule(&conversation);
                continue;
            }
            queue.running = true;
            self.running += 1;
            if let Some(end) = head.ended {
                return Some(Work::Record { conversation, id, end: Box::new(end) });
            }
            if let Some(by) = queue.overtakes(id, &head) {
                return Some(Work::Record { conversation, id, end: Box::new(EffectEnd::Overtaken { by }) });
            }
            let late = |owed: &Owed| owed.ended.is_none() && owed.expires.is_some_and(|expires| expires <= now);
            if late(&head) && !head.suspect {
                // Those that may have been done are looked up before one digest tells of all.
                if let Some((id, _)) = queue.waiting.iter().find(|(_, owed)| late(owed) && owed.suspect) {
                    return Some(Work::Perform { conversation, id: *id, suspect: true });
                }
                let ids = queue.waiting.iter().filter(|(_, owed)| late(owed)).map(|(id, _)| *id);
                let ids: Vec<_> = ids.take(MOST_IN_DIGEST).collect();
                if ids.len() > 1 {
                    return Some(Work::Digest { conversation, ids });
                }
            }
            return Some(Work::Perform { conversation, id, suspect: head.suspect });
        }
    }

    /// Whether a caller waits for an effect in an open request.
    #[must_use]
    pub fn is_awaited(&self, conversation: &Conversation, id: EffectId) -> bool {
        let queue = self.queues.get(conversation);
        queue.and_then(|queue| queue.waiting.get(&id)).is_some_and(|owed| owed.awaited)
    }

    fn quiet_until(&self, conversation: &Conversation) -> Timestamp {
        let of = |key: &String| self.places.get(key).copied().unwrap_or_default();
        of(&conversation.place).max(of(&conversation.workspace))
    }

    /// Keeps the place of a conversation quiet until a time.
    pub fn pace(&mut self, conversation: &Conversation, until: Timestamp) {
        self.keep_quiet(conversation.place.clone(), until);
    }

    /// Keeps the whole workspace quiet until a time, as the platform has asked.
    pub fn hush(&mut self, conversation: &Conversation, until: Timestamp) {
        self.keep_quiet(conversation.workspace.clone(), until);
    }

    fn keep_quiet(&mut self, key: String, until: Timestamp) {
        let place = self.places.entry(key).or_default();
        *place = (*place).max(until);
        if self.places.len() > 10_000 {
            // Places whose pause is over need no memory; the largest pause is seconds.
            let horizon = Timestamp(until.0 - 60_000);
            self.places.retain(|_, at| *at > horizon);
        }
    }

    /// The effects have ended: done, dead, dropped or merged.
    pub fn finished(&mut self, conversation: &Conversation, ended: &[EffectId]) {
        if let Some(queue) = self.queues.get_mut(conversation) {
            for id in ended {
                queue.waiting.remove(id);
                self.owed.remove(id);
            }
        }
        self.free(conversation);
    }

    /// The head was not performed; the conversation waits. `suspect`: it may have been performed.
    pub fn again(&mut self, conversation: &Conversation, id: EffectId, at: Timestamp, suspect: bool) {
        if let Some(queue) = self.queues.get_mut(conversation) {
            queue.not_before = at;
            if let Some(owed) = queue.waiting.get_mut(&id) {
                owed.suspect = suspect;
                owed.awaited = false;
            }
        }
        self.free(conversation);
    }

    /// It has ended, but that is not written down: only that is tried again.
    pub fn unrecorded(&mut self, conversation: &Conversation, id: EffectId, at: Timestamp, end: EffectEnd) {
        if let Some(owed) = self.queues.get_mut(conversation).and_then(|queue| queue.waiting.get_mut(&id)) {
            owed.ended = Some(end);
        }
        self.again(conversation, id, at, false);
    }

    fn free(&mut self, conversation: &Conversation) {
        let Some(queue) = self.queues.get_mut(conversation) else {
            return;
        };
        if queue.running {
            queue.running = false;
            self.running -= 1;
        }
        if queue.waiting.is_empty() {
            if let Some(due) = queue.due {
                self.due.remove(&due);
            }
            self.queues.remove(conversation);
        } else {
            self.reschedule(conversation);
        }
    }

    /// Takes an effect off that an operator dropped; one that is performed just now is not touched.
    pub fn remove(&mut self, conversation: &Conversation, id: EffectId) -> bool {
        let Some(queue) = self.queues.get_mut(conversation) else {
            return false;
        };
        let head_runs = queue.running && queue.waiting.first_key_value().is_some_and(|(head, _)| *head == id);
        if head_runs || queue.waiting.remove(&id).is_none() {
            return false;
        }
        self.owed.remove(&id);
        true
    }

    /// Lets a conversation go on at once, because somebody is there.
    pub fn nudge(&mut self, channel: ChannelName, key: &str) {
        let found: Vec<_> = self.queues.keys().filter(|c| c.channel == channel && c.key == key).cloned().collect();
        for conversation in found {
            if let Some(queue) = self.queues.get_mut(&conversation) {
                queue.not_before = Timestamp::default();
            }
            self.reschedule(&conversation);
        }
    }

    /// Whether an effect is here.
    #[must_use]
    pub fn has(&self, id: EffectId) -> bool {
        self.owed.contains(&id)
    }

    /// When there is next something to do, if nothing else happens.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Effects owed, those that are performed just now included.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Conversations in which something is performed just now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }
}

/// Time between two messages to a place, counted from the start of the first.
#[must_use]
pub fn pace_until(now: Timestamp, pace: Duration) -> Timestamp {
    now.after(pace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Below;
    use crate::domain::ids::{EventId, TaskId};
    use crate::ledger::outbox::testing::delivery;

    fn effect(event: u64, place: &str, expires: Option<i64>) -> Effect {
        Effect { expires: expires.map(Timestamp), ..delivery(event, place) }
    }

    fn performed(work: Option<Work>) -> (Conversation, EffectId) {
        match work {
            Some(Work::Perform { conversation, id, .. }) => (conversation, id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_conversation_keeps_its_order_and_others_go_on() {
        let mut outbox = Outbox::default();
        for (event, place) in [(2, "a"), (1, "a"), (3, "b")] {
            outbox.push(&effect(event, place, None));
        }
        let now = Timestamp(5);
        let (a, first) = performed(outbox.next(now));
        assert_eq!(first.event, EventId(1));
        let (_, other) = performed(outbox.next(now));
        assert_eq!(other.event, EventId(3));
        assert_eq!(outbox.next(now), None);
        outbox.again(&a, first, Timestamp(10), true);
        assert_eq!((outbox.next(now), outbox.next_due()), (None, Some(Timestamp(10))));
        assert!(matches!(outbox.next(Timestamp(10)), Some(Work::Perform { id, suspect: true, .. }) if id == first));
        outbox.finished(&a, &[first]);
        assert_eq!(performed(outbox.next(Timestamp(10))).1.event, EventId(2));
    }

    #[test]
    fn a_place_is_paced() {
        let mut outbox = Outbox::default();
        outbox.push(&effect(1, "a", None));
        let (conversation, id) = performed(outbox.next(Timestamp(0)));
        outbox.pace(&conversation, Timestamp(1000));
        outbox.finished(&conversation, &[id]);
        outbox.push(&effect(2, "a", None));
        assert_eq!(outbox.next(Timestamp(999)), None);
        assert!(outbox.next(Timestamp(1000)).is_some());
    }

    #[test]
    fn of_what_a_home_was_to_show_the_last_is_shown() {
        let mut outbox = Outbox::default();
        let at_home = |event| {
            let mut effect = effect(event, "U1", None);
            let EffectKind::Deliver { to, .. } = &mut effect.kind else { unreachable!() };
            to.home = true;
            effect
        };
        outbox.push(&at_home(1));
        outbox.push(&effect(2, "U1", None));
        let (home, first) = performed(outbox.next(Timestamp(0)));
        for event in [3, 4, 5] {
            outbox.push(&at_home(event));
        }
        assert_eq!(performed(outbox.next(Timestamp(0))).1.event, EventId(2), "a message to the same person is no Home");
        // The call under way may have been done or not; what is newer is shown in any case.
        outbox.again(&home, first, Timestamp(10), true);
        assert_eq!(outbox.next(Timestamp(9)), None);
        let last = at_home(5).id;
        for overtaken in [first, at_home(3).id, at_home(4).id] {
            let end = Box::new(EffectEnd::Overtaken { by: last });
            let work = Work::Record { conversation: home.clone(), id: overtaken, end };
            assert_eq!(outbox.next(Timestamp(10)), Some(work));
            outbox.finished(&home, &[overtaken]);
        }
        assert_eq!(performed(outbox.next(Timestamp(10))).1, last);
        outbox.finished(&home, &[last]);
        assert_eq!(outbox.next(Timestamp(10)), None);
    }

    #[test]
    fn of_the_changes_that_keep_a_message_true_the_last_is_made() {
        let mut outbox = Outbox::default();
        let changing = |event, message: &str, answers: Option<u64>| {
            let mut effect = effect(event, "C1", None);
            let EffectKind::Deliver { replaces, shows, answers: answered, .. } = &mut effect.kind else {
                unreachable!()
            };
            (*replaces, *shows) = (Some(message.to_owned()), Some(TaskId(7).into()));
            *answered = answers.map(EventId);
            effect
        };
        let owed = [
            changing(1, "C1:1", None),
            changing(2, "C1:1", Some(2)),
            changing(3, "C1:2", None),
            effect(4, "C1", None),
            changing(5, "C1:1", None),
        ];
        owed.iter().for_each(|effect| outbox.push(effect));
        let conversation = Conversation::of(&owed[0]);
        let end = Box::new(EffectEnd::Overtaken { by: owed[4].id });
        let work = Work::Record { conversation: conversation.clone(), id: owed[0].id, end };
        assert_eq!(outbox.next(Timestamp(0)), Some(work));
        outbox.finished(&conversation, &[owed[0].id]);
        for performs in &owed[1..] {
            assert_eq!(performed(outbox.next(Timestamp(0))).1, performs.id, "an answer, another message, the last");
            outbox.finished(&conversation, &[performs.id]);
        }
        assert_eq!(outbox.owed(), 0);
    }

    #[test]
    fn what_stands_below_links_keeps_a_pace_of_its_own_and_holds_no_answer_up() {
        let mut outbox = Outbox::default();
        let below = |event, place, link: &str| {
            let mut effect = effect(event, place, None);
            let EffectKind::Deliver { to, .. } = &mut effect.kind else { unreachable!() };
            to.below = Some(Below { message: "a:1.2".to_owned(), link: link.to_owned() });
            effect
        };
        outbox.push(&below(1, "a", "https://a/1"));
        let (links, first) = performed(outbox.next(Timestamp(0)));
        outbox.pace(&links, Timestamp(1000));
        outbox.again(&links, first, Timestamp(500), false);
        outbox.hush(&links, Timestamp(30_000));
        outbox.push(&below(2, "b", "https://a/3"));
        outbox.push(&effect(3, "a", None));
        let (answers, id) = performed(outbox.next(Timestamp(0)));
        assert_eq!(id.event, EventId(3), "answers go on, in the same place and workspace");
        outbox.finished(&answers, &[id]);
        assert_eq!(outbox.next(Timestamp(29_999)), None, "other links of the workspace wait");
        // One that is under way keeps no other waiting that is below the same message.
        outbox.push(&below(4, "a", "https://a/2"));
        let mut tried: Vec<u64> = (0..3).map(|_| performed(outbox.next(Timestamp(30_000))).1.event.0).collect();
        tried.sort_unstable();
        assert_eq!(tried, [1, 2, 4]);
    }

    #[test]
    fn conversations_of_a_place_take_turns() {
        let mut outbox = Outbox::default();
        let in_thread = |event, thread: &str| {
            let mut effect = effect(event, "a", None);
            let EffectKind::Deliver { to, .. } = &mut effect.kind else { unreachable!() };
            to.thread = Some(thread.to_owned());
            effect
        };
        for event in 1..=3 {
            outbox.push(&in_thread(event, "busy"));
        }
        outbox.push(&in_thread(9, "quiet"));
        let mut order = Vec::new();
        for second in 0..4 {
            let (conversation, id) = performed(outbox.next(Timestamp(second * 1000)));
            outbox.pace(&conversation, Timestamp((second + 1) * 1000));
            assert_eq!(outbox.next(Timestamp(second * 1000)), None, "the place is paced");
            outbox.finished(&conversation, &[id]);
            order.push(id.event.0);
        }
        assert_eq!(order, [1, 9, 2, 3]);
    }

    #[test]
    fn an_answer_that_a_caller_waits_for_is_held_up_by_no_pause() {
        let mut outbox = Outbox::default();
        outbox.push(&effect(1, "a", None));
        let (conversation, id) = performed(outbox.next(Timestamp(0)));
        outbox.pace(&conversation, Timestamp(1000));
        outbox.hush(&conversation, Timestamp(30_000));
        outbox.finished(&conversation, &[id]);
        outbox.push_awaited(&effect(2, "a", None));
        let (conversation, id) = performed(outbox.next(Timestamp(1)));
        assert!(outbox.is_awaited(&conversation, id));
        outbox.again(&conversation, id, Timestamp(2), false);
        assert_eq!(outbox.next(Timestamp(2)), None, "the caller has gone: it goes the usual way");
        assert!(outbox.next(Timestamp(30_000)).is_some());
    }

    #[test]
    fn a_workspace_that_asks_to_wait_is_left_alone_and_others_go_on() {
        let mut outbox = Outbox::default();
        outbox.push(&effect(1, "a", None));
        let (conversation, id) = performed(outbox.next(Timestamp(0)));
        outbox.hush(&conversation, Timestamp(5000));
        outbox.again(&conversation, id, Timestamp(5000), false);
        outbox.push(&effect(2, "b", None));
        assert_eq!(outbox.next(Timestamp(4999)), None);
        assert!(outbox.next(Timestamp(5000)).is_some());
    }

    #[test]
    fn late_answers_of_a_conversation_become_one_digest() {
        let mut outbox = Outbox::default();
        for event in 1..=10 {
            outbox.push(&effect(event, "a", Some(100)));
        }
        outbox.push(&effect(11, "a", Some(900)));
        let Some(Work::Digest { conversation, ids }) = outbox.next(Timestamp(500)) else { panic!("no digest") };
        assert_eq!(ids.len(), 10);
        outbox.finished(&conversation, &ids);
        assert_eq!((outbox.owed(), performed(outbox.next(Timestamp(500))).1.event), (1, EventId(11)));
    }

    #[test]
    fn one_late_answer_comes_alone_and_a_suspect_one_is_looked_up_first() {
        let mut outbox = Outbox::default();
        outbox.push(&effect(1, "a", Some(100)));
        assert!(matches!(outbox.next(Timestamp(500)), Some(Work::Perform { suspect: false, .. })));
        let mut outbox = Outbox::default();
        outbox.push_suspect(&effect(1, "a", Some(100)), Timestamp(0));
        outbox.push_suspect(&effect(2, "a", Some(100)), Timestamp(0));
        assert!(matches!(outbox.next(Timestamp(500)), Some(Work::Perform { suspect: true, .. })));
    }
}
