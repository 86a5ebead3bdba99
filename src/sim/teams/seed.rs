//! Who and what is in the tenant at the start, and who is made on the fly for load.
//!
//! People, teams and chats as the connector describes them; no messages. A further person or chat is one row here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The application's id in Entra, as the profile `sim` knows it.
pub const APP_ID: &str = "5b07a1c4-0000-4000-8000-0000000000b1";
/// The application's client secret, as the profile `sim` knows it. Everybody may know it.
pub const APP_PASSWORD: &str = "sim-app-password";
/// The name under which people see the application.
pub const BOT_NAME: &str = "AI-CRM";
/// The tenant in which the application is registered and installed.
pub const TENANT: &str = "7e4a0000-51a1-4000-8000-000000000001";
/// Another tenant, of which somebody has installed the application too.
pub const OTHER_TENANT: &str = "7e4a0000-51a1-4000-8000-000000000002";

/// The team's channel `general`, whose id is the team's as well.
pub const GENERAL: &str = "19:5e1ffa11c0de4a6b8d0e00000000ge01@thread.tacv2";
/// The team's channel `dev`.
pub const DEV: &str = "19:5e1ffa11c0de4a6b8d0e00000000de02@thread.tacv2";
/// A channel of a team in which the bot is not.
pub const CLOSED: &str = "19:5e1ffa11c0de4a6b8d0e00000000c103@thread.tacv2";
/// A group chat.
pub const GROUP: &str = "19:9a0b1c2d3e4f40518263748596a7b801@thread.v2";
/// A group chat in which the bot is not.
pub const OUTSIDE: &str = "19:9a0b1c2d3e4f40518263748596a7b802@thread.v2";
/// The chat of a meeting, with a participant who has no account.
pub const MEETING: &str = "19:meeting_U2ltTWVldGluZzAx@thread.v2";

/// What kind of member somebody is: `userRole` of the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Has an account in some tenant.
    User,
    /// A guest of the tenant.
    Guest,
    /// Joined a meeting without an account.
    Anonymous,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `29:…`, the same for one bot and one person only.
    pub id: String,
    /// The object id in Entra; who has no account has none.
    pub aad_object_id: Option<String>,
    /// The short name, by which `ai-crm sim` knows them.
    pub name: String,
    /// The name that people see.
    pub display_name: String,
    /// The tenant of the account.
    pub tenant: String,
    /// What kind of member.
    pub role: UserRole,
}

impl User {
    fn new(number: u8, name: &str, display_name: &str, role: UserRole) -> Self {
        Self {
            id: format!("29:1{name}Q960rtvstKp8tKLl-3r8b6DoW0QxZim_{number:02}"),
            aad_object_id: (role != UserRole::Anonymous)
                .then(|| format!("aad00000-51a1-4000-8000-0000000000{number:02x}")),
            name: name.into(),
            display_name: display_name.into(),
            tenant: TENANT.into(),
            role,
        }
    }

    /// The person as the roster shows them.
    #[must_use]
    pub fn to_api(&self) -> Value {
        let (given, surname) = self.display_name.split_once(' ').unwrap_or((&self.display_name, ""));
        let mut shown = json!({
            "id": self.id, "name": self.display_name, "givenName": given, "surname": surname,
            "tenantId": self.tenant, "userRole": self.role,
        });
        if let Some(object) = &self.aad_object_id {
            let mail = format!("{}@{}.example", self.name, if self.tenant == TENANT { "sim" } else { "other" });
            shown["objectId"] = json!(object);
            shown["aadObjectId"] = json!(object);
            shown["email"] = json!(mail);
            shown["userPrincipalName"] = json!(mail);
        }
        shown
    }
}

/// What kind of conversation: `conversationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A channel of a team; messages stand in reply chains.
    Channel,
    /// A chat of several people, that of a meeting included.
    GroupChat,
    /// A person and the bot.
    Personal,
}

/// How the bot stands in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotStanding {
    /// It is in.
    Installed,
    /// It is not, or was taken out.
    Absent,
    /// The tenant's administrator has switched it off.
    DisabledByAdmin,
    /// The person has blocked it.
    Blocked,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// `19:…@thread.tacv2`, `19:…@thread.v2` or `a:…`.
    pub id: String,
    /// The word by which `ai-crm sim` knows it, and the channel's name.
    pub name: String,
    /// What kind.
    pub kind: Kind,
    /// The tenant.
    pub tenant: String,
    /// The team of a channel.
    pub team: Option<String>,
    /// Who is in it: ids.
    pub members: Vec<String>,
    /// How the bot stands in it.
    pub bot: BotStanding,
}

impl Conversation {
    fn new(id: &str, name: &str, kind: Kind, members: &[&User]) -> Self {
        let members = members.iter().map(|user| user.id.clone()).collect();
        let (tenant, bot) = (TENANT.to_owned(), BotStanding::Installed);
        Self { id: id.into(), name: name.into(), kind, tenant, team: None, members, bot }
    }

    /// The chat of a person with the bot.
    #[must_use]
    pub fn personal(user: &User) -> Self {
        let id = format!("a:1{}_XyZ4kQv8LrTn0pWm3sBd6hJc9fGa2eUi", user.name);
        let chat = Self::new(&id, &format!("personal-{}", user.name), Kind::Personal, &[user]);
        Self { tenant: user.tenant.clone(), ..chat }
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// The id of its channel `general`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its group in Entra.
    pub aad_group_id: String,
}

/// The people.
#[must_use]
pub fn users() -> Vec<User> {
    let mut users = vec![
        User::new(1, "ada", "Ada Lovelace", UserRole::User),
        User::new(2, "grace", "Grace Hopper", UserRole::User),
        User::new(3, "linus", "Linus Torvalds", UserRole::User),
        User::new(4, "guest", "Gus Guest", UserRole::Guest),
        User::new(5, "stranger", "Sam Stranger", UserRole::User),
        User::new(6, "anonymous", "Ann Onymous", UserRole::Anonymous),
    ];
    users[4].tenant = OTHER_TENANT.into();
    users
}

/// The teams.
#[must_use]
pub fn teams() -> Vec<Team> {
    let team = |id: &str, name: &str, number: u8| Team {
        id: id.into(),
        name: name.into(),
        aad_group_id: format!("96000000-51a1-4000-8000-0000000000{number:02x}"),
    };
    vec![team(GENERAL, "Sim", 1), team(CLOSED, "Board", 2)]
}

/// The channels, the chats, and everybody's own chat with the bot.
#[must_use]
pub fn conversations() -> Vec<Conversation> {
    let users = users();
    let all: Vec<&User> = users.iter().collect();
    let team = &all[..4];
    let channel = |id: &str, name: &str, of: &str| Conversation {
        team: Some(of.to_owned()),
        ..Conversation::new(id, name, Kind::Channel, team)
    };
    let absent = BotStanding::Absent;
    let mut conversations = vec![
        channel(GENERAL, "general", GENERAL),
        channel(DEV, "dev", GENERAL),
        Conversation { bot: absent, ..channel(CLOSED, "closed", CLOSED) },
        Conversation::new(GROUP, "group", Kind::GroupChat, team),
        Conversation { bot: absent, ..Conversation::new(OUTSIDE, "outside", Kind::GroupChat, &team[..2]) },
        Conversation::new(MEETING, "meeting", Kind::GroupChat, &[all[0], all[1], all[4], all[5]]),
    ];
    let with_accounts = all.iter().filter(|user| user.role != UserRole::Anonymous);
    conversations.extend(with_accounts.map(|user| Conversation::personal(user)));
    conversations
}

/// A member for load: any name that begins with `load`.
#[must_use]
pub fn load_user(name: &str) -> Option<User> {
    let number = name.strip_prefix("load").filter(|rest| !rest.contains('-'))?;
    let mut user = User::new(99, name, &format!("Load {number}"), UserRole::User);
    user.aad_object_id = Some(format!("10ad0000-51a1-4000-8000-{number:0>12}"));
    Some(user)
}

/// A group chat for load: any name that begins with `load-`.
#[must_use]
pub fn load_conversation(name: &str) -> Option<Conversation> {
    let number = name.strip_prefix("load-")?;
    let users = users();
    let all: Vec<&User> = users.iter().collect();
    Some(Conversation::new(&format!("19:10ad{number:0>28}@thread.v2"), name, Kind::GroupChat, &all[..3]))
}
