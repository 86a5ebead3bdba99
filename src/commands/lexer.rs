//! A typed line as words, read as it was meant: clients turn quotes curly, `--` into a dash, and blanks
//! into blanks that do not break.
//!
//! Owns characters and words only; what words mean is `grammar.rs`. It takes any text and never fails.
//!
//! | typed | read as |
//! |---|---|
//! | `"…"` `“…”` `„…“` `«…»`, at the start of a word or behind `=` | one word; `\"` and `\\` within are `"` and `\` |
//! | `'…'` `‘…’` there | one word, if it is closed; inside a word (`don't`) it is a letter |
//! | a quote that is not closed | closed at the end of the line |
//! | `–agent` `—agent` `−agent` `-–agent`, up to three dashes of which one is long | `--agent`; a dash that stands alone is text |
//! | `<@U1|Ada L>` | one word |
//! | characters without width | nothing, outside quotes |

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes.
    pub text: String,
    /// Whether it began with a quote, so that it is text whatever it looks like.
    pub quoted: bool,
}

/// A mention is no longer than this; what is longer is a `<` in a text.
const LONGEST_MENTION: usize = 200;

fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '＂' | '〝' | '〞')
}

fn is_single_quote(c: char) -> bool {
    matches!(c, '\'' | '‘' | '’' | '‚' | '‛' | '‹' | '›' | '＇')
}

/// The dashes that clients put in place of two hyphens.
fn is_long_dash(c: char) -> bool {
    matches!(c, '–' | '—' | '―' | '−')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Characters without width that carry no meaning. The joiners of emoji and of some scripts are kept
/// where they follow such a character.
fn is_invisible(c: char, previous: Option<char>) -> bool {
    match c {
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{200c}' | '\u{200d}' => previous.is_none_or(|previous| previous.is_ascii()),
        _ => false,
    }
}

/// Splits a line into words.
#[must_use]
pub fn words(line: &str) -> Vec<Word> {
    let mut reader = Reader { chars: line.chars().collect(), at: 0 };
    std::iter::from_fn(|| reader.word()).collect()
}

/// Writes a text so that [`words`] reads it as one word again.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if c == '\\' || is_double_quote(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// The next word; `None` at the end.
    fn word(&mut self) -> Option<Word> {
        while self.peek().is_some_and(|c| is_blank(c) || is_invisible(c, None)) {
            self.at += 1;
        }
        let first = self.peek()?;
        let mut word = Word { text: String::new(), quoted: false };
        if first == '<' {
            self.mention(&mut word.text);
        } else if let Some(end) = self.quoted_end() {
            self.quoted(end, &mut word.text);
            word.quoted = true;
        } else if is_long_dash(first) || first == '-' {
            self.dashes(&mut word.text);
        }
        self.bare(&mut word.text);
        Some(word)
    }

    /// Characters up to the next blank; a quote behind the `=` of an option opens a quoted value.
    fn bare(&mut self, text: &mut String) {
        while let Some(c) = self.peek().filter(|c| !is_blank(*c)) {
            let is_value = text.starts_with("--") && text.ends_with('=') && !text[..text.len() - 1].contains('=');
            if is_value && let Some(end) = self.quoted_end() {
                self.quoted(end, text);
                continue;
            }
            self.at += 1;
            if !is_invisible(c, text.chars().next_back()) {
                text.push(c);
            }
        }
    }

    /// Where the quote that opens here is closed: the place of its end, the end of the line where a
    /// double one is not closed. `None` where no quote opens here.
    fn quoted_end(&self) -> Option<usize> {
        let opening = self.peek()?;
        let inside = self.at + 1;
        if is_double_quote(opening) {
            // A straight quote is closed by a straight one, so that a text with curly ones can be pasted
            // into it; where there is none, the client has made the closing one curly.
            let straight = (opening == '"').then(|| self.double_end(inside, |c| c == '"')).flatten();
            return straight.or_else(|| self.double_end(inside, is_double_quote)).or(Some(self.chars.len()));
        }
        if is_single_quote(opening) {
            // Not closed, it was an apostrophe: `'tis`.
            return (inside..self.chars.len()).find(|at| is_single_quote(self.chars[*at]) && !self.is_apostrophe(*at));
        }
        None
    }

    fn double_end(&self, inside: usize, closes: impl Fn(char) -> bool) -> Option<usize> {
        let mut at = inside;
        while let Some(c) = self.chars.get(at) {
            if closes(*c) {
                return Some(at);
            }
            at += if *c == '\\' && self.is_escape(at) { 2 } else { 1 };
        }
        None
    }

    fn is_escape(&self, at: usize) -> bool {
        let escaped = self.chars.get(at + 1);
        escaped.is_some_and(|c| *c == '\\' || is_double_quote(*c))
    }

    /// Whether a single quote stands inside a word.
    fn is_apostrophe(&self, at: usize) -> bool {
        let is_letter = |at: Option<usize>| at.and_then(|at| self.chars.get(at)).is_some_and(|c| c.is_alphanumeric());
        is_letter(at.checked_sub(1)) && is_letter(Some(at + 1))
    }

    fn quoted(&mut self, end: usize, text: &mut String) {
        let escapes = is_double_quote(self.chars[self.at]);
        self.at += 1;
        while self.at < end {
            if escapes && self.chars[self.at] == '\\' && self.is_escape(self.at) {
                self.at += 1;
            }
            text.push(self.chars[self.at]);
            self.at += 1;
        }
        self.at = end + 1;
    }

    fn dashes(&mut self, text: &mut String) {
        let dashes = self.chars[self.at..].iter().take(3).take_while(|c| is_long_dash(**c) || **c == '-');
        let (count, long) = dashes.fold((0, false), |(count, long), c| (count + 1, long || is_long_dash(*c)));
        let behind = self.at + count;
        if long && self.chars.get(behind).is_some_and(char::is_ascii_alphabetic) {
            text.push_str("--");
            self.at = behind;
        }
    }

    /// Takes `<@…>` and `<#…>` whole, blanks within them too.
    fn mention(&mut self, text: &mut String) {
        if !matches!(self.chars.get(self.at + 1), Some('@' | '#')) {
            return;
        }
        let within = self.chars[self.at..].iter().take(LONGEST_MENTION);
        if let Some(length) = within.into_iter().position(|c| *c == '>') {
            text.extend(&self.chars[self.at..=self.at + length]);
            self.at += length + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        words(line).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn lines_are_read_as_they_were_meant() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \u{a0}\n\t\u{200b} ", &[]),
            ("task create", &["task", "create"]),
            ("task\u{a0}create\u{2003}x\r\ny", &["task", "create", "x", "y"]),
            (r#"a "b c" d"#, &["a", "b c", "d"]),
            ("a “b c” d", &["a", "b c", "d"]),
            ("a „b c“ d", &["a", "b c", "d"]),
            ("a «b c» d", &["a", "b c", "d"]),
            ("a \"b “c” d\" e", &["a", "b “c” d", "e"]),
            ("a \"b c” d", &["a", "b c", "d"]),
            ("a 'b c' d", &["a", "b c", "d"]),
            ("a ‘b c’ d", &["a", "b c", "d"]),
            ("don't do that", &["don't", "do", "that"]),
            ("don’t “do” that", &["don’t", "do", "that"]),
            ("‘I don’t’ x", &["I don’t", "x"]),
            ("the users' page 'a b'", &["the", "users'", "page", "a b"]),
            ("'tis nice", &["'tis", "nice"]),
            (r#"a "not closed --x"#, &["a", "not closed --x"]),
            (r#""say \"hi\" \\ \n""#, &[r#"say "hi" \ \n"#]),
            (r#""""#, &[""]),
            ("–agent x —due y −−mine", &["--agent", "x", "--due", "y", "--mine"]),
            ("–-agent x -—due y -- -a ---b", &["--agent", "x", "--due", "y", "--", "-a", "---b"]),
            ("fix – later —5", &["fix", "–", "later", "—5"]),
            (r#""–agent""#, &["–agent"]),
            (r#"--description="a b" c"#, &["--description=a b", "c"]),
            ("—description=“a b” c", &["--description=a b", "c"]),
            (r#"a="b c""#, &["a=\"b", "c\""]),
            (r#"5" screen"#, &["5\"", "screen"]),
            ("<@U1|Ada L> x <b c>", &["<@U1|Ada L>", "x", "<b", "c>"]),
            ("<@U1 x", &["<@U1", "x"]),
            ("ta\u{200b}sk li\u{feff}st", &["task", "list"]),
            ("\u{200d}task 👩\u{200d}💻", &["task", "👩\u{200d}💻"]),
        ];
        for (line, expected) in cases {
            assert_eq!(texts(line), *expected, "{line:?}");
        }
    }

    #[test]
    fn a_long_line_of_openings_is_read_in_one_go() {
        for piece in ["<@", "'", "\"", "“a", "\\\"", "—", "'a b'c "] {
            let line = piece.repeat(100_000);
            assert!(words(&line).len() <= line.len());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(line in any::<String>()) {
            for word in words(&line) {
                prop_assert!(word.quoted || !word.text.contains(char::is_whitespace) || word.text.starts_with("--")
                    || word.text.starts_with('<'));
            }
        }

        #[test]
        fn what_is_quoted_is_read_back(before in "[a-z]{1,5}", text in any::<String>()) {
            let line = format!("{before} {} end", quote(&text));
            prop_assert_eq!(texts(&line), vec![before, text, "end".to_owned()]);
        }
    }
}
