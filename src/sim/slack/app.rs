//! The application as its manifest makes it: what it may call, what it is told of, and where Slack sends that.
//!
//! From docs.slack.dev/reference/app-manifest and the scopes that each method's page names. Where no manifest was given
//! the application has every scope, is told of everything, and is reached where the sender is told. A further method is a
//! line in [`scope`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use url::{Host, Url};

use super::methods::{ApiError, Arguments};
use super::seed::{Channel, Kind};
use super::state::State;
use super::unfurls;
use super::world::SlackWorld;

/// The scopes that a token may lack here.
const SCOPES: [&str; 16] = [
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "links:read",
    "links:write",
    "mpim:history",
    "mpim:read",
    "reactions:write",
    "users:read",
];

/// Events of which an application is told only with a scope (docs.slack.dev/reference/events, "Required scopes").
const EVENT_SCOPES: [(&str, &str); 6] = [
    ("app_mention", "app_mentions:read"),
    ("link_shared", "links:read"),
    ("message.channels", "channels:history"),
    ("message.groups", "groups:history"),
    ("message.im", "im:history"),
    ("message.mpim", "mpim:history"),
];

/// An application that was made from a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct App {
    events: BTreeSet<String>,
    shortcuts: BTreeSet<String>,
    /// Slash commands, with the address of each where it has one.
    commands: BTreeMap<String, Option<Url>>,
    events_url: Option<Url>,
    interactivity_url: Option<Url>,
}

impl SlackWorld {
    /// Makes the application from a manifest: from here on it has these scopes alone, is told of these events alone, and
    /// is reached at these addresses. Gives the number of its scopes.
    ///
    /// # Errors
    /// What Slack would say of the manifest.
    pub fn make_app(&self, manifest: &Value) -> Result<usize, String> {
        let app = App::read(manifest)?;
        let given = texts(&manifest["oauth_config"]["scopes"]["bot"]);
        if let Some(unknown) = given.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(format!("/oauth_config/scopes/bot: the stand-in knows no scope {unknown}"));
        }
        let home = manifest["features"]["app_home"]["home_tab_enabled"] == true;
        let domains = unfurls::domains(texts(&manifest["features"]["unfurl_domains"]).iter().map(String::as_str));
        let domains = domains.map_err(|wrong| format!("/features/unfurl_domains: {wrong}"))?;
        self.change(|state, _| {
            state.without_scopes =
                SCOPES.iter().filter(|scope| !given.contains(**scope)).map(|scope| (*scope).to_owned()).collect();
            state.home_tab = home;
            state.unfurl_domains = domains;
            state.app = Some(app);
        });
        Ok(given.len())
    }
}

impl App {
    fn read(manifest: &Value) -> Result<Self, String> {
        let (features, settings) = (&manifest["features"], &manifest["settings"]);
        if manifest["display_information"]["name"].as_str().is_none_or(str::is_empty) {
            return Err("/display_information/name: must provide a string".to_owned());
        }
        if features["bot_user"]["display_name"].as_str().is_none_or(str::is_empty) {
            return Err("/features/bot_user: a bot token needs a bot user".to_owned());
        }
        let events = texts(&settings["event_subscriptions"]["bot_events"]);
        let given = texts(&manifest["oauth_config"]["scopes"]["bot"]);
        let lacking = EVENT_SCOPES.iter().find(|(event, scope)| events.contains(*event) && !given.contains(*scope));
        if let Some((event, scope)) = lacking {
            return Err(format!("/settings/event_subscriptions/bot_events: {event} requires the scope {scope}"));
        }
        let by_socket = settings["socket_mode_enabled"] == true;
        let events_url = address(&settings["event_subscriptions"]["request_url"], by_socket)?;
        let interactive = settings["interactivity"]["is_enabled"] == true;
        let interactivity_url = match interactive {
            true => address(&settings["interactivity"]["request_url"], by_socket)?,
            false => None,
        };
        let commands = features["slash_commands"].as_array().into_iter().flatten().map(|command| {
            let name = command["command"].as_str().ok_or("/features/slash_commands: a command has no name")?;
            Ok((name.to_owned(), address(&command["url"], by_socket)?))
        });
        let commands = commands.collect::<Result<_, String>>()?;
        let shortcuts = features["shortcuts"].as_array().into_iter().flatten();
        Ok(Self {
            events,
            shortcuts: shortcuts.filter_map(|it| it["callback_id"].as_str()).map(str::to_owned).collect(),
            commands,
            events_url,
            interactivity_url,
        })
    }

    /// Whether it is told of what is said in a channel, by the kind of event.
    pub(super) fn hears(&self, kind: &str, channel: &Channel) -> bool {
        let event = match (kind, channel.kind) {
            ("message", Kind::Public) => "message.channels",
            ("message", Kind::Private) => "message.groups",
            ("message", Kind::Direct) => "message.im",
            ("message", Kind::Group) => "message.mpim",
            (other, _) => other,
        };
        self.listens_to(event)
    }

    /// Whether it has subscribed to an event.
    pub(super) fn listens_to(&self, event: &str) -> bool {
        self.events.contains(event)
    }

    /// Whether people can type this command.
    pub(super) fn has_command(&self, command: &str) -> bool {
        self.commands.contains_key(command)
    }

    /// Whether people can choose this entry of a menu.
    pub(super) fn has_shortcut(&self, callback_id: &str) -> bool {
        self.shortcuts.contains(callback_id)
    }

    /// Where Slack sends a request that stands for this path of an application without a manifest.
    pub(super) fn address(&self, path: &str) -> Option<Url> {
        match path {
            "/slack/commands" => self.commands.values().next().cloned().flatten(),
            "/slack/interactions" => self.interactivity_url.clone(),
            _ => self.events_url.clone(),
        }
    }
}

/// An address; none is needed by socket. Slack takes https alone, and the stand-in also what is on this machine.
fn address(value: &Value, by_socket: bool) -> Result<Option<Url>, String> {
    let Some(text) = value.as_str() else {
        return if by_socket { Ok(None) } else { Err("a request URL is missing".to_owned()) };
    };
    let url = Url::parse(text).map_err(|error| format!("{text} is no URL: {error}"))?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !is_here {
        return Err(format!("{text}: must use a valid URL that begins with https://"));
    }
    Ok(Some(url))
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The scope that a call needs, by the pages of the methods.
fn scope(state: &mut State, method: &str, arguments: &Arguments) -> Option<&'static str> {
    let mut kind = || arguments.text("channel").and_then(|id| state.channel(&id)).map(|channel| channel.kind);
    Some(match method {
        "chat.postMessage" | "chat.postEphemeral" | "chat.update" | "chat.delete" | "chat.startStream"
        | "chat.appendStream" | "chat.stopStream" => "chat:write",
        "chat.unfurl" => "links:write",
        "users.info" => "users:read",
        "reactions.add" => "reactions:write",
        "conversations.open" => "im:write",
        "conversations.history" | "conversations.replies" => match kind()? {
            Kind::Public => "channels:history",
            Kind::Private => "groups:history",
            Kind::Direct => "im:history",
            Kind::Group => "mpim:history",
        },
        "conversations.info" => match kind()? {
            Kind::Public => "channels:read",
            Kind::Private => "groups:read",
            Kind::Direct => "im:read",
            Kind::Group => "mpim:read",
        },
        // That of `users.conversations` depends on the kinds that are asked for.
        _ => return None,
    })
}

/// Refuses a call for which the token lacks the scope.
pub(super) fn permits(state: &mut State, method: &str, arguments: &Arguments) -> Result<(), ApiError> {
    match scope(state, method, arguments) {
        Some(scope) if state.without_scopes.contains(scope) => Err(ApiError::missing_scope(scope)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sender::{SendError, Sender};
    use super::super::{SenderConfig, SharedWorld};
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::domain::time::testing::Still;

    fn manifest() -> Value {
        json!({
            "display_information": {"name": "Bot"},
            "features": {
                "bot_user": {"display_name": "Bot"},
                "slash_commands": [{"command": "/bot", "url": "https://bot.example/c"}],
                "shortcuts": [{"callback_id": "make"}],
                "unfurl_domains": ["bot.example"],
            },
            "oauth_config": {"scopes": {"bot": ["chat:write", "commands", "im:history"]}},
            "settings": {
                "event_subscriptions": {"request_url": "https://bot.example/e", "bot_events": ["message.im"]},
                "interactivity": {"is_enabled": true, "request_url": "https://bot.example/i"},
            },
        })
    }

    fn world() -> SharedWorld {
        SlackWorld::new("xoxb-1", std::sync::Arc::new(Still(Timestamp(1_790_000_000_000))))
    }

    #[test]
    fn an_app_may_what_its_manifest_says_and_no_more() {
        let world = world();
        assert_eq!(world.make_app(&manifest()), Ok(3));
        let permitted = |method: &str, channel: &str| {
            let arguments = Arguments(json!({"channel": channel}).as_object().unwrap().clone());
            world
                .change(|state, _| permits(state, method, &arguments))
                .map_err(|error| error.needed.unwrap_or_default())
        };
        assert_eq!(permitted("chat.postMessage", "C0GENERAL"), Ok(()));
        assert_eq!(permitted("conversations.history", "D0ADA0001"), Ok(()));
        assert_eq!(permitted("conversations.history", "C0GENERAL"), Err("channels:history".to_owned()));
        assert_eq!(permitted("users.info", ""), Err("users:read".to_owned()));
        assert_eq!(permitted("views.open", ""), Ok(()));
    }

    #[test]
    fn it_is_told_of_what_it_subscribed_to_at_the_addresses_that_it_named() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = world();
        world.make_app(&manifest()).unwrap();
        let sender = Sender::new(world.clone(), SenderConfig::new("http://127.0.0.1:1", "x")).unwrap();
        let told = |channel: &str, text: &str| sender.say("U0ADA0001", channel, text, None).unwrap().events.len();
        assert_eq!((told("D0ADA0001", "help"), told("C0GENERAL", "<@U0BOT0001> help")), (1, 0));
        assert!(sender.prepare_slash("U0ADA0001", "C0GENERAL", "/bot", "").is_ok());
        let refused = sender.prepare_slash("U0ADA0001", "C0GENERAL", "/other", "").unwrap_err();
        assert_eq!(refused, SendError::NoCommand("/other".to_owned()));
        assert!(sender.prepare_shortcut("U0ADA0001", "make").is_ok());
        assert!(sender.prepare_shortcut("U0ADA0001", "other").is_err());
        let app = world.state().app.clone().unwrap();
        let of = |path: &str| app.address(path).map(String::from);
        assert_eq!(of("/slack/commands"), Some("https://bot.example/c".to_owned()));
        assert_eq!(of("/slack/interactions"), Some("https://bot.example/i".to_owned()));
        assert_eq!(of("/slack/events"), Some("https://bot.example/e".to_owned()));
    }

    #[test]
    fn what_slack_would_not_take_is_refused() {
        for (pointer, value, part) in [
            ("/display_information/name", json!(""), "/display_information/name"),
            ("/features/bot_user/display_name", json!(null), "/features/bot_user"),
            ("/features/slash_commands/0/url", json!("http://bot.example/c"), "https://"),
            ("/settings/event_subscriptions/request_url", json!(null), "missing"),
            ("/oauth_config/scopes/bot/0", json!("chat:writ"), "chat:writ"),
            ("/features/unfurl_domains", json!(["127.0.0.1"]), "127.0.0.1"),
            ("/oauth_config/scopes/bot", json!(["chat:write"]), "message.im requires the scope im:history"),
            ("/settings/event_subscriptions/bot_events/0", json!("link_shared"), "links:read"),
            ("/settings/event_subscriptions/bot_events/0", json!("app_mention"), "app_mentions:read"),
            ("/settings/event_subscriptions/bot_events/0", json!("message.mpim"), "mpim:history"),
        ] {
            let mut made = manifest();
            *made.pointer_mut(pointer).unwrap() = value;
            let refused = world().make_app(&made).unwrap_err();
            assert!(refused.contains(part), "{pointer}: {refused}");
        }
    }
}
