//! How subcommands reach the store: through the API of the running server, or, where none runs, through
//! the same API in this process. So there is one path, whoever has the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt;

use crate::app::{App, Mode};
use crate::config::{Config, keyfile};
use crate::web::health::INSTANCE_HEADER;

/// In the data folder: where the running server listens.
const SERVER_FILE: &str = "server.json";
/// How long a server may take to say that it is there.
const GREETING: Duration = Duration::from_secs(2);
/// How long a request may take.
const REQUEST: Duration = Duration::from_secs(600);

/// Where the running server listens.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Running {
    /// Its address.
    pub(super) address: String,
    /// Its process.
    pub(super) pid: u32,
    /// Its own number, which it says at `/healthz` too. A file that a killed server left behind names an address at
    /// which another one may answer.
    #[serde(default)]
    pub(super) instance: String,
}

fn file(data: &Path) -> PathBuf {
    data.join(SERVER_FILE)
}

impl Running {
    /// Leaves the address for other commands.
    pub(super) fn announce(&self, data: &Path) -> std::io::Result<()> {
        std::fs::write(file(data), serde_json::to_vec(self)?)
    }

    /// Takes it away.
    pub(super) fn retract(data: &Path) {
        // A file that is left behind is found out by the greeting.
        let _ = std::fs::remove_file(file(data));
    }

    /// The server that runs on a data folder, if one does.
    pub(super) async fn find(data: &Path) -> Option<Self> {
        let running: Self = serde_json::from_slice(&std::fs::read(file(data)).ok()?).ok()?;
        let client = http_client().ok()?;
        let greeting = client.get(format!("http://{}/healthz", running.address)).timeout(GREETING).send().await.ok()?;
        let said = greeting.headers().get(INSTANCE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        (greeting.status().is_success() && said == running.instance).then_some(running)
    }
}

/// A client for this machine's server.
pub(super) fn http_client() -> anyhow::Result<reqwest::Client> {
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// The API.
pub(super) enum Access {
    /// Of a running server.
    Remote {
        /// Speaks HTTP.
        client: reqwest::Client,
        /// Where.
        address: String,
        /// With which token.
        token: String,
    },
    /// In this process.
    Local(Box<App>),
}

impl Access {
    /// Reaches the running server, or opens the store here.
    ///
    /// # Errors
    /// Where neither can be done.
    pub(super) async fn open(config: Config, mode: Mode) -> anyhow::Result<Self> {
        match Self::running(&config).await {
            Some(reached) => reached,
            None => Ok(Self::Local(Box::new(App::start(config, mode).await?))),
        }
    }

    /// Reaches the running server, where one runs.
    pub(super) async fn running(config: &Config) -> Option<anyhow::Result<Self>> {
        let running = Running::find(&config.data).await?;
        let reach = || {
            let (tokens, _) = keyfile::admin_token(config, &mut |bytes| rand::fill(bytes))?;
            let token = tokens.as_slice().first().map(|token| token.expose().to_owned()).unwrap_or_default();
            Ok(Self::Remote { client: http_client()?, address: running.address.clone(), token })
        };
        Some(reach())
    }

    /// Asks the API.
    ///
    /// # Errors
    /// Where it cannot be reached or says no, in its words.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (status, bytes) = self.send(method, path, body).await?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        match answer["detail"].as_str() {
            Some(detail) if status == StatusCode::UNAUTHORIZED => {
                bail!(
                    "the running server does not take this token ({detail}): use the server's data folder or AI_CRM_ADMIN_TOKEN"
                )
            }
            Some(detail) => bail!("{detail}"),
            None => bail!("the server answered {status}"),
        }
    }

    /// Asks for something that is not JSON.
    ///
    /// # Errors
    /// As [`Access::ask`].
    pub(super) async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, bytes) = self.send(Method::GET, path, None).await?;
        if !status.is_success() {
            bail!("the server answered {status}");
        }
        Ok(bytes)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        match self {
            Self::Remote { client, address, token } => {
                let mut request = client
                    .request(method, format!("http://{address}/api/v1{path}"))
                    .bearer_auth(token)
                    .timeout(REQUEST);
                if let Some(body) = body {
                    request = request.json(body);
                }
                let answer =
                    request.send().await.with_context(|| format!("the server at {address} does not answer"))?;
                let status = answer.status();
                Ok((status, answer.bytes().await?.to_vec()))
            }
            Self::Local(app) => {
                let token = app.admin_token().ok_or_else(|| anyhow!("no admin token is known"))?;
                let request = Request::builder()
                    .method(method)
                    .uri(format!("/api/v1{path}"))
                    .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
                let answer = app.routes().oneshot(request).await?;
                let status = answer.status();
                Ok((status, answer.into_body().collect().await?.to_bytes().to_vec()))
            }
        }
    }

    /// Ends what was started for this.
    pub(super) async fn close(self) {
        if let Self::Local(app) = self {
            app.stop().await;
        }
    }
}

/// Asks one thing and closes.
///
/// # Errors
/// As [`Access::open`] and [`Access::ask`].
pub(super) async fn ask_once(
    config: Config,
    mode: Mode,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    let access = Access::open(config, mode).await?;
    let answer = access.ask(method, path, body).await;
    access.close().await;
    answer
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    #[tokio::test]
    async fn a_file_that_was_left_behind_is_not_taken_for_the_server_that_answers_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let routes = axum::Router::new().route("/healthz", get(async || ([(INSTANCE_HEADER, "ours")], "ok")));
        let serving = tokio::spawn(async { axum::serve(listener, routes).await });
        let data = tempfile::tempdir().unwrap();
        for (instance, found) in [("ours", true), ("another", false), ("", false)] {
            let running = Running { address: address.clone(), pid: 1, instance: instance.to_owned() };
            running.announce(data.path()).unwrap();
            assert_eq!(Running::find(data.path()).await.is_some(), found, "{instance}");
        }
        serving.abort();
    }
}
