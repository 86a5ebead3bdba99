//! The actor of one channel adapter: performs what the outbox gives it, many conversations side by
//! side, and shows whether the platform takes it.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::Board;
use crate::actors::delivery::{Deliverer, Tried};
use crate::actors::metrics::DeliveryMetrics;
use crate::actors::outbox::OutboxMessage;
use crate::actors::supervisor::Handle;
use crate::domain::effect::Effect;
use crate::domain::event::ChannelName;
use crate::ledger::outbox::Work;
use crate::store::Stored;

/// Failures in a row after which a channel is shown as degraded.
const FAILURES_UNTIL_DEGRADED: u32 = 3;

/// What it is told.
pub enum ChannelMessage {
    /// Do this; with the effect as it is stored, where that is known.
    Perform(Work, Option<Box<Stored<Effect>>>),
    /// This came of it.
    Performed(Work, Tried),
}

/// What it is started with.
#[derive(Clone)]
pub struct Arguments {
    /// Which channel.
    pub name: ChannelName,
    /// How things are delivered.
    pub deliverer: Deliverer,
    /// Who is told what came of it.
    pub outbox: Handle<OutboxMessage>,
    /// Where it is shown.
    pub board: Board,
    /// Counts tries.
    pub metrics: Arc<DeliveryMetrics>,
}

/// The actor.
pub struct ChannelActor;

/// What it works with.
pub struct Delivering {
    args: Arguments,
    delivered: u64,
    failures: u64,
    failures_in_a_row: u32,
}

/// Its name on the board.
#[must_use]
pub fn board_name(channel: ChannelName) -> String {
    format!("channel {channel}")
}

impl Delivering {
    fn show(&mut self, tried: &Tried) {
        let result = match tried {
            Tried::Ended(_) => "ended",
            Tried::GivenUp { .. } => "given_up",
            Tried::Unrecorded { .. } => "unrecorded",
            Tried::Again { quiet: true, .. } => "rate_limited",
            Tried::Again { .. } => "again",
            Tried::Merged { .. } => "merged",
        };
        self.args.metrics.tried(self.args.name, result);
        let (board, name) = (&self.args.board, board_name(self.args.name));
        let now = self.args.deliverer.clock.now();
        match tried {
            Tried::Again { error: Some(error), .. } | Tried::GivenUp { reason: error, .. } => {
                self.failures += 1;
                self.failures_in_a_row += 1;
                if self.failures_in_a_row == FAILURES_UNTIL_DEGRADED {
                    tracing::warn!(actor = name, error, "a channel keeps failing");
                }
                if self.failures_in_a_row >= FAILURES_UNTIL_DEGRADED {
                    board.degraded(&name, now, Some(error));
                }
            }
            Tried::Again { error: None, .. } | Tried::Unrecorded { .. } | Tried::Merged { .. } => {}
            Tried::Ended(ids) => {
                self.delivered += ids.len() as u64;
                if std::mem::take(&mut self.failures_in_a_row) >= FAILURES_UNTIL_DEGRADED {
                    tracing::info!(actor = name, "a channel works again");
                    board.degraded(&name, now, None);
                }
            }
        }
        board.figures(&name, now, [("ended", self.delivered.into()), ("failures", self.failures.into())]);
    }
}

impl Actor for ChannelActor {
    type Msg = ChannelMessage;
    type State = Delivering;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, args: Arguments) -> Result<Delivering, ActorProcessingErr> {
        Ok(Delivering { args, delivered: 0, failures: 0, failures_in_a_row: 0 })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: ChannelMessage,
        state: &mut Delivering,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ChannelMessage::Perform(work, known) => {
                let deliverer = state.args.deliverer.clone();
                let outbox = state.args.outbox.clone();
                // A delivery must not hold up others, and it is not lost with this actor: the outbox
                // hears of it either way.
                tokio::spawn(async move {
                    let tried = deliverer.perform(&work, known.map(|known| *known)).await;
                    outbox.cast(OutboxMessage::Tried { work: work.clone(), tried: tried.clone() });
                    // An actor that has ended has nothing to show.
                    let _ = myself.cast(ChannelMessage::Performed(work, tried));
                });
            }
            ChannelMessage::Performed(_, tried) => state.show(&tried),
        }
        Ok(())
    }
}
