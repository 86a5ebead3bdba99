//! What the machine gives at best, to measure the server against: an axum server that checks signatures and
//! answers 200, and the same with each body on disk before the answer, by one `fdatasync` for all that wait.
//!
//! A floor runs as a process of its own: this program, started with [`ARGUMENT`].

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::oneshot;

use super::cores;
use super::figures::print;
use super::requests::SECRET;
use super::server::Server;

/// The first argument of a floor; the second is the file that bodies go to, where there is one.
pub(crate) const ARGUMENT: &str = "--floor";

/// A body, and who waits for it to be on disk.
type Waiting = (Bytes, oneshot::Sender<()>);

struct Floor {
    key: Hmac<Sha256>,
    disk: Option<Sender<Waiting>>,
}

/// Starts a floor on the server's core.
pub(crate) async fn start(file: Option<PathBuf>) -> anyhow::Result<Server> {
    let program = std::env::current_exe()?;
    let mut command = cores::program_on(cores::SERVER, program.to_str().context("the program's path is not UTF-8")?);
    command.arg(ARGUMENT).args(file);
    Server::of(&mut command).await
}

/// Runs a floor until it is killed.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let disk = match arguments {
        [] => None,
        [file] => {
            let file = File::create(file)?;
            let (sender, receiver) = std::sync::mpsc::channel();
            std::thread::Builder::new().name("disk".to_owned()).spawn(move || write(file, &receiver))?;
            Some(sender)
        }
        _ => bail!("a floor takes one file"),
    };
    let key = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    let routes = Router::new().route("/slack/events", post(receive)).with_state(Arc::new(Floor { key, disk }));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        print(&format!("listens on http://{}", listener.local_addr()?));
        Ok(axum::serve(listener, routes).await?)
    })
}

async fn receive(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let (Some(at), Some(signature)) = (text("x-slack-request-timestamp"), text("x-slack-signature")) else {
        return StatusCode::UNAUTHORIZED;
    };
    let mut mac = floor.key.clone();
    for part in [b"v0:", at.as_bytes(), b":", &body] {
        mac.update(part);
    }
    let stated = signature.strip_prefix("v0=").and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok());
    if stated.is_none_or(|stated| mac.verify_slice(&stated).is_err()) {
        return StatusCode::UNAUTHORIZED;
    }
    if let Some(disk) = &floor.disk {
        let (answer, written) = oneshot::channel();
        if disk.send((body, answer)).is_err() || written.await.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    StatusCode::OK
}

fn write(mut file: File, receiver: &Receiver<Waiting>) {
    while let Ok((body, first)) = receiver.recv() {
        let (mut bytes, mut answers) = (body.to_vec(), vec![first]);
        while let Ok((body, answer)) = receiver.try_recv() {
            bytes.extend_from_slice(&body);
            answers.push(answer);
        }
        // Who is not answered sees that its body is not on disk.
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_ok() {
            for answer in answers {
                let _ = answer.send(());
            }
        }
    }
}
