//! Every limit of Slack on what a card becomes, met at its number and one beyond: Slack refuses nothing, and what is cut
//! ends in `…`, stands whole elsewhere, or is counted.

use super::*;
use crate::channels::testing::{PLACES, largest, seen_and_told};

/// Letters that are counted in different ways: by bytes, by units of UTF-16, escaped, and those that are one with others.
const LETTERS: [&str; 7] = ["x", "é", "日", "🎉", "👩‍👧", "e\u{301}", "&"];

/// What Slack may count for a text.
fn size(text: &str) -> usize {
    text.replace('&', "&amp;").replace('<', "&lt;").encode_utf16().count()
}

/// A text of that size.
fn sized(letter: &str, wanted: usize) -> String {
    format!("{}{}", letter.repeat(wanted / size(letter)), "x".repeat(wanted % size(letter)))
}

/// Everything that is seen of a card in its messages, without the lines that say which part a message is.
fn seen(all: &[Rendered]) -> String {
    let of = |(index, message): (usize, &Rendered)| message.blocks[usize::from(index > 0)..].to_vec();
    shown(&all.iter().enumerate().flat_map(of).collect::<Vec<Value>>())
}

/// The first thing of a kind in some blocks.
fn first<'a>(value: &'a Value, kind: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) if fields.get("type").is_some_and(|it| it == kind) => Some(value),
        Value::Object(fields) => fields.values().find_map(|inner| first(inner, kind)),
        Value::Array(values) => values.iter().find_map(|inner| first(inner, kind)),
        _ => None,
    }
}

#[test]
fn a_text_is_shown_whole_at_every_limit_and_one_beyond_wherever_it_stands() {
    for (place, make) in PLACES {
        let all =
            [75, 150, 2_000, 3_000, 10_000, 13_200].into_iter().flat_map(|limit| LETTERS.map(|letter| (limit, letter)));
        // What is long in each kind of letter takes long to judge.
        for (limit, letter) in all.filter(|(limit, letter)| *limit < 5_000 || ["🎉", "&"].contains(letter)) {
            for wanted in [limit, limit + 1] {
                let text = sized(letter, wanted);
                let card = make(text.clone());
                let all = messages(&card);
                all.iter().for_each(refusals);
                assert!(seen(&all).contains(&text), "{place} of {wanted} {letter}");
                let view = of_view(&card);
                assert!(shown(&view).contains(&text), "{place} of {wanted} {letter} in a view");
                for block in view {
                    refusals(&Rendered { text: "x".to_owned(), blocks: vec![block] });
                }
            }
        }
    }
}

/// A label: its limit, a card with such a label, and where it then stands.
type Label = (&'static str, usize, fn(String) -> Card, &'static str, &'static str);

#[test]
fn a_label_is_whole_at_its_limit_and_ends_in_an_ellipsis_beyond() {
    let rows: [Label; 5] = [
        ("title", 150, Card::new, "header", "/text/text"),
        ("button", 75, |text| Card::new("").action(button(&text, "t", ButtonStyle::Plain)), "button", "/text/text"),
        (
            "link",
            75,
            |label| Card::new("").action(Action::Link { label, url: "https://example.com/a".into() }),
            "button",
            "/text/text",
        ),
        ("menu", 150, |text| Card::new("").action(menu(&text, "t", 1)), "static_select", "/placeholder/text"),
        (
            "entry",
            75,
            |label| {
                let options = vec![Choice { label, value: "v".into() }];
                Card::new("").action(Action::Menu { label: "M".into(), token: "t".into(), options })
            },
            "static_select",
            "/options/0/text/text",
        ),
    ];
    for ((what, limit, make, kind, pointer), letter) in rows.into_iter().flat_map(|row| LETTERS.map(|l| (row, l))) {
        for wanted in [limit, limit + 1] {
            let text = sized(letter, wanted);
            let rendered = render(&make(text.clone()));
            refusals(&rendered);
            let blocks = Value::from(rendered.blocks.clone());
            let label = first(&blocks, kind).and_then(|it| it.pointer(pointer)).unwrap();
            let is_cut = wanted > limit;
            assert_eq!(read(label.as_str().unwrap(), Some("plain_text")) == text, !is_cut, "{what}: {label}");
            assert_eq!(label.as_str().unwrap().ends_with('…'), is_cut, "{what}: {label}");
            assert!(units(label) <= limit, "{what}: {label}");
            let elsewhere = shown(&rendered.blocks);
            let is_said = elsewhere.contains(&text) || elsewhere.contains("1shortenedin“M”");
            assert!(is_said, "{what} of {wanted} {letter} is cut in silence: {blocks}");
        }
    }
}

/// What comes back or leads away: its limit, a card with it, and the words where Slack cannot take it.
type Carried = (&'static str, usize, fn(String) -> Card, &'static str);

#[test]
fn what_cannot_be_cut_is_carried_at_its_limit_and_said_in_words_beyond() {
    let rows: [Carried; 5] = [
        (
            "value of a button",
            2_000,
            |token| Card::new("").action(button("Go", &token, ButtonStyle::Plain)),
            "Go (cannot be pressed here)",
        ),
        ("block_id", 255, |token| Card::new("").action(menu("M", &token, 1)), "M (nothing can be chosen here)"),
        (
            "value of an entry",
            150,
            |value| {
                let entry = |value: &str| Choice { label: "x".into(), value: value.into() };
                let options = vec![entry("short"), entry(&value)];
                Card::new("").action(Action::Menu { label: "M".into(), token: "t".into(), options })
            },
            "… and 1 more in “M”",
        ),
        (
            "address of a link",
            3_000,
            |url| Card::new("").action(Action::Link { label: "Open".into(), url }),
            "Open: https://example.com/",
        ),
        (
            "address of an image",
            3_000,
            |url| Card::new("").block(Block::Image { url, alt: "chart".into() }),
            "chart https://example.com/",
        ),
    ];
    for (what, limit, make, words) in rows {
        let is_address = what.starts_with("address");
        for letter in if is_address { vec!["x"] } else { vec!["x", "é", "日", "🎉"] } {
            for wanted in [limit, limit + 1] {
                let begins = if is_address { "https://example.com/" } else { "" };
                let value = format!("{begins}{}", sized(letter, wanted - begins.len()));
                let rendered = render(&make(value.clone()));
                refusals(&rendered);
                let is_carried = wanted == limit;
                let carried = Value::from(rendered.blocks.clone()).to_string();
                let said = shown(&rendered.blocks);
                assert_eq!(said.contains(&normal(words)), !is_carried, "{what} of {wanted}: {said}");
                assert!(carried.contains(&format!("\"{value}\"")) == is_carried, "{what} of {wanted}: {carried}");
                assert!(is_carried || !is_address || said.contains(&value), "{what}: the address stands there");
            }
        }
    }
}

#[test]
fn what_is_counted_goes_on_elsewhere_past_its_number() {
    let lengths = |card: &Card, key: &str| -> Vec<usize> {
        let all = messages(card);
        all.iter().for_each(refusals);
        let blocks = all.into_iter().flat_map(|message| message.blocks);
        blocks.map(|block| list(&block, key).len()).filter(|&length| length > 0).collect()
    };
    let facts = |count: usize| Card::new("").facts((0..count).map(|n| (format!("f{n}"), "v")));
    assert_eq!((lengths(&facts(10), "fields"), lengths(&facts(11), "fields")), (vec![10], vec![10, 1]));
    let buttons = |count: usize| {
        (0..count).fold(Card::new(""), |card, n| card.action(button(&format!("B{n}"), "t", ButtonStyle::Plain)))
    };
    assert_eq!((lengths(&buttons(25), "elements"), lengths(&buttons(26), "elements")), (vec![25], vec![25, 1]));
    let table = |rows: usize, columns: usize| {
        let row = vec!["x".to_owned(); columns];
        Card::new("").block(Block::Table { columns: row.clone(), rows: vec![row; rows - 1] })
    };
    assert_eq!((lengths(&table(100, 1), "rows"), lengths(&table(101, 1), "rows")), (vec![100], vec![100, 2]));
    assert_eq!((lengths(&table(2, 20), "rows"), lengths(&table(2, 21), "rows")), (vec![2], vec![]));
    assert_eq!(seen(&messages(&table(2, 21))).matches('x').count(), 42, "a wide table is text");

    for (entries, left) in [(100, None), (101, Some("… and 1 more in “M”"))] {
        let rendered = render(&Card::new("").action(menu("M", "t", entries)));
        refusals(&rendered);
        assert_eq!(list(&rendered.blocks[0]["elements"][0], "options").len(), 100);
        assert_eq!(rendered.blocks.get(1).and_then(|it| it["elements"][0]["text"].as_str()), left);
    }
    // A message among several has one block more, which says which part it is.
    for (dividers, wanted) in [(49, vec![49]), (50, vec![49, 2]), (98, vec![49, 50]), (99, vec![49, 50, 2])] {
        let all = messages(&Card { blocks: vec![Block::Divider; dividers], ..Card::new("") });
        all.iter().for_each(refusals);
        assert_eq!(all.iter().map(|message| message.blocks.len()).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_message_is_filled_to_its_total_and_what_one_message_leaves_out_is_counted() {
    for letter in LETTERS {
        let text = |wanted: usize| sized(letter, wanted);
        let card = |wanted: usize| Card::new("").text(text(wanted)).action(button("Go", "t", ButtonStyle::Plain));
        let most = largest(20_000, |wanted| messages(&card(wanted)).len() == 1);
        assert!((9_000..13_200).contains(&most), "{most} of {letter} fill a message");
        for wanted in [most, most + 1, 13_200, 13_201, 40_000, 40_001] {
            let all = messages(&card(wanted));
            all.iter().for_each(refusals);
            assert_eq!(all.len() > 1, wanted > most);
            assert!(seen(&all).starts_with(&text(wanted)), "{wanted} of {letter} in {} messages", all.len());
            let alone = render(&card(wanted));
            refusals(&alone);
            let (seen, told) = seen_and_told(shown(&alone.blocks).strip_suffix("Go").expect("the button stays"));
            assert_eq!((seen + told, told > 0), (text(wanted).chars().count(), wanted > most), "{wanted} of {letter}");
        }
    }
}

#[test]
fn what_twenty_messages_and_a_view_leave_out_is_counted() {
    for letter in ["x", "日", "🎉", "&"] {
        let text = sized(letter, 300_000);
        let card = Card::new("").text(text.as_str());
        let all = messages(&card);
        all.iter().for_each(refusals);
        assert_eq!(all.len(), MOST_MESSAGES);
        let (seen, told) = seen_and_told(&seen(&all));
        assert_eq!((seen + told, told > 0), (text.chars().count(), true), "{letter}");

        let card = |wanted: usize| Card::new("").text(sized(letter, wanted));
        let most = largest(100_000, |wanted| seen_and_told(&shown(&of_view(&card(wanted)))).1 == 0);
        for wanted in [most, most + 1] {
            let view = of_view(&card(wanted));
            let (seen, told) = seen_and_told(&shown(&view));
            assert_eq!((seen + told, told > 0), (sized(letter, wanted).chars().count(), wanted > most), "{letter}");
            assert!(view.len() <= 100 && Value::from(view).to_string().len() < 250_000);
        }
    }
}

#[test]
fn the_fallback_is_whole_at_its_limit_of_bytes_and_counts_what_it_leaves_out_beyond() {
    for letter in LETTERS {
        let bytes = letter.replace('&', "&amp;").len();
        for wanted in [MOST_FALLBACK_BYTES, MOST_FALLBACK_BYTES + 1] {
            let title = format!("{}{}", letter.repeat(wanted / bytes), "x".repeat(wanted % bytes));
            let rendered = render(&Card::new(title.as_str()));
            refusals(&rendered);
            let is_whole = read(&rendered.text, Some("plain_text")) == title;
            let says = rendered.text.ends_with(" more characters)");
            assert_eq!((is_whole, says), (wanted == MOST_FALLBACK_BYTES, wanted > MOST_FALLBACK_BYTES), "{letter}");
        }
    }
}
