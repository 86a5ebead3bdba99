//! `[workflows]`: where the files of workflows are.
//!
//! Owns the folder's key. What stands in the files is `workflow/`. A new key is a field here and a line in
//! `config/default.toml`.

use std::path::PathBuf;

use serde::Deserialize;

/// The section `[workflows]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflows {
    /// Folder with `.yml` and `.yaml` files.
    pub folder: PathBuf,
}
