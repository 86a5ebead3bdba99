//! The tenant, and what a test or a person may ask of it.
//!
//! Everything that is done to it is done under one lock, as one step, in the order of arrival; what there is stands in
//! [`super::state`]. Rules stand elsewhere: `connector` for calls, `checks` for contents, `streaming` for streams. What
//! is recorded and read back is added here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::fault::{Dice, Faults, Plan};
use super::message::Message;
use super::rates::{Gate, RateLimits};
use super::seed::{self, BotStanding, Conversation, User};
use super::state::{Post, State, Violation};
use super::streaming;
use crate::domain::time::{Clock, Timestamp};

/// The tenant, as the server, the sender and a test hold it.
pub type SharedWorld = Arc<TeamsWorld>;

/// The application, as Entra knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its id, a GUID.
    pub id: String,
    /// Its client secrets.
    #[serde(skip_serializing)]
    pub passwords: Vec<String>,
    /// The tenant in which it is registered. An app of many tenants is asked for at `botframework.com`.
    pub tenant: Option<String>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            id: seed::APP_ID.to_owned(),
            passwords: vec![seed::APP_PASSWORD.to_owned()],
            tenant: Some(seed::TENANT.to_owned()),
        }
    }
}

/// A tenant that an application can be installed in.
pub struct TeamsWorld {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    dice: Mutex<Dice>,
    changes: watch::Sender<u64>,
}

impl TeamsWorld {
    /// The default tenant, with an application installed.
    #[must_use]
    pub fn new(app: App, clock: Arc<dyn Clock>) -> SharedWorld {
        let state = State::new(app, clock.now());
        Arc::new(Self {
            clock,
            state: Mutex::new(state),
            dice: Mutex::new(Dice::new(Faults::default())),
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

    /// Changes the state as one step and wakes those who wait on it.
    pub(super) fn change<T>(&self, how: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state();
        state.forget_targeted(now);
        let result = how(&mut state, now);
        drop(state);
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

    /// Sets what goes wrong from the next call on; the dice start at the given seed. The methods are `token`, `keys`,
    /// `metadata`, `send`, `reply`, `update`, `delete`, `create`, `members` and `team`.
    pub fn set_faults(&self, faults: Faults) {
        *self.dice.lock().unwrap_or_else(PoisonError::into_inner) = Dice::new(faults);
    }

    /// Sets the pace that is kept.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.state().gate = Gate::new(limits);
    }

    /// Where the stand-in listens, without a slash at the end.
    pub fn set_base_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut self.state().base_url);
    }

    /// Where the stand-in listens, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.state().base_url.clone()
    }

    /// The connector's address, as activities name it.
    #[must_use]
    pub fn service_url(&self) -> String {
        self.state().service_url()
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> App {
        self.state().app.clone()
    }

    /// Back to the default tenant: no messages, no tokens, no faults, no records. Pace and address stay.
    pub fn reset(&self) {
        self.set_faults(Faults::default());
        self.change(|state, now| {
            let mut fresh = State::new(state.app.clone(), now);
            fresh.base_url = std::mem::take(&mut state.base_url);
            fresh.gate.limits = state.gate.limits;
            // Ids go on, for a bot that remembers the earlier ones.
            (fresh.last_id, fresh.next_number) = (state.last_id, state.next_number);
            *state = fresh;
        });
    }

    /// Signs with the other key from here on, and publishes that one alone.
    pub fn rotate_keys(&self) {
        self.change(|state, _| state.key = (state.key + 1) % super::keys::COUNT);
    }

    /// Whether the published keys say what they are endorsed for.
    pub fn set_endorsed(&self, endorsed: bool) {
        self.change(|state, _| state.endorsed = endorsed);
    }

    /// Whether the bot hears what does not mention it.
    pub fn set_hears_all(&self, hears_all: bool) {
        self.change(|state, _| state.hears_all = hears_all);
    }

    /// Ends every token that was given out.
    pub fn expire_tokens(&self) {
        self.change(|state, now| state.tokens.values_mut().for_each(|until| *until = now));
    }

    /// How the bot stands in a conversation, by id or word. False where there is no such conversation.
    pub fn set_standing(&self, conversation: &str, standing: BotStanding) -> bool {
        self.change(|state, _| {
            let Some(place) = state.conversation(conversation) else { return false };
            state.conversations.insert(place.id.clone(), Conversation { bot: standing, ..place });
            true
        })
    }

    /// Adds or replaces a person; their chat with the bot comes with them.
    pub fn put_user(&self, user: User) {
        self.change(|state, _| {
            let chat = Conversation::personal(&user);
            state.conversations.entry(chat.id.clone()).or_insert(chat);
            state.users.insert(user.id.clone(), user);
        });
    }

    /// Adds or replaces a conversation.
    pub fn put_conversation(&self, place: Conversation) {
        self.change(|state, _| state.conversations.insert(place.id.clone(), place));
    }

    /// A person by id, object id or short name.
    #[must_use]
    pub fn user(&self, who: &str) -> Option<User> {
        self.state().user(who)
    }

    /// A conversation by id or word; `personal-NAME` is somebody's chat with the bot.
    #[must_use]
    pub fn conversation(&self, which: &str) -> Option<Conversation> {
        self.state().conversation(which)
    }

    /// The messages of a conversation, by id or word, oldest first; those for one person and deleted ones included.
    #[must_use]
    pub fn messages(&self, conversation: &str) -> Vec<Message> {
        // No change: who waits for messages would wake themselves.
        let mut state = self.state();
        state.forget_targeted(self.clock.now());
        let id = state.conversation(conversation).map(|place| place.id);
        id.and_then(|id| state.messages.get(&id).cloned()).unwrap_or_default()
    }

    /// One message.
    #[must_use]
    pub fn message(&self, conversation: &str, id: &str) -> Option<Message> {
        self.messages(conversation).into_iter().find(|message| message.id == id)
    }

    /// Every performed post of the bot, in order.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        self.state().posts.clone()
    }

    /// How often the same activity was posted to the same place, where more than once.
    #[must_use]
    pub fn duplicates(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for post in &self.state().posts {
            *counts.entry(format!("{} {}", post.conversation, post.activity)).or_insert(0) += 1;
        }
        counts.retain(|_, count| *count > 1);
        counts
    }

    /// Every request that broke a limit or a rule.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state().violations.clone()
    }

    /// How often each method ended how: `ok`, Microsoft's error, or a fault's name.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        self.state().calls.clone()
    }

    /// How often the bot showed that it types, by conversation.
    #[must_use]
    pub fn typing(&self) -> BTreeMap<String, u64> {
        self.state().typing.clone()
    }

    /// The person presses Stop under a stream. False where none runs under this id.
    pub fn stop_stream(&self, id: &str) -> bool {
        self.change(|state, _| streaming::stop(state, id))
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
