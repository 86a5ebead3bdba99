//! The operator's plain lists, compiled to Cedar: nobody needs to learn Cedar to name a channel.
//!
//! Every list becomes one `forbid`, so a list can only narrow what the policies permit, and several
//! lists narrow together. A list that is absent restricts nothing; an allowlist that is empty admits
//! nobody. A new list is a field, a line in [`Allowlists::rules`] and its mend in `explain.rs`.

use serde::{Deserialize, Serialize};

use super::PolicyIssue;
use super::schema::{EntityType, literal};

/// The file that issues with the lists name.
pub(super) const FILE: &str = "[policy]";
/// What the ids of all compiled lists begin with; no other policy may.
pub(super) const PREFIX: &str = "allowlist.";
/// The places in which the bot works.
pub(super) const CHANNELS: &str = "allowlist.channels";
/// The people for whom it works.
pub(super) const PEOPLE: &str = "allowlist.people";
/// The groups for which it works.
pub(super) const GROUPS: &str = "allowlist.groups";
/// Tools that nobody may use.
pub(super) const BLOCKED_TOOLS: &str = "allowlist.blocked_tools";
/// People for whom it does nothing.
pub(super) const BLOCKED_PEOPLE: &str = "allowlist.blocked_people";

/// The section `[policy]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowlists {
    /// Ids of the only places in which the bot works. The terminal and the API have no places, so
    /// only an empty list refuses them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// Ids of the only people for whom it works, as [`super::Subject::id`] gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
    /// The only groups for whose members it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Tools that nobody may use, not even an owner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_tools: Vec<String>,
    /// Ids of people for whom it does nothing, not even what is open to everyone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_people: Vec<String>,
}

/// A compiled list.
struct Rule {
    id: &'static str,
    reason: &'static str,
    conditions: String,
}

impl Allowlists {
    /// The lists as Cedar; empty where no list restricts anything.
    #[must_use]
    pub fn compiled_text(&self) -> String {
        let policies = self.rules().into_iter().map(|rule| {
            let Rule { id, reason, conditions } = rule;
            format!("@id(\"{id}\")\n@reason(\"{reason}\")\nforbid (principal, action, resource){conditions};\n")
        });
        policies.collect::<Vec<_>>().join("\n")
    }

    /// Entries that cannot be meant.
    pub(super) fn issues(&self) -> Vec<PolicyIssue> {
        let lists = [
            ("channels", self.channels.as_ref()),
            ("people", self.people.as_ref()),
            ("groups", self.groups.as_ref()),
            ("blocked_tools", Some(&self.blocked_tools)),
            ("blocked_people", Some(&self.blocked_people)),
        ];
        let mut issues = Vec::new();
        for (name, entry) in
            lists.into_iter().flat_map(|(name, list)| list.into_iter().flatten().map(move |e| (name, e)))
        {
            if entry.is_empty() || entry.trim() != entry || entry.chars().any(char::is_control) {
                let what = format!("`policy.{name}` has the entry {entry:?}, which is the id of nothing");
                let mend = "take the entry out, or write the id without spaces around it";
                issues.push(PolicyIssue::at(FILE, "", 0, what, mend));
            }
        }
        issues
    }

    fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        if let Some(channels) = &self.channels {
            let reason = "the bot works only in the places that its operator lists, and this is none of them";
            let placeless = r#"[Channel::"terminal", Channel::"api", Channel::"internal"].contains(context.channel)"#;
            let listed = (!channels.is_empty())
                .then(|| format!("{placeless} || {}.contains(resource)", literals(EntityType::Place, channels)));
            rules.push(Rule { id: CHANNELS, reason, conditions: unless(listed) });
        }
        if let Some(people) = &self.people {
            let reason = "the bot works only for the people whom its operator lists, and you are none of them";
            let listed =
                (!people.is_empty()).then(|| format!("{}.contains(principal)", literals(EntityType::User, people)));
            rules.push(Rule { id: PEOPLE, reason, conditions: unless(listed) });
        }
        if let Some(groups) = &self.groups {
            let reason = "the bot works only for the groups that its operator lists, and you are in none of them";
            let listed = (!groups.is_empty()).then(|| format!("principal in {}", literals(EntityType::Group, groups)));
            rules.push(Rule { id: GROUPS, reason, conditions: unless(listed) });
        }
        if !self.blocked_tools.is_empty() {
            let reason = "the operator has blocked this tool";
            let tools = literals(EntityType::Tool, &self.blocked_tools);
            let conditions = format!("\nwhen {{ context has tool && {tools}.contains(context.tool) }}");
            rules.push(Rule { id: BLOCKED_TOOLS, reason, conditions });
        }
        if !self.blocked_people.is_empty() {
            let reason = "the operator has blocked you";
            let people = literals(EntityType::User, &self.blocked_people);
            rules.push(Rule {
                id: BLOCKED_PEOPLE,
                reason,
                conditions: format!("\nwhen {{ {people}.contains(principal) }}"),
            });
        }
        rules
    }
}

/// Nothing is excepted from an empty list. Cedar's strict validation refuses `[]`, which is why
/// such a list has no condition at all.
fn unless(listed: Option<String>) -> String {
    listed.map_or_else(String::new, |listed| format!("\nunless {{ {listed} }}"))
}

fn literals(kind: EntityType, ids: &[String]) -> String {
    let literals: Vec<_> = ids.iter().map(|id| literal(kind, id)).collect();
    format!("[{}]", literals.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{ChannelName, Place, PlaceKind};
    use crate::domain::ids::TenantId;
    use crate::domain::principal::{Role, Standing};
    use crate::policy::testing::ACTIONS;
    use crate::policy::{Decision, PolicySet, Request, Subject, embedded_sources};

    /// Decides for somebody with every right but for the lists: `p-1` of the group `ops`.
    fn decide(lists: &str, channel: ChannelName, place: Option<&str>, tool: Option<&str>) -> Decision {
        let lists: Allowlists = toml::from_str(lists).unwrap();
        let set = PolicySet::load(ACTIONS, embedded_sources(), &lists).unwrap();
        assert_eq!(set.allowlist_text(), lists.compiled_text());
        let groups = vec!["ops".to_owned()];
        let (role, standing) = (Role::Owner, Standing::Member);
        let subject = Subject { id: "p-1".into(), known: true, role, groups, standing };
        let place = place.map(|id| Place { id: id.into(), kind: PlaceKind::Public, shared: false });
        let tenant = TenantId::default_tenant();
        let (subject, place) = (&subject, place.as_ref());
        set.decide(&Request { subject, action: "task.create", tenant: &tenant, channel, place, tool })
    }

    #[test]
    fn lists_narrow_and_say_how_to_be_let_in() {
        let blocked_by = |list: &str, decision: &Decision| {
            assert_eq!(decision.rules, [format!("allowlist.{list}")]);
            assert!(!decision.is_allowed());
            decision.smallest_change.clone().unwrap()
        };
        for (lists, list, change) in [
            (r#"channels = ["C2"]"#, "channels", "ask an owner to add C1 to `policy.channels`"),
            ("channels = []", "channels", "ask an owner to add C1 to `policy.channels`"),
            (r#"people = ["p-2"]"#, "people", "ask an owner to add p-1 to `policy.people`"),
            ("people = []", "people", "ask an owner to add p-1 to `policy.people`"),
            (r#"groups = ["dev"]"#, "groups", "ask an owner to list one of your groups"),
            ("groups = []", "groups", "ask an owner to list one of your groups"),
            (
                r#"blocked_people = ["p-1"]"#,
                "blocked_people",
                "ask an owner to take p-1 out of `policy.blocked_people`",
            ),
            (r#"blocked_tools = ["x"]"#, "blocked_tools", "ask an owner to take x out of `policy.blocked_tools`"),
        ] {
            let decision = decide(lists, ChannelName::Slack, Some("C1"), Some("x"));
            let said = blocked_by(list, &decision);
            assert!(said.starts_with(change), "{lists}: {said}");
        }
    }

    #[test]
    fn what_is_listed_or_not_blocked_passes() {
        for lists in [
            "",
            r#"channels = ["C2", "C1"]"#,
            r#"people = ["p-1"]"#,
            r#"groups = ["dev", "ops"]"#,
            "blocked_people = []\nblocked_tools = []",
            r#"blocked_people = ["p-2"]"#,
            r#"blocked_tools = ["y"]"#,
            "channels = [\"C1\"]\npeople = [\"p-1\"]\ngroups = [\"ops\"]",
        ] {
            assert!(decide(lists, ChannelName::Slack, Some("C1"), Some("x")).is_allowed(), "{lists}");
        }
    }

    #[test]
    fn an_empty_list_admits_nobody_by_no_way() {
        for list in ["channels", "people", "groups"] {
            for channel in [ChannelName::Slack, ChannelName::Terminal, ChannelName::Api, ChannelName::Internal] {
                for place in [None, Some("C1")] {
                    let decision = decide(&format!("{list} = []"), channel, place, None);
                    assert_eq!(decision.rules, [format!("allowlist.{list}")], "{channel} {place:?}");
                }
            }
        }
    }

    #[test]
    fn listed_places_leave_out_what_has_no_place_by_nature() {
        let lists = r#"channels = ["C1"]"#;
        assert!(decide(lists, ChannelName::Terminal, None, None).is_allowed());
        assert!(decide(lists, ChannelName::Api, None, None).is_allowed());
        assert!(!decide(lists, ChannelName::Slack, None, None).is_allowed());
        assert!(!decide(lists, ChannelName::Slack, Some("c1"), None).is_allowed());
    }

    #[test]
    fn two_lists_narrow_together_and_no_single_change_helps() {
        let decision = decide("people = []\nchannels = []", ChannelName::Slack, Some("C1"), None);
        assert_eq!(decision.rules, ["allowlist.channels", "allowlist.people"]);
        assert_eq!(decision.smallest_change, None);
    }

    #[test]
    fn a_list_with_a_mistake_is_not_taken() {
        assert!(toml::from_str::<Allowlists>(r#"chanels = ["C1"]"#).is_err());
        assert!(toml::from_str::<Allowlists>(r#"channels = "C1""#).is_err());
        for lists in [r#"channels = [""]"#, r#"people = [" p-1"]"#, r#"blocked_tools = ["a\nb"]"#] {
            let lists: Allowlists = toml::from_str(lists).unwrap();
            let issues = PolicySet::load(ACTIONS, vec![], &lists).unwrap_err();
            assert_eq!((issues.len(), issues[0].file.as_str()), (1, "[policy]"), "{issues:?}");
        }
    }

    #[test]
    fn an_entry_cannot_end_its_own_text() {
        let decision =
            decide(r#"people = ['x"].contains(principal) || true || ["']"#, ChannelName::Slack, Some("C1"), None);
        assert_eq!(decision.rules, ["allowlist.people"]);
    }

    #[test]
    fn a_list_reads_as_cedar() {
        let lists: Allowlists = toml::from_str(r#"people = ["p-1", "slack:T1/U1"]"#).unwrap();
        let expected = r#"@id("allowlist.people")
@reason("the bot works only for the people whom its operator lists, and you are none of them")
forbid (principal, action, resource)
unless { [User::"p-1", User::"slack:T1/U1"].contains(principal) };
"#;
        assert_eq!(lists.compiled_text(), expected);
        assert_eq!(Allowlists::default().compiled_text(), "");
    }
}
