//! `workflow runs|show|cancel|retry`: the runs of workflows, of a running server or of the data folder.

use std::process::ExitCode;

use axum::http::Method;
use clap::Args;
use serde_json::{Value, json};

use crate::app::Mode;
use crate::cli::access::ask_once;
use crate::cli::{Global, print};
use crate::workflow::run::Status;

/// Options of `workflow runs`.
#[derive(Args)]
pub(super) struct RunsArgs {
    /// Only those of this workflow
    #[arg(long)]
    workflow: Option<String>,
    /// Only those of this status
    #[arg(long, value_parser = Status::ALL.map(Status::word))]
    status: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
}

/// Options of what is about one run.
#[derive(Args)]
pub(super) struct OneArgs {
    /// Its number, R-7
    id: String,
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
}

/// Options of `workflow retry`.
#[derive(Args)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The step from which it goes on; the first that is not done, where none is given
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
}

async fn ask(global: &Global, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    ask_once(global.load(Vec::new())?, Mode::StoreOnly, method, path, body).await
}

pub(super) async fn list(global: &Global, args: &RunsArgs) -> anyhow::Result<ExitCode> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("tenant", &args.tenant).append_pair("limit", &args.limit.to_string());
    let given = [("workflow", &args.workflow), ("status", &args.status), ("before", &args.before)];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        query.append_pair(name, value);
    }
    let answer = ask(global, Method::GET, &format!("/runs?{}", query.finish()), None).await?;
    if global.json {
        print::json(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    let cells =
        |run: &Value| ["id", "created", "workflow", "status", "failure"].map(|key| print::text(run, key).to_owned());
    let rows: Vec<Vec<String>> =
        answer["runs"].as_array().into_iter().flatten().map(|run| cells(run).to_vec()).collect();
    print::table(&["RUN", "MADE", "WORKFLOW", "STATUS", "WHY"], &rows);
    if let Some(next) = answer["next"].as_str() {
        print::remark(format!("there are more: --before {next}"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn show(global: &Global, args: &OneArgs) -> anyhow::Result<ExitCode> {
    let run = ask(global, Method::GET, &format!("/runs/{}?tenant={}", path(&args.id), args.tenant), None).await?;
    if global.json {
        print::json(&run);
        return Ok(ExitCode::SUCCESS);
    }
    let text = |key: &str| print::text(&run, key).to_owned();
    print::line(format!("{} of {}: {}", text("id"), text("workflow"), text("status")));
    if !text("failure").is_empty() {
        print::line(format!("failed at {}", text("failure")));
    }
    print::line(format!("begun by {}, on version {}", text("event"), text("version").get(..12).unwrap_or_default()));
    let rows: Vec<Vec<String>> = run["steps"].as_array().into_iter().flatten().map(step).collect();
    if !rows.is_empty() {
        print::table(&["STEP", "STATE", "TRIES", "OUTPUT"], &rows);
    }
    for line in run["history"].as_array().into_iter().flatten() {
        print::line(format!("{}  {}", print::text(line, "at"), print::text(line, "what")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Characters of an output in a table.
const MOST_OUTPUT: usize = 80;

fn step(step: &Value) -> Vec<String> {
    let output = match (&step["error"]["message"], &step["output"]) {
        (Value::String(error), _) => error.clone(),
        (_, Value::Null) => String::new(),
        (_, output) => output.to_string(),
    };
    let output: String = output.chars().take(MOST_OUTPUT).collect();
    vec![
        print::text(step, "step").to_owned(),
        print::text(step, "state").to_owned(),
        step["attempts"].to_string(),
        output,
    ]
}

/// No id has a sign in it that a path writes otherwise.
fn path(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.trim().as_bytes()).collect()
}

pub(super) async fn cancel(global: &Global, args: &OneArgs) -> anyhow::Result<ExitCode> {
    let to = format!("/runs/{}/cancel?tenant={}", path(&args.id), args.tenant);
    let did = ask(global, Method::POST, &to, Some(&json!({}))).await?;
    if global.json {
        print::json(&did)
    } else {
        print::line(format!("{} is ended", args.id))
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn retry(global: &Global, args: &RetryArgs) -> anyhow::Result<ExitCode> {
    let OneArgs { id, tenant } = &args.one;
    let to = format!("/runs/{}/retry?tenant={tenant}", path(id));
    let did = ask(global, Method::POST, &to, Some(&json!({ "from": args.from }))).await?;
    if global.json {
        print::json(&did)
    } else {
        print::line(format!("{id} is set going again; what was done is not repeated"))
    }
    Ok(ExitCode::SUCCESS)
}
