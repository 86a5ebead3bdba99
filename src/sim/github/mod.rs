//! A stand-in for GitHub: accounts, repositories with issues, pull requests and files, an App with its installations, the
//! REST API that an App uses, and the webhooks that GitHub sends to it.
//!
//! [`GitHubWorld`] is what is so on GitHub, [`GitHubSim`] serves it over HTTP and sends its webhooks, [`Act`] is what
//! people do there, [`show`] prints an issue as a person sees it. The rules come from docs.github.com; where the documents
//! have no word, the word is ours and the file says so. Nothing here is shared with `channels/github`. It never decides
//! what the bot does.

pub mod account;
pub mod act;
mod api;
pub mod app;
mod asked;
mod calls;
mod control;
mod doors;
mod happens;
pub mod hook;
pub mod issue;
mod jwt;
mod keys;
mod page;
mod people;
mod postman;
pub mod rates;
mod refusal;
pub mod repository;
pub mod seed;
mod server;
mod shape;
pub mod show;
pub mod state;
pub mod world;

#[cfg(test)]
mod tests;

pub use act::{Act, ActError, Acted};
pub use app::App;
pub use rates::RateLimits;
pub use server::GitHubSim;
pub use world::{GitHubWorld, SharedWorld};
