//! The workspace, and what a test or a person may ask of it.
//!
//! Everything that is done to a workspace is done under one lock, as one step, in the order of arrival;
//! what there is stands in [`super::state`].
//! Rules stand elsewhere: `methods/` for calls, [`super::hooks`] for response URLs,
//! [`super::limits`] for contents. What is recorded and read back is added here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::fault::{Dice, Faults, Plan};
use super::message::Message;
use super::oauth::Directory;
use super::rates::{Gate, RateLimits};
use super::seed::{Channel, User, Workspace};
use super::sockets::Sockets;
use super::state::{OpenView, Post, State, Violation};
use crate::domain::time::{Clock, Timestamp};

/// The workspace, as the server, the sender and a test hold it.
pub type SharedWorld = Arc<SlackWorld>;

/// A workspace that an application can be installed in.
pub struct SlackWorld {
    clock: Arc<dyn Clock>,
    token: String,
    state: Mutex<State>,
    dice: Mutex<Dice>,
    sockets: Mutex<Sockets>,
    directory: Mutex<Directory>,
    changes: watch::Sender<u64>,
}

impl SlackWorld {
    /// The default workspace, with an application installed under `token`.
    #[must_use]
    pub fn new(token: &str, clock: Arc<dyn Clock>) -> SharedWorld {
        let state = State::new(token, clock.now());
        Arc::new(Self {
            clock,
            token: token.to_owned(),
            state: Mutex::new(state),
            dice: Mutex::new(Dice::new(Faults::default())),
            sockets: Mutex::default(),
            directory: Mutex::default(),
            changes: watch::Sender::new(0),
        })
    }

    /// The world's present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sockets_lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state as one step and wakes those who wait on it.
    pub(super) fn change<T>(&self, how: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let result = how(&mut self.state(), now);
        self.changes.send_modify(|count| *count += 1);
        result
    }

    pub(super) fn roll(&self, method: &str) -> Plan {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).roll(method)
    }

    /// What goes wrong at present.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).faults().clone()
    }

    /// Sets what goes wrong from the next call on; the dice start at the given seed.
    pub fn set_faults(&self, faults: Faults) {
        *self.dice.lock().unwrap_or_else(PoisonError::into_inner) = Dice::new(faults);
    }

    /// Sets the pace that is kept.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.state().gate = Gate::new(limits);
    }

    /// Where the stand-in listens, without a slash at the end: the host of response URLs.
    pub fn set_base_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut self.state().base_url);
    }

    /// Where the stand-in listens, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.state().base_url.clone()
    }

    /// Back to the default workspace: no messages, no faults, no records. Pace and address stay.
    pub fn reset(&self) {
        self.set_faults(Faults::default());
        self.change(|state, now| {
            let (base_url, limits, last_ts) = (state.base_url.clone(), state.gate.limits, state.last_ts);
            let next_id = state.next_id;
            *state = State::new(&self.token, now);
            state.base_url = base_url;
            state.gate.limits = limits;
            // Ids go on, for a bot that remembers the earlier ones.
            (state.last_ts, state.next_id) = (last_ts, next_id);
        });
    }

    /// Adds or replaces a user.
    pub fn put_user(&self, user: User) {
        self.change(|state, _| state.users.insert(user.id.clone(), user));
    }

    /// Adds or replaces a channel.
    pub fn put_channel(&self, channel: Channel) {
        self.change(|state, _| state.channels.insert(channel.id.clone(), channel));
    }

    /// Replaces the workspace's own description: another name, an organisation above it.
    pub fn set_workspace(&self, team: Workspace) {
        self.change(|state, _| state.team = team);
    }

    /// Lets the application in under a further token.
    pub fn put_token(&self, token: &str) {
        self.change(|state, _| state.tokens.insert(token.to_owned(), true));
    }

    /// Takes a token's rights away: calls with it end in `token_revoked`.
    pub fn revoke_token(&self, token: &str) {
        self.change(|state, _| state.tokens.insert(token.to_owned(), false));
    }

    /// The messages of a channel, oldest first; ephemeral ones and threads included.
    #[must_use]
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.state().messages.get(channel).cloned().unwrap_or_default()
    }

    /// One message.
    #[must_use]
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.state().message(channel, ts).cloned()
    }

    /// Every performed `chat.postMessage`, in order.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        self.state().posts.clone()
    }

    /// The performed posts whose metadata hold the string `key`.
    #[must_use]
    pub fn posts_for(&self, key: &str) -> Vec<Post> {
        let holds = |post: &&Post| post.metadata.as_ref().is_some_and(|metadata| metadata.holds(key));
        self.state().posts.iter().filter(holds).cloned().collect()
    }

    /// How often the same metadata were posted to the same channel, where more than once.
    #[must_use]
    pub fn duplicates(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for post in &self.state().posts {
            if let Some(metadata) = &post.metadata {
                let key = format!("{} {}", post.channel, Value::Object(metadata.event_payload.clone()));
                *counts.entry(key).or_insert(0) += 1;
            }
        }
        counts.retain(|_, count| *count > 1);
        counts
    }

    /// Every request that broke a limit or a rule.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state().violations.clone()
    }

    /// How often each method ended how: `ok`, Slack's error, or a fault's name.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        self.state().calls.clone()
    }

    /// The modals that were opened, oldest first.
    #[must_use]
    pub fn views(&self) -> Vec<OpenView> {
        self.state().views.clone()
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
