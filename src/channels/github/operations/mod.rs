//! What the bot does on GitHub besides writing comments: the table of operations, and what is done where an answer was lost.
//!
//! Each operation is a file that reads its arguments by type and makes its calls. A new one is a file and a line of
//! [`TABLE`], which says what to do before it is repeated: nothing, where to do it twice is to do it once; a look for the
//! trace that it leaves; or not to repeat it.

mod check_run;
mod commit_status;
mod create_issue;
mod dispatch;
mod files;
mod issue;
mod label;
mod milestone;
mod people;
mod react;
mod reviewers;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::client::{Ask, Client};
use super::deliver::thread;
use super::repository::{Repository, refused};
use crate::channels::{Call, Called, DeliverError, Lookup};

/// Characters of a mistake in arguments that are shown.
const MOST_WORDS: usize = 200;

/// What an operation works with.
struct Scene<'a> {
    client: &'a Client,
    call: &'a Call,
    repository: Repository,
    installation: u64,
}

/// The arguments of an operation that has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

type Performing<'a> = BoxFuture<'a, Result<Value, DeliverError>>;
type Looking<'a> = BoxFuture<'a, Result<Lookup<Value>, DeliverError>>;

/// What is done where nobody knows whether a try was done.
enum Lost {
    /// It is repeated: twice is once.
    Repeat,
    /// Its trace is looked for.
    Look(for<'a> fn(&'a Scene<'a>) -> Looking<'a>),
    /// It is not repeated, for this reason.
    Leave(&'static str),
}

/// A line of the table.
struct Operation {
    name: &'static str,
    /// Its route, for receipts.
    via: &'static str,
    perform: for<'a> fn(&'a Scene<'a>) -> Performing<'a>,
    lost: Lost,
}

/// Every operation.
const TABLE: &[Operation] = &[
    Operation {
        name: "github.react",
        via: "POST reactions",
        perform: |scene| Box::pin(react::perform(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.label",
        via: "issue labels",
        perform: |scene| Box::pin(label::perform(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.assign",
        via: "issue assignees",
        perform: |scene| Box::pin(people::assign(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.request_reviewers",
        via: "POST requested_reviewers",
        perform: |scene| Box::pin(reviewers::perform(scene)),
        lost: Lost::Look(|scene| Box::pin(reviewers::look_up(scene))),
    },
    Operation {
        name: "github.milestone",
        via: "PATCH issue",
        perform: |scene| Box::pin(milestone::perform(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.close",
        via: "PATCH issue",
        perform: |scene| Box::pin(issue::close(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.reopen",
        via: "PATCH issue",
        perform: |scene| Box::pin(issue::reopen(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.edit",
        via: "PATCH issue",
        perform: |scene| Box::pin(issue::edit(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.issue",
        via: "GET issue",
        perform: |scene| Box::pin(issue::show(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.create_issue",
        via: "POST issues",
        perform: |scene| Box::pin(create_issue::perform(scene)),
        lost: Lost::Look(|scene| Box::pin(create_issue::look_up(scene))),
    },
    Operation {
        name: "github.check_run",
        via: "POST check-runs",
        perform: |scene| Box::pin(check_run::perform(scene)),
        lost: Lost::Look(|scene| Box::pin(check_run::look_up(scene))),
    },
    Operation {
        name: "github.commit_status",
        via: "POST statuses",
        perform: |scene| Box::pin(commit_status::perform(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.dispatch",
        via: "POST dispatches",
        perform: |scene| Box::pin(dispatch::perform(scene)),
        lost: Lost::Leave("GitHub does not say which call began a run of a workflow, so it is not begun twice"),
    },
    Operation {
        name: "github.changed_files",
        via: "GET pull files",
        perform: |scene| Box::pin(files::changed_files(scene)),
        lost: Lost::Repeat,
    },
    Operation {
        name: "github.file",
        via: "GET contents",
        perform: |scene| Box::pin(files::file(scene)),
        lost: Lost::Repeat,
    },
];

/// The names of all operations.
#[must_use]
pub(super) fn names() -> Vec<&'static str> {
    TABLE.iter().map(|operation| operation.name).collect()
}

fn operation(call: &Call) -> Result<&'static Operation, DeliverError> {
    let known = TABLE.iter().find(|operation| operation.name == call.operation);
    known.ok_or_else(|| refused("operation", &format!("GitHub has none of that name; it has {}", names().join(", "))))
}

/// Performs an operation.
pub(super) async fn perform(client: &Client, call: &Call) -> Result<Called, DeliverError> {
    let operation = operation(call)?;
    let scene = Scene::of(client, call).await?;
    let output = (operation.perform)(&scene).await?;
    Ok(scene.called(output, operation))
}

/// Looks whether an earlier try was done.
pub(super) async fn look_up(client: &Client, call: &Call) -> Result<Lookup<Called>, DeliverError> {
    let operation = operation(call)?;
    match &operation.lost {
        Lost::Repeat => Ok(Lookup::NotDone),
        Lost::Leave(reason) => Ok(Lookup::CannotTell(reason)),
        Lost::Look(look) => {
            let scene = Scene::of(client, call).await?;
            Ok(look(&scene).await?.map(|output| scene.called(output, operation)))
        }
    }
}

impl<'a> Scene<'a> {
    async fn of(client: &'a Client, call: &'a Call) -> Result<Self, DeliverError> {
        let repository = Repository::read(&call.to.place)?;
        let installation = client.installation_of(&call.to, &repository).await?;
        Ok(Self { client, call, repository, installation })
    }

    /// What was done, with what it was done to: the issue or the run that was made, else where it was done.
    fn called(&self, output: Value, operation: &Operation) -> Called {
        let (repository, thread) = (&self.repository, self.call.to.thread.as_deref());
        let platform_id = match (&output["number"], &output["id"], thread) {
            (Value::Number(number), _, _) => format!("{repository}#{number}"),
            (_, Value::Number(id), _) => format!("check_run/{id}"),
            (_, _, Some(thread)) => format!("{repository}#{thread}"),
            (_, _, None) => repository.to_string(),
        };
        Called { platform_id, output, via: operation.via }
    }

    /// Makes a call. What is no success is an answer too.
    async fn ask(&self, ask: Ask) -> Result<Answer, DeliverError> {
        self.client.ask(self.installation, ask).await
    }

    /// Makes a call that has to succeed.
    async fn done(&self, ask: Ask) -> Result<Answer, DeliverError> {
        self.ask(ask).await?.into_success()
    }

    /// Reads something.
    async fn read<T: DeserializeOwned>(&self, path: String) -> Result<T, DeliverError> {
        self.ask(Ask::get(path)).await?.into_read()
    }

    /// The path of the issue or pull request: `rest` empty, or beginning with `/`.
    fn issue(&self, rest: &str) -> Result<String, DeliverError> {
        Ok(self.repository.path(format_args!("issues/{}{rest}", thread(&self.call.to)?)))
    }

    /// The path of the pull request: `rest` empty, or beginning with `/`.
    fn pull_request(&self, rest: &str) -> Result<String, DeliverError> {
        Ok(self.repository.path(format_args!("pulls/{}{rest}", thread(&self.call.to)?)))
    }

    /// The arguments, as the operation has them.
    fn args<T: DeserializeOwned>(&self) -> Result<T, DeliverError> {
        let none = Value::Object(Map::new());
        let given = if self.call.args.is_null() { &none } else { &self.call.args };
        serde_path_to_error::deserialize(given).map_err(|error| {
            let path = error.path().to_string();
            refused(if path == "." { "args" } else { &path }, &mistake(&error.inner().to_string()))
        })
    }
}

/// What serde says of a mistake, without the value, which somebody may have written.
fn mistake(said: &str) -> String {
    let is_of_value = ["invalid type", "invalid value", "unknown variant"].iter().any(|kind| said.starts_with(kind));
    let expected = said.rfind(", expected ").map(|at| &said[at + 2..]);
    let words = if is_of_value { expected.unwrap_or("it is of another kind") } else { said };
    words.chars().take(MOST_WORDS).collect()
}

#[cfg(test)]
mod tests;
