//! Several late answers as one card.
//!
//! What was for one person's eyes is counted in a digest that others read, never quoted.

use crate::domain::card::{Audience, Block, Card, Tone};
use crate::domain::effect::{Effect, EffectKind};
use crate::domain::ids::EffectId;
use crate::domain::time::Timestamp;

/// Place of a digest among the effects of an event, far above any that a handler makes.
const DIGEST_INDEX: u32 = 1 << 31;
/// Answers that a digest names one by one.
const MOST_NAMED: usize = 30;

/// One effect that stands for several late ones, which are the effects of one conversation, in order.
#[must_use]
pub fn digest(late: &[Effect], now: Timestamp) -> Option<Effect> {
    let newest = late.last()?;
    let private = late.iter().filter(|effect| audience(effect) == Audience::Asker).count();
    let first = late.first()?;
    let people: std::collections::BTreeSet<_> =
        late.iter().filter_map(|effect| effect.address().person.as_deref()).collect();
    let for_one = private == late.len() && people.len() == 1;
    let named: Vec<String> = late
        .iter()
        .filter(|effect| for_one || audience(effect) == Audience::Everyone)
        .map(|effect| match &effect.kind {
            EffectKind::Deliver { card, .. } => card.summary(),
        })
        .collect();
    let minutes = now.since(first.created).as_secs().div_ceil(60);
    let mut card = Card::new(format!("{} answers that could not be delivered in time", late.len()))
        .tone(Tone::Warning)
        .text(format!("This place could not be reached for about {minutes} min. Each was decided when it was asked."));
    let hidden = named.len().saturating_sub(MOST_NAMED);
    if !named.is_empty() {
        card = card.block(Block::List { items: named.into_iter().take(MOST_NAMED).collect() });
    }
    if hidden > 0 {
        card = card.text(format!("… and {hidden} more"));
    }
    if private > 0 && !for_one {
        card = card.text(format!("{private} of them were for one person's eyes: ask again to see them."));
    }
    let mut to = newest.address().clone();
    // A one-time route has run out by now.
    to.route = None;
    let audience = if for_one { Audience::Asker } else { Audience::Everyone };
    Some(Effect {
        id: EffectId { event: newest.id.event, index: DIGEST_INDEX | newest.id.index },
        tenant: newest.tenant.clone(),
        created: now,
        not_before: None,
        expires: None,
        kind: EffectKind::Deliver { to, card, audience, replaces: None, answers: None },
        attempts: 0,
        last_error: None,
    })
}

fn audience(effect: &Effect) -> Audience {
    match &effect.kind {
        EffectKind::Deliver { audience, .. } => *audience,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Address, ChannelName};
    use crate::domain::ids::{EventId, TenantId};

    fn late(event: u64, person: &str, audience: Audience) -> Effect {
        let to = Address {
            channel: ChannelName::Slack,
            installation: "T1".into(),
            place: "C1".into(),
            thread: None,
            person: Some(person.into()),
            route: Some("https://hooks.slack.com/x".into()),
        };
        Effect {
            id: EffectId { event: EventId(event), index: 0 },
            tenant: TenantId::default_tenant(),
            created: Timestamp(0),
            not_before: None,
            expires: Some(Timestamp(1)),
            kind: EffectKind::Deliver {
                to,
                card: Card::new(format!("answer {event}")),
                audience,
                replaces: None,
                answers: None,
            },
            attempts: 0,
            last_error: None,
        }
    }

    fn text(effect: &Effect) -> String {
        serde_json::to_string(effect).unwrap()
    }

    #[test]
    fn a_digest_names_what_all_may_read_and_counts_the_rest() {
        let effects =
            [late(1, "U1", Audience::Everyone), late(2, "U2", Audience::Asker), late(3, "U1", Audience::Everyone)];
        let digest = digest(&effects, Timestamp(3_600_000)).unwrap();
        assert!(text(&digest).contains("answer 1") && text(&digest).contains("answer 3"));
        assert!(!text(&digest).contains("answer 2") && text(&digest).contains("1 of them"));
        assert_eq!((digest.address().route.as_ref(), digest.expires), (None, None));
    }

    #[test]
    fn what_was_for_one_person_stays_with_that_person() {
        let digest = digest(&[late(1, "U1", Audience::Asker), late(2, "U1", Audience::Asker)], Timestamp(0)).unwrap();
        assert!(text(&digest).contains("answer 1"));
        assert_eq!(audience(&digest), Audience::Asker);
    }
}
