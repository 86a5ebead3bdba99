//! Errors as `application/problem+json` (RFC 9457). What the caller may know is not what the log says.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ledger::intake::NotAdmitted;
use crate::store::StoreError;

/// Seconds after which a caller may try again when the store takes nothing.
const RETRY_AFTER_S: u64 = 5;
/// Longest text of the framework that is passed on, in bytes.
const LONGEST_TEXT: usize = 4096;

/// An answer that is not a success.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem with words for the caller.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after_s: None }
    }

    /// Not authentic; no detail.
    #[must_use]
    pub fn unauthentic() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not authentic")
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    /// Nothing can be done with it just now.
    #[must_use]
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, detail: why.into(), retry_after_s: Some(RETRY_AFTER_S) }
    }

    /// The caller sends more than it may.
    #[must_use]
    pub fn too_many(retry_after_s: u64) -> Self {
        let detail = "more requests than one caller may send: see server.caller_per_minute".to_owned();
        Self { status: StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s: Some(retry_after_s) }
    }

    /// The request cannot be read.
    #[must_use]
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, what)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(StatusCode::CONFLICT, "it changed meanwhile: ask again"),
            StoreError::Full(_) | StoreError::Unusable(_) => Self::unavailable("nothing can be stored just now"),
            StoreError::Unreadable(why) => {
                tracing::error!(error = why, "a stored value cannot be read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "a stored value cannot be read: see the log and `doctor`")
            }
        }
    }
}

impl From<NotAdmitted> for Problem {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::TooMany { retry_after_s } => Self::too_many(retry_after_s),
            NotAdmitted::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Refusals of the framework itself, which come as plain text: a query, a path or a body that cannot be read.
pub async fn of_framework(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !plain || response.status().is_success() {
        return response;
    }
    let status = response.status();
    // Its own texts are short; one that is not is left out.
    let text = axum::body::to_bytes(response.into_body(), LONGEST_TEXT).await.unwrap_or_default();
    Problem::new(status, String::from_utf8_lossy(&text)).into_response()
}

/// No route has this path.
pub async fn unknown_path() -> Problem {
    Problem::not_found("no such path: /api/v1/openapi.json lists those of the API")
}

/// The path has no such method.
pub async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
}
