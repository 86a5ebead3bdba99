//! What must be true of several keys together, and what is allowed but hardly meant.
//!
//! Each check is one function over the whole [`Config`]. A new check is a function and a line in
//! [`mistakes`] or [`warnings`].

use crate::config::Config;
use crate::config::enabled::Enabled;
use crate::config::environment;
use crate::config::errors::ConfigIssue;
use crate::config::github::PUBLIC_WEBHOOK_SECRET;
use crate::config::slack::PUBLIC_SIGNING_SECRET;
use crate::config::teams::PUBLIC_APP_PASSWORD;

/// The profile whose secrets are public.
pub(super) const PUBLIC_PROFILE: &str = "sim";

/// All mistakes of keys together.
pub(super) fn mistakes(config: &Config, profile: Option<&str>) -> Vec<ConfigIssue> {
    let found = [
        slack_is_whole(config),
        slack_has_an_address(config),
        teams_is_whole(config),
        teams_proves_itself_by_one(config),
        github_is_whole(config),
        public_secrets_stay_here(config, profile),
        pauses_grow(config),
        states_are_told_apart(config),
    ];
    found.into_iter().flatten().collect()
}

/// What stands against speaking with the playground, which proves nothing: whoever reaches the server then acts by it.
pub(super) fn against_playground(config: &Config) -> Vec<ConfigIssue> {
    let teams = &config.channels.teams;
    let anything = [
        teams.app_id.is_some(),
        !teams.app_password.is_empty(),
        teams.app_certificate.is_some(),
        teams.tenant_id.is_some(),
        !teams.tenants.is_empty(),
    ];
    let found = [
        anything.contains(&true).then(|| {
            let what = "--teams-playground is for a bot without an app of its own: take away the settings of the app \
                        (MICROSOFT_APP_ID and the others), or the option";
            ConfigIssue::together("channels.teams", what)
        }),
        (teams.enabled == Enabled::No).then(|| {
            let what = "it is false, and --teams-playground turns Teams on: take away one of the two";
            ConfigIssue::together("channels.teams.enabled", what)
        }),
        (!config.server.is_loopback()).then(|| {
            let what = "--teams-playground believes whoever reaches it, so the server listens with it on a loopback \
                        address only: set --listen 127.0.0.1:3978, or take away the option";
            ConfigIssue::together("server.listen", what)
        }),
        config.server.public_url.is_some().then(|| {
            let what = "--teams-playground believes whoever reaches it, so nothing may lead to the server from \
                        outside: take away this address (AI_CRM_PUBLIC_URL), or the option";
            ConfigIssue::together("server.public_url", what)
        }),
    ];
    found.into_iter().flatten().collect()
}

/// All that is hardly meant.
pub(super) fn warnings(config: &Config, env: &[(String, String)]) -> Vec<String> {
    let mut found = environment::slips(env);
    found.extend(token_in_the_clear(config));
    found.extend(full_before_retention(config));
    found
}

fn slack_is_whole(config: &Config) -> Option<ConfigIssue> {
    let incomplete = config.channels.slack.is_on().err()?;
    Some(ConfigIssue::together("channels.slack", incomplete.to_string()))
}

/// Slack sends who has installed the app back to an address of ours.
fn slack_has_an_address(config: &Config) -> Option<ConfigIssue> {
    let slack = &config.channels.slack;
    let missing = slack.is_on() == Ok(true) && slack.oauth().is_some() && config.server.public_url.is_none();
    let what = "installation by OAuth (SLACK_CLIENT_ID) needs the https address at which browsers reach this server: set \
                server.public_url (AI_CRM_PUBLIC_URL), and add that address with /slack/oauth/redirect behind it to the \
                redirect URLs of the app";
    missing.then(|| ConfigIssue::together("server.public_url", what))
}

fn teams_is_whole(config: &Config) -> Option<ConfigIssue> {
    let incomplete = config.channels.teams.is_on().err()?;
    Some(ConfigIssue::together("channels.teams", incomplete.to_string()))
}

/// Which of two was used could only be found out where one of them fails.
fn teams_proves_itself_by_one(config: &Config) -> Option<ConfigIssue> {
    let teams = &config.channels.teams;
    let both = teams.is_on() == Ok(true) && !teams.app_password.is_empty() && teams.app_certificate.is_some();
    let what = "app_password (MICROSOFT_APP_PASSWORD) and app_certificate (MICROSOFT_APP_CERTIFICATE) are both set, \
                and the app proves itself to Entra by one: take away the other";
    both.then(|| ConfigIssue::together("channels.teams.app_certificate", what))
}

fn github_is_whole(config: &Config) -> Option<ConfigIssue> {
    let incomplete = config.channels.github.is_on().err()?;
    Some(ConfigIssue::together("channels.github", incomplete.to_string()))
}

fn public_secrets_stay_here(config: &Config, profile: Option<&str>) -> Option<ConfigIssue> {
    let channels = &config.channels;
    let public = profile == Some(PUBLIC_PROFILE)
        || channels.slack.signing_secret.match_any(PUBLIC_SIGNING_SECRET)
        || channels.teams.app_password.match_any(PUBLIC_APP_PASSWORD)
        || channels.github.webhook_secret.match_any(PUBLIC_WEBHOOK_SECRET);
    if !public || config.server.is_loopback() {
        return None;
    }
    let what = "the secrets of the profile `sim` are public, so the server listens with them on a loopback address \
                only, such as 127.0.0.1:8080; set secrets of your own, or that address";
    Some(ConfigIssue::together("server.listen", what))
}

fn pauses_grow(config: &Config) -> Option<ConfigIssue> {
    let wrong = config.ledger.backoff_first() > config.ledger.backoff_most();
    wrong.then(|| ConfigIssue::together("ledger.backoff_first_ms", "it is longer than ledger.backoff_most_s"))
}

/// What an issue is by the status of its task must be one thing.
fn states_are_told_apart(config: &Config) -> Option<ConfigIssue> {
    let (key, what) = config.sync.mistake()?;
    Some(ConfigIssue::together(key, what))
}

fn token_in_the_clear(config: &Config) -> Option<String> {
    let url = &config.channels.slack.api_url;
    let host = url.host_str().unwrap_or_default();
    let near = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    let clear = url.scheme() == "http" && !near && config.channels.slack.bot_token.is_some();
    clear.then(|| "channels.slack.api_url is http to another machine: the bot token can be read on the way".to_owned())
}

fn full_before_retention(config: &Config) -> Option<String> {
    let store = &config.store;
    (store.retention_mb >= store.most_mb).then(|| {
        "store.retention_mb is not below store.most_mb: the store refuses new work before it removes what is finished"
            .to_owned()
    })
}
