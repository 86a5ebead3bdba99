//! Which issue of GitHub a new task is kept the same with, and what the task and the issue have, in one notation.
//!
//! An issue has one such task: the first that is made of it, by a workflow that it began or by a command below it. What
//! follows when one of both changes is `actors/sync`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::ids::{PrincipalId, TaskId};
use crate::domain::outcome::{TimerChange, Write};
use crate::domain::sync::issue::{self, Issue, Told};
use crate::domain::sync::link::{Heard, Link, Seen};
use crate::domain::sync::merge::Known;
use crate::domain::sync::{Field, Held, PRESENT, Stamp, Value, Words};
use crate::domain::task::{Assignee, Task};
use crate::store::keyspace::{link as links, person, sync as kept};
use crate::store::{StoreError, View};
use crate::tools::Context;

/// The beginning of the names of timers that ring for a link.
pub const TIMER: &str = "sync";
/// A workflow makes a task some time after its event; what has happened to the issue in between is looked for then.
const LOOKS_AFTER: Duration = Duration::from_secs(3);
/// Where the ids of people are valid of whom no event of GitHub has told yet.
const REALM: &str = "github.com";

/// Joins a new task with the issue that it is made of. Gives what is written for it, and when it is looked at again.
///
/// # Errors
/// Where the store cannot be read.
pub fn link(task: &mut Task, ctx: &Context<'_>) -> Result<(Vec<Write>, Option<TimerChange>), StoreError> {
    let what = &ctx.event.what;
    let Some(told) = (what.channel == ChannelName::GitHub).then(|| issue::read(&what.raw)).flatten() else {
        return Ok((Vec::new(), None));
    };
    // Where the App is not installed, as with events that a program posts, nothing can be written.
    let Some(to) = what.reply.as_ref().filter(|to| !to.installation.is_empty()) else { return Ok((Vec::new(), None)) };
    if let Some(first) = kept::task_of(ctx.view, told.id)? {
        let said = format!("{}#{} is kept the same with {first}, not with this one", to.place, told.id.number);
        task.remember(&ctx.person(), ctx.now, ctx.event.id, said);
        return Ok((Vec::new(), None));
    }
    let realm = what.from.as_ref().filter(|from| from.channel == ChannelName::GitHub).map(|from| from.realm.clone());
    let realm = realm.unwrap_or_else(|| REALM.to_owned());
    let link = new_link(task, &told, to, realm, ctx)?;
    let said = format!("kept the same with {}", link.name());
    task.remember(&ctx.person(), ctx.now, ctx.event.id, said);
    let is_late = what.from.is_none();
    let look = is_late.then(|| TimerChange::Set {
        name: format!("{TIMER}/{}/look", task.id),
        at: ctx.now.after(LOOKS_AFTER),
        payload: serde_json::Value::Null,
    });
    Ok((kept::create(&link).to_vec(), look))
}

/// The link as it begins: both sides are taken to agree as they are.
fn new_link(task: &Task, told: &Told, to: &Address, realm: String, ctx: &Context<'_>) -> Result<Link, StoreError> {
    let title = told.issue.fields().get(&Field::Title).cloned().flatten().unwrap_or_default();
    let prefix = task.title.strip_suffix(&title).filter(|_| !title.is_empty()).unwrap_or_default().to_owned();
    let ours = fields_of(task, &prefix, &Words::default(), ctx.view)?;
    let theirs = fields_at(&told.issue, &ours, &realm, ctx.view)?;
    let stamp = Stamp::of_task(ctx.now);
    let all = ours.keys().chain(theirs.keys()).cloned().collect::<Vec<_>>().into_iter();
    let known = all.map(|field| {
        let value = |of: &BTreeMap<Field, Value>| of.get(&field).cloned().unwrap_or_default();
        let known = Known::agreed(Held { value: value(&ours), stamp }, value(&theirs));
        (field.clone(), known)
    });
    Ok(Link {
        task: task.id,
        issue: told.id,
        to: Address { thread: Some(told.id.number.to_string()), person: None, ..to.lasting() },
        url: told.issue.html_url.clone(),
        realm,
        fields: known.collect(),
        prefix,
        seen: Seen { at: told.at, event: ctx.event.id },
        told: Heard::default(),
        taken: VecDeque::new(),
        came_to: VecDeque::new(),
        writes: 0,
        paused: None,
    })
}

/// What a task has, in the notation that both sides share.
///
/// # Errors
/// Where the store cannot be read.
pub fn fields_of(task: &Task, prefix: &str, words: &Words, view: &View) -> Result<BTreeMap<Field, Value>, StoreError> {
    let title = task.title.strip_prefix(prefix).unwrap_or(&task.title);
    let assignee = match &task.assignee {
        Some(Assignee::Person { id, .. }) => at_github(view, id)?.map(|user| user.id),
        Some(Assignee::Agent(_)) | None => None,
    };
    let mut fields = BTreeMap::from([
        (Field::Status, Some(words.state_of(task.status).to_owned())),
        (Field::Title, Some(title.to_owned())),
        (Field::Description, Some(task.description.clone()).filter(|text| !text.is_empty())),
        (Field::Assignee, assignee),
    ]);
    fields.extend(task.labels.iter().map(|label| (Field::Label(label.clone()), Some(PRESENT.to_owned()))));
    Ok(fields)
}

/// What an issue has, in the same notation. A task has one person: the one whom it has already where the issue has them too,
/// else the first whom a link makes known.
///
/// # Errors
/// Where the store cannot be read.
pub fn fields_at(
    issue: &Issue,
    ours: &BTreeMap<Field, Value>,
    realm: &str,
    view: &View,
) -> Result<BTreeMap<Field, Value>, StoreError> {
    let mut fields = issue.fields();
    let ids = || issue.assignees.iter().map(|person| person.id.to_string());
    let has = ours.get(&Field::Assignee).cloned().flatten();
    let mut assignee = has.filter(|has| ids().any(|id| id == *has));
    for id in ids() {
        if assignee.is_none() && person_of(view, realm, &id)?.is_some() {
            assignee = Some(id);
        }
    }
    fields.insert(Field::Assignee, assignee);
    Ok(fields)
}

/// The user of GitHub who is one with a person.
///
/// # Errors
/// Where the store cannot be read.
pub fn at_github(view: &View, who: &PrincipalId) -> Result<Option<PlatformUser>, StoreError> {
    let first = links::resolve(view, who)?;
    let of = links::links(view, &first)?;
    Ok(of.and_then(|links| links.value.users().find(|user| user.channel == ChannelName::GitHub).cloned()))
}

/// The person with whom a user of GitHub is one, and their name; nothing where nobody has linked them.
///
/// # Errors
/// Where the store cannot be read.
pub fn person_of(view: &View, realm: &str, id: &str) -> Result<Option<(PrincipalId, String)>, StoreError> {
    let user = PlatformUser { channel: ChannelName::GitHub, realm: realm.to_owned(), id: id.to_owned() };
    let Some(record) = person::record(view, &user)? else { return Ok(None) };
    let first = links::resolve(view, &record.value.principal)?;
    if links::links(view, &first)?.is_none() {
        return Ok(None);
    }
    let name = person::read(view, &first)?.map_or(record.value.profile.name, |known| known.value.name);
    Ok(Some((first, name)))
}

/// How a task is kept the same with an issue, in a line; nothing where it is not.
///
/// # Errors
/// Where the store cannot be read.
pub fn said_of(task: TaskId, view: &View) -> Result<Option<String>, StoreError> {
    let link = kept::read(view, task)?.map(|link| link.value);
    Ok(link.map(|link| match &link.paused {
        Some(paused) => format!("{} (paused over its {}, see {})", link.name(), paused.field, paused.asked),
        None => format!("{} (kept the same)", link.name()),
    }))
}
