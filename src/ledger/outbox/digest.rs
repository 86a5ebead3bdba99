//! Several late answers as one card.
//!
//! What was for one person's eyes is counted in a digest that others read, never quoted.

use crate::domain::card::{Audience, Block, Card, Tone};
use crate::domain::effect::{Effect, EffectKind};
use crate::domain::ids::EffectId;
use crate::domain::time::Timestamp;

/// Place of a digest among the effects of an event, far above any that a handler makes. Behind it stands the
/// newest effect that the digest tells of, and behind that its number: an event that is replayed owes further
/// answers, whose digests are others.
const DIGEST_INDEX: u32 = 1 << 31;
/// Digests in a row for one newest effect.
const DIGESTS: u32 = 1 << 12;
/// What is said of answers that others may not read, after their number.
const FOR_ONE: &str = " of them were for one person's eyes: ask again to see them.";
/// Answers that a digest names one by one.
const MOST_NAMED: usize = 30;

/// One effect that stands for several late ones, which are the effects of one conversation, in order. A
/// digest that could not be delivered either is taken apart, so that one tells of all.
#[must_use]
pub fn digest(late: &[Effect], now: Timestamp) -> Option<Effect> {
    let newest = late.last()?;
    let since = late.iter().map(|effect| effect.created).min()?;
    let people: std::collections::BTreeSet<_> =
        late.iter().filter_map(|effect| effect.address().person.as_deref()).collect();
    // Where the person is alone with the bot nobody else reads along.
    let is_for_one = |effect: &Effect| audience(effect) == Audience::Asker || effect.address().alone;
    let for_one = people.len() == 1 && late.iter().all(is_for_one);
    let told = late.iter().map(|effect| Told::by(effect, for_one)).fold(Told::default(), Told::and);
    let minutes = now.since(since).as_secs().div_ceil(60);
    let mut card = Card::new(format!("{} answers that could not be delivered in time", told.count))
        .tone(Tone::Warning)
        .text(format!("This place could not be reached for about {minutes} min. Each was decided when it was asked."));
    let named: Vec<String> = told.named.into_iter().take(MOST_NAMED).collect();
    let hidden = told.count - told.private - named.len();
    if !named.is_empty() {
        card = card.block(Block::List { items: named });
    }
    if hidden > 0 {
        card = card.text(format!("… and {hidden} more"));
    }
    if told.private > 0 {
        card = card.text(format!("{}{FOR_ONE}", told.private));
    }
    let mut to = newest.address().clone();
    // A one-time route has run out by now.
    to.route = None;
    let audience = if for_one { Audience::Asker } else { Audience::Everyone };
    let index =
        if is_digest(newest) { newest.id.index + 1 } else { DIGEST_INDEX | newest.id.index.saturating_mul(DIGESTS) };
    Some(Effect {
        id: EffectId { event: newest.id.event, index },
        tenant: newest.tenant.clone(),
        created: since,
        not_before: None,
        // It is late from the first: what else is late by the time it can go joins it.
        expires: Some(now),
        kind: EffectKind::Deliver { to, card, audience, replaces: None, shows: None, living: None, answers: None },
        attempts: 0,
        last_error: None,
        terms: None,
    })
}

fn is_digest(effect: &Effect) -> bool {
    effect.id.index >= DIGEST_INDEX
}

/// What a digest says of some answers.
#[derive(Default)]
struct Told {
    count: usize,
    named: Vec<String>,
    /// Counted, not named.
    private: usize,
}

impl Told {
    fn by(effect: &Effect, for_one: bool) -> Self {
        // What is no message is never late.
        let EffectKind::Deliver { card, .. } = &effect.kind else { return Self::default() };
        let may_name = for_one || audience(effect) == Audience::Everyone;
        let mut told = match is_digest(effect) {
            true => Self::read(card),
            false => Self { count: 1, named: vec![card.summary()], private: 0 },
        };
        if !may_name {
            told.named.clear();
            told.private = told.count;
        }
        told
    }

    /// Reads what an earlier digest says, from the card as it is made above.
    fn read(card: &Card) -> Self {
        let number = |text: &str| text.split(' ').next().and_then(|word| word.parse::<usize>().ok());
        let mut told = Self { count: number(&card.title).unwrap_or(1), ..Self::default() };
        for block in &card.blocks {
            match block {
                Block::List { items } => told.named.clone_from(items),
                Block::Text { text } if text.ends_with(FOR_ONE) => told.private = number(text).unwrap_or_default(),
                _ => {}
            }
        }
        told
    }

    fn and(mut self, other: Self) -> Self {
        self.count += other.count;
        self.named.extend(other.named);
        self.private += other.private;
        self
    }
}

fn audience(effect: &Effect) -> Audience {
    match &effect.kind {
        EffectKind::Deliver { audience, .. } => *audience,
        EffectKind::Call { .. } => Audience::Everyone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::outbox::testing::delivery;

    fn late(event: u64, person: &str, audience: Audience) -> Effect {
        let mut late = Effect { expires: Some(Timestamp(1)), ..delivery(event, "C1") };
        let EffectKind::Deliver { to, card, audience: seen_by, .. } = &mut late.kind else { unreachable!() };
        (*card, *seen_by) = (Card::new(format!("answer {event}")), audience);
        (to.person, to.route) = (Some(person.into()), Some("https://hooks.slack.com/x".into()));
        late
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
        assert_eq!((digest.address().route.as_ref(), digest.expires), (None, Some(Timestamp(3_600_000))));
    }

    #[test]
    fn a_digest_that_did_not_arrive_is_taken_apart_by_the_next() {
        let first: Vec<_> = (1..=40).map(|event| late(event, "U1", Audience::Everyone)).collect();
        let first = digest(&first, Timestamp(60_000)).unwrap();
        let more = [first.clone(), late(41, "U2", Audience::Asker), late(42, "U1", Audience::Everyone)];
        let second = digest(&more, Timestamp(120_000)).unwrap();
        let said = text(&second);
        for part in ["42 answers", "answer 30", "… and 11 more", "1 of them", "about 2 min"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("answer 41") && second.id > first.id, "{said}");
        let same_event = digest(&[late(39, "U1", Audience::Everyone), first.clone()], Timestamp(120_000)).unwrap();
        assert!(same_event.id > first.id, "two digests of one event are two effects");
        let mut replayed = late(40, "U1", Audience::Everyone);
        replayed.id.index = 1;
        let after_replay = digest(&[late(39, "U1", Audience::Everyone), replayed], Timestamp(180_000)).unwrap();
        assert!(after_replay.id != first.id && after_replay.id != same_event.id, "nor those of a replay");
    }

    #[test]
    fn a_digest_for_one_person_names_nothing_to_others() {
        let own = digest(&[late(1, "U1", Audience::Asker), late(2, "U1", Audience::Asker)], Timestamp(0)).unwrap();
        let all = digest(&[own, late(3, "U2", Audience::Everyone)], Timestamp(0)).unwrap();
        let said = text(&all);
        assert!(said.contains("3 answers") && said.contains("2 of them") && said.contains("answer 3"), "{said}");
        assert!(!said.contains("answer 1") && !said.contains("answer 2"), "{said}");
    }

    #[test]
    fn what_was_for_one_person_stays_with_that_person() {
        let digest = digest(&[late(1, "U1", Audience::Asker), late(2, "U1", Audience::Asker)], Timestamp(0)).unwrap();
        assert!(text(&digest).contains("answer 1"));
        assert_eq!(audience(&digest), Audience::Asker);
    }
}
