//! What models, workflows and programs may do; people reach the same functions through `commands/`.
//!
//! A tool is one file with a function over a [`Context`] and two lines in [`TABLE`]. It decides and
//! returns; it does not write, send or wait.

use crate::domain::event::Event;
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::store::View;

/// What a handler is given. Time, numbers and signatures are arguments; nothing here does I/O beyond
/// reading the store.
pub struct Context<'a> {
    /// What the tenant has.
    pub view: &'a View,
    /// The present moment.
    pub now: Timestamp,
    /// The event that is handled.
    pub event: &'a Event,
    /// The person who asks.
    pub by: &'a Principal,
    /// Whether this person may do an action in this place.
    pub may: &'a dyn Fn(&str) -> bool,
    /// Makes the token of a button from the line that a press stands for.
    pub sign: &'a dyn Fn(&str) -> String,
    /// How people address the bot here: `/ai-crm`, or nothing in the terminal.
    pub prefix: &'a str,
}
