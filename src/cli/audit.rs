//! `audit`: verify the chain, export it, verify an export without a server.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::access::Access;
use super::{Global, print};
use crate::app::Mode;
use crate::store::export::{self, ExportError};

/// Options of `audit`.
#[derive(Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: Audit,
    /// The tenant
    #[arg(long, default_value = "default", global = true)]
    tenant: String,
}

#[derive(Subcommand)]
enum Audit {
    /// Follow the chain to its end: the store's, or that of an export
    Verify {
        /// An export; needs no store
        file: Option<PathBuf>,
    },
    /// The chain, one JSON row a line, and a last line that counts them
    Export {
        /// Where to; the standard output without it
        file: Option<PathBuf>,
    },
}

pub(super) async fn run(global: &Global, args: AuditArgs) -> anyhow::Result<ExitCode> {
    if let Audit::Verify { file: Some(file) } = &args.command {
        return verify_export(file, global.json);
    }
    let access = Access::open(global.load(Vec::new())?, Mode::StoreOnly).await?;
    let done = one(&access, &args, global.json).await;
    access.close().await;
    done
}

async fn one(access: &Access, args: &AuditArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        Audit::Verify { .. } => {
            let found = access.ask(Method::GET, &format!("/audit/verify?tenant={}", args.tenant), None).await?;
            let valid = found["valid"] == true;
            if as_json {
                print::json(&found);
            } else if valid {
                print::line(format!("valid: {} rows, head {}", found["rows"], print::text(&found, "head")));
            } else {
                print::line(format!("broken at row {}: {}", found["row"], print::text(&found, "what")));
            }
            Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Audit::Export { file } => {
            let rows = access.bytes(&format!("/audit/export?tenant={}", args.tenant)).await?;
            match file {
                Some(file) => std::fs::write(file, rows).with_context(|| file.display().to_string())?,
                None => print::raw(&rows),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn verify_export(file: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let open = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    let heads = match export::verify(BufReader::new(open)) {
        Ok(heads) => heads,
        Err(ExportError::Broken { row, what, line }) if as_json => {
            print::json(&json!({ "valid": false, "row": row, "line": line, "what": what }));
            return Ok(ExitCode::FAILURE);
        }
        Err(broken @ ExportError::Broken { .. }) => {
            print::line(broken.to_string());
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    };
    let rows: u64 = heads.iter().map(|head| head.seq).sum();
    let heads: Vec<String> = heads.into_iter().map(|head| head.hash).collect();
    if as_json {
        print::json(&json!({ "valid": true, "rows": rows, "heads": heads }));
    } else {
        print::line(format!("valid: {rows} rows, head {}", heads.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}
