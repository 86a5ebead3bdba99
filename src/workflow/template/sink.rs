//! What is escaped for whom: the readers of filled texts.
//!
//! What stands in the template is its writer's and goes out as it is; what comes from the scope is escaped, and its
//! mentions are broken (`mention.rs`). A new reader is a variant of [`Sink`] and an arm in `Writer::fill`.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::mention;
use crate::workflow::scope::text_of;

/// What goes into an address as it is: RFC 3986, 2.3, "unreserved".
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest value within a text, in characters. GitHub refuses a body of more (422, `body is too long`).
const LONGEST_VALUE: usize = 65_536;
/// From this length on nothing more is filled in, in bytes: a text with 200 places is no reason for 200 bodies.
const LONGEST_TEXT: usize = 262_144;

/// Who reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// Slack's mrkdwn, and its `text`.
    SlackText,
    /// HTML, between tags and in quoted attributes.
    Html,
    /// Markdown: GitHub, GitLab, cards of Teams.
    Markdown,
    /// What is kept, and escaped by whoever shows it.
    Plain,
    /// JQL and SOQL: a value is a literal in quotes; within quotes of the template, the inside of one.
    Query,
    /// A part of an address.
    Url,
}

impl Sink {
    /// As people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SlackText => "mrkdwn",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Plain => "plain",
            Self::Query => "query",
            Self::Url => "url",
        }
    }

    /// Whether a text of one `{path}` alone becomes what stands there, list or number.
    #[must_use]
    pub fn keeps_types(self) -> bool {
        !matches!(self, Self::Query | Self::Url)
    }

    /// A value of which all texts are escaped.
    pub(super) fn escape_within(self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.escaped(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.escape_within(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (self.escaped(&name), self.escape_within(value))).collect()
            }
            _ => value,
        }
    }

    fn escaped(self, text: &str) -> String {
        let mut writer = Writer::new(self);
        writer.text(text);
        writer.quiet()
    }
}

/// A text while it is written for a reader.
pub(super) struct Writer {
    sink: Sink,
    out: String,
    /// What of it comes from the scope, in order.
    filled: Vec<Range<usize>>,
    /// The quote of a query that is open in the template.
    quote: Option<char>,
    /// Whether the template has just begun an escape in it.
    is_escape: bool,
    wrong: Option<&'static str>,
}

impl Writer {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, out: String::new(), filled: Vec::new(), quote: None, is_escape: false, wrong: None }
    }

    /// Writes what stands in the template.
    pub(super) fn literal(&mut self, text: &str) {
        self.out.push_str(text);
        for character in text.chars() {
            match (self.quote, character) {
                _ if self.is_escape => self.is_escape = false,
                (Some(_), '\\') => self.is_escape = true,
                (Some(quote), _) if quote == character => self.quote = None,
                (None, '"' | '\'') => self.quote = Some(character),
                _ => {}
            }
        }
    }

    /// Writes what comes from the scope. Whether some of it had to be left out.
    pub(super) fn fill(&mut self, value: &Value) -> bool {
        if self.out.len() >= LONGEST_TEXT {
            return true;
        }
        if self.sink == Sink::Query && self.quote.is_none() {
            let begin = self.out.len();
            query_literals(value, &mut self.out);
            self.filled.push(begin..self.out.len());
            return false;
        }
        let text = text_of(value);
        match text.char_indices().nth(LONGEST_VALUE) {
            Some((end, _)) => {
                self.text(&text[..end]);
                self.text("…");
                true
            }
            None => {
                self.text(&text);
                false
            }
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_escape {
            // A backslash of the template would take the first of our escapes.
            self.out.push('\\');
            self.is_escape = false;
        }
        let begin = self.out.len();
        match self.sink {
            Sink::Plain => self.out.push_str(text),
            Sink::SlackText => replaced(text, &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")], &mut self.out),
            Sink::Html => replaced(text, HTML, &mut self.out),
            Sink::Markdown => markdown(text, &mut self.out),
            Sink::Query => query(text, &mut self.out),
            Sink::Url => {
                // `DELETE /issues/` is another thing than `DELETE /issues/7`.
                if text.is_empty() && !self.out.contains(['?', '#']) {
                    self.wrong = Some("a step of the address would be empty");
                }
                self.out.extend(utf8_percent_encode(text, ENCODED));
            }
        }
        self.filled.push(begin..self.out.len());
    }

    /// The text; or why it cannot be used.
    pub(super) fn end(self) -> Result<String, &'static str> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None if self.climbs() => Err("a step of the address would be `.` or `..`, which leads elsewhere"),
            None => Ok(self.quiet()),
        }
    }

    fn quiet(self) -> String {
        match self.sink {
            Sink::SlackText => mention::broken(&self.out, &self.filled, true),
            Sink::Html | Sink::Markdown => mention::broken(&self.out, &self.filled, false),
            Sink::Plain | Sink::Query | Sink::Url => self.out,
        }
    }

    /// Whether what was filled in makes a step of an address that leads to the folder above.
    fn climbs(&self) -> bool {
        if self.sink != Sink::Url {
            return false;
        }
        let path = self.out.split(['?', '#']).next().unwrap_or_default();
        let mut begin = 0;
        path.split(['/', '\\']).any(|step| {
            let range = begin..begin + step.len();
            begin = range.end + 1;
            let is_dots = matches!(step.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
            is_dots && self.filled.iter().any(|filled| filled.start < range.end && range.start < filled.end)
        })
    }
}

const HTML: &[(char, &str)] = &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];

fn replaced(text: &str, table: &[(char, &str)], out: &mut String) {
    for character in text.chars() {
        match table.iter().find(|(known, _)| *known == character) {
            Some((_, escape)) => out.push_str(escape),
            None => out.push(character),
        }
    }
}

/// Text as CommonMark and GitHub show it as it stands. `&`, `<` and `>` become entities and not escapes, so that no
/// reader that leaves the backslash away is left with a tag.
fn markdown(text: &str, out: &mut String) {
    let mut before = '\n';
    // Whether only blanks, or only digits, stand between here and the start of the line.
    let (mut is_start, mut is_number) = (true, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or('\n');
        let is_mark = match character {
            '\\' | '`' | '*' | '~' | '[' | ']' | '(' | ')' | '|' => true,
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            '#' | '+' | '-' | '=' => is_start,
            '.' => is_number,
            _ => false,
        };
        match character {
            '&' | '<' | '>' => replaced(character.encode_utf8(&mut [0; 4]), HTML, out),
            _ if is_mark => out.extend(['\\', character]),
            _ => out.push(character),
        }
        is_number = character.is_ascii_digit() && (is_start || is_number);
        is_start = character == '\n' || is_start && character.is_whitespace();
        before = character;
    }
}

/// A value as it stands in a query outside of quotes: texts in single quotes, since SOQL knows no others and JQL takes
/// both. What is escaped is escaped alike in both
/// (<https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm>).
fn query_literals(value: &Value, out: &mut String) {
    match value {
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(items) if !items.is_empty() => {
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push_str(", ");
                }
                // A list within a list is no literal; it is told as one text.
                match item {
                    Value::Array(_) => query_literals(&text_of(item).into(), out),
                    _ => query_literals(item, out),
                }
            }
        }
        _ => {
            out.push('\'');
            query(&text_of(value), out);
            out.push('\'');
        }
    }
}

/// The inside of a literal. Both kinds of quotes are escaped, so it fits within either.
fn query(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' | '\'' | '"' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
}
