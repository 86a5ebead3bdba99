//! `cargo bench`: how fast the binary is, beside what the machine gives at best in the same run.
//!
//! The server runs on core 0, the load and the stand-ins for the platforms on core 1. Every figure stands beside a
//! floor that was measured in the same run, since the machine is another one each time. Sections are
//! chosen by name: `cargo bench -- accept cold`. `--full` keeps a million events where the section `flat`
//! otherwise keeps 200,000; `--quick` shortens bursts to see what a change does, and proves nothing.
//!
//! A further section is a file in `support/sections/` and a line in [`SECTIONS`].

mod support;

use std::process::ExitCode;

use futures_util::future::LocalBoxFuture;

use support::figures::Report;
use support::sections::{
    Length, accept, backlog, cold, flat, github_open_loop, idle, open_loop, sustained, teams_open_loop, teams_token,
};
use support::{cores, floor};

/// A section: its name, and what measures it.
type Section = (&'static str, for<'a> fn(&'a mut Report, Length) -> LocalBoxFuture<'a, anyhow::Result<()>>);

const SECTIONS: &[Section] = &[
    ("accept", |report, length| Box::pin(accept::measure(report, length))),
    ("sustained", |report, length| Box::pin(sustained::measure(report, length))),
    ("openloop", |report, _| Box::pin(open_loop::measure(report))),
    ("backlog", |report, _| Box::pin(backlog::measure(report))),
    ("idle", |report, _| Box::pin(idle::measure(report))),
    ("cold", |report, _| Box::pin(cold::measure(report))),
    ("flat", |report, length| Box::pin(flat::measure(report, length))),
    ("teams-openloop", |report, _| Box::pin(teams_open_loop::measure(report))),
    ("github-openloop", |report, _| Box::pin(github_open_loop::measure(report))),
    ("token", |report, length| Box::pin(teams_token::measure(report, length))),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let result = match arguments.first().map(String::as_str) {
        Some(floor::ARGUMENT) => floor::run(&arguments[1..]),
        _ => measure(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            support::figures::print(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> anyhow::Result<()> {
    let asked = |option: &str| arguments.iter().any(|argument| argument == option);
    let length = match (asked("--full"), asked("--quick")) {
        (true, _) => Length::Full,
        (false, true) => Length::Quick,
        (false, false) => Length::Usual,
    };
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    for name in &chosen {
        let known = SECTIONS.iter().any(|(section, _)| section == name);
        let names: Vec<&str> = SECTIONS.iter().map(|(section, _)| *section).collect();
        anyhow::ensure!(known, "there is no section `{name}`: choose of {}", names.join(", "));
    }
    cores::take(cores::LOAD)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    for (name, section) in SECTIONS {
        if chosen.is_empty() || chosen.contains(&&(*name).to_owned()) {
            report.section(name);
            runtime.block_on(section(&mut report, length))?;
        }
    }
    report.end();
    Ok(())
}
