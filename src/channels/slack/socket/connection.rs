//! One connection of Socket Mode: opened, heard to be alive, written to, closed.
//!
//! Owns the web socket and its times. It acts on no frame and opens nothing again: when and how often is decided by
//! who holds it. tokio-tungstenite is named here alone.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::Error as WebSocketError;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{Frame, Hello, Leave, allowed, read};
use crate::channels::DeliverError;
use crate::channels::slack::client::{Client, SetUpError};
use crate::domain::secret::Secret;

/// A connection stands by then, with Slack's `hello`, or is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After such a silence it is asked whether anybody is there. Slack pings more often.
const QUIET: Duration = Duration::from_secs(10);
/// An answer to that, or any sign of life, comes by then, or nobody is there: with [`QUIET`] a dead connection is
/// known after 15 s, and there is another one within 30 s, though Slack may refuse some tries.
const ANSWER: Duration = Duration::from_secs(5);
/// What cannot be written by then will not be.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not before somebody has mended it.
    #[error("{reason}: {mend}")]
    Refused {
        /// Slack's word.
        reason: String,
        /// What to do.
        mend: &'static str,
    },
    /// Asked for too often.
    #[error("slack asks to wait for {} s", after.as_secs())]
    RateLimited {
        /// How long.
        after: Duration,
    },
    /// The app has too many connections.
    #[error("too_many_websockets: the app has more than ten connections; does another server use SLACK_APP_TOKEN?")]
    TooMany,
    /// Perhaps the next time.
    #[error("{0}")]
    Failed(String),
}

/// Why a connection has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Lost(pub String);

/// What is to be done about a refusal.
fn mend(reason: &str) -> &'static str {
    match reason.split(' ').next().unwrap_or_default() {
        "link_disabled" => "switch Socket Mode on in the app's settings (Socket Mode)",
        "not_allowed_token_type" => {
            "SLACK_APP_TOKEN is not an app-level token: it begins with xapp- (Basic Information, App-Level Tokens)"
        }
        "missing_scope" => "give the app-level token the scope connections:write (Basic Information, App-Level Tokens)",
        _ => "check SLACK_APP_TOKEN (Basic Information, App-Level Tokens)",
    }
}

fn refused(reason: &str) -> OpenError {
    OpenError::Refused { reason: reason.to_owned(), mend: mend(reason) }
}

impl From<DeliverError> for OpenError {
    fn from(error: DeliverError) -> Self {
        match error {
            DeliverError::RateLimited { after } => Self::RateLimited { after },
            DeliverError::Rejected { reason } => refused(&reason),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<Leave> for OpenError {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::LinkDisabled => refused("link_disabled"),
            Leave::TooMany => Self::TooMany,
            Leave::Refresh => Self::Failed("slack asks for another connection at once".to_owned()),
            Leave::Other(reason) => Self::Failed(format!("slack disconnects: {reason}")),
        }
    }
}

/// Opens connections with one app-level token.
pub struct Opener {
    client: Client,
    /// The longest message, in bytes.
    longest: usize,
}

impl Opener {
    /// Prepares it; connects to nobody.
    ///
    /// # Errors
    /// Where the address or the token cannot be used.
    pub fn new(api_url: &str, app_token: &Secret, longest: usize) -> Result<Self, SetUpError> {
        Ok(Self { client: Client::new(api_url, app_token)?, longest })
    }

    /// Asks Slack where, connects, and waits for its `hello`.
    ///
    /// # Errors
    /// As [`OpenError`] says.
    pub async fn open(&self) -> Result<(Connection, Hello), OpenError> {
        let address = self.client.open_connection().await?;
        let url = allowed(&address, self.client.api())
            .ok_or_else(|| OpenError::Failed("slack names an address that is not its own: see slack.api_url".into()))?;
        let bounds = WebSocketConfig::default().max_message_size(Some(self.longest)).max_frame_size(Some(self.longest));
        let connecting = async {
            let (stream, _) = connect_async_with_config(url.as_str(), Some(bounds), true)
                .await
                .map_err(|error| OpenError::Failed(format!("no web socket: {}", words(&error))))?;
            let mut connection = Connection { stream, heard: Instant::now(), asked: None };
            match connection.next().await {
                Ok(Frame::Hello(hello)) => Ok((connection, hello)),
                Ok(Frame::Leave(leave)) => Err(leave.into()),
                Ok(_) => Err(OpenError::Failed("a connection that does not begin with `hello`".to_owned())),
                Err(lost) => Err(OpenError::Failed(lost.to_string())),
            }
        };
        let late = || OpenError::Failed(format!("no `hello` within {} s", CONNECT_TIMEOUT.as_secs()));
        timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| late())?
    }
}

/// A connection that stands.
pub struct Connection {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heard: Instant,
    /// When it was asked whether anybody is there, since nothing was heard.
    asked: Option<Instant>,
}

impl Connection {
    /// The next frame. It may be dropped before it comes, and called again.
    ///
    /// # Errors
    /// When the connection has ended, or nobody is at its other end.
    pub async fn next(&mut self) -> Result<Frame, Lost> {
        loop {
            let deadline = self.asked.map_or(self.heard + QUIET, |asked| asked + ANSWER);
            let Ok(came) = timeout_at(deadline, self.stream.next()).await else {
                if self.asked.is_some() {
                    let silent = self.heard.elapsed().as_secs();
                    return Err(Lost(format!("dead: nothing came for {silent} s, nor an answer to a ping")));
                }
                self.asked = Some(Instant::now());
                self.write(Message::Ping(Bytes::new())).await?;
                continue;
            };
            (self.heard, self.asked) = (Instant::now(), None);
            match came {
                Some(Ok(Message::Text(text))) => return Ok(read(&text.into())),
                Some(Ok(Message::Binary(bytes))) => return Ok(read(&bytes)),
                // A ping is answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(close))) => {
                    let why = close.map(|close| format!(" ({} {})", close.code, close.reason)).unwrap_or_default();
                    return Err(Lost(format!("slack has closed it{why}")));
                }
                Some(Err(error)) => return Err(Lost(words(&error))),
                None => return Err(Lost("it has ended".to_owned())),
            }
        }
    }

    /// Writes a frame; with the connection when it returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn send(&mut self, frame: String) -> Result<(), Lost> {
        self.write(Message::Text(frame.into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Lost> {
        match timeout(WRITE_TIMEOUT, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Lost(words(&error))),
            Err(_) => Err(Lost(format!("dead: nothing can be written for {} s", WRITE_TIMEOUT.as_secs()))),
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        // Who does not take it is gone already.
        let _ = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }
}

/// The error without the address, whose ticket opens a connection.
fn words(error: &WebSocketError) -> String {
    match error {
        WebSocketError::Url(_) => "the address of the web socket cannot be used".to_owned(),
        WebSocketError::Http(response) => format!("HTTP {}", response.status().as_u16()),
        other => other.to_string(),
    }
}
