//! Text for Adaptive Cards: escaping, measuring, splitting, shortening.
//!
//! Every text that leaves in a card is cleaned (`channels/text.rs`) and passes through here. It knows nothing of
//! elements and cards. Sizes are in bytes as they may count for Teams' limits: two for each UTF-16 unit of the JSON, or
//! its UTF-8 where that is more.

use unicode_width::UnicodeWidthChar;

/// How many characters a cut may move back to keep a letter and its marks together.
const MARKS: usize = 16;

/// Room for `… (N more characters)` with any `N`.
const NOTICE: usize = 90;

/// A cleaned text for places that take it as it is: text runs, labels, choices, descriptions of images.
///
/// Clients put a date in the place of `{{DATE(…)}}` and `{{TIME(…)}}`, in text runs too
/// (npm adaptivecards 3.0.6, `TextRun.internalRender` calls `formatText`), and there is no escape:
/// an invisible blank breaks the opener.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let name = rest.as_bytes().get(1..6).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"DATE(") || name.eq_ignore_ascii_case(b"TIME(") {
            out.push('\u{200B}');
        }
    }
    out + rest
}

/// Keeps blanks that a browser would fold: those at the start of a line and those after another become unbreakable.
pub(super) fn keep_blanks(text: &str) -> String {
    let mut previous = '\n';
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("\u{A0}\u{A0}\u{A0}\u{A0}"),
            ' ' if matches!(previous, ' ' | '\t' | '\n') => out.push('\u{A0}'),
            _ => out.push(character),
        }
        previous = character;
    }
    out
}

/// Whether a `TextBlock` or a fact would show this one line otherwise than it stands there. Both read Markdown
/// (<https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format>).
/// Such text goes out in text runs, which do not.
pub(super) fn has_formatting(text: &str) -> bool {
    // One underscore opens nothing: emphasis needs two.
    text.contains(['*', '\\', '`', '~', '[', ']', '<', '>', '&', '|', '#', '\n', '\t'])
        || text.contains("{{")
        || text.contains("  ")
        || (text.matches('_').count() > 1 && has_outer_underscore(text))
        || begins_a_block(text)
}

/// An underscore between two letters or digits, as in `MICROSOFT_APP_ID`, formats nothing.
fn has_outer_underscore(text: &str) -> bool {
    let inner = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
    text.match_indices('_')
        .any(|(at, _)| !inner(text[..at].chars().next_back()) || !inner(text[at + 1..].chars().next()))
}

/// Whether a line begins as the items of lists do, or is a rule. A blank must follow the mark, in CommonMark and in the
/// parser of the telephones (AdaptiveCards, `MarkDownBlockParser.cpp`), so `1.2 GB` and `-5` are none.
fn begins_a_block(line: &str) -> bool {
    let line = line.trim();
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let after_mark = if after_number.len() < line.len() {
        after_number.strip_prefix(['.', ')'])
    } else {
        line.strip_prefix(['-', '+'])
    };
    let is_rule = !line.is_empty() && line.chars().all(|c| "-= ".contains(c));
    is_rule || after_mark.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// A text for `fallbackText`, which clients show as a `TextBlock` and so read as Markdown: escaped, and with the
/// empty line that Markdown wants between two lines. Telephones show the backslashes (msteams-docs#5793), which is
/// why nothing else is escaped so; here a forged link would be worse.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        let line = line.trim().replace('\t', " ");
        let number = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        for (at, character) in line.char_indices() {
            let is_mark = r"\*_[]()<>#`~{}&|!".contains(character);
            let begins = at == 0 && "-+=".contains(character);
            let ends_number = at == number && number > 0 && character == '.';
            if is_mark || begins || ends_number {
                out.push('\\');
            }
            out.push(character);
        }
    }
    out
}

/// What a character may count for once it stands in JSON.
fn character_size(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\t' => 4,
        _ => character.len_utf8().max(2 * character.len_utf16()),
    }
}

/// What a text may count for once it stands in JSON.
pub(super) fn size(text: &str) -> usize {
    text.chars().map(character_size).sum()
}

/// Where the longest beginning of at most `most` ends; nothing when all of it fits.
fn overflow(text: &str, most: usize) -> Option<usize> {
    let mut used = 0;
    let at = text.char_indices().find_map(|(at, character)| {
        used += character_size(character);
        (used > most).then_some(at)
    })?;
    Some(whole_letter(text, at))
}

/// Moves a cut back so that it does not part a letter from its marks or an emoji from its joiner.
fn whole_letter(text: &str, at: usize) -> usize {
    let mut cut = at;
    for _ in 0..MARKS {
        let next = text[cut..].chars().next();
        let Some((before, last)) = text[..cut].char_indices().next_back() else {
            return at;
        };
        let joined = last == '\u{200D}'
            || next.is_some_and(|next| next.width() == Some(0) || ('\u{1F3FB}'..='\u{1F3FF}').contains(&next));
        if !joined {
            return cut;
        }
        cut = before;
    }
    at
}

/// What a text may be parted at besides the middle of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edges {
    /// Ends of lines and words.
    Words,
    /// Ends of lines only: a blank inside code may not be swallowed.
    Lines,
}

/// Parts a text into pieces of at most `most`, at the last edge in the second half of each piece. The line break or
/// blank at the edge goes; pieces that would show nothing are left out.
pub(super) fn split(text: &str, most: usize, edges: Edges) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(end) = overflow(rest, most) {
        let end = end.max(rest.chars().next().map_or(0, char::len_utf8));
        let (cut, resume) = edge(rest, end, edges);
        pieces.push(&rest[..cut]);
        rest = &rest[resume..];
    }
    pieces.push(rest);
    pieces.into_iter().filter(|piece| !piece.trim().is_empty()).map(str::to_owned).collect()
}

/// Where to end the piece that may reach to `end`, and where the next one begins.
fn edge(text: &str, end: usize, edges: Edges) -> (usize, usize) {
    let wanted: &[char] = if edges == Edges::Words { &['\n', ' '] } else { &['\n'] };
    for &mark in wanted {
        if text[end..].starts_with(mark) {
            return (end, end + 1);
        }
        if let Some(at) = text[..end].rfind(mark).filter(|&at| at >= end / 2) {
            return (at, at + 1);
        }
    }
    (end, end)
}

/// A text of at most `most`; what is cut off is counted at its end.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if size(text) <= most {
        return text.to_owned();
    }
    let end = overflow(text, most.saturating_sub(NOTICE)).unwrap_or(text.len());
    let left = text[end..].chars().count();
    format!("{}{}", text[..end].trim_end(), more_characters(left))
}

/// Says how much is not shown.
pub(super) fn more_characters(count: usize) -> String {
    let noun = if count == 1 { "character" } else { "characters" };
    format!("… ({count} more {noun})")
}

/// A text of at most `most` characters that ends in `…` when it is cut, for labels whose whole text stands
/// elsewhere in the message.
pub(super) fn ellipsis(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let end = text.char_indices().nth(most - 1).map_or(text.len(), |(at, _)| at);
            format!("{}…", text[..whole_letter(text, end)].trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_date() {
        for (given, wanted) in [
            ("{{DATE(2017-02-14T06:08:39Z)}}", "{\u{200B}{DATE(2017-02-14T06:08:39Z)}}"),
            ("a {{{time(", "a {{\u{200B}{time("),
            ("{{name}} {{", "{{name}} {{"),
            ("{{日本", "{{日本"),
        ] {
            assert_eq!(literal(given), wanted);
        }
    }

    #[test]
    fn folding_blanks_become_unbreakable() {
        assert_eq!(keep_blanks("a b  c\n  d\te"), "a b \u{A0}c\n\u{A0}\u{A0}d\u{A0}\u{A0}\u{A0}\u{A0}e");
    }

    #[test]
    fn markdown_is_seen_and_plain_text_is_not_taken_for_it() {
        for plain in [
            "in_progress",
            "MICROSOFT_APP_ID",
            "12:30:45",
            "2026-12-01",
            "T-12",
            "a@b",
            "https://x.org/a-b",
            "1 + 1",
            "5 items",
        ] {
            assert!(!has_formatting(plain), "{plain}");
        }
        for formatted in [
            "*b*", "_i_", "a _b_", "~~s~~", "`c`", "> q", "- x", "+ x", "12. x", "3) x", "7.", "---", "[a](b)", "<at>",
            "&lt;", "# h", "{{DATE(", "a\nb", "\\*",
        ] {
            assert!(has_formatting(formatted), "{formatted}");
        }
    }

    #[test]
    fn what_is_read_as_markdown_is_escaped() {
        for (given, wanted) in [
            ("[a](https://evil.example)", r"\[a\]\(https://evil.example\)"),
            ("one\n\ntwo", "one\n\ntwo"),
            ("12. x\n- y\na - b 3.5", "12\\. x\n\n\\- y\n\na - b 3.5"),
            ("{{DATE(x)}} *b*", r"\{\{DATE\(x\)\}\} \*b\*"),
        ] {
            assert_eq!(escape(given), wanted);
        }
    }

    #[test]
    fn sizes_are_the_larger_way_to_count() {
        assert_eq!(size("a\"é日🎉\n"), 2 + 4 + 2 + 3 + 4 + 4);
    }

    #[test]
    fn pieces_end_at_edges_and_lose_only_the_edge() {
        for (text, most, edges, wanted) in [
            ("one two three", 16, Edges::Words, vec!["one two", "three"]),
            ("one\ntwo three", 12, Edges::Words, vec!["one", "two", "three"]),
            ("abcdefgh", 6, Edges::Words, vec!["abc", "def", "gh"]),
            ("  ab cd", 10, Edges::Lines, vec!["  ab ", "cd"]),
            ("\n\n\n\n", 8, Edges::Words, vec![]),
            ("e\u{301}e\u{301}e\u{301}", 6, Edges::Words, vec!["e\u{301}", "e\u{301}", "e\u{301}"]),
        ] {
            assert_eq!(split(text, most, edges), wanted, "{text:?} by {most}");
        }
    }

    #[test]
    fn shortening_says_how_much_is_missing() {
        assert_eq!(shorten("short", 100), "short");
        let short = shorten(&"word ".repeat(100), 200);
        assert!(size(&short) <= 200 && short.ends_with(" more characters)"), "{short}");
        assert_eq!(ellipsis("abcdef", 4), "abc…");
        assert_eq!(ellipsis("日本語", 3), "日本語");
    }
}
