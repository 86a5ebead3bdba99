//! `[policy]`: where policies are, and plain lists that narrow them.
//!
//! Owns the keys. What a list means stands in `policy/`. A new list is a field here and a line in
//! `config/default.toml`.

use std::path::PathBuf;

use serde::Deserialize;

/// The section `[policy]`. An allowlist that is absent restricts nothing; one that is empty admits nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Folder with `.cedar` files in place of those of the program.
    pub folder: Option<PathBuf>,
    /// The only places in which the bot works.
    pub channels: Option<Vec<String>>,
    /// The only people for whom it works.
    pub people: Option<Vec<String>>,
    /// The only groups for whose members it works.
    pub groups: Option<Vec<String>>,
    /// Tools that nobody may use.
    pub blocked_tools: Vec<String>,
    /// People for whom it does nothing.
    pub blocked_people: Vec<String>,
}
