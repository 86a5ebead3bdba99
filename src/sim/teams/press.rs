//! What people do with the bot's cards: fill in, press, and see what comes of it.
//!
//! From Microsoft's pages "Universal Actions for Adaptive Cards" and "Card actions in Teams". The other half of
//! [`Sender`]; how an activity gets to the application stands in [`super::delivery`].

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::delivery;
use super::activity::{self, Scene};
use super::delivery::{Answer, Manner};
use super::message::Message;
use super::sender::{SendError, Sender, chain, event_id, present, who_where};
use super::state::State;
use super::{checks, dialog};

/// What is pressed, and how.
#[derive(Debug, Clone, Default)]
pub struct Press<'a> {
    /// The button: its title, id or verb.
    pub label: &'a str,
    /// The message; else the last one with such a button.
    pub message: Option<&'a str>,
    /// What is filled in: `ID=VALUE`, or a value for the card's first input. Choices go by value or title.
    pub fill: &'a [String],
    /// Whether the client is an old one, which sends `Action.Submit` where the card has `Action.Execute`.
    pub submit: bool,
}

/// How a card is refreshed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Refresh<'a> {
    /// The person asks for it by the menu of the message; else the client does by itself.
    pub by_menu: bool,
    /// What is filled in on the card at that moment, as with [`Press`].
    pub fill: &'a [String],
}

/// A press, ready to be sent once or more.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedPress {
    /// The activity: an `invoke`, or a `message` with a value and no text.
    pub activity: Value,
    conversation: String,
    message: String,
    user: String,
}

/// What the person sees of the answer to a press.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "shown", rename_all = "snake_case")]
pub enum Shown {
    /// Nothing but the button's release.
    Nothing,
    /// A card in the place of the old one, for this person alone.
    Card {
        /// The card.
        card: Value,
    },
    /// A line under the card.
    Text {
        /// The line.
        text: String,
    },
    /// An error under the card.
    Error {
        /// The application's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// A dialog.
    Dialog {
        /// What `task/fetch` was answered.
        task: Value,
    },
    /// What a search has found.
    Results {
        /// The attachments, each with its preview.
        results: Value,
    },
    /// Teams' own words: it did not understand the answer, or got none.
    Failure {
        /// What was wrong.
        why: String,
    },
}

impl Sender {
    /// Fills in the card that a person sees and presses a button.
    ///
    /// # Errors
    /// When there is no such person, conversation, message, button or choice, or an input that is required is empty.
    pub fn prepare_press(&self, user: &str, place: &str, press: &Press<'_>) -> Result<PreparedPress, SendError> {
        self.world.change(|state, now| {
            let (user, place) = present(state, user, place)?;
            let (message, card, button) = find(state, &place.id, &user.id, press)?;
            let root = chain(state, &place, &message.id)?;
            let inputs = fill(&card, press.fill)?;
            let takes_inputs =
                button["associatedInputs"].as_str().is_none_or(|which| !which.eq_ignore_ascii_case("none"));
            let mut data = button["data"].clone();
            if let (true, Some(inputs)) = (takes_inputs, inputs) {
                missing(&card, &inputs)?;
                activity::overlay(&mut data, Value::Object(inputs));
            }
            let mut fields = pressed(&button, data)?;
            fields["replyToId"] = json!(message.id);
            let id = if fields["type"] == "message" { state.new_id(now) } else { event_id(state) };
            let scene = Scene { user: &user, place: &place, root: Some(&root), now };
            let activity = activity::base(state, &scene, &id, fields);
            Ok(PreparedPress { activity, conversation: place.id.clone(), message: message.id, user: user.id.clone() })
        })
    }

    /// The refresh of a card that a person comes to see, or asks for by the menu of its message. What is filled in and
    /// was not sent goes along.
    ///
    /// # Errors
    /// When there is no such person, conversation or message, or its card is not refreshed for this person in this way.
    pub fn prepare_refresh(
        &self,
        user: &str,
        place: &str,
        message: &str,
        how: Refresh<'_>,
    ) -> Result<PreparedPress, SendError> {
        self.world.change(|state, now| {
            let (user, place) = present(state, user, place)?;
            let root = chain(state, &place, message)?;
            let seen = state.message(&place.id, message).filter(|message| message.is_seen_by(&user.id));
            let card = seen.and_then(|message| message.card(&user.id)).cloned().unwrap_or_default();
            let refresh = &card["refresh"];
            // Without a list it is everybody in a small conversation, and in a large one whoever asks for it.
            let is_named = match refresh["userIds"].as_array() {
                Some(ids) => ids.iter().any(|id| *id == user.id),
                None => place.members.len() <= checks::MOST_REFRESHED,
            };
            if refresh["action"].is_null() || (!how.by_menu && !is_named) {
                return Err(SendError::NoButton("refresh".to_owned()));
            }
            let mut data = refresh["action"]["data"].clone();
            if let Some(inputs) = fill(&card, how.fill)? {
                activity::overlay(&mut data, Value::Object(inputs));
            }
            let mut fields = pressed(&refresh["action"], data)?;
            fields["value"]["trigger"] = json!(if how.by_menu { "manual" } else { "automatic" });
            fields["replyToId"] = json!(message);
            let id = event_id(state);
            let activity =
                activity::base(state, &Scene { user: &user, place: &place, root: Some(&root), now }, &id, fields);
            let message = message.to_owned();
            Ok(PreparedPress { activity, conversation: place.id.clone(), message, user: user.id.clone() })
        })
    }

    /// Refreshes a card, and shows what comes of it.
    ///
    /// # Errors
    /// As [`Sender::prepare_refresh`].
    pub async fn refresh(
        &self,
        user: &str,
        place: &str,
        message: &str,
        how: Refresh<'_>,
    ) -> Result<(Answer, Shown), SendError> {
        let prepared = self.prepare_refresh(user, place, message, how)?;
        let answer = self.deliver(&prepared.activity).await;
        let shown = self.finish_press(&prepared, &answer);
        Ok((answer, shown))
    }

    /// A person opens a conversation: every card of the bot there that is refreshed by itself for them is.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub async fn look(&self, user: &str, place: &str) -> Result<Vec<(Answer, Shown)>, SendError> {
        let (viewer, conversation) = self.world.change(|state, _| who_where(state, user, place))?;
        let mut looked = Vec::new();
        let is_there = conversation.members.contains(&viewer.id);
        for message in self.world.messages(&conversation.id).into_iter().filter(|it| is_there && it.is_by_bot()) {
            match self.refresh(user, place, &message.id, Refresh::default()).await {
                Ok(refreshed) => looked.push(refreshed),
                Err(SendError::NoButton(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(looked)
    }

    /// What the person sees of the answer. A card stands in the message from here on, for this person alone.
    pub fn finish_press(&self, prepared: &PreparedPress, answer: &Answer) -> Shown {
        if prepared.activity["type"] == "message" {
            return if answer.accepted() { Shown::Nothing } else { failure(answer) };
        }
        let is_dialog = prepared.activity["name"] == "task/fetch";
        let shown = if is_dialog { dialog::read(answer) } else { read(answer) };
        self.world.change(|state, now| {
            if let Shown::Card { card } = &shown
                && let Some(message) = state.message_mut(&prepared.conversation, &prepared.message)
            {
                message.card_for.insert(prepared.user.clone(), card.clone());
                for (word, what) in checks::card(card).unwrap_or_default() {
                    state.records.violate(now, "invoke", word, what);
                }
            }
            if let Shown::Failure { why } = &shown {
                state.records.violate(now, "invoke", "InvalidBotResponse", why.clone());
            }
        });
        shown
    }

    /// Presses and delivers.
    ///
    /// # Errors
    /// As [`Sender::prepare_press`].
    pub async fn press(&self, user: &str, place: &str, press: &Press<'_>) -> Result<(Vec<Answer>, Shown), SendError> {
        self.press_as(user, place, press, Manner::Genuine).await
    }

    /// Presses and delivers in a manner. What is shown is the first answer that was one.
    ///
    /// # Errors
    /// As [`Sender::prepare_press`].
    pub async fn press_as(
        &self,
        user: &str,
        place: &str,
        press: &Press<'_>,
        manner: Manner,
    ) -> Result<(Vec<Answer>, Shown), SendError> {
        let prepared = self.prepare_press(user, place, press)?;
        let answers = self.deliver_as(&prepared.activity, manner).await;
        let shown = delivery::shown(&answers, Answer::accepted);
        let shown = shown.map_or(Shown::Nothing, |answer| self.finish_press(&prepared, answer));
        Ok((answers, shown))
    }
}

/// The message, the card and the button that are meant.
fn find(
    state: &State,
    conversation: &str,
    user: &str,
    press: &Press<'_>,
) -> Result<(Message, Value, Value), SendError> {
    let messages = state.messages.get(conversation).map(Vec::as_slice).unwrap_or_default();
    let seen = messages.iter().rev().filter(|message| message.is_by_bot() && message.is_seen_by(user));
    let meant = seen.filter(|message| press.message.is_none_or(|id| message.id == id));
    let mut found = meant.filter_map(|message| {
        let card = message.card(user)?;
        let button = buttons(card).into_iter().find(|button| is_named(button, press.label))?;
        Some((message.clone(), card.clone(), button.clone()))
    });
    let (message, card, mut button) = found.next().ok_or_else(|| SendError::NoButton(press.label.to_owned()))?;
    if press.submit && button["type"] == "Action.Execute" {
        button = match &button["fallback"] {
            fallback @ Value::Object(_) => fallback.clone(),
            _ => json!({ "type": "Action.Submit", "data": button["data"] }),
        };
    }
    Ok((message, card, button))
}

fn is_named(button: &Value, label: &str) -> bool {
    let title = button["title"].as_str().is_some_and(|title| title.eq_ignore_ascii_case(label));
    title || button["id"] == label || button["verb"] == label
}

/// Every action of a card, wherever it stands.
pub(super) fn buttons(card: &Value) -> Vec<&Value> {
    parts(card, "Action.")
}

/// Every input of a card.
fn inputs(card: &Value) -> Vec<&Value> {
    parts(card, "Input.")
}

/// Every part of a card whose type begins so; what stands in for others, or is sent without being pressed, is left out.
fn parts<'a>(card: &'a Value, kind: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    match card {
        Value::Object(fields) => {
            found.extend(card["type"].as_str().is_some_and(|own| own.starts_with(kind)).then_some(card));
            let inner = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "fallback" | "data" | "refresh"));
            found.extend(inner.flat_map(|(_, value)| parts(value, kind)));
        }
        Value::Array(list) => found.extend(list.iter().flat_map(|part| parts(part, kind))),
        _ => {}
    }
    found
}

/// The values of the inputs: what the card has set, and what is filled in. None where the card has no inputs.
pub(super) fn fill(card: &Value, wanted: &[String]) -> Result<Option<Map<String, Value>>, SendError> {
    let inputs = inputs(card);
    let mut values = Map::new();
    for input in &inputs {
        if let (Some(id), Some(value)) = (input["id"].as_str(), input.get("value")) {
            values.insert(id.to_owned(), value.clone());
        }
    }
    for written in wanted {
        let named = written
            .split_once('=')
            .and_then(|(id, value)| Some((*inputs.iter().find(|input| input["id"] == id)?, value)));
        // A bare value goes to the first list, or where there is none, to the first input.
        let first = || inputs.iter().find(|input| input["type"] == "Input.ChoiceSet").or(inputs.first());
        let no_choice = || SendError::NoChoice(written.clone());
        let (input, value) = match named {
            Some(named) => named,
            None => (*first().ok_or_else(no_choice)?, written.as_str()),
        };
        let id = input["id"].as_str().unwrap_or_default().to_owned();
        let choices = input["choices"].as_array().filter(|_| input["type"] == "Input.ChoiceSet");
        let value = match choices {
            None => json!(value),
            Some(choices) => {
                let is = |choice: &&Value| choice["value"] == value || choice["title"] == value;
                choices.iter().find(is).map(|choice| choice["value"].clone()).ok_or_else(no_choice)?
            }
        };
        values.insert(id, value);
    }
    Ok((!inputs.is_empty()).then_some(values))
}

/// Clients send nothing while a required input is empty.
pub(super) fn missing(card: &Value, values: &Map<String, Value>) -> Result<(), SendError> {
    for input in inputs(card).into_iter().filter(|input| input["isRequired"] == true) {
        let id = input["id"].as_str().unwrap_or_default();
        if values.get(id).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(SendError::Required(input["label"].as_str().unwrap_or(id).to_owned()));
        }
    }
    Ok(())
}

/// The activity's own fields.
fn pressed(button: &Value, data: Value) -> Result<Value, SendError> {
    match button["type"].as_str().unwrap_or_default() {
        "Action.Execute" => {
            let mut action = json!({ "type": "Action.Execute", "data": data });
            for name in ["id", "title", "verb"] {
                if let Some(value) = button.get(name) {
                    action[name] = value.clone();
                }
            }
            let value = json!({ "action": action, "trigger": "manual" });
            Ok(json!({ "type": "invoke", "name": "adaptiveCard/action", "value": value }))
        }
        "Action.Submit" if data["msteams"]["type"] == "task/fetch" => {
            let value = json!({ "data": data, "context": { "theme": "default" } });
            Ok(json!({ "type": "invoke", "name": "task/fetch", "value": value }))
        }
        "Action.Submit" => Ok(json!({ "type": "message", "value": data })),
        other => Err(SendError::NotForTheBot(other.to_owned())),
    }
}

fn failure(answer: &Answer) -> Shown {
    wrong(match (answer.status, answer.failure) {
        (Some(status), _) => format!("the answer has the status {status}: {}", answer.body.trim()),
        (None, failure) => failure.unwrap_or("no answer").to_owned(),
    })
}

/// The body of the answer to an invoke, as JSON; or what the person sees where there is none.
pub(super) fn body(answer: &Answer) -> Result<Value, Shown> {
    if answer.status != Some(200) {
        return Err(failure(answer));
    }
    if answer.body.trim().is_empty() {
        return Err(Shown::Nothing);
    }
    serde_json::from_str(&answer.body).map_err(|error| wrong(format!("the answer is no JSON: {error}")))
}

/// Teams does not understand the answer.
pub(super) fn wrong(why: impl Into<String>) -> Shown {
    Shown::Failure { why: why.into() }
}

/// A text for the person, which is a string and nothing else.
pub(super) fn text(value: &Value) -> Shown {
    match value.as_str() {
        Some(text) => Shown::Text { text: text.to_owned() },
        None => wrong("the value of a message is a string"),
    }
}

/// The answer to the invoke of a card's action, which has `statusCode`, `type` and `value`.
fn read(answer: &Answer) -> Shown {
    let body = match body(answer) {
        Ok(body) => body,
        Err(shown) => return shown,
    };
    let (status, kind, value) = (&body["statusCode"], body["type"].as_str().unwrap_or_default(), &body["value"]);
    match (status.as_u64(), kind) {
        (Some(200), "application/vnd.microsoft.card.adaptive") => match checks::card(value) {
            Ok(_) => Shown::Card { card: value.clone() },
            Err(refusal) => wrong(refusal.message),
        },
        (Some(200), "application/vnd.microsoft.activity.message") => text(value),
        // It was processed, and there is nothing to show: so Microsoft's Agents SDK answers where a handler says nothing.
        (Some(200), "") if value.is_null() => Shown::Nothing,
        (Some(400..=599), "application/vnd.microsoft.error") => {
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            Shown::Error { code: text("code"), message: text("message") }
        }
        _ => wrong(format!("statusCode {status} and type `{kind}` do not go together")),
    }
}
