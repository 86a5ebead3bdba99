//! A file of Rust as the rules of `tidy` see it: its text, its code without comments and literals, its
//! functions, and the parts of the crate that it names.
//!
//! A scan of text, not a parser: it knows comments, literals, braces and paths, which is all that a
//! rule needs, and it needs no crate for that. To let a rule see more, add a function here and a case
//! at the foot.

use std::collections::BTreeSet;
use std::path::Path;

/// One file.
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// Without comments, literals and tests; every byte stands where it stood, so lines agree.
    pub(crate) code: String,
    /// As `code`, but with the literals.
    pub(crate) told: String,
    /// Whether it is compiled for tests only.
    pub(crate) is_test: bool,
}

/// A function with a body.
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// From its `fn` to its last brace.
    pub(crate) lines: usize,
}

impl Source {
    /// A file of this path with this text.
    pub(crate) fn of(path: &str, text: &str) -> Self {
        let (mut code, mut told) = (text.as_bytes().to_vec(), text.as_bytes().to_vec());
        blank_comments_and_literals(text.as_bytes(), &mut code, &mut told);
        for (start, end) in test_items(&code) {
            blank(&mut code, start, end);
            blank(&mut told, start, end);
        }
        let utf8 = |bytes| String::from_utf8(bytes).expect("invariant: whole literals and comments are blanked");
        Self { path: path.to_owned(), text: text.to_owned(), code: utf8(code), told: utf8(told), is_test: false }
    }

    /// The folder of `src/` it stands in, or its own name where it stands in none: `store`, `app`.
    pub(crate) fn part(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inner.split('/').next().unwrap_or(inner);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Its name without `.rs`.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// The names of its module from the crate's root: `store::keyspace` is two.
    fn module(&self) -> Vec<&str> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path).trim_end_matches(".rs");
        inner.trim_end_matches("/mod").split('/').filter(|name| !matches!(*name, "lib" | "main")).collect()
    }

    /// What it names of the crate, as far as two steps from the root: `["store", "sled"]`, with the line.
    pub(crate) fn paths_within(&self) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        for start in word_starts(&self.code, "crate").chain(word_starts(&self.code, "ai_crm")) {
            let after = self.code[start..].trim_start_matches(|c| is_word(c as u8));
            if let Some(rest) = after.strip_prefix("::") {
                found.extend(steps(rest).into_iter().map(|path| (self.line_of(start), path)));
            }
        }
        let module = self.module();
        for start in word_starts(&self.code, "super").filter(|start| !self.code[..*start].ends_with("::")) {
            let mut rest = &self.code[start..];
            let mut ups = 0;
            while let Some(inner) = rest.strip_prefix("super::") {
                (rest, ups) = (inner, ups + 1);
            }
            let root = module.len().saturating_sub(ups);
            for path in steps(rest) {
                let whole = module[..root].iter().map(ToString::to_string).chain(path).take(2).collect();
                found.push((self.line_of(start), whole));
            }
        }
        found
    }

    /// The lines in which a crate is named by a path that begins with it, or by `use`.
    pub(crate) fn lines_naming_crate(&self, name: &str) -> Vec<usize> {
        let begins_a_path = |start: &usize| {
            let before = self.code[..*start].trim_end();
            let after = &self.code[start + name.len()..];
            let used = before.ends_with("use") && after.starts_with([';', ' ']);
            !before.ends_with("::") && (after.starts_with("::") || used)
        };
        word_starts(&self.code, name).filter(begins_a_path).map(|start| self.line_of(start)).collect()
    }

    /// The functions with a body, tests left out.
    pub(crate) fn functions(&self) -> Vec<Function> {
        word_starts(&self.code, "fn").filter_map(|start| self.function(start)).collect()
    }

    fn function(&self, start: usize) -> Option<Function> {
        let name: String = self.code[start + 2..].trim_start().chars().take_while(|c| is_word(*c as u8)).collect();
        if name.is_empty() {
            return None;
        }
        let end = end_of_item(self.code.as_bytes(), start)?;
        if self.code.as_bytes()[end - 1] == b';' {
            return None;
        }
        let lines = self.code[start..end].matches('\n').count() + 1;
        Some(Function { name, line: self.line_of(start), lines })
    }

    /// The number of lines before its first module of tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        self.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count()
    }

    /// The text of its `TABLE`, comments left out.
    pub(crate) fn table(&self) -> &str {
        let Some(start) = self.told.find("TABLE:") else { return "" };
        let rest = &self.told[start..];
        &rest[..rest.find("];").unwrap_or(rest.len())]
    }

    /// The line of a byte, from 1.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.text.as_bytes()[..byte].iter().filter(|b| **b == b'\n').count() + 1
    }

    /// The files that its `#[cfg(test)] mod x;` lines name, without their `.rs`.
    fn test_modules(&self) -> Vec<String> {
        let beside = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let below = match self.stem() {
            "mod" | "lib" | "main" => beside,
            _ => self.path.trim_end_matches(".rs"),
        };
        let mut found = Vec::new();
        for (at, _) in self.text.match_indices("#[cfg(test)]") {
            let declaration = self.text[at..].split(';').next().unwrap_or_default();
            let Some((attributes, name)) = declaration.split_once("mod ") else { continue };
            if !name.bytes().all(is_word) {
                continue;
            }
            found.push(match attributes.split_once("#[path = \"").and_then(|(_, rest)| rest.split_once(".rs\"")) {
                Some((file, _)) => format!("{beside}/{file}"),
                None => format!("{below}/{name}"),
            });
        }
        found
    }
}

/// Every `.rs` file under some folders of the repository.
pub(crate) fn sources(root: &Path, folders: &[&str]) -> Vec<Source> {
    let files =
        files(root, &|path| folders.iter().any(|folder| path == *folder || path.starts_with(&format!("{folder}/"))));
    let read = |path: &String| Source::of(path, &std::fs::read_to_string(root.join(path)).expect("a source is text"));
    let mut all: Vec<Source> = files.iter().filter(|path| path.ends_with(".rs")).map(read).collect();
    mark_tests(&mut all);
    all
}

/// Marks the files that are compiled for tests only, with all below them.
fn mark_tests(all: &mut [Source]) {
    let tests: BTreeSet<String> = all.iter().flat_map(Source::test_modules).collect();
    for source in all {
        let stem = source.path.trim_end_matches(".rs");
        source.is_test = tests.iter().any(|test| stem == test || stem.starts_with(&format!("{test}/")));
    }
}

/// Every file under `root` whose path and folders `wanted` admits, sorted.
pub(crate) fn files(root: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).expect("a folder of the repository is readable") {
            let entry = entry.expect("a folder of the repository is readable");
            let name = entry.file_name().into_string().expect("names in the repository are UTF-8");
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = entry.file_type().expect("a file has a type");
            if !wanted(&path) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where a word stands as a whole word.
fn word_starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    text.match_indices(word).map(|(start, _)| start).filter(move |start| {
        let before = start.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(start + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The paths that begin here, two steps of each; a group in braces is several.
fn steps(rest: &str) -> Vec<Vec<String>> {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        return members(group).into_iter().flat_map(steps).collect();
    }
    let name: String = rest.chars().take_while(|c| is_word(*c as u8)).collect();
    if name.is_empty() {
        return Vec::new();
    }
    let seconds = match rest[name.len()..].strip_prefix("::") {
        Some(inner) => steps(inner),
        None => Vec::new(),
    };
    if seconds.is_empty() {
        return vec![vec![name]];
    }
    seconds.into_iter().map(|second| vec![name.clone(), second[0].clone()]).collect()
}

/// The members of a group whose opening brace has been read.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                found.push(&group[start..at]);
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The end of the item that begins here: behind its `;`, or behind the brace that closes its first one.
fn end_of_item(code: &[u8], start: usize) -> Option<usize> {
    let (mut inner, mut braces) = (0_i32, 0_i32);
    for (at, byte) in code.iter().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => inner += 1,
            b')' | b']' => inner -= 1,
            b'{' => braces += 1,
            b'}' => {
                braces -= 1;
                if braces == 0 && inner == 0 {
                    return Some(at + 1);
                }
            }
            b';' if inner == 0 && braces == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Where the items under `#[cfg(test)]` begin and end.
fn test_items(code: &[u8]) -> Vec<(usize, usize)> {
    let text = String::from_utf8_lossy(code).into_owned();
    let ends = |(start, found): (usize, &str)| {
        Some((start, end_of_item(text.as_bytes(), start + found.len()).unwrap_or(text.len())))
    };
    text.match_indices("#[cfg(test)]").filter_map(ends).collect()
}

fn blank(bytes: &mut [u8], start: usize, end: usize) {
    bytes[start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

fn blank_comments_and_literals(text: &[u8], code: &mut [u8], told: &mut [u8]) {
    let mut at = 0;
    while at < text.len() {
        if let Some(end) = end_of_comment(text, at) {
            blank(code, at, end);
            blank(told, at, end);
            at = end;
        } else if let Some(end) = end_of_literal(text, at) {
            blank(code, at, end);
            at = end;
        } else {
            at += 1;
        }
    }
}

/// The end of the comment that begins here. Comments in comments are counted.
fn end_of_comment(text: &[u8], at: usize) -> Option<usize> {
    let rest = &text[at..];
    if rest.starts_with(b"//") {
        return Some(at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with(b"/*") {
        return None;
    }
    let (mut depth, mut end) = (0, 0);
    while end < rest.len() {
        match &rest[end..] {
            inner if inner.starts_with(b"/*") => (depth, end) = (depth + 1, end + 2),
            inner if inner.starts_with(b"*/") => (depth, end) = (depth - 1, end + 2),
            _ => end += 1,
        }
        if depth == 0 {
            break;
        }
    }
    Some(at + end)
}

/// The end of the string or character that begins here; a lifetime is neither.
fn end_of_literal(text: &[u8], at: usize) -> Option<usize> {
    let rest = &text[at..];
    match rest[0] {
        b'"' => Some(at + end_of_quoted(rest, b'"')),
        b'\'' if rest.get(1) == Some(&b'\\') => Some(at + end_of_quoted(rest, b'\'')),
        b'\'' => {
            let width = match rest.get(1)? {
                byte if byte.is_ascii() => 1,
                byte => byte.leading_ones() as usize,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some(at + width + 2)
        }
        // `r` begins a raw string where no word ends in it, but for `br` and `cr`.
        b'r' => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            let word = text[..at].iter().rev().take_while(|byte| is_word(**byte)).count();
            let word_before = !matches!(&text[at - word..at], b"" | b"b" | b"c");
            if word_before || rest.get(1 + hashes) != Some(&b'"') {
                return None;
            }
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = 2 + hashes;
            let length = rest[body..].windows(close.len()).position(|window| window == close);
            Some(at + length.map_or(rest.len(), |length| body + length + close.len()))
        }
        _ => None,
    }
}

fn end_of_quoted(rest: &[u8], quote: u8) -> usize {
    let mut end = 1;
    while end < rest.len() && rest[end] != quote {
        end += if rest[end] == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x { \" }", 'y', '\'', b'{')"#, "f(          ,    ,     , b   )"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            (r##"r#"{ " "# + br"{" + bar"##, "            b     + bar"),
            ("'ü' x", "     x"),
        ] {
            let seen = Source::of("src/a.rs", text).code;
            assert_eq!(
                seen.replace('+', " ").split_whitespace().collect::<Vec<_>>(),
                { code.replace('+', " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>() },
                "{text}"
            );
            assert_eq!(seen.len(), text.len(), "{text}");
        }
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        let cases = [
            ("src/a/b.rs", "use crate::store::sled::Sled;", vec!["store sled"]),
            (
                "src/a/b.rs",
                "use crate::{domain::{ids, time::Clock}, store};",
                vec!["domain ids", "domain time", "store"],
            ),
            ("src/a/b.rs", "fn f() { crate::web::serve() }", vec!["web serve"]),
            ("src/a/b.rs", "use super::c;", vec!["a c"]),
            ("src/a/b.rs", "use super::super::store::View;", vec!["store View"]),
            ("src/a/mod.rs", "use super::store::View;", vec!["store View"]),
            ("src/main.rs", "use ai_crm::app;", vec!["app"]),
            ("src/a/b.rs", "// crate::web\n\"crate::web\"", vec![]),
            ("src/a/b.rs", "#[cfg(test)]\nmod tests { use crate::web::x; }", vec![]),
        ];
        for (path, text, expected) in cases {
            let found: Vec<String> =
                Source::of(path, text).paths_within().into_iter().map(|(_, path)| path.join(" ")).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn functions_are_measured_without_their_tests() {
        let text =
            "fn a(x: [u8; 2]) -> u8 {\n    if x { '}' }\n}\ntrait T { fn b(); fn c() {} }\n#[cfg(test)]\nfn d() {}\n";
        let found: Vec<(String, usize)> =
            Source::of("src/a.rs", text).functions().into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(found, [("a".to_owned(), 3), ("c".to_owned(), 1)]);
    }

    #[test]
    fn files_of_tests_are_known_by_their_declaration() {
        let mut all = [
            Source::of("src/a/mod.rs", "#[cfg(test)]\npub(crate) mod testing;\n"),
            Source::of("src/a/testing.rs", ""),
            Source::of("src/b.rs", "#[cfg(test)]\nmod tests;\n"),
            Source::of("src/b/tests/deep.rs", ""),
            Source::of("src/b/testing.rs", ""),
            Source::of("src/c/load.rs", "#[cfg(test)]\n#[path = \"load_tests.rs\"]\nmod tests;\n"),
            Source::of("src/c/load_tests.rs", ""),
        ];
        mark_tests(&mut all);
        assert_eq!(all.map(|source| source.is_test), [false, true, false, true, false, false, true]);
    }
}
