//! Installation by OAuth v2 as the wire has it: the address at which Slack asks who installs, and `oauth.v2.access`,
//! by which a code or a refresh token becomes a token.
//!
//! Owns no state: who may install, and that an answer belongs to a question of ours, is `web/slack_install`; where the
//! tokens are kept is the app's. There is no PKCE: it makes the app a public client, which cannot be undone, and lets
//! refresh tokens end after 30 days (docs.slack.dev/authentication/using-pkce); we have a secret instead.

use serde::Deserialize;
use url::Url;

use super::client::{Client, SetUpError};
use super::manifest;
use crate::channels::DeliverError;
use crate::domain::secret::Secret;
use crate::domain::task::link::domain;

/// A client of OAuth: the app as Slack knows it.
pub struct OAuth {
    client: Client,
    id: String,
    secret: Secret,
}

/// What Slack answers to a code or a refresh token: docs.slack.dev/reference/methods/oauth.v2.access. `team` is `null`
/// where a whole organisation has installed the app.
#[derive(Debug, Deserialize)]
pub struct Granted {
    /// The bot token.
    pub access_token: Secret,
    /// What the next token is got with, where tokens are rotated.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// Seconds until the token ends: 43,200 where tokens are rotated (docs.slack.dev/authentication/using-token-rotation).
    #[serde(default)]
    pub expires_in: Option<u32>,
    /// `bot`.
    #[serde(default)]
    pub token_type: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub scope: Option<String>,
    /// The bot's user.
    #[serde(default)]
    pub bot_user_id: Option<String>,
    /// The app.
    #[serde(default)]
    pub app_id: Option<String>,
    /// The workspace.
    #[serde(default)]
    pub team: Option<Named>,
    /// The organisation.
    #[serde(default)]
    pub enterprise: Option<Named>,
    /// Whether all of the organisation is connected.
    #[serde(default)]
    pub is_enterprise_install: Option<bool>,
    /// Who installed it.
    #[serde(default)]
    pub authed_user: Option<Named>,
}

/// A workspace, an organisation or a user.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    /// Its id.
    #[serde(default)]
    pub id: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
}

impl OAuth {
    /// Prepares the client; connects to nobody.
    ///
    /// # Errors
    /// Where the address cannot be used.
    pub fn new(api_url: &str, id: &str, secret: &Secret) -> Result<Self, SetUpError> {
        let client = Client::new(api_url, &Secret::new(""))?;
        Ok(Self { client, id: id.to_owned(), secret: secret.clone() })
    }

    /// Where a browser is sent to ask whoever installs: `/oauth/v2/authorize` on the host of the Web API, which is
    /// slack.com (docs.slack.dev/authentication/installing-with-oauth) but for stand-ins.
    #[must_use]
    pub fn authorize(&self, redirect: &Url, state: &str) -> Url {
        let mut url = self.client.api().clone();
        url.set_path("/oauth/v2/authorize");
        let scopes = manifest::scopes(domain(redirect));
        url.query_pairs_mut()
            .append_pair("client_id", &self.id)
            .append_pair("scope", &scopes.join(","))
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("state", state);
        url
    }

    /// The tokens for a code, which Slack gives once and for ten minutes.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn exchange(&self, code: &str, redirect: &Url) -> Result<Granted, DeliverError> {
        self.access(&[("code", code), ("redirect_uri", redirect.as_str())]).await
    }

    /// The next tokens. Slack ends the refresh token by that.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn refresh(&self, token: &Secret) -> Result<Granted, DeliverError> {
        self.access(&[("grant_type", "refresh_token"), ("refresh_token", token.expose())]).await
    }

    async fn access(&self, form: &[(&str, &str)]) -> Result<Granted, DeliverError> {
        let granted: Granted = self.client.as_app("oauth.v2.access", &self.id, &self.secret, form).await?;
        let is_bot = granted.token_type.as_deref().is_none_or(|kind| kind == "bot");
        if !is_bot || granted.access_token.expose().is_empty() {
            let reason = "slack gave no bot token: the app asks for no scope of a bot".to_owned();
            return Err(DeliverError::Rejected { reason });
        }
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_has_no_team_and_nothing_shows_a_token() {
        let answer = serde_json::json!({
            "ok": true, "access_token": "xoxe.xoxb-hush", "refresh_token": "xoxe-hush", "expires_in": 43200,
            "team": null, "enterprise": {"id": "E1", "name": "Org"}, "is_enterprise_install": true,
            "authed_user": {"id": "U1"},
        });
        let granted: Granted = serde_json::from_value(answer).unwrap();
        assert!(granted.team.is_none() && granted.enterprise.as_ref().is_some());
        assert!(!format!("{granted:?}").contains("hush"));
    }

    #[test]
    fn the_question_is_asked_where_the_web_api_is() {
        let oauth = OAuth::new("https://slack.com/api/", "1.2", &Secret::new("s")).unwrap();
        let url = oauth.authorize(&Url::parse("https://bot.example/x/slack/oauth/redirect").unwrap(), "a b");
        assert!(url.as_str().starts_with("https://slack.com/oauth/v2/authorize?client_id=1.2&scope=commands%2Cchat"));
        assert!(url.as_str().ends_with("&state=a+b"), "{url}");
    }
}
