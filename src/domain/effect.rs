//! A side effect that is owed: stored in the commit that owes it, performed by its target, retried
//! until it is done, dead with a reason, or overtaken.

use serde::{Deserialize, Serialize};

use serde_json::Value;

use crate::domain::card::{Audience, Card};
use crate::domain::event::Address;
use crate::domain::ids::{EffectId, EventId, TenantId};
use crate::domain::outcome::{Living, Shows};
use crate::domain::time::Timestamp;

/// Something owed to the outside world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its name, and with the tenant its idempotency key.
    pub id: EffectId,
    /// Its owner.
    pub tenant: TenantId,
    /// When it was decided.
    pub created: Timestamp,
    /// Not performed before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// After this a late answer joins a digest instead of arriving alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What to do.
    #[serde(flatten)]
    pub kind: EffectKind,
    /// Tries so far that are known to have failed.
    #[serde(default)]
    pub attempts: u32,
    /// What the last try said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What the step of a workflow that owes it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
}

/// What the step of a workflow wants of what it owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Under which it may be performed once, over all effects that carry it: a further try of a step has the same.
    pub key: String,
    /// An earlier effect of this key may have been performed, so it is looked for before this one is tried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// It is tried once: whoever owes it decides about a further try, which is another effect of the same key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// How long one try may take, in milliseconds; as long as its channel lets it, where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// The name of the timer that rings when it has ended, with a [`Report`] in its payload.
    pub reports: String,
}

/// What became of an effect with [`Terms`], as its owner is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The effect.
    pub effect: EffectId,
    /// How it ended.
    pub end: EffectEnd,
}

/// What an effect does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum EffectKind {
    /// Show a card to people.
    Deliver {
        /// Where.
        to: Address,
        /// What.
        card: Card,
        /// To whom.
        #[serde(default)]
        audience: Audience,
        /// The message that the card replaces, in the channel's own notation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<String>,
        /// Whose card it is: the message is changed when that is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shows: Option<Shows>,
        /// How it lives on, where it is not said once and done with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        living: Option<Living>,
        /// The event that this answers, so that a caller who still waits gets it in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answers: Option<EventId>,
    },
    /// Have a platform do something that is no message.
    Call {
        /// Where; its calls keep the order of the messages there.
        to: Address,
        /// What, by the platform's name and the operation's: `github.label`.
        operation: String,
        /// With what.
        args: Value,
    },
}

impl Effect {
    /// Where it is to be performed.
    #[must_use]
    pub fn address(&self) -> &Address {
        match &self.kind {
            EffectKind::Deliver { to, .. } | EffectKind::Call { to, .. } => to,
        }
    }

    /// The key under which the effect may be performed once. A store that was restored gives numbers out again that
    /// its platforms have seen; the time tells those effects apart.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        if let Some(terms) = &self.terms {
            return format!("{}/{}", self.tenant, terms.key);
        }
        format!("{}/{}@{}", self.tenant, self.id, self.created.0)
    }
}

/// The platform's word that an effect was performed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The effect.
    pub id: EffectId,
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub end: EffectEnd,
    /// Where it went, for `why`: `slack #C1 thread 1700.1`.
    pub to: String,
    /// Tries it took.
    pub attempts: u32,
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum EffectEnd {
    /// Performed; the platform's own id of the message, or `inline` where it was the HTTP answer.
    Done {
        /// The platform's id.
        platform_id: String,
        /// By which route.
        via: String,
    },
    /// A call was carried out, now or by an earlier try that was found.
    Called {
        /// The platform's id of what was made or changed.
        platform_id: String,
        /// By which route.
        via: String,
        /// What the platform has answered.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
    },
    /// Found already performed when its outcome was unknown.
    FoundDone {
        /// The platform's id.
        platform_id: String,
    },
    /// Came too late and became part of a digest.
    Merged {
        /// The digest.
        into: EffectId,
    },
    /// Not performed, since its target shows the last card alone and a later one waits.
    Overtaken {
        /// The later one.
        by: EffectId,
    },
    /// Not performed; whoever owes it is told, and decides.
    Failed {
        /// By what.
        by: FailedBy,
        /// In words.
        reason: String,
    },
    /// Given up; can be replayed.
    Dead {
        /// Why.
        reason: String,
    },
    /// Taken off by an operator.
    Dropped {
        /// By whom.
        by: String,
    },
}

/// Why a try of an effect has failed, by what its owner can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedBy {
    /// The platform does not take it, now or later.
    Rejected,
    /// The platform is away or in trouble; surely not done.
    Transient,
    /// There was no answer, and a look has shown that it was not done.
    Timeout,
    /// There was no answer, and nothing tells whether it was done: a person has to look.
    Unknown,
}

impl EffectEnd {
    /// The platform's id of the message that people see since, where it has given one: what went as the answer to an
    /// open request has none, and has the name of its route in the place of the id.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Done { platform_id, via } => Some(platform_id.as_str()).filter(|id| id != via),
            Self::FoundDone { platform_id } => Some(platform_id),
            Self::Called { .. }
            | Self::Merged { .. }
            | Self::Overtaken { .. }
            | Self::Failed { .. }
            | Self::Dead { .. }
            | Self::Dropped { .. } => None,
        }
    }
}
