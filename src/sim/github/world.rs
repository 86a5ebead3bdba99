//! GitHub, and what a test or a person may ask of it.
//!
//! What there is stands in [`super::state`], how it is kept in [`super::super::world`]. What the App does comes by
//! `api`, what people do by `people`. What is recorded and read back is added here.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use tokio::task::AbortHandle;

use super::super::world::World;
use super::account::{Account, Kind, Role};
use super::app::App;
use super::hook::{Delivery, Hook};
use super::issue::{Comment, Issue};
use super::repository::{CheckRun, Dispatch, Status};
use super::seed;
use super::state::State;
use crate::domain::time::Clock;

/// GitHub, with an App.
pub type GitHubWorld = World<State, Running>;

/// GitHub, as the server and a test hold it.
pub type SharedWorld = Arc<GitHubWorld>;

/// What runs beside the state.
#[derive(Debug, Default)]
pub struct Running {
    /// What sends webhooks.
    pub(super) postman: Mutex<Option<AbortHandle>>,
    /// Calls of the API that are being answered.
    pub(super) calls: AtomicUsize,
}

impl GitHubWorld {
    /// The world as it begins, with an App that is installed.
    #[must_use]
    pub fn new(app: App, clock: Arc<dyn Clock>) -> SharedWorld {
        Self::begin(clock, |now| State::new(app, now))
    }

    /// The App.
    #[must_use]
    pub fn app(&self) -> App {
        self.state().app.clone()
    }

    /// The webhook.
    #[must_use]
    pub fn hook(&self) -> Hook {
        self.state().hook.clone()
    }

    /// Changes the webhook: `world.set_hook(|hook| hook.way = Way::Dropped)`.
    pub fn set_hook(&self, how: impl FnOnce(&mut Hook)) {
        self.change(|state, _| how(&mut state.hook));
    }

    /// The secret by which webhooks are signed from here on.
    pub fn set_webhook_secret(&self, secret: &str) {
        self.change(|state, _| secret.clone_into(&mut state.app.webhook_secret));
    }

    /// Adds a person, or one more bot.
    pub fn put_account(&self, id: u64, login: &str, kind: Kind) {
        self.change(|state, _| state.accounts.insert(id, Account { id, login: login.to_owned(), kind }));
    }

    /// Adds a repository of an account, which must be there; the App has it where it is installed for all of them. False
    /// where there is no such account.
    pub fn put_repository(&self, id: u64, full_name: &str, private: bool) -> bool {
        self.change(|state, now| {
            let owner = full_name.split_once('/').and_then(|(owner, _)| state.account_called(owner));
            let Some(owner) = owner.map(|owner| owner.id) else { return false };
            let mut made = seed::repository(id, owner, full_name, private, now);
            super::happens::code::begin(&mut made, now);
            state.repositories.insert(id, made);
            true
        })
    }

    /// What somebody may do in a repository from here on. False where there is no such repository or account.
    pub fn set_role(&self, repository: &str, login: &str, role: Role) -> bool {
        self.change(|state, _| {
            let known = state.account_called(login).map(|account| account.id);
            let known = known.zip(state.repository_called(repository).map(|repository| repository.id));
            let Some((account, repository)) = known else { return false };
            state.repositories.get_mut(&repository).map(|of| of.roles.insert(account, role)).is_some()
        })
    }

    /// Ends every token that was given out.
    pub fn expire_tokens(&self) {
        self.change(|state, now| state.tokens.values_mut().for_each(|token| token.until = now));
    }

    /// An issue or a pull request.
    #[must_use]
    pub fn issue(&self, repository: &str, number: u64) -> Option<Issue> {
        self.state().repository_called(repository)?.issues.get(&number).cloned()
    }

    /// The comments of an issue, below it and on lines, oldest first.
    #[must_use]
    pub fn comments(&self, repository: &str, number: u64) -> Vec<Comment> {
        let state = self.state();
        let comments = state.repository_called(repository).into_iter().flat_map(|of| of.comments.values());
        comments.filter(|comment| comment.issue == number).cloned().collect()
    }

    /// The check runs of a repository, oldest first.
    #[must_use]
    pub fn check_runs(&self, repository: &str) -> Vec<CheckRun> {
        let state = self.state();
        state.repository_called(repository).into_iter().flat_map(|of| of.check_runs.values()).cloned().collect()
    }

    /// The statuses of a repository's commits, oldest first.
    #[must_use]
    pub fn statuses(&self, repository: &str) -> Vec<Status> {
        let state = self.state();
        state.repository_called(repository).into_iter().flat_map(|of| &of.statuses).cloned().collect()
    }

    /// Workflows that were dispatched, oldest first.
    #[must_use]
    pub fn dispatches(&self) -> Vec<Dispatch> {
        self.state().dispatches.clone()
    }

    /// Deliveries that were tried, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.values().cloned().collect()
    }

    /// The id of the delivery that was tried last; 0 where none was.
    pub(super) fn newest(&self) -> u64 {
        self.state().deliveries.last_key_value().map_or(0, |(id, _)| *id)
    }

    /// The first delivery with this GUID that was tried after another.
    pub(super) fn tried(&self, guid: &str, after: u64) -> Option<Delivery> {
        let state = self.state();
        let mut later = state.deliveries.range(after + 1..).map(|(_, one)| one);
        later.find(|one| one.guid == guid).cloned()
    }

    /// Webhooks that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state().outgoing.len()
    }

    /// Sends a delivery once more, as somebody does who presses "Redeliver". False where there is none.
    pub fn redeliver(&self, id: u64) -> bool {
        self.change(|state, _| state.redeliver(id))
    }
}
