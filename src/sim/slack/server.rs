//! Slack's stand-in as something that runs, and where an application finds it.

use std::io;

use tokio::net::ToSocketAddrs;

use super::super::server::Server;
use super::state::State;
use super::world::{AppSide, SharedWorld, SlackWorld};
use super::{api, control};

/// A running stand-in; it stops when dropped.
pub type SlackSim = Server<State, AppSide>;

impl SlackSim {
    /// Listens at `address` (port 0 for any) and serves `world` in the background.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: impl ToSocketAddrs, world: SharedWorld) -> io::Result<Self> {
        // Sockets are no requests, and do not end with their connection's task.
        Self::listen(address, world, api::routes().merge(control::routes()), SlackWorld::close_sockets).await
    }

    /// The address for `SLACK_API_URL`: `http://127.0.0.1:PORT/api/`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.world().base_url())
    }
}
