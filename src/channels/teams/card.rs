//! A card as Adaptive Cards 1.5: one or more messages, each within Teams' limits.
//!
//! Owns how elements are spread over messages and the plain text. What each part of a card becomes stands in
//! `card/`: `content.rs` (what the card says), `table.rs`, `actions.rs`; `press.rs` reads what comes back; `refresh.rs` has
//! a card asked for anew; `form.rs` is the card of a dialog;
//! `text.rs` cleans and measures, `part.rs` builds and weighs elements. Nothing here sends.
//!
//! Decisions:
//! - No input can be bold, a list, a link, a mention or a date: texts are runs, which read no Markdown; see
//!   `part.rs`. `TextBlock` and `FactSet` are used only where Markdown would find nothing.
//! - A mood is a mark in the title besides its colour.
//! - Nothing is shortened in silence: long texts and tables go on in further elements and messages, and what is left
//!   out is counted in words.
//! - Actions and footer stand on the last message, next to where people type.

mod actions;
mod content;
mod form;
mod part;
mod press;
mod refresh;
mod table;
mod text;

use serde_json::{Value, json};

use crate::channels::pages::fit;
use crate::channels::text::one_line;
use crate::domain::card::Card;

pub use form::{Mark, filled, form, mark};
pub use press::{Pressed, pressed};
pub use refresh::{Asked, asked, left, seen};

use part::{Part, small_print, weight};
use text::{CHARACTERS, SIZES, escape};

/// How an attachment says that it is a card.
pub const CONTENT_TYPE: &str = "application/vnd.microsoft.card.adaptive";

/// Bytes of a message among several. Teams' pages name 28 KB in older and 100 KB in newer text
/// (<https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages>); where a card can be
/// split, it stays below both.
const MOST_SPLIT: usize = 28_000;

/// Bytes of a message that cannot be split. Teams advises 80 KB and refuses about 100 KB (`MessageSizeTooBig`).
const MOST_ALONE: usize = 80_000;

/// What a message has besides its elements: the activity, the frame of the card, the line that says which part of
/// the card it is, and its plain text, once as `summary` and once as `fallbackText`.
const ENVELOPE: usize = 8_000;

/// The plain text; it is read in a notification and where no card can be shown.
const MOST_PLAIN: usize = 2_400;

/// Its escaped form.
const MOST_FALLBACK: usize = 3_200;

/// What stays free beside a table, so that title and paragraphs stand above it.
const BESIDE_TABLE: usize = 2_500;

/// Messages of one card. Teams takes 60 in half a minute per conversation
/// (<https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit>), and nobody reads more than this.
const MOST_MESSAGES: usize = 20;

/// Characters of the title in places that only refer to it.
const MOST_REFERENCE: usize = 100;

/// A message: a card, and what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The plain text that says the same, shortened when it is long: for `summary`, and for where no card can be
    /// shown. Not Markdown: it must be sent as `plain` when it is sent as text.
    pub text: String,
    /// The Adaptive Card.
    pub card: Value,
}

/// What a message may hold, and how many there may be.
#[derive(Clone, Copy)]
struct Limits {
    room: usize,
    messages: usize,
}

/// A card as the messages that show all of it, in order, each of at most 28,000 bytes; there is always at least one.
/// What goes beyond 20 messages is left out before the actions, and its length told. A card that is undivided is one
/// message, as `render` makes it.
#[must_use]
pub fn messages(card: &Card) -> Vec<Rendered> {
    if card.undivided { vec![render(card)] } else { split(card) }
}

fn split(card: &Card) -> Vec<Rendered> {
    assemble(card, Limits { room: MOST_SPLIT - ENVELOPE, messages: MOST_MESSAGES })
}

/// A card as one message of at most 80,000 bytes, for places that take only one: an answer, an update. What does not
/// fit is left out and its length told; actions and footer are kept. Equals `messages(card)[0]` when that is the
/// only one.
#[must_use]
pub fn render(card: &Card) -> Rendered {
    let mut whole = split(card);
    if whole.len() > 1 {
        whole = assemble(card, Limits { room: MOST_ALONE - ENVELOPE, messages: 1 });
    }
    whole.swap_remove(0)
}

/// The title alone, for an answer of one line; how much of a very long one is missing is said.
#[must_use]
pub fn headline(card: &Card) -> String {
    SIZES.shorten(&one_line(&card.title), MOST_PLAIN)
}

/// A card as an attachment of an activity.
#[must_use]
pub fn attachment(card: &Value) -> Value {
    json!({"contentType": CONTENT_TYPE, "content": card})
}

fn assemble(card: &Card, limits: Limits) -> Vec<Rendered> {
    let mut body = content::body(card, limits.room - BESIDE_TABLE);
    let mut tail = actions::parts(card);
    tail.extend(content::footer(card));
    if body.is_empty() && tail.is_empty() {
        body = part::paragraph("(empty message)");
    }
    let pages = fit(&body, &tail, limits.messages, |parts| pack(parts, limits.room));
    let count = pages.len();
    // The answer is one card, and takes the place of the message that is looked at: of several, it would say all again.
    let refresh = card.refresh.as_deref().filter(|_| count == 1).and_then(refresh::clause);
    let title = CHARACTERS.ellipsis(&one_line(&card.title), MOST_REFERENCE);
    pages
        .into_iter()
        .enumerate()
        .map(|(index, page)| {
            let place = format!("{title} ({} of {count})", index + 1);
            let place = if index == 0 { Vec::new() } else { small_print(place.trim()) };
            let mut message = message(&place.iter().chain(&page).collect::<Vec<_>>());
            if let Some(refresh) = &refresh {
                message.card["refresh"] = refresh.clone();
            }
            message
        })
        .collect()
}

/// A message of these parts.
fn message(parts: &[&Part]) -> Rendered {
    let whole: Vec<&str> = parts.iter().map(|part| part.plain.as_str()).filter(|plain| !plain.is_empty()).collect();
    let whole = whole.join("\n");
    let whole = if whole.trim().is_empty() { "(no text)" } else { whole.as_str() };
    let text = SIZES.shorten(whole, MOST_PLAIN);
    let elements: Vec<&Value> = parts.iter().map(|part| &part.element).collect();
    let mut card = json!({
        "type": "AdaptiveCard",
        "version": "1.5",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "fallbackText": fallback(&text),
        "body": elements,
    });
    // <https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format#full-width-adaptive-card>
    if parts.iter().any(|part| part.is_wide) {
        card["msteams"] = json!({"width": "Full"});
    }
    Rendered { text, card }
}

/// The plain text as Markdown that shows it as it is.
fn fallback(text: &str) -> String {
    let mut room = MOST_FALLBACK;
    loop {
        let escaped = escape(&SIZES.shorten(text, room));
        if weight(&Value::from(escaped.as_str())) <= MOST_FALLBACK {
            return escaped;
        }
        // Less where much has to be escaped: a third always fits.
        room = room * 3 / 4;
    }
}

/// Fills messages one after the other, each with at most `room`.
fn pack(parts: Vec<&Part>, room: usize) -> Vec<Vec<&Part>> {
    let mut pages = Vec::new();
    let mut page: Vec<&Part> = Vec::new();
    let mut used = 0;
    for part in parts {
        if used + part.weight > room && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            used = 0;
        }
        used += part.weight;
        page.push(part);
    }
    pages.push(page);
    pages
}

#[cfg(test)]
mod tests;
