//! The load: plain HTTP/1.1 over kept connections, cheap enough that the server is what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::figures::Latencies;
use super::requests::Pool;

/// A kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens one.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request, reads its answer to the end, and gives its status. The body stands in the buffer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
            if let Some(head) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break (head + 4, content_length(&self.buffer[..head]));
            }
        };
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
        }
        let status = std::str::from_utf8(self.buffer.get(9..12).unwrap_or_default())?.parse()?;
        self.buffer.drain(..head);
        Ok(status)
    }

    /// The body of a page.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<(u16, String)> {
        let status = self.send(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes()).await?;
        Ok((status, String::from_utf8_lossy(&self.buffer).into_owned()))
    }

    /// The body of a page that is shown to who has a token.
    pub(crate) async fn get_as(&mut self, path: &str, token: &str) -> anyhow::Result<(u16, String)> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
        let status = self.send(request.as_bytes()).await?;
        Ok((status, String::from_utf8_lossy(&self.buffer).into_owned()))
    }
}

impl Connection {
    /// What JSON that is posted by who has a token is answered with.
    pub(crate) async fn post_as(&mut self, path: &str, token: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let status = self.send(request.as_bytes()).await?;
        Ok((status, String::from_utf8_lossy(&self.buffer).into_owned()))
    }
}

/// The length of a body, by its head.
pub(crate) fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let at = head.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME));
    let digits = at.map(|at| head[at + NAME.len()..].iter().skip_while(|byte| **byte == b' '));
    let digits = digits.into_iter().flatten().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

/// What came of a burst.
pub(crate) struct Burst {
    /// How long it was.
    pub(crate) took: Duration,
    /// Requests answered with 200.
    pub(crate) taken: usize,
    /// Requests answered with something else.
    pub(crate) refused: usize,
    /// From sending to the end of the answer.
    pub(crate) latencies: Latencies,
}

/// How far the load may be ahead of what it is answered with.
#[derive(Clone)]
pub(crate) struct Leash {
    /// How many answers there are.
    pub(crate) done: Arc<dyn Fn() -> usize + Send + Sync>,
    /// How many may be missing.
    pub(crate) most: usize,
}

/// Each connection sends its next request when the last is answered.
pub(crate) async fn closed_loop(
    address: SocketAddr,
    pool: &Arc<Pool>,
    connections: usize,
    lasting: Duration,
    leash: Option<Leash>,
) -> anyhow::Result<Burst> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let until = started + lasting;
    let workers = opened.into_iter().map(|mut connection| {
        let (pool, next, leash) = (pool.clone(), next.clone(), leash.clone());
        tokio::spawn(async move {
            let (mut latencies, mut refused) = (Latencies::default(), 0);
            while Instant::now() < until {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = pool.get(index) else { break };
                if let Some(leash) = &leash {
                    while index > (leash.done)() + leash.most && Instant::now() < until {
                        sleep(Duration::from_millis(1)).await;
                    }
                }
                let sent = Instant::now();
                if connection.send(request).await? == 200 {
                    latencies.add(sent.elapsed());
                } else {
                    refused += 1;
                }
            }
            anyhow::Ok((latencies, refused))
        })
    });
    let workers: Vec<_> = workers.collect();
    let (mut latencies, mut refused) = (Latencies::default(), 0);
    for worker in workers {
        let (of_worker, refused_there) = worker.await??;
        latencies.join(of_worker);
        refused += refused_there;
    }
    Ok(Burst { took: started.elapsed(), taken: latencies.len(), refused, latencies })
}

/// Requests leave at fixed times, whatever became of those before. Latencies count from the time at which
/// a request should have left. Gives with them the number and that time of every request.
pub(crate) async fn open_loop(
    address: SocketAddr,
    pool: &Arc<Pool>,
    connections: usize,
    every: Duration,
) -> anyhow::Result<(Burst, Vec<Instant>)> {
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let started = Instant::now() + Duration::from_millis(50);
    let due = move |index: usize| started + every * u32::try_from(index).unwrap_or(u32::MAX);
    let next = Arc::new(AtomicUsize::new(0));
    let workers = opened.into_iter().map(|mut connection| {
        let (pool, next) = (pool.clone(), next.clone());
        tokio::spawn(async move {
            let (mut latencies, mut refused) = (Latencies::default(), 0);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = pool.get(index) else { break };
                sleep_until(due(index)).await;
                if connection.send(request).await? == 200 {
                    latencies.add(due(index).elapsed());
                } else {
                    refused += 1;
                }
            }
            anyhow::Ok((latencies, refused))
        })
    });
    let workers: Vec<_> = workers.collect();
    let (mut latencies, mut refused) = (Latencies::default(), 0);
    for worker in workers {
        let (of_worker, refused_there) = worker.await?.context("a connection broke")?;
        latencies.join(of_worker);
        refused += refused_there;
    }
    let times = (0..pool.len()).map(due).collect();
    Ok((Burst { took: started.elapsed(), taken: latencies.len(), refused, latencies }, times))
}
