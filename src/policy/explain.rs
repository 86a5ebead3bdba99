//! Says why a set decides as it does, and what would have to differ for a yes.
//!
//! The smallest change is found by deciding again with one thing changed, never guessed from the
//! policies: what it advises does work. A change that operators can make by one entry of a list is
//! tried by leaving that list out.

use serde::Serialize;

use super::allowlist::{BLOCKED_PEOPLE, BLOCKED_TOOLS, CHANNELS, GROUPS, PEOPLE, PREFIX};
use super::set::{PolicySet, Ruling};
use super::{Decision, Request, Subject, Verdict};
use crate::domain::event::Place;
use crate::domain::principal::{Role, Standing};

/// What a policy does where it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It allows, unless another policy forbids.
    Permit,
    /// It denies; with the annotation `@ask`, what nobody has approved.
    Forbid,
}

impl From<cedar_policy::Effect> for Effect {
    fn from(effect: cedar_policy::Effect) -> Self {
        match effect {
            cedar_policy::Effect::Permit => Self::Permit,
            cedar_policy::Effect::Forbid => Self::Forbid,
        }
    }
}

/// How a policy took a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", content = "error", rename_all = "snake_case")]
pub enum Finding {
    /// It holds.
    Satisfied,
    /// It does not hold.
    NotSatisfied,
    /// It could not be evaluated, for this reason; the decision is a denial.
    Error(String),
}

/// A policy and how it took a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyFinding {
    /// Its id.
    pub id: String,
    /// Where it stands: the file.
    pub file: String,
    /// Where it stands: the line, from 1.
    pub line: usize,
    /// What it does where it holds.
    pub effect: Effect,
    /// Whether it holds.
    #[serde(flatten)]
    pub finding: Finding,
    /// As it is written; for a list, as it was compiled.
    pub text: String,
}

/// A decision with every policy that had a say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Every policy of the set, in the order of the files, the lists last.
    pub policies: Vec<PolicyFinding>,
    /// The set that decided, as [`PolicySet::hash`] names it.
    pub hash: String,
}

impl PolicySet {
    /// Decides, and shows how each policy took the request.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let policies = self.policies().iter().map(|policy| {
            let ruling = self.ruling_of(policy, request);
            let finding = match ruling.error {
                Some(error) => Finding::Error(error),
                None if ruling.rules.contains(&policy.id) => Finding::Satisfied,
                None => Finding::NotSatisfied,
            };
            PolicyFinding {
                id: policy.id.clone(),
                file: policy.file.clone(),
                line: policy.line,
                effect: policy.effect,
                finding,
                text: policy.text.clone(),
            }
        });
        Explanation { policies: policies.collect(), decision: self.decide(request), hash: self.hash().to_owned() }
    }

    /// The least of the single changes with which the set would say yes; `None` where none would.
    pub(super) fn smallest_change(&self, denied: &Ruling, request: &Request<'_>) -> Option<String> {
        if denied.error.is_some() {
            return None;
        }
        let allows = |ruling: Ruling| ruling.verdict == Verdict::Allow;
        if denied.rules.iter().any(|rule| rule.starts_with(PREFIX)) {
            // A list looks at neither roles nor standing, so that no other change can help.
            let [list] = denied.rules.as_slice() else { return None };
            return self.ruling_without(list, request).is_some_and(allows).then(|| list_change(list, request));
        }
        if let Some(place) = request.place.filter(|place| place.shared) {
            let inside = Place { shared: false, ..place.clone() };
            if allows(self.ruling(&Request { place: Some(&inside), ..*request })) {
                return Some("ask again where nobody from outside the workspace can read".to_owned());
            }
        }
        let mut changes = subject_changes(request.subject).into_iter();
        let helps = changes.find(|(subject, _)| allows(self.ruling(&Request { subject, ..*request })));
        helps.map(|(_, advice)| advice.to_owned())
    }
}

/// Who a subject is, for a text that says what somebody like that may not do.
pub(super) fn person(subject: &Subject) -> &'static str {
    match (subject.known, subject.standing, subject.role) {
        (_, Standing::Deactivated, _) => "an account that is switched off",
        (_, Standing::Bot, _) => "a bot",
        (_, Standing::Stranger, _) => "somebody of another organisation",
        (false, _, _) => "somebody whom the bot does not know",
        (true, Standing::Guest, _) | (true, _, Role::Guest) => "a guest",
        (true, _, Role::Member) => "a member",
        (true, _, Role::Owner) => "an owner",
    }
}

fn list_change(list: &str, request: &Request<'_>) -> String {
    let person = &request.subject.id;
    match list {
        CHANNELS => match request.place {
            Some(place) => format!("ask an owner to add {} to `policy.channels`", place.id),
            None => "ask in one of the places of `policy.channels`, or ask an owner to list one there".to_owned(),
        },
        PEOPLE => format!("ask an owner to add {person} to `policy.people`"),
        GROUPS => "ask an owner to list one of your groups in `policy.groups`, or to add you to one of them".to_owned(),
        BLOCKED_TOOLS => {
            format!("ask an owner to take {} out of `policy.blocked_tools`", request.tool.unwrap_or(request.action))
        }
        BLOCKED_PEOPLE => format!("ask an owner to take {person} out of `policy.blocked_people`"),
        _ => format!("ask an owner to change `{list}`"),
    }
}

/// The subject with one thing about the person changed, the least first, and how that comes about.
fn subject_changes(subject: &Subject) -> Vec<(Subject, &'static str)> {
    let with = |known, role, standing| Subject { known, role, standing, ..subject.clone() };
    let mut changes = Vec::new();
    match subject.standing {
        // Nothing turns a program into a person.
        Standing::Bot => return changes,
        Standing::Deactivated => {
            let back = with(subject.known, subject.role, Standing::Member);
            return vec![(back, "ask an administrator of the workspace to switch the account on again")];
        }
        Standing::Member | Standing::Guest | Standing::Stranger => {}
    }
    if !subject.known {
        let role = match (subject.standing, subject.role) {
            (Standing::Member, Role::Guest) => Role::Member,
            (_, role) => role,
        };
        changes.push((with(true, role, subject.standing), "ask an owner to make you known to the bot"));
    }
    if subject.role == Role::Guest || subject.standing != Standing::Member {
        let role = if subject.role == Role::Owner { Role::Owner } else { Role::Member };
        let advice = match subject.standing {
            Standing::Stranger => "ask a member of this workspace to do it",
            _ => "ask an owner to make you a member",
        };
        changes.push((with(true, role, Standing::Member), advice));
    }
    if subject.role != Role::Owner {
        changes.push((with(true, Role::Owner, Standing::Member), "ask an owner to do it"));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{ChannelName, PlaceKind};
    use crate::domain::ids::TenantId;
    use crate::policy::testing::ACTIONS;
    use crate::policy::{Allowlists, Source};

    fn decide(known: bool, role: Role, standing: Standing, action: &str, shared: bool) -> Decision {
        let subject = Subject { id: "p-1".into(), known, role, groups: vec![], standing };
        let place = Place { id: "C1".into(), kind: PlaceKind::Public, shared };
        let tenant = TenantId::default_tenant();
        let (channel, place, tool) = (ChannelName::Slack, Some(&place), None);
        let set = PolicySet::embedded(ACTIONS).unwrap();
        set.decide(&Request { subject: &subject, action, tenant: &tenant, channel, place, tool })
    }

    #[test]
    fn a_denial_says_why_and_what_would_help() {
        use Role::{Guest as G, Member as M, Owner as O};
        use Standing::{Bot, Deactivated, Guest, Member, Stranger};
        let everyday = "task.create";
        let admin = "events.list";
        let member = "ask an owner to make you a member";
        let cases = [
            (true, G, Guest, everyday, false, "nothing permits `task.create` to a guest", Some(member)),
            (true, G, Member, everyday, false, "nothing permits `task.create` to a guest", Some(member)),
            (true, G, Guest, admin, false, "nothing permits `events.list` to a guest", Some("ask an owner to do it")),
            (true, M, Member, admin, false, "nothing permits `events.list` to a member", Some("ask an owner to do it")),
            (
                false,
                G,
                Member,
                everyday,
                false,
                "nothing permits `task.create` to somebody whom the bot does not know",
                Some("ask an owner to make you known to the bot"),
            ),
            (
                true,
                G,
                Stranger,
                everyday,
                true,
                "this is for people of the workspace, not for other organisations",
                Some("ask a member of this workspace to do it"),
            ),
            (
                true,
                O,
                Member,
                admin,
                true,
                "people from outside the workspace can read this place, so the bot is not administered here",
                Some("ask again where nobody from outside the workspace can read"),
            ),
            (true, O, Bot, everyday, false, "bots and apps have no rights here, whatever their name is", None),
            (
                true,
                M,
                Deactivated,
                everyday,
                false,
                "this account is switched off",
                Some("ask an administrator of the workspace to switch the account on again"),
            ),
            (true, M, Deactivated, admin, false, "this account is switched off", None),
            // Neither another place nor another role alone would do.
            (
                true,
                M,
                Member,
                admin,
                true,
                "people from outside the workspace can read this place, so the bot is not administered here",
                None,
            ),
        ];
        for (known, role, standing, action, shared, reason, change) in cases {
            let decision = decide(known, role, standing, action, shared);
            let asked = format!("{role:?} {standing:?} {action} shared {shared}");
            assert_eq!(decision.verdict, Verdict::Deny, "{asked}");
            assert_eq!(decision.reason, reason, "{asked}");
            assert_eq!(decision.smallest_change.as_deref(), change, "{asked}");
        }
    }

    #[test]
    fn what_is_allowed_needs_no_change() {
        let decision = decide(true, Role::Member, Standing::Member, "task.create", true);
        assert_eq!(decision.verdict, Verdict::Allow);
        assert_eq!(decision.rules, ["members-everyday"]);
        assert_eq!(decision.reason, "members of the workspace may use the everyday commands");
        assert_eq!(decision.smallest_change, None);
    }

    #[test]
    fn an_explanation_shows_every_policy_and_how_it_took_the_request() {
        let text = r#"@id("yes") permit (principal, action, resource);
@id("other") forbid (principal, action == Action::"help", resource);

@id("overflow") permit (principal, action, resource) when { 9223372036854775807 + 1 == 0 };"#;
        let source = Source { name: "x.cedar".into(), text: text.into() };
        let lists = Allowlists { people: Some(vec![]), ..Allowlists::default() };
        let set = PolicySet::load(ACTIONS, vec![source], &lists).unwrap();
        let (role, standing) = (Role::Owner, Standing::Member);
        let subject = Subject { id: "p-1".into(), known: true, role, groups: vec![], standing };
        let tenant = TenantId::default_tenant();
        let (channel, action) = (ChannelName::Terminal, "task.list");
        let request = Request { subject: &subject, action, tenant: &tenant, channel, place: None, tool: None };
        let explanation = set.explain(&request);
        let found: Vec<_> = explanation.policies.iter().map(|p| (p.id.as_str(), p.line, p.effect)).collect();
        let expected = [
            ("yes", 1, Effect::Permit),
            ("other", 2, Effect::Forbid),
            ("overflow", 4, Effect::Permit),
            ("allowlist.people", 1, Effect::Forbid),
        ];
        assert_eq!(found, expected);
        assert_eq!(explanation.policies[0].finding, Finding::Satisfied);
        assert_eq!(explanation.policies[1].finding, Finding::NotSatisfied);
        assert!(matches!(&explanation.policies[2].finding, Finding::Error(error) if error.contains("overflow")));
        assert_eq!(explanation.policies[3].finding, Finding::Satisfied);
        assert!(explanation.policies[2].text.starts_with("@id(\"overflow\")"));
        assert_eq!(explanation.decision, set.decide(&request));
        assert_eq!(explanation.decision.rules, ["evaluation-error"]);
        let json = serde_json::to_value(&explanation.policies[2]).unwrap();
        assert_eq!(json["finding"], "error");
    }
}
