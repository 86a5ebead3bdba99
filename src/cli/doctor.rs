//! `doctor`: findings, each with its mend. Where the program cannot start, it still says what can be seen.

use std::process::ExitCode;

use axum::http::Method;
use clap::Args;
use serde_json::Value;

use super::access::Access;
use super::{Global, print};
use crate::app::{Mode, doctor};
use crate::config::errors::ConfigErrors;

/// Options of `doctor`.
#[derive(Args)]
pub(super) struct DoctorArgs {
    /// Also send a message to an owner on each platform, and change it: the way out and back
    #[arg(long)]
    send: bool,
}

pub(super) async fn run(global: &Global, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let found = examine(global, args.send).await?;
    if global.json {
        print::json(&found);
    } else {
        for finding in found["findings"].as_array().into_iter().flatten() {
            let mark = match print::text(finding, "state") {
                "good" => "ok     ",
                "warning" => "warning",
                _ => "BAD    ",
            };
            print::line(format!("{mark}  {}: {}", print::text(finding, "what"), print::text(finding, "detail")));
            if let Some(mend) = finding["mend"].as_str() {
                print::line(format!("         mend: {mend}"));
            }
        }
    }
    Ok(if found["well"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(global: &Global, send: bool) -> anyhow::Result<Value> {
    let config = match global.load(Vec::new()) {
        Ok(config) => config,
        Err(error) => return error.downcast_ref::<ConfigErrors>().map(doctor::of_mistakes).ok_or(error),
    };
    match Access::open(config, Mode::StoreOnly).await {
        Ok(access) => {
            let (method, path) = if send { (Method::POST, "/doctor/send") } else { (Method::GET, "/doctor") };
            let found = access.ask(method, path, None).await;
            access.close().await;
            found
        }
        Err(error) => Ok(doctor::examine_unstarted(&global.load(Vec::new())?, &error).await),
    }
}
