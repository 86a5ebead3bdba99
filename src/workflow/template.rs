//! Texts with `{path}` in them, filled from the scope.
//!
//! `{path}` is filled with what stands there, with nothing and a remark where nothing is there; `{path!}` must be
//! there. Filters follow behind `|`, in their order: `{issue.title|truncate:80|upper}`. `{{` and `}}` are the braces
//! themselves. A text that is one `{path}` alone keeps the type of what stands there. Filling is one pass: what was
//! filled in is never read again, so `{vars.secret}` in the title of an issue is those letters and no more.
//!
//! Here stands how a text is read and filled; `template/filter.rs` has the filters, `template/sink.rs` what is escaped
//! for whom, and `template/mention.rs` the mentions that are broken.

pub mod filter;
mod mention;
pub mod sink;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::workflow::mistake::{Mistake, Position, quoted};
use crate::workflow::scope::{Path, Scope, string};

use self::filter::Filter;
use self::sink::{Sink, Writer};

/// The longest template in bytes, and so the largest number of its parts.
const LONGEST_TEMPLATE: usize = 65_536;
/// The most `{path}` in one template.
const MOST_PLACES: usize = 200;
/// The most filters of one `{path}`.
const MOST_FILTERS: usize = 8;

/// A text that was read once.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    at: Position,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(String),
    Place(Place),
    /// What was not understood. A mistake was told, and the text is never filled.
    Unread,
}

#[derive(Debug, Clone, PartialEq)]
struct Place {
    path: Path,
    is_required: bool,
    filters: Vec<Filter>,
}

/// A filled text.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// A text, or what stood at the one path.
    pub value: Value,
    /// What may not be meant: paths at which nothing is there, values that a filter could not take. None of them
    /// holds what was filled in.
    pub remarks: Vec<String>,
}

/// A text cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Missing {
    /// Where the text stands in the file.
    pub at: Position,
    /// What is missing, in words; never what was filled in.
    pub what: String,
}

impl Template {
    /// Reads a text that begins at a place of the file.
    #[must_use]
    pub fn read(text: &str, at: Position, mistakes: &mut Vec<Mistake>) -> Self {
        match pieces(text) {
            Ok(pieces) => Self { at, pieces },
            Err(wrong) => {
                mistakes.push(Mistake::new(at, wrong));
                Self { at, pieces: vec![Piece::Unread] }
            }
        }
    }

    /// The text, where nothing in it is filled.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Where it begins in the file.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// Every path that it looks at.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let places = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place.path.to_string()),
            Piece::Literal(_) | Piece::Unread => None,
        });
        places.collect()
    }

    /// Fills it for a reader.
    ///
    /// # Errors
    /// Nothing stands at a path that must be there; or the address that came of it would climb out of its folder.
    pub fn fill(&self, scope: &Value, sink: Sink, now: Timestamp) -> Result<Filled, Missing> {
        let scope = Scope { root: scope, now };
        let mut remarks = Vec::new();
        if let [Piece::Place(place)] = &self.pieces[..]
            && sink.keeps_types()
        {
            let value = self.value(place, scope, &mut remarks)?;
            return Ok(Filled { value: sink.escape_within(value), remarks });
        }
        let mut writer = Writer::new(sink);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => writer.literal(text),
                Piece::Place(place) => {
                    let value = self.value(place, scope, &mut remarks)?;
                    if writer.fill(&value) {
                        remarks.push(format!("`{}` is longer than there is room; the rest was left out", place.path));
                    }
                }
                Piece::Unread => return Err(self.missing("it was not understood".to_owned())),
            }
        }
        match writer.end() {
            Ok(text) => Ok(Filled { value: Value::String(text), remarks }),
            Err(what) => Err(self.missing(what.to_owned())),
        }
    }

    fn missing(&self, what: String) -> Missing {
        Missing { at: self.at, what }
    }

    fn value(&self, place: &Place, scope: Scope<'_>, remarks: &mut Vec<String>) -> Result<Value, Missing> {
        let path = &place.path;
        let found = scope.look_up(path);
        if place.is_required && found.as_deref().is_none_or(Value::is_null) {
            return Err(self.missing(format!("nothing is at `{path}`, and `{{{path}!}}` must be there")));
        }
        let has_default = place.filters.iter().any(|filter| matches!(filter, Filter::Default(_)));
        if found.is_none() && !has_default {
            remarks.push(format!("`{path}` is not there, so nothing was filled in"));
        }
        let mut value = found.map_or(Value::Null, Cow::into_owned);
        for filter in &place.filters {
            value = match filter.apply(value) {
                Ok(value) => value,
                Err((value, what)) => {
                    remarks.push(format!("`{path}` {what}"));
                    value
                }
            };
        }
        Ok(value)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    if text.len() > LONGEST_TEMPLATE {
        return Err(format!("a text has at most {LONGEST_TEMPLATE} bytes, and this one has {}", text.len()));
    }
    let (mut pieces, mut literal) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            literal.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let Some(inside) = brace.strip_prefix('{') else {
            return Err(format!(
                "a `}}` stands alone before {}; write `}}}}` for the brace itself",
                quoted(&brace[1..])
            ));
        };
        let (place, behind) = place(inside).map_err(|wrong| {
            format!("{}: {wrong}; write `{{{{` where the brace itself is meant", quoted(until_brace(brace)))
        })?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Place(place));
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    let places = pieces.iter().filter(|piece| matches!(piece, Piece::Place(_))).count();
    if places > MOST_PLACES {
        return Err(format!("a text has at most {MOST_PLACES} `{{path}}`, and this one has {places}"));
    }
    Ok(pieces)
}

fn until_brace(text: &str) -> &str {
    text.find('}').map_or(text, |end| &text[..=end])
}

/// Reads what follows `{`, its `}` included.
fn place(text: &str) -> Result<(Place, &str), String> {
    let (path, rest) = Path::read_from(text.trim_start())?;
    let (is_required, rest) = match rest.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let mut filters = Vec::new();
    let mut rest = rest.trim_start();
    while let Some(behind) = rest.strip_prefix('|') {
        let (filter, behind) = filter(behind)?;
        if is_required && matches!(filter, Filter::Default(_)) {
            return Err("what must be there needs no `default`; take `!` or `default` away".to_owned());
        }
        filters.push(filter);
        if filters.len() > MOST_FILTERS {
            return Err(format!("a path has at most {MOST_FILTERS} filters"));
        }
        rest = behind;
    }
    match rest.strip_prefix('}') {
        Some(rest) => Ok((Place { path, is_required, filters }, rest)),
        None if rest.is_empty() => Err("`}` is missing".to_owned()),
        None => Err(format!("{} does not belong there", quoted(until_brace(rest).trim_end_matches('}')))),
    }
}

/// Reads a filter behind its `|`: a name, and behind `:` a number, a word or a text in quotes.
fn filter(text: &str) -> Result<(Filter, &str), String> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let Some(argument) = rest.strip_prefix(':').map(str::trim_start) else {
        return Ok((Filter::read(name, None)?, rest));
    };
    let (argument, rest) = match string(argument) {
        Some(read) => read,
        None if argument.starts_with(['"', '\'']) => return Err(format!("a quote behind `{name}:` is not closed")),
        None => {
            let end = argument.find(['|', '}']).unwrap_or(argument.len());
            (argument[..end].trim_end().to_owned(), &argument[end..])
        }
    };
    Ok((Filter::read(name, Some(argument))?, rest.trim_start()))
}
