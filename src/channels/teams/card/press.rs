//! What comes back with a press: the token of the button, and what was chosen in its own menu.
//!
//! Whoever can post into the conversation can make up a payload, so everything is taken for hostile: what does not
//! have the shape that `actions.rs` sends is no press. Whether a token is genuine is not decided here.

use serde_json::Value;

/// The key in an action's data under which our own stands.
pub(super) const KEY: &str = "ai-crm";

/// How the ids of menus begin; their place among the actions follows.
pub(super) const INPUT: &str = "menu-";

/// Bytes of a token. It stands twice on a card; ours have about 200.
pub(super) const MOST_TOKEN: usize = 600;

/// Bytes of an entry's value.
pub(super) const MOST_VALUE: usize = 256;

/// A press on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// The token of the button or menu, unverified.
    pub token: String,
    /// The value that was chosen; nothing for buttons, and when nothing was chosen.
    pub choice: Option<String>,
}

/// What comes back with a press. `data` is the activity's `value.action.data` (`Action.Execute`) or its `value`
/// (`Action.Submit`). Nothing when it is no press on a card of ours, or one that we did not offer.
#[must_use]
pub fn pressed(data: &Value) -> Option<Pressed> {
    let own = data.get(KEY)?.as_object()?;
    let token = bounded(own.get("token")?, MOST_TOKEN)?;
    let choice = match own.get("input") {
        None => None,
        Some(id) => chosen(data, id.as_str()?)?,
    };
    Some(Pressed { token, choice })
}

/// What was chosen in the menu `id`. An empty string is how clients say that nothing was.
#[expect(clippy::option_option, reason = "the outer one says whether the payload is ours, the inner one what it says")]
fn chosen(data: &Value, id: &str) -> Option<Option<String>> {
    let number = id.strip_prefix(INPUT)?;
    let is_number = (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    match data.get(id) {
        _ if !is_number => None,
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) if text.is_empty() => Some(None),
        Some(value) => bounded(value, MOST_VALUE).map(Some),
    }
}

pub(super) fn bounded(value: &Value, most: usize) -> Option<String> {
    value.as_str().filter(|text| (1..=most).contains(&text.len())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn presses_and_choices_are_read() {
        for (data, choice) in [
            (json!({"ai-crm": {"token": "t"}}), None),
            (json!({"ai-crm": {"token": "t"}, "menu-0": "x", "msteams": {}}), None),
            (json!({"ai-crm": {"token": "t", "input": "menu-1"}, "menu-0": "x", "menu-1": "y"}), Some("y")),
            (json!({"ai-crm": {"token": "t", "input": "menu-1"}, "menu-0": "x"}), None),
            (json!({"ai-crm": {"token": "t", "input": "menu-1"}, "menu-1": ""}), None),
        ] {
            let wanted = Pressed { token: "t".into(), choice: choice.map(str::to_owned) };
            assert_eq!(pressed(&data), Some(wanted), "{data}");
        }
    }

    #[test]
    fn what_we_did_not_send_is_no_press() {
        let long = "x".repeat(601);
        let mut deep = json!("menu-0");
        for _ in 0..200 {
            deep = json!([deep]);
        }
        for data in [
            json!(null),
            json!("ai-crm"),
            json!([{"ai-crm": {"token": "t"}}]),
            json!({}),
            json!({"ai-crm": "t"}),
            json!({"ai-crm": [{"token": "t"}]}),
            json!({"ai-crm": {}}),
            json!({"ai-crm": {"token": ""}}),
            json!({"ai-crm": {"token": 1}}),
            json!({"ai-crm": {"token": ["t"]}}),
            json!({"ai-crm": {"token": long}}),
            json!({"ai-crm": {"token": "t", "input": null}}),
            json!({"ai-crm": {"token": "t", "input": "ai-crm"}}),
            json!({"ai-crm": {"token": "t", "input": "menu-"}}),
            json!({"ai-crm": {"token": "t", "input": "menu-x"}, "menu-x": "v"}),
            json!({"ai-crm": {"token": "t", "input": "menu-00000"}}),
            json!({"ai-crm": {"token": "t", "input": "menu-0"}, "menu-0": ["v"]}),
            json!({"ai-crm": {"token": "t", "input": "menu-0"}, "menu-0": {"v": 1}}),
            json!({"ai-crm": {"token": "t", "input": "menu-0"}, "menu-0": long}),
            json!({"ai-crm": {"token": "t", "input": deep}}),
        ] {
            assert_eq!(pressed(&data), None, "{data}");
        }
    }
}
