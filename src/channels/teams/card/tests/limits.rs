//! Every limit of Teams on what a card becomes, met at its number and one beyond: no message is too large, and what is
//! cut ends in `…`, stands whole elsewhere, or is counted.

use super::*;
use crate::channels::testing::{PLACES, largest, seen_and_told};

/// Letters that are counted in different ways: by bytes, by units of UTF-16, in JSON, and those that are one with others.
const LETTERS: [&str; 7] = ["x", "é", "日", "🎉", "👩‍👧", "e\u{301}", "\""];

/// Bytes of a message where a card can be split, and where it cannot.
const SPLIT: usize = 28_000;
const ALONE: usize = 80_000;
/// What the plain text of a message may count for.
const PLAIN: usize = 2_400;

/// A text of so many characters.
fn sized(letter: &str, characters: usize) -> String {
    letter.chars().cycle().take(characters).collect()
}

/// Everything that is seen of a card in its messages, without the lines that say which part a message is.
fn seen(all: &[Rendered]) -> String {
    let of = |(index, message): (usize, &Rendered)| {
        let mut card = message.card.clone();
        if index > 0 {
            card["body"].as_array_mut().unwrap().remove(0);
        }
        shown(&Rendered { text: String::new(), card })
    };
    all.iter().enumerate().map(of).collect()
}

#[test]
fn a_text_is_shown_whole_at_every_limit_and_one_beyond_wherever_it_stands() {
    for (place, make) in PLACES {
        let all =
            [100, 200, 500, 1_000, 6_000, 14_000].into_iter().flat_map(|limit| LETTERS.map(|letter| (limit, letter)));
        // What is long in each kind of letter takes long to judge.
        for (limit, letter) in all.filter(|(limit, letter)| *limit < 5_000 || ["🎉", "\""].contains(letter)) {
            for wanted in [limit, limit + 1] {
                let text = sized(letter, wanted);
                let card = make(text.clone());
                let all = messages(&card);
                all.iter().for_each(|message| refusals(message, SPLIT));
                assert!(seen(&all).contains(&normal(&text)), "{place} of {wanted} {letter}");
                let alone = render(&card);
                refusals(&alone, ALONE);
                let is_whole = shown(&alone).contains(&normal(&text));
                assert!(is_whole || shown(&alone).contains("morecharacters)"), "{place} of {wanted} {letter} alone");
            }
        }
    }
}

/// A label: its limit, a card with such a label, and the keys under which it then stands.
type Label = (&'static str, usize, fn(String) -> Card, &'static str);

#[test]
fn a_label_is_whole_at_its_limit_and_ends_in_an_ellipsis_beyond() {
    let rows: [Label; 6] = [
        ("title", 200, Card::new, "text"),
        ("button", 100, |text| Card::new("").action(button(&text, "t", ButtonStyle::Plain)), "title"),
        (
            "link",
            100,
            |label| Card::new("").action(Action::Link { label, url: "https://example.com/a".into() }),
            "title",
        ),
        ("menu", 100, |text| Card::new("").action(menu(&text, "t", 1)), "label"),
        (
            "entry",
            100,
            |label| {
                let options = vec![Choice { label, value: "v".into() }];
                Card::new("").action(Action::Menu { label: "M".into(), token: "t".into(), options })
            },
            "title",
        ),
        (
            "description of an image",
            500,
            |alt| Card::new("").block(Block::Image { url: "https://example.com/a".into(), alt }),
            "altText",
        ),
    ];
    for ((what, limit, make, key), letter) in rows.into_iter().flat_map(|row| ["x", "é", "日", "🎉"].map(|l| (row, l)))
    {
        for wanted in [limit, limit + 1] {
            let text = sized(letter, wanted);
            let rendered = render(&make(text.clone()));
            refusals(&rendered, SPLIT);
            let mut labels = Vec::new();
            collect(&rendered.card["body"], key, &mut labels);
            let label = labels[0].as_str().unwrap();
            let is_cut = wanted > limit;
            assert_eq!((label == text, label.ends_with('…')), (!is_cut, is_cut), "{what}: {label}");
            assert!(label.chars().count() <= limit, "{what}: {label}");
            let is_said = shown(&rendered).contains(&text) || shown(&rendered).contains("1shortenedin“M”");
            assert!(is_said, "{what} of {wanted} {letter} is cut in silence: {}", rendered.card);
        }
    }
}

/// What comes back or leads away: its limit in bytes, a card with it, and the words where it cannot be there.
type Carried = (&'static str, usize, fn(String) -> Card, &'static str);

#[test]
fn what_cannot_be_cut_is_carried_at_its_limit_and_said_in_words_beyond() {
    let rows: [Carried; 5] = [
        (
            "token of a button",
            600,
            |token| Card::new("").action(button("Go", &token, ButtonStyle::Plain)),
            "Go (cannot be pressed here)",
        ),
        ("token of a menu", 600, |token| Card::new("").action(menu("M", &token, 1)), "M (nothing can be chosen here)"),
        (
            "value of an entry",
            256,
            |value| {
                let entry = |value: &str| Choice { label: "x".into(), value: value.into() };
                let options = vec![entry("short"), entry(&value)];
                Card::new("").action(Action::Menu { label: "M".into(), token: "t".into(), options })
            },
            "… and 1 more in “M”",
        ),
        (
            "address of a link",
            2_000,
            |url| Card::new("").action(Action::Link { label: "Open".into(), url }),
            "Open: https://example.com/",
        ),
        (
            "address of an image",
            2_000,
            |url| Card::new("").block(Block::Image { url, alt: "chart".into() }),
            "chart https://example.com/",
        ),
    ];
    for (what, limit, make, words) in rows {
        let is_address = what.starts_with("address");
        for letter in if is_address { vec!["x"] } else { vec!["x", "é", "日", "🎉"] } {
            for wanted in [limit, limit + 1] {
                let begins = if is_address { "https://example.com/" } else { "" };
                let bytes = wanted - begins.len();
                let (letters, rest) = (bytes / letter.len(), bytes % letter.len());
                let value = format!("{begins}{}{}", letter.repeat(letters), "x".repeat(rest));
                let rendered = render(&make(value.clone()));
                refusals(&rendered, SPLIT);
                let is_carried = wanted == limit;
                let said = shown(&rendered);
                assert_eq!(said.contains(&normal(words)), !is_carried, "{what} of {wanted}: {said}");
                assert_eq!(rendered.card["body"].to_string().contains(&format!(":\"{value}\"")), is_carried, "{what}");
                assert!(is_carried || !is_address || said.contains(&value), "{what}: the address stands there");
            }
        }
    }
}

#[test]
fn what_is_counted_goes_on_elsewhere_past_its_number() {
    let rows = |buttons: usize| -> Vec<usize> {
        let press = |card: Card, n| card.action(button(&format!("B{n}"), "t", ButtonStyle::Plain));
        let rendered = render(&(0..buttons).fold(Card::new(""), press));
        refusals(&rendered, SPLIT);
        list(&rendered.card["body"]).iter().map(|set| list(&set["actions"]).len()).collect()
    };
    assert_eq!((rows(6), rows(7)), (vec![6], vec![6, 1]));
    for (entries, left) in [(100, None), (101, Some("… and 1 more in “M”"))] {
        let rendered = render(&Card::new("").action(menu("M", "t", entries)));
        refusals(&rendered, SPLIT);
        let body = list(&rendered.card["body"]);
        assert_eq!(list(&body[0]["items"][0]["choices"]).len(), 100);
        assert_eq!(body.get(1).and_then(|it| it["inlines"][0]["text"].as_str()), left);
    }
    // Long entries fill a menu before there are a hundred of them.
    let options: Vec<Choice> =
        (0..100).map(|n| Choice { label: "日".repeat(100), value: format!("{n}{}", "v".repeat(200)) }).collect();
    let rendered = render(&Card::new("").action(Action::Menu { label: "M".into(), token: "t".into(), options }));
    refusals(&rendered, SPLIT);
    let offered = list(&rendered.card["body"][0]["items"][0]["choices"]).len();
    assert!(shown(&rendered).contains(&normal(&format!("… and {} more in “M”", 100 - offered))), "{offered}");
    for (columns, is_table) in [(20, true), (21, false)] {
        let row = vec!["x".to_owned(); columns];
        let rendered = render(&Card::new("").block(Block::Table { columns: row.clone(), rows: vec![row] }));
        refusals(&rendered, SPLIT);
        assert_eq!(rendered.card["body"][0]["type"] == "Table", is_table);
        assert_eq!(shown(&rendered).matches('x').count(), 2 * columns);
    }
}

#[test]
fn a_message_is_filled_to_its_bytes_and_what_one_message_leaves_out_is_counted() {
    for letter in LETTERS {
        let card =
            |wanted: usize| Card::new("").text(sized(letter, wanted)).action(button("Go", "t", ButtonStyle::Plain));
        let most = largest(20_000, |wanted| messages(&card(wanted)).len() == 1);
        let most_alone = largest(40_000, |wanted| seen_and_told(&shown(&render(&card(wanted)))).1 == 0);
        assert!(most < most_alone, "one message that cannot be split may be larger: {most} and {most_alone}");
        for wanted in [most, most + 1, most_alone, most_alone + 1] {
            let all = messages(&card(wanted));
            all.iter().for_each(|message| refusals(message, SPLIT));
            assert_eq!(all.len() > 1, wanted > most);
            assert_eq!(seen(&all), normal(&sized(letter, wanted)) + "Go", "{wanted} of {letter}");
            let alone = render(&card(wanted));
            refusals(&alone, ALONE);
            let (seen, told) = seen_and_told(shown(&alone).strip_suffix("Go").expect("the button stays"));
            assert_eq!((seen + told, told > 0), (wanted, wanted > most_alone), "{wanted} of {letter}");
        }
    }
}

#[test]
fn a_message_that_is_asked_for_anew_stays_within_its_bytes_and_each_of_several_is_not() {
    for letter in LETTERS {
        // Both are measured at their largest: the card fills its message, and the token is as long as one may be.
        let card = |wanted: usize| {
            let card = Card::new(sized(letter, 200)).text(sized(letter, wanted)).action(menu("M", &"t".repeat(600), 5));
            Card { refresh: Some("r".repeat(600)), ..card }
        };
        let most = largest(20_000, |wanted| messages(&card(wanted)).len() == 1);
        for wanted in [most, most + 1] {
            let all = messages(&card(wanted));
            all.iter().for_each(|message| refusals(message, SPLIT));
            assert!(all.iter().all(|message| message.card.get("refresh").is_some() == (all.len() == 1)), "{letter}");
            let alone = render(&card(wanted));
            refusals(&alone, ALONE);
            assert!(alone.card.get("refresh").is_some(), "what is one message is asked for, however long it is");
        }
    }
}

#[test]
fn what_twenty_messages_leave_out_is_counted() {
    for letter in ["x", "日", "🎉", "\""] {
        let all = messages(&Card::new("").text(sized(letter, 300_000)));
        all.iter().for_each(|message| refusals(message, SPLIT));
        assert_eq!(all.len(), 20);
        let (seen, told) = seen_and_told(&seen(&all));
        assert_eq!((seen + told, told > 0), (300_000, true), "{letter}");
    }
}

#[test]
fn the_plain_text_and_the_headline_are_whole_at_their_limit_and_count_what_they_leave_out_beyond() {
    for (letter, bytes) in [("x", 2), ("é", 2), ("日", 3), ("🎉", 4), ("\"", 4)] {
        for wanted in [PLAIN / bytes, PLAIN / bytes + 1] {
            let text = sized(letter, wanted);
            let is_whole = wanted * bytes <= PLAIN;
            for said in [render(&Card::new("").text(text.as_str())).text, headline(&Card::new(text.as_str()))] {
                assert_eq!((said == text, said.ends_with(" more characters)")), (is_whole, !is_whole), "{letter}");
                assert!(SIZES.size(&said) <= PLAIN, "{letter}");
            }
        }
    }
}
