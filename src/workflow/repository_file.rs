//! `.github/ai-crm.yml`: what a repository wants tasks for. It becomes workflows.
//!
//! Owns that format. Whoever may push to a repository writes it, so it can create tasks of its own repository and
//! nothing else: it has no actions, no approvals, no schedules, and what looks like one is refused. A further trigger
//! is a line in `TRIGGERS`.

use crate::domain::task::Priority;
use crate::workflow::action::Action;
use crate::workflow::condition::costs_little;
use crate::workflow::definition::Workflow;
use crate::workflow::fields::{Fields, text};
use crate::workflow::file::told;
use crate::workflow::mistake::{Mistake, Position, instead, quoted};
use crate::workflow::param::Param;
use crate::workflow::reference;
use crate::workflow::step::{Does, Step};
use crate::workflow::trigger::{Begins, EventName, Trigger};
use crate::workflow::version::Version;
use crate::workflow::yaml::{self, Is, Key, Node};

/// Its name, without its folder.
pub const NAME: &str = "ai-crm.yml";
/// Where it stands in a repository.
pub const PATH: &str = ".github/ai-crm.yml";
/// The one action of such a file.
pub const ACTION: &str = "create_ai_crm_task";
/// Rules of one file.
const MOST_RULES: usize = 20;
/// Regular expressions in the conditions of one file: each is looked for in texts of 65,536 characters whenever something
/// happens, and all together are to take no more than a quarter of a second at worst.
const MOST_EXPRESSIONS: usize = 10;
/// The operator whose value is an expression, or several.
const MATCHES: &str = "matches";

/// What a trigger is called here, and what GitHub calls the event.
const TRIGGERS: &[(&str, &str)] = &[
    ("issue_opened", "issues.opened"),
    ("issue_edited", "issues.edited"),
    ("issue_labeled", "issues.labeled"),
    ("issue_assigned", "issues.assigned"),
    ("issue_reopened", "issues.reopened"),
    ("issue_closed", "issues.closed"),
    ("issue_commented", "issue_comment.created"),
    ("pull_request_opened", "pull_request.opened"),
    ("pull_request_labeled", "pull_request.labeled"),
    ("pull_request_ready_for_review", "pull_request.ready_for_review"),
    ("pull_request_synchronized", "pull_request.synchronize"),
    ("pull_request_reopened", "pull_request.reopened"),
    ("pull_request_closed", "pull_request.closed"),
    ("release_published", "release.published"),
];

/// Whether a rule of some repository could begin by an event of GitHub.
#[must_use]
pub fn may_begin_by(event: &str) -> bool {
    TRIGGERS.iter().any(|(_, known)| *known == event)
}

/// Keys that mean more than a task, wherever they stand.
const MORE_THAN_TASKS: &[&str] = &[
    "workflows",
    "actions",
    "action",
    "params",
    "approval",
    "approvers",
    "delay",
    "wait_for",
    "for_each",
    "on_error",
    "on_failure",
    "schedule",
    "manual",
    "webhook",
    "vars",
    "triggers",
];

/// Reads the file of a repository: each rule as a workflow `auto_task_creation_1`, and so on in its order.
///
/// # Errors
/// All mistakes, in the order of the file.
pub fn read(text: &str) -> Result<Vec<Workflow>, Vec<Mistake>> {
    let node = yaml::read(text).map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    refuse_more(&node, &mut mistakes);
    if !mistakes.is_empty() {
        return told(Vec::new(), mistakes);
    }
    let workflows = rules(&node, &mut mistakes);
    bound(&expressions(&node), &mut mistakes);
    told(workflows, mistakes)
}

/// The expressions of a file, each with where it stands.
fn expressions(node: &Node) -> Vec<(Position, &str)> {
    fn texts(node: &Node) -> Vec<(Position, &str)> {
        match &node.is {
            Is::Text(text) => vec![(node.at, text)],
            Is::List(nodes) => nodes.iter().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }
    match &node.is {
        Is::Map(entries) => {
            let of = |(key, value): &'_ (Key, Node)| {
                key.name.rsplit('.').next() == Some(MATCHES) && !matches!(value.is, Is::Map(_))
            };
            entries.iter().flat_map(|it| if of(it) { texts(&it.1) } else { expressions(&it.1) }).collect()
        }
        Is::List(nodes) => nodes.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

/// Sees to it that what the expressions of a file cost has a bound.
fn bound(expressions: &[(Position, &str)], mistakes: &mut Vec<Mistake>) {
    for (at, expression) in expressions.iter().filter(|(_, expression)| !costs_little(expression)) {
        let what = "is too large for the file of a repository, or wrong: write fewer or smaller repetitions";
        mistakes.push(Mistake::new(*at, format!("the pattern {} {what}", quoted(expression))));
    }
    if let Some((at, _)) = expressions.get(MOST_EXPRESSIONS) {
        let what = format!("the file of a repository has at most {MOST_EXPRESSIONS} patterns: leave the others out");
        mistakes.push(Mistake::new(*at, what));
    }
}

/// Looks for what such a file may not have. Keys of conditions are paths, so they are left alone.
fn refuse_more(node: &Node, mistakes: &mut Vec<Mistake>) {
    match &node.is {
        Is::Map(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| key.name != "conditions") {
                if MORE_THAN_TASKS.contains(&key.name.as_str()) {
                    let what = format!(
                        "the file of a repository can create tasks alone; `{}` belongs in a file of workflows, which \
                         those who run the bot keep",
                        key.name
                    );
                    mistakes.push(Mistake::new(key.at, what));
                } else {
                    refuse_more(value, mistakes);
                }
            }
        }
        Is::List(nodes) => nodes.iter().for_each(|node| refuse_more(node, mistakes)),
        _ => {}
    }
}

fn rules(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<Workflow> {
    let file = Fields::of(node, "the file of a repository", &["auto_task_creation"], mistakes);
    let section = file.and_then(|file| file.need("auto_task_creation", mistakes));
    let section = section.and_then(|node| Fields::of(node, "`auto_task_creation`", &["enabled", "rules"], mistakes));
    let Some(section) = section else { return Vec::new() };
    let enabled = section.flag("enabled", true, mistakes);
    section.need("rules", mistakes);
    let rules = section.list("rules", MOST_RULES, mistakes).iter().zip(1..);
    let read = rules.filter_map(|(node, number)| {
        let mut workflow = rule(node, number, mistakes)?;
        workflow.enabled = enabled;
        Some(workflow)
    });
    read.collect()
}

fn rule(node: &Node, number: usize, mistakes: &mut Vec<Mistake>) -> Option<Workflow> {
    let fields = Fields::of(node, "a rule", &["trigger", "conditions", "task"], mistakes)?;
    let begins = fields.need("trigger", mistakes).and_then(|node| begins(node, mistakes));
    let conditions = fields.conditions("conditions", mistakes);
    let task = fields.need("task", mistakes).and_then(|node| task(node, mistakes));
    reference::check(node, mistakes);
    let trigger = Trigger { at: node.at, begins: begins?, conditions };
    let name = format!("auto_task_creation_{number}");
    Some(Workflow::plain(&name, node.at, Version::of([node]), vec![trigger], vec![task?]))
}

fn begins(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Begins> {
    let (name, at) = text("trigger", node, mistakes)?;
    let event = TRIGGERS.iter().find(|(known, _)| *known == name).map(|(_, event)| (*event).to_owned());
    if event.is_none() {
        let names: Vec<&str> = TRIGGERS.iter().map(|(name, _)| *name).collect();
        mistakes.push(Mistake::new(at, format!("there is no trigger {}; {}", quoted(name), instead(name, &names))));
    }
    Some(Begins::Event(EventName { platform: "github".to_owned(), event: event? }))
}

/// The task as the step that creates it.
fn task(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Step> {
    const KEYS: &[&str] =
        &["title_template", "description_template", "pm_analysis", "auto_assign", "agent_hint", "priority"];
    let fields = Fields::of(node, "a task", KEYS, mistakes)?;
    fields.need("title_template", mistakes);
    let mut params = Vec::new();
    for (key, name) in [("title_template", "title"), ("description_template", "description")] {
        params.extend(fields.template(key, mistakes).map(|template| (name.to_owned(), Param::Text(template))));
    }
    for name in ["pm_analysis", "auto_assign"] {
        let is_there = fields.get(name).is_some();
        let value = fields.flag(name, false, mistakes);
        params.extend(is_there.then(|| (name.to_owned(), Param::Fixed(value.into()))));
    }
    if let Some((hint, _)) = fields.text("agent_hint", mistakes) {
        params.push(("agent_hint".to_owned(), Param::Fixed(hint.into())));
    }
    let priorities = Priority::ALL.map(|priority| (priority.as_str(), Some(priority)));
    if let Some(priority) = fields.word("priority", None, &priorities, mistakes) {
        params.push(("priority".to_owned(), Param::Fixed(priority.as_str().into())));
    }
    let does = Does::Act(Box::new(Action::plain(ACTION, params)));
    Some(Step { at: node.at, id: "task".to_owned(), when: None, does })
}

#[cfg(test)]
mod tests;
