//! Changes a task. Every change of a task, by whatever command or tool, goes through [`decide`].

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Refusal, TaskChange, TimerChange, Write};
use crate::domain::task::{Assignee, HistoryEntry, Priority, Status, Task, TaskError, TaskPatch};
use crate::store::keyspace::task as tasks;
use crate::tools::{Context, ToolSpec, arguments, due, people, refusal_of, task_show};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "task.update",
    about: "change a task: status, priority, title, description, due day, project, labels",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "task": arguments::task(),
            "title": arguments::title(),
            "description": arguments::description(),
            "status": arguments::status(),
            "priority": arguments::priority(),
            "agent": arguments::text("name of the agent that shall do it", 100),
            "due": arguments::due(),
            "project": arguments::text("the project it belongs to; an empty text takes it off", 100),
            "add_labels": arguments::labels("labels to add"),
            "remove_labels": arguments::labels("labels to take off"),
        });
        arguments::schema(&properties, &["task"])
    },
    run,
};

/// What shall be different, in words where words are to be understood.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// A new title.
    pub title: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// A new status.
    pub status: Option<Status>,
    /// A new priority.
    pub priority: Option<Priority>,
    /// An agent.
    pub agent: Option<String>,
    /// A new due day, or `none`.
    pub due: Option<String>,
    /// A new project; nothing or `none` takes it away.
    pub project: Option<String>,
    /// Labels to add.
    pub add_labels: Vec<String>,
    /// Labels to take off.
    pub remove_labels: Vec<String>,
}

impl Wanted {
    /// As a patch.
    ///
    /// # Errors
    /// Refuses days and agents that are not there, and giving away where that is not permitted.
    pub fn patch(self, ctx: &Context<'_>) -> Result<TaskPatch, Failure> {
        let assignee = match &self.agent {
            Some(agent) => {
                ctx.demand("task.assign")?;
                Some(Some(Assignee::Agent(people::agent(agent, ctx)?)))
            }
            None => None,
        };
        let project = self.project.map(|project| if project.trim() == "none" { String::new() } else { project });
        Ok(TaskPatch {
            title: self.title.map(|title| people::with_names(&title, ctx)).transpose()?,
            description: self.description.map(|text| people::with_names(&text, ctx)).transpose()?,
            status: self.status,
            priority: self.priority,
            assignee,
            due: self.due.map(|word| due::read(&word, ctx.now)).transpose()?,
            project,
            add_labels: self.add_labels,
            remove_labels: self.remove_labels,
            reopen: false,
        })
    }
}

/// What came of a wish to change a task.
#[derive(Debug)]
pub enum Changed {
    /// It changes.
    Made(Box<Change>),
    /// It was so already.
    SoAlready(Box<Task>),
    /// Its status does not allow it.
    Stale(Box<Task>, Refusal),
}

/// A change that is made when its writes land.
#[derive(Debug)]
pub struct Change {
    /// The task as it was.
    pub before: Task,
    /// The task as it is then.
    pub after: Task,
    /// What changed, in words with texts of people in them.
    pub said: Vec<String>,
    /// What makes it.
    pub writes: Vec<Write>,
    /// What changes of its reminder.
    pub timers: Vec<TimerChange>,
}

impl Change {
    /// The outcome without words for people.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        Outcome {
            resource: self.after.id.to_string(),
            summary: format!("changed {}: {}", self.after.id, fields(&self.before, &self.after)),
            result: Some(json!({"task": task_show::as_json(&self.after), "changed": self.said})),
            writes: self.writes,
            timers: self.timers,
            tasks: vec![TaskChange { before: Some(self.before), after: self.after }],
            ..Outcome::default()
        }
    }
}

/// What differs, without texts of people: statuses by name, the rest by what it is.
fn fields(before: &Task, after: &Task) -> String {
    let status = (before.status != after.status).then(|| format!("status {} → {}", before.status, after.status));
    let priority =
        (before.priority != after.priority).then(|| format!("priority {} → {}", before.priority, after.priority));
    let agent = match (&before.assignee, &after.assignee) {
        (old, new) if old == new => None,
        (_, Some(Assignee::Agent(name))) => Some(format!("assigned to {name}")),
        (_, Some(Assignee::Person { id, .. })) => Some(format!("assigned to {id}")),
        (_, None) => Some("unassigned".to_owned()),
    };
    let named = [
        (before.title != after.title, "title"),
        (before.description != after.description, "description"),
        (before.due != after.due, "due day"),
        (before.project != after.project, "project"),
        (before.labels != after.labels, "labels"),
        (before.comments.len() != after.comments.len(), "comments"),
    ];
    let named = named.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name.to_owned());
    [status, priority, agent].into_iter().flatten().chain(named).collect::<Vec<_>>().join(", ")
}

/// Decides on a change.
///
/// # Errors
/// Refuses where the task is not there or a text does not fit.
pub fn decide(id: TaskId, patch: &TaskPatch, ctx: &Context<'_>) -> Result<Changed, Failure> {
    let before = task_show::find(id, ctx)?;
    let mut after = before.value.clone();
    match after.apply(patch, &ctx.person(), ctx.now, ctx.event.id) {
        Ok(said) if said.is_empty() => Ok(Changed::SoAlready(Box::new(after))),
        Ok(said) => {
            let writes = tasks::change(&before, &after);
            let timers = due::timer_changes(Some(&before.value), &after, ctx.now);
            Ok(Changed::Made(Box::new(Change { before: before.value, after, said, writes, timers })))
        }
        Err(error @ TaskError::Transition { .. }) => {
            let mut refusal = refusal_of(&error);
            if let Some(last) = last_move(&after) {
                refusal.what = format!("{} (by {}, {})", refusal.what, last.by.name, last.at);
            }
            Ok(Changed::Stale(Box::new(after), refusal))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who brought a task to its status, and when.
#[must_use]
pub fn last_move(task: &Task) -> Option<&HistoryEntry> {
    let arrived = format!("→ {}", task.status);
    task.history.iter().rev().find(|entry| entry.what.contains("status ") && entry.what.contains(&arrived))
}

/// The outcome for a program: what was so already is well, what cannot be is refused.
///
/// # Errors
/// The refusal.
pub fn outcome(changed: Changed) -> Result<Outcome, Failure> {
    match changed {
        Changed::Made(change) => Ok(change.outcome()),
        Changed::SoAlready(task) => Ok(Outcome {
            resource: task.id.to_string(),
            summary: format!("nothing to change on {}", task.id),
            result: Some(json!({"task": task_show::as_json(&task), "changed": []})),
            ..Outcome::default()
        }),
        Changed::Stale(_, refusal) => Err(refusal.into()),
    }
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let (id, wanted) = arguments::task_and(args)?;
    let patch = arguments::read::<Wanted>(wanted)?.patch(ctx)?;
    outcome(decide(id, &patch, ctx)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_change_lands_and_is_told_without_texts_of_people() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "secret plan"})).unwrap();
        let args = json!({"task": "T-1", "title": "other plan", "status": "in-progress", "due": "tomorrow",
            "add_labels": ["a", "b"], "agent": "rust-pro", "project": "x"});
        let outcome = desk.tool("task.update", args).unwrap();
        let expected = "changed T-1: status todo → in-progress, assigned to rust-pro, title, due day, project, labels";
        assert_eq!(outcome.summary, expected);
        let task = desk.task(1);
        assert_eq!((task.title.as_str(), task.status, task.labels.len()), ("other plan", Status::InProgress, 2));
        assert_eq!(desk.timers().len(), 1);
        desk.tool("task.update", json!({"task": "T-1", "project": "none", "due": "none", "remove_labels": ["a"]}))
            .unwrap();
        let task = desk.task(1);
        assert_eq!((task.project, task.due, task.labels), (None, None, vec!["b".to_owned()]));
        assert!(desk.timers().is_empty());
    }

    #[test]
    fn what_is_so_already_changes_nothing_and_what_cannot_be_is_refused() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        let same = desk.tool("task.update", json!({"task": "T-1", "status": "todo"})).unwrap();
        assert!(same.writes.is_empty());
        desk.tool("task.update", json!({"task": "T-1", "status": "done"})).unwrap();
        let refusal = desk.refused_tool("task.update", json!({"task": "T-1", "status": "in-review"}));
        assert!(
            refusal.what.starts_with("T-1 is done, so it cannot become in-review (by Ada, 2026-"),
            "{}",
            refusal.what
        );
        assert_eq!(refusal.mend.unwrap(), "`task reopen T-1` brings it back first");
        assert_eq!(desk.task(1).status, Status::Done);
    }

    #[test]
    fn two_changes_at_once_do_not_overwrite_each_other() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        let first = desk.decide("task.update", json!({"task": "T-1", "priority": "high"}));
        let second = desk.decide("task.update", json!({"task": "T-1", "status": "blocked"}));
        assert!(desk.apply(&first).is_ok());
        assert!(desk.apply(&second).is_err(), "it was decided on what is no longer so");
        desk.tool("task.update", json!({"task": "T-1", "status": "blocked"})).unwrap();
        assert_eq!((desk.task(1).priority, desk.task(1).status), (Priority::High, Status::Blocked));
    }
}
