//! `workflow simulate`: what a workflow would do by an event, step by step.
//!
//! Reads files and prints. What it runs is `src/workflow/simulate.rs`, which cannot act: no store is opened and no
//! address is called.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::{Found, files_or_folder, judge};
use crate::actors::clock::SystemClock;
use crate::cli::{Global, print};
use crate::domain::ids::EventId;
use crate::domain::time::{Clock as _, Timestamp};
use crate::workflow::begin::{By, Happening, inputs};
use crate::workflow::context::{MANUAL, Told, WEBHOOK};
use crate::workflow::definition::Workflow;
use crate::workflow::mistake::{instead, quoted};
use crate::workflow::simulate::{Assumed, payload_and_files, simulate};
use crate::workflow::trigger::Begins;

/// The longest file of an event in bytes: what GitHub sends at most
/// (<https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>).
const LONGEST_EVENT: u64 = 25 * 1024 * 1024;

/// Options of `workflow simulate`.
#[derive(Args)]
pub(super) struct SimulateArgs {
    /// Name of the workflow; those of a repository's file are auto_task_creation_1 and so on
    workflow: String,
    /// The event as its platform sends it, as JSON; for one that people start, what they fill in
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// The platform of the event; without it, that of the workflow's triggers
    #[arg(long)]
    platform: Option<String>,
    /// What the event is called, such as issues.opened; without it, by the workflow's triggers
    #[arg(long, value_name = "EVENT")]
    name: Option<String>,
    /// A file of workflows, or a repository's ai-crm.yml; without it, those of `workflows.folder`
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whether people are taken to approve of what they are asked about
    #[arg(long, value_enum, default_value = "all")]
    approve: Approve,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Approve {
    /// They approve of all
    All,
    /// They approve of nothing
    None,
}

pub(super) fn run(global: &Global, args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let workflow = find(&files_or_folder(global, &args.files)?, &args.workflow)?;
    let now = SystemClock.now();
    let happening = happening(&workflow, args, now)?;
    let assumed = Assumed { approve: args.approve == Approve::All, now, policy: None };
    let Some(report) = simulate(&workflow, &happening, &assumed) else {
        let (platform, name) = (&happening.told.platform, &happening.told.name);
        bail!("no trigger of `{}` is about {platform}/{name}; {}", workflow.name, told_of(&workflow));
    };
    if global.json {
        print::json(&serde_json::to_value(&report)?);
    } else {
        print::raw(report.text().as_bytes());
    }
    Ok(if report.is_done() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The workflow of a name, of which there may be one.
fn find(files: &[PathBuf], name: &str) -> anyhow::Result<Workflow> {
    let mut found = Vec::new();
    let mut names = Vec::new();
    for file in files {
        let shown = file.display();
        match judge(file) {
            Found::Unreadable(why) => bail!("{shown}: {why}"),
            Found::Mistakes(mistakes) => {
                let first = mistakes.first().map_or_else(String::new, |mistake| format!(": {mistake}"));
                bail!("{shown} is not valid{first}; `ai-crm workflow check` lists all that is wrong");
            }
            Found::Workflows(workflows) => {
                names.extend(workflows.iter().map(|workflow| workflow.name.clone()));
                found.extend(workflows.into_iter().filter(|workflow| workflow.name == name).map(|found| (file, found)));
            }
        }
    }
    ensure!(found.len() < 2, "{} stands in several files; name one with --file", quoted(name));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found =
        found.pop().with_context(|| format!("there is no workflow {}; {}", quoted(name), instead(name, &names)));
    Ok(found?.1)
}

fn happening(workflow: &Workflow, args: &SimulateArgs, now: Timestamp) -> anyhow::Result<Happening> {
    let (payload, files) = payload_and_files(read(&args.event)?);
    let (by, platform, name) = kind(workflow, args, &payload)?;
    let mut told = Told::new(&platform, &name, payload, now).delivered_as("simulated");
    told.files_changed = files;
    if let By::Manual { .. } = &by {
        told = with_inputs(workflow, told)?;
    }
    let key = format!("{platform}:simulated");
    Ok(Happening { id: EventId(0), by, told, key, requester: None, cause: None })
}

/// What somebody fills in, which for a workflow that people start is all of the file.
fn with_inputs(workflow: &Workflow, mut told: Told) -> anyhow::Result<Told> {
    let asked = workflow.triggers.iter().find_map(|trigger| match &trigger.begins {
        Begins::Manual(asked) => Some(asked.as_slice()),
        _ => None,
    });
    let Value::Object(given) = std::mem::take(&mut told.payload) else { return Ok(told) };
    let filled = inputs(asked.unwrap_or_default(), &given).map_err(|why| anyhow::anyhow!("the inputs: {why}"))?;
    Ok(told.with_inputs(filled))
}

fn read(file: &Path) -> anyhow::Result<Map<String, Value>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).with_context(|| format!("cannot read the event {}", file.display()))?;
    open.take(LONGEST_EVENT + 1).read_to_end(&mut bytes)?;
    let is_short = u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST_EVENT);
    ensure!(is_short, "the event {} has more than {LONGEST_EVENT} bytes", file.display());
    serde_json::from_slice(&bytes).with_context(|| format!("the event {} is no JSON object", file.display()))
}

/// By what the workflow begins, and what the event is called.
fn kind(workflow: &Workflow, args: &SimulateArgs, payload: &Value) -> anyhow::Result<(By, String, String)> {
    let mut events = Vec::new();
    for trigger in &workflow.triggers {
        if let Begins::Event(name) = &trigger.begins
            && args.platform.as_ref().is_none_or(|platform| *platform == name.platform)
        {
            events.push(name);
        }
    }
    if let Some(name) = &args.name {
        let platform = args.platform.clone().or(events.first().map(|event| event.platform.clone()));
        let platform = platform.context("of which platform is that event? give --platform")?;
        return Ok((By::Event, platform, name.clone()));
    }
    if let Some(action) = payload.get("action").and_then(Value::as_str)
        && events.len() > 1
    {
        events.retain(|event| event.event.ends_with(&format!(".{action}")));
    }
    if let [event] = events[..] {
        return Ok((By::Event, event.platform.clone(), event.event.clone()));
    }
    let own = |by, platform: &str, name: &str| Ok((by, platform.to_owned(), name.to_owned()));
    let name = workflow.name.clone();
    match workflow.triggers.iter().enumerate().find(|(_, trigger)| !matches!(trigger.begins, Begins::Event(_))) {
        Some((trigger, of)) if events.is_empty() => match &of.begins {
            Begins::Webhook(id) => own(By::of(WEBHOOK, id), WEBHOOK, id),
            Begins::Manual(_) => own(By::of(MANUAL, &name), MANUAL, &name),
            _ => own(By::Schedule { workflow: name, trigger }, "schedule", "schedule"),
        },
        _ => bail!("which event is it? give --name; {}", told_of(workflow)),
    }
}

fn told_of(workflow: &Workflow) -> String {
    format!("it begins by {}", super::triggers(workflow).join(", "))
}
