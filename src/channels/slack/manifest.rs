//! What Slack must be told of the bot: its app manifest, with the addresses, events and scopes that it needs.
//!
//! Owns the form and the limits of docs.slack.dev/reference/app-manifest. The texts about commands come from the
//! caller, who has their table. A further scope is a line in [`SCOPES`], with the reason for it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::domain::form::Entry;

/// Where Slack sends events.
pub const EVENTS_PATH: &str = "/slack/events";
/// Where Slack sends slash commands.
pub const COMMANDS_PATH: &str = "/slack/commands";
/// Where Slack sends presses and choices.
pub const INTERACTIONS_PATH: &str = "/slack/interactions";
/// Where Slack asks for the entries of a menu.
pub const OPTIONS_PATH: &str = "/slack/options";

/// Where a browser begins to connect a workspace by OAuth.
pub const INSTALL_PATH: &str = "/slack/install";
/// Where Slack sends the browser back.
pub const REDIRECT_PATH: &str = "/slack/oauth/redirect";

/// Scopes of the bot token, and what each is for.
pub const SCOPES: &[(&str, &str)] = &[
    ("commands", "the slash command and the shortcuts"),
    ("chat:write", "answers"),
    ("app_mentions:read", "being mentioned"),
    ("im:history", "being written to directly"),
    ("users:read", "who asks, and whether they are a member or a guest"),
    ("channels:history", "looking whether a message has arrived in a public channel"),
    ("groups:history", "the same in a private channel"),
    ("mpim:history", "being mentioned in a group direct message, and looking whether a message has arrived there"),
    ("im:read", "finding its direct messages, to read what it missed while it was down"),
    ("channels:read", "finding its public channels, for the same"),
    ("groups:read", "finding its private channels, for the same"),
    ("mpim:read", "finding its group direct messages, for the same"),
];

/// Further scopes of an app that has a domain, whose links it shows below messages.
pub const LINK_SCOPES: &[(&str, &str)] =
    &[("links:read", "being told of links to tasks"), ("links:write", "showing the task below its link")];

/// Events that Slack is to send. Of a mention in a group direct message not every app is told by `app_mention`, so it is
/// listened to there by `message.mpim` as well (docs.slack.dev/reference/events/message.mpim); both are one event.
const EVENTS: [&str; 6] =
    ["app_mention", "message.im", "message.mpim", "app_home_opened", "app_uninstalled", "tokens_revoked"];
/// The further event of an app that has a domain.
const LINK_EVENT: &str = "link_shared";

/// The app's name, and the bot's; Slack takes 35 and 80 characters.
const NAME: &str = "AI-CRM";
/// What the app is, in at most 140 characters.
const ABOUT_APP: &str = "Keeps your team's tasks, sizes up work before you begin it, and explains everything it did";
/// The colour behind its icon.
const COLOUR: &str = "#2c2d30";

/// The longest slash command, with its slash.
const LONGEST_COMMAND: usize = 32;
/// The longest description of a slash command.
const LONGEST_DESCRIPTION: usize = 2000;
/// The longest hint behind a slash command.
const LONGEST_HINT: usize = 1000;

/// The most shortcuts.
const MOST_SHORTCUTS: usize = 10;
/// The longest name of a shortcut.
const LONGEST_SHORTCUT: usize = 24;
/// The longest description of a shortcut.
const LONGEST_ABOUT_SHORTCUT: usize = 150;

/// Where an installation wants the app to be made.
const NEW_APP: &str = "https://api.slack.com/apps?new_app=1&manifest_json=";

/// The slash command is one that Slack does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "channels.slack.command is `{command}`, which Slack does not take: a slash and up to 31 small letters, digits, `-` \
     and `_` are needed, such as /ai-crm"
)]
pub struct BadCommand {
    /// As configured.
    pub command: String,
}

/// The scopes of an app, of which one with a domain needs two more.
#[must_use]
pub fn scopes(domain: Option<&str>) -> Vec<&'static str> {
    let of_links = LINK_SCOPES.iter().filter(|_| domain.is_some());
    SCOPES.iter().chain(of_links).map(|(scope, _)| *scope).collect()
}

/// The manifest of an app whose server is reached at `base`, without a slash at its end; where there is none, of one that
/// comes by Socket Mode and needs no address. Links to `domain` are told to it. Texts that are too long are cut.
///
/// # Errors
/// Where Slack would refuse the command's name.
pub fn manifest(
    base: Option<&str>,
    domain: Option<&str>,
    command: &str,
    description: &str,
    hint: &str,
    entries: &[Entry],
) -> Result<Value, BadCommand> {
    let fits = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || "-_".contains(c);
    let name = command.strip_prefix('/').unwrap_or_default();
    if name.is_empty() || command.chars().count() > LONGEST_COMMAND || !name.chars().all(fits) {
        return Err(BadCommand { command: command.to_owned() });
    }
    let events: Vec<&str> = EVENTS.into_iter().chain(domain.map(|_| LINK_EVENT)).collect();
    let mut made = json!({
        "display_information": { "name": NAME, "description": ABOUT_APP, "background_color": COLOUR },
        "features": {
            // Without the tab for messages nobody can write to the bot directly.
            "app_home": {
                "home_tab_enabled": true, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false,
            },
            "bot_user": { "display_name": NAME, "always_online": true },
            "slash_commands": [{
                "command": command,
                "description": clip(description, LONGEST_DESCRIPTION),
                "usage_hint": clip(hint, LONGEST_HINT),
                // Mentions come with their ids: a bare name could be anybody's.
                "should_escape": true,
            }],
            "shortcuts": entries.iter().take(MOST_SHORTCUTS).map(shortcut).collect::<Vec<_>>(),
        },
        "oauth_config": { "scopes": { "bot": scopes(domain) } },
        "settings": {
            "event_subscriptions": { "bot_events": events },
            "interactivity": { "is_enabled": true },
            "org_deploy_enabled": false,
            "socket_mode_enabled": base.is_none(),
            "token_rotation_enabled": false,
        },
    });
    if let Some(domain) = domain {
        made["features"]["unfurl_domains"] = json!([domain]);
    }
    if let Some(base) = base {
        let address = |path: &str| json!(format!("{base}{path}"));
        made["features"]["slash_commands"][0]["url"] = address(COMMANDS_PATH);
        made["oauth_config"]["redirect_urls"] = json!([address(REDIRECT_PATH)]);
        let settings = &mut made["settings"];
        settings["event_subscriptions"]["request_url"] = address(EVENTS_PATH);
        settings["interactivity"]["request_url"] = address(INTERACTIONS_PATH);
        settings["interactivity"]["message_menu_options_url"] = address(OPTIONS_PATH);
    }
    Ok(made)
}

/// The address at which Slack offers to make an app of a manifest.
#[must_use]
pub fn link(manifest: &Value) -> String {
    format!("{NEW_APP}{}", utf8_percent_encode(&manifest.to_string(), NON_ALPHANUMERIC))
}

fn shortcut(entry: &Entry) -> Value {
    json!({
        "type": if entry.on_message { "message" } else { "global" },
        "name": clip(entry.title, LONGEST_SHORTCUT),
        "callback_id": entry.name,
        "description": clip(entry.about, LONGEST_ABOUT_SHORTCUT),
    })
}

fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [Entry; 2] = [
        Entry { name: "a", on_message: false, title: "A long name, too long for it", about: "Opens a form" },
        Entry { name: "b", on_message: true, title: "Short", about: "Opens a form" },
    ];

    #[test]
    fn what_slack_would_refuse_is_refused_or_cut_here() {
        for command in ["", "/", "ai-crm", "/AI", "/a b", "//a", &format!("/{}", "a".repeat(32))] {
            let refused = manifest(Some("https://a.example"), None, command, "x", "y", &[]).unwrap_err().to_string();
            assert!(refused.contains("channels.slack.command") && refused.contains("/ai-crm"), "{refused}");
        }
        let long = "ü".repeat(3000);
        let made =
            manifest(Some("https://a.example"), None, &format!("/{}", "a".repeat(31)), &long, &long, &ENTRIES).unwrap();
        let of = |field: &str| made["features"]["slash_commands"][0][field].as_str().unwrap().chars().count();
        assert_eq!((of("description"), of("usage_hint"), of("command")), (2000, 1000, 32));
        let shortcuts = &made["features"]["shortcuts"];
        assert_eq!((&shortcuts[0]["type"], &shortcuts[0]["callback_id"]), (&json!("global"), &json!("a")));
        assert_eq!(shortcuts[0]["name"].as_str().unwrap().chars().count(), LONGEST_SHORTCUT);
        assert_eq!((&shortcuts[1]["type"], &shortcuts[1]["name"]), (&json!("message"), &json!("Short")));
        assert!(NAME.len() <= 35 && ABOUT_APP.chars().count() <= 140);
    }

    #[test]
    fn texts_are_whole_at_their_limit_and_end_in_an_ellipsis_beyond() {
        fn text(length: usize) -> &'static str {
            Box::leak("ü".repeat(length).into_boxed_str())
        }
        for more in [0, 1] {
            let entry = Entry {
                name: "a",
                on_message: false,
                title: text(LONGEST_SHORTCUT + more),
                about: text(LONGEST_ABOUT_SHORTCUT + more),
            };
            let (description, hint) = (text(LONGEST_DESCRIPTION + more), text(LONGEST_HINT + more));
            let made = manifest(None, None, "/ai-crm", description, hint, &[entry; MOST_SHORTCUTS]).unwrap();
            for (pointer, most) in [
                ("/features/slash_commands/0/description", LONGEST_DESCRIPTION),
                ("/features/slash_commands/0/usage_hint", LONGEST_HINT),
                ("/features/shortcuts/9/name", LONGEST_SHORTCUT),
                ("/features/shortcuts/9/description", LONGEST_ABOUT_SHORTCUT),
            ] {
                let said = made.pointer(pointer).and_then(Value::as_str).unwrap();
                assert_eq!((said.chars().count(), said.ends_with('…')), (most, more > 0), "{pointer}");
            }
            let shortcuts = manifest(None, None, "/a", "x", "y", &vec![entry; MOST_SHORTCUTS + more]).unwrap();
            assert_eq!(shortcuts["features"]["shortcuts"].as_array().unwrap().len(), MOST_SHORTCUTS);
        }
    }

    #[test]
    fn an_app_by_socket_has_no_address() {
        let made = manifest(None, None, "/ai-crm", "x", "y", &[]).unwrap();
        assert_eq!(made["settings"]["socket_mode_enabled"], true);
        assert_eq!(made["settings"]["interactivity"], json!({"is_enabled": true}));
        assert_eq!(made["settings"]["event_subscriptions"], json!({"bot_events": EVENTS}));
        assert!(!made.to_string().contains("/slack/"), "{made}");
        let by_request = manifest(Some("https://a.example"), None, "/ai-crm", "x", "y", &[]).unwrap();
        assert_eq!(
            made["features"]["slash_commands"][0]["command"],
            by_request["features"]["slash_commands"][0]["command"]
        );
    }

    #[test]
    fn links_are_told_to_an_app_with_a_domain_and_others_ask_for_no_right_to_them() {
        let of = |domain| manifest(Some("https://a.example"), domain, "/ai-crm", "x", "y", &[]).unwrap();
        let with = of(Some("bot.example.com"));
        assert_eq!(with["features"]["unfurl_domains"], json!(["bot.example.com"]));
        let events = with["settings"]["event_subscriptions"]["bot_events"].as_array().unwrap();
        assert!(events.contains(&json!("link_shared")) && events.len() == EVENTS.len() + 1);
        let scopes = with["oauth_config"]["scopes"]["bot"].to_string();
        assert!(scopes.contains("links:read") && scopes.contains("links:write"));
        assert!(!of(None).to_string().contains("link"), "{}", of(None));
    }

    #[test]
    fn the_link_carries_the_manifest() {
        let made = manifest(Some("https://a.example"), None, "/ai-crm", "“x” & y", "[z]", &ENTRIES).unwrap();
        let link = link(&made);
        let address = url::Url::parse(&link).unwrap();
        let fields: std::collections::HashMap<_, _> = address.query_pairs().collect();
        assert_eq!(fields["new_app"], "1");
        assert_eq!(serde_json::from_str::<Value>(&fields["manifest_json"]).unwrap(), made);
    }
}
