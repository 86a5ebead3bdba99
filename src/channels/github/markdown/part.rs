//! One part of a body and what it costs: the unit in which bodies are filled.
//!
//! Owns the few shapes that all share: paragraphs, small print, bold lines, code, folds. Which parts a card becomes is
//! said in `content.rs`, `table.rs` and `actions.rs`. No part is longer than [`MOST_PART`].

use super::text::{CHARACTERS, Place, lines, longest_run, one_line};
use crate::channels::pages::PagePart;
use crate::channels::text::{Edges, clean};

/// Characters of a part once it is Markdown. A body holds one at least.
pub(super) const MOST_PART: usize = 56_000;

/// Characters of a card in one text: each may become the 14 of `<span>$</span>`.
pub(super) const MOST_TEXT: usize = 3_500;

/// Characters of a card in one block of code, whose fences may each be as long as what they hold.
const MOST_CODE: usize = 18_000;

/// A line that the next one follows without a paragraph between them.
pub(super) const BREAK: &str = "\\\n";

/// A piece of Markdown on its way into a body, without the empty line behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The Markdown.
    pub(super) markdown: String,
    /// Its characters, and those of the empty line.
    pub(super) cost: usize,
    /// Characters of the card in it, to be told when it is left out.
    pub(super) characters: usize,
}

impl Part {
    pub(super) fn new(markdown: String, characters: usize) -> Self {
        Self { cost: markdown.chars().count() + 2, markdown, characters }
    }

    /// The part behind a line on which people press to see it. The line is ours.
    pub(super) fn folded(self, summary: &str) -> Self {
        let inside = self.markdown;
        let markdown = format!("<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>");
        Self::new(markdown, self.characters)
    }
}

impl PagePart for Part {
    fn characters(&self) -> usize {
        self.characters
    }

    fn small_print(text: &str) -> Vec<Self> {
        small_print(text)
    }
}

/// A text as paragraphs: those of the text, and further ones where one is too long.
pub(super) fn paragraphs(text: &str) -> Vec<Part> {
    pieces(text).iter().map(|piece| Part::new(lines(piece).join(BREAK), piece.chars().count())).collect()
}

/// Small print.
pub(super) fn small_print(text: &str) -> Vec<Part> {
    let small = |piece: &String| format!("<sub>{}</sub>", lines(piece.trim()).join(BREAK));
    pieces(text).iter().map(|piece| Part::new(small(piece), piece.chars().count())).collect()
}

/// A line in bold, which has no line of its own in a table of contents.
pub(super) fn bold(text: &str) -> Vec<Part> {
    pieces(&crate::channels::text::one_line(text))
        .iter()
        .map(|piece| Part::new(format!("**{}**", one_line(piece, Place::Text)), piece.chars().count()))
        .collect()
}

/// A text at its empty lines and where it is too long.
fn pieces(text: &str) -> Vec<String> {
    let text = clean(text);
    let mut all = Vec::new();
    let mut open = String::new();
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            open.push_str(line);
            open.push('\n');
            continue;
        }
        all.extend(CHARACTERS.split(open.trim_end(), MOST_TEXT, Edges::Words));
        open.clear();
    }
    all
}

/// Text in which every character counts. A text too long for one block goes on in the next, at the end of a line.
pub(super) fn preformatted(text: &str) -> Vec<Part> {
    let text = clean(text);
    let fenced = |piece: String| {
        let fence = "`".repeat(longest_run(&piece, '`').max(2) + 1);
        Part::new(format!("{fence}\n{piece}\n{fence}"), piece.chars().count())
    };
    CHARACTERS.split(text.trim_matches('\n'), MOST_CODE, Edges::Lines).into_iter().map(fenced).collect()
}

/// Entries of a list as parts of at most about `most` characters each.
pub(super) fn grouped(entries: Vec<(String, usize)>, most: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut open, mut size, mut characters) = (Vec::new(), 0, 0);
    for (entry, shown) in entries {
        let length = entry.chars().count() + 1;
        if size + length > most && !open.is_empty() {
            parts.push(Part::new(std::mem::take(&mut open).join("\n"), characters));
            (size, characters) = (0, 0);
        }
        size += length;
        characters += shown;
        open.push(entry);
    }
    if !open.is_empty() {
        parts.push(Part::new(open.join("\n"), characters));
    }
    parts
}
