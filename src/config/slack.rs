//! `[channels.slack]`: what an operator sets for Slack.
//!
//! Owns the keys and the rule by which they turn the channel on. Everything else of Slack stands in
//! `channels/slack`. A new key is a field here and a line in `config/default.toml`.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::config::enabled::{Enabled, Incomplete};
use crate::config::secrets::Secrets;
use crate::config::server::base_url;
use crate::domain::secret::Secret;

/// The signing secret of the profile `sim`. It stands in the source, so it proves nothing.
pub(super) const PUBLIC_SIGNING_SECRET: &str = "sim-signing-secret";

/// The section `[channels.slack]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    /// Whether the channel is on.
    pub enabled: Enabled,
    /// Signing secrets of the app, newest first.
    #[serde(default)]
    pub signing_secret: Secrets,
    /// Bot token of the workspace, `xoxb-…`.
    pub bot_token: Option<Secret>,
    /// App-level token for Socket Mode, `xapp-…`. Requests need none.
    pub app_token: Option<Secret>,
    /// Client id of the app, for installation by OAuth.
    pub client_id: Option<String>,
    /// Client secret of the app, for installation by OAuth.
    pub client_secret: Option<Secret>,
    /// Who may connect a workspace by OAuth.
    pub install: Install,
    /// Where the Web API is. Ends with `/`.
    #[serde(deserialize_with = "base_url")]
    pub api_url: Url,
    /// Sockets that are kept open in Socket Mode. Slack lets an app have ten
    /// (docs.slack.dev/apis/events-api/using-socket-mode).
    pub sockets: usize,
    /// The slash command as it stands in the app's manifest. Slack does not give it a name space, so
    /// another app of the workspace may have taken the usual one.
    pub command: String,
    /// Least time between two messages to one conversation, in milliseconds. Slack allows about one a
    /// second (docs.slack.dev/apis/web-api/rate-limits).
    pub message_pace_ms: u64,
    /// How far back it is looked for what Slack told us in vain, in hours; 0 looks for nothing. A day at most: so long
    /// events stay known, whatever retention says.
    pub look_back_hours: u64,
    /// Calls that one such look may take in a workspace.
    pub look_back_calls: usize,
    /// Least time between two of them, in milliseconds.
    pub look_back_pace_ms: u64,
}

/// Who may connect a workspace by OAuth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Install {
    /// Who has a link that `ai-crm slack install-link` made.
    Admin,
    /// Everybody who reaches the address, each their own workspace.
    Open,
}

impl SlackSettings {
    /// Whether the channel is on. After [`super::Config::load`] this is never an error.
    ///
    /// # Errors
    /// Names what is missing where only a part is there, since a channel that verifies nothing or cannot
    /// answer is worse than none.
    pub fn is_on(&self) -> Result<bool, Incomplete> {
        let mut wanted = vec![(
            "signing_secret (SLACK_SIGNING_SECRET) or, for Socket Mode, app_token (SLACK_APP_TOKEN)",
            !self.signing_secret.is_empty() || self.app_token.is_some(),
        )];
        // With a client of OAuth workspaces are connected by their own people, each with a token of its own.
        let by_oauth = self.client_id.is_some() || self.client_secret.is_some();
        let token = ("bot_token (SLACK_BOT_TOKEN)", self.bot_token.is_some());
        wanted.extend((!by_oauth || token.1).then_some(token));
        let anything = by_oauth || wanted.iter().any(|(_, there)| *there);
        if by_oauth {
            wanted.push(("client_id (SLACK_CLIENT_ID)", self.client_id.is_some()));
            wanted.push(("client_secret (SLACK_CLIENT_SECRET)", self.client_secret.is_some()));
        }
        self.enabled.judge("slack", anything, &wanted)
    }

    /// The client for installation by OAuth, where there is one: its id and its secret.
    #[must_use]
    pub fn oauth(&self) -> Option<(&str, &Secret)> {
        self.client_id.as_deref().zip(self.client_secret.as_ref())
    }

    /// The signing secrets, one or two.
    #[must_use]
    pub fn signing_secrets(&self) -> Vec<Secret> {
        self.signing_secret.as_slice().to_vec()
    }

    /// The bot token, where there is one.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        self.bot_token.clone()
    }

    /// Least time between two messages to one conversation.
    #[must_use]
    pub fn pace(&self) -> Duration {
        Duration::from_millis(self.message_pace_ms)
    }

    /// How far back it is looked for what Slack told us in vain; none where that is off.
    #[must_use]
    pub fn look_back(&self) -> Option<Duration> {
        (self.look_back_hours > 0).then(|| Duration::from_secs(self.look_back_hours * 3600))
    }

    /// Least time between two calls of such a look.
    #[must_use]
    pub fn look_back_pace(&self) -> Duration {
        Duration::from_millis(self.look_back_pace_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SlackSettings {
        let rest = "api_url = 'https://slack.com/api'\ncommand = '/ai-crm'\nmessage_pace_ms = 1000\nsockets = 2\n\
                    install = 'admin'\nlook_back_hours = 24\nlook_back_calls = 500\nlook_back_pace_ms = 0\n";
        let enabled = if text.contains("enabled") { "" } else { "enabled = 'auto'\n" };
        toml::from_str(&format!("{enabled}{rest}{text}")).unwrap()
    }

    #[test]
    fn on_with_all_secrets_off_with_none_refused_with_some() {
        let signing = "signing_secret (SLACK_SIGNING_SECRET) or, for Socket Mode, app_token (SLACK_APP_TOKEN)";
        let token = "bot_token (SLACK_BOT_TOKEN)";
        let neither = format!("{signing} and {token}");
        let both = "signing_secret = 's'\nbot_token = 'xoxb-1'\n";
        let missing = |names: &str| Err(Incomplete { platform: "slack", missing: names.to_owned() });
        let table = [
            (String::new(), Ok(false)),
            ("enabled = false".to_owned(), Ok(false)),
            (both.to_owned(), Ok(true)),
            (format!("{both}enabled = true"), Ok(true)),
            (format!("{both}enabled = 'true'"), Ok(true)),
            (format!("{both}enabled = false"), Ok(false)),
            (format!("{both}app_token = 'xapp-1'"), Ok(true)),
            (format!("{both}client_id = '1'\nclient_secret = 'c'"), Ok(true)),
            (format!("{both}client_id = '1'"), missing("client_secret (SLACK_CLIENT_SECRET)")),
            ("signing_secret = 's'\nclient_id = '1'\nclient_secret = 'c'".to_owned(), Ok(true)),
            ("app_token = 'xapp-1'\nclient_id = '1'\nclient_secret = 'c'".to_owned(), Ok(true)),
            ("client_id = '1'\nclient_secret = 'c'".to_owned(), missing(signing)),
            ("signing_secret = 's'\nclient_secret = 'c'".to_owned(), missing("client_id (SLACK_CLIENT_ID)")),
            ("enabled = true".to_owned(), missing(&neither)),
            ("app_token = 'xapp-1'".to_owned(), missing(token)),
            ("app_token = 'xapp-1'\nbot_token = 'xoxb-1'".to_owned(), Ok(true)),
            ("app_token = 'xapp-1'\nbot_token = 'xoxb-1'\nenabled = false".to_owned(), Ok(false)),
            ("app_token = 'xapp-1'\nsigning_secret = 's'".to_owned(), missing(token)),
            ("signing_secret = 's'".to_owned(), missing(token)),
            ("bot_token = 'xoxb-1'".to_owned(), missing(signing)),
            ("bot_token = 'xoxb-1'\nenabled = false".to_owned(), Ok(false)),
        ];
        for (text, expected) in table {
            assert_eq!(read(&text).is_on(), expected, "{text}");
        }
    }

    #[test]
    fn nothing_shows_the_secrets() {
        let settings = read("signing_secret = 'hush-1,hush-2'\nbot_token = 'hush-3'");
        assert_eq!(settings.signing_secrets().len(), 2);
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
