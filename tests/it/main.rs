//! The integration crate: tests that run programs from outside, with their own folders and ports.
//! A test belongs here when it needs a process, a disk or a socket; to add one, add a module.

mod kill;
mod power;
mod power_cut;
mod simulation;
mod slack_models;
mod support;
