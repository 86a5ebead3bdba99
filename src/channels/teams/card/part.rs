//! One element of a card and what it costs: the unit in which messages are filled.
//!
//! Owns how text becomes elements and the few shapes that all share. Which elements a card becomes is said in
//! `content.rs`, `table.rs` and `actions.rs`.
//!
//! Texts go out as `RichTextBlock`, whose runs read no Markdown: npm adaptivecards 3.0.6 sets them as `innerText`,
//! Teams documents Markdown for `TextBlock` and facts alone. The escapes of Markdown are no way out, because
//! telephones show the backslashes (msteams-docs#5793). `RichTextBlock` is of version 1.2.

use serde_json::{Value, json};

use super::text::{SIZES, has_formatting, literal};
use crate::channels::pages::PagePart;
use crate::channels::text::{Edges, keep_blanks};

/// Most of one text element, a third of a message: no message is left half empty for it.
pub(super) const MOST_TEXT: usize = 6_000;

/// Most of a line in bold.
const MOST_HEADING: usize = 2_000;

/// An element on its way into a message.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The element as Teams takes it.
    pub(super) element: Value,
    /// Its share of a message, see [`weight`].
    pub(super) weight: usize,
    /// Characters of the card in it, to be told when it is left out.
    pub(super) characters: usize,
    /// What it says, for where no card can be shown.
    pub(super) plain: String,
    /// Whether it wants the whole width.
    pub(super) is_wide: bool,
}

impl Part {
    /// An element that says `plain`.
    pub(super) fn new(element: Value, plain: String) -> Self {
        // The comma behind it.
        let weight = weight(&element) + 2;
        Self { element, weight, characters: plain.chars().count(), plain, is_wide: false }
    }

    /// Draws a line above it.
    pub(super) fn separate(&mut self) {
        self.element["separator"] = Value::Bool(true);
        self.weight = weight(&self.element) + 2;
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

/// What JSON may count for: Teams counts UTF-16, two bytes a unit; the wire carries UTF-8.
pub(super) fn weight(value: &Value) -> usize {
    let json = value.to_string();
    json.len().max(2 * json.encode_utf16().count())
}

/// How a run of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Bold,
    Code,
    Small,
}

/// A run of text in which nothing is interpreted. Plain runs are bare strings, which the schema takes for runs.
pub(super) fn run(cleaned: &str, look: Look) -> Value {
    let text = literal(&keep_blanks(cleaned));
    match look {
        Look::Plain => Value::String(text),
        Look::Bold => json!({"type": "TextRun", "text": text, "weight": "Bolder"}),
        Look::Code => json!({"type": "TextRun", "text": text, "fontType": "Monospace"}),
        Look::Small => json!({"type": "TextRun", "text": text, "size": "Small", "isSubtle": true}),
    }
}

/// An element of such runs.
pub(super) fn rich(runs: Vec<Value>) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

fn texts(cleaned: &str, look: Look, edges: Edges) -> Vec<Part> {
    SIZES
        .split(cleaned.trim_end(), MOST_TEXT, edges)
        .into_iter()
        .map(|piece| Part::new(rich(vec![run(&piece, look)]), piece))
        .collect()
}

/// A paragraph, in as many elements as it needs.
pub(super) fn paragraph(cleaned: &str) -> Vec<Part> {
    texts(cleaned.trim(), Look::Plain, Edges::Words)
}

/// Markdown as somebody has written it, in as many elements as it needs.
pub(super) fn written(markdown: &str) -> Vec<Part> {
    let pieces = SIZES.split(markdown.trim(), MOST_TEXT, Edges::Lines).into_iter();
    pieces.map(|piece| Part::new(json!({"type": "TextBlock", "text": piece, "wrap": true}), piece)).collect()
}

/// Text in which every character counts.
pub(super) fn preformatted(cleaned: &str) -> Vec<Part> {
    texts(cleaned, Look::Code, Edges::Lines)
}

/// Small print.
pub(super) fn small_print(cleaned: &str) -> Vec<Part> {
    texts(cleaned.trim(), Look::Small, Edges::Words)
}

/// A line in bold: a heading for those who listen, where Markdown would find nothing in it.
pub(super) fn heading(line: &str) -> Vec<Part> {
    SIZES
        .split(line, MOST_HEADING, Edges::Words)
        .into_iter()
        .map(|piece| {
            let element =
                if has_formatting(&piece) { rich(vec![run(&piece, Look::Bold)]) } else { title(&piece, "Default") };
            Part::new(element, piece)
        })
        .collect()
}

/// A heading, of which Markdown makes nothing else. Without a size it would be larger than the card's title.
pub(super) fn title(inert: &str, size: &str) -> Value {
    json!({"type": "TextBlock", "text": inert, "weight": "Bolder", "size": size, "wrap": true, "style": "heading"})
}
