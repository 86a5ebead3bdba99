//! What people do with the application's modals: fill in, send, close.
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

    /// What a person fills into a modal before it is sent, by field (its `block_id`), in the shape of `view.state.values`.
    /// What they leave stays as the application has filled it in; what is empty is taken away.
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
            let value = value_of(element, fill.get(name).map(String::as_str))?;
            let action = element["action_id"].as_str().unwrap_or_default();
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

/// An input as `view.state.values` has it, with what is filled in, or else with what it began with.
fn value_of(element: &Value, filled: Option<&str>) -> Result<Value, SendError> {
    let kind = element["type"].as_str().unwrap_or_default();
    let (field, initial) = match kind {
        "static_select" => ("selected_option", "initial_option"),
        "datepicker" => ("selected_date", "initial_date"),
        _ => ("value", "initial_value"),
    };
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
