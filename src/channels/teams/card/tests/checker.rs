//! A checker written from the schema of Adaptive Cards 1.5, which shares no code with the renderer: what it finds fails
//! the test.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::channels::teams::card::{Rendered, attachment};
use crate::channels::testing::turns_the_order;

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// All values under a key, in order, but nothing of a fallback.
pub(super) fn collect(value: &Value, wanted: &str, out: &mut Vec<Value>) {
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

pub(super) fn normal(text: &str) -> String {
    text.chars()
        .filter(|&c| !c.is_whitespace() && c != '\u{200B}')
        .map(|c| if c.is_control() || turns_the_order(c) { '\u{FFFD}' } else { c })
        .collect()
}

/// Everything that a reader sees, without blanks. The order of a table is that of its cells.
pub(super) fn shown(message: &Rendered) -> String {
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
pub(super) fn refusals(message: &Rendered, most: usize) {
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
    keys(card, &["type", "version", "$schema", "fallbackText", "body"], &["msteams", "refresh"]);
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.5")));
    literal_text(&card["fallbackText"]);
    if let Some(refresh) = card.get("refresh") {
        keys(refresh, &["action"], &[]);
        keys(&refresh["action"], &["type", "title", "verb", "data"], &[]);
        assert_eq!(refresh["action"]["type"], "Action.Execute");
    }
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
