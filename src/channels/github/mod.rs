//! GitHub, by an App: what its webhooks tell of, proved by their signature; which commands stand in Markdown, and cards as
//! Markdown; and its API, by which comments are written, people looked up and operations performed.
//!
//! Documents: docs.github.com/webhooks, docs.github.com/rest.

pub mod accounts;
mod answer;
pub mod client;
pub mod commands;
mod comments;
pub mod decode;
pub mod deliver;
pub mod deliveries;
mod governor;
pub mod key;
mod look_up;
pub mod markdown;
mod operations;
mod people;
pub mod reaction;
mod repository;
#[cfg(test)]
mod testing;
mod token;
pub mod verify;
mod wire;

/// The path at which GitHub reaches the server.
pub const WEBHOOK_PATH: &str = "/api/github/webhooks";
/// What it is, for `serve` and `doctor`.
pub const ABOUT: &str = "people command the bot by comments, and rules act on what happens in repositories";
/// How to turn it on.
pub const TURN_ON: &str = "set GITHUB_APP_ID, GITHUB_PRIVATE_KEY and GITHUB_WEBHOOK_SECRET, and give the App the webhook \
                           address /api/github/webhooks";
