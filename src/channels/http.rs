//! What every call over HTTP has in common, whatever the platform: a client that follows nobody elsewhere, an answer
//! read to its end within a bound, and an error in words that name no address, since that may hold a secret.
//!
//! What an answer means, and whether a call may be repeated, each platform's client knows.

use std::time::Duration;

use reqwest::{Client, Response, redirect};

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
