//! The terminal: people on this machine, by the `chat` command.
//!
//! A card is delivered when a `chat` that is connected has taken it; without one it waits. Rendering
//! happens in the process of `chat`, which knows its width and colours.

pub mod render;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::channels::{Channel, DeliverError, Delivered, Delivery, Lookup};
use crate::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser};
use crate::domain::ids::LaneKey;
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
    connected: Mutex<HashMap<String, mpsc::Sender<Delivery>>>,
}

/// Where answers to a user of this machine go.
#[must_use]
pub fn address(user: &str) -> Address {
    Address {
        channel: ChannelName::Terminal,
        installation: REALM.to_owned(),
        place: user.to_owned(),
        thread: None,
        begins_thread: false,
        alone: true,
        person: Some(user.to_owned()),
        route: None,
    }
}

/// What a user of this machine says or presses; `delivery` is a number of the caller's that a repeated
/// request repeats.
#[must_use]
pub fn incoming(user: &str, delivery: &str, kind: EventKind) -> Incoming {
    Incoming {
        channel: ChannelName::Terminal,
        installation: REALM.to_owned(),
        dedupe: vec![format!("terminal:{user}:{delivery}")],
        lane: LaneKey(format!("terminal/{user}").into()),
        from: Some(PlatformUser { channel: ChannelName::Terminal, realm: REALM.to_owned(), id: user.to_owned() }),
        place: Some(Place { id: user.to_owned(), kind: PlaceKind::Direct, shared: false }),
        reply: Some(address(user)),
        kind,
        proof: "the admin token of this machine".to_owned(),
        raw: bytes::Bytes::new(),
        organisation: None,
    }
}

impl TerminalChannel {
    /// Connects a `chat`: its cards come out of the receiver until it is dropped.
    #[must_use]
    pub fn connect(&self, user: &str) -> mpsc::Receiver<Delivery> {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        self.connected().insert(address(user).conversation(), sender);
        receiver
    }

    fn connected(&self) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::Sender<Delivery>>> {
        self.connected.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Channel for TerminalChannel {
    fn name(&self) -> ChannelName {
        ChannelName::Terminal
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        let connected = self.connected().get(&delivery.to.conversation()).cloned();
        let taken = connected.is_some_and(|chat| chat.try_send(delivery.clone()).is_ok());
        let delivered = Delivered { platform_id: "shown".to_owned(), via: "terminal" };
        Box::pin(async move { if taken { Ok(delivered) } else { Err(DeliverError::NobodyThere) } })
    }

    fn look_up<'a>(&'a self, _: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
        Box::pin(async { Ok(Lookup::CannotTell("a terminal keeps no record")) })
    }

    fn profile<'a>(&'a self, _: &'a str, user: &'a PlatformUser) -> BoxFuture<'a, Result<Profile, DeliverError>> {
        Box::pin(async { Ok(Profile { name: user.id.clone(), standing: Standing::Member }) })
    }

    fn pace(&self) -> Duration {
        Duration::ZERO
    }
}
