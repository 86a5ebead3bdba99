//! Reads files into policies and finds the mistakes in them, each with its place and its mend.
//!
//! Nothing here decides; `set.rs` joins what was read. A new check is a line in `check_ids` or
//! `validate`, with a case in the table of mistakes at the foot of this file.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy as cedar;
use miette::Diagnostic;

use super::allowlist;
use super::explain::Effect;
use super::schema::Vocabulary;
use super::{ActionGroup, DEFAULT_DENY, EVALUATION_ERROR, PolicyIssue, Source};
use crate::domain::approval::Approver;

/// The annotation of a `forbid` that yields to an approval; its value says whose.
const ASK: &str = "ask";

/// A policy with what people want to know of it.
pub(super) struct Policy {
    pub(super) id: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) effect: Effect,
    pub(super) reason: Option<String>,
    /// Whom it asks, where it forbids only what nobody has approved.
    pub(super) asks: Option<Approver>,
    pub(super) text: String,
    /// Where it begins in its file, in bytes.
    pub(super) offset: usize,
    /// As Cedar parsed it, under its own id.
    pub(super) rule: cedar::Policy,
}

/// Reads one file into policies and issues.
pub(super) fn read(source: &Source, policies: &mut Vec<Policy>, issues: &mut Vec<PolicyIssue>) {
    let Source { name, text } = source;
    let parsed = match cedar::PolicySet::from_str(text) {
        Ok(parsed) => parsed,
        Err(errors) => {
            let mend = "write it as `permit (principal, action, resource) when { … };`";
            issues.extend(errors.iter().map(|error| issue_of(error, name, text, 0, error.to_string(), mend)));
            return;
        }
    };
    for template in parsed.templates() {
        let offset = text.find(&template.to_cedar()).unwrap_or(0);
        let mend = "write a person, a group or a place where `?principal` or `?resource` stands";
        issues.push(PolicyIssue::at(name, text, offset, "a template is not a policy", mend));
    }
    let mut parsed: Vec<_> = parsed.policies().cloned().collect();
    // Cedar numbers policies as they stand in the text: policy0, policy1, …
    parsed
        .sort_by_key(|rule| rule.id().to_string().trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX));
    let mut cursor = 0;
    for parsed in parsed {
        let rule = parsed.new_id(cedar::PolicyId::new(parsed.annotation("id").unwrap_or_default()));
        let own_text = rule.to_cedar().unwrap_or_default();
        let offset = text.get(cursor..).and_then(|rest| rest.find(&own_text)).map_or(cursor, |found| cursor + found);
        cursor = offset + own_text.len();
        policies.push(Policy {
            id: rule.annotation("id").unwrap_or_default().to_owned(),
            file: name.clone(),
            line: PolicyIssue::at(name, text, offset, "", "").line,
            effect: Effect::from(rule.effect()),
            reason: rule.annotation("reason").filter(|reason| !reason.is_empty()).map(str::to_owned),
            asks: rule.annotation(ASK).and_then(|whom| whom.parse().ok()),
            text: own_text,
            offset,
            rule,
        });
    }
}

/// Every policy needs an id of its own: it is what the audit chain remembers of a decision.
pub(super) fn check_ids(policies: &mut Vec<Policy>, sources: &[Source], issues: &mut Vec<PolicyIssue>) {
    let mut seen = HashMap::new();
    for policy in policies.iter() {
        let id = policy.id.as_str();
        let reserved = id == DEFAULT_DENY || id == EVALUATION_ERROR || id.starts_with(allowlist::PREFIX);
        let (what, mend) = if id.is_empty() {
            ("the policy has no `@id`".to_owned(), "write `@id(\"what-it-does\")` before it")
        } else if reserved {
            (format!("the id `{id}` is reserved for what the program adds"), "give the policy another `@id`")
        } else if let Some(first) = seen.insert(id, format!("{}:{}", policy.file, policy.line)) {
            (format!("the id `{id}` stands at {first} already"), "give each policy its own `@id`")
        } else {
            continue;
        };
        let text = sources.iter().find(|source| source.name == policy.file).map_or("", |source| &source.text);
        issues.push(PolicyIssue::at(&policy.file, text, policy.offset, what, mend));
    }
    // What has no id of its own cannot be validated along with the others, and is an issue already.
    let mut kept = HashSet::new();
    policies.retain(|policy| !policy.id.is_empty() && kept.insert(policy.id.clone()));
}

/// Who is to be asked has to be said in words that somebody fits, and only what forbids can yield to an approval.
pub(super) fn check_asks(policies: &[Policy], sources: &[Source], issues: &mut Vec<PolicyIssue>) {
    for policy in policies {
        let Some(whom) = policy.rule.annotation(ASK) else { continue };
        let (what, mend) = match whom.parse::<Approver>() {
            Ok(_) if policy.effect == Effect::Forbid => continue,
            Ok(_) => {
                let what = format!("`@ask` stands before the permit `{}`, which needs nobody's approval", policy.id);
                (what, "write it before the `forbid` that shall yield to an approval")
            }
            Err(error) => (error, "write `@ask(\"owner\")`, or `@ask(\"group:NAME\")` with one of your groups"),
        };
        let text = sources.iter().find(|source| source.name == policy.file).map_or("", |source| &source.text);
        let within = annotation_at(&policy.text, ASK).unwrap_or_default();
        issues.push(PolicyIssue::at(&policy.file, text, policy.offset + within, what, mend));
    }
}

/// Where an annotation begins in the text of a policy, in bytes; what a string says is no annotation.
fn annotation_at(text: &str, name: &str) -> Option<usize> {
    let (mut in_string, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '@' if !in_string => {
                let rest = text[at + 1..].strip_prefix(name);
                if rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')) {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Compares every policy with the schema; strictly, so that a word that fits nothing is an issue.
pub(super) fn validate(
    vocabulary: &Vocabulary,
    rules: &cedar::PolicySet,
    policies: &[Policy],
    texts: &HashMap<&str, &str>,
    issues: &mut Vec<PolicyIssue>,
) {
    let validator = cedar::Validator::new(vocabulary.schema().clone());
    let result = validator.validate(rules, cedar::ValidationMode::Strict);
    let mut found = Vec::new();
    let mut note = |id: &cedar::PolicyId, diagnostic: &dyn Diagnostic, what: String, mend: &str| {
        let Some(policy) = policies.iter().find(|policy| policy.id == AsRef::<str>::as_ref(id)) else {
            return;
        };
        let text = texts.get(policy.file.as_str()).copied().unwrap_or_default();
        found.push(issue_of(diagnostic, &policy.file, text, policy.offset, what, mend));
    };
    for error in result.validation_errors() {
        let mend = "use the words of `ai-crm.cedarschema` and the names in the table of actions";
        note(error.policy_id(), error, error.to_string(), mend);
    }
    // A table that lacks a whole group makes policies impossible that are no mistakes.
    let whole = ActionGroup::ALL.iter().all(|group| !vocabulary.actions_of(*group).is_empty());
    for warning in result.validation_warnings() {
        use cedar::ValidationWarning as Warning;
        let counts = match warning {
            Warning::BidiCharsInString(_) | Warning::BidiCharsInIdentifier(_) => true,
            // A policy with an error is impossible because of it.
            Warning::ImpossiblePolicy(_) | Warning::InvalidActionApplication(_) => {
                whole && result.validation_errors().all(|error| error.policy_id() != warning.policy_id())
            }
            // People and groups are called in all scripts.
            _ => false,
        };
        if counts {
            let mend = "write visible characters and a condition that can hold, or take the policy out";
            note(warning.policy_id(), warning, warning.to_string(), mend);
        }
    }
    found.sort_by(|a, b| (&a.file, a.line, a.column, &a.what).cmp(&(&b.file, b.line, b.column, &b.what)));
    // Cedar repeats an error for every action that the policy applies to.
    found.dedup_by(|a, b| (&a.file, a.line, a.column) == (&b.file, b.line, b.column));
    issues.extend(found);
}

/// An issue at the place that a diagnostic points at, or at `otherwise` where it points nowhere.
fn issue_of(
    diagnostic: &dyn Diagnostic,
    file: &str,
    text: &str,
    otherwise: usize,
    what: String,
    mend: &str,
) -> PolicyIssue {
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let offset = label.map_or(otherwise, |label| label.offset());
    let mend = diagnostic.help().map_or_else(|| mend.to_owned(), |help| help.to_string());
    PolicyIssue::at(file, text, offset, what, mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::ACTIONS;
    use crate::policy::{Allowlists, PolicySet};

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    /// What an issue must say: line, column, part of what is wrong.
    fn check(text: &str, expected: &[(usize, usize, &str)]) {
        let issues = PolicySet::load(ACTIONS, vec![source("x.cedar", text)], &Allowlists::default()).unwrap_err();
        let places: Vec<_> = issues.iter().map(|issue| (issue.line, issue.column)).collect();
        let expected_places: Vec<_> = expected.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, expected_places, "{issues:#?}");
        for (issue, (_, _, what)) in issues.iter().zip(expected) {
            assert!(issue.what.contains(what), "{issue:?} does not say {what}");
            assert!(!issue.mend.is_empty() && issue.file == "x.cedar", "{issue:?}");
        }
    }

    const ALL: &str = "permit (principal, action, resource)";

    #[test]
    fn mistakes_are_found_where_they_stand() {
        check("\n  permit (principal", &[(2, 20, "unexpected")]);
        check(&format!("\n\n{ALL};"), &[(3, 1, "no `@id`")]);
        check(&format!("// ü\n@id(\"\") {ALL};"), &[(2, 1, "no `@id`")]);
        check(&format!("@id(\"a\") {ALL};\n @id(\"a\") {ALL};"), &[(2, 2, "stands at x.cedar:1 already")]);
        check(&format!("@id(\"default-deny\") {ALL};"), &[(1, 1, "reserved")]);
        check(&format!("@id(\"allowlist.people\") {ALL};"), &[(1, 1, "reserved")]);
        check("@id(\"a\") permit (principal == ?principal, action, resource);", &[(1, 1, "template")]);
        check(&format!("@id(\"a\")\n{ALL} when {{ principal.rank == 1 }};"), &[(2, 45, "rank")]);
        check(&format!("@id(\"a\")\n{ALL} when {{ principal.role == \"owner\" }};"), &[(2, 45, "type")]);
        check(&format!("@id(\"a\")\n{ALL} when {{ principal.role == Role::\"ownr\" }};"), &[(2, 63, "ownr")]);
        check(&format!("@id(\"a\")\n{ALL} when {{ context.tool == Tool::\"x\" }};"), &[(2, 45, "tool")]);
        check("@id(\"a\") permit (principal, action == Action::\"task.crate\", resource);", &[(1, 39, "task.crate")]);
        check("@id(\"a\") permit (principal is Robot, action, resource);", &[(1, 31, "Robot")]);
        check(&format!("@id(\"a\") {ALL} when {{ false }};"), &[(1, 1, "false")]);
        for wrong in ["@ask(\"boss\")", "@ask(\"group:\")", "@ask(\"\")", "@ask", "@ask(\"owners\")"] {
            let text = format!(
                "@id(\"a\") {ALL};\n@id(\"b\")\n @reason(\"@ask\") {wrong} forbid (principal, action, resource);"
            );
            check(&text, &[(3, 18, "nobody whom a policy can ask")]);
        }
        check(&format!("@id(\"a\") @ask(\"owner\") {ALL};"), &[(1, 10, "before the permit `a`")]);
    }

    #[test]
    fn all_issues_of_all_files_are_found_at_once() {
        let sources = vec![
            source("a.cedar", &format!("{ALL};\n@id(\"x\") {ALL};")),
            source("b.cedar", "permit"),
            source("c.cedar", &format!("@id(\"x\") {ALL};\n@id(\"y\") {ALL} when {{ principal.rank == 1 }};")),
        ];
        let lists = Allowlists { groups: Some(vec![String::new()]), ..Allowlists::default() };
        let issues = PolicySet::load(ACTIONS, sources, &lists).unwrap_err();
        let mut files: Vec<_> = issues.iter().map(|issue| (issue.file.as_str(), issue.line)).collect();
        files.sort_unstable();
        assert_eq!(files, [("[policy]", 1), ("a.cedar", 1), ("b.cedar", 1), ("c.cedar", 1), ("c.cedar", 2)]);
    }
}
