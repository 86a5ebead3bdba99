//! The workspace, and what a test or a person may ask of it.
//!
//! What there is stands in [`super::state`], how it is kept in [`super::super::world`].
//! Rules stand elsewhere: `methods/` for calls, [`super::hooks`] for response URLs,
//! [`super::limits`] for contents. What is recorded and read back is added here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;

use super::super::record;
use super::super::world::{World, locked};
use super::message::Message;
use super::methods::streams;
use super::oauth::Directory;
use super::seed::{Channel, User, Workspace};
use super::sockets::Sockets;
use super::state::{OpenView, Post, State};
use crate::domain::time::Clock;

/// A workspace that an application can be installed in.
pub type SlackWorld = World<State, AppSide>;

/// The workspace, as the server, the sender and a test hold it.
pub type SharedWorld = Arc<SlackWorld>;

/// What is the application's own, and outlives a reset of the workspace.
#[derive(Default)]
pub struct AppSide {
    sockets: Mutex<Sockets>,
    directory: Mutex<Directory>,
}

impl SlackWorld {
    /// The default workspace, with an application installed under `token`.
    #[must_use]
    pub fn new(token: &str, clock: Arc<dyn Clock>) -> SharedWorld {
        Self::begin(clock, |now| State::new(token, now))
    }

    pub(super) fn directory(&self) -> MutexGuard<'_, Directory> {
        locked(&self.beside.directory)
    }

    pub(super) fn sockets_lock(&self) -> MutexGuard<'_, Sockets> {
        locked(&self.beside.sockets)
    }

    /// Adds or replaces a user.
    pub fn put_user(&self, user: User) {
        self.change(|state, _| state.users.insert(user.id.clone(), user));
    }

    /// Adds or replaces a channel.
    pub fn put_channel(&self, channel: Channel) {
        self.change(|state, _| state.channels.insert(channel.id.clone(), channel));
    }

    /// Takes the application's bot out of a channel; in a direct conversation it is then as if there were none.
    pub fn remove_bot(&self, channel: &str) {
        self.change(|state, _| state.channels.get_mut(channel).map(|channel| channel.bot_is_member = false));
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

    /// Takes the rights of every token away that holds here, as where somebody revokes the application's authorization.
    pub fn revoke_tokens(&self) {
        self.change(|state, _| state.tokens.values_mut().for_each(|holds| *holds = false));
    }

    /// Takes a scope from the application, or gives it: calls that need it end in `missing_scope`.
    pub fn set_scope(&self, scope: &str, given: bool) {
        self.change(|state, _| {
            if given {
                state.without_scopes.remove(scope);
            } else {
                state.without_scopes.insert(scope.to_owned());
            }
        });
    }

    /// Withholds a team from the token of its organisation, or grants it: calls that name the team end in
    /// `team_access_not_granted`. Kept for `users.conversations`.
    pub fn set_withheld(&self, withheld: bool) {
        self.change(|state, _| state.is_withheld = withheld);
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

    /// Lets somebody delete a message; nobody is told of it.
    pub fn take_back(&self, channel: &str, ts: &str) {
        self.change(|state, _| state.remove_message(channel, ts));
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
        record::repeated(self.state().posts.iter().filter_map(|post| {
            let payload = Value::Object(post.metadata.as_ref()?.event_payload.clone());
            Some(format!("{} {payload}", post.channel))
        }))
    }

    /// The modals that were opened, oldest first.
    #[must_use]
    pub fn views(&self) -> Vec<OpenView> {
        self.state().views.clone()
    }

    /// What the Home of a person shows; none where nothing was published there.
    #[must_use]
    pub fn home(&self, user: &str) -> Option<OpenView> {
        self.state().home(user).cloned()
    }

    /// Every Home that was published, in order.
    #[must_use]
    pub fn homes(&self) -> Vec<OpenView> {
        self.state().homes.clone()
    }

    /// The person presses Stop under a stream. False where none runs there.
    pub fn stop_stream(&self, channel: &str, ts: &str) -> bool {
        self.change(|state, _| streams::stopped_by_user(state, channel, ts))
    }

    /// Refuses a method to the application with a word of Slack's, whatever it asks; without a word, no longer.
    pub fn set_refusal(&self, method: &str, error: Option<&str>) {
        self.change(|state, _| match error {
            Some(error) => state.refusals.insert(method.to_owned(), error.to_owned()),
            None => state.refusals.remove(method),
        });
    }

    /// Whether the application's settings have the Home tab on; else nothing can be published there.
    pub fn set_home_tab(&self, on: bool) {
        self.change(|state, _| state.home_tab = on);
    }
}
