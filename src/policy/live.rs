//! The set in use: replaced whole while others read, and never by one that did not load.
//!
//! Who watches the files and the configuration calls [`Live::reload`] with what loading gave.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use serde::Serialize;

use super::{PolicyIssue, PolicySet};
use crate::domain::time::Timestamp;

/// A reload that did not take place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReloadFailure {
    /// When it was tried.
    pub at: Timestamp,
    /// Why the set did not load.
    pub issues: Vec<PolicyIssue>,
}

/// Holds the last good set.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<PolicySet>,
    failure: ArcSwapOption<ReloadFailure>,
}

impl Live {
    /// Starts with a set that has loaded.
    #[must_use]
    pub fn new(set: PolicySet) -> Self {
        Self { current: ArcSwap::from_pointee(set), failure: ArcSwapOption::empty() }
    }

    /// The set in use. Whoever makes several decisions about one request keeps it for all of them.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// Puts a set into use that has loaded, or keeps the last good one and remembers why and when.
    ///
    /// # Errors
    /// The issues that loading found, handed through.
    pub fn reload(
        &self,
        loaded: Result<PolicySet, Vec<PolicyIssue>>,
        at: Timestamp,
    ) -> Result<Arc<PolicySet>, Vec<PolicyIssue>> {
        match loaded {
            Ok(set) => {
                let set = Arc::new(set);
                self.current.store(Arc::clone(&set));
                self.failure.store(None);
                Ok(set)
            }
            Err(issues) => {
                self.failure.store(Some(Arc::new(ReloadFailure { at, issues: issues.clone() })));
                Err(issues)
            }
        }
    }

    /// The last reload, where it failed; a good one clears it.
    #[must_use]
    pub fn last_failure(&self) -> Option<Arc<ReloadFailure>> {
        self.failure.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::ACTIONS;
    use crate::policy::{Allowlists, Source};

    #[test]
    fn a_reload_that_fails_keeps_the_last_good_set_and_is_remembered_until_one_succeeds() {
        let live = Live::new(PolicySet::embedded(ACTIONS).unwrap());
        let good = live.current().hash().to_owned();
        let broken = Source { name: "x.cedar".into(), text: "permit(".into() };
        let loaded = PolicySet::load(ACTIONS, vec![broken], &Allowlists::default());
        let issues = live.reload(loaded, Timestamp(7)).unwrap_err();
        assert_eq!(live.current().hash(), good);
        let failure = live.last_failure().unwrap();
        assert_eq!((failure.at, &failure.issues), (Timestamp(7), &issues));

        let next = PolicySet::load(ACTIONS, vec![], &Allowlists::default()).unwrap();
        let next = live.reload(Ok(next), Timestamp(8)).unwrap();
        assert_ne!(next.hash(), good);
        assert_eq!(live.current().hash(), next.hash());
        assert_eq!(live.last_failure(), None);
    }
}
