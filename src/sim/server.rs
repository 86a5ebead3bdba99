//! A stand-in as something that runs: it listens, it stops.
//!
//! Which routes it has beside those of every stand-in, and under which addresses an application finds them, is its
//! platform's to say.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;

use super::world::{PlatformState, World};
use super::{control, serving};

/// A running stand-in; it stops when dropped.
pub struct Server<State, Beside = ()> {
    address: SocketAddr,
    world: Arc<World<State, Beside>>,
    task: JoinHandle<()>,
    /// What ends with it beside its connections.
    at_the_end: fn(&World<State, Beside>),
}

impl<State: PlatformState, Beside: Send + Sync + 'static> Server<State, Beside> {
    /// Listens at `address` (port 0 for any) and serves `world` in the background, by `routes` and by those of every
    /// stand-in. Fails when it cannot listen there.
    pub(super) async fn listen(
        address: impl ToSocketAddrs,
        world: Arc<World<State, Beside>>,
        routes: Router<Arc<World<State, Beside>>>,
        at_the_end: fn(&World<State, Beside>),
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        world.set_base_url(&serving::base_url(address));
        let router = routes.merge(control::routes()).with_state(world.clone());
        let task = tokio::spawn(serving::accept(listener, router));
        Ok(Self { address, world, task, at_the_end })
    }
}

impl<State, Beside> Server<State, Beside> {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it serves.
    #[must_use]
    pub fn world(&self) -> &Arc<World<State, Beside>> {
        &self.world
    }

    /// Stops listening and closes every connection.
    pub async fn stop(mut self) {
        self.task.abort();
        (self.at_the_end)(&self.world);
        // It ends with "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl<State, Beside> Drop for Server<State, Beside> {
    fn drop(&mut self) {
        self.task.abort();
        (self.at_the_end)(&self.world);
    }
}
