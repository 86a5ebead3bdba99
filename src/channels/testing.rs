//! What tests of every channel's rendering share: cards of any kind, and what must be seen of them.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::card::{Action, Block, ButtonStyle, Card, Choice, Fact, Tone};

/// Texts that a channel might read as more than text.
pub(super) type Hostile = &'static [&'static str];

/// Every character of Unicode's property `Bidi_Control`.
pub(super) fn turns_the_order(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Every text of a card that must be seen, apart from labels that may be shortened.
pub(super) fn sources(card: &Card) -> Vec<&str> {
    let mut all = vec![card.title.as_str(), card.footer.as_deref().unwrap_or_default()];
    for block in &card.blocks {
        match block {
            Block::Text { text } | Block::Heading { text } | Block::Code { text } | Block::Markup { text } => {
                all.push(text)
            }
            Block::Facts { facts } => all.extend(facts.iter().flat_map(|fact| [&*fact.label, &*fact.value])),
            Block::List { items } => all.extend(items.iter().map(String::as_str)),
            Block::Table { columns, rows } => all.extend(rows.iter().flatten().chain(columns).map(String::as_str)),
            Block::Image { alt, .. } => all.push(alt),
            Block::Divider => {}
        }
    }
    all.extend(card.actions.iter().map(|action| match action {
        Action::Button { label, .. } | Action::Menu { label, .. } | Action::Link { label, .. } => label.as_str(),
    }));
    all
}

/// A text of any kind, with some of those in it.
pub(super) fn any_text(hostile: Hostile) -> impl Strategy<Value = String> {
    let seed = prop_oneof![
        4 => "[a-z ]{0,12}".prop_map(String::from),
        2 => any::<String>(),
        1 => "[\\x00-\\x1f\\x7f-\\x9f\n ]{0,8}".prop_map(String::from),
        1 => "[🎉👩‍👧é日<&>]{0,10}".prop_map(String::from),
        3 => proptest::sample::select(hostile).prop_map(String::from),
    ];
    (seed, prop_oneof![8 => Just(1_usize), 2 => 1..40_usize, 1 => 1..1_500_usize])
        .prop_map(|(text, times)| text.repeat(times))
}

fn any_block(hostile: Hostile) -> impl Strategy<Value = Block> {
    let texts = move |most| vec(any_text(hostile), 0..most);
    let fact = (any_text(hostile), any_text(hostile)).prop_map(|(label, value)| Fact { label, value });
    let url = prop_oneof![Just("https://example.com/a".to_owned()), any_text(hostile)];
    prop_oneof![
        any_text(hostile).prop_map(|text| Block::Text { text }),
        any_text(hostile).prop_map(|text| Block::Heading { text }),
        vec(fact, 0..14).prop_map(|facts| Block::Facts { facts }),
        texts(8).prop_map(|items| Block::List { items }),
        (texts(4), vec(texts(5), 0..6)).prop_map(|(columns, rows)| Block::Table { columns, rows }),
        (1..30_usize, 0..250_usize, "[a-z]{0,9}").prop_map(|(columns, rows, cell)| {
            Block::Table { columns: vec![cell.clone(); columns], rows: vec![vec![cell; columns]; rows] }
        }),
        any_text(hostile).prop_map(|text| Block::Code { text }),
        (url, any_text(hostile)).prop_map(|(url, alt)| Block::Image { url, alt }),
        Just(Block::Divider),
    ]
}

fn any_action(hostile: Hostile) -> impl Strategy<Value = Action> {
    let style = proptest::sample::select(&[ButtonStyle::Plain, ButtonStyle::Primary, ButtonStyle::Danger][..]);
    let choice = move || (any_text(hostile), any_text(hostile)).prop_map(|(label, value)| Choice { label, value });
    let options = prop_oneof![vec(choice(), 0..6), choice().prop_map(|choice| vec![choice; 130])];
    prop_oneof![
        (any_text(hostile), any_text(hostile), style).prop_map(|(label, token, style)| Action::Button {
            label,
            token,
            style
        }),
        (any_text(hostile), any_text(hostile), options).prop_map(|(label, token, options)| Action::Menu {
            label,
            token,
            options
        }),
        (any_text(hostile), any_text(hostile)).prop_map(|(label, url)| Action::Link { label, url }),
    ]
}

/// A card of any kind.
pub(super) fn any_card(hostile: Hostile) -> impl Strategy<Value = Card> {
    let tone = proptest::sample::select(&[Tone::Neutral, Tone::Good, Tone::Warning, Tone::Bad][..]);
    let many = prop_oneof![vec(any_block(hostile), 0..10), vec(Just(Block::Divider), 0..120)];
    (any_text(hostile), tone, many, vec(any_action(hostile), 0..30), proptest::option::of(any_text(hostile))).prop_map(
        |(title, tone, blocks, actions, footer)| Card { title, tone, blocks, actions, footer, ..Card::default() },
    )
}

/// How much of a text is seen and how much is said to be missing.
pub(super) fn seen_and_told(seen: &str) -> (usize, usize) {
    let Some((text, notice)) = seen.split_once("…(") else { return (seen.chars().count(), 0) };
    let digits: String = notice.chars().take_while(char::is_ascii_digit).collect();
    (text.chars().count(), digits.parse().unwrap())
}

/// The largest size below `bad` that passes, where all smaller ones do.
pub(super) fn largest(mut bad: usize, passes: impl Fn(usize) -> bool) -> usize {
    let mut good = 1;
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if passes(middle) { good = middle } else { bad = middle }
    }
    good
}

/// A place for a text, and a card with the text there.
pub(super) type Place = (&'static str, fn(String) -> Card);

pub(super) const PLACES: [Place; 14] = [
    ("title", Card::new),
    ("title with a mark", |text| Card::new(text).tone(Tone::Warning)),
    ("paragraph", |text| Card::new("").text(text)),
    ("heading", |text| Card::new("").block(Block::Heading { text })),
    ("code", |text| Card::new("").block(Block::Code { text })),
    ("item", |text| Card::new("").block(Block::List { items: vec![text] })),
    ("label of a fact", |text| Card::new("").facts([(text, "value")])),
    ("value of a fact", |text| Card::new("").facts([("label", text)])),
    ("cell", |text| Card::new("").block(Block::Table { columns: strings(&["Id"]), rows: vec![vec![text]] })),
    ("description of an image", |alt| Card::new("").block(Block::Image { url: "https://example.com/a".into(), alt })),
    ("button", |text| Card::new("").action(button(&text, "t", ButtonStyle::Plain))),
    ("link", |label| Card::new("").action(Action::Link { label, url: "https://example.com/a".into() })),
    ("menu", |text| Card::new("").action(menu(&text, "t", 1))),
    ("footer", |text| Card::new("").footer(text)),
];

/// A button.
pub(super) fn button(label: &str, token: &str, style: ButtonStyle) -> Action {
    Action::Button { label: label.into(), token: token.into(), style }
}

/// A menu of so many entries.
pub(super) fn menu(label: &str, token: &str, entries: usize) -> Action {
    let options = (0..entries).map(|n| Choice { label: format!("entry {n}"), value: format!("v{n}") }).collect();
    Action::Menu { label: label.into(), token: token.into(), options }
}

/// Texts of a row.
pub(super) fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}
