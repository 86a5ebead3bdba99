//! `manifest`: what a platform must be told of the bot when it is set up, made from the table of commands.
//!
//! The platform's form and its limits stand in its channel; a further platform is a variant of `Platform`. Slack's is
//! here, that of Teams, which is a file, in `teams`.

mod teams;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, print};
use crate::channels::slack::manifest;
use crate::commands::{forms, usage};
use crate::config::Config;
use crate::domain::task::link::domain;

/// Stands for the address of the server where none is configured.
const PLACEHOLDER: &str = "https://your-host.example";

/// Options of `manifest`.
#[derive(Args)]
pub(super) struct ManifestArgs {
    #[command(subcommand)]
    platform: Platform,
}

#[derive(Subcommand)]
enum Platform {
    /// Slack's app manifest, to be pasted where Slack makes an app "from a manifest"
    Slack {
        /// Print a link instead, which opens Slack with the manifest filled in
        #[arg(long)]
        link: bool,
        /// For Socket Mode: the bot opens sockets to Slack, and no address of it is needed
        #[arg(long)]
        socket: bool,
    },
    /// The app package of Teams, and what to do with it; with --json its manifest instead
    Teams(teams::TeamsArgs),
}

pub(super) fn run(global: &Global, args: &ManifestArgs) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    match &args.platform {
        Platform::Slack { link, socket } => print_slack(&config, *link, *socket, global.json)?,
        Platform::Teams(args) => teams::run(&config, args, global.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print_slack(config: &Config, link: bool, socket: bool, json: bool) -> anyhow::Result<()> {
    let made = slack(config, socket)?;
    if let Some(remark) = remarks(config).filter(|_| !socket) {
        print::remark(remark);
    }
    match (link, json) {
        (false, _) => print::json(&made),
        (true, true) => print::json(&json!({ "link": manifest::link(&made) })),
        (true, false) => print::line(manifest::link(&made)),
    }
    Ok(())
}

fn slack(config: &Config, socket: bool) -> anyhow::Result<Value> {
    let base = config.server.public_url.as_ref().map_or(PLACEHOLDER, |url| url.as_str()).trim_end_matches('/');
    let command = &config.channels.slack.command;
    let base = Some(base).filter(|_| !socket);
    let domain = config.server.public_url.as_ref().and_then(domain);
    Ok(manifest::manifest(base, domain, command, &usage::summary(), &usage::hint(), &forms::ENTRIES)?)
}

/// What has to be mended before Slack can use the manifest.
fn remarks(config: &Config) -> Option<String> {
    match &config.server.public_url {
        None => Some(format!(
            "server.public_url is not set, so {PLACEHOLDER} stands for your server: set AI_CRM_PUBLIC_URL to the https \
             address at which Slack reaches it, and print this again"
        )),
        Some(url) if url.scheme() != "https" => {
            Some(format!("server.public_url is {url}: Slack sends to https addresses only; put a proxy in front of it"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LoadArgs;

    fn config(env: &[(&str, &str)]) -> Config {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load(&LoadArgs { env, ..LoadArgs::default() }).unwrap()
    }

    /// Every field that the manifest has, by path: where Slack's schema knows it, with the most characters or entries
    /// that it takes there (github.com/slackapi/manifest-schema, version 1).
    const SCHEMA: &[(&str, usize)] = &[
        ("display_information.name", 35),
        ("display_information.description", 140),
        ("display_information.background_color", 7),
        ("features.app_home.home_tab_enabled", 0),
        ("features.app_home.messages_tab_enabled", 0),
        ("features.app_home.messages_tab_read_only_enabled", 0),
        ("features.bot_user.display_name", 80),
        ("features.bot_user.always_online", 0),
        ("features.slash_commands", 50),
        ("features.slash_commands.command", 32),
        ("features.slash_commands.url", 3000),
        ("features.slash_commands.description", 2000),
        ("features.slash_commands.usage_hint", 1000),
        ("features.slash_commands.should_escape", 0),
        ("features.unfurl_domains", 5),
        ("features.shortcuts", 10),
        ("features.shortcuts.type", 7),
        ("features.shortcuts.name", 24),
        ("features.shortcuts.callback_id", 255),
        ("features.shortcuts.description", 150),
        ("oauth_config.redirect_urls", 1000),
        ("oauth_config.scopes.bot", 255),
        ("settings.event_subscriptions.request_url", 3500),
        ("settings.event_subscriptions.bot_events", 100),
        ("settings.interactivity.is_enabled", 0),
        ("settings.interactivity.request_url", 3500),
        ("settings.interactivity.message_menu_options_url", 3500),
        ("settings.org_deploy_enabled", 0),
        ("settings.socket_mode_enabled", 0),
        ("settings.token_rotation_enabled", 0),
    ];

    fn leaves(path: &str, value: &Value, found: &mut Vec<(String, usize)>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    leaves(&path, value, found);
                }
            }
            Value::Array(items) => {
                found.push((path.to_owned(), items.len()));
                items.iter().filter(|item| item.is_object()).for_each(|item| leaves(path, item, found));
            }
            Value::String(text) => found.push((path.to_owned(), text.chars().count())),
            _ => found.push((path.to_owned(), 0)),
        }
    }

    #[test]
    fn the_manifest_has_what_slack_knows_within_its_limits() {
        let made = slack(&config(&[("AI_CRM_PUBLIC_URL", "https://bot.example.com/crm/")]), false).unwrap();
        let mut found = Vec::new();
        leaves("", &made, &mut found);
        for (path, size) in &found {
            let limit = SCHEMA.iter().find(|(known, _)| known == path).map(|(_, limit)| *limit);
            assert!(limit.is_some_and(|limit| *size <= limit), "{path} with {size}");
        }
        let command = &made["features"]["slash_commands"][0];
        assert_eq!(command["command"], "/ai-crm");
        assert_eq!(command["url"], "https://bot.example.com/crm/slack/commands");
        assert_eq!(command["should_escape"], true);
        let hint = command["usage_hint"].as_str().unwrap();
        assert!(hint.contains("task create TITLE") && hint.contains("why") && !hint.contains('…'), "{hint}");
        let events = [
            "app_mention",
            "message.im",
            "message.mpim",
            "app_home_opened",
            "app_uninstalled",
            "tokens_revoked",
            "link_shared",
        ];
        assert_eq!(made["settings"]["event_subscriptions"]["bot_events"], json!(events));
    }

    #[test]
    fn what_is_missing_is_told_with_its_mend() {
        let none = config(&[]);
        assert!(slack(&none, false).unwrap().to_string().contains(PLACEHOLDER));
        assert!(remarks(&none).unwrap().contains("AI_CRM_PUBLIC_URL"));
        assert!(remarks(&config(&[("AI_CRM_PUBLIC_URL", "http://bot.example.com")])).unwrap().contains("https"));
        assert_eq!(remarks(&config(&[("AI_CRM_PUBLIC_URL", "https://bot.example.com")])), None);
    }

    #[test]
    fn the_readme_lists_the_scopes_of_the_manifest() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        for (scope, _) in manifest::SCOPES.iter().chain(manifest::LINK_SCOPES) {
            assert!(readme.contains(&format!("`{scope}`")), "{scope}");
        }
    }
}
