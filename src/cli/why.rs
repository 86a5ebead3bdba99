//! `why`: the whole story of one event, effect, task or message.

use std::process::ExitCode;

use axum::http::Method;
use clap::Args;

use super::access::ask_once;
use super::{Global, print};
use crate::app::Mode;

/// Options of `why`.
#[derive(Args)]
pub(super) struct WhyArgs {
    /// An event (e-17), an effect (e-17.0), a task (T-12), or a message of Slack (CHANNEL:TS or CHANNEL/TS)
    id: String,
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
}

pub(super) async fn run(global: &Global, args: WhyArgs) -> anyhow::Result<ExitCode> {
    // No id has a space in it, which would be written otherwise in a path.
    let id: String = url::form_urlencoded::byte_serialize(args.id.trim().as_bytes()).collect();
    let path = format!("/why/{id}?tenant={}", args.tenant);
    let story = ask_once(global.load(Vec::new())?, Mode::StoreOnly, Method::GET, &path, None).await?;
    if global.json {
        print::json(&story["story"]);
    } else {
        for line in story["lines"].as_array().into_iter().flatten() {
            print::line(line.as_str().unwrap_or_default());
        }
    }
    Ok(ExitCode::SUCCESS)
}
