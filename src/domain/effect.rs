//! A side effect that is owed: stored in the commit that owes it, performed by its target, retried
//! until it is done, dead with a reason, or overtaken.

use serde::{Deserialize, Serialize};

use crate::domain::card::{Audience, Card};
use crate::domain::event::Address;
use crate::domain::ids::{EffectId, EventId, TenantId};
use crate::domain::outcome::Shows;
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
        /// The event that this answers, so that a caller who still waits gets it in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answers: Option<EventId>,
    },
}

impl Effect {
    /// The address of a delivery.
    #[must_use]
    pub fn address(&self) -> &Address {
        match &self.kind {
            EffectKind::Deliver { to, .. } => to,
        }
    }

    /// The key under which the effect may be performed once. A store that was restored gives numbers out again that
    /// its platforms have seen; the time tells those effects apart.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
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

impl EffectEnd {
    /// The platform's id of the message that people see since, where it has given one: what went as the answer to an
    /// open request has none, and has the name of its route in the place of the id.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Done { platform_id, via } => Some(platform_id.as_str()).filter(|id| id != via),
            Self::FoundDone { platform_id } => Some(platform_id),
            Self::Merged { .. } | Self::Overtaken { .. } | Self::Dead { .. } | Self::Dropped { .. } => None,
        }
    }
}
