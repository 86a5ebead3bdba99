//! Which events of GitHub are about an issue that is kept the same with a task. Such an event rings for the pair, but for one
//! that tells nothing that is not known.

use std::collections::BTreeMap;

use super::timer;
use crate::domain::event::{ChannelName, Event, EventKind};
use crate::domain::outcome::Outcome;
use crate::domain::sync::issue::{self, Told};
use crate::domain::sync::link::{Link, Seen};
use crate::domain::sync::{Field, Table, Value};
use crate::domain::time::Timestamp;
use crate::store::keyspace::{sync as kept, task as tasks};
use crate::store::{StoreError, View};
use crate::tools::sync::{fields_at, fields_of};

/// By what a program, and not a person, is known.
const BOT: &str = "Bot";

/// What else than `issues.…` tells of an issue.
const OF_COMMENTS: [&str; 3] = ["issue_comment.created", "issue_comment.edited", "issue_comment.deleted"];

/// What follows from an event for the pair of its issue; nothing where there is none.
pub(in crate::actors) fn told(
    event: &Event,
    table: &Table,
    view: &View,
    now: Timestamp,
) -> Result<Option<Outcome>, StoreError> {
    let EventKind::Platform { name, posted, .. } = &event.what.kind else { return Ok(None) };
    let may_be = event.what.channel == ChannelName::GitHub && posted.is_none();
    let is_of_issues = name.starts_with("issues.") || OF_COMMENTS.contains(&name.as_str());
    if !may_be || !is_of_issues || table.is_off() {
        return Ok(None);
    }
    let Some(id) = issue::id_of(&event.what.raw) else { return Ok(None) };
    let Some(task) = kept::task_of(view, id)? else { return Ok(None) };
    let Some(link) = kept::read(view, task)? else { return Ok(None) };
    let Some(told) = issue::read(&event.what.raw) else { return Ok(None) };
    let said = |what: &str| Outcome {
        summary: format!("{task}, which is kept the same with it, {what}"),
        ..Outcome::default()
    };
    if link.value.paused.is_some() {
        return Ok(Some(said("is paused")));
    }
    let seen = Seen { at: told.at, event: event.id };
    let is_new = seen > link.value.seen;
    if tells_of_a_comment(event, &told, table) || (is_new && is_news(&link.value, &told, table, view)?) {
        let rings = timer(task, &format!("event/{}", event.id), now);
        return Ok(Some(Outcome { timers: vec![rings], ..said("follows") }));
    }
    if !is_new {
        return Ok(Some(said("has heard of what came later")));
    }
    let mut after = link.value.clone();
    after.seen = seen;
    Ok(Some(Outcome { writes: kept::change(&link, &after), ..said("is so already") }))
}

/// Whether an event tells of a comment that may be a remark of the task, or become one. What the bot itself says is none.
pub(super) fn tells_of_a_comment(event: &Event, told: &Told, table: &Table) -> bool {
    let is_own = matches!(event.what.kind, EventKind::Platform { own: true, .. });
    told.remark.is_some() && table.comments.comes_in() && !is_own
}

/// Whether people have said it: commands, and what programs say, become no remarks.
pub(super) fn is_said_by_people(event: &Event, told: &Told, comment: &issue::Remark) -> bool {
    let is_asked = matches!(&event.what.kind, EventKind::Platform { asked, .. } if !asked.is_nothing());
    !is_asked && told.sender.kind != BOT && comment.user.kind != BOT && comment.has_words()
}

/// Whether an event tells of anything that is not known, or may be the end of a write.
fn is_news(link: &Link, told: &Told, table: &Table, view: &View) -> Result<bool, StoreError> {
    let ours = match tasks::read(view, link.task)? {
        Some(task) => fields_of(&task.value, &link.prefix, &table.words, view)?,
        None => return Ok(false),
    };
    let fields = fields_at(&told.issue, &ours, &link.realm, view)?;
    let is_under_way = |field| link.fields.get(field).is_some_and(|known| !known.sent.is_empty());
    let is_unknown = somebody_unknown(told, &fields, table).is_some();
    Ok(!link.is_as_told(&fields) || told.about.iter().any(is_under_way) || is_unknown)
}

/// Who was given the issue just now, where no link makes known who that is here.
pub(super) fn somebody_unknown(told: &Told, fields: &BTreeMap<Field, Value>, table: &Table) -> Option<String> {
    let is_assigned = table.assignee.comes_in() && told.about.contains(&Field::Assignee);
    let is_nobody = fields.get(&Field::Assignee).is_none_or(Option::is_none);
    let last = told.issue.assignees.last().filter(|_| is_assigned && is_nobody)?;
    Some(last.login.clone())
}
