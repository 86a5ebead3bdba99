//! A stand-in for Microsoft Teams: a tenant with people, teams, chats and messages, the Bot Framework's connector,
//! Entra's tokens, and the activities that Teams sends to an application.
//!
//! [`TeamsWorld`] is the tenant, [`TeamsSim`] serves it over HTTP, [`Sender`] behaves as Teams does towards an
//! application, [`show`] prints a message as a person sees it. The rules come from Microsoft's documents and the notes
//! on its behaviour; nothing here is shared with `channels/teams`. It never decides what the bot does.

mod activity;
mod api;
mod assertion;
mod card;
mod checks;
mod connector;
mod control;
pub mod delivery;
pub mod dialog;
mod keys;
pub mod links;
mod login;
pub mod message;
mod package;
pub mod press;
pub mod rates;
mod refusal;
mod roster;
pub mod search;
pub mod seed;
pub mod sender;
mod server;
pub mod show;
pub mod state;
mod streaming;
mod tokens;
pub mod world;

#[cfg(test)]
mod tests;

pub use delivery::{Answer, Manner, SenderConfig, Variant};
pub use message::Message;
pub use rates::RateLimits;
pub use sender::Sender;
pub use server::TeamsSim;
pub use world::{App, SharedWorld, TeamsWorld};
