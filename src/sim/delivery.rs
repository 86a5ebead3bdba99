//! How what a platform has to say gets to an application: the manner in which it goes, and one exchange over HTTP.
//!
//! How it is signed, when it is repeated, and what a platform makes of an answer stand in the platform's folder.

use std::time::Duration;

use axum::http::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use tokio::time::Instant;

/// How a delivery is to go, by a word: what is wrong with it, or how often it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Once, rightly signed.
    #[default]
    Genuine,
    /// Signed with another secret or key.
    WrongSignature,
    /// Rightly signed, so long ago that nobody may take it.
    Stale,
    /// As the first repeat of what never arrived.
    Retry,
    /// The same delivery two times, one behind the other.
    Twice,
}

impl Manner {
    /// The words, as they are given to `ai-crm sim … --as`.
    pub const WORDS: [&str; 5] = ["genuine", "wrong-signature", "stale", "retry", "twice"];
}

/// A client that waits as long as the platform does. The process needs a default TLS provider, even though http alone is
/// spoken.
pub(super) fn client(deadline: Duration, redirects: Policy) -> reqwest::Result<Client> {
    Client::builder().timeout(deadline).redirect(redirects).no_proxy().build()
}

/// What an application has answered.
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Not before the deadline.
    Timeout,
    /// There is no connection, or it broke.
    ConnectionFailed,
}

/// Sends a request, and says what came of it and how long that took.
pub(super) async fn exchange(request: RequestBuilder) -> (Result<Received, Silence>, Duration) {
    let start = Instant::now();
    let answered = async {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        reqwest::Result::Ok(Received { status, headers, body: response.text().await? })
    };
    let received =
        answered.await.map_err(|error| if error.is_timeout() { Silence::Timeout } else { Silence::ConnectionFailed });
    (received, start.elapsed())
}

/// Whether a delivery with this answer was taken.
pub(super) fn is_taken(status: Option<u16>) -> bool {
    status.is_some_and(|status| (200..300).contains(&status))
}

/// The answer of which a person sees something: the first that took the delivery, since a repetition has none of its own
/// to show. Else the first.
pub(super) fn shown<Answer>(answers: &[Answer], is_accepted: impl Fn(&Answer) -> bool) -> Option<&Answer> {
    answers.iter().find(|answer| is_accepted(answer)).or(answers.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manner_has_its_word() {
        for word in Manner::WORDS {
            assert!(serde_json::from_str::<Manner>(&format!("\"{word}\"")).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_repetition_shows_nothing_of_its_own() {
        let shown_of = |statuses: &[u16]| shown(statuses, |status| is_taken(Some(*status))).copied();
        assert_eq!(shown_of(&[503, 200, 204]), Some(200));
        assert_eq!(shown_of(&[503, 401]), Some(503));
        assert_eq!(shown_of(&[]), None);
    }
}
