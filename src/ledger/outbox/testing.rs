//! What the tests of the outbox begin with: an effect that is owed.

use crate::domain::card::{Audience, Card};
use crate::domain::effect::{Effect, EffectKind};
use crate::domain::event::{Address, ChannelName};
use crate::domain::ids::{EffectId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// A card for everybody in a place of Slack, owed by an event.
pub(super) fn delivery(event: u64, place: &str) -> Effect {
    let to = Address::at(ChannelName::Slack, "T1", place);
    let card = Card::new("x");
    let kind = EffectKind::Deliver {
        to,
        card,
        audience: Audience::Everyone,
        replaces: None,
        shows: None,
        living: None,
        answers: None,
    };
    let (id, tenant) = (EffectId { event: EventId(event), index: 0 }, TenantId::default_tenant());
    let created = Timestamp(0);
    Effect { id, tenant, created, not_before: None, expires: None, kind, attempts: 0, last_error: None, terms: None }
}
