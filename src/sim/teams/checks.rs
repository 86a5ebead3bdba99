//! What the connector does not take: sizes, kinds of activities, attachments, Adaptive Cards.
//!
//! From Microsoft's pages on messages in bot conversations and on cards; the words of a 400 are ours. Where the real one
//! takes something that nobody can have meant, it is taken here as well and returned as a slip, which the world records.
//! A rule is an arm in [`activity`] or in [`card`].

use serde_json::Value;

use super::refusal::Refusal;

/// The content type of an Adaptive Card.
pub(super) const CARD_TYPE: &str = "application/vnd.microsoft.card.adaptive";
/// Bytes in UTF-16 that one post may have: 100 KB, from "Format your bot messages".
const MOST_BYTES: usize = 100 * 1024;
/// The newest version of Adaptive Cards that Teams shows, from the page "Adaptive Cards overview" of Copilot Studio.
const NEWEST_CARD: (u32, u32) = (1, 5);
/// The version from which on there is `Action.Execute`, from the page "Universal Action Model".
const FIRST_EXECUTE: (u32, u32) = (1, 4);
/// People for whom a card may be refreshed by itself: "a maximum of 60 (sixty) user MRIs", from the page "Work with
/// Universal Actions for Adaptive Cards".
pub(super) const MOST_REFRESHED: usize = 60;
/// Buttons that Teams shows in one row of actions: "up to six", from the page "Design effective cards".
const MOST_ACTIONS: usize = 6;

const ELEMENTS: &[&str] = &[
    "TextBlock",
    "RichTextBlock",
    "FactSet",
    "Table",
    "ActionSet",
    "Container",
    "ColumnSet",
    "Column",
    "Image",
    "ImageSet",
    "Media",
    "Input.ChoiceSet",
    "Input.Text",
    "Input.Date",
    "Input.Time",
    "Input.Number",
    "Input.Toggle",
    "TableRow",
    "TableCell",
    "TextRun",
];
const ACTIONS: &[&str] =
    &["Action.Execute", "Action.Submit", "Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"];

/// What is taken although it cannot have been meant: a word for it, and where.
pub(super) type Slips = Vec<(&'static str, String)>;

/// Whether a message may be posted.
pub(super) fn activity(activity: &Value, body: &str) -> Result<Slips, Refusal> {
    if body.encode_utf16().count() * 2 > MOST_BYTES {
        return Err(Refusal::new(413, "MessageSizeTooBig", "Message size too large."));
    }
    if !activity.is_object() {
        return Err(Refusal::bad("Activity is not a JSON object."));
    }
    let kind = activity["type"].as_str().unwrap_or_default();
    if !matches!(kind, "message" | "typing") {
        return Err(Refusal::bad(format!("Unknown activity type '{kind}'.")));
    }
    if activity.get("text").is_some_and(|text| !text.is_string() && !text.is_null()) {
        return Err(Refusal::bad("'text' is not a string."));
    }
    let format = activity["textFormat"].as_str().unwrap_or("markdown");
    if !matches!(format, "markdown" | "plain" | "xml") {
        return Err(Refusal::bad(format!("Unknown text format '{format}'.")));
    }
    let attachments = match &activity["attachments"] {
        Value::Null => &[][..],
        Value::Array(list) => list,
        _ => return Err(Refusal::bad("'attachments' is not an array.")),
    };
    if kind == "message" && attachments.is_empty() && activity["text"].as_str().unwrap_or_default().trim().is_empty() {
        let text = "Activity must include non empty 'text' field or at least 1 attachment with a valid content.";
        return Err(Refusal::new(400, "BadSyntax", text));
    }
    let mut slips = Slips::new();
    for attachment in attachments {
        let Some(content_type) = attachment["contentType"].as_str().filter(|kind| !kind.is_empty()) else {
            return Err(Refusal::bad("Attachment without contentType."));
        };
        if attachment["content"].is_null() && attachment["contentUrl"].is_null() {
            return Err(Refusal::bad("Attachment without content."));
        }
        if content_type == CARD_TYPE {
            slips.extend(card(&attachment["content"])?);
        }
    }
    mentions(activity, &mut slips)?;
    Ok(slips)
}

/// A mention whose text is not in the message is none: nobody is told.
fn mentions(activity: &Value, slips: &mut Slips) -> Result<(), Refusal> {
    let said = activity["text"].as_str().unwrap_or_default();
    let carried = activity["attachments"].to_string();
    let entities = activity["entities"].as_array().into_iter().flatten();
    for mention in entities.filter(|entity| entity["type"] == "mention") {
        let Some(text) = mention["text"].as_str().filter(|_| mention["mentioned"]["id"].is_string()) else {
            return Err(Refusal::bad("Mention without text or without the id of who is mentioned."));
        };
        if !said.contains(text) && !carried.contains(text) {
            slips.push(("mention_not_in_text", text.to_owned()));
        }
    }
    Ok(())
}

/// Whether an Adaptive Card may be posted or answered.
pub(super) fn card(card: &Value) -> Result<Slips, Refusal> {
    if card["type"] != "AdaptiveCard" {
        return Err(Refusal::bad("Card content is not of the type AdaptiveCard."));
    }
    let version = card["version"].as_str().and_then(|text| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    });
    let Some(version) = version else {
        return Err(Refusal::bad("Card without a version."));
    };
    if version > NEWEST_CARD {
        return Err(Refusal::bad(format!("Card version {}.{} is not supported.", version.0, version.1)));
    }
    let mut walk = Walk { version, ..Walk::default() };
    walk.elements(&card["body"])?;
    walk.actions(&card["actions"])?;
    walk.action(&card["selectAction"])?;
    refresh(&card["refresh"], &mut walk)?;
    if let Some(twice) = walk.inputs.iter().enumerate().find(|(at, id)| walk.inputs[..*at].contains(id)) {
        return Err(Refusal::bad(format!("Two inputs of the card have the id '{}'.", twice.1)));
    }
    Ok(walk.slips)
}

/// What a card says of its refresh: an action that is an `Action.Execute`, and for whom it is done by itself.
fn refresh(refresh: &Value, walk: &mut Walk) -> Result<(), Refusal> {
    if refresh.is_null() {
        return Ok(());
    }
    if refresh["action"]["type"] != "Action.Execute" {
        return Err(Refusal::bad("The action of refresh is not an Action.Execute."));
    }
    match &refresh["userIds"] {
        Value::Null => {}
        Value::Array(ids) if ids.iter().all(Value::is_string) && ids.len() <= MOST_REFRESHED => {}
        Value::Array(ids) => walk.slips.push(("too_many_user_ids", format!("{} in refresh", ids.len()))),
        _ => return Err(Refusal::bad("'userIds' of refresh is not an array.")),
    }
    walk.action(&refresh["action"])
}

/// What is met on the way through a card.
#[derive(Default)]
struct Walk {
    version: (u32, u32),
    inputs: Vec<String>,
    slips: Slips,
}

impl Walk {
    fn elements(&mut self, list: &Value) -> Result<(), Refusal> {
        for element in list.as_array().into_iter().flatten() {
            let kind = element["type"].as_str().unwrap_or_default();
            if kind.starts_with("Action.") {
                return Err(Refusal::bad(format!("{kind} stands outside of an ActionSet.")));
            }
            // Columns, rows and cells need not name their type.
            if !ELEMENTS.contains(&kind) && !kind.is_empty() {
                self.slips.push(("unknown_element", kind.to_owned()));
            }
            if kind.starts_with("Input.") {
                let Some(id) = element["id"].as_str().filter(|id| !id.is_empty()) else {
                    return Err(Refusal::bad(format!("{kind} without an id.")));
                };
                self.inputs.push(id.to_owned());
            }
            for inner in ["items", "columns", "rows", "cells", "inlines"] {
                // A table's `columns` are widths.
                if !(kind == "Table" && inner == "columns") {
                    self.elements(&element[inner])?;
                }
            }
            self.actions(&element["actions"])?;
            self.action(&element["selectAction"])?;
        }
        Ok(())
    }

    fn actions(&mut self, list: &Value) -> Result<(), Refusal> {
        let actions = list.as_array().map(Vec::as_slice).unwrap_or_default();
        if actions.len() > MOST_ACTIONS {
            self.slips.push(("too_many_actions", format!("{} in one row", actions.len())));
        }
        actions.iter().try_for_each(|action| self.action(action))
    }

    fn action(&mut self, action: &Value) -> Result<(), Refusal> {
        let Some(kind) = action["type"].as_str() else { return Ok(()) };
        if !ACTIONS.contains(&kind) {
            self.slips.push(("unknown_action", kind.to_owned()));
        }
        if kind == "Action.Execute" && self.version < FIRST_EXECUTE {
            return Err(Refusal::bad("Action.Execute needs a card of version 1.4."));
        }
        if matches!(kind, "Action.Execute" | "Action.Submit")
            && !matches!(action["data"], Value::Null | Value::Object(_))
        {
            self.slips.push(("data_is_no_object", kind.to_owned()));
        }
        if kind == "Action.ShowCard" {
            self.elements(&action["card"]["body"])?;
            self.actions(&action["card"]["actions"])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn posted(content: &Value) -> Result<Slips, Refusal> {
        let message = json!({"type": "message", "attachments": [{"contentType": CARD_TYPE, "content": content}]});
        activity(&message, &message.to_string())
    }

    #[test]
    fn refuses_what_is_no_activity() {
        for (sent, part) in [
            (json!([]), "not a JSON object"),
            (json!({"type": "invoke"}), "Unknown activity type 'invoke'"),
            (json!({"text": "a"}), "Unknown activity type ''"),
            (json!({"type": "message", "text": " "}), "non empty 'text'"),
            (json!({"type": "message", "text": 7}), "not a string"),
            (json!({"type": "message", "text": "a", "textFormat": "html"}), "text format"),
            (json!({"type": "message", "attachments": [{"content": {}}]}), "without contentType"),
            (json!({"type": "message", "attachments": [{"contentType": CARD_TYPE}]}), "without content"),
            (
                json!({"type": "message", "text": "a", "entities": [{"type": "mention", "text": "b"}]}),
                "Mention without",
            ),
        ] {
            let refused = activity(&sent, &sent.to_string()).unwrap_err();
            assert_eq!(refused.status, 400);
            assert!(refused.message.contains(part), "{sent}: {}", refused.message);
        }
        let fits = |characters: usize| {
            let sent = json!({"type": "message", "text": "é".repeat(characters)});
            activity(&sent, &sent.to_string()).map_err(|refusal| (refusal.status, refusal.code))
        };
        assert_eq!(fits(51_000), Ok(vec![]));
        assert_eq!(fits(51_200), Err((413, "MessageSizeTooBig")));
    }

    #[test]
    fn refuses_what_is_no_card() {
        let input = json!({"type": "Input.Text", "id": "a"});
        let execute = json!({"type": "Action.Execute", "title": "x"});
        for (content, part) in [
            (json!({"version": "1.5"}), "AdaptiveCard"),
            (json!({"type": "AdaptiveCard"}), "version"),
            (json!({"type": "AdaptiveCard", "version": "1.6"}), "1.6 is not supported"),
            (json!({"type": "AdaptiveCard", "version": "1.10"}), "1.10 is not supported"),
            (json!({"type": "AdaptiveCard", "version": "1.5", "body": [input, {"items": [input]}]}), "the id 'a'"),
            (json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Input.Text"}]}), "without an id"),
            (json!({"type": "AdaptiveCard", "version": "1.5", "body": [execute]}), "outside of an ActionSet"),
            (json!({"type": "AdaptiveCard", "version": "1.3", "actions": [execute]}), "version 1.4"),
            (json!({"type": "AdaptiveCard", "version": "1.3", "refresh": {"action": execute}}), "version 1.4"),
            (json!({"type": "AdaptiveCard", "version": "1.5", "refresh": {"userIds": []}}), "not an Action.Execute"),
            (
                json!({"type": "AdaptiveCard", "version": "1.5", "refresh": {"action": execute, "userIds": "29:a"}}),
                "not an array",
            ),
        ] {
            let refused = posted(&content).unwrap_err();
            assert!(refused.message.contains(part), "{content}: {}", refused.message);
        }
    }

    #[test]
    fn takes_and_notes_what_cannot_have_been_meant() {
        let refreshed = |people: usize| {
            let refresh = json!({"action": {"type": "Action.Execute"}, "userIds": vec!["29:x"; people]});
            posted(&json!({"type": "AdaptiveCard", "version": "1.5", "refresh": refresh})).unwrap().len()
        };
        assert_eq!((refreshed(60), refreshed(61)), (0, 1));
        let table = json!({"type": "Table", "columns": [{"width": 1}], "rows": [{"type": "TableRow", "cells": []}]});
        let slips = posted(&json!({"type": "AdaptiveCard", "version": "1.5", "body": [table, {"type": "Carousel"}]}));
        assert_eq!(slips, Ok(vec![("unknown_element", "Carousel".to_owned())]));
        let mention = json!({"type": "mention", "text": "<at>Ada</at>", "mentioned": {"id": "29:1"}});
        let message = json!({"type": "message", "text": "Ada", "entities": [mention]});
        assert_eq!(activity(&message, "").unwrap()[0].0, "mention_not_in_text");
    }
}
