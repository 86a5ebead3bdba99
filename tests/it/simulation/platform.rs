//! A chat platform that takes posts, answers late, falsely or not at all, and remembers every post.
//!
//! It dedupes nothing by itself: a post that comes twice is there twice, and that is a violation where a look would
//! have shown the first. Whatever is performed is performed while the caller lives; a request that arrives after its
//! sender looked for it is beyond what any sender can see, and is not modelled.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ai_crm::channels::{Channel, DeliverError, Delivered, Delivery, Lookup};
use ai_crm::domain::card::Action;
use ai_crm::domain::event::{Address, ChannelName, PlatformUser};
use ai_crm::domain::ids::{EffectId, TenantId};
use ai_crm::domain::principal::{Profile, Standing};
use ai_crm::domain::time::{Clock, Timestamp};
use futures_util::future::BoxFuture;

use super::dice::Dice;
use super::faults::Faults;
use super::timeline::Timeline;

/// How often of a thousand requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rates {
    pub(super) limited: u64,
    pub(super) unavailable: u64,
    pub(super) nobody: u64,
    pub(super) done_unknown: u64,
    pub(super) not_done_unknown: u64,
    pub(super) rejected: u64,
    pub(super) no_profile: u64,
    pub(super) no_look: u64,
    /// Longest time to an answer.
    pub(super) slowest_ms: u64,
}

/// A card that has arrived.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) tenant: TenantId,
    pub(super) effect: EffectId,
    pub(super) conversation: String,
}

/// A button or a menu that somebody can use.
#[derive(Debug, Clone)]
pub(super) struct Control {
    pub(super) tenant: TenantId,
    pub(super) token: String,
    pub(super) choice: Option<String>,
}

/// How often what happened, so that a run shows that it tried what it claims to have tried.
pub(super) type Tally = BTreeMap<&'static str, u64>;

/// The platform.
pub(super) struct Platform {
    timeline: Arc<Timeline>,
    faults: Arc<Faults>,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    rates: Rates,
    outages: Vec<(Timestamp, Timestamp)>,
    /// By key: for each post, the count of faults at which its sender was told of it.
    told: HashMap<String, Vec<Option<u64>>>,
    posts: Vec<Post>,
    controls: Vec<Control>,
    violation: Option<String>,
    tally: Tally,
}

/// What a request will come to.
struct Plan {
    words: &'static str,
    performed: bool,
    /// Performed when the request arrives, not when it is answered.
    early: bool,
    wait: Duration,
    answer: Result<(), DeliverError>,
}

impl Platform {
    pub(super) fn new(
        timeline: Arc<Timeline>,
        faults: Arc<Faults>,
        dice: Dice,
        rates: Rates,
        outages: Vec<(Timestamp, Timestamp)>,
    ) -> Arc<Self> {
        let state = State {
            dice,
            rates,
            outages,
            told: HashMap::new(),
            posts: Vec::new(),
            controls: Vec::new(),
            violation: None,
            tally: Tally::new(),
        };
        Arc::new(Self { timeline, faults, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No fault from here on.
    pub(super) fn calm(&self) {
        let mut state = self.state();
        state.rates = Rates { slowest_ms: 300, ..Rates::default() };
        state.outages.clear();
    }

    /// The first broken promise that the platform has seen.
    pub(super) fn violation(&self) -> Option<String> {
        self.state().violation.clone()
    }

    /// Every post, in the order of arrival.
    pub(super) fn posts(&self) -> Vec<Post> {
        self.state().posts.clone()
    }

    /// How often what happened.
    pub(super) fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    /// Something to press.
    pub(super) fn control(&self, dice: &mut Dice) -> Option<Control> {
        let state = self.state();
        (!state.controls.is_empty()).then(|| dice.pick(&state.controls).clone())
    }

    async fn nobody_listens_to_the_dying(&self) {
        if self.faults.is_dying() {
            std::future::pending::<()>().await;
        }
    }

    fn perform(&self, delivery: &Delivery) {
        let count = self.faults.count();
        let mut state = self.state();
        let key = &delivery.idempotency_key;
        let parts = key.split_once('/').zip(key.rsplit_once('@'));
        let ((tenant, effect), (_, created)) = parts.expect("invariant: a key is tenant/effect@time");
        let effect = &effect[..effect.len() - created.len() - 1];
        let earlier = state.told.entry(key.clone()).or_default();
        let broken = match earlier.last() {
            None => None,
            Some(_) if delivery.to.route.is_none() => Some("was posted twice, though a look would have shown it"),
            Some(Some(told)) if *told == count => Some("was posted again, though its post was answered"),
            Some(_) => None,
        };
        earlier.push(None);
        let again = earlier.len() > 1;
        if let Some(broken) = broken {
            state.violation.get_or_insert(format!("effect {key} {broken}"));
        }
        if again {
            *state.tally.entry("posts repeated where nobody can look").or_default() += 1;
            return;
        }
        let tenant: TenantId = tenant.parse().expect("invariant: a key begins with a tenant");
        let effect: EffectId = effect.parse().expect("invariant: a key names an effect");
        for action in &delivery.card.actions {
            let (token, choice) = match action {
                Action::Button { token, .. } => (token.clone(), None),
                Action::Menu { token, options, .. } => {
                    (token.clone(), options.first().map(|option| option.value.clone()))
                }
                Action::Link { .. } => continue,
            };
            state.controls.push(Control { tenant: tenant.clone(), token, choice });
        }
        state.posts.push(Post { tenant, effect, conversation: delivery.to.conversation() });
    }

    async fn delivering(&self, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        self.nobody_listens_to_the_dying().await;
        let plan = {
            let now = self.timeline.now();
            let mut state = self.state();
            let plan = state.plan(now);
            *state.tally.entry(plan.words).or_default() += 1;
            plan
        };
        if plan.performed && plan.early {
            self.perform(delivery);
        }
        self.timeline.sleep(plan.wait).await;
        if plan.performed && !plan.early {
            self.perform(delivery);
        }
        plan.answer?;
        let count = self.faults.count();
        if let Some(last) = self.state().told.get_mut(&delivery.idempotency_key).and_then(|told| told.last_mut()) {
            *last = Some(count);
        }
        Ok(Delivered { platform_id: delivery.idempotency_key.clone(), via: "simulated" })
    }

    async fn looking(&self, delivery: &Delivery) -> Result<Lookup, DeliverError> {
        self.nobody_listens_to_the_dying().await;
        let (wait, trouble) = {
            let now = self.timeline.now();
            let mut state = self.state();
            let per_mille = state.rates.no_look;
            let trouble = state.is_out(now) || state.dice.happens(per_mille);
            *state.tally.entry(if trouble { "looks that failed" } else { "looks" }).or_default() += 1;
            let error = state.trouble();
            (state.wait(), trouble.then_some(error))
        };
        self.timeline.sleep(wait).await;
        if let Some(error) = trouble {
            return Err(error);
        }
        if delivery.to.route.is_some() {
            return Ok(Lookup::CannotTell("this way shows nothing"));
        }
        let done = self.state().told.contains_key(&delivery.idempotency_key);
        let found = || Delivered { platform_id: delivery.idempotency_key.clone(), via: "simulated" };
        Ok(if done { Lookup::Done(found()) } else { Lookup::NotDone })
    }

    async fn telling(&self, user: &PlatformUser) -> Result<Option<Profile>, DeliverError> {
        self.nobody_listens_to_the_dying().await;
        let (wait, trouble) = {
            let now = self.timeline.now();
            let mut state = self.state();
            let per_mille = state.rates.no_profile;
            let trouble = state.is_out(now) || state.dice.happens(per_mille);
            *state.tally.entry(if trouble { "profiles that failed" } else { "profiles" }).or_default() += 1;
            let error = state.trouble();
            (state.wait(), trouble.then_some(error))
        };
        self.timeline.sleep(wait).await;
        if let Some(error) = trouble {
            return Err(error);
        }
        let standing = match user.id.as_str() {
            "U1" | "U2" | "U3" => Standing::Member,
            "U4" => Standing::Guest,
            "U5" => Standing::Stranger,
            _ => return Ok(None),
        };
        Ok(Some(Profile { name: user.id.clone(), standing }))
    }
}

impl State {
    fn is_out(&self, now: Timestamp) -> bool {
        self.outages.iter().any(|(from, to)| *from <= now && now < *to)
    }

    /// Most answers come at once, some late.
    fn wait(&mut self) -> Duration {
        let slowest = self.rates.slowest_ms;
        let quick = self.dice.happens(300);
        Duration::from_millis(if quick { 0 } else { self.dice.between(0, slowest) })
    }

    /// An answer that says nothing was learnt.
    fn trouble(&mut self) -> DeliverError {
        match self.dice.below(3) {
            0 => DeliverError::RateLimited { after: Duration::from_secs(self.dice.between(1, 40)) },
            1 => DeliverError::UnknownOutcome { reason: "the connection was reset".to_owned() },
            _ => DeliverError::Unavailable { reason: "503".to_owned() },
        }
    }

    fn plan(&mut self, now: Timestamp) -> Plan {
        let wait = self.wait();
        let early = self.dice.happens(500);
        let plan = |words, performed, answer| Plan { words, performed, early, wait, answer };
        if self.is_out(now) {
            return plan("outage", false, Err(DeliverError::Unavailable { reason: "no route".to_owned() }));
        }
        let after = Duration::from_secs(self.dice.between(1, 60));
        let unknown = || Err(DeliverError::UnknownOutcome { reason: "no answer".to_owned() });
        let rates = self.rates;
        let table = [
            (rates.limited, "429", false, Err(DeliverError::RateLimited { after })),
            (rates.unavailable, "unavailable", false, Err(DeliverError::Unavailable { reason: "503".to_owned() })),
            (rates.nobody, "nobody there", false, Err(DeliverError::NobodyThere)),
            (rates.done_unknown, "done, answer lost", true, unknown()),
            (rates.not_done_unknown, "not done, answer lost", false, unknown()),
            (rates.rejected, "rejected", false, Err(DeliverError::Rejected { reason: "is_archived".to_owned() })),
        ];
        let drawn = self.dice.below(1000);
        let mut upto = 0;
        for (rate, words, performed, answer) in table {
            upto += rate;
            if drawn < upto {
                return plan(words, performed, answer);
            }
        }
        plan("delivered", true, Ok(()))
    }
}

impl Channel for Platform {
    fn name(&self) -> ChannelName {
        ChannelName::Slack
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        Box::pin(self.delivering(delivery))
    }

    fn look_up<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
        Box::pin(self.looking(delivery))
    }

    fn profile<'a>(
        &'a self,
        _: &'a str,
        user: &'a PlatformUser,
        _: Option<&'a Address>,
    ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>> {
        Box::pin(self.telling(user))
    }

    fn prefix(&self) -> &str {
        "/ai-crm"
    }

    fn pace(&self) -> Duration {
        Duration::from_secs(1)
    }
}
