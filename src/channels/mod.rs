//! Platform adapters: each folder knows everything of one platform and nothing of the others.
//!
//! A channel verifies and decodes what comes in (an `Incoming`), renders cards, delivers them, and
//! looks people up. It keeps no state that must survive. A new channel is one folder and two lines
//! in [`TABLE`]; the contract suite in `tests/it` then runs over it.

pub mod forms;
pub mod github;
mod grid;
mod http;
pub mod inline;
mod pages;
mod progress;
mod signed;
pub mod slack;
pub mod teams;
pub mod terminal;
#[cfg(test)]
mod testing;
mod text;
mod unfolding;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::domain::card::{Audience, Card};
use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::ids::EventId;
use crate::domain::principal::Profile;
use crate::domain::time::Timestamp;

/// One line of the table of channels.
pub struct ChannelSpec {
    /// The word in keys, policies and configuration.
    pub name: ChannelName,
    /// What it is, for `serve` and `doctor`.
    pub about: &'static str,
    /// How to turn it on.
    pub turn_on: &'static str,
}

/// Every channel of this program.
pub const TABLE: &[ChannelSpec] = &[
    ChannelSpec { name: ChannelName::Slack, about: slack::ABOUT, turn_on: slack::TURN_ON },
    ChannelSpec { name: ChannelName::Teams, about: teams::ABOUT, turn_on: teams::TURN_ON },
    ChannelSpec { name: ChannelName::GitHub, about: github::ABOUT, turn_on: github::TURN_ON },
    ChannelSpec { name: ChannelName::Terminal, about: terminal::ABOUT, turn_on: terminal::TURN_ON },
];

/// A card on its way to people.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Under which it may be performed once.
    pub idempotency_key: String,
    /// Where.
    pub to: Address,
    /// What.
    pub card: Card,
    /// To whom.
    pub audience: Audience,
    /// The message that it replaces, in this channel's notation.
    pub replaces: Option<String>,
    /// What it is about, where a conversation has one message of that: where none is known to be replaced, one that carries
    /// this topic is looked for, if the platform lets messages carry it.
    pub topic: Option<String>,
    /// The event that it answers, for a caller who still waits.
    pub answers: Option<EventId>,
    /// When it was decided. No try of it can be older, so a look for one starts here.
    pub since: Timestamp,
}

/// The platform's word that a card has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The platform's id of the message.
    pub platform_id: String,
    /// By which route: `chat.postMessage`, `response_url`, `inline`.
    pub via: &'static str,
}

/// Why a card has not arrived, by what the outbox does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// The platform wants us to wait; nothing was done.
    #[error("the platform asks to wait {} s", after.as_secs())]
    RateLimited {
        /// How long.
        after: Duration,
    },
    /// The platform will never take it; nothing was done.
    #[error("rejected: {reason}")]
    Rejected {
        /// The platform's error code, or ours.
        reason: String,
    },
    /// The platform lets the bot say nothing in that place, or knows no such place; nothing was done. Of no use again,
    /// but where the place turns out to be reached by another address.
    #[error("out of reach: {reason}")]
    OutOfReach {
        /// The platform's error code, and what helps.
        reason: String,
    },
    /// The request may have been carried out: look before repeating.
    #[error("no answer, so it may have been done: {reason}")]
    UnknownOutcome {
        /// What broke.
        reason: String,
    },
    /// Nobody is there to read it. That is nobody's failure: it is kept until somebody comes.
    #[error("nobody is there to read it")]
    NobodyThere,
    /// It was surely not done; try again later.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// What broke.
        reason: String,
    },
}

/// Something that a platform is asked to do and that is no message.
#[derive(Debug, Clone)]
pub struct Call {
    /// Under which it may be performed once.
    pub idempotency_key: String,
    /// Where.
    pub to: Address,
    /// What: `github.label`.
    pub operation: String,
    /// With what.
    pub args: Value,
    /// When it was decided. No try of it can be older, so a look for one starts here.
    pub since: Timestamp,
}

/// The platform's word that a call was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The platform's id of what was made or changed, for the receipt.
    pub platform_id: String,
    /// What it has answered, for who owes the call.
    pub output: Value,
    /// By which route: `PATCH issue`.
    pub via: &'static str,
}

/// What a look for an earlier try has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<D = Delivered> {
    /// It was done.
    Done(D),
    /// It was not done.
    NotDone,
    /// This route cannot be looked at; the reason stands in the receipt.
    CannotTell(&'static str),
}

impl<D> Lookup<D> {
    /// The same, with what was found put otherwise.
    pub fn map<E>(self, how: impl FnOnce(D) -> E) -> Lookup<E> {
        match self {
            Self::Done(found) => Lookup::Done(how(found)),
            Self::NotDone => Lookup::NotDone,
            Self::CannotTell(why) => Lookup::CannotTell(why),
        }
    }
}

/// A platform adapter.
pub trait Channel: Send + Sync + 'static {
    /// Its line in the table.
    fn name(&self) -> ChannelName;

    /// Shows a card to people. A `replaces` makes it an update of that message.
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>>;

    /// Looks whether an earlier try of the same delivery was done.
    fn look_up<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>>;

    /// Has the platform do something that is no message.
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Called, DeliverError>> {
        let reason = format!("{} has no operation `{}`", self.name(), call.operation);
        Box::pin(async { Err(DeliverError::Rejected { reason }) })
    }

    /// Looks whether an earlier try of the same call was carried out. What may be repeated without harm was not.
    fn look_up_call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Lookup<Called>, DeliverError>> {
        let _ = call;
        Box::pin(async { Ok(Lookup::CannotTell("this channel does not look for calls")) })
    }

    /// What the platform says of a user, as seen from the workspace `installation`, and where the platform describes
    /// people by conversations, from the one in which they were seen; nothing where it says that there is no such user.
    fn profile<'a>(
        &'a self,
        installation: &'a str,
        user: &'a PlatformUser,
        seen_in: Option<&'a Address>,
    ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>>;

    /// Whether what the platform says of a user depends on the conversation in which they were seen.
    fn describes_by_place(&self) -> bool {
        false
    }

    /// Whether a user stands differently in each place, as by the permission that they have in a repository: what is
    /// known of them in one says nothing about another.
    fn standing_by_place(&self) -> bool {
        false
    }

    /// Whether rules may act by what happens in an organisation of the platform: where others may have installed the same App,
    /// in this team's alone. Nothing while nobody can tell.
    fn rules_may_act(&self, organisation: Option<&str>) -> Option<bool> {
        let _ = organisation;
        Some(true)
    }

    /// How people call the bot before a command, as usage lines show it: `/ai-crm`.
    fn prefix(&self) -> &str {
        ""
    }

    /// Least time between two messages to one place, which the outbox keeps.
    fn pace(&self) -> Duration;

    /// That of one place (`Address::spot`), where calls that are no messages have taken of its rate lately.
    fn pace_in(&self, place: &str) -> Duration {
        let _ = place;
        self.pace()
    }

    /// Whether a caller waits for the answer to an event in an open request, so that it costs no call.
    fn is_awaited(&self, event: EventId) -> bool {
        let _ = event;
        false
    }
}
