//! Text of a card on its way to a screen: what of it is shown at all, and how it is parted and shortened.
//!
//! Owns what is the same on every platform. What a platform escapes, and how long it counts a text to be, is its own:
//! see [`Ruler`]. Nothing here knows cards.

use unicode_width::UnicodeWidthChar;

/// How many characters a cut may move back to keep a letter and its marks together.
const MARKS: usize = 16;

/// Stands for a character that must not reach a screen.
const UNSHOWABLE: char = '\u{FFFD}';

/// Unifies line breaks and replaces what steers a screen: control characters, and what [turns](turns_the_order) the
/// order in which the text around it is read.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                out.push('\n');
            }
            '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{0B}' | '\u{0C}' => out.push('\n'),
            '\n' | '\t' => out.push(character),
            _ if character.is_control() || turns_the_order(character) => out.push(UNSHOWABLE),
            _ => out.push(character),
        }
    }
    out
}

/// Whether a character has Unicode's property `Bidi_Control`
/// (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
///
/// By the overrides a screen shows `exe.txt` where the text has `txt.exe`; by the single marks it shows `20 - 10` for
/// `10 - 20`. Nobody can see either, while letters that are written from the right are seen.
fn turns_the_order(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}

/// [`clean`]s a text and makes it one trimmed line.
pub(super) fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ").trim().to_owned()
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

/// How long a platform counts a text to be.
pub(super) struct Ruler {
    /// What a character counts for.
    pub(super) character: fn(char) -> usize,
    /// Room for `… (N more characters)` with any `N`.
    pub(super) notice: usize,
}

impl Ruler {
    /// What a text counts for.
    pub(super) fn size(&self, text: &str) -> usize {
        text.chars().map(self.character).sum()
    }

    /// Where the longest beginning of at most `most` ends; nothing when all of it fits.
    fn overflow(&self, text: &str, most: usize) -> Option<usize> {
        let mut used = 0;
        let at = text.char_indices().find_map(|(at, character)| {
            used += (self.character)(character);
            (used > most).then_some(at)
        })?;
        Some(whole_letter(text, at))
    }

    /// Parts a text into pieces of at most `most`, at the last edge in the second half of each piece. The line break or
    /// blank at the edge goes; pieces that would show nothing are left out.
    pub(super) fn split(&self, text: &str, most: usize, edges: Edges) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(end) = self.overflow(rest, most) {
            let end = end.max(rest.chars().next().map_or(0, char::len_utf8));
            let (cut, resume) = edge(rest, end, edges);
            pieces.push(&rest[..cut]);
            rest = &rest[resume..];
        }
        pieces.push(rest);
        pieces.into_iter().filter(|piece| !piece.trim().is_empty()).map(str::to_owned).collect()
    }

    /// A text of at most `most`; what is cut off is counted at its end.
    pub(super) fn shorten(&self, text: &str, most: usize) -> String {
        if self.size(text) <= most {
            return text.to_owned();
        }
        let end = self.overflow(text, most.saturating_sub(self.notice)).unwrap_or(text.len());
        let left = text[end..].chars().count();
        format!("{}{}", text[..end].trim_end(), more_characters(left))
    }

    /// A text of at most `most` that ends in `…` when it is cut, for labels whose whole text stands elsewhere in the
    /// message.
    pub(super) fn ellipsis(&self, text: &str, most: usize) -> String {
        if self.size(text) <= most {
            return text.to_owned();
        }
        let end = self.overflow(text, most - 1).unwrap_or(text.len());
        format!("{}…", text[..end].trim_end())
    }
}

/// By UTF-16, as JavaScript counts and with it the fields of forms, on Slack and in Teams.
pub(super) const UNITS: Ruler = Ruler { character: char::len_utf16, notice: 44 };

/// What a text may be parted at besides the middle of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edges {
    /// Ends of lines and words.
    Words,
    /// Ends of lines only: a blank inside code may not be swallowed.
    Lines,
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

/// Says how much is not shown.
pub(super) fn more_characters(count: usize) -> String {
    let noun = if count == 1 { "character" } else { "characters" };
    format!("… ({count} more {noun})")
}

/// Items as lines; further lines of an item are indented under it.
pub(super) fn bullets(items: &[String]) -> String {
    let lines: Vec<String> = items
        .iter()
        .map(|item| clean(item).trim().replace('\n', "\n   "))
        .filter(|item| !item.is_empty())
        .map(|item| format!("• {item}"))
        .collect();
    lines.join("\n")
}

/// Whether an underscore could format something: one between two letters or digits, as in `MICROSOFT_APP_ID`, does not.
pub(super) fn has_outer_underscore(text: &str) -> bool {
    let inner = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
    text.match_indices('_')
        .any(|(at, _)| !inner(text[..at].chars().next_back()) || !inner(text[at + 1..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_keeps_lines_and_replaces_what_steers_a_screen() {
        for (given, wanted) in [
            ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
            ("\u{1b}[31mred\u{7}\0", "�[31mred��"),
            ("\u{1b}]0;owned\u{7}x", "�]0;owned�x"),
            ("\u{1b}[2J\u{9b}31m", "�[2J�31m"),
            ("\u{8}\u{7f}\0", "���"),
            ("pay\u{202e}txt.exe\u{2066}x", "pay�txt.exe�x"),
            ("\u{200f}10 - 20\u{61c}\u{200e}", "�10 - 20��"),
            ("tab\tstays", "tab\tstays"),
            ("Ünïcode 日本 🎉 שלום 👩‍👧 می‌خواهم", "Ünïcode 日本 🎉 שלום 👩‍👧 می‌خواهم"),
        ] {
            assert_eq!(clean(given), wanted);
        }
        assert_eq!(one_line("  two\nlines\t"), "two lines");
    }

    #[test]
    fn folding_blanks_become_unbreakable() {
        assert_eq!(keep_blanks("a b  c\n  d\te"), "a b \u{A0}c\n\u{A0}\u{A0}d\u{A0}\u{A0}\u{A0}\u{A0}e");
    }

    #[test]
    fn items_are_lines_and_their_lines_are_indented() {
        assert_eq!(bullets(&["a\nb".to_owned(), " ".to_owned(), "c".to_owned()]), "• a\n   b\n• c");
    }
}
