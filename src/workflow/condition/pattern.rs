//! Patterns over text: regular expressions, and globs over the paths of files.
//!
//! Both become one automaton of the `regex` crate, compiled as the file is read: no look-around, no back references,
//! and time linear in the text, which is what RE2 promises; `\d`, `\s` and `\w` are ASCII's as they are there. Linear
//! is not fast: the worst is the size of the automaton times the length of the text, so both have bounds, since files of
//! repositories come from people whom nobody vouches for. `globset` was not taken since its `?` is one byte and its
//! `**` crosses folders only as a whole step.

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};

use crate::workflow::mistake::quoted;

/// The longest expression in bytes.
const LONGEST_EXPRESSION: usize = 500;
/// The longest glob in bytes.
const LONGEST_GLOB: usize = 200;
/// The most patterns of one condition.
pub(super) const MOST_PATTERNS: usize = 50;
/// The most memory of an automaton in bytes: some thousand states. At this size the worst text takes a second.
const MOST_MEMORY: usize = 128 * 1024;
/// The most memory of what it remembers while it looks at a text, in bytes. What needs more goes on slower.
const MOST_CACHE: usize = 512 * 1024;
/// The most memory of an automaton that somebody writes whom nobody vouches for: a hundred states. With
/// twice as much the worst text of GitHub takes 50 ms (measured).
const MOST_MEMORY_OF_OTHERS: usize = 8 * 1024;
/// How deep groups may stand in one another.
const MOST_NESTED: u32 = 20;
/// The longest text that is looked at, in bytes: twice GitHub's longest body, which has 65,536 characters. A longer text
/// is not judged at all.
const LONGEST_TEXT: usize = 128 * 1024;
/// The longest path of a file that can fit, in bytes, as macOS has it (`PATH_MAX`).
const LONGEST_PATH: usize = 1024;

/// Compiled patterns.
#[derive(Debug, Clone)]
pub(super) struct Patterns(RegexSet);

/// The text is too long to be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Patterns {
    /// Compiles regular expressions; what is wrong with them, in words.
    pub(super) fn expressions(patterns: &[String]) -> Result<Self, String> {
        Self::compiled(patterns, LONGEST_EXPRESSION, |pattern| Ok(in_ascii(pattern)))
    }

    /// Compiles globs; what is wrong with them, in words.
    pub(super) fn globs(patterns: &[String]) -> Result<Self, String> {
        Self::compiled(patterns, LONGEST_GLOB, expression)
    }

    fn compiled(
        patterns: &[String],
        longest: usize,
        translate: fn(&str) -> Result<String, &'static str>,
    ) -> Result<Self, String> {
        let mut expressions = Vec::new();
        for pattern in patterns {
            let wrong = |wrong: String| format!("the pattern {}: {wrong}", quoted(pattern));
            within_bounds(pattern, longest)?;
            let expression = translate(pattern).map_err(|what| wrong(what.to_owned()))?;
            // By itself first, so that what is wrong has a name.
            automaton(std::slice::from_ref(&expression)).map_err(wrong)?;
            expressions.push(expression);
        }
        automaton(&expressions).map(Self).map_err(|wrong| format!("the patterns together: {wrong}"))
    }

    /// Whether one fits anywhere in a text.
    pub(super) fn fit(&self, text: &str) -> Result<bool, TooLong> {
        if text.len() > LONGEST_TEXT { Err(TooLong) } else { Ok(self.0.is_match(text)) }
    }

    /// Whether one fits the path of a file.
    pub(super) fn fit_path(&self, path: &str) -> bool {
        path.len() <= LONGEST_PATH && self.0.is_match(path)
    }
}

fn within_bounds(pattern: &str, longest: usize) -> Result<(), String> {
    match pattern.len() {
        0 => Err("an empty pattern fits everything: take it out".to_owned()),
        length if length > longest => Err(format!("a pattern has at most {longest} bytes, and this one has {length}")),
        _ => Ok(()),
    }
}

/// An expression with the classes of Perl in ASCII, as RE2 has them. In Unicode each takes as much memory as a hundred
/// others. A class may stand within a class, so where they stand is all one.
fn in_ascii(expression: &str) -> String {
    const CLASSES: [(char, &str); 6] = [
        ('d', "[0-9]"),
        ('D', "[^0-9]"),
        ('s', r"[\t\n\f\r ]"),
        ('S', r"[^\t\n\f\r ]"),
        ('w', "[0-9A-Za-z_]"),
        ('W', "[^0-9A-Za-z_]"),
    ];
    let mut out = String::with_capacity(expression.len());
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        match (escaped, CLASSES.iter().find(|(letter, _)| escaped == Some(*letter))) {
            (_, Some((_, class))) => out.push_str(class),
            (Some(escaped), None) => out.extend([character, escaped]),
            (None, None) => out.push(character),
        }
    }
    out
}

fn automaton(expressions: &[String]) -> Result<RegexSet, String> {
    let mut builder = RegexSetBuilder::new(expressions);
    builder.size_limit(MOST_MEMORY).dfa_size_limit(MOST_CACHE).nest_limit(MOST_NESTED);
    builder.build().map_err(in_words)
}

/// Whether an expression costs little, so that whoever keeps a repository may have several of them looked for in every text.
pub(in crate::workflow) fn costs_little(expression: &str) -> bool {
    RegexBuilder::new(&in_ascii(expression)).size_limit(MOST_MEMORY_OF_OTHERS).build().is_ok()
}

fn in_words(error: regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "is too large once it is compiled: write fewer or smaller repetitions".into()
        }
        // The last line says what is wrong, those before it show where.
        error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// A glob as a regular expression over a whole path.
///
/// `*` and `?` stay within a step, `**` crosses steps, `[a-z]` and `[!a-z]` are one character, `{a,b}` is one of
/// several; `\` takes the next character as it is. A pattern without `/` is for the base name, one that ends with `/`
/// for all below a folder.
fn expression(glob: &str) -> Result<String, &'static str> {
    if glob.starts_with('!') {
        return Err("a pattern cannot exclude; put it under `none`");
    }
    let bare = glob.strip_prefix("./").unwrap_or(glob);
    let mut out = String::from("(?s)^");
    if !bare.contains('/') {
        out.push_str("(?:.*/)?");
    }
    let mut rest = bare.strip_prefix('/').unwrap_or(bare);
    let mut is_open = false;
    while let Some(character) = rest.chars().next() {
        let behind = &rest[character.len_utf8()..];
        rest = match character {
            '*' => {
                let before = bare[..bare.len() - rest.len()].chars().next_back();
                let begins = matches!(before, None | Some('/')) || is_open && matches!(before, Some('{' | ','));
                star(rest, begins, &mut out)
            }
            '[' => class(behind, &mut out)?,
            '\\' => {
                let taken = behind.chars().next().ok_or("`\\` at the end takes nothing")?;
                literal(taken, &mut out);
                &behind[taken.len_utf8()..]
            }
            _ => {
                match character {
                    '?' => out.push_str("[^/]"),
                    '{' if is_open => return Err("`{` within `{` is not read; list all of them in one"),
                    '{' => out.push_str("(?:"),
                    '}' if is_open => out.push(')'),
                    ',' if is_open => out.push('|'),
                    _ => literal(character, &mut out),
                }
                is_open = character == '{' || is_open && character != '}';
                behind
            }
        };
    }
    if is_open {
        return Err("`{` is not closed");
    }
    if bare.ends_with('/') {
        out.push_str(".*");
    }
    out.push('$');
    Ok(out)
}

/// Reads a run of stars, which begins a step or does not.
fn star<'g>(glob: &'g str, begins: bool, out: &mut String) -> &'g str {
    let rest = glob.trim_start_matches('*');
    match rest.strip_prefix('/') {
        _ if glob.len() - rest.len() == 1 => out.push_str("[^/]*"),
        // `a/**/b` is also `a/b`.
        Some(behind) if begins => {
            out.push_str("(?:.*/)?");
            return behind;
        }
        _ => out.push_str(".*"),
    }
    rest
}

/// Reads what follows `[` up to its `]`.
fn class<'g>(glob: &'g str, out: &mut String) -> Result<&'g str, &'static str> {
    let (negated, inside) = match glob.strip_prefix(['!', '^']) {
        Some(inside) => (true, inside),
        None => (false, glob),
    };
    let first = inside.chars().next().ok_or("`[` is not closed")?;
    let end = inside[first.len_utf8()..].find(']').ok_or("`[` is not closed")? + first.len_utf8();
    let characters: Vec<char> = inside[..end].chars().collect();
    out.push_str(if negated { "[[^" } else { "[[" });
    let mut rest = &characters[..];
    while let [first, behind @ ..] = rest {
        literal(*first, out);
        rest = behind;
        if let ['-', last, behind @ ..] = rest {
            out.push('-');
            literal(*last, out);
            rest = behind;
        }
    }
    out.push_str("]&&[^/]]");
    Ok(&inside[end + 1..])
}

fn literal(character: char, out: &mut String) {
    out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn globs(patterns: &[&str]) -> Result<Patterns, String> {
        Patterns::globs(&patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn globs_fit_paths() {
        for (glob, fits, fails) in [
            ("*.py", vec!["a.py", "src/a.py", "a/b/.py"], vec!["a.pyc", "a.py/x"]),
            ("Makefile", vec!["Makefile", "a/Makefile"], vec!["Makefile.in", "makefile"]),
            ("src/*.py", vec!["src/a.py"], vec!["src/a/b.py", "x/src/a.py", "a.py"]),
            ("/*.py", vec!["a.py"], vec!["src/a.py"]),
            ("./src/*", vec!["src/a"], vec!["src/a/b"]),
            ("src/**", vec!["src/a", "src/a/b"], vec!["src", "xsrc/a"]),
            ("**/a.py", vec!["a.py", "x/y/a.py"], vec!["ba.py"]),
            ("a/**/b", vec!["a/b", "a/x/b", "a/x/y/b"], vec!["ab", "a/xb"]),
            ("src/**.py", vec!["src/a.py", "src/x/a.py"], vec!["a.py"]),
            ("**.py", vec!["a.py", "src/a.py"], vec!["a.pyc"]),
            ("docs/", vec!["docs/a", "docs/a/b"], vec!["docs", "x/docs/a"]),
            ("**", vec!["a", "a/b"], vec![]),
            ("a?.md", vec!["ab.md", "aé.md", "x/a1.md"], vec!["a.md", "a/.md"]),
            ("[ab]*.c", vec!["a.c", "bx.c"], vec!["c.c"]),
            ("[!ab].c", vec!["c.c", "é.c"], vec!["a.c"]),
            ("x/[!a].c", vec!["x/b.c"], vec!["x//.c"]),
            ("[]a].c", vec!["].c", "a.c"], vec!["b.c"]),
            ("[a-c&&b].c", vec!["a.c", "&.c"], vec!["d.c"]),
            ("[+-a]x", vec!["ax", "0x"], vec!["bx"]),
            ("x[+-a]x", vec!["x0x"], vec!["x/x"]),
            ("[b-].c", vec!["b.c", "-.c"], vec!["c.c"]),
            ("a/**/**/b", vec!["a/b", "a/x/y/b"], vec!["ab"]),
            ("*.{js,ts}", vec!["a.js", "x/a.ts"], vec!["a.jsx", "a.{js,ts}"]),
            ("{a,b}/*.c", vec!["a/x.c", "b/x.c"], vec!["c/x.c"]),
            ("a,b}.c", vec!["a,b}.c"], vec!["a.c"]),
            ("a.b+(c)$^|", vec!["a.b+(c)$^|"], vec!["axb+(c)$^|"]),
            (r"\*.py", vec!["*.py"], vec!["a.py"]),
            ("日本/*", vec!["日本/語"], vec!["日/語"]),
        ] {
            let compiled = globs(&[glob]).unwrap();
            for path in fits {
                assert!(compiled.fit_path(path), "{glob} {path}");
            }
            for path in fails {
                assert!(!compiled.fit_path(path), "{glob} {path}");
            }
        }
        let several = globs(&["*.md", "src/*"]).unwrap();
        assert!(several.fit_path("docs/a.md") && several.fit_path("src/a") && !several.fit_path("a.rs"));
    }

    #[test]
    fn wrong_patterns_are_refused_with_what_is_wrong() {
        let long = "a".repeat(201);
        for (glob, what) in [
            ("", "fits everything"),
            ("!docs/**", "under `none`"),
            ("a{b", "`{` is not closed"),
            ("a{b{c,d}}", "within `{`"),
            ("[a", "`[` is not closed"),
            ("[", "`[` is not closed"),
            ("[z-a]", "invalid character class range"),
            ("a\\", "takes nothing"),
            (&long, "at most 200 bytes"),
        ] {
            let said = globs(&[glob]).unwrap_err();
            assert!(said.contains(what), "{glob}: {said}");
        }
        for (expression, what) in [
            ("(", "unclosed group"),
            ("(?=a)", "look-around"),
            (r"(a)\1", "backreferences are not supported"),
            (r"\pL{100}", "too large"),
            ("(a{99}b{99}){99}", "too large"),
            ("((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9})", "too large"),
            (&"(".repeat(100), "unclosed group"),
            ("a)|(b", "unopened group"),
        ] {
            let said = Patterns::expressions(&[expression.to_owned()]).unwrap_err();
            assert!(said.contains(what), "{expression}: {said}");
        }
    }

    #[test]
    fn expressions_fit_anywhere_in_a_text() {
        let fit = |pattern: &str, text: &str| Patterns::expressions(&[pattern.to_owned()]).unwrap().fit(text).unwrap();
        for (pattern, text, wanted) in [
            ("bug", "a bug!", true),
            ("^bug$", "a bug", false),
            ("(?i)BUG", "a bug", true),
            ("(?x) a b # remark", "ab", true),
            ("é.", "é日", true),
            (r"^v\d+", "v12", true),
            (r"^[\w.-]+@\S+\s\D$", "a.b-c@d x", true),
            (r"^\w+$", "é", false),
            (r"^\W\pL$", "-é", true),
            (r"^\\d$", r"\d", true),
        ] {
            assert_eq!(fit(pattern, text), wanted, "{pattern} {text}");
        }
        let both = Patterns::expressions(&["(?x)a # x".to_owned(), "b|c".to_owned()]).unwrap();
        assert_eq!((both.fit("c"), both.fit("d")), (Ok(true), Ok(false)));
        assert_eq!(both.fit(&"x".repeat(300_000)), Err(TooLong));
    }

    #[test]
    fn hostile_patterns_take_no_time_worth_naming() {
        let begun = Instant::now();
        let stars = globs(&[&"*a".repeat(60), &format!("{}b", "**a".repeat(60))]).unwrap();
        for _ in 0..20 {
            assert!(!stars.fit_path(&("a".repeat(1_000) + "c")));
        }
        let nested = Patterns::expressions(&["(a*)*(a*)*(a|a)*b".to_owned()]).unwrap();
        assert_eq!(nested.fit(&"a".repeat(100_000)), Ok(false));
        // As many states as there are texts of a thousand letters: no cache holds them, and no letter ends the search.
        let mut seed = 1_u32;
        let mut letter = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 31 == 0 { 'a' } else { 'b' }
        };
        let letters: String = (0..LONGEST_TEXT).map(|_| letter()).collect();
        let many = Patterns::expressions(&["(?-u)a[ab]{1000}[c-~]".to_owned()]).unwrap();
        assert_eq!(many.fit(&letters), Ok(false));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    proptest! {
        #[test]
        fn no_glob_is_translated_to_what_is_no_expression(
            glob in "[a-c*?\\[\\]{},!/\\\\.^&~-]{1,30}",
            path in "[a-c/.]{0,20}",
        ) {
            match globs(&[&glob]) {
                Ok(compiled) => { compiled.fit_path(&path); }
                Err(said) => prop_assert!(!said.contains("regex"), "{said}"),
            }
        }

        #[test]
        fn a_path_fits_itself(path in "[a-cé]{1,5}(/[a-cé]{1,5}){0,3}", other in "[a-c/]{0,9}") {
            let compiled = globs(&[&path]).unwrap();
            prop_assert!(compiled.fit_path(&path));
            let is_base_name = !path.contains('/') && other.rsplit('/').next() == Some(path.as_str());
            prop_assert_eq!(compiled.fit_path(&other), path == other || is_base_name);
        }
    }
}
