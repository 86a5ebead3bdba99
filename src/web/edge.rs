//! Bodies at the edge: read whole, bounded in length before they are read and in time while they are.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::web::problem::Problem;

/// The body, at most `limit` bytes of it.
///
/// # Errors
/// 413 where it is longer, 408 where it takes longer than `patience`, 400 where it breaks off.
pub async fn body(headers: &HeaderMap, body: Body, limit: usize, patience: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {limit} bytes"));
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(patience, Limited::new(body, limit).collect()).await;
    let Ok(collected) = collected else {
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, format!("no whole body in {} s", patience.as_secs())));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Err(_) => Err(Problem::malformed("the body breaks off")),
    }
}

/// A header as text.
#[must_use]
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
