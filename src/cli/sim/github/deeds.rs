//! What a person may do on GitHub, as words of the command line and as the stand-in is asked for it.
//!
//! It asks for nothing by itself. A further deed is a variant of [`Deed`] and an arm of [`Deed::wanted`].

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::super::print;
use super::super::visit;

/// What a person does.
#[derive(Subcommand)]
pub(super) enum Deed {
    /// Issues, and what pull requests share with them
    #[command(subcommand)]
    Issue(Issue),
    /// Pull requests
    #[command(subcommand)]
    Pr(Pr),
    /// Write a comment below an issue or a pull request
    Comment { number: u64, text: String },
    /// Change a comment
    CommentEdit {
        /// The id of the comment, as `show` says it
        id: u64,
        text: String,
    },
    /// Delete a comment
    CommentDelete { id: u64 },
    /// React to an issue or a pull request, or to a comment: +1, -1, laugh, confused, heart, hooray, rocket, eyes
    React {
        content: String,
        #[arg(long, required_unless_present = "comment")]
        number: Option<u64>,
        #[arg(long, value_name = "ID", conflicts_with = "number")]
        comment: Option<u64>,
    },
    /// Review a pull request
    Review(Review),
    /// Push files to a branch
    Push {
        /// PATH=TEXT, PATH=@FILE, or PATH alone to take it away; may be given again
        #[arg(long, value_name = "PATH=TEXT", required = true)]
        file: Vec<String>,
        /// The branch [default: the default branch]
        #[arg(long)]
        branch: Option<String>,
        #[arg(long)]
        message: Option<String>,
    },
    /// Put a file on a branch
    File {
        path: String,
        /// The text, or @FILE
        #[arg(long, value_name = "TEXT")]
        content: String,
        /// The branch [default: the default branch]
        #[arg(long)]
        branch: Option<String>,
    },
    /// Show an issue or a pull request as people see it
    Show { number: u64 },
    /// List what was sent to the bot, and what it answered
    Deliveries,
    /// Send a delivery once more, as somebody does who presses "Redeliver"
    Redeliver {
        /// The id of the delivery
        id: u64,
    },
    /// Say what somebody may do in the repository: none, read, triage, write, maintain, admin
    Permission { login: String, level: String },
    /// Ask for a check run once more, or press a button of it
    Check {
        /// The id of the check run
        id: u64,
        /// The identifier of the button
        #[arg(long, value_name = "IDENTIFIER")]
        action: Option<String>,
    },
    /// The App in the account of the repository
    App {
        #[arg(value_parser = ["install", "uninstall", "suspend", "unsuspend", "add-repository", "remove-repository"])]
        change: String,
    },
    /// Try the webhook
    Ping,
    /// What becomes of webhooks on their way: open, dropped (nobody is reached), swallowed (200, and nothing arrives)
    Webhook {
        #[arg(value_parser = ["open", "dropped", "swallowed"])]
        way: String,
    },
}

/// What is done with an issue.
#[derive(Subcommand)]
pub(super) enum Issue {
    /// Open an issue
    Open {
        title: String,
        #[arg(long)]
        body: Option<String>,
        /// May be given again
        #[arg(long)]
        label: Vec<String>,
        /// May be given again
        #[arg(long, value_name = "LOGIN")]
        assign: Vec<String>,
        #[arg(long, value_name = "TITLE")]
        milestone: Option<String>,
    },
    /// Put labels on
    Label {
        number: u64,
        #[arg(required = true)]
        labels: Vec<String>,
    },
    /// Take labels off
    Unlabel {
        number: u64,
        #[arg(required = true)]
        labels: Vec<String>,
    },
    /// Assign people
    Assign {
        number: u64,
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Take people off
    Unassign {
        number: u64,
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Put it into a milestone, or into none
    Milestone { number: u64, title: Option<String> },
    /// Close it
    Close {
        number: u64,
        #[arg(long, default_value = "completed", value_parser = ["completed", "not_planned"])]
        reason: String,
    },
    /// Open it again
    Reopen { number: u64 },
    /// Change title or text
    Edit {
        number: u64,
        #[arg(long, required_unless_present = "body")]
        title: Option<String>,
        #[arg(long)]
        body: Option<String>,
    },
    /// Let only those comment who may write
    Lock { number: u64 },
    /// Let everybody comment again
    Unlock { number: u64 },
    /// Delete it
    Delete { number: u64 },
}

/// What is done with a pull request.
#[derive(Subcommand)]
pub(super) enum Pr {
    /// Push a branch with files and open a pull request from it
    Open {
        title: String,
        /// PATH, PATH=TEXT or PATH=@FILE; may be given again
        #[arg(long, value_name = "PATH", required_unless_present = "head")]
        file: Vec<String>,
        #[arg(long)]
        body: Option<String>,
        /// The branch [default: a new one]
        #[arg(long, value_name = "BRANCH")]
        head: Option<String>,
        #[arg(long)]
        draft: bool,
    },
    /// Merge it
    Merge { number: u64 },
}

#[derive(Args)]
pub(super) struct Review {
    number: u64,
    text: Option<String>,
    #[arg(long, default_value = "commented", value_parser = ["approved", "changes_requested", "commented"])]
    verdict: String,
    /// A file on a line of which something is said as well
    #[arg(long, requires = "note")]
    path: Option<String>,
    #[arg(long, default_value_t = 1)]
    line: u64,
    /// What is said on that line
    #[arg(long, value_name = "TEXT", requires = "path")]
    note: Option<String>,
}

/// What the stand-in is asked for.
pub(super) enum Wanted {
    /// A deed, and the issue at which the bot may answer.
    Act { number: Option<u64>, act: Value },
    /// A change of the stand-in itself.
    Control { route: &'static str, body: Value },
    /// A look.
    Look(Look),
}

/// What is looked at.
pub(super) enum Look {
    /// An issue.
    Issue(u64),
    /// The deliveries.
    Deliveries,
}

fn act(number: u64, act: Value) -> Wanted {
    Wanted::Act { number: Some(number), act }
}

fn elsewhere(act: Value) -> Wanted {
    Wanted::Act { number: None, act }
}

/// A text, or that of a file where it is `@FILE`.
fn text(given: &str) -> anyhow::Result<String> {
    match given.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read")),
        None => Ok(given.to_owned()),
    }
}

/// Files as they are given; `alone` is what a path stands for that has no text.
fn files(given: &[String], alone: &Value) -> anyhow::Result<BTreeMap<String, Value>> {
    let read = given.iter().map(|file| match file.split_once('=') {
        Some((path, content)) => Ok((path.to_owned(), json!(text(content)?))),
        None => Ok((file.clone(), alone.clone())),
    });
    read.collect()
}

impl Deed {
    /// What the stand-in is to be asked for.
    ///
    /// # Errors
    /// Where a file that is named cannot be read.
    pub(super) fn wanted(&self) -> anyhow::Result<Wanted> {
        Ok(match self {
            Self::Issue(issue) => issue.wanted(),
            Self::Pr(Pr::Open { title, file, body, head, draft }) => {
                let files = files(file, &json!(format!("{title}\n")))?;
                elsewhere(json!({
                    "do": "open_pull", "title": title, "body": body, "files": files, "head": head, "draft": draft,
                }))
            }
            Self::Pr(Pr::Merge { number }) => act(*number, json!({ "do": "merge", "number": number })),
            Self::Comment { number, text } => act(*number, json!({ "do": "comment", "number": number, "text": text })),
            Self::CommentEdit { id, text } => elsewhere(json!({ "do": "edit_comment", "id": id, "text": text })),
            Self::CommentDelete { id } => elsewhere(json!({ "do": "delete_comment", "id": id })),
            Self::React { content, number, comment } => {
                elsewhere(json!({ "do": "react", "content": content, "number": number, "comment": comment }))
            }
            Self::Review(Review { number, text, verdict, path, line, note }) => act(
                *number,
                json!({
                    "do": "review", "number": number, "text": text, "verdict": verdict, "path": path, "line": line,
                    "line_text": note,
                }),
            ),
            Self::Push { file, branch, message } => {
                let files = files(file, &Value::Null)?;
                elsewhere(json!({ "do": "push", "files": files, "branch": branch, "message": message }))
            }
            Self::File { path, content, branch } => {
                let files = json!({ path.as_str(): text(content)? });
                elsewhere(json!({ "do": "push", "files": files, "branch": branch }))
            }
            Self::Show { number } => Wanted::Look(Look::Issue(*number)),
            Self::Deliveries => Wanted::Look(Look::Deliveries),
            Self::Redeliver { id } => Wanted::Control { route: "_sim/redeliver", body: json!({ "id": id }) },
            Self::Permission { login, level } => elsewhere(json!({ "do": "permit", "login": login, "role": level })),
            Self::Check { id, action: None } => elsewhere(json!({ "do": "rerequest", "check_run": id })),
            Self::Check { id, action: Some(identifier) } => {
                elsewhere(json!({ "do": "request_action", "check_run": id, "identifier": identifier }))
            }
            Self::App { change } => elsewhere(match change.as_str() {
                "suspend" | "unsuspend" => json!({ "do": "suspend", "suspended": change == "suspend" }),
                "add-repository" | "remove-repository" => {
                    json!({ "do": "choose", "chosen": change == "add-repository" })
                }
                other => json!({ "do": other }),
            }),
            Self::Ping => elsewhere(json!({ "do": "ping" })),
            Self::Webhook { way } => Wanted::Control { route: "_sim/hook", body: json!({ "way": way }) },
        })
    }
}

impl Issue {
    fn wanted(&self) -> Wanted {
        match self {
            Self::Open { title, body, label, assign, milestone } => elsewhere(json!({
                "do": "open_issue", "title": title, "body": body, "labels": label, "assignees": assign,
                "milestone": milestone,
            })),
            Self::Label { number, labels } => {
                act(*number, json!({ "do": "label", "number": number, "labels": labels }))
            }
            Self::Unlabel { number, labels } => {
                act(*number, json!({ "do": "unlabel", "number": number, "labels": labels }))
            }
            Self::Assign { number, people } => {
                act(*number, json!({ "do": "assign", "number": number, "people": people }))
            }
            Self::Unassign { number, people } => {
                act(*number, json!({ "do": "unassign", "number": number, "people": people }))
            }
            Self::Milestone { number, title } => {
                act(*number, json!({ "do": "set_milestone", "number": number, "title": title }))
            }
            Self::Close { number, reason } => {
                act(*number, json!({ "do": "close", "number": number, "reason": reason }))
            }
            Self::Reopen { number } => act(*number, json!({ "do": "reopen", "number": number })),
            Self::Edit { number, title, body } => {
                act(*number, json!({ "do": "edit", "number": number, "title": title, "body": body }))
            }
            Self::Lock { number } => act(*number, json!({ "do": "lock", "number": number, "locked": true })),
            Self::Unlock { number } => act(*number, json!({ "do": "lock", "number": number, "locked": false })),
            Self::Delete { number } => elsewhere(json!({ "do": "delete_issue", "number": number })),
        }
    }
}

impl Look {
    /// Shows it.
    pub(super) async fn show(&self, stand_in: &str, repository: &str, as_json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::Issue(number) => {
                let (number, width) = (number.to_string(), visit::columns().to_string());
                let which = [("repository", repository), ("number", &number), ("width", &width)];
                let seen = visit::ask(stand_in, "_sim/show", &which).await?;
                match as_json {
                    true => print::json(&seen),
                    false => print::line(print::text(&seen, "shown")),
                }
            }
            Self::Deliveries => {
                let seen = visit::ask(stand_in, "_sim/deliveries", &[]).await?;
                if as_json {
                    print::json(&seen);
                    return Ok(ExitCode::SUCCESS);
                }
                let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                let rows: Vec<Vec<String>> =
                    seen["deliveries"].as_array().into_iter().flatten().map(row(cell)).collect();
                print::table(&["ID", "AT", "GUID", "EVENT", "ENDED", "AGAIN"], &rows);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A delivery as a line of the list.
fn row(cell: impl Fn(&Value) -> String) -> impl Fn(&Value) -> Vec<String> {
    move |one| {
        let action = one["action"].as_str().map(|action| format!(".{action}")).unwrap_or_default();
        let again = if one["redelivery"] == true { "redelivery" } else { "" };
        vec![
            cell(&one["id"]),
            cell(&one["delivered_at"]),
            cell(&one["guid"]),
            format!("{}{action}", print::text(one, "event")),
            format!("{} ({})", print::text(one, "status"), one["status_code"]),
            again.to_owned(),
        ]
    }
}
