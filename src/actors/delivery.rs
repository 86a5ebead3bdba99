//! Performing what is owed: look first where it may have been done, deliver, and write down the end.
//!
//! Needs no actor; the simulation calls it directly.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::channels::{Call, Called, Channel, DeliverError, Delivery, Lookup};
use crate::domain::effect::{Effect, EffectEnd, EffectKind, FailedBy};
use crate::domain::event::{Address, ChannelName};
use crate::domain::ids::EffectId;
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::backoff;
use crate::ledger::outbox::digest::digest;
use crate::ledger::outbox::faces::{self, Before};
use crate::ledger::outbox::{Work, record};
use crate::store::keyspace::{connector, effect};
use crate::store::{Store, StoreError, Stored};

/// Pause of a conversation in which nobody is; who comes ends it at once.
const UNTIL_SOMEBODY_COMES: Duration = Duration::from_secs(3600);

/// Chance as an argument: a number from 0 to 1.
pub type Dice = Arc<dyn Fn() -> f64 + Send + Sync>;

/// When to try again, and when to stop trying.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Pause after the first failure; doubles.
    pub first_pause: Duration,
    /// The longest pause.
    pub most_pause: Duration,
    /// Age at which an effect is given up.
    pub give_up_after: Duration,
    /// How long a call whose answer was lost may be under way: looked for sooner, it is not there yet, and is sent
    /// twice.
    pub under_way: Duration,
}

/// What became of a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// These effects have ended.
    Ended(Vec<EffectId>),
    /// This effect was given up.
    GivenUp {
        /// Which.
        id: EffectId,
        /// Why.
        reason: String,
    },
    /// Nothing ended; the conversation goes on at `at`.
    Again {
        /// Which was tried.
        id: EffectId,
        /// When.
        at: Timestamp,
        /// It may have been performed.
        suspect: bool,
        /// The whole workspace must be left alone until then.
        quiet: bool,
        /// What was said, where it was an error.
        error: Option<String>,
    },
    /// It has ended, but the store takes nothing: the end is kept in mind, so that nothing is repeated.
    Unrecorded {
        /// Which.
        id: EffectId,
        /// When to write it down.
        at: Timestamp,
        /// How it ended.
        end: Box<EffectEnd>,
    },
    /// A digest stands for these.
    Merged {
        /// The digest, owed now.
        digest: Box<Effect>,
        /// What it stands for.
        ids: Vec<EffectId>,
    },
}

/// Performs effects through the channels.
#[derive(Clone)]
pub struct Deliverer {
    /// Where effects are.
    pub store: Store,
    /// For the times in receipts.
    pub clock: Arc<dyn Clock>,
    /// Who performs.
    pub channels: HashMap<ChannelName, Arc<dyn Channel>>,
    /// When to try again.
    pub patience: Patience,
    /// Jitter.
    pub dice: Dice,
}

impl Deliverer {
    /// Does a piece of work; `known` is its effect as it is stored, where that need not be read. An error of the store
    /// leaves the effect owed and suspect.
    pub async fn perform(&self, work: &Work, known: Option<Stored<Effect>>) -> Tried {
        let tried = AssertUnwindSafe(self.perform_once(work, known)).catch_unwind().await;
        match tried {
            Ok(tried) => tried,
            Err(_) => self.panicked(work).await,
        }
    }

    /// A card that makes its renderer panic would do so for ever: its effect is given up, and its
    /// conversation goes on.
    async fn panicked(&self, work: &Work) -> Tried {
        let id = work.first();
        tracing::error!(effect = %id, incident = %id.event, "a delivery panicked");
        match effect::owed(&self.store.view(&work.conversation().tenant), id) {
            Ok(Some(owed)) => self.ended(&owed, EffectEnd::Dead { reason: "its delivery panicked".to_owned() }).await,
            Ok(None) => Tried::Ended(vec![id]),
            Err(error) => self.later(id, 1, false, Some(error.to_string())),
        }
    }

    async fn perform_once(&self, work: &Work, known: Option<Stored<Effect>>) -> Tried {
        match work {
            Work::Record { id, conversation, end } => match effect::owed(&self.store.view(&conversation.tenant), *id) {
                Ok(Some(owed)) => self.ended(&owed, (**end).clone()).await,
                Ok(None) => Tried::Ended(vec![*id]),
                Err(error) => self.unrecorded(*id, (**end).clone(), &error),
            },
            Work::Perform { conversation, id, suspect } => {
                let owed = match known {
                    Some(known) => Ok(Some(known)),
                    None => effect::owed(&self.store.view(&conversation.tenant), *id),
                };
                match owed {
                    Ok(Some(owed)) => self.one(&owed, *suspect).await,
                    Ok(None) => Tried::Ended(vec![*id]),
                    Err(error) => self.later(*id, 1, *suspect, Some(error.to_string())),
                }
            }
            Work::Digest { conversation, ids } => {
                let view = self.store.view(&conversation.tenant);
                let late: Result<Vec<_>, _> =
                    ids.iter().filter_map(|id| effect::owed(&view, *id).transpose()).collect();
                match late {
                    Ok(late) => self.merge(late, ids).await,
                    Err(error) => self.later(ids[0], 1, false, Some(error.to_string())),
                }
            }
        }
    }

    fn later(&self, id: EffectId, attempts: u32, suspect: bool, error: Option<String>) -> Tried {
        let pause = backoff(attempts - 1, self.patience.first_pause, self.patience.most_pause, (self.dice)());
        Tried::Again { id, at: self.clock.now().after(pause), suspect, quiet: false, error }
    }

    async fn merge(&self, late: Vec<Stored<Effect>>, ids: &[EffectId]) -> Tried {
        let now = self.clock.now();
        let effects: Vec<Effect> = late.iter().map(|owed| owed.value.clone()).collect();
        let Some(digest) = digest(&effects, now) else { return Tried::Ended(ids.to_vec()) };
        match record::merged(&self.store, &late, &digest, now).await {
            Ok(()) => Tried::Merged { digest: Box::new(digest), ids: ids.to_vec() },
            Err(error) => self.later(ids[0], 1, false, Some(error.to_string())),
        }
    }

    async fn one(&self, owed: &Stored<Effect>, suspect: bool) -> Tried {
        let it = &owed.value;
        let Some(channel) = self.channels.get(&it.address().channel) else {
            return self
                .not_now(owed, &DeliverError::Unavailable { reason: format!("{} is off", it.address().channel) })
                .await;
        };
        let (to, asked) = match self.asked(it) {
            Ok(Ok(asked)) => asked,
            Ok(Err(by)) => return self.ended(owed, EffectEnd::Overtaken { by }).await,
            Err(error) => return self.later(it.id, 1, suspect, Some(error.to_string())),
        };
        if suspect {
            match asked.look_up(channel.as_ref()).await {
                Ok(Lookup::Done(end)) => return self.ended(owed, end).await,
                Ok(Lookup::CannotTell(why)) if matches!(asked, Asked::Call(_)) || it.terms.is_some() => {
                    let reason = format!("it may have been done, and nothing tells: {why}");
                    return self.ended(owed, failed_end(it, FailedBy::Unknown, reason)).await;
                }
                Ok(Lookup::NotDone) if is_once(it) && it.attempts > 0 => {
                    let reason = it.last_error.clone().unwrap_or_default();
                    return self.ended(owed, failed_end(it, FailedBy::Timeout, reason)).await;
                }
                // What is late, and is not known to be done, joins the digest of its conversation.
                Ok(Lookup::NotDone | Lookup::CannotTell(_))
                    if it.expires.is_some_and(|expires| expires <= self.clock.now()) =>
                {
                    return Tried::Again { id: it.id, at: self.clock.now(), suspect: false, quiet: false, error: None };
                }
                Ok(Lookup::NotDone | Lookup::CannotTell(_)) => {}
                // It will be refused the next time too, and so would be the message: who owes it decides.
                Err(DeliverError::Rejected { reason }) if it.terms.is_some() => {
                    let by = if it.attempts > 0 { FailedBy::Unknown } else { FailedBy::Rejected };
                    return self.ended(owed, failed_end(it, by, reason)).await;
                }
                Err(error) => return self.not_now_but_suspect(owed, &error).await,
            }
        }
        match asked.perform_within(within(it), channel.as_ref()).await {
            Ok(end) => self.ended(owed, end).await,
            Err(DeliverError::Rejected { reason }) => {
                self.ended(owed, failed_end(it, FailedBy::Rejected, reason)).await
            }
            Err(DeliverError::OutOfReach { reason }) => self.out_of_reach(owed, &to, reason).await,
            Err(error @ DeliverError::UnknownOutcome { .. }) => self.not_now_but_suspect(owed, &error).await,
            Err(error) => self.not_now(owed, &error).await,
        }
    }

    /// An effect as its channel is given it, and the address that is good at this moment; what has taken its place, where
    /// it is of a topic whose message shows something else by now.
    fn asked(&self, it: &Effect) -> Result<Result<(Address, Asked), EffectId>, StoreError> {
        let view = self.store.view(&it.tenant);
        let to = connector::newest(&view, it.address())?;
        Ok(match faces::before(&view, it, &to)? {
            Before::Message(replaces) => Ok((to.clone(), Asked::of(it, to, replaces))),
            Before::Overtaken(by) => Err(by),
        })
    }

    /// Nothing said in that place arrives: it is given up with the reason, and can be replayed. Where an event has told
    /// meanwhile that the place is reached by another address, it is tried there.
    async fn out_of_reach(&self, owed: &Stored<Effect>, tried: &Address, reason: String) -> Tried {
        match connector::newest(&self.store.view(&owed.value.tenant), tried) {
            Ok(newest) if newest == *tried => {
                self.ended(owed, failed_end(&owed.value, FailedBy::Rejected, reason)).await
            }
            Ok(_) => {
                let reason = format!("{reason}; the place has moved, and is tried where it is now");
                self.failed(owed, &DeliverError::Unavailable { reason }, false).await
            }
            Err(error) => self.later(owed.value.id, 1, false, Some(error.to_string())),
        }
    }

    async fn ended(&self, owed: &Stored<Effect>, end: EffectEnd) -> Tried {
        if let EffectEnd::Dead { reason } = &end {
            tracing::warn!(effect = %owed.value.id, tenant = %owed.value.tenant, reason, "an effect was given up");
        }
        match record::end(&self.store, owed, end.clone(), self.clock.now()).await {
            Ok(()) | Err(StoreError::Conflict) => match end {
                EffectEnd::Dead { reason } => Tried::GivenUp { id: owed.value.id, reason },
                _ => Tried::Ended(vec![owed.value.id]),
            },
            Err(error) => self.unrecorded(owed.value.id, end, &error),
        }
    }

    fn unrecorded(&self, id: EffectId, end: EffectEnd, error: &StoreError) -> Tried {
        tracing::warn!(effect = %id, %error, "how an effect ended cannot be written down and is kept in mind");
        Tried::Unrecorded { id, at: self.clock.now().after(self.patience.first_pause), end: Box::new(end) }
    }

    async fn not_now(&self, owed: &Stored<Effect>, error: &DeliverError) -> Tried {
        match error {
            DeliverError::RateLimited { after } => {
                let at = self.clock.now().after(*after);
                Tried::Again { id: owed.value.id, at, suspect: false, quiet: true, error: None }
            }
            DeliverError::NobodyThere => {
                let at = self.clock.now().after(UNTIL_SOMEBODY_COMES);
                Tried::Again { id: owed.value.id, at, suspect: false, quiet: false, error: None }
            }
            _ => self.failed(owed, error, false).await,
        }
    }

    async fn not_now_but_suspect(&self, owed: &Stored<Effect>, error: &DeliverError) -> Tried {
        if let DeliverError::RateLimited { after } = error {
            // Reading is limited apart from writing, and far more: only this conversation waits.
            let at = self.clock.now().after(*after);
            return Tried::Again { id: owed.value.id, at, suspect: true, quiet: false, error: None };
        }
        self.failed(owed, error, true).await
    }

    async fn failed(&self, owed: &Stored<Effect>, error: &DeliverError, suspect: bool) -> Tried {
        let it = &owed.value;
        if self.clock.now().since(it.created) > self.patience.give_up_after {
            let by = if suspect { FailedBy::Unknown } else { FailedBy::Transient };
            let reason = format!("given up after {} tries: {error}", it.attempts + 1);
            return self.ended(owed, failed_end(it, by, reason)).await;
        }
        if is_once(it) && !suspect {
            return self.ended(owed, failed_end(it, FailedBy::Transient, error.to_string())).await;
        }
        let said = error.to_string();
        match record::failed(&self.store, owed, &said).await {
            Ok(()) => match self.later(it.id, it.attempts + 1, suspect, Some(said)) {
                Tried::Again { id, at, suspect: true, quiet, error } => {
                    let at = at.max(self.clock.now().after(self.patience.under_way));
                    Tried::Again { id, at, suspect: true, quiet, error }
                }
                tried => tried,
            },
            Err(StoreError::Conflict) => Tried::Ended(vec![it.id]),
            Err(broken) => self.later(it.id, 1, suspect, Some(broken.to_string())),
        }
    }
}

/// How an effect ends that its platform does not take: with its owner's word, where a run owes it.
fn failed_end(it: &Effect, by: FailedBy, reason: String) -> EffectEnd {
    if it.terms.is_some() { EffectEnd::Failed { by, reason } } else { EffectEnd::Dead { reason } }
}

/// Whether its owner decides about a further try.
fn is_once(it: &Effect) -> bool {
    it.terms.as_ref().is_some_and(|terms| terms.once)
}

/// How long a try of it may take, where its owner says so.
fn within(it: &Effect) -> Option<Duration> {
    it.terms.as_ref().and_then(|terms| terms.within_ms).map(Duration::from_millis)
}

/// An effect as its channel is given it.
enum Asked {
    Deliver(Delivery),
    Call(Call),
}

impl Asked {
    /// `to` is an address that is good at this moment, `replaces` the message that a card goes on in.
    fn of(effect: &Effect, to: Address, replaces: Option<String>) -> Self {
        let (idempotency_key, since) = (effect.idempotency_key(), effect.created);
        match &effect.kind {
            EffectKind::Deliver { to: _, card, audience, replaces: _, shows: _, living, answers } => {
                Self::Deliver(Delivery {
                    idempotency_key,
                    to,
                    card: card.clone(),
                    audience: *audience,
                    replaces,
                    topic: living.as_ref().and_then(|living| living.topic.clone()),
                    answers: *answers,
                    since,
                })
            }
            EffectKind::Call { to: _, operation, args } => {
                Self::Call(Call { idempotency_key, to, operation: operation.clone(), args: args.clone(), since })
            }
        }
    }

    /// The same within a time, where one is set: what takes longer may have been done.
    async fn perform_within(&self, within: Option<Duration>, channel: &dyn Channel) -> Result<EffectEnd, DeliverError> {
        let Some(within) = within else { return self.perform(channel).await };
        let late = |_| DeliverError::UnknownOutcome { reason: format!("no answer within {} ms", within.as_millis()) };
        tokio::time::timeout(within, self.perform(channel)).await.map_err(late).flatten()
    }

    async fn perform(&self, channel: &dyn Channel) -> Result<EffectEnd, DeliverError> {
        match self {
            Self::Deliver(delivery) => {
                let done = channel.deliver(delivery).await?;
                Ok(EffectEnd::Done { platform_id: done.platform_id, via: done.via.to_owned() })
            }
            Self::Call(call) => channel.call(call).await.map(called),
        }
    }

    /// Looks for an earlier try; what it finds is how the effect has ended.
    async fn look_up(&self, channel: &dyn Channel) -> Result<Lookup<EffectEnd>, DeliverError> {
        Ok(match self {
            Self::Deliver(delivery) => {
                channel.look_up(delivery).await?.map(|found| EffectEnd::FoundDone { platform_id: found.platform_id })
            }
            Self::Call(call) => channel.look_up_call(call).await?.map(called),
        })
    }
}

fn called(Called { platform_id, output, via }: Called) -> EffectEnd {
    EffectEnd::Called { platform_id, via: via.to_owned(), output }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::channels::Delivered;
    use crate::domain::card::{Audience, Card};
    use crate::domain::event::{EventKind, Incoming, Place, PlaceKind, PlatformUser, Reach};
    use crate::domain::ids::{EventId, LaneKey, TenantId};
    use crate::domain::outcome::Expect;
    use crate::domain::principal::Profile;
    use crate::domain::time::testing::Still;
    use crate::store::Batch;
    use crate::store::testing::in_memory;

    /// A platform whose place is out of reach at its old address, and tells of the new one while it is called.
    struct Moving {
        store: Store,
        moves: bool,
    }

    impl Moving {
        async fn take(&self, to: &Address) -> Result<Delivered, DeliverError> {
            if to.connector.as_deref() == Some("new") {
                return Ok(Delivered { platform_id: "1".to_owned(), via: "message" });
            }
            if self.moves {
                let tenant = TenantId::default_tenant();
                let learnt = connector::learnt(&self.store.view(&tenant), &told_of("new"));
                let mut batch = Batch::new();
                batch.writes(&tenant, learnt);
                self.store.commit(batch).await.unwrap();
            }
            Err(DeliverError::OutOfReach { reason: "404".to_owned() })
        }
    }

    impl Channel for Moving {
        fn name(&self) -> ChannelName {
            ChannelName::Teams
        }
        fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
            Box::pin(self.take(&delivery.to))
        }
        fn look_up<'a>(&'a self, _: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
            Box::pin(async { Ok(Lookup::NotDone) })
        }
        fn profile<'a>(
            &'a self,
            _: &'a str,
            _: &'a PlatformUser,
            _: Option<&'a Address>,
        ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>> {
            Box::pin(async { Ok(None) })
        }
        fn pace(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn told_of(url: &str) -> Incoming {
        Incoming {
            channel: ChannelName::Teams,
            installation: "t1".into(),
            organisation: None,
            dedupe: vec![],
            lane: LaneKey("l".into()),
            from: None,
            place: Some(Place { id: "p".into(), kind: PlaceKind::Private, shared: false }),
            reply: None,
            kind: EventKind::Command { line: "help".into() },
            proof: "test".into(),
            reach: Some(Reach::By(url.to_owned())),
            happened: None,
            raw: bytes::Bytes::new(),
        }
    }

    fn owed() -> Effect {
        let to = Address { connector: Some("old".into()), ..Address::at(ChannelName::Teams, "t1", "p") };
        let (card, audience) = (Card::new("done"), Audience::Everyone);
        let kind = EffectKind::Deliver { to, card, audience, replaces: None, shows: None, living: None, answers: None };
        let (id, tenant) = (EffectId { event: EventId(1), index: 0 }, TenantId::default_tenant());
        let created = Timestamp(1);
        Effect {
            id,
            tenant,
            created,
            not_before: None,
            expires: None,
            kind,
            attempts: 0,
            last_error: None,
            terms: None,
        }
    }

    async fn deliverer(moves: bool) -> (Deliverer, Work) {
        let store = in_memory();
        let mut batch = Batch::new();
        batch.write(&TenantId::default_tenant(), effect::put_owed(&owed(), Expect::Absent));
        store.commit(batch).await.unwrap();
        let second = Duration::from_secs(1);
        let patience =
            Patience { first_pause: second, most_pause: second, give_up_after: second * 60, under_way: second };
        let channel: Arc<dyn Channel> = Arc::new(Moving { store: store.clone(), moves });
        let channels = HashMap::from([(ChannelName::Teams, channel)]);
        let conversation = crate::ledger::outbox::Conversation::of(&owed());
        let work = Work::Perform { conversation, id: owed().id, suspect: false };
        (Deliverer { store, clock: Arc::new(Still(Timestamp(1))), channels, patience, dice: Arc::new(|| 0.5) }, work)
    }

    #[tokio::test]
    async fn what_is_out_of_reach_is_tried_again_only_where_the_place_has_moved() {
        let (there, work) = deliverer(false).await;
        let tried = there.perform(&work, None).await;
        assert_eq!(tried, Tried::GivenUp { id: owed().id, reason: "404".to_owned() });

        let (moved, work) = deliverer(true).await;
        let tried = moved.perform(&work, None).await;
        let Tried::Again { suspect: false, error: Some(error), .. } = &tried else { panic!("{tried:?}") };
        assert!(error.contains("404") && error.contains("moved"), "{error}");
        assert_eq!(moved.perform(&work, None).await, Tried::Ended(vec![owed().id]));
    }
}
