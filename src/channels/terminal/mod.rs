//! The terminal: people on this machine, by the `chat` command.
//!
//! A card is delivered when a `chat` that is connected has taken it; without one it waits. Several can be
//! connected at one time for one user: each takes the answers to its own line, and any of them what else is
//! there. Rendering happens in the process of `chat`, which knows its width and colours.

pub mod render;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::channels::{Channel, DeliverError, Delivered, Delivery, Lookup};
use crate::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser};
use crate::domain::ids::{EventId, LaneKey};
use crate::domain::principal::{Profile, Standing};

/// What it is.
pub const ABOUT: &str = "the `chat` command on this machine";
/// How to turn it on.
pub const TURN_ON: &str = "always on";

/// The workspace of all terminals.
const REALM: &str = "local";
/// Cards that a connected `chat` has not taken yet.
const MOST_WAITING: usize = 64;

/// The terminal as the outbox sees it.
#[derive(Default)]
pub struct TerminalChannel {
    connected: Mutex<HashMap<String, Vec<Connected>>>,
}

/// A `chat` that is connected.
struct Connected {
    /// The event whose answers it waits for, where it waits for one.
    awaits: Option<EventId>,
    cards: mpsc::Sender<Delivery>,
}

/// Where answers to a user of this machine go.
#[must_use]
pub fn address(user: &str) -> Address {
    Address { alone: true, person: Some(user.to_owned()), ..Address::at(ChannelName::Terminal, REALM, user) }
}

/// What a user of this machine says or presses; `delivery` is a number of the caller's that a repeated
/// request repeats.
#[must_use]
pub fn incoming(user: &str, delivery: &str, kind: EventKind) -> Incoming {
    Incoming {
        channel: ChannelName::Terminal,
        installation: REALM.to_owned(),
        organisation: None,
        dedupe: vec![format!("terminal:{user}:{delivery}")],
        lane: LaneKey(format!("terminal/{user}").into()),
        from: Some(PlatformUser { channel: ChannelName::Terminal, realm: REALM.to_owned(), id: user.to_owned() }),
        place: Some(Place { id: user.to_owned(), kind: PlaceKind::Direct, shared: false }),
        reply: Some(address(user)),
        kind,
        proof: "the admin token of this machine".to_owned(),
        reach: None,
        happened: None,
        raw: bytes::Bytes::new(),
    }
}

impl TerminalChannel {
    /// Connects a `chat`, which may wait for the answers to one event: its cards come out of the receiver until that is
    /// dropped.
    #[must_use]
    pub fn connect(&self, user: &str, awaits: Option<EventId>) -> mpsc::Receiver<Delivery> {
        let (cards, receiver) = mpsc::channel(MOST_WAITING);
        let mut all = self.connected();
        // Who has left leaves nothing behind.
        all.retain(|_, chats| {
            chats.retain(|chat| !chat.cards.is_closed());
            !chats.is_empty()
        });
        all.entry(address(user).conversation()).or_default().push(Connected { awaits, cards });
        receiver
    }

    /// Gives a card to the `chat` that waits for it, else to any of the conversation.
    fn take(&self, delivery: &Delivery) -> bool {
        let mut all = self.connected();
        let Some(chats) = all.get_mut(&delivery.to.conversation()) else { return false };
        chats.retain(|chat| !chat.cards.is_closed());
        let give = |chat: &Connected| chat.cards.try_send(delivery.clone()).is_ok();
        match chats.iter().find(|chat| chat.awaits.is_some() && chat.awaits == delivery.answers) {
            Some(chat) => give(chat),
            None => chats.iter().any(give),
        }
    }

    fn connected(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Connected>>> {
        self.connected.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Channel for TerminalChannel {
    fn name(&self) -> ChannelName {
        ChannelName::Terminal
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        let taken = self.take(delivery);
        let delivered = Delivered { platform_id: "shown".to_owned(), via: "terminal" };
        Box::pin(async move { if taken { Ok(delivered) } else { Err(DeliverError::NobodyThere) } })
    }

    fn look_up<'a>(&'a self, _: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
        Box::pin(async { Ok(Lookup::CannotTell("a terminal keeps no record")) })
    }

    fn profile<'a>(
        &'a self,
        _: &'a str,
        user: &'a PlatformUser,
        _: Option<&'a Address>,
    ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>> {
        Box::pin(async { Ok(Some(Profile { name: user.id.clone(), standing: Standing::Member })) })
    }

    fn pace(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::{Audience, Card};
    use crate::domain::time::Timestamp;

    fn delivery(user: &str, answers: Option<u64>) -> Delivery {
        Delivery {
            idempotency_key: "k".to_owned(),
            to: address(user),
            card: Card::new("x"),
            audience: Audience::Everyone,
            replaces: None,
            topic: None,
            answers: answers.map(EventId),
            since: Timestamp(0),
        }
    }

    #[tokio::test]
    async fn each_chat_takes_the_answers_to_its_own_line_and_any_takes_the_rest() {
        let terminal = TerminalChannel::default();
        let nobody = terminal.deliver(&delivery("ada", Some(1))).await;
        assert_eq!(nobody, Err(DeliverError::NobodyThere));
        let mut first = terminal.connect("ada", Some(EventId(1)));
        let mut second = terminal.connect("ada", Some(EventId(2)));
        let mut other = terminal.connect("grace", Some(EventId(3)));
        for answers in [2, 1] {
            terminal.deliver(&delivery("ada", Some(answers))).await.unwrap();
        }
        assert_eq!(first.try_recv().unwrap().answers, Some(EventId(1)));
        assert_eq!(second.try_recv().unwrap().answers, Some(EventId(2)));
        assert!(first.try_recv().is_err() && second.try_recv().is_err() && other.try_recv().is_err());

        // What nobody waits for goes to whoever is there, and so do the answers of one who has left.
        drop(first);
        for answers in [None, Some(1), Some(9)] {
            terminal.deliver(&delivery("ada", answers)).await.unwrap();
            assert_eq!(second.try_recv().unwrap().answers, answers.map(EventId));
        }
        drop(second);
        assert_eq!(terminal.deliver(&delivery("ada", None)).await, Err(DeliverError::NobodyThere));
        let mut again = terminal.connect("ada", Some(EventId(4)));
        terminal.deliver(&delivery("ada", Some(4))).await.unwrap();
        assert!(again.try_recv().is_ok());
    }
}
