//! A stand-in for Slack: a workspace with people, channels and messages, its Web API, and the calls
//! that Slack makes to an application.
//!
//! [`SlackWorld`] is the workspace, [`SlackSim`] serves it over HTTP and web sockets, [`Sender`] behaves as Slack does
//! towards an application, [`show`] prints a message as a person sees it. The rules come from Slack's
//! documents and the notes on its behaviour; nothing here is shared with `channels/slack`. It never
//! decides what the bot does.

mod api;
mod app;
mod blocks;
pub mod clicks;
mod control;
pub mod delivery;
mod elements;
pub mod hooks;
pub mod limits;
mod link;
pub mod message;
mod methods;
pub mod modals;
mod mrkdwn;
pub mod oauth;
pub mod payload;
pub mod rates;
pub mod seed;
pub mod sender;
mod server;
pub mod show;
pub mod signature;
pub mod sockets;
pub mod state;
pub mod unfurls;
pub mod world;

#[cfg(test)]
mod tests;

pub use super::fault;
pub use delivery::{Answer, Manner, SenderConfig, Variant};
pub use fault::{Fate, Faults};
pub use message::Message;
pub use rates::RateLimits;
pub use sender::Sender;
pub use server::SlackSim;
pub use world::{SharedWorld, SlackWorld};
