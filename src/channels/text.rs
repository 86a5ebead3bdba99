//! Text of a card on its way to a screen: what of it is shown at all.
//!
//! Owns what is the same on every platform. What a platform escapes is its own. Nothing here knows cards.

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
}
