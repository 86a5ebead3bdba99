//! `in<channel>/<id>` a connected workspace, `ow` the pairing of the first owner, `ak` the key that signs
//! the buttons of cards.

use serde::{Deserialize, Serialize, Serializer};

use crate::domain::event::ChannelName;
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::tenant_of;
use crate::store::{StoreError, Stored, View, put};

const INSTALLATION: &[u8] = b"in";
const PAIRING: &[u8] = b"ow";
const ACTION_KEY: &[u8] = b"ak";

/// A workspace in which the bot is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The channel.
    pub channel: ChannelName,
    /// The platform's id of the workspace.
    pub id: String,
    /// The organisation, where the bot is installed in all its workspaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Digest of the token by which it is connected; none in rows of before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Its name.
    pub name: String,
    /// The bot's own user id there.
    pub bot_user: String,
    /// When it was connected.
    pub since: Timestamp,
    /// The tokens that its installation by OAuth gave; none where the configured token connects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Why it is connected no longer. The row stays, so that a later installation finds its tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
}

impl Record for Installation {}

/// What an installation by OAuth gave. `Debug` shows no token; like every value the row is sealed on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The bot token.
    #[serde(serialize_with = "exposed")]
    pub token: Secret,
    /// What a new token is got with, where tokens are rotated.
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Secret>,
    /// When the token was given.
    pub from: Timestamp,
    /// When it ends; never, where tokens are not rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What it may do, as the platform lists it.
    pub scopes: String,
    /// The app.
    pub app: String,
    /// The organisation of the workspace, also where only the workspace is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// Who installed it.
    pub by: String,
}

impl PartialEq for Grant {
    fn eq(&self, other: &Self) -> bool {
        self.token.matches(other.token.expose()) && (self.from, self.until) == (other.from, other.until)
    }
}

impl Eq for Grant {}

fn exposed<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn exposed_if_any<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

/// The pairing code that makes its bearer the first owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// SHA-256 of the code, hex; nothing when it is used up.
    pub code_digest: Option<String>,
    /// Wrong codes tried against it.
    pub failures: u32,
    /// Who used it.
    pub owner: Option<PrincipalId>,
}

impl Record for Pairing {}

/// The key that signs the buttons of cards.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionKey(pub String);

impl Record for ActionKey {}

/// The connected workspaces of a tenant.
///
/// # Errors
/// Where the store cannot be read.
pub fn installations(view: &View) -> Result<Vec<Installation>, StoreError> {
    view.scan::<Installation>(INSTALLATION, Order::Ascending).map(|entry| Ok(entry?.1.value)).collect()
}

/// One of them, by the platform's id of the workspace or of the organisation.
///
/// # Errors
/// Where the store cannot be read.
pub fn installation(view: &View, channel: ChannelName, id: &str) -> Result<Option<Stored<Installation>>, StoreError> {
    view.get(&installation_key(channel, id))
}

fn installation_key(channel: ChannelName, id: &str) -> Vec<u8> {
    [INSTALLATION, channel.as_str().as_bytes(), b"/", id.as_bytes()].concat()
}

/// Stores a connected workspace.
#[must_use]
pub fn put_installation(installation: &Installation, expect: Expect) -> Write {
    put(installation_key(installation.channel, &installation.id), expect, installation)
}

/// The pairing.
///
/// # Errors
/// Where the store cannot be read.
pub fn pairing(view: &View) -> Result<Option<Stored<Pairing>>, StoreError> {
    view.get(PAIRING)
}

/// Stores the pairing.
#[must_use]
pub fn put_pairing(pairing: &Pairing, expect: Expect) -> Write {
    put(PAIRING.to_vec(), expect, pairing)
}

/// The key that signs the buttons of cards.
///
/// # Errors
/// Where the store cannot be read.
pub fn action_key(view: &View) -> Result<Option<ActionKey>, StoreError> {
    Ok(view.get(ACTION_KEY)?.map(|stored| stored.value))
}

/// Whether a full key is that of the key that signs buttons.
#[must_use]
pub fn is_action_key(full: &[u8]) -> bool {
    tenant_of(full).is_some_and(|tenant| &full[tenant.as_str().len() + 1..] == ACTION_KEY)
}

/// Stores that key where there is none.
#[must_use]
pub fn put_action_key(key: &ActionKey) -> Write {
    put(ACTION_KEY.to_vec(), Expect::Absent, key)
}
