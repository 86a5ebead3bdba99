//! `[admin]`: who may use the API.
//!
//! Owns the token's key. The token that is made where none is set stands in `keyfile.rs`. A new key is a
//! field here and a line in `config/default.toml`.

use serde::Deserialize;

use crate::config::secrets::Secrets;

/// The section `[admin]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Bearer tokens of the API, newest first; empty where the token file is to be used.
    #[serde(default)]
    pub token: Secrets,
}
