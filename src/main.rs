//! The binary: reads the command line and runs what it asks for.

use std::process::ExitCode;

/// Events are many small values of all sizes, made in one thread and dropped in another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ai_crm::cli::run(std::env::args_os())
}
