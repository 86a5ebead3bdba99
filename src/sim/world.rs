//! The world of a stand-in: a platform's state behind one lock, the faults on the way to it, and waiting for changes.
//!
//! Everything that is done to a world is done under that lock, as one step, in the order of arrival. What is in a state,
//! and the rules by which it changes, stand in the folder of its platform; what a world asks of a state is
//! [`PlatformState`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::fault::{Dice, Faults, Plan};
use super::record::{Calls, Records, Violation};
use crate::domain::time::{Clock, Timestamp};

/// All that is so on a platform.
pub trait PlatformState: Send + 'static {
    /// The pace that the platform demands.
    type RateLimits: Copy + Serialize + DeserializeOwned + Send + 'static;

    /// Where the stand-in listens, without a slash at the end.
    fn base_url(&mut self) -> &mut String;

    /// How calls ended, and who broke a rule.
    fn records(&mut self) -> &mut Records;

    /// Keeps this pace from here on, as if nobody had called yet.
    fn keep_pace(&mut self, limits: Self::RateLimits);

    /// Back to how it began, but for the address, the pace and the counting of ids: a bot remembers the earlier ones.
    fn begin_again(&mut self, now: Timestamp);

    /// What time alone has changed until `now`.
    fn catch_up(&mut self, _now: Timestamp) {}
}

/// A platform that an application can be installed on. `Beside` is what outlives a reset.
pub struct World<State, Beside = ()> {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    dice: Mutex<Dice>,
    changes: watch::Sender<()>,
    pub(super) beside: Beside,
}

/// The guard of a lock. Who panicked under it, a test for instance, has left the platform as it was.
pub(super) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<State: PlatformState, Beside: Default> World<State, Beside> {
    /// A world with the state that is made for its first moment.
    pub(super) fn begin(clock: Arc<dyn Clock>, state: impl FnOnce(Timestamp) -> State) -> Arc<Self> {
        let state = Mutex::new(state(clock.now()));
        let (dice, changes) = (Mutex::new(Dice::new(Faults::default())), watch::Sender::new(()));
        Arc::new(Self { clock, state, dice, changes, beside: Beside::default() })
    }
}

impl<State: PlatformState, Beside> World<State, Beside> {
    /// The world's present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state as it is at this moment. To change it is [`World::change`], which wakes those who wait.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = locked(&self.state);
        state.catch_up(self.clock.now());
        state
    }

    /// Changes the state as one step and wakes those who wait on it.
    pub(super) fn change<T>(&self, how: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let result = how(&mut self.state(), now);
        self.changes.send_replace(());
        result
    }

    pub(super) fn roll(&self, method: &str) -> Plan {
        locked(&self.dice).roll(method)
    }

    /// What goes wrong at present.
    #[must_use]
    pub fn faults(&self) -> Faults {
        locked(&self.dice).faults().clone()
    }

    /// Sets what goes wrong from the next call on; the dice start at the given seed.
    pub fn set_faults(&self, faults: Faults) {
        *locked(&self.dice) = Dice::new(faults);
    }

    /// Sets the pace that is kept.
    pub fn set_rate_limits(&self, limits: State::RateLimits) {
        self.state().keep_pace(limits);
    }

    /// Where the stand-in listens, without a slash at the end: the host of the addresses that it gives out.
    pub fn set_base_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(self.state().base_url());
    }

    /// Where the stand-in listens, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.state().base_url().clone()
    }

    /// Back to the beginning: no messages, no faults, no records. Pace, address and the counting of ids stay.
    pub fn reset(&self) {
        self.set_faults(Faults::default());
        self.change(|state, now| state.begin_again(now));
    }

    /// Every request that broke a limit or a rule.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state().records().violations.clone()
    }

    /// How often each method ended how: `ok`, the platform's error, or a fault's name.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.state().records().calls.clone()
    }

    /// Waits until `look` finds something, looking again after every change; `None` after `deadline`.
    pub async fn wait_for<T>(&self, deadline: Duration, mut look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look(self) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(deadline, found).await.ok().flatten()
    }
}
