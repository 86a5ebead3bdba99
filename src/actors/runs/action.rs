//! Actions of steps, as tools: by a tool's own name, and by those of the examples.
//!
//! Which tool a name of workflows is stands in `workflow/known.rs`; what is more than a name is a line in [`perform`].

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::message;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::task::{LONGEST_TEXT, LONGEST_TITLE, Priority};
use crate::pm::{Analysis, Brief};
use crate::tools::task_create::{self, NewTask};
use crate::tools::{self, Context, arguments, github, pm_analyze, slack_post, teams_post};
use crate::workflow::context::Told;
use crate::workflow::hands::Act;
use crate::workflow::known;

/// An action that is due, and what is known of the event of its run.
pub(super) struct Given<'a> {
    pub(super) act: &'a Act<'a>,
    pub(super) told: &'a Told,
}

/// The tool that an action is with what it is given: the one that is done, and the one that policies are asked about.
pub(super) fn tool_of<'a>(action: &'a str, args: &Map<String, Value>) -> &'a str {
    match action {
        "assign_reviewer" if args.get("agent").is_none_or(Value::is_null) => "github.request_reviewers",
        "assign_reviewer" => "task.create",
        action => known::tool(action),
    }
}

/// Decides on an action.
pub(super) fn perform(given: &Given<'_>, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let (action, args) = (given.act.action, given.act.args);
    match (action, tool_of(action, args)) {
        ("create_ai_crm_task", _) => create_task(args, given.told, ctx),
        ("assign_reviewer", "task.create") => review_task(args, given.told, ctx),
        ("assign_reviewer", tool) => call(tool, asked_reviewers(args)?, ctx),
        (action, tool) => {
            if let Some(refusal) = message::to_nobody(given.act, given.told) {
                return Err(refusal.into());
            }
            let most = match tool {
                "slack.post" => slack_post::MOST_TEXT,
                "teams.post" => teams_post::MOST_TEXT,
                "github.comment" => github::MOST_TEXT,
                _ => usize::MAX,
            };
            call(tool, arguments_of(action, args, most), ctx)
        }
    }
}

fn call(tool: &str, args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    (tools::find(tool)?.run)(args, ctx)
}

/// Arguments by the names that the tool has for them. A message that is too long is shortened, as the texts of a task are:
/// what somebody has written is to be no reason for a rule to fail.
fn arguments_of(action: &str, args: &Map<String, Value>, most: usize) -> Value {
    let named = |(key, value): (&String, &Value)| {
        let key = known::param(action, key);
        let value = match value {
            Value::String(text) if key == "text" => shortened(text, most).into(),
            value => value.clone(),
        };
        (key.to_owned(), value)
    };
    Value::Object(args.iter().map(named).collect())
}

/// What `create_ai_crm_task` is given. Texts that are too long are shortened, since nobody reads the refusal of a rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedTask {
    title: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default)]
    labels: Option<Vec<String>>,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    due: Option<String>,
    #[serde(default)]
    assignee: Option<String>,
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    agent_hint: Option<String>,
    #[serde(default)]
    pm_analysis: bool,
    #[serde(default)]
    auto_assign: bool,
}

fn create_task(args: &Map<String, Value>, told: &Told, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: AskedTask = arguments::read(Value::Object(args.clone()))?;
    let title = shortened(&asked.title, LONGEST_TITLE);
    let mut description = asked.description.unwrap_or_default();
    let labels = asked.labels.unwrap_or_default();
    let text: String = format!("{title}\n{description}").chars().take(LONGEST_TEXT).collect();
    let brief = Brief { text, labels: labels.clone(), files: Vec::new() };
    let mut agent = asked.agent.or(asked.agent_hint);
    if asked.pm_analysis || asked.auto_assign {
        let analysis = pm_analyze::decide(&brief, ctx)?;
        if asked.pm_analysis {
            let said = summary(&analysis);
            let room = LONGEST_TEXT.saturating_sub(said.chars().count() + 2);
            description = format!("{}\n\n{said}", shortened(&description, room)).trim_start().to_owned();
        }
        if asked.auto_assign && agent.is_none() && asked.assignee.is_none() {
            agent = analysis.recommended.first().map(|best| best.agent.clone());
        }
    }
    let new = NewTask {
        title,
        description: shortened(&description, LONGEST_TEXT),
        priority: asked.priority,
        agent,
        assignee: asked.assignee,
        due: asked.due,
        project: asked.project,
        labels,
        url: None,
    };
    made(new, told, ctx)
}

/// Makes a task that says from where it comes.
fn made(new: NewTask, told: &Told, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let created = task_create::decide(&NewTask { url: url(told), ..new }, ctx)?;
    let id = created.task.id;
    let mut outcome = created.outcome();
    if let Some(task) = outcome.result.as_mut().and_then(|result| result.get_mut("task")) {
        task["key"] = id.to_string().into();
        task["url"] = ctx.links.map_or_else(|| id.to_string(), |links| links.to(id)).into();
    }
    Ok(outcome)
}

/// The page of what an event is about.
fn url(told: &Told) -> Option<String> {
    let paths = ["/issue/html_url", "/pull_request/html_url", "/repository/html_url"];
    let found = paths.iter().find_map(|path| told.payload.pointer(path)?.as_str());
    found.filter(|url| url.starts_with("https://") && url.len() <= 2_000).map(str::to_owned)
}

fn summary(analysis: &Analysis) -> String {
    let agents: Vec<&str> = analysis.recommended.iter().map(|best| best.agent.as_str()).collect();
    let likely = analysis.hours.likely;
    let points = analysis.complexity.points;
    let agents = if agents.is_empty() { String::new() } else { format!("; agents: {}", agents.join(", ")) };
    format!("Analysis: {points} points, about {likely} h{agents} ({})", analysis.basis)
}

/// A text that fits, with a sign where it was longer.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}

/// What `assign_reviewer` is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedReview {
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    teams: Vec<String>,
    #[serde(default)]
    among: Vec<String>,
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    most_open: Option<u64>,
}

/// People and teams, who are asked on GitHub.
fn asked_reviewers(args: &Map<String, Value>) -> Result<Value, Failure> {
    let AskedReview { people, teams, among, count, most_open, .. } = arguments::read(Value::Object(args.clone()))?;
    if people.is_empty() && teams.is_empty() && among.is_empty() {
        return Err(Refusal::new("nobody is named to review it", "give `agent`, `people`, `teams` or `among`").into());
    }
    Ok(json!({"people": people, "teams": teams, "among": among, "count": count, "most_open": most_open}))
}

/// An agent gets a task for it.
fn review_task(args: &Map<String, Value>, told: &Told, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: AskedReview = arguments::read(Value::Object(args.clone()))?;
    if !asked.people.is_empty() || !asked.teams.is_empty() || !asked.among.is_empty() {
        let mend = "make two steps of it: one for the agent, one for people and teams";
        return Err(Refusal::new("an agent and people are named to review it", mend).into());
    }
    let text = |path: &str| told.payload.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = told.payload.pointer("/pull_request/number").and_then(Value::as_u64);
    let number = number.map(|number| format!(" #{number}")).unwrap_or_default();
    let title = format!("Review{number}: {}", text("/pull_request/title"));
    let new = NewTask {
        title: shortened(&title, LONGEST_TITLE),
        description: shortened(&text("/pull_request/html_url"), LONGEST_TEXT),
        priority: asked.priority,
        agent: asked.agent,
        labels: vec!["review".to_owned()],
        ..NewTask::default()
    };
    made(new, told, ctx)
}
