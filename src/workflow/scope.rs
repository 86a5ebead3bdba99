//! Paths into what is known of an event, and what stands there.
//!
//! Owns the grammar of paths (`issue.labels[0].name`, `labels["a b"]`), the look at a path, and what a value is in
//! words and in time. It judges and formats nothing. The scope itself, aliases included, is made by the caller, and
//! never holds a secret.

pub(super) mod moment;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::workflow::mistake::quoted;

/// The longest path in bytes; what is longer is no path that somebody typed.
const LONGEST_PATH: usize = 200;
/// The most steps of a path. The deepest field of GitHub's events takes six.
const MOST_STEPS: usize = 16;

/// What names an object in words, in this order: labels and repositories have a `name`, GitHub's people a `login`,
/// milestones a `title`.
const WORDS: [&str; 3] = ["name", "login", "title"];

/// A way into the scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A field; `quoted` where it stands in brackets, so that no name is taken for an operator.
    Field {
        name: String,
        quoted: bool,
    },
    Index(usize),
}

impl Path {
    /// Reads a whole text as a path.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let (path, rest) = Self::read_from(text)?;
        if rest.is_empty() {
            return Ok(path);
        }
        Err(format!("{} does not belong into a path; a name with such signs is written [\"…\"]", quoted(rest)))
    }

    /// Reads the path with which a text begins, and gives what follows it.
    pub(super) fn read_from(text: &str) -> Result<(Self, &str), String> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, behind) = match (rest.strip_prefix('['), rest.strip_prefix('.')) {
                (Some(inside), _) => bracketed(inside)?,
                (None, Some(name)) if !steps.is_empty() => field(name)?,
                (None, _) if steps.is_empty() => field(rest)?,
                _ => return Ok((Self { steps }, rest)),
            };
            steps.push(step);
            rest = behind;
            if steps.len() > MOST_STEPS || text.len() - rest.len() > LONGEST_PATH {
                return Err(format!(
                    "the path {} is longer than {MOST_STEPS} steps or {LONGEST_PATH} bytes",
                    quoted(text)
                ));
            }
        }
    }

    /// The last name, where it stands behind a dot without brackets and so may be an operator.
    pub(super) fn last_bare(&self) -> Option<&str> {
        match self.steps.last() {
            Some(Step::Field { name, quoted: false }) if self.steps.len() > 1 => Some(name),
            _ => None,
        }
    }

    /// The path without its last step; the same where it has only one.
    pub(super) fn parent(mut self) -> Self {
        if self.steps.len() > 1 {
            self.steps.pop();
        }
        self
    }

    /// Whether it is this one name at the root.
    pub(super) fn is_root(&self, wanted: &str) -> bool {
        matches!(&self.steps[..], [Step::Field { name, quoted: false }] if name == wanted)
    }

    /// The name at the root.
    pub(super) fn root(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Field { name, .. }) => Some(name),
            _ => None,
        }
    }

    /// The name at the root and the one below it: `steps` and `task` of `steps.task.output`.
    pub(super) fn head(&self) -> Option<(&str, &str)> {
        match &self.steps[..] {
            [Step::Field { name: root, .. }, Step::Field { name, .. }, ..] => Some((root, name)),
            _ => None,
        }
    }

    /// The names under which an event may tell of this field: the path, and the path within what its first name
    /// stands for. `event` itself stands for nothing.
    pub(super) fn names_in_event(&self) -> impl Iterator<Item = Self> {
        let is_event = matches!(self.steps.first(), Some(Step::Field { name, .. }) if name == "event");
        let most = if is_event { 3 } else { 2 };
        (0..self.steps.len().min(most)).map(|from| Self { steps: self.steps[from..].to_vec() })
    }

    /// What stands in a value at this path. What is below nothing (`null`) is nothing.
    #[must_use]
    pub fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match (value, step) {
            (Value::Null, _) => Some(value),
            (Value::Object(fields), Step::Field { name, .. }) => fields.get(name),
            (Value::Array(items), Step::Field { name, .. }) => items.get(name.parse::<usize>().ok()?),
            (Value::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Field { name, quoted: true } => write!(f, "[{}]", Value::from(name.as_str()))?,
                Step::Field { name, .. } if number == 0 => f.write_str(name)?,
                Step::Field { name, .. } => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

fn field(text: &str) -> Result<(Step, &str), String> {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let end = text.find(|c| !is_plain(c)).unwrap_or(text.len());
    if end == 0 {
        return Err(match text {
            "" => "a name is missing at the end of the path".to_owned(),
            _ => format!("a name is missing before {}", quoted(text)),
        });
    }
    Ok((Step::Field { name: text[..end].to_owned(), quoted: false }, &text[end..]))
}

/// What follows `[`: a number or a quoted name, and `]`.
fn bracketed(text: &str) -> Result<(Step, &str), String> {
    let wrong = || format!("[ before {} opens neither a number, as [0], nor a name, as [\"a b\"]", quoted(text));
    let (step, rest) = match string(text) {
        Some((name, rest)) => (Step::Field { name, quoted: true }, rest),
        None => {
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            (Step::Index(text[..end].parse().map_err(|_| wrong())?), &text[end..])
        }
    };
    rest.strip_prefix(']').map(|rest| (step, rest)).ok_or_else(wrong)
}

/// The quoted text with which a text begins, and what follows it; `\` takes the next character as it is.
pub(super) fn string(text: &str) -> Option<(String, &str)> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next().filter(|(_, first)| matches!(first, '"' | '\''))?;
    let mut inside = String::new();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => inside.push(characters.next()?.1),
            _ if character == quote => return Some((inside, &text[at + 1..])),
            _ => inside.push(character),
        }
    }
    None
}

/// What conditions and templates look into.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) root: &'a Value,
    pub(super) now: Timestamp,
}

impl<'a> Scope<'a> {
    /// What stands at a path; `now` is there in any case.
    pub(super) fn look_up(self, path: &Path) -> Option<Cow<'a, Value>> {
        let found = path.of(self.root).map(Cow::Borrowed);
        found.or_else(|| path.is_root("now").then(|| Cow::Owned(Value::from(self.now.to_string()))))
    }
}

/// The word by which an object is called.
pub(super) fn word(value: &Value) -> Option<&str> {
    let fields = value.as_object()?;
    WORDS.iter().find_map(|name| fields.get(*name)?.as_str())
}

/// A value in words: nothing for nothing, lists joined by `, `, objects by their word, else as JSON.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Object(_) => word(value).map_or_else(|| value.to_string(), ToOwned::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_what_stands_there() {
        let root = json!({
            "issue": {"title": "a", "labels": [{"name": "bug"}, {"name": "p.1"}], "assignee": null},
            "labels": {"contains": 1, "a b": 2, "say \"x\"": 3},
            "0": "zero",
        });
        let scope = Scope { root: &root, now: Timestamp(0) };
        for (path, wanted) in [
            ("issue.title", Some(json!("a"))),
            ("issue.labels[1].name", Some(json!("p.1"))),
            ("issue.labels.1.name", Some(json!("p.1"))),
            ("issue[\"title\"]", Some(json!("a"))),
            ("['issue'].title", Some(json!("a"))),
            ("labels[\"contains\"]", Some(json!(1))),
            ("labels[\"a b\"]", Some(json!(2))),
            (r#"labels["say \"x\""]"#, Some(json!(3))),
            ("0", Some(json!("zero"))),
            ("now", Some(json!("1970-01-01T00:00:00.000Z"))),
            ("issue.assignee", Some(json!(null))),
            ("issue.assignee.login", Some(json!(null))),
            ("issue.labels[2]", None),
            ("issue.labels.name", None),
            ("issue.title.x", None),
            ("issue[0]", None),
            ("isue", None),
            ("now.x", None),
        ] {
            let read = Path::read(path).unwrap();
            assert_eq!(scope.look_up(&read).map(Cow::into_owned), wanted, "{path}");
            assert_eq!(Path::read(&read.to_string()), Ok(read), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_in_words() {
        let long = "a.".repeat(20);
        for (path, what) in [
            ("", "a name is missing at the end"),
            ("a.", "a name is missing at the end"),
            (".a", "a name is missing before `.a`"),
            ("a..b", "a name is missing before `.b`"),
            ("a b", "` b` does not belong into a path"),
            ("a[", "opens neither a number"),
            ("a[x]", "opens neither a number"),
            ("a[-1]", "opens neither a number"),
            ("a[\"x]", "opens neither a number"),
            ("a[99999999999999999999999]", "opens neither a number"),
            ("a]", "`]` does not belong"),
            (&long, "longer than 16 steps"),
            (&"x".repeat(201), "longer than"),
        ] {
            let said = Path::read(path).unwrap_err();
            assert!(said.contains(what), "{path}: {said}");
        }
    }

    #[test]
    fn values_are_told_in_words() {
        for (value, wanted) in [
            (json!(null), ""),
            (json!("a"), "a"),
            (json!(1.5), "1.5"),
            (json!(true), "true"),
            (json!([{"name": "bug"}, {"login": "mia"}, "x", 3]), "bug, mia, x, 3"),
            (json!({"title": "v1"}), "v1"),
            (json!({"id": 1}), r#"{"id":1}"#),
            (json!([]), ""),
        ] {
            assert_eq!(text_of(&value), wanted);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[a-c.\\[\\]\"'\\\\0-9 é]{0,40}") {
            if let Ok(path) = Path::read(&text) {
                prop_assert_eq!(Path::read(&path.to_string()), Ok(path));
            }
        }
    }
}
