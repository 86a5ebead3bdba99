//! The tenant, and what a test or a person may ask of it.
//!
//! What there is stands in [`super::state`], how it is kept in [`super::super::world`]. Rules stand elsewhere: `connector`
//! for calls, `checks` for contents, `streaming` for streams. What is recorded and read back is added here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::record;
use super::super::world::World;
use super::message::Message;
use super::seed::{self, BotStanding, Conversation, User};
use super::state::{Post, State};
use super::{keys, streaming};
use crate::domain::time::Clock;

/// A tenant that an application can be installed in.
pub type TeamsWorld = World<State>;

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
    /// The certificates that are uploaded for it, in DER.
    #[serde(default, skip_serializing)]
    pub certificates: Vec<Vec<u8>>,
    /// The tenant in which it is registered. An app of many tenants is asked for at `botframework.com`.
    pub tenant: Option<String>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            id: seed::APP_ID.to_owned(),
            passwords: vec![seed::APP_PASSWORD.to_owned()],
            certificates: Vec::new(),
            tenant: Some(seed::TENANT.to_owned()),
        }
    }
}

impl TeamsWorld {
    /// The default tenant, with an application installed.
    #[must_use]
    pub fn new(app: App, clock: Arc<dyn Clock>) -> SharedWorld {
        Self::begin(clock, |now| State::new(app, now))
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

    /// Signs with the other key from here on, and publishes that one alone.
    pub fn rotate_keys(&self) {
        self.change(|state, _| state.key = (state.key + 1) % keys::COUNT);
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

    /// Moves a conversation, by id or word, to the connector of another region: its activities name that one from here
    /// on, and the one before knows it no longer. Microsoft says that addresses change, not what the old one answers
    /// then; that it answers 404 is ours. False where there is no such conversation.
    pub fn move_to(&self, conversation: &str, region: &str) -> bool {
        self.change(|state, _| {
            let Some(place) = state.conversation(conversation) else { return false };
            state.regions.insert(place.id, region.to_owned());
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
        let mut state = self.state();
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
        let posts = &self.state().posts;
        record::repeated(posts.iter().map(|post| format!("{} {}", post.conversation, post.activity)))
    }

    /// How often the bot showed that it types, by conversation.
    #[must_use]
    pub fn typing(&self) -> BTreeMap<String, u64> {
        self.state().typing.clone()
    }

    /// Whether the application may stream; else its streams are refused.
    pub fn set_streaming(&self, allowed: bool) {
        self.change(|state, _| state.may_stream = allowed);
    }

    /// The person presses Stop under a stream. False where none runs under this id.
    pub fn stop_stream(&self, id: &str) -> bool {
        self.change(|state, _| streaming::stop(state, id))
    }
}
