//! The actor of one live conversation: handles the events of its lane, one at a time.
//!
//! It keeps nothing that must survive; the dispatcher starts it when its lane has work and ends it
//! when the lane has been idle. The router's future is boxed, so an idle session stays small.

use std::sync::Arc;

use crate::actors::dispatcher::{DispatcherMessage, Ended};
use crate::actors::outbox::OutboxMessage;
use crate::actors::router::{Handled, Router};
use crate::actors::seat::Seat;
use crate::actors::supervisor::Handle;
use crate::ledger::lanes::Turn;
use ractor::{Actor, ActorProcessingErr, ActorRef};

/// An event to handle, with the seat that bounds how many are handled at once.
pub struct HandleEvent {
    /// Which, and in which lane.
    pub turn: Turn,
    /// Given back when the event is settled.
    pub seat: Seat,
}

/// The actor.
pub struct Session;

/// What it works with.
pub struct Working {
    router: Arc<Router>,
    dispatcher: Handle<DispatcherMessage>,
    outbox: Handle<OutboxMessage>,
}

impl Actor for Session {
    type Msg = HandleEvent;
    type State = Working;
    type Arguments = (Arc<Router>, Handle<DispatcherMessage>, Handle<OutboxMessage>);

    async fn pre_start(
        &self,
        _: ActorRef<HandleEvent>,
        (router, dispatcher, outbox): Self::Arguments,
    ) -> Result<Working, ActorProcessingErr> {
        Ok(Working { router, dispatcher, outbox })
    }

    async fn handle(
        &self,
        _: ActorRef<HandleEvent>,
        HandleEvent { turn, mut seat }: HandleEvent,
        state: &mut Working,
    ) -> Result<(), ActorProcessingErr> {
        let handled = Box::pin(state.router.handle(&turn.lane.tenant, turn.event, &mut seat)).await;
        drop(seat);
        let ended = match handled {
            Handled::Settled { effects } => {
                if !effects.is_empty() {
                    state.outbox.cast(OutboxMessage::Owed(effects));
                }
                Ended::Settled
            }
            Handled::Gone => Ended::Settled,
            Handled::Later { at } => Ended::Later { at },
            Handled::Waits { at } => Ended::Waits { at },
        };
        state.dispatcher.cast(DispatcherMessage::Handled { turn, ended });
        Ok(())
    }
}
