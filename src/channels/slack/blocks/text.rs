//! Text for Slack: escaping and measuring.
//!
//! `plain_text` and `mrkdwn` are escaped: clients decode `&lt;` in both and look for mentions in
//! both. Rich text and table cells are literal: clients decode nothing in them.
//!
//! Every text that leaves in a block is cleaned (`channels/text.rs`) and passes through here. It knows nothing of
//! blocks and cards.
//! Sizes are in UTF-16 units of the escaped text: the largest of the ways in which Slack is known
//! to count (it stores `&` as `&amp;`), so what fits here fits there.

use crate::channels::text::{Ruler, has_outer_underscore};

/// By the size that Slack may count for a text once it is escaped.
pub(in crate::channels::slack) const SIZES: Ruler = Ruler { character: character_size, notice: 44 };

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

/// Whether mrkdwn would format something in this text. Such text goes out as `plain_text`:
/// mrkdwn has no escape for its signs, and invisible characters between them would be copied
/// along with an id or a command.
pub(super) fn has_formatting(text: &str) -> bool {
    text.contains(['*', '~', '`', '＊', '～', '｀', '＿'])
        || text.lines().any(|line| line.trim_start().starts_with(['>', '＞']))
        || has_outer_underscore(text)
        || has_emoji_name(text)
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
    use crate::channels::text::{Edges, more_characters};

    #[test]
    fn nothing_can_open_a_mention_or_a_link() {
        assert_eq!(
            escape("<!channel> <@U1> &amp; <http://x|y>"),
            "&lt;!channel&gt; &lt;@U1&gt; &amp;amp; &lt;http://x|y&gt;"
        );
        assert_eq!(SIZES.size("a<&>é🎉"), 1 + 4 + 5 + 4 + 1 + 2);
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
            assert_eq!(SIZES.split(text, most, edges), wanted, "{text:?} by {most}");
        }
    }

    #[test]
    fn shortening_says_how_much_is_missing() {
        assert_eq!(SIZES.shorten("short", 100), "short");
        let long = "word ".repeat(100);
        let short = SIZES.shorten(&long, 100);
        assert!(SIZES.size(&short) <= 100 && short.ends_with(" more characters)"), "{short}");
        assert_eq!(SIZES.ellipsis("abcdef", 4), "abc…");
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
