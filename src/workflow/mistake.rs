//! A mistake in a file that people write: where, what, and the nearest that would be right.
//!
//! Owns the place, the words around it and the comparison of words. Knows no file and no key: who finds a mistake
//! says what it is, and names the mend.

use std::fmt;

/// How alike two words must be for one to be offered for the other (0 to 1).
const ALIKE_ENOUGH: f64 = 0.55;
/// As much of what somebody wrote is shown again as fits a line, in characters. The comparison of words is quadratic
/// in it, too.
const LONGEST_ECHO: usize = 60;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Position {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Something in a file that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Mistake {
    /// Where it begins.
    pub at: Position,
    /// What is wrong, and how to mend it.
    pub what: String,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(at: Position, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// What somebody wrote, in backticks, as much as fits a line and nothing that a terminal would obey.
#[must_use]
pub fn quoted(text: &str) -> String {
    let kept = text.chars().take(LONGEST_ECHO).map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let kept: String = kept.collect();
    let more = if text.chars().nth(LONGEST_ECHO).is_some() { "…" } else { "" };
    format!("`{kept}{more}`")
}

/// The name that a word is most like, if any is like it.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.trim().to_lowercase().chars().take(LONGEST_ECHO).collect();
    let alike = names.into_iter().map(|name| (strsim::normalized_damerau_levenshtein(&word, name), name));
    let better = |best: (f64, Option<&'a str>), (alike, name): (f64, &'a str)| {
        if alike > best.0 { (alike, Some(name)) } else { best }
    };
    let (alike, name) = alike.fold((0.0, None), better);
    name.filter(|_| alike >= ALIKE_ENOUGH)
}

/// What to write instead of a word that is none of the names: the nearest, else all.
#[must_use]
pub fn instead(word: &str, names: &[&str]) -> String {
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there is {}", listed(names)),
    }
}

/// Names in backticks, with commas and a last `and`.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    let marked: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match marked.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, most)) => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_says_where_it_is() {
        let mistake = Mistake::new(Position { line: 3, column: 5 }, "`tigger` is no key here");
        assert_eq!(mistake.to_string(), "line 3, column 5: `tigger` is no key here");
    }

    #[test]
    fn what_is_shown_again_fits_a_line_and_a_terminal() {
        assert_eq!(quoted("title"), "`title`");
        assert_eq!(quoted("\u{1b}[31mred\nline"), "`\u{fffd}[31mred\u{fffd}line`");
        assert_eq!(quoted(&"ä".repeat(61)), format!("`{}…`", "ä".repeat(60)));
    }

    #[test]
    fn the_nearest_name_is_offered() {
        let names = ["trigger", "triggers", "actions", "on_failure"];
        for (word, expected) in [
            ("tigger", "did you mean `trigger`?"),
            ("Actions", "did you mean `actions`?"),
            ("onfailure", "did you mean `on_failure`?"),
            ("zzz", "there is `trigger`, `triggers`, `actions` and `on_failure`"),
        ] {
            assert_eq!(instead(word, &names), expected, "{word}");
        }
        assert_eq!(nearest(&"trigger".repeat(100_000), names), None);
        assert_eq!((listed(&[]), listed(&["a"])), ("nothing".to_owned(), "`a`".to_owned()));
    }
}
