//! A text as the estimate reads it: words with light stems, phrases of up to four words, the files
//! that it mentions, its list items.
//!
//! Owns the reading only: stems stand in `stem.rs`, what a word means in the tables of the other
//! files. Reading is linear in the length of the text, so that a pasted log costs milliseconds. To
//! read another thing out of texts, add a field to [`Text`] and fill it in `take_chunk`.

use std::collections::{BTreeSet, HashMap};

use crate::pm::stem::stem;

/// The longest phrase, in words, that a text can be asked for.
pub const LONGEST_PHRASE: usize = 4;
/// A longer run of letters is a key, a hash or a language without blanks, not a word.
const LONGEST_WORD: usize = 40;
/// The most files that are taken from a text; a pasted log names thousands.
const MOST_FILES: usize = 200;
/// The most list items that are taken from a text.
const MOST_ITEMS: usize = 50;

/// Words that carry no meaning of their own.
const FILLERS: &[&str] = &[
    "a", "able", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "before",
    "between", "but", "by", "can", "could", "do", "does", "each", "every", "for", "from", "get", "had", "has", "have",
    "how", "i", "if", "in", "into", "is", "it", "its", "let", "make", "may", "more", "must", "need", "new", "no",
    "not", "of", "on", "one", "or", "our", "out", "over", "please", "shall", "should", "so", "some", "than", "that",
    "the", "their", "them", "then", "there", "these", "they", "this", "to", "too", "up", "us", "use", "very", "was",
    "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "without", "would", "you", "your",
];

/// Languages and formats whose name with its dot looks like a file.
const NOT_FILES: &[&str] = &["node.js", "vue.js", "next.js", "react.js", "nuxt.js", "express.js", "d3.js", "asp.net"];

/// Files that are known without an extension.
const FILES_BY_NAME: &[&str] =
    &["dockerfile", "makefile", "jenkinsfile", "caddyfile", "gemfile", "procfile", "justfile"];

/// A text, read once and then asked.
#[derive(Debug, Clone)]
pub struct Text {
    /// Every phrase of one to four stems, joined by blanks → the number of its first word.
    phrases: HashMap<String, usize>,
    /// Every word in order, stemmed, without fillers.
    content: Vec<String>,
    files: Vec<String>,
    items: Vec<String>,
    length: usize,
    first_line_words: usize,
    questions: usize,
}

impl Text {
    /// Reads a text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut read = Self {
            phrases: HashMap::new(),
            content: Vec::new(),
            files: Vec::new(),
            items: Vec::new(),
            length: 0,
            first_line_words: 0,
            questions: 0,
        };
        let mut seen_files = BTreeSet::new();
        for (number, line) in text.trim().lines().enumerate() {
            if let Some(item) = list_item(line).filter(|_| read.items.len() < MOST_ITEMS) {
                read.items.push(item.to_owned());
            }
            let mut words = Vec::new();
            for chunk in line.split_whitespace() {
                read.take_chunk(chunk, &mut words, &mut seen_files);
            }
            // A phrase does not run over the end of a line: two list items are two thoughts.
            read.take_words(&words);
            if number == 0 {
                read.first_line_words = read.length;
            }
        }
        read
    }

    /// Where a phrase first stands, as the number of its first word. The phrase may be of any
    /// grammatical form that has the same stem, and of two words written as one.
    #[must_use]
    pub fn find(&self, phrase: &Phrase) -> Option<usize> {
        let apart = self.phrases.get(&phrase.apart);
        apart.or_else(|| self.phrases.get(&phrase.together)).copied()
    }

    /// Whether a phrase stands in the text.
    #[must_use]
    pub fn has(&self, phrase: &str) -> bool {
        self.find(&Phrase::new(phrase)).is_some()
    }

    /// Those phrases of a table that stand in the text, in the order of the table. Two phrases with
    /// one stem count once.
    #[must_use]
    pub fn mentioned(&self, table: &'static str) -> Vec<&'static str> {
        let mut seen = BTreeSet::new();
        let mut is_new = |phrase: &&str| {
            let phrase = Phrase::new(phrase);
            self.find(&phrase).is_some() && seen.insert(phrase)
        };
        phrases(table).filter(|phrase| is_new(phrase)).collect()
    }

    /// Whether a stem stands in the text as a word.
    #[must_use]
    pub fn has_stem(&self, stem: &str) -> bool {
        self.phrases.contains_key(stem)
    }

    /// The stems of the words that carry meaning, in order, with repetitions.
    #[must_use]
    pub fn content(&self) -> &[String] {
        &self.content
    }

    /// The files that the text names.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The items of its lists, without their marks.
    #[must_use]
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// The number of words.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The number of words in the first line, which people write as a title.
    #[must_use]
    pub fn first_line_words(&self) -> usize {
        self.first_line_words
    }

    /// The number of question marks at ends of words.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.questions
    }

    fn take_chunk(&mut self, chunk: &str, words: &mut Vec<String>, seen_files: &mut BTreeSet<String>) {
        if chunk.ends_with(['?', '？']) {
            self.questions += 1;
        }
        // The words of an address are the words of its host, not of the work.
        if chunk.contains("://") {
            return;
        }
        let bare = chunk.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '/' | '_' | '*')));
        let bare = bare.trim_end_matches(['.', '/']);
        if is_file(bare) && self.files.len() < MOST_FILES && seen_files.insert(bare.to_owned()) {
            self.files.push(bare.trim_start_matches("./").to_owned());
        }
        let start = words.len();
        split_words(chunk, words);
        self.take_joined(chunk, &words[start..]);
    }

    /// `crash-loop` is also found as `crashloop`, and `CrashLoopBackOff` as `crash loop`.
    fn take_joined(&mut self, chunk: &str, parts: &[String]) {
        let at = self.length;
        if parts.len() == 2 && chunk.contains('-') {
            self.phrases.entry(stem(&parts.concat())).or_insert(at);
        }
        if parts.len() == 1 && chunk.len() <= LONGEST_WORD {
            let humps = humps(chunk);
            if humps.len() >= 3 {
                self.take_phrases(&humps, at);
            }
        }
    }

    fn take_words(&mut self, words: &[String]) {
        let stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
        self.take_phrases(&stems, self.length);
        // `log in` is also found as `login`.
        for (place, pair) in words.windows(2).enumerate() {
            if pair[0].len() + pair[1].len() <= LONGEST_WORD {
                self.phrases.entry(stem(&pair.concat())).or_insert(self.length + place);
            }
        }
        self.length += words.len();
        let carries = words.iter().zip(stems).filter(|(word, _)| !is_filler(word)).map(|(_, stem)| stem);
        self.content.extend(carries);
    }

    fn take_phrases(&mut self, stems: &[String], at: usize) {
        for start in 0..stems.len() {
            let mut phrase = String::new();
            for stem in stems[start..].iter().take(LONGEST_PHRASE) {
                if !phrase.is_empty() {
                    phrase.push(' ');
                }
                phrase.push_str(stem);
                if !self.phrases.contains_key(&phrase) {
                    self.phrases.insert(phrase.clone(), at + start);
                }
            }
        }
    }
}

/// The phrases of a table: they are separated by commas.
pub fn phrases(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.split(',').map(str::trim).filter(|phrase| !phrase.is_empty())
}

/// A phrase in the form in which texts are asked for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phrase {
    apart: String,
    together: String,
    words: usize,
}

impl Phrase {
    /// Reads a phrase of at most [`LONGEST_PHRASE`] words; what follows is left away.
    #[must_use]
    pub fn new(phrase: &str) -> Self {
        let mut words = Vec::new();
        phrase.split_whitespace().for_each(|chunk| split_words(chunk, &mut words));
        words.truncate(LONGEST_PHRASE);
        let stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
        Self { apart: stems.join(" "), together: stem(&words.concat()), words: words.len() }
    }

    /// The number of its words.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words
    }

    /// The stems, joined by blanks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.apart
    }
}

/// Whether a word carries no meaning of its own.
#[must_use]
pub fn is_filler(word: &str) -> bool {
    FILLERS.binary_search(&word).is_ok()
}

/// Splits at everything that is not a letter or digit; `c++`, `c#` and `.net` keep their signs.
fn split_words(chunk: &str, words: &mut Vec<String>) {
    let lower = chunk.to_lowercase();
    if let Some(rest) = lower.strip_prefix(".net") {
        words.push(".net".to_owned());
        return split_words(rest, words);
    }
    let mut word = String::new();
    for c in lower.chars() {
        let sign = matches!(c, '+' | '#') && word.chars().count() <= 3 && word.starts_with(['c', 'f', 'n']);
        // An apostrophe ends nothing: `don't` is one word.
        if c.is_alphanumeric() || sign {
            word.push(c);
        } else if !matches!(c, '\'' | '’') && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    for word in words.iter_mut().filter(|word| word.chars().count() > LONGEST_WORD) {
        *word = word.chars().take(LONGEST_WORD).collect();
    }
}

/// The parts of a name that is written in capitals within: `CrashLoopBackOff`.
fn humps(name: &str) -> Vec<String> {
    let mut humps: Vec<String> = Vec::new();
    for c in name.chars().filter(|c| c.is_ascii_alphabetic()) {
        match humps.last_mut() {
            Some(hump) if c.is_ascii_lowercase() => hump.push(c),
            _ => humps.push(c.to_ascii_lowercase().to_string()),
        }
    }
    humps.into_iter().filter(|hump| hump.len() > 1).map(|hump| stem(&hump)).collect()
}

fn is_file(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    let lower = name.to_lowercase();
    if word.len() > 200 || word.contains("..") || NOT_FILES.contains(&lower.as_str()) {
        return false;
    }
    if FILES_BY_NAME.contains(&lower.as_str()) {
        return true;
    }
    let Some((root, extension)) = name.rsplit_once('.') else {
        return false;
    };
    // `e.g`, `3.5` and `v1.2` have dots too; one letter is an extension only for C and R sources.
    let plausible = (2..=12).contains(&extension.len()) || ["c", "h", "R"].contains(&extension);
    let version = root.chars().all(|c| c.is_ascii_digit() || matches!(c, 'v' | '.'));
    let dotfile = root.is_empty() && extension.len() >= 3 && lower != ".net";
    plausible
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && (dotfile || !root.is_empty() && !version)
}

/// What stands after the mark of a list: `- `, `* `, `• `, `1. `, `2) `, with or without a box.
fn list_item(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix(['-', '*', '•', '–']).or_else(|| {
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if (1..=3).contains(&digits) { line[digits..].strip_prefix(['.', ')']) } else { None }
    })?;
    let rest = rest.strip_prefix(' ')?.trim();
    let item = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest).trim();
    Some(item).filter(|item| item.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_in_every_spelling() {
        for (text, phrase, found) in [
            ("Pods crash-loop after deploy", "crashloop", true),
            ("Pods crash loop after deploy", "crashloop", true),
            ("CrashLoopBackOff again", "crash loop", true),
            ("uses Machine Learning models", "machine learning", true),
            ("a learning machine", "machine learning", false),
            ("port it to C++ and C#.", "c++", true),
            ("port it to C++ and C#.", "c#", true),
            ("a .NET service", ".net", true),
            ("a Node.js tool", "node.js", true),
            ("the CI/CD pipelines", "ci/cd", true),
            ("first machine\nlearning second", "machine learning", false),
            ("see https://jwt.io/oauth", "oauth", false),
            ("Zahlung über PayPal", "paypal", true),
        ] {
            assert_eq!(Text::read(text).has(phrase), found, "{phrase} in {text}");
        }
    }

    #[test]
    fn files_are_told_from_other_dots() {
        for (text, files) in [
            ("fix `src/auth.py` and main.tf.", &["src/auth.py", "main.tf"][..]),
            ("the Dockerfile, .github/workflows/ci.yml", &["Dockerfile", ".github/workflows/ci.yml"]),
            ("e.g. version 3.5 of Node.js, i.e. v1.2, costs 1.5k", &[]),
            ("see https://example.com/index.html", &[]),
            ("main.c main.c .eslintrc", &["main.c", ".eslintrc"]),
        ] {
            assert_eq!(Text::read(text).files(), files, "{text}");
        }
    }

    #[test]
    fn list_items_lose_their_marks() {
        let text = "Do:\n- first\n* [ ] second\n 3. third\n-none\n- \n2024 is over\n--- ";
        assert_eq!(Text::read(text).items(), ["first", "second", "third"]);
    }

    #[test]
    fn fillers_are_sorted_for_the_search() {
        assert!(FILLERS.is_sorted());
    }
}
