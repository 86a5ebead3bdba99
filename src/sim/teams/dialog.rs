//! Dialogs, as a person opens, fills in and sends them.
//!
//! From Microsoft's pages "Use dialogs with bots" and "Define action commands". The buttons by which a card opens one are
//! pressed in [`super::press`]; how an activity gets to the application stands in [`super::delivery`].

use serde_json::{Value, json};

use super::delivery::Answer;
use super::press::{self, Shown, wrong};
use super::sender::{SendError, Sender};
use super::{activity, card, checks};

/// How wide and high a dialog may be, by word.
const SIZES: [&str; 3] = ["small", "medium", "large"];

impl Sender {
    /// Opens a dialog by `task/fetch`, as a button with this data does.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub async fn open_dialog(&self, user: &str, place: &str, data: &Value) -> Result<(Answer, Shown), SendError> {
        let value = json!({ "data": data, "context": { "theme": "default" } });
        let fetch = self.invoke(user, place, "task/fetch", &value)?;
        let answer = self.deliver(&fetch).await;
        let shown = self.see_dialog(&answer);
        Ok((answer, shown))
    }

    /// What the person sees of the answer to an invoke of a dialog.
    pub fn see_dialog(&self, answer: &Answer) -> Shown {
        let shown = read(answer);
        if let Shown::Failure { why } = &shown {
            self.world.change(|state, now| state.records.violate(now, "invoke", "InvalidBotResponse", why.clone()));
        }
        shown
    }

    /// Fills in a dialog and presses its button: the activity, ready to be sent once or more. `extension` is the command
    /// of a message extension that opened it.
    ///
    /// # Errors
    /// When there is no such person, conversation, field or choice, or a field that is required is empty.
    pub fn prepare_submit(
        &self,
        user: &str,
        place: &str,
        task: &Value,
        fill: &[String],
        extension: Option<&str>,
    ) -> Result<Value, SendError> {
        let card = &task["value"]["card"]["content"];
        let is_submit = |button: &&Value| button["type"] == "Action.Submit";
        let button = press::buttons(card).into_iter().find(is_submit);
        let mut data = button.ok_or_else(|| SendError::NoButton("Action.Submit".to_owned()))?["data"].clone();
        if let Some(inputs) = press::fill(card, fill)? {
            press::missing(card, &inputs)?;
            activity::overlay(&mut data, Value::Object(inputs));
        }
        let context = json!({ "theme": "default" });
        match extension {
            None => self.invoke(user, place, "task/submit", &json!({ "data": data, "context": context })),
            Some(command) => {
                let value =
                    json!({ "commandId": command, "commandContext": "message", "data": data, "context": context });
                self.invoke(user, place, "composeExtension/submitAction", &value)
            }
        }
    }
}

/// A dialog as text for a terminal.
#[must_use]
pub fn text(task: &Value, width: usize) -> String {
    let title = task["value"]["title"].as_str().unwrap_or_default();
    format!("── {title}\n{}", card::lines(&task["value"]["card"]["content"], width).join("\n"))
}

/// The answer to `task/fetch` or `task/submit`.
pub(super) fn read(answer: &Answer) -> Shown {
    let body = match press::body(answer) {
        Ok(body) => body,
        Err(shown) => return shown,
    };
    let task = &body["task"];
    match task["type"].as_str() {
        Some("message") => press::text(&task["value"]),
        Some("continue") => opened(task),
        _ => wrong("the type of a task is continue or message"),
    }
}

fn opened(task: &Value) -> Shown {
    let value = &task["value"];
    let is_size = |size: &Value| size.is_u64() || size.as_str().is_some_and(|size| SIZES.contains(&size));
    if value["card"]["contentType"] != checks::CARD_TYPE {
        return wrong("a dialog shows an attachment with an Adaptive Card");
    }
    if value["title"].as_str().is_none_or(str::is_empty) {
        return wrong("a dialog has a title");
    }
    if !is_size(&value["height"]) || !is_size(&value["width"]) {
        return wrong("height and width are a number, or small, medium or large");
    }
    match checks::card(&value["card"]["content"]) {
        Ok(_) => Shown::Dialog { task: task.clone() },
        Err(refusal) => wrong(refusal.message),
    }
}
