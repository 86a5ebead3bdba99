//! The App, where it is installed, and the tokens that it was given.
//!
//! What is checked of a JWT stands in `jwt`; who may call what, in `doors`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{keys, seed};
use crate::domain::time::Timestamp;

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// To look.
    Read,
    /// To change as well.
    Write,
}

/// Permissions by their names: `issues`, `contents`.
pub type Permissions = BTreeMap<String, Level>;

/// The App, as GitHub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct App {
    /// Its id.
    pub id: u64,
    /// Its client id, by which a JWT may name it too.
    pub client_id: String,
    /// Its name in addresses; its comments are those of `<slug>[bot]`.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The account to which it belongs.
    pub owner: u64,
    /// The public half of its key, as PKCS #1 writes it.
    #[serde(skip)]
    pub public_key: Vec<u8>,
    /// The secret of its webhook.
    #[serde(skip)]
    pub webhook_secret: String,
}

impl App {
    /// An App with the id that a bot is configured with (a number, or the client id) and the key that belongs to this
    /// private key in PEM. `None` where that is no RSA key.
    #[must_use]
    pub fn with_key(id: &str, private_key: &str, webhook_secret: &str) -> Option<Self> {
        let mut app = Self {
            id: seed::APP_ID,
            client_id: seed::CLIENT_ID.to_owned(),
            slug: seed::SLUG.to_owned(),
            name: seed::APP_NAME.to_owned(),
            owner: seed::ORGANISATION,
            public_key: keys::public_half(private_key)?,
            webhook_secret: webhook_secret.to_owned(),
        };
        match id.parse() {
            Ok(number) => app.id = number,
            Err(_) => id.clone_into(&mut app.client_id),
        }
        Some(app)
    }

    /// The name of the account as which it acts.
    #[must_use]
    pub fn bot(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

impl Default for App {
    fn default() -> Self {
        Self::with_key(&seed::APP_ID.to_string(), seed::PRIVATE_KEY, seed::WEBHOOK_SECRET)
            .expect("invariant: the key of the world is an RSA key")
    }
}

/// Where the App is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// Its id.
    pub id: u64,
    /// The account.
    pub account: u64,
    /// The repositories that were chosen; all of the account where nothing was.
    pub repositories: Option<BTreeSet<u64>>,
    /// What the App may do there.
    pub permissions: Permissions,
    /// The events of which it is told.
    pub events: Vec<String>,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A token of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) installation: u64,
    pub(super) until: Timestamp,
    pub(super) permissions: Permissions,
    /// The repositories to which it was narrowed.
    pub(super) repositories: Option<BTreeSet<u64>>,
}

impl Token {
    /// Whether one of these permissions is there.
    pub(super) fn allows(&self, needs: &[(&str, Level)]) -> bool {
        needs.is_empty() || needs.iter().any(|(name, level)| self.permissions.get(*name) >= Some(level))
    }
}
