//! `policy`: check, explain, test.

use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::access::Access;
use super::{Global, print};
use crate::app::Mode;

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
    /// What they are
    #[arg(long, default_value = "member", value_parser = ["owner", "member", "guest"])]
    role: String,
    /// How they stand to the workspace
    #[arg(long, value_parser = ["member", "guest", "stranger", "deactivated", "bot"])]
    standing: Option<String>,
    /// A group they are in; may be given again
    #[arg(long = "group")]
    groups: Vec<String>,
    /// By which channel
    #[arg(long, default_value = "slack", value_parser = ["slack", "terminal", "api"])]
    channel: String,
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
    let access = Access::open(global.load(Vec::new())?, Mode::StoreOnly).await?;
    let done = one(&access, &args.command, global.json).await;
    access.close().await;
    done
}

async fn one(access: &Access, command: &Policy, as_json: bool) -> anyhow::Result<ExitCode> {
    let (answer, well) = match command {
        Policy::Check => {
            let answer = access.ask(Method::GET, "/policy/check", None).await?;
            let well = answer["files"]["valid"] == true;
            (answer, well)
        }
        Policy::Explain(question) => {
            let answer = access.ask(Method::POST, "/policy/explain", Some(&question.json())).await?;
            (answer, true)
        }
        Policy::Test => {
            let answer = access.ask(Method::GET, "/policy/test", None).await?;
            let failed = |test: &Value| test["report"]["failed"].as_array().is_some_and(|failed| !failed.is_empty());
            let well = !answer["tests"].as_array().into_iter().flatten().any(failed);
            (answer, well)
        }
    };
    if as_json {
        print::json(&answer);
    } else {
        show(command, &answer);
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
            for issue in files["issues"].as_array().into_iter().flatten() {
                print::line(issue.as_str().unwrap_or_default());
            }
            if let Some(lists) = files["allowlists"].as_str().filter(|lists| !lists.is_empty()) {
                print::line(format!("the lists of the configuration, as policies:\n{lists}"));
            }
        }
        Policy::Explain(_) => {
            let decision = &answer["decision"];
            let rules: Vec<&str> =
                decision["rules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            print::line(format!("{}: {}", print::text(decision, "verdict"), print::text(decision, "reason")));
            print::line(format!("by {}", rules.join(", ")));
            if let Some(change) = decision["smallest_change"].as_str() {
                print::line(format!("what would permit it: {change}"));
            }
            let policies = answer["policies"].as_array().map(Vec::as_slice).unwrap_or_default();
            let rows: Vec<Vec<String>> = policies.iter().map(row).collect();
            print::table(&["POLICY", "EFFECT", "FITS"], &rows);
        }
        Policy::Test => {
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

fn row(policy: &Value) -> Vec<String> {
    let finding = match &policy["finding"] {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    vec![print::text(policy, "id").to_owned(), print::text(policy, "effect").to_owned(), finding]
}
