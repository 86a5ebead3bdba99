//! The rules of one block: which fields it has, how long and how many they may be.
//!
//! From docs.slack.dev/reference/block-kit/blocks. A new kind of block is one arm in `check`.

use serde_json::Value;

use super::elements;
use super::limits::{Findings, Surface};

/// Checks one block and all in it.
pub(super) fn check(findings: &mut Findings, block: &Value, at: &str, surface: Surface) {
    let Some(kind) = block["type"].as_str() else {
        findings.add(at, "missing required field: type");
        return;
    };
    if let Some(id) = block["block_id"].as_str()
        && id.chars().count() > 255
    {
        findings.add(&format!("{at}/block_id"), "must be less than 256 characters");
    }
    match kind {
        "section" => section(findings, block, at),
        "header" => {
            findings.only(block, at, &["type", "block_id", "text", "level"]);
            findings.require(block, at, &["text"]);
            plain_text(findings, block, at, "text", 150);
        }
        "divider" => findings.only(block, at, &["type", "block_id"]),
        "image" => image(findings, block, at),
        "context" => context(findings, block, at),
        "actions" => actions(findings, block, at),
        "input" => input(findings, block, at),
        "table" if surface == Surface::Message => table(findings, block, at),
        "markdown" if surface == Surface::Message => {
            findings.only(block, at, &["type", "block_id", "text"]);
            findings.require(block, at, &["text"]);
            findings.text(block, at, "text", 12_000);
        }
        "rich_text" => findings.require(block, at, &["elements"]),
        // Their contents are not checked: no channel of ours makes them, people's clients do.
        "video" | "file" | "call" | "card" | "carousel" | "plan" | "task_card" | "data_table" | "context_actions"
        | "alert" => {}
        other => findings.add(&format!("{at}/type"), format_args!("unsupported type: {other}")),
    }
}

/// Every `action_id` that an application gave within a block.
pub(super) fn action_ids(block: &Value) -> impl Iterator<Item = &str> {
    let many = block["elements"].as_array().into_iter().flatten();
    many.chain(block.get("accessory")).chain(block.get("element")).filter_map(|element| element["action_id"].as_str())
}

/// Checks a text object of either kind.
pub(super) fn any_text(findings: &mut Findings, holder: &Value, at: &str, name: &str, most: usize) {
    text_object(findings, holder, at, name, most, &["plain_text", "mrkdwn"]);
}

/// Checks a text object that must be plain.
pub(super) fn plain_text(findings: &mut Findings, holder: &Value, at: &str, name: &str, most: usize) {
    text_object(findings, holder, at, name, most, &["plain_text"]);
}

fn text_object(findings: &mut Findings, holder: &Value, at: &str, name: &str, most: usize, kinds: &[&str]) {
    if let Some(object) = holder.get(name) {
        text_value(findings, object, &format!("{at}/{name}"), most, kinds);
    }
}

fn text_value(findings: &mut Findings, object: &Value, at: &str, most: usize, kinds: &[&str]) {
    if !object.is_object() {
        findings.add(at, "must provide an object");
        return;
    }
    let kind = object["type"].as_str().unwrap_or_default();
    if !kinds.contains(&kind) {
        findings.add(&format!("{at}/type"), format_args!("unsupported type: {kind}"));
    }
    let known: &[&str] = if kind == "mrkdwn" { &["type", "text", "verbatim"] } else { &["type", "text", "emoji"] };
    findings.only(object, at, known);
    findings.require(object, at, &["text"]);
    findings.text(object, at, "text", most);
}

fn section(findings: &mut Findings, block: &Value, at: &str) {
    findings.only(block, at, &["type", "block_id", "text", "fields", "accessory", "expand"]);
    if block.get("text").is_none() && block.get("fields").is_none() {
        findings.add(at, "must define either `text` or `fields`");
    }
    any_text(findings, block, at, "text", 3000);
    for (index, field) in findings.list(block, at, "fields", 10).iter().enumerate() {
        text_value(findings, field, &format!("{at}/fields/{index}"), 2000, &["plain_text", "mrkdwn"]);
    }
    if let Some(accessory) = block.get("accessory") {
        elements::check(findings, accessory, &format!("{at}/accessory"), elements::Place::Accessory);
    }
}

fn image(findings: &mut Findings, block: &Value, at: &str) {
    findings.only(block, at, &["type", "block_id", "image_url", "slack_file", "alt_text", "title"]);
    findings.require(block, at, &["alt_text"]);
    if block.get("image_url").is_none() && block.get("slack_file").is_none() {
        findings.add(at, "must define either `image_url` or `slack_file`");
    }
    findings.text(block, at, "image_url", 3000);
    findings.text(block, at, "alt_text", 2000);
    plain_text(findings, block, at, "title", 2000);
}

fn context(findings: &mut Findings, block: &Value, at: &str) {
    findings.only(block, at, &["type", "block_id", "elements"]);
    findings.require(block, at, &["elements"]);
    for (index, element) in findings.list(block, at, "elements", 10).iter().enumerate() {
        let at = format!("{at}/elements/{index}");
        if element["type"] == "image" {
            elements::check(findings, element, &at, elements::Place::Context);
        } else {
            text_value(findings, element, &at, 3000, &["plain_text", "mrkdwn"]);
        }
    }
}

fn actions(findings: &mut Findings, block: &Value, at: &str) {
    findings.only(block, at, &["type", "block_id", "elements"]);
    findings.require(block, at, &["elements"]);
    for (index, element) in findings.list(block, at, "elements", 25).iter().enumerate() {
        elements::check(findings, element, &format!("{at}/elements/{index}"), elements::Place::Actions);
    }
}

fn input(findings: &mut Findings, block: &Value, at: &str) {
    findings.only(block, at, &["type", "block_id", "label", "element", "hint", "optional", "dispatch_action"]);
    findings.require(block, at, &["label", "element"]);
    plain_text(findings, block, at, "label", 2000);
    plain_text(findings, block, at, "hint", 2000);
    if let Some(element) = block.get("element") {
        elements::check(findings, element, &format!("{at}/element"), elements::Place::Input);
    }
}

fn table(findings: &mut Findings, block: &Value, at: &str) {
    findings.only(block, at, &["type", "block_id", "rows", "column_settings"]);
    findings.require(block, at, &["rows"]);
    for (index, row) in findings.list(block, at, "rows", 100).iter().enumerate() {
        let at = format!("{at}/rows/{index}");
        let Some(cells) = row.as_array() else {
            findings.add(&at, "must provide an array");
            continue;
        };
        if cells.len() > 20 {
            findings.add(&at, "no more than 20 items allowed");
        }
        for (column, cell) in cells.iter().enumerate() {
            let at = format!("{at}/{column}");
            match cell["type"].as_str() {
                Some("raw_text") => {
                    findings.require(cell, &at, &["text"]);
                    findings.text(cell, &at, "text", usize::MAX - 1);
                }
                Some("rich_text") => findings.require(cell, &at, &["elements"]),
                _ => findings.add(&at, "must be of type raw_text or rich_text"),
            }
        }
    }
    for (index, setting) in findings.list(block, at, "column_settings", 20).iter().enumerate() {
        let align = setting.get("align").and_then(Value::as_str).unwrap_or("left");
        if !matches!(align, "left" | "center" | "right") {
            findings.add(&format!("{at}/column_settings/{index}/align"), "must be left, center or right");
        }
    }
}
