//! What the edge asks of the rest of the program. `app.rs` answers.

use std::path::Path;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::channels::slack::oauth::Granted;
use crate::domain::effect::Effect;
use crate::domain::event::ChannelName;
use crate::domain::ids::{EventId, TenantId};
use crate::ledger::lanes::Lane;

/// A workspace, or an organisation, that was connected.
pub struct NewWorkspace {
    /// What people call it.
    pub name: String,
    /// Slack's id of it.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// The code that makes its first owner, where it has a tenant of its own and that has none.
    pub code: Option<String>,
}

/// The rest of the program.
pub trait Inside: Send + Sync + 'static {
    /// Handle an event that is on disk.
    fn handle(&self, lane: Lane, event: EventId);
    /// Events that are being handled just now, of whichever tenant; none where no server runs.
    fn running(&self) -> BoxFuture<'_, Vec<EventId>>;
    /// Perform effects that are on disk.
    fn owed(&self, effects: Vec<Effect>);
    /// An event was taken off.
    fn dropped_event(&self, event: EventId);
    /// An effect was taken off.
    fn dropped_effect(&self, effect: &Effect);
    /// Somebody is there to read a conversation of a channel.
    fn nudge(&self, channel: ChannelName, conversation: String);
    /// What every actor shows.
    fn actors(&self) -> Value;
    /// Names of actors that are not as they should be, with their errors.
    fn troubles(&self) -> Vec<(String, String)>;
    /// Whether the policies in use, or the files that would replace them, are valid.
    fn policy_check(&self) -> Value;
    /// Who may do what, by which rule: the question is the parameters of `policy explain`.
    ///
    /// # Errors
    /// In words, where the question cannot be read.
    fn policy_explain(&self, question: &Value) -> Result<Value, String>;
    /// Runs the tests of the policies.
    fn policy_test(&self) -> Value;
    /// Stores an installation by OAuth; it is in use from then on.
    fn connect_slack(&self, granted: Granted, by_link: bool) -> BoxFuture<'_, Result<NewWorkspace, String>>;
    /// Findings of `doctor`; with `send` a message is sent to an owner on each platform.
    fn doctor(&self, send: bool) -> BoxFuture<'_, Value>;
    /// Writes a backup.
    fn backup<'a>(&'a self, file: &'a Path) -> BoxFuture<'a, Result<Value, String>>;
    /// Makes a new sealing key; old values are sealed anew in the background.
    fn rotate_keys(&self) -> BoxFuture<'_, Result<Value, String>>;
}
