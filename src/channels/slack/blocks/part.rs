//! One block of a message and what it costs: the unit in which messages are filled.
//!
//! Owns how slack-morphism's types become JSON and the few shapes that every block shares. Which
//! blocks a card becomes is said in `content.rs`, `table.rs` and `actions.rs`.

use serde_json::Value;
use slack_morphism::prelude::{
    SlackBlock, SlackBlockMarkDownText, SlackBlockPlainText, SlackBlockText, SlackContextBlock, SlackRichTextBlock,
    SlackRichTextElement, SlackRichTextPreformatted, SlackRichTextSection, SlackRichTextText, SlackSectionBlock,
};

use super::text::{SIZES, escape, has_formatting};
use crate::channels::pages::PagePart;
use crate::channels::text::Edges;

/// Most of one text object; Slack allows 3,000 in a section.
pub(super) const MOST_TEXT: usize = 2_900;

/// What Slack adds per block to the length of a message, with reserve: about 125 was measured for
/// a divider (bolt-js#2509), about 100 for a header.
const BLOCK_COST: usize = 150;

/// What a text object inside a block may add. Not known; a message of many small texts was refused
/// at a sum of 11,341 (bolt-js#2867), so something is added.
const OBJECT_COST: usize = 8;

/// A block on its way into a message.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The block as Slack takes it.
    pub(super) block: Value,
    /// Its share of a message, by [`SIZES`].
    pub(super) cost: usize,
    /// Characters of the card in it, to be told when it is left out.
    pub(super) characters: usize,
    /// Whether it is a table, of which a message may have one.
    pub(super) is_table: bool,
}

impl Part {
    /// A block that shows `characters` characters of the card.
    pub(super) fn new(block: impl Into<SlackBlock>, characters: usize) -> Self {
        let block = block.into();
        let is_table = matches!(block, SlackBlock::Table(_));
        let block = serde_json::to_value(block).expect("invariant: block types are plain data");
        Self { cost: BLOCK_COST + cost(&block), block, characters, is_table }
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

/// The cost of everything inside a block. Literal text is counted as if it were escaped, because
/// Slack may keep it so.
fn cost(value: &Value) -> usize {
    let is_literal = matches!(value["type"].as_str(), Some("raw_text" | "text" | "image"));
    match value {
        Value::Object(fields) => {
            let inside: usize = fields
                .iter()
                .map(|(key, value)| match value {
                    Value::String(text) if key == "text" || key == "alt_text" => {
                        if is_literal {
                            SIZES.size(text)
                        } else {
                            text.encode_utf16().count()
                        }
                    }
                    other => cost(other),
                })
                .sum();
            OBJECT_COST + inside
        }
        Value::Array(values) => values.iter().map(cost).sum(),
        _ => 0,
    }
}

/// The cost of one table cell.
pub(super) fn cell_cost(text: &str) -> usize {
    OBJECT_COST + SIZES.size(text)
}

/// A text in which Slack interprets nothing but its three escapes.
pub(super) fn plain(text: &str) -> SlackBlockPlainText {
    SlackBlockPlainText::new(escape(text)).with_emoji(false)
}

/// A text with our own mark-up, already escaped. `verbatim` keeps names and addresses in it from
/// becoming mentions and links.
pub(super) fn markup(escaped: String) -> SlackBlockText {
    SlackBlockMarkDownText::new(escaped).with_verbatim(true).into()
}

/// A paragraph, in as many sections as it needs.
pub(super) fn paragraph(cleaned: &str) -> Vec<Part> {
    SIZES
        .split(cleaned, MOST_TEXT, Edges::Words)
        .iter()
        .map(|piece| Part::new(SlackSectionBlock::new().with_text(plain(piece).into()), piece.chars().count()))
        .collect()
}

/// mrkdwn as somebody has written it, in as many sections as it needs.
pub(super) fn written(mrkdwn: &str) -> Vec<Part> {
    let pieces = SIZES.split(mrkdwn.trim(), MOST_TEXT, Edges::Lines).into_iter();
    let section = |piece: String| {
        let characters = piece.chars().count();
        Part::new(SlackSectionBlock::new().with_text(markup(piece)), characters)
    };
    pieces.map(section).collect()
}

/// Text in which every character counts: fenced, or as rich text where it could end the fence.
pub(super) fn preformatted(cleaned: &str) -> Vec<Part> {
    let can_end_fence = cleaned.contains("```");
    SIZES
        .split(cleaned, MOST_TEXT, Edges::Lines)
        .into_iter()
        .map(|piece| {
            let characters = piece.chars().count();
            if can_end_fence {
                return rich(SlackRichTextPreformatted::new(vec![piece.into()]).into(), characters);
            }
            let fenced = markup(format!("```\n{}\n```", escape(&piece)));
            Part::new(SlackSectionBlock::new().with_text(fenced), characters)
        })
        .collect()
}

/// A line in bold: mrkdwn, or rich text where mrkdwn would format more than that.
pub(super) fn bold(cleaned: &str) -> Vec<Part> {
    SIZES
        .split(cleaned, MOST_TEXT, Edges::Words)
        .into_iter()
        .map(|piece| {
            let (characters, piece) = (piece.chars().count(), piece.trim());
            if has_formatting(piece) {
                let inside = vec![SlackRichTextText::new(piece.to_owned()).bold().into()];
                return rich(SlackRichTextSection::new(inside).into(), characters);
            }
            let heading = markup(format!("*{}*", escape(piece)));
            Part::new(SlackSectionBlock::new().with_text(heading), characters)
        })
        .collect()
}

fn rich(element: SlackRichTextElement, characters: usize) -> Part {
    Part::new(SlackRichTextBlock::new(vec![element]), characters)
}

/// Small print.
pub(super) fn small_print(cleaned: &str) -> Vec<Part> {
    SIZES
        .split(cleaned, MOST_TEXT, Edges::Words)
        .iter()
        .map(|piece| Part::new(SlackContextBlock::new(vec![plain(piece).into()]), piece.chars().count()))
        .collect()
}
