//! The seat of an event among those that are handled at one time, and how it is left while somebody else works.
//!
//! Owns the permit. A seat is for work that waits for no network, so who has to ask a platform leaves it, lets
//! others have it, and sits down again afterwards.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::actors::dispatcher::DispatcherMessage;
use crate::actors::supervisor::Handle;

/// A seat. It is free again when this is dropped.
pub struct Seat {
    taken: Option<Taken>,
}

struct Taken {
    permits: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    dispatcher: Handle<DispatcherMessage>,
}

impl Seat {
    /// One of those that the dispatcher gives out; it is told when one becomes free early.
    #[must_use]
    pub fn new(permits: Arc<Semaphore>, permit: OwnedSemaphorePermit, dispatcher: Handle<DispatcherMessage>) -> Self {
        Self { taken: Some(Taken { permits, permit: Some(permit), dispatcher }) }
    }

    /// One where nobody counts seats.
    #[must_use]
    pub fn unbounded() -> Self {
        Self { taken: None }
    }

    /// Waits without the seat, and comes back to one.
    pub async fn leave_for<T>(&mut self, waited_for: impl Future<Output = T>) -> T {
        let Some(taken) = &mut self.taken else { return waited_for.await };
        taken.permit = None;
        taken.dispatcher.cast(DispatcherMessage::SeatLeft);
        let answer = waited_for.await;
        // Nobody closes the semaphore; if somebody did, there would be nothing left to bound.
        taken.permit = taken.permits.clone().acquire_owned().await.ok();
        answer
    }
}
