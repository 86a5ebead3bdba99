//! One web socket of an application: `hello`, envelopes, pings, and its end.
//!
//! It does what [`super::sockets`] orders and decides nothing. From docs.slack.dev/apis/events-api/using-socket-mode.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use super::seed;
use super::sockets::Order;
use super::world::SharedWorld;

/// How long a socket stays open after Slack has said that it will be closed: the page says about ten seconds.
const NOTICE: Duration = Duration::from_secs(10);
/// How often Slack asks whether anybody is there. The page states none; this is ours.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long Slack means to keep a connection, in seconds: that of the `hello` on the page.
const LASTS_S: u64 = 18_060;

#[derive(Deserialize)]
pub(super) struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// Opens a socket for who has a ticket.
pub(super) async fn open(
    State(world): State<SharedWorld>,
    Query(given): Query<Ticket>,
    ws: WebSocketUpgrade,
) -> Response {
    if !world.take_ticket(&given.ticket) {
        return StatusCode::FORBIDDEN.into_response();
    }
    ws.on_upgrade(move |socket| begin(world, socket))
}

fn disconnect(reason: &str) -> Message {
    let frame = json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "applink-sim" } });
    Message::Text(frame.to_string().into())
}

async fn begin(world: SharedWorld, mut socket: WebSocket) {
    let (number, orders, connections) = match world.link() {
        Ok(linked) => linked,
        Err(reason) => {
            // Who is gone already needs no word.
            let _ = socket.send(disconnect(&reason)).await;
            let _ = socket.send(Message::Close(None)).await;
            return;
        }
    };
    let hello = json!({
        "type": "hello", "connection_info": { "app_id": seed::APP }, "num_connections": connections,
        "debug_info": { "host": "applink-sim", "build_number": 10, "approximate_connection_time": LASTS_S },
    });
    if socket.send(Message::Text(hello.to_string().into())).await.is_ok() {
        // However it ends, it is gone then.
        let _ = serve(&world, &mut socket, orders).await;
    }
    world.unlink(number);
}

async fn serve(
    world: &SharedWorld,
    socket: &mut WebSocket,
    mut orders: mpsc::Receiver<Order>,
) -> Result<(), axum::Error> {
    let mut pings = interval(PING_EVERY);
    let mut ends: Option<Instant> = None;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(text)) => socket.send(Message::Text(text.into())).await?,
                Some(Order::Leave(reason)) => {
                    socket.send(disconnect(&reason)).await?;
                    let notice = matches!(reason.as_str(), "warning" | "refresh_requested");
                    ends = Some(Instant::now() + if notice { NOTICE } else { Duration::ZERO });
                }
                Some(Order::Silence) => {
                    while !matches!(orders.recv().await, Some(Order::Cut) | None) {}
                    return Ok(());
                }
                Some(Order::Cut) | None => return Ok(()),
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => world.heard(text.as_str()),
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(other) => drop(other?),
            },
            _ = pings.tick() => socket.send(Message::Ping(Vec::new().into())).await?,
            () = sleep_until(ends.unwrap_or_else(Instant::now)), if ends.is_some() => {
                return socket.send(Message::Close(None)).await;
            }
        }
    }
}
