//! The tree of actors, and the router that they run.
//!
//! Actors move ids, wait for the network and keep time; what an event means is decided by
//! [`router::Router`], which the simulation runs without any of them. Actors do not know HTTP routes.
//! A new actor is one file here and one child in [`tree`].

pub mod board;
pub mod channel;
pub mod clock;
pub mod delivery;
pub mod disconnect;
pub mod dispatcher;
mod granted;
pub mod identify;
pub mod janitor;
pub mod metrics;
pub mod outbox;
mod reported;
pub mod router;
pub(crate) mod runs;
pub mod seat;
pub mod session;
pub mod settle;
pub mod sign;
pub mod sockets;
pub mod supervisor;
mod sync;
mod task;
pub mod tree;
