//! The outbox's actor: gives what is due to the actor of its channel, as much at once as is allowed.

use std::collections::HashMap;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::Board;
use crate::actors::channel::ChannelMessage;
use crate::actors::delivery::{Deliverer, Tried};
use crate::actors::supervisor::Handle;
use crate::domain::effect::{Effect, EffectKind};
use crate::domain::event::ChannelName;
use crate::domain::ids::EffectId;
use crate::domain::time::Timestamp;
use crate::ledger::outbox::{Conversation, Outbox, Work, pace_until};
use crate::store::keyspace::effect;
use crate::store::{StoreError, Stored};

/// Pause of a conversation whose channel is being started again.
const CHANNEL_AWAY: Duration = Duration::from_secs(1);
/// How often what the store holds is compared with what we know; see the dispatcher's.
const RECONCILE: Duration = Duration::from_secs(60);
/// How often figures are shown, and the longest sleep.
const TICK: Duration = Duration::from_secs(1);

/// Effects that are handed on as they were stored; what more of them wait is read again.
const MOST_FRESH: usize = 128;
/// One that waits for so long leaves its place to others.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// What it is told.
pub enum OutboxMessage {
    /// These are owed, as they are stored, and no process has tried them.
    Owed(Vec<Stored<Effect>>),
    /// An operator owes these again: an earlier try may have performed them without anybody knowing.
    OwedAgain(Vec<Effect>),
    /// This came of a piece of work.
    Tried {
        /// The work.
        work: Work,
        /// What came of it.
        tried: Tried,
    },
    /// An operator has taken an effect off.
    Dropped(Conversation, EffectId),
    /// Somebody is there: let this conversation of a channel go on.
    Nudge(ChannelName, String),
    /// Compare what the store holds with what we know.
    Reconcile,
    /// The time has come for which the next thing waits.
    Tick(Timestamp),
    /// Answer when nothing is performed and nothing is due.
    Flush(ractor::RpcReplyPort<()>),
}

/// What it is started with.
#[derive(Clone)]
pub struct Arguments {
    /// The store, the clock and the channels' pace.
    pub deliverer: Deliverer,
    /// The channels' actors.
    pub channels: HashMap<ChannelName, Handle<ChannelMessage>>,
    /// Pieces of work at once.
    pub most_at_once: usize,
    /// How long what an earlier process sent may be under way.
    pub under_way: Duration,
    /// Where it shows its figures.
    pub board: Board,
}

/// The actor.
pub struct OutboxActor;

/// What it works with.
pub struct Sending {
    args: Arguments,
    outbox: Outbox,
    /// What was stored a moment ago, and until when it is kept.
    fresh: HashMap<EffectId, (Stored<Effect>, Timestamp)>,
    tick_at: Option<Timestamp>,
    flushing: Option<ractor::RpcReplyPort<()>>,
    ended: u64,
}

impl Sending {
    fn now(&self) -> Timestamp {
        self.args.deliverer.clock.now()
    }

    /// Takes in what the store holds and we do not know. Nobody knows whether it was tried.
    fn reread(&mut self) -> Result<(), StoreError> {
        let store = self.args.deliverer.store.clone();
        let from = self.now().after(self.args.under_way);
        for tenant in store.tenants()? {
            let view = store.view(&tenant);
            for id in effect::owed_ids(&view) {
                let id = id?;
                if self.outbox.has(id) {
                    continue;
                }
                match effect::owed(&view, id) {
                    Ok(Some(owed)) => self.outbox.push_suspect(&owed.value, from),
                    Ok(None) => {}
                    // One value that cannot be read must not hold up the others.
                    Err(StoreError::Unreadable(error)) => {
                        tracing::error!(effect = %id, tenant = %tenant, error, "an effect cannot be read and is passed over");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Takes in what is owed and was not tried. What goes out at once need not be read again.
    fn take_in(&mut self, owed: Stored<Effect>) {
        let effect = &owed.value;
        let answers = if let EffectKind::Deliver { answers, .. } = &effect.kind { *answers } else { None };
        let channel = self.args.deliverer.channels.get(&effect.address().channel);
        if answers.zip(channel).is_some_and(|(event, channel)| channel.is_awaited(event)) {
            self.outbox.push_awaited(effect);
        } else {
            self.outbox.push(effect);
        }
        let now = self.now();
        if self.fresh.len() == MOST_FRESH {
            self.fresh.retain(|_, (_, until)| *until > now);
        }
        // What a run owes may be withdrawn: it is read again when its turn comes.
        if self.fresh.len() < MOST_FRESH && effect.terms.is_none() {
            self.fresh.insert(effect.id, (owed, now.after(FRESH_FOR)));
        }
    }

    fn give_out(&mut self, myself: &ActorRef<OutboxMessage>) {
        let now = self.now();
        while self.outbox.running() < self.args.most_at_once {
            let Some(work) = self.outbox.next(now) else { return };
            let conversation = work.conversation().clone();
            if let Some(channel) = self.args.deliverer.channels.get(&conversation.channel)
                && matches!(work, Work::Perform { .. })
                && !self.outbox.is_awaited(&conversation, work.first())
            {
                self.outbox.pace(&conversation, pace_until(now, channel.pace_in(&conversation.place)));
            }
            let first = work.first();
            let fresh = self.fresh.remove(&first).map(|(owed, _)| owed);
            let fresh = fresh.filter(|_| matches!(work, Work::Perform { suspect: false, .. }));
            match self.args.channels.get(&conversation.channel) {
                Some(handle) if handle.cast(ChannelMessage::Perform(work.clone(), fresh.map(Box::new))) => {}
                Some(_) => {
                    let suspect = matches!(work, Work::Perform { suspect: true, .. });
                    self.outbox.again(&conversation, first, now.after(CHANNEL_AWAY), suspect);
                }
                // The channel is off: that is written down, and in time the effect is given up.
                None => {
                    let (deliverer, myself) = (self.args.deliverer.clone(), myself.clone());
                    tokio::spawn(async move {
                        let tried = deliverer.perform(&work, None).await;
                        // Where the outbox has ended meanwhile, the next one reads what is owed from the store.
                        let _ = myself.cast(OutboxMessage::Tried { work, tried });
                    });
                }
            }
        }
    }

    fn take_back(&mut self, work: &Work, tried: Tried) {
        let conversation = work.conversation();
        match tried {
            Tried::Ended(ids) => {
                self.ended += ids.len() as u64;
                self.outbox.finished(conversation, &ids);
            }
            Tried::GivenUp { id, .. } => {
                self.ended += 1;
                self.outbox.finished(conversation, &[id]);
            }
            Tried::Again { id, at, suspect, quiet, .. } => {
                if quiet {
                    self.outbox.hush(conversation, at);
                }
                self.outbox.again(conversation, id, at, suspect);
            }
            Tried::Unrecorded { id, at, end } => self.outbox.unrecorded(conversation, id, at, *end),
            Tried::Merged { digest, ids } => {
                self.ended += ids.len() as u64;
                self.outbox.finished(conversation, &ids);
                self.outbox.push(&digest);
            }
        }
    }

    fn sleep(&mut self, myself: &ActorRef<OutboxMessage>) {
        let now = self.now();
        let longest = now.after(TICK);
        let at = self.outbox.next_due().map_or(longest, |due| due.min(longest));
        // At the bound of work at once, the end of a piece of work wakes us, not the time.
        let at = if self.outbox.running() < self.args.most_at_once { at } else { longest };
        if self.tick_at.is_some_and(|set| set <= at) {
            return;
        }
        self.tick_at = Some(at);
        myself.send_after(at.since(now).max(Duration::from_millis(1)), move || OutboxMessage::Tick(at));
    }

    fn show(&self) {
        let figures = [
            ("owed", self.outbox.owed().into()),
            ("running", self.outbox.running().into()),
            ("ended", self.ended.into()),
        ];
        self.args.board.figures("outbox", self.now(), figures);
    }

    fn answer_flush(&mut self) {
        let due = self.outbox.next_due().is_some_and(|due| due <= self.now());
        if self.outbox.running() == 0
            && !due
            && let Some(port) = self.flushing.take()
        {
            // Who asked and went away needs no answer.
            let _ = port.send(());
        }
    }
}

impl Actor for OutboxActor {
    type Msg = OutboxMessage;
    type State = Sending;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Arguments) -> Result<Sending, ActorProcessingErr> {
        let mut state =
            Sending { args, outbox: Outbox::default(), fresh: HashMap::new(), tick_at: None, flushing: None, ended: 0 };
        state.reread()?;
        myself.send_interval(RECONCILE, || OutboxMessage::Reconcile);
        Ok(state)
    }

    async fn post_start(&self, myself: ActorRef<Self::Msg>, state: &mut Sending) -> Result<(), ActorProcessingErr> {
        state.show();
        state.give_out(&myself);
        state.sleep(&myself);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: OutboxMessage,
        state: &mut Sending,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            OutboxMessage::Owed(effects) => effects.into_iter().for_each(|owed| state.take_in(owed)),
            OutboxMessage::OwedAgain(effects) => {
                let now = state.now();
                effects.iter().for_each(|effect| state.outbox.push_suspect(effect, now));
            }
            OutboxMessage::Tried { work, tried } => state.take_back(&work, tried),
            OutboxMessage::Dropped(conversation, id) => {
                state.fresh.remove(&id);
                state.outbox.remove(&conversation, id);
            }
            OutboxMessage::Nudge(channel, key) => state.outbox.nudge(channel, &key),
            OutboxMessage::Reconcile => {
                if let Err(error) = state.reread() {
                    tracing::warn!(%error, "what is owed cannot be read");
                }
            }
            OutboxMessage::Tick(at) => {
                // One that was overtaken by an earlier one sets nothing off.
                state.tick_at = state.tick_at.filter(|set| *set != at);
                state.show();
            }
            OutboxMessage::Flush(port) => state.flushing = Some(port),
        }
        state.give_out(&myself);
        if state.flushing.is_some() {
            state.answer_flush();
        }
        state.sleep(&myself);
        Ok(())
    }
}
