//! `audit`: verify the chain, export it, verify an export without a server.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::access::Access;
use super::{Global, print};
use crate::app::Mode;
use crate::domain::ids::TenantId;
use crate::store::chain::{ExportedRow, Verifier};

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
    /// The chain, one JSON row a line
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
    let mut chains: HashMap<TenantId, Verifier> = HashMap::new();
    let mut rows = 0_u64;
    for (number, line) in BufReader::new(open).lines().enumerate() {
        let line = line?;
        let read = serde_json::from_str::<ExportedRow>(&line);
        let row = read.with_context(|| format!("{} line {}: not a row of an export", file.display(), number + 1))?;
        let chain = chains.entry(row.row.tenant.clone()).or_insert_with(|| Verifier::from_first(&row.row));
        if let Err(found) = chain.follow(&row.row, Some(&row.hash)) {
            let broken = json!({ "valid": false, "row": found.seq, "line": number + 1, "what": found.what });
            if as_json {
                print::json(&broken);
            } else {
                print::line(format!("broken at {found} (line {})", number + 1));
            }
            return Ok(ExitCode::FAILURE);
        }
        rows += 1;
    }
    let heads: Vec<String> = chains.values().map(|chain| chain.head().hash.clone()).collect();
    if as_json {
        print::json(&json!({ "valid": true, "rows": rows, "heads": heads }));
    } else {
        print::line(format!("valid: {rows} rows, head {}", heads.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}
