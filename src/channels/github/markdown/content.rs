//! What a card says, as Markdown: title, paragraphs, facts, lists, code, images.
//!
//! A new kind of card block is one arm in [`body`]. Tables and actions have their own files.

use url::Url;

use super::part::{BREAK, MOST_TEXT, Part, bold, grouped, paragraphs, preformatted, small_print};
use super::table;
use super::text::{CHARACTERS, MOST_ADDRESS, Place, lines, one_line};
use crate::channels::grid::Grid;
use crate::channels::text::{Edges, clean};
use crate::domain::card::{Block, Card, Fact, Tone};

/// Characters of a title; a longer one is cut and follows whole.
const MOST_TITLE: usize = 200;

/// Characters of the description of an image, likewise.
const MOST_DESCRIPTION: usize = 500;

/// Characters of Markdown in one part of a list: a body holds two at least.
pub(super) const MOST_GROUP: usize = 20_000;

/// Items of a list that are seen at once, and how many it may have before the others are folded away.
const SHOWN_ITEMS: usize = 10;
const MOST_ITEMS: usize = 15;

/// Lines of code that are seen at once; on a card that says what went wrong it is the output of something.
const MOST_LINES: usize = 20;
const MOST_LINES_WRONG: usize = 5;

/// Characters of a paragraph that are seen at once on a card that says what went wrong.
const MOST_WRONG: usize = 1_000;

/// Everything above the actions.
pub(super) fn body(card: &Card) -> Vec<Part> {
    let mut parts = headline("###", &card.title, mark(card.tone));
    for block in &card.blocks {
        parts.extend(match block {
            Block::Text { text } => said(text, card.tone),
            Block::Heading { text } => headline("####", text, ""),
            Block::Facts { facts } => pairs(facts),
            Block::List { items } => list(items),
            Block::Table { columns, rows } => table::parts(&Grid::new(columns, rows)),
            Block::Code { text } => code(text, card.tone),
            Block::Markup { text } => written(text),
            Block::Image { url, alt } => image(url, alt),
            Block::Divider => vec![Part::new("---".to_owned(), 0)],
        });
    }
    parts
}

/// The small print at the end.
pub(super) fn footer(card: &Card) -> Vec<Part> {
    card.footer.as_deref().map(small_print).unwrap_or_default()
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

/// A heading. A very long one is cut there and follows whole.
fn headline(level: &str, text: &str, mark: &str) -> Vec<Part> {
    let whole = crate::channels::text::one_line(text);
    if whole.is_empty() {
        return Vec::new();
    }
    let shown = CHARACTERS.ellipsis(&whole, MOST_TITLE);
    let mut parts = vec![Part::new(format!("{level} {mark}{}", one_line(&shown, Place::Text)), shown.chars().count())];
    if shown != whole {
        parts.extend(paragraphs(&whole));
    }
    parts
}

/// A paragraph; what went wrong is folded where it is long.
fn said(text: &str, tone: Tone) -> Vec<Part> {
    let parts = paragraphs(text);
    let count: usize = parts.iter().map(|part| part.characters).sum();
    if tone == Tone::Bad && count > MOST_WRONG {
        return folded(parts, &format!("{count} characters"));
    }
    parts
}

/// Markdown as somebody has written it.
fn written(markdown: &str) -> Vec<Part> {
    let pieces = CHARACTERS.split(clean(markdown).trim(), MOST_GROUP, Edges::Lines).into_iter();
    pieces.map(|piece| Part::new(piece.clone(), piece.chars().count())).collect()
}

/// Code; what is long is folded.
fn code(text: &str, tone: Tone) -> Vec<Part> {
    let parts = preformatted(text);
    let count = clean(text).trim_matches('\n').lines().count();
    if count > if tone == Tone::Bad { MOST_LINES_WRONG } else { MOST_LINES } {
        return folded(parts, &format!("{count} lines"));
    }
    parts
}

/// Parts behind one line to press on, as far as they fit behind one.
pub(super) fn folded(parts: Vec<Part>, summary: &str) -> Vec<Part> {
    let mut groups: Vec<Part> = Vec::new();
    for part in parts {
        match groups.last_mut().filter(|last| last.cost + part.cost <= MOST_GROUP) {
            Some(last) => {
                *last = Part::new(format!("{}\n\n{}", last.markdown, part.markdown), last.characters + part.characters);
            }
            None => groups.push(part),
        }
    }
    let count = groups.len();
    let place = |at: usize| if count > 1 { format!("{summary} ({} of {count})", at + 1) } else { summary.to_owned() };
    groups.into_iter().enumerate().map(|(at, part)| part.folded(&place(at))).collect()
}

/// Facts as items with their labels in bold; a long one is a bold line and paragraphs.
pub(super) fn pairs(facts: &[Fact]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut open = Vec::new();
    for fact in facts {
        let (label, value) = (crate::channels::text::one_line(&fact.label), clean(&fact.value).trim().to_owned());
        let characters = label.chars().count() + value.chars().count();
        if characters > MOST_TEXT {
            parts.extend(grouped(std::mem::take(&mut open), MOST_GROUP));
            parts.extend(bold(&label));
            parts.extend(paragraphs(&value));
        } else if characters > 0 {
            open.push((pair(&label, &value), characters));
        }
    }
    parts.extend(grouped(open, MOST_GROUP));
    parts
}

fn pair(label: &str, value: &str) -> String {
    let label = one_line(label, Place::Text);
    let value = item(value);
    match (label.is_empty(), value.is_empty()) {
        (true, _) => format!("- {value}"),
        (_, true) => format!("- **{label}**"),
        _ => format!("- **{label}:** {value}"),
    }
}

/// A text of an item: its further lines stand under it, its empty ones go.
fn item(text: &str) -> String {
    let lines: Vec<String> = lines(text.trim()).into_iter().filter(|line| !line.trim().is_empty()).collect();
    lines.join(&format!("{BREAK}  "))
}

/// A list. The marks are others than those of facts, so that one below them is a list of its own. The end of a long one
/// is folded.
fn list(items: &[String]) -> Vec<Part> {
    let mut entries: Vec<Vec<(String, usize)>> = items.iter().map(|item| entry(item)).collect();
    entries.retain(|entry| !entry.is_empty());
    let more = if entries.len() > MOST_ITEMS { entries.split_off(SHOWN_ITEMS) } else { Vec::new() };
    let left = more.len();
    let mut parts = grouped(entries.concat(), MOST_GROUP);
    parts.extend(folded(grouped(more.concat(), MOST_GROUP), &format!("{left} more")));
    parts
}

/// An item, in as many paragraphs as it needs.
fn entry(text: &str) -> Vec<(String, usize)> {
    let mut first = true;
    let paragraph = |piece: String| {
        let mark = if std::mem::take(&mut first) { "* " } else { "\n  " };
        (format!("{mark}{}", item(&piece)), piece.chars().count())
    };
    CHARACTERS.split(clean(text).trim(), MOST_TEXT, Edges::Words).into_iter().map(paragraph).collect()
}

/// An address that people may follow.
pub(super) fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (url.scheme() == "https" && url.as_str().len() <= MOST_ADDRESS).then_some(url)
}

/// An address where a link has it. Entities and escapes are read there too.
pub(super) fn target(url: &Url) -> String {
    const READ: [(char, &str); 6] =
        [('<', "%3C"), ('>', "%3E"), ('\\', "%5C"), ('`', "%60"), ('$', "%24"), ('&', "&amp;")];
    READ.iter().fold(format!("{url}"), |text, (sign, written)| text.replace(*sign, written))
}

/// An image that leads to itself; one that GitHub would not show becomes a line that says what it shows and where it
/// is.
fn image(url: &str, alt: &str) -> Vec<Part> {
    let alt = crate::channels::text::one_line(alt);
    let Some(address) = address(url) else {
        return paragraphs(format!("{alt} {}", crate::channels::text::one_line(url)).trim());
    };
    let shown = if alt.is_empty() { "image".to_owned() } else { CHARACTERS.ellipsis(&alt, MOST_DESCRIPTION) };
    let target = target(&address);
    let markdown = format!("[![{}](<{target}>)](<{target}>)", one_line(&shown, Place::Description));
    let mut parts = vec![Part::new(markdown, shown.chars().count())];
    if !alt.is_empty() && shown != alt {
        parts.extend(small_print(&alt));
    }
    parts
}
