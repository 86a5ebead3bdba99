//! A pair at one ring: read, merged, and written with all that follows.

use std::collections::BTreeMap;

use serde_json::json;

use super::{heard, owe, pause, take, timer};
use crate::commands::notices;
use crate::domain::effect::{EffectEnd, Report};
use crate::domain::event::Event;
use crate::domain::ids::{PrincipalId, TaskId};
use crate::domain::outcome::{Acted, Failure, Outcome, TaskChange};
use crate::domain::principal::{Principal, Role};
use crate::domain::sync::issue::{self, Account, Became, Issue, Told};
use crate::domain::sync::link::{Heard, Link, News, Seen};
use crate::domain::sync::merge::Merged;
use crate::domain::sync::{Field, Stamp, Table, Value};
use crate::domain::task::{Comment, Elsewhere, HistoryEntry, LONGEST_TEXT, Person, Task};
use crate::domain::time::Timestamp;
use crate::store::keyspace::{sync as kept, task as tasks};
use crate::store::{StoreError, Stored};
use crate::tools::sync::{fields_at, fields_of, person_of};
use crate::tools::{Context, due};

/// Where two events of one second differ nobody knows which is the later one, so the issue is looked at then.
const LOOKS_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

/// So far may GitHub's clock be from ours.
const CLOCKS_APART: std::time::Duration = std::time::Duration::from_secs(60);
/// The words of a remark whose comment is gone.
const DELETED: &str = "(deleted at GitHub)";
/// With what the id begins of somebody of GitHub who is linked with nobody here.
const STRANGER: &str = "github:";
/// Remarks of such people that a task keeps: a quarter of all (`MOST_REMEMBERED`).
const MOST_OF_STRANGERS: usize = 50;

/// A pair, as it was and as it becomes.
pub(super) struct Pair<'a> {
    pub(super) ctx: &'a Context<'a>,
    pub(super) table: &'a Table,
    link_before: Stored<Link>,
    task_before: Stored<Task>,
    pub(super) link: Link,
    pub(super) task: Task,
    /// By whose doing it changes.
    pub(super) by: Person,
    /// What it comes to, without texts of people.
    said: Vec<String>,
    pub(super) outcome: Outcome,
}

impl<'a> Pair<'a> {
    /// The pair of a task.
    pub(super) fn read(task: TaskId, ctx: &'a Context<'a>, table: &'a Table) -> Result<Option<Self>, StoreError> {
        let Some(link_before) = kept::read(ctx.view, task)? else { return Ok(None) };
        let Some(task_before) = tasks::read(ctx.view, task)? else { return Ok(None) };
        let (link, task) = (link_before.value.clone(), task_before.value.clone());
        let by = Person { id: PrincipalId("github".into()), name: "GitHub".to_owned() };
        let (said, outcome) = (Vec::new(), Outcome::default());
        Ok(Some(Self { ctx, table, link_before, task_before, link, task, by, said, outcome }))
    }

    pub(super) fn is_paused(&self) -> bool {
        self.link.paused.is_some()
    }

    pub(super) fn say(&mut self, what: impl Into<String>) {
        self.said.push(what.into());
    }

    /// What the task has.
    pub(super) fn ours(&self) -> Result<BTreeMap<Field, Value>, StoreError> {
        fields_of(&self.task, &self.link.prefix, &self.table.words, self.ctx.view)
    }

    /// An event has told of the issue.
    pub(super) fn hear(&mut self, event: &Event, told: &Told) -> Result<(), Failure> {
        if let Some(from) = &event.what.from {
            self.link.realm.clone_from(&from.realm);
        }
        // A repository that was renamed tells its name by itself.
        if let Some(reply) = &event.what.reply {
            self.link.to.place.clone_from(&reply.place);
        }
        self.by = self.person(&told.sender)?;
        let seen = Seen { at: told.at, event: event.id };
        let is_own = matches!(event.what.kind, crate::domain::event::EventKind::Platform { own: true, .. });
        let is_tied = seen.at == self.link.seen.at;
        let news = News {
            fields: fields_at(&told.issue, &self.ours()?, &self.link.realm, self.ctx.view)?,
            about: told.about.clone(),
            is_own,
            stamp: told.stamp(),
        };
        let is_new = seen > self.link.seen;
        self.link.seen = self.link.seen.max(seen);
        let unknown = heard::somebody_unknown(told, &news.fields, self.table);
        let before = self.said.len();
        self.merge(Some(&news).filter(|_| is_new))?;
        if is_new && is_tied && self.said.len() > before && !self.is_paused() {
            self.outcome.timers.push(timer(self.task.id, "look", self.ctx.now.after(LOOKS_AFTER)));
        }
        if let Some(login) = unknown.filter(|_| is_new && !self.is_paused()) {
            self.remember(format!("{login} has it at GitHub, and is linked with nobody here"));
            self.say("somebody has it at GitHub who is linked with nobody");
        }
        if let Some((became, comment)) = &told.remark
            && heard::tells_of_a_comment(event, told, self.table)
            && !self.is_paused()
        {
            let may_become_one = heard::is_said_by_people(event, told, comment);
            self.hear_of_a_comment(*became, comment, may_become_one)?;
        }
        // What was said while the two are paused is told when they go on.
        if !self.is_paused() {
            self.link.told = Heard::all(&self.task);
        }
        let said = if self.said.is_empty() { "it was so already".to_owned() } else { self.said.join("; ") };
        self.link.note(event.id, said);
        Ok(())
    }

    /// A comment becomes a remark, which has the words that the comment has from then on. Events of one comment may come in
    /// any order: the last words count, and one that is gone comes back by none.
    fn hear_of_a_comment(&mut self, became: Became, it: &issue::Remark, may_become_one: bool) -> Result<(), Failure> {
        let is_of_it = |remark: &&mut Comment| remark.elsewhere.is_some_and(|elsewhere| elsewhere.id == it.id);
        let Some(remark) = self.task.comments.iter_mut().find(is_of_it) else {
            // What is no remark now is none later, such as a command, or what stood there before there was a task.
            let is_later = became == Became::Said || it.made().after(CLOCKS_APART) >= self.task.created;
            let is_new = self.link.takes(it.id) && became != Became::Deleted && is_later;
            return if is_new && may_become_one { self.take_over(it) } else { Ok(()) };
        };
        let Some(Elsewhere { at: Some(at), .. }) = remark.elsewhere else { return Ok(()) };
        let (text, at, what) = match became {
            Became::Deleted => (DELETED.to_owned(), None, "a comment was deleted at GitHub"),
            _ if it.written() < at => return Ok(()),
            _ => (worded(it), Some(it.written()), "a comment was edited at GitHub"),
        };
        remark.elsewhere = Some(Elsewhere { id: it.id, at });
        if remark.text != text {
            remark.text = text;
            self.task.updated = self.ctx.now;
            // Somebody who edits again and again does not push all else out of the history.
            let is_told = |last: &HistoryEntry| last.by == self.by && last.what == what;
            if !self.task.history.last().is_some_and(is_told) {
                self.remember(what.to_owned());
            }
            self.say(what);
        }
        Ok(())
    }

    fn take_over(&mut self, comment: &issue::Remark) -> Result<(), Failure> {
        // Who has written it may be another than who has edited it before we heard of it.
        self.by = self.person(&comment.user)?;
        if !self.has_room_for_a_remark() {
            return Ok(());
        }
        self.task.comment(&worded(comment), &self.by, self.ctx.now, self.ctx.event.id)?;
        if let Some(remark) = self.task.comments.last_mut() {
            remark.elsewhere = Some(Elsewhere { id: comment.id, at: Some(comment.written()) });
        }
        self.say("a comment becomes a remark");
        Ok(())
    }

    /// Whether a further remark of who is linked with nobody here leaves the team its own: a task keeps a bounded number, the
    /// last ones.
    fn has_room_for_a_remark(&mut self) -> bool {
        let is_strangers = |by: &Person| by.id.0.starts_with(STRANGER);
        let kept = self.task.comments.iter().filter(|comment| is_strangers(&comment.by)).count();
        let has_room = !is_strangers(&self.by) || kept < MOST_OF_STRANGERS;
        if !has_room {
            self.say(format!(
                "a comment is left out, since {MOST_OF_STRANGERS} of people who are linked with nobody are kept"
            ));
        }
        has_room
    }

    /// The issue was looked at.
    pub(super) fn was_read(&mut self, issue: &Issue) -> Result<(), Failure> {
        let Ok(at) = issue.updated_at.parse::<jiff::Timestamp>() else {
            self.say("the issue could not be read");
            return Ok(());
        };
        let at = Timestamp(at.as_millisecond());
        if at < self.link.seen.at {
            self.say("it has changed since it was looked at");
            return Ok(());
        }
        self.link.seen = self.link.seen.max(Seen { at, event: self.link.seen.event });
        let news = News {
            fields: fields_at(issue, &self.ours()?, &self.link.realm, self.ctx.view)?,
            about: std::collections::BTreeSet::new(),
            is_own: false,
            stamp: Stamp::of_issue(at),
        };
        self.merge(Some(&news))
    }

    /// Merges what both sides have, and owes the remarks that the issue has not been told.
    pub(super) fn merge(&mut self, news: Option<&News>) -> Result<(), Failure> {
        let ours = self.ours()?;
        let found = self.link.merge(&ours, Stamp::of_task(self.task.updated), news, self.table, self.ctx.now);
        if let Some((field, _)) = found.iter().find(|(_, merged)| merged.is_a_circle) {
            let moves = self.link.fields.get(field).map(|known| known.moves.clone()).unwrap_or_default();
            // Nothing of this ring is done: what both have is compared anew when a person has looked.
            self.link = Link { seen: self.link.seen, ..self.link_before.value.clone() };
            return pause::pause(self, field, &moves);
        }
        let taken = take::all(self, &found)?;
        self.said.extend(taken);
        let has = self.ours()?;
        self.link.holds(&has);
        let owed: Vec<(Field, Value)> =
            found.into_iter().filter_map(|(field, Merged { owe, .. })| Some((field, owe?.value))).collect();
        owe::fields(self, &owed)?;
        if news.is_none() && self.table.assignee.goes_out() && owe::has_somebody_unknown_there(self)? {
            self.say("who has the task is linked with nobody at GitHub");
        }
        owe::remarks(self)?;
        self.link.told = Heard::all(&self.task);
        Ok(())
    }

    /// Somebody at GitHub, by the person with whom they are one.
    fn person(&self, who: &Account) -> Result<Person, StoreError> {
        let id = who.id.to_string();
        let person = match person_of(self.ctx.view, &self.link.realm, &id)? {
            Some((id, name)) => Person { id, name: format!("{name} (GitHub)") },
            None => {
                let known = PrincipalId(format!("{STRANGER}{}/{id}", self.link.realm).into());
                Person { id: known, name: format!("{} (GitHub)", who.login) }
            }
        };
        Ok(person)
    }

    /// Has the issue looked at.
    pub(super) fn look(&mut self) {
        self.outcome.calls.push(owe::call(self, "github.issue", json!({}), "read".to_owned()));
        self.say("the issue is looked at");
    }

    /// A person has looked at what was paused.
    pub(super) fn resume(&mut self) -> Result<(), Failure> {
        let Some(paused) = &self.link.paused else {
            self.say("it is not paused");
            return Ok(());
        };
        let asked = tasks::read(self.ctx.view, paused.asked)?;
        if asked.is_some_and(|asked| !asked.value.status.is_closed()) {
            self.say("nobody has looked yet");
            return Ok(());
        }
        self.link.resume();
        self.remember(format!("kept the same with {} again", self.link.name()));
        self.look();
        Ok(())
    }

    /// A write has ended: it was taken, or the task's history says once that it was not.
    pub(super) fn ended(&mut self, number: u64, operation: &str, report: Option<&Report>) {
        let failed = match report.map(|report| &report.end) {
            Some(EffectEnd::Failed { reason, .. } | EffectEnd::Dead { reason }) => Some(reason.clone()),
            Some(EffectEnd::Dropped { by }) => Some(format!("taken off by {by}")),
            Some(_) => None,
            None => Some("nobody knows how it ended".to_owned()),
        };
        let landed = failed.is_none().then_some(self.ctx.now);
        let fields = self.link.ended(number, |field| owe::is_written_by(field, operation), landed);
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        let what = if fields.is_empty() { "remark".to_owned() } else { fields.join(", ") };
        match failed {
            None => self.say(format!("{what}: GitHub has it")),
            Some(reason) => {
                self.say(format!("{what}: not taken by GitHub"));
                self.remember(format!("GitHub did not take the {what}: {reason}"));
            }
        }
    }

    /// A line of the task's history.
    pub(super) fn remember(&mut self, what: String) {
        self.task.remember(&self.by.clone(), self.ctx.now, self.ctx.event.id, what);
    }

    /// What is committed.
    pub(super) fn into_outcome(mut self) -> Result<Outcome, Failure> {
        if self.link != self.link_before.value {
            self.outcome.writes.extend(kept::change(&self.link_before, &self.link));
        }
        // What was decided on the task is decided anew where it has changed since.
        if self.task != self.task_before.value || self.link != self.link_before.value {
            self.outcome.writes.extend(tasks::change(&self.task_before, &self.task));
        }
        let before = self.task_before.value;
        self.outcome.timers.extend(due::timer_changes(Some(&before), &self.task, self.ctx.now));
        let said = if self.said.is_empty() { "nothing to do".to_owned() } else { self.said.join("; ") };
        self.outcome.resource = self.task.id.to_string();
        self.outcome.summary = format!("{} and {}: {said}", self.task.id, self.link.name());
        self.outcome.acted = Some(Acted { by: super::ACTION.to_owned(), what: said });
        if self.task != before {
            self.outcome.tasks.push(TaskChange { before: Some(before), after: self.task });
        }
        let by = Principal { id: self.by.id, name: self.by.name, role: Role::Guest, groups: Vec::new() };
        notices::tell(self.outcome, &Context { by: &by, ..*self.ctx })
    }
}

/// A comment as a remark: its words and its page.
fn worded(comment: &issue::Remark) -> String {
    let room = LONGEST_TEXT.saturating_sub(comment.html_url.chars().count() + 1);
    let words: String = comment.body.as_deref().unwrap_or_default().trim().chars().take(room).collect();
    format!("{words}\n{}", comment.html_url).trim().to_owned()
}
