//! A form as the Adaptive Card of a dialog, and what comes back with it.
//!
//! Whoever can post into the conversation can make up what comes back, so everything is taken for hostile: what has not
//! the shape that [`form`] sends is nothing. What may be filled in is decided where the table of forms is.

use serde_json::{Map, Value, json};

use super::actions::{MOST_ENTRIES, MOST_LABEL};
use super::part::{rich, small_print, weight};
use super::press::{KEY, MOST_VALUE};
use super::text::{CHARACTERS, literal};
use crate::channels::text::{UNITS, clean, one_line};
use crate::domain::card::Choice;
use crate::domain::form::{Field, FieldErrors, FieldKind, Filled, Form, Group};

/// Entries from which on a list is searched by typing. Teams has that in cards of 1.5:
/// <https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/dynamic-search>, "static typeahead".
const MANY: usize = 10;

/// Fields of a form that are read; ours have about five.
const MOST_FIELDS: usize = 20;

/// Bytes of the name of a form or field, and of the id of the activity that opened it.
const MOST_NAME: usize = 200;

/// Which form a dialog shows, and which opening of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The form's name in the table of forms.
    pub form: String,
    /// What opened it, so that one dialog is done once, however often its button is pressed.
    pub opened_by: Option<String>,
}

/// The card of a dialog, with what is wrong above each field. It cannot be split: entries of a list for which it has no
/// room are left out, and how many is said below it.
#[must_use]
pub fn form(form: &Form, errors: &FieldErrors, opened_by: Option<&str>) -> Value {
    let mut body = Vec::new();
    for field in &form.fields {
        if let Some(error) = errors.get(field.name) {
            // `errorMessage` is shown for what the client itself has checked, and for nothing else.
            body.push(rich(vec![json!({"type": "TextRun", "text": literal(&one_line(error)), "color": "Attention"})]));
        }
        let (input, left_out) = input(field);
        body.push(input);
        let left_out = (left_out > 0).then(|| format!("… and {left_out} more in “{}”", field.label));
        body.extend(left_out.iter().flat_map(|note| small_print(note)).map(|part| part.element));
        body.extend(field.hint.into_iter().flat_map(small_print).map(|part| part.element));
    }
    let mut mark = json!({ "form": form.name });
    if let Some(opened_by) = opened_by {
        mark["opened_by"] = json!(opened_by);
    }
    json!({
        "type": "AdaptiveCard",
        "version": "1.5",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "body": body,
        "actions": [{"type": "Action.Submit", "title": form.submit, "data": {KEY: mark}}],
    })
}

/// An input, and how many entries it leaves out.
fn input(field: &Field) -> (Value, usize) {
    let (mut input, left_out) = match &field.kind {
        FieldKind::Line { most } => (json!({"type": "Input.Text", "maxLength": most}), 0),
        FieldKind::Text { most } => (json!({"type": "Input.Text", "maxLength": most, "isMultiline": true}), 0),
        FieldKind::Date => (json!({"type": "Input.Date"}), 0),
        FieldKind::Choice { options } => {
            choices(options.iter().map(|choice| (choice.label.clone(), choice.value.as_str())).collect())
        }
        // A list of Teams has no groups: each entry says which it is of.
        FieldKind::Grouped { groups } => {
            let of_group = |group: &Group, choice: &Choice| format!("{} · {}", choice.label, group.label);
            let entries = groups.iter().flat_map(|group| group.options.iter().map(move |choice| (group, choice)));
            choices(entries.map(|(group, choice)| (of_group(group, choice), choice.value.as_str())).collect())
        }
    };
    input["id"] = json!(field.name);
    input["label"] = json!(field.label);
    if field.required {
        input["isRequired"] = json!(true);
        input["errorMessage"] = json!(format!("{} may not be empty", field.label));
    }
    if let Some(value) = &field.value {
        // Who has typed too much finds it again, to mend it; what no client lets anybody type is cut.
        let kept = match field.kind {
            FieldKind::Line { most } | FieldKind::Text { most } => 2 * most.max(1),
            _ => MOST_VALUE,
        };
        input["value"] = json!(UNITS.ellipsis(&clean(value), kept));
    }
    (input, left_out)
}

/// A list of the entries for which there is room, from the first, and how many are left out.
fn choices(entries: Vec<(String, &str)>) -> (Value, usize) {
    let all = entries.len();
    let style = if all > MANY { "filtered" } else { "compact" };
    let mut together = 0;
    let choices: Vec<Value> = entries
        .into_iter()
        .filter(|(_, value)| (1..=MOST_VALUE).contains(&value.len()))
        .map(|(label, value)| {
            json!({"title": literal(&CHARACTERS.ellipsis(&one_line(&label), MOST_LABEL)), "value": value})
        })
        .take_while(|entry| {
            together += weight(entry) + 2;
            together <= MOST_ENTRIES
        })
        .collect();
    let left_out = all - choices.len();
    (json!({"type": "Input.ChoiceSet", "style": style, "choices": choices}), left_out)
}

/// Which form is meant: by a button that opens one, or by a dialog that is sent.
#[must_use]
pub fn mark(data: &Value) -> Option<Mark> {
    let own = data.get(KEY)?.as_object()?;
    let form = bounded(own.get("form")?)?;
    Some(Mark { form, opened_by: own.get("opened_by").and_then(bounded) })
}

/// What was filled in. An empty text is how clients say that nothing was.
#[must_use]
pub fn filled(data: &Value) -> Filled {
    let fields = data.as_object().into_iter().flat_map(Map::iter);
    fields
        .filter(|(name, _)| !matches!(name.as_str(), KEY | "msteams") && name.len() <= MOST_NAME)
        .filter_map(|(name, value)| {
            Some((name.clone(), value.as_str().filter(|text| !text.trim().is_empty())?.to_owned()))
        })
        .take(MOST_FIELDS)
        .collect()
}

fn bounded(value: &Value) -> Option<String> {
    value.as_str().filter(|text| (1..=MOST_NAME).contains(&text.len())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_comes_back_and_nothing_else() {
        let data = json!({"ai-crm": {"form": "task.create", "opened_by": "f:1"}, "title": "x", "due": " ", "n": 1,
            "list": ["a"], "deep": {"a": "b"}, "msteams": {"type": "task/fetch"}});
        let opened_by = Some("f:1".to_owned());
        assert_eq!(mark(&data), Some(Mark { form: "task.create".to_owned(), opened_by }));
        assert_eq!(filled(&data), Filled::from([("title".to_owned(), "x".to_owned())]));
        let long = "x".repeat(MOST_NAME + 1);
        for data in [
            json!(null),
            json!("ai-crm"),
            json!([]),
            json!({"ai-crm": "form"}),
            json!({"ai-crm": {"form": 1}}),
            json!({"ai-crm": {"form": ""}}),
            json!({"ai-crm": {"form": long}}),
            json!({"ai-crm": {"token": "t"}}),
        ] {
            assert_eq!(mark(&data), None, "{data}");
            assert_eq!(filled(&data), Filled::new(), "{data}");
        }
        let many: Map<String, Value> = (0..1000).map(|number| (number.to_string(), json!("x"))).collect();
        assert_eq!(filled(&Value::Object(many)).len(), MOST_FIELDS);
    }

    #[test]
    fn entries_of_groups_keep_their_order_and_say_their_group() {
        let option = |name: &str| Choice { label: format!("{name} (61 %)"), value: name.to_owned() };
        let groups = vec![
            Group { label: "Suits".to_owned(), options: vec![option("z")] },
            Group { label: "Others".to_owned(), options: vec![option("a"), option("b")] },
        ];
        let kind = FieldKind::Grouped { groups };
        let (made, _) = input(&Field { name: "agent", label: "Agent", kind, hint: None, required: false, value: None });
        let expected = json!([{"title": "z (61 %) · Suits", "value": "z"}, {"title": "a (61 %) · Others", "value": "a"},
            {"title": "b (61 %) · Others", "value": "b"}]);
        assert_eq!((&made["choices"], &made["style"]), (&expected, &json!("compact")));
    }

    fn menu(kind: FieldKind) -> Field {
        Field { name: "agent", label: "Agent", kind, hint: None, required: false, value: None }
    }

    #[test]
    fn a_list_holds_what_there_is_room_for_and_the_rest_is_counted_below_it() {
        let shown = |options: Vec<Choice>| {
            let fields = vec![menu(FieldKind::Choice { options })];
            let asked = Form { name: "f", title: "T", submit: "S", fields, analysed: &[] };
            let card = form(&asked, &FieldErrors::new(), None);
            let notes = card["body"].as_array().unwrap()[1..].iter().map(|note| note["inlines"][0]["text"].clone());
            (card["body"][0]["choices"].as_array().unwrap().clone(), notes.collect::<Vec<Value>>())
        };
        let option = |n: usize| Choice { label: "日".repeat(40), value: format!("{n:0>20}") };
        let room = (1..).find(|&count| !shown((0..count).map(option).collect()).1.is_empty()).unwrap() - 1;
        assert!(room >= 60, "{room}: as many agents as the catalogue has, with names longer than theirs");
        assert_eq!(shown((0..room).map(option).collect()).0.len(), room);
        let (offered, notes) = shown((0..room + 3).map(option).collect());
        assert_eq!((offered.len(), notes), (room, vec![json!("… and 3 more in “Agent”")]));
        for (length, left) in [(MOST_VALUE, 0), (MOST_VALUE + 1, 1)] {
            let (_, notes) = shown(vec![Choice { label: "x".to_owned(), value: "v".repeat(length) }]);
            assert_eq!(notes.len(), left);
        }
        for (length, is_cut) in [(MOST_LABEL, false), (MOST_LABEL + 1, true)] {
            let (offered, _) = shown(vec![Choice { label: "🎉".repeat(length), value: "v".to_owned() }]);
            let label = offered[0]["title"].as_str().unwrap();
            assert_eq!((label.chars().count(), label.ends_with('…')), (MOST_LABEL, is_cut));
        }
    }

    #[test]
    fn a_dialog_that_is_filled_to_its_limits_stays_within_28_kilobytes_and_80_where_it_is_to_be_mended() {
        for letter in ["x", "日", "🎉", "👩‍👧", "\"", "\n"] {
            let units = letter.encode_utf16().count();
            let text = |most: usize| Some(format!("{}{}", letter.repeat(most / units), "x".repeat(most % units)));
            for (times, more, room) in [(1, 0, 28_000), (1, 1, 80_000), (2, 0, 80_000), (2, 1, 80_000)] {
                let options = vec![Choice { label: letter.repeat(200), value: "v".repeat(200) }; 10_000];
                let typed = |name, kind, value| Field { name, value, ..menu(kind) };
                let fields = vec![
                    typed("title", FieldKind::Line { most: 250 }, text(250 * times + more)),
                    typed("description", FieldKind::Text { most: 3_000 }, text(3_000 * times + more)),
                    typed("due", FieldKind::Date, text(100_000)),
                    menu(FieldKind::Grouped { groups: vec![Group { label: letter.repeat(200), options }] }),
                ];
                let asked = Form { name: "f", title: "T", submit: "S", fields, analysed: &[] };
                let card = form(&asked, &FieldErrors::new(), Some(&"x".repeat(MOST_NAME)));
                assert!(weight(&card) <= room, "{} of {letter}", weight(&card));
                for (at, most) in [(0, 250), (1, 3_000)] {
                    let value = card["body"][at]["value"].as_str().unwrap();
                    assert!(value.encode_utf16().count() <= 2 * most);
                    assert_eq!(value.ends_with('…'), (times, more) == (2, 1), "{letter}");
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_stands_above_its_field() {
        let field = |name, kind, value: Option<&str>| Field {
            name,
            label: "Label",
            kind,
            hint: Some("small print"),
            required: name == "title",
            value: value.map(str::to_owned),
        };
        let fields =
            vec![field("title", FieldKind::Line { most: 3 }, Some("kept")), field("due", FieldKind::Date, None)];
        let asked = Form { name: "f", title: "T", submit: "S", fields, analysed: &[] };
        let errors = FieldErrors::from([("title".to_owned(), "at most 3 characters".to_owned())]);
        let card = form(&asked, &errors, Some("f:1"));
        let body = card["body"].as_array().unwrap();
        assert_eq!(
            body[0]["inlines"][0],
            json!({"type": "TextRun", "text": "at most 3 characters", "color": "Attention"})
        );
        assert_eq!(
            (&body[1]["id"], &body[1]["value"], &body[1]["isRequired"]),
            (&json!("title"), &json!("kept"), &json!(true))
        );
        assert_eq!(body[3]["type"], "Input.Date");
        assert_eq!(card["actions"][0]["data"], json!({"ai-crm": {"form": "f", "opened_by": "f:1"}}));
    }
}
