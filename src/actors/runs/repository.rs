//! What follows from events by the file of their own repository, `.github/ai-crm.yml`.
//!
//! The file is fetched when an event first needs it, and anew when it may be another; meanwhile events wait in the row of
//! their repository, and each of them is rung for when the file is known. So none is lost, none begins by an old file, and
//! what a row says it says under the condition that nobody has changed it since it was read. Whoever may push writes the
//! file: its runs act as `repository:owner/name`, which has the rights of a member.
//!
//! | timer | rings |
//! |---|---|
//! | `repository/<id>/looked/<look>` | the file was fetched, or could not be |
//! | `repository/<id>/waiting` | more events have waited than are rung for in one commit |
//! | `repository/<id>/event/<event>` | the file is known for which an event has waited |
//! | `repository/<id>/files/<event>` | the files are known that a pull request changes |
//! | `repository/<id>/head/<event>` | the file is there as a pull request has it |
//! | `repository/<id>/checked/<event>` | the check run is made, or could not be |
//!
//! | file | owns |
//! |---|---|
//! | `repository/news.rs` | what an event says of a repository and its file |
//! | `repository/look.rs` | the fetch of the file, and which one is in use |
//! | `repository/check.rs` | the check of pull requests that touch it |

mod check;
mod look;
mod news;

use std::fmt::Display;

use serde_json::Value;

use self::look::Answer;
use self::news::{Named, News, Says};
use super::begin::{Beginning, UNREADABLE, begin, happening};
use crate::domain::event::{ChannelName, Event, EventKind};
use crate::domain::ids::{PrincipalId, TenantId};
use crate::domain::outcome::{Failure, Outcome, TimerChange};
use crate::domain::principal::{Principal, Role, Standing};
use crate::domain::time::Timestamp;
use crate::policy::Subject;
use crate::store::keyspace::event as events;
use crate::store::keyspace::repository::{self as rows, Look, Repository};
use crate::store::{StoreError, Stored, View};
use crate::tools::Context;
use crate::workflow::begin::begun;
use crate::workflow::repository_file::{PATH, may_begin_by};
use crate::workflow::run::Run;
use crate::workflow::set::{File, Live};

/// What rings for repositories.
pub(super) const REPOSITORY: &str = "repository";
/// The group of all who act for files of repositories, for policies.
const GROUP: &str = "repositories";
/// Events of one repository that wait for its file. So many come in an hour of a platform's trouble; of more it is told.
const MOST_WAITING: usize = 5_000;
/// Events that are rung for in one commit.
const MOST_RUNG: usize = 200;

/// As whom a run of a repository's file acts: with the rights of a member, and by a name that policies can forbid.
pub(super) fn acts_as(repository: &str) -> (Principal, Subject) {
    let (id, role, groups) = (format!("repository:{repository}"), Role::Member, vec![GROUP.to_owned()]);
    let by = Principal {
        id: PrincipalId(id.as_str().into()),
        name: format!("repository {repository}"),
        role,
        groups: groups.clone(),
    };
    (by, Subject { id, known: true, role, groups, standing: Standing::Member })
}

/// Where a run's step stands, for whoever keeps the file in which it does; nothing for those who run the bot.
pub(super) fn place_of_rule(run: &Run, line: usize) -> Option<String> {
    run.repository.as_ref().map(|repository| format!("line {line} of {PATH} in {repository}"))
}

fn timer(id: u64, what: &str, of: impl Display) -> String {
    format!("{REPOSITORY}/{id}/{what}/{of}")
}

/// What follows from an event by the file of its repository; nothing where that says nothing of it.
pub(super) fn follows(
    event: &Event,
    workflows: &Live,
    view: &View,
    now: Timestamp,
) -> Result<Option<Outcome>, StoreError> {
    // What a program posts in GitHub's place comes from no installation, by which anything could be asked for.
    let EventKind::Platform { name, own, posted: None, .. } = &event.what.kind else { return Ok(None) };
    if event.what.channel != ChannelName::GitHub || event.tenant == TenantId::unclaimed() {
        return Ok(None);
    }
    let mut outcome = Outcome::default();
    match news::read(name, &event.what.raw) {
        None => {}
        Some(News::Seen(ids)) => seen(&ids, view, &mut outcome)?,
        Some(News::In(named, Says::Gone)) => {
            let known = rows::read(view, named.id)?;
            outcome.writes.extend(known.iter().flat_map(|known| rows::forget(named.id, known)));
            outcome.summary = format!("{} is gone, and its rules with it", named.full_name);
        }
        Some(News::In(named, says)) => {
            let may_begin = !own && may_begin_by(name);
            Heard { event, named: &named, workflows, view, now }.follows(says, may_begin, &mut outcome)?;
            if news::shows_a_commit(name) {
                outcome.calls.extend(check::files(named.id, event));
            }
        }
    }
    let is_nothing = outcome.writes.is_empty() && outcome.calls.is_empty() && outcome.told.is_empty();
    if outcome.summary.is_empty() {
        let said = if outcome.told.is_empty() { format!("does it touch {PATH}?") } else { outcome.told.join("; ") };
        outcome.summary = format!("`{name}`: {said}");
    }
    Ok((!is_nothing).then_some(outcome))
}

/// The App sees repositories: what it knew of their files may be old, and is looked at when an event needs it.
fn seen(ids: &[u64], view: &View, outcome: &mut Outcome) -> Result<(), StoreError> {
    for id in ids {
        let Some(known) = rows::read(view, *id)? else { continue };
        if matches!(known.value.look, Look::Answered { .. }) {
            let it = Repository { look: Look::Due, ..known.value.clone() };
            outcome.writes.push(rows::put_repository(*id, &it, Some(&known)));
            outcome.told.push(format!("{PATH} of {} is looked at anew", it.name));
        }
    }
    Ok(())
}

/// An event of a repository.
struct Heard<'a> {
    event: &'a Event,
    named: &'a Named,
    workflows: &'a Live,
    view: &'a View,
    now: Timestamp,
}

impl Heard<'_> {
    fn follows(&self, says: Says, may_begin: bool, outcome: &mut Outcome) -> Result<(), StoreError> {
        let (id, event) = (self.named.id, self.event);
        let before = rows::read(self.view, id)?;
        let mut it = before.as_ref().map_or_else(|| look::unknown(self.named), |before| before.value.clone());
        let commit = match says {
            Says::Touched(commit) => Some(commit),
            Says::Moved if before.is_some() => Some(None),
            _ if may_begin && look::is_due(&it, self.now) => Some(None),
            _ => None,
        };
        let looks = commit.is_some();
        if let Some(commit) = commit {
            outcome.calls.push(look::begin(&mut it, self.named, event, commit));
            outcome.told.push(format!("{PATH} of {} is looked at", it.name));
        }
        let waits = may_begin && matches!(it.look, Look::UnderWay { .. });
        if waits && it.waiting.len() < MOST_WAITING {
            it.waiting.push(event.id);
            outcome.told.push("it begins what the file says when that is known".to_owned());
        } else if waits {
            outcome.told.push(format!("{MOST_WAITING} events wait for the file, so it begins nothing by it"));
        } else if may_begin {
            let file = look::in_use(id, &it, self.workflows, self.view)?;
            begins(event, file.as_deref(), self.view, self.now, outcome)?;
        }
        if looks || waits {
            outcome.writes.push(rows::put_repository(id, &it, before.as_ref()));
        }
        Ok(())
    }
}

/// Begins what a file says of an event.
fn begins(
    event: &Event,
    file: Option<&File>,
    view: &View,
    now: Timestamp,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let (Some(file), EventKind::Platform { name, .. }) = (file, &event.what.kind) else { return Ok(()) };
    let platform = event.what.channel.as_str();
    if !file.concerns(platform, name) {
        return Ok(());
    }
    let happening = happening(event, platform, name, view)?;
    if happening.told.is_unreadable(event) {
        outcome.told.push(UNREADABLE.to_owned());
        return Ok(());
    }
    for begun in begun(file.workflows.iter().map(|workflow| &**workflow), &happening, now) {
        begin(&Beginning { begun: &begun, file, happening: &happening, event, view, now }, outcome)?;
    }
    Ok(())
}

/// A timer rings for a repository; `rest` is its name behind [`REPOSITORY`].
pub(super) fn rang(rest: &str, payload: &Value, ctx: &Context<'_>, workflows: &Live) -> Result<Outcome, Failure> {
    let mut parts = rest.splitn(3, '/');
    let (id, what, of) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    let mut outcome = Outcome { resource: format!("{REPOSITORY}:{id}"), ..Outcome::default() };
    let Ok(id) = id.parse::<u64>() else {
        outcome.summary = "the timer names no repository".to_owned();
        return Ok(outcome);
    };
    match (what, of) {
        ("files", Some(event)) => check::files_known(id, event, payload, ctx.view, &mut outcome)?,
        ("head", Some(event)) => check::file_known(id, event, payload, ctx.view, &mut outcome)?,
        ("checked", Some(_)) => check::checked(payload, &mut outcome),
        _ => match rows::read(ctx.view, id)? {
            None => outcome.summary = "the repository is not known any more".to_owned(),
            Some(before) => Rung { id, before, workflows, ctx }.follows(what, of, payload, &mut outcome)?,
        },
    }
    Ok(outcome)
}

/// A repository for which a timer rings.
struct Rung<'a> {
    id: u64,
    before: Stored<Repository>,
    workflows: &'a Live,
    ctx: &'a Context<'a>,
}

impl Rung<'_> {
    fn follows(&self, what: &str, of: Option<&str>, payload: &Value, outcome: &mut Outcome) -> Result<(), StoreError> {
        let it = &self.before.value;
        match (what, of) {
            ("looked", Some(look)) if look.parse() == Ok(it.looks) && matches!(it.look, Look::UnderWay { .. }) => {
                let mut it = it.clone();
                look::take(self.id, &mut it, Answer::of(payload), self.workflows, self.ctx.now, outcome);
                self.ring_for_those_who_wait(it, outcome);
            }
            ("looked", _) => outcome.summary = format!("{PATH} of {} is looked at once more", it.name),
            ("waiting", None) => {
                outcome.summary = format!("{} events wait for {PATH} of {}", it.waiting.len(), it.name);
                if !matches!(it.look, Look::UnderWay { .. }) {
                    self.ring_for_those_who_wait(it.clone(), outcome);
                }
            }
            ("event", Some(event)) => self.heard(event, outcome)?,
            _ => outcome.summary = "nobody waits for this ring".to_owned(),
        }
        Ok(())
    }

    /// Rings for the first of those who wait, each by itself: they are of several conversations, and one of them that fails
    /// holds up none. Where there is no file, nothing is to begin.
    fn ring_for_those_who_wait(&self, mut it: Repository, outcome: &mut Outcome) {
        let now = self.ctx.now;
        let ring = |name: String| TimerChange::Set { name, at: now, payload: Value::Null };
        if it.good.is_none() {
            let count = std::mem::take(&mut it.waiting).len();
            outcome.told.push(format!("events that have waited for it and begin nothing: {count}"));
        }
        let first = it.waiting.drain(..it.waiting.len().min(MOST_RUNG));
        outcome.timers.extend(first.map(|event| ring(timer(self.id, "event", event))));
        outcome.timers.extend((!it.waiting.is_empty()).then(|| ring(look::waiting(self.id))));
        outcome.writes.push(rows::put_repository(self.id, &it, Some(&self.before)));
    }

    /// An event has waited, and begins what the file says. A later look that is under way by now is none of its business.
    fn heard(&self, event: &str, outcome: &mut Outcome) -> Result<(), StoreError> {
        let it = &self.before.value;
        let read = match event.parse() {
            Ok(id) => events::read(self.ctx.view, id)?,
            Err(_) => None,
        };
        let Some(of) = read else {
            outcome.summary = format!("{event} is not kept any more");
            return Ok(());
        };
        let file = look::in_use(self.id, it, self.workflows, self.ctx.view)?;
        begins(&of, file.as_deref(), self.ctx.view, self.ctx.now, outcome)?;
        let unread = it.wrong.as_ref().and_then(|wrong| wrong.unread.as_deref());
        outcome.told.extend(unread.map(|why| format!("{PATH} of {} could not be read: {why}", it.name)));
        let said = if outcome.told.is_empty() { "no rule is about it".to_owned() } else { outcome.told.join("; ") };
        outcome.summary = format!("{event} of {}: {said}", it.name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
