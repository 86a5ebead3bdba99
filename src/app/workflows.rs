//! Workflows in use: read from the operator's folder at the start, read anew when its files change, and kept as they are
//! where those are not valid.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::actors::clock::SystemClock;
use crate::actors::runs::schedule_timer;
use crate::config::Config;
use crate::domain::ids::TenantId;
use crate::domain::outcome::TimerChange;
use crate::domain::time::Clock;
use crate::store::keyspace::timer;
use crate::store::{Batch, Store, StoreError};
use crate::tools;
use crate::workflow::known::{self, Known, PLATFORMS};
use crate::workflow::set::{Live, Set, Wrong};
use crate::workflow::trigger::Begins;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The files of a folder, by name; none where there is no folder.
///
/// # Errors
/// Where one cannot be read, or is no text.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("workflows.folder {}", folder.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((name, text));
        }
    }
    files.sort();
    Ok(files)
}

/// The workflows that files make, and those that are built in.
///
/// # Errors
/// The files that are not valid.
pub(crate) fn read(files: Vec<(String, String)>) -> Result<Set, Vec<Wrong>> {
    let actions = known::names(&tools::known_tools());
    Set::read_with_built_in(files, &Known { actions: &actions, platforms: PLATFORMS })
}

/// What is wrong with files, a line for each mistake.
pub(crate) fn words(wrong: &[Wrong]) -> String {
    let line = |file: &str, mistake: &crate::workflow::mistake::Mistake| {
        format!("{file}:{}:{}: {}", mistake.at.line, mistake.at.column, mistake.what)
    };
    let lines = wrong.iter().flat_map(|it| it.mistakes.iter().map(|mistake| line(&it.file, mistake)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The workflows at the start.
///
/// # Errors
/// Where a file is not valid: a rule that is not there would be missed in silence.
pub(super) fn live(config: &Config) -> anyhow::Result<Arc<Live>> {
    let live = Live::default();
    let set = read(files(&config.workflows.folder)?);
    live.replace(set.map_err(|wrong| anyhow::anyhow!("workflows cannot be used:\n{}", words(&wrong)))?);
    Ok(Arc::new(live))
}

/// Sets the timers of schedules that have none, or that of another schedule. They ring in the default tenant, whose the
/// operator's files are.
async fn set_timers(store: &Store, clock: &dyn Clock, set: &Set) -> Result<(), StoreError> {
    let (tenant, now) = (TenantId::default_tenant(), clock.now());
    let view = store.view(&tenant);
    let mut batch = Batch::new();
    let mut is_any = false;
    for (_, workflow) in set.workflows().filter(|(_, workflow)| workflow.enabled) {
        for (index, trigger) in workflow.triggers.iter().enumerate() {
            let Begins::Schedule(schedule) = &trigger.begins else { continue };
            let Some(TimerChange::Set { name, at, payload }) = schedule_timer(&workflow.name, index, schedule, now)
            else {
                continue;
            };
            let kept = timer::named(&view, &name)?;
            let same =
                |kept: &timer::Timer| kept.payload["cron"] == payload["cron"] && kept.payload["tz"] == payload["tz"];
            if !kept.as_ref().is_some_and(same) {
                batch.writes(&tenant, timer::set(&view, &timer::Timer { name, at, payload })?);
                is_any = true;
            }
        }
    }
    if is_any { store.commit(batch).await } else { Ok(()) }
}

async fn keep_timers(store: &Store, set: &Set) {
    if let Err(error) = set_timers(store, &SystemClock, set).await {
        tracing::error!(%error, "the timers of schedules cannot be set; they are with the next change of a file, or start");
    }
}

/// Reads the files anew whenever they have changed; what is not valid never becomes live.
pub(super) async fn watch(config: Arc<Config>, live: Arc<Live>, store: Store) {
    let mut seen = files(&config.workflows.folder).ok();
    keep_timers(&store, &live.current()).await;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = match files(&config.workflows.folder) {
            Ok(now) => now,
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "the files of workflows cannot be read just now");
                continue;
            }
        };
        if seen.as_ref() == Some(&now) {
            continue;
        }
        seen = Some(now.clone());
        match read(now) {
            Ok(set) => {
                let count = set.workflows().count();
                live.replace(set);
                keep_timers(&store, &live.current()).await;
                tracing::info!(workflows = count, "the files of workflows were read anew");
            }
            Err(wrong) => {
                tracing::error!(mistakes = words(&wrong), "workflows are not valid; the last good ones stay in use");
            }
        }
    }
}
