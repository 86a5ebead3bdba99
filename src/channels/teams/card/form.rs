//! A form as the Adaptive Card of a dialog, and what comes back with it.
//!
//! Whoever can post into the conversation can make up what comes back, so everything is taken for hostile: what has not
//! the shape that [`form`] sends is nothing. What may be filled in is decided where the table of forms is.

use serde_json::{Map, Value, json};

use super::part::{rich, small_print};
use super::press::KEY;
use super::text::literal;
use crate::channels::text::{clean, one_line};
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

/// The card of a dialog, with what is wrong above each field.
#[must_use]
pub fn form(form: &Form, errors: &FieldErrors, opened_by: Option<&str>) -> Value {
    let mut body = Vec::new();
    for field in &form.fields {
        if let Some(error) = errors.get(field.name) {
            // `errorMessage` is shown for what the client itself has checked, and for nothing else.
            body.push(rich(vec![json!({"type": "TextRun", "text": literal(&one_line(error)), "color": "Attention"})]));
        }
        body.push(input(field));
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

fn input(field: &Field) -> Value {
    let mut input = match &field.kind {
        FieldKind::Line { most } => json!({"type": "Input.Text", "maxLength": most}),
        FieldKind::Text { most } => json!({"type": "Input.Text", "maxLength": most, "isMultiline": true}),
        FieldKind::Date => json!({"type": "Input.Date"}),
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
        input["value"] = json!(clean(value));
    }
    input
}

fn choices(entries: Vec<(String, &str)>) -> Value {
    let style = if entries.len() > MANY { "filtered" } else { "compact" };
    let choice = |(label, value): (String, &str)| json!({"title": literal(&one_line(&label)), "value": value});
    let choices: Vec<Value> = entries.into_iter().map(choice).collect();
    json!({"type": "Input.ChoiceSet", "style": style, "choices": choices})
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
        let made = input(&Field { name: "agent", label: "Agent", kind, hint: None, required: false, value: None });
        let expected = json!([{"title": "z (61 %) · Suits", "value": "z"}, {"title": "a (61 %) · Others", "value": "a"},
            {"title": "b (61 %) · Others", "value": "b"}]);
        assert_eq!((&made["choices"], &made["style"]), (&expected, &json!("compact")));
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
