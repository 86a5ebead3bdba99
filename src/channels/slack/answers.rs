//! Answers of the Web API: the fields that are read.
//!
//! What may be missing is optional. Which call gives which answer is `client`.

use serde::Deserialize;
use serde_json::Value;

/// Whose the token is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The workspace; in an organisation-wide installation the organisation may stand here.
    pub team_id: Option<String>,
    /// The organisation, where there is one.
    pub enterprise_id: Option<String>,
    /// Whether the app is installed for the whole organisation.
    pub is_enterprise_install: Option<bool>,
    /// The workspace's name.
    pub team: Option<String>,
    /// The bot's user.
    pub user_id: Option<String>,
    /// The bot.
    pub bot_id: Option<String>,
}

/// A message that was posted, or changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Posted {
    /// The channel; for a direct message it may differ from the one that was asked for.
    pub channel: Option<String>,
    /// The message's id within the channel.
    pub ts: Option<String>,
    /// The same of a message that only one person sees.
    pub message_ts: Option<String>,
}

/// A view that was opened, updated or published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Viewed {
    /// What is shown. That it is shown is so whatever its form.
    #[serde(default)]
    pub view: Value,
}

impl Viewed {
    /// Which view, and which version of it; `None` where the answer does not say.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        let text = |name: &str| self.view[name].as_str().map(str::to_owned);
        Some(Version { id: text("id")?, hash: text("hash")? })
    }
}

/// A version of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The view.
    pub id: String,
    /// By which an update is refused that was made for an earlier version.
    pub hash: String,
}

/// A page of messages.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The messages.
    #[serde(default)]
    pub messages: Vec<Seen>,
    /// Where the next page is.
    #[serde(default)]
    pub response_metadata: Option<Cursor>,
}

/// Where the next page is.
#[derive(Debug, Deserialize)]
pub struct Cursor {
    /// Empty where there is none.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// A message that was found.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// Its id.
    #[serde(default)]
    pub ts: String,
    /// What its app wrote into it for itself.
    #[serde(default)]
    pub metadata: Option<Value>,
    /// The bot that wrote it.
    #[serde(default)]
    pub bot_id: Option<String>,
    /// Its blocks.
    #[serde(default)]
    pub blocks: Value,
}

/// A page of the workspaces for which the app of an organisation is approved.
#[derive(Debug, Deserialize)]
pub struct Teams {
    /// The workspaces.
    #[serde(default)]
    pub teams: Vec<ListedTeam>,
    /// Where the next page is.
    #[serde(default)]
    pub response_metadata: Option<Cursor>,
}

/// A workspace of an organisation.
#[derive(Debug, Deserialize)]
pub struct ListedTeam {
    /// Its id.
    pub id: String,
}

/// A page of places.
#[derive(Debug, Deserialize)]
pub struct Places {
    /// The places.
    #[serde(default)]
    pub channels: Vec<ListedPlace>,
    /// Where the next page is.
    #[serde(default)]
    pub response_metadata: Option<Cursor>,
}

/// A place in which the bot is.
#[derive(Debug, Deserialize)]
pub struct ListedPlace {
    /// Its id.
    pub id: String,
    /// What it is called, without `#`; direct messages have no name.
    #[serde(default)]
    pub name: Option<String>,
    /// With whom it is, where it is a direct message.
    #[serde(default)]
    pub user: Option<String>,
    /// Other workspaces share it.
    #[serde(default)]
    pub is_ext_shared: Option<bool>,
}

/// A page of messages as they are.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// The messages.
    #[serde(default)]
    pub messages: Vec<Value>,
    /// Where the next page is.
    #[serde(default)]
    pub response_metadata: Option<Cursor>,
}

/// Where the next page is; none where this was the last.
#[must_use]
pub fn next_page(metadata: Option<Cursor>) -> Option<String> {
    metadata.and_then(|metadata| metadata.next_cursor).filter(|cursor| !cursor.is_empty())
}

/// A user as `users.info` shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    /// The id.
    pub id: String,
    /// The user's own workspace.
    pub team_id: Option<String>,
    /// The login, which nobody sees any more.
    pub name: Option<String>,
    /// The full name.
    pub real_name: Option<String>,
    /// Switched off.
    pub deleted: bool,
    /// A bot or an app.
    pub is_bot: bool,
    /// A workflow.
    pub is_workflow_bot: bool,
    /// A guest of some channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Known from shared channels only.
    pub is_stranger: bool,
    /// The names that people see.
    pub profile: UserProfile,
    /// The user in the organisation.
    pub enterprise_user: Option<EnterpriseUser>,
}

/// The names that people see.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserProfile {
    /// As the person wants to be called.
    pub display_name: Option<String>,
    /// The full name.
    pub real_name: Option<String>,
}

/// A user in an organisation of several workspaces.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EnterpriseUser {
    /// The organisation.
    pub enterprise_id: Option<String>,
    /// The workspaces to which the user belongs.
    pub teams: Vec<String>,
}
