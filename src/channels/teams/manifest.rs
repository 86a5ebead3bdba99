//! What Teams must be told of the bot: the manifest of its app, of which `package` makes the app package.
//!
//! Owns the form and the limits of learn.microsoft.com/microsoft-365/extensibility/schema, version 1.22. The texts
//! about commands come from the caller, who has their table. The icons are `icon`, what is to be done in Azure and
//! Teams is `steps`. A further permission or scope is an entry here, with the reason for it.

pub mod icon;
pub mod package;
pub mod steps;

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use url::Url;

use super::search::PARAMETER;
use crate::domain::form::Entry;
use crate::domain::search::SearchEntry;
use crate::domain::task::link::domain;

/// Where Teams sends everything: the Bot Framework's convention.
pub const MESSAGES_PATH: &str = "/api/messages";

/// The version of the manifest's form. All clients of today know it, and it has what the bot uses.
const FORM: &str = "1.22";
/// The schema of that form.
const SCHEMA: &str = "https://developer.microsoft.com/json-schemas/teams/v1.22/MicrosoftTeams.schema.json";

/// The app's name; Teams takes 30 characters, and as the developer's 32.
const NAME: &str = "AI-CRM";
/// How people call the bot: by the name of the app.
pub const MENTION: &str = "@AI-CRM";
/// The app's long name, in at most 100 characters.
const LONG_NAME: &str = "AI-CRM: your team's tasks, and work sized up before it begins";
/// What the app is, in at most 80 characters.
const ABOUT_APP: &str = "Keeps your team's tasks, sizes up work, and explains everything it did";
/// The same in at most 4000 characters.
const LONG_ABOUT_APP: &str = "Keeps your team's tasks, sizes up work before you begin it, and explains everything it \
                              did.\n\nMention it in a channel or a group chat, or write to it alone: `help` shows what \
                              can be said, and `why` tells the whole story of the last answer.";

/// Where people may talk to the bot: alone, in a channel, in a group chat.
const SCOPES: [&str; 3] = ["personal", "team", "groupChat"];
/// What the app asks of people: who they are, and to write to members of a team directly.
const PERMISSIONS: [&str; 2] = ["identity", "messageTeamMembers"];

/// What the app asks of a chat or a team in which somebody installs it, beside what people say to it: that meetings begin
/// and end. The names are those of
/// learn.microsoft.com/microsoftteams/platform/graph-api/rsc/resource-specific-consent; who installs it consents.
const OF_ITS_PLACE: [&str; 2] = ["OnlineMeeting.ReadBasic.Chat", "ChannelMeeting.ReadBasic.Group"];
/// It means nothing, and has to be there: "any string will do"
/// (learn.microsoft.com/microsoftteams/platform/graph-api/rsc/test-resource-specific-consent).
const RESOURCE: &str = "https://RscPermission";

/// The most commands in the menu of one scope.
pub const MOST_COMMANDS: usize = 10;
/// The longest command in a menu. The page says 32 characters, the schema of this form 128; the smaller one is safe.
const LONGEST_TITLE: usize = 32;
/// The longest description of a command. The page says 128 characters, the schema of this form 4000.
const LONGEST_DESCRIPTION: usize = 128;

/// The id of the bot's app in Microsoft Entra, in small letters.
///
/// It is the bot's id and the package's too, which Teams allows. So the package of one bot has one id for ever, and
/// the id that an administrator sees in Teams is the one that stands in Entra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppId(String);

/// What was given for the app's id is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is no id of an app: it is a GUID such as 0f8fad5b-d9cb-469f-a165-70867728950e, which Entra shows as \
     \"Application (client) ID\""
)]
pub struct BadAppId {
    /// As it was given.
    pub given: String,
}

impl FromStr for AppId {
    type Err = BadAppId;

    fn from_str(text: &str) -> Result<Self, BadAppId> {
        let id = text.trim().to_lowercase();
        let groups: Vec<&str> = id.split('-').collect();
        let fits = |(group, length): (&&str, usize)| group.len() == length && is_hex(group);
        if groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(fits) {
            return Ok(Self(id));
        }
        Err(BadAppId { given: text.to_owned() })
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A command as a menu shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuCommand {
    /// Its words, which Teams writes into the message.
    pub title: String,
    /// What it does.
    pub description: String,
}

/// The manifest of the app `id`, in the version of this program. `site` is the https address of the server; Teams
/// shows it as the developer's, and does not call it: where messages go to is told to Azure. Of the commands those
/// are shown for which there is room, and descriptions that are too long are cut. With `reads_links` the bot is asked for
/// what stands below a link to that server.
#[must_use]
pub fn manifest(
    id: &AppId,
    site: &Url,
    commands: &[MenuCommand],
    entries: &[Entry],
    searches: &[SearchEntry],
    reads_links: bool,
) -> Value {
    let shown: Vec<Value> = commands
        .iter()
        .filter(|command| command.title.chars().count() <= LONGEST_TITLE)
        .take(MOST_COMMANDS)
        .map(
            |command| json!({ "title": command.title, "description": clip(&command.description, LONGEST_DESCRIPTION) }),
        )
        .collect();
    // Each scope needs a list of its own, though what can be said is the same everywhere.
    let menus: Vec<Value> = SCOPES.iter().map(|scope| json!({ "scopes": [scope], "commands": shown })).collect();
    let entries: Vec<Value> =
        searches.iter().map(search).chain(entries.iter().map(entry)).take(MOST_COMMANDS).collect();
    let mut extension = json!({ "botId": id.0, "commands": entries });
    let of_server = domain(site);
    // (learn.microsoft.com/microsoftteams/platform/messaging-extensions/how-to/link-unfurling)
    if let Some(domain) = of_server.filter(|_| reads_links) {
        // Who is not named sees nothing, so nobody is asked without a name.
        let value = json!({ "domains": [domain], "supportsAnonymizedPayloads": false });
        extension["messageHandlers"] = json!([{ "type": "link", "value": value }]);
    }
    let of_its_place = OF_ITS_PLACE.map(|name| json!({ "name": name, "type": "Application" }));
    json!({
        "$schema": SCHEMA,
        "manifestVersion": FORM,
        "version": env!("CARGO_PKG_VERSION"),
        "id": id.0,
        // Whoever runs the server answers for privacy and terms, at an address of theirs.
        "developer": { "name": NAME, "websiteUrl": site, "privacyUrl": site, "termsOfUseUrl": site },
        "name": { "short": NAME, "full": LONG_NAME },
        "description": { "short": ABOUT_APP, "full": LONG_ABOUT_APP },
        "icons": { "color": package::COLOR_ICON, "outline": package::OUTLINE_ICON },
        "accentColor": icon::accent(),
        "bots": [{
            "botId": id.0,
            "scopes": SCOPES,
            "supportsFiles": false,
            "isNotificationOnly": false,
            "commandLists": menus,
        }],
        "composeExtensions": [extension],
        "permissions": PERMISSIONS,
        "webApplicationInfo": { "id": id.0, "resource": RESOURCE },
        "authorization": { "permissions": { "resourceSpecific": of_its_place } },
        "validDomains": of_server.as_slice(),
    })
}

/// An entry that opens a form, as a command of the message extension: in the menu of a message, or where one writes and
/// in the box for commands. The schema takes ten, of 32 characters of title and 128 of description
/// (<https://learn.microsoft.com/microsoft-365/extensibility/schema/root-compose-extensions-commands>).
fn entry(entry: &Entry) -> Value {
    let context: &[&str] = if entry.on_message { &["message"] } else { &["compose", "commandBox"] };
    json!({
        "id": entry.name,
        "type": "action",
        "title": clip(entry.title, LONGEST_TITLE),
        "description": clip(entry.about, LONGEST_DESCRIPTION),
        "context": context,
        "fetchTask": true,
    })
}

/// A search, as a command of the message extension. Teams asks once before anything is typed. The schema takes 32
/// characters of a parameter's title and 128 of its description.
fn search(entry: &SearchEntry) -> Value {
    json!({
        "id": entry.name,
        "type": "query",
        "title": clip(entry.title, LONGEST_TITLE),
        "description": clip(entry.about, LONGEST_DESCRIPTION),
        "context": ["compose", "commandBox"],
        "initialRun": true,
        "parameters": [{
            "name": PARAMETER,
            "title": clip(entry.asks, LONGEST_TITLE),
            "description": clip(entry.hint, LONGEST_DESCRIPTION),
            "inputType": "text",
        }],
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

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn made(commands: &[(&str, &str)]) -> Value {
        let menu = |(title, description): &(&str, &str)| MenuCommand {
            title: (*title).to_owned(),
            description: (*description).to_owned(),
        };
        let commands: Vec<MenuCommand> = commands.iter().map(menu).collect();
        let entries = [
            Entry { name: "a", on_message: false, title: "A title of more than thirty-two letters", about: "x" },
            Entry { name: "b", on_message: true, title: "Short", about: "y" },
        ];
        let search = SearchEntry { name: "s", title: "Find", about: "z", asks: "Words", hint: "Any" };
        let site = "https://bot.example.com/crm/".parse().unwrap();
        manifest(&ID.parse().unwrap(), &site, &commands, &entries, &[search], true)
    }

    #[test]
    fn an_id_is_a_guid_and_the_same_in_any_case() {
        assert_eq!(format!(" {} ", ID.to_uppercase()).parse::<AppId>().unwrap().to_string(), ID);
        for given in
            ["", "ai-crm", "0f8fad5bd9cb469fa16570867728950e", &ID[1..], &ID.replace('f', "g"), &format!("{ID}-")]
        {
            let refused = given.parse::<AppId>().unwrap_err().to_string();
            assert!(refused.contains("GUID") && refused.contains("Entra"), "{refused}");
        }
    }

    #[test]
    fn texts_are_within_the_limits() {
        for (text, most) in [(NAME, 30), (LONG_NAME, 100), (ABOUT_APP, 80), (LONG_ABOUT_APP, 4000)] {
            assert!(text.chars().count() <= most, "{text}");
        }
        let long = "ü".repeat(200);
        let many: Vec<(&str, &str)> = [(long.as_str(), "x")].into_iter().chain([("a", long.as_str()); 12]).collect();
        let lists = made(&many)["bots"][0]["commandLists"].clone();
        assert_eq!(lists.as_array().unwrap().len(), 3);
        let commands = lists[0]["commands"].as_array().unwrap();
        assert_eq!(commands.len(), MOST_COMMANDS);
        assert!(commands.iter().all(|command| command["title"] == "a"), "{lists}");
        assert_eq!(commands[0]["description"].as_str().unwrap().chars().count(), LONGEST_DESCRIPTION);
    }

    #[test]
    fn menus_are_whole_at_their_limits_and_texts_beyond_end_in_an_ellipsis() {
        for more in [0, 1] {
            let (title, about) = ("ü".repeat(LONGEST_TITLE + more), "ü".repeat(LONGEST_DESCRIPTION + more));
            let shown = |commands: &[(&str, &str)]| made(commands)["bots"][0]["commandLists"][0]["commands"].clone();
            assert_eq!(shown(&[(&title, "x")]).as_array().unwrap().len(), 1 - more, "a title is what is typed: no cut");
            let described = shown(&[("a", &about)])[0]["description"].as_str().unwrap().to_owned();
            assert_eq!((described.chars().count(), described.ends_with('…')), (LONGEST_DESCRIPTION, more > 0));
            assert_eq!(shown(&vec![("a", "x"); MOST_COMMANDS + more]).as_array().unwrap().len(), MOST_COMMANDS);
            assert_eq!(clip(&title, LONGEST_TITLE).ends_with('…'), more > 0);
        }
    }

    #[test]
    fn entries_stand_where_they_belong() {
        let commands = made(&[])["composeExtensions"][0]["commands"].clone();
        let search = &commands[0];
        assert_eq!(
            (&search["id"], &search["type"], &search["initialRun"]),
            (&json!("s"), &json!("query"), &json!(true))
        );
        assert_eq!(search["parameters"][0]["name"], PARAMETER);
        let (alone, on_message) = (&commands[1], &commands[2]);
        assert_eq!((&alone["id"], &alone["context"]), (&json!("a"), &json!(["compose", "commandBox"])));
        assert_eq!(alone["title"], "A title of more than thirty-two…");
        assert_eq!((&on_message["id"], &on_message["context"]), (&json!("b"), &json!(["message"])));
    }

    #[test]
    fn links_to_the_server_are_asked_for_by_name_where_it_has_a_domain() {
        let handler =
            json!([{"type": "link", "value": {"domains": ["bot.example.com"], "supportsAnonymizedPayloads": false}}]);
        assert_eq!(made(&[])["composeExtensions"][0]["messageHandlers"], handler);
        for (site, reads_links) in
            [("https://bot.example.com/", false), ("http://bot.example.com/", true), ("https://203.0.113.7/", true)]
        {
            let made = manifest(&ID.parse().unwrap(), &site.parse().unwrap(), &[], &[], &[], reads_links);
            assert_eq!(made["composeExtensions"][0].get("messageHandlers"), None, "{site}");
        }
        let domains = |site: &str| {
            let made = manifest(&ID.parse().unwrap(), &site.parse().unwrap(), &[], &[], &[], true);
            made["validDomains"].clone()
        };
        assert_eq!(domains("https://bot.example.com./crm"), json!(["bot.example.com"]), "without the dot of the root");
        assert_eq!(domains("https://203.0.113.7/"), json!([]), "no address of a machine is a domain");
    }

    #[test]
    fn the_app_and_its_bot_have_one_id() {
        let made = made(&[("help", "what can be said")]);
        assert_eq!((&made["id"], &made["bots"][0]["botId"]), (&json!(ID), &json!(ID)));
        assert_eq!(made["webApplicationInfo"]["id"], ID, "what the app asks of its places is asked for that app");
        assert_eq!(made["validDomains"], json!(["bot.example.com"]));
        assert_eq!(made["developer"]["privacyUrl"], "https://bot.example.com/crm/");
    }
}
