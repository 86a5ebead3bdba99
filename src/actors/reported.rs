//! What a platform reports: what follows from it, besides the commands in it, which are events of their own.

use crate::actors::runs;
use crate::actors::settle::Verdict;
use crate::channels::github::reaction::{self, Progress};
use crate::domain::api_key::Posted;
use crate::domain::card::{Card, Tone};
use crate::domain::event::{Asked, Event, EventKind};
use crate::domain::outcome::{Call, Reply};
use crate::domain::time::Timestamp;
use crate::store::keyspace::event::End;
use crate::store::{StoreError, View};
use crate::workflow::set::Set;

/// Decides what follows from a report; nothing where the event is none.
pub(super) fn decide(
    event: &Event,
    workflows: &Set,
    view: &View,
    now: Timestamp,
) -> Result<Option<Verdict>, StoreError> {
    let EventKind::Platform { posted, .. } = &event.what.kind else { return Ok(None) };
    let verdict = follows(event, workflows, view, now)?;
    Ok(verdict.map(|verdict| match posted {
        Some(Posted { by, .. }) => verdict.posted_by(by),
        None => verdict,
    }))
}

fn follows(event: &Event, workflows: &Set, view: &View, now: Timestamp) -> Result<Option<Verdict>, StoreError> {
    let EventKind::Platform { name, ignore, asked, .. } = &event.what.kind else { return Ok(None) };
    if let Some(why) = ignore {
        return Ok(Some(Verdict::ignored(why.clone())));
    }
    let begun = runs::begun_by(event, workflows, view, now)?;
    if asked.is_nothing() {
        let nobody = || Verdict::ignored(format!("nobody asked to act on `{name}`"));
        return Ok(Some(begun.map_or_else(nobody, Verdict::noted)));
    }
    let mut outcome = begun.unwrap_or_default();
    outcome.calls.extend(seen(event));
    outcome.replies.extend(too_many(*asked));
    outcome.summary = format!("{} of its commands are carried out, each as an event of its own", asked.commands);
    Ok(Some(Verdict::noted(outcome)))
}

/// Shows below a text that its commands were seen.
fn seen(event: &Event) -> Option<Call> {
    reaction::shown(event.what.reply.as_ref()?, Progress::Seen)
}

fn too_many(asked: Asked) -> Option<Reply> {
    let Asked { commands, left } = asked;
    let title = format!("{left} of the commands are not carried out");
    let why = format!("The first {commands} of one text are. Write the others in a further comment.");
    (left > 0).then(|| Reply::everyone(Card::new(title).tone(Tone::Warning).text(why)))
}

/// What shows below the text that asked how its command has ended; nothing where somebody is asked first.
pub(super) fn ended(event: &Event, end: End) -> Option<Call> {
    let EventKind::Command { .. } = &event.what.kind else { return None };
    let progress = match end {
        End::Done => Progress::Done,
        End::Denied | End::Refused | End::Dead => Progress::Refused,
        End::Asked | End::Ignored | End::Dropped => return None,
    };
    reaction::shown(event.what.reply.as_ref()?, progress)
}
