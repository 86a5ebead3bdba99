//! Analyses a piece of work: how hard, how long, what could go wrong, which steps, which agent.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::task::{LONGEST_TEXT, Task};
use crate::pm::{Analysis, Brief};
use crate::tools::{Context, ToolSpec, arguments, task_show};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "pm.analyze",
    about: "analyse a piece of work: complexity, hours, risks, steps and the agents that suit it",
    group: ActionGroup::Everyday,
    risk: Risk::Low,
    input: || {
        let properties = json!({
            "text": arguments::text("what is to be done: a title, then lines of description", LONGEST_TEXT),
            "task": arguments::task(),
            "labels": arguments::labels("labels of the issue"),
            "files": {"type": "array", "description": "files that it is about, as paths in the repository",
                "items": {"type": "string"}, "maxItems": 500},
        });
        arguments::schema(&properties, &[])
    },
    run,
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    text: String,
    task: Option<String>,
    labels: Vec<String>,
    files: Vec<String>,
}

/// The brief that a task is.
#[must_use]
pub fn brief_of(task: &Task) -> Brief {
    let text = format!("{}\n{}", task.title, task.description);
    Brief { text: text.trim().to_owned(), labels: task.labels.clone(), files: Vec::new() }
}

/// The task of an id, if this person may see tasks here.
///
/// # Errors
/// Refuses where the person may not, or the task is not there.
pub fn task(id: TaskId, ctx: &Context<'_>) -> Result<Task, Failure> {
    ctx.demand("task.show")?;
    Ok(task_show::find(id, ctx)?.value)
}

/// Analyses a brief.
///
/// # Errors
/// Refuses an empty or overlong one.
pub fn decide(brief: &Brief, ctx: &Context<'_>) -> Result<Analysis, Failure> {
    let length = brief.text.chars().count();
    if brief.text.trim().is_empty() {
        let mend = "for example: pm analyze Build recommendation engine with ML";
        return Err(Refusal::new("there is nothing to analyse", mend).into());
    }
    if length > LONGEST_TEXT {
        let what = format!("the text has {length} characters, at most {LONGEST_TEXT} are read");
        return Err(Refusal::new(what, "send the part that says what is to be done").into());
    }
    Ok(ctx.analyst.analyse(brief))
}

/// The outcome of an analysis, without words for people.
#[must_use]
pub fn outcome(analysis: &Analysis, resource: &str) -> Outcome {
    Outcome {
        resource: resource.to_owned(),
        summary: format!("analysed {resource}: {} points", analysis.complexity.points),
        result: Some(json!({"analysis": analysis})),
        ..Outcome::default()
    }
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: Asked = arguments::read(args)?;
    let (mut brief, resource) = match &asked.task {
        Some(id) => {
            let id = task_show::id(id)?;
            (brief_of(&task(id, ctx)?), id.to_string())
        }
        None => (Brief::of(asked.text), "brief".to_owned()),
    };
    brief.labels.extend(asked.labels);
    brief.files.extend(asked.files);
    Ok(outcome(&decide(&brief, ctx)?, &resource))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_text_or_a_task_is_analysed() {
        let desk = Desk::new();
        let outcome = desk.tool("pm.analyze", json!({"text": "Build recommendation engine with ML"})).unwrap();
        let analysis = &outcome.result.unwrap()["analysis"];
        assert_eq!(analysis["recommended"][0]["agent"], "ml-engineer");
        assert!(outcome.summary.starts_with("analysed brief: "), "no text of people: {}", outcome.summary);
        desk.tool("task.create", json!({"title": "Fix login", "description": "oauth token leak"})).unwrap();
        assert_eq!(desk.tool("pm.analyze", json!({"task": "T-1"})).unwrap().resource, "T-1");
        assert!(desk.refused_tool("pm.analyze", json!({"text": " "})).what.contains("nothing to analyse"));
        desk.forbid(&["task.show"]);
        assert!(desk.refused_tool("pm.analyze", json!({"task": "T-1"})).what.contains("task.show"));
    }
}
