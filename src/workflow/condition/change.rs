//! What an event says of a change: the operator `changed_to`.
//!
//! The rule is one for all platforms. An event that tells of a change has an object `changes`, at the root of the scope
//! or in `event`. A field stands in it by its path, or by its path without the first name: `issue.title` is
//! `changes.issue.title` or `changes.title`, and `issue.milestone.title` is neither. There stands what it was (`from` or
//! `previous`) and what it became (`to` or `current`); where that is not said, as by GitHub, the field itself has what
//! it became. `changed_to` holds where it became what is wanted and was something else. Who makes the scope of an event that
//! tells of a change in another way (an action such as `closed`, Jira's `changelog`) writes its `changes`.

use std::borrow::Cow;

use serde_json::Value;

use super::Verdict;
use super::compare::{ABSENT, is_one_of, same};
use crate::workflow::scope::{Path, Scope};

const BEFORE: [&str; 2] = ["from", "previous"];
const AFTER: [&str; 2] = ["to", "current"];

/// Judges whether the event made a field one of what is wanted; and gives what it became.
pub(super) fn judge<'a>(path: &Path, scope: Scope<'a>, wanted: &[Value]) -> (Option<Cow<'a, Value>>, Verdict) {
    let current = scope.look_up(path);
    let Some(changes) = account(scope.root) else {
        return (
            current,
            Verdict::Unknown("cannot be seen to change: the event does not say what it changed".to_owned()),
        );
    };
    let Some((before, after)) = path.names_in_event().find_map(|path| entry(path.of(changes)?)) else {
        return (current, Verdict::Fails);
    };
    let Some(after) = after.map(Cow::Borrowed).or(current) else {
        return (None, Verdict::Unknown(ABSENT.to_owned()));
    };
    let is_changed = before.is_none_or(|before| same(before, &after) != Some(true));
    let verdict = if is_changed { is_one_of(&after, wanted) } else { Verdict::Fails };
    (Some(after), verdict)
}

fn account(root: &Value) -> Option<&Value> {
    let own = [root.get("changes"), root.get("event").and_then(|event| event.get("changes"))];
    own.into_iter().flatten().find(|changes| changes.is_object())
}

/// What a field was and what it became, where this tells of a change.
fn entry(value: &Value) -> Option<(Option<&Value>, Option<&Value>)> {
    let fields = value.as_object()?;
    let one_of = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name));
    let (before, after) = (one_of(BEFORE), one_of(AFTER));
    (before.is_some() || after.is_some()).then_some((before, after))
}
