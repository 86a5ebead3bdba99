//! The tree: who supervises whom, started in order, ended in the opposite one.
//!
//! ```text
//! root
//! ├── outbox          what is owed, in order, to the channels
//! ├── channel …       one per enabled channel adapter
//! ├── router          lanes and permits; the sessions are its children
//! │   └── session …   one per live conversation
//! ├── clock           durable timers
//! ├── janitor         retention, resealing
//! └── slack socket …  one per connection by which Slack's Socket Mode sends
//! ```
//! The store's group committer is a thread below all of them (`store/committer.rs`), and the HTTP edge
//! stands beside them (`web/`): both are tied to them only through the ledger.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorRef, SpawnErr};
use tokio::task::JoinHandle;

use crate::actors::board::Board;
use crate::actors::channel::{self, ChannelActor, ChannelMessage};
use crate::actors::clock::{self, ClockActor};
use crate::actors::delivery::Deliverer;
use crate::actors::dispatcher::{self, Dispatcher, DispatcherMessage};
use crate::actors::janitor::{self, Janitor, JanitorMessage};
use crate::actors::metrics::{DeliveryMetrics, RouterMetrics};
use crate::actors::outbox::{self, OutboxActor, OutboxMessage};
use crate::actors::router::Router;
use crate::actors::sockets::{self, SocketActor, SocketMessage};
use crate::actors::supervisor::{self, Handle, Intensity, Supervisor, SupervisorMessage, child};
use crate::domain::effect::Effect;
use crate::domain::event::ChannelName;
use crate::domain::ids::EventId;
use crate::ledger::inbox::Accepted;
use crate::ledger::lanes::Lane;
use crate::ledger::outbox::Conversation;
use crate::store::Health;
use crate::store::keyspace::event::End;

/// How long the router may take to say what runs, in milliseconds.
const RUNNING_PATIENCE_MS: u64 = 1000;

/// What the tree is started with.
pub struct Arguments {
    /// Where events that are on disk come from.
    pub entrance: Entrance,
    /// Slack's sockets; none where it does not come that way.
    pub sockets: Vec<sockets::Arguments>,
    /// What events mean.
    pub router: Arc<Router>,
    /// How effects are performed.
    pub deliverer: Deliverer,
    /// Where all show themselves.
    pub board: Board,
    /// Counts deliveries.
    pub metrics: Arc<DeliveryMetrics>,
    /// Events handled at once.
    pub permits: usize,
    /// Pieces of delivery at once.
    pub deliveries: usize,
    /// How long what an earlier process sent may be under way.
    pub under_way: Duration,
    /// After this an idle session is ended.
    pub session_idle: Duration,
    /// How long events are kept.
    pub keep: Duration,
    /// Bytes of events that are kept.
    pub keep_bytes: u64,
}

/// Where events that are on disk are handed to their lanes. It is there before the tree, which fills it; clones share
/// it. What comes while nothing runs stays on disk and is found at the next start.
#[derive(Clone)]
pub struct Entrance {
    router: Handle<DispatcherMessage>,
    metrics: Arc<RouterMetrics>,
}

impl Entrance {
    /// An entrance to a tree that is not started.
    #[must_use]
    pub fn new(metrics: Arc<RouterMetrics>) -> Self {
        Self { router: Handle::default(), metrics }
    }

    /// An event is on disk: handle it.
    pub fn accepted(&self, accepted: &Accepted) {
        match accepted {
            Accepted::New { id, lane } | Accepted::Revived { id, lane } => self.handle(lane.clone(), *id),
            Accepted::Ignored { channel, .. } => self.metrics.settled(*channel, End::Ignored, Duration::ZERO),
            Accepted::Known { .. } => {}
        }
    }

    fn handle(&self, lane: Lane, event: EventId) {
        self.router.cast(DispatcherMessage::Accepted { lane, event });
    }
}

/// The running tree, as the rest of the program talks to it.
pub struct Tree {
    root: ActorRef<SupervisorMessage>,
    ended: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    entrance: Entrance,
    sockets: Vec<Handle<SocketMessage>>,
    router: Handle<DispatcherMessage>,
    outbox: Handle<OutboxMessage>,
    janitor: Handle<JanitorMessage>,
    watcher: JoinHandle<()>,
}

impl Tree {
    /// Starts all actors; what the store holds of earlier processes is taken up.
    ///
    /// # Errors
    /// Where the root cannot be started.
    pub async fn start(args: Arguments) -> Result<Self, SpawnErr> {
        let (outbox, janitor): (Handle<_>, Handle<_>) = Default::default();
        let router = args.entrance.router.clone();
        let clock = args.router.clock().clone();
        let store = args.deliverer.store.clone();
        let mut channels: HashMap<ChannelName, Handle<ChannelMessage>> = HashMap::new();
        let mut channel_children = Vec::new();
        for name in args.deliverer.channels.keys().copied() {
            let handle = Handle::default();
            let arguments = channel::Arguments {
                name,
                deliverer: args.deliverer.clone(),
                outbox: outbox.clone(),
                board: args.board.clone(),
                metrics: args.metrics.clone(),
            };
            let make = move || (ChannelActor, arguments.clone());
            channel_children.push(child(&channel::board_name(name), &handle, make));
            channels.insert(name, handle);
        }
        let sending = outbox::Arguments {
            deliverer: args.deliverer.clone(),
            channels,
            most_at_once: args.deliveries,
            under_way: args.under_way,
            board: args.board.clone(),
        };
        let dispatching = dispatcher::Arguments {
            router: args.router.clone(),
            permits: args.permits,
            session_idle: args.session_idle,
            outbox: outbox.clone(),
            myself: router.clone(),
            board: args.board.clone(),
        };
        let ringing = clock::Arguments { inbox: args.router.inbox().clone(), dispatcher: router.clone() };
        let cleaning = janitor::Arguments {
            store: store.clone(),
            clock: clock.clone(),
            keep: args.keep,
            keep_bytes: args.keep_bytes,
            board: args.board.clone(),
        };
        let mut children = channel_children;
        children.push(child("outbox", &outbox, move || (OutboxActor, sending.clone())));
        children.push(child("router", &router, move || (Dispatcher, dispatching.clone())));
        children.push(child("clock", &Handle::default(), move || (ClockActor, ringing.clone())));
        children.push(child("janitor", &janitor, move || (Janitor, cleaning.clone())));
        // Last, so that all is there which handles what they take in.
        let mut sockets = Vec::new();
        for arguments in args.sockets {
            let handle = Handle::default();
            children.push(child(&arguments.board_name(), &handle, move || (SocketActor, arguments.clone())));
            sockets.push(handle);
        }
        let arguments = supervisor::Arguments { board: args.board, clock, intensity: Intensity::default(), children };
        let (root, ended) = Actor::spawn(None, Supervisor, arguments).await?;
        let (rereading, resending) = (router.clone(), outbox.clone());
        let watcher = tokio::spawn(after_reopening(store.health(), move || {
            rereading.cast(DispatcherMessage::Reconcile);
            resending.cast(OutboxMessage::Reconcile);
        }));
        let (ended, entrance) = (tokio::sync::Mutex::new(Some(ended)), args.entrance);
        Ok(Self { root, ended, entrance, sockets, router, outbox, janitor, watcher })
    }

    /// As [`Entrance::accepted`].
    pub fn accepted(&self, accepted: &Accepted) {
        self.entrance.accepted(accepted);
    }

    /// Handle an event that is on disk.
    pub fn handle(&self, lane: Lane, event: EventId) {
        self.entrance.handle(lane, event);
    }

    /// Events that are handed out just now; none where the router is too busy to say.
    pub async fn running(&self) -> Vec<EventId> {
        let Some(router) = self.router.get() else { return Vec::new() };
        ractor::call_t!(router, DispatcherMessage::Running, RUNNING_PATIENCE_MS).unwrap_or_default()
    }

    /// Perform effects that an operator has brought back; what an earlier try did is looked for first.
    pub fn owed(&self, effects: Vec<Effect>) {
        self.outbox.cast(OutboxMessage::OwedAgain(effects));
    }

    /// An event was taken off.
    pub fn dropped_event(&self, event: EventId) {
        self.router.cast(DispatcherMessage::Dropped(event));
    }

    /// An effect was taken off.
    pub fn dropped_effect(&self, effect: &Effect) {
        self.outbox.cast(OutboxMessage::Dropped(Conversation::of(effect), effect.id));
    }

    /// Somebody is there to read a conversation.
    pub fn nudge(&self, channel: ChannelName, conversation: String) {
        self.outbox.cast(OutboxMessage::Nudge(channel, conversation));
    }

    /// A sealing key is new.
    pub fn reseal(&self) {
        self.janitor.cast(JanitorMessage::Reseal);
    }

    /// Lets running events end and due effects go out, at most `patience` long, then ends all actors.
    /// What is left is taken up at the next start.
    pub async fn stop(&self, patience: Duration) {
        let drained = async {
            let closing = self.sockets.iter().filter_map(Handle::get).map(|socket| async move {
                // One that is being started again takes nothing in.
                let _ = ractor::call_t!(socket, SocketMessage::Close, 600_000);
            });
            futures_util::future::join_all(closing).await;
            if let Some(router) = self.router.get() {
                // Where it is being started again, there is nothing that runs.
                let _ = ractor::call_t!(router, DispatcherMessage::Drain, 600_000);
            }
            if let Some(outbox) = self.outbox.get() {
                let _ = ractor::call_t!(outbox, OutboxMessage::Flush, 600_000);
            }
        };
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::warn!("not all is done; the rest is taken up at the next start");
        }
        self.watcher.abort();
        let _ = self.root.cast(SupervisorMessage::Shutdown);
        if let Some(ended) = self.ended.lock().await.take() {
            let _ = ended.await;
        }
    }
}

/// After an error of the engine, a commit that was reported as failed may have landed: whenever the store
/// takes writes again, lanes and outbox must `reread` what it holds. A store that fails and recovers at
/// once shows only its recovery here, so every recovery counts.
pub async fn after_reopening(mut health: tokio::sync::watch::Receiver<Health>, mut reread: impl FnMut()) {
    while health.changed().await.is_ok() {
        if *health.borrow_and_update() == Health::Writable {
            reread();
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_broke_and_opened_between_two_looks_is_read_again() {
        let (health, receiver) = tokio::sync::watch::channel(Health::Writable);
        health.send_replace(Health::Broken("a fault".into()));
        health.send_replace(Health::Writable);
        drop(health);
        let mut times = 0;
        after_reopening(receiver, || times += 1).await;
        assert_eq!(times, 1);
    }
}
