//! A message or a Home as a person would see it, as text for a terminal.
//!
//! Blocks are shown where there are any, else the text; that is what Slack does. It returns lines and
//! prints nothing. A further kind of block is one arm in `block_lines`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::layout::{self, pad, wrap};
use super::message::Message;
use super::mrkdwn;
use super::seed;
use super::state::OpenView;
use super::world::SlackWorld;

/// The names of people and channels, by id.
#[derive(Debug, Clone, Default)]
pub struct Names {
    users: BTreeMap<String, String>,
    channels: BTreeMap<String, String>,
}

impl Names {
    /// Adds a user's name.
    #[must_use]
    pub fn with_user(mut self, id: &str, name: &str) -> Self {
        self.users.insert(id.to_owned(), name.to_owned());
        self
    }

    /// Adds a channel's name.
    #[must_use]
    pub fn with_channel(mut self, id: &str, name: &str) -> Self {
        self.channels.insert(id.to_owned(), name.to_owned());
        self
    }

    pub(super) fn user(&self, id: &str) -> String {
        self.users.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    pub(super) fn channel(&self, id: &str) -> String {
        self.channels.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

impl SlackWorld {
    /// The names of everybody and everything in the workspace.
    #[must_use]
    pub fn names(&self) -> Names {
        let state = self.state();
        let users = state.users.values().map(|user| (user.id.clone(), user.name.clone())).collect();
        let channels = state.channels.values().map(|channel| (channel.id.clone(), channel.name.clone())).collect();
        Names { users, channels }
    }
}

/// A message with its author and, where it is one, the note that only one person sees it.
#[must_use]
pub fn message(message: &Message, names: &Names, width: usize) -> String {
    let mut head = if message.user == seed::BOT_USER { "AI-CRM  APP".to_owned() } else { names.user(&message.user) };
    if message.edited.is_some() {
        head.push_str("  (edited)");
    }
    if message.streaming {
        head.push_str("  (is writing)");
    }
    let mut lines = Vec::new();
    if let Some(only) = &message.ephemeral_to {
        lines.push(format!("  (only visible to @{})", names.user(only)));
    }
    if message.is_reply() {
        lines.push(format!("  (in the thread of {})", message.thread_root()));
    }
    lines.push(head);
    let inner = width.saturating_sub(2).max(20);
    lines.extend(body(message, names, inner).iter().map(|line| format!("  {line}").trim_end().to_owned()));
    for (link, blocks) in &message.unfurls {
        lines.push(format!("  below {link}"));
        lines.extend(all_lines(blocks, names, inner).iter().map(|line| format!("  │ {line}").trim_end().to_owned()));
    }
    if !message.reactions.is_empty() {
        let shown =
            message.reactions.iter().map(|r| format!("{} {}", mrkdwn::emoji(&format!(":{}:", r.name)), r.users.len()));
        lines.push(format!("  {}", shown.collect::<Vec<_>>().join("  ")));
    }
    lines.join("\n")
}

/// The Home of a person.
#[must_use]
pub fn home(home: &OpenView, names: &Names, width: usize) -> String {
    let head = format!("  (the Home of @{})", names.user(&home.user));
    std::iter::once(head).chain(view_lines(home, names, width)).collect::<Vec<_>>().join("\n")
}

/// A modal that is open.
#[must_use]
pub fn modal(modal: &OpenView, names: &Names, width: usize) -> String {
    let mut lines = vec![format!("  (a modal of @{})", names.user(&modal.user)), text_of(&modal.view["title"], names)];
    lines.extend(view_lines(modal, names, width));
    let buttons = ["close", "submit"].into_iter().filter_map(|name| modal.view.get(name));
    let buttons: Vec<String> = buttons.map(|text| format!("[ {} ]", text_of(text, names))).collect();
    lines.push(format!("  {}", buttons.join("  ")).trim_end().to_owned());
    lines.join("\n")
}

fn view_lines(view: &OpenView, names: &Names, width: usize) -> Vec<String> {
    let shown = view.as_filled_in();
    let blocks = shown["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = all_lines(blocks, names, width.saturating_sub(2).max(20));
    lines.iter().map(|line| format!("  {line}").trim_end().to_owned()).collect()
}

fn body(message: &Message, names: &Names, width: usize) -> Vec<String> {
    let typed = message.blocks.iter().all(|block| block["type"] == "rich_text");
    if typed {
        return wrap(&mrkdwn::read(&message.text, names), width);
    }
    all_lines(&message.blocks, names, width)
}

fn all_lines(blocks: &[Value], names: &Names, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for block in blocks {
        let part = block_lines(block, names, width);
        if !lines.is_empty()
            && !part.is_empty()
            && matches!(block["type"].as_str(), Some("header" | "section" | "table"))
        {
            lines.push(String::new());
        }
        lines.extend(part);
    }
    lines
}

fn block_lines(block: &Value, names: &Names, width: usize) -> Vec<String> {
    match block["type"].as_str().unwrap_or_default() {
        "header" => {
            let text = text_of(&block["text"], names);
            let rule = layout::underline(&text, width);
            vec![text, rule]
        }
        "section" => section(block, names, width),
        "divider" => vec!["─".repeat(width)],
        "context" => {
            let parts = items(&block["elements"]).map(|element| match element["type"].as_str() {
                Some("image") => format!("[{}]", element["alt_text"].as_str().unwrap_or_default()),
                _ => text_of(element, names),
            });
            wrap(&format!("· {}", parts.collect::<Vec<_>>().join("  ")), width)
        }
        "actions" => wrap(&items(&block["elements"]).map(|e| element(e, names)).collect::<Vec<_>>().join("  "), width),
        "image" => {
            let title = block.get("title").map(|title| text_of(title, names));
            let alt = title.unwrap_or_else(|| block["alt_text"].as_str().unwrap_or_default().to_owned());
            vec![format!("[image: {alt}] {}", block["image_url"].as_str().unwrap_or_default())]
        }
        "markdown" => wrap(block["text"].as_str().unwrap_or_default(), width),
        "table" => table(block, names, width),
        "input" => input(block, names, width),
        "rich_text" => wrap(&rich_text(block, names), width),
        other => vec![format!("[{other}]")],
    }
}

fn section(block: &Value, names: &Names, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(text) = block.get("text") {
        lines.extend(wrap(&text_of(text, names), width));
    }
    let fields: Vec<String> = items(&block["fields"]).map(|field| text_of(field, names)).collect();
    let column = width.saturating_sub(2) / 2;
    for pair in fields.chunks(2) {
        let left = wrap(&pair[0], column);
        let right = pair.get(1).map(|text| wrap(text, column)).unwrap_or_default();
        for row in 0..left.len().max(right.len()) {
            let (left, right) = (left.get(row).map_or("", String::as_str), right.get(row).map_or("", String::as_str));
            lines.push(format!("{}  {right}", pad(left, column)).trim_end().to_owned());
        }
    }
    if let Some(accessory) = block.get("accessory") {
        lines.push(element(accessory, names));
    }
    lines
}

/// A field with its name in front of it, its block in brackets, and its small print.
fn input(block: &Value, names: &Names, width: usize) -> Vec<String> {
    let (inner, id) = (&block["element"], block["block_id"].as_str().unwrap_or_default());
    let text = |name: &str| inner[name].as_str().map(str::to_owned);
    let option = inner.get("initial_option").map(|option| text_of(&option["text"], names));
    let filled = option.or_else(|| text("initial_value")).or_else(|| text("initial_date"));
    let filled = filled.map(|filled| format!("[ {filled} ]")).unwrap_or_else(|| element(inner, names));
    let mut lines = wrap(&format!("{} ({id}): {filled}", text_of(&block["label"], names)), width);
    if let Some(hint) = block.get("hint") {
        lines.extend(wrap(&format!("· {}", text_of(hint, names)), width));
    }
    lines
}

/// A button, a menu or an input.
fn element(element: &Value, names: &Names) -> String {
    let prompt = || element.get("placeholder").map(|text| text_of(text, names)).unwrap_or_default();
    match element["type"].as_str().unwrap_or_default() {
        "button" => {
            let mark = match element["style"].as_str() {
                Some("primary") => "✦ ",
                Some("danger") => "! ",
                _ => "",
            };
            let link = element["url"].as_str().map(|url| format!(" ({url})")).unwrap_or_default();
            format!("[ {mark}{} ]{link}", text_of(&element["text"], names))
        }
        "image" => format!("[image: {}]", element["alt_text"].as_str().unwrap_or_default()),
        "overflow" => "[ ⋯ ]".to_owned(),
        kind if kind.ends_with("select") || kind.ends_with("picker") => format!("[ {} ▾ ]", prompt()),
        "checkboxes" | "radio_buttons" => {
            let options = items(&element["options"]).map(|option| format!("( ) {}", text_of(&option["text"], names)));
            options.collect::<Vec<_>>().join("  ")
        }
        _ => format!("[ {}_____ ]", prompt()),
    }
}

fn table(block: &Value, names: &Names, width: usize) -> Vec<String> {
    let rows: Vec<Vec<String>> =
        items(&block["rows"]).map(|row| items(row).map(|cell| cell_text(cell, names)).collect()).collect();
    layout::table(&rows, true, width)
}

fn cell_text(cell: &Value, names: &Names) -> String {
    match cell["type"].as_str() {
        Some("rich_text") => rich_text(cell, names),
        _ => cell["text"].as_str().unwrap_or_default().to_owned(),
    }
}

/// The words of a rich text, whatever their style.
fn rich_text(value: &Value, names: &Names) -> String {
    match value["type"].as_str() {
        Some("user") => format!("@{}", names.user(value["user_id"].as_str().unwrap_or_default())),
        Some("channel") => format!("#{}", names.channel(value["channel_id"].as_str().unwrap_or_default())),
        Some("emoji") => mrkdwn::emoji(&format!(":{}:", value["name"].as_str().unwrap_or_default())),
        Some("link") => value["text"].as_str().or(value["url"].as_str()).unwrap_or_default().to_owned(),
        Some("text") => value["text"].as_str().unwrap_or_default().to_owned(),
        _ => items(&value["elements"]).map(|element| rich_text(element, names)).collect(),
    }
}

fn text_of(object: &Value, names: &Names) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    if object["type"] == "mrkdwn" { mrkdwn::read(text, names) } else { mrkdwn::emoji(text) }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::super::message::sample;
    use super::*;
    use serde_json::json;

    #[test]
    fn shows_blocks_as_a_person_sees_them() {
        let blocks = json!([
            {"type": "header", "text": {"type": "plain_text", "text": "T-12 Fix login"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "Assigned to <@U0GRACE01> &amp; *due* today"}},
            {"type": "section", "fields": [
                {"type": "mrkdwn", "text": "*Status*\nin progress"}, {"type": "mrkdwn", "text": "*Priority*\nhigh"}]},
            {"type": "table", "rows": [
                [{"type": "raw_text", "text": "Task"}, {"type": "raw_text", "text": "Who"}],
                [{"type": "raw_text", "text": "T-1"}, {"type": "raw_text", "text": "grace"}]]},
            {"type": "divider"},
            {"type": "actions", "elements": [
                {"type": "button", "action_id": "start", "text": {"type": "plain_text", "text": "Start"}},
                {"type": "static_select", "placeholder": {"type": "plain_text", "text": "Move to"}, "options": []}]},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "<https://x.example|more>"}]},
        ]);
        let names = Names::default().with_user("U0GRACE01", "grace").with_user("U0ADA0001", "ada");
        let mut shown = sample("T-12", blocks);
        shown.ephemeral_to = Some("U0ADA0001".into());
        let expected = "  (only visible to @ada)
AI-CRM  APP
  T-12 Fix login
  ══════════════

  Assigned to @grace & due today

  Status          Priority
  in progress     high

  Task │ Who
  ─────┼──────
  T-1  │ grace
  ──────────────────────────────
  [ Start ]  [ Move to ▾ ]
  · more (https://x.example)";
        assert_eq!(message(&shown, &names, 32), expected);
    }
}
