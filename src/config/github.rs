//! `[channels.github]`: what an operator sets for GitHub.
//!
//! Owns the keys and the rule by which they turn the channel on. Everything else of GitHub stands in
//! `channels/github`. A new key is a field here and a line in `config/default.toml`.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::config::enabled::{Enabled, Incomplete};
use crate::config::secrets::Secrets;
use crate::config::server::base_url;
use crate::domain::secret::Secret;

/// Where the API of github.com is.
const API_HOST: &str = "api.github.com";
/// Where the ids of its users are valid.
const HOST: &str = "github.com";

/// The webhook's secret in the built-in profile `sim`, which everybody can read.
pub(super) const PUBLIC_WEBHOOK_SECRET: &str = "sim-webhook-secret";

/// The section `[channels.github]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubSettings {
    /// Whether the channel is on.
    pub enabled: Enabled,
    /// The App's id, a number, or its client id.
    pub app_id: Option<String>,
    /// The App's private key, as PEM.
    pub private_key: Option<Secret>,
    /// Secrets of the webhook, newest first.
    #[serde(default)]
    pub webhook_secret: Secrets,
    /// Where the API is. Ends with `/`.
    #[serde(deserialize_with = "base_url")]
    pub api_url: Url,
    /// Organisations and users whose installations of the App belong to this team; where none is listed, the account that
    /// owns the App.
    pub accounts: Vec<String>,
    /// Least time between two comments in one repository, in milliseconds.
    pub message_pace_ms: u64,
    /// How far back it is looked for deliveries that have not arrived, in hours; 0 looks for none. Three days at most: so
    /// long GitHub keeps them.
    pub look_back_hours: u64,
    /// Time between two such looks, in seconds.
    pub look_every_s: u64,
}

impl GitHubSettings {
    /// Whether the channel is on. After [`super::Config::load`] this is never an error.
    ///
    /// # Errors
    /// Names what is missing where only a part is there.
    pub fn is_on(&self) -> Result<bool, Incomplete> {
        let wanted = [
            ("app_id (GITHUB_APP_ID)", self.app_id.is_some()),
            ("private_key (GITHUB_PRIVATE_KEY)", self.private_key.is_some()),
            ("webhook_secret (GITHUB_WEBHOOK_SECRET)", !self.webhook_secret.is_empty()),
        ];
        let anything = wanted.iter().any(|(_, there)| *there);
        self.enabled.judge("github", anything, &wanted)
    }

    /// Least time between two comments in one repository.
    #[must_use]
    pub fn pace(&self) -> Duration {
        Duration::from_millis(self.message_pace_ms)
    }

    /// How far back it is looked for deliveries that have not arrived; none where that is off.
    #[must_use]
    pub fn look_back(&self) -> Option<Duration> {
        (self.look_back_hours > 0).then(|| Duration::from_secs(self.look_back_hours * 3600))
    }

    /// Time between two such looks.
    #[must_use]
    pub fn look_every(&self) -> Duration {
        Duration::from_secs(self.look_every_s)
    }

    /// Where the ids of users are valid: `github.com`, or the host of a server of one's own.
    #[must_use]
    pub fn realm(&self) -> &str {
        let host = self.api_url.host_str().unwrap_or(HOST);
        if host == API_HOST { HOST } else { host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> GitHubSettings {
        let enabled = if text.contains("enabled") {
            "message_pace_ms = 1000\n"
        } else {
            "message_pace_ms = 1000\nenabled = 'auto'\n"
        };
        let accounts = if text.contains("accounts") { "" } else { "accounts = []\n" };
        let api = if text.contains("api_url") { "" } else { "api_url = 'https://api.github.com'\n" };
        let looks = "look_back_hours = 72\nlook_every_s = 600\n";
        toml::from_str(&format!("{enabled}{looks}{accounts}{api}{text}")).unwrap()
    }

    #[test]
    fn on_with_all_off_with_none_refused_with_some() {
        let whole = "app_id = '7'\nprivate_key = 'pem'\nwebhook_secret = 's'";
        for (text, expected) in [
            ("", Ok(false)),
            (whole, Ok(true)),
            ("enabled = false\napp_id = '7'", Ok(false)),
            ("app_id = '7'\nwebhook_secret = 's'", Err("private_key (GITHUB_PRIVATE_KEY)")),
            ("webhook_secret = 's'", Err("app_id (GITHUB_APP_ID) and private_key (GITHUB_PRIVATE_KEY)")),
            ("app_id = '7'\nprivate_key = 'pem'", Err("webhook_secret (GITHUB_WEBHOOK_SECRET)")),
        ] {
            let missing = |missing: &str| Incomplete { platform: "github", missing: missing.to_owned() };
            assert_eq!(read(text).is_on(), expected.map_err(missing), "{text}");
        }
    }

    #[test]
    fn users_are_of_the_host_and_not_of_its_api() {
        assert_eq!(read("").realm(), "github.com");
        assert_eq!(read("api_url = 'https://git.example.com/api/v3'").realm(), "git.example.com");
    }

    #[test]
    fn nothing_shows_the_secrets() {
        let settings = read("webhook_secret = 'hush-1,hush-2'\nprivate_key = 'hush-3'");
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
