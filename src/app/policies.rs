//! Policies in use: loaded from the operator's folder or the shipped ones, replaced when the files
//! change and are valid, kept as they are when not.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::actors::clock::SystemClock;
use crate::commands;
use crate::config::Config;
use crate::domain::time::Clock;
use crate::policy::{Allowlists, Live, PolicyIssue, PolicySet, Source, embedded_sources, embedded_tests, run_tests};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The `*.cedar` files of the operator's folder, or the shipped ones where there is no folder.
///
/// # Errors
/// Where the folder cannot be read.
pub(super) fn sources(config: &Config) -> anyhow::Result<Vec<Source>> {
    let Some(folder) = &config.policy.folder else { return Ok(embedded_sources()) };
    let mut sources = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("policy.folder {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "cedar") {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            sources.push(Source { name: path.display().to_string(), text });
        }
    }
    sources.sort();
    anyhow::ensure!(
        !sources.is_empty(),
        "policy.folder {} has no *.cedar file in it: nobody would be admitted",
        folder.display()
    );
    Ok(sources)
}

/// The set that the files make now.
pub(super) fn load(config: &Config) -> anyhow::Result<Result<PolicySet, Vec<PolicyIssue>>> {
    let policy = &config.policy;
    let lists = Allowlists {
        channels: policy.channels.clone(),
        people: policy.people.clone(),
        groups: policy.groups.clone(),
        blocked_tools: policy.blocked_tools.clone(),
        blocked_people: policy.blocked_people.clone(),
    };
    Ok(PolicySet::load(&commands::actions(), sources(config)?, &lists))
}

/// Whether the files and lists of a configuration make a valid set: `valid`, `hash`, `allowlists`, else `issues`.
pub(crate) fn check(config: &Config) -> Value {
    match loaded(config) {
        Ok(set) => json!({ "valid": true, "hash": set.hash(), "allowlists": set.allowlist_text() }),
        Err(issues) => json!({ "valid": false, "issues": issues }),
    }
}

/// Runs the tests of a configuration's policies on the set that its files make: `tests`, one report a file, and
/// `issues` where there is nothing to run or nothing to run it on.
pub(crate) fn test(config: &Config) -> Value {
    match loaded(config) {
        Ok(set) => run(&set, config),
        Err(issues) => json!({ "tests": [], "issues": issues }),
    }
}

/// Runs the tests of a configuration's policies on a set.
pub(super) fn run(set: &PolicySet, config: &Config) -> Value {
    let files = match test_files(config) {
        Ok(files) => files,
        Err(error) => return json!({ "tests": [], "issues": [format!("{error:#}")] }),
    };
    let reports = files.iter().map(|(file, text)| json!({ "file": file, "report": run_tests(set, text) }));
    json!({ "tests": reports.collect::<Vec<_>>(), "issues": [] })
}

fn loaded(config: &Config) -> Result<PolicySet, Vec<String>> {
    match load(config) {
        Ok(Ok(set)) => Ok(set),
        Ok(Err(issues)) => Err(issues.iter().map(ToString::to_string).collect()),
        Err(error) => Err(vec![format!("{error:#}")]),
    }
}

/// The `*.test.toml` files of the operator's folder, or the shipped tests where there is no folder.
fn test_files(config: &Config) -> anyhow::Result<Vec<(String, String)>> {
    let Some(folder) = &config.policy.folder else {
        return Ok(vec![("the shipped tests".to_owned(), embedded_tests().to_owned())]);
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("policy.folder {}", folder.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.toml") {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    anyhow::ensure!(!files.is_empty(), "policy.folder {} has no *.test.toml file in it to run", folder.display());
    Ok(files)
}

/// The policies at the start; a start with bad ones is refused.
pub(super) fn live(config: &Config) -> anyhow::Result<Live> {
    let set = load(config)?.map_err(|issues| {
        let lines: Vec<String> = issues.iter().map(|issue| format!("  {issue}")).collect();
        anyhow::anyhow!("the policies are not valid:\n{}", lines.join("\n"))
    })?;
    Ok(Live::new(set))
}

fn stamp(folder: &Path) -> Option<Vec<(std::ffi::OsString, SystemTime, u64)>> {
    let mut stamps: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let meta = entry.metadata().ok()?;
            Some((entry.file_name(), meta.modified().ok()?, meta.len()))
        })
        .collect();
    stamps.sort();
    Some(stamps)
}

/// Replaces the policies when their files change; the last good ones stay where the new ones are not valid.
pub(super) async fn reload_when_changed(config: Arc<Config>, live: Arc<Live>) {
    let Some(folder) = config.policy.folder.clone() else { return };
    let mut seen = stamp(&folder);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = stamp(&folder);
        if now == seen {
            continue;
        }
        seen = now;
        let loaded = load(&config).unwrap_or_else(|error| {
            let (file, what) = (folder.display().to_string(), format!("{error:#}"));
            let mend = "make the folder readable, with at least one *.cedar file in it".to_owned();
            Err(vec![PolicyIssue { file, line: 1, column: 1, what, mend }])
        });
        match live.reload(loaded, SystemClock.now()) {
            Ok(set) => tracing::info!(hash = set.hash(), "the policies were replaced"),
            Err(issues) => {
                for issue in issues {
                    tracing::error!(%issue, "the policies were not replaced: the last good ones stay");
                }
            }
        }
    }
}
