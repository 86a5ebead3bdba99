//! What a pair owes to GitHub: calls that change the issue, and the remarks of its task as comments. How each ends rings for
//! the pair.

use serde_json::{Value as Json, json};

use super::pair::Pair;
use crate::domain::card::Card;
use crate::domain::effect::Terms;
use crate::domain::event::{ChannelName, PlatformUser};
use crate::domain::outcome::{Call, Reply};
use crate::domain::sync::{COMPLETED, Field, NOT_PLANNED, OPEN, Value};
use crate::domain::task::{Assignee, Comment};
use crate::store::StoreError;
use crate::store::keyspace::{event, person};
use crate::tools::sync::{TIMER, at_github};

/// Remarks that are told at one time, the last ones; each is a comment that people are notified of.
const MOST_REMARKS: usize = 10;
/// What a remark is called where an operation of GitHub has its name.
const REMARK: &str = "remark";

/// Whether an operation writes a field.
pub(super) fn is_written_by(field: &Field, operation: &str) -> bool {
    match field {
        Field::Status => matches!(operation, "github.close" | "github.reopen"),
        Field::Title | Field::Description => operation == "github.edit",
        Field::Assignee => operation == "github.assign",
        Field::Label(_) => operation == "github.label",
    }
}

fn terms(pair: &Pair<'_>, what: &str, rings: &str) -> Terms {
    let task = pair.task.id;
    let key = format!("{TIMER}/{task}/{}/{what}@{}", pair.link.writes, pair.ctx.now.0);
    Terms { key, again: false, once: false, within_ms: None, reports: format!("{TIMER}/{task}/{rings}") }
}

/// A call about the issue, which rings with its end.
pub(super) fn call(pair: &Pair<'_>, operation: &str, args: Json, rings: String) -> Call {
    let terms = Some(terms(pair, operation, &rings));
    Call { to: pair.link.to.clone(), operation: operation.to_owned(), args, terms }
}

/// Owes what is to be written.
pub(super) fn fields(pair: &mut Pair<'_>, owed: &[(Field, Value)]) -> Result<(), StoreError> {
    let (mut add, mut remove, mut edit) = (Vec::new(), Vec::new(), serde_json::Map::new());
    let mut calls: Vec<(&str, Json)> = Vec::new();
    for (field, value) in owed {
        let text = value.as_deref().unwrap_or_default();
        match field {
            Field::Status => calls.push(match text {
                OPEN => ("github.reopen", json!({})),
                COMPLETED | NOT_PLANNED => ("github.close", json!({ "reason": text })),
                _ => continue,
            }),
            Field::Title => drop(edit.insert("title".to_owned(), text.into())),
            Field::Description => drop(edit.insert("body".to_owned(), text.into())),
            Field::Assignee => match assignee(pair, value)? {
                Some(args) => calls.push(("github.assign", args)),
                None => {
                    is_not_written(pair, field);
                    continue;
                }
            },
            Field::Label(name) if value.is_some() => add.push(name.clone()),
            Field::Label(name) => remove.push(name.clone()),
        }
        pair.say(format!("{field} to GitHub"));
    }
    if !edit.is_empty() {
        calls.push(("github.edit", Json::Object(edit)));
    }
    if !add.is_empty() || !remove.is_empty() {
        calls.push(("github.label", json!({ "add": add, "remove": remove })));
    }
    let number = pair.link.writes;
    for (operation, args) in calls {
        let call = call(pair, operation, args, format!("ended/{number}/{operation}"));
        pair.outcome.calls.push(call);
    }
    Ok(())
}

/// Nothing is under way for a field that GitHub cannot be asked to change: nobody there is known by that id.
fn is_not_written(pair: &mut Pair<'_>, field: &Field) {
    if let Some(known) = pair.link.fields.get_mut(field) {
        known.sent.pop();
    }
}

/// Who is to have the issue, and who no longer. Others who have it too are left alone.
fn assignee(pair: &Pair<'_>, value: &Value) -> Result<Option<Json>, StoreError> {
    let login = |id: &str| -> Result<Option<String>, StoreError> {
        let realm = pair.link.realm.clone();
        let user = PlatformUser { channel: ChannelName::GitHub, realm, id: id.to_owned() };
        Ok(person::record(pair.ctx.view, &user)?.map(|record| record.value.profile.name))
    };
    let known = pair.link.fields.get(&Field::Assignee).and_then(|known| known.theirs.clone());
    let add = value.as_deref().map(login).transpose()?.flatten();
    let remove = known.filter(|known| Some(known) != value.as_ref()).as_deref().map(login).transpose()?.flatten();
    let names = |name: Option<String>| name.into_iter().collect::<Vec<_>>();
    let (add, remove) = (names(add), names(remove));
    Ok((!add.is_empty() || !remove.is_empty()).then(|| json!({ "add": add, "remove": remove })))
}

/// Owes the remarks of people that the issue has not been told.
pub(super) fn remarks(pair: &mut Pair<'_>) -> Result<(), StoreError> {
    if !pair.table.comments.goes_out() {
        return Ok(());
    }
    let new: Vec<Comment> = pair.link.told.after(&pair.task).into_iter().cloned().collect();
    // A workflow says at GitHub itself what it has to say there.
    let mut new: Vec<Comment> = new.into_iter().filter(|comment| !comment.by.id.0.starts_with("workflow:")).collect();
    new.drain(..new.len().saturating_sub(MOST_REMARKS));
    for comment in new {
        pair.link.writes += 1;
        let place = said_in(pair, &comment)?;
        let card = Card::new(format!("{} on {}", comment.by.name, pair.task.id)).text(comment.text.clone());
        let card = card.footer(place.map_or_else(|| "said on the task".to_owned(), |place| format!("said in {place}")));
        let rings = format!("ended/{}/{REMARK}", pair.link.writes);
        let terms = Some(terms(pair, REMARK, &rings));
        pair.outcome.replies.push(Reply { to: Some(pair.link.to.clone()), terms, ..Reply::everyone(card) });
        pair.say("a remark becomes a comment");
    }
    Ok(())
}

/// The platform on which a remark was made.
fn said_in(pair: &Pair<'_>, comment: &Comment) -> Result<Option<ChannelName>, StoreError> {
    let entry = pair.task.history.iter().rev().find(|entry| entry.at == comment.at && entry.by == comment.by);
    let event = entry.map(|entry| event::read(pair.ctx.view, entry.event)).transpose()?.flatten();
    Ok(event.map(|event| event.what.channel))
}

/// Whether the task has a person of whom no link says who they are at GitHub.
pub(super) fn has_somebody_unknown_there(pair: &Pair<'_>) -> Result<bool, StoreError> {
    match &pair.task.assignee {
        Some(Assignee::Person { id, .. }) => Ok(at_github(pair.ctx.view, id)?.is_none()),
        Some(Assignee::Agent(_)) | None => Ok(false),
    }
}
