//! The ledger: what was accepted, what is owed, and the order of both.
//!
//! [`intake`] is the way in, by whichever road; [`inbox`] takes events in and settles them; [`lanes`] says which event is next; [`outbox`] says which
//! effect is next; [`settled`] tells those who wait. Lanes and outbox hold ids only and are rebuilt from
//! the store at every start, so nothing stays "running" that no process runs. Nothing here performs an
//! effect, knows a platform or decides what an event means.

mod fresh;
pub mod inbox;
pub mod intake;
pub mod lanes;
pub mod limit;
pub mod operate;
pub mod outbox;
pub mod retain;
pub mod rush;
pub mod settled;
