//! How octocrab's requests reach GitHub: a tower service, to which octocrab hands each request.
//!
//! Owns the address below which all is called, deadlines, the bound of an answer, and redirects: GitHub redirects what has
//! moved, and a redirect is followed on GitHub's own host alone, so that no token leaves it. What an answer means is
//! `answer`; which token a request has is `client`. It repeats nothing whose answer it has not seen.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use octocrab::OctoBody;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, LOCATION};
use tower::Service;
use url::Url;

use crate::channels::DeliverError;
use crate::channels::http::{self, ReadError};

/// What changes something is waited for longer than what only reads: an answer that is lost costs a look.
const ACT_TIMEOUT: Duration = Duration::from_secs(30);
/// What only reads takes no longer.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection that is not there by then was surely not used.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects that are followed for one call. GitHub has one, from a name that a repository had to its number.
const MOST_REDIRECTS: usize = 3;
/// Bytes of an answer. The longest that is asked for is a page of 50 comments, of 262,144 bytes at most each.
const LARGEST_ANSWER: usize = 16 << 20;

/// The way to GitHub.
#[derive(Clone)]
pub(super) struct Wire {
    http: reqwest::Client,
    /// Ends with `/`.
    base: Arc<Url>,
}

/// One request, with all that its repetition at another address needs.
struct Sending {
    method: reqwest::Method,
    headers: reqwest::header::HeaderMap,
    body: Bytes,
    until: Instant,
}

impl Wire {
    /// Prepares it; connects to nobody.
    pub(super) fn new(base: &Url) -> reqwest::Result<Self> {
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { http: http::client(ACT_TIMEOUT, CONNECT_TIMEOUT)?, base: Arc::new(base) })
    }

    /// The address of a path that begins with `/`, below the base.
    fn address(&self, path: &str) -> Option<Url> {
        let url = self.base.join(path.trim_start_matches('/')).ok()?;
        url.as_str().starts_with(self.base.as_str()).then_some(url)
    }

    /// Where a redirect leads, if that is at GitHub's own host.
    fn redirected(&self, from: &Url, answer: &reqwest::Response) -> Option<Url> {
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let url = from.join(location).ok()?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        (is_bare && url.origin() == self.base.origin()).then_some(url)
    }

    async fn exchange(self, request: Request<OctoBody>) -> Result<Response<Full<Bytes>>, DeliverError> {
        let (parts, body) = request.into_parts();
        let rejected = |reason: &str| DeliverError::Rejected { reason: reason.to_owned() };
        let body = body.collect().await.map_err(|_| rejected("its body cannot be read; report it"))?.to_bytes();
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        let mut url = self.address(path).ok_or_else(|| rejected("its names make no address"))?;
        let mut headers = parts.headers;
        // reqwest states the length of what it sends.
        headers.remove(CONTENT_LENGTH);
        let limit = if parts.method == reqwest::Method::GET { READ_TIMEOUT } else { ACT_TIMEOUT };
        let sending = Sending { method: parts.method, headers, body, until: Instant::now() + limit };
        for _ in 0..=MOST_REDIRECTS {
            let mut answer = self.send(&sending, url.clone()).await?;
            if !is_redirect(answer.status()) {
                return read(&mut answer, &sending).await;
            }
            let elsewhere = || rejected("GitHub redirects to another host, to which no token is sent");
            url = self.redirected(&url, &answer).ok_or_else(elsewhere)?;
        }
        Err(rejected("GitHub redirects in a circle"))
    }

    async fn send(&self, sending: &Sending, url: Url) -> Result<reqwest::Response, DeliverError> {
        let left = sending.until.saturating_duration_since(Instant::now());
        let request = self.http.request(sending.method.clone(), url).headers(sending.headers.clone()).timeout(left);
        let request = if sending.body.is_empty() { request } else { request.body(sending.body.clone()) };
        request.send().await.map_err(|error| broken(error, sending))
    }
}

impl Service<Request<OctoBody>> for Wire {
    type Response = Response<Full<Bytes>>;
    type Error = DeliverError;
    type Future = BoxFuture<'static, Result<Self::Response, DeliverError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DeliverError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

/// Those that are to be repeated as they are (docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api,
/// "follow redirects").
fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// An answer, read to its end.
async fn read(answer: &mut reqwest::Response, sending: &Sending) -> Result<Response<Full<Bytes>>, DeliverError> {
    let body = http::body(answer, LARGEST_ANSWER).await.map_err(|error| match error {
        ReadError::Broken(error) => broken(error, sending),
        ReadError::TooLong => unclear(sending, "an answer of more than 16 MiB".to_owned()),
    })?;
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

fn broken(error: reqwest::Error, sending: &Sending) -> DeliverError {
    let (is_builder, is_connect) = (error.is_builder(), error.is_connect());
    let reason = http::words(error);
    match () {
        () if is_builder => DeliverError::Rejected { reason },
        () if is_connect => DeliverError::Unavailable { reason },
        () => unclear(sending, reason),
    }
}

/// The request was sent, and nobody knows what came of it. What only reads did nothing.
fn unclear(sending: &Sending, reason: String) -> DeliverError {
    if sending.method == reqwest::Method::GET {
        DeliverError::Unavailable { reason }
    } else {
        DeliverError::UnknownOutcome { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_the_base_whatever_the_base_is() {
        for (base, path, expected) in [
            ("https://api.github.com", "/repos/a/b", Some("https://api.github.com/repos/a/b")),
            ("https://ghes.example/api/v3", "/repos/a/b?x=1", Some("https://ghes.example/api/v3/repos/a/b?x=1")),
            ("https://ghes.example/api/v3/", "/app", Some("https://ghes.example/api/v3/app")),
            // With octocrab's own layer for addresses the base would be lost here.
            ("https://proxy.example/re/", "/repos/a/b", Some("https://proxy.example/re/repos/a/b")),
            ("https://ghes.example/api/v3/", "/repos/../../../x", None),
            ("https://ghes.example/api/v3/", "/%2e%2e/x", None),
            ("https://ghes.example/api/v3/", "//evil.example/x", Some("https://ghes.example/api/v3/evil.example/x")),
        ] {
            let wire = Wire::new(&Url::parse(base).unwrap()).unwrap();
            assert_eq!(wire.address(path).as_ref().map(Url::as_str), expected, "{base} {path}");
        }
    }
}
