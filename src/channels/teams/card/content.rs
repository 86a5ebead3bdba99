//! What a card says, as elements: title, paragraphs, facts, lists, code, images.
//!
//! A new kind of card block is one arm in [`body`]. Tables and actions have their own files.

use serde_json::{Value, json};
use url::Url;

use crate::channels::grid::Grid;
use crate::channels::text::{bullets, clean, one_line};
use crate::domain::card::{Block, Card, Fact, Tone};

use super::part::{self, Look, Part, heading, paragraph, preformatted, rich, run, small_print, weight, written};
use super::table;
use super::text::{CHARACTERS, SIZES, has_formatting, literal};

/// Characters of a title; a longer one is cut and follows whole.
const MOST_TITLE: usize = 200;

/// All facts of one element together.
const MOST_FACTS: usize = 8_000;

/// A fact that stands in columns; a longer one becomes a heading and a paragraph.
const MOST_FACT: usize = 2_000;

/// Characters of the description of an image.
const MOST_ALT: usize = 500;

/// Bytes of an address. Browsers and proxies take about as many; Teams names no number.
const MOST_ADDRESS: usize = 2_000;

/// Everything above the actions; a table takes at most `most` of a message at once.
pub(super) fn body(card: &Card, most: usize) -> Vec<Part> {
    let mut parts = title(&card.title, card.tone);
    let mut is_divided = false;
    for block in &card.blocks {
        let mut next = match block {
            Block::Text { text } => paragraph(&clean(text)),
            Block::Heading { text } => heading(&one_line(text)),
            Block::Facts { facts } => pairs(facts),
            Block::List { items } => paragraph(&bullets(items)),
            Block::Table { columns, rows } => table::parts(&Grid::new(columns, rows), most),
            Block::Code { text } => preformatted(&clean(text)),
            Block::Markup { text } => written(&clean(text)),
            Block::Image { url, alt } => image(url, alt),
            Block::Divider => {
                is_divided = true;
                continue;
            }
        };
        // There is no element for a line: it belongs to what stands below it.
        if let Some(first) = next.first_mut()
            && std::mem::take(&mut is_divided)
        {
            first.separate();
        }
        parts.extend(next);
    }
    parts
}

/// The small print at the end.
pub(super) fn footer(card: &Card) -> Vec<Part> {
    card.footer.as_deref().map(|text| small_print(&clean(text))).unwrap_or_default()
}

/// The mark that a mood puts before the title, for those who do not see its colour.
fn mark(tone: Tone) -> (&'static str, Option<&'static str>) {
    match tone {
        Tone::Neutral => ("", None),
        Tone::Good => ("✅ ", Some("Good")),
        Tone::Warning => ("⚠️ ", Some("Warning")),
        Tone::Bad => ("⛔ ", Some("Attention")),
    }
}

/// The title. A very long one is cut there and follows whole.
fn title(title: &str, tone: Tone) -> Vec<Part> {
    let title = one_line(title);
    if title.is_empty() {
        return Vec::new();
    }
    let (mark, colour) = mark(tone);
    let whole = format!("{mark}{title}");
    let shown = CHARACTERS.ellipsis(&whole, MOST_TITLE);
    let is_rich = has_formatting(&shown);
    let mut text = if is_rich { run(&shown, Look::Bold) } else { part::title(&shown, "Medium") };
    text["size"] = json!("Medium");
    if let Some(colour) = colour {
        text["color"] = json!(colour);
    }
    let is_cut = shown != whole;
    let mut parts = vec![Part::new(if is_rich { rich(vec![text]) } else { text }, shown)];
    if is_cut {
        parts.extend(paragraph(&title));
    }
    parts
}

/// Facts in columns where Markdown would find nothing in any of them, else as lines: a `FactSet` reads Markdown in
/// labels and values, and lines beside columns would look like another list.
fn pairs(facts: &[Fact]) -> Vec<Part> {
    let facts: Vec<(String, String)> = facts
        .iter()
        .map(|fact| (one_line(&fact.label), clean(&fact.value).trim().to_owned()))
        .filter(|(label, value)| !label.is_empty() || !value.is_empty())
        .collect();
    let is_inert = |(label, value): &(String, String)| {
        let both_show = !label.is_empty() && !value.is_empty();
        both_show
            && !has_formatting(label)
            && !has_formatting(value)
            && SIZES.size(label) + SIZES.size(value) <= MOST_FACT
    };
    if facts.iter().all(is_inert) { columns(&facts) } else { facts.iter().flat_map(line).collect() }
}

fn columns(facts: &[(String, String)]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    let mut plain: Vec<String> = Vec::new();
    let mut together = 0;
    for (label, value) in facts {
        let fact = json!({"title": label, "value": value});
        let cost = weight(&fact) + 2;
        if together + cost > MOST_FACTS {
            parts.push(fact_set(std::mem::take(&mut open), &std::mem::take(&mut plain)));
            together = 0;
        }
        together += cost;
        open.push(fact);
        plain.push(format!("{label}: {value}"));
    }
    if !open.is_empty() {
        parts.push(fact_set(open, &plain));
    }
    parts
}

fn fact_set(facts: Vec<Value>, plain: &[String]) -> Part {
    Part::new(json!({"type": "FactSet", "facts": facts}), plain.join("\n"))
}

/// A fact as a line, or as a heading and a paragraph when it is long.
fn line((label, value): &(String, String)) -> Vec<Part> {
    if SIZES.size(label) + SIZES.size(value) > MOST_FACT {
        return [heading(label), paragraph(value)].concat();
    }
    if label.is_empty() || value.is_empty() {
        let look = if label.is_empty() { Look::Plain } else { Look::Bold };
        let text = format!("{label}{value}");
        return vec![Part::new(rich(vec![run(&text, look)]), text)];
    }
    let gap = if value.contains('\n') { "\n" } else { " " };
    let runs = vec![run(&format!("{label}:{gap}"), Look::Bold), run(value, Look::Plain)];
    vec![Part::new(rich(runs), format!("{label}:{gap}{value}"))]
}

/// An address that people and clients may follow. Teams takes https only
/// (<https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference>).
pub(super) fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (url.scheme() == "https" && url.as_str().len() <= MOST_ADDRESS).then_some(url)
}

/// An image; one that Teams would not show becomes a line that says what it shows and where it is.
fn image(url: &str, alt: &str) -> Vec<Part> {
    let alt = one_line(alt);
    let Some(address) = address(url) else {
        return paragraph(format!("{alt} {}", one_line(url)).trim());
    };
    let shown = if alt.is_empty() { "image".to_owned() } else { CHARACTERS.ellipsis(&alt, MOST_ALT) };
    let is_cut = !alt.is_empty() && shown != alt;
    let element = json!({"type": "Image", "url": address.as_str(), "altText": literal(&shown)});
    let mut parts = vec![Part::new(element, format!("{shown}: {address}"))];
    if is_cut {
        parts.extend(small_print(&alt));
    }
    parts
}
