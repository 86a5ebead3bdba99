//! Whom a notice reaches, where and when, and how people change that.
//!
//! Owns the rules. Of what people are told, and how it looks, is `commands/notices.rs`; when a notice goes by somebody's
//! wishes is `domain/notice.rs`. A person is told in the chat that they have with the bot alone, on the platform that
//! they have chosen or the first on which the bot has met them.

use serde_json::json;

use crate::domain::approval::{self, Approver};
use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::ids::PrincipalId;
use crate::domain::notice::{Going, Preferences, Quiet, Topic};
use crate::domain::outcome::{Expect, Shows, TimerChange, Write};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::store::keyspace::notice::{self, Held};
use crate::store::keyspace::{link, person, setting};
use crate::store::{StoreError, Stored, View};
use crate::tools::{Context, people};

/// What a person is to be told.
#[derive(Debug, Clone)]
pub struct Notice {
    /// To whom; the principal that stands for the person.
    pub to: PrincipalId,
    /// Of what.
    pub topic: Topic,
    /// In one line, for a message that tells of many.
    pub line: String,
    /// What it is about, whose card it shows.
    pub shows: Option<Shows>,
    /// They are told only where they are each of these, since elsewhere they could not decide.
    pub deciding: Vec<Approver>,
}

/// What becomes of a notice.
#[derive(Debug)]
pub enum Way {
    /// It goes there, at once.
    Now(Address),
    /// It waits.
    Later {
        /// Until then.
        at: Timestamp,
        /// What keeps it.
        write: Write,
        /// What lets it go.
        timer: TimerChange,
    },
    /// It does not go, for this reason.
    Not(&'static str),
}

/// What becomes of a notice of this event; `index` tells those of one event apart.
///
/// # Errors
/// Where the store cannot be read.
pub fn way(notice: &Notice, index: u32, ctx: &Context<'_>) -> Result<Way, StoreError> {
    let wishes = wishes(ctx.view, &notice.to)?;
    let Some(address) = reach_as(ctx.view, &notice.to, wishes.via, &notice.deciding)? else {
        return Ok(Way::Not("is a member nowhere that I could write to"));
    };
    Ok(match wishes.going(notice.topic, ctx.now) {
        Going::Now => Way::Now(address),
        Going::Never(why) => Way::Not(why),
        Going::At(at) => {
            let Notice { topic, line, .. } = notice.clone();
            let (task, approval) = match notice.shows {
                Some(Shows::Task(task)) => (Some(task), None),
                Some(Shows::Approval { approval }) => (None, Some(approval)),
                None => (None, None),
            };
            let held = Held { topic, at: ctx.now, line, task, approval };
            let write = notice::hold(&notice.to, at, (ctx.event.id, index), &held);
            Way::Later { at, write, timer: let_go(&notice.to, at) }
        }
    })
}

/// The timer that lets go what waits for somebody until then.
#[must_use]
pub fn let_go(person: &PrincipalId, at: Timestamp) -> TimerChange {
    TimerChange::Set { name: format!("notices/{person}/{}", at.0), at, payload: json!({ "person": person }) }
}

/// How somebody wants to be told.
///
/// # Errors
/// Where the store cannot be read.
pub fn wishes(view: &View, person: &PrincipalId) -> Result<Preferences, StoreError> {
    Ok(notice::preferences(view, person)?.map(|stored| stored.value).unwrap_or_default())
}

/// As many owners are told of troubles.
const MOST_OWNERS: usize = 10;

/// The owners who are told of troubles, each once, with what is to be written for the next look.
///
/// # Errors
/// Where the store cannot be read.
pub fn owners(view: &View) -> Result<(Vec<PrincipalId>, Vec<Write>), StoreError> {
    people::owners_who(|_| true, MOST_OWNERS, view)
}

/// The chat that somebody has with the bot alone: on the platform that they want, or on the first that there is. Only
/// where they are no guest: a link gives no right; and only where the bot still is.
///
/// # Errors
/// Where the store cannot be read.
pub fn reach(view: &View, person: &PrincipalId, via: Option<ChannelName>) -> Result<Option<Address>, StoreError> {
    reach_as(view, person, via, &[])
}

/// The same among the platforms on which that person is each of some approvers.
fn reach_as(
    view: &View,
    person: &PrincipalId,
    via: Option<ChannelName>,
    deciding: &[Approver],
) -> Result<Option<Address>, StoreError> {
    let is_wanted = |known: &Principal| known.role != Role::Guest && approval::is_each(deciding, known);
    let mut chats = Vec::new();
    for own in link::known_by(view, person)? {
        if person::read(view, &own)?.is_some_and(|known| is_wanted(&known.value))
            && let Some(chat) = person::reach(view, &own)?
            && is_connected(view, &chat)?
        {
            chats.push(chat);
        }
    }
    let wanted = chats.iter().position(|chat| Some(chat.channel) == via).unwrap_or_default();
    Ok(if chats.is_empty() { None } else { Some(chats.swap_remove(wanted)) })
}

/// Whether the platform has not said that the bot was taken out of the workspace, by itself or with its organisation.
fn is_connected(view: &View, chat: &Address) -> Result<bool, StoreError> {
    let of = |id: &str| setting::installation(view, chat.channel, id);
    let mut found = of(&chat.installation)?;
    if found.is_none()
        && let Some(organisation) = &chat.organisation
    {
        found = of(organisation)?;
    }
    Ok(found.is_none_or(|installation| installation.value.gone.is_none()))
}

/// What shall be different about how somebody is told; `Some(None)` takes a wish away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Told of these again.
    pub on: Vec<Topic>,
    /// No longer told of these.
    pub off: Vec<Topic>,
    /// The platform.
    pub via: Option<Option<ChannelName>>,
    /// Nothing for so long.
    pub mute: Option<Option<std::time::Duration>>,
    /// Quiet hours.
    pub quiet: Option<Option<Quiet>>,
    /// All at once, at that time.
    pub digest: Option<Option<jiff::civil::Time>>,
    /// A summary of the day, at that time.
    pub summary: Option<Option<jiff::civil::Time>>,
    /// The zone of the times.
    pub zone: Option<Option<String>>,
}

/// The asker's wishes as they will be, and what makes them so.
#[derive(Debug)]
pub struct Changed {
    /// As they will be.
    pub wishes: Preferences,
    /// The row.
    pub writes: Vec<Write>,
    /// The summary's timer.
    pub timers: Vec<TimerChange>,
}

/// Decides on a change of the asker's wishes.
///
/// # Errors
/// Where the store cannot be read.
pub fn change(wanted: Wanted, ctx: &Context<'_>) -> Result<Changed, StoreError> {
    let person = &ctx.by.id;
    let before = notice::preferences(ctx.view, person)?;
    let expect = Expect::as_read(before.as_ref().map_or(0, |before: &Stored<Preferences>| before.version));
    let before = before.map(|stored| stored.value).unwrap_or_default();
    let Wanted { on, off, via, mute, quiet, digest, summary, zone } = wanted;
    let mut topics: Vec<Topic> = before.off.iter().copied().filter(|topic| !on.contains(topic)).chain(off).collect();
    topics.sort_unstable();
    topics.dedup();
    let wishes = Preferences {
        off: topics,
        via: via.unwrap_or(before.via),
        muted_until: mute.map_or(before.muted_until, |mute| mute.map(|time| ctx.now.after(time))),
        quiet: quiet.unwrap_or(before.quiet),
        digest: digest.unwrap_or(before.digest),
        summary: summary.unwrap_or(before.summary),
        zone: zone.unwrap_or(before.zone),
    };
    let timers = vec![next_summary(person, &wishes, ctx.now)];
    Ok(Changed { writes: vec![notice::put_preferences(person, &wishes, expect)], timers, wishes })
}

/// The person whose chat with the bot it is, under whom their wishes stand.
///
/// # Errors
/// Where the store cannot be read.
pub fn whose(view: &View, chat: &Address) -> Result<Option<PrincipalId>, StoreError> {
    let Some(id) = chat.person.clone() else { return Ok(None) };
    let user = PlatformUser { channel: chat.channel, realm: chat.installation.clone(), id };
    let record = person::record(view, &user)?;
    record.map(|record| link::resolve(view, &record.value.principal)).transpose()
}

/// Whether the one of whom a chat is may be told of tasks there.
///
/// # Errors
/// Where the store cannot be read.
pub fn is_member(view: &View, chat: &Address) -> Result<bool, StoreError> {
    let Some(id) = chat.person.clone() else { return Ok(false) };
    let user = PlatformUser { channel: chat.channel, realm: chat.installation.clone(), id };
    let Some(record) = person::record(view, &user)? else { return Ok(false) };
    Ok(person::read(view, &record.value.principal)?.is_some_and(|known| known.value.role != Role::Guest))
}

/// The timer of somebody's next summary, or the end of it.
#[must_use]
pub fn next_summary(person: &PrincipalId, wishes: &Preferences, now: Timestamp) -> TimerChange {
    let name = format!("summary/{person}");
    match wishes.summary.and_then(|time| wishes.next(time, now)) {
        Some(at) => TimerChange::Set { name, at, payload: json!({ "person": person }) },
        None => TimerChange::Clear { name },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_wish_changes_what_it_names_and_leaves_the_rest() {
        let desk = Desk::new();
        let time = |text: &str| Some(Some(text.parse().unwrap()));
        let make = |wanted: Wanted| {
            let changed = desk.with(|ctx| change(wanted, ctx)).unwrap();
            let outcome = crate::domain::outcome::Outcome {
                writes: changed.writes,
                timers: changed.timers,
                ..Default::default()
            };
            desk.apply(&outcome).unwrap();
            changed.wishes
        };
        make(Wanted { off: vec![Topic::Status, Topic::Comments], summary: time("09:00"), ..Wanted::default() });
        assert_eq!(desk.timers(), ["summary/p-1 2026-11-22T09:00:00.000Z"]);
        let wishes =
            make(Wanted { on: vec![Topic::Status], zone: Some(Some("Europe/Berlin".into())), ..Wanted::default() });
        assert_eq!(wishes.off, [Topic::Comments]);
        assert_eq!(desk.timers(), ["summary/p-1 2026-11-22T08:00:00.000Z"]);
        make(Wanted { summary: Some(None), ..Wanted::default() });
        assert!(desk.timers().is_empty());
    }
}
