//! YAML as a tree in which everything knows where it stands.
//!
//! Owns what of YAML is read: one document of mappings, lists and the scalars of YAML 1.2's core schema. Anchors,
//! aliases, tags, merge keys and directives are refused with their place, so that nothing in a file stands for more
//! than is written there. Owns the bounds too, which hold while the text is read. Knows no workflow.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError};

use crate::workflow::mistake::{Mistake, Position, quoted};

/// The longest text in bytes: some ten thousand lines, which nobody has written by hand.
pub const LONGEST_TEXT: usize = 512 * 1024;
/// How deep lists and mappings may stand in one another. Who walks through a tree may rely on it.
pub const MOST_LEVELS: usize = 64;
/// Values and keys in a text.
pub const MOST_NODES: usize = 50_000;
/// The longest key in characters, as YAML has it for keys without a `?` (YAML 1.2.2, 7.4.2).
const LONGEST_KEY: usize = 1024;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins; a text in quotes at its quote, a text in a block at its `|` or `>`.
    pub at: Position,
    /// What it is.
    pub is: Is,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Is {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number; always finite.
    Float(f64),
    /// Anything else, and all that stands in quotes.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the text; no name stands in it twice.
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping. It is the text that stands there, whatever it would be as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it begins.
    pub at: Position,
    /// Its name.
    pub name: String,
}

impl Node {
    /// What it is, in a word with its article, for a mistake.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.is {
            Is::Null => "nothing",
            Is::Bool(_) => "true or false",
            Is::Int(_) | Is::Float(_) => "a number",
            Is::Text(_) => "a text",
            Is::List(_) => "a list",
            Is::Map(_) => "a mapping",
        }
    }

    /// The same as JSON. Names stand in it once and numbers are finite, so nothing is lost.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.is {
            Is::Null => serde_json::Value::Null,
            Is::Bool(value) => (*value).into(),
            Is::Int(value) => (*value).into(),
            Is::Float(value) => (*value).into(),
            Is::Text(text) => text.as_str().into(),
            Is::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            Is::Map(entries) => entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect(),
        }
    }
}

/// Reads a text. One without a document, such as comments alone, is [`Is::Null`].
///
/// # Errors
/// The first thing that is no YAML, that is not read, or that passes a bound.
pub fn read(text: &str) -> Result<Node, Mistake> {
    if text.len() > LONGEST_TEXT {
        let what = format!("the file has {} bytes; a file has at most {LONGEST_TEXT}: split it", text.len());
        return Err(Mistake::new(Position::START, what));
    }
    let mut options = granit_parser::options! {
        disallow_directives: true,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        simple_key_max_lookahead: LONGEST_KEY,
        flow_nesting_limit: MOST_LEVELS,
        block_nesting_limit: MOST_LEVELS,
    };
    options.set_emit_comments(false);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        if event.tag().is_some() {
            let at = position(span.tag_start().unwrap_or(span.start));
            return Err(Mistake::new(at, "tags (`!name`) are not read: leave it out, or put the text in quotes"));
        }
        tree.take(event, position(span.start))?;
    }
    Ok(tree.root.unwrap_or(Node { at: Position::START, is: Is::Null }))
}

/// The tree while it grows. What is open stands in a stack, so that depth costs no stack of the thread.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    nodes: usize,
    documents: usize,
}

struct Open {
    at: Position,
    is: Collection,
}

enum Collection {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        /// Where each name stands, since to look through the entries would be quadratic.
        seen: HashMap<String, Position>,
        /// The key whose value comes next.
        key: Option<Key>,
    },
}

impl Tree {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Mistake> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Mistake::new(at, "a second document begins here; a file has one: leave out the `---`"));
                }
            }
            Event::Anchor(..) | Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let what = "anchors (`&name`) and aliases (`*name`) are not read: write the value out, or put the text \
                            in quotes";
                return Err(Mistake::new(at, what));
            }
            Event::SequenceStart(..) => self.begin(at, Collection::List(Vec::new()))?,
            Event::MappingStart(..) => {
                self.begin(at, Collection::Map { entries: Vec::new(), seen: HashMap::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Scalar(text, style, ..) => self.scalar(&text, style, at)?,
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, at: Position) -> Result<(), Mistake> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            let what = format!("more than {MOST_NODES} values and keys; a file has at most so many: split it");
            return Err(Mistake::new(at, what));
        }
        Ok(())
    }

    fn begin(&mut self, at: Position, is: Collection) -> Result<(), Mistake> {
        self.count(at)?;
        if self.open.len() >= MOST_LEVELS {
            return Err(too_deep(at));
        }
        if self.wants_key() {
            return Err(Mistake::new(at, "a key is a name, not a list or a mapping"));
        }
        self.open.push(Open { at, is });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(Open { at, is }) = self.open.pop() {
            let is = match is {
                Collection::List(nodes) => Is::List(nodes),
                Collection::Map { entries, .. } => Is::Map(entries),
            };
            self.put(Node { at, is });
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { is: Collection::Map { key: None, .. }, .. }))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Position) -> Result<(), Mistake> {
        self.count(at)?;
        let is_plain = style == ScalarStyle::Plain;
        if let Some(Open { is: Collection::Map { seen, key: key @ None, .. }, .. }) = self.open.last_mut() {
            check_key(text, is_plain, at)?;
            if let Some(first) = seen.insert(text.to_owned(), at) {
                let what = format!("{} stands here twice; it is on line {} already", quoted(text), first.line);
                return Err(Mistake::new(at, what));
            }
            *key = Some(Key { at, name: text.to_owned() });
            return Ok(());
        }
        let is = if is_plain { plain(text, at)? } else { Is::Text(text.to_owned()) };
        self.put(Node { at, is });
        Ok(())
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.is) {
            None => self.root = Some(node),
            Some(Collection::List(nodes)) => nodes.push(node),
            Some(Collection::Map { entries, key, .. }) => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                }
            }
        }
    }
}

fn check_key(text: &str, is_plain: bool, at: Position) -> Result<(), Mistake> {
    let what = if is_plain && text == "<<" {
        "merge keys (`<<`) are not read: write the keys out".to_owned()
    } else if text.is_empty() || (is_plain && text == "~") {
        "a key is missing before the `:`".to_owned()
    } else if text.chars().nth(LONGEST_KEY).is_some() {
        format!("the key {} has more than {LONGEST_KEY} characters", quoted(text))
    } else {
        return Ok(());
    };
    Err(Mistake::new(at, what))
}

/// A scalar without quotes, by YAML 1.2.2, 10.3.2 (core schema).
fn plain(text: &str, at: Position) -> Result<Is, Mistake> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Is::Null,
        "true" | "True" | "TRUE" => Is::Bool(true),
        "false" | "False" | "FALSE" => Is::Bool(false),
        _ => match number(text) {
            Some(Ok(number)) => number,
            Some(Err(wrong)) => {
                let what = format!("{} is {wrong}; if it is meant as a text, put it in quotes", quoted(text));
                return Err(Mistake::new(at, what));
            }
            None => Is::Text(text.to_owned()),
        },
    })
}

/// The number that a text is, if it is one, or what is wrong with it as one.
fn number(text: &str) -> Option<Result<Is, &'static str>> {
    const TOO_LARGE: &str = "a number that is too large";
    let whole = |digits: &str, radix| match i64::from_str_radix(digits, radix) {
        Ok(value) => Ok(Is::Int(value)),
        Err(_) => Err(TOO_LARGE),
    };
    let are = |digits: &str, fits: fn(&char) -> bool| !digits.is_empty() && digits.chars().all(|c| fits(&c));
    if let Some(digits) = text.strip_prefix("0o").filter(|digits| are(digits, |c| matches!(c, '0'..='7'))) {
        return Some(whole(digits, 8));
    }
    if let Some(digits) = text.strip_prefix("0x").filter(|digits| are(digits, char::is_ascii_hexdigit)) {
        return Some(whole(digits, 16));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if are(unsigned, char::is_ascii_digit) {
        return Some(whole(text, 10));
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err("no number to reckon with"));
    }
    let is_mantissa = |c: char| c.is_ascii_digit() || c == '.';
    let looks_so = unsigned.starts_with(is_mantissa) && text.chars().all(|c| is_mantissa(c) || "+-eE".contains(c));
    let value: f64 = if looks_so { text.parse().ok()? } else { return None };
    Some(if value.is_finite() { Ok(Is::Float(value)) } else { Err(TOO_LARGE) })
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

fn too_deep(at: Position) -> Mistake {
    Mistake::new(at, format!("lists and mappings stand more than {MOST_LEVELS} deep in one another here"))
}

/// What the parser says, with words of ours where ours are plainer.
fn syntax(error: &ScanError) -> Mistake {
    let at = position(*error.marker());
    let what = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(at),
        ErrorKind::DirectiveDisallowed => "directives (`%NAME`) are not read: leave the line out".to_owned(),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "a tab stands where YAML has blanks: indent with blanks".to_owned(),
        ErrorKind::UnclosedQuotedScalar => "the quote that opens here is not closed".to_owned(),
        ErrorKind::InvalidQuotedScalarIndent => {
            "a text in quotes goes on here and is not indented: is its quote closed?".to_owned()
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            format!("the character U+{:04X} is not allowed in YAML: leave it out", u32::from(*character))
        }
        _ => format!("this is no YAML: {}", error.info()),
    };
    Mistake::new(at, what)
}

#[cfg(test)]
mod tests;
