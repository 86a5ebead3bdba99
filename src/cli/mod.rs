//! The command line: arguments, subcommands, what they print, and the log.
//!
//! A new subcommand is a file here.

pub mod logging;
