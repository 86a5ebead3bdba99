//! A form of Slack, or the same fields as an object of JSON: UTF-8 after unescaping, and every field at most once.
//!
//! Strict where the usual readers are lenient: a field that stands twice would let two readers of
//! the same bytes see two different requests.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::{DecodeError, malformed};

/// The fields of a form.
pub(super) struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// More fields than this are no request of Slack; its longest has fifteen.
const MOST_FIELDS: usize = 100;

impl<'a> Form<'a> {
    /// Reads `name=value&…`.
    pub(super) fn read(text: &'a str) -> Result<Self, DecodeError> {
        let mut fields: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (unescape(name)?, unescape(value)?);
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(malformed("a form field stands twice"));
            }
            if fields.len() == MOST_FIELDS {
                return Err(malformed("a form of more than 100 fields"));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// Reads `{"name":"value",…}`, as a socket brings the fields of a form. What is `null` or no plain value is absent.
    pub(super) fn of_json(text: &str) -> Result<Self, DecodeError> {
        let Pairs(pairs) =
            serde_json::from_str(text).map_err(|error| malformed(format!("not JSON of Slack: {error}")))?;
        let mut fields: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for (name, value) in pairs {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(malformed("a field stands twice"));
            }
            let value = match value {
                Value::String(text) => text,
                Value::Bool(flag) => flag.to_string(),
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            fields.push((Cow::Owned(name), Cow::Owned(value)));
        }
        Ok(Self(fields))
    }

    /// The value of a field, also where it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// The value of a field, where there is something in it.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// The fields of an object in their order, those that stand twice included.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of at most 100 fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() == MOST_FIELDS {
                        return Err(A::Error::invalid_length(MOST_FIELDS + 1, &self));
                    }
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn unescape(text: &str) -> Result<Cow<'_, str>, DecodeError> {
    let broken = |_| malformed("a form field is not UTF-8");
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        let read = percent_decode_str(&spaced).decode_utf8().map_err(broken)?;
        return Ok(Cow::Owned(read.into_owned()));
    }
    percent_decode_str(text).decode_utf8().map_err(broken)
}
