//! Text of people as GitHub Markdown that shows it as it is and does nothing.
//!
//! Owns what is escaped. It knows no blocks and no cards. What GitHub makes of a text beyond Markdown it makes of the
//! words that a reader would see, so a backslash does not help there:
//!
//! | in the text | as it leaves | why |
//! |---|---|---|
//! | `@name`, `@org/team` | an unseen blank behind `@` | it would notify; Renovate breaks it so as well |
//! | `#12`, `GH-12`, `o/r#12` | an unseen blank before the number | it would refer, and close behind a word such as "fixes" |
//! | seven or more hexadecimal digits | the whole word as code | it may be a commit; people copy it, so nothing goes into it |
//! | an address of an issue, a commit and the like | as code | it would refer |
//! | any other address | `<https://…>` | it leads where it says; GitHub would take escapes into it |
//! | `$` | in a `<span>`, as GitHub's page "Writing mathematical expressions" has it | two of them are a formula |
//! | signs of Markdown, and a line that begins as a block or a command does | a backslash before it | |
//!
//! Names of emoji stay: who wrote `:tada:` meant one.

use url::Url;

use crate::channels::text::{Ruler, clean, keep_blanks};

/// By characters, as GitHub says that it counts.
pub(super) const CHARACTERS: Ruler = Ruler { character: |_| 1, notice: 44 };

/// Bytes of an address that is one. Browsers and proxies take about as many.
pub(super) const MOST_ADDRESS: usize = 2_000;

/// What breaks a name or a number, unseen.
const UNSEEN: char = '\u{200B}';

/// Hexadecimal digits of a commit: GitHub finds it by seven, and SHA-256 has 64.
const COMMIT: std::ops::RangeInclusive<usize> = 7..=64;

/// What stands before the number or name of something that is referred to by its address, in any repository.
const REFERRED: [&str; 8] = ["issues", "pull", "pulls", "discussions", "commit", "commits", "compare", "blob"];

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a paragraph, an item, a cell. Addresses are links that show themselves.
    Text,
    /// In the label of a link, which can hold none.
    Label,
    /// In the description of an image, which can hold no element.
    Description,
}

/// A text as lines of Markdown, each of which may stand at the start of a line; an empty one is an empty line of it.
pub(super) fn lines(text: &str) -> Vec<String> {
    clean(text).trim_matches('\n').lines().map(|one| line(one, Place::Text)).collect()
}

/// A text as one line of Markdown; its own lines are parted by blanks.
pub(super) fn one_line(text: &str, place: Place) -> String {
    line(&crate::channels::text::one_line(text), place)
}

/// One line, cleaned.
fn line(text: &str, place: Place) -> String {
    let kept = keep_blanks(text.trim_end());
    let out = String::with_capacity(kept.len() + 8);
    let mut writer = Writer { out, place, previous: None, begins: Begins::Line };
    let mut rest = kept.as_str();
    while let Some(next) = rest.chars().next() {
        rest = if let Some(length) = address(rest) {
            writer.address(&rest[..length]);
            &rest[length..]
        } else if is_of_word(next) {
            let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            writer.word(&rest[..length], &rest[length..]);
            &rest[length..]
        } else {
            let after = &rest[next.len_utf8()..];
            writer.sign(next, after.chars().next());
            after
        };
    }
    writer.out
}

/// A line as code, which GitHub shows as it is.
pub(super) fn code(line: &str) -> String {
    let fence = "`".repeat(longest_run(line, '`') + 1);
    let gap = if line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{gap}{line}{gap}{fence}")
}

/// The length of the longest run of a character.
pub(super) fn longest_run(text: &str, character: char) -> usize {
    text.split(|c| c != character).map(str::len).max().unwrap_or_default() / character.len_utf8()
}

/// How much of a line has been written, as far as it decides what begins a block or a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// Nothing but blanks.
    Line,
    /// Digits, which `.` or `)` would make the number of an item.
    Number,
    /// More.
    Nothing,
}

struct Writer {
    out: String,
    place: Place,
    /// The character before, where it is one of the same text for GitHub.
    previous: Option<char>,
    begins: Begins,
}

impl Writer {
    fn address(&mut self, address: &str) {
        let may_hold_an_entity = address.contains('&') && address.contains(';');
        let is_read = address.contains('$') || may_hold_an_entity || refers(address);
        if self.place == Place::Text && !is_read {
            self.out.extend(["<", address, ">"]);
        } else {
            self.out.push_str(&code(address));
        }
        (self.previous, self.begins) = (None, Begins::Nothing);
    }

    /// Letters, digits, `-` and `_` of ASCII, and what stands behind them.
    fn word(&mut self, word: &str, rest: &str) {
        let is_commit = |part: &str| COMMIT.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if word.split('-').any(is_commit) {
            self.out.push_str(&code(word));
            (self.previous, self.begins) = (None, Begins::Nothing);
            return;
        }
        let is_number = self.begins == Begins::Line && word.bytes().all(|byte| byte.is_ascii_digit());
        let low = word.to_ascii_lowercase();
        // GitHub would make a link of what follows, and take escapes into it.
        let begins_an_address = (low == "www" && rest.starts_with('.'))
            || (["http", "https", "ftp"].iter().any(|scheme| low.ends_with(scheme)) && rest.starts_with("://"));
        let mut all = word.char_indices().peekable();
        while let Some((at, character)) = all.next() {
            let next = all.peek().map(|(_, next)| *next);
            let inside = next.is_some_and(|c| c.is_ascii_alphanumeric())
                && at > 0
                && self.previous.is_some_and(|c| c.is_ascii_alphanumeric());
            if (character == '_' && !inside) || (character == '-' && self.begins == Begins::Line) {
                self.out.push('\\');
            }
            self.put(character);
            if character == '-' && next.is_some_and(|c| c.is_ascii_digit()) && ends_with_gh(&word[..at]) {
                self.out.push(UNSEEN);
            }
        }
        self.begins = if is_number { Begins::Number } else { Begins::Nothing };
        if begins_an_address {
            self.out.push('\\');
        }
    }

    fn sign(&mut self, sign: char, next: Option<char>) {
        let is_blank = sign.is_whitespace() || matches!(sign, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}');
        let before = self.begins;
        let begins_a_block = match before {
            Begins::Line => "+=:/".contains(sign),
            Begins::Number => ".)".contains(sign) && next.is_none_or(char::is_whitespace),
            Begins::Nothing => false,
        };
        if sign == '$' && self.place != Place::Description {
            self.out.push_str("<span>$</span>");
            (self.previous, self.begins) = (None, Begins::Nothing);
            return;
        }
        if begins_a_block || r"\`*[]<>|~&#".contains(sign) {
            self.out.push('\\');
        }
        let follows_a_word = self.previous.is_some_and(|c| c.is_ascii_alphanumeric());
        self.put(sign);
        let names = sign == '@' && !follows_a_word && next.is_some_and(|c| c.is_ascii_alphanumeric());
        if names || (sign == '#' && next.is_some_and(|c| c.is_ascii_digit())) {
            self.out.push(UNSEEN);
        }
        if is_blank && before == Begins::Line {
            self.begins = Begins::Line;
        }
    }

    fn put(&mut self, character: char) {
        self.out.push(character);
        self.previous = Some(character);
        self.begins = Begins::Nothing;
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Whether a text ends with the word by which an issue is named besides `#`.
fn ends_with_gh(text: &str) -> bool {
    let Some(before) = text.len().checked_sub(2) else { return false };
    text[before..].eq_ignore_ascii_case("gh") && !text[..before].ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// How long the address is with which a text begins.
fn address(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        text.split_at_checked(scheme.len()).is_some_and(|(first, _)| first.eq_ignore_ascii_case(scheme))
    })?;
    let is_of_address = |c: char| c.is_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    let near = &text[..text.floor_char_boundary(MOST_ADDRESS + 1)];
    let whole = near.find(|c| !is_of_address(c)).map_or(near, |end| &near[..end]);
    // What follows a sentence and not the address: as GitHub itself has it.
    let mut address = whole.trim_end_matches(is_of_sentence);
    while let Some(shorter) = address.strip_suffix(')').filter(|_| closes_more(address)) {
        address = shorter.trim_end_matches(is_of_sentence);
    }
    let is_one = whole.len() <= MOST_ADDRESS
        && address.len() > scheme.len()
        && Url::parse(address).is_ok_and(|url| url.has_host());
    is_one.then_some(address.len())
}

fn is_of_sentence(c: char) -> bool {
    "?!.,:;*_~'[]".contains(c)
}

fn closes_more(text: &str) -> bool {
    text.matches(')').count() > text.matches('(').count()
}

/// Whether an address is one by which GitHub refers to something.
fn refers(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return true };
    let steps: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    let refers = |two: &[&str]| REFERRED.iter().any(|word| two[0].eq_ignore_ascii_case(word)) && !two[1].is_empty();
    steps.windows(2).any(refers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_as_it_is_and_does_nothing() {
        for (text, wanted) in [
            ("in_progress, MICROSOFT_APP_ID, T-12", "in_progress, MICROSOFT_APP_ID, T-12"),
            ("1.5 GB – 100 % (ok)", "1.5 GB – 100 % (ok)"),
            ("_a_ __b", r"\_a\_ \_\_b"),
            ("*a* [b](c) <d> `e` ~f~ g|h & i\\", r"\*a\* \[b\](c) \<d\> \`e\` \~f\~ g\|h \& i\\"),
            ("# a", r"\# a"),
            ("- a", r"\- a"),
            ("a - b + c = d", "a - b + c = d"),
            ("+ a", r"\+ a"),
            ("12. a", r"12\. a"),
            ("12) a", r"12\) a"),
            ("12 a.", "12 a."),
            ("===", r"\==="),
            ("/ai-crm help", r"\/ai-crm help"),
            ("see /ai-crm help", "see /ai-crm help"),
            ("  a  b", "\u{a0}\u{a0}a \u{a0}b"),
            ("@mia and @org/team", "@\u{200b}mia and @\u{200b}org/team"),
            ("a@b.de, é@mia, 5 @ 3", "a@b.de, é@\u{200b}mia, 5 @ 3"),
            ("#12 o/r#3 #x", "\\#\u{200b}12 o/r\\#\u{200b}3 \\#x"),
            ("GH-12 high-5", "GH-\u{200b}12 high-5"),
            ("a1b2c3 a1b2c3d a1b2c3x", "a1b2c3 `a1b2c3d` a1b2c3x"),
            ("550e8400-e29b-41d4", "`550e8400-e29b-41d4`"),
            ("(https://x.io/a_(b).)", "(<https://x.io/a_(b)>.)"),
            ("https://x.io/o/r/issues/12", "`https://x.io/o/r/issues/12`"),
            ("https://x.io/o/r/issues", "<https://x.io/o/r/issues>"),
            ("https://x.io?a&b; https://x.io?a&b;c", "<https://x.io?a&b>; `https://x.io?a&b;c`"),
            ("https://x.io/$", "`https://x.io/$`"),
            ("www.x.io http:// ftp://x", r"www\.x.io http\:// ftp\://x"),
            ("$5", "<span>$</span>5"),
        ] {
            assert_eq!(lines(text).join("\n"), wanted, "{text}");
        }
        assert_eq!(
            one_line("see https://x.io for $5\nnow", Place::Label),
            "see `https://x.io` for <span>$</span>5 now"
        );
        assert_eq!(one_line("$5 @mia", Place::Description), "$5 @\u{200b}mia");
    }

    #[test]
    fn code_holds_any_line() {
        for (line, wanted) in [("a", "`a`"), ("a`b", "``a`b``"), ("`a``", "``` `a`` ```"), ("a|b", "`a|b`")] {
            assert_eq!(code(line), wanted);
        }
    }
}
