//! AI-CRM: a chat-ops bot runtime that loses nothing, doubles nothing and can explain everything it did.
//!
//! Start with `ARCHITECTURE.md`; `app.rs` puts the parts together.

pub mod actors;
pub mod app;
pub mod channels;
pub mod cli;
pub mod commands;
pub mod config;
pub mod domain;
pub mod ledger;
pub mod pm;
pub mod policy;
pub mod sim;
pub mod store;
pub mod tools;
pub mod web;
pub mod workflow;
