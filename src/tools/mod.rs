//! What models, workflows and programs may do; people reach the same functions through `commands/`.
//!
//! A tool is one file with a function over a [`Context`] and two lines in [`TABLE`]. It decides and
//! returns; it does not write, send or wait. It makes no cards: those are `commands/`.
//!
//! | file | owns |
//! |---|---|
//! | `arguments.rs` | reading arguments, and what is wrong with them |
//! | `people.rs`, `due.rs`, `pairing.rs` | who is meant, which day is meant, whose code is right |
//! | `link.rs` | who is one person on several platforms |
//! | `notices.rs` | whom a notice reaches, where and when |
//! | `sync.rs` | which issue a new task is kept the same with, and what both have |
//! | `approval.rs` | who may decide about what was asked for, and what follows |
//! | `github/` | what may be done on GitHub, one tool each |
//! | all others | one tool each |

pub mod agents_recommend;
pub mod approval;
pub mod arguments;
pub mod due;
pub mod github;
pub mod link;
pub mod notices;
pub mod pairing;
pub mod people;
pub mod pm_analyze;
pub mod slack_post;
pub mod status_read;
pub mod sync;
pub mod task_assign;
pub mod task_comment;
pub mod task_create;
pub mod task_list;
pub mod task_show;
pub mod task_update;
pub mod teams_post;
pub mod why;

#[cfg(test)]
pub(crate) mod testing;

use std::time::Duration;

use serde_json::Value;

use crate::config::catalog::Catalog;
use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::agent::Risk;
use crate::domain::event::Event;
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::principal::Principal;
use crate::domain::task::link::TaskLinks;
use crate::domain::task::{Person, TaskError};
use crate::domain::time::Timestamp;
use crate::pm::Analyst;
use crate::store::{StoreError, View};

/// What a handler is given. Time, numbers and signatures are arguments; nothing here does I/O beyond
/// reading the store.
pub struct Context<'a> {
    /// What the tenant has.
    pub view: &'a View,
    /// The present moment.
    pub now: Timestamp,
    /// The event that is handled.
    pub event: &'a Event,
    /// The person who asks.
    pub by: &'a Principal,
    /// Whether this person may do an action in this place.
    pub may: &'a dyn Fn(&str) -> bool,
    /// Whether an action is offered here: this person may do it, or may ask for somebody's approval of it.
    pub offers: &'a dyn Fn(&str) -> bool,
    /// Makes the token of a button from the line that a press stands for.
    pub sign: &'a dyn Fn(&str) -> String,
    /// Bytes that nobody else can foresee, made of a purpose and the event: the same each time this event is handled.
    pub chance: &'a dyn Fn(&str) -> Option<[u8; 32]>,
    /// The links to tasks, where there are any.
    pub links: Option<&'a TaskLinks>,
    /// How people address the bot here: `/ai-crm`, or nothing in the terminal.
    pub prefix: &'a str,
    /// The agents that there are.
    pub catalog: &'a Catalog,
    /// Who turns a brief into an analysis.
    pub analyst: &'a dyn Analyst,
    /// Owners are not told sooner of further troubles.
    pub alert_pause: Duration,
}

impl Context<'_> {
    /// The person who asks, as tasks remember one.
    #[must_use]
    pub fn person(&self) -> Person {
        Person { id: self.by.id.clone(), name: self.by.name.clone() }
    }

    /// A line as people type it here: `/ai-crm task list`.
    #[must_use]
    pub fn typed(&self, line: &str) -> String {
        if self.prefix.is_empty() { line.to_owned() } else { format!("{} {line}", self.prefix) }
    }

    /// Ends what needs a further action that this person may not do here.
    ///
    /// # Errors
    /// Names the action.
    pub fn demand(&self, action: &str) -> Result<(), Failure> {
        if (self.may)(action) {
            return Ok(());
        }
        let refusal = Refusal::new(format!("you may not do `{action}` here"), "ask an owner of this bot to permit it");
        Err(Failure::NotPermitted { action: action.to_owned(), refusal })
    }
}

/// What a tool does with its arguments.
pub type Run = fn(Value, &Context<'_>) -> Result<Outcome, Failure>;

/// One line of the table of tools.
pub struct ToolSpec {
    /// Its name, by which policies know it too: `task.create`.
    pub name: &'static str,
    /// One line, for models as for people.
    pub about: &'static str,
    /// Whom it is for.
    pub group: ActionGroup,
    /// How much harm it could do.
    pub risk: Risk,
    /// JSON Schema of its arguments; it admits no others.
    pub input: fn() -> Value,
    /// Decides.
    pub run: Run,
}

impl ToolSpec {
    /// What policies decide about.
    #[must_use]
    pub fn action(&self) -> ActionSpec {
        ActionSpec { name: self.name, group: self.group }
    }
}

/// Every tool, in the order in which they are shown.
pub const TABLE: &[ToolSpec] = &[
    task_create::TOOL,
    task_list::TOOL,
    task_show::TOOL,
    task_update::TOOL,
    task_assign::TOOL,
    task_comment::TOOL,
    pm_analyze::TOOL,
    agents_recommend::TOOL,
    status_read::TOOL,
    approval::TOOL,
    slack_post::TOOL,
    teams_post::TOOL,
    github::comment::TOOL,
    github::label::TOOL,
    github::assign::TOOL,
    github::request_reviewers::TOOL,
    github::milestone::TOOL,
    github::close::TOOL,
    github::reopen::TOOL,
    github::create_issue::TOOL,
    github::check_run::TOOL,
    github::commit_status::TOOL,
    github::dispatch::TOOL,
    why::TOOL,
];

/// The names of all tools, for the check of the agents' files.
#[must_use]
pub fn known_tools() -> Vec<&'static str> {
    TABLE.iter().map(|tool| tool.name).collect()
}

/// The tool of that name.
///
/// # Errors
/// Names the nearest that there is.
pub fn find(name: &str) -> Result<&'static ToolSpec, Refusal> {
    TABLE.iter().find(|tool| tool.name == name).ok_or_else(|| {
        let word: String = name.chars().take(40).collect();
        let alike = |tool: &&ToolSpec| (strsim::jaro_winkler(&word, tool.name) * 1000.0) as u32;
        let mend = match TABLE.iter().max_by_key(alike).filter(|tool| alike(tool) > 700) {
            Some(near) => format!("did you mean `{}`?", near.name),
            None => format!("the tools are {}", known_tools().join(", ")),
        };
        Refusal::new(format!("there is no tool `{word}`"), mend)
    })
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Self::Refused(refusal_of(&error))
    }
}

/// A task's own rules, as people are told of them.
pub(crate) fn refusal_of(error: &TaskError) -> Refusal {
    let mend = match error {
        TaskError::Transition { task, from, .. } if from.is_closed() => {
            format!("`task reopen {task}` brings it back first")
        }
        TaskError::Transition { from, .. } => {
            let next: Vec<&str> = from.next().iter().map(|status| status.as_str()).collect();
            format!("it can become {}", next.join(", "))
        }
        TaskError::NoTitle => "say what is to be done, for example: task create Implement user auth".to_owned(),
        TaskError::TooLong { what: "title", .. } => "shorten it; the whole story fits `--description`".to_owned(),
        TaskError::TooLong { .. } => "shorten it, or leave a link to the long text".to_owned(),
        TaskError::Labels => "for example `--label frontend,login`".to_owned(),
    };
    Refusal::new(error.to_string(), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_admits_only_what_its_schema_names() {
        for tool in TABLE {
            let schema = (tool.input)();
            assert_eq!(schema["type"], "object", "{}", tool.name);
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{}: {name} needs a description", tool.name);
            }
            testing::Desk::new().with(|ctx| {
                let refused = (tool.run)(serde_json::json!({"no_such_field": 1}), ctx);
                let Err(Failure::Refused(refusal)) = refused else { panic!("{}: {refused:?}", tool.name) };
                assert!(refusal.what.contains("no_such_field"), "{}: {}", tool.name, refusal.what);
            });
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        assert_eq!(find("task.create").unwrap().name, "task.create");
        assert_eq!(find("tasks.create").err().unwrap().mend.unwrap(), "did you mean `task.create`?");
        assert!(find("zzz").err().unwrap().mend.unwrap().contains("pm.analyze"));
    }
}
