//! A set of policies: loaded whole or not at all, then asked.
//!
//! Loading finds every issue that it can before it gives up. A decision is pure: the same set and
//! the same request always give the same one. Why a set decided so, and what would have to differ,
//! stands in `explain.rs`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cedar_policy as cedar;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::allowlist::{self, Allowlists};
use super::explain::{Effect, person};
use super::read::{Policy, check_asks, check_ids, read, validate};
use super::schema::{Vocabulary, standing_word};
use super::{
    ActionGroup, ActionSpec, DEFAULT_DENY, Decision, EVALUATION_ERROR, PolicyIssue, Request, Source, Subject, Verdict,
    embedded_sources,
};
use crate::domain::approval::Approver;
use crate::domain::event::{ChannelName, Place};
use crate::domain::ids::TenantId;
use crate::domain::principal::Role;

/// Policies that were checked together and decide together.
pub struct PolicySet {
    vocabulary: Vocabulary,
    authorizer: cedar::Authorizer,
    rules: cedar::PolicySet,
    /// The set without the policies that ask: whether a request would be permitted but for them.
    without_asking: cedar::PolicySet,
    /// The set without one of the compiled lists: what it would decide if the list had an entry more or less.
    without: BTreeMap<String, cedar::PolicySet>,
    policies: Vec<Policy>,
    allowlist_text: String,
    hash: String,
    /// Decisions that were made. It lives and ends with the set, so a reload forgets them.
    decided: Mutex<HashMap<Question, Decision>>,
}

/// How many decisions are remembered. When there are more, all are forgotten: no order to keep, and
/// nobody can fill memory by asking.
const MOST_DECIDED: usize = 4_096;

/// Everything in a request that a policy can look at.
#[derive(PartialEq, Eq, Hash)]
struct Question {
    id: String,
    known: bool,
    role: Role,
    standing: &'static str,
    groups: Vec<String>,
    action: String,
    tenant: TenantId,
    channel: ChannelName,
    place: Option<Place>,
    tool: Option<String>,
}

impl From<&Request<'_>> for Question {
    fn from(request: &Request<'_>) -> Self {
        let Request { subject, action, tenant, channel, place, tool } = *request;
        let Subject { id, known, role, groups, standing } = subject;
        Self {
            id: id.clone(),
            known: *known,
            role: *role,
            standing: standing_word(*standing),
            groups: groups.clone(),
            action: action.to_owned(),
            tenant: tenant.clone(),
            channel,
            place: place.cloned(),
            tool: tool.map(str::to_owned),
        }
    }
}

/// What a set says, before words are found for it.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    /// Determining policies, in the order of the files.
    pub(super) rules: Vec<String>,
    /// What could not be evaluated.
    pub(super) error: Option<String>,
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet").field("hash", &self.hash).field("policies", &self.policies.len()).finish()
    }
}

impl PolicySet {
    /// Reads, checks and joins policies and lists. No source at all is a set that denies everything.
    ///
    /// # Errors
    /// Every issue found: text that is not Cedar, a policy without its own `@id`, a template, words
    /// that the schema does not know, values of the wrong kind, a condition that can never hold, an
    /// entry of a list that is empty, an `@ask` that says nothing of whom.
    pub fn load(
        actions: &[ActionSpec],
        sources: Vec<Source>,
        allowlists: &Allowlists,
    ) -> Result<Self, Vec<PolicyIssue>> {
        let mut vocabulary = Vocabulary::new(actions)?;
        let allowlist_text = allowlists.compiled_text();
        let mut issues = allowlists.issues();
        let mut policies = Vec::new();
        for source in &sources {
            read(source, &mut policies, &mut issues);
        }
        check_ids(&mut policies, &sources, &mut issues);
        check_asks(&policies, &sources, &mut issues);
        let lists = Source { name: allowlist::FILE.to_owned(), text: allowlist_text.clone() };
        read(&lists, &mut policies, &mut issues);

        let rules = join(&policies);
        let texts: HashMap<_, _> =
            sources.iter().chain([&lists]).map(|source| (source.name.as_str(), source.text.as_str())).collect();
        validate(&vocabulary, &rules, &policies, &texts, &mut issues);
        if !issues.is_empty() {
            return Err(issues);
        }
        if policies.iter().any(names_actions_in_conditions) {
            vocabulary.show_all_actions();
        }
        let listed = policies.iter().filter(|policy| policy.file == allowlist::FILE);
        let without = listed.map(|list| (list.id.clone(), join(policies.iter().filter(|policy| policy.id != list.id))));
        let without = without.collect();
        let without_asking = join(policies.iter().filter(|policy| policy.asks.is_none()));
        let hash = hash(vocabulary.text(), sources, &allowlist_text);
        let authorizer = cedar::Authorizer::new();
        Ok(Self {
            vocabulary,
            authorizer,
            rules,
            without_asking,
            without,
            policies,
            allowlist_text,
            hash,
            decided: Mutex::default(),
        })
    }

    /// The policies inside the binary, without lists.
    ///
    /// # Errors
    /// Where the table of actions does not fit them; see [`Self::load`].
    pub fn embedded(actions: &[ActionSpec]) -> Result<Self, Vec<PolicyIssue>> {
        Self::load(actions, embedded_sources(), &Allowlists::default())
    }

    /// Decides. What no policy permits is denied, and so is what cannot be evaluated.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let question = Question::from(request);
        if let Some(decision) = self.decided().get(&question) {
            return decision.clone();
        }
        let decision = self.decide_anew(request);
        let mut decided = self.decided();
        if decided.len() >= MOST_DECIDED {
            decided.clear();
        }
        decided.insert(question, decision.clone());
        decision
    }

    fn decided(&self) -> MutexGuard<'_, HashMap<Question, Decision>> {
        // Nothing between lock and unlock can leave the map half changed.
        self.decided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide_anew(&self, request: &Request<'_>) -> Decision {
        let ruling = self.ruling(request);
        let reason = self.reason(&ruling, request);
        let smallest_change = match ruling.verdict {
            Verdict::Allow | Verdict::Ask => None,
            Verdict::Deny => self.smallest_change(&ruling, request),
        };
        let approvers = match ruling.verdict {
            Verdict::Allow | Verdict::Deny => Vec::new(),
            Verdict::Ask => self.approvers(&ruling.rules),
        };
        Decision { verdict: ruling.verdict, rules: ruling.rules, approvers, reason, smallest_change }
    }

    /// SHA-256 over all texts and the schema, hex: two sets with the same hash decide the same.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The lists as Cedar; empty where no list restricts anything.
    #[must_use]
    pub fn allowlist_text(&self) -> &str {
        &self.allowlist_text
    }

    /// The schema with the generated actions, for editors and for Cedar's own tools.
    #[must_use]
    pub fn schema_text(&self) -> &str {
        self.vocabulary.text()
    }

    /// Names of the actions of a group, sorted.
    #[must_use]
    pub fn actions_of(&self, group: ActionGroup) -> Vec<&'static str> {
        self.vocabulary.actions_of(group)
    }

    /// What the set as it stands says.
    pub(super) fn ruling(&self, request: &Request<'_>) -> Ruling {
        let ruling = self.judge(&self.rules, request);
        match ruling.verdict {
            Verdict::Deny if self.only_asks(&ruling, request) => Ruling { verdict: Verdict::Ask, ..ruling },
            _ => ruling,
        }
    }

    /// Whether all that stands against a request are policies that ask.
    fn only_asks(&self, denied: &Ruling, request: &Request<'_>) -> bool {
        let asks = |rule: &String| self.policies.iter().any(|policy| policy.id == *rule && policy.asks.is_some());
        denied.error.is_none()
            && denied.rules.iter().all(asks)
            && self.judge(&self.without_asking, request).verdict == Verdict::Allow
    }

    /// Whom some policies ask, each once.
    fn approvers(&self, rules: &[String]) -> Vec<Approver> {
        let asking = self.policies.iter().filter(|policy| rules.contains(&policy.id));
        let mut approvers: Vec<Approver> = asking.filter_map(|policy| policy.asks.clone()).collect();
        approvers.sort_unstable();
        approvers.dedup();
        approvers
    }

    /// What the set would say without one of the compiled lists; `None` where there is no such list.
    pub(super) fn ruling_without(&self, list: &str, request: &Request<'_>) -> Option<Ruling> {
        self.without.get(list).map(|rules| self.judge(rules, request))
    }

    /// What one policy alone says.
    pub(super) fn ruling_of(&self, policy: &Policy, request: &Request<'_>) -> Ruling {
        self.judge(&join([policy]), request)
    }

    /// All policies, in the order of the files, the lists last.
    pub(super) fn policies(&self) -> &[Policy] {
        &self.policies
    }

    fn judge(&self, rules: &cedar::PolicySet, request: &Request<'_>) -> Ruling {
        let failed = |error: String| Ruling {
            verdict: Verdict::Deny,
            rules: vec![EVALUATION_ERROR.to_owned()],
            error: Some(error),
        };
        let (posed, entities) = match self.vocabulary.pose(request) {
            Ok(posed) => posed,
            Err(error) => return failed(error),
        };
        let response = self.authorizer.is_authorized(&posed, rules, &entities);
        // Cedar passes over a policy that it cannot evaluate, which could be the forbid that matters.
        let mut errors: Vec<_> = response.diagnostics().errors().map(ToString::to_string).collect();
        if !errors.is_empty() {
            errors.sort_unstable();
            return failed(errors.join("; "));
        }
        let verdict = match response.decision() {
            cedar::Decision::Allow => Verdict::Allow,
            cedar::Decision::Deny => Verdict::Deny,
        };
        let determining: Vec<&cedar::PolicyId> = response.diagnostics().reason().collect();
        let in_order = self.policies.iter().filter(|policy| determining.contains(&policy.rule.id()));
        let mut rules: Vec<_> = in_order.map(|policy| policy.id.clone()).collect();
        if rules.is_empty() {
            rules.push(DEFAULT_DENY.to_owned());
        }
        Ruling { verdict, rules, error: None }
    }

    fn reason(&self, ruling: &Ruling, request: &Request<'_>) -> String {
        if let Some(error) = &ruling.error {
            return format!("the policies could not be evaluated, so the answer is no: {error}");
        }
        let determining = self.policies.iter().filter(|policy| ruling.rules.contains(&policy.id));
        let mut reasons: Vec<_> = determining
            .map(|policy| match (&policy.reason, policy.effect) {
                (Some(reason), _) => reason.clone(),
                (None, Effect::Permit) => format!("the policy `{}` permits it", policy.id),
                (None, Effect::Forbid) => format!("the policy `{}` forbids it", policy.id),
            })
            .collect();
        reasons.dedup();
        if reasons.is_empty() {
            return format!("nothing permits `{}` to {}", request.action, person(request.subject));
        }
        reasons.join("; ")
    }
}

/// Whether a policy names an action outside its scope, so that it could ask for the groups of another
/// action than the one that is asked. What this takes for such costs time and changes no decision.
fn names_actions_in_conditions(policy: &Policy) -> bool {
    let body = policy.text.find("when").into_iter().chain(policy.text.find("unless")).min();
    body.is_some_and(|start| policy.text[start..].contains("Action"))
}

/// The policies as Cedar evaluates them, each under its own id.
fn join<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> cedar::PolicySet {
    let mut joined = cedar::PolicySet::new();
    for policy in policies {
        joined.add(policy.rule.clone()).expect("invariant: ids are unique after check_ids");
    }
    joined
}

/// Hashes texts with their lengths, so that no two sets of texts run together into the same bytes.
fn hash(schema: &str, mut sources: Vec<Source>, lists: &str) -> String {
    sources.sort_unstable();
    let mut digest = Sha256::new();
    let texts = sources.iter().flat_map(|source| [source.name.as_str(), source.text.as_str()]);
    for text in [schema, lists].into_iter().chain(texts) {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    HEXLOWER.encode(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::PlaceKind;
    use crate::domain::principal::Standing;
    use crate::policy::testing::ACTIONS;

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    fn load(text: &str) -> Result<PolicySet, Vec<PolicyIssue>> {
        PolicySet::load(ACTIONS, vec![source("x.cedar", text)], &Allowlists::default())
    }

    const ALL: &str = "permit (principal, action, resource)";

    #[test]
    fn the_shipped_policies_fit_a_table_that_lacks_a_group() {
        for group in ActionGroup::ALL {
            let actions: Vec<_> = ACTIONS.iter().copied().filter(|spec| spec.group != group).collect();
            PolicySet::embedded(&actions).unwrap();
        }
        PolicySet::embedded(&[]).unwrap();
    }

    #[test]
    fn the_hash_names_the_texts_and_not_their_order() {
        let (a, b) = (source("a", &format!("@id(\"a\") {ALL};")), source("b", &format!("@id(\"b\") {ALL};")));
        let hash = |sources, lists| PolicySet::load(ACTIONS, sources, &lists).unwrap().hash().to_owned();
        let none = Allowlists::default;
        let both = hash(vec![a.clone(), b.clone()], none());
        assert_eq!(both.len(), 64);
        assert_eq!(both, hash(vec![b.clone(), a.clone()], none()));
        assert_ne!(both, hash(vec![a.clone()], none()));
        assert_ne!(both, hash(vec![a.clone(), b.clone()], Allowlists { people: Some(vec![]), ..none() }));
        let fewer = PolicySet::load(&ACTIONS[1..], vec![a, b], &none()).unwrap();
        assert_ne!(both, fewer.hash());
    }

    #[test]
    fn what_cannot_be_evaluated_is_denied_even_beside_a_permit() {
        let overflow = "9223372036854775807 + 1 == 0";
        let owner =
            Subject { id: "p-1".into(), known: true, role: Role::Owner, groups: vec![], standing: Standing::Member };
        let tenant = TenantId::default_tenant();
        let request = |action| Request {
            subject: &owner,
            action,
            tenant: &tenant,
            channel: ChannelName::Terminal,
            place: None,
            tool: None,
        };
        for effect in ["permit", "forbid"] {
            let text = format!(
                "@id(\"all\") {ALL};\n@id(\"bad\") {effect} (principal, action, resource) when {{ {overflow} }};"
            );
            let decision = load(&text).unwrap().decide(&request("help"));
            assert_eq!((decision.verdict, decision.rules), (Verdict::Deny, vec![EVALUATION_ERROR.to_owned()]));
            assert!(decision.reason.contains("`bad`"), "{}", decision.reason);
            assert_eq!(decision.smallest_change, None);
        }
        let decision = load(&format!("@id(\"all\") {ALL};")).unwrap().decide(&request("no.such"));
        assert_eq!((decision.verdict, decision.rules), (Verdict::Deny, vec![EVALUATION_ERROR.to_owned()]));
        assert!(decision.reason.contains("there is no action `no.such`"), "{}", decision.reason);
    }

    #[test]
    fn several_policies_decide_together_in_the_order_of_the_files() {
        let text = format!("@id(\"z\") @reason(\"so\") {ALL};\n@id(\"a\") {ALL};");
        let subject = Subject {
            id: "slack:T1/U1".into(),
            known: false,
            role: Role::Guest,
            groups: vec![],
            standing: Standing::Member,
        };
        let tenant = TenantId::default_tenant();
        let (action, channel) = ("help", ChannelName::Slack);
        let request = Request { subject: &subject, action, tenant: &tenant, channel, place: None, tool: None };
        let decision = load(&text).unwrap().decide(&request);
        assert_eq!(decision.rules, ["z", "a"]);
        assert_eq!(decision.reason, "so; the policy `a` permits it");
    }

    #[test]
    fn a_condition_may_look_at_other_actions() {
        let text = format!("@id(\"a\") {ALL} when {{ Action::\"task.create\" in Action::\"everyday\" }};");
        let subject =
            Subject { id: "p".into(), known: true, role: Role::Guest, groups: vec![], standing: Standing::Member };
        let tenant = TenantId::default_tenant();
        let (action, channel) = ("help", ChannelName::Slack);
        let request = Request { subject: &subject, action, tenant: &tenant, channel, place: None, tool: None };
        assert!(load(&text).unwrap().decide(&request).is_allowed());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_answers_only_the_same_question() {
        let set = PolicySet::embedded(ACTIONS).unwrap();
        let tenant = TenantId::default_tenant();
        let ask = |id: String, known: bool| {
            let subject = Subject { id, known, role: Role::Member, groups: vec![], standing: Standing::Member };
            let (action, channel) = ("task.create", ChannelName::Slack);
            let request = Request { subject: &subject, action, tenant: &tenant, channel, place: None, tool: None };
            set.decide(&request).is_allowed()
        };
        assert!(ask("p-0".into(), true) && !ask("p-0".into(), false) && ask("p-0".into(), true));
        for number in 0..MOST_DECIDED + 10 {
            ask(format!("p-{number}"), true);
            assert!(set.decided().len() <= MOST_DECIDED);
        }
    }

    const OWNER: &str = "@id(\"asks-owner\") @reason(\"an owner looks first\") @ask(\"owner\")";
    const OPS: &str = "@id(\"asks-ops\") @ask(\"group:ops\")";
    const PLAIN: &str = "@id(\"plain\")";
    const HERE: &str = "forbid (principal, action == Action::\"task.create\", resource == Place::\"C1\");";

    /// Policies beside the shipped ones, a role, and the verdict with its rules and approvers.
    type Case<'a> = (&'a [&'a str], Role, Verdict, &'a [&'a str], &'a [&'a str]);

    #[test]
    fn what_only_asking_policies_stand_against_is_asked_for() {
        let broken = "@id(\"broken\") forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };";
        let other = "@id(\"other\") @ask(\"owner\") forbid (principal, action == Action::\"help\", resource);";
        let (asks_owner, asks_ops, plain) =
            (format!("{OWNER} {HERE}"), format!("{OPS} {HERE}"), format!("{PLAIN} {HERE}"));
        let (member, guest) = (Role::Member, Role::Guest);
        let cases: [Case<'_>; 8] = [
            (&[], member, Verdict::Allow, &["members-everyday"], &[]),
            (&[other], member, Verdict::Allow, &["members-everyday"], &[]),
            (&[&asks_owner], member, Verdict::Ask, &["asks-owner"], &["owner"]),
            (&[&asks_ops, &asks_owner], member, Verdict::Ask, &["asks-ops", "asks-owner"], &["owner", "group:ops"]),
            (&[&asks_owner, &plain], member, Verdict::Deny, &["asks-owner", "plain"], &[]),
            (&[&asks_owner, broken], member, Verdict::Deny, &[EVALUATION_ERROR], &[]),
            // Nothing permits it, so nobody can be asked to.
            (&[&asks_owner], guest, Verdict::Deny, &["asks-owner"], &[]),
            (&[&plain], member, Verdict::Deny, &["plain"], &[]),
        ];
        for (more, role, verdict, rules, approvers) in cases {
            let set = with(&more.join("\n"));
            let asked = Asked { subject: subject(role), ..everyday() };
            let decision = decide(&set, &asked);
            let named: Vec<String> = decision.approvers.iter().map(ToString::to_string).collect();
            assert_eq!(
                (decision.verdict, &decision.rules[..], &named[..]),
                (verdict, &texts(rules)[..], &texts(approvers)[..]),
                "{more:?} {role:?}"
            );
            assert!(verdict != Verdict::Ask || decision.smallest_change.is_none());
        }
        let decision = decide(&with(&asks_owner), &everyday());
        assert_eq!(decision.reason, "an owner looks first");
        assert!(!decision.is_allowed() && decision.is_offered());
    }

    #[test]
    fn a_list_is_no_policy_that_asks() {
        let mut sources = embedded_sources();
        sources.push(source("more.cedar", &format!("{OWNER} {HERE}")));
        let lists = Allowlists { people: Some(vec!["p-9".to_owned()]), ..Allowlists::default() };
        let set = PolicySet::load(ACTIONS, sources, &lists).unwrap();
        assert_eq!(decide(&set, &everyday()).verdict, Verdict::Deny);
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    fn subject(role: Role) -> Subject {
        Subject { id: "p-1".into(), known: true, role, groups: vec![], standing: Standing::Member }
    }

    fn everyday() -> Asked {
        let place = Place { id: "C1".into(), kind: PlaceKind::Public, shared: false };
        let (action, channel) = ("task.create", ChannelName::Slack);
        Asked { subject: subject(Role::Member), action, channel, place: Some(place), tool: None }
    }

    #[derive(Debug, Clone)]
    struct Asked {
        subject: Subject,
        action: &'static str,
        channel: ChannelName,
        place: Option<Place>,
        tool: Option<String>,
    }

    fn asked() -> impl Strategy<Value = Asked> {
        let role = prop::sample::select(vec![Role::Owner, Role::Member, Role::Guest]);
        let standing = prop::sample::select(vec![
            Standing::Member,
            Standing::Guest,
            Standing::Stranger,
            Standing::Deactivated,
            Standing::Bot,
        ]);
        let channel = prop::sample::select(vec![
            ChannelName::Slack,
            ChannelName::Terminal,
            ChannelName::Api,
            ChannelName::Internal,
        ]);
        let kind =
            prop::sample::select(vec![PlaceKind::Direct, PlaceKind::Private, PlaceKind::Public, PlaceKind::Unknown]);
        let place = ("C[12]", kind, any::<bool>()).prop_map(|(id, kind, shared)| Place { id, kind, shared });
        let action = prop::sample::select(ACTIONS.to_vec()).prop_map(|spec| spec.name);
        let groups = prop::collection::vec("(ops|dev)", 0..3);
        let subject = ("(p-[12]|.{0,4})", any::<bool>(), role, groups, standing)
            .prop_map(|(id, known, role, groups, standing)| Subject { id, known, role, groups, standing });
        (subject, action, channel, prop::option::of(place), prop::option::of("[xy]"))
            .prop_map(|(subject, action, channel, place, tool)| Asked { subject, action, channel, place, tool })
    }

    fn decide(set: &PolicySet, asked: &Asked) -> Decision {
        let Asked { subject, action, channel, place, tool } = asked;
        let (tenant, place, tool) = (&TenantId::default_tenant(), place.as_ref(), tool.as_deref());
        set.decide(&Request { subject, action, tenant, channel: *channel, place, tool })
    }

    fn with(forbid: &str) -> PolicySet {
        let mut sources = embedded_sources();
        sources.push(source("more.cedar", forbid));
        PolicySet::load(ACTIONS, sources, &Allowlists::default()).unwrap()
    }

    const CONDITIONS: [&str; 6] = [
        "principal.known",
        "principal in Group::\"ops\"",
        "resource.shared || resource == Place::\"C1\"",
        "context.channel == Channel::\"slack\"",
        "context has tool && context.tool == Tool::\"x\"",
        "9223372036854775807 + 1 == 0",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_set_without_policies_denies_everything(asked in asked()) {
            let set = PolicySet::load(ACTIONS, vec![], &Allowlists::default()).unwrap();
            let decision = decide(&set, &asked);
            prop_assert_eq!(decision.verdict, Verdict::Deny);
            prop_assert_eq!(decision.rules, [DEFAULT_DENY]);
            prop_assert_eq!(decision.smallest_change, None);
        }

        #[test]
        fn one_more_forbid_never_widens(asked in asked(), condition in prop::sample::select(CONDITIONS.to_vec())) {
            let fewer = PolicySet::embedded(ACTIONS).unwrap();
            let more = with(&format!("@id(\"more\") forbid (principal, action, resource) when {{ {condition} }};"));
            prop_assert!(decide(&fewer, &asked).is_allowed() || !decide(&more, &asked).is_allowed());
        }

        #[test]
        fn a_policy_that_asks_admits_nothing_that_the_same_without_asking_does_not(
            asked in asked(), condition in prop::sample::select(CONDITIONS.to_vec())
        ) {
            let body = format!("forbid (principal, action, resource) when {{ {condition} }};");
            let none = decide(&PolicySet::embedded(ACTIONS).unwrap(), &asked);
            let plain = decide(&with(&format!("@id(\"more\") {body}")), &asked);
            let asking = decide(&with(&format!("@id(\"more\") @ask(\"owner\") {body}")), &asked);
            prop_assert_eq!(asking.is_allowed(), plain.is_allowed());
            prop_assert_eq!(&asking.rules, &plain.rules);
            // It asks only for what would be permitted without it.
            prop_assert!(asking.verdict != Verdict::Ask || none.is_allowed());
            prop_assert_eq!(asking.verdict == Verdict::Ask, !asking.approvers.is_empty());
        }

        #[test]
        fn one_more_list_never_widens(
            asked in asked(),
            people in prop::option::of(prop::collection::vec("p-[12]", 0..2)),
            channels in prop::option::of(prop::collection::vec("C[12]", 0..2)),
            groups in prop::option::of(prop::collection::vec("(ops|dev)", 0..2)),
            blocked_tools in prop::collection::vec("[xy]", 0..2),
        ) {
            let lists = Allowlists { people, channels, groups, blocked_tools, ..Allowlists::default() };
            let fewer = PolicySet::embedded(ACTIONS).unwrap();
            let more = PolicySet::load(ACTIONS, embedded_sources(), &lists).unwrap();
            prop_assert!(decide(&fewer, &asked).is_allowed() || !decide(&more, &asked).is_allowed());
        }

        #[test]
        fn the_same_question_has_the_same_answer(asked in asked()) {
            let set = PolicySet::embedded(ACTIONS).unwrap();
            let again = PolicySet::embedded(ACTIONS).unwrap();
            let decision = decide(&set, &asked);
            prop_assert!(!decision.rules.is_empty() && !decision.reason.is_empty());
            prop_assert_eq!(decision.is_allowed() , decision.rules.iter().all(|rule| {
                set.policies().iter().any(|policy| policy.id == *rule && policy.effect == Effect::Permit)
            }));
            prop_assert_eq!(&decision, &decide(&set, &asked), "remembered");
            prop_assert_eq!(&decision, &decide(&again, &asked));
        }
    }
}
