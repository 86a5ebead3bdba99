//! What cards become. `checker` judges cards of any kind.

mod checker;
mod limits;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use checker::{collect, list, normal, refusals, shown};

use super::*;
use crate::channels::testing::{any_card, any_text, button, menu, sources, strings};
use crate::domain::card::{Action, Block, ButtonStyle, Choice, Tone};

/// What the only message of a card has as its body.
#[track_caller]
fn check(card: Card, wanted: Value) {
    let all = messages(&card);
    assert_eq!(all.len(), 1, "one message");
    assert_eq!(all[0], render(&card));
    assert_eq!(all[0].card["body"], wanted);
    refusals(&all[0], MOST_SPLIT);
}

fn plain(text: &str) -> Value {
    json!({"type": "RichTextBlock", "inlines": [text]})
}

fn small(text: &str) -> Value {
    json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, "size": "Small", "isSubtle": true}]})
}

fn pressable(title: &str, data: Value) -> Value {
    json!({
        "type": "Action.Execute", "title": title, "verb": "ai-crm", "data": data, "associatedInputs": "none",
        "fallback": {"type": "Action.Submit", "title": title, "data": data, "associatedInputs": "none"},
    })
}

#[test]
fn title_paragraph_and_footer() {
    check(
        Card::new("Task T-12 created").tone(Tone::Good).text("Fix *login* & <logout>\nsoon").footer("from chat"),
        json!([
            {"type": "TextBlock", "text": "✅ Task T-12 created", "weight": "Bolder", "size": "Medium", "wrap": true,
             "style": "heading", "color": "Good"},
            plain("Fix *login* & <logout>\nsoon"),
            small("from chat"),
        ]),
    );
}

#[test]
fn a_title_that_markdown_would_change_is_a_run() {
    let run = json!({"type": "TextRun", "text": "⛔ [a](http://b) {\u{200B}{DATE(x)}}", "weight": "Bolder", "size": "Medium",
                     "color": "Attention"});
    check(Card::new("[a](http://b) {{DATE(x)}}").tone(Tone::Bad), json!([{"type": "RichTextBlock", "inlines": [run]}]));
}

#[test]
fn facts_are_columns_unless_markdown_would_change_one() {
    check(
        Card::new("").facts([("Status", "in_progress"), ("Due", "2026-12-01")]),
        json!([{"type": "FactSet", "facts": [
            {"title": "Status", "value": "in_progress"}, {"title": "Due", "value": "2026-12-01"}]}]),
    );
    let bold = |text: &str| json!({"type": "TextRun", "text": text, "weight": "Bolder"});
    check(
        Card::new("").facts([("Status", "todo"), ("Note", "*urgent*\n- x")]),
        json!([
            {"type": "RichTextBlock", "inlines": [bold("Status: "), "todo"]},
            {"type": "RichTextBlock", "inlines": [bold("Note:\n"), "*urgent*\n- x"]},
        ]),
    );
}

#[test]
fn headings_lists_code_images_and_dividers() {
    check(
        Card::new("")
            .block(Block::Heading { text: "Next".into() })
            .block(Block::List { items: strings(&["one", "two\nlines", " "]) })
            .block(Block::Code { text: "  task create \"<title>\"".into() })
            .block(Block::Divider)
            .block(Block::Divider)
            .block(Block::Image { url: "https://example.com/a.png".into(), alt: "a chart".into() })
            .block(Block::Image { url: "http://example.com/a.png".into(), alt: "plain http".into() })
            .block(Block::Divider),
        json!([
            {"type": "TextBlock", "text": "Next", "weight": "Bolder", "size": "Default", "wrap": true, "style": "heading"},
            plain("• one\n• two\n\u{A0}\u{A0}\u{A0}lines"),
            {"type": "RichTextBlock", "inlines": [
                {"type": "TextRun", "text": "\u{A0}\u{A0}task create \"<title>\"", "fontType": "Monospace"}]},
            {"type": "Image", "url": "https://example.com/a.png", "altText": "a chart", "separator": true},
            plain("plain http http://example.com/a.png"),
        ]),
    );
}

#[test]
fn a_table_without_words_is_one_all_the_same() {
    for rows in [vec![], vec![vec![String::new()]]] {
        let card = Card::new("").block(Block::Table { columns: vec![String::new()], rows });
        messages(&card).iter().for_each(|rendered| refusals(rendered, MOST_SPLIT));
    }
}

#[test]
fn a_table_has_a_head_and_its_rows_as_text_for_other_clients() {
    let cell = |text: &str| json!({"type": "TableCell", "items": [plain(text)]});
    let head = |text: &str| {
        let run = json!({"type": "TextRun", "text": text, "weight": "Bolder"});
        json!({"type": "TableCell", "items": [{"type": "RichTextBlock", "inlines": [run]}]})
    };
    let card = Card::new("").block(Block::Table {
        columns: strings(&["Id", "Who"]),
        rows: vec![strings(&["T-1 *x*", ""]), strings(&["T-2"])],
    });
    check(
        card.clone(),
        json!([{
            "type": "Table", "columns": [{"width": 10}, {"width": 9}], "firstRowAsHeaders": true, "showGridLines": true,
            "rows": [
                {"type": "TableRow", "cells": [head("Id"), head("Who")]},
                {"type": "TableRow", "cells": [cell("T-1 *x*"), cell("\u{A0}")]},
                {"type": "TableRow", "cells": [cell("T-2"), cell("\u{A0}")]},
            ],
            "fallback": {"type": "Container", "items": [plain("Id · Who\nT-1 *x* · \nT-2 · ")]},
        }]),
    );
    assert_eq!(render(&card).card["msteams"], json!({"width": "Full"}));
    assert_eq!(render(&Card::new("x")).card.get("msteams"), None);
}

#[test]
fn actions_carry_their_tokens_and_menus_name_their_input() {
    let styled = |title: &str, token: &str, style: &str| {
        let mut action = pressable(title, json!({"ai-crm": {"token": token}}));
        action["style"] = json!(style);
        action
    };
    let data = json!({"ai-crm": {"token": "tok-3", "input": "menu-3"}});
    check(
        Card::new("")
            .action(button("Start", "tok-1", ButtonStyle::Primary))
            .action(button("Drop", "tok-2", ButtonStyle::Danger))
            .action(Action::Link { label: "Open".into(), url: "https://example.com/t?a=1&b=2".into() })
            .action(menu("Assign to", "tok-3", 2))
            .action(button("Later", "tok-4", ButtonStyle::Plain)),
        json!([
            {"type": "ActionSet", "actions": [
                styled("Start", "tok-1", "positive"),
                styled("Drop", "tok-2", "destructive"),
                {"type": "Action.OpenUrl", "title": "Open", "url": "https://example.com/t?a=1&b=2"},
            ]},
            {"type": "Container", "items": [
                {"type": "Input.ChoiceSet", "id": "menu-3", "style": "compact", "label": "Assign to",
                 "placeholder": "Assign to", "choices": [
                    {"title": "entry 0", "value": "v0"}, {"title": "entry 1", "value": "v1"}]},
                {"type": "ActionSet", "actions": [{
                    "type": "Action.Execute", "title": "Set", "verb": "ai-crm", "data": data, "tooltip": "Set Assign to",
                    "fallback": {"type": "Action.Submit", "title": "Set", "data": data}}]},
            ]},
            {"type": "ActionSet", "actions": [pressable("Later", json!({"ai-crm": {"token": "tok-4"}}))]},
        ]),
    );
}

#[test]
fn every_button_comes_back_as_its_own() {
    let card = Card::new("").action(menu("A", "tok-a", 3)).action(menu("B", "tok-b", 3)).action(button(
        "Go",
        "tok-c",
        ButtonStyle::Plain,
    ));
    let mut actions = Vec::new();
    collect(&render(&card).card["body"], "actions", &mut actions);
    let actions: Vec<Value> = actions.into_iter().flat_map(|list| list.as_array().cloned().unwrap()).collect();
    for (action, token, choice) in
        [(&actions[0], "tok-a", Some("v1")), (&actions[1], "tok-b", Some("v2")), (&actions[2], "tok-c", None)]
    {
        // As clients do: the inputs of the whole card beside the button's own data.
        let mut data = action["data"].clone();
        data["menu-0"] = json!("v1");
        data["menu-1"] = json!("v2");
        let wanted = Pressed { token: token.into(), choice: choice.map(str::to_owned) };
        assert_eq!(pressed(&data), Some(wanted));
        assert_eq!(action["data"], action["fallback"]["data"]);
    }
}

#[test]
fn what_teams_cannot_offer_is_said() {
    for (card, wanted) in [
        (Card::new("").action(menu("Agents", "m", 150)), "… and 50 more in “Agents”"),
        (Card::new("").action(button("Go", &"x".repeat(601), ButtonStyle::Plain)), "Go (cannot be pressed here)"),
        (Card::new("").action(menu("Agents", "m", 0)), "Agents (nothing can be chosen here)"),
        (Card::new("").action(button(&"long ".repeat(40), "t", ButtonStyle::Plain)), "long long long"),
        (Card::new("").action(Action::Link { label: "L".into(), url: "javascript:x".into() }), "L: javascript:x"),
        (Card::new(""), "(empty message)"),
    ] {
        let rendered = render(&card);
        refusals(&rendered, MOST_SPLIT);
        assert!(shown(&rendered).contains(&normal(wanted)), "{wanted}: {}", rendered.card);
    }
}

#[test]
fn a_row_has_at_most_six_buttons() {
    let mut card = Card::new("");
    for n in 0..14 {
        card = card.action(button(&format!("B{n}"), &format!("t{n}"), ButtonStyle::Plain));
    }
    let body = render(&card).card["body"].clone();
    let sizes: Vec<usize> = list(&body).iter().map(|set| list(&set["actions"]).len()).collect();
    assert_eq!(sizes, [6, 6, 2]);
}

#[test]
fn a_long_title_is_cut_and_follows_whole() {
    let title = "title ".repeat(60);
    let rendered = render(&Card::new(title.as_str()).tone(Tone::Bad));
    let heading = rendered.card["body"][0]["text"].as_str().unwrap();
    assert!(heading.starts_with("⛔ title") && heading.ends_with('…'), "{heading}");
    assert_eq!(rendered.card["body"][1], plain(title.trim()));
}

#[test]
fn a_long_table_goes_on_under_its_head_and_actions_stand_last() {
    let rows = (0..100).map(|n| vec![format!("T-{n}"), "x".repeat(20)]).collect();
    let columns = strings(&["Id", "What"]);
    let card = Card::new("Tasks").block(Block::Table { columns, rows }).action(button("Next", "t", ButtonStyle::Plain));
    let all = messages(&card);
    assert!(all.len() > 1);
    for (index, message) in all.iter().enumerate() {
        refusals(message, MOST_SPLIT);
        let body = list(&message.card["body"]);
        let table = body.iter().find(|element| element["type"] == "Table").unwrap();
        assert_eq!(table["rows"][0]["cells"][0]["items"][0]["inlines"][0]["text"], "Id");
        let has_actions = body.iter().any(|element| element["type"] == "ActionSet");
        assert_eq!(has_actions, index + 1 == all.len(), "actions on message {index}");
    }
    assert_eq!(all[1].card["body"][0], small(&format!("Tasks (2 of {})", all.len())));
    assert!(all[1].text.starts_with("Tasks (2 of "), "{}", all[1].text);
    let alone = render(&card);
    refusals(&alone, MOST_ALONE);
    assert!(shown(&alone).contains("T-99"), "what fits into one message of the larger size is whole");
}

#[test]
fn the_only_message_keeps_actions_and_counts_what_is_missing() {
    let card = Card::new("Log").text("line of text\n".repeat(9_000)).action(button("More", "t", ButtonStyle::Plain));
    let rendered = render(&card);
    refusals(&rendered, MOST_ALONE);
    let body = list(&rendered.card["body"]);
    assert_eq!(body.last().unwrap()["type"], "ActionSet");
    let notice = body[body.len() - 2]["inlines"][0]["text"].as_str().unwrap();
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
    all.iter().for_each(|message| refusals(message, MOST_SPLIT));
    assert!(all.iter().any(|message| shown(message).contains(&normal("more characters)"))));
    refusals(&render(&card), MOST_ALONE);
}

#[test]
fn the_plain_text_says_the_same_and_the_fallback_shows_it() {
    let card = Card::new("Deploy *now*").tone(Tone::Warning).text("[a](http://b)\nnext").facts([("Who", "Ann")]);
    let rendered = render(&card);
    assert_eq!(rendered.text, "⚠️ Deploy *now*\n[a](http://b)\nnext\nWho: Ann");
    assert_eq!(rendered.card["fallbackText"], "⚠️ Deploy \\*now\\*\n\n\\[a\\]\\(http://b\\)\n\nnext\n\nWho: Ann");
    for letter in ["日", "*", "🎉", "x", "\""] {
        let rendered = render(&Card::new("t").text(letter.repeat(9_000)));
        assert!(rendered.text.ends_with(" more characters)"), "{letter}: {}", rendered.text);
    }
}

#[test]
fn an_attachment_says_what_it_is() {
    assert_eq!(
        attachment(&json!({"type": "AdaptiveCard"})),
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}})
    );
}

/// What Teams might read as more than text.
const HOSTILE: &[&str] = &[
    "<at>Bob</at>",
    "*b* _i_ ~~s~~ `c`",
    "[a](https://evil.example)",
    "- item",
    "1. item",
    "> q",
    "{{DATE(2017-02-14T06:08:39Z, LONG)}}",
    "{{{time(",
    "&lt;b&gt;",
    "<b>x</b>",
    "\\",
    "\"",
    "a\n\nb",
    "\u{202e}x\u{2066}\u{200f}1 - 2",
];

/// JSON of any shape, often near to what a press looks like.
fn any_json() -> impl Strategy<Value = Value> {
    let name = || proptest::sample::select(&["ai-crm", "token", "input", "menu-0", "msteams"][..]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any_text(HOSTILE).prop_map(Value::from),
        name().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_card_is_taken_by_teams_and_shown_whole(card in any_card(HOSTILE)) {
        let all = messages(&card);
        all.iter().for_each(|message| refusals(message, MOST_SPLIT));
        refusals(&render(&card), MOST_ALONE);
        prop_assert!(all.len() <= MOST_MESSAGES);
        let seen: String = all.iter().enumerate().map(|(index, message)| {
            let mut card = message.card.clone();
            if index > 0 {
                // The line that says which part this is stands between two halves of a text.
                card["body"].as_array_mut().expect("a body").remove(0);
            }
            shown(&Rendered { text: String::new(), card })
        }).collect();
        let is_shortened = seen.contains("morecharacters)") || seen.contains("moreblocksofbuttons");
        for source in sources(&card) {
            prop_assert!(is_shortened || seen.contains(&normal(source)), "lost: {:?}", source);
        }
        prop_assert!(all.len() == 1 || all.len() == MOST_MESSAGES || !is_shortened
            || sources(&card).iter().any(|source| source.contains("more")), "shortened without need");
    }

    #[test]
    fn the_same_card_gives_the_same_messages(card in any_card(HOSTILE)) {
        prop_assert_eq!(messages(&card), messages(&card));
    }

    #[test]
    fn a_press_of_any_shape_is_read_or_left(data in any_json()) {
        if let Some(press) = pressed(&data) {
            prop_assert!((1..=600).contains(&press.token.len()));
            prop_assert!(press.choice.is_none_or(|choice| (1..=256).contains(&choice.len())));
        }
    }
}
