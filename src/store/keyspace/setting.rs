//! `in<channel>/<id>` a connected workspace, `ow` the pairing of the first owner, `ak` the key that signs
//! the buttons of cards.

use serde::{Deserialize, Serialize};

use crate::domain::event::ChannelName;
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Expect, Write};
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
}

impl Record for Installation {}

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

/// Stores a connected workspace.
#[must_use]
pub fn put_installation(installation: &Installation) -> Write {
    let key = [INSTALLATION, installation.channel.as_str().as_bytes(), b"/", installation.id.as_bytes()].concat();
    put(key, Expect::Any, installation)
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
