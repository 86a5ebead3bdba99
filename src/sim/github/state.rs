//! What is so on GitHub, and the steps that every rule is made of.
//!
//! Under the lock of a [`super::world::GitHubWorld`]; it checks nothing and decides nothing. A further kind of record is a
//! field here and an accessor there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::record::Records;
use super::super::world::PlatformState;
use super::account::Account;
use super::app::{App, Installation, Token};
use super::happens::code;
use super::hook::{Delivery, Hook, KEPT, Outgoing};
use super::issue::{Comment, Issue};
use super::rates::{Gate, RateLimits};
use super::repository::{Dispatch, Repository};
use super::seed;
use crate::domain::time::Timestamp;

/// The first id that is given to what is made.
const FIRST_ID: u64 = 2_100_000_000;

/// All that is so on GitHub.
pub struct State {
    pub(super) base_url: String,
    pub(super) app: App,
    pub(super) hook: Hook,
    pub(super) accounts: BTreeMap<u64, Account>,
    /// The members of the organisation.
    pub(super) members: BTreeSet<u64>,
    pub(super) repositories: BTreeMap<u64, Repository>,
    pub(super) installations: BTreeMap<u64, Installation>,
    pub(super) tokens: BTreeMap<String, Token>,
    /// What waits to be sent, oldest first.
    pub(super) outgoing: VecDeque<Outgoing>,
    /// What was tried, by id.
    pub(super) deliveries: BTreeMap<u64, Delivery>,
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) records: Records,
    pub(super) gate: Gate,
    next_id: u64,
    born: Timestamp,
}

impl State {
    pub(super) fn new(app: App, born: Timestamp) -> Self {
        let mut state = Self {
            base_url: String::new(),
            accounts: seed::accounts(app.bot()),
            app,
            hook: Hook::default(),
            members: seed::members(),
            repositories: seed::repositories(born),
            installations: BTreeMap::from([(seed::INSTALLATION, seed::installation(born))]),
            tokens: BTreeMap::new(),
            outgoing: VecDeque::new(),
            deliveries: BTreeMap::new(),
            dispatches: Vec::new(),
            records: Records::default(),
            gate: Gate::default(),
            next_id: FIRST_ID,
            born,
        };
        state.repositories.values_mut().for_each(|repository| code::begin(repository, born));
        state
    }

    /// An id that nothing else has.
    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A GUID that no other world has given either.
    pub(super) fn new_guid(&mut self) -> String {
        let (number, born) = (self.new_id(), self.born.0.unsigned_abs());
        format!("{:08x}-{:04x}-11f0-8000-{number:012x}", (born >> 16) & 0xffff_ffff, born & 0xffff)
    }

    /// An account by its name.
    pub(super) fn account_called(&self, login: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.is_called(login))
    }

    /// A repository by its names.
    pub(super) fn repository_called(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.values().find(|repository| repository.full_name.eq_ignore_ascii_case(full_name))
    }

    /// The installation that has this repository.
    pub(super) fn installation_of(&self, repository: u64) -> Option<&Installation> {
        let owner = self.repositories.get(&repository)?.owner;
        let has = |of: &&Installation| {
            of.account == owner && of.repositories.as_ref().is_none_or(|chosen| chosen.contains(&repository))
        };
        self.installations.values().find(has)
    }

    /// The repositories of an installation.
    pub(super) fn repositories_of(&self, installation: &Installation) -> Vec<&Repository> {
        let chosen = |id: &u64| installation.repositories.as_ref().is_none_or(|chosen| chosen.contains(id));
        self.repositories.values().filter(|one| one.owner == installation.account && chosen(&one.id)).collect()
    }

    pub(super) fn issue(&self, repository: u64, number: u64) -> Option<&Issue> {
        self.repositories.get(&repository)?.issues.get(&number)
    }

    pub(super) fn issue_mut(&mut self, repository: u64, number: u64) -> Option<&mut Issue> {
        self.repositories.get_mut(&repository)?.issues.get_mut(&number)
    }

    pub(super) fn comment(&self, repository: u64, id: u64) -> Option<&Comment> {
        self.repositories.get(&repository)?.comments.get(&id)
    }
}

impl PlatformState for State {
    type RateLimits = RateLimits;

    fn base_url(&mut self) -> &mut String {
        &mut self.base_url
    }

    fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    fn keep_pace(&mut self, limits: RateLimits) {
        self.gate = Gate::new(limits);
    }

    /// The App's webhook and its tokens stay as well: both are the application's.
    fn begin_again(&mut self, now: Timestamp) {
        let fresh = Self::new(self.app.clone(), now);
        let before = std::mem::replace(self, fresh);
        self.gate = Gate::new(before.gate.limits);
        (self.base_url, self.hook, self.tokens) = (before.base_url, before.hook, before.tokens);
        (self.next_id, self.born) = (before.next_id, before.born);
    }

    /// Forgets deliveries that are older than GitHub keeps them.
    fn catch_up(&mut self, now: Timestamp) {
        while let Some(oldest) = self.deliveries.first_entry()
            && now.since(oldest.get().delivered_at) >= KEPT
        {
            oldest.remove();
        }
    }
}
