//! Those who wait for an event to end: a program that called a tool, a person at the terminal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::domain::ids::EventId;
use crate::store::keyspace::event::Story;

/// Who waits for which event.
#[derive(Clone, Default)]
pub struct Settlements {
    waiting: Arc<Mutex<HashMap<EventId, oneshot::Sender<Story>>>>,
}

impl Settlements {
    /// Waits for an event that is about to be accepted.
    #[must_use]
    pub fn wait_for(&self, event: EventId) -> oneshot::Receiver<Story> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Those who have gone away leave their place behind; they are swept here, not by a timer.
        if waiting.len() >= 1024 {
            waiting.retain(|_, sender| !sender.is_closed());
        }
        waiting.insert(event, sender);
        receiver
    }

    /// Tells who waits that the event has ended.
    pub fn tell(&self, event: EventId, story: &Story) {
        let waiter = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&event);
        if let Some(waiter) = waiter {
            // Who has gone away reads the story from the store.
            let _ = waiter.send(story.clone());
        }
    }
}
