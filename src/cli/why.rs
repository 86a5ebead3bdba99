//! `why`: the whole story of one event, effect or task.

use std::process::ExitCode;

use axum::http::Method;
use clap::Args;

use super::access::ask_once;
use super::{Global, print};
use crate::app::Mode;

/// Options of `why`.
#[derive(Args)]
pub(super) struct WhyArgs {
    /// An event (e-17), an effect (e-17.0) or a task (T-12)
    id: String,
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
}

pub(super) async fn run(global: &Global, args: WhyArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/why/{}?tenant={}", args.id, args.tenant);
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
