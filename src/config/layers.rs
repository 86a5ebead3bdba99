//! Files and profiles, read key by key.
//!
//! Owns the way from TOML to [`Entry`]s and the list of embedded profiles. Does not decide which entry
//! wins. A new profile of the program is a file in `config/` and a line in [`PROFILES`].

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use crate::config::errors::{ConfigIssue, Origin};
use crate::config::keys::KEYS;

/// The profiles that came with the program.
const PROFILES: &[(&str, &str)] = &[("sim", include_str!("../../config/sim.toml"))];

/// A value of a declared key, of the right kind. No `Debug`: it may be a secret.
pub(super) struct Entry {
    /// The key.
    pub(super) path: Vec<String>,
    /// What it is set to.
    pub(super) value: Value,
    /// By whom.
    pub(super) origin: Origin,
}

/// What was read, and what could not be.
#[derive(Default)]
pub(super) struct Layer {
    /// The values that fit.
    pub(super) entries: Vec<Entry>,
    /// The others.
    pub(super) issues: Vec<ConfigIssue>,
}

impl Layer {
    fn broken(origin: Option<Origin>, what: String) -> Self {
        Self { entries: Vec::new(), issues: vec![ConfigIssue::whole(origin, what)] }
    }

    /// Takes a value whose key is declared, if it is of the right kind.
    pub(super) fn take(&mut self, path: Vec<String>, value: Value, origin: Origin) {
        let complaint = KEYS.find(&path).map(|key| key.kind.complaint(&value));
        match complaint {
            Some(None) => self.entries.push(Entry { path, value, origin }),
            Some(Some(expected)) => self.issues.push(ConfigIssue::at(path.join("."), &origin, expected)),
            None => self.issues.push(unknown(&path.join("."), &origin)),
        }
    }
}

/// Reads a profile: the file in `folder`, or the one that came with the program.
pub(super) fn profile(name: &str, folder: &Path) -> Layer {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(fits) {
        return Layer::broken(None, "the name of a profile has only letters, digits, `-` and `_`".to_owned());
    }
    let file = folder.join(format!("{name}.toml"));
    if file.exists() {
        return self::file(&file);
    }
    if let Some((_, text)) = PROFILES.iter().find(|(known, _)| *known == name) {
        return read(text, |_| Origin::Profile(name.to_owned()));
    }
    let known: Vec<&str> = PROFILES.iter().map(|(known, _)| *known).collect();
    let (file, known) = (file.display(), known.join(", "));
    let what = format!("no profile `{name}`: there is no file {file}, and the program brings only: {known}");
    Layer::broken(None, what)
}

/// Reads a file of an operator.
pub(super) fn file(path: &Path) -> Layer {
    let origin = |line| Origin::File(path.to_owned(), line);
    match fs::read_to_string(path) {
        Ok(text) => read(&text, origin),
        Err(error) => {
            let what = match error.kind() {
                ErrorKind::NotFound => "there is no such file".to_owned(),
                ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
                _ => format!("it cannot be read: {error}"),
            };
            Layer::broken(None, format!("{}: {what}", path.display()))
        }
    }
}

/// Reads TOML. `origin` makes the origin of a line, from 1.
fn read(text: &str, origin: impl Fn(usize) -> Origin) -> Layer {
    let line_at = |offset: usize| text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // The message alone: the parser's own text would quote the line, and with it a secret.
        let one = |error: &toml::de::Error| {
            let place = origin(line_at(error.span().map_or(0, |span| span.start)));
            ConfigIssue::whole(Some(place), format!("this is not TOML: {}", error.message()))
        };
        return Layer { entries: Vec::new(), issues: errors.iter().map(one).collect() };
    }
    let mut layer = Layer::default();
    let at = |offset| origin(line_at(offset));
    walk(text, table.get_ref(), &mut Vec::new(), &at, &mut layer);
    layer
}

fn walk(text: &str, table: &DeTable<'_>, path: &mut Vec<String>, at: &dyn Fn(usize) -> Origin, layer: &mut Layer) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        let origin = at(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) if KEYS.is_section(path) => walk(text, inner, path, at, layer),
            DeValue::Table(_) if KEYS.find(path).is_none() => {
                layer.issues.push(unknown_section(&path.join("."), &origin))
            }
            _ if KEYS.is_section(path) => {
                let name = path.join(".");
                let what = format!("this is a section; write its keys below a line [{name}]");
                layer.issues.push(ConfigIssue::at(name, &origin, what));
            }
            _ => {
                // The written form parses alone, since a value of this kind is never spread over tables.
                let written = text.get(value.span()).and_then(|written| written.parse::<Value>().ok());
                layer.take(path.clone(), written.unwrap_or(Value::Boolean(false)), origin);
            }
        }
        path.pop();
    }
}

/// The complaint about a key that is not declared.
fn unknown(key: &str, origin: &Origin) -> ConfigIssue {
    let what = match KEYS.nearest(key) {
        Some(nearest) => format!("no such key; the nearest is {nearest}"),
        None => "no such key; config/default.toml lists all".to_owned(),
    };
    ConfigIssue::at(key, origin, what)
}

fn unknown_section(name: &str, origin: &Origin) -> ConfigIssue {
    let what = match KEYS.nearest_section(name) {
        Some(nearest) => format!("no such section; the nearest is [{nearest}]"),
        None => {
            let known: Vec<String> = KEYS.sections().map(|section| format!("[{section}]")).collect();
            format!("no such section; there are {}", known.join(" "))
        }
    };
    ConfigIssue::at(name, origin, what)
}

/// The file behind an origin.
pub(super) fn file_of(origin: &Origin) -> Option<&PathBuf> {
    match origin {
        Origin::File(path, _) => Some(path),
        _ => None,
    }
}
