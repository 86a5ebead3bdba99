//! Text for Adaptive Cards: escaping and measuring.
//!
//! Every text that leaves in a card is cleaned (`channels/text.rs`) and passes through here. It knows nothing of
//! elements and cards. Sizes are in bytes as they may count for Teams' limits: two for each UTF-16 unit of the JSON, or
//! its UTF-8 where that is more.

use crate::channels::text::{Ruler, has_outer_underscore};

/// By what a text may count for once it stands in JSON.
pub(super) const SIZES: Ruler = Ruler { character: character_size, notice: 90 };

/// By characters.
pub(super) const CHARACTERS: Ruler = Ruler { character: |_| 1, notice: 44 };

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

/// Whether a `TextBlock` or a fact would show this one line otherwise than it stands there. Both read Markdown
/// (<https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format>).
/// Such text goes out in text runs, which do not.
pub(super) fn has_formatting(text: &str) -> bool {
    text.contains(['*', '\\', '`', '~', '[', ']', '<', '>', '&', '|', '#', '\n', '\t'])
        || text.contains("{{")
        || text.contains("  ")
        || has_outer_underscore(text)
        || begins_a_block(text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::text::Edges;

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
            "*b*", "_i_", "a _b_", "_b", "a _b", "~~s~~", "`c`", "> q", "- x", "+ x", "12. x", "3) x", "7.", "---",
            "[a](b)", "<at>", "&lt;", "# h", "{{DATE(", "a\nb", "\\*",
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
        assert_eq!(SIZES.size("a\"é日🎉\n"), 2 + 4 + 2 + 3 + 4 + 4);
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
            assert_eq!(SIZES.split(text, most, edges), wanted, "{text:?} by {most}");
        }
    }

    #[test]
    fn shortening_says_how_much_is_missing() {
        assert_eq!(SIZES.shorten("short", 100), "short");
        let short = SIZES.shorten(&"word ".repeat(100), 200);
        assert!(SIZES.size(&short) <= 200 && short.ends_with(" more characters)"), "{short}");
        assert_eq!(CHARACTERS.ellipsis("abcdef", 4), "abc…");
        assert_eq!(CHARACTERS.ellipsis("日本語", 3), "日本語");
    }
}
