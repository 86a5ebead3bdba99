//! What a card says, as blocks: title, paragraphs, facts, lists, code, images.
//!
//! A new kind of card block is one arm in [`body`]. Tables and actions have their own files.

use slack_morphism::prelude::{
    SlackBlockText, SlackDividerBlock, SlackHeaderBlock, SlackImageBlock, SlackSectionBlock,
};
use url::Url;

use crate::channels::grid::Grid;
use crate::channels::text::{bullets, clean, one_line};
use crate::domain::card::{Block, Card, Fact, Tone};

use super::part::{Part, bold, markup, paragraph, plain, preformatted, small_print, written};
use super::table;
use super::text::{SIZES, escape, has_formatting, literal};

/// <https://docs.slack.dev/reference/block-kit/blocks/header-block>
const MOST_HEADER: usize = 150;

/// <https://docs.slack.dev/reference/block-kit/blocks/section-block>
const MOST_FIELDS: usize = 10;

/// Slack allows 2,000 per field; a longer fact becomes a paragraph of its own.
const MOST_FIELD: usize = 1_900;

/// All fields of one section together, so that a section is never a large share of a message.
const MOST_FIELDS_TOGETHER: usize = 6_000;

/// <https://docs.slack.dev/reference/block-kit/blocks/image-block>
const MOST_ALT: usize = 1_900;

/// The longest address in an image or a button.
pub(super) const MOST_ADDRESS: usize = 3_000;

/// What becomes of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// A message may have one, so further ones degrade to text and stay beside what belongs to them.
    OneInAMessage,
    /// A view may have none: <https://docs.slack.dev/reference/block-kit/blocks/table-block>.
    AsText,
}

/// Everything above the actions.
pub(super) fn body(card: &Card, tables: Tables) -> Vec<Part> {
    let mut parts = header(&card.title, card.tone);
    let mut is_text = tables == Tables::AsText;
    for block in &card.blocks {
        match block {
            Block::Text { text } => parts.extend(paragraph(&clean(text))),
            Block::Heading { text } => parts.extend(bold(&one_line(text))),
            Block::Facts { facts } => parts.extend(fields(facts)),
            Block::List { items } => parts.extend(paragraph(&bullets(items))),
            Block::Table { columns, rows } => {
                let grid = Grid::new(columns, rows);
                parts.extend(if is_text { table::as_text(&grid) } else { table::parts(&grid) });
                is_text = true;
            }
            Block::Code { text } => parts.extend(preformatted(&clean(text))),
            Block::Markup { text } => parts.extend(written(&clean(text))),
            Block::Image { url, alt } => parts.extend(image(url, alt)),
            Block::Divider => parts.push(Part::new(SlackDividerBlock::new(), 0)),
        }
    }
    parts
}

/// The small print at the end.
pub(super) fn footer(card: &Card) -> Vec<Part> {
    card.footer.as_deref().map(|text| small_print(&clean(text))).unwrap_or_default()
}

/// The mark that a mood puts before the title.
fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Good => "✅ ",
        Tone::Warning => "⚠️ ",
        Tone::Bad => "⛔ ",
    }
}

/// The title. One that a header cannot hold is cut there and follows whole.
fn header(title: &str, tone: Tone) -> Vec<Part> {
    let title = one_line(title);
    if title.is_empty() {
        return Vec::new();
    }
    let whole = format!("{}{title}", mark(tone));
    let shown = SIZES.ellipsis(&whole, MOST_HEADER);
    let mut parts = vec![Part::new(SlackHeaderBlock::new(plain(&shown).into()), shown.chars().count())];
    if SIZES.size(&whole) > MOST_HEADER {
        parts.extend(paragraph(&title));
    }
    parts
}

/// Facts as fields in two columns, in order.
fn fields(facts: &[Fact]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut open: Vec<(SlackBlockText, usize)> = Vec::new();
    let mut together = 0;
    for fact in facts {
        let (label, value) = (one_line(&fact.label), clean(&fact.value).trim().to_owned());
        let weight = SIZES.size(&label) + SIZES.size(&value) + 3;
        if weight > MOST_FIELD {
            close(&mut open, &mut parts);
            together = 0;
            parts.extend(bold(&label));
            parts.extend(paragraph(&value));
            continue;
        }
        let Some(field) = field(&label, &value) else {
            continue;
        };
        if open.len() == MOST_FIELDS || together + weight > MOST_FIELDS_TOGETHER {
            close(&mut open, &mut parts);
            together = 0;
        }
        together += weight;
        open.push((field, label.chars().count() + value.chars().count()));
    }
    close(&mut open, &mut parts);
    parts
}

/// One fact. The label is bold where mrkdwn would change nothing else; see [`has_formatting`].
fn field(label: &str, value: &str) -> Option<SlackBlockText> {
    match (label.is_empty(), value.is_empty()) {
        (true, true) => None,
        (true, false) => Some(plain(value).into()),
        _ if has_formatting(label) || has_formatting(value) => Some(plain(format!("{label}\n{value}").trim()).into()),
        _ => Some(markup(format!("*{}*\n{}", escape(label), escape(value)).trim_end().to_owned())),
    }
}

/// Ends a section of fields. Slack refuses an empty list, so none begins without a field.
fn close(open: &mut Vec<(SlackBlockText, usize)>, parts: &mut Vec<Part>) {
    if open.is_empty() {
        return;
    }
    let characters = open.iter().map(|(_, count)| count).sum();
    let fields = open.drain(..).map(|(field, _)| field).collect();
    parts.push(Part::new(SlackSectionBlock::new().with_fields(fields), characters));
}

/// An address that people and Slack may follow.
pub(super) fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "https" | "http") && url.as_str().len() <= MOST_ADDRESS).then_some(url)
}

/// An image; one that Slack would refuse becomes a line that says what it shows and where it is.
fn image(url: &str, alt: &str) -> Vec<Part> {
    let alt = one_line(alt);
    let Some(address) = address(url) else {
        return paragraph(format!("{alt} {}", one_line(url)).trim());
    };
    let shown = if alt.is_empty() { "image".to_owned() } else { SIZES.ellipsis(&alt, MOST_ALT) };
    let mut parts = vec![Part::new(SlackImageBlock::new(address.into(), literal(&shown)), shown.chars().count())];
    if SIZES.size(&alt) > MOST_ALT {
        parts.extend(small_print(&alt));
    }
    parts
}
