//! What an application asks before it trusts and before it sends: the published keys, and Entra's tokens.
//!
//! The client credentials flow is that of Microsoft's identity platform, its errors those of the page "Microsoft Entra
//! authentication and authorization error codes". What a token opens stands in [`super::api`].

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::state::State;
use super::world::App;
use super::{assertion, keys, tokens};
use crate::domain::time::Timestamp;

/// How long an access token holds, in seconds: `expires_in` of the sample on the page on the connector's authentication.
const LIFE_S: u64 = 3600;
/// What a bot asks for.
const SCOPE: &str = "https://api.botframework.com/.default";
/// The tenant under which bots of many tenants ask.
const BOT_FRAMEWORK: &str = "botframework.com";

/// The document that names the keys.
pub(super) fn metadata(state: &State) -> Value {
    json!({
        "issuer": tokens::ISSUER, "authorization_endpoint": "https://invalid.botframework.com",
        "jwks_uri": format!("{}/v1/.well-known/keys", state.base_url),
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    })
}

/// The published keys.
pub(super) fn published(state: &State) -> Value {
    keys::published(state.key, state.endorsed)
}

/// An error of Entra.
pub(super) struct LoginError {
    pub(super) status: u16,
    pub(super) error: &'static str,
    number: u32,
    text: String,
}

impl LoginError {
    pub(super) fn new(status: u16, error: &'static str, number: u32, text: impl Into<String>) -> Self {
        Self { status, error, number, text: text.into() }
    }

    /// The body, with what helps Microsoft to find it again.
    pub(super) fn body(&self, now: Timestamp) -> Value {
        // Microsoft finds a call again by it; nobody looks for one here.
        let trace = "51a10000-0000-4000-8000-000000000000";
        let stamp = now.to_string();
        let described = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {trace} Timestamp: {stamp}",
            self.number, self.text
        );
        json!({
            "error": self.error, "error_description": described, "error_codes": [self.number], "timestamp": stamp,
            "trace_id": trace, "correlation_id": trace,
        })
    }

    /// The number of Entra, with its letters.
    pub(super) fn code(&self) -> String {
        format!("AADSTS{}", self.number)
    }
}

/// Gives out an access token.
pub(super) fn token(state: &mut State, tenant: &str, body: &[u8], now: Timestamp) -> Result<Value, LoginError> {
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let needed = |name: &'static str| {
        let missing = || {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            LoginError::new(400, "invalid_request", 900_144, text)
        };
        field(name).ok_or_else(missing)
    };
    let grant = needed("grant_type")?;
    if grant != "client_credentials" {
        let text = "The app requested an unsupported grant type.";
        return Err(LoginError::new(400, "unsupported_grant_type", 70_003, format!("{text} '{grant}'")));
    }
    let client = needed("client_id")?;
    let app = &state.app;
    let home = app.tenant.as_deref().unwrap_or(BOT_FRAMEWORK);
    if client != app.id || !tenant.eq_ignore_ascii_case(home) {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the \
             application has not been installed by the administrator of the tenant."
        );
        return Err(LoginError::new(400, "unauthorized_client", 700_016, text));
    }
    let scope = needed("scope")?;
    if scope != SCOPE {
        let text =
            format!("The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.");
        return Err(LoginError::new(400, "invalid_scope", 70_011, text));
    }
    let address = format!("{}/{tenant}/oauth2/v2.0/token", state.base_url);
    match field("client_assertion") {
        Some(made) => assertion::check(app, &address, field("client_assertion_type"), made, now)?,
        None => knows_secret(app, field("client_secret").unwrap_or_default())?,
    }
    let token = format!("sim-access-{}", state.new_guid());
    state.tokens.insert(token.clone(), now.after(Duration::from_secs(LIFE_S)));
    Ok(json!({ "token_type": "Bearer", "expires_in": LIFE_S, "ext_expires_in": LIFE_S, "access_token": token }))
}

fn knows_secret(app: &App, secret: &str) -> Result<(), LoginError> {
    if secret.is_empty() {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(LoginError::new(401, "invalid_client", 7_000_218, text));
    }
    if app.passwords.iter().any(|known| known == secret) {
        return Ok(());
    }
    let text = format!(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not \
         the client secret ID, for a secret added to app '{}'.",
        app.id
    );
    Err(LoginError::new(401, "invalid_client", 7_000_215, text))
}
