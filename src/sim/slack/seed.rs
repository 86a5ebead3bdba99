//! Who and what is in the workspace at the start, and who is made on the fly for load.
//!
//! Users and channels as the platform describes them; no messages. A further person or channel of
//! the default workspace is one row here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The workspace in which the application is installed.
pub const TEAM: &str = "T0SIM0001";
/// Another workspace, from which strangers come through shared channels.
pub const OTHER_TEAM: &str = "T0OTHER01";
/// The application.
pub const APP: &str = "A0SIM0001";
/// The application's bot user.
pub const BOT_USER: &str = "U0BOT0001";
/// The application's bot.
pub const BOT: &str = "B0BOT0001";

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// `T…`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The word before `.slack.com`.
    pub domain: String,
    /// The organisation above it: id and name.
    pub enterprise: Option<(String, String)>,
    /// Whether the application is installed for the whole organisation. Slack then leaves the workspace
    /// out of interactions and authorizations: `"team": null`.
    pub org_install: bool,
}

/// What kind of member a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Runs the workspace.
    Admin,
    /// A full member.
    Member,
    /// Sees a few channels (`is_restricted`).
    Guest,
    /// Of another workspace (`is_stranger`).
    Stranger,
    /// An application's user.
    Bot,
    /// Was a member (`deleted`).
    Gone,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `U…`.
    pub id: String,
    /// The short name.
    pub name: String,
    /// The name that people see.
    pub real_name: String,
    /// The workspace of the account.
    pub team: String,
    /// What kind of member.
    pub standing: Standing,
}

impl User {
    fn new(id: &str, name: &str, real_name: &str, standing: Standing) -> Self {
        let team = if standing == Standing::Stranger { OTHER_TEAM } else { TEAM };
        Self { id: id.into(), name: name.into(), real_name: real_name.into(), team: team.into(), standing }
    }

    /// The user as `users.info` shows it.
    #[must_use]
    pub fn to_api(&self) -> Value {
        let standing = self.standing;
        let mut shown = json!({
            "id": self.id, "team_id": self.team, "name": self.name, "real_name": self.real_name,
            "deleted": standing == Standing::Gone, "color": "9f69e7",
            "tz": "Europe/London", "tz_label": "Greenwich Mean Time", "tz_offset": 0,
            "profile": {
                "real_name": self.real_name, "real_name_normalized": self.real_name,
                "display_name": self.name, "display_name_normalized": self.name,
                "email": format!("{}@{}.example", self.name, if self.team == TEAM { "sim" } else { "other" }),
                "team": self.team, "image_72": format!("https://avatars.example/{}.png", self.id),
            },
            "is_admin": standing == Standing::Admin, "is_owner": false, "is_primary_owner": false,
            "is_restricted": standing == Standing::Guest, "is_ultra_restricted": false,
            "is_bot": standing == Standing::Bot, "is_app_user": false, "is_email_confirmed": true, "updated": 0,
        });
        // Slack shows this only of users of other workspaces.
        if standing == Standing::Stranger {
            shown["is_stranger"] = json!(true);
        }
        shown
    }
}

/// What kind of conversation a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A public channel.
    Public,
    /// A private channel.
    Private,
    /// Two people, or a person and the bot.
    Direct,
    /// Several people, and maybe the bot, in a direct conversation (`mpim`).
    Group,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// `C…`, `G…` or `D…`.
    pub id: String,
    /// Its name, without `#`; empty for a direct conversation.
    pub name: String,
    /// What kind of conversation.
    pub kind: Kind,
    /// Whether the application's bot is in it.
    pub bot_is_member: bool,
    /// The person on the other side of a direct conversation.
    pub with: Option<String>,
    /// Whether it is closed for good.
    pub archived: bool,
    /// Whether another workspace shares it.
    pub shared: bool,
}

impl Channel {
    fn new(id: &str, name: &str, kind: Kind, bot_is_member: bool) -> Self {
        Self { id: id.into(), name: name.into(), kind, bot_is_member, with: None, archived: false, shared: false }
    }

    /// A conversation of the bot with several people, which Slack names after them.
    #[must_use]
    pub fn group(id: &str, people: &[&str]) -> Self {
        Self::new(id, &format!("mpdm-{}-1", people.join("--")), Kind::Group, true)
    }

    /// The conversation of a user with the bot.
    #[must_use]
    pub fn direct(id: &str, user: &str) -> Self {
        Self { with: Some(user.to_owned()), ..Self::new(id, "", Kind::Direct, true) }
    }

    /// The word in events: `channel`, `group`, `im` or `mpim`.
    #[must_use]
    pub fn channel_type(&self) -> &'static str {
        match self.kind {
            Kind::Public => "channel",
            Kind::Private => "group",
            Kind::Direct => "im",
            Kind::Group => "mpim",
        }
    }

    /// The name that slash commands and interactions carry, in which Slack hides private ones.
    #[must_use]
    pub fn name_in_payloads(&self) -> &str {
        match self.kind {
            Kind::Public | Kind::Group => &self.name,
            Kind::Private => "privategroup",
            Kind::Direct => "directmessage",
        }
    }

    /// The channel as `conversations.info` shows it.
    #[must_use]
    pub fn to_api(&self, team: &str) -> Value {
        let mut shown = json!({
            "id": self.id, "created": 1_700_000_000, "is_archived": self.archived, "is_im": self.kind == Kind::Direct,
            "is_channel": self.kind == Kind::Public, "is_group": matches!(self.kind, Kind::Private | Kind::Group),
            "is_mpim": self.kind == Kind::Group,
            "is_private": self.kind != Kind::Public, "is_ext_shared": self.shared, "is_shared": self.shared,
            "is_org_shared": false, "context_team_id": team, "updated": 0,
        });
        match &self.with {
            Some(user) => shown["user"] = json!(user),
            None => {
                shown["name"] = json!(self.name);
                shown["name_normalized"] = json!(self.name);
                shown["is_member"] = json!(self.bot_is_member);
                shown["is_general"] = json!(self.id == "C0GENERAL");
            }
        }
        shown
    }
}

/// The default workspace.
#[must_use]
pub fn workspace() -> Workspace {
    Workspace { id: TEAM.into(), name: "Sim".into(), domain: "sim".into(), enterprise: None, org_install: false }
}

/// The people of the default workspace.
#[must_use]
pub fn users() -> Vec<User> {
    vec![
        User::new("U0ADA0001", "ada", "Ada Lovelace", Standing::Admin),
        User::new("U0GRACE01", "grace", "Grace Hopper", Standing::Member),
        User::new("U0LINUS01", "linus", "Linus Torvalds", Standing::Member),
        User::new("U0GUEST01", "guest", "Gus Guest", Standing::Guest),
        User::new("U0GONE001", "gone", "Gone Away", Standing::Gone),
        User::new("U0STRANGE", "stranger", "Sam Stranger", Standing::Stranger),
        User::new(BOT_USER, "ai-crm", "AI-CRM", Standing::Bot),
    ]
}

/// The channels of the default workspace.
#[must_use]
pub fn channels() -> Vec<Channel> {
    vec![
        Channel::new("C0GENERAL", "general", Kind::Public, true),
        Channel::new("C0DEVTEAM", "dev-team", Kind::Public, true),
        Channel { shared: true, ..Channel::new("C0SHARED1", "shared-with-other", Kind::Public, true) },
        Channel::new("C0OUTSIDE", "without-the-bot", Kind::Public, false),
        Channel { archived: true, ..Channel::new("C0ARCHIVE", "long-ago", Kind::Public, true) },
        Channel::new("G0PRIVATE", "leads", Kind::Private, true),
        Channel::new("G0CLOSED1", "board", Kind::Private, false),
        Channel::direct("D0ADA0001", "U0ADA0001"),
        Channel::direct("D0GRACE01", "U0GRACE01"),
        Channel::direct("D0LINUS01", "U0LINUS01"),
        Channel::direct("D0GUEST01", "U0GUEST01"),
    ]
}

/// A member for load: any id that begins with `U0LOAD`.
#[must_use]
pub fn load_user(id: &str) -> Option<User> {
    let number = id.strip_prefix("U0LOAD")?;
    Some(User::new(id, &format!("load{}", number.to_lowercase()), &format!("Load {number}"), Standing::Member))
}

/// A channel for load: any id that begins with `C0LOAD`, or `D0LOAD` for the conversation of `U0LOAD…`.
#[must_use]
pub fn load_channel(id: &str) -> Option<Channel> {
    if let Some(number) = id.strip_prefix("D0LOAD") {
        return Some(Channel::direct(id, &format!("U0LOAD{number}")));
    }
    let number = id.strip_prefix("C0LOAD")?;
    Some(Channel::new(id, &format!("load-{}", number.to_lowercase()), Kind::Public, true))
}
