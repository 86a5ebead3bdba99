//! Mentions that came with an event, broken so that nobody is called and everybody still reads the words.
//!
//! An invisible blank goes behind the `@`, as Dependabot writes it on GitHub, or behind the `<` of Slack's tokens. A
//! mention of the template's own is left alone, as long as no value turns it into another: `@{issue.user.login}` calls
//! that one person, and `@{issue.title}` not the channel. The look is at the text as it goes out, so a mention that is
//! put together of two values, or of a value and the template, is one too.

use std::ops::Range;

/// U+200B, zero width space.
const BLANK: char = '\u{200B}';

/// Names that call more than one person, without the `@`: Slack's three, and GitLab's `all`.
const MASS: [&str; 4] = ["channel", "here", "everyone", "all"];

/// What of a text comes from the scope.
struct Origin<'a> {
    text: &'a str,
    filled: &'a [Range<usize>],
}

/// The text with the mentions broken that the ranges make; `is_slack` where `<!…>` and `<@…>` are mentions.
pub(super) fn broken(text: &str, filled: &[Range<usize>], is_slack: bool) -> String {
    let origin = Origin { text, filled };
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        out.push(character);
        let calls = match character {
            '@' => origin.calls(at, before),
            '<' if is_slack => origin.opens_a_token(at),
            _ => false,
        };
        if calls {
            out.push(BLANK);
        }
        before = character;
    }
    out
}

impl Origin<'_> {
    /// Whether any of a range comes from the scope.
    fn any(&self, range: Range<usize>) -> bool {
        let first = self.filled.partition_point(|filled| filled.end <= range.start);
        self.filled[first..].iter().take_while(|filled| filled.start < range.end).any(|filled| !filled.is_empty())
    }

    /// Whether a value makes the `@` at a place call somebody.
    fn calls(&self, at: usize, before: char) -> bool {
        let behind = &self.text[at + 1..];
        let end = behind.find(|c: char| !(c.is_ascii_alphanumeric() || "-_/".contains(c))).unwrap_or(behind.len());
        let name = &behind[..end];
        let mass = MASS.iter().find(|word| begins_with_word(behind, word));
        if self.any(at..at + 1) {
            // `ann@example.org` calls nobody. An underscore is Markdown's and parts nothing.
            return mass.is_some() || behind.starts_with(char::is_alphanumeric) && !before.is_alphanumeric();
        }
        let is_team = name.match_indices('/').any(|(slash, _)| self.any(at + 1 + slash..at + 2 + slash));
        is_team || mass.is_some_and(|word| self.any(at + 1..at + 1 + word.len()))
    }

    /// Whether a value makes the `<` of the template at a place open a mention.
    fn opens_a_token(&self, at: usize) -> bool {
        let behind = &self.text[at + 1..];
        let is_sign_filled = self.any(at + 1..at + 2);
        match behind.chars().next() {
            Some('@' | '#') => is_sign_filled,
            // Whom `<!subteam^{id}>` calls is the template's choice, `<!{word}>` is not.
            Some('!') => {
                let end = behind.find(['^', '|', '>', '<']).unwrap_or(behind.len());
                self.any(at + 1..at + 1 + end)
            }
            _ => false,
        }
    }
}

/// Whether a text begins with a word, in letters of either case, and no letter follows.
fn begins_with_word(text: &str, word: &str) -> bool {
    let begins = text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    begins && !text[word.len()..].starts_with(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with what comes from the scope between `‹` and `›`, and an invisible blank written as `·`.
    #[test]
    fn only_what_comes_from_the_scope_is_broken() {
        for (marked, wanted) in [
            ("‹@here›", "@·here"),
            ("‹(@Channel)›!", "(@·Channel)!"),
            ("‹x@everyone›", "x@·everyone"),
            ("‹@mia and @acme/ops›", "@·mia and @·acme/ops"),
            ("‹_@mia_›", "_@·mia_"),
            ("‹ann@example.org @ 5, @›", "ann@example.org @ 5, @"),
            ("‹@hereabouts›", "@·hereabouts"),
            ("@here, ‹x›", "@here, x"),
            ("@acme/ops ‹x›", "@acme/ops x"),
            ("thanks @‹mia›", "thanks @mia"),
            ("@‹here›", "@·here"),
            ("@‹all›", "@·all"),
            ("@‹he›‹re›", "@·here"),
            ("@he‹re›", "@·here"),
            ("@‹acme/ops›", "@·acme/ops"),
            ("@acme/‹ops›", "@acme/ops"),
            ("‹@›here", "@·here"),
            ("‹@›‹here›", "@·here"),
            ("<‹!channel›>", "<·!channel>"),
            ("<!‹channel›>", "<·!channel>"),
            ("<!he‹re›>", "<·!here>"),
            ("<‹@U1›|x>", "<·@·U1|x>"),
            ("<@‹U1›>", "<@U1>"),
            ("<!subteam^‹S1›>", "<!subteam^S1>"),
            ("<!here> ‹x›", "<!here> x"),
            ("<‹https://a.example›|‹x›>", "<https://a.example|x>"),
            ("‹日@本›", "日@本"),
        ] {
            let (mut text, mut filled, mut begin) = (String::new(), Vec::new(), 0);
            for character in marked.chars() {
                match character {
                    '‹' => begin = text.len(),
                    '›' => filled.push(begin..text.len()),
                    _ => text.push(character),
                }
            }
            assert_eq!(broken(&text, &filled, true).replace(BLANK, "·"), wanted, "{marked}");
        }
        assert_eq!(broken("<!here>", std::slice::from_ref(&(1..6)), false), "<!here>");
    }

    #[test]
    fn a_megabyte_of_signs_takes_no_time_worth_naming() {
        for piece in ["@", "<!", "@a/", "@a", "<!a"] {
            let text = piece.repeat((1 << 20) / piece.len());
            assert!(broken(&text, std::slice::from_ref(&(0..text.len())), true).len() >= text.len());
        }
    }
}
