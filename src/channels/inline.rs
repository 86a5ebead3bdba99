//! Answers that are ready while a platform still waits for its own: the HTTP answer to a slash command of Slack or to a
//! press in Teams, or the acknowledgement on a socket.
//!
//! Who took the event in leaves a place for its answer; the delivery fills it; the former says whether the bytes were
//! handed to the connection. Only then is the delivery done. A place that nobody fills in time is taken away, and the
//! answer goes another way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::domain::ids::EventId;

/// An answer for a caller who waits.
pub struct InlineAnswer {
    /// The body.
    pub body: Bytes,
    /// Told when the body is with the connection; dropped where it is not.
    pub written: oneshot::Sender<()>,
}

/// Callers who wait.
#[derive(Default)]
pub struct InlineAnswers {
    waiting: Mutex<HashMap<EventId, oneshot::Sender<InlineAnswer>>>,
}

impl InlineAnswers {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<EventId, oneshot::Sender<InlineAnswer>>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Leaves a place for the answer to an event that is about to be accepted.
    #[must_use]
    pub fn wait_for(&self, event: EventId) -> oneshot::Receiver<InlineAnswer> {
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(event, sender);
        receiver
    }

    /// Takes the place away. What was put into it before is still in the receiver.
    pub fn give_up(&self, event: EventId) {
        self.waiting().remove(&event);
    }

    /// Hands an answer to who waits for it; `true` when its bytes are with the connection.
    pub async fn answer(&self, event: EventId, body: Bytes) -> bool {
        let Some(place) = self.waiting().remove(&event) else { return false };
        let (written, wait) = oneshot::channel();
        place.send(InlineAnswer { body, written }).is_ok() && wait.await.is_ok()
    }

    /// Whether somebody waits for the answer to an event.
    #[must_use]
    pub fn is_awaited(&self, event: EventId) -> bool {
        self.waiting().contains_key(&event)
    }
}

/// A place for the answer to an event, which is taken away when nobody waits there any more: also where the platform
/// hangs up before.
pub struct Seat {
    answers: Arc<InlineAnswers>,
    receiver: oneshot::Receiver<InlineAnswer>,
    event: EventId,
}

impl Seat {
    /// Leaves a place for the answer to an event that is about to be accepted.
    #[must_use]
    pub fn new(answers: &Arc<InlineAnswers>, event: EventId) -> Self {
        Self { answers: answers.clone(), receiver: answers.wait_for(event), event }
    }

    /// Waits for the answer. Where the time is over before the event was accepted, the caller may be gone: what is there
    /// by then goes another way.
    pub async fn answer(mut self, until: Instant) -> Option<InlineAnswer> {
        if Instant::now() >= until {
            return None;
        }
        match timeout_at(until, &mut self.receiver).await {
            Ok(answer) => answer.ok(),
            Err(_) => {
                self.answers.give_up(self.event);
                // It may have been put there between the timeout and now.
                self.receiver.close();
                self.receiver.try_recv().ok()
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.answers.give_up(self.event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_for_who_may_be_gone_goes_another_way() {
        let answers = Arc::new(InlineAnswers::default());
        let seat = Seat::new(&answers, EventId(1));
        let answering = tokio::spawn({
            let answers = answers.clone();
            async move { answers.answer(EventId(1), Bytes::new()).await }
        });
        tokio::task::yield_now().await;
        assert!(seat.answer(Instant::now()).await.is_none());
        assert!(!answering.await.unwrap(), "its bytes are with nobody");
    }

    #[tokio::test]
    async fn an_answer_counts_when_its_bytes_are_with_the_connection() {
        let answers = InlineAnswers::default();
        let place = answers.wait_for(EventId(1));
        let edge = tokio::spawn(async move { place.await.unwrap().written.send(()) });
        assert!(answers.answer(EventId(1), Bytes::new()).await);
        edge.await.unwrap().unwrap();
        assert!(!answers.answer(EventId(1), Bytes::new()).await, "nobody waits any more");
    }

    #[tokio::test]
    async fn a_caller_who_has_gone_gets_it_another_way() {
        let answers = InlineAnswers::default();
        drop(answers.wait_for(EventId(1)));
        assert!(!answers.answer(EventId(1), Bytes::new()).await);
        let place = answers.wait_for(EventId(2));
        tokio::spawn(async move { drop(place.await) });
        assert!(!answers.answer(EventId(2), Bytes::new()).await, "the connection broke");
    }
}
