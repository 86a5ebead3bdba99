//! Tokens for sending: asked of Microsoft Entra by the app's own credentials, kept until shortly before they expire.
//!
//! Flow: learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication, "bot to connector".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::answer::Answer;
use super::certificate::{ASSERTION_TYPE, Certificate};
use crate::channels::DeliverError;
use crate::domain::secret::Secret;
use crate::domain::time::Clock;

/// What a token is for.
const SCOPE: &str = "https://api.botframework.com/.default";
/// The authority of multi-tenant bots, which can be created no more since July 2025.
const MULTI_TENANT: &str = "botframework.com";
/// Entra's word for an app or a secret that it does not know (RFC 6749, 5.2).
const UNKNOWN_SECRET: &str = "invalid_client";
/// A token is asked for anew so long before it expires.
const EARLY: Duration = Duration::from_secs(300);
/// A token is never kept for less, lest a clock or an odd answer make each message ask for one.
const LEAST_KEPT: Duration = Duration::from_secs(30);

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// An address is none under which others can be formed.
    #[error("`{url}` is no address of a login server")]
    BadAddress {
        /// As configured.
        url: String,
    },
    /// TLS could not be set up.
    #[error("the HTTPS client for Teams could not be made")]
    Http(#[source] reqwest::Error),
}

/// What the connector needs to know of the app.
#[derive(Debug)]
pub struct AppCredentials {
    /// The app's id.
    pub id: String,
    /// By what it proves itself to Entra.
    pub credential: Credential,
    /// Its Entra tenant; none for a multi-tenant bot.
    pub tenant: Option<String>,
}

/// By what an app proves itself to Entra.
#[derive(Debug)]
pub enum Credential {
    /// Client secrets, the newest first.
    Secrets(Vec<Secret>),
    /// A certificate with its key.
    Certificate(Certificate),
}

impl Credential {
    /// The variable that an operator looks at where Entra refuses it.
    pub(super) fn setting(&self) -> &'static str {
        match self {
            Self::Secrets(_) => "MICROSOFT_APP_PASSWORD",
            Self::Certificate(_) => "MICROSOFT_APP_CERTIFICATE (uploaded at the app, and in force)",
        }
    }
}

/// The app's tokens.
pub(super) struct Tokens {
    http: reqwest::Client,
    address: Url,
    app_id: String,
    credential: Credential,
    /// The times of a statement that a certificate signs.
    clock: Arc<dyn Clock>,
    kept: Mutex<Option<Kept>>,
    /// One request at a time, however many messages wait for it.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    bearer: HeaderValue,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_codes: Vec<u32>,
}

impl Tokens {
    pub(super) fn new(
        http: reqwest::Client,
        login_url: &Url,
        app: AppCredentials,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetUpError> {
        let mut address = login_url.clone();
        let path = address.path_segments_mut();
        path.map_err(|()| SetUpError::BadAddress { url: login_url.to_string() })?.pop_if_empty().extend([
            app.tenant.as_deref().unwrap_or(MULTI_TENANT),
            "oauth2",
            "v2.0",
            "token",
        ]);
        let (kept, asking) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { http, address, app_id: app.id, credential: app.credential, clock, kept, asking })
    }

    fn kept(&self) -> Option<HeaderValue> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| Instant::now() < kept.until).map(|kept| kept.bearer.clone())
    }

    /// The value of `Authorization`.
    ///
    /// # Errors
    /// Where Entra does not give one: nothing was sent.
    pub(super) async fn bearer(&self) -> Result<HeaderValue, DeliverError> {
        if let Some(bearer) = self.kept() {
            return Ok(bearer);
        }
        let _turn = self.asking.lock().await;
        if let Some(bearer) = self.kept() {
            return Ok(bearer);
        }
        let granted = self.ask().await?;
        let unusable = || DeliverError::Unavailable { reason: "Entra's token cannot be sent".to_owned() };
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", granted.access_token)).map_err(|_| unusable())?;
        bearer.set_sensitive(true);
        let lasts = Duration::from_secs(granted.expires_in).saturating_sub(EARLY).max(LEAST_KEPT);
        let kept = Kept { bearer: bearer.clone(), until: Instant::now() + lasts };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(bearer)
    }

    /// Takes a token out of use that the connector refused, unless another has taken its place.
    pub(super) fn refused(&self, bearer: &HeaderValue) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|kept| kept.bearer == bearer) {
            *kept = None;
        }
    }

    async fn ask(&self) -> Result<Granted, DeliverError> {
        let asked = match &self.credential {
            Credential::Secrets(secrets) => self.ask_by_secrets(secrets).await,
            Credential::Certificate(certificate) => self.ask_by_certificate(certificate).await,
        };
        asked.map_err(|(Asked::Failed(error) | Asked::UnknownSecret(error))| error)
    }

    /// By the newest secret, or by the one that goes out of use where Entra does not know that one yet.
    async fn ask_by_secrets(&self, secrets: &[Secret]) -> Result<Granted, Asked> {
        let mut asked = Err(Asked::Failed(DeliverError::Unavailable { reason: "the app has no secret".to_owned() }));
        for secret in secrets {
            asked = self.ask_by(&[("client_secret", secret.expose())]).await;
            if !matches!(asked, Err(Asked::UnknownSecret(_))) {
                break;
            }
        }
        asked
    }

    async fn ask_by_certificate(&self, certificate: &Certificate) -> Result<Granted, Asked> {
        let made = certificate.assertion(&self.app_id, self.address.as_str(), self.clock.now(), rand::random());
        let unsigned = || Asked::Failed(DeliverError::Unavailable { reason: "the app's key signs nothing".to_owned() });
        let assertion = made.ok_or_else(unsigned)?;
        self.ask_by(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]).await
    }

    /// Asks once, with what proves the app.
    async fn ask_by(&self, proof: &[(&str, &str)]) -> Result<Granted, Asked> {
        let form = [("grant_type", "client_credentials"), ("client_id", self.app_id.as_str()), ("scope", SCOPE)];
        let form = [form.as_slice(), proof].concat();
        let unavailable = |reason: String| Asked::Failed(DeliverError::Unavailable { reason });
        let answer = Answer::of(self.http.post(self.address.clone()).form(&form)).await;
        let answer = answer.map_err(|error| unavailable(format!("Entra does not answer: {error}")))?;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Asked::Failed(DeliverError::RateLimited { after: answer.retry_after() }));
        }
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body)
                .map_err(|_| unavailable("Entra's answer is in an unknown form".to_owned()));
        }
        // Its description names the app and the tenant; the code says enough.
        let said = serde_json::from_slice::<Refused>(&answer.body).ok();
        let code = said.as_ref().and_then(|said| said.error_codes.first()).map(|code| format!(" AADSTS{code}"));
        let error = said.map_or_else(|| format!("HTTP {}", answer.status.as_u16()), |said| said.error);
        let is_unknown = error == UNKNOWN_SECRET;
        let reason = format!(
            "Entra gives no token: {error}{}; check MICROSOFT_APP_ID, {} and MICROSOFT_APP_TENANT_ID",
            code.unwrap_or_default(),
            self.credential.setting()
        );
        let error = DeliverError::Unavailable { reason };
        Err(if is_unknown { Asked::UnknownSecret(error) } else { Asked::Failed(error) })
    }
}

/// Why there is no token.
enum Asked {
    /// Entra does not know the secret.
    UnknownSecret(DeliverError),
    Failed(DeliverError),
}
