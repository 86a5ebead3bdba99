//! Workflows in use: read from the operator's folder at the start, read anew when its files change, and kept as they are
//! where those are not valid.

use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::actors::clock::SystemClock;
use crate::actors::runs::{param_lints, schedule_timer};
use crate::config::Config;
use crate::domain::ids::TenantId;
use crate::domain::outcome::TimerChange;
use crate::domain::time::Clock;
use crate::store::keyspace::timer;
use crate::store::{Batch, Store, StoreError};
use crate::tools;
use crate::workflow::definition::Workflow;
use crate::workflow::known::{self, Known, PLATFORMS};
use crate::workflow::lint::lints;
use crate::workflow::mistake::{Mistake, Position};
use crate::workflow::set::{Live, Set, Wrong};
use crate::workflow::trigger::Begins;
use crate::workflow::yaml::LONGEST_TEXT;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The files of a folder, by name, each with its text or with why it has none.
pub(crate) type Files = Vec<(String, Result<String, Mistake>)>;

/// A file as a text; or where and why it is none. One that is too long is not read whole.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn text(file: &Path) -> std::io::Result<Result<String, Mistake>> {
    // What is no file, such as a pipe, may never end.
    if !std::fs::metadata(file)?.is_file() {
        return Ok(Err(Mistake::new(Position::START, "this is no regular file: take it away, or write the file here")));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST_TEXT).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST_TEXT {
        let what = format!("the file has more than {LONGEST_TEXT} bytes; a file has at most so many: split it");
        return Ok(Err(Mistake::new(Position::START, what)));
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Mistake::new(Position { line, column }, "the file is no text in UTF-8 from here on: save it as UTF-8")
    }))
}

/// The files of a folder; none where there is no folder.
///
/// # Errors
/// Where the folder cannot be read.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Files> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("workflows.folder {}", folder.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = match text(&path) {
                Ok(text) => text,
                // It was taken away since the folder was read.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => Err(Mistake::new(Position::START, format!("the file cannot be read: {error}"))),
            };
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
pub(crate) fn read(files: Files) -> Result<Set, Vec<Wrong>> {
    let actions = known::names(&tools::known_tools());
    let (mut texts, mut wrong) = (Vec::new(), Vec::new());
    for (file, text) in files {
        match text {
            Ok(text) => texts.push((file, text)),
            Err(mistake) => wrong.push(Wrong { file, mistakes: vec![mistake] }),
        }
    }
    let set = Set::read_with_built_in(texts, &Known { actions: &actions, platforms: PLATFORMS });
    match set {
        Ok(set) if wrong.is_empty() => Ok(set),
        Ok(_) => Err(wrong),
        Err(others) => {
            wrong.extend(others);
            wrong.sort_by(|one, other| one.file.cmp(&other.file));
            Err(wrong)
        }
    }
}

/// What in a workflow is valid, and most likely not meant, in the order of its lines.
pub(crate) fn warnings(workflow: &Workflow) -> Vec<Mistake> {
    let mut all = lints(workflow);
    all.extend(param_lints(workflow));
    all.sort();
    all
}

/// What is wrong with files, a line for each mistake.
pub(crate) fn words(wrong: &[Wrong]) -> String {
    let line =
        |file: &str, mistake: &Mistake| format!("{file}:{}:{}: {}", mistake.at.line, mistake.at.column, mistake.what);
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

/// Reads the files anew whenever they have changed; what is not valid never becomes live. Timers of schedules that could not
/// be set are set at the next look.
pub(super) async fn watch(config: Arc<Config>, live: Arc<Live>, store: Store) {
    // The first look reads them once more: they may have changed since the start.
    let (mut seen, mut had_files, mut are_timers_set) = (None, false, false);
    loop {
        match files(&config.workflows.folder) {
            // Nobody ends all rules by taking the folder away, for a moment perhaps.
            Ok(now) if now.is_empty() && had_files && !config.workflows.folder.exists() => {
                if seen.take().is_some() {
                    take(Err(gone(&config.workflows.folder)), &live);
                }
            }
            Ok(now) if seen.as_ref() != Some(&now) => {
                had_files = !now.is_empty();
                seen = Some(now.clone());
                are_timers_set = false;
                take(read(now), &live);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "the files of workflows cannot be read just now");
            }
        }
        if !are_timers_set {
            match set_timers(&store, &SystemClock, &live.current()).await {
                Ok(()) => are_timers_set = true,
                Err(error) => tracing::warn!(%error, "the timers of schedules cannot be set and are tried again"),
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is wrong where the folder is gone whose files are in use.
fn gone(folder: &Path) -> Vec<Wrong> {
    let what = "the folder is gone: put it back, or an empty one where no rule is to be in use";
    vec![Wrong { file: folder.display().to_string(), mistakes: vec![Mistake::new(Position::START, what)] }]
}

/// Puts files into use that are valid; what is not, `doctor` shows too.
fn take(read: Result<Set, Vec<Wrong>>, live: &Live) {
    match read {
        Ok(set) => {
            for (file, lint) in
                set.workflows().flat_map(|(file, it)| warnings(it).into_iter().map(|lint| (&file.name, lint)))
            {
                tracing::warn!(file, line = lint.at.line, what = lint.what, "a workflow may not do what is meant");
            }
            tracing::info!(workflows = set.workflows().count(), "workflows are in use");
            live.replace(set);
        }
        Err(wrong) => {
            tracing::error!(mistakes = words(&wrong), "workflows are not valid; the last good ones stay in use");
            live.refuse(wrong);
        }
    }
}
