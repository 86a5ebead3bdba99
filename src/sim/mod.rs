//! Stand-ins for the platforms: they answer our calls as the platform would, and call us as the
//! platform would. Users try the bot with them, and the integration tests run against them.
//!
//! They are written from the platforms' documents and share no code with `channels/`, so that a
//! misunderstanding there is not repeated here. They decide nothing about the bot. What two of them
//! need stands beside their folders: faults, and the serving of HTTP. A further platform is one folder
//! and one line.

pub mod fault;
mod serving;
pub mod slack;
pub mod teams;
