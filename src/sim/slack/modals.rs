//! What people do with the application's modals: type, fill in, send, close.
//!
//! A part of [`Sender`]; the bodies come from [`super::payload`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::clicks::option;
use super::delivery::Answer;
use super::limits;
use super::payload::{self, Request};
use super::sender::{SendError, Sender};
use super::state::{OpenView, State};

/// What became of a modal that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// The application's answer.
    pub answer: Answer,
    /// `clear`, `errors`, `update`, `push`, or none: the modal closes.
    pub response_action: Option<String>,
}

impl Sender {
    /// The request that tells of a submitted modal, each time with a trigger of its own.
    ///
    /// # Errors
    /// When there is no such view.
    pub fn prepare_submit(&self, view_id: &str, values: &Value) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let open = open_view(state, view_id)?;
            let user = state.user(&open.user).ok_or_else(|| SendError::NoUser(open.user.clone()))?;
            let trigger_id = state.new_trigger(&user.id, now);
            Ok(payload::view_submission(&state.team, &user, &open, values, &trigger_id))
        })
    }

    /// Types into a field of an open modal (its `block_id`) and presses Enter there, and makes the request that tells
    /// of it. What the field does not dispatch then is typed, and no request:
    /// docs.slack.dev/reference/block-kit/blocks/input-block and
    /// …/composition-objects/dispatch-action-configuration-object.
    ///
    /// # Errors
    /// When there is no such view, field or entry, or the field dispatches nothing on Enter.
    pub fn enter(&self, view_id: &str, field: &str, text: &str) -> Result<Request, SendError> {
        let values = self.fill_in(view_id, &BTreeMap::from([(field.to_owned(), text.to_owned())]))?;
        self.world.change(|state, now| {
            let open = state.views.iter_mut().find(|view| view.id == view_id);
            let open = open.ok_or_else(|| SendError::NoView(view_id.to_owned()))?;
            open.typed = values;
            let open = open.clone();
            let user = state.user(&open.user).ok_or_else(|| SendError::NoUser(open.user.clone()))?;
            let input = inputs(&open.view).into_iter().find(|input| input["block_id"] == field);
            let input = input.filter(|input| dispatches_on_enter(input));
            let element = &input.ok_or_else(|| SendError::NoDispatch(field.to_owned()))?["element"];
            let action = json!({ "type": element["type"], "block_id": field, "action_id": element["action_id"],
                "value": text, "action_ts": state.new_ts(now) });
            let trigger_id = state.new_trigger(&user.id, now);
            let mut shown = open.clone();
            shown.view["state"]["values"] = open.typed;
            Ok(payload::view_actions(&state.team, &user, &shown, &action, &trigger_id))
        })
    }

    /// Closes an open modal without sending it, and makes the request that tells of it.
    ///
    /// # Errors
    /// When there is no such view.
    pub fn close_view(&self, view_id: &str) -> Result<Request, SendError> {
        self.world.change(|state, _| {
            let open = open_view(state, view_id)?;
            let user = state.user(&open.user).ok_or_else(|| SendError::NoUser(open.user.clone()))?;
            state.views.retain(|view| view.id != view_id);
            Ok(payload::view_closed(&state.team, &user, &open))
        })
    }

    /// Submits an open modal. `values` is by block and action, as in `view.state.values`.
    ///
    /// # Errors
    /// When there is no such view.
    pub async fn submit_view(&self, view_id: &str, values: &Value) -> Result<Submitted, SendError> {
        let open = self.world.change(|state, _| open_view(state, view_id))?;
        let request = self.prepare_submit(view_id, values)?;
        let answer = self.deliver(&request).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        let response_action = body["response_action"].as_str().map(str::to_owned);
        self.world.change(|state, now| {
            for (error, detail) in wrong_answers(&body, &open.view) {
                state.records.violate(now, "view_submission", error, detail);
            }
            if answer.accepted() && matches!(response_action.as_deref(), None | Some("clear")) {
                state.views.retain(|view| view.id != view_id);
            }
        });
        Ok(Submitted { answer, response_action })
    }

    /// What a person fills into a modal before it is sent, by field (its `block_id`), in the shape of
    /// `view.state.values`. What they leave stays as they have typed it before, or as the application has filled it in;
    /// what is empty is taken away.
    ///
    /// # Errors
    /// When there is no such view, field or entry.
    pub fn fill_in(&self, view_id: &str, fill: &BTreeMap<String, String>) -> Result<Value, SendError> {
        let open = open_view(&self.world.state(), view_id)?;
        let known = inputs(&open.view);
        if let Some(unknown) = fill.keys().find(|name| known.iter().all(|input| input["block_id"] != name.as_str())) {
            let known: Vec<&str> = known.iter().filter_map(|input| input["block_id"].as_str()).collect();
            return Err(SendError::NoField { field: unknown.clone(), known: known.join(", ") });
        }
        let mut values = Map::new();
        for input in known {
            let (name, element) = (input["block_id"].as_str().unwrap_or_default(), &input["element"]);
            let action = element["action_id"].as_str().unwrap_or_default();
            let value = match (fill.get(name), open.typed[name].get(action)) {
                (None, Some(typed)) => typed.clone(),
                (filled, _) => value_of(element, filled.map(String::as_str))?,
            };
            values.insert(name.to_owned(), json!({ action: value }));
        }
        Ok(Value::Object(values))
    }
}

fn open_view(state: &State, view_id: &str) -> Result<OpenView, SendError> {
    let open = state.views.iter().find(|view| view.id == view_id).cloned();
    open.ok_or_else(|| SendError::NoView(view_id.to_owned()))
}

fn inputs(view: &Value) -> Vec<&Value> {
    view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input").collect()
}

/// An element for text dispatches on Enter where nothing else is said; others know no Enter.
fn dispatches_on_enter(input: &Value) -> bool {
    let when = &input["element"]["dispatch_action_config"]["trigger_actions_on"];
    let on_enter = when.as_array().is_none_or(|when| when.iter().any(|when| when == "on_enter_pressed"));
    input["dispatch_action"] == true && input["element"]["type"] == "plain_text_input" && on_enter
}

/// What stays filled in when another view takes the place of an open one: what stands in the inputs that come again
/// with the same `block_id` and `action_id`, whatever the new ones begin with.
pub(super) fn kept(before: &OpenView, next: &Value) -> Value {
    let mut kept = Map::new();
    for input in inputs(&before.view) {
        let (name, element) = (input["block_id"].as_str().unwrap_or_default(), &input["element"]);
        let comes_again = |next: &&Value| {
            next["block_id"] == name
                && ["action_id", "type"].iter().all(|part| next["element"][*part] == element[*part])
        };
        if inputs(next).iter().any(comes_again) {
            let action = element["action_id"].as_str().unwrap_or_default();
            let typed = before.typed[name].get(action).cloned();
            let value = typed.map_or_else(|| value_of(element, None), Ok).unwrap_or_default();
            kept.insert(name.to_owned(), json!({ action: value }));
        }
    }
    Value::Object(kept)
}

impl OpenView {
    /// The view with what people have filled in, as if it had begun so.
    pub(super) fn as_filled_in(&self) -> Value {
        let mut view = self.view.clone();
        for block in view["blocks"].as_array_mut().into_iter().flatten().filter(|block| block["type"] == "input") {
            let name = block["block_id"].as_str().unwrap_or_default().to_owned();
            let element = &mut block["element"];
            let action = element["action_id"].as_str().unwrap_or_default();
            let Some(typed) = self.typed[name.as_str()].get(action) else { continue };
            let (field, initial) = parts_of(element["type"].as_str().unwrap_or_default());
            match (&typed[field], element.as_object_mut()) {
                (Value::Null, Some(element)) => drop(element.remove(initial)),
                (value, Some(element)) => drop(element.insert(initial.to_owned(), value.clone())),
                (_, None) => {}
            }
        }
        view
    }
}

/// Where the value of an input stands, and what it begins with.
fn parts_of(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "static_select" => ("selected_option", "initial_option"),
        "datepicker" => ("selected_date", "initial_date"),
        _ => ("value", "initial_value"),
    }
}

/// An input as `view.state.values` has it, with what is filled in, or else with what it began with.
fn value_of(element: &Value, filled: Option<&str>) -> Result<Value, SendError> {
    let kind = element["type"].as_str().unwrap_or_default();
    let (field, initial) = parts_of(kind);
    let value = match filled {
        None => element[initial].clone(),
        Some("") => Value::Null,
        Some(choice) if kind == "static_select" => {
            option(element, choice).ok_or_else(|| SendError::NoOption(choice.to_owned()))?
        }
        Some(text) => json!(text),
    };
    Ok(json!({ "type": kind, field: value }))
}

/// What Slack would not take in the answer to a submitted modal.
fn wrong_answers(body: &Value, view: &Value) -> Vec<(&'static str, String)> {
    let inputs: Vec<&str> = inputs(view).iter().filter_map(|block| block["block_id"].as_str()).collect();
    match body["response_action"].as_str() {
        Some("errors") => {
            let named = body["errors"].as_object().into_iter().flat_map(|errors| errors.keys());
            let wrong = named.filter(|id| !inputs.contains(&id.as_str()));
            wrong.map(|id| ("unknown_block_id", format!("no input block is named {id}"))).collect()
        }
        Some("update" | "push") => match limits::check_view(&body["view"]) {
            Ok(()) => Vec::new(),
            Err(breach) => vec![("invalid_view", breach.messages.join("; "))],
        },
        Some("clear") | None => Vec::new(),
        Some(other) => vec![("unknown_response_action", other.to_owned())],
    }
}
