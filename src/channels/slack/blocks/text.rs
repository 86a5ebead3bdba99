//! Text for Slack: escaping, measuring, splitting, shortening.
//!
//! `plain_text` and `mrkdwn` are escaped: clients decode `&lt;` in both and look for mentions in
//! both. Rich text and table cells are literal: clients decode nothing in them.
//!
//! Every text that leaves in a block is cleaned (`channels/text.rs`) and passes through here. It knows nothing of
//! blocks and cards.
//! Sizes are in UTF-16 units of the escaped text: the largest of the ways in which Slack is known
//! to count (it stores `&` as `&amp;`), so what fits here fits there.

use unicode_width::UnicodeWidthChar;

/// How many characters a cut may move back to keep a letter and its marks together.
const MARKS: usize = 16;

/// Room for `… (N more characters)` with any `N`.
const NOTICE: usize = 44;

/// Escapes the three characters with which Slack's mark-up begins, and nothing else
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>).
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text for places that take it literally and have no escapes: cells and descriptions of images.
/// Slack documents nothing of what it might find in them, so what would open a mention or a link is
/// broken by an invisible blank.
pub(super) fn literal(text: &str) -> String {
    const OPENERS: [&str; 5] = ["@", "!", "#", "http", "mailto"];
    OPENERS
        .iter()
        .fold(text.to_owned(), |text, opener| text.replace(&format!("<{opener}"), &format!("<\u{200B}{opener}")))
}

/// The size that Slack may count for a character once it is escaped.
fn character_size(character: char) -> usize {
    match character {
        '&' => 5,
        '<' | '>' => 4,
        _ => character.len_utf16(),
    }
}

/// The size that Slack may count for a text once it is escaped.
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

/// Parts a text into pieces of at most `most`, at the last edge in the second half of each piece.
/// The line break or blank at the edge goes; pieces that would show nothing are left out.
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

/// A text of at most `most` that ends in `…` when it is cut, for labels whose whole text stands
/// elsewhere in the message.
pub(super) fn ellipsis(text: &str, most: usize) -> String {
    if size(text) <= most {
        return text.to_owned();
    }
    let end = overflow(text, most - 1).unwrap_or(text.len());
    format!("{}…", text[..end].trim_end())
}

/// Whether mrkdwn would format something in this text. Such text goes out as `plain_text`:
/// mrkdwn has no escape for its signs, and invisible characters between them would be copied
/// along with an id or a command.
pub(super) fn has_formatting(text: &str) -> bool {
    text.contains(['*', '~', '`', '＊', '～', '｀', '＿'])
        || text.lines().any(|line| line.trim_start().starts_with(['>', '＞']))
        || has_outer_underscore(text)
        || has_emoji_name(text)
}

/// An underscore inside a word, as in `in_progress`, formats nothing.
fn has_outer_underscore(text: &str) -> bool {
    let inner = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
    text.match_indices('_')
        .any(|(at, _)| !inner(text[..at].chars().next_back()) || !inner(text[at + 1..].chars().next()))
}

/// `:name:` becomes a picture; `12:30:45` does not, apart from the two emoji named by digits.
fn has_emoji_name(text: &str) -> bool {
    let mut between: Vec<&str> = text.split(':').skip(1).collect();
    between.pop();
    between.iter().any(|name| {
        let letters = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_+-'".contains(c));
        letters && (name.chars().any(|c| !c.is_ascii_digit()) || ["100", "1234"].contains(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_open_a_mention_or_a_link() {
        assert_eq!(
            escape("<!channel> <@U1> &amp; <http://x|y>"),
            "&lt;!channel&gt; &lt;@U1&gt; &amp;amp; &lt;http://x|y&gt;"
        );
        assert_eq!(size("a<&>é🎉"), 1 + 4 + 5 + 4 + 1 + 2);
        assert_eq!(literal("<!here> R&D <x> <@U1>"), "<\u{200B}!here> R&D <x> <\u{200B}@U1>");
    }

    #[test]
    fn pieces_end_at_edges_and_lose_only_the_edge() {
        for (text, most, edges, wanted) in [
            ("one two three", 8, Edges::Words, vec!["one two", "three"]),
            ("one\ntwo three", 6, Edges::Words, vec!["one", "two", "three"]),
            ("abcdefgh", 3, Edges::Words, vec!["abc", "def", "gh"]),
            ("ab cd\nef", 7, Edges::Lines, vec!["ab cd", "ef"]),
            ("  ab cd", 5, Edges::Lines, vec!["  ab ", "cd"]),
            ("<<<", 9, Edges::Words, vec!["<<", "<"]),
            ("\n\n\n\n", 2, Edges::Words, vec![]),
            ("e\u{301}e\u{301}e\u{301}", 3, Edges::Words, vec!["e\u{301}", "e\u{301}", "e\u{301}"]),
        ] {
            assert_eq!(split(text, most, edges), wanted, "{text:?} by {most}");
        }
    }

    #[test]
    fn shortening_says_how_much_is_missing() {
        assert_eq!(shorten("short", 100), "short");
        let long = "word ".repeat(100);
        let short = shorten(&long, 100);
        assert!(size(&short) <= 100 && short.ends_with(" more characters)"), "{short}");
        assert_eq!(ellipsis("abcdef", 4), "abc…");
        assert_eq!(more_characters(1), "… (1 more character)");
    }

    #[test]
    fn mrkdwn_signs_are_seen() {
        for plain in ["in_progress", "12:30:45", "a: b", "https://x:8080/a:b", "1 > 0", "T-12", "Ann & Bob <a@b>"] {
            assert!(!has_formatting(plain), "{plain}");
        }
        for formatted in ["*b*", "_i_", "a _b", "~s~", "`c`", "> quote", "x\n>y", ":tada:", ":100:", "＊b＊"] {
            assert!(has_formatting(formatted), "{formatted}");
        }
    }
}
