//! What a platform reports: what follows from it, besides the commands in it, which are events of their own.

use crate::actors::runs;
use crate::actors::settle::Verdict;
use crate::actors::sync;
use crate::channels::github::reaction::{self, Progress};
use crate::domain::api_key::Posted;
use crate::domain::card::{Card, Tone};
use crate::domain::event::{Asked, Event, EventKind};
use crate::domain::outcome::{Call, Outcome, Reply};
use crate::domain::sync::Table;
use crate::domain::time::Timestamp;
use crate::store::keyspace::event::End;
use crate::store::{StoreError, View};
use crate::workflow::set::Live;

/// By what a report is judged.
pub(super) struct Ground<'a> {
    /// The workflows in use.
    pub(super) workflows: &'a Live,
    /// What of an issue and its task is kept the same.
    pub(super) table: &'a Table,
    /// The store of its tenant.
    pub(super) view: &'a View,
    /// The present.
    pub(super) now: Timestamp,
    /// Whether rules may act by it, since it happened in an account of this team; nothing while nobody can tell.
    pub(super) may_act: Option<bool>,
}

/// What follows from a report.
pub(super) enum Follows {
    /// It ends so.
    Ends(Box<Verdict>),
    /// Rules are about it, and nobody can tell yet whether they may act.
    Waits,
}

/// Why no rule acts where others have installed the App.
const OF_OTHERS: &str = "nothing follows from what happens in an account that channels.github.accounts does not list";

/// Decides what follows from a report; nothing where the event is none.
pub(super) fn decide(event: &Event, ground: &Ground<'_>) -> Result<Option<Follows>, StoreError> {
    let EventKind::Platform { name, ignore, asked, posted, .. } = &event.what.kind else { return Ok(None) };
    let ends = |verdict: Verdict| {
        let verdict = match posted {
            Some(Posted { by, .. }) => verdict.posted_by(by),
            None => verdict,
        };
        Ok(Some(Follows::Ends(Box::new(verdict))))
    };
    if let Some(why) = ignore {
        return ends(Verdict::ignored(why.clone()));
    }
    let Ground { workflows, table, view, now, may_act } = *ground;
    let mut begun = Outcome::both(runs::begun_by(event, workflows, view, now)?, sync::told(event, table, view, now)?);
    // Whoever posts with a key of ours is one of us, wherever it happened.
    if begun.is_some() && posted.is_none() {
        match may_act {
            Some(true) => {}
            Some(false) if asked.is_nothing() => {
                return ends(Verdict::ignored(format!("{OF_OTHERS}, as `{name}` does")));
            }
            Some(false) => begun = None,
            None => return Ok(Some(Follows::Waits)),
        }
    }
    if asked.is_nothing() {
        let nobody = || Verdict::ignored(format!("nobody asked to act on `{name}`"));
        return ends(begun.map_or_else(nobody, Verdict::noted));
    }
    let mut outcome = begun.unwrap_or_default();
    outcome.calls.extend(seen(event));
    outcome.replies.extend(too_many(*asked));
    let commands = format!("{} of its commands are carried out, each as an event of its own", asked.commands);
    outcome.summary = if outcome.summary.is_empty() { commands } else { format!("{commands}; {}", outcome.summary) };
    ends(Verdict::noted(outcome))
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
