//! What Slack takes as a message or a view: counts, lengths, and ids that may stand only once.
//!
//! This file owns the rules over the whole; `blocks.rs` owns those of one block and
//! `elements.rs` those of what stands in a block. Findings read as Slack's do:
//! `[ERROR] what [json-pointer:where]`. A new rule is one line there and one row in the tests.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::Value;

use super::blocks;

/// Characters of a message's text; Slack cuts off what is beyond.
pub const MESSAGE_TEXT: usize = 40_000;
/// Bytes of text, escapes included, that `chat.update` takes before `msg_too_long`. Undocumented; seen in
/// gitlab-org/gitlab!258898 and F3-Nation/archive-slackblast#64.
pub const UPDATED_TEXT_BYTES: usize = 4_000;
/// Blocks of a message.
pub const MESSAGE_BLOCKS: usize = 50;
/// Blocks of a modal or a home tab.
pub const VIEW_BLOCKS: usize = 100;
/// Characters over all blocks of a message (slackapi/bolt-js#2509; undocumented).
pub const ALL_BLOCKS_TEXT: usize = 13_200;
/// Characters over all markdown blocks of a message.
pub const ALL_MARKDOWN: usize = 12_000;

/// Characters of `markdown_text` in one call of a stream (docs.slack.dev/reference/methods/chat.startStream).
pub const STREAMED_MARKDOWN: usize = 12_000;

/// Why Slack does not take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Slack's word for it.
    pub error: &'static str,
    /// What and where, one line each.
    pub messages: Vec<String>,
}

/// The list of what is wrong, as it grows.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<String>);

impl Findings {
    pub(super) fn add(&mut self, at: &str, what: impl Display) {
        self.0.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    /// The text at `name`, if it is there and is one; adds what is wrong with its length.
    pub(super) fn text<'a>(&mut self, holder: &'a Value, at: &str, name: &str, most: usize) -> Option<&'a str> {
        let value = holder.get(name)?;
        let at = format!("{at}/{name}");
        let Some(text) = value.as_str() else {
            self.add(&at, "must provide a string");
            return None;
        };
        self.length(text, &at, most);
        Some(text)
    }

    pub(super) fn length(&mut self, text: &str, at: &str, most: usize) {
        if text.is_empty() {
            self.add(at, "must be more than 0 characters");
        } else if text.chars().count() > most {
            self.add(at, format_args!("must be less than {} characters", most + 1));
        }
    }

    /// The list at `name` with its length within bounds.
    pub(super) fn list<'a>(&mut self, holder: &'a Value, at: &str, name: &str, most: usize) -> &'a [Value] {
        let Some(value) = holder.get(name) else { return &[] };
        let at = format!("{at}/{name}");
        let Some(items) = value.as_array() else {
            self.add(&at, "must provide an array");
            return &[];
        };
        if items.is_empty() {
            self.add(&at, "no less than 1 items allowed");
        } else if items.len() > most {
            self.add(&at, format_args!("no more than {most} items allowed"));
        }
        items
    }

    pub(super) fn require(&mut self, holder: &Value, at: &str, names: &[&str]) {
        for name in names.iter().filter(|name| holder.get(**name).is_none()) {
            self.add(at, format_args!("missing required field: {name}"));
        }
    }

    /// Slack refuses properties that it does not know.
    pub(super) fn only(&mut self, holder: &Value, at: &str, known: &[&str]) {
        let names = holder.as_object().into_iter().flat_map(|fields| fields.keys());
        for name in names.filter(|name| !known.contains(&name.as_str())) {
            self.add(at, format_args!("invalid additional property: {name}"));
        }
    }
}

/// Where blocks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Message,
    View,
}

/// Checks the blocks of a message.
///
/// # Errors
/// `invalid_blocks`, `only_one_table_allowed` or `msg_blocks_too_long`.
pub fn check_message_blocks(list: &[Value]) -> Result<(), Breach> {
    let mut findings = Findings::default();
    if list.len() > MESSAGE_BLOCKS {
        findings.add("/blocks", format_args!("no more than {MESSAGE_BLOCKS} items allowed"));
    }
    check_blocks(&mut findings, list, Surface::Message);
    let markdown: usize =
        of_type(list, "markdown").filter_map(|block| block["text"].as_str()).map(|t| t.chars().count()).sum();
    if markdown > ALL_MARKDOWN {
        findings
            .add("/blocks", format_args!("markdown blocks must be less than {} characters in all", ALL_MARKDOWN + 1));
    }
    if !findings.0.is_empty() {
        return Err(Breach { error: "invalid_blocks", messages: findings.0 });
    }
    if of_type(list, "table").count() > 1 {
        return Err(Breach { error: "only_one_table_allowed", messages: Vec::new() });
    }
    if list.iter().map(characters).sum::<usize>() > ALL_BLOCKS_TEXT {
        return Err(Breach { error: "msg_blocks_too_long", messages: Vec::new() });
    }
    Ok(())
}

/// Checks a view that is to be opened, or published as a Home.
///
/// # Errors
/// `invalid_arguments`, with every finding.
pub fn check_view(view: &Value) -> Result<(), Breach> {
    let mut findings = Findings::default();
    let kind = view["type"].as_str().unwrap_or_default();
    if !matches!(kind, "modal" | "home") {
        findings.add("/view/type", format_args!("unsupported type: {kind}"));
    }
    findings.require(view, "/view", if kind == "modal" { &["title", "blocks"] } else { &["blocks"] });
    if kind == "home" {
        // From docs.slack.dev/reference/views/home-tab-views.
        findings.only(view, "/view", &["type", "blocks", "private_metadata", "callback_id", "external_id"]);
    }
    for name in ["title", "submit", "close"] {
        blocks::plain_text(&mut findings, view, "/view", name, 24);
    }
    for (name, most) in [("private_metadata", 3000), ("callback_id", 255)] {
        if view[name].as_str().is_some_and(|text| text.chars().count() > most) {
            findings.add(&format!("/view/{name}"), format_args!("must be less than {} characters", most + 1));
        }
    }
    let list = findings.list(view, "/view", "blocks", VIEW_BLOCKS);
    check_blocks(&mut findings, list, Surface::View);
    if kind == "modal" && view.get("submit").is_none() && of_type(list, "input").next().is_some() {
        findings.add("/view", "missing required field: submit");
    }
    if findings.0.is_empty() { Ok(()) } else { Err(Breach { error: "invalid_arguments", messages: findings.0 }) }
}

fn check_blocks(findings: &mut Findings, list: &[Value], surface: Surface) {
    let prefix = if surface == Surface::View { "/view/blocks" } else { "/blocks" };
    let mut ids = BTreeSet::new();
    for (index, block) in list.iter().enumerate() {
        let at = format!("{prefix}/{index}");
        blocks::check(findings, block, &at, surface);
        if let Some(id) = block["block_id"].as_str().filter(|id| !id.is_empty())
            && !ids.insert(id)
        {
            findings.add(&format!("{at}/block_id"), format_args!("`block_id`: \"{id}\" already exists"));
        }
        let mut actions = BTreeSet::new();
        for id in blocks::action_ids(block) {
            if !actions.insert(id) {
                findings.add(&at, format_args!("`action_id`: \"{id}\" already exists for this block"));
            }
        }
    }
}

fn of_type<'a>(list: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    list.iter().filter(move |block| block["type"] == kind)
}

/// The characters of all texts in a block.
fn characters(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, inner)| match inner {
                Value::String(text) if name == "text" => text.chars().count(),
                _ => characters(inner),
            })
            .sum(),
        Value::Array(items) => items.iter().map(characters).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn x(count: usize) -> String {
        "x".repeat(count)
    }

    fn plain(count: usize) -> Value {
        json!({"type": "plain_text", "text": x(count)})
    }

    fn mrkdwn(count: usize) -> Value {
        json!({"type": "mrkdwn", "text": x(count)})
    }

    fn button() -> Value {
        json!({"type": "button", "text": plain(1)})
    }

    fn with(mut value: Value, name: &str, field: Value) -> Value {
        value[name] = field;
        value
    }

    fn section_with(accessory: Value) -> Value {
        json!({"type": "section", "text": mrkdwn(1), "accessory": accessory})
    }

    fn options(count: usize) -> Value {
        (0..count).map(|n| json!({"text": plain(1), "value": n.to_string()})).collect()
    }

    fn select(name: &str, option: Value) -> Value {
        let option = with(json!({"text": plain(1), "value": "v"}), name, option);
        section_with(json!({"type": "static_select", "options": [option]}))
    }

    fn confirm(name: &str, text: Value) -> Value {
        let question = json!({"title": plain(1), "text": plain(1), "confirm": plain(1), "deny": plain(1)});
        section_with(with(button(), "confirm", with(question, name, text)))
    }

    fn repeat(count: usize, value: &Value) -> Value {
        vec![value.clone(); count].into()
    }

    fn one(value: Value) -> Vec<Value> {
        vec![value]
    }

    /// A limit, and how to make blocks of a given size for it.
    type Row = (&'static str, usize, fn(usize) -> Vec<Value>);

    /// A limit of one field, and how to make the field of a given size.
    type Field = (&'static str, usize, fn(usize) -> Value);

    const ROWS: &[Row] = &[
        ("blocks of a message", 50, |n| vec![json!({"type": "divider"}); n]),
        ("section text", 3000, |n| one(json!({"type": "section", "text": mrkdwn(n)}))),
        ("section fields", 10, |n| one(json!({"type": "section", "fields": repeat(n, &mrkdwn(1))}))),
        ("a section field", 2000, |n| one(json!({"type": "section", "fields": [mrkdwn(n)]}))),
        ("header", 150, |n| one(json!({"type": "header", "text": plain(n)}))),
        ("context elements", 10, |n| one(json!({"type": "context", "elements": repeat(n, &mrkdwn(1))}))),
        ("actions elements", 25, |n| one(json!({"type": "actions", "elements": repeat(n, &button())}))),
        ("button text", 75, |n| one(section_with(with(button(), "text", plain(n))))),
        ("button value", 2000, |n| one(section_with(with(button(), "value", json!(x(n)))))),
        ("button url", 3000, |n| one(section_with(with(button(), "url", json!(x(n)))))),
        ("option text", 75, |n| one(select("text", plain(n)))),
        ("option value", 150, |n| one(select("value", json!(x(n))))),
        ("option description", 75, |n| one(select("description", plain(n)))),
        ("options", 100, |n| one(section_with(json!({"type": "static_select", "options": options(n)})))),
        ("option groups", 100, |n| {
            let group = json!({"label": plain(1), "options": options(1)});
            one(section_with(json!({"type": "static_select", "option_groups": repeat(n, &group)})))
        }),
        ("checkboxes", 10, |n| one(section_with(json!({"type": "checkboxes", "options": options(n)})))),
        ("radio buttons", 10, |n| one(section_with(json!({"type": "radio_buttons", "options": options(n)})))),
        ("overflow options", 5, |n| one(section_with(json!({"type": "overflow", "options": options(n)})))),
        ("action_id", 255, |n| one(section_with(with(button(), "action_id", json!(x(n)))))),
        ("block_id", 255, |n| one(json!({"type": "divider", "block_id": x(n)}))),
        ("placeholder", 150, |n| {
            one(section_with(json!({"type": "static_select", "options": options(1), "placeholder": plain(n)})))
        }),
        ("input label", 2000, |n| {
            one(json!({"type": "input", "label": plain(n), "element": {"type": "plain_text_input"}}))
        }),
        ("input hint", 2000, |n| {
            one(json!({"type": "input", "label": plain(1), "hint": plain(n), "element": {"type": "plain_text_input"}}))
        }),
        ("confirm title", 100, |n| one(confirm("title", plain(n)))),
        ("confirm text", 300, |n| one(confirm("text", plain(n)))),
        ("confirm button", 30, |n| one(confirm("confirm", plain(n)))),
        ("deny button", 30, |n| one(confirm("deny", plain(n)))),
        ("image url", 3000, |n| one(json!({"type": "image", "image_url": x(n), "alt_text": "a"}))),
        ("image alt", 2000, |n| one(json!({"type": "image", "image_url": "u", "alt_text": x(n)}))),
        ("image title", 2000, |n| one(json!({"type": "image", "image_url": "u", "alt_text": "a", "title": plain(n)}))),
        ("markdown", 12_000, |n| one(json!({"type": "markdown", "text": x(n)}))),
        ("markdown in two blocks", 12_000, |n| {
            vec![json!({"type": "markdown", "text": x(6000)}), json!({"type": "markdown", "text": x(n - 6000)})]
        }),
        ("table rows", 100, |n| {
            let row = json!([{"type": "raw_text", "text": "x"}]);
            one(json!({"type": "table", "rows": repeat(n, &row)}))
        }),
        ("table cells", 20, |n| {
            let cell = json!({"type": "raw_text", "text": "x"});
            one(json!({"type": "table", "rows": [repeat(n, &cell)]}))
        }),
        ("all texts together", 13_200, |n| {
            let whole = vec![json!({"type": "section", "text": mrkdwn(3000)}); n / 3000];
            whole.into_iter().chain([json!({"type": "section", "text": mrkdwn(n % 3000)})]).collect()
        }),
    ];

    #[test]
    fn every_limit_holds_at_its_number_and_not_one_beyond() {
        for (what, limit, make) in ROWS {
            assert_eq!(check_message_blocks(&make(*limit)), Ok(()), "{what} at {limit}");
            let breach = check_message_blocks(&make(limit + 1)).expect_err(what);
            let expected = if *what == "all texts together" { "msg_blocks_too_long" } else { "invalid_blocks" };
            assert_eq!(breach.error, expected, "{what} at {}", limit + 1);
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let text = json!({"type": "plain_text", "text": "é".repeat(150)});
        assert_eq!(check_message_blocks(&[json!({"type": "header", "text": text})]), Ok(()));
    }

    #[test]
    fn wrong_blocks_are_refused_with_the_place() {
        let cases = [
            (json!([{"type": "section"}]), "must define either `text` or `fields` [json-pointer:/blocks/0]"),
            (
                json!([{"type": "section", "text": plain(0)}]),
                "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
            ),
            (
                json!([{"type": "header", "text": mrkdwn(1)}]),
                "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
            ),
            (json!([{"type": "divider", "colour": 1}]), "invalid additional property: colour [json-pointer:/blocks/0]"),
            (json!([{"type": "sparkle"}]), "unsupported type: sparkle [json-pointer:/blocks/0/type]"),
            (
                json!([{"type": "actions", "elements": []}]),
                "no less than 1 items allowed [json-pointer:/blocks/0/elements]",
            ),
            (
                json!([{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}]),
                "`block_id`: \"a\" already exists [json-pointer:/blocks/1/block_id]",
            ),
            (
                json!([{"type": "actions", "elements": repeat(2, &with(button(), "action_id", json!("a")))}]),
                "`action_id`: \"a\" already exists for this block [json-pointer:/blocks/0]",
            ),
            (
                json!([{"type": "actions", "elements": [with(button(), "style", json!("green"))]}]),
                "must be primary or danger [json-pointer:/blocks/0/elements/0/style]",
            ),
            (
                json!([{"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}]),
                "must be more than 0 characters [json-pointer:/blocks/0/rows/0/0/text]",
            ),
        ];
        for (blocks, expected) in cases {
            let breach = check_message_blocks(blocks.as_array().unwrap()).expect_err(expected);
            assert_eq!((breach.error, breach.messages), ("invalid_blocks", vec![format!("[ERROR] {expected}")]));
        }
        let table = json!({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]});
        let breach = check_message_blocks(&[table.clone(), table]).unwrap_err();
        assert_eq!(breach.error, "only_one_table_allowed");
    }

    #[test]
    fn a_view_has_limits_of_its_own() {
        let view = || json!({"type": "modal", "title": plain(1), "submit": plain(1), "blocks": [{"type": "divider"}]});
        let rows: &[Field] = &[
            ("title", 24, plain),
            ("submit", 24, plain),
            ("close", 24, plain),
            ("private_metadata", 3000, |n| json!(x(n))),
            ("callback_id", 255, |n| json!(x(n))),
            ("blocks", 100, |n| repeat(n, &json!({"type": "divider"}))),
        ];
        for (name, limit, make) in rows {
            assert_eq!(check_view(&with(view(), name, make(*limit))), Ok(()), "{name} at {limit}");
            assert!(check_view(&with(view(), name, make(limit + 1))).is_err(), "{name} at {}", limit + 1);
        }
        let input = json!([{"type": "input", "label": plain(1), "element": {"type": "plain_text_input"}}]);
        let mut without_submit = with(view(), "blocks", input);
        without_submit.as_object_mut().unwrap().remove("submit");
        assert!(check_view(&without_submit).is_err());
    }
}
