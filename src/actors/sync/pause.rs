//! A field has gone in a circle: the pair is no longer kept the same, and one task asks a person to look. When that is done it
//! goes on (`follow` in `mod.rs`).

use super::ACTION;
use super::pair::Pair;
use super::take::shown;
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Failure, TaskChange};
use crate::domain::principal::{Principal, Role};
use crate::domain::sync::Field;
use crate::domain::sync::bounce::Moves;
use crate::domain::sync::link::Paused;
use crate::domain::task::{Assignee, LONGEST_TITLE, Priority};
use crate::store::keyspace::{person, task as tasks};
use crate::tools::task_create::{self, NewTask};
use crate::tools::{Context, notices};

/// Pauses a pair.
pub(super) fn pause(pair: &mut Pair<'_>, field: &Field, moves: &Moves) -> Result<(), Failure> {
    let (task, issue) = (pair.task.id, pair.link.name());
    let between = moves.last().map(|(from, to)| format!("between {} and {} ", shown(from), shown(to)));
    let last = pair.task.history.iter().rev().find(|entry| entry.by != pair.by).map(|entry| entry.by.name.clone());
    let seconds = pair.table.breaker.within.as_secs();
    let description = format!(
        "The {field} went back and forth {}at least {} times within {seconds} s: on {task} by {}, at {} by {}. Until this \
         task is done the two are not kept the same; then both are compared anew, and the later change wins. Look first at \
         what else changes that field, such as another program.",
        between.unwrap_or_default(),
        pair.table.breaker.times,
        last.as_deref().unwrap_or("somebody"),
        pair.link.url,
        pair.by.name,
    );
    let new = NewTask {
        title: format!("{task} and {issue} go in a circle over the {field}").chars().take(LONGEST_TITLE).collect(),
        description,
        priority: Some(Priority::High),
        labels: vec![ACTION.to_owned()],
        ..NewTask::default()
    };
    let by =
        Principal { id: PrincipalId(ACTION.into()), name: ACTION.to_owned(), role: Role::Guest, groups: Vec::new() };
    let mut created = task_create::decide(&new, &Context { by: &by, ..*pair.ctx })?;
    created.task.assignee = person_to_ask(pair)?;
    pair.outcome.writes.extend(tasks::create(&created.task));
    pair.outcome.timers.extend(created.timers);
    let asked = created.task.id;
    pair.outcome.tasks.push(TaskChange { before: None, after: created.task });
    pair.link.paused = Some(Paused { since: pair.ctx.now, field: field.clone(), asked });
    pair.remember(format!(
        "no longer kept the same with {issue}: the {field} went in a circle; {asked} asks a person to look"
    ));
    pair.say(format!("{field} went in a circle, so it is paused; {asked} asks a person"));
    Ok(())
}

/// Who has the task, or an owner.
fn person_to_ask(pair: &mut Pair<'_>) -> Result<Option<Assignee>, Failure> {
    if let Some(person @ Assignee::Person { .. }) = &pair.task.assignee {
        return Ok(Some(person.clone()));
    }
    let (owners, marks) = notices::owners(pair.ctx.view)?;
    pair.outcome.writes.extend(marks);
    let Some(id) = owners.into_iter().next() else { return Ok(None) };
    let name = person::read(pair.ctx.view, &id)?.map_or_else(|| "an owner".to_owned(), |known| known.value.name);
    Ok(Some(Assignee::Person { id, name }))
}
