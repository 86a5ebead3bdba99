//! What cards become, with a checker written from the schema of Adaptive Cards 1.5, which shares no code with the
//! renderer.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::card::{Action, Block, ButtonStyle, Choice, Fact, Tone};

/// What the only message of a card has as its body.
#[track_caller]
fn check(card: Card, wanted: Value) {
    let all = messages(&card);
    assert_eq!(all.len(), 1, "one message");
    assert_eq!(all[0], render(&card));
    assert_eq!(all[0].card["body"], wanted);
    refusals(&all[0], MOST_SPLIT);
}

fn button(label: &str, token: &str, style: ButtonStyle) -> Action {
    Action::Button { label: label.into(), token: token.into(), style }
}

fn menu(label: &str, token: &str, entries: usize) -> Action {
    let options = (0..entries).map(|n| Choice { label: format!("entry {n}"), value: format!("v{n}") }).collect();
    Action::Menu { label: label.into(), token: token.into(), options }
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
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

// The checker.

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// All values under a key, in order, but nothing of a fallback.
fn collect(value: &Value, wanted: &str, out: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter().filter(|(key, _)| *key != "fallback") {
                if key == wanted {
                    out.push(inner.clone());
                }
                collect(inner, wanted, out);
            }
        }
        Value::Array(values) => values.iter().for_each(|inner| collect(inner, wanted, out)),
        _ => {}
    }
}

/// Every character of Unicode's property `Bidi_Control`.
fn turns_the_order(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn normal(text: &str) -> String {
    text.chars()
        .filter(|&c| !c.is_whitespace() && c != '\u{200B}')
        .map(|c| if c.is_control() || turns_the_order(c) { '\u{FFFD}' } else { c })
        .collect()
}

/// Everything that a reader sees, without blanks. The order of a table is that of its cells.
fn shown(message: &Rendered) -> String {
    fn texts(value: &Value, out: &mut String) {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields.iter().filter(|(key, _)| *key != "fallback" && *key != "data") {
                    match inner {
                        Value::String(text)
                            if ["text", "title", "value", "altText", "label"].contains(&key.as_str()) =>
                        {
                            out.push_str(text);
                        }
                        other => texts(other, out),
                    }
                }
            }
            // Runs that are bare strings.
            Value::Array(values) => values.iter().for_each(|inner| match inner {
                Value::String(text) => out.push_str(text),
                other => texts(other, out),
            }),
            _ => {}
        }
    }
    let mut out = String::new();
    texts(&message.card["body"], &mut out);
    normal(&out)
}

fn keys(value: &Value, required: &[&str], optional: &[&str]) {
    let fields = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for key in required {
        assert!(fields.contains_key(*key), "no {key} in {value}");
    }
    for key in fields.keys() {
        assert!(required.contains(&key.as_str()) || optional.contains(&key.as_str()), "{key} in {value}");
    }
}

/// A text that shows something and steers nothing.
fn literal_text(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    let steers = |c: char| (c.is_control() && c != '\n') || turns_the_order(c);
    assert!(!text.is_empty() && !text.contains(steers), "{text:?}");
    let upper = text.to_uppercase();
    assert!(!upper.contains("{{DATE(") && !upper.contains("{{TIME("), "a date in {text:?}");
}

/// A text that is read as Markdown and must be none.
fn markdown_text(value: &Value) {
    literal_text(value);
    let text = value.as_str().unwrap();
    assert!(!text.contains(['*', '[', ']', '`', '<', '>', '\\', '\n', '&', '#', '~']), "{text:?}");
    assert!(!text.starts_with('_') && !text.contains(" _"), "{text:?}");
    assert!(!text.starts_with("- ") && !text.starts_with("+ ") && !text.starts_with("--"), "{text:?}");
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    assert!(digits.len() == text.len() || !(digits.starts_with(". ") || digits.starts_with(") ")), "{text:?}");
}

/// Panics on whatever Teams would refuse.
fn refusals(message: &Rendered, most: usize) {
    assert!(!message.text.trim().is_empty());
    let activity = json!({
        "type": "message", "summary": message.text, "attachments": [attachment(&message.card)],
        "from": {"id": "x".repeat(100)}, "recipient": {"id": "x".repeat(100)},
        "conversation": {"id": "x".repeat(200)}, "replyToId": "x".repeat(100),
    })
    .to_string();
    let bytes = activity.len().max(2 * activity.encode_utf16().count());
    assert!(bytes <= most, "{bytes} bytes");
    let card = &message.card;
    keys(card, &["type", "version", "$schema", "fallbackText", "body"], &["msteams"]);
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.5")));
    literal_text(&card["fallbackText"]);
    let has_table = list(&card["body"]).iter().any(|element| element["type"] == "Table");
    assert_eq!(card.get("msteams").is_some(), has_table, "width");
    assert!(!list(&card["body"]).is_empty());
    let mut ids = HashSet::new();
    list(&card["body"]).iter().for_each(|element| check_element(element, &mut ids));
}

fn check_element(element: &Value, ids: &mut HashSet<String>) {
    match element["type"].as_str().unwrap() {
        "TextBlock" => {
            keys(element, &["type", "text", "wrap", "weight", "style"], &["size", "color", "separator"]);
            markdown_text(&element["text"]);
        }
        "RichTextBlock" => {
            keys(element, &["type", "inlines"], &["separator"]);
            assert!(!list(&element["inlines"]).is_empty());
            list(&element["inlines"]).iter().for_each(check_run);
        }
        "FactSet" => {
            keys(element, &["type", "facts"], &["separator"]);
            assert!(!list(&element["facts"]).is_empty());
            for fact in list(&element["facts"]) {
                keys(fact, &["title", "value"], &[]);
                markdown_text(&fact["title"]);
                markdown_text(&fact["value"]);
            }
        }
        "Image" => {
            keys(element, &["type", "url", "altText"], &["separator"]);
            assert!(element["url"].as_str().unwrap().starts_with("https://"));
            literal_text(&element["altText"]);
        }
        "Table" => check_table(element, ids),
        "ActionSet" => {
            keys(element, &["type", "actions"], &[]);
            assert!((1..=6).contains(&list(&element["actions"]).len()));
            list(&element["actions"]).iter().for_each(check_action);
        }
        "Container" => {
            keys(element, &["type", "items"], &[]);
            assert!(!list(&element["items"]).is_empty());
            list(&element["items"]).iter().for_each(|inner| check_element(inner, ids));
        }
        "Input.ChoiceSet" => {
            keys(element, &["type", "id", "style", "label", "placeholder", "choices"], &[]);
            assert!(ids.insert(element["id"].as_str().unwrap().to_owned()), "id twice: {element}");
            assert!((1..=100).contains(&list(&element["choices"]).len()));
            for choice in list(&element["choices"]) {
                keys(choice, &["title", "value"], &[]);
                literal_text(&choice["title"]);
            }
            literal_text(&element["label"]);
        }
        other => panic!("element {other}"),
    }
}

fn check_run(run: &Value) {
    if run.is_string() {
        return literal_text(run);
    }
    keys(run, &["type", "text"], &["weight", "size", "color", "fontType", "isSubtle"]);
    assert_eq!(run["type"], "TextRun");
    literal_text(&run["text"]);
}

fn check_table(table: &Value, ids: &mut HashSet<String>) {
    keys(table, &["type", "columns", "rows", "firstRowAsHeaders", "showGridLines", "fallback"], &["separator"]);
    let columns = list(&table["columns"]).len();
    assert!((1..=20).contains(&columns));
    for row in list(&table["rows"]) {
        keys(row, &["type", "cells"], &[]);
        assert_eq!(list(&row["cells"]).len(), columns);
        for cell in list(&row["cells"]) {
            keys(cell, &["type", "items"], &[]);
            list(&cell["items"]).iter().for_each(|inner| check_element(inner, ids));
        }
    }
    check_element(&table["fallback"], ids);
}

fn check_action(action: &Value) {
    literal_text(&action["title"]);
    assert!(action["title"].as_str().unwrap().chars().filter(|&c| c != '\u{200B}').count() <= 100);
    match action["type"].as_str().unwrap() {
        "Action.Execute" => {
            let optional = ["style", "tooltip", "associatedInputs"];
            keys(action, &["type", "title", "verb", "data", "fallback"], &optional);
            check_action(&action["fallback"]);
            assert_eq!(action["data"], action["fallback"]["data"]);
        }
        "Action.Submit" => {
            keys(action, &["type", "title", "data"], &["associatedInputs"]);
            assert!(action["data"].is_object() && action["data"].get("msteams").is_none());
        }
        "Action.OpenUrl" => {
            keys(action, &["type", "title", "url"], &[]);
            assert!(action["url"].as_str().unwrap().starts_with("https://"));
        }
        other => panic!("action {other}"),
    }
}

// Cards of any kind.

/// Every text of a card that must be seen, apart from labels that may be shortened.
fn sources(card: &Card) -> Vec<&str> {
    let mut all = vec![card.title.as_str(), card.footer.as_deref().unwrap_or_default()];
    for block in &card.blocks {
        match block {
            Block::Text { text } | Block::Heading { text } | Block::Code { text } => all.push(text),
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

fn any_text() -> impl Strategy<Value = String> {
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
    let seed = prop_oneof![
        4 => "[a-z ]{0,12}".prop_map(String::from),
        2 => any::<String>(),
        1 => "[\\x00-\\x1f\\x7f-\\x9f\n ]{0,8}".prop_map(String::from),
        1 => "[🎉👩‍👧é日<&>]{0,10}".prop_map(String::from),
        3 => proptest::sample::select(HOSTILE).prop_map(String::from),
    ];
    (seed, prop_oneof![8 => Just(1_usize), 2 => 1..40_usize, 1 => 1..1_500_usize])
        .prop_map(|(text, times)| text.repeat(times))
}

fn any_block() -> impl Strategy<Value = Block> {
    let texts = |most| vec(any_text(), 0..most);
    let fact = (any_text(), any_text()).prop_map(|(label, value)| Fact { label, value });
    let url = prop_oneof![Just("https://example.com/a".to_owned()), any_text()];
    prop_oneof![
        any_text().prop_map(|text| Block::Text { text }),
        any_text().prop_map(|text| Block::Heading { text }),
        vec(fact, 0..14).prop_map(|facts| Block::Facts { facts }),
        texts(8).prop_map(|items| Block::List { items }),
        (texts(4), vec(texts(5), 0..6)).prop_map(|(columns, rows)| Block::Table { columns, rows }),
        (1..30_usize, 0..150_usize, "[a-z]{0,9}").prop_map(|(columns, rows, cell)| {
            Block::Table { columns: vec![cell.clone(); columns], rows: vec![vec![cell; columns]; rows] }
        }),
        any_text().prop_map(|text| Block::Code { text }),
        (url, any_text()).prop_map(|(url, alt)| Block::Image { url, alt }),
        Just(Block::Divider),
    ]
}

fn any_action() -> impl Strategy<Value = Action> {
    let style = proptest::sample::select(&[ButtonStyle::Plain, ButtonStyle::Primary, ButtonStyle::Danger][..]);
    let choice = || (any_text(), any_text()).prop_map(|(label, value)| Choice { label, value });
    let options = prop_oneof![vec(choice(), 0..6), choice().prop_map(|choice| vec![choice; 130])];
    prop_oneof![
        (any_text(), any_text(), style).prop_map(|(label, token, style)| Action::Button { label, token, style }),
        (any_text(), any_text(), options).prop_map(|(label, token, options)| Action::Menu { label, token, options }),
        (any_text(), any_text()).prop_map(|(label, url)| Action::Link { label, url }),
    ]
}

fn any_card() -> impl Strategy<Value = Card> {
    let tone = proptest::sample::select(&[Tone::Neutral, Tone::Good, Tone::Warning, Tone::Bad][..]);
    let many = prop_oneof![vec(any_block(), 0..10), vec(Just(Block::Divider), 0..120)];
    (any_text(), tone, many, vec(any_action(), 0..30), proptest::option::of(any_text()))
        .prop_map(|(title, tone, blocks, actions, footer)| Card { title, tone, blocks, actions, footer })
}

/// JSON of any shape, often near to what a press looks like.
fn any_json() -> impl Strategy<Value = Value> {
    let name = || proptest::sample::select(&["ai-crm", "token", "input", "menu-0", "msteams"][..]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
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
    fn any_card_is_taken_by_teams_and_shown_whole(card in any_card()) {
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
    fn the_same_card_gives_the_same_messages(card in any_card()) {
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
