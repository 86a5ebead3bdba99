//! `workflow check`: whether files of workflows say what can be done, before the bot reads them. What they would do is
//! `workflow/simulate.rs`.
//!
//! Judges the files as they are. It needs neither a store nor a server, and of the configuration only the folder.

mod runs;
mod simulate;
mod what_if;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, print};
use crate::app::workflows::{text, warnings};
use crate::tools;
use crate::workflow::definition::Workflow;
use crate::workflow::known::{self, Known, PLATFORMS};
use crate::workflow::mistake::Mistake;
use crate::workflow::stored::Format;
use crate::workflow::trigger::Begins;

/// Options of `workflow`.
#[derive(Args)]
pub(super) struct WorkflowArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Whether files of workflows are valid: without files those of `workflows.folder`
    Check {
        /// A file of workflows, or a repository's ai-crm.yml
        files: Vec<PathBuf>,
    },
    /// What a workflow would do by an event, step by step; nothing is done
    Simulate(simulate::SimulateArgs),
    /// What changed files would have done with the events that are kept
    WhatIf(what_if::WhatIfArgs),
    /// Start a workflow that begins by hand
    Start(runs::StartArgs),
    /// What workflows in the shadow would have done
    Shadow(runs::ShadowArgs),
    /// Runs, the newest first
    Runs(runs::RunsArgs),
    /// One run: its steps and its story
    Show(runs::OneArgs),
    /// Set a run going again that is over; what was done is not repeated
    Retry(runs::RetryArgs),
    /// End a run that is not over
    Cancel(runs::OneArgs),
}

/// A file and what was found in it.
struct Checked {
    file: PathBuf,
    found: Found,
}

enum Found {
    Workflows(Vec<Workflow>),
    Mistakes(Vec<Mistake>),
    /// Why it cannot be read.
    Unreadable(String),
}

pub(super) async fn run(global: &Global, args: &WorkflowArgs) -> anyhow::Result<ExitCode> {
    let files = match &args.command {
        Command::Check { files } => files_or_folder(global, files)?,
        Command::Simulate(args) => return simulate::run(global, args),
        Command::WhatIf(args) => return what_if::run(global, args).await,
        Command::Start(args) => return runs::start(global, args).await,
        Command::Shadow(args) => return runs::shadow(global, args).await,
        Command::Runs(args) => return runs::list(global, args).await,
        Command::Show(args) => return runs::show(global, args).await,
        Command::Retry(args) => return runs::retry(global, args).await,
        Command::Cancel(args) => return runs::cancel(global, args).await,
    };
    let mut checked: Vec<Checked> = files.into_iter().map(|file| Checked { found: judge(&file), file }).collect();
    refuse_same_names(&mut checked);
    let is_well = checked.iter().all(|checked| matches!(checked.found, Found::Workflows(_)));
    if global.json {
        let files: Vec<Value> = checked.iter().map(as_json).collect();
        print::json(&json!({ "valid": is_well, "files": files }));
    } else {
        show(&checked);
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files that were named, else those of the folder.
fn files_or_folder(global: &Global, files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    if files.is_empty() { files_of(&global.load(Vec::new())?.workflows.folder) } else { Ok(files.to_vec()) }
}

/// The files of a folder, by name.
fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let said = || format!("cannot read the folder {} (workflows.folder)", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(said)? {
        let path = entry.with_context(said)?.path();
        if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} (workflows.folder) has no *.yml or *.yaml file in it", folder.display());
    Ok(files)
}

fn judge(file: &Path) -> Found {
    let text = match text(file) {
        Ok(Ok(text)) => text,
        Ok(Err(mistake)) => return Found::Mistakes(vec![mistake]),
        Err(error) => return Found::Unreadable(format!("cannot be read: {error}")),
    };
    let actions = known::names(&tools::known_tools());
    let read = format_of(file).read(&text, &Known { actions: &actions, platforms: PLATFORMS });
    read.map_or_else(Found::Mistakes, Found::Workflows)
}

fn format_of(file: &Path) -> Format {
    Format::of(&file.file_name().unwrap_or_default().to_string_lossy())
}

/// A workflow is known by its name, so two files may not have one of the same name. Rules of a repository stand alone.
fn refuse_same_names(checked: &mut [Checked]) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for Checked { file, found } in checked.iter_mut().filter(|checked| format_of(&checked.file) == Format::Workflows) {
        let Found::Workflows(workflows) = found else { continue };
        let mut mistakes = Vec::new();
        for workflow in workflows.iter() {
            match seen.get(&workflow.name) {
                None => drop(seen.insert(workflow.name.clone(), file.display().to_string())),
                Some(other) => {
                    let what =
                        format!("`{}` stands in {other} as well; give each workflow a name of its own", workflow.name);
                    mistakes.push(Mistake::new(workflow.at, what));
                }
            }
        }
        if !mistakes.is_empty() {
            *found = Found::Mistakes(mistakes);
        }
    }
}

fn show(checked: &[Checked]) {
    let mut rows = Vec::new();
    for Checked { file, found } in checked {
        match found {
            Found::Workflows(workflows) => {
                for Mistake { at, what } in workflows.iter().flat_map(warnings) {
                    print::line(format!("{}:{}:{}: warning: {what}", file.display(), at.line, at.column));
                }
                rows.extend(workflows.iter().map(|workflow| row(file, workflow)));
            }
            Found::Unreadable(why) => print::line(format!("{}: {why}", file.display())),
            Found::Mistakes(mistakes) => {
                for Mistake { at, what } in mistakes {
                    print::line(format!("{}:{}:{}: {what}", file.display(), at.line, at.column));
                }
            }
        }
    }
    if !rows.is_empty() {
        print::table(&["FILE", "WORKFLOW", "BEGINS BY", "STEPS", "VERSION"], &rows);
    }
}

fn row(file: &Path, workflow: &Workflow) -> Vec<String> {
    let mut begins = triggers(workflow).join(", ");
    if !workflow.enabled {
        begins.push_str(" (off)");
    }
    let (steps, version) = (workflow.actions.len().to_string(), workflow.version.short());
    vec![file.display().to_string(), workflow.name.clone(), begins, steps, version]
}

fn triggers(workflow: &Workflow) -> Vec<String> {
    let words = workflow.triggers.iter().map(|trigger| match &trigger.begins {
        Begins::Event(name) => format!("{}/{}", name.platform, name.event),
        Begins::Schedule(schedule) => format!("{} {}", schedule.cron, schedule.tz),
        Begins::Manual(_) => "manual".to_owned(),
        Begins::Webhook(id) => format!("webhook {id}"),
    });
    words.collect()
}

fn as_json(checked: &Checked) -> Value {
    let workflow = |workflow: &Workflow| {
        json!({
            "name": workflow.name, "enabled": workflow.enabled, "triggers": triggers(workflow),
            "steps": workflow.actions.len(), "version": workflow.version.to_string(),
        })
    };
    let mistake =
        |mistake: &Mistake| json!({ "line": mistake.at.line, "column": mistake.at.column, "what": mistake.what });
    let mut file =
        json!({ "file": checked.file.display().to_string(), "workflows": [], "mistakes": [], "warnings": [] });
    match &checked.found {
        Found::Workflows(workflows) => {
            file["workflows"] = workflows.iter().map(workflow).collect();
            file["warnings"] = workflows.iter().flat_map(warnings).map(|lint| mistake(&lint)).collect();
        }
        Found::Mistakes(mistakes) => file["mistakes"] = mistakes.iter().map(mistake).collect(),
        Found::Unreadable(why) => file["unreadable"] = why.as_str().into(),
    }
    file
}
