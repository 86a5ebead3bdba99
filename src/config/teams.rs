//! `[channels.teams]`: what an operator sets for Microsoft Teams.
//!
//! Owns the keys and the rule by which they turn the channel on. Everything else of Teams stands in
//! `channels/teams`. A new key is a field here and a line in `config/default.toml`.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::config::enabled::{Enabled, Incomplete};
use crate::config::secrets::Secrets;
use crate::config::server::base_url;
use crate::domain::secret::Secret;

/// The client secret of the profile `sim`. Everybody may know it.
pub(super) const PUBLIC_APP_PASSWORD: &str = "sim-app-password";

/// With whom the channel speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Counterpart {
    /// Teams, which proves itself.
    #[default]
    Teams,
    /// Microsoft's playground on this machine, which does not. No file and no variable says so: it is asked for on the
    /// command line, through [`super::Config::for_playground`].
    Playground,
}

/// The section `[channels.teams]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamsSettings {
    /// Whether the channel is on.
    pub enabled: Enabled,
    /// The bot's id in Microsoft Entra, a GUID; the audience of what Teams sends.
    pub app_id: Option<String>,
    /// Client secrets of the app, newest first.
    #[serde(default)]
    pub app_password: Secrets,
    /// A certificate of the app and its private key, as PEM, instead of a secret.
    pub app_certificate: Option<Secret>,
    /// The Entra tenant of a single-tenant app, a GUID; absent for a multi-tenant bot from before July 2025.
    pub tenant_id: Option<String>,
    /// Further Entra tenants whose people may reach the bot, GUIDs, each a tenant of its own here. The app's own need not
    /// be listed; it is the default tenant.
    pub tenants: Vec<String>,
    /// Where tokens for sending come from. Ends with `/`.
    #[serde(deserialize_with = "base_url")]
    pub login_url: Url,
    /// The metadata that names the keys by which Teams signs.
    pub openid_metadata_url: Url,
    /// Hosts, with their ports where they have one, that may be sent to besides Microsoft's own.
    pub service_hosts: Vec<String>,
    /// Least time between two messages to one conversation, in milliseconds.
    pub message_pace_ms: u64,
    #[serde(skip)]
    pub(super) counterpart: Counterpart,
}

impl TeamsSettings {
    /// Whether the channel is on. After [`super::Config::load`] this is never an error.
    ///
    /// # Errors
    /// Names what is missing where only a part is there.
    pub fn is_on(&self) -> Result<bool, Incomplete> {
        if self.counterpart == Counterpart::Playground {
            return Ok(true);
        }
        let wanted = [
            ("app_id (MICROSOFT_APP_ID)", self.app_id.is_some()),
            (
                "app_password (MICROSOFT_APP_PASSWORD) or app_certificate (MICROSOFT_APP_CERTIFICATE)",
                !self.app_password.is_empty() || self.app_certificate.is_some(),
            ),
            // Without one, everybody whose company installs the bot could reach it.
            ("tenant_id (MICROSOFT_APP_TENANT_ID) or tenants", self.tenant_id.is_some() || !self.tenants.is_empty()),
        ];
        let anything = wanted.iter().any(|(_, there)| *there);
        self.enabled.judge("teams", anything, &wanted)
    }

    /// With whom the channel speaks.
    #[must_use]
    pub fn counterpart(&self) -> Counterpart {
        self.counterpart
    }

    /// Entra tenants whose people may reach the bot, in lower case; the app's own is the first.
    #[must_use]
    pub fn allowed_tenants(&self) -> Vec<String> {
        let mut allowed: Vec<String> = Vec::new();
        for tenant in self.tenant_id.iter().chain(&self.tenants) {
            let tenant = tenant.trim().to_lowercase();
            if !allowed.contains(&tenant) {
                allowed.push(tenant);
            }
        }
        allowed
    }

    /// Least time between two messages to one conversation.
    #[must_use]
    pub fn pace(&self) -> Duration {
        Duration::from_millis(self.message_pace_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TeamsSettings {
        let rest = "login_url = 'https://login.microsoftonline.com'\nmessage_pace_ms = 1000\nservice_hosts = []\n\
                    openid_metadata_url = 'https://login.botframework.com/v1/.well-known/openidconfiguration'\n";
        let enabled = if text.contains("enabled") { "" } else { "enabled = 'auto'\n" };
        let tenants = if text.contains("tenants") { "" } else { "tenants = []\n" };
        toml::from_str(&format!("{enabled}{tenants}{rest}{text}")).unwrap()
    }

    #[test]
    fn on_with_all_off_with_none_refused_with_some() {
        let whole = "app_id = 'a'\napp_password = 'p'\ntenant_id = 'T1'\n";
        for (text, expected) in [
            ("", Ok(false)),
            ("enabled = false\napp_id = 'a'", Ok(false)),
            (whole, Ok(true)),
            ("app_id = 'a'\napp_password = 'p'\ntenants = ['T1']", Ok(true)),
            ("app_id = 'a'\napp_certificate = 'pem'\ntenant_id = 'T1'", Ok(true)),
            (
                "app_id = 'a'\ntenant_id = 'T1'",
                Err("app_password (MICROSOFT_APP_PASSWORD) or app_certificate (MICROSOFT_APP_CERTIFICATE)"),
            ),
            ("app_certificate = 'pem'\ntenant_id = 'T1'", Err("app_id (MICROSOFT_APP_ID)")),
            ("app_id = 'a'\napp_password = 'p'", Err("tenant_id (MICROSOFT_APP_TENANT_ID) or tenants")),
            ("app_password = 'p'\ntenant_id = 'T1'", Err("app_id (MICROSOFT_APP_ID)")),
        ] {
            let found = read(text).is_on();
            assert_eq!(
                found,
                expected.map_err(|missing: &str| Incomplete { platform: "teams", missing: missing.to_owned() }),
                "{text}"
            );
        }
    }

    #[test]
    fn the_own_tenant_is_allowed_and_the_first() {
        let settings = read("tenant_id = 'AB'\ntenants = ['cd', 'ab']");
        assert_eq!(settings.allowed_tenants(), ["ab", "cd"]);
    }

    #[test]
    fn nothing_shows_the_secrets() {
        let settings = read("app_password = 'hush-1,hush-2'\napp_certificate = 'hush-3'");
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
