//! Nouns without I/O: what an event, an outcome, an effect, a card, a task and a person are.
//!
//! Nothing here reads a clock, a file, the store or a socket, and nothing here knows a platform.
//! A noun that two folders share is added here as one file; a noun that one folder uses stays there.

pub mod action;
pub mod agent;
pub mod api_key;
pub mod approval;
pub mod audit;
pub mod card;
pub mod effect;
pub mod event;
pub mod form;
pub mod ids;
pub mod notice;
pub mod outcome;
pub mod principal;
pub mod search;
pub mod secret;
pub mod sync;
pub mod task;
pub mod time;
