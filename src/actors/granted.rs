//! What an approval in hand makes of a decision of the policies, and of what came of it.

use crate::actors::settle::Verdict;
use crate::domain::approval::{Approval, words as words_of};
use crate::domain::event::Event;
use crate::policy::{self, Decision};
use crate::store::Stored;
use crate::tools::approval;

/// A verdict as what it is where an approval was in hand.
pub(super) fn by_approval(verdict: Verdict, approval: Option<&Stored<Approval>>, run: &Event) -> Verdict {
    match approval {
        Some(approval) => verdict.by_approval(approval, run),
        None => verdict,
    }
}

/// Whether something may be done, be it by the approval in hand.
pub(super) fn is_granted(decision: &Decision, approval: Option<&Stored<Approval>>) -> bool {
    let covers = |approval: &Stored<Approval>| approval.value.covers(&decision.rules, &decision.approvers);
    decision.is_allowed() || (decision.verdict == policy::Verdict::Ask && approval.is_some_and(covers))
}

/// A decision that somebody is to be asked, where nobody can be: what is no line cannot wait, to approve is not approved
/// in its turn, and an approval that was given for less does not count for more.
pub(super) fn unasked(action: &str, decision: &Decision, approval: Option<&Stored<Approval>>) -> Decision {
    let change = match approval {
        None if approval::is_about_approvals(action) => {
            "ask an owner of this bot to let the policy ask for nothing where approvals are dealt with".to_owned()
        }
        Some(approval) => format!("ask again: policies ask for more than {} was asked for", approval.value.id),
        None => format!("ask for it by a command in a chat, where it can wait for {}", words_of(&decision.approvers)),
    };
    Decision { verdict: policy::Verdict::Deny, smallest_change: Some(change), ..decision.clone() }
}
