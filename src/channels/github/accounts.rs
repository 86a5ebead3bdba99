//! Whose an account is at which something happens: this team's, or that of others who have installed the App too.
//!
//! Accounts are listed by the operator. Where none is, those of the team are one: the account that owns the App, which
//! GitHub says. Until it has said so, nobody can tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// This team's.
    Ours,
    /// That of others: nothing may be done for them.
    Others,
    /// None is listed, and GitHub has not yet said who owns the App.
    Unknown,
}

/// The accounts of this team.
#[derive(Debug, Default)]
pub struct Accounts {
    listed: Vec<String>,
    owner: Mutex<Option<String>>,
    /// Whether GitHub has said who owns the App, or that no account does.
    is_told: AtomicBool,
}

impl Accounts {
    /// As they are listed, by organisation or user.
    #[must_use]
    pub fn new(listed: &[String]) -> Self {
        let listed = listed.iter().map(|account| account.trim().to_owned()).collect();
        Self { listed, owner: Mutex::default(), is_told: AtomicBool::new(false) }
    }

    /// Whether the owner of the App decides.
    #[must_use]
    pub fn go_by_owner(&self) -> bool {
        self.listed.is_empty()
    }

    /// GitHub says who owns the App. It can be renamed, or given to another account.
    pub fn learn(&self, owner: Option<&str>) {
        *self.owner() = owner.map(str::to_owned);
        self.is_told.store(true, Ordering::Relaxed);
    }

    /// Whether rules may act in an account; nothing until GitHub has said who owns the App. In an App that an enterprise owns
    /// they act in accounts that are listed.
    #[must_use]
    pub fn have_rules(&self, account: Option<&str>) -> Option<bool> {
        match self.whose(account) {
            Whose::Ours => Some(true),
            Whose::Others => Some(false),
            Whose::Unknown => self.is_told.load(Ordering::Relaxed).then_some(false),
        }
    }

    /// Whose an account is. What happens in none (a `ping`) is about the App itself.
    #[must_use]
    pub fn whose(&self, account: Option<&str>) -> Whose {
        let is_it = |name: &String| account.is_some_and(|account| name.eq_ignore_ascii_case(account));
        let ours = if self.go_by_owner() {
            match (&*self.owner(), account) {
                (_, None) => true,
                (None, Some(_)) => return Whose::Unknown,
                (Some(owner), Some(_)) => is_it(owner),
            }
        } else {
            self.listed.iter().any(is_it)
        };
        if ours { Whose::Ours } else { Whose::Others }
    }

    fn owner(&self) -> MutexGuard<'_, Option<String>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_are_listed_are_the_only_ones() {
        let accounts = Accounts::new(&["Acme".to_owned(), " shop ".to_owned()]);
        accounts.learn(Some("owner"));
        for (account, whose) in [
            (Some("acme"), Whose::Ours),
            (Some("SHOP"), Whose::Ours),
            (Some("acm"), Whose::Others),
            (Some("owner"), Whose::Others),
            (None, Whose::Others),
        ] {
            assert_eq!(accounts.whose(account), whose, "{account:?}");
        }
    }

    #[test]
    fn where_none_is_listed_the_owner_of_the_app_is_the_only_one() {
        let accounts = Accounts::new(&[]);
        assert_eq!((accounts.whose(Some("acme")), accounts.whose(None)), (Whose::Unknown, Whose::Ours));
        accounts.learn(Some("Acme"));
        assert_eq!((accounts.whose(Some("acme")), accounts.whose(Some("evil"))), (Whose::Ours, Whose::Others));
        accounts.learn(None);
        assert_eq!(accounts.whose(Some("acme")), Whose::Unknown);
    }

    #[test]
    fn rules_wait_until_github_has_said_who_owns_the_app_and_act_for_no_enterprise_that_is_not_listed() {
        let accounts = Accounts::new(&[]);
        assert_eq!(accounts.have_rules(Some("acme")), None);
        accounts.learn(Some("Acme"));
        assert_eq!((accounts.have_rules(Some("acme")), accounts.have_rules(Some("evil"))), (Some(true), Some(false)));
        accounts.learn(None);
        assert_eq!(accounts.have_rules(Some("acme")), Some(false));
        let listed = Accounts::new(&["acme".to_owned()]);
        assert_eq!((listed.have_rules(Some("acme")), listed.have_rules(Some("evil"))), (Some(true), Some(false)));
    }
}
