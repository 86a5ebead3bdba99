//! `slack`: what an operator does for workspaces of Slack.

use std::process::ExitCode;

use anyhow::bail;
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::access::{Running, ask_once};
use super::{Global, print};
use crate::app::Mode;

/// Options of `slack`.
#[derive(Args)]
pub(super) struct SlackArgs {
    #[command(subcommand)]
    command: Slack,
}

#[derive(Subcommand)]
enum Slack {
    /// Make a link by which one workspace, or one organisation, is connected: it works once, for an hour
    InstallLink,
}

pub(super) async fn run(global: &Global, args: SlackArgs) -> anyhow::Result<ExitCode> {
    let Slack::InstallLink = args.command;
    let config = global.load(Vec::new())?;
    if Running::find(&config.data).await.is_none() {
        bail!("no server runs on {}: a link leads to it, so start it first: ai-crm serve", config.data.display());
    }
    let made = ask_once(config, Mode::StoreOnly, Method::POST, "/slack/install-links", Some(&json!({}))).await?;
    if global.json {
        print::json(&made);
    } else {
        print::line(made["link"].as_str().unwrap_or_default());
        print::remark("it connects one workspace, once, within an hour; whoever opens it picks the workspace at Slack");
    }
    Ok(ExitCode::SUCCESS)
}
