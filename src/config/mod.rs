//! What an operator edits: the agents and the settings, one file per concern.
//!
//! Knows `domain` and files, nothing else of ours. A new concern is a new file and a line here.

pub mod catalog;
