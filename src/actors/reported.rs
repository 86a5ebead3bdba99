//! What a platform reports: what follows from it, besides the commands in it, which are events of their own.

use crate::actors::settle::Verdict;
use crate::channels::github::reaction::{self, Progress};
use crate::domain::card::{Card, Tone};
use crate::domain::event::{Asked, Event, EventKind};
use crate::domain::outcome::{Call, Outcome, Reply};
use crate::store::keyspace::event::End;

/// Decides what follows from a report; nothing where the event is none.
pub(super) fn decide(event: &Event) -> Option<Verdict> {
    let EventKind::Platform { name, ignore, asked, .. } = &event.what.kind else { return None };
    if let Some(why) = ignore {
        return Some(Verdict::ignored(why.clone()));
    }
    if asked.is_nothing() {
        return Some(Verdict::ignored(format!("nobody asked to act on `{name}`")));
    }
    let (calls, replies) = (seen(event).into_iter().collect(), too_many(*asked).into_iter().collect());
    let summary = format!("{} of its commands are carried out, each as an event of its own", asked.commands);
    Some(Verdict::noted(Outcome { summary, calls, replies, ..Outcome::default() }))
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
