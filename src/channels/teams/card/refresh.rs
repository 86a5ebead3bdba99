//! Cards that each person sees as they are for them: what a card says for that, what comes back, and the answers.
//!
//! Teams asks by itself when somebody comes to see such a card, and again where the message was changed or the last answer
//! is older than a minute; somebody may also ask by the menu of the message. `userIds` is left out: then it asks for
//! everybody of a conversation of at most 60 people, and in larger ones only who chooses so in the menu
//! (learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards/
//! work-with-universal-actions-for-adaptive-cards, "User IDs in refresh"). Whose card it is would have to be known for a
//! list, for each of 60 people, with each message.
//!
//! What is typed or chosen on a card goes along (learn.microsoft.com/adaptive-cards/authoring-cards/
//! universal-action-model, "request format"), and the answer takes the card's place: so what somebody has just chosen, and
//! not sent, stands in the answer again.

use bytes::Bytes;
use serde_json::{Value, json};

use super::actions::{VERB, can_carry};
use super::press::{INPUT, KEY, MOST_TOKEN, MOST_VALUE, bounded};
use super::{CONTENT_TYPE, render};
use crate::domain::card::Card;

/// Choices of one card that are looked at: ours has one menu.
const MOST_CHOSEN: usize = 20;

/// A card that somebody sees, and that is asked for anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The card's token, unverified.
    pub token: String,
    /// What is chosen in its menus and was not sent.
    pub chosen: Vec<String>,
}

/// What a card says so that it is asked for anew; nothing where its token cannot go there and back.
pub(super) fn clause(token: &str) -> Option<Value> {
    let data = json!({KEY: {"refresh": token}});
    can_carry(token)
        .then(|| json!({"action": {"type": "Action.Execute", "title": "Refresh", "verb": VERB, "data": data}}))
}

/// What is asked for, from the data of an action; nothing where it is a press, or not ours.
#[must_use]
pub fn asked(data: &Value) -> Option<Asked> {
    let own = data.get(KEY)?.as_object()?;
    if own.len() != 1 {
        return None;
    }
    let token = bounded(own.get("refresh")?, MOST_TOKEN)?;
    let menus = data.as_object()?.iter().filter(|(id, _)| id.starts_with(INPUT));
    let chosen = menus.filter_map(|(_, value)| bounded(value, MOST_VALUE)).take(MOST_CHOSEN).collect();
    Some(Asked { token, chosen })
}

/// The body of the answer that shows the card as it is.
#[must_use]
pub fn seen(card: &Card, chosen: &[String]) -> Bytes {
    let mut card = render(card).card;
    choose(&mut card["body"], chosen);
    Bytes::from(json!({"statusCode": 200, "type": CONTENT_TYPE, "value": card}).to_string())
}

/// The body of the answer that leaves the card as it stands. Text would be shown under it, each time that somebody comes
/// by, and after an error Teams says that something went wrong and does not ask again
/// (github.com/OfficeDev/microsoft-teams-library-js/issues/1888). An answer of 200 and nothing else is what Microsoft's
/// Agents SDK gives where there is nothing to say.
#[must_use]
pub fn left() -> Bytes {
    Bytes::from(json!({"statusCode": 200}).to_string())
}

/// Puts what was chosen into the menus that still offer it.
fn choose(part: &mut Value, chosen: &[String]) {
    match part {
        Value::Array(parts) => parts.iter_mut().for_each(|part| choose(part, chosen)),
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "Input.ChoiceSet") => {
            let offers = |value: &&String| {
                let choices = fields.get("choices").and_then(Value::as_array);
                choices.into_iter().flatten().any(|choice| choice["value"] == value.as_str())
            };
            if let Some(value) = chosen.iter().find(offers).cloned() {
                fields.insert("value".to_owned(), Value::String(value));
            }
        }
        Value::Object(fields) => fields.get_mut("items").into_iter().for_each(|items| choose(items, chosen)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::testing::menu;

    #[test]
    fn a_card_is_asked_for_by_its_token_alone() {
        let back = clause("t.1").unwrap()["action"]["data"].clone();
        assert_eq!(asked(&back), Some(Asked { token: "t.1".to_owned(), chosen: vec![] }));
        let chosen = json!({"ai-crm": {"refresh": "t"}, "menu-2": "v0", "menu-3": "", "menu-4": ["x"], "other": "y"});
        assert_eq!(asked(&chosen), Some(Asked { token: "t".to_owned(), chosen: vec!["v0".to_owned()] }));
        let long = "x".repeat(601);
        for data in [
            json!(null),
            json!({"ai-crm": "t"}),
            json!({"ai-crm": {"token": "t"}}),
            json!({"ai-crm": {"refresh": "t", "token": "t"}}),
            json!({"ai-crm": {"refresh": ""}}),
            json!({"ai-crm": {"refresh": ["t"]}}),
            json!({"ai-crm": {"refresh": long}}),
        ] {
            assert_eq!(asked(&data), None, "{data}");
        }
        assert_eq!((clause(""), clause(&long), clause("a\nb")), (None, None, None));
    }

    #[test]
    fn what_is_chosen_and_not_sent_stands_in_the_answer_where_it_is_still_offered() {
        let card = Card { refresh: Some("t".to_owned()), ..Card::new("T-1") }.action(menu("Assign", "t", 2));
        for (chosen, value) in [(&["gone", "v1"][..], json!("v1")), (&["gone"], json!(null)), (&[], json!(null))] {
            let chosen: Vec<String> = chosen.iter().map(|it| (*it).to_owned()).collect();
            let answer: Value = serde_json::from_slice(&seen(&card, &chosen)).unwrap();
            assert_eq!((&answer["statusCode"], &answer["type"]), (&json!(200), &json!(CONTENT_TYPE)));
            assert_eq!(answer["value"]["refresh"], clause("t").unwrap(), "it is asked for again");
            let mut found = Vec::new();
            answer["value"]["body"].as_array().unwrap().iter().for_each(|part| {
                found.extend(
                    part["items"].as_array().into_iter().flatten().filter(|it| it["type"] == "Input.ChoiceSet"),
                );
            });
            assert_eq!(found[0].get("value").cloned().unwrap_or_default(), value, "{chosen:?}");
        }
    }
}
