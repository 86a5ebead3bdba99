//! `workflow what-if`: what changed files would have done with the events that are kept.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use axum::http::Method;
use clap::Args;
use serde_json::json;

use super::files_or_folder;
use crate::actors::clock::SystemClock;
use crate::app::Mode;
use crate::cli::access::ask_once;
use crate::cli::{Global, print};
use crate::domain::time::Clock as _;
use crate::workflow::duration;

/// Options of `workflow what-if`.
#[derive(Args)]
pub(super) struct WhatIfArgs {
    /// Files of the changed set; without them those of `workflows.folder`, of which a server may have read an earlier version
    files: Vec<PathBuf>,
    /// From how long ago on: 30m, 12h, 7d
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: String,
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
}

pub(super) async fn run(global: &Global, args: &WhatIfArgs) -> anyhow::Result<ExitCode> {
    let since =
        duration::read(&args.since).with_context(|| format!("--since {}: {}", args.since, duration::NOTATION))?;
    let mut files = Vec::new();
    for path in files_or_folder(global, &args.files)? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files.push(json!({ "name": name, "text": text }));
    }
    let from = SystemClock.now().0 - i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let body = json!({ "files": files, "since_ms": from });
    let path = format!("/workflows/what-if?tenant={}", args.tenant);
    let answer = ask_once(global.load(Vec::new())?, Mode::StoreOnly, Method::POST, &path, Some(&body)).await?;
    if global.json {
        print::json(&answer);
    } else {
        print::line(print::text(&answer, "text"));
        if answer["is_whole"] == false {
            print::remark("there are more events than were looked at: take a shorter --since");
        }
    }
    Ok(ExitCode::SUCCESS)
}
