//! Searches, as a table: what people look for by a platform's own menus while they write.
//!
//! A search is a face of a tool that lists. What was typed becomes the call of the tool, so it is permitted, refused and
//! audited as that tool is, whoever looks. A further search is an entry in [`ENTRIES`], and an arm in [`call`] and in
//! [`found`].

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::commands::task_card;
use crate::domain::event::EventKind;
use crate::domain::ids::TaskId;
use crate::domain::search::{Found, SearchEntry, Sought};
use crate::domain::task::{Assignee, Task};
use crate::store::keyspace::task as tasks;
use crate::store::{StoreError, View};
use crate::tools::{task_list, task_show};

/// The search among tasks.
const TASKS: &str = "task_search";

/// What the menus of a platform are to have.
pub const ENTRIES: [SearchEntry; 1] = [SearchEntry {
    name: TASKS,
    title: "Find a task",
    about: "Find a task and put it into your message",
    asks: "Words",
    hint: "Words of its title, project or labels, or its id",
}];

/// What is to be handled where somebody looks for something; `None` where there is no such search. Who has typed nothing
/// yet sees what is open, and who has, all that there is.
#[must_use]
pub fn call(sought: &Sought) -> Option<EventKind> {
    if sought.entry != TASKS {
        return None;
    }
    let words: String = sought.words.trim().chars().take(task_list::LONGEST_WORDS).collect();
    let args = json!({
        "text": words,
        "all": !words.is_empty(),
        "skip": sought.skip.min(task_list::MOST_SKIPPED),
        "limit": sought.count.clamp(1, task_list::LARGEST_PAGE),
    });
    Some(EventKind::ToolCall { tool: task_list::TOOL.name.to_owned(), args })
}

/// What a call has found, by its result. What is gone by now is left out.
///
/// # Errors
/// Where the store cannot be read.
pub fn found(view: &View, result: &Value, today: Date) -> Result<Vec<Found>, StoreError> {
    let lines = result["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = lines.iter().filter_map(|line| line["id"].as_str()?.parse::<TaskId>().ok());
    let mut found = Vec::new();
    for id in ids {
        if let Some(task) = tasks::read(view, id)? {
            found.push(shown(&task.value, today));
        }
    }
    Ok(found)
}

/// What is to be handled where somebody pastes a link to a task: it is permitted, refused and audited as showing it is.
#[must_use]
pub fn show(task: TaskId) -> EventKind {
    EventKind::ToolCall { tool: task_show::TOOL.name.to_owned(), args: json!({ "task": task.to_string() }) }
}

/// The task of a link, where it is there.
///
/// # Errors
/// Where the store cannot be read.
pub fn linked(view: &View, task: TaskId, today: Date) -> Result<Option<Found>, StoreError> {
    Ok(tasks::read(view, task)?.map(|task| shown(&task.value, today)))
}

fn shown(task: &Task, today: Date) -> Found {
    let assignee = task.assignee.as_ref().map(|assignee| match assignee {
        Assignee::Agent(name) => name.clone(),
        Assignee::Person { name, .. } => name.clone(),
    });
    let due = task.due.map(|due| format!("due {}", task_card::day(due, task, today)));
    let parts = [Some(task.status.to_string()), Some(task.priority.to_string()), assignee, due];
    Found {
        title: format!("{} {}", task.id, task.title),
        line: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        card: task_card::quoted(task, today),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    fn sought(words: &str) -> Sought {
        Sought { entry: TASKS.to_owned(), words: words.to_owned(), skip: 0, count: 25 }
    }

    fn search(desk: &Desk, sought: &Sought) -> Vec<Found> {
        let Some(EventKind::ToolCall { tool, args }) = call(sought) else { panic!("no call: {sought:?}") };
        let result = desk.tool(&tool, args).unwrap().result.unwrap();
        desk.with(|ctx| found(ctx.view, &result, "2026-11-26".parse().unwrap()).unwrap())
    }

    #[test]
    fn tasks_are_found_by_their_words_and_have_nothing_to_press() {
        let desk = Desk::new();
        let described = json!({"title": "Fix the Login", "description": "x".repeat(2000), "project": "web"});
        desk.tool("task.create", described).unwrap();
        desk.tool("task.create", json!({"title": "Old login", "due": "2026-12-01"})).unwrap();
        desk.tool("task.update", json!({"task": "T-2", "status": "done"})).unwrap();
        desk.tool("task.assign", json!({"task": "T-1", "to": "rust-pro"})).unwrap();
        let titles = |words| search(&desk, &sought(words)).into_iter().map(|it| it.title).collect::<Vec<_>>();
        assert_eq!(titles(""), ["T-1 Fix the Login"], "who has typed nothing sees what is open");
        assert_eq!(titles(" LOGIN "), ["T-2 Old login", "T-1 Fix the Login"]);
        assert_eq!(titles("web login"), ["T-1 Fix the Login"]);
        assert_eq!(titles("t-2"), ["T-2 Old login"]);
        assert!(titles("no such thing").is_empty() && titles(&"é".repeat(5000)).is_empty());
        let found = search(&desk, &sought("fix"));
        assert!(found[0].line.contains("medium · rust-pro"), "{}", found[0].line);
        for it in search(&desk, &sought("login")) {
            assert!(it.card.actions.is_empty(), "{it:?}");
            assert!(!json!(it.card).to_string().contains(&"x".repeat(700)), "it is one of many");
        }
        let second = search(&desk, &Sought { skip: 1, count: 1, ..sought("login") });
        assert_eq!(second.len(), 1);
        assert_eq!(second[0].title, "T-1 Fix the Login");
        assert_eq!(call(&Sought { entry: "task_create".to_owned(), ..sought("x") }), None);
    }
}
