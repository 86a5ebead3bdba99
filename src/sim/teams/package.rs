//! The app package as Teams takes it: a zip with a manifest, both icons, and a bot that is the application.
//!
//! From Microsoft's pages on app packages and on the schema of the manifest; whether the manifest fits the schema in every
//! field is checked elsewhere. Where no package was uploaded the application is in the conversations of the seed.

use std::io::{Cursor, Read as _};

use serde_json::Value;
use url::Url;
use zip::ZipArchive;

use super::seed::{BotStanding, Kind};
use super::world::TeamsWorld;

/// More than a manifest or an icon has.
const MOST_BYTES: u64 = 1 << 20;

/// What a package asks for beside the conversations into which the bot can be put.
#[derive(Debug, Clone)]
pub(super) struct AskedFor {
    /// The domains of links of which the bot is told when somebody pastes one.
    domains: Vec<String>,
    /// Permissions in the place in which it is installed, by name.
    permissions: Vec<String>,
}

impl AskedFor {
    fn of(manifest: &Value) -> Self {
        let handlers = &manifest["composeExtensions"][0]["messageHandlers"];
        let handlers = handlers.as_array().into_iter().flatten().filter(|handler| handler["type"] == "link");
        let domains = handlers.flat_map(|handler| texts(&handler["value"]["domains"])).collect();
        let permissions = manifest["authorization"]["permissions"]["resourceSpecific"].as_array();
        let named = permissions.into_iter().flatten().filter(|permission| permission["type"] == "Application");
        let permissions = named.filter_map(|it| it["name"].as_str()).map(str::to_owned).collect();
        Self { domains, permissions }
    }

    /// Whether the bot is told of a link: of one to such a domain, or below it where that begins with `*.`.
    pub(super) fn tells_of(&self, link: &str) -> bool {
        let link = Url::parse(link).ok();
        let host = link.as_ref().and_then(Url::host_str).unwrap_or_default();
        self.domains.iter().any(|domain| match domain.strip_prefix("*.") {
            Some(above) => host.strip_suffix(above).is_some_and(|below| below.ends_with('.')),
            None => host.eq_ignore_ascii_case(domain),
        })
    }

    /// Whether the bot is told of meetings in conversations of a kind
    /// (learn.microsoft.com/microsoftteams/platform/apps-in-teams-meetings/meeting-apps-apis, "Receive real-time Teams
    /// meeting events").
    pub(super) fn tells_of_meetings(&self, kind: Kind) -> bool {
        let needed = match kind {
            Kind::Channel => "ChannelMeeting.ReadBasic.Group",
            _ => "OnlineMeeting.ReadBasic.Chat",
        };
        self.permissions.iter().any(|permission| permission == needed)
    }
}

impl TeamsWorld {
    /// Uploads the package: the application is nowhere from here on, until somebody puts it into a conversation of a kind
    /// that the package names. Gives the kinds, in the manifest's words.
    ///
    /// # Errors
    /// What Teams would say of the package.
    pub fn upload(&self, package: &[u8]) -> Result<Vec<String>, String> {
        let manifest = read(package)?;
        let scopes: Vec<String> = texts(&manifest["bots"][0]["scopes"]);
        let kinds = scopes.iter().map(|scope| match scope.as_str() {
            "personal" => Ok(Kind::Personal),
            "team" => Ok(Kind::Channel),
            "groupChat" => Ok(Kind::GroupChat),
            other => Err(format!("bots[0].scopes: there is no scope '{other}'")),
        });
        let kinds = kinds.collect::<Result<Vec<Kind>, String>>()?;
        self.change(|state, _| {
            let bot = manifest["bots"][0]["botId"].as_str().unwrap_or_default();
            if !bot.eq_ignore_ascii_case(&state.app.id) {
                return Err(format!("bots[0].botId: there is no bot {bot}"));
            }
            state.conversations.values_mut().for_each(|place| place.bot = BotStanding::Absent);
            state.installable = Some(kinds);
            state.asked_for = Some(AskedFor::of(&manifest));
            Ok(())
        })?;
        Ok(scopes)
    }
}

fn read(package: &[u8]) -> Result<Value, String> {
    let mut zip = ZipArchive::new(Cursor::new(package)).map_err(|_| "the package is no zip".to_owned())?;
    let mut file = |name: &str| {
        let found = zip.by_name(name).map_err(|_| format!("the package has no {name} at its top"))?;
        let mut bytes = Vec::new();
        found.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
        Ok::<_, String>(bytes)
    };
    let manifest = file("manifest.json")?;
    let manifest: Value = serde_json::from_slice(&manifest).map_err(|error| format!("manifest.json: {error}"))?;
    for icon in ["color", "outline"] {
        let name = manifest["icons"][icon].as_str().ok_or_else(|| format!("icons.{icon}: Required"))?;
        if !file(name)?.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Err(format!("{name} is no PNG"));
        }
    }
    for field in ["manifestVersion", "version", "id", "accentColor"] {
        if manifest[field].as_str().is_none_or(str::is_empty) {
            return Err(format!("{field}: Required"));
        }
    }
    match manifest["bots"].as_array().map(Vec::len) {
        Some(1) => Ok(manifest),
        count => Err(format!("bots: one is needed, and there are {}", count.unwrap_or_default())),
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use serde_json::json;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::sender::SendError;
    use super::super::{App, Sender, SenderConfig, seed};
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::domain::time::testing::Still;

    fn manifest() -> Value {
        json!({
            "manifestVersion": "1.22", "version": "1.0.0", "id": seed::APP_ID, "accentColor": "#000000",
            "icons": {"color": "c.png", "outline": "o.png"},
            "bots": [{"botId": seed::APP_ID, "scopes": ["personal", "team"]}],
        })
    }

    fn package(manifest: &Value) -> Vec<u8> {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let text = manifest.to_string().into_bytes();
        for (name, bytes) in [("manifest.json", text), ("c.png", b"\x89PNG\r\n\x1a\n".into()), ("o.png", b"x".into())] {
            zip.start_file(name, options).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_package_puts_the_bot_where_its_scopes_permit() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = TeamsWorld::new(App::default(), Arc::new(Still(Timestamp(1_790_000_000_000))));
        let mut made = manifest();
        made["icons"]["outline"] = json!("c.png");
        assert_eq!(world.upload(&package(&made)), Ok(vec!["personal".to_owned(), "team".to_owned()]));
        let sender = Sender::new(world.clone(), SenderConfig::new("http://127.0.0.1:1")).unwrap();
        assert!(sender.say("ada", "personal-ada", "help", None).unwrap().activity.is_none(), "it is nowhere yet");
        assert_eq!(sender.install("ada", "group").unwrap_err(), SendError::NotInstallable("group".to_owned()));
        assert_eq!(sender.install("ada", "personal-ada").unwrap().len(), 2);
        assert!(sender.say("ada", "personal-ada", "help", None).unwrap().activity.is_some());
    }

    #[test]
    fn the_bot_is_told_of_links_and_meetings_for_which_its_package_asks() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let link = |host: &str| format!("https://{host}/tasks/T-1");
        for (domains, permissions, tells) in [
            (json!(["bot.example.com", "*.example.org"]), json!(["OnlineMeeting.ReadBasic.Chat"]), true),
            (json!([]), json!(["ChannelMeeting.ReadBasic.Group"]), false),
        ] {
            let world = TeamsWorld::new(App::default(), Arc::new(Still(Timestamp(1_790_000_000_000))));
            let sender = Sender::new(world.clone(), SenderConfig::new("http://127.0.0.1:1")).unwrap();
            assert!(sender.prepare_paste("ada", "meeting", &link("any.example")).is_ok(), "without a package: all");
            let mut made = manifest();
            made["icons"]["outline"] = json!("c.png");
            made["composeExtensions"] = json!([{"messageHandlers": [{"type": "link", "value": {"domains": domains}}]}]);
            let named = permissions.as_array().unwrap().iter().map(|name| json!({"name": name, "type": "Application"}));
            made["authorization"] = json!({"permissions": {"resourceSpecific": named.collect::<Vec<_>>()}});
            world.upload(&package(&made)).unwrap();
            for host in ["bot.example.com", "a.example.org"] {
                assert_eq!(sender.prepare_paste("ada", "meeting", &link(host)).is_ok(), tells, "{host}");
                assert_eq!(sender.prepare_anonymous_paste("ada", "meeting", &link(host)).is_ok(), tells, "{host}");
            }
            for host in ["example.org", "badexample.org", "x.bot.example.com", "evil.example"] {
                let refused = sender.prepare_paste("ada", "meeting", &link(host)).unwrap_err();
                assert_eq!(refused, SendError::LinkNotAskedFor(link(host)));
            }
            assert_eq!(sender.meeting("ada", "meeting", "meetingStart").is_ok(), tells);
        }
    }

    #[test]
    fn what_teams_would_not_take_is_refused() {
        let world = TeamsWorld::new(App::default(), Arc::new(Still(Timestamp(1_790_000_000_000))));
        assert_eq!(world.upload(b"x").unwrap_err(), "the package is no zip");
        for (pointer, value, part) in [
            ("/icons/outline", json!("o.png"), "o.png is no PNG"),
            ("/icons/color", json!("d.png"), "has no d.png"),
            ("/version", json!(""), "version: Required"),
            ("/bots", json!([]), "one is needed"),
            ("/bots/0/botId", json!("0f8fad5b-d9cb-469f-a165-70867728950e"), "there is no bot"),
            ("/bots/0/scopes/0", json!("group"), "no scope 'group'"),
        ] {
            let mut made = manifest();
            made["icons"]["outline"] = json!("c.png");
            *made.pointer_mut(pointer).unwrap() = value;
            let refused = world.upload(&package(&made)).unwrap_err();
            assert!(refused.contains(part), "{pointer}: {refused}");
        }
    }
}
