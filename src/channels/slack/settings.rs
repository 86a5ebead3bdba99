//! What an operator sets for Slack.
//!
//! Owns the keys and the rule by which they turn the channel on. Reading files, the environment
//! and `env:`, `file:` and `cred:` values is `config/`. A new key is a field here with its doc.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::domain::secret::Secret;

/// `[slack]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackSettings {
    /// `"auto"`, `true` or `false`.
    pub enabled: Enabled,
    /// Signing secret of the app; two, comma-separated, while it is being rotated.
    pub signing_secret: Option<Secret>,
    /// Bot token of the workspace, `xoxb-…`.
    pub bot_token: Option<Secret>,
    /// App-level token for Socket Mode, `xapp-…`. HTTP needs none.
    pub app_token: Option<Secret>,
    /// Where the Web API is.
    pub api_url: String,
    /// The slash command as it stands in the app's manifest. Slack does not give it a name space,
    /// so another app of the workspace may have taken the usual one.
    pub command: String,
    /// Least time between two messages to one conversation, in milliseconds. Slack allows about
    /// one message a second (docs.slack.dev/apis/web-api/rate-limits).
    pub message_pace_ms: u64,
}

impl Default for SlackSettings {
    fn default() -> Self {
        Self {
            enabled: Enabled::Auto,
            signing_secret: None,
            bot_token: None,
            app_token: None,
            api_url: "https://slack.com/api/".to_owned(),
            command: "/ai-crm".to_owned(),
            message_pace_ms: 1000,
        }
    }
}

/// Whether a channel is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enabled {
    /// On where its secrets are there, off where none is.
    #[default]
    Auto,
    /// On, or no start.
    Yes,
    /// Off, whatever is there.
    No,
}

impl<'de> Deserialize<'de> for Enabled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Flag(bool),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Flag(true) => Ok(Self::Yes),
            Written::Flag(false) => Ok(Self::No),
            Written::Word(word) => match word.as_str() {
                "auto" => Ok(Self::Auto),
                "true" => Ok(Self::Yes),
                "false" => Ok(Self::No),
                _ => Err(de::Error::custom(format!("`{word}` is not one of `auto`, `true`, `false`"))),
            },
        }
    }
}

/// Some of what Slack needs is there and some is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("slack is set up in part: {missing} is missing; set it, or turn the channel off with slack.enabled = false")]
pub struct Incomplete {
    /// The names of what is missing.
    pub missing: String,
}

impl SlackSettings {
    /// Whether the channel is on.
    ///
    /// # Errors
    /// Names what is missing where only a part is there, since a channel that verifies nothing or
    /// cannot answer is worse than none.
    pub fn is_on(&self) -> Result<bool, Incomplete> {
        let wanted =
            [("SLACK_SIGNING_SECRET", !self.signing_secrets().is_empty()), ("SLACK_BOT_TOKEN", self.token().is_some())];
        let missing: Vec<_> = wanted.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        match self.enabled {
            Enabled::No => Ok(false),
            Enabled::Auto if missing.len() == wanted.len() && !is_filled(self.app_token.as_ref()) => Ok(false),
            _ if missing.is_empty() => Ok(true),
            _ => Err(Incomplete { missing: missing.join(" and ") }),
        }
    }

    /// The signing secrets, one or two.
    #[must_use]
    pub fn signing_secrets(&self) -> Vec<Secret> {
        let written = self.signing_secret.as_ref().map_or("", Secret::expose);
        written.split(',').map(str::trim).filter(|secret| !secret.is_empty()).map(Secret::new).collect()
    }

    /// The bot token, where there is one.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        self.bot_token.as_ref().filter(|token| is_filled(Some(token))).map(|token| Secret::new(token.expose().trim()))
    }

    /// Least time between two messages to one conversation.
    #[must_use]
    pub fn pace(&self) -> Duration {
        Duration::from_millis(self.message_pace_ms)
    }
}

fn is_filled(secret: Option<&Secret>) -> bool {
    secret.is_some_and(|secret| !secret.expose().trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SlackSettings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn an_empty_section_is_the_documented_default() {
        let settings = read("").unwrap();
        assert_eq!(settings.api_url, "https://slack.com/api/");
        assert_eq!(settings.command, "/ai-crm");
        assert_eq!(settings.pace(), Duration::from_secs(1));
        assert_eq!(settings.is_on(), Ok(false));
    }

    #[test]
    fn on_with_all_secrets_off_with_none_refused_with_some() {
        let both = "signing_secret = 's'\nbot_token = 'xoxb-1'\n";
        let missing = |names: &str| Err(Incomplete { missing: names.to_owned() });
        let table = [
            (both.to_owned(), Ok(true)),
            (format!("{both}enabled = 'auto'"), Ok(true)),
            (format!("{both}enabled = true"), Ok(true)),
            (format!("{both}enabled = false"), Ok(false)),
            ("enabled = 'true'".to_owned(), missing("SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN")),
            ("app_token = 'xapp-1'".to_owned(), missing("SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN")),
            ("signing_secret = 's'".to_owned(), missing("SLACK_BOT_TOKEN")),
            ("bot_token = 'xoxb-1'".to_owned(), missing("SLACK_SIGNING_SECRET")),
            ("bot_token = 'xoxb-1'\nsigning_secret = ' , '".to_owned(), missing("SLACK_SIGNING_SECRET")),
            ("bot_token = 'xoxb-1'\nenabled = false".to_owned(), Ok(false)),
        ];
        for (text, expected) in table {
            assert_eq!(read(&text).unwrap().is_on(), expected, "{text}");
        }
    }

    #[test]
    fn two_secrets_are_two_and_nothing_shows_them() {
        let settings = read("signing_secret = 'hush-1, hush-2'").unwrap();
        let exposed: Vec<String> = settings.signing_secrets().iter().map(|s| s.expose().to_owned()).collect();
        assert_eq!(exposed, ["hush-1", "hush-2"]);
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn unknown_keys_and_words_are_errors() {
        for text in ["signing_secrets = 's'", "enabled = 'maybe'", "enabled = 1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
