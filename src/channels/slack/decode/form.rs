//! A form of Slack: UTF-8 after unescaping, and every field at most once.
//!
//! Strict where the usual readers are lenient: a field that stands twice would let two readers of
//! the same bytes see two different requests.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

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

    /// The value of a field, also where it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// The value of a field, where there is something in it.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
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
