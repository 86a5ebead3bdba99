//! `workflow start|shadow|runs|show|cancel|retry`: the runs of workflows, of a running server or of the data folder.

use std::process::ExitCode;

use anyhow::Context as _;
use axum::http::Method;
use clap::Args;
use serde_json::{Map, Value, json};

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

/// Options of `workflow start`.
#[derive(Args)]
pub(super) struct StartArgs {
    /// Its name
    name: String,
    /// Something that it asks for; once for each
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
}

/// Options of `workflow shadow`.
#[derive(Args)]
pub(super) struct ShadowArgs {
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
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
    let cells = |run: &Value| {
        let text = |key: &str| print::text(run, key).to_owned();
        [text("id"), text("created"), workflow(run), text("status"), text("failure")]
    };
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
    let shadow = if run["shadow"] == true { ", in the shadow: nothing of it was done" } else { "" };
    print::line(format!("{} of {}: {}{shadow}", text("id"), workflow(&run), text("status")));
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

pub(super) async fn start(global: &Global, args: &StartArgs) -> anyhow::Result<ExitCode> {
    let mut inputs = Map::new();
    for input in &args.inputs {
        let (name, value) = input.split_once('=').with_context(|| format!("--input {input}: write NAME=VALUE"))?;
        inputs.insert(name.to_owned(), value.into());
    }
    let to = format!("/workflows/{}/start", path(&args.name));
    let body = json!({ "inputs": inputs });
    let did = ask(global, Method::POST, &to, Some(&body)).await?;
    if global.json {
        print::json(&did);
    } else {
        let event = print::text(&did, "event");
        print::line(format!("{} is started by {event}: `ai-crm why {event}` says what became of it", args.name));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn shadow(global: &Global, args: &ShadowArgs) -> anyhow::Result<ExitCode> {
    let answer = ask(global, Method::GET, &format!("/workflows/shadow?tenant={}", args.tenant), None).await?;
    if global.json {
        print::json(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    let workflows: Vec<(&String, &Value)> = answer["workflows"].as_object().into_iter().flatten().collect();
    if workflows.is_empty() {
        print::line("no workflow has run in the shadow: give one `shadow: true`");
    }
    let counts = |value: &Value| {
        let counted = value.as_object().into_iter().flatten();
        counted.map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
    };
    for (name, held) in workflows {
        print::line(format!("{name}: {} runs in the shadow ({})", held["runs"], counts(&held["by_status"])));
        print::line(format!("  held back, by step: {}", counts(&held["held_back"])));
        for failure in held["failures"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            print::line(format!("  failed: {failure}"));
        }
    }
    if answer["is_whole"] == false {
        print::remark("older runs were not looked at");
    }
    Ok(ExitCode::SUCCESS)
}

/// The name of a run's workflow, with the repository in whose file it stands, where it is one's.
fn workflow(run: &Value) -> String {
    let name = print::text(run, "workflow");
    run["repository"].as_str().map_or_else(|| name.to_owned(), |repository| format!("{name} ({repository})"))
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
