//! The stand-in for GitHub as something that runs, and where an application finds it.

use std::io;

use axum::Router;
use tokio::net::ToSocketAddrs;

use super::super::server::Server;
use super::state::State;
use super::world::{Running, SharedWorld};
use super::{api, control, postman};

/// A running stand-in; it stops when dropped.
pub type GitHubSim = Server<State, Running>;

impl GitHubSim {
    /// Listens at `address` (port 0 for any), serves `world` in the background and sends its webhooks. The API is at the
    /// root and, as on a server of one's own, below `/api/v3/`. The process needs a default TLS provider, even though http
    /// alone is spoken.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: impl ToSocketAddrs, world: SharedWorld) -> io::Result<Self> {
        let routes = Router::new().nest("/api/v3", api::routes()).merge(api::routes()).merge(control::routes());
        let server = Self::listen(address, world, routes.fallback(api::unknown), postman::stop).await?;
        postman::start(server.world())?;
        Ok(server)
    }

    /// The address for `GITHUB_API_URL`: `http://127.0.0.1:PORT/`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/", self.world().base_url())
    }
}
