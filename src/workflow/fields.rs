//! A mapping by its keys: each value as what it has to be, with a default and bounds.
//!
//! Owns the words of what is wrong with a key or a value. Knows no key of its own; who reads a part of a file says
//! which there are. A further kind of value is a function here.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::workflow::condition::Conditions;
use crate::workflow::duration;
use crate::workflow::mistake::{Mistake, Position, instead, listed, quoted};
use crate::workflow::template::Template;
use crate::workflow::yaml::{Is, Key, Node};

/// Mistakes of a file from which on no nearest key is looked for. To compare words is what takes time, a file may be a
/// stranger's with ten thousands of them, and nobody is told so many.
const MOST_HINTS: usize = 100;

/// A length of time that may be left out.
pub(super) struct Length {
    /// What it is then.
    pub(super) default: Duration,
    /// The shortest.
    pub(super) least: Duration,
    /// The longest.
    pub(super) most: Duration,
}

/// The entries of a mapping.
pub(super) struct Fields<'n> {
    /// Where the mapping begins.
    pub(super) at: Position,
    what: &'static str,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// The entries of a mapping that has no other keys than these. `what` is its name with an article.
    pub(super) fn of(
        node: &'n Node,
        what: &'static str,
        keys: &[&str],
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Fields<'n>> {
        let Is::Map(entries) = &node.is else {
            mistakes
                .push(Mistake::new(node.at, format!("{what} is a mapping with {}, not {}", listed(keys), node.kind())));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !keys.contains(&key.name.as_str())) {
            let hint = if mistakes.len() < MOST_HINTS { instead(&key.name, keys) } else { "leave it out".to_owned() };
            mistakes.push(Mistake::new(key.at, format!("{} is no key of {what}; {hint}", quoted(&key.name))));
        }
        Some(Fields { at: node.at, what, entries })
    }

    /// The value of a key, if the key is there.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Where a key stands; where it is not there, where the mapping begins.
    pub(super) fn place_of(&self, name: &str) -> Position {
        self.entries.iter().find(|(key, _)| key.name == name).map_or(self.at, |(key, _)| key.at)
    }

    /// Those of the names that are keys here, in the order of the names.
    pub(super) fn among<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|name| self.get(name).is_some()).collect()
    }

    /// The value of a key that has to be there.
    pub(super) fn need(&self, name: &str, mistakes: &mut Vec<Mistake>) -> Option<&'n Node> {
        let found = self.get(name);
        if found.is_none() {
            mistakes.push(Mistake::new(self.at, format!("{} needs `{name}`, which is missing here", self.what)));
        }
        found
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str, default: bool, mistakes: &mut Vec<Mistake>) -> bool {
        match self.get(name).map(|node| (node, &node.is)) {
            None => default,
            Some((_, Is::Bool(value))) => *value,
            Some((node, _)) => {
                mistakes.push(wrong(name, "`true` or `false`", node));
                default
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        default: u32,
        bounds: RangeInclusive<u32>,
        mistakes: &mut Vec<Mistake>,
    ) -> u32 {
        let Some(node) = self.get(name) else { return default };
        let given = if let Is::Int(value) = node.is { u32::try_from(value).ok() } else { None };
        match given.filter(|value| bounds.contains(value)) {
            Some(value) => value,
            None => {
                let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
                mistakes.push(wrong(name, &wanted, node));
                default
            }
        }
    }

    /// A length of time within bounds.
    pub(super) fn length(&self, name: &str, bounds: &Length, mistakes: &mut Vec<Mistake>) -> Duration {
        let Some(node) = self.get(name) else { return bounds.default };
        let given = if let Is::Text(text) = &node.is { duration::read(text) } else { None };
        match given {
            Some(length) if length >= bounds.least && length <= bounds.most => length,
            Some(_) => {
                let (least, most) = (duration::shown(bounds.least), duration::shown(bounds.most));
                mistakes.push(Mistake::new(node.at, format!("`{name}` is from {least} to {most}")));
                bounds.default
            }
            None => {
                mistakes
                    .push(Mistake::new(node.at, format!("`{name}` has {} here; {}", shown(node), duration::NOTATION)));
                bounds.default
            }
        }
    }

    /// One of several words.
    pub(super) fn word<T: Copy>(&self, name: &str, default: T, words: &[(&str, T)], mistakes: &mut Vec<Mistake>) -> T {
        self.get(name).and_then(|node| word(name, node, words, mistakes)).unwrap_or(default)
    }

    /// A text of at least one character, and where it stands.
    pub(super) fn text(&self, name: &str, mistakes: &mut Vec<Mistake>) -> Option<(&'n str, Position)> {
        self.get(name).and_then(|node| text(name, node, mistakes))
    }

    /// A text with `{path}` in it.
    pub(super) fn template(&self, name: &str, mistakes: &mut Vec<Mistake>) -> Option<Template> {
        let (text, at) = self.text(name, mistakes)?;
        Some(Template::read(text, at, mistakes))
    }

    /// A list of conditions, or one alone.
    pub(super) fn conditions(&self, name: &str, mistakes: &mut Vec<Mistake>) -> Option<Conditions> {
        let node = self.get(name)?;
        if let Is::Null | Is::Bool(_) | Is::Int(_) | Is::Float(_) = node.is {
            mistakes.push(wrong(name, "a list of conditions", node));
            return None;
        }
        Some(Conditions::read(node, mistakes))
    }

    /// A list with at least one entry, and at most so many.
    pub(super) fn list(&self, name: &str, most: usize, mistakes: &mut Vec<Mistake>) -> &'n [Node] {
        let Some(node) = self.get(name) else { return &[] };
        match &node.is {
            Is::List(nodes) if nodes.is_empty() => {
                mistakes.push(Mistake::new(
                    node.at,
                    format!("`{name}` is empty; write what is to be in it, or leave it out"),
                ));
                &[]
            }
            Is::List(nodes) if nodes.len() > most => {
                let what = format!("`{name}` has {} entries; there are at most {most}", nodes.len());
                mistakes.push(Mistake::new(nodes[most].at, what));
                &nodes[..most]
            }
            Is::List(nodes) => nodes,
            _ => {
                mistakes.push(wrong(name, "a list", node));
                &[]
            }
        }
    }
}

/// That a value is not what its key has to be.
pub(super) fn wrong(name: &str, wanted: &str, node: &Node) -> Mistake {
    Mistake::new(node.at, format!("`{name}` has {} here; it takes {wanted}", shown(node)))
}

/// A value as it is told again.
fn shown(node: &Node) -> String {
    match &node.is {
        Is::Text(text) => quoted(text),
        Is::Bool(value) => format!("`{value}`"),
        Is::Int(value) => format!("`{value}`"),
        Is::Float(value) => format!("`{value}`"),
        Is::Null | Is::List(_) | Is::Map(_) => node.kind().to_owned(),
    }
}

/// One of several words.
pub(super) fn word<T: Copy>(name: &str, node: &Node, words: &[(&str, T)], mistakes: &mut Vec<Mistake>) -> Option<T> {
    let (given, at) = text(name, node, mistakes)?;
    let found = words.iter().find(|(word, _)| *word == given).map(|(_, meant)| *meant);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        mistakes.push(Mistake::new(at, format!("{} is no `{name}`; {}", quoted(given), instead(given, &names))));
    }
    found
}

/// A text of at least one character, and where it stands.
pub(super) fn text<'n>(name: &str, node: &'n Node, mistakes: &mut Vec<Mistake>) -> Option<(&'n str, Position)> {
    match &node.is {
        Is::Text(text) if !text.trim().is_empty() => Some((text, node.at)),
        Is::Text(_) => {
            mistakes.push(Mistake::new(node.at, format!("`{name}` is empty; write its text, or leave it out")));
            None
        }
        Is::Map(_) => {
            mistakes.push(wrong(name, "a text; one that begins with `{` stands in quotes", node));
            None
        }
        _ => {
            mistakes.push(wrong(name, "a text; a number or `true` stands in quotes then", node));
            None
        }
    }
}

/// A name that a path can hold: letters, digits, `_` and `-`, a letter first, at most 64 characters.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
