//! The listener: connections up to a bound, headers and requests within a time, an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Bounds of the listener.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// How long the head of a request may take to arrive.
    pub head: Duration,
}

/// The other end of the connection by which a request came. What the program asks of itself has none.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Pause after the system refuses a connection, which it does where file handles run out.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` resolves, then lets open requests end for at most `grace`.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(bounds.connections));
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place.expect("invariant: the semaphore is never closed"),
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => (stream, Peer(peer)),
                Err(error) => {
                    tracing::warn!(%error, "a connection was refused by the system");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Small answers must not wait for the other side's acknowledgement.
        let _ = stream.set_nodelay(true);
        let routes = routes.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let routes = routes.clone();
            async move { routes.oneshot(request.map(Body::new)).await }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks is the other side's affair; the event is on disk or was never
            // acknowledged.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}
