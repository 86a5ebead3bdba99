//! The terminal.

pub mod render;

/// What it is.
pub const ABOUT: &str = "the `chat` command on this machine";
/// How to turn it on.
pub const TURN_ON: &str = "always on";
