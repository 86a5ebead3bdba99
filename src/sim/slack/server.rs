//! The accept loop of the stand-in. It can close a connection without an answer, which axum's own
//! server cannot.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

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
        // It ends with "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for SlackSim {
    fn drop(&mut self) {
        self.task.abort();
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
    let router = api::routes().merge(control::routes()).with_state(world);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve_connection(stream, router.clone()));
                    }
                    // The caller hung up, or no file handle is free: other connections must end first.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn announce(address: SocketAddr, world: &SharedWorld) {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    world.set_base_url(&format!("http://{host}:{}", address.port()));
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
    // An error is a connection that was closed, by them or by us on purpose.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Answers one request; an error makes hyper close the connection without a byte.
async fn answer(router: Router, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let answered: Result<Response<Body>, Infallible> = router.oneshot(request.map(Body::new)).await;
    let Ok(response) = answered;
    if response.extensions().get::<api::Close>().is_some() {
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed on purpose"));
    }
    Ok(response)
}
