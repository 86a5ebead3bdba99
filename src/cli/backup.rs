//! `backup` of a running or stopped store, `restore` into an empty data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use axum::http::Method;
use clap::Args;
use serde_json::json;

use super::access::ask_once;
use super::{Global, print};
use crate::app::Mode;
use crate::store::quota::Quota;
use crate::store::sled::SledOptions;
use crate::store::{backup, open};

/// Options of `backup`.
#[derive(Args)]
pub(super) struct BackupArgs {
    /// Where to
    file: PathBuf,
}

/// Options of `restore`.
#[derive(Args)]
pub(super) struct RestoreArgs {
    /// A backup
    file: PathBuf,
}

pub(super) async fn run(global: &Global, args: BackupArgs) -> anyhow::Result<ExitCode> {
    let file = std::path::absolute(&args.file)?;
    let body = json!({ "file": file });
    let config = global.load(Vec::new())?;
    let key = config.master_key_file();
    let written = ask_once(config, Mode::StoreOnly, Method::POST, "/backup", Some(&body)).await?;
    if global.json {
        print::json(&written);
    } else {
        print::line(format!("{}: {} keys, {} bytes, read back", file.display(), written["frames"], written["bytes"]));
        if key.exists() {
            print::remark(format!("it opens only with the key in {}: keep a copy of that apart", key.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(global: &Global, args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    // A folder with a store and no master key cannot be started: nothing is made for a file that is no backup.
    backup::verify(&args.file)?;
    std::fs::create_dir_all(&config.data).with_context(|| config.data.display().to_string())?;
    let quota = Quota { most_bytes: u64::MAX, keep_free_bytes: 0, reserve_bytes: 0 };
    let options =
        SledOptions { folder: config.store_folder(), cache_bytes: config.store.cache_bytes(), quota, power_safe: true };
    let engine = open::bare(options)?;
    let summary = backup::restore(engine.as_ref(), &args.file)?;
    if global.json {
        print::json(&json!(summary));
    } else {
        print::line(format!("{} keys restored into {}", summary.frames, config.store_folder().display()));
        print::remark("it opens only with the master key under which it was written");
    }
    Ok(ExitCode::SUCCESS)
}
