//! GitHub's API, as the App and as its installations.
//!
//! Owns who speaks: the App's statements, the tokens of installations, which installation a repository belongs to, and what
//! GitHub says of the App. octocrab makes the requests and reads the refusals; how they are sent is `wire`, what they count
//! for is `governor`, what an answer means is `answer`. It retries nothing but a call whose token was refused, or whose
//! statement was made by a clock that is wrong; the rest is the outbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::http::request::Builder;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::answer::Answer;
use super::governor::{Cost, Governor, Voice};
use super::key::AppKey;
use super::repository::{Repository, refused};
use super::token::{Granted, Tokens, bearer};
use super::wire::Wire;
use crate::channels::DeliverError;
use crate::domain::event::Address;
use crate::domain::time::{Clock, Timestamp};

/// The form of answers (docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api, "media types").
const MEDIA_TYPE: &str = "application/vnd.github+json";
/// Clocks that are further apart than this are named, and GitHub's is gone by where it refuses the App's statement, whose
/// times it judges.
const NOTABLE_SKEW: Duration = Duration::from_secs(30);
/// Repositories whose installation is kept; beyond it all are forgotten. Ours: some megabytes.
const MOST_REPOSITORIES: usize = 10_000;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// TLS could not be set up.
    #[error("the HTTPS client for GitHub could not be made")]
    Http(#[source] reqwest::Error),
}

/// What GitHub says of the App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub id: u64,
    /// Its name in addresses: people call it as `@slug`, and what it does is done by the user `slug[bot]`.
    pub slug: String,
    /// The account that owns it, as GitHub writes it. Nothing where that is an enterprise, in which many accounts are.
    pub owner: Option<String>,
}

impl Identity {
    /// The login of the App's own user, who writes its comments.
    #[must_use]
    pub fn login(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

/// Who wrote something, as GitHub's answers say it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Author {
    #[serde(default)]
    user: Option<Named>,
    #[serde(default)]
    performed_via_github_app: Option<Numbered>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    login: String,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    id: u64,
}

impl Author {
    /// Whether that is the App.
    pub(super) fn is(&self, app: &Identity) -> bool {
        match &self.performed_via_github_app {
            Some(via) => via.id == app.id,
            None => self.user.as_ref().is_some_and(|user| user.login == app.login()),
        }
    }
}

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: Method,
    path: String,
    body: Option<Value>,
    cost: Cost,
}

impl Ask {
    /// Reads something. Its path begins with `/`, and has its query.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, cost: Cost::Read }
    }

    /// Changes something.
    pub(super) fn act(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body), cost: Cost::Write }
    }

    /// Makes or changes something by POST.
    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::act(Method::POST, path, body)
    }

    /// Changes something by PATCH.
    pub(super) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::act(Method::PATCH, path, body)
    }

    /// Takes something away.
    pub(super) fn delete(path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method: Method::DELETE, path: path.into(), body, cost: Cost::Write }
    }

    /// Of such a call GitHub's documents say that it triggers notifications.
    pub(super) fn that_notifies(self) -> Self {
        Self { cost: Cost::Content, ..self }
    }
}

/// GitHub.
pub struct Client {
    octocrab: Octocrab,
    app_id: String,
    key: AppKey,
    clock: Arc<dyn Clock>,
    /// How far GitHub's clock is ahead of ours, where ours is wrong.
    ahead_ms: AtomicI64,
    governor: Governor,
    tokens: Tokens,
    identity: Mutex<Option<Arc<Identity>>>,
    asking: tokio::sync::Mutex<()>,
    installations: Mutex<HashMap<Repository, u64>>,
}

impl Client {
    /// Prepares a client of the API at `api_url`; connects to nobody. Called within a runtime, in which octocrab's queue
    /// lives.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(api_url: &Url, app_id: &str, key: AppKey, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        let wire = Wire::new(api_url).map_err(SetUpError::Http)?;
        let built = OctocrabBuilder::new_empty().with_service(wire).with_auth(AuthState::None).build();
        let octocrab = built.unwrap_or_else(|never| match never {});
        Ok(Self {
            octocrab,
            app_id: app_id.trim().to_owned(),
            key,
            governor: Governor::new(clock.clone()),
            tokens: Tokens::new(clock.clone()),
            clock,
            ahead_ms: AtomicI64::new(0),
            identity: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            installations: Mutex::default(),
        })
    }

    /// Calls GitHub as an installation. What is no success is an answer too.
    ///
    /// # Errors
    /// Where there is no answer, or one that is about the token or a limit.
    pub(super) async fn ask(&self, installation: u64, ask: Ask) -> Result<Answer, DeliverError> {
        let voice = Voice::Installation(installation);
        let bearer = self.token(installation).await?;
        let answer = self.exchange(voice, &ask, &bearer).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // A token may end early; another is asked for once.
        self.tokens.refused(installation, &bearer);
        let bearer = self.token(installation).await?;
        self.exchange(voice, &ask, &bearer).await
    }

    /// What GitHub says of the App, once it has said it.
    #[must_use]
    pub fn known_identity(&self) -> Option<Arc<Identity>> {
        self.identity().clone()
    }

    /// What GitHub says of the App; asked for where it is not known.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn who_we_are(&self) -> Result<Arc<Identity>, DeliverError> {
        let _turn = self.asking.lock().await;
        match self.known_identity() {
            Some(identity) => Ok(identity),
            None => self.introduce().await.map(|(identity, _)| identity),
        }
    }

    /// Asks GitHub anew what it says of the App, and what time it is there.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn introduce(&self) -> Result<(Arc<Identity>, Option<Timestamp>), DeliverError> {
        #[derive(Deserialize)]
        struct App {
            id: u64,
            slug: String,
            #[serde(default)]
            owner: Option<Owner>,
        }
        #[derive(Deserialize)]
        struct Owner {
            login: Option<String>,
        }
        let answer = self.ask_as_app(Ask::get("/app")).await?;
        let time = answer.date();
        let app: App = answer.into_read()?;
        let owner = app.owner.and_then(|owner| owner.login);
        let identity = Arc::new(Identity { id: app.id, slug: app.slug, owner });
        *self.identity() = Some(identity.clone());
        Ok((identity, time))
    }

    /// The installation that an address names, else that of its repository: what begins elsewhere names none.
    pub(super) async fn installation_of(&self, to: &Address, repository: &Repository) -> Result<u64, DeliverError> {
        match to.installation.parse() {
            Ok(installation) => Ok(installation),
            Err(_) if to.installation.is_empty() => self.installation_at(repository).await,
            Err(_) => Err(refused("installation", "it is no number")),
        }
    }

    async fn installation_at(&self, repository: &Repository) -> Result<u64, DeliverError> {
        if let Some(installation) = self.installations().get(repository) {
            return Ok(*installation);
        }
        let answer = self.ask_as_app(Ask::get(repository.path("installation"))).await?;
        if answer.is_missing() {
            let reason = format!("the App is not installed for {repository}; install it there");
            return Err(DeliverError::OutOfReach { reason });
        }
        let Numbered { id } = answer.into_read()?;
        let mut installations = self.installations();
        if installations.len() >= MOST_REPOSITORIES {
            installations.clear();
        }
        installations.insert(repository.clone(), id);
        Ok(id)
    }

    pub(super) async fn ask_as_app(&self, ask: Ask) -> Result<Answer, DeliverError> {
        let mut answer = self.state(&ask).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.sets_its_clock_by(&answer) {
            answer = self.state(&ask).await?;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(self.disbelieved(&answer));
        }
        Ok(answer)
    }

    /// One call with a statement of the App.
    async fn state(&self, ask: &Ask) -> Result<Answer, DeliverError> {
        let unsigned = || DeliverError::Unavailable { reason: "the App's key signs nothing".to_owned() };
        let statement = self.key.statement(&self.app_id, self.time_there()).ok_or_else(unsigned)?;
        self.exchange(Voice::App, ask, &bearer(statement.expose())?).await
    }

    /// What time it is at GitHub, as far as it has said so.
    fn time_there(&self) -> Timestamp {
        Timestamp(self.clock.now().0.saturating_add(self.ahead_ms.load(Ordering::Relaxed)))
    }

    /// GitHub judges the times of a statement by its own clock, so a statement is made by that where ours is wrong. True
    /// where this changes anything.
    fn sets_its_clock_by(&self, answer: &Answer) -> bool {
        let Some(theirs) = answer.date().filter(|theirs| skew(self.time_there(), *theirs).is_some()) else {
            return false;
        };
        self.ahead_ms.store(theirs.0.saturating_sub(self.clock.now().0), Ordering::Relaxed);
        true
    }

    /// GitHub does not take the App's statement.
    fn disbelieved(&self, answer: &Answer) -> DeliverError {
        let mend = match answer.date().and_then(|theirs| skew(self.clock.now(), theirs)) {
            Some(skew) => format!("; {skew}"),
            None => "; check GITHUB_APP_ID, and that GITHUB_PRIVATE_KEY is a key of that App".to_owned(),
        };
        let reason = match answer.failure() {
            DeliverError::Unavailable { reason } => reason,
            other => other.to_string(),
        };
        DeliverError::Unavailable { reason: format!("GitHub does not believe the App: {reason}{mend}") }
    }

    async fn token(&self, installation: u64) -> Result<HeaderValue, DeliverError> {
        self.tokens.bearer(installation, self.grant(installation)).await
    }

    async fn grant(&self, installation: u64) -> Result<Granted, DeliverError> {
        let ask = Ask::post(format!("/app/installations/{installation}/access_tokens"), json!({}));
        let answer = self.ask_as_app(ask).await.map_err(nothing_done)?;
        if answer.is_missing() || answer.status == StatusCode::FORBIDDEN {
            // What is installed anew has another number.
            self.installations().retain(|_, known| *known != installation);
        }
        if answer.is_missing() {
            let reason = format!("the App is not installed there any more (installation {installation})");
            return Err(DeliverError::OutOfReach { reason });
        }
        answer.into_read().map_err(nothing_done)
    }

    /// One call, within the limits of who speaks.
    async fn exchange(&self, voice: Voice, ask: &Ask, bearer: &HeaderValue) -> Result<Answer, DeliverError> {
        let limited = |after| DeliverError::RateLimited { after };
        let permit = self.governor.begin(voice, ask.cost).map_err(limited)?;
        let builder = Builder::new().method(ask.method.clone()).uri(&*ask.path);
        let builder = builder.header(ACCEPT, MEDIA_TYPE).header(AUTHORIZATION, bearer.clone());
        let request = self.octocrab.build_request(builder, ask.body.as_ref());
        let unmade = |_| DeliverError::Rejected { reason: "its names make no request".to_owned() };
        let response = self.octocrab.send(request.map_err(unmade)?).await.map_err(sent_in_vain)?;
        let answer = Answer::of(response, ask.cost).await?;
        let wait = permit.heard(answer.word());
        let is_limited = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
        if is_limited && !wait.is_zero() { Err(limited(wait)) } else { Ok(answer) }
    }

    fn identity(&self) -> MutexGuard<'_, Option<Arc<Identity>>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn installations(&self) -> MutexGuard<'_, HashMap<Repository, u64>> {
        self.installations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Our own word for what broke, which octocrab has handed through.
fn sent_in_vain(error: octocrab::Error) -> DeliverError {
    match error {
        octocrab::Error::Service { source, .. } => match source.downcast::<DeliverError>() {
            Ok(ours) => *ours,
            Err(_) => DeliverError::UnknownOutcome { reason: "octocrab's queue broke".to_owned() },
        },
        _ => DeliverError::UnknownOutcome { reason: "octocrab's request broke".to_owned() },
    }
}

/// To ask for a token does nothing that anybody sees: it is asked for again.
fn nothing_done(error: DeliverError) -> DeliverError {
    match error {
        DeliverError::UnknownOutcome { reason } => DeliverError::Unavailable { reason },
        other => other,
    }
}

/// How far our clock is from GitHub's, where that is worth a word.
#[must_use]
pub fn skew(ours: Timestamp, theirs: Timestamp) -> Option<String> {
    let (apart, word) = if ours > theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
    (apart > NOTABLE_SKEW).then(|| format!("this machine's clock is {} s {word} GitHub's: set it", apart.as_secs()))
}

#[cfg(test)]
mod tests;
