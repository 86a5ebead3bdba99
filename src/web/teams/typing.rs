//! Whoever has written, pressed or sent a form sees that an answer is being made, where it is not there at once.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Edge;
use crate::channels::teams::typing::Answering;
use crate::domain::event::Incoming;
use crate::domain::ids::EventId;
use crate::ledger::inbox::Accepted;
use crate::store::keyspace::event::Story;
use crate::web::Shared;

/// An answer that somebody waits for.
pub(super) struct Awaited {
    answering: Answering,
    ended: oneshot::Receiver<Story>,
}

/// The answer to an event that is about to be accepted; nothing where nobody is answered.
pub(super) fn awaited(state: &Shared, teams: &Edge, id: EventId, what: &Incoming, arrived: Instant) -> Option<Awaited> {
    what.from.as_ref()?;
    let answering = teams.typing.answering(id, what.reply.clone()?, arrived)?;
    Some(Awaited { answering, ended: state.settlements.wait_for(id) })
}

/// Shows it from here on, where the event is one that was not known before.
pub(super) fn show(awaited: Option<Awaited>, accepted: &Accepted) {
    if let (Some(Awaited { answering, ended }), Accepted::New { .. }) = (awaited, accepted) {
        // What ends and owes nothing is ignored, and nobody is answered.
        answering.until(async move { ended.await.is_ok_and(|story| !story.effects.is_empty()) });
    }
}
