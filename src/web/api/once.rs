//! `Idempotency-Key`: a POST that carries one is done once, and asked again is given the answer of the first time
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! Owns the header, the requests that are under way, and the layer around every route. What is an event is let through: a
//! tool's call, what has happened on GitHub; the key is one of the event's. Of the others the answer is kept after the act, so a process that ends
//! between the two keeps none, and the act is done again; each of them can be. What was not done keeps no answer either.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

use crate::domain::ids::TenantId;
use crate::store::Batch;
use crate::store::keyspace::answer::{self, Answer, Asked};
use crate::web::problem::Problem;
use crate::web::{Shared, edge};

/// The header.
pub(super) const HEADER: &str = "Idempotency-Key";
/// The longest key, in bytes.
pub(super) const LONGEST: usize = 255;
/// The longest answer that is kept, in bytes; a line of chat has the longest.
const LONGEST_ANSWER: usize = 8 << 20;

/// Keys of requests that are under way.
#[derive(Debug, Clone, Default)]
pub struct UnderWay(Arc<Mutex<HashSet<String>>>);

/// A request that is under way, until this is dropped.
struct Place {
    all: UnderWay,
    key: String,
}

impl UnderWay {
    fn keys(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins; nothing where a request with this key is under way.
    fn enter(&self, key: &str) -> Option<Place> {
        let is_first = self.keys().insert(key.to_owned());
        is_first.then(|| Place { all: self.clone(), key: key.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.keys().remove(&self.key);
    }
}

/// The key of a request, where it carries one.
///
/// # Errors
/// Where it is no text, is empty or is too long.
pub(in crate::web) fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get(HEADER) else { return Ok(None) };
    let odd = || Problem::malformed(format!("{HEADER}: 1 to {LONGEST} visible characters of ASCII are needed"));
    let key = key.to_str().map_err(|_| odd())?.trim();
    if key.is_empty() || key.len() > LONGEST { Err(odd()) } else { Ok(Some(key)) }
}

/// The key was used for something else.
pub(super) fn another_request() -> Problem {
    let what = "this Idempotency-Key was used for another call: take a new one";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what)
}

/// Does a request once.
pub(super) async fn once(State(state): State<Shared>, request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.uri().path();
    if request.method() != Method::POST || path.starts_with("/tools/") || path == super::github::PATH {
        return Ok(next.run(request).await);
    }
    let Some(key) = key_of(request.headers())?.map(ToOwned::to_owned) else {
        return Ok(next.run(request).await);
    };
    if path == super::keys::PATH {
        let what = format!("what is shown once is kept under no {HEADER}: leave it out");
        return Err(Problem::malformed(what));
    }
    let Some(place) = state.under_way.enter(&key) else {
        let what = "a call with this Idempotency-Key is under way: ask again when it has ended";
        return Err(Problem::new(StatusCode::CONFLICT, what));
    };
    let (parts, body) = request.into_parts();
    let body = edge::body(&parts.headers, body, state.max_body, state.body_patience).await?;
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        body_digest: data_encoding::HEXLOWER.encode(&Sha256::digest(&body)),
    };
    let tenant = TenantId::default_tenant();
    if let Some(earlier) = answer::read(&state.inbox.store().view(&tenant), &key)? {
        return if earlier.asked == asked { Ok(again(earlier)) } else { Err(another_request()) };
    }
    let request = Request::from_parts(parts, Body::from(body));
    // Who asked may go away meanwhile: what was begun is ended all the same, and its answer kept.
    let doing = tokio::spawn(async move {
        let answered = next.run(request).await;
        let kept = keep(&state, &key, asked, answered).await;
        drop(place);
        kept
    });
    doing.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request of the API broke");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it broke inside: see the log"))
    })
}

fn again(earlier: Answer) -> Response {
    let mut response = Response::new(Body::from(earlier.body));
    *response.status_mut() = StatusCode::from_u16(earlier.status).unwrap_or(StatusCode::OK);
    if let Ok(kind) = HeaderValue::from_str(&earlier.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

async fn keep(state: &Shared, key: &str, asked: Asked, answered: Response) -> Result<Response, Problem> {
    // What was refused may be asked for again, and what goes on has no answer yet.
    if answered.status() != StatusCode::OK {
        return Ok(answered);
    }
    let (parts, body) = answered.into_parts();
    let too_long = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it was done, and its answer is too long");
    let body = to_bytes(body, LONGEST_ANSWER).await.map_err(too_long)?;
    let kept = Answer {
        asked,
        at: state.inbox.clock().now(),
        status: parts.status.as_u16(),
        content_type: edge::text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut batch = Batch::new();
    batch.writes(&TenantId::default_tenant(), answer::keep(key, &kept));
    if let Err(error) = state.inbox.store().commit(batch).await {
        tracing::warn!(%error, "an answer cannot be kept: the same request would be done again");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_requests_with_one_key_one_is_under_way() {
        let under_way = UnderWay::default();
        let first = under_way.enter("a");
        assert!(first.is_some() && under_way.enter("a").is_none() && under_way.enter("b").is_some());
        drop(first);
        assert!(under_way.enter("a").is_some());
    }

    #[test]
    fn a_key_is_a_short_text() {
        let with = |key: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(key).unwrap());
            key_of(&headers).map(|key| key.map(ToOwned::to_owned)).map_err(|_| ())
        };
        assert_eq!(key_of(&HeaderMap::new()).unwrap(), None);
        assert_eq!(with(b"once-1"), Ok(Some("once-1".to_owned())));
        for odd in [&b""[..], b"  ", "ключ".as_bytes(), &[b'k'; LONGEST + 1]] {
            assert_eq!(with(odd), Err(()));
        }
    }
}
