//! `doctor`: findings, each with its mend.

use std::process::ExitCode;

use axum::http::Method;

use super::access::ask_once;
use super::{Global, print};
use crate::app::Mode;

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let found = ask_once(global.load(Vec::new())?, Mode::StoreOnly, Method::GET, "/doctor", None).await?;
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
