//! Decides who may do what: pure decisions by Cedar policies, deny by default.
//!
//! A [`PolicySet`] is loaded from Cedar files, the operator's [`Allowlists`] and the table of
//! actions, and is checked against the schema as it is loaded: a set with a mistake never decides
//! anything. Where all that stands against a request are `forbid`s with the annotation `@ask`, the verdict is neither
//! yes nor no: somebody is to be asked. [`Live`] holds the set in use and keeps the last good one. Nothing here reads a file,
//! the store or a clock; who the subject is was settled by the caller.
//!
//! A new policy is a file in `config/policies/`; a new attribute is a line in `ai-crm.cedarschema`
//! and one in `schema.rs`; a new allowlist is a field in `allowlist.rs`.

mod allowlist;
mod explain;
mod live;
mod read;
mod schema;
mod set;
mod testing;

use std::fmt;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

pub(crate) use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::approval::Approver;
use crate::domain::event::{ChannelName, Place};
use crate::domain::ids::TenantId;
use crate::domain::principal::{Role, Standing};

pub use allowlist::Allowlists;
pub use explain::{Effect, Explanation, Finding, PolicyFinding};
pub use live::{Live, ReloadFailure};
pub use set::PolicySet;
pub use testing::{CaseFailure, TestReport, run_tests};

/// The rule of a denial that no policy asked for: nothing permits the request.
pub const DEFAULT_DENY: &str = "default-deny";
/// The rule of a denial because a policy could not be evaluated or the request does not fit the schema.
pub const EVALUATION_ERROR: &str = "evaluation-error";

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/config/policies");

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The principal's id, or `slack:T1/U1` where nobody known stands behind the platform's user.
    pub id: String,
    /// Whether somebody whom we know stands behind it.
    pub known: bool,
    /// What the person is to this bot.
    pub role: Role,
    /// Groups, from configuration and from the platform; never from what a message claims.
    pub groups: Vec<String>,
    /// How the platform says that the user stands to the workspace. Somebody who proved himself
    /// otherwise, at the terminal or by the admin token, stands as a member.
    pub standing: Standing,
}

/// What is asked, where and by which way.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub subject: &'a Subject,
    /// What: `task.create`, from the table of actions.
    pub action: &'a str,
    /// Whose configuration and data.
    pub tenant: &'a TenantId,
    /// By which way it came.
    pub channel: ChannelName,
    /// Where, where there is a place.
    pub place: Option<&'a Place>,
    /// The tool that is called, where one is.
    pub tool: Option<&'a str>,
}

/// A file of policies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its name, for people: `config/policies/default.cedar`.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// A mistake in a set, with its place and its mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyIssue {
    /// The file, as [`Source::name`] gives it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// How to put it right.
    pub mend: String,
}

impl fmt::Display for PolicyIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}\n{}", self.file, self.line, self.column, self.what, self.mend)
    }
}

impl PolicyIssue {
    /// The issue at a byte of a text.
    fn at(file: &str, text: &str, offset: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self { file: file.to_owned(), line, column, what: what.into(), mend: mend.into() }
    }
}

/// Yes, no, or not without somebody's approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may be done.
    Allow,
    /// It may not.
    Deny,
    /// It may once somebody has approved it.
    Ask,
}

/// A decision and why it fell so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Yes, no, or ask.
    pub verdict: Verdict,
    /// Ids of the policies that determined it, in the order of the files; never empty.
    pub rules: Vec<String>,
    /// Who has to be asked, where somebody has to: whoever approves is each of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approver>,
    /// Why, in words for people.
    pub reason: String,
    /// For a denial, the smallest change that would permit the request, found by deciding again.
    pub smallest_change: Option<String>,
}

impl Decision {
    /// What we ask of ourselves, such as a timer that rings, needs nobody's permission.
    #[must_use]
    pub fn of_ourselves() -> Self {
        let (rules, reason) = (vec!["ourselves".to_owned()], "our own timer".to_owned());
        Self { verdict: Verdict::Allow, rules, approvers: Vec::new(), reason, smallest_change: None }
    }

    /// The same, asked together with what others ask.
    #[must_use]
    pub fn with(mut self, rules: &[String], approvers: &[Approver]) -> Self {
        let (own_rules, own_approvers) = (std::mem::take(&mut self.rules), std::mem::take(&mut self.approvers));
        self.rules = rules.to_vec();
        self.rules.extend(own_rules.into_iter().filter(|rule| !rules.contains(rule)));
        self.approvers = approvers.to_vec();
        self.approvers.extend(own_approvers.into_iter().filter(|approver| !approvers.contains(approver)));
        self
    }

    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }

    /// Whether it may be done, or would be once somebody has approved it.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.verdict != Verdict::Deny
    }
}

/// The policies inside the binary, as sources for [`PolicySet::load`].
#[must_use]
pub fn embedded_sources() -> Vec<Source> {
    let policies = SHIPPED.files().filter(|file| file.path().extension().is_some_and(|ending| ending == "cedar"));
    policies
        .map(|file| Source {
            name: format!("config/policies/{}", file.path().display()),
            text: file.contents_utf8().expect("invariant: shipped policies are UTF-8").to_owned(),
        })
        .collect()
}

/// The golden table of the embedded policies, for [`run_tests`].
#[must_use]
pub fn embedded_tests() -> &'static str {
    shipped_text("default.test.toml")
}

fn shipped_text(name: &str) -> &'static str {
    let file = SHIPPED.get_file(name).expect("invariant: the file is shipped, a test reads it");
    file.contents_utf8().expect("invariant: shipped policies are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_together_asks_for_all_of_both_once() {
        let names = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let leads = Approver::Group("leads".into());
        let one = Decision {
            verdict: Verdict::Ask,
            rules: names(&["b", "c"]),
            approvers: vec![Approver::Owner, leads.clone()],
            ..Decision::of_ourselves()
        };
        let both = one.with(&names(&["a", "b"]), &[Approver::Owner]);
        assert_eq!((both.verdict, both.rules), (Verdict::Ask, names(&["a", "b", "c"])));
        assert_eq!(both.approvers, [Approver::Owner, leads]);
    }

    #[test]
    fn an_issue_counts_lines_and_characters_from_one() {
        let text = "a\nbü*\n";
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (2, 2, 1), (5, 2, 3), (7, 3, 1)] {
            let issue = PolicyIssue::at("f", text, offset, "x", "y");
            assert_eq!((issue.line, issue.column), (line, column), "offset {offset}");
        }
    }

    #[test]
    fn what_is_shipped_is_there() {
        let names: Vec<_> = embedded_sources().into_iter().map(|source| source.name).collect();
        assert_eq!(names, ["config/policies/default.cedar"]);
        assert!(embedded_tests().contains("[[case]]"));
    }
}
