//! The filters of templates: what is done to a value before it is escaped and written.
//!
//! A new filter is a variant, a line in [`Filter::NAMES`], and an arm in [`Filter::read`] and in `Filter::apply`.

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::workflow::mistake::{instead, quoted};
use crate::workflow::scope::moment::Moment;
use crate::workflow::scope::text_of;

/// The longest argument in bytes.
const LONGEST_ARGUMENT: usize = 200;
/// How a day is written where `date` says nothing else: `2026-11-27`.
const DAY: &str = "%F";

/// What is done to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// In capital letters.
    Upper,
    /// In small letters.
    Lower,
    /// This, where there is nothing: no value, an empty text or an empty list.
    Default(String),
    /// At most so many characters, the last of them `…` where something was cut.
    Truncate(usize),
    /// As JSON.
    Json,
    /// Letters and digits in small letters, `-` between them: for branches and keys.
    Slug,
    /// A time by this format of `strftime`, in UTC.
    Date(String),
}

impl Filter {
    /// The names of all.
    pub const NAMES: [&'static str; 7] = ["upper", "lower", "default", "truncate", "json", "slug", "date"];

    /// The filter of a name and what stands behind its `:`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(name: &str, argument: Option<String>) -> Result<Self, String> {
        if argument.as_ref().is_some_and(|argument| argument.len() > LONGEST_ARGUMENT) {
            return Err(format!("what stands behind `{name}:` has more than {LONGEST_ARGUMENT} bytes"));
        }
        let alone = |filter| match &argument {
            None => Ok(filter),
            Some(argument) => Err(format!("`{name}` takes nothing, and {} stands behind it", quoted(argument))),
        };
        match name {
            "upper" => alone(Self::Upper),
            "lower" => alone(Self::Lower),
            "json" => alone(Self::Json),
            "slug" => alone(Self::Slug),
            "default" => {
                argument.map(Self::Default).ok_or_else(|| "`default` takes a text: `default:\"-\"`".to_owned())
            }
            "truncate" => {
                let length = argument.and_then(|length| length.parse().ok()).filter(|length| *length > 0);
                length
                    .map(Self::Truncate)
                    .ok_or_else(|| "`truncate` takes a number of characters: `truncate:80`".into())
            }
            "date" => {
                let format = argument.unwrap_or_else(|| DAY.to_owned());
                match written(0, &format) {
                    Some(_) => Ok(Self::Date(format)),
                    None => Err(format!("{} is no format of a date; write it as `date:\"%F %H:%M\"`", quoted(&format))),
                }
            }
            _ => Err(format!("{} is no filter; {}", quoted(name), instead(name, &Self::NAMES))),
        }
    }

    /// The value with it done; or the value as it was, and why it could not be done, in words that go on after the
    /// path.
    pub(super) fn apply(&self, value: Value) -> Result<Value, (Value, String)> {
        let text = || text_of(&value);
        Ok(match self {
            Self::Upper => text().to_uppercase().into(),
            Self::Lower => text().to_lowercase().into(),
            Self::Json => value.to_string().into(),
            Self::Slug => slug(&text()).into(),
            Self::Truncate(length) => truncated(&text(), *length).into(),
            Self::Default(default) => match &value {
                Value::Null => default.as_str().into(),
                Value::String(text) if text.is_empty() => default.as_str().into(),
                Value::Array(items) if items.is_empty() => default.as_str().into(),
                _ => value,
            },
            Self::Date(format) => match Moment::of(&value).and_then(|moment| written(moment.from, format)) {
                Some(text) => text.into(),
                None if value.is_null() => value,
                None => return Err((value, "is no time, so `date` left it as it is".to_owned())),
            },
        })
    }
}

fn written(milliseconds: i64, format: &str) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(milliseconds).ok()?.to_zoned(TimeZone::UTC);
    jiff::fmt::strtime::format(format, &time).ok()
}

fn truncated(text: &str, length: usize) -> String {
    if text.chars().nth(length).is_none() {
        return text.to_owned();
    }
    text.chars().take(length - 1).chain(['…']).collect()
}

fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            out.push(character);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn filter(text: &str) -> Result<Filter, String> {
        match text.split_once(':') {
            Some((name, argument)) => Filter::read(name, Some(argument.to_owned())),
            None => Filter::read(text, None),
        }
    }

    #[test]
    fn filters_do_what_their_names_say() {
        for (text, value, wanted) in [
            ("upper", json!("straße"), json!("STRASSE")),
            ("upper", json!(null), json!("")),
            ("lower", json!("ÄB"), json!("äb")),
            ("lower", json!([{"name": "A"}, "B"]), json!("a, b")),
            ("default:-", json!(null), json!("-")),
            ("default:-", json!(""), json!("-")),
            ("default:-", json!([]), json!("-")),
            ("default:-", json!(0), json!(0)),
            ("default:-", json!(false), json!(false)),
            ("truncate:3", json!("日本語"), json!("日本語")),
            ("truncate:3", json!("日本語x"), json!("日本…")),
            ("truncate:1", json!("ab"), json!("…")),
            ("json", json!({"a": ["b"]}), json!(r#"{"a":["b"]}"#)),
            ("json", json!("a\"b"), json!(r#""a\"b""#)),
            ("json", json!(null), json!("null")),
            ("slug", json!("  Fix: the Größe (again)! "), json!("fix-the-größe-again")),
            ("slug", json!("../../etc"), json!("etc")),
            ("slug", json!("!!!"), json!("")),
            ("date", json!("2026-11-27T23:30:00-02:00"), json!("2026-11-28")),
            ("date:%H:%M", json!(60_000), json!("16:40")),
            ("date:%d.%m.%Y", json!("2026-11-27"), json!("27.11.2026")),
            ("date", json!(null), json!(null)),
        ] {
            assert_eq!(filter(text).unwrap().apply(value.clone()), Ok(wanted), "{text} {value}");
        }
        let left = filter("date").unwrap().apply(json!("soon")).unwrap_err();
        assert_eq!(left, (json!("soon"), "is no time, so `date` left it as it is".to_owned()));
    }

    #[test]
    fn wrong_filters_are_refused_with_the_mend() {
        for (text, what) in [
            ("uper", "did you mean `upper`?"),
            ("", "`` is no filter"),
            ("upper:x", "takes nothing"),
            ("default", "default:\"-\""),
            ("truncate", "truncate:80"),
            ("truncate:x", "truncate:80"),
            ("truncate:0", "truncate:80"),
            ("truncate:-1", "truncate:80"),
            ("date:%", "is no format of a date"),
            ("date:%!", "is no format of a date"),
            (&format!("default:{}", "x".repeat(201)), "more than 200 bytes"),
        ] {
            let said = filter(text).unwrap_err();
            assert!(said.contains(what), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn no_format_and_no_text_breaks_a_filter(
            argument in "[%0-9a-zA-Z_.:^#-]{0,20}",
            text in any::<String>(),
            at in any::<i64>(),
        ) {
            for name in Filter::NAMES {
                for argument in [None, Some(argument.clone())] {
                    if let Ok(filter) = Filter::read(name, argument) {
                        let _shown = filter.apply(json!(text));
                        let _shown = filter.apply(json!(at));
                    }
                }
            }
        }

        #[test]
        fn a_text_is_never_longer_than_it_may_be(text in any::<String>(), length in 1_usize..50) {
            prop_assert!(truncated(&text, length).chars().count() <= length);
        }
    }
}
