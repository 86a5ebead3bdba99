//! What in a workflow is valid, and most likely not meant: paths whose first name nothing has.
//!
//! Owns the names that events of a platform have at the root. A platform without a line in `ROOTS` is not judged, and
//! neither is what stands below the root: only an event shows that.

use crate::workflow::action::Action;
use crate::workflow::condition::Conditions;
use crate::workflow::context::{ALIASES, RESERVED};
use crate::workflow::definition::Workflow;
use crate::workflow::mistake::{Mistake, Position, nearest, quoted};
use crate::workflow::param::Param;
use crate::workflow::pause::Delay;
use crate::workflow::scope::Path;
use crate::workflow::step::{Does, Step};
use crate::workflow::template::Template;
use crate::workflow::trigger::Begins;

/// Platform and fields at the root of its payloads
/// (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).
const ROOTS: &[(&str, &[&str])] = &[(
    "github",
    &[
        "action",
        "after",
        "alert",
        "answer",
        "assignee",
        "base_ref",
        "before",
        "changes",
        "check_run",
        "check_suite",
        "comment",
        "commit",
        "commits",
        "compare",
        "created",
        "deleted",
        "deployment",
        "deployment_status",
        "discussion",
        "enterprise",
        "forced",
        "head_commit",
        "hook",
        "hook_id",
        "installation",
        "inputs",
        "issue",
        "label",
        "master_branch",
        "member",
        "milestone",
        "number",
        "organization",
        "package",
        "pull_request",
        "pusher",
        "pusher_type",
        "reason",
        "ref",
        "ref_type",
        "release",
        "repositories",
        "repositories_added",
        "repositories_removed",
        "repository",
        "requested_reviewer",
        "requested_team",
        "review",
        "sender",
        "state",
        "target_url",
        "team",
        "thread",
        "workflow_job",
        "workflow_run",
        "zen",
    ],
)];
/// What is at the root of every scope beside what no payload takes.
const ALWAYS: &[&str] = &["task"];

/// What is most likely not meant, in the order of the file.
#[must_use]
pub fn lints(workflow: &Workflow) -> Vec<Mistake> {
    let Some(mut names) = roots(workflow) else { return Vec::new() };
    let mut found = Found { paths: Vec::new() };
    for trigger in &workflow.triggers {
        found.conditions(trigger.conditions.as_ref());
    }
    found.template(workflow.idempotency_key.as_ref());
    found.template(workflow.concurrency.key.as_ref());
    found.steps(&workflow.actions);
    found.steps(&workflow.on_failure);
    names.extend(loops(&workflow.actions));
    let mut said: Vec<Mistake> = found.paths.into_iter().filter_map(|(at, path)| judge(at, &path, &names)).collect();
    said.sort();
    said.dedup();
    said
}

/// The names at the root of whatever begins the workflow; nothing where one of the platforms is not known well enough.
fn roots(workflow: &Workflow) -> Option<Vec<&str>> {
    let mut platforms = Vec::new();
    for trigger in &workflow.triggers {
        match &trigger.begins {
            Begins::Event(name) => platforms.push(name.platform.as_str()),
            // Its payload is whatever the caller sends.
            Begins::Webhook(_) => return None,
            Begins::Schedule(_) | Begins::Manual(_) => {}
        }
    }
    for step in &workflow.actions {
        if let Does::WaitFor(wait) = &step.does {
            platforms.push(wait.event.platform.as_str());
        }
    }
    let mut names: Vec<&str> = RESERVED.iter().chain(ALWAYS).copied().collect();
    for platform in platforms {
        let (_, own) = ROOTS.iter().find(|(known, _)| *known == platform)?;
        names.extend(*own);
        names.extend(ALIASES.iter().filter(|(known, ..)| *known == platform).map(|(_, alias, _)| *alias));
    }
    Some(names)
}

/// What entries are called in loops.
fn loops(steps: &[Step]) -> impl Iterator<Item = &str> {
    steps.iter().filter_map(|step| if let Does::Repeat(each) = &step.does { Some(each.name.as_str()) } else { None })
}

fn judge(at: Position, path: &str, names: &[&str]) -> Option<Mistake> {
    let root = Path::read(path).ok()?.root()?.to_owned();
    if names.contains(&root.as_str()) {
        return None;
    }
    let hint =
        nearest(&root, names.iter().copied()).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    Some(Mistake::new(
        at,
        format!("nothing has {} at its root, so {} is never there{hint}", quoted(&root), quoted(path)),
    ))
}

/// Paths with their places.
struct Found {
    paths: Vec<(Position, String)>,
}

impl Found {
    fn conditions(&mut self, conditions: Option<&Conditions>) {
        self.paths.extend(conditions.map(Conditions::paths).unwrap_or_default());
    }

    fn template(&mut self, template: Option<&Template>) {
        let Some(template) = template else { return };
        self.paths.extend(template.paths().into_iter().map(|path| (template.position(), path)));
    }

    fn param(&mut self, param: &Param) {
        match param {
            Param::Fixed(_) => {}
            Param::Text(template) => self.template(Some(template)),
            Param::List(items) => items.iter().for_each(|item| self.param(item)),
            Param::Map(entries) => entries.iter().for_each(|(_, entry)| self.param(entry)),
        }
    }

    fn action(&mut self, action: &Action) {
        action.params.iter().for_each(|(_, param)| self.param(param));
        self.template(action.idempotency_key.as_ref());
        self.steps(&action.on_error.compensate);
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.conditions(step.when.as_ref());
            match &step.does {
                Does::Act(action) => self.action(action),
                Does::Ask(approval) => {
                    self.conditions(approval.only_if.as_ref());
                    self.template(Some(&approval.ask));
                    approval.show.iter().for_each(|(_, template)| self.template(Some(template)));
                }
                Does::Sleep(Delay::Until(template)) => self.template(Some(template)),
                Does::Sleep(Delay::For(_)) => {}
                Does::WaitFor(wait) => self.conditions(wait.conditions.as_ref()),
                Does::Repeat(each) => {
                    self.param(&each.list);
                    self.steps(&each.steps);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::file;
    use crate::workflow::known::Known;

    fn said(text: &str) -> Vec<String> {
        let text = format!("workflows: {{w: {{{text}}}}}");
        let workflows = file::read(&text, &Known { actions: &["a"], platforms: &["github", "slack"] }).unwrap();
        lints(&workflows[0]).into_iter().map(|lint| lint.what).collect()
    }

    #[test]
    fn a_first_name_that_nothing_has_is_told_with_the_nearest() {
        let trigger =
            "trigger: {platform: github, event: issues.opened, conditions: [{lables.contains: [bug]}, {pr.title: x}]}";
        let found = said(&format!(
            "{trigger}, actions: [{{action: a, params: {{t: [\"{{isue.title}} {{task.url}} {{now}}\"]}}}}]"
        ));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`lables`") && found[0].contains("did you mean `labels`?"), "{found:?}");
        assert!(found[1].contains("so `isue.title` is never there; did you mean `issue`?"), "{found:?}");
        let within = "{for_each: {in: [1], as: w, do: [{action: a, params: {t: \"{w.x} {v.x}\"}}]}}";
        assert_eq!(said(&format!("trigger: {{manual: }}, actions: [{within}]")).len(), 1);
        let other = "trigger: {platform: slack, event: message}, actions: [{action: a, params: {t: \"{whatever}\"}}]";
        assert_eq!(said(other), Vec::<String>::new());
    }
}
