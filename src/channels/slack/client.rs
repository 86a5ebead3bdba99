//! The few methods of Slack's Web API that the bot calls, and posts to a `response_url`.
//!
//! Owns the wire: addresses, the token, time limits, and what an answer says about whether the
//! call was carried out. It retries nothing and waits for nobody: that is the outbox. A method is
//! a function of [`Client`] and, where its answer is read, a struct in `answers`.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::answers::{Identity, Page, Places, Posted, Said, Teams, User, Viewed};
use crate::channels::DeliverError;
use crate::channels::http::{self, ReadError};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// A whole call takes no longer, or its outcome is unknown.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A message that is posted is waited for longer: one that only one person sees, or that went to a `response_url`, nobody
/// can look for, so to repeat it is to show it twice. Ours: Slack stalls for 20 s at times.
const POST_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that is not there by then was surely not used.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages of a page. Slack takes numbers under 1,000, and may give fewer:
/// docs.slack.dev/reference/methods/conversations.history.
const MOST_MESSAGES: &str = "999";
/// Entries of a page where nobody waits: Slack advises against more than 200
/// (docs.slack.dev/apis/web-api/pagination).
const SMALL_PAGE: &str = "200";
/// What 429 means where Slack does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// No answer that is read here comes near it.
const LARGEST_ANSWER: usize = 8 << 20;
/// Slack's hosts for `response_url`: the usual one and the one of the United States' government.
const HOOK_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The address of the Web API is none.
    #[error("slack.api_url `{url}` is not an http or https address")]
    BadAddress {
        /// As configured.
        url: String,
    },
    /// The token has characters that no header can carry.
    #[error("a Slack token has characters that cannot be sent; was it pasted with a line break?")]
    BadToken,
    /// TLS could not be set up.
    #[error("the HTTPS client for Slack could not be made")]
    Http(#[source] reqwest::Error),
}

/// Why a post to a `response_url` did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RespondError {
    /// Used five times, older than thirty minutes, or an address to which nothing is posted;
    /// nothing was done, and another route may work.
    Unusable(&'static str),
    /// As with any call.
    Failed(DeliverError),
}

/// Whether a call changes something at Slack: one that does not may be repeated at will.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Reads,
    Acts,
}

/// A connection to the Web API with one bot token.
pub struct Client {
    http: reqwest::Client,
    /// Ends with a slash.
    api: Url,
    bearer: HeaderValue,
}

fn bearer(token: &Secret) -> Result<HeaderValue, SetUpError> {
    let text = format!("Bearer {}", token.expose());
    let mut bearer = HeaderValue::from_str(&text).map_err(|_| SetUpError::BadToken)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

impl Client {
    /// Prepares a client; connects to nobody.
    ///
    /// # Errors
    /// Where the address or the token cannot be used.
    pub fn new(api_url: &str, token: &Secret) -> Result<Self, SetUpError> {
        let with_slash = if api_url.ends_with('/') { api_url.to_owned() } else { format!("{api_url}/") };
        let bad_address = || SetUpError::BadAddress { url: api_url.to_owned() };
        let api = Url::parse(&with_slash).map_err(|_| bad_address())?;
        if !matches!(api.scheme(), "http" | "https") || api.host().is_none() || api.query().is_some() {
            return Err(bad_address());
        }
        let http = http::client(CALL_TIMEOUT, CONNECT_TIMEOUT).map_err(SetUpError::Http)?;
        Ok(Self { http, api, bearer: bearer(token)? })
    }

    /// The same connections, with another token.
    ///
    /// # Errors
    /// Where the token cannot be used.
    pub fn with_token(&self, token: &Secret) -> Result<Self, SetUpError> {
        Ok(Self { http: self.http.clone(), api: self.api.clone(), bearer: bearer(token)? })
    }

    /// `auth.test`: whose token it is, and what time it is at Slack, in whole seconds, where it says so.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn auth_test(&self) -> Result<(Identity, Option<Timestamp>), DeliverError> {
        let answer = Answer::of(self.call("auth.test")?, Manner::Reads).await?;
        let time = answer.date();
        Ok((answer.into_result(Manner::Reads)?, time))
    }

    /// `apps.connections.open`, for which the token is the app's own, in the header: where a socket may be opened, once
    /// (docs.slack.dev/reference/methods/apps.connections.open).
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn open_connection(&self) -> Result<String, DeliverError> {
        #[derive(Deserialize)]
        struct Answer {
            url: String,
        }
        let answer: Answer = self.read("apps.connections.open", &[]).await?;
        Ok(answer.url)
    }

    /// Where the Web API is.
    #[must_use]
    pub fn api(&self) -> &Url {
        &self.api
    }

    /// `users.info`.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn user(&self, id: &str) -> Result<User, DeliverError> {
        #[derive(Deserialize)]
        struct Answer {
            user: User,
        }
        let answer: Answer = self.read("users.info", &[("user", id)]).await?;
        Ok(answer.user)
    }

    /// `chat.postMessage` and its sisters: `chat.postEphemeral`, `chat.update`, `chat.delete`, and the three of streams.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn chat(&self, method: &'static str, body: &Value) -> Result<Posted, DeliverError> {
        let call = self.call(method)?.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body.to_string());
        Answer::of(call.timeout(POST_TIMEOUT), Manner::Acts).await?.into_result(Manner::Acts)
    }

    /// `views.open`, which shows a modal to whom a trigger is of (docs.slack.dev/reference/methods/views.open),
    /// `views.update`, which changes one that is open (docs.slack.dev/reference/methods/views.update), or
    /// `views.publish`, which shows a Home to a person (docs.slack.dev/reference/methods/views.publish).
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn view(&self, method: &'static str, body: &Value) -> Result<Viewed, DeliverError> {
        let call = self.call(method)?.header(CONTENT_TYPE, "application/json; charset=utf-8");
        Answer::of(call.body(body.to_string()), Manner::Acts).await?.into_result(Manner::Acts)
    }

    /// `chat.unfurl`, which adds blocks to a message below a link in it
    /// (docs.slack.dev/reference/methods/chat.unfurl).
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn unfurl(&self, method: &'static str, body: &Value) -> Result<(), DeliverError> {
        let call = self.call(method)?.header(CONTENT_TYPE, "application/json; charset=utf-8");
        let answer: Result<Value, DeliverError> =
            Answer::of(call.body(body.to_string()), Manner::Acts).await?.into_result(Manner::Acts);
        answer.map(|_| ())
    }

    /// `conversations.history`, or `conversations.replies` where a thread is given: one page of
    /// the messages that are not older than `oldest`.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn messages(
        &self,
        channel: &str,
        thread: Option<&str>,
        oldest: &str,
        cursor: Option<&str>,
    ) -> Result<Page, DeliverError> {
        let mut fields = vec![
            ("channel", channel),
            ("oldest", oldest),
            ("inclusive", "true"),
            ("include_all_metadata", "true"),
            ("limit", MOST_MESSAGES),
        ];
        fields.extend(cursor.map(|cursor| ("cursor", cursor)));
        match thread {
            Some(thread) => {
                fields.push(("ts", thread));
                self.read("conversations.replies", &fields).await
            }
            None => self.read("conversations.history", &fields).await,
        }
    }

    /// `auth.teams.list`: one page of the workspaces for which an app is approved that is installed for a whole
    /// organisation (docs.slack.dev/reference/methods/auth.teams.list).
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn teams(&self, cursor: Option<&str>) -> Result<Teams, DeliverError> {
        let mut fields = vec![("limit", SMALL_PAGE)];
        fields.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.read("auth.teams.list", &fields).await
    }

    /// `users.conversations`: one page of the places of a kind in which the bot is
    /// (docs.slack.dev/reference/methods/users.conversations). The token of an organisation has to say in which `team`;
    /// histories take no team, since a conversation has one id in all of it.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn places(&self, kind: &str, team: Option<&str>, cursor: Option<&str>) -> Result<Places, DeliverError> {
        let mut fields = vec![("types", kind), ("exclude_archived", "true"), ("limit", SMALL_PAGE)];
        fields.extend(team.map(|team| ("team_id", team)));
        fields.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.read("users.conversations", &fields).await
    }

    /// What was said in a place since `oldest`, newest first, or in a thread, oldest first: one page of messages as
    /// they are, of which Slack may give fewer than are asked for.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn said(
        &self,
        channel: &str,
        thread: Option<&str>,
        oldest: &str,
        cursor: Option<&str>,
    ) -> Result<Said, DeliverError> {
        let mut fields = vec![("channel", channel), ("oldest", oldest), ("limit", SMALL_PAGE)];
        fields.extend(cursor.map(|cursor| ("cursor", cursor)));
        fields.extend(thread.map(|thread| ("ts", thread)));
        let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
        self.read(method, &fields).await
    }

    /// Posts to the address that Slack gave for answers to one command or press. The bot token is
    /// not sent there.
    ///
    /// # Errors
    /// [`RespondError::Unusable`] where another route may work.
    pub async fn respond(&self, response_url: &str, body: &Value) -> Result<(), RespondError> {
        let Some(url) = self.allowed(response_url) else {
            return Err(RespondError::Unusable("its response_url is not on Slack's hooks host"));
        };
        let call = self.http.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8").body(body.to_string());
        let answer = Answer::of(call.timeout(POST_TIMEOUT), Manner::Acts).await.map_err(RespondError::Failed)?;
        let error = answer.envelope().and_then(|envelope| envelope.error);
        match (answer.status, error.as_deref()) {
            (_, Some("used_url")) => Err(RespondError::Unusable("its response_url was used up")),
            (_, Some("expired_url")) => Err(RespondError::Unusable("its response_url has expired")),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Err(RespondError::Unusable("its response_url is gone")),
            // The answer to a post that worked is JSON or the bare word `ok`.
            (status, None) if status.is_success() => Ok(()),
            _ => Err(RespondError::Failed(answer.failure(Manner::Acts))),
        }
    }

    /// A `response_url` is data from outside: it is used on Slack's hooks hosts, or where the
    /// operator has put the Web API.
    fn allowed(&self, response_url: &str) -> Option<Url> {
        let url = Url::parse(response_url).ok()?;
        let place =
            |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
        let at_slack = url.scheme() == "https"
            && url.port_or_known_default() == Some(443)
            && url.host_str().is_some_and(|host| HOOK_HOSTS.contains(&host));
        let without_login = url.username().is_empty() && url.password().is_none();
        (without_login && (at_slack || place(&url) == place(&self.api))).then_some(url)
    }

    fn call(&self, method: &'static str) -> Result<RequestBuilder, DeliverError> {
        let url = self.api.join(method).map_err(|error| DeliverError::Rejected { reason: error.to_string() })?;
        Ok(self.http.post(url).header(AUTHORIZATION, self.bearer.clone()))
    }

    /// A method that the app calls for itself, known by its id and secret (HTTP Basic).
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub(super) async fn as_app<T: DeserializeOwned>(
        &self,
        method: &'static str,
        id: &str,
        secret: &Secret,
        form: &[(&str, &str)],
    ) -> Result<T, DeliverError> {
        let url = self.api.join(method).map_err(|error| DeliverError::Rejected { reason: error.to_string() })?;
        let call = self.http.post(url).basic_auth(id, Some(secret.expose())).form(form);
        Answer::of(call, Manner::Acts).await?.into_result(Manner::Acts)
    }

    /// Methods that read take a form only.
    async fn read<T: DeserializeOwned>(&self, method: &'static str, form: &[(&str, &str)]) -> Result<T, DeliverError> {
        Answer::of(self.call(method)?.form(form), Manner::Reads).await?.into_result(Manner::Reads)
    }
}

/// What came back, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The part that all answers of the Web API share.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    ok: bool,
    error: Option<String>,
    needed: Option<String>,
}

impl Answer {
    async fn of(call: RequestBuilder, manner: Manner) -> Result<Self, DeliverError> {
        let broken = |error: reqwest::Error| {
            let (is_builder, is_connect) = (error.is_builder(), error.is_connect());
            let reason = http::words(error);
            match manner {
                _ if is_builder => DeliverError::Rejected { reason },
                Manner::Acts if !is_connect => DeliverError::UnknownOutcome { reason },
                _ => DeliverError::Unavailable { reason },
            }
        };
        let mut response = call.send().await.map_err(broken)?;
        let body = http::body(&mut response, LARGEST_ANSWER).await.map_err(|error| match error {
            ReadError::Broken(error) => broken(error),
            ReadError::TooLong => unclear(manner, "an answer of more than 8 MiB".to_owned()),
        })?;
        Ok(Self { status: response.status(), headers: response.headers().clone(), body })
    }

    fn envelope(&self) -> Option<Status> {
        serde_json::from_slice(&self.body).ok()
    }

    fn into_result<T: DeserializeOwned>(self, manner: Manner) -> Result<T, DeliverError> {
        if !self.status.is_success() || !self.envelope().is_some_and(|envelope| envelope.ok) {
            return Err(self.failure(manner));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| unclear(manner, format!("an answer in an unknown form: {error}")))
    }

    /// What an answer other than "done" says.
    fn failure(&self, manner: Manner) -> DeliverError {
        let envelope = self.envelope();
        let error = envelope.as_ref().and_then(|envelope| envelope.error.as_deref());
        if self.status == StatusCode::TOO_MANY_REQUESTS || matches!(error, Some("ratelimited" | "rate_limited")) {
            return DeliverError::RateLimited { after: self.retry_after() };
        }
        match error {
            Some("internal_error" | "fatal_error" | "service_unavailable" | "request_timeout") | None
                if self.status.is_success() =>
            {
                unclear(manner, error.unwrap_or("an answer without `ok`").to_owned())
            }
            _ if self.status.is_server_error() || self.status == StatusCode::REQUEST_TIMEOUT => {
                unclear(manner, format!("HTTP {}", self.status.as_u16()))
            }
            Some(error) => {
                let needed = envelope.as_ref().and_then(|envelope| envelope.needed.as_deref());
                let scope = needed.map(|scope| format!(" (the token needs {scope})")).unwrap_or_default();
                DeliverError::Rejected { reason: format!("{error}{scope}") }
            }
            None => DeliverError::Rejected { reason: format!("HTTP {}", self.status.as_u16()) },
        }
    }

    /// When it was sent, by the sender's clock.
    fn date(&self) -> Option<Timestamp> {
        let header = self.headers.get(DATE)?.to_str().ok()?;
        let stamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
        Some(Timestamp(stamp.as_millisecond()))
    }

    fn retry_after(&self) -> Duration {
        http::retry_after(&self.headers).unwrap_or(DEFAULT_WAIT)
    }
}

/// Something went wrong at Slack after it had the call.
fn unclear(manner: Manner, reason: String) -> DeliverError {
    match manner {
        Manner::Acts => DeliverError::UnknownOutcome { reason },
        Manner::Reads => DeliverError::Unavailable { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(api_url: &str) -> Client {
        Client::new(api_url, &Secret::new("xoxb-1")).unwrap()
    }

    #[test]
    fn a_response_url_is_used_at_slack_or_where_the_web_api_is() {
        let table = [
            ("https://hooks.slack.com/commands/T1/2/3", true),
            ("https://hooks.slack.com:443/actions/T1/2/3", true),
            ("https://hooks.slack-gov.com/commands/T1/2/3", true),
            ("http://127.0.0.1:9001/response/1", true),
            ("https://127.0.0.1:9001/response/1", false),
            ("http://127.0.0.1:9002/response/1", false),
            ("http://127.0.0.1/response/1", false),
            ("http://user@127.0.0.1:9001/", false),
            ("http://hooks.slack.com/commands/T1/2/3", false),
            ("https://hooks.slack.com:8443/commands", false),
            ("https://hooks.slack.com.evil.io/", false),
            ("https://evil.io/?https://hooks.slack.com", false),
            ("https://hooks.slack.com@evil.io/", false),
            ("https://u:p@hooks.slack.com/", false),
            ("http://169.254.169.254/latest/meta-data", false),
            ("file:///etc/passwd", false),
            ("not an address", false),
            ("", false),
        ];
        let client = client("http://127.0.0.1:9001/api");
        for (url, expected) in table {
            assert_eq!(client.allowed(url).is_some(), expected, "{url}");
        }
    }

    #[test]
    fn the_time_at_slack_is_read_from_its_answer() {
        for (written, expected) in [
            (Some("Thu, 12 Jul 2018 18:36:58 GMT"), Some(Timestamp(1_531_420_618_000))),
            (Some("yesterday"), None),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(written.map(|text| (DATE, HeaderValue::from_static(text))));
            let answer = Answer { status: StatusCode::OK, headers, body: Vec::new() };
            assert_eq!(answer.date(), expected, "{written:?}");
        }
    }

    #[test]
    fn the_api_address_gets_its_slash_or_is_refused() {
        for (given, method) in [
            ("https://slack.com/api/", "https://slack.com/api/auth.test"),
            ("https://slack.com/api", "https://slack.com/api/auth.test"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/auth.test"),
        ] {
            assert_eq!(client(given).api.join("auth.test").unwrap().as_str(), method);
        }
        for given in ["", "slack.com/api", "ftp://slack.com/", "https://slack.com/api?x=1"] {
            let refused = Client::new(given, &Secret::new("xoxb-1"));
            assert!(matches!(refused, Err(SetUpError::BadAddress { .. })), "{given}");
        }
        let refused = Client::new("https://slack.com/api/", &Secret::new("xoxb-1\n"));
        assert!(matches!(refused, Err(SetUpError::BadToken)));
    }
}
