//! A card as Block Kit: one or more messages, or one view, each within all of Slack's limits.
//!
//! Owns how blocks are spread over messages, what fits a view, and the fallback text. What each part of a card becomes
//! stands in `blocks/`: `content.rs` (what the card says), `table.rs`, `actions.rs`; `text.rs`
//! escapes and measures, `part.rs` builds and weighs blocks. Nothing here sends.
//!
//! Decisions:
//! - No input can mention anybody or forge a link: `plain_text` and mrkdwn are escaped (`&`, `<`,
//!   `>`), literal places (cells, rich text) cannot hold either.
//! - Paragraphs, lists, labels and footers go out as `plain_text`, in which `*`, `_`, `~` and
//!   backticks are what they are. Mrkdwn is used for bold and for fences, and only where it would
//!   format nothing else; see `text::has_formatting` for why nothing is inserted instead.
//! - Nothing is shortened in silence: long texts and tables go on in further blocks and messages,
//!   and what is left out is counted in words.
//! - Actions and footer stand on the last message, next to where people type.

mod actions;
mod content;
mod part;
mod table;
mod text;

use serde_json::Value;

use crate::channels::pages::fit;
use crate::channels::text::one_line;
use crate::domain::card::{Block, Card};

use content::Tables;
use part::{Part, small_print};
use text::escape;

pub(super) use text::SIZES;

/// <https://docs.slack.dev/reference/block-kit/blocks>: 50; one is kept for the line that says
/// which part of the card a message is.
const MOST_BLOCKS: usize = 49;

/// All blocks of a message together. Slack refuses about 13,200 without having documented it
/// (bolt-js#2509: "12,000 text characters with a buffer for block containers").
const MOST_COST: usize = 11_500;

/// What one message holds.
const MESSAGE: Room = Room { blocks: MOST_BLOCKS, cost: MOST_COST };

/// What one view holds: 100 blocks (<https://docs.slack.dev/reference/views>), and 250 kB or it is `view_too_large`
/// (<https://docs.slack.dev/reference/methods/views.publish>). A unit of cost is at most three bytes of UTF-8.
const VIEW: Room = Room { blocks: 100, cost: 80_000 };

/// Messages of one card. Slack takes about one message a second per conversation, and nobody reads
/// more than this.
const MOST_MESSAGES: usize = 20;

/// The fallback text. Slack advises 4,000 characters and refuses an update of more than 4,000
/// bytes (`msg_too_long`), so bytes are counted.
const MOST_FALLBACK_BYTES: usize = 3_900;

/// The title in places that only refer to it.
const MOST_REFERENCE: usize = 100;

/// How much fits into what Slack takes at once.
#[derive(Debug, Clone, Copy)]
struct Room {
    blocks: usize,
    cost: usize,
}

/// A message as `chat.postMessage`, `chat.update` and a `response_url` take it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// For notifications and screen readers: the card's summary, escaped, at most 3,900 bytes. Bare
    /// names like `@here` in it stay text as long as it is sent without `parse` and `link_names`.
    pub text: String,
    /// At most 50 blocks.
    pub blocks: Vec<Value>,
}

/// A card as the messages that show all of it, in order; there is always at least one. What goes
/// beyond 20 messages, or beyond the one of a card that is undivided, is left out before the actions, and its length told.
#[must_use]
pub fn messages(card: &Card) -> Vec<Rendered> {
    assemble(card, if card.undivided { 1 } else { MOST_MESSAGES })
}

/// A card as one message, for places that take only one: an answer, an update. What does not fit
/// is left out and its length told; actions and footer are kept. Equals `messages(card)[0]` when
/// that is the only one.
#[must_use]
pub fn render(card: &Card) -> Rendered {
    assemble(card, 1).swap_remove(0)
}

/// A card as the blocks of one view, which takes no table and of which there is one. What does not fit is left out and
/// its length told; actions and footer are kept.
#[must_use]
pub fn of_view(card: &Card) -> Vec<Value> {
    let (body, tail) = parts(content::body(card, Tables::AsText), card);
    let page = fit(&body, &tail, 1, |parts| pack(parts, VIEW)).swap_remove(0);
    page.into_iter().map(|part| part.block).collect()
}

/// What stands above the actions, and the rest.
fn parts(mut body: Vec<Part>, card: &Card) -> (Vec<Part>, Vec<Part>) {
    let mut tail = actions::parts(card);
    tail.extend(content::footer(card));
    if body.is_empty() && tail.is_empty() {
        body = part::paragraph("(empty message)");
    }
    (body, tail)
}

/// A card as at most `most` messages.
fn assemble(card: &Card, most: usize) -> Vec<Rendered> {
    let (body, tail) = parts(content::body(card, Tables::OneInAMessage), card);
    let pages = fit(&body, &tail, most, |parts| pack(parts, MESSAGE));
    let count = pages.len();
    let title = SIZES.ellipsis(&one_line(&card.title), MOST_REFERENCE);
    pages
        .into_iter()
        .enumerate()
        .map(|(index, page)| {
            let page = page.into_iter().map(|part| part.block);
            if index == 0 {
                return Rendered { text: fallback(card), blocks: page.collect() };
            }
            let place = format!("{title} ({} of {count})", index + 1);
            let place_first = small_print(place.trim()).into_iter().map(|part| part.block);
            Rendered { text: escape(place.trim()), blocks: place_first.chain(page).collect() }
        })
        .collect()
}

/// The fallback text of the first message.
fn fallback(card: &Card) -> String {
    // Words in Slack's own notation are escaped already; here is no notation.
    let first = card.blocks.iter().find(|block| matches!(block, Block::Text { .. } | Block::Markup { .. }));
    let summary = match first {
        Some(Block::Markup { text }) => {
            let line = super::text::read(text.lines().next().unwrap_or_default());
            Card { blocks: vec![Block::Text { text: line }], ..card.clone() }.summary()
        }
        _ => card.summary(),
    };
    let summary = one_line(&summary);
    if summary.is_empty() {
        return "(no title)".to_owned();
    }
    let mut room = MOST_FALLBACK_BYTES;
    loop {
        let text = escape(&SIZES.shorten(&summary, room));
        if text.len() <= MOST_FALLBACK_BYTES {
            return text;
        }
        // Fewer characters where each takes several bytes; a quarter always fits.
        room = room * 3 / 4;
    }
}

/// Fills messages, or views, one after the other, each within its room.
fn pack(parts: Vec<&Part>, room: Room) -> Vec<Vec<&Part>> {
    let mut pages = Vec::new();
    let mut page: Vec<&Part> = Vec::new();
    let (mut cost, mut has_table) = (0, false);
    for part in parts {
        let full = page.len() == room.blocks || cost + part.cost > room.cost || (has_table && part.is_table);
        if full && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            (cost, has_table) = (0, false);
        }
        cost += part.cost;
        has_table |= part.is_table;
        page.push(part);
    }
    pages.push(page);
    pages
}

#[cfg(test)]
mod tests {
    mod limits;

    use std::collections::HashSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::channels::testing::{any_card, button, menu, sources, strings, turns_the_order};
    use crate::domain::card::{Action, Block, ButtonStyle, Choice, Tone};

    /// What the only message of a card shows.
    fn check(card: Card, wanted: Value) {
        let all = messages(&card);
        assert_eq!(all.len(), 1, "one message");
        assert_eq!(all[0], render(&card));
        assert_eq!(Value::from(all[0].blocks.clone()), wanted);
        refusals(&all[0]);
    }

    #[test]
    fn title_paragraph_and_footer() {
        check(
            Card::new("Task T-12 created").tone(Tone::Good).text("Fix *login* & <logout>").footer("from chat"),
            json!([
                {"type": "header", "text": {"type": "plain_text", "text": "✅ Task T-12 created", "emoji": false}},
                {"type": "section", "text": {"type": "plain_text", "text": "Fix *login* &amp; &lt;logout&gt;", "emoji": false}},
                {"type": "context", "elements": [{"type": "plain_text", "text": "from chat", "emoji": false}]},
            ]),
        );
    }

    #[test]
    fn facts_are_fields_and_lose_no_sign() {
        check(
            Card::new("").facts([("Status", "in_progress"), ("Note", "*urgent* <!here>"), ("Link", "a&b")]),
            json!([{"type": "section", "fields": [
                {"type": "mrkdwn", "text": "*Status*\nin_progress", "verbatim": true},
                {"type": "plain_text", "text": "Note\n*urgent* &lt;!here&gt;", "emoji": false},
                {"type": "mrkdwn", "text": "*Link*\na&amp;b", "verbatim": true},
            ]}]),
        );
    }

    #[test]
    fn headings_lists_code_images_and_dividers() {
        let items = strings(&["one", "two\nlines", " "]);
        check(
            Card::new("")
                .block(Block::Heading { text: "Next".into() })
                .block(Block::List { items })
                .block(Block::Code { text: "  task create \"<title>\"".into() })
                .block(Block::Divider)
                .block(Block::Image { url: "https://example.com/a.png".into(), alt: "a chart".into() })
                .block(Block::Image { url: "javascript:alert(1)".into(), alt: "bad".into() }),
            json!([
                {"type": "section", "text": {"type": "mrkdwn", "text": "*Next*", "verbatim": true}},
                {"type": "section", "text": {"type": "plain_text", "text": "• one\n• two\n   lines", "emoji": false}},
                {"type": "section", "text": {
                    "type": "mrkdwn", "text": "```\n  task create \"&lt;title&gt;\"\n```", "verbatim": true}},
                {"type": "divider"},
                {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a chart"},
                {"type": "section", "text": {"type": "plain_text", "text": "bad javascript:alert(1)", "emoji": false}},
            ]),
        );
    }

    #[test]
    fn what_mrkdwn_would_spoil_is_rich_text() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let bold = json!({"type": "text", "text": "*Next* <x>", "style": {"bold": true}});
        check(
            Card::new("")
                .block(Block::Heading { text: "*Next* <x>".into() })
                .block(Block::Code { text: "  task ```x``` <id>".into() }),
            json!([
                {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [bold]}]},
                {"type": "rich_text", "elements": [
                    {"type": "rich_text_preformatted", "elements": [text("  task ```x``` <id>")]}]},
            ]),
        );
    }

    #[test]
    fn a_table_has_no_empty_cell_and_no_ragged_row() {
        let rows = vec![strings(&["R&D <x>", ""]), strings(&["<!here>"])];
        let left = json!({"align": "left", "is_wrapped": true});
        check(
            Card::new("").block(Block::Table { columns: strings(&["Id", "Who"]), rows }),
            json!([{"type": "table", "column_settings": [left, left], "rows": [
                [{"type": "raw_text", "text": "Id"}, {"type": "raw_text", "text": "Who"}],
                [{"type": "raw_text", "text": "R&D <x>"}, {"type": "raw_text", "text": " "}],
                [{"type": "raw_text", "text": "<\u{200B}!here>"}, {"type": "raw_text", "text": " "}],
            ]}]),
        );
    }

    #[test]
    fn actions_carry_their_tokens() {
        let link = Action::Link { label: "Open".into(), url: "https://example.com/t?a=1&b=2".into() };
        let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
        check(
            Card::new("")
                .action(button("Start", "tok-1", ButtonStyle::Primary))
                .action(button("Drop", "tok-2", ButtonStyle::Danger))
                .action(link)
                .action(menu("Assign to", "tok-3", 2))
                .action(button("Later", "tok-4", ButtonStyle::Plain)),
            json!([
                {"type": "actions", "elements": [
                    {"type": "button", "action_id": "act-0", "text": plain("Start"), "value": "tok-1", "style": "primary"},
                    {"type": "button", "action_id": "act-1", "text": plain("Drop"), "value": "tok-2", "style": "danger"},
                    {"type": "button", "action_id": "act-2", "text": plain("Open"), "url": "https://example.com/t?a=1&b=2"},
                ]},
                {"type": "actions", "block_id": "tok-3", "elements": [{
                    "type": "static_select", "action_id": "act-3", "placeholder": plain("Assign to"), "options": [
                        {"text": plain("entry 0"), "value": "v0"}, {"text": plain("entry 1"), "value": "v1"}]}]},
                {"type": "actions", "elements": [
                    {"type": "button", "action_id": "act-4", "text": plain("Later"), "value": "tok-4"}]},
            ]),
        );
    }

    #[test]
    fn what_slack_cannot_offer_is_said() {
        for (card, wanted) in [
            (Card::new("").action(menu("Agents", "m", 150)), "… and 50 more in “Agents”"),
            (Card::new("").action(button("Go", &"x".repeat(2_001), ButtonStyle::Plain)), "Go (cannot be pressed here)"),
            (Card::new("").action(menu("Agents", "m", 0)), "Agents (nothing can be chosen here)"),
            (Card::new("").action(menu("A", "m", 1)).action(menu("B", "m", 1)), "B (nothing can be chosen here)"),
            (Card::new("").action(button(&"long ".repeat(20), "t", ButtonStyle::Plain)), "long long long"),
            (Card::new(""), "(empty message)"),
        ] {
            let rendered = render(&card);
            refusals(&rendered);
            assert!(shown(&rendered.blocks).contains(&normal(wanted)), "{wanted}: {:?}", rendered.blocks);
        }
    }

    #[test]
    fn a_long_title_is_cut_in_the_header_and_whole_below() {
        let title = "title ".repeat(60);
        let rendered = render(&Card::new(title.as_str()).tone(Tone::Bad));
        let header = rendered.blocks[0]["text"]["text"].as_str().unwrap();
        assert!(header.starts_with("⛔ title") && header.ends_with('…'), "{header}");
        assert_eq!(rendered.blocks[1]["text"]["text"], title.trim());
        assert_eq!(rendered.text, title.trim());
    }

    #[test]
    fn a_long_table_goes_on_under_its_head_and_actions_stand_last() {
        let rows = (0..300).map(|n| vec![format!("T-{n}"), "x".repeat(20)]).collect();
        let columns = strings(&["Id", "What"]);
        let card =
            Card::new("Tasks").block(Block::Table { columns, rows }).action(button("Next", "t", ButtonStyle::Plain));
        let all = messages(&card);
        assert_eq!(all.len(), 4);
        for (index, message) in all.iter().enumerate() {
            refusals(message);
            let table = message.blocks.iter().find(|block| block["type"] == "table").unwrap();
            assert_eq!(table["rows"][0][0]["text"], "Id");
            let has_actions = message.blocks.iter().any(|block| block["type"] == "actions");
            assert_eq!(has_actions, index == 3, "actions on message {index}");
        }
        assert_eq!(all[1].text, "Tasks (2 of 4)");
        assert_eq!(all[1].blocks[0]["elements"][0]["text"], "Tasks (2 of 4)");
    }

    #[test]
    fn the_only_message_keeps_actions_and_counts_what_is_missing() {
        let card =
            Card::new("Log").text("line of text\n".repeat(5_000)).action(button("More", "t", ButtonStyle::Plain));
        let rendered = render(&card);
        refusals(&rendered);
        let last = rendered.blocks.last().unwrap();
        assert_eq!(last["type"], "actions");
        let notice = rendered.blocks[rendered.blocks.len() - 2]["elements"][0]["text"].as_str().unwrap();
        assert!(notice.starts_with("… (") && notice.ends_with(" more characters)"), "{notice}");
        assert!(messages(&card).len() > 5);
    }

    #[test]
    fn every_message_of_an_endless_card_is_sent_within_bounds() {
        let mut card = Card::new("Everything").text("x".repeat(1_000_000)).footer("end");
        for n in 0..60 {
            card = card.action(menu(&format!("menu {n}"), &format!("token {n}"), 120));
        }
        let all = messages(&card);
        assert!(all.len() <= MOST_MESSAGES);
        all.iter().for_each(refusals);
        let text: String = all.iter().map(|message| shown(&message.blocks)).collect();
        assert!(text.contains(&normal("more characters)")));
        refusals(&render(&card));
    }

    #[test]
    fn the_fallback_is_bounded_in_bytes_and_inert() {
        assert_eq!(
            render(&Card::new("<!channel> & co").text("<@U1>\nmore")).text,
            "&lt;!channel&gt; &amp; co: &lt;@U1&gt;"
        );
        let markup = |text: &str| Card::new("").block(Block::Markup { text: text.to_owned() });
        for (words, expected) in [
            ("New: Fix R&amp;D &lt;here&gt; page\nmore", "New: Fix R&amp;D &lt;here&gt; page"),
            ("see <https://example.com/a?b&amp;c|the page>", "see https://example.com/a?b&amp;c"),
        ] {
            assert_eq!(render(&markup(words)).text, expected, "{words}");
        }
        for letter in ["日", "&", "🎉", "x"] {
            let text = render(&Card::new(letter.repeat(9_000))).text;
            assert!(
                text.len() <= MOST_FALLBACK_BYTES && text.ends_with(" more characters)"),
                "{letter}: {}",
                text.len()
            );
        }
        assert_eq!(render(&Card::new("\n")).text, "(no title)");
    }

    #[test]
    fn no_text_can_forge_the_reading_order() {
        let marks = "\u{61C}\u{200E}\u{200F}\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2066}\u{2067}\u{2068}\u{2069}";
        for mark in marks.chars() {
            let text = format!("pay {mark}10 - 20");
            let options = vec![Choice { label: text.clone(), value: "v".into() }];
            let card = Card::new(text.as_str())
                .text(text.as_str())
                .block(Block::Heading { text: text.clone() })
                .facts([(text.as_str(), text.as_str())])
                .block(Block::List { items: vec![text.clone()] })
                .block(Block::Table { columns: vec![text.clone()], rows: vec![vec![text.clone()]] })
                .block(Block::Code { text: text.clone() })
                .block(Block::Image { url: "https://example.com/a.png".into(), alt: text.clone() })
                .block(Block::Image { url: text.clone(), alt: text.clone() })
                .action(button(&text, "t", ButtonStyle::Plain))
                .action(Action::Menu { label: text.clone(), token: "m".into(), options })
                .action(Action::Link { label: text.clone(), url: text.clone() })
                .footer(text.as_str());
            let rendered = render(&card);
            let sent = format!("{}{}", rendered.text, Value::from(rendered.blocks));
            assert!(!sent.contains(mark), "{mark:?} in {sent}");
            assert!(sent.contains("pay \u{FFFD}10 - 20"), "{mark:?}: {sent}");
        }
    }

    // The checker below is written from Slack's documents and shares no code with the renderer.

    fn units(value: &Value) -> usize {
        value.as_str().map_or(0, |text| text.encode_utf16().count())
    }

    fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
        value[key].as_array().map_or(&[], Vec::as_slice)
    }

    /// A text object within its limit that shows something.
    fn text_object(value: &Value, most: usize, kinds: &[&str]) {
        let text = value["text"].as_str().unwrap_or_else(|| panic!("no text in {value}"));
        assert!(kinds.contains(&value["type"].as_str().unwrap()), "type of {value}");
        assert!(!text.trim().is_empty(), "blank text in {value}");
        assert!(units(&value["text"]) <= most, "{} > {most}", units(&value["text"]));
        if value["type"] == "text" { no_control(text) } else { inert(text) }
    }

    /// No bracket, and no ampersand that does not begin an escape.
    fn inert(text: &str) {
        assert!(!text.contains(['<', '>']), "bracket in {text:?}");
        let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        assert!(!bare.contains('&'), "ampersand in {text:?}");
        no_control(text);
    }

    fn no_control(text: &str) {
        let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || turns_the_order(c);
        assert!(!text.contains(steers), "control in {text:?}");
    }

    /// Literal text in which nobody could find a mention or a link.
    fn inert_literal(text: &str) {
        no_control(text);
        for opener in ["<@", "<!", "<#", "<http", "<mailto"] {
            assert!(!text.contains(opener), "{opener} in {text:?}");
        }
    }

    /// A text as a reader sees it: two kinds are decoded and lose our fence or stars, the others are
    /// literal.
    fn read(text: &str, kind: Option<&str>) -> String {
        if !matches!(kind, Some("plain_text" | "mrkdwn")) {
            return text.to_owned();
        }
        let inside = |text: &str, open: &str, close: &str| {
            text.strip_prefix(open).and_then(|text| text.strip_suffix(close)).map(str::to_owned)
        };
        let text = match kind {
            Some("mrkdwn") => inside(text, "```\n", "\n```").or_else(|| inside(text, "*", "*")),
            _ => None,
        }
        .unwrap_or_else(|| text.to_owned());
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    fn all_text(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, inner)| match inner {
                Value::String(text) if key == "text" || key == "alt_text" => {
                    out.push(read(text, value["type"].as_str()));
                }
                other => all_text(other, out),
            }),
            Value::Array(values) => values.iter().for_each(|inner| all_text(inner, out)),
            Value::Null => panic!("null in a block"),
            _ => {}
        }
    }

    fn normal(text: &str) -> String {
        text.chars()
            .filter(|&c| !c.is_whitespace() && c != '\u{200B}')
            .map(|c| if c.is_control() || turns_the_order(c) { '\u{FFFD}' } else { c })
            .collect()
    }

    /// Everything that a reader sees, without blanks.
    fn shown(blocks: &[Value]) -> String {
        let mut texts = Vec::new();
        blocks.iter().for_each(|block| all_text(block, &mut texts));
        normal(&texts.concat())
    }

    /// Panics on whatever Slack would refuse.
    fn refusals(message: &Rendered) {
        assert!(!message.text.trim().is_empty() && message.text.len() <= 4_000);
        inert(&message.text);
        assert!((1..=50).contains(&message.blocks.len()), "{} blocks", message.blocks.len());
        let mut texts = Vec::new();
        message.blocks.iter().for_each(|block| all_text(block, &mut texts));
        let escaped = |c: char| {
            if c == '&' {
                5
            } else if c == '<' || c == '>' {
                4
            } else {
                c.len_utf16()
            }
        };
        let total: usize = texts.iter().flat_map(|text| text.chars()).map(escaped).sum();
        assert!(total < 12_000, "{total} characters");
        let tables = message.blocks.iter().filter(|block| block["type"] == "table").count();
        assert!(tables <= 1, "{tables} tables");
        let (mut action_ids, mut block_ids) = (HashSet::new(), HashSet::new());
        for block in &message.blocks {
            if let Some(id) = block["block_id"].as_str() {
                assert!(!id.is_empty() && units(&block["block_id"]) <= 255 && block_ids.insert(id), "block_id {id:?}");
            }
            check_block(block);
            for element in list(block, "elements") {
                if let Some(id) = element["action_id"].as_str() {
                    assert!(units(&element["action_id"]) <= 255 && action_ids.insert(id), "action_id {id:?}");
                }
            }
        }
    }

    fn check_block(block: &Value) {
        let any = ["plain_text", "mrkdwn"];
        match block["type"].as_str().unwrap() {
            "header" => text_object(&block["text"], 150, &["plain_text"]),
            "section" => {
                let fields = list(block, "fields");
                assert!(fields.len() <= 10 && (block.get("text").is_some() || !fields.is_empty()));
                fields.iter().for_each(|field| text_object(field, 2_000, &any));
                block.get("text").into_iter().for_each(|text| text_object(text, 3_000, &any));
            }
            "context" => {
                assert!((1..=10).contains(&list(block, "elements").len()));
                list(block, "elements").iter().for_each(|element| text_object(element, 3_000, &any));
            }
            "divider" => {}
            "image" => {
                inert_literal(block["alt_text"].as_str().unwrap());
                assert!(units(&block["image_url"]) <= 3_000 && (1..=2_000).contains(&units(&block["alt_text"])));
            }
            "actions" => {
                assert!((1..=25).contains(&list(block, "elements").len()));
                list(block, "elements").iter().for_each(check_element);
            }
            "rich_text" => {
                for inner in list(block, "elements").iter().flat_map(|element| list(element, "elements")) {
                    text_object(inner, 3_000, &["text"]);
                }
            }
            "table" => check_table(block),
            other => panic!("block {other}"),
        }
    }

    fn check_element(element: &Value) {
        match element["type"].as_str().unwrap() {
            "button" => {
                text_object(&element["text"], 75, &["plain_text"]);
                assert!(units(&element["value"]) <= 2_000 && units(&element["url"]) <= 3_000);
                assert!(matches!(element["style"].as_str(), None | Some("primary" | "danger")));
            }
            "static_select" => {
                text_object(&element["placeholder"], 150, &["plain_text"]);
                assert!((1..=100).contains(&list(element, "options").len()));
                for option in list(element, "options") {
                    text_object(&option["text"], 75, &["plain_text"]);
                    assert!((1..=150).contains(&units(&option["value"])), "option value");
                }
            }
            other => panic!("element {other}"),
        }
    }

    fn check_table(block: &Value) {
        let rows = list(block, "rows");
        assert!((1..=100).contains(&rows.len()), "{} rows", rows.len());
        assert!((1..=20).contains(&list(block, "column_settings").len()));
        let mut characters = 0;
        for row in rows {
            let cells = row.as_array().unwrap();
            assert!((1..=20).contains(&cells.len()) && cells.len() == rows[0].as_array().unwrap().len());
            for cell in cells {
                assert_eq!(cell["type"], "raw_text");
                assert!(units(&cell["text"]) > 0, "empty cell");
                characters += units(&cell["text"]);
                inert_literal(cell["text"].as_str().unwrap());
            }
        }
        assert!(characters <= 10_000, "{characters} characters in a table");
    }

    #[test]
    fn a_view_holds_a_hundred_blocks_and_says_what_it_leaves_out() {
        let card = |paragraphs: usize| {
            let card = (0..paragraphs).fold(Card::new(""), |card, _| card.text("word"));
            card.action(button("Press", "tok", ButtonStyle::Plain)).footer("small print")
        };
        assert_eq!(of_view(&card(98)).len(), 100);
        assert!(!shown(&of_view(&card(98))).contains("more"));
        let cut = of_view(&card(99));
        assert_eq!(cut.len(), 100);
        assert!(shown(&cut).contains("8morecharacters"), "{}", shown(&cut));
        assert!(shown(&cut).ends_with("Presssmallprint"), "buttons and footer stay: {}", shown(&cut));
        // 250 kB are fewer characters than a hundred blocks could hold.
        let large = (0..90).fold(Card::new(""), |card, _| card.text("日".repeat(2_800)));
        let large = Value::from(of_view(&large)).to_string();
        assert!((200_000..250_000).contains(&large.len()) && large.contains("more characters"), "{}", large.len());
    }

    #[test]
    fn a_table_is_text_in_a_view() {
        let card =
            Card::new("").block(Block::Table { columns: strings(&["Id", "Who"]), rows: vec![strings(&["1", "Ada"])] });
        let blocks = of_view(&card);
        assert!(blocks.iter().all(|block| block["type"] == "section"), "{blocks:?}");
        assert!(shown(&blocks).contains("Ada"), "{blocks:?}");
    }

    /// What Slack might read as more than text.
    const HOSTILE: &[&str] = &[
        "<!channel>",
        "<@U1> &amp;",
        "*b* _i_ ~s~ `c`",
        "```",
        "<http://x|y>",
        ":tada:",
        "> q",
        "שלום עולם",
        "\u{202e}x\u{200f}1 - 2",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_card_is_taken_by_slack_and_shown_whole(card in any_card(HOSTILE)) {
            let all = messages(&card);
            all.iter().for_each(refusals);
            refusals(&render(&card));
            prop_assert!(all.len() <= MOST_MESSAGES);
            let skip = |index: usize| usize::from(index > 0);
            let blocks: Vec<Value> =
                all.iter().enumerate().flat_map(|(index, message)| message.blocks[skip(index)..].to_vec()).collect();
            let seen = shown(&blocks);
            let is_shortened = seen.contains("morecharacters)") || seen.contains("moreblocksofbuttons");
            for source in sources(&card) {
                prop_assert!(is_shortened || seen.contains(&normal(source)), "lost: {source:?}");
            }
            prop_assert!(all.len() == 1 || all.len() == MOST_MESSAGES || !is_shortened
                || sources(&card).iter().any(|source| source.contains("more")), "shortened without need");
        }

        #[test]
        fn any_card_is_taken_by_slack_as_one_view_and_nothing_is_cut_in_silence(card in any_card(HOSTILE)) {
            let blocks = of_view(&card);
            prop_assert!(blocks.len() <= 100 && Value::from(blocks.clone()).to_string().len() < 250_000);
            prop_assert!(blocks.iter().all(|block| block["type"] != "table"));
            // What each block may hold is the same as in a message.
            for block in &blocks {
                refusals(&Rendered { text: "x".to_owned(), blocks: vec![block.clone()] });
            }
            let mut ids: Vec<&str> = blocks.iter().filter_map(|block| block["block_id"].as_str()).collect();
            ids.sort_unstable();
            prop_assert!(ids.windows(2).all(|two| two[0] != two[1]), "an id stands twice in {ids:?}");
            let seen = shown(&blocks);
            let is_shortened = seen.contains("morecharacters)") || seen.contains("moreblocksofbuttons");
            for source in sources(&card) {
                prop_assert!(is_shortened || seen.contains(&normal(source)), "lost: {source:?}");
            }
        }

        #[test]
        fn the_same_card_gives_the_same_messages(card in any_card(HOSTILE)) {
            prop_assert_eq!(messages(&card), messages(&card));
        }
    }
}
