//! The stand-in for Teams as something that runs, and where an application finds it.

use std::io;

use tokio::net::ToSocketAddrs;

use super::super::server::Server;
use super::state::State;
use super::world::SharedWorld;
use super::{api, control};

/// A running stand-in; it stops when dropped.
pub type TeamsSim = Server<State>;

impl TeamsSim {
    /// Listens at `address` (port 0 for any) and serves `world` in the background.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: impl ToSocketAddrs, world: SharedWorld) -> io::Result<Self> {
        Self::listen(address, world, api::routes().merge(control::routes()), |_| ()).await
    }

    /// The address for `MICROSOFT_LOGIN_URL`: `http://127.0.0.1:PORT/`.
    #[must_use]
    pub fn login_url(&self) -> String {
        format!("{}/", self.world().base_url())
    }

    /// The address for `MICROSOFT_OPENID_METADATA_URL`.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}/v1/.well-known/openidconfiguration", self.world().base_url())
    }

    /// The entry for `MICROSOFT_SERVICE_HOSTS`: `127.0.0.1:PORT`.
    #[must_use]
    pub fn service_host(&self) -> String {
        self.world().base_url().trim_start_matches("http://").to_owned()
    }
}
