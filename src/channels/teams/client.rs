//! The connector's REST interface: the few calls that the bot makes.
//!
//! Owns addresses and time limits; what an answer says is `answer`. It retries nothing but a call whose token was refused;
//! the rest is the outbox. Calls and errors:
//! learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference and
//! learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages, "status codes".

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::answer::Answer;
use super::hosts::Hosts;
use super::token::{AppCredentials, SetUpError, Tokens};
use super::typing;
use crate::channels::DeliverError;
use crate::channels::http;
use crate::domain::time::Clock;

/// A whole call takes no longer, or its outcome is unknown.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// A message that is posted is waited for longer: nobody can look for it afterwards, so one whose answer is not waited for
/// is given up. Ours: Teams stalls for 20 s at times.
const POST_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that is not there by then was surely not used.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A conversation at its connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    /// The connector, as the activity named it.
    pub(super) service_url: &'a str,
    /// The conversation's id, with its thread.
    pub(super) conversation: &'a str,
}

/// Who may see a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeenBy {
    /// Everybody in the conversation.
    All,
    /// The recipient that the message names.
    OnePerson,
}

impl SeenBy {
    /// A call about a message for one person's eyes says that it is one.
    fn say_in(self, url: &mut Url) {
        if self == Self::OnePerson {
            url.query_pairs_mut().append_pair("isTargetedActivity", "true");
        }
    }
}

/// What a part of a stream has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Streamed {
    /// It is shown. The first part's answer has the stream's id, which is that of the message.
    Taken(String),
    /// The person has pressed Stop.
    Stopped,
    /// It is not shown.
    Refused {
        /// Teams lets the bot stream nothing, or no more of this.
        for_all: bool,
    },
}

/// A member of a conversation, as Teams describes them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) given_name: Option<String>,
    #[serde(default)]
    pub(super) tenant_id: Option<String>,
    #[serde(default)]
    pub(super) user_role: Option<String>,
}

/// Connectors.
pub struct Client {
    http: reqwest::Client,
    voice: Voice,
    hosts: Hosts,
    app_id: String,
}

/// As whom the bot speaks.
enum Voice {
    /// As its app, with the app's tokens.
    App(Box<Tokens>),
    /// As nobody: the playground on this machine asks for no token, and there is none that it could be given.
    Playground,
}

/// The bot's id where it has no app.
const NO_APP: &str = "ai-crm";

impl Client {
    /// Prepares a client; connects to nobody.
    ///
    /// # Errors
    /// Where the login address cannot be used.
    pub fn new(app: AppCredentials, login_url: &Url, hosts: Hosts, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        let http = http::client(CALL_TIMEOUT, CONNECT_TIMEOUT).map_err(SetUpError::Http)?;
        let app_id = app.id.clone();
        let tokens = Tokens::new(http.clone(), login_url, app, clock)?;
        Ok(Self { http, voice: Voice::App(Box::new(tokens)), hosts, app_id })
    }

    /// A client for the playground, which sends no token, and to this machine alone.
    ///
    /// # Errors
    /// Where TLS, which reqwest sets up whatever is spoken, cannot be.
    pub fn for_playground() -> Result<Self, SetUpError> {
        let http = http::client(CALL_TIMEOUT, CONNECT_TIMEOUT).map_err(SetUpError::Http)?;
        Ok(Self { http, voice: Voice::Playground, hosts: Hosts::loopback(), app_id: NO_APP.to_owned() })
    }

    /// Whether Entra gives the app a token.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn check(&self) -> Result<(), DeliverError> {
        match &self.voice {
            Voice::App(tokens) => tokens.bearer().await.map(|_| ()),
            Voice::Playground => Ok(()),
        }
    }

    /// Posts a message; gives its id, or nothing where Teams takes no messages for one person there. What stops the bot
    /// altogether there is an error.
    pub(super) async fn post(
        &self,
        to: Spot<'_>,
        message: &Value,
        seen_by: SeenBy,
    ) -> Result<Option<String>, DeliverError> {
        let path = ["conversations", to.conversation, "activities"];
        let mut url = self.address(to.service_url, &path)?;
        seen_by.say_in(&mut url);
        let answer = self.call_within(POST_TIMEOUT, Method::POST, url, Some(message)).await?;
        if seen_by == SeenBy::OnePerson && answer.takes_none_for_one() {
            return Ok(None);
        }
        answer.into_id().map(Some)
    }

    /// Posts a part of a stream: `typing` while it grows, `message` at its end.
    pub(super) async fn stream(&self, to: Spot<'_>, part: &Value) -> Result<Streamed, DeliverError> {
        let url = self.address(to.service_url, &["conversations", to.conversation, "activities"])?;
        let answer = self.call_within(POST_TIMEOUT, Method::POST, url, Some(part)).await?;
        if answer.is_stopped_by_person() {
            return Ok(Streamed::Stopped);
        }
        if answer.is_dropped() {
            return Ok(Streamed::Refused { for_all: false });
        }
        let for_all = answer.allows_no_stream();
        match answer.into_id() {
            Ok(id) => Ok(Streamed::Taken(id)),
            Err(DeliverError::Rejected { reason } | DeliverError::OutOfReach { reason }) => {
                tracing::debug!(reason, "Teams takes no stream here");
                Ok(Streamed::Refused { for_all })
            }
            Err(error) => Err(error),
        }
    }

    /// Changes a message that is there.
    pub(super) async fn update(
        &self,
        to: Spot<'_>,
        id: &str,
        message: &Value,
        seen_by: SeenBy,
    ) -> Result<(), DeliverError> {
        let mut url = self.address(to.service_url, &["conversations", to.conversation, "activities", id])?;
        seen_by.say_in(&mut url);
        let answer = self.call(Method::PUT, url, Some(message)).await.map_err(repeatable)?;
        answer.into_success().map(|_| ())
    }

    /// Shows that an answer is being made. It is not waited for as long as a message is.
    pub(super) async fn typing(&self, to: Spot<'_>) -> Result<(), DeliverError> {
        let url = self.address(to.service_url, &["conversations", to.conversation, "activities"])?;
        let sign = json!({"type": "typing"});
        self.call_within(typing::CALL_TIMEOUT, Method::POST, url, Some(&sign)).await?.into_success().map(|_| ())
    }

    /// The chat with one person, which is made where there is none; gives its id.
    pub(super) async fn chat_with(
        &self,
        service_url: &str,
        person: &str,
        tenant: &str,
    ) -> Result<String, DeliverError> {
        let body = json!({
            "isGroup": false,
            "bot": {"id": format!("28:{}", self.app_id)},
            "members": [{"id": person}],
            "tenantId": tenant,
            "channelData": {"tenant": {"id": tenant}},
        });
        let url = self.address(service_url, &["conversations"])?;
        // There is one chat with a person, however often it is asked for.
        let answer = self.call(Method::POST, url, Some(&body)).await.map_err(repeatable)?;
        answer.into_id()
    }

    /// A member of a conversation; nothing where it has none of that id.
    pub(super) async fn member(&self, of: Spot<'_>, id: &str) -> Result<Option<Member>, DeliverError> {
        let url = self.address(of.service_url, &["conversations", of.conversation, "members", id])?;
        let answer = self.call(Method::GET, url, None).await.map_err(repeatable)?;
        // Where there is no such conversation nothing is said about its people.
        if answer.status == StatusCode::NOT_FOUND && !answer.is_about_the_conversation() {
            return Ok(None);
        }
        let answer = answer.into_success()?;
        let mut member: Member = serde_json::from_slice(&answer.body)
            .map_err(|_| DeliverError::Unavailable { reason: "a member in an unknown form".to_owned() })?;
        if matches!(self.voice, Voice::Playground) {
            // It makes its tenants up, and all its people are of one.
            member.tenant_id = None;
        }
        Ok(Some(member))
    }

    /// An address under a connector. Ids stand in it percent-encoded: Teams' own have `:`, `;`, `@` and `=`.
    fn address(&self, service_url: &str, path: &[&str]) -> Result<Url, DeliverError> {
        let rejected = |reason: &str| DeliverError::Rejected { reason: reason.to_owned() };
        let allowed = self.hosts.allowed(service_url);
        let base = allowed.ok_or_else(|| {
            rejected("its serviceUrl is on no host that may be sent to; MICROSOFT_SERVICE_HOSTS names further ones")
        })?;
        let segments: Vec<String> = path.iter().map(|part| encoded(part)).collect();
        base.join(&format!("v3/{}", segments.join("/"))).map_err(|_| rejected("its ids make no address"))
    }

    async fn call(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Answer, DeliverError> {
        self.call_within(CALL_TIMEOUT, method, url, body).await
    }

    async fn call_within(
        &self,
        limit: Duration,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Answer, DeliverError> {
        let request = || {
            let request = self.http.request(method.clone(), url.clone()).timeout(limit);
            match body {
                Some(body) => request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body.to_string()),
                None => request,
            }
        };
        let Voice::App(tokens) = &self.voice else { return Answer::of(request()).await };
        let bearer = tokens.bearer().await?;
        let answer = Answer::of(request().header(AUTHORIZATION, bearer.clone())).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // A token may end early; another is asked for once.
        tokens.refused(&bearer);
        let bearer = tokens.bearer().await?;
        Answer::of(request().header(AUTHORIZATION, bearer)).await
    }
}

/// A call that changes nothing the second time may be repeated where its answer was lost.
fn repeatable(error: DeliverError) -> DeliverError {
    match error {
        DeliverError::UnknownOutcome { reason } => DeliverError::Unavailable { reason },
        other => other,
    }
}

/// A part of a path: all but what RFC 3986 leaves unreserved is percent-encoded.
fn encoded(part: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~').remove(b'.');
    match part {
        // Which an address would read as the folder itself and the one above.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => percent_encoding::utf8_percent_encode(part, KEPT).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::teams::token::Credential;
    use crate::domain::secret::Secret;
    use crate::domain::time::Timestamp;

    #[test]
    fn ids_stand_in_addresses_as_one_part() {
        struct Never;
        impl Clock for Never {
            fn now(&self) -> Timestamp {
                panic!("addresses know no time")
            }
        }
        let credential = Credential::Secrets(vec![Secret::new("s")]);
        let app = AppCredentials { id: "a".to_owned(), credential, tenant: None };
        let login = Url::parse("https://login.microsoftonline.com/").unwrap();
        let client = Client::new(app, &login, Hosts::new(&[]), Arc::new(Never)).unwrap();
        for (id, encoded) in [
            ("19:abc@thread.tacv2;messageid=17", "19%3Aabc%40thread.tacv2%3Bmessageid%3D17"),
            ("a:1x/../../y", "a%3A1x%2F..%2F..%2Fy"),
            ("..", "%2E%2E"),
            ("?x#y", "%3Fx%23y"),
        ] {
            let url = client.address("https://smba.trafficmanager.net/emea", &["conversations", id, "activities"]);
            let found = url.unwrap().to_string();
            // `url` reads an encoded `..` as the folder above all the same.
            let expected = format!("https://smba.trafficmanager.net/emea/v3/conversations/{encoded}/activities");
            if id == ".." {
                assert!(found.starts_with("https://smba.trafficmanager.net/emea/v3/"), "{found}");
            } else {
                assert_eq!(found, expected);
            }
        }
        assert!(client.address("https://evil.example/", &["conversations"]).is_err());
    }
}
