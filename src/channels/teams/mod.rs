//! Microsoft Teams: everything that knows the Bot Framework's tokens, its activities, its limits and Adaptive Cards.
//!
//! The way in is `door` (`verify` with the keys of `keys`, but for the playground) → `decode` (which reads the structs
//! of `activity` and the text by `text`); the way out is `card` → `deliver` → `client`, with the tokens of `token`,
//! which `certificate` or a secret gets. Addresses that a payload names are checked by `hosts`; forms are `dialog`.
//! Nothing here decides what an event means or keeps state that must survive. A new kind of activity is an arm in
//! `decode`; what Teams must be told of the bot when it is set up is `manifest`.

pub mod activity;
mod answer;
pub mod card;
pub mod certificate;
pub mod client;
pub mod decode;
pub mod deliver;
pub mod dialog;
pub mod door;
pub mod hosts;
pub mod keys;
pub mod manifest;
mod meeting;
pub mod search;
mod stream;
mod text;
pub mod token;
pub mod typing;
pub mod verify;

/// What it is.
pub const ABOUT: &str = "Microsoft Teams: mentions, chats and cards";
/// How to turn it on.
pub const TURN_ON: &str = "set MICROSOFT_APP_ID, MICROSOFT_APP_PASSWORD (or MICROSOFT_APP_CERTIFICATE) and \
                           MICROSOFT_APP_TENANT_ID";
