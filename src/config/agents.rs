//! `[agents]`: where the agents are.
//!
//! Owns the folder's key. Reading the folder is the catalogue. A new key is a field here and a line in
//! `config/default.toml`.

use std::path::PathBuf;

use serde::Deserialize;

/// The section `[agents]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agents {
    /// Folder with `<category>/<name>.md` in place of the agents of the program.
    pub folder: Option<PathBuf>,
}
