//! Stand-ins for the platforms: they answer our calls as the platform would, and call us as the
//! platform would. Users try the bot with them, and the integration tests run against them.
//!
//! They are written from the platforms' documents and share no code with `channels/`, so that a
//! misunderstanding there is not repeated here. They decide nothing about the bot. A further
//! platform is one folder and one line.

pub mod slack;
