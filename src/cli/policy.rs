//! `policy`: check, explain, test.
//!
//! `check` and `test` judge the files and lists of this command's own configuration, and need neither a store nor a
//! server. `explain` asks about people whom the bot knows, so it asks the server, or the store.

use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::access::{Access, ask_once};
use super::{Global, print};
use crate::app::{Mode, policies};
use crate::config::Config;

/// Options of `policy`.
#[derive(Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: Policy,
}

#[derive(Subcommand)]
enum Policy {
    /// Whether the policies are valid
    Check,
    /// Who may do what, and by which rule
    Explain(Question),
    /// Run the tests of the policies
    Test,
}

#[derive(Args)]
struct Question {
    /// What is asked: task.create
    action: String,
    /// Who asks, as the platform names them
    #[arg(long, default_value = "slack:T1/U1")]
    person: String,
    /// What they are; without it, what the bot knows of them
    #[arg(long, value_parser = ["owner", "member", "guest"])]
    role: Option<String>,
    /// How they stand to the workspace; without it, as the platform said last
    #[arg(long, value_parser = ["member", "guest", "stranger", "deactivated", "bot"])]
    standing: Option<String>,
    /// A group they are in, instead of those of `people.groups`; may be given again
    #[arg(long = "group")]
    groups: Vec<String>,
    /// By which channel; without it, the person's own
    #[arg(long, value_parser = ["slack", "terminal", "api"])]
    channel: Option<String>,
    /// In which place
    #[arg(long)]
    place: Option<String>,
    /// People from outside can read the place
    #[arg(long)]
    shared: bool,
    /// By which tool
    #[arg(long)]
    tool: Option<String>,
}

impl Question {
    fn json(&self) -> Value {
        json!({
            "action": self.action, "person": self.person, "role": self.role, "standing": self.standing,
            "groups": self.groups, "channel": self.channel, "place": self.place, "shared": self.shared,
            "tool": self.tool,
        })
    }
}

pub(super) async fn run(global: &Global, args: PolicyArgs) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    let (answer, well) = match &args.command {
        Policy::Check => {
            let answer = check(config).await;
            let well = answer["files"]["valid"] == true;
            (answer, well)
        }
        Policy::Explain(question) => {
            let question = question.json();
            let asked = ask_once(config, Mode::StoreOnly, Method::POST, "/policy/explain", Some(&question));
            (asked.await?, true)
        }
        Policy::Test => {
            let answer = policies::test(&config);
            let some = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
            let failed = |test: &Value| some(&test["report"]["failed"]);
            let well = !some(&answer["issues"]) && !answer["tests"].as_array().into_iter().flatten().any(failed);
            (answer, well)
        }
    };
    let command = &args.command;
    if global.json {
        print::json(&answer);
    } else {
        show(command, &answer);
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files as they are, and what a server that runs on the data folder uses and has refused.
async fn check(config: Config) -> Value {
    let files = policies::check(&config);
    let running = match Access::running(&config).await {
        Some(Ok(server)) => server.ask(Method::GET, "/policy/check", None).await,
        Some(Err(error)) => Err(error),
        None => Ok(Value::Null),
    };
    let running = running.unwrap_or_else(|error| {
        print::remark(format!("the running server does not say which policies it uses: {error:#}"));
        Value::Null
    });
    json!({ "files": files, "in_use": running["in_use"], "last_refused": running["last_refused"] })
}

fn show(command: &Policy, answer: &Value) {
    match command {
        Policy::Check => {
            let files = &answer["files"];
            if files["valid"] == true {
                print::line(format!(
                    "the policies are valid ({})",
                    &print::text(files, "hash").get(..12).unwrap_or_default()
                ));
            }
            show_issues(files);
            match answer["in_use"].as_str() {
                Some(hash) if files["hash"] == hash => print::line("the running server uses them"),
                Some(hash) => {
                    let hash = hash.get(..12).unwrap_or_default();
                    print::line(format!("the running server uses others ({hash})"));
                }
                None => {}
            }
            if let Some(lists) = files["allowlists"].as_str().filter(|lists| !lists.is_empty()) {
                print::line(format!("the lists of the configuration, as policies:\n{lists}"));
            }
        }
        Policy::Explain(_) => {
            let (decision, subject) = (&answer["decision"], &answer["subject"]);
            let rules: Vec<&str> =
                decision["rules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            print::line(format!("{}: {}", print::text(decision, "verdict"), print::text(decision, "reason")));
            print::line(format!("by {}", rules.join(", ")));
            let approvers = decision["approvers"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let approvers: Vec<&str> = approvers.collect();
            if !approvers.is_empty() {
                print::line(format!("who is asked: {}", approvers.join(" and ")));
            }
            let (person, role) = (print::text(subject, "person"), print::text(subject, "role"));
            let (standing, by) = (print::text(subject, "standing"), print::text(subject, "by"));
            print::line(format!("for {person}, role {role}, standing {standing} ({by})"));
            if let Some(change) = decision["smallest_change"].as_str() {
                print::line(format!("what would permit it: {change}"));
            }
            let policies = answer["policies"].as_array().map(Vec::as_slice).unwrap_or_default();
            let rows: Vec<Vec<String>> = policies.iter().map(row).collect();
            print::table(&["POLICY", "EFFECT", "FITS"], &rows);
        }
        Policy::Test => {
            show_issues(answer);
            for test in answer["tests"].as_array().into_iter().flatten() {
                let report = &test["report"];
                let failed = report["failed"].as_array().map(Vec::as_slice).unwrap_or_default();
                print::line(format!(
                    "{}: {} passed, {} failed",
                    print::text(test, "file"),
                    report["passed"],
                    failed.len()
                ));
                for case in failed {
                    print::line(format!("  {}: {}", print::text(case, "case"), print::text(case, "what")));
                }
            }
        }
    }
}

fn show_issues(found: &Value) {
    for issue in found["issues"].as_array().into_iter().flatten() {
        print::line(issue.as_str().unwrap_or_default());
    }
}

fn row(policy: &Value) -> Vec<String> {
    let finding = match &policy["finding"] {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    vec![print::text(policy, "id").to_owned(), print::text(policy, "effect").to_owned(), finding]
}
