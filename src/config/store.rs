//! `[store]`: how large the database may be and what stays in it.
//!
//! Owns its numbers. What they do stands in `store/`. A new key is a field here and a line in
//! `config/default.toml`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::secrets::Secrets;

const MIB: u64 = 1024 * 1024;

/// The section `[store]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Folder of the database; taken from the data folder where it is relative.
    pub folder: PathBuf,
    /// Page cache, in MiB.
    pub cache_mb: u64,
    /// Keys and values in the store above which no more work is taken in, in MiB.
    pub most_mb: u64,
    /// Free space on the disk below which no more work is taken in, in MiB.
    pub keep_free_mb: u64,
    /// Size of the file that is given back on a full disk, in MiB.
    pub reserve_mb: u64,
    /// How long what is committed stands in the log before it goes into the database, in milliseconds.
    pub settle_ms: u64,
    /// Age at which finished events are removed, in days.
    pub retention_days: u64,
    /// Size of finished events above which the oldest are removed, in MiB.
    pub retention_mb: u64,
    /// The sealing key as base64, newest first; empty where the key file is to be used.
    #[serde(default)]
    pub master_key: Secrets,
}

impl Store {
    /// Page cache, in bytes.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        self.cache_mb * MIB
    }

    /// Keys and values in the store above which no more work is taken in, in bytes.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        self.most_mb * MIB
    }

    /// Free space on the disk below which no more work is taken in, in bytes.
    #[must_use]
    pub fn keep_free_bytes(&self) -> u64 {
        self.keep_free_mb * MIB
    }

    /// Size of the file that is given back on a full disk, in bytes.
    #[must_use]
    pub fn reserve_bytes(&self) -> u64 {
        self.reserve_mb * MIB
    }

    /// How long what is committed stands in the log before it goes into the database.
    #[must_use]
    pub fn settle_after(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }

    /// Age at which finished events are removed.
    #[must_use]
    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_days * 24 * 60 * 60)
    }

    /// Size of finished events above which the oldest are removed, in bytes.
    #[must_use]
    pub fn retention_bytes(&self) -> u64 {
        self.retention_mb * MIB
    }
}
