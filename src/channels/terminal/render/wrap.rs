//! Text on a grid of columns: cleaning, measuring, wrapping, cutting.
//!
//! Knows nothing of cards. Widths are those of the crate unicode-width for whole strings, so that
//! joined emoji and wide letters count as terminals show them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::channels::text;

/// Blanks for a tab.
const TAB: &str = "    ";

/// A line takes at most this many characters per column. More are marks piled on one letter, which
/// would spill over the lines around it.
const PILE: usize = 8;

/// Cleans a text and gives its tabs a width.
pub(super) fn clean(text: &str) -> String {
    text::clean(text).replace('\t', TAB)
}

/// [`clean`]s a text and makes it one trimmed line.
pub(super) fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ").trim().to_owned()
}

/// The columns that a cleaned text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Fills a text with blanks up to a width.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Where the longest beginning of at most `columns` ends; at least one character is taken.
fn fitting(text: &str, columns: usize) -> usize {
    let mut end = 0;
    for (count, (at, character)) in text.char_indices().enumerate() {
        let next = at + character.len_utf8();
        let fits = width(&text[..next]) <= columns && count < columns * PILE;
        if !fits && end > 0 {
            return whole_letter(text, end);
        }
        end = next;
    }
    end
}

/// Moves a cut back so that an emoji stays with its joiners.
fn whole_letter(text: &str, at: usize) -> usize {
    let joined = |cut: usize| {
        let next = text[cut..].chars().next();
        text[..cut].ends_with('\u{200D}') || next.is_some_and(|next| next.width() == Some(0))
    };
    let earlier = text[..at].char_indices().rev().take(PILE).map(|(cut, _)| cut).filter(|&cut| cut > 0);
    [at].into_iter().chain(earlier).find(|&cut| !joined(cut)).unwrap_or(at)
}

/// A line in pieces of at most `columns`, cut anywhere. An empty line is one empty piece.
pub(super) fn hard_wrap(line: &str, columns: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = line;
    loop {
        let end = fitting(rest, columns);
        pieces.push(rest[..end].to_owned());
        rest = &rest[end..];
        if rest.is_empty() {
            return pieces;
        }
    }
}

/// A cleaned text in lines of at most `columns`, broken between words where there are any. Line
/// breaks of the text are kept; a text that shows nothing has no lines.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let text = text.trim_end().trim_start_matches('\n');
    text.split('\n').flat_map(|line| wrap_line(line.trim_end(), columns)).collect()
}

fn wrap_line(line: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = line;
    loop {
        let end = fitting(rest, columns);
        if end == rest.len() {
            lines.push(rest.to_owned());
            return lines;
        }
        let at_word = rest[end..].starts_with(' ');
        let cut = if at_word { Some(end) } else { rest[..end].rfind(' ') };
        // A blank that only indents is no place to break.
        let cut = cut.filter(|&cut| !rest[..cut].trim().is_empty()).unwrap_or(end);
        lines.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start_matches(' ');
    }
}

/// A text of at most `columns`, with `mark` in place of what is cut off.
pub(super) fn truncate(text: &str, columns: usize, mark: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(mark));
    let end = if room == 0 { 0 } else { fitting(text, room) };
    let kept = if width(&text[..end]) <= room { text[..end].trim_end() } else { "" };
    format!("{kept}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (given, wanted) in [
            ("\u{1b}]0;owned\u{7}x", "�]0;owned�x"),
            ("\u{1b}[2J\u{9b}31m", "�[2J�31m"),
            ("a\rb\r\nc", "a\nb\nc"),
            ("\u{202e}gnp.exe", "�gnp.exe"),
            ("a\tb", "a    b"),
            ("\u{8}\u{7f}\0", "���"),
        ] {
            assert_eq!(clean(given), wanted);
        }
    }

    #[test]
    fn lines_break_between_words_and_count_columns() {
        for (text, columns, wanted) in [
            ("one two three", 8, vec!["one two", "three"]),
            ("日本語のテキスト", 6, vec!["日本語", "のテキ", "スト"]),
            ("  indented words here", 12, vec!["  indented", "words here"]),
            ("abcdefghij", 4, vec!["abcd", "efgh", "ij"]),
            ("one\n\ntwo\n", 8, vec!["one", "", "two"]),
            ("👩‍👩‍👧👩‍👩‍👧", 2, vec!["👩‍👩‍👧", "👩‍👩‍👧"]),
            (" \n ", 8, vec![]),
        ] {
            assert_eq!(wrap(text, columns), wanted, "{text:?} in {columns}");
        }
    }

    #[test]
    fn a_pile_of_marks_is_spread_over_lines() {
        let zalgo = format!("a{}", "\u{301}".repeat(1_000));
        let lines = wrap(&zalgo, 20);
        assert!(lines.iter().all(|line| line.chars().count() <= 20 * PILE));
        assert_eq!(lines.concat(), zalgo);
    }

    #[test]
    fn truncation_leaves_a_mark() {
        for (text, columns, wanted) in
            [("short", 5, "short"), ("longer text", 7, "longer…"), ("日本語", 4, "日…"), ("abc", 1, "…")]
        {
            assert_eq!(truncate(text, columns, "…"), wanted);
        }
    }
}
