//! The stand-in as something that runs: it listens, it stops.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;

use super::super::serving;
use super::world::SharedWorld;
use super::{api, control};

/// A running stand-in; it stops when dropped.
pub struct SlackSim {
    address: SocketAddr,
    world: SharedWorld,
    task: JoinHandle<io::Result<()>>,
}

impl SlackSim {
    /// Listens at `address` (port 0 for any) and serves `world` in the background.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: impl ToSocketAddrs, world: SharedWorld) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        announce(address, &world);
        let task = tokio::spawn(serve(listener, world.clone()));
        Ok(Self { address, world, task })
    }

    /// The address for `SLACK_API_URL`: `http://127.0.0.1:PORT/api/`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.world.base_url())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it serves.
    #[must_use]
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// Stops listening and closes every connection.
    pub async fn stop(mut self) {
        self.task.abort();
        self.world.close_sockets();
        // It ends with "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for SlackSim {
    fn drop(&mut self) {
        self.task.abort();
        self.world.close_sockets();
    }
}

/// Serves `world` on `listener` until the future is dropped; with it go all connections.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(listener: TcpListener, world: SharedWorld) -> io::Result<()> {
    let address = listener.local_addr()?;
    if world.base_url().is_empty() {
        announce(address, &world);
    }
    serving::accept(listener, api::routes().merge(control::routes()).with_state(world)).await;
    Ok(())
}

fn announce(address: SocketAddr, world: &SharedWorld) {
    world.set_base_url(&serving::base_url(address));
}
