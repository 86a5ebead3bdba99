//! Which runs an event begins, and which of those that go on wait for it.

use serde_json::{Value, json};

use super::{RUN, TURN, people};
use crate::domain::api_key::Posted;
use crate::domain::card::{Card, Tone};
use crate::domain::effect::Terms;
use crate::domain::event::{Address, ChannelName, Event, EventKind};
use crate::domain::ids::{RunId, TenantId};
use crate::domain::outcome::{Call, Outcome, Reply, TimerChange};
use crate::domain::time::Timestamp;
use crate::store::keyspace::run::{self as runs, KeptFile, Keyed};
use crate::store::{StoreError, View};
use crate::tools::notices;
use crate::workflow::begin::{Begun, By, Cause, Happening, When, begun};
use crate::workflow::context::{Told, named};
use crate::workflow::definition::Workflow;
use crate::workflow::run::{About, Run, Status};
use crate::workflow::set::{File, Set};
use crate::workflow::turn::{self, MOST_IN_A_MINUTE, Pace, Paced};

/// The operation that fetches which files a pull request changes.
pub(super) const CHANGED_FILES: &str = "github.changed_files";

/// Why no rule begins by an event of which nothing can be judged.
pub(super) const UNREADABLE: &str = "its body is no JSON that can be read (a text that is no Unicode, a number beyond all \
                                     bounds, or more than a hundred levels), so no rule begins by it";

/// What follows from an event by workflows; nothing where none of them is about it.
pub(super) fn begun_by(event: &Event, set: &Set, view: &View, now: Timestamp) -> Result<Option<Outcome>, StoreError> {
    let EventKind::Platform { own, posted, .. } = &event.what.kind else { return Ok(None) };
    // The files are those of the default tenant, as the policies and the settings are.
    if event.tenant != TenantId::default_tenant() {
        return Ok(None);
    }
    let Some((platform, name)) = named(event) else { return Ok(None) };
    let awaiting = runs::awaiting(view, &runs::event_name(platform, name))?;
    let asks = posted.as_ref().is_some_and(Posted::asks_for_a_task);
    let concerns = set.concerns(platform, name, asks);
    if !concerns && awaiting.is_empty() {
        return Ok(None);
    }
    let mut outcome = Outcome::default();
    outcome.timers.extend(awaiting.iter().map(|run| heard(*run, event, now)));
    if concerns {
        let mut happening = happening(event, platform, name, view)?;
        let is_unreadable = happening.told.is_unreadable(event);
        if is_unreadable {
            outcome.told.push(UNREADABLE.to_owned());
        }
        for (file, workflow) in set.workflows().filter(|_| !is_unreadable) {
            if *own {
                let before = runs::pace::<Pace>(view, &thing(workflow, file, event))?;
                let depth = before.map_or(0, |before| before.value.pace.by_itself());
                happening.cause = Some(Cause { depth });
            }
            for begun in begun([&**workflow], &happening, now) {
                begin(&Beginning { begun: &begun, file, happening: &happening, event, view, now }, &mut outcome)?;
            }
        }
        if *own && outcome.told.is_empty() {
            outcome.told.push("none begins by what the bot has done itself".to_owned());
        }
    }
    outcome.summary = format!("{} runs wait for it; of the rules {}", awaiting.len(), said(&outcome.told));
    Ok(Some(outcome))
}

/// What became of the rules, in few words.
fn said(told: &[String]) -> String {
    if told.is_empty() { "none is about it".to_owned() } else { told.join("; ") }
}

/// Where the ids of its people are valid.
fn realm(event: &Event) -> Option<&str> {
    event.what.from.as_ref().map(|from| from.realm.as_str())
}

/// Tells a run of an event for which it may wait.
fn heard(run: RunId, event: &Event, now: Timestamp) -> TimerChange {
    let payload = json!({ "event": event.id });
    TimerChange::Set { name: format!("{RUN}/{run}/event/{}", event.id), at: now, payload }
}

/// An event of a platform as something by which workflows may begin, with what is known of its people.
pub(super) fn happening(event: &Event, platform: &str, name: &str, view: &View) -> Result<Happening, StoreError> {
    let mut told = Told::of(event, platform, name);
    told.people = people::known(&told, event.what.channel, realm(event), view)?;
    let key = event.what.dedupe.first().cloned().unwrap_or_else(|| event.id.to_string());
    let requester = if is_posted(event) { None } else { people::requester(&event.what, view)? };
    Ok(Happening { id: event.id, by: By::of(platform, name), told, key, requester, cause: None })
}

/// A workflow that something may begin.
pub(super) struct Beginning<'a> {
    pub(super) begun: &'a Begun<'a>,
    pub(super) file: &'a File,
    pub(super) happening: &'a Happening,
    pub(super) event: &'a Event,
    pub(super) view: &'a View,
    pub(super) now: Timestamp,
}

/// Begins a run, where it is not known already and not too fast.
pub(super) fn begin(it: &Beginning<'_>, outcome: &mut Outcome) -> Result<(), StoreError> {
    let Beginning { begun, file, happening, event, view, now } = *it;
    let workflow = begun.workflow;
    if begun.when == When::TooDeep {
        outcome.told.push(format!("`{}` does not begin: it follows from too many runs", workflow.name));
        return Ok(());
    }
    let key = format!("{}\0{}", name_of(workflow, file), begun.key);
    let earlier = runs::keyed(view, &key)?;
    let known = earlier.as_ref().map(|earlier| (earlier.value.run, earlier.value.made));
    if let Some(same) = turn::duplicate(workflow, known, now) {
        outcome.told.push(format!("`{}` has begun for it before, as {same}", workflow.name));
        return Ok(());
    }
    for thing in things(it) {
        if !paced(it, &thing, outcome)? {
            return Ok(());
        }
    }
    let id = runs::next_id(view)?;
    let mut run = begun.run(id, &file.digest, happening, now);
    run.repository.clone_from(&file.repository);
    run.asked_by = event.what.from.clone().filter(|_| !is_posted(event));
    let reply = event.what.reply.as_ref().map(Address::lasting);
    let (place, realm) = (event.what.place.clone(), realm(event).map(str::to_owned));
    run.about = Some(About { channel: event.what.channel, place, reply, realm });
    outcome.told.push(format!("`{}` begins as {id}", workflow.name));
    outcome.writes.push(runs::put_run(id, &run, None));
    outcome.writes.extend(runs::put_keyed(&key, &Keyed { run: id, made: now }, earlier.as_ref()));
    outcome.writes.push(runs::put_member(&group(&run), id, &run.status));
    let kept =
        KeptFile { name: file.name.clone(), text: file.text.clone(), of_a_repository: file.repository.is_some() };
    outcome.writes.extend(runs::keep_file(view, &file.digest, &kept, id, now)?);
    match files(&run, now) {
        _ if run.status != Status::Needs => outcome.timers.push(turns(&run, id, now, now)),
        Some(call) => outcome.calls.push(call),
        // It finds out itself that there is nothing to fetch from.
        None => {
            outcome.timers.push(TimerChange::Set { name: format!("{RUN}/{id}/wake"), at: now, payload: Value::Null })
        }
    }
    Ok(())
}

/// Whether a workflow may begin in its pace; owners are told once where it may not.
fn paced(it: &Beginning<'_>, thing: &str, outcome: &mut Outcome) -> Result<bool, StoreError> {
    let Beginning { begun, file, event, view, now, .. } = *it;
    let name = name_of(begun.workflow, file);
    let before = runs::pace::<Pace>(view, thing)?;
    let mut pace = before.as_ref().map(|before| before.value.pace.clone()).unwrap_or_default();
    let paced = pace.begin(now, begun.depth);
    outcome.writes.extend(runs::put_pace(thing, &runs::Paced { at: now, pace }, before.as_ref()));
    let Paced::TooFast { is_news, until } = paced else { return Ok(true) };
    let why = format!("`{name}` does not begin: it has begun {MOST_IN_A_MINUTE} times in a minute for this");
    if is_news {
        let card = Card::new(format!("The workflow {name} goes in a circle"))
            .tone(Tone::Bad)
            .text(format!("It has begun {MOST_IN_A_MINUTE} times in a minute for one thing ({}).", event.id))
            .text(format!("Until {until} it does not begin for that; what would have begun it is lost to it."));
        let (owners, marks) = notices::owners(view)?;
        outcome.writes.extend(marks);
        for owner in owners {
            let to = notices::reach(view, &owner, None)?;
            outcome.replies.extend(to.map(|to| Reply { to: Some(to), ..Reply::asker(card.clone()) }));
        }
    }
    outcome.told.push(why);
    Ok(false)
}

/// By which the pace is kept of what begins a workflow: the thing that it is about, and where people talk, who has said it.
/// What the bot does itself may be about another thing each time, so all of a place counts too. Who calls with a key of ours,
/// or starts it by hand, has a share of requests already.
fn things(it: &Beginning<'_>) -> Vec<String> {
    let Beginning { begun, file, happening, event, .. } = *it;
    if event.what.channel == ChannelName::Api {
        return Vec::new();
    }
    let mut things = vec![thing(begun.workflow, file, event)];
    if happening.cause.is_some() {
        let place = event.what.place.as_ref().map(|place| place.id.as_str()).unwrap_or_default();
        things.push(format!("{}\0by itself in {place}", name_of(begun.workflow, file)));
    }
    things
}

fn thing(workflow: &Workflow, file: &File, event: &Event) -> String {
    let by = match (event.what.channel, &event.what.from) {
        (ChannelName::GitHub, _) | (_, None) => "",
        (_, Some(from)) => &from.id,
    };
    format!("{}\0{}\0{by}", name_of(workflow, file), event.what.lane.0)
}

/// The name of a workflow over all files.
fn name_of(workflow: &Workflow, file: &File) -> String {
    full_name(&workflow.name, file.repository.as_deref(), workflow.shadow)
}

/// The name of a workflow over all files: those of repositories give theirs the same names. What runs in the shadow takes no
/// place, and no key, of what acts.
fn full_name(workflow: &str, repository: Option<&str>, shadow: bool) -> String {
    let shadow = if shadow { " in the shadow" } else { "" };
    repository.map_or_else(|| format!("{workflow}{shadow}"), |repository| format!("{workflow} of {repository}{shadow}"))
}

/// Whether a program has posted an event, which proves nobody.
fn is_posted(event: &Event) -> bool {
    matches!(event.what.kind, EventKind::Platform { posted: Some(_), .. })
}

/// By which runs stand side by side.
pub(super) fn group(run: &Run) -> String {
    let name = full_name(&run.workflow, run.repository.as_deref(), run.shadow);
    format!("{name}\0{}", run.group.as_deref().unwrap_or_default())
}

/// Lets a run of a group look whether it has its turn.
pub(super) fn turns(of: &Run, run: RunId, now: Timestamp, at: Timestamp) -> TimerChange {
    use sha2::{Digest, Sha256};
    let group = data_encoding::HEXLOWER.encode(&Sha256::digest(group(of).as_bytes())[..12]);
    // One that is set for later is another than one that rings at once, so that neither takes the other's place.
    let kind = if at > now { "later/" } else { "" };
    TimerChange::Set { name: format!("{TURN}/{group}/{kind}{run}"), at, payload: Value::Null }
}

/// Fetches which files the event of a run changes; nothing where there is no pull request to ask about.
pub(super) fn files(run: &Run, now: Timestamp) -> Option<Call> {
    let reply = run.about.as_ref().and_then(|about| about.reply.as_ref());
    let to = reply.filter(|to| to.channel == ChannelName::GitHub && to.thread.is_some())?.clone();
    let key = format!("{}@{}/files", run.id, now.0);
    let terms = Terms { key, again: false, once: false, within_ms: None, reports: format!("{RUN}/{}/files", run.id) };
    Some(Call { to, operation: CHANGED_FILES.to_owned(), args: json!({}), terms: Some(terms) })
}
