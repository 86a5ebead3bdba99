//! What an operator edits: the agents and the settings, one file per concern.
//!
//! `load.rs` joins the layers (`layers.rs` files, `environment.rs` variables) over `config/default.toml`,
//! which declares every key (`keys.rs`); `references.rs` fetches secrets from where they are kept;
//! `checks.rs` holds what is true of several keys together. `keyfile.rs` makes the key and the token that
//! nobody gave. Knows `domain` and files, nothing else of ours, and reads no environment of its own.
//!
//! A new setting is a line with a comment in `config/default.toml` and a field in the struct of its
//! concern. A new concern is a file with its struct and a field in [`Config`]. A bound of a number is a
//! line in `keys.rs`.

pub mod admin;
pub mod agents;
pub mod catalog;
pub mod channels;
mod checks;
pub mod enabled;
mod environment;
pub mod errors;
pub mod github;
pub mod keyfile;
mod keys;
mod layers;
pub mod ledger;
mod load;
pub mod log;
pub mod people;
pub mod policy;
mod references;
pub mod secrets;
pub mod server;
pub mod slack;
pub mod store;
pub mod sync;
pub mod teams;
pub mod workflows;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::errors::{ConfigErrors, Origin};

/// What the command line and the process give to [`Config::load`].
#[derive(Clone)]
pub struct LoadArgs {
    /// `--config`, in the order given; later files win.
    pub files: Vec<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// Other options that stand for a key: `("server.listen", "0.0.0.0:8080")` for `--listen`. They win
    /// over everything.
    pub options: Vec<(&'static str, String)>,
    /// The folder in which profiles are looked for before those of the program.
    pub folder: PathBuf,
    /// The environment.
    pub env: Vec<(String, String)>,
}

impl Default for LoadArgs {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            profile: None,
            data: None,
            options: Vec::new(),
            folder: PathBuf::from("config"),
            env: Vec::new(),
        }
    }
}

impl LoadArgs {
    /// Takes the environment of a process, usually [`std::env::vars_os`]. Variables that are not Unicode
    /// are passed over: none of ours can be one.
    #[must_use]
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let readable =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        self.env = variables.into_iter().filter_map(readable).collect();
        self
    }
}

/// All settings, checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of all that the program keeps.
    pub data: PathBuf,
    /// The HTTP edge.
    pub server: server::Server,
    /// The database.
    pub store: store::Store,
    /// How events and effects are worked on.
    pub ledger: ledger::Ledger,
    /// Where policies are and whom lists admit.
    pub policy: policy::Policy,
    /// Owners and groups.
    pub people: people::People,
    /// Where agents are.
    pub agents: agents::Agents,
    /// Where workflows are.
    pub workflows: workflows::Workflows,
    /// What of an issue and its task is kept the same.
    pub sync: sync::Sync,
    /// What is logged, and how.
    pub log: log::Log,
    /// Who may use the API.
    pub admin: admin::Admin,
    /// The platforms.
    pub channels: channels::Channels,
    #[serde(skip)]
    origins: BTreeMap<String, Origin>,
    #[serde(skip)]
    warnings: Vec<String>,
    #[serde(skip)]
    secrets: Vec<secrets::Given>,
}

impl Config {
    /// Joins all layers and checks the result.
    ///
    /// # Errors
    /// All mistakes that were found, each with its key, its place and its mend. No message holds a value
    /// that may be a secret.
    pub fn load(args: &LoadArgs) -> Result<Self, ConfigErrors> {
        load::load(args)
    }

    /// The same, for Teams as Microsoft's playground on this machine plays it, which proves nothing.
    ///
    /// # Errors
    /// Where the bot has an app of its own in Teams, or could be reached from elsewhere.
    pub fn for_playground(mut self) -> Result<Self, ConfigErrors> {
        let against = checks::against_playground(&self);
        if !against.is_empty() {
            return Err(ConfigErrors(against));
        }
        self.channels.teams.counterpart = teams::Counterpart::Playground;
        Ok(self)
    }

    /// For each key that has a value where it came from, for `doctor`.
    #[must_use]
    pub fn origins(&self) -> &BTreeMap<String, Origin> {
        &self.origins
    }

    /// The secrets that were given, without their values, for `doctor`.
    #[must_use]
    pub fn secrets(&self) -> &[secrets::Given] {
        &self.secrets
    }

    /// What a key is for, as `config/default.toml` says it; none where there is no such key.
    #[must_use]
    pub fn about(key: &str) -> Option<&'static str> {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        keys::KEYS.find(&path).map(|key| key.about.as_str())
    }

    /// What is allowed but hardly meant, for the log and `doctor`.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Folder of the database.
    #[must_use]
    pub fn store_folder(&self) -> PathBuf {
        self.data.join(&self.store.folder)
    }

    /// File of the sealing key that is used where none is set.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.data.join("master.key")
    }

    /// File of the admin token that is used where none is set.
    #[must_use]
    pub fn admin_token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }
}
