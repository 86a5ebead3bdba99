//! A card as GitHub Markdown: the bodies of one or more comments.
//!
//! Owns how parts are spread over bodies, the mark by which a body is known again, and the quote of what is answered.
//! What each part of a card becomes stands in `markdown/`: `content.rs` (what the card says), `table.rs`,
//! `actions.rs`; `text.rs` escapes, `part.rs` builds and measures parts. Nothing here sends.
//!
//! Decisions:
//! - No input can notify anybody, refer to anything, format or command; see `text.rs`.
//! - Nothing is shortened in silence: long texts and tables go on in further parts and bodies, and what is left out is
//!   counted in words.
//! - What is long is folded: the ends of lists and tables, code of many lines, and on a card that says what went wrong
//!   its output and long paragraphs.
//! - Actions and footer stand on the last body, next to where people type.

mod actions;
mod content;
mod part;
mod table;
mod text;

use crate::channels::pages::fit;
use crate::channels::text::{clean, one_line};
use crate::domain::card::Card;

use part::{MOST_PART, Part, small_print};
use text::CHARACTERS;

/// Characters of a body. GitHub refuses one with "maximum is 65536 characters": code points in a pull request, while in
/// a comment 262,144 bytes were taken, which as many code points never exceed
/// (github.com/dead-claudia/github-limits/pull/13, measured). The rest is room for [`marker`] and [`quote`].
pub const MOST_BODY: usize = 60_000;

/// Characters of the parts of a body; the line that says which one it is comes on top.
const MOST_PARTS: usize = 57_000;

/// Bodies of one card. GitHub takes 80 comments a minute and 500 an hour of one app
/// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api), and nobody reads more than this.
pub(super) const MOST_BODIES: usize = 5;

/// Characters of the title in places that only refer to it.
const MOST_REFERENCE: usize = 100;

/// Characters of what is answered.
const MOST_QUOTE: usize = 200;

/// Around the key in a comment of HTML, which no reader sees.
const MARK: (&str, &str) = ("<!-- ai-crm:", " -->");
/// The same around the key of a topic.
const TOPIC: (&str, &str) = ("<!-- ai-crm-topic:", " -->");

/// A card as the bodies that show all of it, in order; there is always at least one, and none has more than
/// [`MOST_BODY`] characters. What goes beyond 5, or beyond the one of a card that is undivided, is left out before the
/// actions, and its length told.
#[must_use]
pub fn render(card: &Card) -> Vec<String> {
    let mut body = content::body(card);
    let mut tail = actions::parts(card);
    tail.extend(content::footer(card));
    if body.is_empty() && tail.is_empty() {
        body = part::paragraphs("(empty message)");
    }
    let pages = fit(&body, &tail, if card.undivided { 1 } else { MOST_BODIES }, pack);
    let count = pages.len();
    let title = CHARACTERS.ellipsis(&one_line(&card.title), MOST_REFERENCE);
    let body = |(index, page): (usize, Vec<Part>)| {
        let place = format!("{title} ({} of {count})", index + 1);
        let place = if index == 0 { Vec::new() } else { small_print(place.trim()) };
        let all: Vec<&str> = place.iter().chain(&page).map(|part| part.markdown.as_str()).collect();
        all.join("\n\n")
    };
    pages.into_iter().enumerate().map(body).collect()
}

/// Fills bodies one after the other.
fn pack(parts: Vec<&Part>) -> Vec<Vec<&Part>> {
    let mut pages = Vec::new();
    let mut page: Vec<&Part> = Vec::new();
    let mut used = 0;
    for part in parts {
        if used + part.cost > MOST_PARTS && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            used = 0;
        }
        used += part.cost;
        page.push(part);
    }
    pages.push(page);
    pages
}

/// What is answered, as a quote to stand above the answer; how much of a long one is missing is said. Empty where
/// nothing was asked.
#[must_use]
pub fn quote(asked: &str) -> String {
    let asked = CHARACTERS.shorten(clean(asked).trim(), MOST_QUOTE);
    let lines: Vec<String> = text::lines(&asked).iter().map(|line| format!("> {line}")).collect();
    lines.join("\n").trim_end().to_owned()
}

/// A mark that stands first in a body and that no reader sees. In its key letters, digits, `.` and `-` of ASCII stand as
/// they are, each other byte as `_` and two hexadecimal digits, so that two keys never have the same mark.
#[must_use]
pub fn marker(key: &str) -> String {
    around(MARK, key)
}

/// A mark of the same kind that stands behind the first one, and says of which topic the body is.
#[must_use]
pub fn topic_marker(key: &str) -> String {
    around(TOPIC, key)
}

fn around((before, behind): (&str, &str), key: &str) -> String {
    let mut mark = before.to_owned();
    for byte in key.bytes() {
        match byte {
            b'.' | b'-' => mark.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => mark.push(char::from(byte)),
            _ => mark.push_str(&format!("_{byte:02x}")),
        }
    }
    mark + behind
}

/// The key with which a body is marked, as [`marker`] writes it; only at the very beginning, since anybody can write or
/// quote one further down.
#[must_use]
pub fn marked(body: &str) -> Option<&str> {
    within(MARK, body).map(|(key, _)| key)
}

/// The key of the topic with which a body is marked, as [`topic_marker`] writes it.
#[must_use]
pub fn marked_topic(body: &str) -> Option<&str> {
    within(TOPIC, within(MARK, body)?.1).map(|(key, _)| key)
}

/// The key at the beginning of a text, and what follows it.
fn within<'b>((before, behind): (&str, &str), text: &'b str) -> Option<(&'b str, &'b str)> {
    let (key, rest) = text.strip_prefix(before)?.split_once(behind)?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_key.then_some((key, rest))
}

const _: () = assert!(MOST_PART + 2 <= MOST_PARTS && MOST_PARTS + 3_000 <= MOST_BODY);

#[cfg(test)]
mod tests;
