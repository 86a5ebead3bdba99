//! What every call over HTTP has in common, whatever the platform: a client that follows nobody elsewhere, an answer
//! read to its end within a bound, and an error in words that name no address, since that may hold a secret.
//!
//! What an answer means, and whether a call may be repeated, each platform's client knows.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, redirect};

/// The longest wait that is believed. Ours: whoever asks for more is asked again by then, and no time overflows.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A client whose calls take no longer than `call`, and whose connections are there by `connect`.
///
/// # Errors
/// Where TLS cannot be set up.
pub(super) fn client(call: Duration, connect: Duration) -> reqwest::Result<Client> {
    // Process-wide, and refused the second time, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().user_agent(concat!("ai-crm/", env!("CARGO_PKG_VERSION")));
    builder.timeout(call).connect_timeout(connect).redirect(redirect::Policy::none()).build()
}

/// Why an answer could not be read.
pub(super) enum ReadError {
    /// It broke off.
    Broken(reqwest::Error),
    /// It is longer than what was bounded.
    TooLong,
}

/// The body of an answer, of at most so many bytes.
pub(super) async fn body(response: &mut Response, most: usize) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ReadError::Broken)? {
        if body.len() + chunk.len() > most {
            return Err(ReadError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How long a platform asks to be left alone, where it says so in seconds; an hour at most.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|seconds| seconds.trim().parse().ok());
    seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// An error with its causes.
pub(super) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_an_hour_at_most_whatever_is_asked_for() {
        for (said, seconds) in [
            (Some(" 3 "), Some(3)),
            (Some("3600"), Some(3600)),
            (Some("18446744073709551615"), Some(3600)),
            (Some("18446744073709551616"), None),
            (Some("Thu, 12 Jul 2018 18:36:58 GMT"), None),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(said.map(|text| (RETRY_AFTER, HeaderValue::from_static(text))));
            assert_eq!(retry_after(&headers), seconds.map(Duration::from_secs), "{said:?}");
        }
    }
}
