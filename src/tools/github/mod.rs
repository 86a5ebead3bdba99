//! What may be done on GitHub: each tool decides on one call, which the channel carries out.
//!
//! Owns where a call goes: the issue or pull request that is named, else the one that the event is about. What GitHub
//! takes, and how a lost answer is dealt with, knows `channels/github/operations/`, by the same names. A further act is a
//! file here, two lines in `tools/mod.rs`, and an operation there.

pub mod assign;
pub mod check_run;
pub mod close;
pub mod comment;
pub mod commit_status;
pub mod create_issue;
pub mod dispatch;
pub mod label;
pub mod milestone;
pub mod reopen;
pub mod request_reviewers;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::event::{Address, ChannelName};
use crate::domain::outcome::{Call, Failure, Outcome, Refusal};
use crate::tools::{Context, arguments};

/// Characters of a text: GitHub takes 65,536 (it answers 422, "body is too long"); ours leaves room for our own mark.
pub(crate) const MOST_TEXT: usize = 60_000;
/// Names in one call: of labels, people or teams. Ours; what GitHub does not take it says, and the step fails with that.
const MOST_NAMES: usize = 50;
/// Characters of such a name.
const MOST_NAME: usize = 100;

/// The schema of a tool of one issue or pull request: `properties`, those that must be there, and where it is.
fn schema(properties: Value, required: &[&str]) -> Value {
    let mut all = in_repository(properties);
    all["number"] = json!({"type": "integer", "minimum": 1,
        "description": "number of the issue or pull request; that of the event, where none is given"});
    arguments::schema(&all, required)
}

/// Properties of a tool that acts in a repository.
fn in_repository(mut properties: Value) -> Value {
    properties["repo"] = arguments::text("owner/name of the repository; that of the event, where none is given", 150);
    properties
}

/// Names of something.
fn names(description: &str) -> Value {
    json!({"type": "array", "description": description, "maxItems": MOST_NAMES,
        "items": {"type": "string", "maxLength": MOST_NAME}})
}

/// Whether a list of names is one: not too long, and none of them empty.
fn check(what: &str, names: &[String]) -> Result<(), Refusal> {
    let fits = |name: &String| !name.trim().is_empty() && name.chars().count() <= MOST_NAME;
    if names.len() <= MOST_NAMES && names.iter().all(fits) {
        return Ok(());
    }
    let mend = format!("give at most {MOST_NAMES} names of 1 to {MOST_NAME} characters");
    Err(Refusal::new(format!("`{what}` holds what is no name, or too many"), mend))
}

/// Whether a text fits.
fn check_text(what: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let count = text.chars().count();
    if count <= most {
        return Ok(());
    }
    Err(Refusal::new(format!("`{what}` has {count} characters"), format!("shorten it to {most}")))
}

/// Whether a text names a commit by its whole digest.
fn check_sha(text: &str) -> Result<(), Refusal> {
    if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Refusal::new("this is no commit", "give its whole digest, 40 hexadecimal digits"))
}

/// The repository that is named, or that of the event.
fn repository(repo: Option<&str>, ctx: &Context<'_>) -> Result<Address, Refusal> {
    let about = ctx.event.what.reply.as_ref().filter(|reply| reply.channel == ChannelName::GitHub);
    let Some(repo) = repo else {
        let mend = "give `repo`, such as acme/shop";
        let about = about.ok_or_else(|| Refusal::new("this is about no repository of GitHub", mend))?;
        return Ok(about.lasting());
    };
    if let Some(about) = about.filter(|about| about.place.eq_ignore_ascii_case(repo)) {
        return Ok(Address { thread: None, ..about.lasting() });
    }
    if !is_repository(repo) {
        return Err(Refusal::new("`repo` is no repository", "write owner/name, such as acme/shop"));
    }
    // Which installation reaches it, the channel asks GitHub.
    Ok(Address::at(ChannelName::GitHub, "", repo))
}

/// What GitHub takes for an owner and a name (docs.github.com/rest/repos/repos).
fn is_repository(text: &str) -> bool {
    let fits = |part: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (1..=100).contains(&part.len()) && part.chars().all(is_plain) && !matches!(part, "." | "..")
    };
    text.split_once('/').is_some_and(|(owner, name)| fits(owner) && fits(name))
}

/// The issue or pull request that is named, or that of the event.
fn issue(repo: Option<&str>, number: Option<u64>, ctx: &Context<'_>) -> Result<Address, Refusal> {
    let there = repository(repo, ctx)?;
    let thread = number.map(|number| number.to_string()).or_else(|| there.thread.clone());
    let mend = "give `number`";
    let thread = thread.ok_or_else(|| Refusal::new("this is about no issue or pull request of GitHub", mend))?;
    Ok(Address { thread: Some(thread), ..there })
}

/// What is acted on, for the audit chain: `github acme/shop#7`.
fn named(to: &Address) -> String {
    match &to.thread {
        Some(number) => format!("github {}#{number}", to.place),
        None => format!("github {}", to.place),
    }
}

/// The outcome of a tool that owes one call.
fn owes(to: Address, operation: &str, args: Value) -> Outcome {
    let resource = named(&to);
    Outcome {
        summary: format!("`{operation}` is owed to {resource}"),
        result: Some(json!({"owed": operation, "to": resource})),
        resource,
        calls: vec![Call { to, operation: operation.to_owned(), args, terms: None }],
        ..Outcome::default()
    }
}

/// What a tool is given that adds names to an issue, and takes others off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddsAndRemoves {
    repo: Option<String>,
    number: Option<u64>,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// Decides on such a tool; `none_named` is said where there is nothing to do.
fn adds_and_removes(operation: &str, none_named: &str, args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let asked: AddsAndRemoves = arguments::read(args)?;
    check("add", &asked.add)?;
    check("remove", &asked.remove)?;
    if asked.add.is_empty() && asked.remove.is_empty() {
        return Err(Refusal::new(none_named, "give `add`, `remove` or both").into());
    }
    let to = issue(asked.repo.as_deref(), asked.number, ctx)?;
    Ok(owes(to, operation, json!({"add": asked.add, "remove": asked.remove})))
}

#[cfg(test)]
mod tests;
