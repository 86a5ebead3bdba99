//! A stand-in for Slack's Web API that answers as cheaply as can be: it lives on the core of the load.
//!
//! It checks nothing; that is what the tests are for. It remembers when it was asked to show which answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::load::content_length;
use super::requests::{BOT, TEAM, number_of};

/// A running stand-in.
pub(crate) struct StandIn {
    /// Where it is.
    pub(crate) api_url: String,
    seen: Arc<Seen>,
}

/// What it was asked.
#[derive(Default)]
struct Seen {
    messages: AtomicUsize,
    greetings: AtomicUsize,
    /// When which message was answered.
    shown: Mutex<Vec<(Option<u64>, Instant)>>,
}

impl StandIn {
    /// Starts one.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api_url = format!("http://{}/api/", listener.local_addr()?);
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = shared.clone();
                tokio::spawn(async move {
                    // A connection that breaks is the server's affair.
                    let _ = serve(stream, |path, body| answer(&seen, path, body)).await;
                });
            }
        });
        Ok(Self { api_url, seen })
    }

    /// Messages it was asked to show.
    pub(crate) fn messages(&self) -> usize {
        self.seen.messages.load(Ordering::Relaxed)
    }

    /// A count of them for others to look at.
    pub(crate) fn counter(&self) -> Arc<dyn Fn() -> usize + Send + Sync> {
        let seen = self.seen.clone();
        Arc::new(move || seen.messages.load(Ordering::Relaxed))
    }

    /// Forgets all messages.
    pub(crate) fn forget(&self) {
        self.seen.messages.store(0, Ordering::Relaxed);
        self.seen.shown.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The numbers of the messages that were answered, and when.
    pub(crate) fn shown(&self) -> Vec<(Option<u64>, Instant)> {
        self.seen.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it was asked whose token it is `times` times.
    pub(crate) async fn greeted(&self, times: usize) -> anyhow::Result<()> {
        wait_until(Duration::from_secs(20), || self.seen.greetings.load(Ordering::Relaxed) >= times).await
    }

    /// How often it was asked whose token it is.
    pub(crate) fn greetings(&self) -> usize {
        self.seen.greetings.load(Ordering::Relaxed)
    }

    /// Waits until it was asked to show `count` messages.
    pub(crate) async fn answered(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        wait_until(patience, || self.messages() >= count).await
    }
}

/// Waits for a condition.
pub(crate) async fn wait_until(patience: Duration, holds: impl Fn() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while !holds() {
        ensure!(Instant::now() < deadline, "it did not come within {} s", patience.as_secs());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Answers the requests of a connection with JSON, by their paths and bodies, until it ends.
pub(crate) async fn serve(mut stream: TcpStream, answer: impl Fn(&[u8], &[u8]) -> String) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 << 10);
    loop {
        let (head, length) = loop {
            if let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break (head + 4, content_length(&buffer[..head]));
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        while buffer.len() < head + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let path = buffer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let body = answer(path, &buffer[head..head + length]);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        buffer.drain(..head + length);
    }
}

fn answer(seen: &Seen, path: &[u8], body: &[u8]) -> String {
    if path.starts_with(b"/api/chat.") {
        let number = seen.messages.fetch_add(1, Ordering::Relaxed);
        let mut shown = seen.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.push((thread_of(body).and_then(number_of), Instant::now()));
        format!(
            r#"{{"ok":true,"channel":"C0BENCH000","ts":"1800000000.{number:06}","message_ts":"1800000000.{number:06}"}}"#
        )
    } else if path == b"/api/auth.test" {
        seen.greetings.fetch_add(1, Ordering::Relaxed);
        format!(r#"{{"ok":true,"team_id":"{TEAM}","team":"Bench","user_id":"{BOT}","bot_id":"B0BENCH01"}}"#)
    } else {
        let user = std::str::from_utf8(body).ok().and_then(|form| form.split_once("user=")).map_or("U0", |form| form.1);
        format!(
            r#"{{"ok":true,"user":{{"id":"{user}","team_id":"{TEAM}","name":"{user}","profile":{{"display_name":"{user}"}}}}}}"#
        )
    }
}

/// The thread that a message goes to: the message that it answers.
fn thread_of(body: &[u8]) -> Option<&str> {
    const NAME: &[u8] = br#""thread_ts":""#;
    let at = body.windows(NAME.len()).rposition(|window| window == NAME)? + NAME.len();
    let end = body[at..].iter().position(|byte| *byte == b'"')? + at;
    std::str::from_utf8(&body[at..end]).ok()
}
