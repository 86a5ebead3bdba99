//! The stand-in as something that runs: it listens, it stops.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;

use super::super::serving;
use super::world::SharedWorld;
use super::{api, control};

/// A running stand-in; it stops when dropped.
pub struct TeamsSim {
    address: SocketAddr,
    world: SharedWorld,
    task: JoinHandle<()>,
}

impl TeamsSim {
    /// Listens at `address` (port 0 for any) and serves `world` in the background.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: impl ToSocketAddrs, world: SharedWorld) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        world.set_base_url(&serving::base_url(address));
        let router = api::routes().merge(control::routes()).with_state(world.clone());
        let task = tokio::spawn(serving::accept(listener, router));
        Ok(Self { address, world, task })
    }

    /// The address for `MICROSOFT_LOGIN_URL`: `http://127.0.0.1:PORT/`.
    #[must_use]
    pub fn login_url(&self) -> String {
        format!("{}/", self.world.base_url())
    }

    /// The address for `MICROSOFT_OPENID_METADATA_URL`.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}/v1/.well-known/openidconfiguration", self.world.base_url())
    }

    /// The entry for `MICROSOFT_SERVICE_HOSTS`: `127.0.0.1:PORT`.
    #[must_use]
    pub fn service_host(&self) -> String {
        self.world.base_url().trim_start_matches("http://").to_owned()
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
        // It ends with "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for TeamsSim {
    fn drop(&mut self) {
        self.task.abort();
    }
}
