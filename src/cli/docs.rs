//! `docs`: the page of the chat grammar, made from the table of commands.

use std::process::ExitCode;

use super::print;
use crate::commands::usage;

pub(super) fn run() -> ExitCode {
    print::raw(usage::docs_markdown().as_bytes());
    ExitCode::SUCCESS
}
