//! A message as a person would see it, as text for a terminal.
//!
//! The text, then the cards. It returns lines and prints nothing; cards stand in `card.rs`.

use std::collections::BTreeMap;

use super::super::layout;
use super::card;
use super::checks;
use super::message::Message;
use super::seed;
use super::world::TeamsWorld;

/// The names of people, by id.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// Adds a person's name.
    #[must_use]
    pub fn with(mut self, id: &str, name: &str) -> Self {
        self.0.insert(id.to_owned(), name.to_owned());
        self
    }

    fn of(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

impl TeamsWorld {
    /// The names of everybody.
    #[must_use]
    pub fn names(&self) -> Names {
        Names(self.state().users.values().map(|user| (user.id.clone(), user.display_name.clone())).collect())
    }
}

/// A message with its author, and notes on who sees it, in which chain it stands and whether it was edited. Where `viewer`
/// has a card of their own in it, that is shown.
#[must_use]
pub fn message(message: &Message, names: &Names, viewer: &str, width: usize) -> String {
    let mut lines = Vec::new();
    if let Some(only) = &message.only_for {
        lines.push(format!("  (only visible to {}, for a day)", names.of(only)));
    }
    if message.card_for.contains_key(viewer) {
        lines.push(format!("  (the card as {} alone sees it)", names.of(viewer)));
    }
    if let Some(root) = &message.root {
        lines.push(format!("  (in the thread of {root})"));
    }
    let mut head = if message.is_by_bot() { format!("{}  APP", seed::BOT_NAME) } else { names.of(&message.from) };
    if message.edits > 0 {
        head.push_str("  (edited)");
    }
    if message.streaming {
        head.push_str("  (is writing)");
    }
    lines.push(head);
    if message.deleted {
        lines.push("  (this message has been deleted)".to_owned());
        return lines.join("\n");
    }
    let inner = width.saturating_sub(2).max(20);
    let mut body = layout::wrap(&card::plain(message.text()), inner);
    let attachments = message.activity["attachments"].as_array().into_iter().flatten();
    match message.card_for.get(viewer) {
        Some(own) => body.extend(card::lines(own, inner)),
        None => {
            for attachment in attachments {
                let kind = attachment["contentType"].as_str().unwrap_or_default();
                match kind {
                    checks::CARD_TYPE => body.extend(card::lines(&attachment["content"], inner)),
                    // The client's own copy of what was typed.
                    "text/html" => {}
                    other => body.push(format!("[unknown: {other}]")),
                }
            }
        }
    }
    lines.extend(body.iter().map(|line| format!("  {line}").trim_end().to_owned()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use serde_json::{Value, json};

    fn sent(activity: Value) -> Message {
        Message::new(seed::GROUP, "1", "28:app", activity, Timestamp(0))
    }

    fn with_card(body: Value, actions: Value) -> Value {
        let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions});
        json!({"type": "message", "attachments": [{"contentType": checks::CARD_TYPE, "content": card}]})
    }

    #[test]
    fn shows_cards_as_a_person_sees_them() {
        let text = |text: &str| json!({"type": "TextBlock", "text": text, "wrap": true});
        let cell = |said: &str| json!({"type": "TableCell", "items": [text(said)]});
        let body = json!([
            {"type": "TextBlock", "text": "T-12 Fix login", "style": "heading"},
            text("Assigned to <at>Grace Hopper</at> &amp; **due** {{DATE(2026-12-01T00:00:00Z, SHORT)}}"),
            {"type": "FactSet", "facts": [
                {"title": "Status", "value": "in progress"}, {"title": "Id", "value": "[T-12](https://x.example)"}]},
            {"type": "Table", "columns": [{"width": 1}, {"width": 1}], "rows": [
                {"cells": [cell("Task"), cell("Who")]}, {"cells": [cell("T-1"), cell("grace\\_h")]}]},
            {"type": "ColumnSet", "columns": [{"items": [text("left")]}, {"items": [text("right"), text("below")]}]},
            {"type": "Container", "items": [{"type": "RichTextBlock", "inlines": ["a ", {"type": "TextRun", "text": "b"}]}]},
            {"type": "Image", "altText": "a chart", "url": "https://x.example/a.png"},
            {"type": "Input.ChoiceSet", "id": "to", "label": "Move to", "isRequired": true, "value": "2", "choices": [
                {"title": "Done", "value": "1"}, {"title": "Review", "value": "2"}]},
            {"type": "Input.Text", "id": "why", "placeholder": "Why"},
            {"type": "Input.Date", "id": "due", "label": "Due"},
            {"type": "Carousel"}, {"type": "TextBlock", "text": "unseen", "isVisible": false},
            {"type": "ActionSet", "actions": [{"type": "Action.Execute", "title": "Start", "style": "positive"}]},
        ]);
        let mut shown =
            sent(with_card(body, json!([{"type": "Action.OpenUrl", "title": "Open", "url": "https://x.example"}])));
        shown.only_for = Some("29:ada".into());
        shown.edits = 1;
        let expected = "  (only visible to Ada, for a day)
AI-CRM  APP  (edited)
  T-12 Fix login
  ══════════════
  Assigned to @Grace Hopper & due
  2026-12-01
  Status  in progress
  Id      T-12 (https://x.example)
  Task │ Who
  ─────┼────────
  T-1  │ grace_h
  left  right
        below
  a b
  [image: a chart]
  Move to*: [ Review ▾ ] (Done,
  Review)
  [ Why_____ ]
  Due: [ yyyy-mm-dd ]
  [unknown: Carousel]
  [ ✦ Start ]
  [ Open ] (https://x.example)";
        assert_eq!(message(&shown, &Names::default().with("29:ada", "Ada"), "29:ada", 34), expected);
    }

    #[test]
    fn a_person_sees_the_card_that_is_theirs() {
        let body = |text: &str| json!([{"type": "TextBlock", "text": text}]);
        let mut shown = sent(with_card(body("for all"), json!([])));
        shown
            .card_for
            .insert("29:ada".into(), json!({"type": "AdaptiveCard", "version": "1.5", "body": body("for Ada")}));
        let names = Names::default().with("29:ada", "Ada");
        assert!(message(&shown, &names, "29:ada", 80).contains("for Ada"));
        assert!(message(&shown, &names, "29:grace", 80).contains("for all"));
        shown.deleted = true;
        assert!(message(&shown, &names, "29:grace", 80).contains("has been deleted"));
    }
}
