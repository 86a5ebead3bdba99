//! Reads how things stand: the dashboard, the team, and the bot's own state with the asker's open work.
//!
//! Owns the counting. Every number is counted from what is stored; where only the newest tasks are
//! looked at, the result says so.

use std::collections::BTreeMap;

use jiff::ToSpan;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Failure, Outcome};
use crate::domain::task::{Assignee, Priority, Status, Task};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::keyspace::task::{self as tasks, TaskFilter};
use crate::store::keyspace::{effect, event, link};
use crate::tools::{Context, ToolSpec, arguments, due, task_list, task_show, task_update};

/// As many tasks of a kind are looked at, the newest first.
pub const MOST_LOOKED_AT: usize = 500;
/// As many waiting things are counted.
const MOST_COUNTED: usize = 1000;
/// As many of the asker's own tasks are shown.
const MOST_OWN: usize = 10;
const WEEK: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "status.read",
    about: "read how things stand: counts, overdue and blocked tasks, who has how much, the bot's own state",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let view = json!({"type": "string", "description": "what to look at; dashboard where nothing is said",
            "enum": ["dashboard", "team", "brief"]});
        arguments::schema(&json!({"view": view}), &[])
    },
    run,
};

/// How many there are of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Of what.
    pub of: String,
    /// How many.
    pub count: usize,
}

/// How all tasks stand.
#[derive(Debug, Serialize)]
pub struct Dashboard {
    /// Tasks by status.
    pub by_status: Vec<Count>,
    /// Open tasks by priority, the most urgent first.
    pub by_priority: Vec<Count>,
    /// Open tasks whose day is over.
    #[serde(serialize_with = "as_json")]
    pub overdue: Vec<Task>,
    /// Open tasks due within seven days.
    #[serde(serialize_with = "as_json")]
    pub due_this_week: Vec<Task>,
    /// Blocked tasks.
    #[serde(serialize_with = "as_json")]
    pub blocked: Vec<Task>,
    /// Agents with open tasks, the busiest first.
    pub agents: Vec<Count>,
    /// Tasks made in the last seven days.
    pub created_last_week: usize,
    /// Tasks done in the last seven days.
    pub done_last_week: usize,
    /// What was not looked at, in words; nothing where everything was.
    pub bounds: Vec<String>,
}

/// What somebody has to do and has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Who.
    pub who: String,
    /// Open tasks.
    pub open: usize,
    /// Of those in progress or in review.
    pub in_progress: usize,
    /// Of those blocked.
    pub blocked: usize,
    /// Done in the last seven days.
    pub done_last_week: usize,
}

/// How the team stands.
#[derive(Debug, Serialize)]
pub struct Team {
    /// People and agents, the busiest first; tasks of nobody last.
    pub loads: Vec<Load>,
    /// What was not looked at, in words.
    pub bounds: Vec<String>,
}

/// The bot's own state and the asker's open work.
#[derive(Debug, Serialize)]
pub struct Brief {
    /// Tasks that are not closed.
    pub open_tasks: usize,
    /// Events in line, this one among them.
    pub waiting_events: usize,
    /// Answers that are owed.
    pub owed_effects: usize,
    /// Events that were given up.
    pub dead_events: usize,
    /// Answers that were given up.
    pub dead_effects: usize,
    /// Agents that can be given tasks.
    pub agents: usize,
    /// The asker's open tasks, the newest first.
    #[serde(serialize_with = "as_json")]
    pub mine: Vec<Task>,
    /// Whether the asker has more.
    pub more: bool,
}

fn as_json<S: serde::Serializer>(tasks: &[Task], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tasks.iter().map(task_show::as_line_json))
}

/// Open tasks and those done of late, as far as they are looked at.
struct Looked {
    open: Vec<Task>,
    done: Vec<Task>,
    bounds: Vec<String>,
}

fn look(changed: &[Task], ctx: &Context<'_>) -> Result<Looked, StoreError> {
    let open_only = TaskFilter { open_only: true, ..TaskFilter::default() };
    let (mut open, more_open) = task_list::newest(ctx.view, &open_only, None, MOST_LOOKED_AT)?;
    let is_done = TaskFilter { status: Some(Status::Done), ..TaskFilter::default() };
    let (mut done, more_done) = tasks::list(ctx.view, &is_done, None, MOST_LOOKED_AT)?;
    task_list::lay_over(&mut open, changed, |task| !task.status.is_closed());
    task_list::lay_over(&mut done, changed, |task| task.status == Status::Done);
    let since = ctx.now.before(WEEK);
    done.retain(|task| done_at(task) >= since);
    let told =
        |more: bool, what: &str| more.then(|| format!("only the newest {MOST_LOOKED_AT} {what} tasks are looked at"));
    let bounds = [told(more_open, "open"), told(more_done, "done")].into_iter().flatten().collect();
    Ok(Looked { open, done, bounds })
}

fn done_at(task: &Task) -> Timestamp {
    task_update::last_move(task).map_or(task.updated, |entry| entry.at)
}

fn busiest(counts: BTreeMap<String, usize>) -> Vec<Count> {
    let mut counts: Vec<Count> = counts.into_iter().map(|(of, count)| Count { of, count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.of.cmp(&b.of)));
    counts
}

/// Reads how all tasks stand.
///
/// # Errors
/// Where the store cannot be read.
pub fn dashboard(ctx: &Context<'_>) -> Result<Dashboard, Failure> {
    let Looked { open, done, bounds } = look(&[], ctx)?;
    let by_status = tasks::count_by_status(ctx.view)?.into_iter();
    let by_status = by_status.map(|(status, count)| Count { of: status.to_string(), count }).collect();
    let of_priority = |priority: Priority| open.iter().filter(|task| task.priority == priority).count();
    let urgent_first = Priority::ALL.into_iter().rev();
    let by_priority = urgent_first.map(|p| Count { of: p.to_string(), count: of_priority(p) }).collect();
    let today = due::day_of(ctx.now);
    let in_a_week = today.saturating_add(7.days());
    let mut by_day: Vec<Task> =
        open.iter().filter(|task| task.due.is_some_and(|due| due <= in_a_week)).cloned().collect();
    by_day.sort_by_key(|task| (task.due, task.id));
    let (overdue, due_this_week) = by_day.into_iter().partition(|task| task.due.is_some_and(|due| due < today));
    let mut agents = BTreeMap::new();
    for task in &open {
        if let Some(Assignee::Agent(name)) = &task.assignee {
            *agents.entry(name.clone()).or_insert(0) += 1;
        }
    }
    let since = ctx.now.before(WEEK);
    let (newest, _) = tasks::list(ctx.view, &TaskFilter::default(), None, MOST_LOOKED_AT)?;
    Ok(Dashboard {
        by_status,
        by_priority,
        overdue,
        due_this_week,
        blocked: open.iter().filter(|task| task.status == Status::Blocked).cloned().collect(),
        agents: busiest(agents),
        created_last_week: newest.iter().filter(|task| task.created >= since).count(),
        done_last_week: done.len(),
        bounds,
    })
}

/// Reads who has how much; `changed` are tasks as they will be when what is being decided has landed.
///
/// # Errors
/// Where the store cannot be read.
pub fn team(changed: &[Task], ctx: &Context<'_>) -> Result<Team, Failure> {
    let Looked { open, done, bounds } = look(changed, ctx)?;
    let mut loads: BTreeMap<String, Load> = BTreeMap::new();
    // People of one name are told apart by their ids; only the name is shown.
    let mut people: BTreeMap<&PrincipalId, PrincipalId> = BTreeMap::new();
    for task in open.iter().chain(&done) {
        let key = match &task.assignee {
            Some(Assignee::Agent(name)) => format!("agent {name}"),
            Some(Assignee::Person { id, .. }) => {
                if !people.contains_key(id) {
                    people.insert(id, link::resolve(ctx.view, id)?);
                }
                format!("person {}", people[id])
            }
            None => String::new(),
        };
        let load = loads.entry(key).or_default();
        load.who = task.assignee.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        match task.status {
            Status::Done => load.done_last_week += 1,
            status => {
                load.open += 1;
                load.in_progress += usize::from(matches!(status, Status::InProgress | Status::InReview));
                load.blocked += usize::from(status == Status::Blocked);
            }
        }
    }
    let nobody = loads.remove("");
    let mut loads: Vec<Load> = loads.into_values().collect();
    loads.sort_by(|a, b| (b.open, b.done_last_week).cmp(&(a.open, a.done_last_week)).then_with(|| a.who.cmp(&b.who)));
    loads.extend(nobody);
    Ok(Team { loads, bounds })
}

/// Reads the bot's own state and the asker's open work.
///
/// # Errors
/// Where the store cannot be read.
pub fn brief(ctx: &Context<'_>) -> Result<Brief, Failure> {
    let by_status = tasks::count_by_status(ctx.view)?;
    let open_only = TaskFilter { open_only: true, ..TaskFilter::default() };
    let (mine, more) = task_list::own(&open_only, None, MOST_OWN, ctx)?;
    Ok(Brief {
        open_tasks: by_status.iter().filter(|(status, _)| !status.is_closed()).map(|(_, count)| count).sum(),
        waiting_events: count(event::all_ready(ctx.view))?,
        owed_effects: count(effect::all_owed(ctx.view))?,
        dead_events: count(event::all_dead(ctx.view))?,
        dead_effects: count(effect::all_dead(ctx.view))?,
        agents: ctx.catalog.all().len(),
        mine,
        more,
    })
}

fn count<T>(entries: impl Iterator<Item = Result<T, StoreError>>) -> Result<usize, StoreError> {
    entries.take(MOST_COUNTED).try_fold(0, |count, entry| entry.map(|_| count + 1))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    view: Look,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Look {
    #[default]
    Dashboard,
    Team,
    Brief,
}

/// The outcome of looking.
#[must_use]
pub fn outcome(what: &str, result: Value) -> Outcome {
    Outcome {
        resource: "tasks".to_owned(),
        summary: format!("showed the {what}"),
        result: Some(result),
        ..Outcome::default()
    }
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    Ok(match asked.view {
        Look::Dashboard => outcome("dashboard", json!({"dashboard": dashboard(ctx)?})),
        Look::Team => outcome("team status", json!({"team": team(&[], ctx)?})),
        Look::Brief => outcome("status", json!({"brief": brief(ctx)?})),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    fn desk() -> Desk {
        let desk = Desk::new();
        for (title, due, agent, priority) in [
            ("a", "2026-11-20", Some("rust-pro"), "high"),
            ("b", "today", Some("rust-pro"), "low"),
            ("c", "+30d", Some("debugger"), "low"),
            ("d", "none", None, "critical"),
        ] {
            let args = json!({"title": title, "due": due, "agent": agent, "priority": priority});
            desk.tool("task.create", args).unwrap();
        }
        desk.tool("task.update", json!({"task": "T-3", "status": "blocked"})).unwrap();
        desk.tool("task.update", json!({"task": "T-2", "status": "done"})).unwrap();
        desk.tool("task.assign", json!({"task": "T-4", "to": "me"})).unwrap();
        desk
    }

    #[test]
    fn the_dashboard_counts_what_there_is() {
        let desk = desk();
        let seen = desk.with(|ctx| dashboard(ctx).unwrap());
        let counts = |counts: &[Count]| {
            let some = counts.iter().filter(|count| count.count > 0);
            some.map(|count| format!("{} {}", count.of, count.count)).collect::<Vec<_>>().join(", ")
        };
        let ids = |tasks: &[Task]| tasks.iter().map(|task| task.id.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(counts(&seen.by_status), "todo 2, blocked 1, done 1");
        assert_eq!(counts(&seen.by_priority), "critical 1, high 1, low 1");
        assert_eq!(counts(&seen.agents), "debugger 1, rust-pro 1");
        assert_eq!(
            (ids(&seen.overdue), ids(&seen.due_this_week), ids(&seen.blocked)),
            ("T-1".into(), String::new(), "T-3".into())
        );
        assert_eq!((seen.created_last_week, seen.done_last_week), (4, 1));
        assert!(seen.bounds.is_empty());
        // A week and a day later the same tasks are of the past.
        desk.now.set(Timestamp(desk.now.get().0 + 8 * 24 * 3600 * 1000));
        let seen = desk.with(|ctx| dashboard(ctx).unwrap());
        assert_eq!((seen.created_last_week, seen.done_last_week), (0, 0));
    }

    #[test]
    fn the_team_is_everybody_who_has_something_to_do() {
        let team = desk().with(|ctx| team(&[], ctx).unwrap());
        let line = |load: &Load| {
            format!("{} {}/{}/{}/{}", load.who, load.open, load.in_progress, load.blocked, load.done_last_week)
        };
        let lines: Vec<String> = team.loads.iter().map(line).collect();
        assert_eq!(lines, ["rust-pro 1/0/0/1", "@Ada 1/0/0/0", "debugger 1/0/1/0"]);
    }

    #[test]
    fn the_brief_knows_the_asker() {
        let brief = desk().with(|ctx| brief(ctx).unwrap());
        assert_eq!((brief.open_tasks, brief.mine.len(), brief.more), (3, 1, false));
        assert!(brief.agents >= 59);
    }

    #[test]
    fn a_program_chooses_what_to_look_at() {
        let desk = desk();
        for view in ["dashboard", "team", "brief"] {
            let result = desk.tool("status.read", json!({"view": view})).unwrap().result.unwrap();
            assert!(result[view].is_object(), "{result}");
        }
        assert!(desk.refused_tool("status.read", json!({"view": "moon"})).what.contains("`view`"));
    }
}
