//! Which runs an event begins, and which of those that go on wait for it.

use serde_json::{Map, Value, json};

use super::{RUN, TURN, people};
use crate::domain::api_key::Posted;
use crate::domain::effect::Terms;
use crate::domain::event::{Address, ChannelName, Event, EventKind};
use crate::domain::ids::RunId;
use crate::domain::outcome::{Call, Outcome, TimerChange};
use crate::domain::time::Timestamp;
use crate::store::keyspace::run::{self as runs, KeptFile, Keyed};
use crate::store::{StoreError, View};
use crate::workflow::begin::{Begun, By, Happening, When, begun};
use crate::workflow::context::Told;
use crate::workflow::run::{Run, Status};
use crate::workflow::set::{File, Set};
use crate::workflow::turn::{self, Pace, Paced};

/// The operation that fetches which files a pull request changes.
const CHANGED_FILES: &str = "github.changed_files";

/// What follows from an event by workflows; nothing where none of them is about it.
pub(in crate::actors) fn begun_by(
    event: &Event,
    set: &Set,
    view: &View,
    now: Timestamp,
) -> Result<Option<Outcome>, StoreError> {
    let EventKind::Platform { name, own, posted, .. } = &event.what.kind else { return Ok(None) };
    let platform = event.what.channel.as_str();
    let awaiting = runs::awaiting(view, &event_name(platform, name))?;
    let asks = posted.as_ref().is_some_and(Posted::asks_for_a_task);
    let concerns = set.concerns(platform, name, asks);
    if !concerns && awaiting.is_empty() {
        return Ok(None);
    }
    let mut outcome = Outcome::default();
    outcome.timers.extend(awaiting.iter().map(|run| heard(*run, event, now)));
    if concerns && *own {
        outcome.told.push("no rule begins by what the bot has done itself".to_owned());
    } else if concerns {
        let mut happening = happening(event, platform, name);
        happening.told.people = people::known(&happening.told, &event.what, view)?;
        happening.requester = people::requester(&event.what, view)?;
        for begun in begun(set.workflows().map(|(_, workflow)| &**workflow), &happening, now) {
            let file = set.find(&begun.workflow.name).map(|(file, _)| file);
            file.map(|file| begin(&begun, file, &happening, event, view, now, &mut outcome)).transpose()?;
        }
    }
    let runs = outcome.told.len() + awaiting.len();
    outcome.summary = format!("{runs} rules are about it");
    Ok(Some(outcome))
}

/// The name by which runs wait for an event.
pub(super) fn event_name(platform: &str, name: &str) -> String {
    format!("{platform}/{name}")
}

/// Tells a run of an event for which it may wait.
fn heard(run: RunId, event: &Event, now: Timestamp) -> TimerChange {
    let payload = json!({ "event": event.id });
    TimerChange::Set { name: format!("{RUN}/{run}/event/{}", event.id), at: now, payload }
}

/// What is known of an event.
pub(super) fn told(event: &Event, platform: &str, name: &str) -> Told {
    // What is no JSON has been refused before; an event without a body tells of its name alone.
    let payload: Value = serde_json::from_slice(&event.what.raw).unwrap_or(Value::Null);
    let inputs = match &event.what.kind {
        EventKind::Platform { posted: Some(posted), .. } => posted.inputs.clone(),
        _ => Map::new(),
    };
    let told = Told::new(platform, name, payload, event.what.happened.unwrap_or(event.at)).with_inputs(inputs);
    let delivery = event.what.dedupe.first().and_then(|key| key.rsplit(':').next());
    delivery.map_or_else(|| told.clone(), |id| told.clone().delivered_as(id))
}

fn happening(event: &Event, platform: &str, name: &str) -> Happening {
    let told = told(event, platform, name);
    let key = event.what.dedupe.first().cloned().unwrap_or_else(|| event.id.to_string());
    Happening { id: event.id, by: By::Event, told, key, requester: None, cause: None }
}

/// Begins a run, where it is not known already and not too fast.
pub(super) fn begin(
    begun: &Begun<'_>,
    file: &File,
    happening: &Happening,
    event: &Event,
    view: &View,
    now: Timestamp,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let workflow = begun.workflow;
    if begun.when == When::TooDeep {
        outcome.told.push(format!("`{}` does not begin: it follows from too many runs", workflow.name));
        return Ok(());
    }
    let key = format!("{}\0{}", workflow.name, begun.key);
    let earlier = runs::keyed(view, &key)?;
    let known = earlier.as_ref().map(|earlier| (earlier.value.run, earlier.value.made));
    if let Some(same) = turn::duplicate(workflow, known, now) {
        outcome.told.push(format!("`{}` has begun for it before, as {same}", workflow.name));
        return Ok(());
    }
    let thing = format!("{}\0{}", workflow.name, event.what.lane.0);
    let before = runs::pace::<Pace>(view, &thing)?;
    let mut pace = before.as_ref().map(|before| before.value.clone()).unwrap_or_default();
    let paced = pace.begin(now);
    outcome.writes.push(runs::put_pace(&thing, &pace, before.as_ref()));
    if let Paced::TooFast { .. } = paced {
        outcome.told.push(format!("`{}` does not begin: it has begun 20 times in a minute for this", workflow.name));
        return Ok(());
    }
    let id = runs::next_id(view)?;
    let run = begun.run(id, &file.digest, happening, now);
    outcome.told.push(format!("`{}` begins as {id}", workflow.name));
    outcome.writes.push(runs::put_run(id, &run, None));
    outcome.writes.push(runs::put_keyed(&key, &Keyed { run: id, made: now }, earlier.as_ref()));
    outcome.writes.extend(runs::opens(id, &group(&run), word(run.status)));
    let kept = KeptFile { name: file.name.clone(), text: file.text.clone() };
    outcome.writes.extend(runs::keep_file(view, &file.digest, &kept)?);
    if run.status == Status::Needs {
        outcome.calls.extend(files(id, event.what.reply.as_ref(), now));
    } else {
        outcome.timers.push(turns(&run, id, now));
    }
    Ok(())
}

/// By which runs stand side by side.
pub(super) fn group(run: &Run) -> String {
    format!("{}\0{}", run.workflow, run.group.as_deref().unwrap_or_default())
}

/// What is said of a run beside others of its group.
pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Needs => "needs",
        Status::Queued => "queued",
        Status::Running => "running",
        Status::Waiting => "waiting",
        Status::Done | Status::Failed | Status::Cancelled | Status::PassedOver => "over",
    }
}

/// The status that a word says.
pub(super) fn status(word: &str) -> Status {
    match word {
        "needs" => Status::Needs,
        "queued" => Status::Queued,
        "running" => Status::Running,
        "waiting" => Status::Waiting,
        _ => Status::Done,
    }
}

/// Lets a run of a group look whether it has its turn.
pub(super) fn turns(of: &Run, run: RunId, now: Timestamp) -> TimerChange {
    use sha2::{Digest, Sha256};
    let group = data_encoding::HEXLOWER.encode(&Sha256::digest(group(of).as_bytes())[..12]);
    TimerChange::Set { name: format!("{TURN}/{group}/{run}"), at: now, payload: Value::Null }
}

/// Fetches which files an event changes.
pub(super) fn files(run: RunId, about: Option<&Address>, now: Timestamp) -> Option<Call> {
    let to = about.filter(|about| about.channel == ChannelName::GitHub && about.thread.is_some())?.lasting();
    let key = format!("{run}@{}/files", now.0);
    let terms = Terms { key, again: false, once: false, reports: format!("{RUN}/{run}/files") };
    Some(Call { to, operation: CHANGED_FILES.to_owned(), args: json!({}), terms: Some(terms) })
}
