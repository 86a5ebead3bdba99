//! `keys`: the keys under which values are sealed.

use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::access::ask_once;
use super::{Global, print};
use crate::app::Mode;

/// Options of `keys`.
#[derive(Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: Keys,
}

#[derive(Subcommand)]
enum Keys {
    /// Make a new sealing key; old values are sealed anew in the background
    Rotate,
}

pub(super) async fn run(global: &Global, args: KeysArgs) -> anyhow::Result<ExitCode> {
    let Keys::Rotate = args.command;
    let config = global.load(Vec::new())?;
    let rotated = ask_once(config, Mode::StoreOnly, Method::POST, "/keys/rotate", Some(&json!({}))).await?;
    if global.json {
        print::json(&rotated);
    } else {
        let behind = if rotated["resealing"] == true {
            "old values follow in the background"
        } else {
            "every value is sealed with it"
        };
        print::line(format!("sealing key {} is in use; {behind}", rotated["key"]));
    }
    Ok(ExitCode::SUCCESS)
}
