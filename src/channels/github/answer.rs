//! GitHub's answers, read to their end: what each says of limits, of whether a call was carried out, and what helps
//! against a refusal.
//!
//! octocrab reads the refusals, in whatever form they come. Of GitHub's words only those that name no text of people are
//! shown. Codes: docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::Response;
use octocrab::GitHubError;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::governor::{Cost, Word};
use crate::channels::text::one_line;
use crate::channels::{DeliverError, http};
use crate::domain::time::Timestamp;

/// Characters of GitHub's own words that are shown.
const MOST_WORDS: usize = 200;
/// Mistakes of a request that are shown.
const MOST_MISTAKES: usize = 3;
/// The header that says which permission a call needs.
const NEEDED: &str = "x-accepted-github-permissions";
/// GitHub's words for limits that no header states.
const LIMITED: [&str; 2] = ["secondary rate limit", "abuse detection"];

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
    refusal: Option<Box<GitHubError>>,
    cost: Cost,
}

impl Answer {
    /// Reads what octocrab was answered to a call that counts for `cost`.
    pub(super) async fn of(
        response: Response<BoxBody<Bytes, octocrab::Error>>,
        cost: Cost,
    ) -> Result<Self, DeliverError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let unread = || unclear(cost, format!("HTTP {}, unread", status.as_u16()));
        let (body, refusal) = match octocrab::map_github_error(response).await {
            Ok(response) => (response.into_body().collect().await.map_err(|_| unread())?.to_bytes(), None),
            Err(octocrab::Error::GitHub { source, .. }) => (Bytes::new(), Some(source)),
            Err(_) => return Err(unread()),
        };
        Ok(Self { status, headers, body, refusal, cost })
    }

    /// What it says of limits.
    pub(super) fn word(&self) -> Word {
        let after = http::retry_after(&self.headers);
        let is_refused = matches!(self.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
        if !is_refused {
            return self.until_reset().map_or(Word::Fine, Word::Last);
        }
        let words = self.refusal.as_ref().map(|refusal| refusal.message.to_lowercase()).unwrap_or_default();
        let is_limit = self.status == StatusCode::TOO_MANY_REQUESTS
            || after.is_some()
            || self.until_reset().is_some()
            || LIMITED.iter().any(|limited| words.contains(limited));
        if is_limit { Word::Enough(after.or_else(|| self.until_reset())) } else { Word::Fine }
    }

    /// How long until there are calls again, where none is left: by GitHub's clock, since it gives a time of day.
    fn until_reset(&self) -> Option<Duration> {
        let number = |name: &str| self.headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        if number("x-ratelimit-remaining")? > 0 {
            return None;
        }
        let reset = number("x-ratelimit-reset")?;
        let now = self.date()?.as_seconds();
        Some(Duration::from_secs(u64::try_from(reset.saturating_sub(now)).unwrap_or(0).max(1)))
    }

    /// When it was sent, by GitHub's clock.
    pub(super) fn date(&self) -> Option<Timestamp> {
        let header = self.headers.get(DATE)?.to_str().ok()?;
        let stamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
        Some(Timestamp(stamp.as_millisecond()))
    }

    /// What was read, or made.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What was asked for. One that is in no known form was read in vain.
    pub(super) fn into_read<T: DeserializeOwned>(self) -> Result<T, DeliverError> {
        let answer = self.into_success()?;
        let unknown = || DeliverError::Unavailable { reason: "GitHub's answer is in an unknown form".to_owned() };
        answer.read().ok_or_else(unknown)
    }

    pub(super) fn into_success(self) -> Result<Self, DeliverError> {
        if self.refusal.is_none() { Ok(self) } else { Err(self.failure()) }
    }

    /// Whether there is no such thing, or no more.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// What an answer other than success says.
    pub(super) fn failure(&self) -> DeliverError {
        let reason = format!("HTTP {}{}", self.status.as_u16(), self.words());
        match self.status {
            StatusCode::UNAUTHORIZED => DeliverError::Unavailable { reason },
            StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                DeliverError::OutOfReach { reason: format!("{reason}{}", self.permission()) }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => DeliverError::OutOfReach {
                reason: format!("{reason}; it is not there, or the App is not installed for that repository"),
            },
            // It says of itself that nothing was done.
            StatusCode::SERVICE_UNAVAILABLE => DeliverError::Unavailable { reason },
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => unclear(self.cost, reason),
            _ => DeliverError::Rejected { reason },
        }
    }

    /// Which permission is missing, where GitHub says so.
    fn permission(&self) -> String {
        let needed = self.headers.get(NEEDED).and_then(|needed| needed.to_str().ok()).map(one_line);
        let needed = needed.filter(|needed| !needed.is_empty()).map(|needed| shown(&needed));
        needed
            .map(|needed| format!("; give the App the permission {needed}, and accept it where it is installed"))
            .unwrap_or_default()
    }

    /// GitHub's words for a refusal: those of its own, and which fields of a request are wrong.
    fn words(&self) -> String {
        let Some(refusal) = &self.refusal else { return String::new() };
        let message = one_line(&refusal.message);
        // A page for a browser, or the whole of a body in no known form.
        let is_words = !message.is_empty() && !message.starts_with(['<', '{', '[']);
        let message = if is_words { format!(" {}", shown(&message)) } else { String::new() };
        let mistakes = refusal.errors.iter().flatten().filter_map(mistake).take(MOST_MISTAKES);
        let mistakes: Vec<String> = mistakes.collect();
        if mistakes.is_empty() { message } else { format!("{message} ({})", mistakes.join("; ")) }
    }
}

/// `Issue.title missing_field`. Its `message` and `value` may hold what somebody has written, but for the words that GitHub
/// has for a rule of its own.
fn mistake(mistake: &Value) -> Option<String> {
    let word = |name: &str| mistake.get(name).and_then(Value::as_str).map(one_line).unwrap_or_default();
    let (resource, field, code) = (word("resource"), word("field"), word("code"));
    let said = if code == "custom" { word("message") } else { String::new() };
    let parts = [resource, field, code, said];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| shown(&parts.join(" ")))
}

fn shown(text: &str) -> String {
    text.chars().take(MOST_WORDS).collect()
}

/// Something went wrong at GitHub after it had the call.
fn unclear(cost: Cost, reason: String) -> DeliverError {
    match cost {
        Cost::Read => DeliverError::Unavailable { reason },
        Cost::Write | Cost::Content => DeliverError::UnknownOutcome { reason },
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    async fn answer(status: u16, headers: &[(&'static str, &str)], body: &str, cost: Cost) -> Answer {
        let body = Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed();
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Answer::of(response, cost).await.unwrap()
    }

    #[tokio::test]
    async fn limits_are_told_from_refusals_and_by_githubs_clock() {
        let seconds = Duration::from_secs;
        let none_left = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1531420700"),
            ("date", "Thu, 12 Jul 2018 18:36:58 GMT"),
        ];
        for (status, headers, message, expected) in [
            (200, &[][..], "", Word::Fine),
            (200, &none_left[..], "", Word::Last(seconds(82))),
            (403, &none_left[..], "API rate limit exceeded", Word::Enough(Some(seconds(82)))),
            (403, &[("retry-after", "7")][..], "slow down", Word::Enough(Some(seconds(7)))),
            (403, &[][..], "You have exceeded a secondary rate limit.", Word::Enough(None)),
            (403, &[][..], "Resource not accessible by integration", Word::Fine),
            (429, &[][..], "", Word::Enough(None)),
            (404, &[("x-ratelimit-remaining", "3")][..], "Not Found", Word::Fine),
            (502, &[][..], "", Word::Fine),
        ] {
            let body = json!({ "message": message }).to_string();
            assert_eq!(answer(status, headers, &body, Cost::Write).await.word(), expected, "{status} {message}");
        }
    }

    #[tokio::test]
    async fn each_refusal_says_what_it_means_and_nothing_that_people_wrote() {
        let invalid = json!({"message": "Validation Failed", "errors": [
            {"resource": "Issue", "field": "title", "code": "invalid", "value": "zebra"},
            {"resource": "IssueComment", "field": "data", "code": "custom", "message": "body is too long"},
            "zebra",
        ]});
        let refused = json!({"message": "Resource not accessible by integration"});
        for (status, body, cost, expected) in [
            (403, refused.to_string(), Cost::Write, "out of reach: HTTP 403 Resource not accessible by integration"),
            (404, json!({"message": "Not Found"}).to_string(), Cost::Read, "out of reach: HTTP 404 Not Found; "),
            (410, json!({"message": "This issue was deleted"}).to_string(), Cost::Content, "out of reach: HTTP 410"),
            (
                422,
                invalid.to_string(),
                Cost::Content,
                "rejected: HTTP 422 Validation Failed (Issue title invalid; IssueComment data custom body is too long)",
            ),
            (502, "<html>zebra</html>".to_owned(), Cost::Content, "no answer, so it may have been done: HTTP 502"),
            (502, "{\"zebra\"".to_owned(), Cost::Read, "unavailable: HTTP 502"),
            (503, String::new(), Cost::Content, "unavailable: HTTP 503"),
        ] {
            let failure = answer(status, &[], &body, cost).await.into_success().err().unwrap().to_string();
            assert!(failure.starts_with(expected) && !failure.contains("zebra"), "{failure}");
        }
        let needed = [("x-accepted-github-permissions", "issues=write")];
        let failure = answer(403, &needed, &refused.to_string(), Cost::Write).await.failure().to_string();
        assert!(failure.contains("give the App the permission issues=write"), "{failure}");
    }
}
