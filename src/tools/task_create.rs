//! Creates a task.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::event::{Address, ChannelName};
use crate::domain::outcome::{Failure, Outcome, TaskChange, TimerChange, Write};
use crate::domain::task::{self, Assignee, Origin, Priority, Status, Task, TaskError};
use crate::store::keyspace::task as tasks;
use crate::tools::{Context, ToolSpec, arguments, due, people, sync, task_show};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "task.create",
    about: "create a task, given to an agent or a person if one is named",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "title": arguments::title(),
            "description": arguments::description(),
            "priority": arguments::priority(),
            "agent": arguments::text("name of the agent that shall do it", 100),
            "assignee": arguments::text("who shall do it, where it is no agent: @name or me", 100),
            "due": arguments::due(),
            "project": arguments::text("the project it belongs to", 100),
            "labels": arguments::labels("words to find it by"),
        });
        arguments::schema(&properties, &["title"])
    },
    run,
};

/// What a new task shall be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// One line.
    pub title: String,
    /// The whole story.
    #[serde(default)]
    pub description: String,
    /// How urgent it is; medium where nobody says.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// The agent that shall do it.
    #[serde(default)]
    pub agent: Option<String>,
    /// Who else shall do it.
    #[serde(default)]
    pub assignee: Option<String>,
    /// The due day, in words.
    #[serde(default)]
    pub due: Option<String>,
    /// The project.
    #[serde(default)]
    pub project: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The page from which it comes; nobody can type it.
    #[serde(skip)]
    pub url: Option<String>,
}

/// A task that is made when its writes land.
#[derive(Debug)]
pub struct Created {
    /// The task.
    pub task: Task,
    /// What makes it.
    pub writes: Vec<Write>,
    /// What reminds of it.
    pub timers: Vec<TimerChange>,
}

impl Created {
    /// The outcome without words for people.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        Outcome {
            resource: self.task.id.to_string(),
            summary: format!("created {}", self.task.id),
            result: Some(json!({"task": task_show::as_json(&self.task)})),
            writes: self.writes,
            timers: self.timers,
            tasks: vec![TaskChange { before: None, after: self.task }],
            ..Outcome::default()
        }
    }
}

/// Decides on a new task.
///
/// # Errors
/// Refuses what no task can be, and agents and people that are not there.
pub fn decide(new: &NewTask, ctx: &Context<'_>) -> Result<Created, Failure> {
    let title = task::check_title(&people::with_names(&new.title, ctx)?)?;
    let description = task::check_text("description", &people::with_names(&new.description, ctx)?)?;
    let assignee = assignee(new, ctx)?;
    let due = new.due.as_deref().map(|word| due::read(word, ctx.now)).transpose()?.flatten();
    let mut labels: Vec<String> = new.labels.iter().map(|label| task::check_label(label)).collect::<Result<_, _>>()?;
    labels.sort();
    labels.dedup();
    if labels.len() > task::MOST_LABELS {
        return Err(TaskError::Labels.into());
    }
    let by = ctx.person();
    let mut task = Task {
        id: tasks::next_id(ctx.view)?,
        title,
        description,
        status: Status::Todo,
        priority: new.priority.unwrap_or_default(),
        assignee,
        due,
        project: new.project.as_deref().map(str::trim).filter(|project| !project.is_empty()).map(str::to_owned),
        labels,
        created_by: by.clone(),
        created: ctx.now,
        updated: ctx.now,
        origin: Origin { url: new.url.clone(), ..origin(ctx) },
        comments: Vec::new(),
        history: Vec::new(),
    };
    let what = match &task.assignee {
        Some(assignee) => format!("created, assigned to {assignee}"),
        None => "created".to_owned(),
    };
    task.remember(&by, ctx.now, ctx.event.id, what);
    let (linked, look) = sync::link(&mut task, ctx)?;
    let writes = tasks::create(&task).into_iter().chain(linked).collect();
    let timers = due::timer_changes(None, &task, ctx.now).into_iter().chain(look).collect();
    Ok(Created { writes, timers, task })
}

fn assignee(new: &NewTask, ctx: &Context<'_>) -> Result<Option<Assignee>, Failure> {
    let assignee = match (&new.agent, &new.assignee) {
        (Some(agent), _) => Some(Assignee::Agent(people::agent(agent, ctx)?)),
        (None, Some(who)) => people::assignee(who, ctx)?,
        (None, None) => None,
    };
    if assignee.is_some() {
        ctx.demand("task.assign")?;
    }
    Ok(assignee)
}

fn origin(ctx: &Context<'_>) -> Origin {
    let what = &ctx.event.what;
    let place = match &what.place {
        // The ids of Teams tell people nothing.
        Some(_) if what.channel == ChannelName::Teams => what.channel.to_string(),
        Some(place) => format!("{} {}", what.channel, place.id),
        None => what.channel.to_string(),
    };
    // A reminder comes days later.
    let reply = what.reply.as_ref().map(Address::lasting);
    Origin { event: ctx.event.id, place, url: None, reply }
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(decide(&arguments::read(args)?, ctx)?.outcome())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_program_creates_a_task_and_is_told_its_id() {
        let desk = Desk::new();
        let args = json!({"title": " Implement  user auth ", "agent": "security-auditor", "due": "2026-12-01",
            "priority": "high", "labels": ["Login"], "project": "crm"});
        let result = desk.tool("task.create", args).unwrap().result.unwrap();
        assert_eq!(result["task"]["id"], "T-1");
        let task = desk.task(1);
        assert_eq!(
            (task.title.as_str(), task.priority, task.status),
            ("Implement user auth", Priority::High, Status::Todo)
        );
        assert_eq!(task.assignee, Some(Assignee::Agent("security-auditor".into())));
        assert_eq!(task.labels, ["login"]);
        assert_eq!(task.history[0].what, "created, assigned to security-auditor");
        assert_eq!(task.origin.reply.as_ref().unwrap().route, None);
        assert_eq!(desk.timers(), ["due/T-1 2026-12-01T09:00:00.000Z"]);
    }

    #[test]
    fn what_no_task_can_be_is_refused_and_makes_nothing() {
        let desk = Desk::new();
        let cases = [
            (json!({"title": "  "}), "a task needs a title"),
            (json!({"title": "x".repeat(251)}), "the title has 251 characters"),
            (json!({"title": "x", "agent": "security-auditr"}), "there is no agent `security-auditr`"),
            (json!({"title": "x", "assignee": "@nobody-known"}), "I do not know @nobody-known"),
            (json!({"title": "x", "due": "soon"}), "`soon` is not a day"),
            (json!({"title": "x", "labels": ["a b"]}), "a task carries at most"),
            (json!({"title": "x", "priority": "urgent"}), "`priority`"),
            (json!({}), "title"),
        ];
        for (args, expected) in cases {
            let refusal = desk.refused_tool("task.create", args);
            assert!(refusal.what.contains(expected), "{}", refusal.what);
            assert!(refusal.mend.is_some());
        }
        assert!(desk.no_task(1));
    }

    #[test]
    fn giving_a_task_away_needs_the_right_to_assign() {
        let desk = Desk::new();
        desk.forbid(&["task.assign"]);
        assert!(desk.tool("task.create", json!({"title": "x"})).is_ok());
        let refusal = desk.refused_tool("task.create", json!({"title": "x", "assignee": "me"}));
        assert!(refusal.what.contains("task.assign"));
    }
}
