//! Slack: everything that knows its signatures, its JSON, its limits and its Web API.
//!
//! The way in is `verify` → `decode`, or `socket` → `decode` (which reads the structs of `inbound` and the mark-up by
//! `text`); the way out is `blocks` → `deliver` → `client`, with the token that `workspaces` gives; `oauth` connects a
//! further workspace. What Slack told us in vain is fetched by `history`, and read by `decode` as well. Forms go beside
//! both: `forms` opens them, `modal` is their shape. `home` is where a card is shown as somebody's Home. `look_up` looks
//! for messages of ours that are there already, in the `chats` of people too. Nothing here decides what an event means or
//! keeps state that must survive. A new kind of request is an arm in `decode`; a new method of the Web API is a function
//! in `client` and a struct in `answers`; what Slack must be told of the bot when it is set up is `manifest`.

pub mod answers;
pub mod blocks;
mod chats;
pub mod client;
pub mod decode;
pub mod deliver;
pub mod forms;
pub mod history;
pub mod home;
mod inbound;
mod lenient;
mod look_up;
pub mod manifest;
pub mod modal;
mod names;
pub mod oauth;
mod people;
pub mod socket;
mod stream;
mod text;
mod unfurl;
pub mod verify;
pub mod workspaces;

/// What it is.
pub const ABOUT: &str = "Slack workspaces: /ai-crm, mentions, direct messages and buttons, forms for tasks, and a Home";
/// How to turn it on.
pub const TURN_ON: &str = "set SLACK_BOT_TOKEN, and SLACK_SIGNING_SECRET (by requests) or SLACK_APP_TOKEN (by socket, without an address); for \
     several workspaces SLACK_CLIENT_ID and SLACK_CLIENT_SECRET";
