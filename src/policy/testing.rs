//! Tables of cases for policies: `policy test` and the golden table of the shipped set.
//!
//! A file of cases is TOML: `[[case]]` with what is asked, `expect` and, where it matters, `rule`.
//! A case names one `action` or a `group`, which stands for every action in it.

use serde::{Deserialize, Serialize};

use super::{ActionGroup, PolicySet, Request, Subject, Verdict};
use crate::domain::event::{ChannelName, Place, PlaceKind};
use crate::domain::ids::TenantId;
use crate::domain::principal::{Role, Standing};

/// How a table of cases went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TestReport {
    /// How many cases were decided as expected.
    pub passed: usize,
    /// The others; also a file that cannot be read or has no case.
    pub failed: Vec<CaseFailure>,
}

/// A case that was not decided as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseFailure {
    /// The name of the case.
    pub case: String,
    /// What was expected and what came.
    pub what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "default_id")]
    id: String,
    #[serde(default = "default_known")]
    known: bool,
    role: Role,
    standing: Standing,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    group: Option<ActionGroup>,
    #[serde(default = "TenantId::default_tenant")]
    tenant: TenantId,
    channel: ChannelName,
    #[serde(default)]
    place: Option<String>,
    #[serde(default = "default_place_kind")]
    place_kind: PlaceKind,
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    tool: Option<String>,
    expect: Verdict,
    #[serde(default)]
    rule: Option<String>,
}

fn default_id() -> String {
    "p-1".to_owned()
}

fn default_known() -> bool {
    true
}

fn default_place_kind() -> PlaceKind {
    PlaceKind::Public
}

/// Decides every case of a table and compares.
#[must_use]
pub fn run_tests(set: &PolicySet, text: &str) -> TestReport {
    let mut report = TestReport::default();
    let broken = |what: String| CaseFailure { case: "the file of cases".to_owned(), what };
    let table: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            report.failed.push(broken(error.to_string()));
            return report;
        }
    };
    if table.case.is_empty() {
        report.failed.push(broken("there is no `[[case]]` in it, so it shows nothing".to_owned()));
    }
    for case in table.case {
        match case.run(set) {
            Ok(()) => report.passed += 1,
            Err(what) => report.failed.push(CaseFailure { case: case.name, what }),
        }
    }
    report
}

impl Case {
    fn run(&self, set: &PolicySet) -> Result<(), String> {
        let actions = match (&self.action, self.group) {
            (Some(action), None) => vec![action.as_str()],
            (None, Some(group)) => set.actions_of(group),
            _ => return Err("a case needs either `action` or `group`".to_owned()),
        };
        if actions.is_empty() {
            return Err("no action is in this group, so the case shows nothing".to_owned());
        }
        if self.place.is_none() && self.shared {
            return Err("only a place can be shared; give the case a `place`".to_owned());
        }
        actions.into_iter().try_for_each(|action| self.check(set, action))
    }

    fn check(&self, set: &PolicySet, action: &str) -> Result<(), String> {
        let subject = Subject {
            id: self.id.clone(),
            known: self.known,
            role: self.role,
            groups: self.groups.clone(),
            standing: self.standing,
        };
        let place = self.place.clone().map(|id| Place { id, kind: self.place_kind, shared: self.shared });
        let request = Request {
            subject: &subject,
            action,
            tenant: &self.tenant,
            channel: self.channel,
            place: place.as_ref(),
            tool: self.tool.as_deref(),
        };
        let decision = set.decide(&request);
        let verdict_fits = decision.verdict == self.expect;
        let rule_fits = self.rule.as_ref().is_none_or(|rule| decision.rules.contains(rule));
        if verdict_fits && rule_fits {
            return Ok(());
        }
        let expected = match &self.rule {
            Some(rule) => format!("{} by `{rule}`", word(self.expect)),
            None => word(self.expect).to_owned(),
        };
        let (came, rules) = (word(decision.verdict), decision.rules.join("`, `"));
        Err(format!("`{action}`: expected {expected}, got {came} by `{rules}`: {}", decision.reason))
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Ask => "ask",
    }
}

/// A table of actions for the tests of this folder.
#[cfg(test)]
pub(super) const ACTIONS: &[super::ActionSpec] = &[
    super::ActionSpec { name: "help", group: ActionGroup::Open },
    super::ActionSpec { name: "pair", group: ActionGroup::Open },
    super::ActionSpec { name: "task.create", group: ActionGroup::Everyday },
    super::ActionSpec { name: "task.list", group: ActionGroup::Everyday },
    super::ActionSpec { name: "pm.analyze", group: ActionGroup::Everyday },
    super::ActionSpec { name: "events.list", group: ActionGroup::Administration },
    super::ActionSpec { name: "people.promote", group: ActionGroup::Administration },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::embedded_tests;

    #[test]
    fn the_shipped_policies_decide_as_their_golden_table_says() {
        let report = run_tests(&PolicySet::embedded(ACTIONS).unwrap(), embedded_tests());
        assert_eq!(report.failed, []);
        assert!(report.passed >= 40, "{} cases", report.passed);
    }

    #[test]
    fn a_case_that_fails_says_what_came_instead() {
        let case = |rest: &str| {
            format!("[[case]]\nname = \"x\"\nrole = \"guest\"\nstanding = \"guest\"\nchannel = \"slack\"\n{rest}")
        };
        let cases = [
            (String::new(), "there is no `[[case]]` in it"),
            ("[[case]]\nnaem = 1".to_owned(), "naem"),
            (case("action = \"task.list\"\nexpect = \"allow\""), "expected allow, got deny by `default-deny`"),
            (
                case("group = \"open\"\nexpect = \"allow\"\nrule = \"x\""),
                "expected allow by `x`, got allow by `open-to-everyone`",
            ),
            (case("action = \"help\"\ngroup = \"open\"\nexpect = \"allow\""), "either `action` or `group`"),
            (case("expect = \"allow\""), "either `action` or `group`"),
            (case("action = \"help\"\nshared = true\nexpect = \"allow\""), "only a place can be shared"),
            (case("action = \"no.such\"\nexpect = \"deny\"\nrule = \"default-deny\""), "evaluation-error"),
        ];
        let set = PolicySet::embedded(ACTIONS).unwrap();
        for (text, expected) in cases {
            let report = run_tests(&set, &text);
            assert_eq!((report.passed, report.failed.len()), (0, 1), "{text}");
            assert!(report.failed[0].what.contains(expected), "{:?}", report.failed[0]);
        }
    }

    #[test]
    fn a_case_may_expect_that_somebody_is_asked() {
        let mut sources = crate::policy::embedded_sources();
        let text = "@id(\"asks\") @ask(\"owner\") forbid (principal, action == Action::\"task.create\", resource);";
        sources.push(crate::policy::Source { name: "more.cedar".into(), text: text.into() });
        let set = PolicySet::load(ACTIONS, sources, &crate::policy::Allowlists::default()).unwrap();
        let case = "[[case]]\nname = \"x\"\nrole = \"member\"\nstanding = \"member\"\nchannel = \"slack\"\n\
                    action = \"task.create\"\nrule = \"asks\"\n";
        let report = run_tests(&set, &format!("{case}expect = \"ask\""));
        assert_eq!((report.passed, report.failed), (1, vec![]));
        let report = run_tests(&set, &format!("{case}expect = \"deny\""));
        assert!(report.failed[0].what.contains("expected deny by `asks`, got ask by `asks`"), "{report:?}");
    }

    #[test]
    fn a_case_over_a_group_without_actions_shows_nothing_and_fails() {
        let set = PolicySet::embedded(&ACTIONS[..2]).unwrap();
        let text = "[[case]]\nname = \"x\"\nrole = \"guest\"\nstanding = \"guest\"\nchannel = \"slack\"\ngroup = \"everyday\"\nexpect = \"deny\"";
        assert_eq!(run_tests(&set, text).passed, 0);
    }
}
