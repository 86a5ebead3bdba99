//! What each operator asks of a value.
//!
//! An object stands for its word: a label is compared by its `name`. What is of another kind than what is wanted cannot
//! be compared, which is said and is never taken for a no: `number.not: "5"` would hold for 5 otherwise. Nothing
//! (`null`) can be compared with anything. Letters are compared as they are; `matches: "(?i)…"` takes both cases.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::pattern::Patterns;
use super::{FILES_CHANGED, Kind, Operator, Term, Test, Verdict, Wanted, change};
use crate::workflow::scope::moment::Moment;
use crate::workflow::scope::{Scope, word};
use crate::workflow::template::sink::Sink;

/// By which field a file is named, where it is an object.
const FILE_NAMES: [&str; 2] = ["filename", "path"];

/// Why a condition on a field that is not there does not hold.
pub(super) const ABSENT: &str = "is not there; `exists` asks whether a field is";

type Judgement<'a> = (Option<Cow<'a, Value>>, Value, Verdict);

impl Test {
    /// What is there, what is wanted, and what comes of it.
    pub(super) fn judge<'a>(&self, scope: Scope<'a>) -> Judgement<'a> {
        let (wanted, is_list) = match self.wanted(scope) {
            Ok(wanted) => wanted,
            Err(why) => return (scope.look_up(&self.path), Value::Null, Verdict::Unknown(why)),
        };
        let (found, verdict) = self.verdict(scope, &wanted, is_list);
        let told = match wanted.len() {
            1 if !is_list => wanted.into_iter().next().unwrap_or_default(),
            _ => Value::Array(wanted),
        };
        (found, told, verdict)
    }

    fn verdict<'a>(&self, scope: Scope<'a>, wanted: &[Value], is_list: bool) -> (Option<Cow<'a, Value>>, Verdict) {
        if self.operator == Operator::ChangedTo {
            return change::judge(&self.path, scope, wanted);
        }
        let found = scope.look_up(&self.path);
        if self.path.is_root(FILES_CHANGED) {
            match found.as_deref() {
                None => return (None, Verdict::Needs(FILES_CHANGED)),
                Some(Value::Object(fields)) => {
                    let why = fields.get("error").and_then(Value::as_str).unwrap_or("they were not given as a list");
                    let why = format!("the files that changed could not be had: {why}");
                    return (None, Verdict::Failed(why));
                }
                Some(_) => {}
            }
        }
        let verdict = match &found {
            Some(value) => self.of_value(value, wanted, is_list, scope),
            None => self.of_absent(wanted),
        };
        (found, verdict)
    }

    /// What is wanted, with what stands in the scope, and whether it was written as a list.
    fn wanted(&self, scope: Scope<'_>) -> Result<(Vec<Value>, bool), String> {
        match &self.wanted {
            Wanted::Exists(yes) => Ok((vec![Value::from(*yes)], false)),
            Wanted::Within { text, .. } => Ok((vec![text.as_str().into()], false)),
            Wanted::Patterns { texts, .. } => Ok((texts.iter().map(|text| text.as_str().into()).collect(), true)),
            Wanted::Values { values, is_list } => {
                let filled = values.iter().map(|term| term.filled(scope)).collect::<Result<Vec<_>, _>>()?;
                match &filled[..] {
                    [Value::Array(members)] => Ok((members.clone(), true)),
                    _ => Ok((filled, *is_list)),
                }
            }
        }
    }

    /// Of a value that is not in the scope at all.
    fn of_absent(&self, wanted: &[Value]) -> Verdict {
        let asks_for_nothing = wanted.iter().any(Value::is_null);
        match (&self.wanted, self.operator) {
            (Wanted::Exists(yes), _) => Verdict::of(!yes),
            (_, Operator::Is | Operator::Equals | Operator::In) if asks_for_nothing => Verdict::Holds,
            (_, Operator::Not) if asks_for_nothing => Verdict::Fails,
            _ => Verdict::Unknown(ABSENT.to_owned()),
        }
    }

    fn of_value(&self, value: &Value, wanted: &[Value], is_list: bool, scope: Scope<'_>) -> Verdict {
        match (&self.wanted, self.operator) {
            (Wanted::Exists(yes), _) => Verdict::of(value.is_null() != *yes),
            (Wanted::Within { length, .. }, _) => match (value, Moment::of(value)) {
                (Value::Null, _) => Verdict::Fails,
                (_, Some(moment)) => Verdict::of(moment.distance(scope.now) <= *length),
                (_, None) => unfit(value, "a time"),
            },
            (Wanted::Patterns { patterns, .. }, operator) => fit(value, patterns, operator),
            (_, Operator::Equals) => equals(value, wanted, is_list),
            (_, Operator::Not) => is_one_of(value, wanted).inverted(),
            (_, Operator::Contains) => Kind::Any.join(&each(wanted, |wanted| contains(value, wanted))),
            (_, Operator::ContainsAll) => Kind::All.join(&each(wanted, |wanted| contains(value, wanted))),
            (_, Operator::StartsWith | Operator::EndsWith) => {
                Kind::Any.join(&each(wanted, |wanted| edge(value, wanted, self.operator)))
            }
            (_, Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte) => {
                Kind::Any.join(&each(wanted, |wanted| ordered(value, wanted, self.operator)))
            }
            _ => is_one_of(value, wanted),
        }
    }
}

impl Term {
    fn filled(&self, scope: Scope<'_>) -> Result<Value, String> {
        let template = match self {
            Self::Fixed(value) => return Ok(value.clone()),
            Self::Filled(template) => template,
        };
        let untold = |why: &str| format!("is compared with what cannot be told: {why}");
        let filled =
            template.fill(scope.root, Sink::Plain, scope.now).map_err(|missing| untold(&missing.to_string()))?;
        match (filled.remarks.first(), filled.value) {
            (Some(remark), _) => Err(untold(remark)),
            (None, Value::Null) => Err(untold("there is nothing")),
            (None, value) => Ok(value),
        }
    }
}

fn unfit(value: &Value, wanted: &str) -> Verdict {
    Verdict::Unknown(format!("is {}, which cannot be compared with {wanted}", kind(value)))
}

/// What a value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn each(wanted: &[Value], ask: impl Fn(&Value) -> Verdict) -> Vec<Verdict> {
    wanted.iter().map(ask).collect()
}

/// Whether two values are the same; nothing where they cannot be compared.
pub(super) fn same(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Null, _) | (_, Value::Null) => Some(false),
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => Some(numbers(left, right) == Some(Ordering::Equal)),
        (Value::String(left), Value::String(right)) => Some(left == right),
        (Value::Object(left), Value::Object(right)) => Some(left == right),
        (Value::Array(left), Value::Array(right)) => Some(left == right),
        (Value::Object(_), Value::String(text)) => word(left).map(|word| word == text),
        (Value::String(text), Value::Object(_)) => word(right).map(|word| word == text),
        _ => None,
    }
}

/// Whether a value, or a member of it where it is a list, is one of what is wanted.
pub(super) fn is_one_of(value: &Value, wanted: &[Value]) -> Verdict {
    let members = match value {
        Value::Array(members) => members.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let mut can_be_compared = members.is_empty();
    for (member, wanted) in members.iter().flat_map(|member| wanted.iter().map(move |wanted| (member, wanted))) {
        match same(member, wanted) {
            Some(true) => return Verdict::Holds,
            Some(false) => can_be_compared = true,
            None => {}
        }
    }
    match (can_be_compared, members.first(), wanted.first()) {
        (false, Some(member), Some(wanted)) => unfit(member, kind(wanted)),
        _ => Verdict::Fails,
    }
}

fn equals(value: &Value, wanted: &[Value], is_list: bool) -> Verdict {
    match (value, is_list) {
        (Value::Null, true) => Verdict::Fails,
        (Value::Array(members), true) => {
            let has = |all: &[Value], one: &Value| all.iter().any(|other| same(other, one) == Some(true));
            let (all, no_other) = (wanted.iter().all(|w| has(members, w)), members.iter().all(|m| has(wanted, m)));
            Verdict::of(all && no_other)
        }
        (Value::Array(_), false) => {
            Verdict::Unknown("is a list, and one value is wanted; `contains` asks for a member".to_owned())
        }
        (_, true) => Verdict::Unknown(format!("is {} and no list; `in` asks for one of several", kind(value))),
        (_, false) => is_one_of(value, wanted),
    }
}

fn contains(value: &Value, wanted: &Value) -> Verdict {
    let text = match value {
        Value::Null => return Verdict::Fails,
        Value::Array(_) => return is_one_of(value, std::slice::from_ref(wanted)),
        _ => value.as_str().or_else(|| word(value)),
    };
    match (text, wanted) {
        (Some(_), Value::String(wanted)) if wanted.is_empty() => nothing_wanted(),
        (Some(text), Value::String(wanted)) => Verdict::of(text.contains(wanted)),
        (Some(_), _) => in_quotes(wanted),
        (None, _) => unfit(value, "what it contains"),
    }
}

fn nothing_wanted() -> Verdict {
    Verdict::Unknown("is compared with an empty text, which is in every text".to_owned())
}

fn in_quotes(wanted: &Value) -> Verdict {
    Verdict::Unknown(format!("is a text, and {} is wanted; write it in quotes", kind(wanted)))
}

/// The texts of a value; nothing where it has none.
fn texts<'v>(value: &'v Value, names: &[&str]) -> Option<Vec<&'v str>> {
    let one = |value: &'v Value| {
        let named = names.iter().find_map(|name| value.get(*name)?.as_str());
        named.or_else(|| value.as_str()).or_else(|| word(value))
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(members) => members.iter().map(one).collect(),
        _ => one(value).map(|text| vec![text]),
    }
}

fn edge(value: &Value, wanted: &Value, operator: Operator) -> Verdict {
    let (texts, wanted) = match (texts(value, &[]), wanted) {
        (None, _) => return unfit(value, "the edge of a text"),
        (Some(_), Value::String(wanted)) if wanted.is_empty() => return nothing_wanted(),
        (Some(texts), Value::String(wanted)) => (texts, wanted),
        (Some(_), wanted) => return in_quotes(wanted),
    };
    let fits = |text: &&str| match operator {
        Operator::StartsWith => text.starts_with(wanted.as_str()),
        _ => text.ends_with(wanted.as_str()),
    };
    Verdict::of(texts.iter().any(fits))
}

fn fit(value: &Value, patterns: &Patterns, operator: Operator) -> Verdict {
    let names: &[&str] = if operator == Operator::Includes { &FILE_NAMES } else { &[] };
    let Some(texts) = texts(value, names) else { return unfit(value, "a pattern") };
    if operator == Operator::Includes {
        return Verdict::of(texts.iter().any(|path| patterns.fit_path(path)));
    }
    let fits: Result<Vec<bool>, _> = texts.iter().map(|text| patterns.fit(text)).collect();
    match fits {
        Ok(fits) => Verdict::of(fits.contains(&true)),
        Err(_) => Verdict::Failed("the text is too long for an expression; `contains` takes any length".to_owned()),
    }
}

fn ordered(value: &Value, wanted: &Value, operator: Operator) -> Verdict {
    let order = match (value, wanted) {
        (Value::Null, _) => return Verdict::Fails,
        (Value::Number(value), Value::Number(wanted)) => numbers(value, wanted),
        (Value::String(_), Value::String(_)) => times(value, wanted),
        _ => None,
    };
    match (order, operator) {
        (None, _) => {
            let (found, wanted) = (kind(value), kind(wanted));
            let why = format!("is {found}, and {wanted} is wanted; only two numbers or two times have an order");
            Verdict::Unknown(why)
        }
        (Some(order), Operator::Gt) => Verdict::of(order.is_gt()),
        (Some(order), Operator::Gte) => Verdict::of(order.is_ge()),
        (Some(order), Operator::Lt) => Verdict::of(order.is_lt()),
        (Some(order), _) => Verdict::of(order.is_le()),
    }
}

fn numbers(left: &Number, right: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// A day and an hour in it are the same.
fn times(left: &Value, right: &Value) -> Option<Ordering> {
    let (left, right) = (Moment::of(left)?, Moment::of(right)?);
    Some(match () {
        () if left.to < right.from => Ordering::Less,
        () if left.from > right.to => Ordering::Greater,
        () => Ordering::Equal,
    })
}
