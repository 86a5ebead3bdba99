//! Stand-ins for the platforms: they answer our calls as the platform would, and call us as the
//! platform would. Users try the bot with them, and the integration tests run against them.
//!
//! They are written from the platforms' documents and share no code with `channels/`, so that a
//! misunderstanding there is not repeated here. They decide nothing about the bot. What every stand-in
//! needs stands beside their folders, and knows no platform: the world behind a lock and its records, faults and
//! what they do to a call, the server and its control routes, delivery, and the layout of text. A rule of one platform
//! stays in its folder, even where another has a like one. A further platform is one folder and one line.

#[cfg(test)]
mod clock;
mod control;
pub mod delivery;
pub mod fault;
pub mod github;
mod interference;
mod layout;
pub mod record;
pub mod server;
mod serving;
pub mod slack;
pub mod teams;
pub mod world;
