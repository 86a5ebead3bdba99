//! The server's HTTP interface as an operator's program uses it: health, and `/api/v1` with the admin token.
//!
//! Answers are JSON values; a test reads from them what it asserts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// How long a request may take.
const REQUEST: Duration = Duration::from_secs(30);

/// An HTTP client. reqwest needs a default TLS provider, even though http alone is spoken.
pub(crate) fn http_client() -> anyhow::Result<Client> {
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().no_proxy().timeout(REQUEST).build()?)
}

/// The interface of one running server.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base_url: String,
    token_file: PathBuf,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body; null where it is no JSON.
    pub(crate) body: Value,
}

impl Api {
    /// The interface of the server at `base_url` whose data folder is `data`.
    pub(crate) fn new(base_url: &str, data: &Path) -> anyhow::Result<Self> {
        Ok(Self { client: http_client()?, base_url: base_url.to_owned(), token_file: data.join("admin.token") })
    }

    /// Whether `/healthz` answers.
    pub(crate) async fn is_alive(&self) -> bool {
        self.send(Method::GET, "/healthz", None).await.is_ok_and(|answered| answered.status == StatusCode::OK)
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let token = std::fs::read_to_string(&self.token_file)
            .with_context(|| format!("the admin token is not in {}", self.token_file.display()))?;
        Ok(self.client.request(method, format!("{}{path}", self.base_url)).bearer_auth(token.trim()))
    }

    /// Sends a request with the admin token, to any path.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answered> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{path} does not answer"))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answered { status, headers, body })
    }

    /// `GET /api/v1{path}`, which must succeed with one JSON value a line.
    pub(crate) async fn lines(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let response = self.request(Method::GET, &format!("/api/v1{path}"))?.send().await?.error_for_status()?;
        let text = response.text().await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    async fn succeed(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answered = self.send(method, &format!("/api/v1{path}"), body).await?;
        ensure!(answered.status.is_success(), "{path} answers {}: {}", answered.status, answered.body);
        Ok(answered.body)
    }

    /// `GET /api/v1{path}`, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.succeed(Method::GET, path, None).await
    }

    /// `POST /api/v1{path}`, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.succeed(Method::POST, path, Some(body)).await
    }

    /// All events, the newest first, page by page; `state` as in the API.
    pub(crate) async fn events(&self, state: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let state = state.map(|state| format!("&state={state}")).unwrap_or_default();
        let mut events = Vec::new();
        let mut before = String::new();
        loop {
            let page = self.get(&format!("/events?limit=1000{state}{before}")).await?;
            events.extend(page["events"].as_array().into_iter().flatten().cloned());
            let Some(next) = page["next"].as_str() else { return Ok(events) };
            before = format!("&before={next}");
        }
    }
}
