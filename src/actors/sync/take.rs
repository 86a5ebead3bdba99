//! What a task takes over from its issue, and what of a conflict is set aside, in words for its history.

use super::pair::Pair;
use crate::commands::task_card::minute;
use crate::domain::outcome::Failure;
use crate::domain::sync::bounce::Side;
use crate::domain::sync::merge::{Conflict, Merged};
use crate::domain::sync::{Field, Value};
use crate::domain::task::{Assignee, LONGEST_TITLE, MOST_LABELS};
use crate::store::StoreError;
use crate::tools::sync::person_of;

/// Takes all over that is to be; gives what that comes to, without texts of people.
pub(super) fn all(pair: &mut Pair<'_>, found: &[(Field, Merged)]) -> Result<Vec<String>, Failure> {
    let (mut lines, mut said) = (Vec::new(), Vec::new());
    for (field, merged) in found {
        if let Some(take) = &merged.take
            && let Some(line) = one(pair, field, &take.value)?
        {
            lines.push(line);
            said.push(format!("{field} from GitHub"));
        }
        if let Some(conflict) = &merged.conflict {
            lines.push(aside(field, merged, conflict, pair)?);
            said.push(format!("{field}: both had changed it"));
        }
    }
    if !lines.is_empty() {
        pair.task.updated = pair.ctx.now;
        pair.remember(lines.join(", "));
    }
    Ok(said)
}

/// A value, for people.
pub(super) fn shown(value: &Value) -> String {
    value.as_ref().map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"))
}

/// `title: GitHub's `a` kept, ours `b` of 12:03 set aside`.
fn aside(field: &Field, merged: &Merged, conflict: &Conflict, pair: &Pair<'_>) -> Result<String, StoreError> {
    let kept = match conflict.kept {
        Side::Theirs => &merged.take,
        Side::Ours => &merged.owe,
    };
    let (kept, other) = (kept.as_ref().map(|held| held.value.clone()).unwrap_or_default(), &conflict.aside);
    let at = minute(other.stamp.at);
    if *field == Field::Description {
        return Ok(format!("{field}: both had changed it, the one of {at} is set aside"));
    }
    let named = |value: &Value| -> Result<String, StoreError> {
        let (Field::Assignee, Some(id)) = (field, value) else { return Ok(shown(value)) };
        let person = person_of(pair.ctx.view, &pair.link.realm, id)?;
        Ok(person.map_or_else(|| shown(value), |(_, name)| format!("@{name}")))
    };
    let (whose, others) = if conflict.kept == Side::Theirs { ("GitHub's", "ours") } else { ("ours", "GitHub's") };
    Ok(format!("{field}: {whose} {} kept, {others} {} of {at} set aside", named(&kept)?, named(&other.value)?))
}

/// Takes one field over; says so, where the task is another then.
fn one(pair: &mut Pair<'_>, field: &Field, value: &Value) -> Result<Option<String>, Failure> {
    let table = pair.table;
    match field {
        Field::Status => {
            let state = value.as_deref().unwrap_or_default();
            let (before, after) = (pair.task.status, table.words.status_of(state));
            if table.words.state_of(before) == state {
                return Ok(None);
            }
            pair.task.status = after;
            Ok(Some(format!("status {before} → {after}")))
        }
        Field::Title => {
            let prefix = Some(pair.link.prefix.as_str()).filter(|prefix| pair.task.title.starts_with(prefix));
            let whole = format!("{}{}", prefix.unwrap_or_default(), value.as_deref().unwrap_or_default());
            let title: String = whole.chars().take(LONGEST_TITLE).collect();
            let before = std::mem::replace(&mut pair.task.title, title);
            Ok((before != pair.task.title).then(|| format!("title `{before}` → `{}`", pair.task.title)))
        }
        Field::Description => {
            pair.task.description = value.clone().unwrap_or_default();
            Ok(Some("description changed".to_owned()))
        }
        Field::Assignee => assignee(pair, value),
        Field::Label(name) => {
            let has = pair.task.labels.contains(name);
            match value {
                Some(_) if !has && pair.task.labels.len() < MOST_LABELS => {
                    pair.task.labels.push(name.clone());
                    Ok(Some(format!("label +{name}")))
                }
                Some(_) if !has => Ok(Some(format!("label {name} left out, since a task carries {MOST_LABELS}"))),
                None if has => {
                    pair.task.labels.retain(|label| label != name);
                    Ok(Some(format!("label -{name}")))
                }
                _ => Ok(None),
            }
        }
    }
}

fn assignee(pair: &mut Pair<'_>, value: &Value) -> Result<Option<String>, Failure> {
    let after = match value {
        Some(id) => {
            let Some((id, name)) = person_of(pair.ctx.view, &pair.link.realm, id)? else { return Ok(None) };
            Some(Assignee::Person { id, name })
        }
        // An agent is nobody at GitHub.
        None => pair.task.assignee.clone().filter(|assignee| matches!(assignee, Assignee::Agent(_))),
    };
    if after == pair.task.assignee {
        return Ok(None);
    }
    let said = after.as_ref().map_or_else(|| "unassigned".to_owned(), |after| format!("assigned to {after}"));
    pair.task.assignee = after;
    Ok(Some(said))
}
